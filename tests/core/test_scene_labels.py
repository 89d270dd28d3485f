"""What the scene expert is taught by: shares of covers out of labels, its losses, tiles of real scenes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from model_core.evaluation.scene import share_distance
from model_core.tasks import TASK_NAMES, UNKNOWN, VEGETATION
from model_core.training.pack import load_pack
from model_core.training.scene.covers import RealTiles, credible, labelled, placed_covers
from model_core.training.scene.labels import (
    BARE,
    CLASSES,
    CLOUD,
    CODES,
    COVERS,
    GROUPS,
    MEMBERS,
    PLAIN,
    class_target,
    compatible,
    cover_codes,
    cover_shares,
    cover_target,
)
from model_core.training.scene.losses import class_loss, gate_loss, gate_target, grouped
from model_core.training.scene.trainee import fits

from .tiny_pack import write_pack


@pytest.fixture(scope="module")
def pack(tmp_path_factory) -> Path:
    """The made-up pack."""
    return write_pack(tmp_path_factory.mktemp("pack"))


def scene(pack: Path, **of: np.ndarray):
    """A scene of 10 x 10 pixels with these labels."""
    like = load_pack(pack, ("train",))[0]
    bands = np.full((8, 10, 10), 1000, np.uint16)
    return replace(like, bands=bands, valid=np.ones((10, 10), bool), labels=of)


def pixels(value: int, count: int, rest: int = UNKNOWN) -> np.ndarray:
    """100 pixels, `count` of them with `value`."""
    flat = np.full(100, rest, np.uint8)
    flat[:count] = value
    return flat.reshape(10, 10)


def of_cover(**shares: float) -> np.ndarray:
    return np.array([shares.get(name.replace(" ", "_").replace("-", "_"), 0) for name in COVERS])


@pytest.mark.parametrize(
    ("given_labels", "expected"),
    [
        ({"landcover": pixels(0, 80, 1)}, of_cover(water=0.8, trees=0.2)),
        ({"landcover": pixels(0, 30)}, of_cover(water=1)),
        ({"landcover": pixels(0, 24)}, None),
        ({"water": pixels(1, 90, 0)}, of_cover(water=0.9, land=0.1)),
        ({"forest_damage": pixels(0, 85, 1)}, of_cover(trees=0.85, vegetation=0.15)),
        ({"landcover": pixels(VEGETATION, 50, 4)}, of_cover(vegetation=0.5, built_up=0.5)),
        (
            {"landcover": pixels(VEGETATION, 50), "water": pixels(0, 75)},
            of_cover(vegetation=2 / 3, land=1 / 3),
        ),
        ({"landcover": pixels(3, 30, 2)}, of_cover(low_vegetation=1)),
        ({"landcover": pixels(3, 31, 2)}, None),
        ({"landcover": pixels(0, 100), "clouds": pixels(2, 6, 0)}, None),
        ({"landcover": pixels(0, 100), "clouds": pixels(1, 5, 0)}, of_cover(water=1)),
        ({"clouds": pixels(2, 0, 0)}, None),
    ],
)
def test_labels_give_shares_of_covers(pack, given_labels, expected):
    found = cover_shares(cover_codes(scene(pack, **given_labels)), np.ones((10, 10), bool))
    assert found is None if expected is None else np.allclose(found, expected)


def test_pixels_without_data_do_not_count():
    valid = np.zeros((10, 10), bool)
    valid[:2] = True
    assert cover_shares(pixels(1, 20), valid).tolist() == of_cover(trees=1).tolist()
    assert cover_shares(pixels(1, 20), np.zeros((10, 10), bool)) is None


codes = st.lists(st.sampled_from([*CODES, BARE, CLOUD, UNKNOWN]), min_size=100, max_size=100)


@given(codes)
def test_shares_are_shares(values):
    found = cover_shares(np.array(values, np.uint8).reshape(10, 10), np.ones((10, 10), bool))
    assert found is None or (found.sum() == pytest.approx(1) and (found >= 0).all())


def test_every_class_goes_with_a_cover():
    assert sorted({name for names in PLAIN for name in COVERS[names]}) == list(CLASSES)
    for number, (cover, names) in enumerate(COVERS.items()):
        assert [CLASSES[n] for n in np.flatnonzero(compatible(cover))] == sorted(names)
        assert MEMBERS[len(CLASSES) + number].numpy().tolist() == compatible(cover).tolist()
    assert len(CODES) == len(COVERS) and list(CODES.values()) == list(COVERS)


vectors = st.lists(st.floats(-8, 8, width=32), min_size=10, max_size=10)
proportions = st.lists(st.floats(0.01, 1), min_size=6, max_size=6)


@given(vectors, proportions)
def test_shares_of_covers_ask_for_what_fits_together(values, given_shares):
    logits, shares = torch.tensor([values]), np.array(given_shares) / np.sum(given_shares)
    p = torch.softmax(logits, 1)[0].double().numpy()
    expected = -sum(s * np.log(p @ compatible(name)) for s, name in zip(shares, COVERS, strict=True))
    assert float(class_loss(logits, cover_target(shares)[None])) == pytest.approx(expected, abs=1e-4)


@given(vectors, st.integers(0, 9))
def test_of_classes_the_loss_is_the_cross_entropy(values, kind):
    logits, classes = torch.tensor([values]), torch.nn.functional.one_hot(torch.tensor(kind), 10)
    expected = torch.nn.functional.cross_entropy(logits, torch.tensor([kind]))
    assert torch.allclose(class_loss(logits, class_target(classes)[None]), expected, atol=1e-5)


def test_shares_do_not_choose_among_what_fits():
    """Classes of one cover that are as likely as each other are asked for alike."""
    logits = torch.zeros(1, 10, requires_grad=True)
    class_loss(logits, cover_target(of_cover(water=1))[None]).backward()
    water = compatible("water") > 0
    assert len(set(logits.grad[0][water].tolist())) == 1 and (logits.grad[0][water] < 0).all()
    assert (logits.grad[0][~water] > 0).all()


def test_the_loss_is_least_where_the_proportions_are_met():
    """Gradient zero: what the classes of each plain cover get together is its share."""
    target = cover_target(of_cover(water=0.1, trees=0.6, low_vegetation=0.3))[None]
    logits = torch.zeros(1, 10, requires_grad=True)
    for _ in range(2000):
        (grad,) = torch.autograd.grad(class_loss(logits, target), logits)
        logits = (logits - 2 * grad).detach().requires_grad_()
    found = grouped(torch.softmax(logits, 1))[0, len(CLASSES) :]
    assert torch.allclose(found[:4], torch.tensor([0.1, 0.6, 0.3, 0.0]), atol=0.01)


@given(vectors, proportions)
def test_the_gate_is_asked_for_shares(values, given_shares):
    branches = ((0, 3, 8), (1, 9), (2, 5, 6), (4, 7))
    shares = np.array(given_shares) / np.sum(given_shares)
    classes = torch.tensor([0.25, 0.75, *[0.0] * 8])
    target = torch.stack([class_target(classes), cover_target(shares)])
    found = gate_target(torch.tensor([values, values]), target, branches)
    assert torch.allclose(found.sum(1), torch.ones(2), atol=1e-4) and (found >= 0).all()
    assert torch.allclose(found[0], torch.tensor([0.25, 0.75, 0.0, 0.0]), atol=1e-5)


def test_an_answer_fits_the_largest_share():
    target = torch.stack([cover_target(of_cover(trees=0.5, land=0.4, water=0.1))] * 3)
    logits = torch.eye(10)[[CLASSES.index(name) for name in ("Forest", "Pasture", "River")]]
    assert fits(logits, target).tolist() == [True, False, False]
    assert len(GROUPS) == target.shape[1]


def test_distance_from_shares_is_none_within_what_labels_leave_open():
    members = np.stack([compatible(name) for name in COVERS]) > 0
    p = np.zeros((1, 10))
    p[0, CLASSES.index("Forest")], p[0, CLASSES.index("SeaLake")] = 0.8, 0.2
    exact = share_distance(p, of_cover(trees=0.5, water=0.5)[None], members)
    assert np.allclose(exact, [[0.3, 0.3, 0, 0]])
    wide = share_distance(p, of_cover(vegetation=0.5, land=0.2, water=0.3)[None], members)
    assert np.allclose(wide, [[0.1, 0.1, 0, 0]])


def test_the_gates_loss_is_a_divergence():
    target = torch.tensor([[0.5, 0.5, 0.0]])
    assert float(gate_loss(target, target)) == pytest.approx(0, abs=1e-6)
    assert float(gate_loss(torch.tensor([[0.25, 0.25, 0.5]]), target)) == pytest.approx(np.log(2), rel=1e-5)


def test_real_tiles_tell_their_shares(pack):
    source = RealTiles(labelled(load_pack(pack, ("train",))), 128)
    random = np.random.default_rng(0)
    for _ in range(5):
        tile, target = source.draw(random)
        row = tile.labels[TASK_NAMES.index("landcover")][tile.valid]
        water = float((row == 0).float().mean())
        assert target[len(CLASSES)] == pytest.approx(water, abs=1e-6)
        assert float(target.sum()) == pytest.approx(1)
    found = list(placed_covers(load_pack(pack, ("test",)), 256, 256))
    assert [placed.ids for placed, _ in found] == [("lake_test_0",), ("lake_test_1",)]
    assert found[1][1].tolist() == of_cover(vegetation=1).tolist()


def test_scenes_out_of_range_give_no_real_tiles(pack):
    coarse = [replace(sample, gsd_m=30.0) for sample in load_pack(pack, ("train",))]
    unknown = [replace(sample, gsd_m=None) for sample in load_pack(pack, ("train",))]
    assert labelled(coarse + unknown) == []
    assert RealTiles([], 128).draw(np.random.default_rng(0)) is None


def test_a_guess_against_the_bands_is_not_believed(pack):
    plain = scene(pack)
    guess = np.full((10, 10), 0, np.uint8)
    assert not credible(guess, plain).any() and not credible(guess + 2, plain).any()
    plain.bands[7, :5], plain.bands[7, 5:] = 3000, 300
    assert credible(guess, plain).tolist() == [[False] * 10] * 5 + [[True] * 10] * 5
    assert credible(guess + 2, plain).tolist() == [[True] * 10] * 5 + [[False] * 10] * 5
    blind = replace(plain, available=np.array([True] * 4 + [False] * 4))
    assert not credible(guess + 2, blind).any()
