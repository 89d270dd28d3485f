"""Two-level routing and the decoder around it: what is chosen, what runs, and where the gradient goes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from model_core.errors import BundleError
from model_core.networks.encoder import Features
from model_core.networks.macs import counting
from model_core.networks.objects.attention import BoxAttention
from model_core.networks.objects.dense import DenseOutput, peaks
from model_core.networks.objects.detector import ObjectsExpert, moved
from model_core.networks.objects.routed_ffn import (
    RoutedFeedForward,
    TokenExperts,
    dense_hidden,
    token_hidden,
)
from model_core.objects.spec import ROUTINGS, ObjectsSpec
from model_core.training.objects.losses import load_losses, switch_balance

WIDTHS = (8, 12, 16, 24, 32)
SPEC = ObjectsSpec("objects", "full", 20, 16, 16, 2, 4, 16, 2, 2, 8, (0.3, 0.4))


def shuffled(module: torch.nn.Module, seed: int, scale: float = 0.5) -> torch.nn.Module:
    """Give every parameter a value of its own: new routers and heads are all zeros."""
    random = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in module.parameters():
            parameter += scale * torch.randn(parameter.shape, generator=random)
    return module


def features(tiles: int = 2, size: int = 64, seed: int = 0) -> Features:
    random = torch.Generator().manual_seed(seed)
    levels = tuple(
        torch.rand(tiles, width, size >> (n + 1), size >> (n + 1), generator=random)
        for n, width in enumerate(WIDTHS)
    )
    return Features(levels, torch.ones(tiles, 1, size // 32, size // 32))


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**20),
    groups=st.sampled_from([2, 4, 8]),
    each=st.integers(1, 4),
    top_groups=st.integers(1, 2),
    top_experts=st.integers(1, 3),
    training=st.booleans(),
    temperature=st.sampled_from([0.3, 1.0, 2.0]),
)
def test_every_expert_of_every_query_is_of_a_group_that_the_scene_chose(
    seed, groups, each, top_groups, top_experts, training, temperature
):
    top_experts = min(top_experts, top_groups * each)
    spec = replace(SPEC, groups=groups, experts=groups * each, top_groups=top_groups, top_experts=top_experts)
    part = shuffled(RoutedFeedForward(spec), seed).train(training)
    part.scene_router.temperature = part.instance_router.temperature = temperature
    random = torch.Generator().manual_seed(seed)
    _, route = part(3 * torch.randn(3, 12, 16, generator=random))
    for tile in range(3):
        candidates = set(route.groups[tile].tolist())
        assert len(candidates) == top_groups
        assert {expert // each for expert in route.experts[tile].flatten().tolist()} <= candidates
    assert route.experts.shape == (3, 12, top_experts)
    assert (route.experts.sort(2).values.diff(dim=2) > 0).all()  # no expert twice
    torch.testing.assert_close(route.weights.sum(2), torch.ones(3, 12))
    assert (route.weights.diff(dim=2) <= 1e-6).all()  # strongest first
    load = route.loads[1]
    assert (load.chosen <= load.candidates).all() and (load.probability[~load.candidates] == 0).all()


@pytest.mark.parametrize("routing", ["full", "instance", "scene"])
def test_an_expert_is_called_with_the_queries_that_chose_it_and_no_other_is_called(routing):
    part = shuffled(RoutedFeedForward(replace(SPEC, routing=routing)), 3).eval()
    calls: dict[int, int] = {}
    for number, expert in enumerate(part.experts):
        expert.register_forward_hook(
            lambda module, inputs, output, number=number: calls.__setitem__(
                number, calls.get(number, 0) + len(inputs[0])
            )
        )
    _, route = part(torch.randn(2, 9, 16, generator=torch.Generator().manual_seed(5)))
    wanted = np.bincount(route.experts.flatten().numpy(), minlength=16)
    assert calls == {n: int(count) for n, count in enumerate(wanted) if count}
    assert len(calls) < 16  # or the test would show nothing


def test_the_sum_is_that_of_the_definition():
    part = shuffled(RoutedFeedForward(SPEC), 1).eval()
    x = torch.randn(2, 7, 16, generator=torch.Generator().manual_seed(2))
    y, route = part(x)
    for tile in range(2):
        for query in range(7):
            one = x[tile, query]
            wanted = one + part.shared(one)
            pairs = zip(route.experts[tile, query], route.weights[tile, query], strict=True)
            wanted = wanted + sum(weight * part.experts[int(expert)](one) for expert, weight in pairs)
            torch.testing.assert_close(y[tile, query], wanted)


def test_scene_routing_serves_all_queries_of_a_tile_alike_and_instance_routing_does_not():
    x = torch.randn(2, 30, 16, generator=torch.Generator().manual_seed(2))
    _, scene = shuffled(RoutedFeedForward(replace(SPEC, routing="scene")), 1).eval()(x)
    assert (scene.experts == scene.experts[:, :1]).all() and scene.groups.shape == (2, 2)
    _, instance = shuffled(RoutedFeedForward(replace(SPEC, routing="instance")), 1).eval()(x)
    assert not (instance.experts == instance.experts[:, :1]).all() and instance.groups.shape == (2, 0)


def test_the_gradient_of_the_task_reaches_both_routers():
    part = shuffled(RoutedFeedForward(SPEC), 4).train()
    y, _ = part(torch.randn(3, 12, 16, generator=torch.Generator().manual_seed(1)))
    y.square().mean().backward()
    for router in (part.scene_router, part.instance_router):
        assert router.linear.weight.grad.abs().sum() > 0, "no gradient"


def test_balance_and_diversity_reach_both_routers_too_and_counts_alone_would_not():
    expert = shuffled(ObjectsExpert.of(SPEC, 2, WIDTHS), 4, 0.2).train()
    output = expert(features())
    for name, value in load_losses(output, 0.01, 0.001).items():
        expert.zero_grad()
        value.backward(retain_graph=True)
        for layer in expert.layers:
            for router in (layer.feed_forward.scene_router, layer.feed_forward.instance_router):
                assert router.linear.weight.grad.abs().sum() > 0, name
    load = output.routes[0].loads[1]
    share = load.chosen.float().mean(0)
    assert not share.requires_grad and switch_balance(load).requires_grad


def test_the_balance_loss_is_one_for_an_even_load_and_the_number_of_experts_for_a_collapsed_one():
    from model_core.networks.objects.routed_ffn import Load

    even = torch.eye(4).repeat(3, 1)
    everyone = torch.ones_like(even, dtype=torch.bool)
    assert switch_balance(Load(even, even.bool(), everyone)) == pytest.approx(1.0)
    one = torch.tensor([[1.0, 0, 0, 0]]).repeat(12, 1)
    assert switch_balance(Load(one, one.bool(), everyone)) == pytest.approx(4.0)


@pytest.mark.parametrize("routing", ROUTINGS)
def test_all_routings_spend_the_same_in_their_feed_forward_parts(routing):
    spec = replace(
        SPEC, routing=routing, queries=128, memory_width=48, width=64, hidden=64, thresholds=(0.5, 0.5)
    )
    expert = ObjectsExpert.of(spec, 2, (32, 48, 96, 160, 256), deploy=True).eval()
    parts = torch.nn.ModuleList(
        [layer.feed_forward for layer in expert.layers] + list(getattr(expert, "token_experts", ()))
    )
    tile = Features(
        tuple(torch.zeros(1, w, 256 >> (n + 1), 256 >> (n + 1)) for n, w in enumerate(expert.skips)),
        torch.ones(1, 1, 8, 8),
    )
    with counting(parts) as counter, torch.no_grad():
        expert(tile)
    full = 2 * 128 * (2 * 64 * 64 * 3 + (64 + 4) * 16)
    # The router of routing by scene runs once for a tile and not for each query, which is 4 % of the whole.
    assert counter.total == pytest.approx(full, rel=0.05 if routing == "scene" else 0.01)


def test_sizes_of_the_rivals_follow_from_the_budget():
    assert dense_hidden(SPEC) == 8 + round((2 * 16 * 8 * 2 + 20 * 16) / 32)
    assert token_hidden(SPEC, 4) > token_hidden(SPEC, 64) >= 1


def test_cells_are_routed_each_for_itself():
    part = shuffled(TokenExperts(replace(SPEC, routing="token"), 16), 2).eval()
    memory = torch.randn(1, 16, 4, 4, generator=torch.Generator().manual_seed(0))
    whole, load = part(memory)
    assert whole.shape == memory.shape and load.chosen.sum(1).tolist() == [2] * 16
    assert not torch.equal(whole, memory)
    other = memory.clone()
    other[..., 0, 0] += 1.0
    changed = (part(other)[0] - whole).abs().sum(1)[0] > 0
    assert changed[0, 0] and changed.sum() == 1


@pytest.mark.parametrize("routing", ROUTINGS)
def test_folding_changes_nothing(routing):
    expert = shuffled(ObjectsExpert.of(replace(SPEC, routing=routing), 2, WIDTHS), 7, 0.05)
    expert.train()
    expert(features())  # statistics of BatchNorm
    for layer in expert.layers:
        for name in ("scene_router", "instance_router"):
            if hasattr(layer.feed_forward, name):
                getattr(layer.feed_forward, name).temperature = 0.5
    expert.eval()
    folded = expert.folded()
    with torch.no_grad():
        one, other = expert(features()), folded(features())
    torch.testing.assert_close(one.boxes, other.boxes, atol=2e-3, rtol=1e-4)
    torch.testing.assert_close(one.logits, other.logits, atol=2e-3, rtol=1e-3)
    for a, b in zip(one.routes, other.routes, strict=True):
        assert torch.equal(a.experts, b.experts)
        torch.testing.assert_close(a.weights, b.weights, atol=1e-4, rtol=1e-3)


def test_a_new_decoder_says_what_the_dense_head_says():
    expert = ObjectsExpert.of(SPEC, 2, WIDTHS).eval()
    with torch.no_grad():
        output = expert(features())
    index = peaks(output.dense, SPEC.queries)
    first = output.dense.logits.gather(1, index[..., None].expand(-1, -1, 2))
    torch.testing.assert_close(output.logits, first)


def test_cells_without_data_are_no_proposals():
    whole = features(1, 64)
    half = Features(whole.levels, torch.tensor([[[[1.0, 0.0], [1.0, 0.0]]]]))
    expert = ObjectsExpert.of(replace(SPEC, queries=8), 2, WIDTHS).eval()
    with torch.no_grad():
        output = expert(half)
    center = (output.boxes[..., 0] + output.boxes[..., 2]) / 2
    assert (output.dense.logits[0, output.dense.centers[:, 0] > 32] < -15).all()
    assert (center[0, output.logits[0].amax(1) > -15] < 40).all()


def test_peaks_come_before_their_neighbours():
    plane = torch.full((1, 16, 1), -5.0)
    plane[0, 5], plane[0, 6], plane[0, 15] = 3.0, 2.5, 1.0
    dense = DenseOutput(plane, torch.zeros(1, 16, 4), torch.zeros(16, 2), torch.ones(16), ((4, 4),))
    assert peaks(dense, 2)[0].tolist() == [5, 15]


def test_a_step_of_zero_moves_no_box_and_sizes_stay_positive():
    boxes = torch.tensor([[[10.0, 20.0, 30.0, 60.0]]])
    torch.testing.assert_close(moved(boxes, torch.zeros(1, 1, 4)), boxes)
    torch.testing.assert_close(
        moved(boxes, torch.tensor([[[0.5, 0.0, 0.0, np.log(2)]]], dtype=torch.float32)),
        torch.tensor([[[20.0, 0.0, 40.0, 80.0]]]),
    )
    thin = moved(boxes, torch.tensor([[[0.0, 0.0, -50.0, -50.0]]]))
    assert (thin[..., 2:] - thin[..., :2] >= 1).all()


def test_attention_reads_the_maps_where_the_box_is():
    part = BoxAttention(8, 4, heads=2)
    maps = [torch.zeros(1, 4, 64 // stride, 64 // stride) for stride in (4, 8, 16)]
    near = torch.tensor([[[8.0, 8.0, 16.0, 16.0], [48.0, 48.0, 56.0, 56.0]]])
    query = torch.zeros(1, 2, 8)
    with torch.no_grad():
        quiet = part(query, near, maps)
        maps[0][..., :6, :6] = 5.0
        loud = part(query, near, maps)
    assert (loud - quiet)[0, 0].abs().sum() > 0.1
    assert (loud - quiet)[0, 1].abs().sum() == 0


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"routing": "magic"}, "routing 'magic'"),
        ({"experts": 15}, "15 experts in 4 groups"),
        ({"top_groups": 5}, "groups"),
        ({"top_experts": 9}, "9 of the 2 best groups"),
        ({"queries": 0}, "queries 0"),
        ({"layers": True}, "layers True"),
        ({"width": 18}, "width 18"),
        ({"thresholds": (0.3, 1.5)}, "thresholds"),
    ],
)
def test_a_specification_that_cannot_be_is_refused(change, words):
    with pytest.raises(BundleError, match=words):
        replace(SPEC, **change)


def test_the_json_form_is_strict():
    assert ObjectsSpec.from_dict(SPEC.as_dict()) == SPEC
    for wrong in ({**SPEC.as_dict(), "more": 1}, {}, [], {**SPEC.as_dict(), "thresholds": 0.5}):
        with pytest.raises(BundleError, match="must have the keys"):
            ObjectsSpec.from_dict(wrong)
