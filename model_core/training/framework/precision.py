"""In which numbers a training computes."""

from __future__ import annotations

import torch

from ...networks.inference import native_bf16


def mixed_precision() -> torch.autocast:
    """Bfloat16 for convolutions and linear layers where the CPU has it in hardware, else float32 throughout.

    Weights, losses and the optimiser stay in float32.
    """
    return torch.autocast("cpu", torch.bfloat16, enabled=native_bf16("cpu"))
