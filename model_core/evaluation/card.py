"""The model card, written from what was measured and from nothing else."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from ..bundle import BundleInfo
from ..conformal import least_tiles

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
  calibration and the router's figures above.
- Test sets are small. A figure without its interval means little.
"""


def write_card(info: BundleInfo, metrics: dict[str, Any]) -> str:
    """Markdown from a bundle and the figures of `evaluate` (as stored: NaN is None)."""
    sections = [
        _head(info, metrics),
        _experts(info),
        _scores(info, metrics),
        _sources(metrics),
        _router(info, metrics["router"]),
        _policies(info, metrics["router"]["policies"]),
        _training(info.data["training"]),
        LIMITS,
    ]
    return "\n".join(sections)


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"


def _interval(entry: dict[str, Any]) -> str:
    if entry["low"] is None:
        return _number(entry["value"])
    return f"{_number(entry['value'])} ({_number(entry['low'])} to {_number(entry['high'])})"


def _table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    lines = [list(head), ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(str(cell) for cell in line) + " |" for line in lines) + "\n"


def _head(info: BundleInfo, metrics: dict[str, Any]) -> str:
    data = info.data
    bands = ", ".join(f"{band['name']} {band['wavelength_nm']:.0f} nm" for band in data["input"]["bands"])
    return f"""\
# Model card: {data["title"]}

`{data["id"]}` version {data["version"]}, made {data["created"]}. {data["description"]}

Every figure below is computed by `{COMMAND.format(split=metrics["split"])}`, which also writes this page.
Intervals are 95 % bootstrap intervals over whole scenes: where a task has few scenes they are wide,
and that is the truth about it.

It reads tiles of {info.tile_size} x {info.tile_size} pixels of reflectance (0 to 1) in the bands {bands}.
Missing bands are announced to the network, which was trained with bands dropped at random.
"""


def _experts(info: BundleInfo) -> str:
    rows = []
    for expert in info.experts:
        gsd = expert.valid_gsd_m
        rows.append(
            (
                f"{expert.title} (`{expert.name}`)" + (" **simulated**" if expert.simulated else ""),
                ", ".join(c.name for c in expert.classes),
                f"{gsd[0]:g} to {gsd[1]:g} m" if gsd else "any",
                f"{info.macs.experts[expert.name] / 1e6:.0f}",
            )
        )
    table = _table(("expert", "classes", "pixels trained for", "M multiply-adds a tile"), rows)
    return f"""\
## Experts

{table}
The encoder costs {info.macs.encoder / 1e6:.0f} M multiply-adds a tile, the switcher
{info.macs.switcher / 1e6:.2f} M, a tile decoded by all experts {info.macs.all_experts / 1e6:.0f} M.
"""


def _scores(info: BundleInfo, metrics: dict[str, Any]) -> str:
    rows: list[Sequence[object]] = []
    for expert in info.experts:
        entry = metrics["experts"].get(expert.name)
        if entry is None:
            rows.append((expert.name, "no labelled scene in this split", "–", 0, 0))
            continue
        for figure in filter(None, (entry, entry.get("tolerant"))):
            rows.append(
                (expert.name, figure["metric"], _interval(figure), entry["scenes"], f"{entry['pixels']:,}")
            )
    table = _table(("expert", "metric", "value (95 % interval)", "scenes", "labelled pixels"), rows)
    return f"""\
## Experts on the {metrics["split"]} split

Every tile decoded, so that routing plays no part; unknown pixels are not scored.

{table}"""


def _sources(metrics: dict[str, Any]) -> str:
    rows = []
    for name, entry in metrics["experts"].items():
        for source, row in entry["by_source"].items():
            rows.append((name, source, ", ".join(row["label_kinds"]), _interval(row), row["scenes"]))
    return f"""\
## By source

Pooled figures hide how a model transfers. Labels of kind *derived* or *algorithm* repeat a formula or a
product: a good figure there says the formula was learnt, no more.

{_table(("expert", "source", "label kind", "value (95 % interval)", "scenes"), rows)}"""


def _router(info: BundleInfo, router: dict[str, Any]) -> str:
    calibration = info.data["training"]["calibration"]
    rows = []
    for expert in info.experts:
        row, fit = router["experts"][expert.name], calibration[expert.name]
        figures = [_number(row[key]) for key in ("precision", "recall", "f1")]
        basis = f"{fit['split']}: {fit['positives']} needed, {fit['negatives']} not"
        counts = (row["needed"], row["not_needed"])
        rows.append((expert.name, *figures, *counts, _number(row["ece"]), f"{expert.threshold:.2f}", basis))
    head = (
        "expert",
        "precision",
        "recall",
        "F1",
        "needed",
        "not needed",
        "ECE",
        "threshold",
        "calibrated on",
    )
    recall = " / ".join(_number(router["recall_at"][k]) for k in "123")
    return f"""\
## Router

{router["tiles"]} tiles. A target is what the tile's labels say; unknown targets are left out. Micro F1
{_number(router["micro_f1"])}, macro F1 {_number(router["macro_f1"])} (experts with both kinds of tiles),
recall@1/2/3 {recall}, expected calibration error {_number(router["ece"])}.

{_table(head, rows)}"""


def policy_name(row: dict[str, Any]) -> str:
    """A row of `compare_policies` in words."""
    if row["policy"] == "recall":
        return f"recall, miss at most {100 * row['miss_rate']:g} %"
    cut = "no cut by k" if row["k"] == len(row["experts"]) else f"at most {row['k']}"
    return f"{row['policy']}, {cut}"


def _missed(row: dict[str, Any]) -> str:
    return f"{_number(row['missed'] / row['needed'])} ({row['missed']})" if row["needed"] else "–"


def _policies(info: BundleInfo, policies: list[dict[str, Any]]) -> str:
    overall = [
        (policy_name(row), f"{row['experts_per_tile']:.2f}", _missed(row), row["needed"]) for row in policies
    ]
    promises = [row for row in policies if row["policy"] == "recall"]
    plain = next(row for row in reversed(policies) if row["policy"] == "threshold")
    basis = info.data["training"].get("recall", {"experts": {}})["experts"]
    rows = []
    for expert in info.experts:
        name, found = expert.name, basis.get(expert.name)
        cells: list[object] = [name, plain["experts"][name]["needed"]]
        cells.append(f"{found['tiles']} ({found['scenes']})" if found else 0)
        cells += [f"{expert.threshold:.2f}", _missed(plain["experts"][name])]
        for row in promises:
            limit = row["experts"][name]["threshold"]
            cells += [f"{limit:.3f}" if limit else "0 (every tile)", _missed(row["experts"][name])]
        rows.append(cells)
    head = ["expert", "needed", "calibration tiles (scenes)", "threshold", "missed"]
    for row in promises:
        rate = f"{100 * row['miss_rate']:g} %"
        head += [f"threshold for {rate}", f"missed at {rate}"]
    few = [
        f"at least {least_tiles(row['miss_rate'])} tiles for {100 * row['miss_rate']:g} %" for row in promises
    ]
    return f"""\
## Routing policies

The share of the tiles needing an expert that the policy did not send there (and how many), and the mean
number of experts that a tile was sent to. Every expert was allowed at every pixel size here; `predict`
leaves out those that the scene's pixel size rules out, so that fewer run.

{_table(("policy", "experts a tile", "missed", "needed"), overall)}
Recall thresholds come from conformal risk control on the calibration tiles that need an expert, which takes
{" and ".join(few)}. An expert with fewer is sent every tile,
which keeps the promise and saves nothing. The promise is an average over tiles like those of the calibration
split. Tiles of one scene are alike, so that few scenes say less than their tiles suggest, and for other
sensors and places, as in this split, the promise need not hold.

{_table(head, rows)}"""


def _training(training: dict[str, Any]) -> str:
    rows = []
    for row in training["data"]:
        labels = ", ".join(f"{task} ({kind})" for task, kind in sorted(row["labels"].items()))
        rows.append((row["source"], row["scenes"], labels or "image level", row["license"]))
    return f"""\
## Training

{training["how"].capitalize()}. On {training["machine"]}, torch {training["torch"]}. The weights outside the
switcher hashed to `{training["frozen_sha256"][:23]}…` before and after its training.
`make train` follows the same recipe.
{training["notes"]}

{_table(("source", "scenes", "labels", "licence as stated"), rows)}
The images themselves are not part of this project.
"""
