"""Decisions about a tile in plain words: the short reasons that a run keeps, told to a person."""

from __future__ import annotations

import re

from ..i18n import tr
from ..run_folder import Run, RunExpert
from ..tile_records import TileRecord


def outcome(reason: str) -> str:
    """What became of a tile, from the reason its run keeps; one this version does not know as it is."""
    return {
        "routed": tr("routed"),
        "no data": tr("no data"),
        "outside mask": tr("outside the mask"),
        "abstained: all below threshold": tr("abstained: all below threshold"),
        "abstained: all below recall threshold": tr("abstained: all below threshold"),
        "abstained: no expert can serve this scene": tr("abstained: no expert can serve this scene"),
    }.get(reason, reason)


def told(run: Run, tile: TileRecord) -> str:
    """What became of a tile as a sentence's end: which experts decoded it, or why none did."""
    if not tile.chosen:
        return outcome(tile.reason)
    titles = run.titles()
    names = tr(" and ").join(titles.get(name, name) for name in tile.chosen)
    text = tr("decoded by {experts}") if run.decoded else tr("would be decoded by {experts}")
    return text.format(experts=names)


def why(run: Run, tile: TileRecord, position: int) -> str:
    """Why an expert was, or was not, chosen for a tile.

    Args:
        run: its run; experts of a run of scores only "would be" decoded.
        tile: the tile.
        position: of the expert in the run.
    """
    expert, score, reason = run.experts[position], tile.scores[position], tile.reasons[position]
    if expert.name in tile.chosen:
        return _chosen(run, tile, expert, score)
    if reason == "cut by k":
        return _cut(run, tile, expert)
    if reason in ("below threshold", "below recall threshold") and score is not None:
        return _below(score, expert.threshold)
    if reason == "outside resolution":
        sizes = trained_for(run, expert)
        if sizes:
            return tr("trained for pixels of {smallest} to {largest} m").format(
                smallest=sizes[0], largest=sizes[1]
            )
        return tr("not trained for pixels of this size")
    return {
        "not requested": tr("left out when the run was asked for"),
        "no data": tr("the tile has no data"),
        "outside mask": tr("the tile lies outside the mask"),
        "": tr("no reason given"),
    }.get(reason, reason)


def _below(score: float, threshold: float) -> str:
    # The score stands beside; it is told again only where it takes more decimals to see that it is lower.
    if f"{score:.2f}" != f"{threshold:.2f}":
        return tr("below its threshold {limit}").format(limit=f"{threshold:.2f}")
    told, limit = apart(score, threshold)
    return tr("{score} is below its threshold {limit}").format(score=told, limit=limit)


def _chosen(run: Run, tile: TileRecord, expert: RunExpert, score: float | None) -> str:
    rank = tile.chosen.index(expert.name) + 1
    if run.policy == "top-k" or score is None:
        text = tr("number {rank} of the strongest") if rank > 1 else tr("the strongest")
    elif run.decoded:
        text = tr("reaches its threshold {limit}")
    else:
        text = tr("would be decoded: reaches its threshold {limit}")
    text = text.format(rank=rank, limit=f"{expert.threshold:.2f}")
    if run.policy == "top-k" and not run.decoded:
        text = tr("would be decoded: {why}").format(why=text)
    return tr("{why}; trained on simulated data only").format(why=text) if expert.simulated else text


def _cut(run: Run, tile: TileRecord, expert: RunExpert) -> str:
    taken = len(tile.chosen)
    if run.policy == "top-k":
        text = tr("not among the {k} strongest") if run.top_k > 1 else tr("not the strongest")
        return text.format(k=run.top_k)
    if taken == 1:
        if run.decoded:
            text = tr("reaches its threshold {limit}, but a stronger expert was taken (k = {k})")
        else:
            text = tr("reaches its threshold {limit}, but a stronger expert would be taken (k = {k})")
    elif run.decoded:
        text = tr("reaches its threshold {limit}, but {count} stronger experts were taken (k = {k})")
    else:
        text = tr("reaches its threshold {limit}, but {count} stronger experts would be taken (k = {k})")
    text = text.format(limit=f"{expert.threshold:.2f}", count=taken, k=run.top_k)
    return text.replace(" = ", "\u00a0=\u00a0")  # not broken between lines


def trained_for(run: Run, expert: RunExpert) -> tuple[str, str] | None:
    """Smallest and largest pixels (metres) an expert was trained for, as its run's warning tells them."""
    for text in run.warnings:
        if f"'{expert.name}'" in text:
            found = re.search(r"(\d[\d.]*) to (\d[\d.]*) m\b", text)
            if found:
                return found.group(1), found.group(2)
    return None


def apart(first: float, second: float) -> tuple[str, str]:
    """Two different numbers, with as many decimals (2 to 6) as it takes to see the difference."""
    for digits in (2, 3, 4, 5, 6):
        texts = f"{first:.{digits}f}", f"{second:.{digits}f}"
        if texts[0] != texts[1]:
            break
    return texts
