"""Compare a class raster, or an expert's raster of a run, with a reference; the result is a report."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from ... import events
from ...budget import cores
from ...errors import RequestError
from ..record import without_nan
from . import tables
from .codes import Codes
from .compared import Compared, open_compared
from .counting import Counted, Sources, count_all, windows_of
from .facts import facts_of
from .folder import FIGURES, FORMAT, REPORT, check_target, write_folder
from .page import page
from .pictures import map_png
from .request import EvaluateRequest
from .tilewise import TileRow, router_figures, tile_rows
from .truth import Truth, open_truth


def evaluate_reference(
    request: EvaluateRequest, emit: events.Emit, cancelled: Callable[[], bool] = lambda: False
) -> dict[str, Any]:
    """Compare, and write the report.

    Args:
        request: what with what.
        emit: hears `started`, `progress` and `log`.
        cancelled: asked often; True ends the job.

    Returns:
        `report` and `files`, names in the output folder; `figures`, `router` (None of a plain raster),
        `uncertainty` (None without its band), `warnings`, `seconds` and `command`. Figures that are not
        defined are None.

    Raises:
        RequestError: input and reference cannot be compared.
        SceneError: a raster cannot be read.
        OutputError: the run is damaged, or the report cannot be written.
        CancelledError: `cancelled` said so.
    """
    begin = time.perf_counter()
    folder = Path(request.output)
    check_target(folder, request.overwrite)
    compared = open_compared(request)
    if request.background is not None and compared.legend.background is None:
        empty = compared.legend.find(request.background, "--background")
        compared = replace(compared, legend=replace(compared.legend, background=empty))
    truth = open_truth(request, compared.grid, compared.legend)
    sources = Sources(compared)
    try:
        facts, counted, tiles = _compare(request, compared, truth, sources, emit, cancelled)
    finally:
        sources.close()
        truth.close()
    files = _files(facts, counted, tiles)
    for note in facts["warnings"]:
        emit(events.log("warning", note))
    write_folder(folder, files, request.overwrite)
    return {
        "report": REPORT,
        "figures": facts["figures"],
        "router": facts["router"],
        "uncertainty": facts["uncertainty"],
        "pixels": facts["pixels"],
        "files": list(files),
        "warnings": facts["warnings"],
        "seconds": round(time.perf_counter() - begin, 3),
        "command": facts["command"],
    }


def _compare(
    request: EvaluateRequest,
    compared: Compared,
    truth: Truth,
    sources: Sources,
    emit: events.Emit,
    cancelled: Callable[[], bool],
) -> tuple[dict[str, Any], Counted, list[TileRow]]:
    """All that the report tells, what it is from, and the tiles."""
    known = [*truth.values, *([] if compared.legend.background is None else [compared.legend.background])]
    codes = Codes(list(dict.fromkeys(known)))
    threads = cores() if request.threads is None else request.threads
    total = len(windows_of(compared.grid.width, compared.grid.height))
    emit(events.started(total, request.output))
    begin = time.perf_counter()

    def tell(done: int, of: int) -> None:
        left = events.time_left(time.perf_counter() - begin, done, of - done)
        emit(events.progress(done, of, f"Compared {done} of {of} parts{left}"))

    def tell_tiles(done: int, of: int) -> None:
        if done % 16 == 0 or done == of:
            emit(events.progress(total, total, f"Compared {done} of {of} tiles"))

    counted = count_all(compared, truth, sources, codes, threads, tell, cancelled)
    if not counted.matrix.any():
        raise RequestError(
            f"No pixel of '{request.input}' has both a class and a reference, of "
            f"{int(counted.input_only.sum())} pixels with a class and {int(counted.reference_only.sum())} "
            "with a reference; check NoData, the area, and where both lie."
        )
    tiles = tile_rows(compared, truth, sources, request.share, threads, tell_tiles, cancelled)
    router = None
    if compared.run is not None and compared.expert is not None:
        router = without_nan(router_figures(tiles, compared.expert, request.share))
        if (compared.run.get("policy") or {}).get("kind") == "top-k":
            router["threshold"] = None  # nothing was compared with it
    return facts_of(request, compared, truth, counted, codes, router), counted, tiles


def _files(facts: Mapping[str, Any], counted: Counted, tiles: list[TileRow]) -> dict[str, bytes]:
    """The report's files by name."""
    classes = facts["figures"]["classes"]
    figures = json.dumps({"format": FORMAT, **facts}, indent=1, ensure_ascii=False, allow_nan=False)
    files = {
        REPORT: page(facts, map_png(counted.outcomes)).encode("utf-8"),
        FIGURES: f"{figures}\n".encode(),
        "confusion.csv": tables.confusion_table(facts["matrix"], [one["name"] for one in classes]),
        "classes.csv": tables.class_table(classes),
    }
    if facts["router"] is not None:
        files["router.csv"] = tables.router_table(facts["router"])
        files["reliability.csv"] = tables.bins_table(facts["router"]["bins"])
        files["tiles.csv"] = tables.tile_table(tiles)
    if facts["uncertainty"] is not None:
        files["uncertainty.csv"] = tables.bins_table(facts["uncertainty"]["bins"])
    return files
