"""Rasters and labels become a routerset: tiles with what they need, shared out by region.

What lies on the disk depends on the request and the files it names alone: not on the number of threads, the
order of the rasters, or how often the work was cut off and continued.
"""

from __future__ import annotations

import os
import time
import warnings
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from typing import Any

import rasterio
from rasterio.errors import NotGeoreferencedWarning

from .. import events
from ..area_file import Shapes, read_shapes
from ..errors import CancelledError, RequestError
from ..libraries import advice
from ..routerset import CONTACT_SHEET
from .cut import Bench, Cut
from .folder import TilesFolder
from .labels import Labels, open_labels
from .outcome import MANNERS, conclude, summary, texts
from .request import TilesRequest
from .source import Source, look_at, names_of
from .told import command

Cancelled = Callable[[], bool]

_SPEAK_S = 0.2  # least time between two reports of progress
# What belongs to a vector file besides the one that is named.
_BESIDE = (".dbf", ".shx", ".prj", ".cpg", "-wal")


def export_tiles(request: TilesRequest, emit: events.Emit, cancelled: Cancelled) -> dict[str, Any]:
    """Make a routerset.

    Args:
        request: what of, and where to.
        emit: hears `started`, `progress` and `log`.
        cancelled: asked often; True ends the work, what is done can be continued.

    Returns:
        `folder`, `tiles` (by split), `regions`, `left_out` (by reason: "no data", "unlabelled", "outside",
        "overlapping"), `tasks` (`name`, `title`, `classes`, by split the tiles that are `needed`,
        `not_needed` and `unknown`, and `pixels` by class), `contact_sheet` (None where it could not be
        drawn), `warnings`, `seconds` and `command`.

    Raises:
        RequestError, SceneError, BandError, BundleError: rasters, labels or area cannot be used.
        OutputError: the folder may not be replaced, or cannot be written.
        CancelledError: `cancelled` said so.
    """
    begin = time.perf_counter()
    asked, request = request, request.absolute()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        labels = [open_labels(layer, cancelled) for layer in request.labels]
        area = None if request.area is None else read_shapes(request.area, "area")
        sources = _look(request, labels, area, cancelled)
        run = _fingerprint(request, sources)
        with TilesFolder(request.output, run, request.overwrite, request.resume) as folder:
            for note in folder.notes:
                emit(events.log("warning", note))
            _cut_all(request, sources, labels, area, folder, emit, cancelled)
            outcome = conclude(request, sources, labels, folder.done)
            files = texts(request, sources, labels, outcome)
            told = summary(labels, outcome)
            sheet, why = _sheet(folder, outcome.entries, labels)
            if sheet is not None:
                files[CONTACT_SHEET] = sheet
            if cancelled():
                raise _stopped(len(folder.done), len(folder.done))
            folder.commit(files, outcome.kept())
    found = {
        "folder": str(folder.path),
        **told,
        "contact_sheet": None if sheet is None else CONTACT_SHEET,
        "warnings": [*told["warnings"], *folder.notes, *why],
        "seconds": round(time.perf_counter() - begin, 2),
        "command": command(asked),
    }
    for note in [*told["warnings"], *why]:
        emit(events.log("warning", note))
    return found


def _look(
    request: TilesRequest, labels: Sequence[Labels], area: Shapes | None, cancelled: Cancelled
) -> list[Source]:
    """Open every raster once, and refuse what can come to nothing."""
    names = names_of(request.inputs)
    sources, met = [], [False] * len(labels)
    for number, path in enumerate(sorted(request.inputs)):
        if cancelled():
            raise CancelledError("Stopped; nothing was written.")
        source = look_at(number, path, names[path], request, area)
        sources.append(source)
        for place, layer in enumerate(labels):
            if source.corners and not met[place]:
                laid = layer.on(source.crs, source.transform, source.width, source.height)
                met[place] = laid is not None
                if laid is not None:
                    laid.close()
    many = f"any of the {len(sources)} rasters" if len(sources) > 1 else "the raster"
    if not any(source.corners for source in sources):
        raise RequestError(
            f"The area '{request.area}' has no pixel in {many}; check where it lies and which CRS it "
            "declares."
        )
    for layer, reached in zip(labels, met, strict=True):
        if not reached:
            inside = " inside the area" if area is not None else ""
            raise RequestError(
                f"No polygon of the labels '{layer.layer.path}' lies in {many}{inside}; check where they lie "
                "and which CRS the file declares."
            )
    return sources


def _fingerprint(request: TilesRequest, sources: Sequence[Source]) -> dict[str, Any]:
    """All that the result depends on, by names the user understands."""
    asked = {key: value for key, value in request.to_json().items() if key not in MANNERS}
    asked["inputs"] = sorted(request.inputs)
    files = [layer.path for layer in request.labels] + ([] if request.area is None else [request.area])
    own = {key: value for key, value in events.versions().items() if key != "torch"}
    return {
        **asked,
        "rasters": [{**source.record, **_stat(source.path)} for source in sources],
        "label and area files": {
            path: [_stat(path), *(_stat(path + end) for end in _BESIDE), *_siblings(path)] for path in files
        },
        "versions": {**own, "gdal": rasterio.__gdal_version__},
    }


def _siblings(path: str) -> list[dict[str, Any]]:
    stem, ending = os.path.splitext(path)
    return [_stat(stem + end) for end in _BESIDE] if ending.lower() == ".shp" else []


def _stat(path: str) -> dict[str, Any]:
    """Size and time of a file; of anything else nothing is known."""
    try:
        found = os.stat(path)
    except OSError:
        return {}
    return {"bytes": found.st_size, "changed": found.st_mtime_ns}


def _cut_all(
    request: TilesRequest,
    sources: Sequence[Source],
    labels: Sequence[Labels],
    area: Shapes | None,
    folder: TilesFolder,
    emit: events.Emit,
    cancelled: Cancelled,
) -> None:
    """Cut what is not done yet, several tiles at a time; only a few are in memory at once."""
    total = sum(len(source.corners) for source in sources)
    before = len(folder.done)
    emit(events.started(total, str(folder.path)))
    begin = spoken = time.perf_counter()
    threads = request.threads or os.cpu_count() or 1
    waiting: dict[Future[Cut], Bench] = {}
    left: dict[Bench, int] = {}

    def collect(least: int) -> None:
        """Take in finished tiles until at most `least` are in work."""
        nonlocal spoken
        while len(waiting) > least:
            done = wait(waiting, timeout=0.5, return_when=FIRST_COMPLETED).done
            for future in sorted(done, key=lambda one: one.exception() is not None):  # what is done is kept
                bench = waiting.pop(future)
                cut = future.result()
                folder.add(cut.record, cut.files)
                left[bench] -= 1
                if not left[bench]:
                    del left[bench]
                    bench.close()
            if cancelled():
                raise _stopped(len(folder.done), total)
            now = time.perf_counter()
            if now - spoken >= _SPEAK_S or len(folder.done) == total:
                spoken, count = now, len(folder.done)
                rest = events.time_left(now - begin, count - before, total - count)
                emit(events.progress(count, total, f"{count} of {total} tiles{rest}"))

    pool = ThreadPoolExecutor(threads, "tiles")
    try:
        for source in sources:
            corners = [corner for corner in source.corners if source.tile_id(*corner) not in folder.done]
            if not corners:
                continue
            bench = Bench(source, request, labels, area)
            left[bench] = len(corners)
            for x, y in corners:
                waiting[pool.submit(bench.cut, x, y)] = bench
                collect(2 * threads)
        collect(0)
    finally:
        pool.shutdown(cancel_futures=True)
        for bench in left:
            bench.close()


def _stopped(done: int, total: int) -> CancelledError:
    return CancelledError(
        f"Stopped after {done} of {total} tiles; repeat the request with --resume (in QGIS: Resume) to go on."
    )


def _sheet(
    folder: TilesFolder, entries: Sequence[Any], labels: Sequence[Labels]
) -> tuple[bytes | None, list[str]]:
    """The contact sheet, or why there is none."""
    try:
        from .contact_sheet import draw
    except ImportError:
        return None, [f"No contact sheet was drawn, as Pillow is missing; {advice('pillow')}"]
    return draw(folder.result, entries, [layer.task for layer in labels]), []
