"""Experts get full batches, in tile order, and no more features are kept than allowed."""

from __future__ import annotations

from collections import defaultdict

from hypothesis import given, settings
from hypothesis import strategies as st

from model_core.backlog import Backlog, Encoded
from model_core.grid import TileGrid


@settings(max_examples=100, deadline=None)
@given(
    batch=st.integers(1, 5), keep=st.integers(1, 90), encode=st.integers(1, 5),
    choices=st.lists(st.sets(st.integers(0, 3)), min_size=1, max_size=60),
)  # fmt: skip
def test_every_tile_goes_once_in_order_and_little_is_kept(batch, keep, encode, choices) -> None:
    tiles = TileGrid(len(choices) * 8, 8, 8, 0).tiles
    backlog = Backlog(4, batch, keep)
    given_out, sizes = defaultdict(list), defaultdict(list)

    def note(orders) -> None:
        for order in orders:
            sizes[order.expert].append(len(order.tiles))
            picked = [features[n] for features, index in order.picks for n in index]
            assert picked == [tile.index for tile in order.tiles]
            given_out[order.expert] += picked

    for start in range(0, len(tiles), encode):
        part = list(tiles[start : start + encode])
        chosen = [[n for n, tile in enumerate(part) if e in choices[tile.index]] for e in range(4)]
        backlog.add(Encoded([tile.index for tile in part], len(part)), chosen, part)
        note(backlog.ready())
        done = start + len(part)
        waiting = [n for n in range(done) for e in choices[n] if n not in given_out[e]]
        # The oldest batch that waits: no more than `keep` tiles were encoded since it began.
        assert not waiting or done - min(waiting) // encode * encode <= keep
        kept = sum(encoded.tiles for encoded in backlog._alive)
        assert kept <= keep, "features are kept that nobody waits for"
        if keep > len(choices):
            assert all(size == batch for those in sizes.values() for size in those)
    note(backlog.rest())
    for expert in range(4):
        assert given_out[expert] == [n for n, chosen in enumerate(choices) if expert in chosen]
    assert all(size <= batch for those in sizes.values() for size in those)
    assert not backlog._alive
