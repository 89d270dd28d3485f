"""A decoder with branches: what is not chosen is not called, and nothing else changes."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from model_core.networks.branched_expert import BranchedExpert
from model_core.networks.branches import pooled
from model_core.networks.encoder import Features
from model_core.networks.gate import top_k
from model_core.networks.hydranet import NetworkConfig
from model_core.networks.macs import counting
from model_core.training.branched.arms import ARMS, Plan, build, logits_of

SKIPS, COMMON, FINE, CLASSES, BRANCHES = (8, 8, 12, 16, 16), (8, 8, 8), (6, 8), 5, 3


def some_features(count: int, size: int = 64, seed: int = 0, skips: tuple[int, ...] = SKIPS) -> Features:
    random = torch.Generator().manual_seed(seed)
    levels = tuple(
        torch.rand(count, width, size >> i, size >> i, generator=random) for i, width in enumerate(skips, 1)
    )
    return Features(levels, torch.ones(count, 1, size // 32, size // 32))


@pytest.fixture(scope="module")
def expert() -> BranchedExpert:
    """Folded, after a few forward passes in training gave its BatchNorms statistics and its gate weights."""
    torch.manual_seed(0)
    net = BranchedExpert(SKIPS, COMMON, FINE, CLASSES, BRANCHES)
    torch.nn.init.normal_(net.gate.linear.weight)
    net.sparsity = 0.0
    with torch.no_grad():
        net.bias.normal_()
        for seed in range(3):
            net(some_features(4, seed=seed), 1)
    return net.eval()


def calls(net: BranchedExpert) -> tuple[list[int], list]:
    """Tiles that each branch was called with, counted by hooks from now on."""
    seen = [0] * len(net.branches)

    def count(number):
        def hook(_module, inputs, _output):
            assert len(inputs[0])  # never called for nothing
            seen[number] += len(inputs[0])

        return hook

    return seen, [b.register_forward_hook(count(number)) for number, b in enumerate(net.branches)]


@given(st.integers(0, 10_000), st.integers(1, 5), st.integers(1, BRANCHES))
def test_branches_that_were_not_chosen_are_never_called(expert, seed, count, k):
    gates = torch.softmax(torch.randn(count, BRANCHES, generator=torch.Generator().manual_seed(seed)), 1)
    seen, hooks = calls(expert)
    with torch.no_grad():
        said = expert(some_features(count, 32), k, gates=gates)
    for hook in hooks:
        hook.remove()
    assert torch.equal(said.chosen, top_k(gates, k)[0])
    assert seen == said.chosen.sum(0).tolist()
    assert sum(seen) == count * k


def test_all_branches_equal_the_dense_sum(expert):
    features = some_features(3)
    with torch.no_grad():
        said = expert(features, BRANCHES)
        assert torch.equal(said.gates, expert.gate(pooled(features.levels[-1])))
        x = expert.lateral[-1](features.levels[-1])
        for level in (1, 0):
            skip = expert.lateral[level](features.levels[2 + level])
            x = expert.merge[level](torch.nn.functional.interpolate(x, scale_factor=2, mode="bilinear"), skip)
        dense = expert.bias[:, None, None]
        for number, branch in enumerate(expert.branches):
            y = x
            for level in (1, 0):
                skip = branch.lateral[level](features.levels[level])
                y = branch.merge[level](
                    torch.nn.functional.interpolate(y, scale_factor=2, mode="bilinear"), skip
                )
            y = branch.refine(y) * said.gates[:, number, None, None, None]
            dense = dense + branch.combine(y)
    assert said.logits.shape == (3, CLASSES, 64, 64)
    torch.testing.assert_close(said.logits, torch.nn.functional.pixel_shuffle(dense, 2))


@pytest.mark.parametrize("k", [1, 2, 3])
def test_a_tile_does_not_hang_on_its_batch_mates(expert, k):
    features = some_features(4)
    with torch.no_grad():
        together = expert(features, k)
        assert len({tuple(row) for row in together.chosen.tolist()}) > (k == BRANCHES) - 1
        for number in range(4):
            alone = expert(features.one(number), k)
            torch.testing.assert_close(alone.logits[0], together.logits[number])
            assert torch.equal(alone.chosen[0], together.chosen[number])


def test_every_branch_costs_the_same(expert):
    features, macs = some_features(1), []
    for k in range(1, BRANCHES + 1):
        with counting(expert) as counter, torch.no_grad():
            expert(features, k)
        macs.append(counter.total)
    half, quarter = 32 * 32, 16 * 16
    branch = quarter * (8 * 8 + 9 * 8 * 8) + half * (8 * 6 + 9 * 8 * 6 + 9 * 6 * 6 + 9 * 6 * 4 * CLASSES)
    assert [b - a for a, b in zip(macs, macs[1:], strict=False)] == [branch] * (BRANCHES - 1)


def test_the_gate_does_not_see_what_lies_under_no_data(expert):
    features = some_features(2)
    cover = torch.ones(2, 1, 2, 2)
    cover[:, :, 0] = 0
    bottleneck = features.levels[-1].clone()
    bottleneck[:, :, 0] = 1e3
    with torch.no_grad():
        clean = expert(Features(features.levels, cover), 2).gates
        dirty = expert(Features((*features.levels[:-1], bottleneck), cover), 2).gates
        empty = expert(Features((*features.levels[:-1], bottleneck), torch.zeros_like(cover)), 2)
    assert torch.equal(clean, dirty)
    assert torch.isfinite(empty.logits).all()
    assert torch.equal(empty.gates[0], torch.softmax(expert.gate.linear.bias, 0))


@pytest.mark.parametrize("k", [1, 2, 3])
def test_folding_changes_nothing(expert, k):
    expert.gate.temperature = 0.5
    try:
        with torch.no_grad():
            before, after = expert(some_features(4), k), expert.folded()(some_features(4), k)
    finally:
        expert.gate.temperature = 1.0
    torch.testing.assert_close(after.gates, before.gates)
    assert torch.equal(after.chosen, before.chosen)
    torch.testing.assert_close(after.logits, before.logits, rtol=1e-4, atol=1e-4)
    assert not any(isinstance(m, torch.nn.BatchNorm2d) for m in expert.folded().modules())


def test_training_goes_from_all_branches_to_the_top_k():
    torch.manual_seed(0)
    net = BranchedExpert(SKIPS, COMMON, FINE, CLASSES, BRANCHES).train()
    for sparsity, ran in ((0.0, [4, 4, 4]), (0.5, [4, 4, 4]), (1.0, None)):
        net.sparsity = sparsity
        seen, hooks = calls(net)
        said = net(some_features(4), 1)
        for hook in hooks:
            hook.remove()
        assert seen == (ran or said.chosen.sum(0).tolist())
        assert sum(seen) == (4 if sparsity == 1 else 12)
        if sparsity < 1:  # the task's loss tells the gate which branch serves it
            net.zero_grad()
            said.logits.square().mean().backward()
            assert net.gate.linear.weight.grad.abs().sum() > 0


def test_no_arm_costs_more_than_the_plain_decoder():
    config, plan = NetworkConfig(), Plan()
    features, macs = some_features(1, skips=config.encoder_widths), {}
    for arm in ARMS.values():
        torch.manual_seed(0)
        net = build(arm, config, CLASSES, plan, deploy=True).eval()
        with counting(net) as counter, torch.no_grad():
            assert logits_of(net, features, arm.k).shape == (1, CLASSES, 64, 64)
        macs[arm.name] = counter.total
    gate = config.encoder_widths[-1] * plan.branches
    assert macs["one-branch"] == macs["one-branch-random"] == macs["plain"] + gate
    assert macs["two-branches"] < macs["plain"]
