"""Does it help? Short joint trainings at one small, equal budget, each with one thing changed.

Every arm starts from the same seed, draws the same tiles wherever its sources allow, and is scored on the
validation split, never on test. A budget of minutes ranks ideas for the first part of a training, no more:
what pays late does not show. The bootstrap intervals tell how far the scenes carry a figure; the arm
`other-seed` tells how far chance does.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ..errors import RequestError
from ..evaluation.evaluate import HEADLINE, evaluate_experts
from ..evaluation.record import without_nan
from .framework.run_folder import Log, remember, write_json
from .held_out import held_out
from .joint import new_network, train_joint
from .pack import Sample, licence_stated, load_chips, load_pack
from .pipeline import CHIP_EVERY
from .pretrain import warm_up
from .recipe import FULL, Phase, Recipe
from .sampling import TileSampler
from .validate import NetworkInTraining

STEPS = 600
"""Steps of 24 crops of 128 pixels: four to five minutes an arm at the 58 crops a second of two CPU cores."""

WARM_UP_SHARE = 0.25
"""Share of an arm's steps that goes to the warm-up. A tile costs about the same there and in the joint
training: 222 million multiply-adds forward at 128 pixels (encoder and an 8-band decoder), against 208 with
the labels of one task and 270 with those of two."""


@dataclass(frozen=True)
class Arm:
    """One thing changed.

    Attributes:
        what: told to readers.
        change: recipe of the plain arm and the training scenes -> recipe of this arm.
    """

    what: str
    change: Callable[[Recipe, Sequence[Sample]], Recipe]


def _plain(recipe: Recipe, _samples: Sequence[Sample]) -> Recipe:
    return recipe


def _warm_up(recipe: Recipe, _samples: Sequence[Sample]) -> Recipe:
    phase = recipe.phases[0]
    steps = round(phase.steps * WARM_UP_SHARE)
    return replace(recipe, warm_up=steps, phases=(replace(phase, steps=phase.steps - steps),))


def _equal_weights(recipe: Recipe, _samples: Sequence[Sample]) -> Recipe:
    return replace(recipe, balance="none")


def _stated_licences(recipe: Recipe, samples: Sequence[Sample]) -> Recipe:
    return replace(recipe, without_sources=unlicensed(samples))


def _other_seed(recipe: Recipe, _samples: Sequence[Sample]) -> Recipe:
    return replace(recipe, seed=recipe.seed + 1)


ARMS: dict[str, Arm] = {
    "plain": Arm("the recipe as it is", _plain),
    "warm-up": Arm(
        f"self-supervised warm-up of the encoder for {WARM_UP_SHARE:.0%} of the steps, then joint training",
        _warm_up,
    ),
    "equal-weights": Arm("losses summed as they are, their gradients not balanced", _equal_weights),
    "stated-licences": Arm("without training sources that state no licence", _stated_licences),
    "other-seed": Arm("the recipe as it is with another seed: what chance alone does", _other_seed),
}


def unlicensed(samples: Iterable[Sample]) -> tuple[str, ...]:
    """Sources among the samples for which no licence is stated."""
    return tuple(sorted({s.source for s in samples if not licence_stated(s.source, s.license)}))


def budget(steps: int = STEPS, recipe: Recipe = FULL) -> Recipe:
    """The recipe cut down to `steps` of its first phase, from scratch."""
    if steps < 1:
        raise RequestError(f"An ablation of {steps} steps cannot be run; give at least 1.")
    first = recipe.phases[0]
    return replace(
        recipe,
        warm_up=0,
        phases=(Phase(first.size, first.batch, steps),),
        warmup=min(recipe.warmup, max(1, steps // 10)),
    )


def run_ablation(
    data: Path, run: Path, log: Log, *, arms: Sequence[str] = tuple(ARMS), plain: Recipe | None = None
) -> list[dict[str, Any]]:
    """Train and score the arms, and keep `run/results/ablation.json`.

    An arm that is in that file is not run again; one that was stopped continues from its checkpoint in
    `run/ablation/<arm>`.

    Args:
        data: folder of the pack.
        run: run folder.
        log: takes lines for the user.
        arms: names out of `ARMS`, in the order to run them.
        plain: recipe that the arms change, one phase long; `budget()` by default.

    Returns:
        Every finished arm in the file, in the order of `ARMS`: name, what, steps, samples (tiles drawn),
        scenes (trained on), left_out (sources), val (expert -> metric, value, low, high; a value of None
        and a note where an expert had nothing to learn from), recipe.

    Raises:
        RequestError: an unknown arm, no pack in `data`, or the run holds these arms with other numbers.
    """
    unknown = [name for name in arms if name not in ARMS]
    if unknown:
        raise RequestError(f"There is no arm '{unknown[0]}'; choose among {', '.join(ARMS)}.")
    path, plain = run / "results" / "ablation.json", plain or budget()
    done = {entry["name"]: entry for entry in read_results(run)}
    train = load_pack(data, ("train",)) + load_chips(data, ("train",), CHIP_EVERY)
    recipes = {name: ARMS[name].change(plain, train) for name in arms}
    for name, recipe in recipes.items():
        if name in done and done[name]["recipe"] != _stored(recipe):
            raise RequestError(
                f"{path} holds the arm '{name}' with another recipe; choose another run folder."
            )
    left = [name for name in recipes if name not in done]
    val = held_out(data, "val") if left else []  # with its simulated fires
    for name in left:
        log(f"arm {name}: {ARMS[name].what}")
        done[name] = _run_arm(name, recipes[name], train, val, run, log)
        write_json(path, [done[n] for n in ARMS if n in done])
    return [done[name] for name in ARMS if name in done]


def read_results(run: Path) -> list[dict[str, Any]]:
    """Finished arms of a run; none if it has no ablation."""
    path = run / "results" / "ablation.json"
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else []


def _stored(recipe: Recipe) -> Any:
    """The recipe as JSON gives it back: tuples are lists."""
    return json.loads(json.dumps(recipe.as_dict()))


def _run_arm(
    name: str, recipe: Recipe, train: list[Sample], val: list[Sample], run: Path, log: Log
) -> dict[str, Any]:
    folder = run / "ablation" / name
    remember(folder, recipe.as_dict())
    kept = [sample for sample in train if sample.source not in recipe.without_sources]
    network = new_network(recipe)
    if recipe.warm_up:
        warm_up(network, kept, recipe, folder / "weights", log)
    network = train_joint(kept, recipe, folder / "weights", log, network=network).eval()
    found = evaluate_experts(NetworkInTraining(network), val, log)
    phase = recipe.phases[0]
    learnt = TileSampler(kept, phase.size, recipe.task_weights).tasks
    steps = recipe.warm_up + phase.steps
    return without_nan(
        {
            "name": name,
            "what": ARMS[name].what,
            "steps": steps,
            "samples": steps * phase.batch,
            "scenes": len(kept),
            "left_out": list(recipe.without_sources),
            "val": {
                expert: _figure(entry) if expert in learnt else _nothing(expert)
                for expert, entry in found.items()
            },
            "recipe": _stored(recipe),
        }
    )


def _figure(entry: dict[str, Any]) -> dict[str, Any]:
    return {key: entry[key] for key in ("metric", "value", "low", "high", "scenes")}


def _nothing(expert: str) -> dict[str, Any]:
    """An expert that never saw a label answers at random; a figure of it would tell nothing."""
    row = {"metric": HEADLINE[expert][0], "value": None, "low": None, "high": None}
    return {**row, "note": "no training data"}


def as_table(entries: Sequence[dict[str, Any]]) -> str:
    """A line an expert, a column an arm: value (95 % interval) on the validation split."""
    experts = dict.fromkeys(expert for entry in entries for expert in entry["val"])
    rows = [["val", *(f"{entry['name']} ({entry['steps']} steps)" for entry in entries)]]
    for expert in experts:
        rows.append([expert, *(_cell(entry["val"].get(expert)) for entry in entries)])
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return "\n".join("  ".join(map(str.ljust, row, widths)).rstrip() for row in rows)


def _cell(row: dict[str, Any] | None) -> str:
    if row is None:
        return "no scene"
    if row["value"] is None:
        return row.get("note", "–")
    if row["low"] is None:
        return f"{row['value']:.3f}"
    return f"{row['value']:.3f} ({row['low']:.3f} to {row['high']:.3f})"
