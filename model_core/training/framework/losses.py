"""Losses of a gate: what keeps its experts apart, and what keeps all of them in use.

Both are for *interchangeable* experts, such as branches, whose load may be even. The task switcher's load
must follow the content of the tiles, so it is trained with neither.
"""

from __future__ import annotations

from torch import Tensor


def diversity_loss(gates: Tensor) -> Tensor:
    """Mean over the samples of the sum over j and k != j of g_j * g_k: 0 where one expert has all the weight.

    Since the gates of a sample sum to 1 this equals 1 - sum(g_j ** 2): it asks for decided gates, so that
    experts see different samples. Largest, 1 - 1 / E, for even gates. Alone it is also served by one expert
    that takes everything, which `balance_loss` forbids.

    Args:
        gates: (N, E), each row summing to 1.
    """
    return (gates.sum(1).square() - gates.square().sum(1)).mean()


def balance_loss(gates: Tensor) -> Tensor:
    """Sum over the experts of (1 / E - mean gate) ** 2: 0 where the mean load over the batch is even.

    Args:
        gates: (N, E), each row summing to 1.
    """
    mean = gates.mean(0)  # (E,)
    return (1 / gates.shape[1] - mean).square().sum()
