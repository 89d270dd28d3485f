"""What the scene expert is taught by: shares of classes or of covers, and the branch that these need."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from .labels import MEMBERS


def grouped(p: Tensor) -> Tensor:
    """Probabilities of classes (N, C) -> those of each group together (N, groups)."""
    return p @ MEMBERS.to(p).T


def class_loss(logits: Tensor, target: Tensor) -> Tensor:
    """Mean over N tiles of -sum_g s_g log sum_{c in g} p_c.

    With classes alone as groups this is the cross-entropy with their shares of the tile. Of a cover, only
    what its classes are given together is asked for, in the proportion that it takes of the tile (learning
    from label proportions, Quadrianto et al. 2009, by the loss on a bag's mean of Ardehaly and Culotta 2017,
    and partial labels, Cour et al. 2011): which of them is right, nobody says.

    Args:
        logits: (N, C).
        target: (N, groups), shares that sum to 1, see `labels.GROUPS`.
    """
    log_p = torch.log_softmax(logits.float(), 1)
    apart = log_p[:, None].masked_fill(MEMBERS.to(log_p.device)[None] == 0, -torch.inf)
    return -(target * apart.logsumexp(2)).sum(1).mean()


def gate_target(logits: Tensor, target: Tensor, branches: Sequence[Sequence[int]]) -> Tensor:
    """What the gate should say, t_b = sum over the classes of branch b of their share: (N, branches).

    A group's share goes to its classes as the prediction divides it among them (the expectation step for
    partial labels). Nothing is learnt through it.
    """
    p = torch.softmax(logits.detach().float(), 1).clamp_min(1e-9)
    believed = (target / grouped(p)) @ MEMBERS.to(p) * p
    return torch.stack([believed[:, list(group)].sum(1) for group in branches], 1)


def gate_loss(gates: Tensor, target: Tensor) -> Tensor:
    """Mean KL(target || gates) of N tiles, both (N, branches) with rows that sum to 1."""
    return (torch.xlogy(target, target) - target * gates.clamp_min(1e-9).log()).sum(1).mean()
