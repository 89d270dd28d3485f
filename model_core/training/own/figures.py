"""What a trained expert gets right on the tiles of a split, in JSON form."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...evaluation.metrics import f1, iou
from ...evaluation.record import without_nan
from ...routerset import TaskSpec


def headline(counts: np.ndarray, task: TaskSpec) -> dict[str, float]:
    """Mean IoU and F1 over the content classes that the labels hold; NaN where they hold none.

    Args:
        counts: int (classes, classes), rows = label, columns = prediction.
        task: which classes are content.
    """
    there = [value for value in task.present if counts[value].sum() > 0]
    if not there:
        return {"iou": float("nan"), "f1": float("nan")}
    return {
        "iou": float(np.mean([iou(counts, value) for value in there])),
        "f1": float(np.mean([f1(counts, (value,)) for value in there])),
    }


def figures(counts: np.ndarray, task: TaskSpec, tiles: int) -> dict[str, Any] | None:
    """All that is told of a split; None where nothing is labelled.

    Args:
        counts: as in `headline`.
        task: names and content of the classes.
        tiles: how many were looked at.
    """
    if not counts.sum():
        return None
    rows = []
    for item in task.classes:
        hit = int(counts[item.value, item.value])
        labelled, found = int(counts[item.value].sum()), int(counts[:, item.value].sum())
        rows.append(
            {
                "value": item.value,
                "name": item.name,
                "iou": iou(counts, item.value),
                "f1": f1(counts, (item.value,)),
                "precision": hit / found if found else float("nan"),
                "recall": hit / labelled if labelled else float("nan"),
                "pixels": labelled,
            }
        )
    told = {
        **headline(counts, task),
        "accuracy": float(np.trace(counts) / counts.sum()),
        "tiles": tiles,
        "pixels": int(counts.sum()),
        "classes": rows,
        "confusion": counts.tolist(),
    }
    return without_nan(told)
