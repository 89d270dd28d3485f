"""What looking for objects costs: time of a tile with and without, and of whole runs.

Encoding alone, with a segmentation expert and with the objects expert take turns in the same rounds, so that
their ratios hold on a machine that drifts. A bundle without an objects expert gets an untrained one of the
size that `hydranet train objects` makes, which takes as long and finds next to nothing.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

from model_core.bundle import load_bundle
from model_core.model import Model
from model_core.predict import RunSummary, predict
from model_core.request import PredictRequest
from model_core.spec import ExpertSpec

from .setting import Setting, work_through
from .tiles import Tiles, load_tiles, served
from .timing import Case, figure, interleaved, ratio, spread


def run(setting: Setting) -> dict[str, Any]:
    """Tiles of the enlarged scene held in memory, then `predict` on it."""
    trained = setting.model.objects is not None
    model = setting.model if trained else with_objects(setting.bundle, setting.folder / "with_objects")
    finder = next(spec for spec in model.experts if spec.kind == "objects")
    plain = middling(model)
    tiles = load_tiles(setting.enlarged, setting.bands, model.tile_size, setting.overlap)
    parts = tiles.batches(model.default_batch)
    works = {"encode": None, "segment": plain, "objects": finder}
    cases: dict[str, Case] = {
        name: partial(work_through, model, setting.threads, parts, partial(tile_work, model, tiles, spec))
        for name, spec in works.items()
    }
    summaries: dict[str, RunSummary] = {}
    for name, experts in {"predict": [plain], "predict_objects": [plain, finder]}.items():
        cases[name] = partial(_predict, setting, model, name, [spec.name for spec in experts], summaries)
    seconds = interleaved(cases, setting.rounds, setting.say)
    figures = figures_of(seconds, len(tiles), model, plain, finder, trained)
    details = {
        "trained": trained,
        "tiles": len(tiles),
        "workers": setting.threads,
        "objects": next(
            one["objects"] for one in summaries["predict_objects"]["experts"] if one["name"] == finder.name
        ),
        "parts": {name: summary["seconds"] for name, summary in summaries.items()},
        "seconds": {name: [round(value, 4) for value in found] for name, found in seconds.items()},
    }
    return {"figures": figures, "details": details}


def figures_of(
    seconds: dict[str, list[float]],
    tiles: int,
    model: Model,
    plain: ExpertSpec,
    finder: ExpertSpec,
    trained: bool,
) -> dict[str, Any]:
    """The table's rows from the seconds of each round."""
    note = "" if trained else " (untrained)"
    what = {
        "encode": "encoder and switcher alone",
        "segment": f"with the expert {plain.name}",
        "objects": f"with the objects expert{note}",
    }
    result = {
        f"tile_ms_{name}": figure(
            spread([1000 * value / tiles for value in seconds[name]]), f"time of a tile in ms, {words}"
        )
        for name, words in what.items()
    }
    macs, base = model.macs.experts, model.macs.encoder + model.macs.switcher
    for name, spec in (("segment", plain), ("objects", finder)):
        result[f"{name}_over_encode"] = figure(
            ratio(seconds[name], seconds["encode"]), f"time of a tile {what[name]} over without, network time"
        )
        result[f"{name}_over_encode_macs"] = figure(
            round((base + macs[spec.name]) / base, 4), "the same ratio of multiply-accumulates"
        )
    result["objects_over_segment"] = figure(
        ratio(seconds["objects"], seconds["segment"]),
        f"time of a tile {what['objects']} over {what['segment']}, network time",
    )
    result["predict_objects_over_plain"] = figure(
        ratio(seconds["predict_objects"], seconds["predict"]),
        f"time of `predict` with {plain.name} and the objects expert{note} on every tile over {plain.name} "
        "alone, whole runs",
    )
    return result


def middling(model: Model) -> ExpertSpec:
    """The segmentation expert of middling cost."""
    pixels = [spec for spec in model.experts if spec.kind != "objects"]
    return sorted(pixels, key=lambda spec: (model.macs.experts[spec.name], spec.name))[len(pixels) // 2]


def tile_work(model: Model, tiles: Tiles, spec: ExpertSpec | None, part: slice) -> None:
    """Encode and score a batch, and serve all of it by one expert, if any."""
    features = tiles.encode(model, part)
    model.scores(features)
    if spec is not None:
        served(model, spec, [(features, range(part.stop - part.start))])


def with_objects(bundle: Path, folder: Path) -> Model:
    """The bundle with an untrained objects expert, written to `folder`."""
    import torch

    from model_core.bundle import read_info
    from model_core.networks.objects.detector import ObjectsExpert
    from model_core.training.calibration import Calibration
    from model_core.training.objects.export import objects_bundle
    from model_core.training.objects.pipeline import SPEC
    from model_core.training.objects.router import RouterPlan, RouterRow

    network = read_info(bundle).data["network"]
    torch.manual_seed(0)
    detector = ObjectsExpert.of(SPEC, len(SPEC.thresholds), tuple(network["encoder_widths"])).eval()
    neutral = Calibration(1.0, 0.0, 0.5, 0, 0, "val")
    row = RouterRow(torch.zeros(network["switcher_hidden"]), 0.0, neutral, (), 0, {}, RouterPlan(), {})
    objects_bundle(bundle, folder, detector, SPEC, row, {"how": "not at all, for a measurement of time"})
    return load_bundle(folder, device="cpu", precision="auto")


def _predict(
    setting: Setting, model: Model, name: str, experts: list[str], summaries: dict[str, RunSummary]
) -> None:
    request = PredictRequest(
        str(setting.enlarged), str(setting.folder / name), bands=setting.bands, experts=tuple(experts),
        policy="top-k", top_k=len(experts), overlap=setting.overlap, force_gsd=True, overwrite=True,
        threads=setting.threads,
    )  # fmt: skip
    summaries[name] = predict(request, load_model=lambda _path, **_options: model)
