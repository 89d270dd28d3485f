"""What conditional execution saves: whole runs with 1, 2 and all experts per tile.

Beside the time stands what the arithmetic alone would save: the gap between the two is reading,
blending, writing and small batches.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

from model_core.model import Model
from model_core.predict import predict
from model_core.request import PredictRequest

from .setting import Setting
from .timing import Say, figure, interleaved, ratio, spread

SLACK = 1.3  # a run may take this much more than its share of the multiply-accumulates


def run(setting: Setting) -> dict[str, Any]:
    """Time the enlarged sample and the mixed scene."""
    result: dict[str, Any] = {"figures": {}, "details": {}}
    # On the mixed scene tile and patch are the same pixels, so that neighbours share no content.
    for name, scene, overlap in (("", setting.enlarged, setting.overlap), ("_mixed", setting.mixed, 0)):
        found = compare(
            setting.model, scene, setting.bands, overlap, setting.threads, setting.rounds, setting.say
        )
        result["details"][scene.stem] = found
        every = found[str(len(setting.model.experts))]
        for k in (1, 2):
            if k >= len(setting.model.experts):
                continue
            row = found[str(k)]
            measured = ratio(row["seconds"], every["seconds"])
            result["figures"][f"k{k}_over_all{name}"] = figure(
                measured,
                f"time of {k} of {len(setting.model.experts)} experts a tile over all of them, whole runs"
                + (", mixed scene" if name else ""),
                at_most=round(SLACK * row["mac_ratio"], 4),
            )
            result["figures"][f"k{k}_over_all{name}_macs"] = figure(
                row["mac_ratio"], "the same ratio of multiply-accumulates"
            )
    return result


def compare(
    model: Model, scene: Path, bands: str, overlap: int, threads: int | None, rounds: int, say: Say
) -> dict[str, dict[str, Any]]:
    """Whole runs of a scene with k = 1, 2 and all experts: by k the seconds, tiles and MACs."""
    every = len(model.experts)
    counts = sorted({k for k in (1, 2, every) if k <= every})
    summaries: dict[str, dict[str, Any]] = {}
    cases = {str(k): partial(_predict, model, scene, bands, overlap, threads, k, summaries) for k in counts}
    seconds = interleaved(cases, rounds, say)
    result = {}
    for name, summary in sorted(summaries.items()):
        tiles = summary["tiles"]["total"] - summary["tiles"]["empty"]
        macs = summary["macs"]
        result[name] = {
            "tiles": tiles,
            "seconds": [round(value, 4) for value in seconds[name]],
            "tiles_per_second": round(tiles / spread(seconds[name])["value"], 2),
            "mac_ratio": round(macs["spent"] / macs["all_experts"], 4),
            "parts": summary["seconds"],
        }
    return result


def _predict(
    model: Model,
    scene: Path,
    bands: str,
    overlap: int,
    threads: int | None,
    k: int,
    summaries: dict[str, dict[str, Any]],
) -> None:
    # Every expert may be asked, whatever the scene's pixel size: this is about time.
    request = PredictRequest(
        str(scene), str(scene.parent / "run"), bands=bands, policy="top-k", top_k=k, overlap=overlap,
        force_gsd=True, overwrite=True, threads=threads,
    )  # fmt: skip
    summaries[str(k)] = predict(request, load_model=lambda _path, **_options: model)
