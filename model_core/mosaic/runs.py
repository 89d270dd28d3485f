"""The finished runs below some folders, checked, in the order in which a mosaic lays them on each other."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import rasterio
from rasterio.crs import CRS
from rasterio.errors import RasterioError
from rasterio.transform import Affine

from ..errors import BundleError, OutputError, RequestError
from ..journal import RUN_JSON, Journal
from ..raster_file import detail
from ..rundir import JOURNAL, ROUTING_TABLE, files_of, read_run
from ..spec import LISTING, ClassSpec, ExpertSpec
from ..uncertainty import TOTAL
from .dates import Span, acquisition

MANIFEST = "mosaic.json"
"""Lies in the folder of a mosaic, below which there are no runs."""

_UNFIT = re.compile(r"[^A-Za-z0-9._-]+")
_CONTROL = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")


@dataclass(frozen=True)
class Raster:
    """One expert's raster of a run.

    Attributes:
        path: where it lies.
        spec: the expert.
        bands: number of each band by what it holds: "1", "2", … for values, then the uncertainties' names.
        dtype, nodata: of all bands.
        block: width and height of its blocks, in pixels.
    """

    path: Path
    spec: ExpertSpec
    bands: dict[str, int]
    dtype: str
    nodata: float
    block: tuple[int, int]


@dataclass(frozen=True)
class Run:
    """A finished run.

    Attributes:
        folder: holds it.
        name: unique among the runs, fit for a file name; its STAC Item's id.
        data: its run.json.
        experts: of its model, in the order of run.json.
        rasters: of the experts that were used, by name.
        objects: name of its GeoPackage of objects and of the expert that made it, or None.
        crs: of its scene, or None.
        transform: from pixels of its rasters to the CRS.
        width, height: of its rasters.
        acquired: when the scene was taken, as far as its name tells.
    """

    folder: Path
    name: str
    data: dict[str, Any]
    experts: tuple[ExpertSpec, ...]
    rasters: dict[str, Raster]
    objects: tuple[str, ExpertSpec] | None
    crs: CRS | None
    transform: Affine
    width: int
    height: int
    acquired: Span | None

    @property
    def routing(self) -> Path:
        """Its routing table."""
        return self.folder / ROUTING_TABLE

    @property
    def model(self) -> str:
        """Checksum of the model it was made with."""
        return self.data["model"]["sha256"]


def find_runs(folders: Sequence[str | Path], beside: Path) -> tuple[list[Run], list[str]]:
    """Find and check every run below the folders.

    Args:
        folders: where to look; a run folder itself will do.
        beside: the folder of the mosaic; it is not looked into, nor is that of another one.

    Returns:
        The runs, undermost first: those whose scene tells no date by its name, then by date; then by the
        scene's name and the folder. And a sentence for each that is damaged or unfinished.

    Raises:
        RequestError: a folder is none, or there is no finished run at all.
    """
    found: list[tuple[str, Path]] = []
    seen: set[str] = set()
    for folder in folders:
        root = Path(folder)
        if not root.is_dir():
            raise RequestError(f"'{folder}' is no folder; give folders that hold runs.")
        found += _walk(root.resolve(), beside, seen)
    runs, notes, taken = [], [], set()
    for name, path in found:
        try:
            run = _read(path, _unique(name, taken))
        except OutputError as error:
            notes.append(f"Left out: {error}")
            continue
        taken.add(run.name.casefold())
        runs.append(run)
    if not runs:
        several = "these folders hold" if len(folders) > 1 else f"'{folders[0]}' holds"
        why = f" {notes[0]}" if notes else ""
        raise RequestError(f"No mosaic can be made, as {several} no finished run; predict first.{why}")
    return sorted(runs, key=_place), notes


def crs_key(crs: CRS) -> str:
    """A short name of a CRS for file names: `epsg32632`, or a part of a checksum where it has no code."""
    return _crs_key(crs.to_wkt())


@lru_cache(maxsize=512)
def _crs_key(wkt: str) -> str:
    authority = CRS.from_wkt(wkt).to_authority(confidence_threshold=100)
    if authority:
        return _UNFIT.sub("", "".join(authority)).lower()
    return f"crs{hashlib.sha256(wkt.encode()).hexdigest()[:8]}"


def _walk(root: Path, beside: Path, seen: set[str]) -> Iterator[tuple[str, Path]]:
    """Folders below a root with a run.json, or an unfinished run, each real folder once; with a name."""
    own = os.path.realpath(beside)
    for top, folders, files in os.walk(root, followlinks=True):
        real = os.path.realpath(top)
        if real in seen or real == own or MANIFEST in files:
            folders.clear()
            continue
        seen.add(real)
        begun = JOURNAL in folders and Journal(Path(top) / JOURNAL).exists
        folders[:] = sorted(name for name in folders if name != JOURNAL)
        if RUN_JSON in files or begun:
            parts = Path(top).relative_to(root).parts or (root.name,)
            yield "-".join(parts), Path(top)


def _unique(name: str, taken: set[str]) -> str:
    plain = _UNFIT.sub("_", name).strip("._-") or "scene"
    number, found = 1, plain if plain.casefold() != "run" else "run_"  # its file is no run.json
    while found.casefold() in taken:
        number += 1
        found = f"{plain}-{number}"
    return found


def _place(run: Run) -> tuple[str, str, str]:
    when = "" if run.acquired is None else run.acquired.start.isoformat()
    return when, scene_name(run.data), run.folder.as_posix()


def scene_name(data: dict[str, Any]) -> str:
    """The last part of the path or address of a run's scene, without what an address may ask for."""
    path = str(data["scene"]["path"])
    plain = path.partition("?")[0] if "://" in path else path
    return re.split(r"[/\\]", plain.rstrip("/\\"))[-1].encode("utf-8", "replace").decode()


def _read(folder: Path, name: str) -> Run:
    """Read a run.

    Raises:
        OutputError: it is unfinished, damaged, or cannot be named in a mosaic.
    """
    if _CONTROL.search(str(folder)):
        raise OutputError(f"'{str(folder)!a}' has characters that no XML can hold; rename the folder.")
    if Journal(folder / JOURNAL).unfinished:
        raise OutputError(f"'{folder}' holds a run that is not finished; continue it, then mosaic again.")
    data = read_run(folder)
    try:
        missing = [file for file in files_of(data) if not (folder / file).is_file()]
        if missing:
            raise OutputError(f"'{folder}' lacks {missing[0]}, a file of its run; run the prediction again.")
        return _checked(folder, name, data)
    except (KeyError, TypeError, ValueError, AttributeError, RasterioError, BundleError) as error:
        raise OutputError(
            f"'{folder / RUN_JSON}' is damaged ({detail(error)}); run the prediction again."
        ) from error


def _checked(folder: Path, name: str, data: dict[str, Any]) -> Run:
    scene, window = data["scene"], data["window"]
    offset = Affine.translation(int(window["col_off"]), int(window["row_off"]))
    transform = Affine(*map(float, scene["transform"])) * offset
    crs = None if scene["crs"] is None else _crs(scene["crs"])
    size = int(window["width"]), int(window["height"])
    if not all(isinstance(data["model"][key], str) for key in ("id", "version", "sha256")):
        raise TypeError("its model has no id, version and checksum")
    for key in ("policy", "tiles", "versions", "request"):
        if not isinstance(data.get(key, {}), dict):
            raise TypeError(f"'{key}' is no object")
    int(data["grid"]["tile"])
    experts = tuple(_spec(entry) for entry in data["experts"])
    rasters: dict[str, Raster] = {}
    objects = None
    for entry, spec in zip(data["experts"], experts, strict=True):
        if entry.get("output") is None:
            continue
        if entry["output"] not in files_of(data):
            raise ValueError(f"{entry['output']!r} is no name of a file")
        path = folder / entry["output"]
        if spec.kind == "objects":
            objects = entry["output"], spec
        else:
            rasters[spec.name] = _raster(path, spec, entry, size, transform)
    when = acquisition(scene_name(data), data["created"])
    return Run(folder, name, data, experts, rasters, objects, crs, transform, *size, when)


def _spec(entry: dict[str, Any]) -> ExpertSpec:
    classes = tuple(ClassSpec(c["value"], c["name"], c["color"]) for c in entry.get("classes") or ())
    channels = len(classes) if entry["kind"] in LISTING else 1
    return ExpertSpec(
        entry["name"], entry["title"], entry["kind"], channels, classes, unit=entry.get("unit"),
        simulated=bool(entry.get("simulated")), description=entry.get("description") or "",
        license=entry.get("license") or "", heads=int(entry.get("heads", 1)),
    )  # fmt: skip


def _raster(
    path: Path, spec: ExpertSpec, entry: dict[str, Any], size: tuple[int, int], transform: Affine
) -> Raster:
    """What a raster's head tells.

    Raises:
        OutputError: it cannot be read, or is not the one of its run.json.
    """
    one = entry.get("uncertainty_band")
    more = entry.get("uncertainty_bands") or ({TOTAL: one} if one else {})
    more = {str(name): int(number) for name, number in more.items()}
    try:
        with rasterio.open(path) as raster:
            told = (raster.width, raster.height) == size and raster.transform.almost_equals(transform)
            if not told or len(set(raster.dtypes)) > 1 or max(more.values(), default=1) > raster.count:
                raise OutputError(
                    f"'{path}' is not the raster that its run.json tells of; run the prediction again."
                )
            values = [n for n in raster.indexes if n not in more.values()]
            bands = {str(place): number for place, number in enumerate(values, start=1)} | more
            height, width = raster.block_shapes[0]
            return Raster(path, spec, bands, raster.dtypes[0], float(raster.nodata), (width, height))
    except RasterioError as error:
        raise OutputError(f"'{path}' cannot be read ({detail(error)}); run the prediction again.") from error


@lru_cache(maxsize=512)
def _crs(wkt: str) -> CRS:
    return CRS.from_wkt(wkt)
