"""Which class a value of the labels is: from what the user says of a layer, and from what the layer holds."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from typing import Any

import numpy as np

from ..errors import RequestError
from ..routerset import UNKNOWN, TaskSpec
from ..spec import ClassSpec
from .request import LabelLayer

MOST_CLASSES = 64
"""More values than that are names or numbers of things, not classes."""

UNKNOWN_NAME = "unknown"
_COLORS = (
    "#1f78b4", "#e6ab02", "#33a02c", "#d95f02", "#7570b3", "#e7298a", "#66a61e", "#a6761d", "#17becf",
    "#b2182b", "#8c6bb1", "#bcbd22",
)  # fmt: skip
_WHOLE = re.compile(r"-?\d+\Z")


def texts_of(values: Iterable[Any]) -> list[str | None]:
    """Values of a field as `LabelLayer.classes` names them: 3.0 is "3"; None where there is none."""
    return [_text(value) for value in values]


def _text(value: Any) -> str | None:
    if isinstance(value, (bool, np.bool_)):
        return str(int(value))
    if isinstance(value, (float, np.floating)):
        if np.isnan(value):
            return None
        return str(int(value)) if float(value).is_integer() else repr(float(value))
    if value is None or (isinstance(value, np.datetime64) and np.isnat(value)):
        return None
    return str(value).strip() or None


def task_of(layer: LabelLayer, found: Collection[str], polygons: bool) -> tuple[TaskSpec, dict[str, int]]:
    """The task of a label layer, and the class that each value stands for; `UNKNOWN` is not learnt.

    Args:
        layer: what the user says of it.
        found: the values that it holds, as texts.
        polygons: it is of polygons, so that there is something outside them.

    Raises:
        RequestError: a value has no class, or there are too few or too many classes.
        BundleError: no expert could be called so.
    """
    if layer.classes is not None:
        names, codes = _given(layer, layer.classes, polygons)
        # `found` of a raster is not known before it is read; then its tiles say so.
        missing = sorted(set(found) - set(codes))
        if missing:
            raise unlisted(layer, missing)
    elif all(_WHOLE.match(text) for text in found):
        names, codes = _numbers(layer, sorted(int(text) for text in found))
    else:
        names, codes = _texts(layer, found)
    if len(names) > MOST_CLASSES:
        raise _too_many(layer, len(names))
    if len(names) < 2:
        raise RequestError(
            f"The labels '{layer.path}' of '{layer.task}' have {len(names)} classes ({', '.join(names)}); "
            "expected 2 or more, of which the background may be one."
        )
    values = {name: value for value, name in enumerate(names)}
    present = range(1, len(names)) if layer.present is None else _known(layer, "present", values)
    colors = layer.colors or {}
    _known(layer, "colors", values)
    classes = tuple(
        ClassSpec(value, name, colors.get(name, _color(layer, value))) for value, name in enumerate(names)
    )
    title = layer.title or layer.task
    return TaskSpec(
        layer.task, title, classes, tuple(sorted(set(present))), layer.share, label_kind=layer.label_kind
    ), codes


def unlisted(layer: LabelLayer, missing: Collection[str]) -> RequestError:
    """What is said of values that the user gave no class."""
    some = ", ".join(f"'{text}'" for text in list(missing)[:5]) + (", …" if len(missing) > 5 else "")
    return RequestError(
        f"The labels '{layer.path}' of '{layer.task}' hold {some}, which its classes do not list (only "
        f"{', '.join(layer.classes or ())}); add them, named '{UNKNOWN_NAME}' where they teach nothing."
    )


def _given(layer: LabelLayer, classes: Mapping[str, str], polygons: bool) -> tuple[list[str], dict[str, int]]:
    names = [name for name in dict.fromkeys(classes.values()) if name != UNKNOWN_NAME]
    if layer.background in names:
        names.remove(layer.background)
        names.insert(0, layer.background)
    elif layer.background and polygons:  # a raster has no outside that could be anything else
        names.insert(0, layer.background)
    codes = {text: UNKNOWN if name == UNKNOWN_NAME else names.index(name) for text, name in classes.items()}
    return names, codes


def _numbers(layer: LabelLayer, numbers: list[int]) -> tuple[list[str], dict[str, int]]:
    known = [number for number in numbers if number != UNKNOWN]
    if known and known[0] < 0:
        raise RequestError(
            f"The labels '{layer.path}' of '{layer.task}' hold {known[0]}, which is no class; say what the "
            f"values mean in its classes, as in {known[0]}:{UNKNOWN_NAME}."
        )
    last = max([1, *known])
    if last >= MOST_CLASSES:
        raise _too_many(layer, last + 1)
    names = [layer.background or "class 0", *(f"class {number}" for number in range(1, last + 1))]
    if last == 1 and layer.field is None:
        names[1] = layer.title or layer.task
    if names[0] in names[1:]:
        names[0] = "none" if names[0] != "none" else "no content"
    return names, {str(number): number for number in numbers}


def _texts(layer: LabelLayer, found: Collection[str]) -> tuple[list[str], dict[str, int]]:
    names = sorted(set(found) - {UNKNOWN_NAME, layer.background})
    if layer.background:
        names.insert(0, layer.background)
    codes = {name: value for value, name in enumerate(names)}
    return names, {**codes, UNKNOWN_NAME: UNKNOWN}


def _too_many(layer: LabelLayer, count: int) -> RequestError:
    where = f"the field '{layer.field}'" if layer.field else "its values"
    return RequestError(
        f"The labels '{layer.path}' of '{layer.task}' would have {count} classes by {where}, at most "
        f"{MOST_CLASSES} can be; choose the field that holds the class, or say what its values mean."
    )


def _known(layer: LabelLayer, key: str, values: Mapping[str, int]) -> list[int]:
    told = list(getattr(layer, key) or ())
    unknown = [name for name in told if name not in values]
    if unknown:
        raise RequestError(
            f"'{key}' of the labels of '{layer.task}' names '{unknown[0]}', which is none of its classes "
            f"{', '.join(values)}; name one of them."
        )
    return [values[name] for name in told]


def _color(layer: LabelLayer, value: int) -> str | None:
    if value == 0 and layer.background:
        return None
    return _COLORS[(value - bool(layer.background)) % len(_COLORS)]
