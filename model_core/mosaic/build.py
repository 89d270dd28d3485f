"""Making the mosaic folder: everything is written beside it, read back, and then takes its place.

What the user put into the folder stays there; what an earlier mosaic wrote goes. The runs are only read.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyogrio
import rasterio
from rasterio.errors import RasterioError

from .. import __version__
from ..errors import OutputError
from ..geopackage import READ_FAILURES
from ..libraries import LibraryError, advice
from ..raster_file import detail
from ..styles import objects_style, raster_style, tiles_style
from ..whole_folder import recover, whole_folder
from .layers import RasterLayer, VectorLayer, group
from .raster_vrt import raster_vrt, relative_to
from .runs import MANIFEST, Run, find_runs
from .vector_vrt import vector_vrt

FORMAT = "hydranet-mosaic/1"
WHAT, FOLDER = "mosaic", "mosaic"
_RANGE = re.compile(r'classification(Min|Max)="([^"]+)"')


def make_mosaic(
    folders: Sequence[str | Path], output: str | Path | None = None, *, stac: bool = True
) -> dict[str, Any]:
    """Lay the runs below some folders over each other.

    Args:
        folders: where the runs are.
        output: the folder to make; None = `mosaic` in the first of them.
        stac: also write a STAC catalogue.

    Returns:
        "folder", "runs" (their number), "rasters" and "tables" (names of files), "catalog" (a path or
        None) and "warnings".

    Raises:
        RequestError: a folder is none, or holds no finished run.
        OutputError: the mosaic cannot be written, or its folder holds something else.
        LibraryError: pystac is missing.
    """
    out = Path(output) if output is not None else Path(folders[0]) / FOLDER
    out = out.resolve()
    recover(out, WHAT, _keep_users)
    _former(out)
    runs, notes = find_runs(folders, out)
    rasters, vectors, apart = group(runs)
    notes += apart
    files: dict[str, bytes] = {}
    for raster in rasters:
        files[f"{raster.name}.vrt"] = raster_vrt(raster, out).encode()
        files[f"{raster.name}.qml"] = raster_style(raster.spec, *_range(raster)).encode()
    for vector in vectors:
        files[f"{vector.name}.vrt"] = vector_vrt(vector, out).encode()
        experts = vector.sources[0][0].experts
        style = tiles_style(experts) if vector.spec is None else objects_style(vector.spec)
        files[f"{vector.name}.qml"] = style.encode()
    if stac:
        found, unknown = _catalogue(runs, rasters, vectors, out)
        files |= found
        notes += unknown
    parts = [relative_to(run.folder, out) for run in runs]
    if not all(relative for _name, relative in parts):
        notes.append("Runs on another drive are named in full; the mosaic cannot be moved along with them.")
    files[MANIFEST] = _manifest(files, [name for name, _relative in parts], notes)
    _put(out, files, rasters, vectors)
    return {
        "folder": str(out),
        "runs": len(runs),
        "rasters": [f"{layer.name}.vrt" for layer in rasters],
        "tables": [f"{layer.name}.vrt" for layer in vectors],
        "catalog": str(out / "catalog.json") if stac else None,
        "warnings": notes,
    }


def _catalogue(
    runs: Sequence[Run], rasters: Sequence[RasterLayer], vectors: Sequence[VectorLayer], out: Path
) -> tuple[dict[str, bytes], list[str]]:
    try:
        from .stac import catalogue
    except ImportError as error:
        raise LibraryError(
            f"The STAC catalogue needs pystac ({error}); {advice('pystac')} Or leave it out with --no-stac."
        ) from error
    titles = {f"{layer.name}.vrt": layer.spec.title for layer in rasters}
    for layer in vectors:
        title = "Tiles with scores and reasons" if layer.spec is None else layer.spec.title
        titles[f"{layer.name}.vrt"] = title
    return catalogue(runs, titles, out)


def _range(layer: RasterLayer) -> tuple[float | None, float | None]:
    """Smallest and largest value of a density over all runs, which their styles tell."""
    if layer.spec.kind != "density":
        return None, None
    found: dict[str, list[float]] = {"Min": [], "Max": []}
    for _run, raster in layer.sources:
        with contextlib.suppress(OSError, ValueError):
            for end, value in _RANGE.findall(raster.path.with_suffix(".qml").read_text(encoding="utf-8")):
                found[end].append(float(value))
    return min(found["Min"], default=None), max(found["Max"], default=None)


def _manifest(files: dict[str, bytes], runs: list[str], notes: list[str]) -> bytes:
    data = {
        "format": FORMAT,
        "hydranet": __version__,
        "runs": runs,
        "files": sorted([*files, MANIFEST]),
        "warnings": notes,
    }
    return (json.dumps(data, indent=1, ensure_ascii=False) + "\n").encode()


def _former(out: Path) -> list[str]:
    """The files of the mosaic that is there already; none where there is nothing.

    Raises:
        OutputError: the folder holds something, but no mosaic.
    """
    if not os.path.lexists(out):
        return []
    try:
        if not any(out.iterdir()):
            return []
        told = json.loads((out / MANIFEST).read_text(encoding="utf-8"))
        if told["format"] == FORMAT and all(isinstance(name, str) for name in told["files"]):
            return list(told["files"])
    except (OSError, ValueError, KeyError, TypeError):
        pass
    raise OutputError(
        f"'{out}' is there and is no mosaic that HydraNet made; choose an empty or new folder with --out."
    )


def _put(
    out: Path,
    files: dict[str, bytes],
    rasters: Sequence[RasterLayer],
    vectors: Sequence[VectorLayer],
) -> None:
    """Write everything beside the folder, read it back, and let it take the folder's place.

    Raises:
        OutputError: the disk does not take it, or what was written cannot be read; the folder is as it was.
    """
    with whole_folder(out, WHAT, lambda: _former(out), _keep_users) as part:
        for name, content in files.items():
            path = part / name
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
        _check(part, rasters, vectors)


def _keep_users(old: Path, out: Path) -> None:
    """Move what is the user's own from the old folder into the new one.

    What GDAL leaves beside a file, such as statistics, holds for the old file only.
    """
    former = _former(old)
    for top, _folders, names in os.walk(old):
        for name in names:
            path = Path(top) / name
            inside = path.relative_to(old)
            ours = any(inside.as_posix() == one + end for one in former for end in ("", ".aux.xml", ".ovr"))
            if not ours and not (out / inside).exists():
                (out / inside).parent.mkdir(parents=True, exist_ok=True)
                os.replace(path, out / inside)


def _check(folder: Path, rasters: Sequence[RasterLayer], vectors: Sequence[VectorLayer]) -> None:
    """Open every layer that was written.

    Raises:
        OutputError: one cannot be read.
    """
    name = ""
    try:
        for raster in rasters:
            name = f"{raster.name}.vrt"
            with rasterio.open(folder / name) as found:
                _ = found.count
        for vector in vectors:
            name = f"{vector.name}.vrt"
            if [found for found, _kind in pyogrio.list_layers(folder / name)] != [vector.name]:
                raise OSError("its layer is missing")
    except (RasterioError, *READ_FAILURES) as error:
        raise OutputError(f"'{name}' came out unreadable ({detail(error)}); tell the developers.") from error
