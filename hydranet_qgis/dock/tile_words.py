"""Decisions about a tile in plain words: the short reasons that a run keeps, told to a person."""

from __future__ import annotations

import re

from ..i18n import tr
from ..run_folder import Run, RunExpert
from ..scene_expert import spoken
from ..tile_records import TileRecord
from ..uncertainty import MODEL, TOTAL, meaning


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


def scene_class(tile: TileRecord) -> str:
    """The scene class with its probability, "" without one."""
    if not tile.scene or tile.scene_score is None:
        return spoken(tile.scene)
    return f"{spoken(tile.scene)} {tile.scene_score:.2f}"


def scene(run: Run, tile: TileRecord) -> str:
    """The scene class, its probability, and the branches that served the tile; "" without a class."""
    if not tile.scene or run.scene_expert is None:
        return ""
    served = []
    for number in tile.scene_branches:
        classes = ", ".join(map(spoken, run.scene_expert.branch(number)))
        served.append(f"{number} ({classes})" if classes else str(number))
    found = scene_class(tile)
    if not served:
        return found
    text = tr("{scene} · branch {branches}") if len(served) == 1 else tr("{scene} · branches {branches}")
    rest = [", ".join(served[:-1]), served[-1]] if len(served) > 1 else served
    return text.format(scene=found, branches=tr(" and ").join(rest))


def scene_meaning(run: Run) -> str:
    """What scene class and branches are, in plain words."""
    if run.scene_expert is None:
        return ""
    return tr(
        "What the tile as a whole looks like, and how probable that is. The expert {title} has {count} "
        "branches, each for some of its classes; for a tile only the {k} that a gate picks are run."
    ).format(title=run.scene_expert.title, count=len(run.scene_expert.branches), k=run.scene_expert.k)


def unsure(tile: TileRecord, position: int) -> str:
    """How unsure an expert was in the tile, in a few words; "" where it was not run, or nothing is told."""
    return doubt_in_words(tile.unsure(TOTAL, position), tile.unsure(MODEL, position))


def doubt_in_words(total: float | None, model: float | None) -> str:
    """A mean uncertainty and the model's part of it in a few words; "" for None."""
    if total is None:
        return ""
    if model is None:
        return tr("uncertainty {total}").format(total=f"{total:.2f}")
    # The part is much smaller than the whole: with one digit more there is something to see.
    return tr("uncertainty {total} (model {model})").format(total=f"{total:.2f}", model=f"{model:.3f}")


def unsure_meaning(tile: TileRecord, position: int) -> str:
    """What those numbers mean, in plain words."""
    told = [kind for kind in (TOTAL, MODEL) if tile.unsure(kind, position) is not None]
    if not told:
        return ""
    return "\n".join([tr("Means over the tile."), *(meaning(kind) for kind in told)])


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
