"""What conditional execution saves: the same scene with 1, 2 and all experts per tile.

The runs are interleaved (one round of every case, then the next), so that a machine that slows down
slows all cases, and medians are compared as ratios. Beside the time stands what the arithmetic alone
would save: the gap between the two is reading, blending, writing and small batches.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from model_core.model import Model
from model_core.predict import predict
from model_core.request import PredictRequest

PARTS = ("read", "encode", "decode", "blend", "write")


@dataclass
class Case:
    """One way to run the scene, and what was measured.

    Attributes:
        k: experts per tile.
        batch: tiles per batch.
        seconds: wall time of each round.
        summaries: run.json of each round.
    """

    name: str
    k: int
    batch: int = 8
    seconds: list[float] = field(default_factory=list)
    summaries: list[dict[str, Any]] = field(default_factory=list)

    @property
    def median(self) -> float:
        return statistics.median(self.seconds)

    @property
    def tiles(self) -> int:
        """Tiles that hold data."""
        tiles = self.summaries[-1]["tiles"]
        return tiles["total"] - tiles["empty"]

    @property
    def mac_ratio(self) -> float:
        macs = self.summaries[-1]["macs"]
        return macs["spent"] / macs["all_experts"]

    def part(self, name: str) -> float:
        """Median seconds of one part of the work."""
        return statistics.median(summary["seconds"][name] for summary in self.summaries)


def cases_for(model: Model) -> list[Case]:
    """k = 1, k = 2 and all experts in batches, and k = 2 tile by tile."""
    every = len(model.experts)
    cases = [Case(f"k = {k}", k) for k in (1, 2) if k < every]
    cases.append(Case(f"all {every} experts", every))
    if every > 2:
        cases.append(Case("k = 2, one tile per batch", 2, batch=1))
    return cases


def measure(
    model: Model, scene: Path, bands: str, cases: Sequence[Case], rounds: int, say: Callable[[str], None]
) -> None:
    """Run every case once to warm up, then `rounds` times in turn; the cases keep the results."""
    with tempfile.TemporaryDirectory() as folder:
        for turn in range(rounds + 1):
            for case in cases:
                # Every expert may be asked, whatever the scene's pixel size: this is about time.
                request = PredictRequest(
                    str(scene), str(Path(folder) / "run"), bands=bands, policy="top-k", top_k=case.k,
                    force_gsd=True, overwrite=True,
                )  # fmt: skip
                begin = time.perf_counter()
                summary = predict(request, load_model=lambda path: model, batch_size=case.batch)
                if turn:
                    case.seconds.append(time.perf_counter() - begin)
                    case.summaries.append(summary)
            say(f"round {turn} of {rounds}" if turn else "warmed up")


def results(cases: Sequence[Case]) -> list[dict[str, Any]]:
    """The measurements as JSON."""
    dense = max(cases, key=lambda case: case.k).median
    return [
        {
            "name": case.name,
            "k": case.k,
            "batch": case.batch,
            "tiles": case.tiles,
            "seconds": [round(value, 4) for value in case.seconds],
            "median_seconds": round(case.median, 4),
            "tiles_per_second": round(case.tiles / case.median, 2),
            "time_ratio": round(case.median / dense, 4),
            "mac_ratio": round(case.mac_ratio, 4),
            "parts": {name: round(case.part(name), 4) for name in PARTS},
        }
        for case in cases
    ]


def ratios(rows: Sequence[dict[str, Any]]) -> dict[str, float]:
    """Time of one and of two experts a tile against all of them, beside the ratio of the arithmetic."""
    found = {}
    for row in rows:
        if row["k"] in (1, 2) and row["batch"] > 1:
            found[f"k{row['k']}_over_all"] = row["time_ratio"]
            found[f"k{row['k']}_over_all_macs"] = row["mac_ratio"]
    return found


def table(rows: Sequence[dict[str, Any]]) -> str:
    """The measurements for people; ratios are to running all experts."""
    head = f"{'':<26}{'tiles/s':>9}{'time':>8}{'MACs':>8}   " + "".join(f"{name:>9}" for name in PARTS)
    lines = [head]
    for row in rows:
        shares = "".join(f"{row['parts'][name] / row['tiles'] * 1000:>9.1f}" for name in PARTS)
        ratios = f"{row['time_ratio']:>8.2f}{row['mac_ratio']:>8.2f}"
        lines.append(f"{row['name']:<26}{row['tiles_per_second']:>9.1f}{ratios}   {shares}")
    lines.append("time, MACs: ratio to all experts; parts in ms per tile, reading and writing run beside.")
    return "\n".join(lines)
