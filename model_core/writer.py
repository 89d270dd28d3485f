"""One expert's output while the run goes on: finished pixels in, whole rows of blocks out.

Pixels arrive row by row of tiles. As soon as no more can come for a row of blocks, it becomes a small
compressed file of its own in the journal, written whole or not at all; `cog` joins them at the end. So a run
that is killed has lost nothing but the rows still open, and memory holds a strip at most.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import rasterio
from rasterio.errors import RasterioError
from rasterio.io import MemoryFile
from rasterio.transform import Affine

from .errors import OutputError
from .files import write_whole
from .journal import Block
from .overviews import level_count, stacked
from .raster_file import compression, detail
from .spec import ExpertSpec
from .uncertainty import band_names, uncertainties

NODATA = 255  # of the byte bands, in the file only; inside the program a mask says it
PROBABILITY_STEPS = 250  # probability or uncertainty = byte * 0.004
BLOCK = 256


def finish(
    spec: ExpertSpec, sums: np.ndarray, weight: np.ndarray, inside: np.ndarray, uncertainty: bool = False
) -> np.ndarray:
    """Turn blended sums into the values of the file.

    Args:
        spec: the expert; its kind decides.
        sums: float32 (C, h, w), sum of weight times value; of a Hydra expert with uncertainty (C + 1, h, w),
            see `uncertainty.uncertainties`.
        weight: float32 (h, w), sum of weights; 0 where the expert decoded nothing.
        inside: bool (h, w), False where the scene has no data or the mask leaves pixels out.
        uncertainty: add the bands that say how sure classes or probability are, see `uncertainty`.

    Returns:
        uint8 (1, h, w) for classes and probability, with uncertainty (2, h, w), of a Hydra expert (4, h, w),
        255 = NoData; float32 (C, h, w) for density, NaN = NoData.
    """
    known = inside & (weight > 0)  # (h, w)
    if spec.kind == "classes":
        bands = [np.where(known, _labels(sums[: spec.channels]), np.uint8(NODATA))]
    else:
        values = sums[: spec.channels]
        mean = np.full(values.shape, np.nan, dtype=np.float32)
        np.divide(values, weight, out=mean, where=known[None])
        if spec.kind == "density":
            return mean
        bands = [_steps(np.clip(mean[0], 0.0, 1.0), known)]
    if uncertainty:
        bands += [_steps(share, known) for share in uncertainties(spec, sums, weight)]
    return np.stack(bands) if uncertainty else bands[0][None]


def _labels(sums: np.ndarray) -> np.ndarray:
    """Class of each pixel, (h, w): the largest blended probability, of equal ones the first."""
    # The largest sum is the largest mean: no division. Running comparison by plane, because an
    # argmax over the leading axis of (C, h, w) strides through memory and takes ten times as long.
    if len(sums) == 2:
        return sums[1] > sums[0]
    best = sums[0].copy()
    label = np.zeros(best.shape, dtype=np.uint8)
    for channel in range(1, sums.shape[0]):
        more = sums[channel] > best
        np.copyto(label, np.uint8(channel), where=more)
        np.copyto(best, sums[channel], where=more)
    return label


def _steps(share: np.ndarray, known: np.ndarray) -> np.ndarray:
    """0 to 1 as bytes, (h, w); NoData where nothing is known."""
    step = np.rint(np.where(known, share, 0.0) * PROBABILITY_STEPS).astype(np.uint8)
    return np.where(known, step, np.uint8(NODATA))


@dataclass
class Counts:
    """What an expert wrote.

    Attributes:
        pixels: pixels that are not NoData.
        classes: for `classes`, pixels of each class.
        lowest, highest: smallest and largest value of band 1 (density), for the style; None before any.
    """

    pixels: int = 0
    classes: list[int] = field(default_factory=list)
    lowest: float | None = None
    highest: float | None = None

    @classmethod
    def of(cls, values: np.ndarray, spec: ExpertSpec) -> Counts:
        """Count the values of a file, (bands, h, w), by its first band."""
        band = values[0]
        if spec.kind == "density":
            band = band[~np.isnan(band)]
            if not band.size:
                return cls()
            return cls(int(band.size), [], float(band.min()), float(band.max()))
        # Comparing bytes class by class takes a tenth of the time of a histogram.
        pixels = int(np.count_nonzero(band != NODATA))
        if spec.kind != "classes" or not pixels:
            return cls(pixels)
        return cls(pixels, [int(np.count_nonzero(band == value)) for value in range(spec.channels)])

    def add(self, other: Counts) -> None:
        """Take another part's counts in."""
        self.pixels += other.pixels
        if other.classes:
            mine = self.classes or [0] * len(other.classes)
            self.classes = [a + b for a, b in zip(mine, other.classes, strict=True)]
        lows = [low for low in (self.lowest, other.lowest) if low is not None]
        highs = [high for high in (self.highest, other.highest) if high is not None]
        self.lowest, self.highest = min(lows, default=None), max(highs, default=None)


class BlockWriter:
    """Collects one expert's rows of blocks and writes those that are whole.

    Attributes:
        spec: the expert.
        blocks: all that is written, in order.
        counts: of all blocks written.
        kinds: of the bands; an uncertainty is a probability.
        dtype, nodata: of the output.
        uncertainty_bands: number of the band of each uncertainty, by the names of `uncertainty.band_names`.
        levels: overviews that each block file holds below its own rows, see `overviews`.
        found: None: objects by class are told by `objects.layer.ObjectsOutput`.
    """

    found: dict[str, int] | None = None

    def __init__(
        self, folder: Path, spec: ExpertSpec, width: int, height: int, uncertainty: bool = False
    ) -> None:
        """Begin an output.

        Args:
            folder: takes the block files.
            spec: the expert.
            width: in pixels.
            height: in pixels.
            uncertainty: add the uncertainty bands, if the expert's kind has any.
        """
        self.spec = spec
        self.blocks: list[Block] = []
        self.counts = Counts()
        self.kinds = (spec.kind,) * (spec.channels if spec.kind == "density" else 1)
        names = band_names(spec) if uncertainty else ()
        self.uncertainty_bands = {name: number for number, name in enumerate(names, len(self.kinds) + 1)}
        self.kinds += ("probability",) * len(names)
        # Classes are long runs of one value; pixel by pixel beside the uncertainty they would be none.
        self._layout = {"interleave": "band"} if self.uncertainty_bands else {}
        self.dtype, self.nodata = ("float32", float("nan")) if spec.kind == "density" else ("uint8", NODATA)
        self.levels = level_count(width, height)
        self._folder = folder
        self._width, self._height = width, height
        self._safe = 0  # rows above it are written
        # Rows of blocks, by first row, that pixels may still reach: (bands, BLOCK, width) each.
        self._open: dict[int, np.ndarray] = {}

    def resume(self, blocks: list[Block], until: int) -> None:
        """Take over what an earlier run wrote: all rows above `until`."""
        self._safe = until
        self.blocks = list(blocks)
        for block in blocks:
            self.counts.add(Counts(**block.counts))

    @property
    def bands(self) -> int:
        """Number of bands."""
        return len(self.kinds)

    @property
    def used(self) -> bool:
        """Whether anything was written."""
        return bool(self.blocks)

    def write(self, top: int, left: int, values: np.ndarray) -> None:
        """Take finished values (bands, h, w); what is left out stays NoData, what is safe already stays."""
        bottom = top + values.shape[1]
        row = max(top, self._safe)
        columns = slice(left, left + values.shape[2])
        while row < bottom:
            block = row - row % BLOCK
            if block not in self._open:
                shape = (self.bands, min(BLOCK, self._height - block), self._width)
                self._open[block] = np.full(shape, self.nodata, dtype=self.dtype)
            end = min(bottom, block + BLOCK)
            part = values[:, row - top : end - top]
            self._open[block][:, row - block : end - block, columns] = part
            row = end

    def flush(self, until: int) -> list[Block]:
        """Write the rows of blocks that lie wholly above row `until`; those new.

        Raises:
            OutputError: the disk does not take it.
        """
        new = []
        for row in sorted(self._open):
            values = self._open[row]
            if row + values.shape[1] > until:
                break
            counts = Counts.of(values, self.spec)
            if counts.pixels:
                name = f"{self.spec.name}-{row:07d}.tif"
                content = self._encoded(stacked(values, self.levels, self.kinds, self.nodata))
                write_whole(self._folder / name, content)
                new.append(Block(row, name, zlib.crc32(content), vars(counts)))
                self.counts.add(counts)
            del self._open[row]
        self._safe = max(self._safe, until)
        self.blocks += new
        return new

    def _encoded(self, values: np.ndarray) -> bytes:
        try:
            # Env: GDAL's messages become exceptions also in the thread that writes.
            with rasterio.Env(), MemoryFile() as memory:
                with memory.open(
                    driver="GTiff", width=values.shape[2], height=values.shape[1], count=self.bands,
                    dtype=self.dtype, nodata=self.nodata, tiled=True, blockxsize=BLOCK, blockysize=BLOCK,
                    transform=Affine.scale(2.0), **self._layout, **compression(1),
                ) as raster:  # fmt: skip
                    raster.write(values)
                return bytes(memory.getbuffer())
        except RasterioError as error:
            raise OutputError(
                f"Rows of '{self.spec.name}' could not be compressed ({detail(error)}); report this."
            ) from error
