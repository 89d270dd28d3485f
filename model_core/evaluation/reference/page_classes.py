"""The report's sections on classes: confusion matrix and figures of each."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from . import markup
from .figures import BY_CLASS, NAMES


def matrix_part(facts: Mapping[str, Any]) -> str:
    """The matrix as a heat map."""
    classes, matrix = facts["figures"]["classes"], facts["matrix"]
    names = [_named(one) for one in classes]
    rows = []
    for number, row in enumerate(matrix):
        total = sum(row)
        cells = []
        for column, count in enumerate(row):
            share = count / total if total else 0.0
            color = _shade(share, number == column)
            white = ";color:#fff" if share > 0.6 else ""
            cells.append(
                f'<td style="background:{color}{white}">{markup.count(count)}<br>'
                f"<small>{markup.share(count, total)}</small></td>"
            )
        rows.append(f"<tr><th>{names[number]}</th>{''.join(cells)}<td>{markup.count(total)}</td></tr>\n")
    head = "".join(f"<th>{name}</th>" for name in names)
    sums = "".join(f"<td>{markup.count(sum(column))}</td>" for column in zip(*matrix, strict=True))
    return (
        '<p class="small">Rows are the reference, columns the input: pixels, and their share of the '
        'row.</p>\n<div class="scroll"><table class="matrix"><tr><th>reference \\ '
        f"input</th>{head}<th>all</th></tr>\n"
        f"{''.join(rows)}<tr><th>all</th>{sums}<td></td></tr></table></div>"
    )


def _shade(share: float, right: bool) -> str:
    """White to green for what is right, white to red for what is not; the eye is helped with little."""
    depth = math.sqrt(share)
    full = (31, 122, 77) if right else (200, 60, 30)
    return "#" + "".join(f"{round(255 + (part - 255) * depth):02x}" for part in full)


def _named(one: Mapping[str, Any]) -> str:
    name = markup.text(one["name"])
    return f'<i class="key" style="background:{markup.text(one["color"])}"></i>{name}'


def classes_part(facts: Mapping[str, Any]) -> str:
    """Figures, pixels and areas of each class."""
    classes = facts["figures"]["classes"]
    with_area = any(one["reference_ha"] is not None for one in classes)
    head = ["class", *(NAMES[key] for key in BY_CLASS), "reference", "input"]
    head += ["reference, ha", "input, ha"] if with_area else []
    head.append("reference without a partner")
    rows = []
    for one in classes:
        row = [_named(one)]
        row += [f"{markup.number(one[key])}<br>{markup.between(one['intervals'][key])}" for key in BY_CLASS]
        row += [markup.count(one["pixels"]), markup.count(one["input_pixels"])]
        row += [markup.area(one["reference_ha"]), markup.area(one["input_ha"])] if with_area else []
        alone = one["reference_unmatched"]
        row.append(f"{markup.count(alone)}<br><small>{markup.share(alone, alone + one['pixels'])}</small>")
        rows.append(row)
    return (
        markup.table(head, rows)
        + '<p class="small">Precision is the user\'s accuracy, the share of what the input calls so that is; '
        "recall the "
        "producer's accuracy, the share of what is so that the input calls so. Pixels and areas are those "
        "compared.</p>"
    )
