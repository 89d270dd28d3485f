"""One shared encoder with all experts, against as many single-task networks of the same parts."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from model_core.model import Model
from model_core.spec import ExpertSpec

from .setting import Setting, work_through
from .tiles import Tiles, grouped, load_tiles, served, spans
from .timing import figure, interleaved, ratio


def run(setting: Setting) -> dict[str, Any]:
    """All experts on every tile of the mixed scene; a single-task network is the encoder with one expert."""
    model = setting.model
    tiles = load_tiles(setting.mixed, setting.bands, model.tile_size, 0)
    batch = model.default_batch
    everyone = np.ones((len(tiles), len(model.experts)), bool)

    def shared() -> None:
        work = partial(grouped, model, tiles, everyone, batch)
        work_through(model, setting.threads, spans(tiles, batch, setting.threads), work)

    def separate() -> None:
        for spec in model.experts:
            work = partial(single_task, model, tiles, spec)
            work_through(model, setting.threads, tiles.batches(batch), work)

    seconds = interleaved({"shared": shared, "separate": separate}, setting.rounds, setting.say)
    value = figure(
        ratio(seconds["shared"], seconds["separate"]),
        f"one shared encoder with all {len(model.experts)} experts over {len(model.experts)} single-task "
        "networks, network time",
        at_most=0.5,
    )
    details = {
        "tiles": len(tiles),
        "workers": setting.threads,
        "seconds": {name: [round(value, 4) for value in found] for name, found in seconds.items()},
    }
    return {"figures": {"vs_separate_models": value}, "details": details}


def single_task(model: Model, tiles: Tiles, spec: ExpertSpec, part: slice) -> Any:
    """A network of its own for one task: nothing is scored, everything is decoded."""
    return served(model, spec, [(tiles.encode(model, part), range(part.stop - part.start))])
