"""The model card's part on classifiers with experts and branches; the command prints the same tables."""

from __future__ import annotations

from typing import Any

from ..bundle import BundleInfo
from ..training.framework.analysis import UNUSED
from .markdown import interval, number, percent, table

COMMAND = "hydranet eurosat --data ../shared/data --card"


def classifiers_section(info: BundleInfo, metrics: dict[str, Any]) -> list[str]:
    """Sections of the card, from what `hydranet eurosat --card` recorded; none if it never ran."""
    found = info.data["training"].get("classifiers")
    if not found:
        return []
    parts = [
        _head(found),
        main_table(found),
        _goal_text(found),
        _picture("macs_accuracy", "Accuracy against cost"),
    ]
    parts += ["### Branches: which classes share one, and how many run\n", branch_tables(found)]
    parts += [_picture("accuracy_k", "Accuracy against the number of branches that run")]
    parts += ["### Losses of the gate\n", ablation_table(found), _ablation_text(found)]
    parts += [_picture("collapse", "Mean gate of each class's chips, for every pair of losses")]
    return parts


def text_tables(found: dict[str, Any]) -> str:
    """The tables alone."""
    parts = [main_table(found), _goal_text(found), branch_tables(found), ablation_table(found)]
    return "\n".join([*parts, _ablation_text(found)])


def _head(found: dict[str, Any]) -> str:
    chips, recipe = found["chips"], found["recipe"]
    return f"""\
## Classifiers with experts and branches

Scenes of {len(found["classes"])} classes, RGB chips of EuroSAT: {chips["train"]:,} to train,
{chips["val"]:,} to choose by, {chips["test"]:,} to test, none of which is seen before the figures below
(`{COMMAND}`). These networks are studies beside the bundle and are not part of it. One recipe for all:
{recipe["epochs"]} epochs in batches of {recipe["batch_size"]}, learning rate {recipe["lr"]:g}, seed
{recipe["seed"]}; the weights kept are those of the epoch that was best on the validation split. A single
training of each: what another seed would change is not in the intervals, which are those of Wilson over the
test chips. Chips of one Sentinel-2 scene may lie in several splits, so that all figures flatter alike.
HydraNets have a teacher that the others do not: `{found["best_plain"]}`, the plain classifier that was best
on the validation split, groups the classes for their branches and says what their gates should say of the
training chips.
"""


def title(row: dict[str, Any]) -> str:
    """What a row is called."""
    if row["kind"] == "plain":
        return f"plain, width {row['width']}"
    if row["kind"] == "moe":
        return f"mixture of {row['experts']} experts, {row['k']} run"
    mark = "*" if row["trained_for"] else ""
    return f"HydraNets, stem {row['width']}, {row['k']} of {row['experts']} branches{mark}"


def main_table(found: dict[str, Any]) -> str:
    """Every classifier: accuracy, size, cost, time."""
    body = []
    base = next(row["macs"] for row in found["rows"] if row["name"] == found["best_plain"])
    for row in found["rows"]:
        ms = row["ms"]
        if row["random"] or ms is None:  # told in a table of their own
            continue
        body.append(
            (
                title(row),
                number(row["val"]),
                interval(row["accuracy"]),
                f"{row['parameters'] / 1000:.0f} k",
                f"{row['macs'] / 1e6:.1f}",
                f"{row['macs'] / base:.2f}",
                number(ms["single"], 2),
                number(ms["batch"], 2),
                f"{ms['single_ratio']:.2f}, {ms['batch_ratio']:.2f}",
            )
        )
    head = (
        "classifier",
        "val accuracy",
        "test accuracy (95 % interval)",
        "parameters",
        "M multiply-adds an image",
        "of the best plain",
        "ms an image, one by one",
        f"in batches of {found['batch']}",
        "time of the best plain",
    )
    return table(head, body) + (
        "\nParameters, multiply-adds and times are of the deployed form (BatchNorm folded, float32, one "
        "thread); multiply-adds are\ncounted from the layers that ran, times are medians of turns in one "
        "run. *: the number of branches it was trained for.\n"
    )


def _goal_text(found: dict[str, Any]) -> str:
    goal = found["goal"]
    told = (
        f"**Goal: the accuracy of the best plain classifier at {goal['macs_allowed']:g} of its multiply-adds"
    )
    told += f" or less: {'met' if goal['met'] else 'not met'}.**\n"
    if goal["name"] is None:
        return told + f"No HydraNets is that much cheaper than `{goal['plain']}`, the best plain one.\n"
    lines = [
        told + f"Chosen on the validation split: `{goal['plain']}`, and `{goal['name']}` with {goal['k']} "
        "branches, which is compared with each plain\nclassifier on the same test chips:\n"
    ]
    rows = [
        (
            row["name"] + (" (best)" if row["name"] == goal["plain"] else ""),
            number(row["accuracy"]),
            interval(row["difference"]),
            f"{row['macs_ratio']:.2f}",
            f"{row['single_ratio']:.2f}",
            f"{row['batch_ratio']:.2f}",
        )
        for row in goal["against"]
    ]
    head = (
        "plain classifier",
        "test accuracy",
        "HydraNets minus plain (95 % interval)",
        "multiply-adds, ratio",
        "time one by one, ratio",
        "time in batches, ratio",
    )
    return "\n".join([*lines, table(head, rows)])


def _groups_text(entry: dict[str, Any]) -> str:
    kind = "random groups" if entry["random"] else "groups of classes that look alike (balanced k-means)"
    return f"`{entry['name']}`, {kind}: {'; '.join(' + '.join(group) for group in entry['groups'])}.\n"


def branch_tables(found: dict[str, Any]) -> str:
    """Accuracy against k for each HydraNets, by its gate and by an oracle."""
    parts = []
    for entry in found["branches"]:
        body = [
            (
                row["k"],
                f"{row['macs'] / 1e6:.1f}",
                number(row["val"]),
                interval(row["accuracy"]),
                interval(row["oracle"]),
                percent(row["true_branch_runs"]),
            )
            for row in entry["curve"]
        ]
        head = (
            "branches that run",
            "M multiply-adds",
            "val accuracy",
            "test accuracy (95 % interval)",
            "with an oracle",
            "true branch runs",
        )
        parts += [_groups_text(entry), table(head, body)]
    parts.append(
        "The oracle puts the branch of the true class first and knows nothing else; what it gains is what "
        "the gate loses.\n"
    )
    return "\n".join(parts)


LOSSES = {
    "moe": "both",
    "moe-no-diversity": "no diversity",
    "moe-no-balance": "no balance",
    "moe-neither": "neither",
}


def ablation_table(found: dict[str, Any]) -> str:
    """The reference mixture with and without each loss of its gate."""
    body = []
    for name, losses in LOSSES.items():
        use = found["experts"].get(name)
        if use is None:
            continue
        state = "collapsed" if use["collapsed"] else "undecided" if use["undecided"] else "all in use"
        row = next(
            row
            for row in found["rows"]
            if row["name"] == name and row["trained_for"] and row["kind"] == "moe"
        )
        body.append(
            (
                losses,
                interval(row["accuracy"]),
                _shares(use["utilisation"]),
                _shares(use["top1_share"]),
                f"{use['effective']:.1f}",
                f"{use['effective_per_sample']:.1f}",
                number(use["specialisation"], 2),
                number(use["agreement"], 2),
                _shares(use["accuracy_alone"]),
                state,
            )
        )
    head = (
        "losses",
        "test accuracy (95 % interval)",
        "mean gate of each expert",
        "chips it leads",
        "experts in use, all chips",
        "experts in use, one chip",
        "specialisation",
        "agreement alone",
        "accuracy of each expert alone",
        "state",
    )
    return table(head, body)


def _shares(values: list[float]) -> str:
    return ", ".join(f"{value:.2f}" for value in values)


def _ablation_text(found: dict[str, Any]) -> str:
    used = found["experts"]
    gone = [losses for name, losses in LOSSES.items() if name in used and used[name]["collapsed"]]
    even = [losses for name, losses in LOSSES.items() if name in used and used[name]["undecided"]]
    parts = [
        "Experts in use: exp of the entropy of the mean gate (all chips), and its mean over the chips (one "
        "chip). The balance\nloss is about the first, the diversity loss about the second. Specialisation: "
        "normalised mutual information of class\nand strongest expert. Agreement: chips of which two experts "
        f"alone say the same. Collapsed: an expert has less than\n{UNUSED:g} of its even share of the gate, "
        "or less than half of the experts are in use over all chips."
    ]
    parts.append(
        f"Experts fell out of use in the arms: {', '.join(gone)}." if gone else "No arm lost an expert."
    )
    parts.append(
        f"Gates that hardly choose, so that the experts are an even mixture: {', '.join(even)}."
        if even
        else "No arm's gates were even mixtures."
    )
    return "\n".join(parts) + "\n"


def _picture(name: str, text: str) -> str:
    return f"![{text}](card/classifiers_{name}.png)\n"
