"""The routing of a run against the reference: did the tiles that need the expert go there?

A score is of what the network saw of a tile, which is its whole window. So the truth is the window's, too,
although windows overlap and routing.gpkg draws the cores: pixels in an overlap count for each of its tiles.

A tile needs the expert by the rule that training tiles follow (`routerset.relevance_of`): 1 if at least a
share of its valid pixels is content, 0 if not and enough of them have a reference, else unknown, which stays
out of all figures. Content is every class but class 0.

    Brier   mean of (score - needed)**2 (Brier 1950): 0 best
    ECE     expected calibration error over ten bins of equal width (Naeini et al. 2015)
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from rasterio.windows import Window

from ...errors import OutputError
from ...grid import TileGrid
from ...routerset import UNKNOWN, TaskSpec, relevance_of
from ...routing_table import StoredTiles, read_table
from ...rundir import ROUTING_TABLE
from ...spec import ClassSpec
from .. import metrics
from .compared import Compared
from .counting import Sources, in_order
from .truth import Truth


@dataclass(frozen=True)
class TileRow:
    """What is known of one tile.

    Attributes:
        tile: its index in routing.gpkg.
        row, col: its place in the grid.
        score: calibrated, of the compared expert.
        decided: it went to the expert.
        needed: 1, 0 or None = the reference does not tell.
        content, known, valid: pixels of its window that are content and that are known, by the reference;
            and those that hold data.
        compared: pixels with input and reference.
        iou: mean over the content classes that occur in input or reference; None where none does.
    """

    tile: int
    row: int
    col: int
    score: float
    decided: bool
    needed: int | None
    content: int
    known: int
    valid: int
    compared: int
    iou: float | None


def tile_rows(
    compared: Compared,
    truth: Truth,
    sources: Sources,
    share: float,
    threads: int,
    progress: Callable[[int, int], None],
    cancelled: Callable[[], bool],
) -> list[TileRow]:
    """All tiles of the run that have a score.

    Raises:
        OutputError: the run's routing table cannot be read.
        CancelledError: `cancelled` said so.
    """
    run, entry = compared.run, compared.expert
    if run is None or entry is None:
        return []
    names = [one["name"] for one in run["experts"]]
    try:
        size, overlap = int(run["grid"]["tile"]), int(run["grid"]["overlap"])
        grid = TileGrid(compared.grid.width, compared.grid.height, size, overlap)
        task = task_of(entry, share)
    except (KeyError, TypeError, ValueError) as error:
        raise OutputError(f"The run.json is damaged ({error!r}); run the prediction again.") from error
    stored: StoredTiles = read_table(Path(compared.path).parent / ROUTING_TABLE, grid.tiles, names)
    number = names.index(entry["name"])
    rows: dict[int, TileRow] = {}

    def work(index: int) -> None:
        tile = grid.tiles[index]
        window = Window(tile.x, tile.y, tile.width, tile.height)
        values, known = truth.read(window)
        given, there = sources.read(window)
        valid = max(round(float(stored.valid[index]) * known.size), 1)
        needed, content = _needed(values[known], valid, task)
        both = known & there
        rows[index] = TileRow(
            index,
            tile.row,
            tile.col,
            float(stored.scores[index, number]),
            bool(stored.chosen[index, number]),
            needed,
            content,
            int(np.count_nonzero(known)),
            valid,
            int(np.count_nonzero(both)),
            _content_iou(values[both], given[both], task),
        )

    scored = np.flatnonzero(~np.isnan(stored.scores[:, number])).tolist()
    for done, _ in enumerate(in_order(work, scored, threads, cancelled), start=1):
        progress(done, len(scored))
    return [rows[index] for index in scored]


def task_of(entry: dict[str, Any], share: float) -> TaskSpec:
    """When a tile needs the expert of an entry in run.json."""
    classes = tuple(ClassSpec(int(one["value"]), str(one["name"]), one["color"]) for one in entry["classes"])
    present = tuple(one.value for one in classes if one.value != 0)
    return TaskSpec(entry["name"], entry["title"], classes, present, share)


def _needed(known: np.ndarray, valid: int, task: TaskSpec) -> tuple[int | None, int]:
    """`relevance_of` for the known labels (n,) of a tile with so many valid pixels; and pixels of content."""
    label = np.full(max(valid, known.size), UNKNOWN, np.uint8)
    label[: known.size] = known
    content = int(np.count_nonzero(np.isin(known, task.present)))
    return relevance_of(label, np.ones(label.size, bool), task), content


def _content_iou(reference: np.ndarray, given: np.ndarray, task: TaskSpec) -> float | None:
    found = []
    for value in task.present:
        one, other = reference == value, given == value
        union = int(np.count_nonzero(one | other))
        if union:
            found.append(int(np.count_nonzero(one & other)) / union)
    return float(np.mean(found)) if found else None


def router_figures(rows: list[TileRow], entry: dict[str, Any], share: float) -> dict[str, Any]:
    """Precision, recall and F1 of the routing, and how far its scores can be taken for probabilities.

    Args:
        rows: of all tiles with a score.
        entry: of the expert in run.json.
        share: of `TaskSpec`.

    Returns:
        Counts, figures (NaN where not defined) and the bins of the reliability diagram.
    """
    told = [row for row in rows if row.needed is not None]
    score = np.array([row.score for row in told], np.float64)
    needed = np.array([row.needed == 1 for row in told], bool)
    decided = np.array([row.decided for row in told], bool)
    hit, vain, missed = (
        int(np.count_nonzero(which)) for which in (decided & needed, decided & ~needed, ~decided & needed)
    )

    def ratio(top: float, bottom: float) -> float:
        return top / bottom if bottom else float("nan")

    return {
        "expert": entry["name"],
        "share": share,
        "threshold": entry.get("threshold"),
        "tiles": len(rows),
        "unknown": len(rows) - len(told),
        "needed": int(needed.sum()),
        "not_needed": len(told) - int(needed.sum()),
        "decided": int(decided.sum()),
        "hit": hit,
        "in_vain": vain,
        "missed": missed,
        "precision": ratio(hit, hit + vain),
        "recall": ratio(hit, hit + missed),
        "f1": ratio(2 * hit, 2 * hit + vain + missed),
        "brier": float(np.mean((score - needed) ** 2)) if told else float("nan"),
        "ece": metrics.calibration_error(score, needed),
        "bins": metrics.reliability(score, needed),
    }
