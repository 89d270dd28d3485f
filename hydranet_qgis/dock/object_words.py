"""Objects of a tile in plain words: how many, how big, who served them, and why there are none."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from ..i18n import tr
from ..object_records import ObjectRecord, RunObjects
from ..run_folder import Run
from ..tile_records import TileRecord
from .tile_words import trained_for


def none_because(run: Run, tile: TileRecord, found: RunObjects) -> str:
    """Why a tile shows no object, in a sentence; "" if it has some, or the run has no objects expert."""
    expert = found.expert
    if expert is None:
        return ""
    if expert.skipped is not None:
        sizes = trained_for(run, expert)
        if expert.skipped == "outside resolution" and sizes:
            return tr("No objects were looked for: the expert is for pixels of {least} to {most} m.").format(
                least=sizes[0], most=sizes[1]
            )
        return {
            "outside resolution": tr("No objects were looked for: the expert is for pixels of another size."),
            "not requested": tr("No objects were looked for: the run was asked for without this expert."),
        }.get(expert.skipped, tr("No objects were looked for: {reason}.").format(reason=expert.skipped))
    if not run.decoded:
        return tr("Scores only: no objects were looked for.")
    if found.problem:
        return found.problem
    if found.by_tile.get(tile.index):
        return ""
    if expert.name not in tile.chosen:
        return tr("No objects were looked for: the tile was not routed to {expert}.").format(
            expert=expert.label
        )
    return tr("{expert} looked at the tile and found none.").format(expert=expert.label)


def by_class(records: Sequence[ObjectRecord], found: RunObjects) -> dict[str, int]:
    """Number of objects of each class among these, in the order of the run's classes."""
    counts = Counter(record.label for record in records)
    return {name: counts[name] for name in found.by_class if counts[name]}


def groups_of(tile: TileRecord, records: Sequence[ObjectRecord]) -> tuple[tuple[int, ...], ...]:
    """Scene groups of the tile by decoder layer; none if all its objects were found better in a neighbour."""
    return next((record.groups for record in records if record.tile == tile.index), ())


def groups(layers: Sequence[Sequence[int]]) -> str:
    """Scene groups of a tile by decoder layer, in a line; "" without any."""
    told = [
        tr("layer {number}: {groups}").format(number=number, groups=", ".join(map(str, sorted(layer))))
        for number, layer in enumerate(layers, start=1)
        if layer
    ]
    return tr("Scene groups: {layers}").format(layers="; ".join(told)) if told else ""


def groups_meaning() -> str:
    """What scene groups are, in plain words."""
    return tr(
        "Groups of experts that the tile as a whole called for. In each layer of the decoder, an object is "
        "served only by experts of these groups."
    )


def served(pairs: Sequence[tuple[int, float]]) -> str:
    """Experts of one decoder layer with their weights."""
    return ", ".join(
        tr("expert {number} with {weight}").format(number=number, weight=f"{weight:.2f}")
        for number, weight in pairs
    )


def size(record: ObjectRecord) -> str:
    """Length, width and area, as far as they are known."""
    told = []
    if record.length is not None and record.width is not None:
        told.append(
            tr("{length} long, {width} wide").format(length=metres(record.length), width=metres(record.width))
        )
    elif record.length is not None:
        told.append(tr("{length} long").format(length=metres(record.length)))
    if record.area is not None:
        told.append(tr("area {area} m²").format(area=f"{record.area:,.0f}"))
    return ", ".join(told) or tr("size not known: the scene tells no size of its pixels")


def metres(length: float) -> str:
    """A length, to a tenth below ten metres."""
    return tr("{length} m").format(length=f"{length:.1f}" if length < 9.95 else f"{length:,.0f}")


def described(record: ObjectRecord, tile: TileRecord | None) -> str:
    """All about an object in a few lines, for tool tips and screen readers."""
    lines = [
        tr("{kind} {number}, score {score}").format(
            kind=record.label, number=record.id, score=f"{record.score:.2f}"
        ),
        size(record),
    ]
    for number, pairs in enumerate(record.experts, start=1):
        if pairs:
            lines.append(tr("Layer {number}: {experts}").format(number=number, experts=served(pairs)))
    if tile is not None and record.tile != tile.index:
        lines.append(tr("Another tile sees more of it; the experts are those that served it there."))
    return "\n".join(lines)
