"""A gate: how much each of several interchangeable experts has to say about a sample."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ..errors import RequestError


class Gate(nn.Module):
    """Linear -> softmax at a temperature; noisy in training, exact otherwise.

    Its weights begin at zero, so that every expert begins with the same share of every sample, and only the
    noise tells them apart until they have learnt something.

    Args:
        inputs: features of a sample.
        experts: number of gated experts, E.
        noise: standard deviation of the Gaussian noise on the logits while training (Shazeer et al. 2017,
            eq. 4, with a fixed deviation).
    """

    def __init__(self, inputs: int, experts: int, noise: float = 0.1) -> None:
        super().__init__()
        self.linear = nn.Linear(inputs, experts)
        self.noise = noise
        self.temperature = 1.0  # set by the trainer every epoch, in the end to that of the best
        nn.init.zeros_(self.linear.weight)
        nn.init.zeros_(self.linear.bias)

    def logits(self, features: Tensor) -> Tensor:
        """(N, inputs) -> logits (N, E) over the temperature; with noise in training mode."""
        logits = self.linear(features)
        if self.training and self.noise > 0:
            logits = logits + self.noise * torch.randn_like(logits)
        return logits / self.temperature

    def forward(self, features: Tensor) -> Tensor:
        """(N, inputs) -> gates (N, E), each row summing to 1."""
        return torch.softmax(self.logits(features).float(), 1)


def top_k(gates: Tensor, k: int) -> tuple[Tensor, Tensor]:
    """The `k` strongest experts of each sample; of equals the first.

    Args:
        gates: (N, E).
        k: 1 to E.

    Returns:
        bool (N, E), True for the chosen; and float (N, E), their gates brought to a sum of 1, 0 elsewhere.

    Raises:
        RequestError: there are not so many experts.
    """
    if not 1 <= k <= gates.shape[1]:
        raise RequestError(f"{k} of {gates.shape[1]} gated experts cannot run; give 1 to {gates.shape[1]}.")
    # A stable sort, so that equal gates are chosen in the same order on every machine.
    order = torch.sort(gates, dim=1, descending=True, stable=True).indices[:, :k]
    chosen = torch.zeros_like(gates, dtype=torch.bool).scatter_(1, order, True)
    kept = gates * chosen
    return chosen, kept / kept.sum(1, keepdim=True)
