"""The bands that say how unsure an expert was: which a run has, what they are called and what they mean.

All are entropies in parts of the largest there can be, 0 to 1. An expert with one head tells the total only.
One with several heads also tells its parts: what the heads agree is unclear in the image (aleatoric), and
what they disagree about (model). The total is the sum of both.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from .i18n import tr

TOTAL, ALEATORIC, MODEL = KINDS = ("total", "aleatoric", "model")

MODEL_TOP = 0.5
"""Where the colours of a pixel's model uncertainty end.

It is a difference of two entropies and small even where it matters. With five heads and four classes, one
head that is sure of another answer than the rest gives 0.36, two give 0.49: all that is told apart below. A
fixed end, rather than that of a raster's own values, keeps colours comparable between experts, runs and
tiles decoded later. Colours follow its square root, so that small values are told apart.
"""

TILE_MODEL_TOP = 0.25
"""Where those of a tile's mean end: the heads hardly ever disagree all over a tile."""


@dataclass(frozen=True)
class UncertaintyBands:
    """Numbers of the bands of an expert's raster; None for those it does not have.

    Attributes:
        tile_means: whether the table of tiles has the mean of each over a tile, which older runs lack.
    """

    total: int | None = None
    aleatoric: int | None = None
    model: int | None = None
    tile_means: bool = False

    def band(self, kind: str) -> int | None:
        """Number of one band.

        Args:
            kind: TOTAL, ALEATORIC or MODEL.
        """
        return {TOTAL: self.total, ALEATORIC: self.aleatoric, MODEL: self.model}[kind]

    def present(self) -> Iterator[tuple[str, int]]:
        """Kind and number of the bands that are there."""
        for kind in KINDS:
            band = self.band(kind)
            if band is not None:
                yield kind, band

    def has_mean(self, kind: str) -> bool:
        """Whether the table of tiles tells the mean of one; of the aleatoric part it never does."""
        return self.tile_means and kind != ALEATORIC and self.band(kind) is not None

    @classmethod
    def of(cls, item: Mapping[str, Any]) -> UncertaintyBands:
        """What run.json tells of an expert; runs of older versions know the total only.

        Raises:
            TypeError, ValueError, AttributeError: it is damaged.
        """
        told = item.get("uncertainty_bands")
        if told is None:
            old = item.get("uncertainty_band")
            return cls(total=None if old is None else int(old))
        known = {kind: int(told[kind]) for kind in KINDS if told.get(kind) is not None}
        return cls(**known, tile_means=bool(known))


def style_name(kind: str) -> str:
    """What a band is called, and its style in QGIS's Styles menu."""
    return {
        TOTAL: tr("Uncertainty"),
        ALEATORIC: tr("Aleatoric uncertainty"),
        MODEL: tr("Model uncertainty"),
    }[kind]


def meaning(kind: str) -> str:
    """What a band says, in a sentence."""
    return {
        TOTAL: tr(
            "Uncertainty: the entropy of the prediction as a share of the largest there can be, 0 where one "
            "answer is certain, 1 where all are equally likely."
        ),
        ALEATORIC: tr(
            "Aleatoric uncertainty: the part that lies in the image itself, such as mixed pixels, haze and "
            "edges; every head of the expert finds it unclear."
        ),
        MODEL: tr(
            "Model uncertainty: the part about which the expert's heads disagree. It is small where the "
            "training left no doubt; where it is high, the training did not settle the answer, often because "
            "the imagery is unfamiliar."
        ),
    }[kind]


def legend_ends(kind: str) -> tuple[str, str]:
    """What the two ends of a band's colours mean."""
    return {
        TOTAL: (tr("0 – one answer is certain"), tr("1 – all answers equally likely")),
        ALEATORIC: (tr("0 – the image is clear"), tr("1 – the image is unclear")),
        MODEL: (
            tr("0 – the heads agree"),
            tr("{top} or more – the heads disagree").format(top=f"{MODEL_TOP:g}"),
        ),
    }[kind]
