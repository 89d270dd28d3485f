"""Which experts a tile goes to, and why: the policy turned into ranks and reasons.

Scores are calibrated probabilities, so they can be compared between experts and with thresholds.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .errors import RequestError

POLICIES = ("threshold", "top-k", "recall")
OUTSIDE_RESOLUTION = "outside resolution"
NOT_REQUESTED = "not requested"

# Codes of `Routing.reason`. CHOSEN reads "above threshold" or "top-<rank>", by the policy.
CHOSEN, BELOW, CUT, NO_DATA, OUTSIDE, UNREQUESTED = range(6)
_INELIGIBLE = {OUTSIDE_RESOLUTION: OUTSIDE, NOT_REQUESTED: UNREQUESTED}
_TEXT = {
    BELOW: "below threshold",
    CUT: "cut by k",
    NO_DATA: "no data",
    OUTSIDE: OUTSIDE_RESOLUTION,
    UNREQUESTED: NOT_REQUESTED,
}


@dataclass(frozen=True)
class Policy:
    """How many experts may serve a tile.

    Attributes:
        kind: `threshold` (experts at or above their own threshold, the strongest `k` of them; a tile
            may abstain) or `top-k` (always the `k` strongest).
        k: largest number of experts per tile; `recall` knows no such limit.
        miss_rate: of `recall` only, the share of the tiles that need an expert which it may miss.

    Raises:
        RequestError: an unknown kind, k below 1, or a miss rate outside 0 to 1.
    """

    kind: str = "threshold"
    k: int = 2
    miss_rate: float = 0.05

    def __post_init__(self) -> None:
        if self.kind not in POLICIES:
            raise RequestError(f"Policy '{self.kind}' is not known; use {' or '.join(POLICIES)}.")
        if isinstance(self.k, bool) or not isinstance(self.k, int) or self.k < 1:
            raise RequestError(f"top_k is {self.k}; give a whole number of at least 1.")

    def check(self, experts: int) -> None:
        """Make sure that a model with so many experts can follow the policy.

        Raises:
            RequestError: k exceeds the number of experts.
        """
        if self.k > experts:
            raise RequestError(f"top_k is {self.k}, but the model has {experts} experts; use 1 to {experts}.")


@dataclass(frozen=True)
class Routing:
    """Decisions for N tiles and E experts.

    Attributes:
        rank: int8 (N, E), 0 = not chosen, 1 = strongest chosen, 2 = second …
        reason: uint8 (N, E), a code; read it with `reason_text`.
        kind: the policy's kind, which words the reason of a chosen expert.
    """

    rank: np.ndarray
    reason: np.ndarray
    kind: str

    def chosen(self, tile: int) -> list[int]:
        """Experts of a tile, strongest first."""
        row = self.rank[tile]
        return sorted(np.flatnonzero(row).tolist(), key=lambda expert: row[expert])

    def tiles_of(self, expert: int) -> list[int]:
        """Tiles routed to an expert, in tile order."""
        return np.flatnonzero(self.rank[:, expert]).tolist()

    def reason_text(self, tile: int, expert: int) -> str:
        """Why the expert was, or was not, chosen for the tile."""
        code = int(self.reason[tile, expert])
        if code == CHOSEN:
            return "above threshold" if self.kind == "threshold" else f"top-{self.rank[tile, expert]}"
        return _TEXT[code]

    def tile_text(self, tile: int) -> str:
        """The tile's outcome in a few words."""
        codes = self.reason[tile]
        if (codes == CHOSEN).any():
            return "routed"
        if (codes == NO_DATA).all():
            return "no data"
        if (codes == BELOW).any():
            return "abstained: all below threshold"
        return "abstained: no expert can serve this scene"


def decide(
    scores: np.ndarray,
    thresholds: Sequence[float] | np.ndarray,
    eligible: Sequence[str | None],
    has_data: np.ndarray,
    policy: Policy,
) -> Routing:
    """Choose experts for every tile; equal scores are served in the experts' order.

    Args:
        scores: float (N, E), calibrated probabilities; rows without data may hold anything.
        thresholds: (E,), the score from which a tile belongs to the expert.
        eligible: (E,), None for an expert that may be used, else why not: `outside resolution` or
            `not requested`.
        has_data: bool (N,), False for tiles without one valid pixel.
        policy: the kind of choice and its k.

    Returns:
        Ranks and reasons; never more than k experts per tile, never an ineligible one.

    Raises:
        RequestError: k exceeds the number of experts.
    """
    count, experts = scores.shape
    policy.check(experts)
    usable = np.array([why is None for why in eligible], dtype=bool)
    alive = np.asarray(has_data, dtype=bool)[:, None]  # (N, 1)
    candidate = alive & usable[None, :]  # (N, E)
    if policy.kind == "threshold":
        # Compared in the scores' own precision: a score that equals its threshold is in.
        candidate = candidate & (scores >= np.asarray(thresholds, dtype=scores.dtype)[None, :])

    # A stable sort of the negated scores keeps the experts' order among equals.
    strength = np.where(candidate, scores, -np.inf)
    order = np.argsort(-strength, axis=1, kind="stable")  # (N, E), strongest first
    place = np.empty_like(order)
    np.put_along_axis(place, order, np.arange(1, experts + 1)[None, :], axis=1)
    rank = np.where(candidate & (place <= policy.k), place, 0).astype(np.int8)

    reason = np.full((count, experts), BELOW, dtype=np.uint8)
    reason[candidate] = CUT
    reason[rank > 0] = CHOSEN
    for expert, why in enumerate(eligible):
        if why is not None:
            reason[:, expert] = _INELIGIBLE[why]
    reason[~alive[:, 0], :] = NO_DATA
    return Routing(rank, reason, policy.kind)
