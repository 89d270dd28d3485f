"""From a raster's numbers to reflectance: reflectance = (DN + offset) * scale.

Where scale and offset come from, in this order: the user; the raster's own scale and offset; coefficients
of each band (PlanetScope); quantification and offsets of a Sentinel-2 product, or its processing baseline;
and last the range of the values, with a warning.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from .errors import RequestError, SceneError
from .radiometry_tags import INTEGER_SCALE, coefficients, sentinel2_numbers

# Sentinel-2's true-colour image is stretched so that 255 stands for a reflectance of about 0.36 (L1C: DN
# 3558); other 8-bit imagery is treated alike because nothing says how it was stretched.
DISPLAY_SCALE = 0.36 / 255.0
# Our own tag, for files whose GDAL scale may get lost on the way: "scale,offset".
SCALE_TAG = "RADIOMETRY_SCALE"

_HOW_TO_SAY = "give the radiometry as 'scale,offset' with reflectance = (value + offset) * scale"


@dataclass(frozen=True)
class Radiometry:
    """How numbers become reflectance: (DN + offset) * scale, for each of the 8 model bands.

    Attributes:
        scale: 8 factors; those of missing bands repeat another band's.
        offset: 8 summands in DN, added before scaling.
        method: `explicit`, `metadata`, `sentinel2` or `range`.
        warning: one sentence for the user, or None.
    """

    scale: tuple[float, ...]
    offset: tuple[float, ...]
    method: str
    warning: str | None = None

    @classmethod
    def uniform(cls, scale: float, offset: float, method: str, warning: str | None = None) -> Radiometry:
        """The same scale and offset for all bands."""
        return cls((scale,) * 8, (offset,) * 8, method, warning)

    @classmethod
    def of_bands(
        cls, pairs: Mapping[int, tuple[float, float]], source_band: Sequence[int | None], method: str
    ) -> Radiometry:
        """From scale and offset (in DN) by raster band; model bands without one repeat the first."""
        first = next(iter(pairs.values()))
        each = [first if band is None else pairs[band] for band in source_band]
        return cls(tuple(scale for scale, _ in each), tuple(offset for _, offset in each), method)

    def as_dict(self) -> dict[str, Any]:
        """The form kept in run.json; one number where all bands agree, else 8."""
        return {
            "scale": self.scale[0] if len(set(self.scale)) == 1 else list(self.scale),
            "offset": self.offset[0] if len(set(self.offset)) == 1 else list(self.offset),
            "method": self.method,
            "warning": self.warning,
        }


def parse_radiometry(text: str) -> tuple[float, float] | None:
    """Read the user's choice: `auto` (None) or `scale,offset` (offset may be left out).

    Raises:
        RequestError: neither of the two, or the scale is not above 0.
    """
    if text.strip().lower() == "auto":
        return None
    try:
        numbers = [float(part) for part in text.split(",")]
    except ValueError:
        numbers = []
    if len(numbers) not in (1, 2) or not all(map(math.isfinite, numbers)) or numbers[0] <= 0.0:
        raise RequestError(
            f"'{text}' is not a radiometry; write 'auto' or 'scale,offset' such as '0.0001,-1000', "
            "where reflectance = (value + offset) * scale."
        )
    return numbers[0], numbers[1] if len(numbers) == 2 else 0.0


def find_radiometry(
    choice: str,
    source_band: Sequence[int | None],
    dtypes: Sequence[str],
    scales: Sequence[float],
    offsets: Sequence[float],
    tags: Mapping[str, str],
    sample: Callable[[], np.ndarray],
    band_tags: Sequence[Mapping[str, str]] = (),
    trusted: bool = False,
) -> Radiometry:
    """Find scale and offset for the bands that are used.

    Args:
        choice: `auto` or `scale,offset`.
        source_band: for each model band the 1-based raster band, or None.
        dtypes: numpy type names of the raster bands.
        scales: GDAL scale of each raster band (1 where unset).
        offsets: GDAL offset of each raster band (0 where unset).
        tags: metadata of the dataset.
        sample: reads a bounded, deterministic sample of valid raw values of the used bands, float64
            (n,); called at most once and not at all for an explicit choice.
        band_tags: metadata of each raster band.
        trusted: the metadata are the product's own, so no sample is read to doubt them.

    Raises:
        RequestError: the choice cannot be read.
        SceneError: nothing says what the numbers mean and their range fits no common product.
    """
    explicit = parse_radiometry(choice)
    if explicit is not None:
        return Radiometry.uniform(*explicit, "explicit")
    used = [band for band in source_band if band is not None]
    found = _from_metadata(source_band, used, dtypes, scales, offsets, tags, band_tags)
    if found is None:
        kinds = {dtypes[band - 1] for band in used}
        return _display() if kinds == {"uint8"} else _from_range(kinds, sample())
    if trusted:
        return found
    return replace(found, warning=_doubt(found, source_band, sample()))


def _from_metadata(
    source_band: Sequence[int | None],
    used: Sequence[int],
    dtypes: Sequence[str],
    scales: Sequence[float],
    offsets: Sequence[float],
    tags: Mapping[str, str],
    band_tags: Sequence[Mapping[str, str]],
) -> Radiometry | None:
    """The raster's own: GDAL's scale and offset, our tag, coefficients, Sentinel-2's numbers."""
    pairs = {band: (scales[band - 1], offsets[band - 1]) for band in used}
    if any(pair != (1.0, 0.0) for pair in pairs.values()) and all(scale > 0.0 for scale, _ in pairs.values()):
        # GDAL means DN * scale + offset.
        each = {band: (scale, offset / scale) for band, (scale, offset) in pairs.items()}
        return Radiometry.of_bands(each, source_band, "metadata")
    if SCALE_TAG in tags:
        try:
            parsed = parse_radiometry(tags[SCALE_TAG])
        except RequestError as error:
            raise SceneError(f"The raster's tag {SCALE_TAG} cannot be used: {error}") from error
        return Radiometry.uniform(*parsed, "metadata") if parsed else None
    # 8-bit numbers are a true-colour image of a product, and decimals have been scaled already.
    if any(np.dtype(dtypes[band - 1]).kind not in "ui" or dtypes[band - 1] == "uint8" for band in used):
        return None
    factors = coefficients(used, tags, band_tags)
    if factors is not None:
        return Radiometry.of_bands({b: (f, 0.0) for b, f in factors.items()}, source_band, "metadata")
    numbers = sentinel2_numbers(used, tags, band_tags)
    return None if numbers is None else Radiometry.of_bands(numbers, source_band, "sentinel2")


def _doubt(found: Radiometry, source_band: Sequence[int | None], values: np.ndarray) -> str | None:
    """A warning where metadata lead to values that are hardly reflectance."""
    if values.size == 0:
        return None
    index = next(i for i, band in enumerate(source_band) if band is not None)
    low, middle = (np.percentile(values, (5, 50)) + found.offset[index]) * found.scale[index]
    if found.method == "sentinel2" and found.offset[index] and low < -0.02:
        return (
            "Many values are below the Sentinel-2 offset of 1000, so it may have been removed already; "
            "if so, give the radiometry '0.0001,0'."
        )
    if middle > 2.0:
        return (
            f"With the raster's own scale and offset half of the sampled values are above {middle:.3g}, "
            f"which is no reflectance (0 to 1); {_HOW_TO_SAY}."
        )
    return None


def _display() -> Radiometry:
    """8-bit imagery."""
    return Radiometry.uniform(
        DISPLAY_SCALE,
        0.0,
        "range",
        "8-bit values were taken for a display image with 255 = reflectance 0.36 (Sentinel-2's true-"
        f"colour stretch), so results are rough; if you know better, {_HOW_TO_SAY}.",
    )


def _from_range(dtypes: set[str], values: np.ndarray) -> Radiometry:
    """The common products, told apart by type and range of the values; always with a warning."""
    floating = any(np.dtype(name).kind == "f" for name in dtypes)
    if values.size == 0:
        scale = 1.0 if floating else INTEGER_SCALE
        return Radiometry.uniform(
            scale,
            0.0,
            "range",
            f"No valid pixel was found in the sample of the raster, so values were taken for "
            f"{'reflectance' if floating else 'reflectance x 10000'}; otherwise {_HOW_TO_SAY}.",
        )
    middle, high = (float(value) for value in np.percentile(values, (50, 98)))
    if floating and high <= 3.0:
        # Bright clouds and snow exceed 1; that is still reflectance.
        return Radiometry.uniform(
            1.0,
            0.0,
            "range",
            f"Nothing says what the raster's values mean; up to {high:.3g}, they were taken for reflectance "
            f"as they are, otherwise {_HOW_TO_SAY}.",
        )
    if floating and high <= 255.0:
        raise SceneError(
            f"The raster holds decimal values up to about {high:.3g}, which are neither reflectance (0 to 1) "
            f"nor reflectance x 10000; {_HOW_TO_SAY}."
        )
    if middle > 20000.0:
        raise SceneError(
            f"Half of the raster's values are above {middle:.0f}, too much for reflectance x 10000; "
            f"{_HOW_TO_SAY}."
        )
    small = (
        " (they are small: an 8-bit image stored with more bits would need '0.00141176,0')"
        if high <= 255
        else ""
    )
    return Radiometry.uniform(
        INTEGER_SCALE,
        0.0,
        "range",
        f"Nothing says what the raster's values mean; up to {high:.0f}, they were taken for reflectance "
        f"x 10000{small}, otherwise {_HOW_TO_SAY}.",
    )
