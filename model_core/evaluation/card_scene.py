"""The model card's part on the scene expert, from what was measured and recorded."""

from __future__ import annotations

from typing import Any

from ..bundle import BundleInfo
from .markdown import interval, number, percent, table


def scene_section(info: BundleInfo, metrics: dict[str, Any]) -> list[str]:
    """What the scene expert is, was taught by, and does; nothing if the bundle has none, or no figures."""
    found = metrics.get("scene")
    if info.scene is None or not found:
        return []
    parts = [_text(info, found), _by_k(found), _calibration(found), _covers(found), _confusion(found)]
    return [part for part in parts if part]


def _text(info: BundleInfo, found: dict[str, Any]) -> str:
    scene, training = info.scene, info.data["training"].get("scene", {})
    groups = "; ".join(", ".join(group) for group in found["branches"])
    gsd = scene.valid_gsd_m
    size = f"{gsd[0]:g} to {gsd[1]:g} m" if gsd else "any size"
    calibration = training.get("calibration", {})
    note = f"Its temperature was fitted on {calibration['split']}.\n" if calibration else ""
    edge = info.tile_size // 64
    return f"""\
## Scene expert

One class for a whole tile, of {len(scene.classes)}, by {len(scene.branches)} branches on the encoder's
features (HydraNets, Mullapudi et al., CVPR 2018), {scene.k} of which run for a tile; for pixels
of {size}. The branches are for: {groups}.

Trained with every other tensor of the bundle frozen, on EuroSAT's chips ({edge} x {edge} fill a tile), alone
and side by side, and on tiles of which one land cover takes nearly all: these say only which classes a tile
can have. {note}"""


def _by_k(found: dict[str, Any]) -> str:
    chips, mosaics, covers = found["chips"], found["mosaics"], found["covers"]
    rows = []
    for place, macs in enumerate(found["macs"]):
        mark = " (shipped)" if place + 1 == found["k"] else ""
        cells = [interval(part["by_k"][place]) if part["tiles"] else "–" for part in (chips, mosaics, covers)]
        rows.append((f"{place + 1}{mark}", f"{macs / 1e6:.1f}", *cells))
    oracle = [interval(part["oracle"]) if part["tiles"] else "–" for part in (chips, mosaics)]
    rows.append(("1, that of the true class", f"{found['macs'][0] / 1e6:.1f}", *oracle, "–"))
    head = (
        "branches",
        "M multiply-adds a tile",
        f"one chip, the rest without data ({chips['tiles']:,})",
        f"tiles full of one class ({mosaics['tiles']:,})",
        f"real tiles of one land cover ({covers['tiles']:,})",
    )
    calls = found["calls"]
    ran = "as often as the gate chose it" if calls["ran"] == calls["chosen"] else "**not** as chosen"
    return (
        f"Accuracy on the {found['split']} split, with 95 % intervals that do not know that neighbouring "
        "chips may share a\nscene. On real tiles an answer is right if it goes with the cover.\n\n"
        f"{table(head, rows)}\nOn {calls['tiles']} tiles, counted by hooks, every branch ran {ran}: "
        f"{', '.join(map(str, calls['ran']))} times.\n"
    )


def _calibration(found: dict[str, Any]) -> str:
    rows = [
        (name, part["tiles"], number(part["ece"]), number(part["ece_uncalibrated"]), interval(part["gate"]))
        for name, part in (("one chip", found["chips"]), ("full of one class", found["mosaics"]))
        if part["tiles"]
    ]
    head = (
        "tiles",
        "count",
        "calibration error",
        "without the temperature",
        "branch of the true class has the largest gate",
    )
    return table(head, rows)


def _covers(found: dict[str, Any]) -> str:
    covers = found["covers"]
    if not covers["tiles"]:
        return "No real tile of this split is of one land cover and in its range of pixels.\n"
    rows = [(name, row["tiles"], interval(row)) for name, row in covers["by_source"].items()]
    rows += [
        (f"{name}: {', '.join(covers['compatible'][name])}", row["tiles"], interval(row))
        for name, row in covers["by_cover"].items()
    ]
    constant = covers["constant"]
    rows.append((f"(always {constant['class']})", covers["tiles"], interval(constant)))
    called = ", ".join(f"{name} {count}" for name, count in covers["called"].items())
    head = ("tiles", "count", "called by a class that fits")
    return f"""\
Real tiles of multi-band reflectance, by source and by cover, with the classes that go with it:

{table(head, rows)}
Called: {called}.

No real tile of built-up land within its range of pixels is in the pack, and EuroSAT has no class for bare
ground: there its answer is not to be relied on.
"""


def _confusion(found: dict[str, Any]) -> str:
    chips = found["chips"]
    if not chips["tiles"]:
        return ""
    rows = []
    for name, counts in zip(found["classes"], chips["confusion"], strict=True):
        total = sum(counts)
        right = counts[found["classes"].index(name)]
        wrong = sorted(
            ((count, other) for count, other in zip(counts, found["classes"], strict=True) if other != name),
            reverse=True,
        )
        taken = ", ".join(f"{other} {count}" for count, other in wrong[:2] if count)
        rows.append((name, total, percent(right / total) if total else "–", taken or "–"))
    return table(("class (one chip)", "chips", "called so", "most often taken for"), rows)
