"""Which experts a tile goes to, and why: the policy turned into ranks and reasons.

Scores are calibrated probabilities, so they can be compared between experts and with thresholds.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from .conformal import least_tiles, recall_threshold
from .errors import RequestError
from .spec import ExpertSpec

POLICIES = ("threshold", "top-k", "recall")
OUTSIDE_RESOLUTION = "outside resolution"
NOT_REQUESTED = "not requested"

# Codes of `Routing.reason`. CHOSEN reads "top-<rank>" under top-k; else it and BELOW name the threshold.
CHOSEN, BELOW, CUT, NO_DATA, OUTSIDE, UNREQUESTED, OUTSIDE_MASK = range(7)
_INELIGIBLE = {OUTSIDE_RESOLUTION: OUTSIDE, NOT_REQUESTED: UNREQUESTED}
TEXTS = {
    CUT: "cut by k",
    NO_DATA: "no data",
    OUTSIDE_MASK: "outside mask",
    OUTSIDE: OUTSIDE_RESOLUTION,
    UNREQUESTED: NOT_REQUESTED,
}


@dataclass(frozen=True)
class Policy:
    """How many experts may serve a tile.

    Attributes:
        kind: `threshold` (experts at or above their own threshold, the strongest `k` of them; a tile
            may abstain), `top-k` (always the `k` strongest) or `recall` (every expert at or above the
            threshold that keeps `miss_rate`, see `effective_thresholds`).
        k: largest number of experts per tile; `recall` knows no such limit.
        miss_rate: of `recall` only, the share of the tiles that need an expert which it may miss.

    Raises:
        RequestError: an unknown kind, k below 1, or a miss rate that is not above 0 and below 1.
    """

    kind: str = "threshold"
    k: int = 2
    miss_rate: float = 0.05

    def __post_init__(self) -> None:
        if self.kind not in POLICIES:
            raise RequestError(f"Policy '{self.kind}' is not known; use {' or '.join(POLICIES)}.")
        if isinstance(self.k, bool) or not isinstance(self.k, int) or self.k < 1:
            raise RequestError(f"top_k is {self.k}; give a whole number of at least 1.")
        rate = self.miss_rate
        if isinstance(rate, bool) or not isinstance(rate, (int, float)) or not 0.0 < rate < 1.0:
            raise RequestError(f"miss_rate is {rate!r}; give a share above 0 and below 1, such as 0.05.")

    def check(self, experts: int) -> None:
        """Make sure that a model with so many experts can follow the policy.

        Raises:
            RequestError: k exceeds the number of experts, and the policy minds k.
        """
        if self.k > experts and self.kind != "recall":
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
            return f"top-{self.rank[tile, expert]}" if self.kind == "top-k" else f"above {self._threshold}"
        return f"below {self._threshold}" if code == BELOW else TEXTS[code]

    def tile_text(self, tile: int) -> str:
        """The tile's outcome in a few words."""
        codes = self.reason[tile]
        if (codes == CHOSEN).any():
            return "routed"
        for code in (OUTSIDE_MASK, NO_DATA):
            if (codes == code).all():
                return TEXTS[code]
        if (codes == BELOW).any():
            return f"abstained: all below {self._threshold}"
        return "abstained: no expert can serve this scene"

    @property
    def _threshold(self) -> str:
        return "recall threshold" if self.kind == "recall" else "threshold"


def effective_thresholds(
    experts: Sequence[ExpertSpec],
    policy: Policy,
    eligible: Sequence[str | None] | None = None,
    chosen: Mapping[str, float] | None = None,
) -> tuple[np.ndarray, list[str]]:
    """The score from which a tile goes to each expert under a policy.

    Under `recall` it follows from the calibration tiles that need the expert, by conformal risk control.
    An expert with too few of them for the promise gets 0: it serves every tile it may serve.

    Args:
        experts: of the bundle.
        policy: under `top-k` the bundle's thresholds are given, though nothing is compared with them.
        eligible: as for `decide`; None = all may be used. The notes tell of no others.
        chosen: the user's own thresholds by expert, in place of the bundle's; not under `recall`.

    Returns:
        float64 (E,) thresholds, and what the user should know about them.
    """
    if policy.kind != "recall":
        mine = chosen or {}
        return np.array([mine.get(spec.name, spec.threshold) for spec in experts], dtype=np.float64), []
    limits = [recall_threshold(spec.needed_scores, policy.miss_rate) for spec in experts]
    least = least_tiles(policy.miss_rate)
    whys = [None] * len(experts) if eligible is None else eligible
    short = [
        f"{spec.name} ({len(spec.needed_scores)})"
        for spec, why in zip(experts, whys, strict=True)
        if why is None and len(spec.needed_scores) < least
    ]
    notes = []
    if short:
        notes.append(
            f"To miss at most {100 * policy.miss_rate:g} % of the tiles that need an expert takes {least} "
            "calibration tiles that need it; "
            f"there are fewer for {', '.join(short)}, so every tile goes there."
        )
    return np.array(limits, dtype=np.float64), notes


def decide(
    scores: np.ndarray,
    thresholds: Sequence[float] | np.ndarray,
    eligible: Sequence[str | None],
    has_data: np.ndarray,
    policy: Policy,
    outside: np.ndarray | None = None,
) -> Routing:
    """Choose experts for every tile; equal scores are served in the experts' order.

    Args:
        scores: float (N, E), calibrated probabilities; rows without data or outside may hold anything.
        thresholds: (E,), the score from which a tile belongs to the expert, see `effective_thresholds`.
        eligible: (E,), None for an expert that may be used, else why not: `outside resolution` or
            `not requested`.
        has_data: bool (N,), False for tiles without one valid pixel.
        policy: the kind of choice and its k.
        outside: bool (N,), True for tiles that the mask leaves out, with or without data; None = no mask.

    Returns:
        Ranks and reasons; never more than k experts per tile (but under `recall`), never an ineligible one.

    Raises:
        RequestError: k exceeds the number of experts.
    """
    count, experts = scores.shape
    policy.check(experts)
    usable = np.array([why is None for why in eligible], dtype=bool)
    masked = np.zeros(count, dtype=bool) if outside is None else np.asarray(outside, dtype=bool)
    alive = np.asarray(has_data, dtype=bool) & ~masked  # (N,)
    candidate = alive[:, None] & usable[None, :]  # (N, E)
    if policy.kind != "top-k":
        # Compared in the scores' own precision: a score that equals its threshold is in.
        candidate = candidate & (scores >= np.asarray(thresholds, dtype=scores.dtype)[None, :])

    # A stable sort of the negated scores keeps the experts' order among equals.
    strength = np.where(candidate, scores, -np.inf)
    order = np.argsort(-strength, axis=1, kind="stable")  # (N, E), strongest first
    place = np.empty_like(order)
    np.put_along_axis(place, order, np.arange(1, experts + 1)[None, :], axis=1)
    limit = experts if policy.kind == "recall" else policy.k
    rank = np.where(candidate & (place <= limit), place, 0).astype(np.int8)

    reason = np.full((count, experts), BELOW, dtype=np.uint8)
    reason[candidate] = CUT
    reason[rank > 0] = CHOSEN
    for expert, why in enumerate(eligible):
        if why is not None:
            reason[:, expert] = _INELIGIBLE[why]
    reason[~alive] = NO_DATA
    reason[masked] = OUTSIDE_MASK
    return Routing(rank, reason, policy.kind)
