"""From a band choice to a band mapping: which raster band feeds which band of the model.

In this order: the user's explicit choice, what the raster says about its bands (descriptions, then
wavelengths), a sensor that the metadata names, the colour interpretation of the bands. Otherwise the raster
is refused; a number of bands alone never decides.

Colour interpretation (red, green, blue, near infrared, panchromatic) is a statement of the file about its
bands and so no guess, but some software writes red, green, blue into any three 8-bit bands: it comes last
and is said. A fourth band that the file leaves undefined is not taken for near infrared.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from .band_names import SENTINEL2_CODES, Reading, read_description
from .bands import (
    BAND_NAMES,
    BANDS,
    PAN,
    STATUS_ALPHA,
    STATUS_MISSING,
    STATUS_SYNTHESISED,
    BandMapping,
    pan_weights,
)
from .errors import BandError
from .sensors import (
    Sensor,
    get_sensor,
    names_sentinel2,
    sensor_from_descriptions,
    sensor_from_tags,
    sensors_for_count,
)


def find_mapping(
    choice: str,
    descriptions: Sequence[str | None],
    wavelengths_nm: Sequence[float | None],
    count: int,
    tags: Mapping[str, str],
    status: Mapping[int, str] | None = None,
    colours: Sequence[str] = (),
) -> BandMapping:
    """Find which raster band feeds which model band.

    Args:
        choice: `auto`, a sensor id, or `blue=2,green=3,red=4,nir=8` (1-based raster bands).
        descriptions: of each raster band, or None.
        wavelengths_nm: centre of each raster band from its metadata, or None.
        count: number of raster bands.
        tags: metadata of the dataset.
        status: what is known of single raster bands (1-based): `missing` bands hold nothing and are
            never matched, a `synthesised` PAN stays marked, `alpha` bands do not count as data.
        colours: colour interpretation of each raster band in GDAL's words (`red`, `nir`, `gray`).

    Raises:
        BandError: the choice cannot be read or does not fit, or `auto` finds nothing that says which
            band is which.
    """
    status = status or {}
    text = choice.strip()
    if "=" in text:
        source = _explicit(text, count, status)
        method, notes = "explicit", []
    elif text.lower() == "auto":
        source, method, notes = _auto(descriptions, wavelengths_nm, count, tags, status, colours)
    else:
        source, method, notes = _by_sensor(text, descriptions, wavelengths_nm, count, status)
    source = {name: band for name, band in source.items() if status.get(band) != STATUS_MISSING}
    if not source:
        raise BandError(f"None of the model's bands ({', '.join(BAND_NAMES)}) was found in the raster.")
    bands = tuple(source.get(name) for name in BAND_NAMES)
    if bands[PAN] is None:
        synthesised = bool(pan_weights([band is not None for band in bands]))
    else:
        synthesised = status.get(bands[PAN]) == STATUS_SYNTHESISED
    return BandMapping(bands, method, synthesised, tuple(notes))


def _explicit(text: str, count: int, status: Mapping[int, str]) -> dict[str, int]:
    """Read `name=band,name=band`."""
    source: dict[str, int] = {}
    for part in text.split(","):
        match = re.fullmatch(r"\s*(\w+)\s*=\s*(\d{1,6})\s*", part)
        name = match.group(1).lower() if match else ""
        if match is None or name not in BAND_NAMES:
            raise BandError(
                f"'{part.strip()}' is not a band; write the bands as 'blue=2,green=3,red=4,nir=8' "
                f"with names from {', '.join(BAND_NAMES)}."
            )
        band = int(match.group(2))
        if not 1 <= band <= count:
            raise BandError(f"'{part.strip()}' asks for band {band}, but the raster has bands 1 to {count}.")
        if name in source:
            raise BandError(f"Band '{name}' is given twice in '{text}'; give each band once.")
        if band in source.values():
            raise BandError(f"Raster band {band} is used twice in '{text}'; use each raster band once.")
        if status.get(band) == STATUS_MISSING:
            raise BandError(f"Raster band {band} is marked as missing; leave '{name}' out of '{text}'.")
        source[name] = band
    return source


def _auto(
    descriptions: Sequence[str | None],
    wavelengths_nm: Sequence[float | None],
    count: int,
    tags: Mapping[str, str],
    status: Mapping[int, str],
    colours: Sequence[str],
) -> tuple[dict[str, int], str, list[str]]:
    """Descriptions, then wavelengths, then a sensor that the metadata names, then colours."""
    product = sensor_from_descriptions(descriptions)
    if product is not None:
        return _positional(product.order_for(count) or ()), "descriptions", []
    source, method, notes = _by_words(descriptions, wavelengths_nm, status, names_sentinel2(tags))
    if source:
        return source, method, notes
    sensor = sensor_from_tags(tags, count)
    if sensor is not None:
        return (
            _positional(sensor.order_for(count) or ()),
            f"sensor:{sensor.id}",
            [*notes, *_said(sensor, count)],
        )
    source, colour_notes = _by_colour(colours, status)
    if source:
        return source, "colours", [*notes, *colour_notes]
    data_bands = count - sum(kind == STATUS_ALPHA for kind in status.values())
    fitting = sensors_for_count(data_bands)
    advice = f"choose the sensor ({' or '.join(repr(s) for s in fitting)}) or " if fitting else ""
    raise BandError(
        f"The raster has {count} band{'s' if count != 1 else ''} but no description or wavelength that says "
        f"which is which; {advice}write the bands as 'blue=2,green=3,red=4,nir=8'."
    )


def _by_sensor(
    text: str,
    descriptions: Sequence[str | None],
    wavelengths_nm: Sequence[float | None],
    count: int,
    status: Mapping[int, str],
) -> tuple[dict[str, int], str, list[str]]:
    """The order of a sensor that the user chose."""
    sensor = get_sensor(text)
    method = f"sensor:{sensor.id}"
    if sensor.is_sentinel2 and any(read_description(d).code for d in descriptions):
        source, _, notes = _by_words(descriptions, wavelengths_nm, status, sentinel2=True)
        if source:
            return source, method, notes
    alphas = sum(kind == STATUS_ALPHA for kind in status.values())
    order = sensor.order_for(count) or sensor.order_for(count - alphas)
    if order is None:
        expected = " or ".join(str(len(order)) for order in sensor.orders)
        raise BandError(
            f"Sensor '{sensor.id}' has {expected} bands but the raster has {count}; choose another sensor "
            "or write the bands as 'blue=2,green=3,red=4,nir=8'."
        )
    # A last band marked as transparency is used as the mask.
    source, notes = _positional(order), [] if status.get(count) == STATUS_ALPHA else _said(sensor, count)
    for name, band in source.items():
        said = read_description(descriptions[band - 1]).name
        if said in BAND_NAMES and said != name:
            described = descriptions[band - 1]
            notes.append(f"Band {band} is described as '{described}' but '{sensor.id}' reads it as {name}.")
        if status.get(band) == STATUS_ALPHA:
            notes.append(f"Band {band} is marked as transparency but '{sensor.id}' reads it as {name}.")
    return source, method, notes


def _said(sensor: Sensor, count: int) -> list[str]:
    note = sensor.note(count)
    return [note] if note else []


def _by_colour(colours: Sequence[str], status: Mapping[int, str]) -> tuple[dict[str, int], list[str]]:
    """Red, green and blue (with near infrared and PAN, if any) where the file names each of them once."""
    found = {
        name: [band for band, colour in enumerate(colours, start=1) if colour == name]
        for name in ("red", "green", "blue", "nir", "pan")
    }
    if any(len(found[name]) != 1 for name in ("red", "green", "blue")):
        return {}, []
    source = {name: bands[0] for name, bands in found.items() if len(bands) == 1}
    notes = [
        f"Bands {source['red']}, {source['green']} and {source['blue']} were taken for red, green and blue "
        "because the raster's colour interpretation says so; for a false-colour picture write the bands as "
        "'red=2,green=3,nir=1'."
    ]
    left = [band for band in range(1, len(colours) + 1) if band not in source.values()]
    if left == [4] and len(colours) == 4:
        what = "transparency" if status.get(4) == STATUS_ALPHA else "nothing the model knows"
        notes.append(f"Band 4 was taken for {what}; if it is near infrared, choose 'rgbn'.")
    return source, notes


def _positional(order: Sequence[str | None]) -> dict[str, int]:
    return {name: band for band, name in enumerate(order, start=1) if name is not None}


def _by_words(
    descriptions: Sequence[str | None],
    wavelengths_nm: Sequence[float | None],
    status: Mapping[int, str],
    sentinel2: bool,
) -> tuple[dict[str, int], str, list[str]]:
    """Match each band by its description or, where that says nothing, by its wavelength tag.

    Returns:
        Raster band by model band name, the method, and notes.
    """
    readings = [read_description(text) for text in descriptions]
    sentinel2 = sentinel2 or _codes_are_sentinel2(readings)
    claims: dict[str, list[tuple[int, float, int]]] = {}  # name -> (rank, distance in nm, raster band)
    from_words = False
    unclear: list[int] = []
    notes: list[str] = []
    for band, (reading, tagged) in enumerate(zip(readings, wavelengths_nm, strict=True), start=1):
        if status.get(band) == STATUS_MISSING:
            continue
        name, rank, distance, worded = None, 0, 0.0, True
        if reading.name in BAND_NAMES:
            name = reading.name
        elif reading.name == "nir_narrow":
            name, rank = "nir", 2
        elif reading.wavelength_nm is not None:
            name, distance = _at_wavelength(reading.wavelength_nm)
            rank = 1
        elif reading.code and (sentinel2 or (reading.padded and reading.code in {"2", "3", "4"})):
            # Sentinel-2 and Landsat 8/9 (HLS) agree on what B02, B03 and B04 are.
            name = SENTINEL2_CODES.get(reading.code)
            name, rank = ("nir", 2) if name == "nir_narrow" else (name, 0)
        elif tagged is not None:
            name, distance = _at_wavelength(tagged)
            rank, worded = 1, False
        elif reading.code in SENTINEL2_CODES:
            unclear.append(band)
        elif reading.name == "rededge":
            notes.append(
                f"Band {band} ('{descriptions[band - 1]}') was not used because a red edge may lie at 705, "
                f"740 or 783 nm; name it with 're1={band}' (or re2, re3) in the band choice."
            )
        if name is not None:
            claims.setdefault(name, []).append((rank, distance, band))
            from_words = from_words or worded
    if unclear:
        words = ", ".join(str(descriptions[band - 1]) for band in unclear)
        raise BandError(
            f"Bands named {words} may be Sentinel-2's or another sensor's; choose 'sentinel2-l1c' or "
            "'sentinel2-l2a' if they are, or write the bands as 'blue=2,green=3,red=4,nir=8'."
        )
    source = {name: _strongest(name, claimed) for name, claimed in claims.items()}
    return source, "descriptions" if from_words else "wavelengths", notes


def _strongest(name: str, claimed: list[tuple[int, float, int]]) -> int:
    """The raster band with the best claim to a model band; equal claims are refused."""
    ordered = sorted(claimed)
    if len(ordered) > 1 and ordered[0][:2] == ordered[1][:2]:
        raise BandError(
            f"Raster bands {ordered[0][2]} and {ordered[1][2]} both say they are the {name} band; "
            "write the bands as 'blue=2,green=3,red=4,nir=8'."
        )
    return ordered[0][2]


def _codes_are_sentinel2(readings: Sequence[Reading]) -> bool:
    """Whether codes like B5 are Sentinel-2's and neither Landsat's nor mere numbers (b1, b2, b3, ...).

    B8A is Sentinel-2's own. B8 and B12 count where the company they keep is not that of a numbered
    stack or of Landsat, which both bring B1 or B10 along.
    """
    codes = {reading.code for reading in readings if reading.code}
    if "8A" in codes:
        return True
    return "10" not in codes and ("12" in codes or ("8" in codes and "1" not in codes))


def _at_wavelength(wavelength_nm: float) -> tuple[str | None, float]:
    """The model band whose tolerance holds this wavelength, and the distance in nm."""
    for band in BANDS:
        distance = abs(band.wavelength_nm - wavelength_nm)
        if band.tolerance_nm and distance <= band.tolerance_nm:
            return band.name, distance
    return None, 0.0
