"""What each method of a Hydra comparison costs: parameters, operations counted from what runs, time."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from ..networks.encoder import Features
from ..networks.expert import Expert
from ..networks.head_mean import mean_of_heads
from ..networks.inference import NetworkModel
from ..networks.macs import counting
from .hydra_methods import SINGLE, Contest

ROUNDS = 25


def method_costs(model: NetworkModel, contest: Contest, rounds: int = ROUNDS) -> dict[str, Any]:
    """Cost of a tile by method, and of the encoder that all share.

    The counts are of one tile really run. The times are medians of rounds in which the encoder and every
    method take turns on one thread, so that whatever else the machine does befalls all alike. They end with
    what a prediction with uncertainty reads: mean probabilities, and where there are several heads their
    entropy.

    Returns:
        {"encoder", "methods": {method: ...}}, each {"parameters", "macs", "seconds"}; methods also have
        "macs_ratio" and "seconds_ratio" to `single`.
    """
    size = model.tile_size
    reflectance = np.random.default_rng(0).uniform(0.02, 0.4, (1, 8, size, size)).astype(np.float32)
    flags, valid = np.ones(8, bool), np.ones((1, size, size), bool)
    network = model.network

    def encode() -> Features:
        return model.encode(reflectance, flags, valid).parts[0]

    with counting(network.encoder) as counter:
        features = encode()
    encoder = {"parameters": _parameters(network.encoder), "macs": counter.total}
    methods: dict[str, dict[str, Any]] = {}
    for method in contest.methods:
        decoders = contest.decoders(method)
        with counting(nn.ModuleList(decoders)) as counter:
            answer(decoders, features)
        methods[method] = {"parameters": sum(map(_parameters, decoders)), "macs": counter.total}
    runs: dict[str | None, Callable[[], Any]] = {None: encode}
    for method in contest.methods:
        runs[method] = partial(answer, contest.decoders(method), features)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        spent = _interleaved(runs, rounds)
    finally:
        torch.set_num_threads(threads)
    encoder["seconds"] = spent[None]
    for method, row in methods.items():
        row["seconds"] = spent[method]
        row["macs_ratio"] = row["macs"] / methods[SINGLE]["macs"]
        row["seconds_ratio"] = row["seconds"] / spent[SINGLE]
    return {"encoder": encoder, "methods": methods}


@torch.inference_mode()
def answer(decoders: Sequence[Expert], features: Features) -> Tensor:
    """What decoders say together of a tile, computed as `NetworkModel.decode` does: (1, C or C + 1, H, W)."""
    if len(decoders) == 1 and decoders[0].heads == 1:
        return torch.softmax(decoders[0](features).contiguous(), 1, dtype=torch.float32)
    parts = [head for decoder in decoders for head in decoder(features, apart=True)]
    return mean_of_heads(parts, "classes", True)


def _parameters(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


def _interleaved(runs: dict[Any, Callable[[], Any]], rounds: int) -> dict[Any, float]:
    """Median seconds of each, run by turns; the first three rounds warm up and do not count.

    Another one begins in every round, so that none always follows the same neighbour.
    """
    order = list(runs)
    spent: dict[Any, list[float]] = {key: [] for key in runs}
    for number in range(rounds + 3):
        first = number % len(order)
        for key in order[first:] + order[:first]:
            began = time.perf_counter()
            runs[key]()
            if number >= 3:
                spent[key].append(time.perf_counter() - began)
    return {key: float(np.median(values)) for key, values in spent.items()}
