"""What reading had to correct or leave out, counted in pixels, and the sentences that say so."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

Part = tuple[slice, slice]
"""Rows and columns of a window."""

WHOLE: Part = (slice(None), slice(None))


@dataclass(frozen=True)
class PixelCounts:
    """Counts of what was read; those of parts add up to those of the whole.

    Attributes:
        values: values read in valid pixels, all used bands together.
        below_zero: of those, reflectance below 0, for which 0 was taken.
        not_finite: pixels made NoData because a used band holds NaN or infinity there; NaN that the file
            declares as its NoData does not count.
        damaged: pixels made NoData because the part of the file they lie in could not be read.
    """

    values: int = 0
    below_zero: int = 0
    not_finite: int = 0
    damaged: int = 0

    def __add__(self, other: PixelCounts) -> PixelCounts:
        return PixelCounts(
            self.values + other.values,
            self.below_zero + other.below_zero,
            self.not_finite + other.not_finite,
            self.damaged + other.damaged,
        )

    def as_dict(self) -> dict[str, int]:
        """The form kept in a journal."""
        return {
            "values": self.values,
            "below_zero": self.below_zero,
            "not_finite": self.not_finite,
            "damaged": self.damaged,
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, int]) -> PixelCounts:
        """Read the form kept in a journal.

        Raises:
            KeyError, TypeError, ValueError: a count is absent or no number.
        """
        return cls(
            int(data["values"]), int(data["below_zero"]), int(data["not_finite"]), int(data["damaged"])
        )


def pixel_warnings(counts: PixelCounts) -> list[str]:
    """What the user should know of the pixels of a whole run, one sentence each."""
    found = []
    if counts.below_zero:
        share = 100.0 * counts.below_zero / counts.values
        found.append(f"Reflectance was below 0 in {share:.2g} % of the values read; 0 was used there.")
    if counts.not_finite:
        found.append(
            f"{_pixels(counts.not_finite)} held NaN or infinity in a band that is used; "
            "they were taken for NoData."
        )
    if counts.damaged:
        found.append(
            f"{_pixels(counts.damaged)} lie in damaged parts of the raster that cannot be read; "
            "they were taken for NoData."
        )
    return found


def _pixels(count: int) -> str:
    return "1 pixel" if count == 1 else f"{count:,} pixels"
