"""Risk and coverage: how often an expert is wrong where it is sure, from the bytes of its uncertainty band.

Pixels are ordered by uncertainty; at coverage c the surest share c of them is kept, and the risk is the share
of errors among the kept. Where uncertainty is of use, the risk falls as coverage falls. In numbers:

    AURC     mean of the risk over all coverages 1/n, 2/n ... 1 (El-Yaniv and Wiener 2010): 0 best
    E-AURC   AURC less that of an oracle who sets aside the errors first (Geifman et al. 2019)
    gain     (risk of all - AURC) / (risk of all - AURC of the oracle): 0 as good as chance, 1 as the oracle

The band has 251 values, so many pixels are equally uncertain; they are taken in random order, of which the
expected curve is a straight line of errors over pixels, and the AURC has a closed form. Every scene is kept
as its counts by value of the band, label and prediction: exact, small, and quick to draw anew.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from scipy.special import digamma

from ..spec import ExpertSpec
from ..tasks import task
from ..training.pack import Sample
from ..uncertainty import MODEL, TOTAL, band_names
from ..writer import NODATA, PROBABILITY_STEPS
from . import metrics
from .resampling import draws, figure, interval, totals

STEPS = PROBABILITY_STEPS + 1
COVERAGES = (1.0, 0.95, 0.9, 0.8, 0.5)
KEPT = 0.8
"""Coverage at which it is judged whether the error falls."""

CURVE = tuple(round(0.05 * number, 2) for number in range(1, 21))
MERGED_CLASSES = 4

ORDERS = (TOTAL, MODEL)
"""Uncertainties that pixels are ordered by; an expert with one head has the first only."""


def step_counts(name: str, label: np.ndarray, predicted: np.ndarray, steps: np.ndarray, classes: int):
    """Pixels by uncertainty, label and prediction: int64 (251, K, K).

    Args:
        name: of the expert; in land cover vegetation is merged, as in its figure, and K is 4.
        label: uint8, 255 unknown.
        predicted: uint8 of that shape, 255 unknown.
        steps: uint8 of that shape, values of the uncertainty band, 255 unknown.
        classes: of the expert, K.
    """
    if name == "landcover":
        label, predicted = metrics.merge_vegetation(label), metrics.merge_vegetation(predicted)
        classes = MERGED_CLASSES
    known = (label < classes) & (predicted < classes) & (steps != NODATA)
    index = (steps[known].astype(np.int64) * classes + label[known]) * classes + predicted[known]
    return np.bincount(index, minlength=STEPS * classes**2).reshape(STEPS, classes, classes)


@dataclass
class RiskCounts:
    """Collects the counts of scene after scene.

    Attributes:
        counts: by expert and band, `step_counts` of each scene.
        regions: by expert, the places seen.
    """

    counts: dict[str, dict[str, list[np.ndarray]]] = field(
        default_factory=lambda: defaultdict(lambda: defaultdict(list))
    )
    regions: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))

    def add(self, spec: ExpertSpec, sample: Sample, label: np.ndarray, bands: np.ndarray) -> None:
        """Take in what an expert's file holds of one scene.

        Args:
            spec: an expert of kind `classes`; others are passed over.
            sample: the scene.
            label: uint8 (H, W), 255 unknown.
            bands: uint8 (bands, H, W), of `writer.finish` with uncertainty.
        """
        if spec.kind != "classes":
            return
        for number, key in enumerate(band_names(spec), 1):  # the file's first band holds the classes
            if key in ORDERS:
                counts = step_counts(spec.name, label, bands[0], bands[number], spec.channels)
                if counts.sum():
                    self.counts[spec.name][key].append(counts)
                    self.regions[spec.name].add(sample.region)

    def figures(self, headline: dict[str, tuple[str, Any]]) -> dict[str, Any]:
        """All experts' figures, ready for model.json; see `risk_figures`.

        Args:
            headline: by expert the title of its figure and the function of confusion counts that gives it.
        """
        result = {}
        for name, orders in self.counts.items():
            title, score = headline[name]
            first = orders["total"]
            result[name] = {
                "metric": title,
                "scenes": len(first),
                "regions": len(self.regions[name]),
                "pixels": int(sum(table.sum() for table in first)),
                "orders": {key: risk_figures(name, tables, score) for key, tables in orders.items()},
            }
        return result


def errors_of(counts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Pixels and errors at each value of the band: (..., 251) each, from (..., 251, K, K)."""
    pixels = counts.sum((-1, -2)).astype(np.float64)
    return pixels, pixels - np.trace(counts, axis1=-2, axis2=-1)


def risk_at(pixels: np.ndarray, errors: np.ndarray, coverages: Sequence[float]) -> np.ndarray:
    """Share of errors among the surest `coverages` of the pixels.

    Args:
        pixels: (S,), in steps from sure to unsure.
        errors: (S,), of them.
        coverages: above 0, to 1.

    Returns:
        float64 (len(coverages),), NaN without a pixel.
    """
    kept = np.asarray(coverages, np.float64) * pixels.sum()
    if not pixels.sum():
        return np.full(len(kept), np.nan)
    wrong = np.interp(kept, np.append(0.0, pixels.cumsum()), np.append(0.0, errors.cumsum()))
    return wrong / kept


def aurc(pixels: np.ndarray, errors: np.ndarray) -> np.ndarray:
    """Area under the risk-coverage curve, equally unsure pixels in random order: (..., S) -> (...).

    In a step of n pixels and e errors, after N pixels and E errors, the i-th pixel is expected to bring the
    risk to (E + i e / n) / (N + i). Summed over i that is e + (E - N e / n) (psi(N + n + 1) - psi(N + 1)).
    """
    before, wrong = pixels.cumsum(-1) - pixels, errors.cumsum(-1) - errors
    rate = np.divide(errors, pixels, out=np.zeros(np.shape(pixels)), where=pixels > 0)
    sums = errors + (wrong - before * rate) * (digamma(before + pixels + 1) - digamma(before + 1))
    total = pixels.sum(-1)
    return np.divide(sums.sum(-1), total, out=np.full(np.shape(total), np.nan), where=total > 0)


def oracle_aurc(pixels: np.ndarray, errors: np.ndarray) -> np.ndarray:
    """Least area that so many errors allow: all of them are set aside first."""
    total, wrong = pixels.sum(-1), errors.sum(-1)
    return aurc(np.stack([total - wrong, wrong], -1), np.stack([np.zeros(np.shape(wrong)), wrong], -1))


def oracle_risk(error_rate: float, coverage: float) -> float:
    """Risk of the oracle at a coverage: no error is kept until all that is right is."""
    return max(0.0, (coverage - (1.0 - error_rate)) / coverage)


def kept_table(counts: np.ndarray, coverage: float) -> np.ndarray:
    """Confusion counts of the surest share of the pixels: float64 (K, K) from (251, K, K).

    Of the step that is cut through, every kind of pixel is kept in proportion.
    """
    pixels = counts.sum((1, 2)).astype(np.float64)
    before = pixels.cumsum() - pixels
    room = np.clip(coverage * pixels.sum() - before, 0, pixels)
    share = np.divide(room, pixels, out=np.zeros_like(pixels), where=pixels > 0)
    return (counts * share[:, None, None]).sum(0)


def risk_figures(name: str, per_scene: Sequence[np.ndarray], score: Any) -> dict[str, Any]:
    """The figures of one expert, pixels ordered by one band.

    Args:
        name: of the expert.
        per_scene: `step_counts` of each scene, one or more.
        score: the expert's figure, of confusion counts (K, K).

    Returns:
        `at_zero`, share of the pixels with the band's least value, among which there is no order; `aurc`,
        `excess`, `gain`, `change` (risk at 80 % less that of all) and `risk` by coverage, each with its
        interval over scenes; `falls`: "yes" or "no" where the whole interval of `change` says so, else
        "unclear"; `scenes_falling` of `scenes_with_errors`, scenes ordered each by itself with a lower risk
        at 80 % than of all; `figure`, the task's own figure, and `content`, the share of the task's content
        that is left, by coverage; `curve`: rows of coverage, risk, low, high.
    """
    stack = np.stack(per_scene)
    whole = stack.sum(0)
    pixels, errors = errors_of(whole)
    drawn_pixels, drawn_errors = (totals(draws(len(stack)), part) for part in errors_of(stack))

    def spread(coverages: Sequence[float]) -> np.ndarray:
        rows = [risk_at(n, e, coverages) for n, e in zip(drawn_pixels, drawn_errors, strict=True)]
        return np.array(rows).reshape(-1, len(coverages))

    def areas(n: np.ndarray, e: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        area, least, chance = aurc(n, e), oracle_aurc(n, e), e.sum(-1) / np.maximum(n.sum(-1), 1)
        room = chance - least
        gain = np.divide(chance - area, room, out=np.full(np.shape(room), np.nan), where=room > 0)
        return area, area - least, gain

    at, drawn_at = risk_at(pixels, errors, COVERAGES), spread(COVERAGES)
    curve, drawn_curve = risk_at(pixels, errors, CURVE), spread(CURVE)
    keeping = COVERAGES.index(KEPT)
    change = figure(at[keeping] - at[0], drawn_at[:, keeping] - drawn_at[:, 0])
    values, drawn_values = areas(pixels, errors), areas(drawn_pixels, drawn_errors)
    tables = {coverage: kept_table(whole, coverage) for coverage in COVERAGES}
    content = _content(name, len(whole[0]))
    alone = [risk_at(n, e, (1.0, KEPT)) for n, e in map(errors_of, per_scene) if e.sum()]
    bounds = [interval(drawn_curve[:, i]) for i in range(len(CURVE))]
    return {
        **{
            key: figure(value, drawn)
            for key, value, drawn in zip(("aurc", "excess", "gain"), values, drawn_values, strict=True)
        },
        "error": float(at[0]),
        "at_zero": float(pixels[0] / pixels.sum()),
        "risk": {f"{c:g}": figure(at[i], drawn_at[:, i]) for i, c in enumerate(COVERAGES)},
        "change": change,
        "falls": _verdict(change),
        "scenes_with_errors": len(alone),
        "scenes_falling": sum(bool(kept < scene) for scene, kept in alone),
        "figure": {f"{c:g}": float(score(table)) for c, table in tables.items()},
        "content": {
            f"{c:g}": float(table[content].sum() / max(tables[1.0][content].sum(), 1))
            for c, table in tables.items()
        },
        "curve": [
            [c, round(float(risk), 6), _rounded(ends["low"]), _rounded(ends["high"])]
            for c, risk, ends in zip(CURVE, curve, bounds, strict=True)
        ],
    }


def _rounded(value: float) -> float:
    return round(value, 6)


def _verdict(change: dict[str, float]) -> str:
    if change["high"] < 0:
        return "yes"
    return "no" if change["low"] > 0 else "unclear"


def _content(name: str, classes: int) -> list[int]:
    """Classes of the scored table that are the task's content; land cover's are merged."""
    present = np.array(task(name).present, np.uint8)
    if name == "landcover":
        present = np.unique(metrics.merge_vegetation(present))
    return [value for value in range(classes) if value in present]
