"""Tiles that wait for an expert, from several rows of tiles if need be, until they fill its batch.

Decoding one tile costs nearly as much as decoding two, so where the routing is skewed an expert waits
until enough tiles need it. Their features are kept meanwhile; what may be kept is limited, and over the
limit the expert that holds on to the oldest batch has to take what it has.
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
            keep: tiles whose features may be kept.
        """
        self._batch = batch
        self._keep = keep
        self._queues: list[deque[tuple[Encoded, int, Tile]]] = [deque() for _ in range(experts)]
        self._alive: deque[Encoded] = deque()  # oldest first

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
        if encoded.waiting:
            self._alive.append(encoded)

    def ready(self) -> Iterator[Order]:
        """Batches that are full, then what must go because too much is kept."""
        for expert, queue in enumerate(self._queues):
            while len(queue) >= self._batch:
                yield self._take(expert)
        while self._kept() > self._keep:
            oldest = self._alive[0]
            expert = next(e for e, queue in enumerate(self._queues) if queue and queue[0][0] is oldest)
            yield self._take(expert)

    def rest(self) -> Iterator[Order]:
        """Everything that waits."""
        for expert, queue in enumerate(self._queues):
            while queue:
                yield self._take(expert)

    def _kept(self) -> int:
        while self._alive and not self._alive[0].waiting:
            self._alive.popleft()
        return sum(encoded.tiles for encoded in self._alive if encoded.waiting)

    def _take(self, expert: int) -> Order:
        queue = self._queues[expert]
        picks: list[tuple[Encoded, list[int]]] = []
        tiles = []
        for _ in range(min(self._batch, len(queue))):
            encoded, position, tile = queue.popleft()
            encoded.waiting -= 1
            tiles.append(tile)
            if picks and picks[-1][0] is encoded:
                picks[-1][1].append(position)
            else:
                picks.append((encoded, [position]))
        return Order(expert, [(encoded.features, positions) for encoded, positions in picks], tiles)
