"""A run in numbers: tiles per expert with shares and mean scores, totals, and the same as CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass

from ..run_folder import Run
from .tile_columns import TileColumns

# Names of columns and totals are no words for a reader but keys for a program: they are not translated.
_HEADER = (
    *("item", "title", "tiles", "share", "mean_score", "threshold"),
    *("simulated", "seconds", "macs_per_tile", "note"),
)


@dataclass(frozen=True)
class ExpertNumbers:
    """One expert in a run.

    Attributes:
        tiles: number of tiles it was chosen for.
        share: of all tiles, 0 to 1.
        mean_score: over the tiles that have data and lie within the mask, None if there is none.
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
    spent = run.encoded * (run.encoder_macs + run.switcher_macs) + decoding
    return float(spent), spent / (1.0 - run.saved)


def summary_csv(run: Run, numbers: list[ExpertNumbers]) -> str:
    """The table of experts, and below it the totals in the same columns, as CSV with CRLF line ends."""
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
            )
        )
    for item, tiles in (
        *(("(tiles)", run.total), ("(routed)", run.routed), ("(abstained)", run.abstained)),
        *(("(no data)", run.empty), ("(outside mask)", run.masked)),
    ):
        table.writerow((item, "", tiles, _short(tiles / run.total if run.total else 0.0), *[""] * 6))
    rest = (("(compute saved)", run.saved, None), ("(run)", None, run.seconds))
    for item, share, seconds in rest:
        table.writerow((item, "", "", _short(share), "", "", "", _short(seconds), "", ""))
    return text.getvalue()


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

    yield line(["tile", "row", "col", "valid", "chosen", "reason", *(f"score_{name}" for name in names)])
    for tile in columns.tiles:
        scores = ["" if score is None else f"{score:.6f}" for score in tile.scores]
        place = [tile.index, tile.row, tile.col, _short(tile.valid)]
        yield line([*place, " ".join(tile.chosen), tile.reason, *scores])


def _short(number: float | None) -> str:
    """With four decimals at most, empty for None."""
    return "" if number is None else f"{number:.4f}".rstrip("0").rstrip(".")
