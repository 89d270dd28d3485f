"""bf16 against float32: never slower where the CPU has it, and the same result within what is promised."""

from __future__ import annotations

from functools import partial
from typing import Any

from model_core.networks.inference import native_bf16

from .agreement import Agreement, compare, open_sample
from .setting import Setting, work_through
from .tiles import grouped, load_tiles, scores_of, spans, strongest
from .timing import figure, interleaved, ratio


def run(setting: Setting) -> dict[str, Any]:
    """Time both on the mixed scene, compare their results on real imagery."""
    models = {precision: setting.load(precision) for precision in ("bf16", "fp32")}
    tiles = load_tiles(setting.mixed, setting.bands, models["fp32"].tile_size, 0)
    chosen = strongest(models["fp32"], scores_of(models["fp32"], tiles), 2)
    cases = {
        name: partial(
            work_through, model, setting.threads, spans(tiles, model.default_batch, setting.threads),
            partial(grouped, model, tiles, chosen, model.default_batch),
        )
        for name, model in models.items()
    }  # fmt: skip
    native = native_bf16("cpu")
    rounds = setting.rounds if native else 1  # emulated, it is several times slower and not used
    seconds = interleaved(cases, rounds, setting.say)
    figures = {
        "bf16_over_fp32": figure(
            ratio(seconds["bf16"], seconds["fp32"]),
            "time in bf16 over float32, k = 2, network time"
            + ("" if native else "; this CPU only emulates bf16, so float32 is used"),
            at_most=1.0 if native else None,
        )
    }
    details: dict[str, Any] = {
        "native": native,
        "tiles": len(tiles),
        "seconds": {name: [round(value, 4) for value in found] for name, found in seconds.items()},
    }
    kinds = {"samples": [open_sample(path, setting.bands) for path in setting.scenes]}
    if setting.data:
        from model_core.training.pack import load_pack

        kinds["test_split"] = load_pack(setting.data, ("test",))
    for kind, samples in kinds.items():
        setting.say(f"comparing bf16 with float32 on {len(samples)} scenes ({kind})")
        found = compare(models["fp32"], models["bf16"], samples)
        details[kind] = {"scenes": len(samples), **found.as_dict()}
        figures.update(agreement_figures(found, kind))
    return {"figures": figures, "details": details}


def agreement_figures(found: Agreement, kind: str) -> dict[str, Any]:
    """The worst expert's share of equal pixels, and decisions that differ without excuse."""
    where = kind.replace("_", " ")
    worst = min(found.pixels, key=found.share)
    return {
        f"bf16_equal_pixels_{kind}": figure(
            round(found.share(worst), 5),
            f"classified pixels equal in bf16 and float32, worst expert ({worst}), {where}",
            at_least=0.995,
        ),
        f"bf16_decisions_{kind}": figure(
            found.unexplained,
            f"of {found.decisions} router decisions, those that differ although the score is farther than "
            f"0.01 from its threshold, {where}",
            at_most=0,
        ),
    }
