"""Every number of a Hydra training."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from ...errors import RequestError
from ..recipe import Phase


@dataclass(frozen=True)
class HydraRecipe:
    """Ensemble, phase 1 (one head on the averaged teacher), phase 2 (a head for each member).

    Attributes:
        seed: of everything random.
        members: M, decoders of the ensemble and heads of the student.
        member_phases: crops, tiles a step and steps of the ensemble's training; small crops first.
        first, second: the same for the two phases of the distillation.
        temperatures: T of phase 1 and of phase 2. Soft targets say more of the order of the classes; in the
            end the probabilities themselves are matched, as the uncertainty is computed from them.
        own_share: share of the transfer tiles that the expert's own task leads to; the other tasks lead to
            the rest.
        lr: of members, of new heads, and of a student that starts fresh.
        slow_lr: of a student's body and common head that were trained before.
        weight_decay, warmup: AdamW with a cosine schedule after `warmup` steps.
        ema: decay of the averaged weights, which are the ones kept.
        judged_tiles: held-out tiles on which the two starts of the student are compared.
    """

    seed: int = 100
    members: int = 5
    member_phases: tuple[Phase, ...] = (Phase(128, 16, 1000), Phase(256, 8, 50))
    first: tuple[Phase, ...] = (Phase(128, 16, 300),)
    second: tuple[Phase, ...] = (Phase(128, 16, 600), Phase(256, 8, 40))
    temperatures: tuple[float, float] = (2.0, 1.0)
    own_share: float = 0.7
    lr: float = 2e-3
    slow_lr: float = 5e-4
    weight_decay: float = 0.02
    warmup: int = 60
    ema: float = 0.995
    judged_tiles: int = 48

    def __post_init__(self) -> None:
        if self.members < 2:
            raise RequestError(
                f"--members is {self.members}; an ensemble has 2 or more, and so have its heads."
            )
        if not 0 <= self.seed < 2**31:
            raise RequestError(f"--seed is {self.seed}; give 0 to {2**31 - 1}.")

    def as_dict(self) -> dict[str, Any]:
        """JSON form, kept beside every checkpoint and in the bundle."""
        return asdict(self)


FULL = HydraRecipe()

QUICK = HydraRecipe(
    member_phases=(Phase(128, 8, 60),),
    first=(Phase(128, 8, 40),),
    second=(Phase(128, 8, 60),),
    warmup=10,
    ema=0.95,
    judged_tiles=12,
)
"""A recipe of minutes: it learns enough to see that everything works, not enough to ship."""
