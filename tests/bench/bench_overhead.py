"""What a whole run costs beyond its network: reading, blending, compressing and writing should be hidden."""

from __future__ import annotations

from functools import partial
from typing import Any

from model_core.predict import predict
from model_core.request import PredictRequest

from .setting import Setting, work_through
from .tiles import grouped, load_tiles, scores_of, spans, strongest
from .timing import figure, interleaved, ratio

K = 2


def run(setting: Setting) -> dict[str, Any]:
    """`predict` on the enlarged scene, against the network alone on the same tiles held in memory."""
    model = setting.model
    tiles = load_tiles(setting.enlarged, setting.bands, model.tile_size, setting.overlap)
    chosen = strongest(model, scores_of(model, tiles), K)
    batch = model.default_batch
    request = PredictRequest(
        str(setting.enlarged), str(setting.folder / "run"), bands=setting.bands, policy="top-k", top_k=K,
        overlap=setting.overlap, force_gsd=True, overwrite=True, threads=setting.threads,
    )  # fmt: skip
    summaries: list[dict[str, Any]] = []

    work = partial(grouped, model, tiles, chosen, batch)

    def whole() -> None:
        summaries.append(predict(request, load_model=lambda _path, **_options: model))

    def bare() -> None:
        work_through(model, setting.threads, spans(tiles, batch, setting.threads), work)

    seconds = interleaved({"whole": whole, "bare": bare}, setting.rounds, setting.say)
    counted = summaries[-1]["tiles"]
    if counted["total"] - counted["empty"] != len(tiles):
        raise RuntimeError(
            f"predict saw {counted} tiles, the bare network {len(tiles)}; compare the same ones."
        )
    value = figure(
        ratio(seconds["whole"], seconds["bare"]),
        f"whole `predict` over the network alone on the same {len(tiles)} tiles, k = {K}",
        at_most=1.25,
    )
    details = {
        "tiles": len(tiles),
        "workers": setting.threads,
        "tiles_per_second": round(len(tiles) / sorted(seconds["whole"])[len(seconds["whole"]) // 2], 2),
        "parts": summaries[-1]["seconds"],
        "seconds": {name: [round(value, 4) for value in found] for name, found in seconds.items()},
    }
    return {"figures": {"end_to_end_over_inference": value}, "details": details}
