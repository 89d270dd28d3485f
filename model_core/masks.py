"""Which pixels of a raster hold data: NoData values, mask bands, transparency, NaN and infinity."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
from rasterio.enums import MaskFlags
from rasterio.io import DatasetReader
from rasterio.windows import Window

from .bands import STATUS_ALPHA

# Flags of bands without a mask to read: NoData values and transparency are looked at here directly, the
# latter because GDAL scales 16-bit transparency to 8 bits and so loses small values.
_WITHOUT_MASK_BAND = {MaskFlags.all_valid, MaskFlags.nodata}


class Masks:
    """The masks of one dataset for the bands that are used.

    Args:
        dataset: the open raster.
        sources: 1-based bands that are used.
        status: what is known of single bands, see `band_choice.find_mapping`.
    """

    def __init__(self, dataset: DatasetReader, sources: Sequence[int], status: Mapping[int, str]) -> None:
        self._dataset = dataset
        # A 4-band 8-bit file often calls its near infrared transparency; a band in use is data.
        alphas = [band for band, kind in status.items() if kind == STATUS_ALPHA and band not in sources]
        self._alpha = alphas[0] if alphas else None
        self._nodata = [self._nodata_of(band) for band in sources]
        self._floating = [np.dtype(dataset.dtypes[band - 1]).kind == "f" for band in sources]
        self._mask_bands = self._bands_with_mask(sources)

    def _nodata_of(self, band: int) -> np.float32 | None:
        nodata = self._dataset.nodatavals[band - 1]
        # Values are compared as float32, as they are read; NaN is invalid in any case.
        with np.errstate(over="ignore"):
            return None if nodata is None or math.isnan(nodata) else np.float32(nodata)

    def _bands_with_mask(self, sources: Sequence[int]) -> list[int]:
        """Bands whose mask GDAL has to be asked for: one stands for all where the mask is the dataset's."""
        # No flag at all means a mask of the band's own.
        flags = {band: self._dataset.mask_flag_enums[band - 1] for band in sources}
        own = [
            band
            for band, flag in flags.items()
            if MaskFlags.alpha not in flag and (not flag or not set(flag) <= _WITHOUT_MASK_BAND)
        ]
        shared = [band for band in own if MaskFlags.per_dataset in flags[band]]
        return shared[:1] + [band for band in own if band not in shared]

    def read(self, window: Window) -> np.ndarray:
        """What masks and transparency leave: bool (H, W)."""
        valid = np.ones((int(window.height), int(window.width)), dtype=bool)
        for band in self._mask_bands:
            valid &= self._dataset.read_masks(band, window=window) > 0
        if self._alpha is not None:
            valid &= self._dataset.read(self._alpha, window=window) > 0
        return valid

    def exclude(self, valid: np.ndarray, values: np.ndarray, targets: Sequence[int]) -> None:
        """Take NoData, NaN and infinity out of a mask, in place.

        Args:
            valid: bool (H, W), changed.
            values: float32 (8, H, W), raw values.
            targets: model band index of each used band.
        """
        for target, nodata, floating in zip(targets, self._nodata, self._floating, strict=True):
            if nodata is not None:
                valid &= values[target] != nodata
            if floating:
                valid &= np.isfinite(values[target])
