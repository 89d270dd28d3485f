"""What the scene expert is taught by: its class, or the few that it can have, and the branch it needs."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor


def class_loss(logits: Tensor, target: Tensor, weak: Tensor) -> Tensor:
    """Mean loss of N tiles.

    Where the classes are known this is the cross-entropy with their shares of the tile, -sum_c t_c log p_c.
    Where only the classes that it can have are known, it is -log of what they are given together (learning
    from partial labels, Cour et al. 2011): which of them is right, nobody says.

    Args:
        logits: (N, C).
        target: (N, C), shares that sum to 1; of a weak label 1 for every class that the tile can have.
        weak: bool (N,).
    """
    log_p = torch.log_softmax(logits.float(), 1)
    strong = -(target * log_p).sum(1)
    partial = -log_p.masked_fill(target <= 0, -torch.inf).logsumexp(1)
    return torch.where(weak, partial, strong).mean()


def gate_target(logits: Tensor, target: Tensor, weak: Tensor, branches: Sequence[Sequence[int]]) -> Tensor:
    """What the gate should say, t_b = sum of p(c|x) over the classes c of branch b: (N, branches).

    p is the label's shares; of a weak label the prediction itself, kept to the classes the tile can have.
    Nothing is learnt through it.
    """
    believed = torch.softmax(logits.detach().float(), 1) * target
    believed = believed / believed.sum(1, keepdim=True).clamp_min(1e-9)
    p = torch.where(weak[:, None], believed, target)
    return torch.stack([p[:, list(group)].sum(1) for group in branches], 1)


def gate_loss(gates: Tensor, target: Tensor) -> Tensor:
    """Mean KL(target || gates) of N tiles, both (N, branches) with rows that sum to 1."""
    return (torch.xlogy(target, target) - target * gates.clamp_min(1e-9).log()).sum(1).mean()
