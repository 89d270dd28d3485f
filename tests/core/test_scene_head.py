"""The scene expert's network: shapes, what NoData may not change, which branches run, and its folded form."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from model_core.evaluation.scene import counting_calls
from model_core.networks.encoder import Features
from model_core.networks.macs import counting
from model_core.networks.scene_head import STEM_WIDTH, SceneHead
from model_core.scene_expert import SceneExpertSpec
from model_core.training.scene.export import folded_head, head_macs

WIDTHS = (4, 6, 8, 10, 12)

SPEC = SceneExpertSpec(
    title="Scene",
    classes=("a", "b", "c", "d", "e"),
    branches=((0, 3), (1, 4), (2,)),
    k=2,
    temperature=1.0,
    valid_gsd_m=(5.0, 20.0),
    level=2,
    width=5,
    depth=2,
    macs_common=0,
    macs_branch=0,
)


def features(count: int, size: int, seed: int = 0, coverage: torch.Tensor | None = None) -> Features:
    """Random features of tiles of `size` pixels."""
    random = torch.Generator().manual_seed(seed)
    levels = tuple(
        torch.rand(count, n, size >> (i + 1), size >> (i + 1), generator=random) for i, n in enumerate(WIDTHS)
    )
    return Features(levels, torch.ones(count, 1, size // 32, size // 32) if coverage is None else coverage)


def trained(seed: int = 0, **changes: int) -> SceneHead:
    """A head with a gate that has a say and BatchNorm that is not the identity, in evaluation mode."""
    torch.manual_seed(seed)
    head = SceneHead.of(replace(SPEC, **changes), WIDTHS)
    torch.nn.init.normal_(head.body.gate.linear.weight, std=2.0)
    for number in range(3):
        head(features(6, 128, number), 3)
    return head.eval()


@pytest.mark.parametrize("size", [64, 128, 256])
@pytest.mark.parametrize("k", [1, 2, 3])
def test_shapes(size: int, k: int):
    out = trained()(features(4, size), k)
    assert out.logits.shape == (4, 5) and out.gates.shape == (4, 3)
    assert (out.chosen.sum(1) == k).all()
    assert (out.features[~out.chosen] == 0).all()


@pytest.mark.parametrize("level", [0, 1, 2, 3])
def test_every_level_but_the_last_can_be_the_finest(level: int):
    stem, cover = trained(level=level).stem(features(2, 64))
    assert stem.shape == (2, STEM_WIDTH, 64 >> (level + 2), 64 >> (level + 2))
    assert cover.shape == (2, 1, *stem.shape[2:])


@pytest.mark.parametrize("level", [-1, 4])
def test_a_level_without_a_coarser_one_is_refused(level: int):
    with pytest.raises(ValueError, match="coarser"):
        SceneHead(WIDTHS, level, 5, 2, 3, 5)


@settings(deadline=None, max_examples=25)
@given(st.lists(st.booleans(), min_size=16, max_size=16).filter(any), st.integers(0, 2**31 - 1))
def test_what_lies_under_nodata_changes_nothing(cells: list[bool], seed: int):
    """Any content of cells without a valid pixel gives the same bits."""
    head = trained()
    cover = torch.tensor(cells).float().view(1, 1, 4, 4)
    one, other = features(1, 128, 1, cover), features(1, 128, seed, cover)
    mixed = []
    for a, b in zip(one.levels, other.levels, strict=True):
        known = torch.nn.functional.interpolate(cover, a.shape[2:], mode="nearest") > 0
        mixed.append(torch.where(known, a, 1000 * b))
    with torch.no_grad():
        first, second = head(one, 2), head(Features(tuple(mixed), cover), 2)
    assert torch.equal(first.logits, second.logits) and torch.equal(first.gates, second.gates)


def test_a_cell_counts_by_its_share_of_valid_pixels():
    """Half-covered cells weigh half: scaling the coverage of all cells alike changes nothing."""
    head, some = trained(), torch.rand(2, 1, 4, 4, generator=torch.Generator().manual_seed(3)) + 0.1
    with torch.no_grad():
        whole = head(features(2, 128, 5, some), 2).logits
        half = head(features(2, 128, 5, some / 2), 2).logits
        even = head(features(2, 128, 5), 2).logits
    assert torch.allclose(whole, half, atol=1e-5)
    assert not torch.allclose(whole, even, atol=1e-3)


def test_branches_that_were_not_chosen_are_never_called():
    head, tiles = trained(), features(9, 64, 7)
    with counting_calls(head) as calls, torch.no_grad():
        out = head(tiles, 1)
    assert calls == out.chosen.sum(0).tolist() and sum(calls) == 9
    gates = torch.zeros(9, 3)
    gates[:, 1] = 1
    with counting_calls(head) as calls, torch.no_grad():
        head(tiles, 1, gates=gates)
    assert calls == [0, 9, 0]


def test_costs_are_what_runs():
    """Common part and branches, as the bundle has them, add up to what a pass with any k really costs."""
    head = folded_head(trained(), SPEC, WIDTHS)
    common, branch = head_macs(head, WIDTHS, 128)
    for k in (1, 2, 3):
        with counting(head) as counter, torch.no_grad():
            head(features(1, 128), k)
        assert counter.total == common + k * branch


def test_folded_is_the_same_function():
    """One convolution a unit, and the gate's temperature in its weights."""
    head = trained()
    head.body.gate.temperature = 0.6
    folded = folded_head(head, SPEC, WIDTHS)
    cover = torch.ones(3, 1, 4, 4)
    cover[1, :, 2:] = 0
    given_features = features(3, 128, 11, cover)
    with torch.no_grad():
        mine, its = head(given_features, 2), folded(given_features, 2)
    assert folded.body.gate.temperature == 1.0
    assert torch.allclose(mine.logits, its.logits, atol=1e-4)
    assert torch.allclose(mine.gates, its.gates, atol=1e-5)
    assert torch.equal(mine.chosen, its.chosen)
    assert not any("norm" in name for name in folded.state_dict())


def test_features_in_bf16_are_taken():
    """The encoder may run in bf16 while the head stays in float32."""
    exact, head = features(2, 64, 2), trained()
    coarse = Features(tuple(level.bfloat16() for level in exact.levels), exact.coverage)
    with torch.no_grad():
        assert torch.allclose(head(exact, 3).logits, head(coarse, 3).logits, atol=0.05)
