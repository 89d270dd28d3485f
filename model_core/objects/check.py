"""Whether what a model's objects expert returned can be what it says: no damaged bundle reaches a layer."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..errors import BundleError
from ..grid import Tile
from .detections import Detections
from .spec import ObjectsSpec

# Pixels by which rounding may put a box beyond its tile.
_ROUNDING = 0.01


def checked(
    found: Sequence[Detections], tiles: Sequence[Tile], size: int, spec: ObjectsSpec, classes: int
) -> list[Detections]:
    """Detections as the engine keeps them: of the declared types, boxes wholly inside their tile's window.

    Args:
        found: as `Model.detect` gave them.
        tiles: that they are of.
        size: edge of a tile as the model sees it; a window is smaller where the raster is, and boxes are
            cut at its edge.
        spec: the expert.
        classes: how many it knows.

    Raises:
        BundleError: a value of the wrong shape, not finite, or out of its range.
    """
    if len(found) != len(tiles):
        raise _damaged(spec, f"{len(found)} tiles of detections for {len(tiles)} tiles")
    kept = []
    for tile, one in zip(tiles, found, strict=True):
        try:
            wrong = fault(one, size, spec, classes)
        except (AttributeError, TypeError, ValueError, IndexError) as error:
            raise _damaged(spec, f"what is no detections ({error})") from error
        if wrong:
            raise _damaged(spec, wrong)
        kept.append(_cut(one, tile))
    return kept


def fault(found: Detections, size: int, spec: ObjectsSpec, classes: int) -> str | None:
    """What is wrong with the detections of one tile; None = nothing. The arguments are those of `checked`."""
    n, layers = len(found.score), spec.layers
    # What a routing does not choose has no columns.
    groups = spec.top_groups if spec.routing in ("full", "scene") else 0
    k = spec.top_experts if spec.routing in ("full", "scene", "instance") else 0
    shapes = {
        "box": (n, 4), "outline": (n, 4, 2), "label": (n,), "score": (n,), "groups": (layers, groups),
        "experts": (n, layers, k), "weights": (n, layers, k),
    }  # fmt: skip
    for name, shape in shapes.items():
        values = getattr(found, name)
        if values.shape != shape and (n or name not in ("experts", "weights")):
            return f"{name} of shape {values.shape} where {shape} was expected"
        if not np.isfinite(values).all():
            return f"{name} that is not finite"
    spans = {
        "label": (0, classes - 1),
        "score": (0, 1),
        "groups": (0, spec.groups - 1),
        "experts": (0, spec.experts - 1),
        "weights": (0, 1 + 1e-3),
    }
    for name, (low, high) in spans.items():
        values = getattr(found, name)
        if values.size and not low <= values.min() <= values.max() <= high:
            return f"{name} of {values.min():g} to {values.max():g} where {low:g} to {high:g} was expected"
    if n and (found.box.min() < -_ROUNDING or found.box.max() > size + _ROUNDING):
        return f"a box beyond its tile of {size} pixels"
    if n and not (found.box[:, 2:] > found.box[:, :2]).all():
        return "a box without area"
    return None


def _cut(found: Detections, tile: Tile) -> Detections:
    """The same within the window; what lies beyond it altogether is left out."""
    edge = np.array([tile.width, tile.height] * 2, dtype=np.float32)
    box = np.clip(found.box.astype(np.float32), np.float32(0.0), edge)
    inside = (box[:, 2:] > box[:, :2]).all(axis=1)
    count = int(inside.sum())
    # Where nothing was found no expert served anything; so it reads back from JSON, too.
    routed = (count, len(found.groups), found.experts.shape[-1] if count else 0)
    return Detections(
        box[inside],
        found.outline[inside].astype(np.float32),
        found.label[inside].astype(np.int16),
        found.score[inside].astype(np.float32),
        found.groups.astype(np.int16),
        (found.experts[inside] if count else np.empty(routed)).astype(np.int16).reshape(routed),
        (found.weights[inside] if count else np.empty(routed)).astype(np.float32).reshape(routed),
    )


def _damaged(spec: ObjectsSpec, what: str) -> BundleError:
    return BundleError(f"Expert '{spec.expert}' gave {what}. The bundle is damaged, use another one.")
