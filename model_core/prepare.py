"""Any raster that can be matched, rewritten as the 8-band raster the model reads: `prepare`.

The result is uint16 reflectance x 10000 with NoData 0, bands named and ordered as the model's, and tags that
say where everything came from. It reads back as the same reflectance, to half of 0.0001.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from affine import Affine
from rasterio.enums import ColorInterp
from rasterio.errors import NotGeoreferencedWarning, RasterioError
from rasterio.io import DatasetWriter
from rasterio.windows import Window

from . import __version__
from .bands import BAND_NAMES, BANDS, PAN, STATUS_GIVEN, STATUS_MISSING, pan_weights
from .errors import BandError, CancelledError, OutputError, RequestError
from .pixel_counts import PixelCounts, pixel_warnings
from .radiometry import INTEGER_SCALE, SCALE_TAG
from .raster_file import compression, detail
from .scene import Scene

NODATA = 0
_BLOCK = 256
# Columns read and written at once. Nobody waits longer for a cancel than for one piece, and its slowest part
# is decoding: 8 bands of one block of JPEG 2000 are 8 million pixels, most of a second.
_PIECE = 1024
_CHECKED = 8192  # columns read at once when all is written: plain reading is quick
_PAN_TAG = "PAN_SYNTHESIS"
_COLOURS = {"red": ColorInterp.red, "green": ColorInterp.green, "blue": ColorInterp.blue}
# Files that GDAL and QGIS keep beside a raster; those of a replaced raster would lie about the new one.
_SIDECARS = (".aux.xml", ".ovr", ".msk")


def prepare(
    source: str,
    output: str,
    bands: str = "auto",
    radiometry: str = "auto",
    window: Sequence[int] | None = None,
    allow_missing: bool = False,
    overwrite: bool = False,
    progress: Callable[[int, int], None] | None = None,
    cancelled: Callable[[], bool] | None = None,
    skip_damaged: bool = False,
    threads: int | None = None,
    extent: tuple[float, float, float, float] | None = None,
) -> dict[str, Any]:
    """Write the 8-band raster of a scene.

    Args:
        source: raster to read, or a Sentinel-2 product, see `Scene.open`.
        output: GeoTIFF to write; whole or not at all.
        bands: band choice, see `band_choice.find_mapping`.
        radiometry: `auto` or `scale,offset`.
        window: x, y, width, height in pixels; None for all, or what `extent` says.
        allow_missing: write bands that the raster lacks as all NoData instead of refusing.
        overwrite: replace an existing file.
        progress: called with pieces done and in total, those that are read back at the end included.
        cancelled: asked before each piece.
        skip_damaged: write parts of the raster that cannot be read as NoData instead of refusing.
        threads: threads that decode; None takes all cores up to 4.
        extent: xmin, ymin, xmax, ymax in the raster's CRS, snapped outward to whole pixels and clipped to the
            raster; None for all, or what `window` says.

    Returns:
        `path`, `width`, `height`, `band_mapping`, `radiometry` and `warnings`.

    Raises:
        SceneError, BandError: the raster cannot be read or matched, or lacks bands.
        RequestError: the window is not inside the raster, the extent misses it, both were given, or output
            and source are the same file.
        OutputError: the output exists or cannot be written.
        CancelledError: `cancelled` said so.
    """
    target = Path(output)
    if window is not None and extent is not None:
        raise RequestError("A window and an extent were given; give one of them.")
    _check_target(source, target, overwrite)
    with Scene.open(source, bands, radiometry, skip_damaged, threads) as scene:
        if scene.mapping.missing and not allow_missing:
            raise BandError(
                f"'{source}' lacks the bands {', '.join(scene.mapping.missing)}; name them in the band "
                "choice, or allow missing bands (--allow-missing) to write them as NoData."
            )
        area = scene.window_from_bounds(*extent) if extent is not None else _check_window(window, scene)
        part = target.with_name(f"{target.name}.part-{os.getpid()}")
        try:
            counts = _write(part, scene, area, progress, cancelled)
            _replace(part, target)
        finally:
            part.unlink(missing_ok=True)
        return {
            "path": str(target),
            "width": int(area.width),
            "height": int(area.height),
            "band_mapping": scene.mapping.as_dict(),
            "radiometry": scene.radiometry.as_dict(),
            "warnings": [*scene.warnings, *pixel_warnings(counts)],
        }


def _check_target(source: str, target: Path, overwrite: bool) -> None:
    """Refuse what cannot work before anything is read."""
    if target.is_dir():
        raise OutputError(f"'{target}' is a folder; give the name of a file to write, such as scene.tif.")
    if target.exists():
        if Path(source).exists() and target.samefile(source):
            raise RequestError(f"'{target}' is the input itself; give another output file.")
        if not overwrite:
            raise OutputError(f"'{target}' exists; choose another name or allow overwriting (--overwrite).")
    if not target.parent.is_dir():
        raise OutputError(f"The folder '{target.parent}' does not exist; create it or choose another.")
    if not os.access(target.parent, os.W_OK):
        raise OutputError(f"The folder '{target.parent}' is not writable; choose another.")


def _check_window(window: Sequence[int] | None, scene: Scene) -> Window:
    if window is None:
        return Window(0, 0, scene.width, scene.height)
    x, y, width, height = window
    if x < 0 or y < 0 or width < 1 or height < 1 or x + width > scene.width or y + height > scene.height:
        raise RequestError(
            f"The window x={x}, y={y}, {width} x {height} pixels is not inside the raster of "
            f"{scene.width} x {scene.height} pixels; give x,y,width,height within it."
        )
    return Window(x, y, width, height)


def _write(
    part: Path,
    scene: Scene,
    area: Window,
    progress: Callable[[int, int], None] | None,
    cancelled: Callable[[], bool] | None,
) -> PixelCounts:
    """Write the file piece by piece, then make sure that all of it can be read."""
    pieces, checks = list(_pieces(area, _PIECE)), list(_pieces(area, _CHECKED))
    done, counts = 0, PixelCounts()

    def steps(windows: Sequence[Window]) -> Iterator[Window]:
        nonlocal done
        for window in windows:
            if cancelled is not None and cancelled():
                raise CancelledError("Stopped; nothing was written.")
            yield window
            done += 1
            if progress is not None:
                progress(done, len(pieces) + len(checks))

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", NotGeoreferencedWarning)
            with rasterio.open(part, "w", **_profile(scene, area)) as dataset:
                _describe(dataset, scene, area)
                for piece in steps(pieces):
                    x, y = area.col_off + piece.col_off, area.row_off + piece.row_off
                    patch = scene.read(Window(x, y, piece.width, piece.height))
                    counts += patch.counts
                    dataset.write(_to_integers(patch.reflectance, patch.valid, scene), window=piece)
            _check_whole(part, steps(checks))
    except (RasterioError, OSError) as error:
        raise OutputError(
            f"'{part.with_suffix('')}' could not be written ({detail(error)}); "
            "check the free space or choose another folder."
        ) from error
    return counts


def _check_whole(part: Path, pieces: Iterable[Window]) -> None:
    """Read everything once: a full disk shows when the last blocks are flushed, and then raises nothing.

    Raises:
        RasterioError: some part of the file is not there.
    """
    with rasterio.open(part) as written:
        for piece in pieces:
            written.read(window=piece)


def _pieces(area: Window, columns: int) -> Iterator[Window]:
    """Windows of whole blocks that cover the output, row by row."""
    width, height = int(area.width), int(area.height)
    for y in range(0, height, _BLOCK):
        for x in range(0, width, columns):
            yield Window(x, y, min(columns, width - x), min(_BLOCK, height - y))


def _to_integers(reflectance: np.ndarray, valid: np.ndarray, scene: Scene) -> np.ndarray:
    """Reflectance (8, H, W), changed in place, as uint16 x 10000; valid values are at least 1."""
    reflectance *= np.float32(1.0 / INTEGER_SCALE)
    np.rint(reflectance, out=reflectance)
    np.clip(reflectance, 1.0, 65535.0, out=reflectance)
    numbers = reflectance.astype(np.uint16)
    numbers *= valid
    numbers[~scene.mapping.available] = NODATA
    return numbers


def _profile(scene: Scene, area: Window) -> dict[str, Any]:
    profile = {
        "driver": "GTiff",
        "dtype": "uint16",
        "count": len(BANDS),
        "width": int(area.width),
        "height": int(area.height),
        "nodata": NODATA,
        "crs": scene.crs,
        "tiled": True,
        "blockxsize": _BLOCK,
        "blockysize": _BLOCK,
        "predictor": 2,
        "photometric": "MINISBLACK",
        "bigtiff": "IF_SAFER",
        "num_threads": min(4, os.cpu_count() or 1),
        **compression(9),
    }
    if not scene.transform.is_identity:
        profile["transform"] = scene.transform * Affine.translation(area.col_off, area.row_off)
    return profile


def _describe(dataset: DatasetWriter, scene: Scene, area: Window) -> None:
    """Names, wavelengths, scale and provenance."""
    mapping = scene.mapping
    dataset.descriptions = BAND_NAMES
    dataset.scales = (INTEGER_SCALE,) * len(BANDS)
    dataset.offsets = (0.0,) * len(BANDS)
    dataset.colorinterp = [_COLOURS.get(name, ColorInterp.undefined) for name in BAND_NAMES]
    said = []
    for index, band in enumerate(BANDS):
        status, from_band = mapping.status(index), mapping.source_band[index]
        dataset.update_tags(index + 1, WAVELENGTH_NM=f"{band.wavelength_nm:g}", STATUS=status)
        said.append(f"{band.name}={from_band if status == STATUS_GIVEN else status}")
    tags = {
        "CREATED_BY": f"HydraNet {__version__} prepare",
        "SOURCE": Path(scene.path).name,
        "SOURCE_WINDOW": ",".join(str(int(v)) for v in (area.col_off, area.row_off, area.width, area.height)),
        "SOURCE_BANDS": ",".join(said),
        "SOURCE_BANDS_METHOD": mapping.method,
        "SOURCE_RADIOMETRY": "reflectance = (value + {offset}) * {scale} ({method})".format(
            **scene.radiometry.as_dict()
        ),
        SCALE_TAG: f"{INTEGER_SCALE:g},0",
    }
    if "RADIOMETRY" in scene.tags:
        tags["RADIOMETRY"] = scene.tags["RADIOMETRY"]
    if mapping.pan_synthesised:
        tags[_PAN_TAG] = _pan_formula(scene)
    dataset.update_tags(**tags)


def _pan_formula(scene: Scene) -> str:
    """What PAN was made of: now, or when the source itself was prepared."""
    if scene.mapping.status(PAN) != STATUS_MISSING and scene.mapping.source_band[PAN] is not None:
        return scene.tags.get(_PAN_TAG, "unknown")
    weights = pan_weights(scene.mapping.available)
    return " + ".join(f"{weight:.4f} {BAND_NAMES[index]}" for index, weight in weights.items())


def _replace(part: Path, target: Path) -> None:
    try:
        for suffix in _SIDECARS:
            target.with_name(target.name + suffix).unlink(missing_ok=True)
        os.replace(part, target)
    except OSError as error:
        raise OutputError(
            f"'{target}' cannot be replaced ({error.strerror}); close it elsewhere first."
        ) from error
