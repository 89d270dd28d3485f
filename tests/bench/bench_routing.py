"""What scores without decoding cost, and giving a finished run another policy, over making it anew.

Whole runs with a loaded model; beside the time stands what the arithmetic alone would take. A reroute is
measured only if its files are, byte for byte, those of the new run that it is compared with.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from model_core.grid import TileGrid
from model_core.model import Model
from model_core.predict import RunSummary, predict
from model_core.request import PredictRequest, RerouteRequest
from model_core.reroute import reroute
from model_core.routing import Policy, decide
from model_core.routing_table import read_table
from model_core.rundir import ROUTING_TABLE

from .bench_experts import SLACK
from .setting import Setting
from .timing import figure, interleaved, ratio

SHARE = 0.05
"""Of the tiles, how many a small change of policy concerns."""
ONE: dict[str, Any] = {"policy": "top-k", "top_k": 1}
TWO: dict[str, Any] = {"policy": "top-k", "top_k": 2}
PLAIN: dict[str, Any] = {"policy": "threshold", "top_k": 2}


def run(setting: Setting) -> dict[str, Any]:
    """Time the enlarged sample: `route`, from k = 1 to k = 2, and one threshold lowered a little."""
    runs = Runs(setting)
    runs.predict("one", ONE)
    thresholds, share = small_change(setting.model, runs.predict("plain", PLAIN), runs.folder("plain"))
    lowered = {**PLAIN, "thresholds": thresholds}
    cases = {
        "predict": partial(runs.predict, "predict", TWO),
        "route": partial(runs.predict, "route", TWO, decode=False),
        "reroute": partial(runs.reroute, "reroute", TWO),
        "lowered": partial(runs.predict, "lowered", lowered),
        "small": partial(runs.reroute, "small", lowered),
    }
    before = {"reroute": partial(runs.copy, "one", "reroute"), "small": partial(runs.copy, "plain", "small")}
    seconds = interleaved(cases, setting.rounds, setting.say, before)
    same_files(runs.folder("reroute"), runs.folder("predict"))
    same_files(runs.folder("small"), runs.folder("lowered"))
    figures = {}
    for name, above, below, what in (
        ("route_over_predict", "route", "predict", "`route` over `predict` with k = 2"),
        ("reroute_over_predict", "reroute", "predict", "`reroute` from k = 1 to 2 over `predict` with k = 2"),
        (
            "small_reroute_over_predict", "small", "lowered",
            f"`reroute` to a lower threshold of one expert, which changes {100 * share:.1f} % of the tiles, "
            "over `predict` with it",
        ),
    ):  # fmt: skip
        macs = round(runs.macs(above) / runs.macs(below), 4)
        figures[name] = figure(
            ratio(seconds[above], seconds[below]),
            f"time of {what}, whole runs",
            at_most=round(SLACK * macs, 4),
        )
        figures[f"{name}_macs"] = figure(macs, "the same ratio of multiply-accumulates")
    details = {
        "thresholds": thresholds,
        "tiles": runs.summaries["predict"]["tiles"],
        "reroutes": {name: runs.summaries[name]["reroutes"][-1] for name in before},
        "seconds": {name: [round(value, 4) for value in found] for name, found in seconds.items()},
    }
    return {"figures": figures, "details": details}


class Runs:
    """Runs of the enlarged scene in folders of their own, with the summary of the latest in each."""

    def __init__(self, setting: Setting) -> None:
        self._setting = setting
        self.summaries: dict[str, RunSummary] = {}

    def folder(self, name: str) -> Path:
        """Where a run lies."""
        return self._setting.folder / f"run_{name}"

    def predict(self, name: str, policy: dict[str, Any], decode: bool = True) -> RunSummary:
        """Make a run anew."""
        setting = self._setting
        # Every expert may be asked, whatever the scene's pixel size: this is about time.
        request = PredictRequest(
            str(setting.enlarged), str(self.folder(name)), bands=setting.bands, overlap=setting.overlap,
            decode=decode, force_gsd=True, overwrite=True, threads=setting.threads, **policy,
        )  # fmt: skip
        self.summaries[name] = predict(request, load_model=lambda _path, **_options: setting.model)
        return self.summaries[name]

    def reroute(self, name: str, policy: dict[str, Any]) -> RunSummary:
        """Give a run another policy."""
        model = self._setting.model
        request = RerouteRequest(str(self.folder(name)), threads=self._setting.threads, **policy)
        self.summaries[name] = reroute(request, load_model=lambda _path, **_options: model)
        return self.summaries[name]

    def copy(self, source: str, name: str) -> None:
        """Put a run, as it is, in place of another."""
        shutil.rmtree(self.folder(name), ignore_errors=True)
        shutil.copytree(self.folder(source), self.folder(name))

    def macs(self, name: str) -> int:
        """Multiply-accumulates that the latest step took: of the reroute, if it was one."""
        summary = self.summaries[name]
        return summary["reroutes"][-1]["macs"] if summary["reroutes"] else summary["macs"]["spent"]


def small_change(model: Model, summary: RunSummary, folder: Path) -> tuple[dict[str, float], float]:
    """The threshold of one expert that serves tiles already, lowered so that about `SHARE` of all change.

    Args:
        model: the run's.
        summary: of a run with the bundle's thresholds.
        folder: where it lies.

    Returns:
        The threshold by the expert's name, and the share of the tiles that change.

    Raises:
        RuntimeError: no threshold changes anything.
    """
    window, grid = summary["window"], summary["grid"]
    tiles = TileGrid(window["width"], window["height"], grid["tile"], grid["overlap"]).tiles
    table = read_table(folder / ROUTING_TABLE, tiles, [spec.name for spec in model.experts])
    policy, alive = Policy(PLAIN["policy"], PLAIN["top_k"]), table.valid > 0
    everyone = [None] * len(model.experts)

    def chosen(thresholds: Sequence[float]) -> np.ndarray:
        return decide(table.scores, thresholds, everyone, alive, policy).rank > 0

    own = [spec.threshold for spec in model.experts]
    served = chosen(own)
    best: tuple[float, dict[str, float], float] | None = None
    for number, spec in enumerate(model.experts):
        if not served[:, number].any():
            continue  # there would be no raster to patch, and no seam
        scores = np.unique(table.scores[alive, number])
        below = scores[scores < np.float32(spec.threshold)]
        # Between two scores, so that what rounding does to them decides nothing.
        for value in (below[1:].astype(float) + below[:-1].astype(float)) / 2:
            changed = (chosen([*own[:number], value, *own[number + 1 :]]) != served).any(axis=1)
            share = float(changed.mean())
            off = abs(share - SHARE)
            if share and (best is None or off < best[0]):
                best = off, {spec.name: float(value)}, share
    if best is None:
        raise RuntimeError(f"no lower threshold changes a tile of {folder.name}; take another scene.")
    return best[1], best[2]


def same_files(folder: Path, other: Path) -> None:
    """Make sure that two runs hold the same bytes; run.json, which tells times, apart.

    Raises:
        RuntimeError: they do not.
    """
    names = {path.name for one in (folder, other) for path in one.iterdir()} - {"run.json"}
    for name in sorted(names):
        pair = [one / name for one in (folder, other)]
        if not all(path.is_file() for path in pair) or pair[0].read_bytes() != pair[1].read_bytes():
            raise RuntimeError(
                f"{name} is not the same in {folder.name} and {other.name}; mend reroute first."
            )
