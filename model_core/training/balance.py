"""Loss balancing: every task pulls on the shared encoder with the same force.

The tasks' losses differ in scale and in how steep they are: a thin road costs more per pixel than a
lake, and a loss that is nearly solved hardly pulls at all. Weighting losses by a learnt uncertainty
(Kendall et al. 2018) follows their *values*, which Dice and cross-entropy sums of different class counts
make hard to compare. So the *gradients at the shared features* are balanced, as in GradNorm (Chen et al.
2018), but by plain division through their running norm: taken at the features (Sener and Koltun 2018,
section 3.3) they cost nothing, because the backward pass through each decoder computes them anyway.
The decoders themselves see their own loss unscaled.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

DECAY = 0.98
"""Of the running gradient norms: they follow some fifty steps."""

LIMITS = (0.25, 4.0)
"""No task is weakened or strengthened beyond these, however its gradients fare."""


class GradientBalance:
    """Running norm of each task's gradient at the shared features, and the factors that even them out.

    Attributes:
        norm: float64 (tasks,), 0 where a task was never seen.
    """

    def __init__(self, tasks: int) -> None:
        self.norm = torch.zeros(tasks, dtype=torch.float64)

    def factor(self, task: int, gradients: Sequence[Tensor]) -> float:
        """Take note of a task's gradients at the features; returns what to multiply them by."""
        size = float(torch.sqrt(sum(g.float().square().sum() for g in gradients if g is not None)))
        old = float(self.norm[task])
        self.norm[task] = size if old == 0.0 else DECAY * old + (1 - DECAY) * size
        seen = self.norm[self.norm > 0]
        if len(seen) == 0:
            return 1.0
        mean = float(torch.exp(torch.log(seen).mean()))  # geometric: one steep task must not lead
        return min(max(mean / max(float(self.norm[task]), 1e-12), LIMITS[0]), LIMITS[1])
