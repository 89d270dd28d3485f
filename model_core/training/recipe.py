"""The recipe of the bundled model: every number a training needs, in one place."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field

from ..networks.hydranet import NetworkConfig


@dataclass(frozen=True)
class Phase:
    """A stretch of training at one crop size."""

    size: int
    batch: int
    steps: int


@dataclass(frozen=True)
class Recipe:
    """Joint training, then the switcher.

    Attributes:
        warm_up: steps of self-supervised training of the encoder before the joint training.
        phases: small crops first (cheap, many), then full tiles.
        task_weights: how often each task leads the choice of a tile.
        class_weights: cross-entropy weights; rare or thin classes weigh more.
        lr, weight_decay, warmup: AdamW with a cosine schedule after `warmup` steps.
        focal: exponent of the focal loss (Lin et al. 2017) for tasks whose content is rare.
        balance: "gradient" lets every task pull on the encoder with the same force, see `balance`; "none"
            sums the losses as they are.
        without_sources: training sources left out, for comparisons.
        ema: decay of the averaged weights, which are the ones kept.
        switcher_tiles: augmented tiles the frozen switcher is trained on.
    """

    seed: int = 100
    network: NetworkConfig = field(default_factory=NetworkConfig)
    warm_up: int = 0
    phases: tuple[Phase, ...] = (Phase(128, 24, 12000), Phase(256, 10, 1500))
    balance: str = "gradient"
    without_sources: tuple[str, ...] = ()
    task_weights: dict[str, float] = field(
        default_factory=lambda: {
            "clouds": 1.2,
            "water": 1.2,
            "burned": 1.0,
            "roads": 1.4,
            "landcover": 1.2,
            "forest_damage": 0.6,
            "buildings": 0.9,
            "fire": 0.8,
        }
    )
    class_weights: dict[str, tuple[float, ...]] = field(
        default_factory=lambda: {
            "clouds": (1.0, 2.5, 1.0, 2.5),
            "water": (1.0, 1.5),
            "burned": (1.0, 2.0),
            "roads": (1.0, 2.0),
            "landcover": (1.0, 1.5, 1.5, 1.0, 1.5),
            "forest_damage": (1.0, 1.5),
            "buildings": (1.0, 2.0),
            "fire": (1.0, 1.5, 2.5),
        }
    )
    focal: dict[str, float] = field(
        default_factory=lambda: {"burned": 1.0, "roads": 1.0, "buildings": 1.0, "fire": 1.0}
    )
    lr: float = 2e-3
    weight_decay: float = 0.02
    warmup: int = 300
    ema: float = 0.999
    switcher_tiles: int = 4000
    switcher_epochs: int = 12

    def as_dict(self) -> dict[str, object]:
        """JSON form, kept beside every checkpoint and in the bundle."""
        return asdict(self)


FULL = Recipe()

QUICK = Recipe(
    phases=(Phase(128, 16, 220), Phase(256, 8, 30)),
    warmup=40,
    ema=0.97,
    switcher_tiles=1200,
    switcher_epochs=30,
)
"""A recipe of minutes: it learns enough to see that everything works, not enough to ship."""
