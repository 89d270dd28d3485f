"""Parts of a Hydra training: bootstrap, losses, heads, folding, cost."""

from __future__ import annotations

import math
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional as F

from model_core.errors import RequestError
from model_core.networks.encoder import Features
from model_core.networks.expert import Expert
from model_core.networks.macs import counting
from model_core.tasks import task
from model_core.training.hydra.bootstrap import BAG, BootstrapSampler, BootstrapStream, bags, poisson
from model_core.training.hydra.distil import (
    Distillation,
    averaged,
    blocks_of_pixels,
    grown,
    hydra_loss,
    speak,
    teach,
)
from model_core.training.hydra.folding import folded
from model_core.training.hydra.learning import Learner
from model_core.training.hydra.lines import with_offsets
from model_core.training.hydra.recipe import HydraRecipe
from model_core.training.hydra.unseen import UNSEEN, labelled_unseen, seen
from model_core.training.pack import Sample

SKIPS, WIDTHS = (8, 8, 12, 16, 16), (8, 8, 8, 8, 8)


def scene(name: str, edge: int = 32, source: str = "lakes") -> Sample:
    random = np.random.default_rng(len(name))
    return Sample(
        id=name,
        source=source,
        region=name,
        split="train",
        gsd_m=10.0,
        radiometry="boa",
        license="none",
        bands=random.integers(100, 3000, (8, edge, edge)).astype(np.uint16),
        available=np.ones(8, bool),
        valid=np.ones((edge, edge), bool),
        labels={"water": (random.random((edge, edge)) < 0.5).astype(np.uint8)},
        label_kind={"water": "hand"},
        needs={},
    )


def features(batch: int = 2, size: int = 64, seed: int = 0) -> Features:
    random = torch.Generator().manual_seed(seed)
    levels = [
        torch.rand(batch, width, size >> (i + 1), size >> (i + 1), generator=random)
        for i, width in enumerate(SKIPS)
    ]
    return Features(tuple(levels), torch.ones(batch, 1, size // 32, size // 32))


def expert(channels: int = 3, seed: int = 1, **more) -> Expert:
    torch.manual_seed(seed)
    return Expert(SKIPS, WIDTHS, channels, **more)


def apart(logits: torch.Tensor, count: int) -> torch.Tensor:
    """(n, M * C, H, W), head after head -> (n, M, C, H, W)."""
    return logits.unflatten(1, (count, -1))


def heads(values: torch.Tensor) -> list[torch.Tensor]:
    """(n, M, C, H, W) -> M times (n, C, H, W)."""
    return list(values.unbind(1))


def softmax(logits: torch.Tensor, temperature: float = 1.0) -> torch.Tensor:
    """Of logits (n, M, C, H, W)."""
    return torch.softmax(logits / temperature, 2)


def information(probability: torch.Tensor) -> torch.Tensor:
    """Mutual information (n, H, W) of answer and head, of probabilities (n, M, C, H, W)."""
    entropy = torch.special.entr(probability.double())
    return torch.special.entr(probability.double().mean(1)).sum(1) - entropy.sum(2).mean(1)


# Bootstrap


def test_weights_are_the_same_every_time_and_other_for_every_member():
    names = [f"scene-{number}" for number in range(400)]
    drawn = [[poisson(7, member, name) for name in names] for member in range(3)]
    assert drawn == [[poisson(7, member, name) for name in names] for member in range(3)]
    assert drawn[0] != drawn[1] != drawn[2] != drawn[0]
    assert [poisson(8, 0, name) for name in names] != drawn[0]


def test_weights_follow_a_poisson_distribution_of_mean_1():
    drawn = np.array([poisson(1, member, str(name)) for member in range(5) for name in range(2000)])
    for count in range(4):
        assert np.mean(drawn == count) == pytest.approx(math.exp(-1) / math.factorial(count), abs=0.015)
    assert drawn.mean() == pytest.approx(1.0, abs=0.04)


def test_a_large_scene_stands_alone_and_small_ones_are_drawn_in_bags_of_one_source():
    samples = [scene(f"chip-{n}") for n in range(9)] + [scene("wide", 160), scene("other", 40, "sky")]
    found = bags(samples, 4, 3)
    assert {source: sorted(len(bag.scenes) for bag in group) for source, group in found.items()} == {
        "lakes": [1, 1, BAG, BAG],
        "sky": [1],
    }
    names = [s.id for group in found.values() for bag in group for s in bag.scenes]
    assert sorted(names) == sorted(s.id for s in samples)
    again = bags(samples[::-1], 4, 3)  # the order of the catalogue does not matter
    assert [b.weights for g in found.values() for b in g] == [b.weights for g in again.values() for b in g]


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10_000), members=st.integers(2, 6))
def test_no_member_is_left_without_a_scene(seed, members):
    found = bags([scene("only", 160)], members, seed)
    assert all(weight > 0 for weight in found["lakes"][0].weights)


def test_a_tile_of_the_stream_has_the_weights_of_its_bag_and_any_batch_can_be_drawn_alone():
    samples = [scene(f"chip-{n}") for n in range(6)] + [scene("wide", 160)]
    sampler = BootstrapSampler(samples, 64, "water", 3, 5)
    known = {bag.weights for group in sampler.bags.values() for bag in group}
    stream = iter(BootstrapStream(sampler, 4, 11))
    batches = [next(stream) for _ in range(3)]
    for batch in batches:
        assert batch["weights"].shape == (4, 3)
        assert {tuple(row) for row in batch["weights"].tolist()} <= known
        assert batch["label"].shape == (4, 64, 64)
    late = next(iter(BootstrapStream(sampler, 4, 11, start=2)))
    for key, value in batches[2].items():
        assert torch.equal(value, late[key]), key


def test_unseen_sources_are_left_out():
    samples = [scene("a"), *(scene(f"b{n}", source=name) for n, name in enumerate(UNSEEN))]
    assert [sample.id for sample in seen(samples)] == ["a"]


# Loss


@settings(max_examples=30, deadline=None)
@given(
    seed=st.integers(0, 1000),
    temperature=st.sampled_from([0.5, 1.0, 2.0, 4.0]),
    members=st.integers(1, 4),
    classes=st.integers(2, 5),
)
def test_the_loss_is_its_definition(seed, temperature, members, classes):
    random = torch.Generator().manual_seed(seed)
    shape = (2, members, classes, 4, 5)
    teacher, student = (3 * torch.randn(shape, generator=random) for _ in range(2))
    valid = (torch.rand(2, 4, 5, generator=random) < 0.7).float()
    valid[0, 0, 0] = 1
    p = torch.softmax(teacher.double() / temperature, 2)
    q = torch.softmax(student.double() / temperature, 2)
    divergence = (p * (p.log() - q.log())).sum(2)  # (n, M, H, W)
    wanted = temperature**2 / members * divergence.sum(1)[valid.bool()].mean()
    found = hydra_loss(heads(softmax(teacher, temperature)), heads(student), valid, temperature)
    assert float(found) == pytest.approx(float(wanted), rel=1e-4, abs=1e-5)
    assert float(found) >= -1e-6


def test_no_loss_where_student_and_teacher_agree_or_nothing_is_valid():
    teacher = torch.randn(2, 3, 4, 8, 8)
    valid, none = torch.ones(2, 8, 8), torch.zeros(2, 8, 8)
    same = hydra_loss(heads(softmax(teacher, 2.0)), heads(teacher), valid, 2.0)
    assert float(same) == pytest.approx(0.0, abs=1e-5)
    mean = averaged(heads(softmax(teacher)))
    torch.testing.assert_close(mean[0], softmax(teacher).mean(1))
    assert float(hydra_loss(mean, [mean[0].log()], valid, 1.0)) == pytest.approx(0.0, abs=1e-5)
    assert float(hydra_loss(heads(softmax(teacher)), heads(-teacher), none, 1.0)) == 0.0


def test_the_gradient_is_that_of_the_divergence():
    teacher, student = torch.randn(1, 2, 3, 4, 4), torch.randn(1, 2, 3, 4, 4, requires_grad=True)
    target = softmax(teacher, 2.0)
    hydra_loss(heads(target), heads(student), torch.ones(1, 4, 4), 2.0).backward()
    mine = student.grad.clone()
    student.grad = None
    plain = F.kl_div(torch.log_softmax(student / 2, 2), target, reduction="sum") * 4 / (2 * 16)
    plain.backward()
    torch.testing.assert_close(mine, student.grad)


def test_teachers_and_students_are_compared_at_the_same_pixels():
    members = [folded(expert(seed=seed).eval()) for seed in (2, 3)]
    with torch.no_grad():
        taught = teach(members, features(), 2.0)
        plain = [torch.softmax(member(features()) / 2.0, 1) for member in members]
        many = grown(members[0], 2).eval()
        said = [F.pixel_shuffle(part.flatten(1, 2), 2) for part in speak(many, features())]
        torch.testing.assert_close(torch.cat(said, 1).float(), many(features()), rtol=0.05, atol=0.05)
    for found, wanted in zip(taught, plain, strict=True):
        shuffled = F.pixel_shuffle(found.flatten(1, 2), 2)
        torch.testing.assert_close(shuffled, wanted, rtol=0.05, atol=0.05)  # bfloat16 where there is some
    valid = (torch.rand(2, 1, 64, 64) < 0.5).float()
    assert torch.equal(F.pixel_shuffle(blocks_of_pixels(valid), 2), valid)


# Heads


def test_every_head_starts_as_the_single_one():
    single = folded(expert().eval())
    many = grown(single, 4).eval()
    with torch.no_grad():
        alone, together = single(features()), apart(many(features()), 4)
    for head in range(4):
        torch.testing.assert_close(together[:, head], alone)
    assert float(information(torch.softmax(together, 2)).abs().max()) < 1e-9


def test_heads_follow_their_own_member_and_part():
    single, given = folded(expert().eval()), features()
    members = [folded(expert(seed=seed).eval()) for seed in (2, 3, 4)]
    with torch.no_grad():
        target = softmax(4 * torch.stack([member(given) for member in members], 1))
    many = grown(single, 3)
    optimizer = torch.optim.Adam(many.parameters(), 1e-2)
    valid, losses = torch.ones(2, 64, 64), []
    for _ in range(60):
        loss = hydra_loss(heads(target), heads(apart(many(given), 3)), valid, 1.0)
        optimizer.zero_grad()
        loss.backward()
        losses.append(float(loss.detach()))
        optimizer.step()
    for layer in (many.head.own, many.head.near, many.head.wide, many.head.common, many.refine.conv):
        assert float(layer.weight.grad.abs().max()) > 0
    with torch.no_grad():
        found = torch.softmax(apart(many(given), 3), 2)
    assert losses[-1] < 0.5 * losses[0]
    wanted = information(target)
    assert float(information(found).mean()) > 0.3 * float(wanted.mean()) > 0
    for head in range(3):  # each is nearer to its own member than to any other's
        far = [float((found[:, head] - target[:, other]).abs().mean()) for other in range(3)]
        assert far.index(min(far)) == head


def test_no_head_reads_the_correction_of_another():
    torch.manual_seed(0)
    many = grown(folded(expert().eval()), 3).eval()
    torch.nn.init.normal_(many.head.own.weight)
    with torch.no_grad():
        before = apart(many(features()), 3)
        hidden = many.head.near.weight.shape[0] // 3
        many.head.near.weight[hidden : 2 * hidden] += 1.0  # of the second head
        after = apart(many(features()), 3)
    assert torch.equal(before[:, 0], after[:, 0]) and torch.equal(before[:, 2], after[:, 2])
    assert not torch.equal(before[:, 1], after[:, 1])


@pytest.mark.parametrize("name", ["clouds", "water", "landcover"])
def test_five_heads_cost_at_most_1_3_times_the_single_one(name):
    """Of the bundled network's shape, by what really runs."""
    skips, widths, channels = (32, 48, 96, 160, 256), (16, 32, 48, 64, 64), task(name).expert.channels
    given = Features(
        tuple(torch.zeros(1, width, 128 >> (i + 1), 128 >> (i + 1)) for i, width in enumerate(skips)),
        torch.ones(1, 1, 4, 4),
    )
    costs = []
    for count in (1, 5):
        decoder = Expert(skips, widths, channels, heads=count, deploy=True).eval()
        with torch.no_grad(), counting(decoder) as counter:
            decoder(given)
        costs.append(counter.total)
    assert 1.0 < costs[1] / costs[0] <= 1.3


# Deploy form and offsets


@pytest.mark.parametrize("count", [1, 3])
def test_a_folded_decoder_computes_the_same(count):
    decoder = expert(heads=count)
    for _ in range(3):
        decoder(features(seed=5))  # so that BatchNorm has statistics of its own
    decoder.eval()
    with torch.no_grad():
        torch.testing.assert_close(folded(decoder)(features()), decoder(features()), rtol=1e-4, atol=1e-4)
        torch.testing.assert_close(folded(folded(decoder))(features()), folded(decoder)(features()))


@pytest.mark.parametrize("count", [1, 3])
def test_offsets_move_every_head_and_leave_the_decoder_they_are_taken_from(count):
    decoder = folded(expert(heads=count).eval())
    with torch.no_grad():
        before = apart(decoder(features()), count)
        moved = apart(with_offsets(decoder, (0.5, 0.0, -0.25))(features()), count)
        again = apart(decoder(features()), count)
    torch.testing.assert_close(
        moved - before, torch.tensor([0.5, 0.0, -0.25])[:, None, None].expand_as(before)
    )
    assert torch.equal(before, again)
    with pytest.raises(ValueError, match="2 offsets"):
        with_offsets(decoder, (0.5, 0.0))


def test_one_member_is_no_ensemble():
    with pytest.raises(RequestError, match="--members is 1"):
        HydraRecipe(members=1)


def test_a_student_never_starts_as_a_decoder_that_saw_an_unseen_source(tmp_path):
    source = next(iter(UNSEEN))
    assert labelled_unseen([scene("a"), scene("b", source=source)]) == {"water"}
    assert labelled_unseen([scene("a")]) == set()
    for heads, allowed, started in ((1, True, True), (1, False, False), (3, True, False)):
        frozen = SimpleNamespace(specs={"water": SimpleNamespace(heads=heads)})
        given_ = (frozen, "water", [], [scene("a")], HydraRecipe(), tmp_path, print)
        assert Distillation(*given_, from_bundle=allowed).from_bundle == started


def test_a_loss_that_is_not_a_number_stops_a_learner_before_its_weights_change():
    module = torch.nn.Linear(2, 1)
    before = {name: value.clone() for name, value in module.state_dict().items()}
    learner = Learner("member-0", module, [([module.weight], 2e-3), ([module.bias], 1e-3)], HydraRecipe())
    x = torch.ones(1, 2)
    with pytest.raises(RequestError, match="member-0: in step 4 the loss is nan"):
        learner.update(module(x).sum() * math.nan, 3, 100)
    for name, value in module.state_dict().items():
        assert torch.equal(value, before[name]) and torch.equal(learner.average.state_dict()[name], value)
    learner.update(module(x).sum(), 99, 100)
    slow, fast = (group["lr"] for group in reversed(learner.optimizer.param_groups))
    assert fast == pytest.approx(2 * slow) and not torch.equal(module.weight, before["weight"])


def test_a_seed_that_none_is_is_refused():
    with pytest.raises(RequestError, match="^--seed is -1; give 0 to"):
        HydraRecipe(seed=-1)
