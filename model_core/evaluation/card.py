"""The model card, written from what was measured and from nothing else."""

from __future__ import annotations

from typing import Any

from ..bundle import BundleInfo
from .card_branches import branches_section
from .card_classifiers import classifiers_section
from .card_experts import expert_section, experts_overview
from .card_hydra import hydra_section
from .card_risk import risk_section
from .card_router import (
    controls_section,
    policies_section,
    policy_name,
    regret_section,
    reliability_section,
    router_section,
)
from .card_scene import scene_section
from .markdown import interval, number, table

__all__ = ["policy_name", "write_card"]

NO_FIGURE = {"value": None, "low": None, "high": None}

COMMAND = "hydranet evaluate --data ../shared/data --split {split} --card"

LIMITS = """\
## Limits

- Few regions per task: burned areas are Californian, forest damage is one Central European area,
  buildings and bare ground are one desert city in aerial RGB. Expect less elsewhere.
- Most roads and all buildings were seen in display-stretched RGB only; 8-band imagery at their pixel
  size was not to be had.
- No real panchromatic band was seen in training: it is synthesised from the other bands.
- That cities, farms, desert, a coast and pasture (seven sources) hold no fire scars and no damaged forest
  was taken from what these places are, not from labels. It counts as known to the switcher in training,
  calibration and the router's figures above. So does that nothing burns there, in five
  more sources and in EuroSAT.
- Test sets are small. A figure without its interval means little.
"""


def write_card(info: BundleInfo, metrics: dict[str, Any]) -> str:
    """Markdown from a bundle and the figures of `evaluate` (as stored: NaN is None)."""
    router = metrics["router"]
    sections = [
        _head(info, metrics),
        experts_overview(info, metrics),
        *(expert_section(info, expert, metrics) for expert in info.experts),
        *risk_section(info, metrics),
        *hydra_section(info, metrics),
        *scene_section(info, metrics),
        router_section(info, router),
        reliability_section(router, metrics.get("reliability_picture")),
        controls_section(metrics["controls"], router) if "controls" in metrics else "",
        regret_section(metrics["regret"]) if "regret" in metrics else "",
        policies_section(info, router["policies"]),
        _outside(metrics.get("outside")),
        *classifiers_section(info, metrics),
        *branches_section(info, metrics),
        _ablations(info.data["training"].get("ablations")),
        _training(info.data["training"]),
        _check(metrics),
        LIMITS,
    ]
    return "\n".join(section for section in sections if section)


def _head(info: BundleInfo, metrics: dict[str, Any]) -> str:
    data = info.data
    bands = ", ".join(f"{band['name']} {band['wavelength_nm']:.0f} nm" for band in data["input"]["bands"])
    return f"""\
# Model card: {data["title"]}

`{data["id"]}` version {data["version"]}, made {data["created"]}. {data["description"]}

Every figure below is computed by `{COMMAND.format(split=metrics["split"])}`, which also writes this page,
unless it is said to be of another split or command. Intervals are 95 % bootstrap intervals over whole scenes:
where a task has few scenes they are wide, and that is the truth about it.

It reads tiles of {info.tile_size} x {info.tile_size} pixels of reflectance (0 to 1) in the bands {bands}.
Missing bands are announced to the network, which was trained with bands dropped at random.
"""


def _outside(rows: list[dict[str, Any]] | None) -> str:
    if not rows:
        return ""
    body = [
        (
            row["method"], row["expert"], row["metric"], row.get("labels", ""), row["scenes"],
            f"{row['pixels']:,}", interval(row["theirs"]), interval(row["ours"]), row.get("note", ""),
        )
        for row in rows
    ]  # fmt: skip
    head = ("method", "expert", "metric", "labels", "scenes", "pixels", "theirs", "ours", "note")
    references = sorted({f"- {row['method']}: {row['reference']}" for row in rows if row.get("reference")})
    return f"""\
## Outside methods on the same pixels

Measured by `hydranet compare`, thresholds that had to be chosen on `val`.

{table(head, body)}
{chr(10).join(references)}
"""


def _ablations(rows: list[dict[str, Any]] | None) -> str:
    if not rows:
        return ""
    names = sorted({name for row in rows for name in row["val"]})
    body = [
        (
            row["name"], row["what"], row["steps"], row["samples"],
            *(interval({**NO_FIGURE, **row["val"].get(name, {})}) for name in names),
        )
        for row in rows
    ]  # fmt: skip
    metric = {name: row["val"][name]["metric"] for row in rows for name in row["val"]}
    legend = "; ".join(f"{name}: {metric[name]}" for name in names)
    return f"""\
## Ablations

Short trainings at one budget, scored on `val` (`hydranet ablate`); they rank ideas and are no figures of this
bundle. {legend}.

{table(("run", "what", "steps", "samples", *names), body)}"""


def _training(training: dict[str, Any]) -> str:
    rows = []
    for row in training["data"]:
        labels = ", ".join(f"{task} ({kind})" for task, kind in sorted(row["labels"].items()))
        rows.append((row["source"], row["scenes"], labels or "image level", row["license"]))
    recipe = training.get("recipe", {})
    facts = []
    steps = sum(phase["steps"] for phase in recipe.get("phases", []))
    if steps:
        phases = ", then ".join(
            f"{p['steps']:,} steps of {p['batch']} crops of {p['size']} pixels" for p in recipe["phases"]
        )
        facts.append(f"Joint training: {phases}.")
    start = training.get("started_from")
    if start:
        facts.append(
            f"It went on from the weights of `{start['id']}` {start['version']} of {start['created'][:10]} "
            f"(`{start['weights'][:15]}…`)"
            + (f"; new since then: {', '.join(start['new_experts'])}." if start["new_experts"] else ".")
        )
    if recipe.get("warm_up"):
        facts.append(f"Before it {recipe['warm_up']:,} steps of self-supervised warm-up of the encoder.")
    balance = {
        "gradient": "Losses are balanced so that every task pulls on the encoder with the same force.",
        "none": "The tasks' losses are summed as they are.",
    }
    if recipe.get("balance") in balance:
        facts.append(balance[recipe["balance"]])
    if recipe.get("without_sources"):
        facts.append(f"Left out: {', '.join(recipe['without_sources'])}.")
    for key, text in (("seconds", "It took {:,.0f} s in all."), ("hours", "It took {:.1f} hours.")):
        if isinstance(training.get(key), (int, float)):
            facts.append(text.format(training[key]))
    if training.get("tiles_pooled"):
        facts.append(
            f"The switcher was trained on {training['tiles_pooled']:,} augmented tiles, "
            f"{recipe.get('switcher_epochs', '?')} times over, with weighted cross-entropy."
        )
    return f"""\
## Training

{training["how"][:1].upper() + training["how"][1:]}. On {training["machine"]},
torch {training["torch"]}. The weights outside the switcher hashed to
`{training["frozen_sha256"][:23]}…` before and after its training.
{" ".join(facts)}
`make train` trains from nothing by the recipe of the installed version, which may have other steps.
{training["notes"]}

{table(("source", "scenes", "labels", "licence as stated"), rows)}
The images themselves are not part of this project.
"""


def _check(metrics: dict[str, Any]) -> str:
    found = metrics.get("subset")
    if not found:
        return ""
    rows = [(name, number(row["value"]), row["scenes"]) for name, row in found["experts"].items()]
    return f"""\
## A part of it again

The same figures on the first three scenes by id of each source ({found["scenes"]} scenes): a test computes
them anew and compares. Too few to judge by.

{table(("expert", "value", "scenes"), rows)}
Router: {found["router"]["tiles"]} tiles, micro F1 {number(found["router"]["micro_f1"])}.
"""
