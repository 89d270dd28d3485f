"""Losses over known pixels only."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from ..tasks import VEGETATION

LANDCOVER_TREES, LANDCOVER_LOW = 1, 2


def segmentation_loss(
    logits: Tensor, label: Tensor, weights: Tensor, *, vegetation: bool = False, focal: float = 0.0
) -> Tensor:
    """Cross-entropy plus Dice (Milletari et al. 2016) over the known pixels of a `classes` expert.

    Args:
        logits: (n, C, H, W).
        label: uint8 (n, H, W), 255 unknown.
        weights: (C,) class weights of the cross-entropy.
        focal: exponent of the focal loss (Lin et al. 2017, eq. 4): what is right already counts less.
        vegetation: label 6 means "trees or low vegetation": the probability of either counts.
    """
    logits = logits.float()
    log_p = F.log_softmax(logits, 1)
    channels = logits.shape[1]
    known = label < channels
    target = torch.where(known, label, 0).long()
    picked = log_p.gather(1, target[:, None])[:, 0]
    weight = weights[target] * known
    if vegetation:
        either = torch.logaddexp(log_p[:, LANDCOVER_TREES], log_p[:, LANDCOVER_LOW])
        soft = label == VEGETATION
        picked = torch.where(soft, either, picked)
        weight = torch.where(soft, weights[LANDCOVER_TREES], weight)
    total = weight.sum().clamp_min(1.0)
    if focal:
        weight = weight * (1 - picked.detach().exp()).pow(focal)
    cross_entropy = -(picked * weight).sum() / total

    p = log_p.exp() * known[:, None]
    one_hot = F.one_hot(target, channels).permute(0, 3, 1, 2) * known[:, None]
    overlap = (p * one_hot).sum((0, 2, 3))
    size = (p + one_hot).sum((0, 2, 3))
    present = one_hot.sum((0, 2, 3)) > 0  # a class absent from the batch has no overlap to learn
    dice = 1 - (2 * overlap + 1.0) / (size + 1.0)
    return cross_entropy + (dice * present).sum() / present.sum().clamp_min(1)


def masked_bce(logits: Tensor, target: Tensor, positive_weight: Tensor) -> Tensor:
    """Binary cross-entropy (B, E) over known targets; -1 is unknown and never a negative."""
    known = (target >= 0).float()
    loss = F.binary_cross_entropy_with_logits(
        logits, target.clamp_min(0).float(), pos_weight=positive_weight, reduction="none"
    )
    # Every expert counts the same, however many tiles know about it.
    return ((loss * known).sum(0) / known.sum(0).clamp_min(1)).mean()
