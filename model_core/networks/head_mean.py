"""What the heads of a Hydra expert say together: their mean, and how unsure each of them is by itself."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

_TINY = 1e-30  # log(0) times 0 is to be 0


def mean_of_heads(heads: Sequence[Tensor], kind: str, uncertainty: bool) -> Tensor:
    """Mean over the heads of their probabilities, and the mean of their entropies (Tran et al. 2020, eq. 6).

    Head by head, so that a head's planes are still in the cache when they are added up, and that no more
    than one head needs memory for its probabilities.

    Args:
        heads: the logits of M heads before the pixel shuffle, (n, 4 * C, h, w) each.
        kind: `classes` (softmax over C) or `probability` (sigmoid; C = 1).
        uncertainty: add the plane of entropies.

    Returns:
        float32 (n, C, 2h, 2w), the same bytes with and without uncertainty; with it (n, C + 1, 2h, 2w), the
        last plane mean_m H[p_m] in parts of the largest entropy there can be.
    """
    count, channels, *size = len(heads[0]), heads[0].shape[1] // 4, *heads[0].shape[2:]
    shape = (count, channels + uncertainty, 4, *size)
    out = torch.zeros(shape, dtype=torch.float32, device=heads[0].device)
    mean = out[:, :channels]
    for logits in heads:
        # In planes: a softmax over channels that lie side by side takes three times as long.
        z = logits.contiguous().view(count, channels, 4, *size)
        p = torch.softmax(z, 1, dtype=torch.float32) if kind == "classes" else torch.sigmoid(z.float())
        mean += p
        if uncertainty:
            out[:, channels] += _of_classes(z, p) if kind == "classes" else _of_probability(p)
    mean /= len(heads)
    if uncertainty:
        out[:, channels] /= len(heads) * math.log(max(channels, 2))
    return nn.functional.pixel_shuffle(out.flatten(1, 2), 2)


def _of_classes(z: Tensor, p: Tensor) -> Tensor:
    """Entropy (n, ...) of p = softmax(z) over C, both (n, C, ...), in nats.

    H = -log(p_max) + sum_c p_c * (z_max - z_c): one logarithm a pixel in place of C, and no term below 0.
    """
    inner = p.amax(1).log_().neg_()
    gap = z.amax(1, keepdim=True).float() - z  # not in the precision of the logits, which is coarser
    return inner.add_(gap.mul_(p).sum(1))


def _of_probability(p: Tensor) -> Tensor:
    """Entropy (n, ...) of p (n, 1, ...) and 1 - p, in nats."""
    p = p[:, 0]
    q = 1.0 - p
    return -(p * p.clamp_min(_TINY).log() + q * q.clamp_min(_TINY).log())
