"""Outside methods and the experts on the same pixels, by the same figure: `hydranet compare`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from ..bands import BAND_NAMES
from ..bundle import WEIGHTS_FILE, BundleInfo, check_weights, read_info
from ..errors import RequestError
from ..model import Model
from ..tasks import UNKNOWN
from ..training.pack import Sample
from . import metrics, outside_csmask
from .outside_methods import (
    RULES,
    UNUSABLE,
    Rule,
    best_thresholds,
    known_labels,
    reason_against,
    reflectance,
    scale_of,
)
from .record import record_metrics
from .segment import segment

KEY = "outside"
WEIGHTS_KEY = "outside_weights_sha256"
NONE = {"value": float("nan"), "low": float("nan"), "high": float("nan")}

Predict = Callable[[Sample], np.ndarray]
Log = Callable[[str], None]


def compare(model: Model, samples: list[Sample], chosen_on: list[Sample], log: Log) -> list[dict[str, Any]]:
    """Every outside method beside the expert of its task, on the scenes that the method can read.

    Args:
        model: its experts are decoded on every tile, so routing plays no part.
        samples: scenes of the split to report.
        chosen_on: scenes of split `val`, for thresholds only.
        log: told what is being done.

    Returns:
        Rows of {"method", "reference", "expert", "metric", "labels", "scenes", "pixels", "theirs", "ours",
        "note"}, "theirs" and "ours" being {"value", "low", "high"}. Where a task has labels drawn by people
        besides others, a second row is scored on those alone. A method that could not be run has a row too,
        with 0 scenes and the reason in its note.
    """
    samples = sorted(samples, key=lambda sample: sample.id)
    ours = _Ours(model)
    rows = []
    for rule in RULES:
        if rule.expert in ours.names:
            log(f"{rule.method} beside the expert {rule.expert}")
            rows += _rule_rows(rule, ours, samples, chosen_on)
    if "clouds" in ours.names:
        log(f"{outside_csmask.METHOD} beside the expert clouds")
        rows += _csmask_rows(ours, samples)
    for method in UNUSABLE:
        if method.expert in ours.names:
            there = [s for s in samples if method.expert in s.labels]
            note = f"not run: it needs {method.needs}; {_bands_there(there)}"
            rows.append(_not_run(method.method, method.reference, method.expert, note))
    return rows


class _Ours:
    """The experts' maps, each scene decoded once for each expert."""

    def __init__(self, model: Model) -> None:
        self.model = model
        self.names = {expert.name for expert in model.experts if not expert.simulated}
        self._maps: dict[tuple[str, str], np.ndarray] = {}

    def predict(self, sample: Sample, expert: str) -> np.ndarray:
        """Class map uint8 (H, W), 255 where invalid."""
        key = (sample.id, expert)
        if key not in self._maps:
            self._maps[key] = segment(self.model, sample, [expert])[expert]
        return self._maps[key]


def _rule_rows(rule: Rule, ours: _Ours, samples: list[Sample], chosen_on: list[Sample]) -> list[dict]:
    variants = [(rule.published, "as published")] if rule.published else []
    best = best_thresholds(rule, chosen_on)
    if best:
        variants.append((best, "chosen on val"))
    if not variants:
        note = "not run: no scene of split val to choose its threshold on"
        return [_not_run(rule.method, rule.reference, rule.expert, note)]
    rows = []
    for thresholds, how in variants:
        values = ", ".join(f"{name} {value:g}" for name, value in thresholds.items())
        rows += _rows(
            f"{rule.method}, {values} ({how})",
            rule.reference,
            rule.expert,
            rule.bands,
            lambda sample, t=thresholds: np.where(
                sample.valid, rule.predict(reflectance(sample, rule.bands), t), UNKNOWN
            ).astype(np.uint8),
            rule.note,
            ours,
            samples,
        )
    return rows


def _csmask_rows(ours: _Ours, samples: list[Sample]) -> list[dict]:
    method, reference = outside_csmask.METHOD, outside_csmask.REFERENCE
    if not outside_csmask.installed():
        note = "not run: ukis-csmask is not installed; pip install 'hydranet[compare]'"
        return [_not_run(method, reference, "clouds", note)]
    tool = outside_csmask.CloudMask()
    rows = []
    for resample, how in ((True, "pixels of 30 m, as it asks for"), (False, "pixels as they are")):
        rows += _rows(
            f"{method} ({how})",
            reference,
            "clouds",
            outside_csmask.BANDS,
            lambda sample, r=resample: tool.predict(sample, resample=r),
            "its networks for TOA and for BOA, each on its own; it knows no class of thin cloud",
            ours,
            samples,
        )
    return rows


def _rows(
    method: str,
    reference: str,
    expert: str,
    bands: tuple[str, ...],
    predict: Predict,
    note: str,
    ours: _Ours,
    samples: list[Sample],
) -> list[dict]:
    """One row over all labels and, where they are of several kinds, one over those drawn by people."""
    scale = scale_of(expert)
    pairs: list[tuple[str, np.ndarray, np.ndarray]] = []
    out: dict[str, int] = {}
    for sample in (s for s in samples if expert in s.labels):
        reason = reason_against(sample, bands)
        if reason:
            out[reason] = out.get(reason, 0) + 1
            continue
        label = known_labels(sample, expert)
        theirs = scale.table(label, predict(sample))
        if theirs.sum():
            kind = sample.label_kind.get(expert, "unknown")
            pairs.append((kind, theirs, scale.table(label, ours.predict(sample, expert))))
    left = [f"{count} scenes left out: {reason}" for reason, count in sorted(out.items())]
    if not pairs:
        why = "; ".join(left) or "no scene of this split has the labels"
        return [_not_run(method, reference, expert, f"not run: {why}")]
    kinds = {kind for kind, _, _ in pairs}
    groups = [("all", pairs)]
    if "hand" in kinds and len(kinds) > 1:
        groups.append(("hand", [pair for pair in pairs if pair[0] == "hand"]))
    rows = []
    for labels, chosen in groups:
        tables = [theirs for _, theirs, _ in chosen]
        texts = ["labels drawn by hand only" if labels == "hand" else "", note, *left]
        rows.append(
            {
                "method": method,
                "reference": reference,
                "expert": expert,
                "metric": scale.metric,
                "labels": labels,
                "scenes": len(chosen),
                "pixels": int(sum(table.sum() for table in tables)),
                "theirs": _figure(tables, scale.score),
                "ours": _figure([mine for _, _, mine in chosen], scale.score),
                "note": "; ".join(text for text in texts if text),
            }
        )
    return rows


def _figure(tables: list[np.ndarray], score: Callable[[np.ndarray], float]) -> dict[str, float]:
    low, high = metrics.bootstrap(tables, score)
    return {"value": score(sum(tables)), "low": low, "high": high}


def _not_run(method: str, reference: str, expert: str, note: str) -> dict[str, Any]:
    return {
        "method": method,
        "reference": reference,
        "expert": expert,
        "metric": scale_of(expert).metric,
        "labels": "all",
        "scenes": 0,
        "pixels": 0,
        "theirs": dict(NONE),
        "ours": dict(NONE),
        "note": note,
    }


def _bands_there(samples: list[Sample]) -> str:
    if not samples:
        return "no scene of this split has the labels"
    there = np.any([sample.available for sample in samples], axis=0)
    # Band 0 (panchromatic) is synthesised from the others when a scene is read.
    names = [name for name, has in zip(BAND_NAMES[1:], there[1:], strict=True) if has]
    return f"the {len(samples)} scenes with labels have at most {', '.join(names)}"


def weights_digest(info: BundleInfo) -> str:
    """SHA-256 of a bundle's weights as model.json has it."""
    return str(info.data["sha256"][WEIGHTS_FILE])


def weights_before_objects(info: BundleInfo) -> str | None:
    """Digest of the weights that an objects expert was added to, which left every other tensor as it was."""
    return info.data["training"].get("objects", {}).get("from", {}).get("weights")


def keep_outside(
    old_metrics: dict[str, Any], weights_sha: str, before_objects: str | None = None
) -> dict[str, Any]:
    """The part of recorded metrics that `compare` wrote, if it was measured with these weights.

    Args:
        old_metrics: `metrics` of model.json before they are replaced.
        weights_sha: digest of the weights now in the bundle, as `weights_digest` gives it.
        before_objects: of `weights_before_objects`; figures of these weights stand, too.

    Returns:
        Both entries of `compare`, to be merged into the new metrics; {} if there are none or the weights
        are others.
    """
    measured_with = old_metrics.get(WEIGHTS_KEY)
    if KEY not in old_metrics or measured_with is None or measured_with not in (weights_sha, before_objects):
        return {}
    return {KEY: old_metrics[KEY], WEIGHTS_KEY: weights_sha}


def check_recordable(folder: Path, split: str) -> BundleInfo:
    """The bundle, if the figures of `compare` on a split may stand beside those in it.

    Raises:
        RequestError: it was not evaluated, or on another split.
        BundleError: the bundle is not sound.
    """
    info = read_info(folder)
    check_weights(info)
    found = info.data["metrics"].get("split")
    if found is None:
        raise RequestError(
            f"The bundle in {folder} has no figures to set a comparison beside; "
            "run `hydranet evaluate --card` on it first."
        )
    if found != split:
        raise RequestError(
            f"The figures of the bundle in {folder} are of split '{found}', the comparison of '{split}'; "
            f"compare on split '{found}' or evaluate on '{split}' first."
        )
    return info


def record_outside(folder: Path, split: str, rows: list[dict[str, Any]]) -> BundleInfo:
    """Put the rows of `compare` into the bundle's metrics; every other figure in them stays.

    Raises:
        RequestError: see `check_recordable`.
        BundleError: the bundle is not sound.
    """
    info = check_recordable(folder, split)
    added = {KEY: rows, WEIGHTS_KEY: weights_digest(info)}
    return record_metrics(folder, {**info.data["metrics"], **added})
