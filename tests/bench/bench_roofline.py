"""How much of this machine's best matrix product the encoder reaches, at the same precision and threads."""

from __future__ import annotations

from functools import partial
from typing import Any

import torch

from model_core.networks.inference import native_bf16

from .setting import Setting, work_through
from .tiles import load_tiles
from .timing import Case, figure, interleaved, spread

# (n, k, m) of torch.mm: squares from inside the caches to outside, and the shapes of convolutions.
SHAPES = (
    (256, 256, 256), (512, 512, 512), (1024, 1024, 1024), (2048, 2048, 2048),
    (4096, 432, 48), (4096, 864, 96), (1024, 1440, 160), (4096, 1024, 256),
)  # fmt: skip
_WORK = 2e9  # multiply-accumulates of one timing, so that short products are repeated


def run(setting: Setting) -> dict[str, Any]:
    """Encoder and products take turns in the same rounds; every worker does the same thing at a time."""
    tiles = load_tiles(setting.mixed, setting.bands, setting.model.tile_size, 0)
    figures: dict[str, Any] = {}
    details: dict[str, Any] = {"workers": setting.threads}
    for precision in ("fp32", "bf16") if native_bf16("cpu") else ("fp32",):
        model = setting.load(precision)
        parts = tiles.batches(model.default_batch)
        kind = torch.bfloat16 if precision == "bf16" else torch.float32
        cases: dict[str, Case] = {
            "encoder": partial(work_through, model, setting.threads, parts, partial(tiles.encode, model))
        }
        for shape in SHAPES:
            jobs = [shape] * setting.threads
            cases["x".join(map(str, shape))] = partial(
                work_through, model, setting.threads, jobs, partial(product, kind)
            )
        seconds = interleaved(cases, setting.rounds, setting.say)
        encoder = [2 * model.macs.encoder * len(tiles) / value for value in seconds.pop("encoder")]
        products = {
            name: [2 * repeats(shape) * _macs(shape) * setting.threads / value for value in seconds[name]]
            for name, shape in zip(seconds, SHAPES, strict=True)
        }
        best = max(products, key=lambda name: spread(products[name])["value"])
        figures[f"roofline_{precision}"] = figure(
            spread([a / b for a, b in zip(encoder, products[best], strict=True)]),
            f"FLOP/s of the encoder over the best matrix product, {precision}",
            at_least=0.35,
        )
        details[precision] = {
            "encoder_gflops": _giga(encoder),
            "best_product": best,
            "product_gflops": {name: _giga(values) for name, values in products.items()},
        }
    return {"figures": figures, "details": details}


def product(kind: torch.dtype, shape: tuple[int, int, int]) -> None:
    """One worker's share: the same product again and again, about as long for every shape."""
    rows, inner, columns = shape
    left, right = torch.ones(rows, inner, dtype=kind), torch.ones(inner, columns, dtype=kind)
    out = torch.empty(rows, columns, dtype=kind)
    with torch.inference_mode():
        for _ in range(repeats(shape)):
            torch.mm(left, right, out=out)


def repeats(shape: tuple[int, int, int]) -> int:
    """How often a product is done in one timing."""
    return max(4, round(_WORK / _macs(shape)))


def _macs(shape: tuple[int, int, int]) -> int:
    return shape[0] * shape[1] * shape[2]


def _giga(values: list[float]) -> float:
    return round(spread(values)["value"] / 1e9, 1)
