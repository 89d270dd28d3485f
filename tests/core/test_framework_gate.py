"""Gates and branches: an even start, noise in training alone, and branches that are not asked do not run."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from model_core.errors import RequestError
from model_core.networks.branches import Branches, pooled
from model_core.networks.gate import Gate, top_k


def branches(count: int = 4, classes: int = 5) -> Branches:
    torch.manual_seed(0)
    return Branches(6, 8, 2, count, classes)


def decided(network: Branches) -> Branches:
    """The same with a gate that has opinions."""
    torch.nn.init.normal_(network.gate.linear.weight, std=3.0)
    return network


def calls(network: Branches) -> tuple[list[int], list[torch.utils.hooks.RemovableHandle]]:
    """How many samples each branch was given, counted by hooks."""
    given_ = [0] * len(network.branches)

    def counting(number):
        def hook(_module, inputs):
            given_[number] += len(inputs[0])

        return hook

    return given_, [b.register_forward_pre_hook(counting(n)) for n, b in enumerate(network.branches)]


@pytest.mark.parametrize("experts", [1, 2, 4, 7])
def test_the_use_of_the_experts_starts_even(experts):
    gate, x = Gate(6, experts, noise=0.1), torch.randn(500, 6) * 10
    assert torch.equal(gate.eval()(x), torch.full((500, experts), 1 / experts))
    torch.manual_seed(1)
    gates = gate.train()(x)
    assert gates.sum(1).allclose(torch.ones(500))
    torch.testing.assert_close(gates.mean(0), torch.full((experts,), 1 / experts), atol=0.01, rtol=0)


def test_noise_is_for_training_only_and_belongs_to_the_seed():
    gate, x = Gate(6, 4, noise=0.1), torch.randn(400, 6)
    torch.nn.init.normal_(gate.linear.weight)
    assert torch.equal(gate.eval()(x), gate(x))
    gate.train()
    torch.manual_seed(3)
    first = gate(x)
    assert not torch.equal(first, gate(x))
    torch.manual_seed(3)
    assert torch.equal(first, gate(x))
    noise = (gate.logits(x) - gate.linear(x)).detach()
    assert float(noise.std()) == pytest.approx(0.1, rel=0.1)
    assert torch.equal(Gate(6, 4, noise=0.0).train()(x), torch.full((400, 4), 0.25))


def test_temperature_sharpens_a_gate_without_changing_its_choice():
    gate, x = Gate(6, 4).eval(), torch.randn(100, 6)
    torch.nn.init.normal_(gate.linear.weight)
    largest = []
    for gate.temperature in (2.0, 1.0, 0.5):
        gates = gate(x)
        torch.testing.assert_close(gates, torch.softmax(gate.linear(x) / gate.temperature, 1))
        largest.append(gates.max(1))
    assert torch.equal(largest[0].indices, largest[2].indices)
    assert (largest[0].values < largest[1].values).all() and (largest[1].values < largest[2].values).all()


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 12), st.integers(1, 6), st.data())
def test_the_strongest_are_chosen_and_their_weights_sum_to_one(seed, samples, experts, data):
    k = data.draw(st.integers(1, experts))
    gates = torch.softmax(torch.randn(samples, experts, generator=torch.Generator().manual_seed(seed)), 1)
    chosen, weights = top_k(gates, k)
    assert (chosen.sum(1) == k).all()
    assert ((weights > 0) == chosen).all()
    torch.testing.assert_close(weights.sum(1), torch.ones(samples))
    left_out = torch.where(chosen, torch.inf, gates).amin(1), torch.where(chosen, 0.0, gates).amax(1)
    kept = torch.where(chosen, gates, torch.inf).amin(1)
    assert (kept >= left_out[1]).all()
    if k == experts:
        torch.testing.assert_close(weights, gates)


def test_of_equal_gates_the_first_are_chosen():
    chosen, weights = top_k(torch.full((2, 5), 0.2), 2)
    assert chosen.tolist() == [[True, True, False, False, False]] * 2
    torch.testing.assert_close(weights[0], torch.tensor([0.5, 0.5, 0, 0, 0]))


@pytest.mark.parametrize("k", [0, -1, 5])
def test_a_number_of_experts_that_there_is_not_is_refused(k):
    with pytest.raises(RequestError, match=f"^{k} of 4 gated experts cannot run; give 1 to 4"):
        top_k(torch.full((2, 4), 0.25), k)


@pytest.mark.parametrize("k", [1, 2, 3, 4])
def test_branches_that_are_not_chosen_are_never_called(k):
    network, stem = decided(branches()).eval(), torch.randn(9, 6, 8, 8)
    given_, _ = calls(network)
    with torch.no_grad():
        found = network(stem, k)
    assert given_ == found.chosen.sum(0).tolist() and sum(given_) == 9 * k
    assert (found.features[~found.chosen] == 0).all()
    assert found.logits.shape == (9, 5)
    one_sided = torch.tensor([[0.7, 0.3, 0.0, 0.0]]).expand(9, 4)
    given_[:] = [0] * 4
    if k <= 2:
        network(stem, k, gates=one_sided)
        assert given_ == [9, 9 * (k - 1), 0, 0]


def test_a_sample_is_answered_alike_alone_and_in_company():
    network, stem = decided(branches()).eval(), torch.randn(6, 6, 8, 8)
    with torch.no_grad():
        together = network(stem, 2).logits
        for number in range(6):
            alone = network(stem[number : number + 1], 2).logits
            torch.testing.assert_close(alone, together[number : number + 1], atol=1e-5, rtol=1e-5)


def test_the_annealing_goes_from_all_branches_to_the_chosen_ones():
    network, stem = decided(branches()).train(), torch.randn(9, 6, 8, 8)
    network.gate.noise = 0.0
    for sparsity, everybody in ((0.0, True), (0.5, True), (1.0, False)):
        network.sparsity = sparsity
        given_, handles = calls(network)
        found = network(stem, 1)
        for handle in handles:
            handle.remove()
        assert (given_ == [9] * 4) == everybody
        assert bool(found.chosen.all()) == everybody
    soft = top_k(found.gates, 1)[1] * 0.5 + found.gates * 0.5
    torch.testing.assert_close(soft.sum(1), torch.ones(9))


def test_gradients_reach_gate_branches_and_combiner():
    network = decided(branches()).train()
    network.sparsity = 0.5
    network(torch.randn(9, 6, 8, 8), 1).logits.square().mean().backward()
    without = [name for name, p in network.named_parameters() if p.grad is None or not p.grad.abs().sum()]
    assert without == []


def test_what_is_not_covered_has_no_part_in_the_mean():
    x = torch.randn(3, 4, 5, 5)
    cover = torch.zeros(3, 1, 5, 5)
    cover[..., :2] = 1
    torch.testing.assert_close(pooled(x, cover), x[..., :2].mean((2, 3)))
    torch.testing.assert_close(pooled(x, torch.ones(3, 1, 5, 5)), pooled(x))
    assert torch.equal(pooled(x, torch.zeros(3, 1, 5, 5)), torch.zeros(3, 4))
