"""The classifiers with experts and branches: what runs, what it costs, and that folding changes nothing."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from model_core.errors import RequestError
from model_core.evaluation.classifier_scores import calls_of, oracle_gates
from model_core.networks.macs import counting
from model_core.networks.resnet import ResNet
from model_core.training.classify.spec import ClassifierSpec, logits_of

CLASSES = 6
SPECS = {
    "plain": ClassifierSpec("plain", 4),
    "moe": ClassifierSpec("moe", 4, 4),
    "hydranets": ClassifierSpec("hydranets", 4, 5, k=2, branch_width=8, branch_depth=2),
}
GATED = ("moe", "hydranets")


def chips(count: int) -> torch.Tensor:
    return torch.randn(count, 3, 64, 64, generator=torch.Generator().manual_seed(1))


def network(kind: str) -> nn.Module:
    """As after a training: statistics of BatchNorm and gates that are not those of the beginning."""
    torch.manual_seed(3)
    net = SPECS[kind].build(CLASSES)
    for module in net.modules():
        if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d):
            module.running_mean.uniform_(-0.5, 0.5)
            module.running_var.uniform_(0.5, 2)
            nn.init.uniform_(module.weight, 0.5, 1.5)
            nn.init.uniform_(module.bias, -0.3, 0.3)
    if kind in GATED:
        nn.init.normal_(net.gate.linear.weight)
        net.gate.temperature = 0.7
    return net.eval()


@pytest.mark.parametrize("kind", SPECS)
def test_every_kind_gives_logits_of_every_chip(kind):
    net = network(kind)
    with torch.no_grad():
        logits = logits_of(net, chips(3))
    assert logits.shape == (3, CLASSES)
    assert logits.dtype == torch.float32


@pytest.mark.parametrize("kind", SPECS)
def test_the_deployed_form_is_the_same_function_without_batch_norm(kind):
    net = network(kind)
    folded = SPECS[kind].folded(net, CLASSES)
    assert not [module for module in folded.modules() if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d)]
    x = chips(5)
    with torch.no_grad():
        for k in (0, 1, 2) if kind in GATED else (0,):
            assert torch.allclose(logits_of(folded, x, k), logits_of(net, x, k), atol=1e-4)
        if kind in GATED:  # the temperature is part of the weights now
            assert torch.allclose(folded(x).gates, net(x).gates, atol=1e-5)
            assert folded.gate.temperature == 1.0


@pytest.mark.parametrize("kind", GATED)
def test_what_was_not_chosen_is_never_called(kind):
    net, x = network(kind), chips(12)
    for k in range(1, SPECS[kind].experts + 1):
        with torch.no_grad(), calls_of(net.experts) as calls:
            out = net(x, k)
        assert calls == out.chosen.sum(0).tolist()
        assert sum(calls) == k * len(x)
        strongest = out.gates.topk(k, 1).indices.sort(1).values
        assert torch.equal(strongest, out.chosen.nonzero()[:, 1].reshape(len(x), k))
    # One chip: the modules of all other branches are not even entered.
    entered = []
    for number, expert in enumerate(net.experts):
        for part in expert.modules():
            part.register_forward_hook(lambda *_, number=number: entered.append(number))
    with torch.no_grad():
        out = net(x[:1], 1)
    assert set(entered) == {int(out.gates.argmax())}


@pytest.mark.parametrize("kind", GATED)
def test_each_further_branch_costs_exactly_one_branch(kind):
    net = SPECS[kind].folded(network(kind), CLASSES)
    x = chips(1)
    with torch.no_grad():
        with counting(net.experts[0]) as one:
            features = net.features(x)
            net.experts[0](features)
        totals = []
        for k in range(1, SPECS[kind].experts + 1):
            with counting(net) as counter:
                net(x, k)
            totals.append(counter.total)
    assert one.total > 0
    assert {b - a for a, b in zip(totals, totals[1:], strict=False)} == {one.total}


@pytest.mark.parametrize("kind", GATED)
def test_one_hot_gates_ask_one_expert_alone(kind):
    net, x = network(kind), chips(4)
    with torch.no_grad():
        features = net.features(x)
        for number in range(SPECS[kind].experts):
            only = torch.zeros(4, SPECS[kind].experts)
            only[:, number] = 1
            with calls_of(net.experts) as calls:
                out = net.decide(features, 1, gates=only)
            assert calls == [4 if n == number else 0 for n in range(SPECS[kind].experts)]
            if kind == "moe":
                assert torch.allclose(out.logits, net.experts[number](features), atol=1e-6)


@pytest.mark.parametrize("kind", GATED)
def test_a_sample_is_answered_alike_whatever_its_neighbours(kind):
    net, x = network(kind), chips(6)
    with torch.no_grad():
        together = net(x, 2)
        for number in range(6):
            alone = net(x[number : number + 1], 2)
            assert torch.equal(alone.chosen[0], together.chosen[number])
            assert torch.allclose(alone.logits[0], together.logits[number], atol=1e-4)


def test_gates_begin_even():
    for kind in GATED:
        net = SPECS[kind].build(CLASSES).eval()
        with torch.no_grad():
            gates = net(chips(2)).gates
        assert torch.allclose(gates, torch.full_like(gates, 1 / SPECS[kind].experts))


def test_all_experts_learn_while_training_softly():
    torch.manual_seed(0)
    net = SPECS["hydranets"].build(CLASSES).train()
    net.head.sparsity = 0.5
    net(chips(4), 1).logits.sum().backward()
    assert all(any(p.grad is not None and p.grad.any() for p in e.parameters()) for e in net.experts)
    mixture = SPECS["moe"].build(CLASSES).train()
    with calls_of(mixture.experts) as calls:
        mixture(chips(4), 1)
    assert calls == [4] * 4


def test_multiply_adds_of_a_plain_network_are_those_on_paper():
    net = ResNet(4, CLASSES, deploy=True).eval()
    with torch.no_grad(), counting(net) as counter:
        net(torch.zeros(1, 3, 64, 64))
    stem = 32 * 32 * 27 * 4
    first = 32 * 32 * 9 * 4 * 16
    second = 16 * 16 * (9 * (4 * 8 + 3 * 64) + 4 * 8)
    third = 8 * 8 * (9 * (8 * 16 + 3 * 256) + 8 * 16)
    assert counter.total == stem + first + second + third + 16 * CLASSES


def test_an_oracle_changes_the_first_choice_and_keeps_the_values():
    gates = torch.tensor([[0.1, 0.6, 0.3], [0.5, 0.2, 0.3]])
    said = oracle_gates(gates, torch.tensor([2, 0]))
    assert torch.equal(said, torch.tensor([[0.1, 0.3, 0.6], [0.5, 0.2, 0.3]]))


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"kind": "forest"}, "--kind is forest"),
        ({"width": 0}, "--width is 0"),
        ({"k": 6}, "--k is 6; give 1 to 5"),
        ({"k": -1}, "--k is -1"),
    ],
)
def test_impossible_networks_are_refused_in_a_sentence(change, told):
    with pytest.raises(RequestError, match=told):
        ClassifierSpec(**{"kind": "hydranets", "width": 4, "experts": 5, **change})
