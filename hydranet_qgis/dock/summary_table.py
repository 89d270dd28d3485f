"""A run in numbers: tiles per expert with shares and mean scores, totals, and the same as CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from ..object_records import RunObjects
from ..run_folder import Run
from ..scene_expert import spoken
from ..uncertainty import MODEL, TOTAL
from .tile_columns import TileColumns

# Names of columns and totals are no words for a reader but keys for a program: they are not translated.
_HEADER = (
    *("item", "title", "tiles", "share", "mean_score", "threshold"),
    *("simulated", "seconds", "macs_per_tile", "note", "mean_uncertainty", "mean_model_uncertainty"),
)


@dataclass(frozen=True)
class ExpertNumbers:
    """One expert in a run.

    Attributes:
        tiles: number of tiles it was chosen for.
        share: of all tiles, 0 to 1.
        mean_score: over the tiles that have data and lie within the mask, None if there is none.
        uncertainty, model_uncertainty: means over the tiles it decoded, None if the run tells none.
    """

    name: str
    label: str
    tiles: int
    share: float
    mean_score: float | None
    threshold: float
    simulated: bool
    seconds: float
    macs: int | None
    skipped: str | None
    uncertainty: float | None = None
    model_uncertainty: float | None = None


@dataclass(frozen=True)
class SceneNumbers:
    """One scene class in a run.

    Attributes:
        name, label: the class, and what the user reads; neither is translated.
        tiles: number of tiles that have it.
        share: of all tiles, 0 to 1.
        mean_score: mean probability of the class over these tiles.
    """

    name: str
    label: str
    tiles: int
    share: float
    mean_score: float | None


@dataclass(frozen=True)
class ObjectNumbers:
    """The objects of one class in a run.

    Attributes:
        name, label: the class, and what the user reads; neither is translated.
        tiles: number of objects; named as in `ExpertNumbers`, for they are drawn alike.
        share: of all objects, 0 to 1.
        mean_score: over them.
    """

    name: str
    label: str
    tiles: int
    share: float
    mean_score: float | None


def object_numbers(found: RunObjects) -> list[ObjectNumbers]:
    """The classes that the run's objects have, the most frequent first."""
    sums = dict.fromkeys(found.by_class, 0.0)
    for record in found.records:
        sums[record.label] += record.score
    total = len(found.records) or 1
    order = sorted(found.by_class.items(), key=lambda item: -item[1])
    return [ObjectNumbers(name, name, count, count / total, sums[name] / count) for name, count in order]


def scene_numbers(columns: TileColumns) -> list[SceneNumbers]:
    """The scene classes that the run's tiles have, the most frequent first."""
    sums = dict.fromkeys(columns.scenes, 0.0)
    for tile in columns.tiles:
        if tile.scene:
            sums[tile.scene] += tile.scene_score or 0.0
    found = sorted(columns.scenes.items(), key=lambda item: -item[1])
    total = columns.run.total or 1
    return [
        SceneNumbers(name, spoken(name), count, count / total, sums[name] / count) for name, count in found
    ]


def expert_numbers(columns: TileColumns) -> list[ExpertNumbers]:
    """The experts in the run's order, counted from its tiles, which a run of scores only has as well."""
    run = columns.run
    return [
        ExpertNumbers(
            name=expert.name,
            label=expert.label,
            tiles=columns.counts[expert.name],
            share=columns.counts[expert.name] / run.total if run.total else 0.0,
            mean_score=mean,
            threshold=expert.threshold,
            simulated=expert.simulated,
            seconds=expert.seconds,
            macs=expert.macs,
            skipped=expert.skipped,
            uncertainty=columns.mean_unsure(TOTAL, expert.name),
            model_uncertainty=columns.mean_unsure(MODEL, expert.name),
        )
        for expert, mean in zip(run.experts, columns.means)
    ]


def spent_macs(run: Run) -> tuple[float, float] | None:
    """Multiply-accumulates the run took, and those that every expert on every tile would have taken.

    None for runs of older versions, which do not tell what a tile costs.
    """
    if run.encoder_macs is None or run.switcher_macs is None or run.saved is None or run.saved >= 1.0:
        return None
    decoding = sum(expert.tiles * (expert.macs or 0) for expert in run.experts)
    spent = run.encoded * (run.encoder_macs + run.switcher_macs + run.scene_macs) + decoding
    return float(spent), spent / (1.0 - run.saved)


def summary_csv(
    run: Run,
    numbers: list[ExpertNumbers],
    scenes: Sequence[SceneNumbers] = (),
    found: RunObjects | None = None,
) -> str:
    """The experts, below them totals, scene classes and objects, as CSV with CRLF line ends.

    The lines of objects count these, not tiles, in the column of tiles: all of them, those of each class, and
    those that each expert of the last decoder layer served most.
    """
    text = io.StringIO()
    table = csv.writer(text)
    table.writerow(_HEADER)
    for one in numbers:
        table.writerow(
            (
                *(one.name, one.label, one.tiles, _short(one.share), _short(one.mean_score)),
                # The policy top-k compares with no threshold.
                *("" if run.policy == "top-k" else _short(one.threshold), "yes" if one.simulated else "no"),
                *(_short(one.seconds), "" if one.macs is None else one.macs, one.skipped or ""),
                *(_short(one.uncertainty), _short(one.model_uncertainty)),
            )
        )
    for item, tiles in (
        *(("(tiles)", run.total), ("(routed)", run.routed), ("(abstained)", run.abstained)),
        *(("(no data)", run.empty), ("(outside mask)", run.masked)),
    ):
        table.writerow((item, "", tiles, _short(tiles / run.total if run.total else 0.0), *[""] * 8))
    rest = (("(compute saved)", run.saved, None), ("(run)", None, run.seconds))
    for item, share, seconds in rest:
        table.writerow((item, "", "", _short(share), "", "", "", _short(seconds), *[""] * 4))
    for one in scenes:
        mean = _short(one.mean_score)
        table.writerow(("(scene)", one.name, one.tiles, _short(one.share), mean, *[""] * 7))
    if found is not None and found.expert is not None and not found.problem:
        _write_objects(table, found)
    return text.getvalue()


def _write_objects(table: Any, found: RunObjects) -> None:
    total = len(found.records)
    table.writerow(("(objects)", "", total, *[""] * 9))
    for one in object_numbers(found):
        mean = _short(one.mean_score)
        table.writerow(("(object class)", one.name, one.tiles, _short(one.share), mean, *[""] * 7))
    for number, count in found.by_expert.items():
        table.writerow(("(object expert)", number, count, _short(count / total), *[""] * 8))


def tiles_csv(columns: TileColumns) -> Iterator[str]:
    """Every tile as a line of CSV, the header first."""
    names = [expert.name for expert in columns.run.experts]
    text = io.StringIO()
    table = csv.writer(text)

    def line(values: list[object]) -> str:
        text.seek(0)
        text.truncate()
        table.writerow(values)
        return text.getvalue()

    scene = columns.run.scene_expert is not None
    # As the columns of the run's own table are called.
    unsure = [
        (prefix + expert.name, kind, at)
        for kind, prefix in ((TOTAL, "uncertainty_"), (MODEL, "model_uncertainty_"))
        for at, expert in enumerate(columns.run.experts)
        if expert.uncertainty.has_mean(kind)
    ]
    head = ["tile", "row", "col", "valid", "chosen", "reason", *(f"score_{name}" for name in names)]
    head += ["scene", "scene_score", "scene_branches"] if scene else []
    classes = list(columns.found.by_class) if columns.has_objects else []
    head += ["objects", *(f"objects_{name}" for name in classes)] if columns.has_objects else []
    yield line([*head, *(name for name, _, _ in unsure)])
    for tile in columns.tiles:
        values: list[object] = [tile.index, tile.row, tile.col, _short(tile.valid)]
        values += [" ".join(tile.chosen), tile.reason, *map(_long, tile.scores)]
        if scene:
            values += [tile.scene, _long(tile.scene_score), " ".join(map(str, tile.scene_branches))]
        if columns.has_objects:
            # Empty where none were looked for.
            count, here = columns.object_count(tile), columns.found.by_tile.get(tile.index, ())
            values.append("" if count is None else count)
            values += ["" if count is None else sum(r.label == name for r in here) for name in classes]
        yield line([*values, *(_long(tile.unsure(kind, at)) for _, kind, at in unsure)])


def _long(number: float | None) -> str:
    """With six decimals, empty for None."""
    return "" if number is None else f"{number:.6f}"


def _short(number: float | None) -> str:
    """With four decimals at most, empty for None."""
    return "" if number is None else f"{number:.4f}".rstrip("0").rstrip(".")
