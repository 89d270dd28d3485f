"""The network: folding changes nothing, experts run on their tiles only, the MAC count is what runs."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from model_core.networks.encoder import Features
from model_core.networks.hydranet import HydraNet, NetworkConfig
from model_core.networks.macs import count_macs, counting

SMALL = NetworkConfig((8, 8, 12, 16, 16), (2, 2, 1, 1), (8, 8, 8, 8, 8), 16)


@pytest.fixture
def network() -> HydraNet:
    torch.manual_seed(0)
    net = HydraNet(SMALL, {"water": 2, "clouds": 4})
    for module in net.modules():
        if isinstance(module, nn.BatchNorm2d):  # statistics as after a training, not the identity
            module.running_mean.normal_(0, 0.2)
            module.running_var.uniform_(0.5, 2.0)
            module.weight.data.uniform_(0.5, 1.5)
            module.bias.data.normal_(0, 0.2)
    nn.init.normal_(net.encoder.availability)
    return net.eval()


def batch(count: int = 3, size: int = 64) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    torch.manual_seed(1)
    return torch.rand(count, 8, size, size), torch.ones(count, 8), torch.ones(count, 1, size, size)


@torch.no_grad()
def test_folded_network_equals_the_trained_one(network):
    plain, folded = network(*batch()), network.folded()(*batch())
    torch.testing.assert_close(folded[0], plain[0], rtol=1e-4, atol=1e-5)
    for name in plain[1]:
        torch.testing.assert_close(folded[1][name], plain[1][name], rtol=1e-4, atol=1e-4)
    assert not any(isinstance(m, nn.BatchNorm2d) for m in network.folded().modules())


@torch.no_grad()
def test_decoding_a_selection_equals_decoding_all(network):
    features = network.encode(*batch(4))
    whole = network.decode("clouds", features)
    part = network.decode("clouds", features, torch.tensor([3, 1]))
    torch.testing.assert_close(part, whole[[3, 1]], rtol=1e-4, atol=1e-5)
    assert whole.shape == (4, 4, 64, 64)


@torch.no_grad()
def test_an_expert_sees_only_the_tiles_given_to_it(network):
    seen = []
    network.experts["water"].register_forward_pre_hook(lambda _m, args: seen.append(len(args[0].coverage)))
    features = network.encode(*batch(5))
    network.decode("water", features, torch.tensor([0, 4]))
    network.decode("clouds", features, torch.tensor([1]))
    assert seen == [2]


@torch.no_grad()
def test_a_missing_band_is_masked_whatever_it_holds(network):
    reflectance, available, valid = batch()
    available[:, 7] = 0
    other = reflectance.clone()
    other[:, 7] = 9.0
    a, b = network.encode(reflectance, available, valid), network.encode(other, available, valid)
    torch.testing.assert_close(a.levels[-1], b.levels[-1])
    everything = network.encode(reflectance, torch.ones_like(available), valid)
    assert not torch.allclose(a.levels[0], everything.levels[0])


@torch.no_grad()
def test_pixels_without_data_do_not_reach_the_network(network):
    reflectance, available, valid = batch()
    valid[:, :, :32] = 0
    other = reflectance.clone()
    other[:, :, :32] = 5.0
    a, b = network.encode(reflectance, available, valid), network.encode(other, available, valid)
    torch.testing.assert_close(network.switcher(a), network.switcher(b))


def test_pooling_ignores_cells_without_data(network):
    level = torch.rand(1, 16, 2, 2)
    cover = torch.tensor([[[[1.0, 0.0], [0.0, 0.0]]]])
    pooled = network.switcher.pool(Features((level,), cover))
    torch.testing.assert_close(pooled[0, :16], level[0, :, 0, 0])
    torch.testing.assert_close(pooled[0, 16:], level[0, :, 0, 0])


def test_macs_of_one_convolution_by_hand():
    layer = nn.Conv2d(3, 5, 3, stride=2, padding=1)
    with counting(layer) as counter, torch.no_grad():
        layer(torch.zeros(1, 3, 16, 16))
    assert counter.total == 5 * 8 * 8 * 3 * 3 * 3
    layer(torch.zeros(1, 3, 16, 16))
    assert counter.total == 5 * 8 * 8 * 27  # the hooks are gone


def test_macs_are_what_a_dense_pass_runs(network):
    folded = network.folded()
    macs = count_macs(folded, 64)
    with counting(folded) as counter, torch.no_grad():
        folded(*batch(1))
    assert counter.total == macs.all_experts
    assert macs.experts["clouds"] > macs.experts["water"] > 0


@torch.no_grad()
def test_batch_mates_do_not_change_a_tile(network):
    reflectance, available, valid = batch(4)
    together = network(reflectance, available, valid)[1]["water"]
    alone = network(reflectance[2:3], available[2:3], valid[2:3])[1]["water"]
    np.testing.assert_allclose(together[2:3], alone, rtol=1e-4, atol=1e-5)
