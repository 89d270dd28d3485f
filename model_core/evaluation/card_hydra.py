"""The model card's part on Hydra experts: heads against the ensemble they learnt from, and the rivals."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ..bundle import BundleInfo
from .markdown import interval, number, table

KEY = "hydra_comparison"

METHOD_NAMES = {
    "ensemble": "ensemble of {members}",
    "hydra": "Hydra, {members} heads",
    "recentred": "the same, around the former decoder",
    "averaged": "one head, averaged teacher",
    "single": "one member (mean of {members})",
    "shipped": "former single decoder",
}

INTRO = """\
## Hydra experts against what they learnt from

`hydranet hydra --data ../shared/data --run RUN --card` sets side by side, on the same scenes of `{split}` and
from one encoding of each tile: the **ensemble** of decoders trained from different starts on different
bootstraps of the scenes (mean of its members' probabilities); **Hydra**, one decoder with a head for each
member; a student with **one head** distilled from the ensemble's mean, at the same training; each **member**
alone, its figures averaged over the members{shipped}.

All are compared on raw probabilities in float32, without the decision offsets that shipped decoders have in
their bias, on tiles as they come: nothing is blended. So the figures differ a little from those of the
experts above. NLL in nats; Brier is the sum over the classes (0 to 2); ECE has 15 bins of the top
probability. In land cover, trees and low vegetation count as one class for the scores, with the sum of their
probabilities; uncertainty is of all five. Intervals are 95 % bootstrap intervals over whole scenes; those of
differences draw the same scenes for both sides.
"""

CAVEATS = """\
The unseen sources were left out of the training of all members and of the tiles the students learnt from.
**The shared encoder, however, saw training scenes of both in the joint training**, and so did the former
decoder where they were labelled for it: what is measured is how the decoders take to the unknown, and an
entirely new place may be told better or worse. The unseen sources also differ from the ordinary ones in pixel
size, bands and sensor, which a high AUROC may be owed to. The test sets are small and of few places
({places}):
an interval tells of these scenes and not of the world.
"""


def hydra_section(info: BundleInfo, metrics: dict[str, Any]) -> list[str]:
    """The comparison that `hydranet hydra --card` recorded; nothing if it did not."""
    found = info.data["training"].get(KEY)
    if not found:
        return []
    return [*comparison_text(found), *_kept(info.data["training"].get("hydra", {}).get("experts", {}))]


def _kept(experts: Mapping[str, Any]) -> list[str]:
    """Which of the two kinds of heads the bundle has, for every expert."""
    around = [name for name, record in experts.items() if record.get("recentred", {}).get("used")]
    plain = [name for name in experts if name not in around]
    told = [f"{', '.join(plain)}: Hydra as above"] if plain else []
    if around:
        told.append(
            f"{', '.join(around)}: the one around the former decoder, because Hydra itself was behind that "
            "decoder on `val`, whose encoder was trained together with it"
        )
    return [f"**In the bundle** are, chosen on `val`: {'; '.join(told)}.\n"] if told else []


def comparison_text(found: dict[str, Any]) -> list[str]:
    """Markdown of a comparison as it is recorded (NaN is None)."""
    experts = found["experts"]
    split = next(iter(experts.values()))["split"]
    shipped = any("shipped" in entry["methods"] for entry in experts.values())
    former = "; and the **former** decoder, with one head, which saw all sources" if shipped else ""
    intro = INTRO.format(split=split, shipped=former)
    return [
        intro,
        _facts(found),
        _scores(experts),
        _differences(experts),
        _unseen(experts),
        _correlations(experts),
        _costs(experts),
    ]


def _facts(found: dict[str, Any]) -> str:
    run = found.get("run", {})
    known = [
        f"{run['members']} members" if run.get("members") else "",
        f"seed {run['seed']}" if run.get("seed") is not None else "",
    ]
    told = ", ".join(fact for fact in known if fact)
    lines = [f"Of a training with {told}."] if told else []
    begun = [name for name, start in run.get("starts", {}).items() if start == "bundle"]
    if begun:
        lines.append(
            f"Both students of {', '.join(begun)} began as the bundle's single decoder, which no unseen "
            "source was labelled for; it was nearer to the ensemble than a fresh start on held-out tiles."
        )
    return "\n".join(lines) + "\n" if lines else ""


def _name(entry: Mapping[str, Any], method: str) -> str:
    return METHOD_NAMES[method].format(members=entry["members"])


def _rows(experts: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any], str, dict[str, Any]]]:
    for name, entry in experts.items():
        for method in METHOD_NAMES:
            if method in entry["methods"]:
                yield name, entry, method, entry["methods"][method]


def _scores(experts: Mapping[str, Any]) -> str:
    body = [
        (
            name, _name(entry, method), interval(row["nll"], 4), interval(row["brier"], 4),
            interval(row["ece"], 4), f"{entry['metric']}: {interval(row['figure'])}",
        )
        for name, entry, method, row in _rows(experts)
    ]  # fmt: skip
    extent = "; ".join(
        f"{name} {entry['scenes']} scenes of {entry['regions']} places, {entry['pixels']:,} labelled pixels"
        for name, entry in experts.items()
    )
    head = ("expert", "method", "NLL", "Brier", "ECE", "figure of the task")
    return f"""\
**Probabilities** (lower is better but for the last column). {extent}.

{table(head, body)}"""


def _judged(difference: Mapping[str, Any]) -> str:
    """A difference with its interval and, where that leaves out 0, in bold."""
    text = interval(difference, 4)
    low, high = difference.get("low"), difference.get("high")
    return f"**{text}**" if low is not None and high is not None and (low > 0 or high < 0) else text


def _differences(experts: Mapping[str, Any]) -> str:
    body = []
    for name, entry in experts.items():
        for other in METHOD_NAMES:
            if other in entry["differences"]:
                row = entry["differences"][other]
                cells = (_judged(row[key]) for key in ("nll", "brier", "ece", "figure"))
                body.append((name, _name(entry, other), *cells))
    head = ("expert", "Hydra less", "NLL", "Brier", "ECE", "figure of the task")
    return f"""\
The same as differences, Hydra less the other on the same draws of scenes. Where the interval leaves out 0, in
bold; below 0 Hydra is better, in the last column above 0.

{table(head, body)}"""


def _unseen(experts: Mapping[str, Any]) -> str:
    first = next(iter(experts.values()))
    sources = list(first["unseen"])
    what = "; ".join(
        f"*{source}*, {row['what']}: {row['scenes']} scenes, {row['tiles']} tiles, {row['regions']} "
        + ("place" if row["regions"] == 1 else "places")
        for source, row in first["unseen"].items()
    )
    ordinary = "; ".join(
        f"{name} {entry['ordinary']['tiles']} tiles of {', '.join(entry['ordinary']['sources'])}"
        for name, entry in experts.items()
    )
    body = []
    for name, entry, method, row in _rows(experts):
        parts = [row["ood"][source] for source in sources]
        by_model = [interval(part["model"]) if part["model"] else "none" for part in parts]
        by_total = [interval(part["total"]) if part["total"] else "–" for part in parts]
        body.append((name, _name(entry, method), *by_model, *by_total))
    head = ("expert", "method", *(f"model, {s}" for s in sources), *(f"total, {s}" for s in sources))
    places = ", ".join(f"{row['regions']} of {source}" for source, row in first["unseen"].items())
    return f"""\
**Does uncertainty tell the unseen from the ordinary?** AUROC of a tile's mean uncertainty: 0.5 is chance, 1
is perfect, below 0.5 the method is *surer* of the unseen. By the model uncertainty (mutual information),
which a method with one opinion does not have, and by the total (entropy). Unseen:
{what}. Ordinary are test tiles of sources whose training scenes are labelled for the expert, EuroSAT's chips
left out: {ordinary}.

{table(head, body)}
{CAVEATS.format(places=places)}"""


def _correlations(experts: Mapping[str, Any]) -> str:
    names = {
        "hydra.model": "Hydra's model uncertainty",
        "hydra.total": "Hydra's total",
        "recentred.model": "model part of the one around the former decoder",
        "averaged.total": "total of the averaged student, which has no model part",
        "ensemble.total": "the ensemble's own total",
    }
    body = []
    for name, entry in experts.items():
        for measure, text in names.items():
            row = entry["correlation"].get(measure)
            if row is None:
                continue
            cells = [
                interval(row[where][key], 2)
                for where in ("pixels", "tiles", "unseen_tiles")
                for key in ("pearson", "spearman")
            ]
            body.append((name, text, *cells))
    head = (
        "expert",
        "correlates so",
        *(f"{w}, {k}" for w in ("pixels", "tiles", "unseen tiles") for k in "rρ"),
    )
    mean = "; ".join(
        f"{name} {number(entry['model_uncertainty']['ensemble'], 4)} and "
        f"{number(entry['model_uncertainty']['hydra'], 4)}"
        for name, entry in experts.items()
    )
    return f"""\
**Is Hydra's model uncertainty that of the ensemble?** Correlation with the ensemble's model uncertainty,
Pearson's r and Spearman's ρ, over pixels drawn of the ordinary tiles, over the ordinary tiles' means and over
the unseen tiles'. Mean model uncertainty on ordinary tiles as a share of log C, of the ensemble and of Hydra:
{mean}.

{table(head, body)}"""


def _costs(experts: Mapping[str, Any]) -> str:
    body = []
    for name, entry, method, row in _rows(experts):
        if method == "shipped":
            continue  # of the same shape as a member
        encoder = entry["encoder"]
        body.append(
            (
                name, _name(entry, method).replace(f" (mean of {entry['members']})", ""),
                f"{row['parameters'] / 1e3:.1f}", f"{(row['parameters'] + encoder['parameters']) / 1e3:.0f}",
                f"{row['macs'] / 1e6:.0f}", f"{row['macs_ratio']:.2f}",
                f"{(row['macs'] + encoder['macs']) / 1e6:.0f}", f"{1e3 * row['seconds']:.1f}",
                f"{row['seconds_ratio']:.2f}", f"{1e3 * (row['seconds'] + encoder['seconds']):.1f}",
            )
        )  # fmt: skip
    head = (
        "expert", "method", "thousand parameters", "with encoder", "M multiply-adds a tile", "to one member",
        "with encoder", "ms a tile", "to one member", "with encoder",
    )  # fmt: skip
    return f"""\
**Cost of a tile.** Multiply-adds are counted from the layers that ran. Times are medians of rounds in which
all take turns, in one run on one thread in float32, to the mean probabilities and, with several opinions,
their entropies; the machine may have been doing other things, so compare the ratios.

{table(head, body)}"""
