"""The model card's part on the experts: one section each, from what was measured and recorded."""

from __future__ import annotations

from typing import Any

from ..bundle import BundleInfo
from ..spec import ExpertSpec
from ..training.pack import licence_stated
from .card_objects import headline, objects_data, objects_section
from .markdown import interval, number, percent, table


def experts_overview(info: BundleInfo, metrics: dict[str, Any]) -> str:
    """All experts in one table, with what they cost."""
    rows = []
    for expert in info.experts:
        gsd = expert.valid_gsd_m
        entry = metrics["experts"].get(expert.name)
        told = f"{entry['metric']}: {interval(entry)}" if entry else "–"
        if expert.kind == "objects":
            told = headline(metrics.get("objects", {}), metrics["split"])
        rows.append(
            (
                f"{expert.title} (`{expert.name}`)" + (" **simulated**" if expert.simulated else ""),
                ", ".join(c.name for c in expert.classes),
                f"{gsd[0]:g} to {gsd[1]:g} m" if gsd else "any",
                f"{info.macs.experts[expert.name] / 1e6:.0f}",
                told,
            )
        )
    head = ("expert", "classes", "pixels trained for", "M multiply-adds a tile", "figure (95 % interval)")
    return f"""\
## Experts

{table(head, rows)}
The encoder costs {info.macs.encoder / 1e6:.0f} M multiply-adds a tile, the switcher
{info.macs.switcher / 1e6:.2f} M, a tile decoded by all experts {info.macs.all_experts / 1e6:.0f} M.

The figures below are of the {metrics["split"]} split with every tile decoded, so that routing plays no part;
unknown pixels are not scored. Labels of kind *derived* or *algorithm* repeat a formula or a product: a good
figure there says the formula was learnt, no more. Splits are made by region or source group, never by tiles
of one scene; where a source does not tell its places, its blocks may touch.
"""


def expert_section(info: BundleInfo, expert: ExpertSpec, metrics: dict[str, Any]) -> str:
    """What one expert maps, learnt from, and does."""
    parts = [f"### {expert.title} (`{expert.name}`)\n"]
    if expert.simulated:
        parts.append(
            "**Simulated**: this expert never saw a real case in training. Its figures on simulated scenes "
            "must not be\nset beside those of the others, nor beside anyone's figures on real fires.\n"
        )
    parts.append(f"{expert.description}\n")
    parts.append(_data(info, expert))
    entry = metrics["experts"].get(expert.name)
    if expert.kind == "objects":
        told = objects_section(info, expert, metrics)
        parts.append(told or "It was not evaluated yet: `hydranet evaluate --card` does so.\n")
    elif entry is None:
        parts.append("No scene of this split has labels for it.\n")
    else:
        parts.append(_figures(expert, entry))
    parts.append(_decision(info, expert))
    parts.append(_licences(info, expert))
    parts.append(_pictures(expert, metrics))
    if expert.name == "fire" and metrics.get("fire"):
        parts.append(fire_section(metrics["fire"]))
    return "\n".join(part for part in parts if part)


def _sources(info: BundleInfo, expert: ExpertSpec) -> list[dict[str, Any]]:
    return [row for row in info.data["training"].get("data", []) if expert.name in row["labels"]]


def _data(info: BundleInfo, expert: ExpertSpec) -> str:
    rows = [
        (row["source"], row["scenes"], row["labels"][expert.name], row["license"])
        for row in _sources(info, expert)
    ]
    if not rows:
        if expert.simulated:
            return "Trained on scenes of the other experts' sources, altered by a physical simulation.\n"
        if expert.kind == "objects":
            return objects_data(info)
        return "No source of the training has labels for it.\n"
    return table(("trained on", "scenes", "label kind", "licence as stated"), rows)


def _figures(expert: ExpertSpec, entry: dict[str, Any]) -> str:
    mark = " (simulated)" if expert.simulated else ""
    rows = [
        (
            "all" + mark, figure["metric"], "", interval(figure), entry["scenes"], entry.get("regions", "–"),
            f"{entry['pixels']:,}",
        )
        for figure in filter(None, (entry, entry.get("tolerant")))
    ]  # fmt: skip
    for source, row in entry["by_source"].items():
        cells = (", ".join(row["label_kinds"]), interval(row), row["scenes"], row.get("regions", "–"))
        rows.append((source, entry["metric"], *cells, f"{row['pixels']:,}"))
    head = (
        "tested on",
        "metric",
        "label kind",
        "value (95 % interval)",
        "scenes",
        "regions",
        "labelled pixels",
    )
    return table(head, rows)


def _decision(info: BundleInfo, expert: ExpertSpec) -> str:
    fit = info.data["training"].get("decision_offsets", {}).get(expert.name)
    if fit is None:
        return ""
    basis = f"{fit['scenes']} scenes of {fit['split']}"
    if not any(fit["offsets"]):
        return f"Its line between the classes is where training drew it: on {basis} no move clearly paid.\n"
    moved = ", ".join(
        f"{spec.name} {value:+.2f}"
        for spec, value in zip(expert.classes, fit["offsets"], strict=True)
        if value
    )
    return (
        f"Its line between the classes was moved on {basis} (logits: {moved}), where the figure rose from "
        f"{number(fit['before'])} to {number(fit['after'])}.\n"
    )


def _licences(info: BundleInfo, expert: ExpertSpec) -> str:
    rows = [
        row["source"] for row in _sources(info, expert) if not licence_stated(row["source"], row["license"])
    ]
    if not rows:
        return ""
    text = f"No licence is stated for {', '.join(rows)}."
    runs = {row["name"]: row for row in info.data["training"].get("ablations", [])}
    with_all, without = runs.get("plain"), runs.get("stated-licences")
    if with_all and without and expert.name in with_all["val"] and expert.name in without["val"]:
        mine, other = with_all["val"][expert.name], without["val"][expert.name]
        text += (
            f" In a short training of {with_all['steps']} steps, {mine['metric']} on `val` was "
            f"{number(mine['value'])} with such sources\nand {number(other['value'])} without any of them."
        )
    else:
        text += " What the expert would be without was not measured."
    return text + "\n"


def _pictures(expert: ExpertSpec, metrics: dict[str, Any]) -> str:
    rows = metrics.get("pictures", {}).get(expert.name, [])
    if not rows:
        return ""
    shown = "\n".join(
        f"![{row['scene']}]({row['file']})\n\n*{row['source']}, {row['scene']}: {row['text']}*\n"
        for row in rows
    )
    return f"Where it fails most (maps only; no imagery of the pack is shown):\n\n{shown}"


def fire_section(found: dict[str, Any]) -> str:
    """The fire expert on real scenes, apart from its simulated figures."""
    summary = found.get("summary", {})
    parts = ["**On real scenes.** Under a smoke veil, as judged by eye for the whole scene (no labels):\n"]
    keys = ("tiles", "smoke", "flame", "score_mean", "score_max", "above")
    head = ("tiles", "called smoke", "called flame", "mean score", "highest score", "tiles routed")

    def cells(row: dict[str, Any]) -> list[str]:
        shown = {
            "tiles": str, "smoke": percent, "flame": percent, "score_mean": number, "score_max": number,
            "above": percent,
        }  # fmt: skip
        return [shown[key](row.get(key)) for key in keys]

    parts.append(table(("scene", *head), [(row["id"], *cells(row)) for row in found.get("smoke", [])]))
    if summary:
        parts.append(
            f"{summary['smoke_scenes_found']} of {summary['smoke_scenes']} such scenes were called smoke on "
            f"at least {percent(summary['found_from_share'])} of their pixels, and the\nrouter sent tiles of "
            f"{summary['smoke_scenes_routed']} to this expert.\n"
        )
    parts.append("Places taken to hold no fire, where all that is found is a false alarm:\n")
    rows = [(name, *cells(row)) for name, row in found.get("fire_free", {}).items()]
    parts.append(table(("source", *head), rows))
    clouds = found.get("clouds")
    if clouds:
        parts.append(
            f"On pixels labelled cloud ({clouds['scenes']} scenes): {percent(clouds['smoke'])} called smoke, "
            f"{percent(clouds['flame'])} flame.\n"
        )
    return "\n".join(parts)
