"""The model card's part on risk and coverage: whether setting aside the uncertain pixels lowers the error."""

from __future__ import annotations

from typing import Any

from ..bundle import BundleInfo
from .markdown import interval, number, percent, table
from .risk import COVERAGES, KEPT

FALLS = {"yes": "falls", "no": "**rises**", "unclear": "not clear"}


def risk_section(info: BundleInfo, metrics: dict[str, Any]) -> list[str]:
    """What `hydranet evaluate` measured of the uncertainty bands; nothing in cards made before it did."""
    risk = metrics.get("risk")
    if not risk:
        return []
    shown = [
        (expert, key, risk[expert.name], found)
        for expert in info.experts
        if expert.name in risk
        for key, found in risk[expert.name]["orders"].items()
    ]
    picture = metrics.get("risk_picture")
    parts = [
        _intro(metrics["split"]),
        f"![Error among the pixels kept, for every expert]({picture})\n" if picture else "",
        _risks(shown),
        _task_figures(shown),
    ]
    return [part for part in parts if part]


def _intro(split: str) -> str:
    return f"""\
## What the uncertainty is worth

Does the error fall when the most uncertain pixels are set aside? On the {split} split, labelled pixels are
put in the order of the uncertainty band, exactly as its bytes stand in the expert's file: tiles blended, 251
steps, equal steps in random order. The risk is the share of wrong pixels among those kept. AURC is its mean
over all coverages; the excess (E-AURC, Geifman et al. 2019) is what it lies above the best order that so many
errors allow; the gain is the way made from random order (0 %) to that best order (100 %). The error *falls*
where the whole interval of the risk at {_share(KEPT)} less that of all pixels is below 0. An expert with
several heads is ordered by its total and by its model uncertainty. *Pixels at 0* have the least value of the
band, and no order among themselves.
"""


def _risks(shown: list[tuple]) -> str:
    body = []
    for expert, key, entry, found in shown:
        risks = [_percents(found["risk"][f"{coverage:g}"]) for coverage in COVERAGES]
        gain = found["gain"]
        body.append(
            (
                _title(expert, key), entry["scenes"], entry["regions"], *risks, FALLS[found["falls"]],
                f"{found['scenes_falling']} of {found['scenes_with_errors']}",
                interval(found["aurc"], 4), interval(found["excess"], 4), _percents(gain, 0),
                percent(found["at_zero"]),
            )
        )  # fmt: skip
    keeping = (f"error (%) at {_share(c)}" for c in COVERAGES)
    head = (
        "expert, order", "scenes", "regions", *keeping, f"at {_share(KEPT)} it", "falls in scenes", "AURC",
        "E-AURC", "gain (%)", "pixels at 0",
    )  # fmt: skip
    return table(head, body)


def _task_figures(shown: list[tuple]) -> str:
    body = []
    for expert, key, entry, found in shown:
        cells = [number(found["figure"][f"{coverage:g}"]) for coverage in COVERAGES]
        left = [percent(found["content"][f"{coverage:g}"]) for coverage in COVERAGES[1:]]
        body.append((_title(expert, key), entry["metric"], *cells, *left))
    head = (
        "expert, order", "figure", *(f"at {_share(c)}" for c in COVERAGES),
        *(f"content kept at {_share(c)}" for c in COVERAGES[1:]),
    )  # fmt: skip
    return f"""\
The same for each expert's own figure, and for how much of the labelled content (water, roads, damage …) is
among the pixels kept. Content that is rare and hard is set aside first, so a low error at a low coverage may
be that of a map with little left on it: read the last columns before choosing a limit.

{table(head, body)}
One order is for all scenes together, so a part of every gain is that some scenes are harder as a whole;
"falls in scenes" puts each scene with an error in an order of its own. Few scenes of few regions stand behind
most rows.
"""


def _title(expert: Any, key: str) -> str:
    return f"{expert.title}{' (simulated)' if expert.simulated else ''}, {key}"


def _share(coverage: float) -> str:
    return f"{100 * coverage:g} %"


def _percents(entry: dict[str, Any], digits: int = 1) -> str:
    def scaled(value: float | None) -> float | None:
        return None if value is None else 100 * value

    return interval({key: scaled(entry.get(key)) for key in ("value", "low", "high")}, digits)
