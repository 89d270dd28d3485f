"""What all tiles come to: regions, splits, the tables of the routerset, and what the user is told."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .. import __version__
from ..errors import RequestError
from ..routerset import (
    CATALOG_FILE,
    RELEVANCE_FILE,
    SET_FILE,
    SPLITS,
    Entry,
    catalog_text,
    relevance_text,
    set_text,
)
from .cut import NO_DATA, UNLABELLED
from .ground import Place, block_of, places, sharing
from .labels import Labels
from .request import TilesRequest
from .source import Source
from .split import assign, overlapping

OUTSIDE, OVERLAPPING = "outside", "overlapping"
BLOCK_TILES = 4
FEW = 8
"""Regions to have at least, by smaller blocks if need be: fewer cannot be shared out."""

MANNERS = ("output", "overwrite", "resume", "threads")
"""Of a request: they change no byte of the result."""

_PIXEL_M = 10.0  # of a raster whose pixels have no known size; what blocks are then is said in tiles


@dataclass(frozen=True)
class Outcome:
    """The routerset, but for its rasters.

    Attributes:
        entries: the tiles that stay, by name.
        pixels: of each tile, by task, how many of each class.
        block_m: edge of the regions.
        left_out: how many tiles were left out, by reason.
        warnings: sentences for the user.
    """

    entries: tuple[Entry, ...]
    pixels: Mapping[str, Mapping[str, Sequence[int]]]
    block_m: float
    left_out: Mapping[str, int]
    warnings: tuple[str, ...]

    @property
    def regions(self) -> int:
        """How many there are."""
        return len({entry.region for entry in self.entries})

    def kept(self) -> set[str]:
        """Names of the tiles' files."""
        images = {entry.file for entry in self.entries}
        return images | {entry.label_file(task) for entry in self.entries for task in entry.tasks}


def conclude(
    request: TilesRequest,
    sources: Sequence[Source],
    labels: Sequence[Labels],
    records: Mapping[str, Mapping[str, Any]],
) -> Outcome:
    """Make regions and splits of the tiles that were cut.

    Args:
        request: what was asked for.
        sources: the rasters, by number.
        labels: the label layers.
        records: of every tile, see `cut.Bench.cut`.

    Raises:
        RequestError: no tile can be used.
    """
    left_out = {NO_DATA: 0, UNLABELLED: 0, OUTSIDE: sum(source.outside for source in sources), OVERLAPPING: 0}
    kept = []
    for _, record in sorted(records.items()):
        if "left" in record:
            left_out[record["left"]] += 1
        else:
            kept.append(record)
    if not kept:
        raise RequestError(
            f"None of the {len(records)} tiles can be used: {left_out[NO_DATA]} hold too little data, no "
            f"label says anything of {left_out[UNLABELLED]}; check the place and the CRS of labels and area."
        )
    where = _places(request, sources, kept)
    regions, block_m, notes = _regions(request, sources, kept, where)
    tiles_of: dict[str, list[Mapping[str, int]]] = defaultdict(list)
    for record, region in zip(kept, regions, strict=True):
        tiles_of[region].append(record["relevance"])
    shares = request.splits or {}
    split_of = assign(tiles_of, shares, request.seed)
    splits = [split_of[region] for region in regions]
    gone = overlapping(sharing(where, splits), splits, [record["tile"] for record in kept])
    left_out[OVERLAPPING] = len(gone)
    entries = tuple(
        _entry(request, sources[record["source"]], labels, record, regions[number], splits[number])
        for number, record in enumerate(kept)
        if number not in gone
    )
    pixels = {record["tile"]: record["pixels"] for n, record in enumerate(kept) if n not in gone}
    warnings = [
        *_of_sources(sources),
        *_of_places(where),
        *dict.fromkeys(note for layer in labels for note in layer.notes),
        *_of_background(request, labels),
        *notes,
        *_of_splits(entries, labels, shares),
    ]
    return Outcome(entries, pixels, block_m, left_out, tuple(warnings))


def _places(
    request: TilesRequest, sources: Sequence[Source], kept: Sequence[Mapping[str, Any]]
) -> list[Place]:
    """Where the tiles lie, in their order."""
    by_source: dict[int, list[int]] = defaultdict(list)
    for number, record in enumerate(kept):
        by_source[record["source"]].append(number)
    found: dict[int, Place] = {}
    for source, numbers in by_source.items():
        corners = [(kept[number]["x"], kept[number]["y"]) for number in numbers]
        raster = sources[source]
        there = places(source, raster.crs, raster.transform, corners, request.tile_size)
        found.update(zip(numbers, there, strict=True))
    return [found[number] for number in range(len(kept))]


def _regions(
    request: TilesRequest,
    sources: Sequence[Source],
    kept: Sequence[Mapping[str, Any]],
    where: Sequence[Place],
) -> tuple[list[str], float, list[str]]:
    """The region of each tile, the edge of the regions, and what the user should know of them."""
    tile_m = request.tile_size * max((source.gsd_m or _PIXEL_M) for source in sources)
    wanted = request.block_m or BLOCK_TILES * tile_m

    def regions(block_m: float) -> list[str]:
        return [
            block_of(place, block_m, block_m / tile_m, sources[record["source"]].name)
            for place, record in zip(where, kept, strict=True)
        ]

    block_m = float(wanted)
    found = regions(block_m)
    first = len(set(found))
    if first >= FEW:
        return found, block_m, []
    if request.block_m is not None:
        return found, block_m, [
            f"The tiles lie in {first} blocks of {block_m:g} m, too few to be shared out well; give a "
            "smaller block size, or more places."
        ]  # fmt: skip
    # Of tiles that overlap most are lost at a border: little would be left of regions as small as a tile.
    least = tile_m * (2 if request.stride and request.stride < request.tile_size else 1)
    while len(set(found)) < FEW and block_m > least:
        block_m = max(block_m / 2.0, least)
        found = regions(block_m)
    return found, block_m, [
        f"The tiles lie in {first} blocks of {wanted:g} m, so {len(set(found))} blocks of {block_m:g} m were "
        "used: neighbours in different splits look alike, which flatters the figures; add more places."
    ]  # fmt: skip


def _entry(
    request: TilesRequest,
    source: Source,
    labels: Sequence[Labels],
    record: Mapping[str, Any],
    region: str,
    split: str,
) -> Entry:
    kinds = {layer.task.name: layer.task.label_kind for layer in labels}
    tasks = tuple(name for name in kinds if name in record["pixels"])
    return Entry(
        record["tile"],
        os.path.basename(source.path.rstrip("/\\")),
        source.sensor,
        source.gsd_m,
        source.band_names,
        source.radiometry,
        tasks,
        {task: kinds[task] for task in tasks},
        region,
        split,
        request.licence,
        dict(record["relevance"]),
    )


def _of_sources(sources: Iterable[Source]) -> list[str]:
    """What holds of several rasters is said once."""
    said: dict[str, list[str]] = defaultdict(list)
    for source in sources:
        for text in source.warnings:
            said[text].append(os.path.basename(source.path.rstrip("/\\")))
    found = []
    for text, names in said.items():
        who = ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
        found.append(f"{who}: {text}")
    return found


def _of_places(where: Iterable[Place]) -> list[str]:
    """Two dates of one place cannot be told from two places."""
    nowhere = len({place.source for place in where if place.centre is None})
    if nowhere < 2:
        return []
    return [
        f"{nowhere} rasters have no CRS, so tiles of one place that several of them show may be in different "
        "splits, which flatters the figures; give them a CRS."
    ]


def _of_background(request: TilesRequest, labels: Iterable[Labels]) -> list[str]:
    if request.area is not None:
        return []
    return [
        f"No area was given, so all that lies in no polygon of '{layer.task.name}' was taken for "
        f"'{layer.task.classes[0].name}' in all of each raster; give the area that was looked at."
        for layer in labels
        if layer.beyond == 0
    ]


def _of_splits(entries: Sequence[Entry], labels: Iterable[Labels], shares: Mapping[str, float]) -> list[str]:
    """Splits without tiles, and tasks that a split cannot say anything about."""
    there = {split: [entry for entry in entries if entry.split == split] for split in SPLITS}
    empty = [split for split in SPLITS if shares.get(split, 0.0) > 0.0 and not there[split]]
    found = []
    if empty:
        found.append(
            f"No tile is left for {_listed(empty)}: there are too few regions; give more places, "
            "smaller blocks or tiles, or other shares."
        )
    for layer in labels:
        name = layer.task.name
        for value, word in ((1, "needs"), (0, "is known not to need")):
            without = [
                split
                for split in SPLITS
                if there[split] and not any(entry.relevance.get(name) == value for entry in there[split])
            ]
            if without:
                found.append(f"No tile {word} '{name}' in {_listed(without)}.")
    return found


def _listed(names: Sequence[str]) -> str:
    return " and ".join([*([", ".join(names[:-1])] if names[1:] else []), names[-1]])


def texts(
    request: TilesRequest, sources: Sequence[Source], labels: Sequence[Labels], outcome: Outcome
) -> dict[str, bytes]:
    """The three tables of the routerset, by name."""
    asked = {key: value for key, value in request.to_json().items() if key not in (*MANNERS, "inputs")}
    tasks = [layer.task for layer in labels]
    told = summary(labels, outcome)
    more = {
        "made": {
            "by": f"HydraNet {__version__} tiles",
            "request": asked,
            "sources": [
                {
                    "name": source.name,
                    "path": source.path,
                    "bands": source.record["band mapping"]["method"],
                    "reflectance": source.record["reflectance"],
                }
                for source in sources
            ],
        },
        "block_m": outcome.block_m,
        **{key: told[key] for key in ("tiles", "regions", "left_out", "warnings")},
        "relevance": told["tasks"],
    }
    return {
        CATALOG_FILE: catalog_text(outcome.entries).encode(),
        RELEVANCE_FILE: relevance_text(outcome.entries, tasks).encode(),
        SET_FILE: set_text(tasks, request.tile_size, more).encode(),
    }


def summary(labels: Sequence[Labels], outcome: Outcome) -> dict[str, Any]:
    """What is told of a routerset, in figures."""
    of_split = {split: [e for e in outcome.entries if e.split == split] for split in SPLITS}
    tasks = []
    for layer in labels:
        task = layer.task
        told: dict[str, Any] = {
            "name": task.name,
            "title": task.title,
            "classes": [item.name for item in task.classes],
        }
        for key, value in (("needed", 1), ("not_needed", 0), ("unknown", None)):
            told[key] = {
                split: sum(entry.relevance.get(task.name) == value for entry in those)
                for split, those in of_split.items()
            }
        counts = [0] * len(task.classes)
        for those in outcome.pixels.values():
            for value, count in enumerate(those.get(task.name, ())):
                counts[value] += count
        told["pixels"] = {item.name: counts[item.value] for item in task.classes}
        tasks.append(told)
    return {
        "tiles": {split: len(those) for split, those in of_split.items()},
        "regions": outcome.regions,
        "left_out": dict(outcome.left_out),
        "tasks": tasks,
        "warnings": list(outcome.warnings),
    }
