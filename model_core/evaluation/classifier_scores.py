"""What a classifier says of a split, how sure its accuracy is, what it cost, and which experts ran."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from ..networks.hydranets import HydraNets
from ..networks.macs import counting
from ..networks.moe_classifier import MixtureClassifier
from ..networks.resnet import ResNet
from ..training.classify.spec import inputs

RESAMPLES = 4000

Gated = HydraNets | MixtureClassifier


@dataclass(frozen=True)
class Scores:
    """One way to run a classifier on N chips.

    Attributes:
        predicted: int (N,), class of each chip.
        macs: multiply-accumulates a chip, counted from the layers that were called.
        calls: (E,), chips that each expert was really called for; empty for a plain one.
    """

    predicted: np.ndarray
    macs: float
    calls: np.ndarray


@dataclass(frozen=True)
class GatedScores:
    """A gated classifier on N chips, run in every way.

    Attributes:
        by_k: k -> scores with the k strongest experts of each chip.
        oracle: k -> the same, where the first choice of the gate is always the branch of the true class;
            empty without branches that belong to classes.
        gates: float (N, E).
        alone: int (N, E), class that each expert says with all the weight on it.
    """

    by_k: dict[int, Scores]
    oracle: dict[int, Scores]
    gates: np.ndarray
    alone: np.ndarray


@contextmanager
def calls_of(experts: Sequence[nn.Module]) -> Iterator[list[int]]:
    """Count the samples that each expert is called for: `with calls_of(net.experts) as calls: ...`."""
    calls = [0] * len(experts)

    def hook_of(number: int):
        def hook(_module: nn.Module, given: tuple, _output: torch.Tensor) -> None:
            calls[number] += len(given[0])

        return hook

    hooks = [expert.register_forward_hook(hook_of(number)) for number, expert in enumerate(experts)]
    try:
        yield calls
    finally:
        for hook in hooks:
            hook.remove()


def score_plain(net: ResNet, images: np.ndarray) -> Scores:
    """A plain classifier on chips, uint8 (N, 64, 64, 3)."""
    net.eval()
    with torch.inference_mode(), counting(net) as counter:
        predicted = torch.cat([net(x).argmax(1) for x in inputs(images)]).numpy()
    return Scores(predicted, counter.total / len(images), np.zeros(0))


def score_gated(net: Gated, images: np.ndarray, first: np.ndarray | None = None) -> GatedScores:
    """A gated classifier on chips, with every number of experts and with each expert alone.

    What the experts share is computed once and its cost added to each way.

    Args:
        net: in its deployed form.
        images: uint8 (N, 64, 64, 3).
        first: int (N,), branch of each chip's true class, for the oracle; None where branches have none.
    """
    net.eval()
    count, total = len(net.experts), len(images)
    shared, gates, start = 0, [], 0
    alone: list[list[torch.Tensor]] = [[] for _ in range(count)]
    ways = [("own", k) for k in range(1, count + 1)]
    ways += [("oracle", k) for k in range(1, count + 1)] if first is not None else []
    said: dict[tuple[str, int], list[torch.Tensor]] = {way: [] for way in ways}
    macs = dict.fromkeys(ways, 0)
    calls = {way: np.zeros(count) for way in ways}
    with torch.inference_mode():
        for x in inputs(images):
            with counting(net) as counter:
                features = net.features(x)
            shared += counter.total
            own = None
            for way in ways:
                given = None
                if way[0] == "oracle":
                    given = oracle_gates(own, torch.from_numpy(first[start : start + len(x)]))
                with counting(net) as counter, calls_of(net.experts) as counted:
                    out = net.decide(features, way[1], gates=given)
                own = out.gates if own is None else own
                said[way].append(out.logits.argmax(1))
                macs[way] += counter.total
                calls[way] += counted
            gates.append(own.float())
            for number in range(count):
                only = torch.zeros_like(own)
                only[:, number] = 1
                alone[number].append(net.decide(features, 1, gates=only).logits.argmax(1))
            start += len(x)
    scores = {
        way: Scores(torch.cat(said[way]).numpy(), (shared + macs[way]) / total, calls[way]) for way in ways
    }
    return GatedScores(
        by_k={k: scores[kind, k] for kind, k in ways if kind == "own"},
        oracle={k: scores[kind, k] for kind, k in ways if kind == "oracle"},
        gates=torch.cat(gates).numpy(),
        alone=np.stack([torch.cat(part).numpy() for part in alone], 1),
    )


def oracle_gates(gates: torch.Tensor, first: torch.Tensor) -> torch.Tensor:
    """Gates whose largest one is that of a given branch: it changes places with the gate's own first choice.

    The values stay, so that the combiner sees weights as it knows them, and only the choice is perfect.

    Args:
        gates: (N, E).
        first: int (N,), the branch that shall be first.
    """
    mine = gates.argmax(1, keepdim=True)
    wanted = first[:, None].to(mine.dtype)
    swapped = gates.clone()
    swapped.scatter_(1, mine, gates.gather(1, wanted))
    return swapped.scatter_(1, wanted, gates.gather(1, mine))


def share_interval(right: np.ndarray) -> dict[str, float]:
    """A share with its 95 % interval by Wilson (1927), which holds near 1 too.

    Args:
        right: bool (N,).
    """
    n, share, z = len(right), float(right.mean()), 1.959964
    centre = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    return {"value": share, "low": max(0.0, centre - half), "high": min(1.0, centre + half)}


def difference_interval(ours: np.ndarray, theirs: np.ndarray, seed: int = 0) -> dict[str, float]:
    """Difference of two accuracies on the same chips, with a 95 % bootstrap interval over the chips.

    Args:
        ours: bool (N,), which chips one got right.
        theirs: the same of the other.
        seed: of the resampling.
    """
    n = len(ours)
    change = ours.astype(np.int64) - theirs.astype(np.int64)
    shares = np.array([(change == value).mean() for value in (-1, 0, 1)])
    # Resampling chips is drawing how many of each of the three outcomes there are.
    counts = np.random.default_rng(seed).multinomial(n, shares, RESAMPLES)
    low, high = np.quantile((counts[:, 2] - counts[:, 0]) / n, (0.025, 0.975))
    return {"value": float(change.mean()), "low": float(low), "high": float(high)}
