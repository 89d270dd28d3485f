"""The model card's part on branches inside the land-cover decoder: the comparison, and what was shipped."""

from __future__ import annotations

from typing import Any

from ..bundle import BundleInfo
from .markdown import interval, number, percent, table


def branches_section(info: BundleInfo, metrics: dict[str, Any]) -> list[str]:
    """Plain against branched, from what `hydranet branches --card` recorded; nothing if it did not."""
    found = info.data["training"].get("branched_landcover")
    if not found:
        return []
    return [_text(found), _arms(found), _sweep(found), _gates(found)]


def _text(found: dict[str, Any]) -> str:
    plan, scenes = found["plan"], found["scenes"]
    seeds = ", ".join(map(str, found["seeds"]))
    groups = "; ".join(", ".join(group) for group in found["groups"]["features"])
    return f"""\
## Branches in the land-cover decoder

Whether a decoder whose fine part is branches, each for a group of classes, beats the plain one (`hydranet
branches`). All were trained from their first weights on this bundle's frozen encoder, on the same tiles with
the same losses: {plan["steps"]:,} steps of {plan["batch"]} crops of {plan["size"]} pixels, seeds {seeds}.
That is far less than the bundle's own expert had, so the figures rank decoders and are none of this bundle.

- Groups of classes by balanced k-means over their mean features: {groups}.
- Figure: {found["metric"]}, mean over the seeds, on {scenes["val"]} scenes of `val`, which decides, and
  {scenes["test"]} of `test`.

**{found["verdict"]["text"]}**
The rule was fixed beforehand: branches win only if their `val` figure is higher by more than the seeds lie
apart, at no more multiply-adds. {_shipped(found)}
"""


def _shipped(found: dict[str, Any]) -> str:
    """Why the bundle has the decoder that it has."""
    own, best = found["shipped"]["val"]["value"], max(found["rows"], key=lambda row: row["val"]["value"])
    figures = f"{number(own)} on `val` against {number(best['val']['value'])} of {best['name']}"
    if own >= best["val"]["value"]:
        return (
            f"The bundle keeps its own decoder, which was trained together with the encoder, and longer: "
            f"{figures}."
        )
    return f"The bundle's own decoder is behind: {figures}."


def _arms(found: dict[str, Any]) -> str:
    rows = []
    for row in found["rows"]:
        gain = row.get("versus_plain", {})
        rows.append(
            (
                row["name"], row["what"], f"{row['parameters']:,}", f"{row['macs'] / 1e6:.1f}",
                number(row["ms"], 2), interval(row["val"]), _by_seed(row["val"]), interval(row["test"]),
                _by_seed(row["test"]), interval(gain["test"]) if gain else "–",
            )
        )  # fmt: skip
    shipped = found["shipped"]
    own = ("(bundle)", "the expert as shipped", "–", "–", "–")
    rows.append((*own, interval(shipped["val"]), "–", interval(shipped["test"]), "–", "–"))
    head = (
        "decoder",
        "what it is",
        "parameters",
        "M multiply-adds",
        "ms a tile",
        "val",
        "its seeds",
        "test",
        "its seeds",
        "test less plain, same scenes",
    )
    return table(head, rows)


def _by_seed(entry: dict[str, Any]) -> str:
    return ", ".join(number(value) for value in entry["by_seed"].values())


def _sweep(found: dict[str, Any]) -> str:
    if not found["sweep"]:
        return ""
    rows = [
        (
            row["name"], row["k"], f"{row['macs'] / 1e6:.1f}", number(row["ms"], 2), interval(row["val"]),
            interval(row["test"]),
        )
        for row in found["sweep"]
    ]  # fmt: skip
    head = ("decoder", "branches run", "M multiply-adds", "ms a tile", "val", "test")
    text = "Every branched decoder with other numbers of branches run than it was trained for:"
    return f"{text}\n\n{table(head, rows)}"


def _gates(found: dict[str, Any]) -> str:
    rows = []
    for row in found["rows"]:
        for split, gate in row.get("gate", {}).items():
            groups = found["groups"][row["grouping"]]
            used = "; ".join(
                f"{', '.join(group)}: {percent(share)}"
                for group, share in zip(groups, gate["utilisation"], strict=True)
            )
            rows.append(
                (
                    row["name"], split, gate["tiles"], used, percent(gate["agreement"]), number(gate["own"]),
                    number(gate["oracle"]),
                )
            )  # fmt: skip
    if not rows:
        return ""
    head = (
        "decoder",
        "split",
        "tiles",
        "tiles each branch ran on",
        "strongest branch is that of the largest group",
        "figure, own gate",
        "figure, oracle gate",
    )
    return f"What the gates chose (first seed). The oracle knows the labels:\n\n{table(head, rows)}"
