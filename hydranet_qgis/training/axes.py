"""The arithmetic of an axis: its range, its ticks, and whether it is better logarithmic. No Qt in here."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

# A loss that falls by more than this is read better on a logarithmic axis.
_LOG_FROM = 20.0


@dataclass(frozen=True)
class Axis:
    """A range of values, drawn from its low end to its high end.

    Attributes:
        low: value at the beginning.
        high: value at the end, above `low`.
        log: whether equal lengths are equal ratios; both ends are above 0 then.
    """

    low: float
    high: float
    log: bool = False

    def share(self, value: float) -> float:
        """Where a value lies, 0 at the beginning and 1 at the end; what lies outside is told as it is."""
        if self.log:
            if value <= 0:
                return 0.0
            return math.log(value / self.low) / math.log(self.high / self.low)
        return (value - self.low) / (self.high - self.low)

    def ticks(self, most: int) -> list[float]:
        """Round values within the range, at most so many, at least one where the range holds one."""
        return _log_ticks(self, max(most, 2)) if self.log else _ticks(self, max(most, 2))


def tick_text(value: float) -> str:
    """A tick as it is written beside the axis."""
    return f"{value:.0e}".replace("e-0", "e-") if 0 < abs(value) < 0.001 else f"{round(value, 6):g}"


def value_axis(values: Iterable[float], may_be_log: bool = False) -> Axis:
    """An axis with room for these values; NaN and infinite ones count for nothing."""
    known = [value for value in values if math.isfinite(value)]
    if not known:
        return Axis(0.0, 1.0)
    low, high = min(known), max(known)
    if may_be_log and low > 0 and high / low > _LOG_FROM:
        return Axis(low / 1.25, high * 1.25, log=True)
    room = (high - low) * 0.08 or abs(high) * 0.1 or 0.05
    # Shares and losses cannot leave these; an axis that does looks as if they could.
    floor = 0.0 if low >= 0 else -math.inf
    ceiling = 1.0 if low >= 0 and high <= 1 else math.inf
    return Axis(max(low - room, floor), max(min(high + room, ceiling), low + room / 2))


def epoch_axis(first: int, last: int, epochs: int) -> Axis:
    """An axis of epochs, a little longer than what there is, so that it does not grow with each of them.

    Args:
        first: number of the first epoch, 0 or 1.
        last: of the last one.
        epochs: there will be at most so many.
    """
    wanted = max(last, first + 4)
    step = _nice(max(1.0, wanted / 5))
    end = math.ceil(wanted / step) * step
    if epochs >= last:
        end = min(end, max(epochs, first + 1))
    return Axis(float(first), float(max(end, last, first + 1)))


def _ticks(axis: Axis, most: int) -> list[float]:
    step = _nice((axis.high - axis.low) / most)
    begin = math.ceil(axis.low / step - 1e-9)
    end = math.floor(axis.high / step + 1e-9)
    return [number * step for number in range(begin, end + 1)]


def _log_ticks(axis: Axis, most: int) -> list[float]:
    exponents = range(math.floor(math.log10(axis.low)), math.ceil(math.log10(axis.high)) + 1)
    found: list[float] = []
    for steps in ((1, 2, 5), (1, 3), (1,)):
        listed = [step * 10.0**exponent for exponent in exponents for step in steps]
        found = [value for value in listed if axis.low <= value <= axis.high]
        if len(found) <= most:
            return found
    return found[:: math.ceil(len(found) / most)]


def _nice(step: float) -> float:
    """The next step of 1, 2 or 5 times a power of ten."""
    power = 10.0 ** math.floor(math.log10(step))
    return next(power * factor for factor in (1, 2, 5, 10) if power * factor >= step * (1 - 1e-9))
