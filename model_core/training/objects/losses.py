"""What the objects expert is trained with: scores, boxes, outlines, and the load of its routers.

Where the absence of a class is not known, no cell and no query is told that the class is not there.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

from ...networks.objects.dense import DenseOutput
from ...networks.objects.detector import Guess, ObjectsOutput
from ...networks.objects.routed_ffn import Load
from .matching import Target, cells_of, generalised_iou, iou, queries_of

CLASS_WEIGHT, SIDE_WEIGHT, OVERLAP_WEIGHT, RECT_WEIGHT = 1.0, 5.0, 2.0, 1.0
FEWEST = 4
"""Objects, or cells with one, that a tile is taken to have at least when its losses are shared among them.

They are shared within each tile, so that a marina of a hundred boats weighs no more than a lone ship, and the
false alarms of an empty sea do not vanish beside it.
"""

WITHIN = 0.2
"""Weight of a false alarm of a cell inside an object that another cell is to tell of. A ship looks the same
all along its hull, so cells beside the middle cannot know better; that it is one object, the decoder learns.
"""

ENVELOPE = 0.25
"""Weight of the outline's envelope, which is known for every object, beside the outline itself."""
MISS, GAMMA = 0.75, 2.0  # of the varifocal loss (Zhang et al. 2021, eq. 2)


def switch_balance(load: Load) -> Tensor:
    """E * sum_e f_e P_e (Fedus et al. 2022, eq. 4): 1 for even loads, up to E / k if k experts take all.

    f_e is the share of the rows' choices that fell on expert e, P_e the mean probability it was given. The
    gradient reaches the router through P; counts alone would have none.
    """
    share = load.chosen.float().mean(0) / load.chosen.float().sum(1).mean()
    return load.probability.shape[1] * (share.detach() * load.probability.mean(0)).sum()


def decidedness(load: Load) -> Tensor:
    """Mean over the rows of sum over e and e' != e of p_e * p_e': 0 where one expert has all the weight.

    The diversity loss of `framework.losses`, over the candidates of each row.
    """
    return (1 - load.probability.square().sum(1)).mean()


def dense_losses(dense: DenseOutput, targets: Sequence[Target], known: Tensor) -> dict[str, Tensor]:
    """Score and box of every cell.

    Args:
        dense: of B tiles.
        targets: their objects.
        known: bool (B, C, S / 4, S / 4), where a class's absence is known.
    """
    own = torch.stack([cells_of(dense, target) for target in targets])  # (B, M)
    positive = own >= 0
    tile, cell = positive.nonzero(as_tuple=True)
    boxes, labels, _ = _joined(targets, tile, own[positive], dense.logits.device)
    found = dense.boxes[tile, cell]
    quality = torch.zeros_like(dense.logits)
    if len(tile):
        quality[tile, cell, labels] = (1 + iou(found.detach(), boxes)[0]) / 2
    asked = _asked(known, dense.centers.expand(len(targets), -1, -1), targets)
    asked = asked * torch.stack([_doubt(dense, target) for target in targets])
    share = 1 / positive.sum(1).clamp_min(FEWEST).float() / len(targets)  # (B,)
    score = _varifocal(dense.logits, quality, asked) * share
    overlap = (1 - generalised_iou(found, boxes)) * share[tile] if len(tile) else dense.boxes * 0
    return {"dense_class": CLASS_WEIGHT * score.sum(), "dense_box": OVERLAP_WEIGHT * overlap.sum()}


def decoder_losses(
    output: ObjectsOutput, targets: Sequence[Target], known: Tensor, size: float
) -> dict[str, Tensor]:
    """Scores, boxes and outlines of the queries, summed over the layers."""
    parts: dict[str, Tensor] = {}
    for guess in output.guesses:
        for name, value in _of_guess(guess, targets, known, size).items():
            parts[name] = parts.get(name, 0) + value / len(output.guesses)
    return parts


def load_losses(output: ObjectsOutput, balance: float, diversity: float) -> dict[str, Tensor]:
    """Balance and diversity of all routers, weighted; nothing where none runs."""
    loads = [load for route in output.routes for load in route.loads] + list(output.token_loads)
    if not loads:
        return {}
    return {
        "balance": balance * torch.stack([switch_balance(load) for load in loads]).mean(),
        "diversity": diversity * torch.stack([decidedness(load) for load in loads]).mean(),
    }


def _of_guess(guess: Guess, targets: Sequence[Target], known: Tensor, size: float) -> dict[str, Tensor]:
    matched = [queries_of(guess, number, target, size) for number, target in enumerate(targets)]
    tile = torch.cat([torch.full_like(rows, number) for number, (rows, _) in enumerate(matched)])
    query = torch.cat([rows for rows, _ in matched])
    which = torch.cat([columns for _, columns in matched])
    boxes, labels, rects = _joined(targets, tile, which, guess.boxes.device)
    found = guess.boxes[tile, query]
    quality = torch.zeros_like(guess.logits)
    if len(tile):
        quality[tile, query, labels] = (1 + iou(found.detach(), boxes)[0]) / 2
    counts = torch.tensor([len(columns) for _, columns in matched], device=guess.boxes.device)
    share = 1 / counts.clamp_min(FEWEST).float() / len(targets)  # (B,)
    center = (guess.boxes[..., :2] + guess.boxes[..., 2:]).detach() / 2
    score = _varifocal(guess.logits, quality, _asked(known, center, targets)) * share
    parts = {"class": CLASS_WEIGHT * score.sum()}
    if not len(tile):
        zero = (guess.boxes.sum() + guess.rects.sum()) * 0
        return {**parts, "side": zero, "overlap": zero, "rect": zero}
    own = share[tile]
    return {
        **parts,
        "side": SIDE_WEIGHT * ((found - boxes).abs().sum(1) / size * own).sum(),
        "overlap": OVERLAP_WEIGHT * ((1 - generalised_iou(found, boxes)) * own).sum(),
        "rect": RECT_WEIGHT * (_rect(guess.rects[tile, query], rects, boxes) * own).sum(),
    }


def _rect(told: Tensor, rects: Tensor, boxes: Tensor) -> Tensor:
    """Difference of outlines, (n,): of those that are known, and of every envelope from its box.

    Args:
        told: (n, 4), see `Guess.rects`.
        rects: (n, 5), centre, length, width, angle; NaN where the direction is not known.
        boxes: (n, 4).
    """
    norm = told[:, 2:].square().sum(1, keepdim=True).add(1e-6).sqrt()
    double = told[:, 2] / norm[:, 0]  # cos 2a
    cos, sin = ((1 + double) / 2).clamp_min(1e-4).sqrt(), ((1 - double) / 2).clamp_min(1e-4).sqrt()
    length, width = told[:, 0].clamp(-2, 7).exp(), told[:, 1].clamp(-2, 7).exp()
    around = torch.stack([length * cos + width * sin, length * sin + width * cos], 1)
    size = (boxes[:, 2:] - boxes[:, :2]).clamp_min(1.0)
    loss = ENVELOPE * F.smooth_l1_loss(around.log(), size.log(), beta=0.1, reduction="none").sum(1)
    clear = rects[:, 2:].isfinite().all(1)
    if clear.any():
        known = rects[clear]
        sides = known[:, 2:4].clamp_min(1.0)
        off = F.smooth_l1_loss(told[clear, :2], sides.log(), beta=0.1, reduction="none").sum(1)
        direction = torch.stack([(2 * known[:, 4]).cos(), (2 * known[:, 4]).sin()], 1)
        # A square has no direction.
        long = 1 - sides[:, 1] / sides[:, 0].clamp_min(1.0)
        turned = long.clamp(0, 1) * (told[clear, 2:] - direction).abs().sum(1)
        loss = loss.index_add(0, clear.nonzero()[:, 0], off + turned)
    return loss


def _doubt(dense: DenseOutput, target: Target) -> Tensor:
    """What a false alarm of each cell weighs: (M, C), 1, or `WITHIN` inside an object of the class."""
    weight = torch.ones_like(dense.logits[0])
    for box, label in zip(target["boxes"].to(weight.device), target["labels"].tolist(), strict=True):
        within = ((dense.centers > box[:2]) & (dense.centers < box[2:])).all(1)
        weight[within, label] = WITHIN
    return weight


def _varifocal(logits: Tensor, quality: Tensor, asked: Tensor) -> Tensor:
    """Varifocal loss of each tile, (B,); negatives as far as `asked`, 0 to 1; (B, M, C) each."""
    score = logits.sigmoid()
    weight = torch.where(quality > 0, quality, MISS * score.detach().pow(GAMMA) * asked)
    return (weight * F.binary_cross_entropy_with_logits(logits, quality, reduction="none")).sum((1, 2))


def _asked(known: Tensor, points: Tensor, targets: Sequence[Target]) -> Tensor:
    """Where points (B, M, 2; pixels) may be told that a class is absent: float (B, M, C) of 0 and 1.

    That is where its absence is known (B, C, S / 4, S / 4), and inside objects of another class: nobody
    looked for buildings in a harbour, but a boat is none.
    """
    height, width = known.shape[2:]
    column = (points[..., 0] / 4).long().clamp(0, width - 1)
    row = (points[..., 1] / 4).long().clamp(0, height - 1)
    flat = known.to(points.device).flatten(2).transpose(1, 2)  # (B, h * w, C)
    asked = flat.gather(1, (row * width + column)[..., None].expand(-1, -1, flat.shape[2])).float()
    for number, target in enumerate(targets):
        boxes, labels = target["boxes"].to(points.device), target["labels"].to(points.device)
        for label in labels.unique():
            own = boxes[labels == label]
            at = points[number][:, None]  # (M, 1, 2)
            within = ((at > own[:, :2]) & (at < own[:, 2:])).all(2).any(1)
            others = torch.arange(asked.shape[2], device=asked.device) != label
            asked[number] = torch.where(within[:, None] & others, 1.0, asked[number])
    return asked


def _joined(
    targets: Sequence[Target], tile: Tensor, which: Tensor, device: torch.device
) -> tuple[Tensor, Tensor, Tensor]:
    """Boxes, labels and rects of chosen objects: number `which` of tile `tile`."""
    counts = torch.tensor([0, *(len(target["labels"]) for target in targets)])
    index = counts.cumsum(0)[:-1].to(device)[tile] + which
    parts = (
        torch.cat([target[name] for target in targets]).to(device) for name in ("boxes", "labels", "rects")
    )
    boxes, labels, rects = (part[index] for part in parts)
    return boxes, labels, rects
