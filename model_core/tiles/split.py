"""Which region goes into which split, and which tiles must go because splits would share pixels.

A region is put into one split whole. Where there are regions enough, every split gets some that hold
positives and some that hold negatives of each task, the scarcest first; the others go where most is wanting
of what they hold, as in iterative stratification (Sechidis, Tsoumakas and Vlahavas 2011), and at the end
splits that became too large give some away. What chance decides it decides by the seed and the region's
name alone, so neither the order of the rasters nor the number of threads matters; and all counting is in
whole numbers, whose sums do not depend on an order either.
"""

from __future__ import annotations

import hashlib
import heapq
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction

Label = tuple[str, int]
"""A task, and 1 for tiles that need it or 0 for those that do not."""

_WHOLE = 1_000_000
"""What is wanted is counted in such parts of a tile."""

_ORDER = ("train", "val", "test", "cal")  # who is served first where there is not enough for all


def assign(
    regions: Mapping[str, Sequence[Mapping[str, int]]], shares: Mapping[str, float], seed: int
) -> dict[str, str]:
    """Split the regions.

    Args:
        regions: for each the relevance of its tiles, by task.
        shares: of the tiles, by split; a split with share 0 gets none.
        seed: of what chance decides.

    Returns:
        The split of each region.
    """
    return _Assignment(regions, shares, seed).done()


class _Assignment:
    """The work of `assign`."""

    def __init__(
        self, regions: Mapping[str, Sequence[Mapping[str, int]]], shares: Mapping[str, float], seed: int
    ) -> None:
        self._order = sorted(regions, key=lambda name: (_chance(seed, name), name))
        self._place = {name: place for place, name in enumerate(self._order)}
        self._tiles = {name: max(len(regions[name]), 1) for name in self._order}
        self._held = {
            name: Counter((task, value) for tile in regions[name] for task, value in tile.items())
            for name in self._order
        }
        self._splits = [name for name in _ORDER if shares.get(name, 0.0) > 0.0]
        total = sum(self._tiles.values())
        labels: Counter[Label] = sum(self._held.values(), Counter())
        parts = {split: round(shares[split] * _WHOLE) for split in self._splits}
        self._wanted = {split: part * total for split, part in parts.items()}
        self._wanted_of = {
            label: {split: part * count for split, part in parts.items()} for label, count in labels.items()
        }
        self._has: dict[str, set[Label]] = {split: set() for split in self._splits}
        self._split_of: dict[str, str] = {}

    def done(self) -> dict[str, str]:
        """All of them."""
        labels = sorted(self._wanted_of, key=lambda label: (self._regions_with(label), label))
        for label in labels:
            self._cover(label)
        for label in labels:
            free = [name for name in self._free() if label in self._held[name]]
            for name in sorted(free, key=lambda name: (-self._held[name][label], self._place[name])):
                self._put(name, self._wanting(self._wanted_of[label]))
        for name in sorted(self._free(), key=lambda name: (-self._tiles[name], self._place[name])):
            self._put(name, self._wanting(self._wanted))
        self._balance()
        return {name: self._split_of[name] for name in sorted(self._split_of)}

    def _balance(self) -> None:
        """Move regions from the split that has most too many tiles to the one that lacks most."""
        while True:
            over, under = min(self._splits, key=self._wanted.get), max(self._splits, key=self._wanted.get)
            gap = self._wanted[under] - self._wanted[over]
            there = [name for name in self._order if self._split_of[name] == over]
            often = Counter(label for name in there for label in self._held[name])
            spare = [
                name
                for name in there
                if self._tiles[name] * _WHOLE < gap and all(often[label] > 1 for label in self._held[name])
            ]
            if not spare:  # each move brings the two closer, so this comes
                return

            def gain(name: str, over: str = over, under: str = under) -> int:
                wanted = (self._wanted_of[label] for label in self._held[name])
                return sum(each[under] - each[over] for each in wanted)

            self._move(max(spare, key=lambda name: (gain(name), -self._place[name])), over, under)

    def _move(self, name: str, over: str, under: str) -> None:
        self._wanted[over] += self._tiles[name] * _WHOLE
        for label, count in self._held[name].items():
            self._wanted_of[label][over] += count * _WHOLE
        self._put(name, under)

    def _cover(self, label: Label) -> None:
        """Give every split that has none a region with this label, as far as there are any."""
        for split in self._splits:
            if label in self._has[split]:
                continue
            free = [name for name in self._free() if label in self._held[name]]
            if not free:
                return
            if split == _ORDER[0]:  # training takes the richest

                def rank(name: str) -> tuple[int, ...]:
                    return -self._held[name][label], self._place[name]
            else:  # the others what serves most needs at once, and is as large as they still are to become

                def rank(name: str, split: str = split) -> tuple[int, ...]:
                    new = len(set(self._held[name]) - self._has[split])
                    return -new, abs(self._tiles[name] * _WHOLE - self._wanted[split]), self._place[name]

            self._put(min(free, key=rank), split)

    def _wanting(self, wanted: Mapping[str, int]) -> str:
        """The split that wants most; among equals the one that wants most tiles."""
        return max(self._splits, key=lambda split: (wanted[split], self._wanted[split]))

    def _put(self, name: str, split: str) -> None:
        self._split_of[name] = split
        self._wanted[split] -= self._tiles[name] * _WHOLE
        self._has[split] |= set(self._held[name])
        for label, count in self._held[name].items():
            self._wanted_of[label][split] -= count * _WHOLE

    def _free(self) -> list[str]:
        return [name for name in self._order if name not in self._split_of]

    def _regions_with(self, label: Label) -> int:
        return sum(label in held for held in self._held.values())


def _chance(seed: int, name: str) -> str:
    return hashlib.sha256(f"{seed}\n{name}".encode()).hexdigest()


def overlapping(pairs: Iterable[tuple[int, int]], splits: Sequence[str], names: Sequence[str]) -> set[int]:
    """Tiles to leave out so that no two splits share a pixel.

    One goes after the other, of the split that has lost the smallest share of its tiles, so that none is
    emptied for another's sake; there the tile that meets most others.

    Args:
        pairs: tiles that share a pixel, by number.
        splits: of each tile.
        names: of each tile; they decide where nothing else does.
    """
    count, left = Counter(splits), Counter(splits)
    meets: dict[int, set[int]] = defaultdict(set)
    for first, second in pairs:
        if splits[first] != splits[second]:
            meets[first].add(second)
            meets[second].add(first)
    by_split: dict[str, list[tuple[int, str, int]]] = defaultdict(list)
    for number, others in meets.items():
        by_split[splits[number]].append((-len(others), names[number], number))
    for heap in by_split.values():
        heapq.heapify(heap)
    gone: set[int] = set()
    while True:
        for heap in by_split.values():  # entries of tiles that have gone, or meet fewer now, are out of date
            while heap and (heap[0][2] in gone or -heap[0][0] != len(meets[heap[0][2]])):
                heapq.heappop(heap)
        open_ones = {split: heap[0][0] for split, heap in by_split.items() if heap and heap[0][0]}
        if not open_ones:
            return gone
        split = min(open_ones, key=lambda one: (-Fraction(left[one], count[one]), open_ones[one], one))
        number = heapq.heappop(by_split[split])[2]
        gone.add(number)
        left[split] -= 1
        for other in meets.pop(number):
            meets[other].discard(number)
            heapq.heappush(by_split[splits[other]], (-len(meets[other]), names[other], other))
