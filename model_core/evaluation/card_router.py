"""The model card's part on routing: figures, calibration, controls, policies, and what they cost."""

from __future__ import annotations

from typing import Any

from ..bundle import BundleInfo
from ..conformal import least_tiles
from .markdown import number, ranged, table


def router_section(info: BundleInfo, router: dict[str, Any]) -> str:
    """Figures over all tiles, by expert and by source."""
    calibration = info.data["training"]["calibration"]
    rows = []
    for expert in [one for one in info.experts if one.name in router["experts"]]:
        row, fit = router["experts"][expert.name], calibration[expert.name]
        figures = [number(row[key]) for key in ("precision", "recall", "f1")]
        basis = f"{fit['split']}: {fit['positives']} needed, {fit['negatives']} not"
        name = expert.name + (" (simulated)" if expert.simulated else "")
        counts = (row["needed"], row["not_needed"])
        rows.append((name, *figures, *counts, number(row["ece"]), f"{expert.threshold:.2f}", basis))
    head = (
        *("expert", "precision", "recall", "F1", "needed", "not needed", "ECE", "threshold"),
        "calibrated on",
    )
    ends = router.get("intervals", {})
    overall = [
        ("micro F1", ranged(router["micro_f1"], ends.get("micro_f1"))),
        ("macro F1 (experts with both kinds of tiles)", ranged(router["macro_f1"], ends.get("macro_f1"))),
    ]
    for k in [k for k in ("1", "2", "3") if k in router["recall_at"]]:
        most = router.get("recall_at_most", {}).get(k)
        note = f", at most {number(most)} can be had" if most is not None else ""
        overall.append((f"recall@{k}", ranged(router["recall_at"][k], ends.get(f"recall_at_{k}")) + note))
    if router.get("worst"):
        worst = router["worst"]
        overall.append(
            (f"worst expert's recall ({worst['expert']})", ranged(worst["recall"], ends.get("worst")))
        )
    overall.append(("expected calibration error", number(router["ece"])))
    parts = [
        f"""\
## Router

{router["tiles"]} tiles. A target is what the tile's labels say; unknown targets are left out. A tile may need
more experts than k, so that recall@k has a ceiling below one.

{table(("figure", "value (95 % interval)"), overall)}
{table(head, rows)}
Calibration (temperature, bias) and thresholds come from the split `cal`; where it holds fewer than eight
tiles of either kind for an expert, from `cal` and `val` together, as the last column says. `val` was looked
at while the recipe was chosen. Nothing was fitted on `test`, but it was scored between versions;
the training notes below say what that led to.
"""
    ]
    if "covered_at" in router:
        depth = sorted(router["covered_at"], key=int)
        cells = [
            ("all needed experts among the k strongest", *(number(router["covered_at"][k]) for k in depth))
        ]
        cells.append(
            ("needed experts among the k strongest", *(number(router["recall_at"][k]) for k in depth))
        )
        parts.append(table(("share of tiles / of needs", *(f"k = {k}" for k in depth)), cells))
    if "with_simulated" in router:
        whole = router["with_simulated"]
        parts.append(
            f"Tiles set on fire and the simulated expert are left out of the figures over all experts. With "
            f"them: {whole['tiles']} tiles,\nmicro F1 {number(whole['micro_f1'])}, macro F1 "
            f"{number(whole['macro_f1'])}, ECE {number(whole['ece'])}.\n"
        )
    if "by_source" in router:
        rows = [
            (
                source,
                row["tiles"],
                row["needed"],
                number(row["recall"]),
                row["in_vain"],
                number(row["micro_f1"]),
            )
            for source, row in router["by_source"].items()
        ]
        parts.append(table(("source", "tiles", "needs", "recall", "sent in vain", "micro F1"), rows))
    return "\n".join(parts)


def reliability_section(router: dict[str, Any], picture: str | None) -> str:
    """Reliability over all experts in a table, and the diagram if there is one."""
    if "bins" not in router:
        return ""
    rows = [
        (
            f"{row['low']:.1f} to {row['high']:.1f}",
            row["count"],
            number(row["probability"]),
            number(row["frequency"]),
        )
        for row in router["bins"]
    ]
    image = f"![Reliability of every expert's score]({picture})\n\n" if picture else ""
    return f"""\
### Do the scores mean what they say?

{image}{table(("score", "tile-expert pairs", "mean score", "share needed"), rows)}"""


def controls_section(controls: dict[str, Any], router: dict[str, Any]) -> str:
    """Routers that ought to do worse."""
    parts = ["### Controls\n"]
    found = controls.get("statistics")
    if found:
        ends = found["intervals"]
        rows = [
            (
                "this router",
                number(router["micro_f1"]),
                number(router["macro_f1"]),
                number(found["within"]["ours"]["auc"]),
            ),
            (
                "router on band mean and standard deviation",
                ranged(found["micro_f1"], ends["micro_f1"]),
                ranged(found["macro_f1"], ends["macro_f1"]),
                number(found["within"]["theirs"]["auc"]),
            ),
            ("gap", number(found["gap"]["micro_f1"]), number(found["gap"]["macro_f1"]), ""),
            ("random experts, as many per tile", number(controls["random"]["micro_f1"]), "–", "0.500"),
        ]
        parts.append(
            "The same perceptron, tiles, loss and calibration, but fed with no more than each band's\n"
            "mean and standard deviation: what it gets right takes no looking at the tile's content.\n"
            "Most sources need one set of experts throughout, so that bands and colours tell much\n"
            "of it; the last column compares tiles of one source only "
            f"({found['within']['ours']['pairs']} pairs of expert and source with three tiles or\n"
            "more of either kind).\n"
        )
        parts.append(table(("router", "micro F1", "macro F1", "AUC within sources"), rows))
    else:
        value = number(controls["random"]["micro_f1"])
        parts.append(f"Random experts, as many per tile as the router chose: micro F1 {value}.\n")
    if controls.get("without"):
        rows = []
        for row in controls["without"]:
            if row["tiles"]:
                figures = [number(row[key]) for key in ("seen", "unseen", "seen_recall", "unseen_recall")]
                rows.append((row["source"], row["tiles"], row["needed"], row["not_needed"], *figures))
            else:
                rows.append((row["source"], "none in this split", *["–"] * 6))
        parts.append(
            "Each training source left out in turn, of the switcher's training and of its calibration (the "
            "encoder had seen it).\n*Seen* is this router on the source's tiles, *unseen* the one that never "
            "saw it.\n"
        )
        head = (
            "source",
            "tiles",
            "needed",
            "not needed",
            "F1 seen",
            "F1 unseen",
            "recall seen",
            "recall unseen",
        )
        parts.append(table(head, rows))
    return "\n".join(parts)


def policy_name(row: dict[str, Any]) -> str:
    """A row of `compare_policies` in words."""
    if row["policy"] == "recall":
        return f"recall, miss at most {100 * row['miss_rate']:g} %"
    cut = "no cut by k" if row["k"] == len(row["experts"]) else f"at most {row['k']}"
    return f"{row['policy']}, {cut}"


def _missed(row: dict[str, Any]) -> str:
    return f"{number(row['missed'] / row['needed'])} ({row['missed']})" if row["needed"] else "–"


def policies_section(info: BundleInfo, policies: list[dict[str, Any]]) -> str:
    """What the policies miss, and the basis of the recall promise."""
    overall = [
        (policy_name(row), f"{row['experts_per_tile']:.2f}", _missed(row), row["needed"]) for row in policies
    ]
    promises = [row for row in policies if row["policy"] == "recall"]
    plain = next(row for row in reversed(policies) if row["policy"] == "threshold")
    basis = info.data["training"].get("recall", {"experts": {}})["experts"]
    rows = []
    for expert in [one for one in info.experts if one.name in plain["experts"]]:
        name, found = expert.name, basis.get(expert.name)
        cells: list[object] = [name, plain["experts"][name]["needed"]]
        cells.append(f"{found['tiles']} ({found['scenes']})" if found else 0)
        cells += [f"{expert.threshold:.2f}", _missed(plain["experts"][name])]
        for row in promises:
            limit = row["experts"][name]["threshold"]
            cells += [f"{limit:.3f}" if limit else "0 (every tile)", _missed(row["experts"][name])]
        rows.append(cells)
    head = ["expert", "needed", "calibration tiles (scenes)", "threshold", "missed"]
    for row in promises:
        rate = f"{100 * row['miss_rate']:g} %"
        head += [f"threshold for {rate}", f"missed at {rate}"]
    few = [
        f"at least {least_tiles(row['miss_rate'])} tiles for {100 * row['miss_rate']:g} %" for row in promises
    ]
    return f"""\
## Routing policies

The share of the tiles needing an expert that the policy did not send there (and how many), and the mean
number of experts that a tile was sent to. Every expert was allowed at every pixel size here; `predict`
leaves out those that the scene's pixel size rules out, so that fewer run.

{table(("policy", "experts a tile", "missed", "needed"), overall)}
Recall thresholds come from conformal risk control on the calibration tiles that need an expert, which takes
{" and ".join(few)}. An expert with fewer is sent every tile,
which keeps the promise and saves nothing. The promise is an average over tiles like those of the calibration
split. Tiles of one scene are alike, so that few scenes say less than their tiles suggest, and for other
sensors and places, as in this split, the promise need not hold.

{table(head, rows)}"""


def regret_section(regret: dict[str, list[dict[str, Any]]]) -> str:
    """Task loss and cost by policy, freely and with the limits of pixel size."""
    parts = [
        "## What routing costs and saves\n",
        "Every tile with labels was decoded by its experts; a tile that a policy does not send to an expert "
        "counts as its\nbackground there, and as wrong everywhere for land cover. The task loss is one minus "
        "the mean of the experts' metrics\n(simulated ones left out); regret is what it lies above an oracle "
        "that reads the labels, in points; *regret at 2*\nis what it lies above an oracle that may call two "
        "experts a tile. The oracle need not be the best: labels that\nhold little of a content call for no "
        "expert. EuroSAT's chips are among these tiles, so that the figures differ from\nthose of the scenes "
        "above.\n",
    ]
    titles = {
        "free": "Every expert allowed on every tile:\n",
        "limited": "Experts left out where the scene's pixel size rules them out, as `predict` does:\n",
    }
    for key, title in titles.items():
        rows = regret.get(key)
        if not rows:
            continue
        names = list(rows[0]["metric"])
        body = [
            (
                row["policy"],
                f"{row['experts_per_tile']:.2f}",
                f"{row['macs_per_tile'] / 1e6:.0f}",
                f"{row['saving']:.2f}",
                number(row["loss"]),
                ranged(row["regret"], row, 1),
                number(row["regret_at_2"], 1),
                *(number(row["metric"][name]) for name in names),
            )
            for row in rows
        ]
        head = (
            "policy",
            "experts a tile",
            "M MACs a tile",
            "times fewer",
            "loss",
            "regret, points",
            "regret at 2",
            *names,
        )
        parts += [title, table(head, body)]
    return "\n".join(parts)
