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
and side by side, and on tiles of real scenes: their covers' shares (water, trees, low vegetation, built-up)
are what the classes of each should be given together. Where no label told a pixel's cover, **the bundle's own
land-cover expert did**, as far as NDVI and NDWI did not speak against it, so its mistakes may be learnt.
Nothing below is measured by such pseudo-labels. {note}"""


def _by_k(found: dict[str, Any]) -> str:
    covers, parts = found["covers"], [found[name] for name in ("chips", "measured", "tiled", "mosaics")]
    rows = []
    for place, macs in enumerate(found["macs"]):
        mark = " (shipped)" if place + 1 == found["k"] else ""
        cells = [interval(part["by_k"][place]) if part["tiles"] else "–" for part in (*parts, covers)]
        rows.append((f"{place + 1}{mark}", f"{macs / 1e6:.1f}", *cells))
    oracle = [interval(part["oracle"]) if part["tiles"] else "–" for part in parts]
    rows.append(("1, that of the true class", f"{found['macs'][0] / 1e6:.1f}", *oracle, "–"))
    chips, measured, tiled, mosaics = (f"{part['tiles']:,}" for part in parts)
    head = (
        "branches",
        "M multiply-adds a tile",
        f"chips as 8-bit pictures ({chips})",
        f"chips as reflectance ({measured})",
        f"one chip, the rest without data ({tiled})",
        f"tiles full of one class ({mosaics})",
        f"real tiles ({covers['tiles']:,})",
    )
    calls = found["calls"]
    ran = "as often as the gate chose it" if calls["ran"] == calls["chosen"] else "**not** as chosen"
    return (
        f"Accuracy on the {found['split']} split, with 95 % intervals; those of chips do not know that "
        "neighbouring chips may\nshare a scene. On real tiles an answer is right if it goes with the cover "
        f"of the largest share.\n\n{table(head, rows)}\nOn {calls['tiles']} tiles, counted by hooks, every "
        f"branch ran {ran}: {', '.join(map(str, calls['ran']))} times.\n"
    )


def _calibration(found: dict[str, Any]) -> str:
    names = {
        "chips": "chips as 8-bit pictures",
        "measured": "chips as reflectance",
        "tiled": "one chip in a tile",
        "mosaics": "full of one class",
    }
    rows = [
        (
            names[name],
            part["tiles"],
            number(part["ece"]),
            number(part["ece_uncalibrated"]),
            interval(part["gate"]),
        )
        for name, part in ((name, found[name]) for name in names)
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
        return "No real tile of this split has enough labelled cover and pixels in its range.\n"
    named = {f"largest: {name}": row for name, row in covers["by_cover"].items()}
    rows = [
        (name, row["tiles"], row["scenes"], *(interval(row[key] if key else row) for key in ("", *_BESIDE)))
        for name, row in {**covers["by_source"], **named, "all": covers}.items()
    ]
    called = ", ".join(f"{name} {count}" for name, count in covers["called"].items())
    apart = ", ".join(f"{name} {interval(row)}" for name, row in covers["distance_by_cover"].items())
    groups = "; ".join(f"{name}: {', '.join(of)}" for name, of in covers["compatible"].items())
    head = (
        "tiles",
        "count",
        "scenes",
        "class goes with the largest cover",
        f"always {covers['constant_class']}",
        "distance from the covers' shares",
    )
    return f"""\
Real tiles of multi-band reflectance of which labels tell the cover of at least {percent(covers["known"])},
with intervals over whole scenes. The last column is the mean absolute difference between what the classes of
a cover are given together and its labelled share.

{table(head, rows)}
By cover: {apart}. Called: {called}. What goes with a cover: {groups}; "vegetation" and "land" (not water) are
what some labels leave open, and easily met.

Hardly any real tile of built-up land within its range of pixels has labels in the pack, and EuroSAT has no
class for bare ground: there its answer is not to be relied on.
"""


_BESIDE = ("constant", "distance")


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
