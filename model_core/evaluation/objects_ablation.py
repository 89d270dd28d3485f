"""Ways of routing the objects expert side by side: what `hydranet train objects --ablation` left, scored.

Every method found objects in the same images, so a difference between two of them is drawn with the same
images for both (a paired bootstrap, Efron and Tibshirani 1993, ch. 16), with each method's figure averaged
over its seeds. The intervals are over images; `spread` is over seeds.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import RequestError
from ..objects.spec import ROUTINGS
from .objects_ap import MEASURES, drawn_averages, match
from .objects_scan import as_images, scenes_of_class
from .resampling import draws, figure, interval

if TYPE_CHECKING:
    from ..training.objects.truth import ObjectScene

ENTRIES = "ablation.json"
SPLITS = ("test", "val")
SHOWN: dict[str, tuple[str, ...]] = {"ship": ("ap50", "ap", "ap_small"), "building": ("ap50", "ap")}
OURS, RIVAL = "full", "dense"
GOAL_AP50 = 0.70
GOAL_GAP = 0.015
"""Least average precision of ships at an IoU of 0.5, and least gain in AP over a dense network."""

_KEYS = {"variant": str, "seed": int, "macs": int, "parameters": int, "steps": int, "seconds": (int, float)}


def ablation_folder(run: Path) -> Path:
    """The folder of a run that holds the list of its networks: itself, or `ablation` in it.

    Raises:
        RequestError: neither does.
    """
    for folder in (run, run / "ablation"):
        if (folder / ENTRIES).is_file():
            return folder
    raise RequestError(
        f"{run} holds no {ENTRIES}; give the run folder of `hydranet train objects --ablation`."
    )


def read_entries(run: Path) -> list[dict[str, Any]]:
    """What the training of an ablation says of its networks.

    Raises:
        RequestError: the file is damaged.
    """
    path = run / ENTRIES
    rows = _read(path)
    if not isinstance(rows, list) or not rows:
        raise RequestError(f"{path} lists no trained network; train the ablation anew.")
    seen = set()
    for number, row in enumerate(rows, 1):
        whole = isinstance(row, dict) and isinstance(row.get("predictions"), str)
        if not whole or not all(isinstance(row.get(key), kind) for key, kind in _KEYS.items()):
            raise RequestError(
                f"Entry {number} of {path} must have {', '.join(_KEYS)} and predictions; train it anew."
            )
        if row["variant"] not in ROUTINGS or (row["variant"], row["seed"]) in seen:
            raise RequestError(
                f"Entry {number} of {path} is {row['variant']!r} with seed {row['seed']}; expected each of "
                f"{', '.join(ROUTINGS)} once for a seed."
            )
        seen.add((row["variant"], row["seed"]))
    return rows


def _read(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise RequestError(f"{path} cannot be read ({error}); train the ablation anew.") from error


def read_predictions(run: Path, entry: Mapping[str, Any], split: str) -> dict[str, Any]:
    """What one network found in a split, by scene id.

    Args:
        run: the run folder.
        entry: of `read_entries`; in its "predictions" the words `<split>` or `{split}` stand for the split.
        split: test or val.

    Raises:
        RequestError: the file is missing or damaged, or lies outside the run folder.
    """
    name = entry["predictions"].replace("<split>", split).replace("{split}", split)
    path = run / name
    if not path.resolve().is_relative_to(run.resolve()):
        raise RequestError(f"{run / ENTRIES} names {name}, which lies outside the run folder.")
    found = _read(path)
    if not isinstance(found, dict):
        raise RequestError(f"{path} holds no detections by scene; train the ablation anew.")
    return found


def compare_objects(
    run: Path, scenes: Mapping[str, Sequence[ObjectScene]], classes: Sequence[str]
) -> dict[str, Any]:
    """All figures of an ablation, as they are recorded.

    Args:
        run: folder of the ablation.
        scenes: truth by split.
        classes: names in the order of their numbers.

    Returns:
        `networks`: by variant its seeds, and mean parameters, active multiply-accumulates, steps and seconds.
        `splits`: by split and class the number of images and boxes, and by measure and variant `value`
        (mean over seeds), `low`, `high` (over images), `spread` (standard deviation over seeds), `seeds` and
        `difference`: `full` less this variant, with its interval, None for `full` itself. `goals`, see
        `goals_of`.

    Raises:
        RequestError: see `read_entries` and `read_predictions`; a scene of the pack was not searched.
    """
    entries = sorted(read_entries(run), key=lambda row: (ROUTINGS.index(row["variant"]), row["seed"]))
    found: dict[str, Any] = {"networks": _networks(entries), "splits": {}}
    for split, truth in scenes.items():
        told = {(row["variant"], row["seed"]): read_predictions(run, row, split) for row in entries}
        found["splits"][split] = {
            name: _class(run, told, truth, label, SHOWN[name], split)
            for label, name in enumerate(classes)
            if name in SHOWN and scenes_of_class(truth, label)
        }
    found["goals"] = goals_of(found["splits"].get("test", {}))
    return found


def _networks(entries: Sequence[Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    rows: dict[str, list[Mapping[str, Any]]] = {}
    for entry in entries:
        rows.setdefault(entry["variant"], []).append(entry)
    return {
        variant: {
            "seeds": [row["seed"] for row in mine],
            **{
                key: round(float(np.mean([row[key] for row in mine])))
                for key in ("macs", "parameters", "steps")
            },
            "seconds": float(np.mean([row["seconds"] for row in mine])),
        }
        for variant, mine in rows.items()
    }


def _class(
    run: Path,
    told: Mapping[tuple[str, int], Mapping[str, Any]],
    scenes: Sequence[ObjectScene],
    label: int,
    measures: Sequence[str],
    split: str,
) -> dict[str, Any]:
    """One class in one split: extent, and by measure and variant its figures."""
    matched: dict[str, list[Any]] = {}
    for (variant, seed), found in told.items():
        try:
            images = as_images(scenes, found, label)
        except (KeyError, TypeError, ValueError) as error:
            raise RequestError(
                f"The detections of {variant}, seed {seed}, in {run} do not fit the pack's {split} split "
                f"({type(error).__name__}: {error}); train the ablation on this pack."
            ) from error
        matched.setdefault(variant, []).append(match(images, label))
    drawn = draws(len(images))
    first = next(iter(matched.values()))[0]
    result: dict[str, Any] = {
        "images": len(images),
        "with_boxes": int((first["all"].true > 0).sum()),
        "boxes": int(first["all"].true.sum()),
        "small": int(first["small"].true.sum()),
        "figures": {},
    }
    for measure in measures:
        area, at_50 = MEASURES[measure]
        values = {v: np.array([m[area].average(at_50) for m in rows]) for v, rows in matched.items()}
        rounds = {
            v: np.mean([drawn_averages(m[area], drawn, at_50) for m in rows], 0)
            for v, rows in matched.items()
        }
        result["figures"][measure] = {
            variant: {
                **figure(float(values[variant].mean()), rounds[variant]),
                "spread": float(values[variant].std(ddof=1)) if len(values[variant]) > 1 else float("nan"),
                "seeds": [float(value) for value in values[variant]],
                "difference": _difference(values, rounds, variant),
            }
            for variant in matched
        }
    return result


def _difference(
    values: Mapping[str, np.ndarray], rounds: Mapping[str, np.ndarray], variant: str
) -> dict[str, float] | None:
    if variant == OURS or OURS not in values:
        return None
    gap = float(values[OURS].mean() - values[variant].mean())
    return {"value": gap, **interval(rounds[OURS] - rounds[variant])}


def goals_of(test: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """What was aimed at for ships in the test split, and whether it was reached.

    Returns:
        `ap50` and `gap`, each with `goal`, `value`, `low`, `high` and `verdict`: "met" or "missed" where the
        whole interval says so, else "unclear"; {} where there is nothing to judge.
    """
    figures = test.get("ship", {}).get("figures", {})
    found = {}
    ours = figures.get("ap50", {}).get(OURS)
    if ours:
        found["ap50"] = _judged(ours, GOAL_AP50)
    gap = figures.get("ap", {}).get(RIVAL, {}).get("difference")
    if gap:
        found["gap"] = _judged(gap, GOAL_GAP)
    return found


def _judged(entry: Mapping[str, float], goal: float) -> dict[str, Any]:
    low, high = entry["low"], entry["high"]
    verdict = "met" if low >= goal else "missed" if high < goal else "unclear"  # NaN is unclear
    return {"goal": goal, **{key: entry[key] for key in ("value", "low", "high")}, "verdict": verdict}


def write_table(path: Path, found: Mapping[str, Any]) -> None:
    """The comparison as CSV, a row for every split, class, measure and variant."""
    head = ["split", "class", "measure", "variant", "seeds", "mean", "spread", "low", "high"]
    head += ["full_less_this", "difference_low", "difference_high", "macs", "parameters", "images", "boxes"]
    rows: list[list[Any]] = []
    for split, classes in found["splits"].items():
        for name, part in classes.items():
            for measure, variants in part["figures"].items():
                for variant, row in variants.items():
                    gap = row["difference"] or {}
                    network = found["networks"][variant]
                    cells = [row[key] for key in ("value", "spread", "low", "high")]
                    cells += [gap.get(key) for key in ("value", "low", "high")]
                    rows.append(
                        [
                            split, name, measure, variant, len(row["seeds"]), *map(_cell, cells),
                            network["macs"], network["parameters"], part["images"], part["boxes"],
                        ]
                    )  # fmt: skip
    path.parent.mkdir(parents=True, exist_ok=True)
    part_file = path.with_name(path.name + ".part")
    with part_file.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file, lineterminator="\n").writerows([head, *rows])
    part_file.replace(path)


def _cell(value: float | None) -> str:
    return "" if value is None or value != value else f"{value:.4f}"
