"""When a scene was taken, read from its name: the names of products tell it, a run does not."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone

# A year, month and day written without gaps or with the same one twice, and perhaps a time.
_DATE = re.compile(
    r"(?<!\d)((?:19|20)\d\d)([-_]?)(0[1-9]|1[0-2])\2(0[1-9]|[12]\d|3[01])"
    r"(?:T([01]\d|2[0-3])[-:]?([0-5]\d)[-:]?([0-5]\d))?(?!\d)"
)


@dataclass(frozen=True)
class Span:
    """From when to when, in UTC; of a time to the second both are the same."""

    start: datetime
    end: datetime


def acquisition(name: str, created: str) -> Span | None:
    """The first date in a scene's name.

    Names of Sentinel-2 and Landsat products hold several; the first is when the scene was taken.

    Args:
        name: of the file or product.
        created: when the run was made, ISO 8601; a later date cannot be the scene's.

    Returns:
        None if the name holds no date that can be the scene's.

    Raises:
        ValueError: `created` is no time.
    """
    latest = time_of(created)
    for found in _DATE.finditer(name):
        year, _gap, month, day, *clock = found.groups()
        try:
            start = datetime(int(year), int(month), int(day), tzinfo=timezone.utc)
        except ValueError:  # as the 31st of June
            continue
        if clock[0] is None:
            end = start + timedelta(days=1, seconds=-1)
        else:
            hours, minutes, seconds = map(int, clock)
            start = end = start + timedelta(hours=hours, minutes=minutes, seconds=seconds)
        if start <= latest:
            return Span(start, end)
    return None


def time_of(text: str) -> datetime:
    """A time as run.json and bundles write it, in UTC.

    Raises:
        ValueError: it is none.
    """
    found = datetime.fromisoformat(text.replace("Z", "+00:00"))
    return (found if found.tzinfo else found.replace(tzinfo=timezone.utc)).astimezone(timezone.utc)
