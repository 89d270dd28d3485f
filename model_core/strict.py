"""Checks of requests that come from outside: what is wrong is one sentence, and nothing is guessed."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import fields
from typing import Any, TypeVar

from .errors import RequestError

_T = TypeVar("_T")


def strictly(kind: type[_T], data: Any, needed: set[str]) -> _T:
    """A request of the dataclass `kind` from its JSON object, which may hold nothing else.

    Args:
        kind: the dataclass.
        data: what was sent.
        needed: keys that must be there.

    Raises:
        RequestError: not an object, an unknown or a missing key, or what the class itself refuses.
    """
    if not isinstance(data, Mapping):
        raise RequestError(
            f"The request is {data!r:.40}; expected an object with {' and '.join(sorted(needed))}."
        )
    known = {item.name for item in fields(kind)}
    unknown, missing = sorted(set(data) - known), sorted(needed - set(data))
    if unknown or missing:
        raise RequestError(
            f"The request has unknown keys {unknown} and lacks {missing}; "
            f"known are {', '.join(sorted(known))}."
        )
    return kind(**data)


def need(name: str, value: Any, fine: bool, expected: str) -> None:
    """Refuse a value that is not fine.

    Raises:
        RequestError: it is not.
    """
    if not fine:
        raise RequestError(f"'{name}' is {value!r}; expected {expected}.")


def need_text(name: str, value: Any) -> None:
    """Refuse what is no text, or an empty one."""
    need(name, value, isinstance(value, str) and value != "", "a text")


def need_flag(name: str, value: Any) -> None:
    """Refuse what is neither true nor false."""
    need(name, value, isinstance(value, bool), "true or false")


def need_number(name: str, value: Any, least: int) -> None:
    """Refuse what is neither None nor a whole number of at least `least`."""
    need(name, value, value is None or at_least(value, least), f"{least} or more, or null")


def at_least(value: Any, least: int) -> bool:
    """A whole number that is large enough; True is no number here."""
    return isinstance(value, int) and not isinstance(value, bool) and value >= least


def checked_extent(extent: Any) -> tuple[float, float, float, float]:
    """An extent as four numbers.

    Raises:
        RequestError: it is anything else, or empty.
    """
    try:
        xmin, ymin, xmax, ymax = (float(value) for value in (() if isinstance(extent, str) else extent))
    except (TypeError, ValueError, OverflowError):  # JSON knows integers that no float can hold
        xmin = ymin = xmax = ymax = math.nan
    fine = all(map(math.isfinite, (xmin, ymin, xmax, ymax))) and xmin < xmax and ymin < ymax
    need("extent", extent, fine, "four numbers xmin, ymin, xmax, ymax, each minimum below its maximum")
    return xmin, ymin, xmax, ymax
