"""What a raster says about its bands in words: descriptions and wavelength tags.

Reading is strict: a description counts only if nothing is left of it after the band's name, a
Sentinel-2 code, a wavelength and a few filler words. `blue_ratio` is therefore not the blue band.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

# Codes of the Sentinel-2 bands that the model uses. B8A (865 nm) stands in for NIR where B08 is absent.
SENTINEL2_CODES = {
    "2": "blue", "3": "green", "4": "red", "5": "re1", "6": "re2", "7": "re3", "8": "nir", "8A": "nir_narrow",
}  # fmt: skip

_NUMBER = r"(\d+(?:\.\d+)?)"
_UNIT = r"(nm|nanomet\w*|um|µm|μm|micromet\w*|microns?)\b"
_RANGE = re.compile(rf"{_NUMBER}\s*(?:-|–|\bto\b)\s*{_NUMBER}\s*{_UNIT}")
_SINGLE = re.compile(rf"{_NUMBER}\s*{_UNIT}")
_CODE = re.compile(r"\bb(0?)(8a|1[0-2]|[1-9])\b")
_POSITION = re.compile(r"^(?:(?:band|channel) ?\d+\b|\d+\s+(?=\S))\s*")
_SEPARATORS = re.compile(r"[_\-/:;,()\[\]=]+")
_FILLER = {
    "band", "channel", "central", "center", "centre", "wavelength", "reflectance", "surface", "toa",
    "boa", "sr", "ms", "multispectral", "vegetation", "light", "visible", "vnir", "l1c", "l2a", "s2",
    "s2a", "s2b", "s2c", "msi", "sentinel2", "phisat2", "bottom", "top", "of", "atmosphere", "at",
}  # fmt: skip
_NAMES = tuple(
    (name, re.compile(pattern))
    for name, pattern in (
        ("pan", r"pan(chromatic)?"),
        ("blue", r"blue|b"),
        ("green", r"green( ?(ii|2))?|g"),
        ("red", r"red|r"),
        ("re1", r"(red ?edge ?|re ?)(1|i|071|705)"),
        ("re2", r"(red ?edge ?|re ?)(2|ii|075|740)"),
        ("re3", r"(red ?edge ?|re ?)(3|iii|078|783)"),
        ("nir", r"nir|nir ?1|near ?infra ?red( nir| ?1)?|near ir"),
        ("nir_narrow", r"narrow nir|nir narrow|narrow near ?infra ?red|near ?infra ?red narrow|nir ?08"),
        ("rededge", r"red ?edge|re"),
    )
)


@dataclass(frozen=True)
class Reading:
    """What one description says.

    Attributes:
        name: a model band's name, `nir_narrow`, `rededge` (which of the three is not said), or None.
        code: Sentinel-2 style code without leading zero (`2`, `8A`), or None.
        padded: the code was written with two digits (`B02`).
        wavelength_nm: centre wavelength, or None.
    """

    name: str | None = None
    code: str | None = None
    padded: bool = False
    wavelength_nm: float | None = None


NOTHING = Reading()


def read_description(text: str | None) -> Reading:
    """Read one band description; anything not fully understood reads as nothing."""
    rest = (text or "").strip().lower()
    rest, wavelength = _take_wavelength(rest)
    rest = " ".join(_SEPARATORS.sub(" ", rest).split())
    code, padded = None, False
    match = _CODE.search(rest)
    if match:
        code, padded = match.group(2).upper(), bool(match.group(1)) or len(match.group(2)) == 2
        rest = " ".join((rest[: match.start()] + " " + rest[match.end() :]).split())
    rest = _POSITION.sub("", rest)
    words = " ".join(word for word in rest.split() if word not in _FILLER)
    if not words:
        return Reading(None, code, padded, wavelength)
    name = next((name for name, pattern in _NAMES if pattern.fullmatch(words)), None)
    return Reading(name, code, padded, wavelength) if name else NOTHING


def _take_wavelength(text: str) -> tuple[str, float | None]:
    """Cut the one wavelength (or range, taken at its middle) out of a text; two of them say nothing."""
    found: list[float] = []

    def keep(match: re.Match[str]) -> str:
        values = [float(group) for group in match.groups()[:-1]]
        nanometres = _in_nm(sum(values) / len(values), match.groups()[-1])
        if nanometres is not None:
            found.append(nanometres)
        return " "

    rest = _SINGLE.sub(keep, _RANGE.sub(keep, text))
    return rest, found[0] if len(found) == 1 else None


def _in_nm(value: float, unit: str) -> float | None:
    """A wavelength in nanometres; without a unit only a plausible optical value counts."""
    unit = unit.strip().lower()
    if unit.startswith(("um", "µm", "μm", "micro")):
        value *= 1000.0
    elif not unit.startswith(("nm", "nano")):
        if unit:
            return None
        value = value * 1000.0 if value < 30.0 else value
    return value if 300.0 <= value <= 20000.0 else None


def wavelength_from_tags(tags: Mapping[str, str]) -> float | None:
    """Centre wavelength in nm from the tags of one band, or None.

    Understands GDAL's `CENTRAL_WAVELENGTH_UM`, `WAVELENGTH` with `WAVELENGTH_UNIT` (Sentinel-2 driver),
    `wavelength` with `wavelength_units` (ENVI, EnMAP-Box) and our own `WAVELENGTH_NM`.
    """
    upper = {key.upper(): value for key, value in tags.items()}
    for stem in ("CENTRAL_WAVELENGTH", "CENTER_WAVELENGTH", "WAVELENGTH"):
        units = next((upper[f"{stem}_{u}"] for u in ("UNIT", "UNITS") if f"{stem}_{u}" in upper), "")
        for key, unit in ((f"{stem}_UM", "um"), (f"{stem}_NM", "nm"), (stem, units)):
            try:
                value = _in_nm(float(upper[key]), unit)
            except (KeyError, ValueError):
                continue
            if value is not None:
                return value
    return None
