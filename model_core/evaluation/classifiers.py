"""`hydranet eurosat`: every trained classifier measured on the test split in one pass, side by side."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..training.classify.data import EuroSat, as_input
from ..training.classify.partition import group_of
from ..training.classify.study import ABLATIONS, RANDOM_SUFFIX, Trained, best_plain
from ..training.framework.analysis import ExpertAnalysis, analyse
from ..training.framework.run_folder import Log, write_json
from .classifier_scores import (
    GatedScores,
    Scores,
    difference_interval,
    score_gated,
    score_plain,
    share_interval,
)
from .classifier_times import BATCH, time_all

RESULTS = "classifiers.json"
PREFIX = "classifiers_"
"""How the figures are called in a bundle's card."""

GOAL = 0.5
"""Largest part of the best plain classifier's multiply-accumulates that a branched one may take."""


@dataclass(frozen=True)
class Measured:
    """A trained classifier in its deployed form and what it said of two splits."""

    trained: Trained
    net: Any
    val: Scores | GatedScores
    test: Scores | GatedScores
    first: np.ndarray | None


def measure(trained: Sequence[Trained], data: EuroSat, folder: Path, log: Log) -> dict[str, Any]:
    """All figures of the comparison; also written below the folder, with tables and pictures.

    Everything is measured on the deployed, folded networks in float32: accuracy and multiply-accumulates
    while classifying the test split, times in turns on one thread.

    Args:
        trained: of `training.classify.study.train_all`.
        data: chips.
        folder: of the whole comparison.
        log: takes lines for the user.
    """
    everything = [_measured(entry, data) for entry in trained]
    for one in everything:
        log(f"{one.trained.name}: classified the validation and the test split")
    best = best_plain(list(trained)).name
    rows = [row for one in everything for row in _rows(one, data)]
    _add_times(rows, everything, data, best)
    found: dict[str, Any] = {
        "classes": list(data.classes),
        "chips": {"train": len(data.train), "val": len(data.val), "test": len(data.test)},
        "recipe": _recipe(trained),
        "best_plain": best,
        "batch": BATCH,
        "rows": rows,
        "branches": [_branches(one, data) for one in everything if one.first is not None],
    }
    found["goal"] = _goal(found, everything, data)
    analyses = {one.trained.name: _analysis(one, data) for one in everything if one.trained.spec.gated}
    found["experts"] = {name: _use(analysis) for name, analysis in analyses.items()}
    for one in everything:
        if one.trained.spec.gated:
            analyses[one.trained.name].write(one.trained.run / "analysis" / "experts")
    write_json(folder / "results" / RESULTS, found)
    from .classifier_figures import draw_all

    draw_all(found, {name: analyses[name] for name in ABLATIONS if name in analyses}, folder / "analysis")
    log(f"figures in {folder / 'analysis'}, numbers in {folder / 'results' / RESULTS}")
    return found


def measure_one(entry: Trained, data: EuroSat) -> str:
    """Classify the test split with one classifier: figures into its run folder, and a table as text."""
    from .card_classifiers import title
    from .markdown import interval, number, table

    one = _measured(entry, data)
    rows = _rows(one, data)
    write_json(entry.run / "results" / "test.json", rows)
    if entry.spec.gated:
        _analysis(one, data).write(entry.run / "analysis" / "experts")
    head = ("classifier", "val accuracy", "test accuracy (95 % interval)", "parameters", "M multiply-adds")
    body = [
        (
            title(row),
            number(row["val"]),
            interval(row["accuracy"]),
            f"{row['parameters']:,}",
            f"{row['macs'] / 1e6:.1f}",
        )
        for row in rows
    ]
    return table(head, body)


def _measured(entry: Trained, data: EuroSat) -> Measured:
    net = entry.spec.folded(entry.module, len(data.classes))
    if not entry.spec.gated:
        return Measured(
            entry, net, score_plain(net, data.val.images), score_plain(net, data.test.images), None
        )
    if entry.groups is None:
        return Measured(
            entry, net, score_gated(net, data.val.images), score_gated(net, data.test.images), None
        )
    group = group_of(entry.groups, len(data.classes))
    first = group[data.test.labels]
    val = score_gated(net, data.val.images, group[data.val.labels])
    return Measured(entry, net, val, score_gated(net, data.test.images, first), first)


def _ways(one: Measured) -> list[int]:
    """Numbers of experts that the table has a row for; 0 for a plain classifier."""
    return [0] if isinstance(one.test, Scores) else list(one.test.by_k)


def _of(scores: Scores | GatedScores, k: int) -> Scores:
    return scores if isinstance(scores, Scores) else scores.by_k[k]


def _rows(one: Measured, data: EuroSat) -> list[dict[str, Any]]:
    spec = one.trained.spec
    rows = []
    for k in _ways(one):
        val, test = _of(one.val, k), _of(one.test, k)
        rows.append(
            {
                "name": one.trained.name,
                "kind": spec.kind,
                "width": spec.width,
                "experts": spec.experts if spec.gated else 0,
                "k": k,
                "random": one.trained.name.endswith(RANDOM_SUFFIX),
                "trained_for": spec.gated and k == spec.runs,
                "val": _share(val.predicted, data.val.labels),
                "accuracy": share_interval(test.predicted == data.test.labels),
                "parameters": sum(part.numel() for part in one.net.parameters()),
                "macs": round(test.macs),
                "calls": round(float(test.calls.sum()) / len(data.test), 4) if spec.gated else 0,
                "best_epoch": one.trained.summary["best_epoch"],
                "training_seconds": one.trained.summary["seconds"],
            }
        )
    return rows


def _add_times(rows: list[dict[str, Any]], all_of_them: list[Measured], data: EuroSat, best: str) -> None:
    """Put the times into the rows; of networks that differ by their weights alone the first one is timed."""
    ways, seen = {}, set()
    for one in all_of_them:
        spec = one.trained.spec
        if spec in seen:
            continue
        seen.add(spec)
        for k in _ways(one):
            ways[f"{one.trained.name}/{k}"] = (lambda x, net=one.net, k=k: net(x, k)) if k else one.net
    times = time_all(ways, as_input(data.test.images), f"{best}/0")
    for row in rows:
        found = times.get(f"{row['name']}/{row['k']}")
        row["ms"] = None if found is None else {key: round(v, 5) for key, v in asdict(found).items()}


def _branches(one: Measured, data: EuroSat) -> dict[str, Any]:
    """Accuracy against k of one partition: by its gate and by an oracle's first choice."""
    scores, truth = one.test, data.test.labels
    order = np.argsort(-scores.gates, axis=1, kind="stable")
    curve = []
    for k in scores.by_k:
        curve.append(
            {
                "k": k,
                "val": _share(one.val.by_k[k].predicted, data.val.labels),
                "accuracy": share_interval(scores.by_k[k].predicted == truth),
                "oracle": share_interval(scores.oracle[k].predicted == truth),
                "macs": round(scores.by_k[k].macs),
                "true_branch_runs": float((order[:, :k] == one.first[:, None]).any(1).mean()),
                "calls": [int(number) for number in scores.by_k[k].calls],
            }
        )
    groups = [[data.classes[number] for number in members] for members in one.trained.groups]
    random = one.trained.name.endswith(RANDOM_SUFFIX)
    return {"name": one.trained.name, "random": random, "groups": groups, "curve": curve}


def _goal(found: dict[str, Any], everything: list[Measured], data: EuroSat) -> dict[str, Any]:
    """Whether branches reach the best plain accuracy at half its cost; what is compared was chosen on val."""
    plain = {row["name"]: row for row in found["rows"] if row["kind"] == "plain"}
    best = plain[found["best_plain"]]
    fitting = [
        row
        for row in found["rows"]
        if row["kind"] == "hydranets" and not row["random"] and row["macs"] <= GOAL * best["macs"]
    ]
    if not fitting:
        return {"plain": best["name"], "name": None, "macs_allowed": GOAL, "met": False}
    mine = max(fitting, key=lambda row: (row["val"], -row["macs"]))
    by_name = {one.trained.name: one for one in everything}
    truth = data.test.labels
    ours = by_name[mine["name"]].test.by_k[mine["k"]].predicted == truth

    def against(row: dict[str, Any]) -> dict[str, Any]:
        theirs = by_name[row["name"]].test.predicted == truth
        return {
            "name": row["name"],
            "accuracy": row["accuracy"]["value"],
            "difference": difference_interval(ours, theirs),
            "macs_ratio": mine["macs"] / row["macs"],
            "single_ratio": mine["ms"]["single"] / row["ms"]["single"],
            "batch_ratio": mine["ms"]["batch"] / row["ms"]["batch"],
        }

    return {
        "plain": best["name"],
        "name": mine["name"],
        "k": mine["k"],
        "macs_allowed": GOAL,
        "met": mine["accuracy"]["value"] >= best["accuracy"]["value"],
        "against": [against(row) for row in plain.values()],
    }


def _analysis(one: Measured, data: EuroSat) -> ExpertAnalysis:
    spec, scores = one.trained.spec, one.test
    names = None
    if one.trained.groups is not None:
        names = ["+".join(data.classes[number] for number in group) for group in one.trained.groups]
    together = scores.by_k[spec.runs].predicted
    return analyse(data.classes, data.test.labels, scores.gates, scores.alone, together, names)


def _use(analysis: ExpertAnalysis) -> dict[str, Any]:
    """What the card says of the experts of one classifier."""
    return {
        **analysis.summary(),
        "utilisation": [round(float(value), 4) for value in analysis.utilisation],
        "top1_share": [round(float(value), 4) for value in analysis.top1_share],
        "accuracy_alone": [round(float(value), 4) for value in analysis.accuracy_alone],
    }


def _recipe(trained: Sequence[Trained]) -> dict[str, Any]:
    """Numbers that all trainings share."""
    import json

    every = [
        json.loads((entry.run / "config.json").read_text(encoding="utf-8"))["options"] for entry in trained
    ]
    return {key: value for key, value in every[0].items() if all(one[key] == value for one in every)}


def _share(predicted: np.ndarray, labels: np.ndarray) -> float:
    return float((predicted == labels).mean())


def as_text(found: dict[str, Any]) -> str:
    """What the command prints."""
    from .card_classifiers import text_tables

    return text_tables(found)


def record(bundle: Path, found: dict[str, Any], folder: Path) -> bool:
    """Put the figures into a bundle and write its card anew; False if it has no figures for a card yet.

    Args:
        bundle: folder.
        found: of `measure`.
        folder: of the comparison, whose pictures are copied.
    """
    from .classifier_figures import FIGURES
    from .record import record_comparison

    has_card = record_comparison(bundle, "classifiers", found)
    pictures = bundle / "card"
    pictures.mkdir(exist_ok=True)
    for name in FIGURES:
        shutil.copyfile(folder / "analysis" / name, pictures / f"{PREFIX}{name}")
    return has_card
