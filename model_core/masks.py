"""Which pixels of a raster hold data: NoData values, mask bands, transparency, NaN and infinity."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
from rasterio.enums import MaskFlags
from rasterio.io import DatasetReader
from rasterio.windows import Window

from .bands import STATUS_ALPHA
from .pixel_counts import WHOLE, Part
from .raster_reader import RasterReader

# Flags of bands without a mask to read: NoData values and transparency are looked at here directly, the
# latter because GDAL scales 16-bit transparency to 8 bits and so loses small values.
_WITHOUT_MASK_BAND = {MaskFlags.all_valid, MaskFlags.nodata}


class Masks:
    """The masks of one dataset for the bands that are used.

    Args:
        dataset: the open raster.
        reader: reads it.
        sources: 1-based bands that are used.
        status: what is known of single bands, see `band_choice.find_mapping`.
    """

    def __init__(
        self,
        dataset: DatasetReader,
        reader: RasterReader,
        sources: Sequence[int],
        status: Mapping[int, str],
    ) -> None:
        self._reader = reader
        # A 4-band 8-bit file often calls its near infrared transparency; a band in use is data.
        alphas = [band for band, kind in status.items() if kind == STATUS_ALPHA and band not in sources]
        self._alpha = alphas[0] if alphas else None
        declared = [dataset.nodatavals[band - 1] for band in sources]
        self._nodata = [_comparable(nodata) for nodata in declared]
        self._nan_is_nodata = [nodata is not None and math.isnan(nodata) for nodata in declared]
        self._floating = [np.dtype(dataset.dtypes[band - 1]).kind == "f" for band in sources]
        self._mask_bands = _bands_with_mask(dataset, sources)

    def read(self, window: Window) -> np.ndarray:
        """What masks and transparency leave: bool (H, W)."""
        valid = np.ones((int(window.height), int(window.width)), dtype=bool)
        for band in self._mask_bands:
            valid &= self._reader.read_mask(band, window) > 0
        if self._alpha is not None:
            alpha = np.empty((1, *valid.shape), dtype=np.float32)
            self._reader.read([self._alpha], window, alpha)
            valid &= alpha[0] > 0
        return valid

    def exclude(
        self, valid: np.ndarray, values: np.ndarray, targets: Sequence[int], own: Part = WHOLE
    ) -> int:
        """Take NoData, NaN and infinity out of a mask, in place.

        Args:
            valid: bool (H, W), changed.
            values: float32 (8, H, W), raw values.
            targets: model band index of each used band.
            own: the part whose pixels are counted.

        Returns:
            How many of its pixels only NaN (where it is not the declared NoData) or infinity takes out.
        """
        for target, nodata, nan in zip(targets, self._nodata, self._nan_is_nodata, strict=True):
            if nodata is not None:
                valid &= values[target] != nodata
            elif nan:
                valid &= ~np.isnan(values[target])
        if not any(self._floating):
            return 0
        finite = np.ones_like(valid)
        for target, floating in zip(targets, self._floating, strict=True):
            if floating:
                finite &= np.isfinite(values[target])
        odd = valid & ~finite
        if odd.any():
            valid &= finite
        return int(np.count_nonzero(odd[own]))


def _comparable(nodata: float | None) -> np.float32 | None:
    """A NoData value as float32, as values are read; NaN equals nothing and is looked for by itself."""
    with np.errstate(over="ignore"):
        return None if nodata is None or math.isnan(nodata) else np.float32(nodata)


def _bands_with_mask(dataset: DatasetReader, sources: Sequence[int]) -> list[int]:
    """Bands whose mask GDAL has to be asked for: one stands for all where the mask is the dataset's."""
    # No flag at all means a mask of the band's own.
    flags = {band: dataset.mask_flag_enums[band - 1] for band in sources}
    own = [
        band
        for band, flag in flags.items()
        if MaskFlags.alpha not in flag and (not flag or not set(flag) <= _WITHOUT_MASK_BAND)
    ]
    shared = [band for band in own if MaskFlags.per_dataset in flags[band]]
    return shared[:1] + [band for band in own if band not in shared]
