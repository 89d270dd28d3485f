"""Plain against branched: the table of the comparison, and its verdict by a rule fixed beforehand."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

from ...evaluation.evaluate import HEADLINE
from ...evaluation.markdown import interval
from ...evaluation.metrics import bootstrap
from ...evaluation.record import without_nan
from ...tasks import task
from ..framework.run_folder import Log, write_json
from .arms import TASK, Arm, Plan
from .frozen import Frozen
from .groups import Groups
from .measure import (
    SCORE,
    Decoder,
    as_run,
    count_macs,
    gate_figures,
    measure_ms,
    sample_features,
    scene_tables,
    scenes_of,
)
from .train import load_arm

SPLITS = ("val", "test")

MAC_SLACK = 1.001
"""A branched decoder may cost a thousandth more than the plain one: its gate, of a few hundred
multiply-adds, is not to decide."""

TIMED_TILES = 8


def compare(
    data: Path,
    run: Path,
    frozen: Frozen,
    arms: Sequence[Arm],
    seeds: Sequence[int],
    plan: Plan,
    groups: dict[str, Groups],
    log: Log,
) -> dict[str, Any]:
    """Measure finished arms on val and test, and keep `run/results/branches.json`.

    Args:
        data: folder of the pack.
        run: run folder with every arm of every seed trained.
        frozen: encoder and teacher.
        arms: in the order of the table.
        seeds: of every arm.
        plan: the numbers they were trained with.
        groups: of classes, by grouping.
        log: takes lines for the user.

    Returns:
        metric, plan, seeds, groups (names of the classes), rows (one an arm), sweep (branched arms at every
        k), shipped (the bundle's own expert), verdict. A row holds `val` and `test`: the mean over the seeds
        with a 95 % interval over scenes, and `by_seed`; and `versus_plain`, the paired difference.
    """
    variants = {}  # (arm, k) -> decoders by seed
    for arm in arms:
        modules = [as_run(load_arm(run, arm, seed, frozen, plan)) for seed in seeds]
        for k in range(1, plan.branches + 1) if arm.k else (0,):
            variants[arm.name, k] = [Decoder(module, k) for module in modules]
    decoders = {f"{n}/{k}/{i}": d for (n, k), group in variants.items() for i, d in enumerate(group)}
    shipped = SimpleNamespace(logits=frozen.teach)
    tables, scenes = {}, {}
    for split in SPLITS:
        scenes[split] = scenes_of(data, split)
        found = scene_tables(frozen, {**decoders, "shipped": shipped}, scenes[split], log)
        # (scenes, seeds, 4, 4), so that a scene is drawn for all seeds at once
        tables[split] = {
            (n, k): np.stack([found[f"{n}/{k}/{i}"] for i in range(len(seeds))], 1) for n, k in variants
        }
        tables[split]["shipped"] = found["shipped"][:, None]
    tiles = sample_features(frozen, scenes["val"], TIMED_TILES)
    ms = measure_ms({f"{n}/{k}": group[0] for (n, k), group in variants.items()}, tiles)
    log(f"timed {len(variants)} decoders on {len(tiles)} tiles")

    @cache
    def figures(name: str, k: int) -> dict[str, Any]:
        first = variants[name, k][0]
        row = {"name": name, "k": k, "macs": count_macs(first, tiles), "ms": ms[f"{name}/{k}"]}
        for split in SPLITS:
            row[split] = _entry(tables[split][name, k], seeds)
        return row

    rows, sweep = [], []
    for arm in arms:
        first = variants[arm.name, arm.k][0]
        row = {
            **figures(arm.name, arm.k),
            "what": arm.what,
            "grouping": arm.grouping if arm.k else None,
            "parameters": sum(value.numel() for value in first.module.parameters()),
        }
        if arm.k:
            sweep += [figures(arm.name, k) for k in range(1, plan.branches + 1)]
            row["gate"] = {
                split: gate_figures(frozen, first, groups[arm.grouping], scenes[split]) for split in SPLITS
            }
            if ("plain", 0) in variants:
                row["versus_plain"] = {
                    split: _difference(tables[split][arm.name, arm.k], tables[split]["plain", 0])
                    for split in SPLITS
                }
        rows.append(row)
        log(f"measured {arm.name}")
    names = [spec.name for spec in task(TASK).expert.classes]
    result = without_nan(
        {
            "metric": HEADLINE[TASK][0],
            "plan": plan.as_dict(),
            "seeds": list(seeds),
            "encoder": f"sha256:{frozen.identity}",
            "groups": {
                kind: [[names[value] for value in group] for group in found] for kind, found in groups.items()
            },
            "scenes": {split: len(scenes[split]) for split in SPLITS},
            "rows": rows,
            "sweep": sweep,
            "shipped": {split: _entry(tables[split]["shipped"], [0]) for split in SPLITS},
            "verdict": verdict(rows),
        }
    )
    write_json(run / "results" / "branches.json", result)
    return result


def _mean(counts: np.ndarray) -> float:
    """Mean over the seeds of the task's figure, of counts (seeds, 4, 4)."""
    return float(np.mean([SCORE(table) for table in counts]))


def _entry(tables: np.ndarray, seeds: Sequence[int]) -> dict[str, Any]:
    total = tables.sum(0)
    low, high = bootstrap(list(tables), _mean)
    by_seed = {str(seed): SCORE(table) for seed, table in zip(seeds, total, strict=True)}
    return {"value": _mean(total), "low": low, "high": high, "by_seed": by_seed}


def _difference(mine: np.ndarray, plain: np.ndarray) -> dict[str, float]:
    """Paired: both decoders on the same drawn scenes."""
    both = np.stack([mine, plain], 1)  # (scenes, 2, seeds, 4, 4)

    def gain(counts: np.ndarray) -> float:
        return _mean(counts[0]) - _mean(counts[1])

    low, high = bootstrap(list(both), gain)
    return {"value": gain(both.sum(0)), "low": low, "high": high}


def verdict(rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Which decoder to ship: a branched one only where it is clearly better, on `val`, at no more cost.

    Branches win if the mean over the seeds is higher than the plain decoder's by more than the seeds of
    either lie apart (largest less smallest), at no more multiply-adds (`MAC_SLACK`), with classes grouped by
    their features. `test` has no say.

    Args:
        rows: of `compare`.

    Returns:
        winner (name of an arm, "plain" where none is clearly better), text (a sentence), and of the best
        branched arm gain and spread; None where there is nothing to compare.
    """
    by_name = {row["name"]: row for row in rows}
    plain = by_name.get("plain")
    nothing = {"winner": "plain", "best": None, "gain": None, "spread": None}
    if plain is None:
        return {**nothing, "text": "The plain decoder was not trained, so there is no verdict."}
    may = [
        row
        for row in rows
        if row["k"] and row["grouping"] == "features" and row["macs"] <= MAC_SLACK * plain["macs"]
    ]
    if not may:
        text = "No branched decoder was trained that costs no more than the plain one; the plain one stays."
        return {**nothing, "text": text}
    best = max(may, key=lambda row: row["val"]["value"])
    gain = best["val"]["value"] - plain["val"]["value"]
    told = f"{best['name']} {best['val']['value']:.3f}, plain {plain['val']['value']:.3f} on val"
    if len(plain["val"]["by_seed"]) < 2:
        text = f"One seed tells nothing of chance ({told}); the plain decoder stays."
        return {**nothing, "best": best["name"], "gain": gain, "text": text}
    spread = max(_spread(best), _spread(plain))
    wins = gain > spread
    end = (
        f"{best['name']} is better by more than that at no more multiply-adds: branches win."
        if wins
        else "that is not clearly better: the plain decoder stays."
    )
    text = f"{told}, a difference of {gain:+.3f} where seeds lie {spread:.3f} apart; {end}"
    return {
        "winner": best["name"] if wins else "plain",
        "best": best["name"],
        "gain": gain,
        "spread": spread,
        "text": text,
    }


def _spread(row: dict[str, Any]) -> float:
    values = row["val"]["by_seed"].values()
    return max(values) - min(values)


def as_table(result: dict[str, Any]) -> str:
    """Lines for a terminal: the arms, every k, the gates, the verdict."""
    head = ["decoder", "k", "parameters", "M MACs", "ms/tile", "val", "test", "val less plain"]
    rows = [head]
    for row in result["rows"]:
        gain = row.get("versus_plain")
        rows.append(
            [
                row["name"],
                str(row["k"] or "–"),
                str(row["parameters"]),
                f"{row['macs'] / 1e6:.1f}",
                f"{row['ms']:.2f}",
                f"{interval(row['val'])} [{_seeds(row['val'])}]",
                f"{interval(row['test'])} [{_seeds(row['test'])}]",
                interval(gain["val"]) if gain else "–",
            ]
        )
    shipped = result["shipped"]
    rows.append(["(bundle)", "–", "–", "–", "–", interval(shipped["val"]), interval(shipped["test"]), "–"])
    lines = [f"{result['metric']}; 95 % intervals over scenes, every seed in brackets", *_columns(rows), ""]
    head = ["at every k", "k", "M MACs", "ms/tile", "val", "test"]
    rows = [head] + [
        [
            row["name"], str(row["k"]), f"{row['macs'] / 1e6:.1f}", f"{row['ms']:.2f}", interval(row["val"]),
            interval(row["test"]),
        ]
        for row in result["sweep"]
    ]  # fmt: skip
    lines += [*_columns(rows), ""]
    for row in result["rows"]:
        for split, gate in row.get("gate", {}).items():
            groups = result["groups"][row["grouping"]]
            used = ", ".join(
                f"{'+'.join(group)} {share:.0%}"
                for group, share in zip(groups, gate["utilisation"], strict=True)
            )
            lines.append(
                f"{row['name']} on {gate['tiles']} tiles of {split}: ran {used}; gate agrees with the labels "
                f"on {gate['agreement']:.0%}; own choice {gate['own']:.3f}, oracle {gate['oracle']:.3f}"
            )
    return "\n".join([*lines, "", result["verdict"]["text"]])


def _seeds(entry: dict[str, Any]) -> str:
    return " ".join(f"{value:.3f}" for value in entry["by_seed"].values())


def _columns(rows: list[list[str]]) -> list[str]:
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return ["  ".join(map(str.ljust, row, widths)).rstrip() for row in rows]
