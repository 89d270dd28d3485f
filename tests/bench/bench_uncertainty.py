"""What a band of uncertainty costs: a few entropies, and blending and writing of the bands."""

from __future__ import annotations

from functools import partial
from typing import Any

from model_core.predict import RunSummary, predict
from model_core.request import PredictRequest

from .bench_experts import SLACK
from .setting import Setting
from .timing import figure, interleaved, ratio

K = 2


def run(setting: Setting) -> dict[str, Any]:
    """`predict` on the enlarged scene with and without, whole runs."""
    summaries: dict[str, RunSummary] = {}
    cases = {name: partial(_predict, setting, name == "with", summaries) for name in ("with", "without")}
    seconds = interleaved(cases, setting.rounds, setting.say)
    banded = [one["name"] for one in summaries["with"]["experts"] if one.get("uncertainty_band") is not None]
    value = figure(
        ratio(seconds["with"], seconds["without"]),
        f"time of `predict` with uncertainty over without, k = {K}, whole runs",
        at_most=SLACK,
    )
    details = {
        "experts": banded,
        "parts": {name: summary["seconds"] for name, summary in summaries.items()},
        "seconds": {name: [round(value, 4) for value in found] for name, found in seconds.items()},
    }
    return {"figures": {"uncertainty_over_plain": value}, "details": details}


def _predict(setting: Setting, uncertainty: bool, summaries: dict[str, RunSummary]) -> None:
    name = "with" if uncertainty else "without"
    request = PredictRequest(
        str(setting.enlarged), str(setting.folder / f"run_{name}"), bands=setting.bands, policy="top-k",
        top_k=K, overlap=setting.overlap, uncertainty=uncertainty, force_gsd=True, overwrite=True,
        threads=setting.threads,
    )  # fmt: skip
    summaries[name] = predict(request, load_model=lambda _path, **_options: setting.model)
