"""Tiles that wait for an expert, from several rows of tiles if need be, until they fill its batch.

A small batch is decoded at a worse rate than a full one, so where the routing is skewed an expert waits
until enough tiles need it. Features are kept meanwhile, and no row of tiles is finished before its last
tile is decoded; so a tile may wait only while so many others are encoded, then its expert has to take what
it has.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from .grid import Tile


@dataclass(eq=False)
class Encoded:
    """Features of one batch, kept until no expert waits for any of its tiles."""

    features: Any
    tiles: int
    waiting: int = 0
    number: int = 0  # tiles encoded before it


@dataclass(frozen=True)
class Order:
    """One batch for one expert: `picks` as `Model.decode` takes them, and their tiles in the same order."""

    expert: int
    picks: list[tuple[Any, list[int]]]
    tiles: list[Tile]


class Backlog:
    """The waiting tiles of all experts; each expert's leave in the order they came."""

    def __init__(self, experts: int, batch: int, keep: int) -> None:
        """Begin empty.

        Args:
            experts: how many there are.
            batch: tiles that an expert decodes at once.
            keep: tiles that may be encoded, and kept, while one waits.
        """
        self._batch = batch
        self._keep = keep
        self._queues: list[deque[tuple[Encoded, int, Tile]]] = [deque() for _ in range(experts)]
        self._alive: list[Encoded] = []  # oldest first
        self._encoded = 0

    def add(self, encoded: Encoded, chosen: list[list[int]], tiles: list[Tile]) -> None:
        """Line up a batch.

        Args:
            encoded: its features.
            chosen: for each expert the positions in the batch that it is to decode.
            tiles: of the batch.
        """
        for expert, positions in enumerate(chosen):
            for position in positions:
                self._queues[expert].append((encoded, position, tiles[position]))
                encoded.waiting += 1
        encoded.number = self._encoded
        self._encoded += encoded.tiles
        if encoded.waiting:
            self._alive.append(encoded)

    def ready(self) -> Iterator[Order]:
        """Batches that are full, then those of tiles that have waited long enough."""
        for expert, queue in enumerate(self._queues):
            while len(queue) >= self._batch:
                yield self._take(expert)
        while self._alive and self._encoded - self._alive[0].number > self._keep:
            oldest = self._alive[0]
            expert = next(e for e, queue in enumerate(self._queues) if queue and queue[0][0] is oldest)
            yield self._take(expert)

    def rest(self) -> Iterator[Order]:
        """Everything that waits."""
        for expert, queue in enumerate(self._queues):
            while queue:
                yield self._take(expert)

    def _take(self, expert: int) -> Order:
        queue = self._queues[expert]
        picks: list[tuple[Encoded, list[int]]] = []
        tiles = []
        for _ in range(min(self._batch, len(queue))):
            encoded, position, tile = queue.popleft()
            encoded.waiting -= 1
            if not encoded.waiting:
                self._alive.remove(encoded)
            tiles.append(tile)
            if picks and picks[-1][0] is encoded:
                picks[-1][1].append(position)
            else:
                picks.append((encoded, [position]))
        return Order(expert, [(encoded.features, positions) for encoded, positions in picks], tiles)
