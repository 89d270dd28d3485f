"""Wall time of several classifiers, measured side by side so that a busy machine is busy for all of them."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

BATCH = 32
ROUNDS = 25
SINGLES = 4
"""Chips that are run one by one in a round."""


@dataclass(frozen=True)
class Times:
    """Milliseconds a chip.

    Attributes:
        single, batch: median over the rounds, chip by chip and in batches of `BATCH`.
        single_ratio, batch_ratio: median over the rounds of the ratio to the reference in the same round.
    """

    single: float
    batch: float
    single_ratio: float
    batch_ratio: float


@contextmanager
def one_thread():
    """Run torch on one thread, as each worker of a mapping run does."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def time_all(
    ways: Mapping[str, Callable[[Tensor], object]], chips: Tensor, reference: str, rounds: int = ROUNDS
) -> dict[str, Times]:
    """Time every way to classify chips, in turns.

    Args:
        ways: name -> what takes chips (n, 3, 64, 64).
        chips: real ones, (N, 3, 64, 64) with N >= `BATCH`, since gates choose by content.
        reference: name of the way that the others are compared with.
        rounds: turns; the first one warms up and is not counted.
    """
    spent = {name: np.zeros((rounds, 2)) for name in ways}
    names = list(ways)
    with one_thread(), torch.inference_mode():
        for turn in range(-1, rounds):
            at = np.random.default_rng(turn + 1).permutation(len(chips))[: SINGLES + BATCH]
            singles = [chips[number : number + 1] for number in at[:SINGLES]]
            batch = chips[np.sort(at[-BATCH:])].contiguous(memory_format=torch.channels_last)
            # Another one begins in every round, so that none always follows the same neighbour.
            for name in names[turn % len(names) :] + names[: turn % len(names)]:
                began = time.perf_counter()
                for x in singles:
                    ways[name](x)
                between = time.perf_counter()
                ways[name](batch)
                ended = time.perf_counter()
                if turn >= 0:
                    spent[name][turn] = (between - began) / SINGLES, (ended - between) / BATCH
    base = spent[reference]
    found = {}
    for name, rows in spent.items():
        median, ratio = np.median(rows, 0) * 1000, np.median(rows / base, 0)
        found[name] = Times(float(median[0]), float(median[1]), float(ratio[0]), float(ratio[1]))
    return found
