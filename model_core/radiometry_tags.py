"""Scale and offset in the metadata of products: PlanetScope's coefficients, Sentinel-2's numbers.

reflectance = (DN + offset) * scale, for each raster band.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence

# Integer products commonly hold reflectance x 10000 (Sentinel-2's quantification value).
INTEGER_SCALE = 1e-4
# Sentinel-2 adds 1000 to every number since processing baseline 04.00 (January 2022).
SENTINEL2_OFFSET = -1000.0

_BASELINE_TAGS = ("PROCESSING_BASELINE", "S2:PROCESSING_BASELINE", "S2_PROCESSING_BASELINE")
_URI_TAGS = ("PRODUCT_URI", "PRODUCT_URI_1C", "PRODUCT_URI_2A", "S2:PRODUCT_URI", "PRODUCT_ID")
_QUANTIFICATION_TAGS = ("BOA_QUANTIFICATION_VALUE", "QUANTIFICATION_VALUE")
_OFFSET_TAGS = ("BOA_ADD_OFFSET", "RADIO_ADD_OFFSET")
_OFFSET_DONE_TAGS = ("EARTHSEARCH:BOA_OFFSET_APPLIED", "BOA_OFFSET_APPLIED")
# PlanetScope radiance products: reflectance = value * coefficient. The files themselves do not carry the
# coefficients (the XML beside them does); tools that copy them into tags use these names.
_COEFFICIENT_TAGS = ("REFLECTANCE_COEFFICIENT", "REFLECTANCECOEFFICIENT", "PS:REFLECTANCECOEFFICIENT")


def coefficients(
    used: Sequence[int], tags: Mapping[str, str], band_tags: Sequence[Mapping[str, str]]
) -> dict[int, float] | None:
    """Factors from radiance to reflectance by raster band, if every used band has one.

    Args:
        used: 1-based raster bands.
        tags: of the dataset; `reflectance_coefficient_b2` belongs to band 2.
        band_tags: of each band; `reflectance_coefficient` there comes first.
    """
    whole = _upper(tags)
    found = {}
    for band in used:
        own = _tags_of(band, band_tags)
        texts = [own.get(key) for key in _COEFFICIENT_TAGS]
        texts += [whole.get(f"{key}_B{band}") for key in _COEFFICIENT_TAGS]
        value = next((number for number in map(_number, texts) if number is not None and number > 0.0), None)
        if value is None:
            return None
        found[band] = value
    return found


def sentinel2_numbers(
    used: Sequence[int], tags: Mapping[str, str], band_tags: Sequence[Mapping[str, str]]
) -> dict[int, tuple[float, float]] | None:
    """Scale and offset of a Sentinel-2 product by raster band, or None for anything else.

    The offset is the band's own (BOA_ADD_OFFSET of L2A, RADIO_ADD_OFFSET of L1C) or, where the metadata
    lost it, -1000 since processing baseline 04.00; the scale is one over the quantification value.
    """
    upper = _upper(tags)
    quantification = _first_number(upper, _QUANTIFICATION_TAGS) or 0.0
    added = {band: _first_number(_tags_of(band, band_tags), _OFFSET_TAGS) for band in used}
    listed = None not in added.values()
    baseline = _baseline(upper)
    if baseline is None and not (quantification > 0.0 and listed):
        return None
    removed = any(upper.get(key, "").strip().lower() in ("true", "yes", "1") for key in _OFFSET_DONE_TAGS)
    scale = 1.0 / quantification if quantification > 0.0 else INTEGER_SCALE
    usual = SENTINEL2_OFFSET if baseline is not None and baseline >= 4 else 0.0
    return {
        band: (scale, 0.0 if removed else usual if not listed or own is None else own)
        for band, own in added.items()
    }


def _baseline(upper: Mapping[str, str]) -> int | None:
    """The first number of the processing baseline, from its own tag or from the product's name."""
    for key in _BASELINE_TAGS:
        match = re.fullmatch(r"\s*(\d{1,2})\.(\d{1,2})\s*", upper.get(key, ""))
        if match:
            return int(match.group(1))
    for key in _URI_TAGS:
        match = re.search(r"MSIL[12][AC]_.*_N(\d\d)\d\d_", upper.get(key, ""), re.IGNORECASE)
        if match:
            return int(match.group(1))
    return None


def _tags_of(band: int, band_tags: Sequence[Mapping[str, str]]) -> dict[str, str]:
    return _upper(band_tags[band - 1]) if band <= len(band_tags) else {}


def _upper(tags: Mapping[str, str]) -> dict[str, str]:
    return {key.upper(): value for key, value in tags.items()}


def _first_number(tags: Mapping[str, str], keys: Sequence[str]) -> float | None:
    return next((number for number in (_number(tags.get(key)) for key in keys) if number is not None), None)


def _number(text: str | None) -> float | None:
    try:
        value = float(text) if text is not None else math.nan
    except ValueError:
        return None
    return value if math.isfinite(value) else None
