"""How numbers change over a training: learning rate and temperature of the gate."""

from __future__ import annotations

import math


def gate_temperature(epoch: int, epochs: int, start: float = 2.0, end: float = 0.5) -> float:
    """Temperature of the gate's softmax in an epoch: a cosine from `start` to `end`.

    T_t = T_f + (T_i - T_f) / 2 * (1 + cos(pi * t / epochs)): soft at first, so that every expert learns, and
    sharp in the end, so that each is used for what it is good at.

    Args:
        epoch: t, 0 to `epochs`; later ones stay at the end.
        epochs: length of the schedule.
        start: T_i.
        end: T_f.
    """
    share = min(max(epoch / epochs, 0.0), 1.0)
    return end + 0.5 * (start - end) * (1 + math.cos(math.pi * share))


def cosine_rate(step: int, total: int, rate: float, warmup: int = 0, floor: float = 0.01) -> float:
    """Learning rate of a step: a linear rise over `warmup` steps, then a cosine to `floor` times `rate`."""
    if step < warmup:
        return rate * (step + 1) / warmup
    progress = min((step - warmup) / max(1, total - warmup), 1.0)
    return rate * (floor + (1 - floor) * 0.5 * (1 + math.cos(math.pi * progress)))
