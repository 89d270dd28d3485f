"""What is compared with a reference: a class raster, or an expert's raster in a run folder."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rasterio.io import DatasetReader

from ...errors import HydraNetError, OutputError, RequestError, SceneError
from ...journal import RUN_JSON
from ...raster_file import open_raster
from ...rundir import read_run
from ...uncertainty import TOTAL
from .legend import Legend, legend_of
from .polygons import PixelGrid
from .request import EvaluateRequest


@dataclass(frozen=True)
class Compared:
    """A class raster with what is known of it.

    Attributes:
        path: of the raster; its first band has the classes.
        title: what it is called in the report.
        legend: what its values mean.
        grid: its pixels.
        run: the run.json of a run folder, whose routing is looked at, too; None = a raster was given.
        expert: the expert's entry in the run.json; None = the raster is of no run.
        source_run: the run.json of the run that the raster is of, given by its folder or not.
        uncertainty_band: number of the band of the total uncertainty; None = there is none.
        notes: sentences for the user.
    """

    path: str
    title: str
    legend: Legend
    grid: PixelGrid
    run: Mapping[str, Any] | None = None
    expert: Mapping[str, Any] | None = None
    source_run: Mapping[str, Any] | None = None
    uncertainty_band: int | None = None
    notes: tuple[str, ...] = ()


def open_compared(request: EvaluateRequest) -> Compared:
    """Find out what `request.input` is.

    Raises:
        RequestError: it is no class raster, or the run has no such expert or no raster of it.
        OutputError: the folder holds no finished run.
        SceneError: the raster cannot be opened.
    """
    if os.path.isdir(request.input):
        return _of_run(Path(request.input), request.expert)
    if request.expert is not None:
        raise RequestError(
            f"The expert '{request.expert}' was asked for, but '{request.input}' is no run folder; leave the "
            "expert out, or give the run folder."
        )
    with open_raster(request.input) as dataset:
        check_classes(dataset, request.input)
        run, entry = _run_around(request.input)
        if entry is not None and run is not None:
            return _described(dataset, request.input, run, entry, whole_run=False)
        several = f"Of {dataset.count} bands of the input the first was compared."
        notes = (several,) if dataset.count > 1 else ()
        name = os.path.basename(request.input.rstrip("/\\")) or request.input
        return Compared(request.input, name, legend_of(dataset), grid_of(dataset), notes=notes)


def grid_of(dataset: DatasetReader) -> PixelGrid:
    """The pixels of an open raster."""
    return PixelGrid(dataset.crs, dataset.transform, dataset.width, dataset.height)


def check_classes(dataset: DatasetReader, name: str) -> None:
    """Refuse a raster whose first band cannot hold classes.

    Raises:
        RequestError: it holds no whole numbers.
    """
    kind = dataset.dtypes[0]
    if not kind.startswith(("int", "uint")):
        raise RequestError(
            f"'{name}' holds numbers of type {kind}; expected classes as whole numbers: give a class raster, "
            "or round its values first."
        )


def _of_run(folder: Path, wanted: str | None) -> Compared:
    run = read_run(folder)
    try:
        entry = _expert_of(run, wanted, folder)
        path = str(folder / os.path.basename(entry["output"]))
        with open_raster(path) as dataset:
            check_classes(dataset, path)
            return _described(dataset, path, run, entry, whole_run=True)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise OutputError(
            f"'{folder / RUN_JSON}' is damaged ({error!r}); run the prediction again."
        ) from error


def _expert_of(run: Mapping[str, Any], wanted: str | None, folder: Path) -> Mapping[str, Any]:
    """The entry of the expert to compare."""
    there = [one for one in run["experts"] if one["kind"] == "classes" and one["output"]]
    names = ", ".join(one["name"] for one in there) or "none"
    if wanted is None:
        if len(there) == 1:
            return there[0]
        raise RequestError(
            f"The run '{folder}' has rasters of {len(there)} experts with classes ({names}); say which one "
            "is compared (--expert; in QGIS: Expert)."
        )
    for one in run["experts"]:
        if one["name"] != wanted:
            continue
        if one["kind"] != "classes":
            raise RequestError(
                f"The expert '{wanted}' gives {one['kind']}, not classes, so no matrix can be made; of this "
                f"run can be compared: {names}."
            )
        if not one["output"]:
            raise RequestError(
                f"The run '{folder}' has no raster of '{wanted}', as no tile went there; of this run can be "
                f"compared: {names}."
            )
        return one
    raise RequestError(f"The run '{folder}' has no expert '{wanted}'; can be compared: {names}.")


def _run_around(path: str) -> tuple[Mapping[str, Any] | None, Mapping[str, Any] | None]:
    """The run that a raster is of and its expert's entry, if it lies in a run folder."""
    folder = Path(path).parent
    if not (folder / RUN_JSON).is_file():
        return None, None
    try:
        run = read_run(folder)
    except HydraNetError:
        return None, None
    named = [one for one in run["experts"] if one.get("output") == os.path.basename(path)]
    return (run, named[0]) if len(named) == 1 and named[0].get("kind") == "classes" else (None, None)


def _described(
    dataset: DatasetReader, path: str, run: Mapping[str, Any], entry: Mapping[str, Any], *, whole_run: bool
) -> Compared:
    """A run's raster with the names and colours that the run tells."""
    classes = entry["classes"]
    names = {int(one["value"]): str(one["name"]) for one in classes}
    colors = {int(one["value"]): str(one["color"]) for one in classes if one["color"]}
    empty = [value for value in names if value not in colors]
    legend = Legend(names, colors, empty[0] if len(empty) == 1 else None)
    grid = grid_of(dataset)
    size = (int(run["window"]["width"]), int(run["window"]["height"]))
    if (grid.width, grid.height) != size:
        raise SceneError(
            f"'{path}' has {grid.width} x {grid.height} pixels, but the run covers {size[0]} x {size[1]}; it "
            "was changed, run the prediction again."
        )
    band = (entry.get("uncertainty_bands") or {}).get(TOTAL)
    fits = isinstance(band, int) and 1 < band <= dataset.count
    title = f"{entry['title']} ({os.path.basename(path)})"
    return Compared(
        path, title, legend, grid, run if whole_run else None, entry, run, band if fits else None,
    )  # fmt: skip
