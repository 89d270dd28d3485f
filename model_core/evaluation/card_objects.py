"""The model card's part on the objects expert: figures by class, usage of its experts, the ablation."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..bundle import BundleInfo
from ..objects.spec import ROUTINGS
from ..spec import ExpertSpec
from .markdown import interval, number, percent, table

TRUTH: dict[str, tuple[str, str]] = {
    "ship": (
        "real",
        "boxes drawn by people around the ships of real scenes; some small boats have none. On the land of "
        "scenes with building labels ships are known to be absent, so that what is found there counts as "
        "false",
    ),
    "building": (
        "derived",
        "connected parts of building masks that people drew, so that buildings which touch are one object; "
        "the images are real",
    ),
    "ship, composed": (
        "composed",
        "real ships cut out of chips of this split and pasted on this split's real water, with a fixed seed: "
        "both halves are real, the whole is not",
    ),
}
"""Category -> what its images and boxes are."""

_WORDS = ("both levels (full)", "instance router alone", "scene router alone", "token experts", "dense")
VARIANTS = dict(zip(ROUTINGS, _WORDS, strict=True))
"""Routing -> what the card calls it."""

MEASURE_NAMES = {"ap50": "AP50", "ap": "AP", "ap_small": "AP, small"}
VERDICTS = {
    "met": "met, as the whole interval lies above it",
    "missed": "missed, as the whole interval lies below it",
    "unclear": "the data are too few to tell, as the interval holds it",
}

DEFINITIONS = """\
AP50 is COCO's average precision at an IoU of 0.5, AP its mean over IoUs of 0.5 to 0.95, AP small that of
boxes below 32 x 32 pixels; precision, recall and F1 are at the bundle's threshold and an IoU of 0.5. Every
tile was searched, so that routing plays no part. A detection is ignored where nobody looked for its class.
Intervals are 95 % bootstrap intervals over whole images (of the composed ones: over the scenes that lent
their water).
"""

OBJECT_LIMITS = """\
Limits: the boxes of the test split are few and of few places, so that an interval tells of these images and
not of the world. Ships and buildings come from different sources, which differ in pixel size, radiometry and
place: that they use other experts may be owed to the source as much as to the class. A score is no
probability that was calibrated. Lengths were judged on pasted ships only, as no real box tells a direction.
Epoch and thresholds were chosen on val, which flatters its figures. The switcher's row was calibrated on val,
which also stopped its training, and what counts as a tile without objects was decided anew after figures of
test had been seen. What pasted ships reflect beyond the visible is assumed (0.8 to 1.2 times their red).
"""


def objects_section(info: BundleInfo, expert: ExpertSpec, metrics: dict[str, Any]) -> str:
    """What the objects expert finds, on what, and who serves it; "" before it was evaluated."""
    found = metrics.get("objects", {})
    parts = []
    if found.get("splits"):
        parts += [DEFINITIONS, _truth(found), _figures(found, metrics["split"]), _length(found)]
        parts += [_router(found), _usage(found.get("usage"), found["classes"])]
    if found.get("ablation"):
        parts.append(ablation_text(found["ablation"]))
    if parts:
        parts.append(OBJECT_LIMITS)
    return "\n".join(part for part in parts if part)


def objects_data(info: BundleInfo) -> str:
    """What the objects expert was trained on, as far as its training recorded it under `data`."""
    rows = [
        (row["source"], row["class"], row["kind"], row["images"], row["boxes"], row["license"])
        for row in info.data["training"].get("objects", {}).get("data", [])
    ]
    head = ("trained on", "class", "kind", "images", "boxes", "licence as stated")
    return table(head, rows) if rows else ""


def headline(found: Mapping[str, Any], split: str) -> str:
    """The AP50 of every class, for the table of all experts."""
    rows = found.get("splits", {}).get(split, {})
    return "; ".join(f"AP50 {name}: {interval(row['ap50'])}" for name, row in rows.items()) or "–"


def _truth(found: Mapping[str, Any]) -> str:
    names = [*found["classes"], *(["ship, composed"] if "composed" in found else [])]
    return table(("category", "images and boxes", "what that means"), [(n, *TRUTH[n]) for n in names])


def _figures(found: Mapping[str, Any], split: str) -> str:
    rows = []
    for part, classes in found["splits"].items():
        rows += [_row(part, name, TRUTH[name][0], row) for name, row in classes.items()]
    if "composed" in found:
        rows.append(_row(split, "ship", "composed", found["composed"]["ship"]))
    head = (
        "split", "class", "kind", "images (with boxes)", "boxes (small)", "AP50", "AP", "AP small",
        "threshold", "precision", "recall", "F1",
    )  # fmt: skip
    return table(head, rows)


def _row(split: str, name: str, kind: str, row: Mapping[str, Any]) -> tuple[object, ...]:
    return (
        split, name, kind, f"{row['images']} ({row['with_boxes']})", f"{row['boxes']} ({row['small']})",
        *(interval(row[key]) for key in ("ap50", "ap", "ap_small")), f"{row['threshold']:.2f}",
        *(interval(row[key]) for key in ("precision", "recall", "f1")),
    )  # fmt: skip


def _length(found: Mapping[str, Any]) -> str:
    composed = found.get("composed")
    if not composed:
        return ""
    length = composed["length"]
    told = f"On the composed images, made on the water of {composed['grounds']} scenes, "
    if not length["found"]:
        return f"{told}no ship with a known outline was found, so that nothing can be said of lengths.\n"
    error, bias = length["error"], length["bias"]
    ends = "" if error["low"] is None else f" ({percent(error['low'])} to {percent(error['high'])})"
    return (
        f"{told}{length['found']} of {length['ships']} ships with a known outline were\nfound; half of "
        f"their lengths are wrong by {percent(error['value'])}{ends} or less, and in the middle "
        f"{percent(abs(bias))} too {'long' if bias >= 0 else 'short'}.\n"
    )


def _router(found: Mapping[str, Any]) -> str:
    names = {"scenes": "scenes with boxes", "others": "scenes of the other experts", "all": "both"}
    rows = [
        (
            names[key], row["needed"], row["not_needed"],
            *(number(row[figure]) for figure in ("precision", "recall", "f1", "ece")),
        )
        for key, row in found["router"].items()
    ]  # fmt: skip
    head = ("tiles of", "with an object", "known to hold none", "precision", "recall", "F1", "ECE")
    parts = [
        "**Does the switcher send the right tiles?** At its threshold of "
        f"{found['router']['scenes']['threshold']:.2f}; tiles of which labels do not\ntell are left out.\n",
        table(head, rows),
    ]
    crowd = found.get("crowding")
    if crowd:
        parts.append(
            f"On the {crowd['tiles']} tiles of the other experts' scenes it is called {crowd['called']} "
            f"times by default (two experts a tile at most);\nof {crowd['needed']} needs of the others "
            f"{crowd['missed_with']} are missed with it beside them and {crowd['missed_without']} without. "
            "The figures under *Router* below are of\nthe other experts alone.\n"
        )
    return "\n".join(parts)


def _usage(usage: Mapping[str, Any] | None, classes: list[str]) -> str:
    if not usage:
        return ""
    rows = []
    for number_, layer in enumerate(usage["layers"]):
        sides = [("all", usage["objects"], layer["groups"], layer["experts"])]
        for name, one in usage["classes"].items():
            sides.append((name, one["objects"], one["groups"][number_], one["experts"][number_]))
        for name, objects, groups, experts in sides:
            best = sorted(range(len(experts)), key=lambda e: (-experts[e], e))[:4]
            strongest = ", ".join(f"{e + 1}: {percent(experts[e])}" for e in best if experts[e] > 0)
            effective = f"{layer['effective']:.1f} of {len(experts)}" if name == "all" else ""
            rows.append(
                (number_ + 1, name, objects, *(percent(share) for share in groups), strongest, effective)
            )
    groups = range(1, len(usage["layers"][0]["groups"]) + 1)
    head = (
        "layer",
        "class",
        "objects",
        *(f"group {g}" for g in groups),
        "experts with most weight",
        "in use",
    )
    return f"""\
**Who serves the objects** that were found at the thresholds: for what share of them a scene group was a
candidate, and the experts' shares of the weight. *In use* is e to the entropy of these shares.

{table(head, rows)}
{_difference(usage.get("difference"), classes)}"""


def _difference(found: Mapping[str, Any] | None, classes: list[str]) -> str:
    if not found:
        return "Only one class was found, so that nothing can be said of how classes differ.\n"
    one, other = (classes[label] for label in found["classes"])
    told = "; ".join(
        f"layer {n}: {number(distance)} (chance {number(chance)})"
        for n, (distance, chance) in enumerate(zip(found["distance"], found["chance"], strict=True), 1)
    )
    clear = [chance < 0.05 for chance in found["chance"]]
    verdict = "yes" if all(clear) else "in some layers" if any(clear) else "not that these images could tell"
    return (
        f"Are {one}s and {other}s served by different experts? {verdict.capitalize()}. Distance of the "
        f"shares, 0 the same to 1 nothing in common:\n{told}. Chance is the share of shufflings of the "
        f"classes over the {found['blocks']} pairs of scene and class with as large a distance.\n"
    )


def ablation_text(found: Mapping[str, Any]) -> str:
    """The comparison of `hydranet objects` in Markdown, as it is recorded (NaN is None)."""
    networks = found["networks"]
    base = networks.get("dense", next(iter(networks.values())))["macs"]
    rows = [
        (
            VARIANTS[name], len(row["seeds"]), f"{row['macs'] / 1e6:.2f}", f"{row['macs'] / base:.3f}",
            f"{row['parameters'] / 1e3:.0f}", f"{row['steps']:,}", f"{row['seconds']:,.0f}",
        )
        for name, row in networks.items()
    ]  # fmt: skip
    head = (
        "routing", "seeds", "active M multiply-adds of the feed-forward parts", "to dense",
        "thousand parameters", "steps", "seconds",
    )  # fmt: skip
    parts = [
        "**Do both levels of routing pay?** `hydranet objects RUN --card` sets decoders beside each other "
        "that were trained on the\nsame tiles from the same maps, for as many steps and with as many active "
        "multiply-adds, and differ in their routing alone.\n",
        table(head, rows),
    ]
    for split, classes in found["splits"].items():
        for name, part in classes.items():
            parts.append(_ablation_table(split, name, part))
    parts.append(_goals(found["goals"]))
    return "\n".join(parts)


def _ablation_table(split: str, name: str, part: Mapping[str, Any]) -> str:
    measures = list(part["figures"])
    rows = []
    for variant in next(iter(part["figures"].values())):
        cells: list[object] = [VARIANTS[variant]]
        for measure in measures:
            row = part["figures"][measure][variant]
            spread = "" if row["spread"] is None else f" ± {number(row['spread'])}"
            cells.append(f"{number(row['value'])}{spread}{_ends(row)}")
            gap = row["difference"]
            cells.append("" if gap is None else f"{_signed(gap['value'])}{_ends(gap, signed=True)}")
        rows.append(cells)
    head = ["routing"]
    for measure in measures:
        head += [MEASURE_NAMES[measure], f"full less this, {MEASURE_NAMES[measure]}"]
    return (
        f"{name.capitalize()}s of `{split}`: {part['boxes']} boxes ({part['small']} small) in "
        f"{part['with_boxes']} of {part['images']} images. Mean ± standard deviation over\nseeds; in "
        "brackets the 95 % interval over images, of differences on the same images for both.\n\n"
        + table(head, rows)
    )


def _ends(row: Mapping[str, Any], *, signed: bool = False) -> str:
    if row["low"] is None:
        return ""
    told = _signed if signed else number
    return f" ({told(row['low'])} to {told(row['high'])})"


def _signed(value: float | None) -> str:
    return "–" if value is None else f"{value:+.3f}"


def _goals(goals: Mapping[str, Any]) -> str:
    lines = []
    if "ap50" in goals:
        row = goals["ap50"]
        lines.append(
            f"Goal: AP50 of ships of {row['goal']:.2f} or more on `test` with full routing. Measured "
            f"{interval(row)}: {VERDICTS[row['verdict']]}."
        )
    if "gap" in goals:
        row = goals["gap"]
        lines.append(
            f"Goal: full routing {100 * row['goal']:.1f} points of AP above dense for ships on `test`. "
            f"Measured {_signed(row['value'])}{_ends(row, signed=True)}: {VERDICTS[row['verdict']]}."
        )
    return "\n".join(lines) + "\n" if lines else ""
