"""What encoding and decoding a tile costs, as a run itself tells it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from .run_folder import Run


@dataclass(frozen=True)
class Rates:
    """Cost per tile.

    Attributes:
        encode_macs: multiply-accumulates of encoder, switcher and scene expert, None if unknown.
        expert_macs: of each expert, None if one of them is unknown.
        encode_seconds: computing time of the same, None if unknown.
        expert_seconds: of each expert, None if one of them is unknown.
    """

    encode_macs: int | None
    expert_macs: tuple[int, ...] | None
    encode_seconds: float | None
    expert_seconds: tuple[float, ...] | None

    def macs(self, encoded: int, decoded: Sequence[int]) -> int | None:
        """Multiply-accumulates of encoding so many tiles, and of so many tiles for each expert."""
        if self.encode_macs is None or self.expert_macs is None:
            return None
        return encoded * self.encode_macs + sum(n * m for n, m in zip(decoded, self.expert_macs))

    def seconds(self, encoded: int, decoded: Sequence[int]) -> float | None:
        """Computing time of the same."""
        if self.encode_seconds is None or self.expert_seconds is None:
            return None
        return encoded * self.encode_seconds + sum(n * s for n, s in zip(decoded, self.expert_seconds))

    def saved(self, encoded: int, macs: int | None) -> float | None:
        """Share that is saved against every expert on every tile, 0 to 1."""
        dense = self.macs(encoded, [encoded] * len(self.expert_macs or ()))
        return None if macs is None or not dense else 1.0 - macs / dense


def rates_of(run: Run) -> Rates:
    """Cost per tile in a run.

    An expert that it never ran is taken to be as fast, per multiply-accumulate, as the others were; in a
    run of scores only, as the encoder was.
    """
    looking = (run.switcher_macs or 0) + run.scene_macs
    encode_macs = None if run.encoder_macs is None else run.encoder_macs + looking
    macs = [expert.macs for expert in run.experts]
    known = None if any(value is None for value in macs) else tuple(int(value or 0) for value in macs)
    encode = run.encode_seconds / run.encoded if run.encode_seconds and run.encoded else None
    return Rates(encode_macs, known, encode, _expert_seconds(run, encode, encode_macs))


def _expert_seconds(run: Run, encode: float | None, encode_macs: int | None) -> tuple[float, ...] | None:
    ran = [e for e in run.experts if run.decoded and e.tiles and e.seconds > 0]
    spent = sum(e.tiles * (e.macs or 0) for e in ran)
    pace = sum(e.seconds for e in ran) / spent if spent else None  # seconds per multiply-accumulate
    if pace is None and encode is not None and encode_macs:
        pace = encode / encode_macs
    found = []
    for expert in run.experts:
        if expert in ran:
            found.append(expert.seconds / expert.tiles)
        elif pace is not None and expert.macs is not None:
            found.append(pace * expert.macs)
        else:
            return None
    return tuple(found)
