"""A user's tiles in memory, their batches, and the rows and figures that come of them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import rasterio
import torch

from model_core.bands import BAND_NAMES
from model_core.bundle import load_bundle
from model_core.errors import CancelledError, RequestError
from model_core.routerset import UNKNOWN, read_routerset
from model_core.spec import ClassSpec
from model_core.training.own import batches as batches_module
from model_core.training.own.batches import AS_IT_IS, MOST_STEPS, Batches, jittered, scaled
from model_core.training.own.decoder import Averaged, class_weights, copied_expert, new_expert
from model_core.training.own.figures import figures, headline
from model_core.training.own.rows import (
    HeldOut,
    Scored,
    finished_row,
    kinds_of,
    seen_as_they_are,
    seen_augmented,
)
from model_core.training.own.tiles import collated, licences, load_tiles, resolution
from model_core.training.router_row import Standard, fit_row
from tests.core.tiny_bundle import REED, write_bundle, write_tiles

THREE = replace(REED, classes=(*REED.classes, ClassSpec(2, "rush", "#112233")), present=(1, 2))


def never() -> bool:
    return False


def unheard(*_told: int) -> None: ...


@pytest.fixture(scope="module")
def tiles_folder(tmp_path_factory):
    return write_tiles(tmp_path_factory.mktemp("tiles"))


@pytest.fixture
def own(tiles_folder):
    data = read_routerset(tiles_folder)
    return load_tiles(data, data.of("train"), data.tasks[0], never, unheard)


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    folder = write_bundle(tmp_path_factory.mktemp("base"), {"water": 2}, tile_size=64)
    return load_bundle(folder, device="cpu", precision="fp32")


def test_tiles_are_read_as_the_pack_is(tiles_folder, own):
    one = own[0]
    with rasterio.open(tiles_folder / one.entry.file) as source:
        stored = source.read()
    assert one.available.all(), "pan is made from the others"
    np.testing.assert_array_equal(one.bands[1:], stored)
    assert one.bands[0].min() > 0 and one.valid.all() and set(np.unique(one.label)) == {0, 1}
    batch = collated(own)
    assert batch["reflectance"].shape == (6, 8, 64, 64) and batch["valid"].shape == (6, 1, 64, 64)
    np.testing.assert_allclose(batch["reflectance"][0, 1:].numpy() * 1e4, stored, rtol=1e-5)
    assert (batch["label"][1, :20] == UNKNOWN).all()


def test_fewer_bands_are_read_and_the_others_are_said_to_be_missing(tmp_path):
    folder = write_tiles(tmp_path / "rgb", bands=("red", "green", "blue"), counts={"train": 1})
    data = read_routerset(folder)
    (one,) = load_tiles(data, data.entries, None, never, unheard)
    there = [name for name, flag in zip(BAND_NAMES, one.available, strict=True) if flag]
    assert there == ["pan", "blue", "green", "red"] and one.label is None
    with rasterio.open(folder / one.entry.file) as source:
        np.testing.assert_array_equal(one.bands[[3, 2, 1]], source.read())
    assert not one.bands[4:].any()


def test_a_tile_that_is_not_what_the_catalogue_says_is_named(tmp_path):
    folder = write_tiles(tmp_path / "t", counts={"train": 1})
    data = read_routerset(folder)

    def read():
        return load_tiles(data, data.entries, REED, never, unheard)

    label = folder / data.entries[0].label_file("reed")
    with rasterio.open(label, "r+") as target:
        target.write(np.full((1, 64, 64), 7, np.uint8))
    with pytest.raises(RequestError, match=r"label of tile 'train_0' has values \[7\]"):
        read()
    label.unlink()
    with pytest.raises(RequestError, match="Tile 'train_0' of the routerset cannot be read"):
        read()
    data = replace(data, tile_size=128)
    with pytest.raises(RequestError, match="64 x 64 pixels or a label of another size; expected 128 x 128"):
        load_tiles(data, data.entries, None, never, unheard)
    with pytest.raises(CancelledError):
        load_tiles(data, data.entries, None, lambda: True, unheard)


def test_what_is_told_of_the_tiles(own):
    entries = [tile.entry for tile in own]
    assert resolution(entries) == (6.7, 15.0)
    assert resolution([replace(entries[0], gsd_m=None)]) is None
    assert resolution([*entries, replace(entries[0], gsd_m=0.3)]) == (0.2, 15.0)
    assert licences([*entries, replace(entries[0], licence="")]) == ["my own", "not stated"]
    assert kinds_of(entries, "reed") == (3, 3) and kinds_of(entries, "other") == (0, 0)
    assert own[0].counts(2).sum() == 64 * 64 and own[1].counts(2).tolist() == [44 * 64, 0]


def test_batches_hang_on_seed_and_epoch_alone(own):
    content, rest = own[::2], own[1::2]
    make = Batches(content, rest, 4, 7)
    first, again = list(make.epoch(3)), list(Batches(content, rest, 4, 7).epoch(3))
    assert len(first) == make.steps == 8
    for mine, its in zip(first, again, strict=True):
        assert all(torch.equal(mine[name], its[name]) for name in mine)
    other = next(iter(make.epoch(4)))
    assert not torch.equal(first[0]["reflectance"], other["reflectance"])
    assert not torch.equal(
        first[0]["reflectance"], next(iter(Batches(content, rest, 4, 8).epoch(3)))["reflectance"]
    )


@pytest.mark.parametrize(
    ("content", "rest", "of_rest", "steps"),
    [(3, 0, 0, 8), (60, 1, 2, 10), (9, 90, 4, 8), (900, 900, 4, MOST_STEPS)],
)
def test_every_batch_has_content_and_mostly_something_else_too(
    own, monkeypatch, content, rest, of_rest, steps
):
    seen = []
    monkeypatch.setattr(Batches, "_made", lambda self, tiles, random: seen.append(list(tiles)))
    with_content, without = [own[0]] * content, [own[1]] * rest
    make = Batches(with_content, without, 8, 0)
    assert len(list(make.epoch(0))) == make.steps == steps
    assert all(sum(tile is own[1] for tile in tiles) == of_rest for tiles in seen)


def test_turned_tiles_keep_pixels_and_labels_together(own, monkeypatch):
    """The label is where the image is dark, whatever was flipped, turned and scaled."""
    monkeypatch.setattr(batches_module, "AS_IT_IS", 1.1)
    shapes = set()
    for batch in Batches(own[::2], [], 4, 0).epoch(0):
        label, valid = batch["label"], batch["valid"][:, 0] > 0
        dark = batch["reflectance"][:, 7] < 0.13
        known = valid & (label != UNKNOWN)
        assert ((dark == (label == 1)) | ~known).float().mean() > 0.98
        assert (label[~valid] == UNKNOWN).all() and known.float().mean() > 0.3
        shapes.add(round(float((label == 1).float().mean()), 2))
    assert len(shapes) > 3


def test_scaling_keeps_the_size_and_says_where_nothing_is(own):
    batch, random = collated(own[:2]), np.random.default_rng(0)
    small = scaled(batch, 0.75, random)
    assert small["reflectance"].shape == batch["reflectance"].shape
    assert float(small["valid"].mean()) == pytest.approx(0.75**2)
    assert (small["label"][small["valid"][:, 0] == 0] == UNKNOWN).all()
    large = scaled(batch, 1.4, random)
    assert float(large["valid"].mean()) == 1.0 and large["label"].shape == (2, 64, 64)


def test_other_light_spares_a_share_of_the_tiles(own):
    batch = collated([own[0]] * 64)
    changed = jittered(batch, np.random.default_rng(0))
    same = (changed["reflectance"] == batch["reflectance"]).flatten(1).all(1)
    assert AS_IT_IS - 0.2 < float(same.float().mean()) < AS_IT_IS + 0.2
    assert changed["available"][same].min() == 1 and changed["available"].min() == 0
    assert torch.equal(changed["label"], batch["label"])


def test_rare_classes_weigh_more(own):
    half = replace(
        own[1], label=np.where(np.arange(64) < 60, 0, 1).astype(np.uint8) * np.ones((64, 1), np.uint8)
    )
    weights = class_weights([half], 3)
    assert weights[0] == 1 and float(weights[1]) == pytest.approx((60 / 4) ** 0.5) and weights[2] == 4


def test_an_expert_begins_as_another_one(models):
    water = models.network.experts["water"]
    alike = new_expert(models, 2, "water", 0).state_dict()
    assert torch.equal(alike["refine.conv.weight"], water.refine.conv.weight)
    assert torch.equal(alike["head.weight"], water.head.common.weight), "what its heads have in common"
    more = new_expert(models, 3, "water", 0).state_dict()
    assert torch.equal(more["lateral.0.conv.bias"], water.lateral[0].conv.bias)
    assert more["head.weight"].shape[0] == 12 and more["head.weight"].abs().max() > 0
    fresh, same = new_expert(models, 2, None, 1), new_expert(models, 2, None, 1)
    assert all(torch.equal(a, b) for a, b in zip(fresh.parameters(), same.parameters(), strict=True))
    copy = copied_expert(models, "water")
    assert copy.heads == 2 and all(parameter.requires_grad for parameter in copy.parameters())


def test_the_average_follows_the_weights(models):
    module = Averaged(new_expert(models, 2, None, 1))
    with torch.no_grad():
        module.live.head.bias.fill_(1.0)
        module.average.head.bias.fill_(0.0)
    module.follow()
    first = float(module.average.head.bias[0])
    for _ in range(400):
        module.follow()
    assert 0.7 < first < 0.9 and float(module.average.head.bias[0]) == pytest.approx(1, abs=1e-3)
    assert not any(parameter.requires_grad for parameter in module.average.parameters())


def test_figures_of_a_split_are_those_of_its_confusion():
    counts = np.array([[50, 5, 0], [10, 30, 0], [5, 0, 0]])
    assert headline(counts, THREE)["iou"] == pytest.approx((30 / 45 + 0) / 2)
    assert headline(counts[:2, :2], REED) == {"iou": 30 / 45, "f1": pytest.approx(60 / 75)}
    told = figures(counts, THREE, 4)
    assert told["classes"][1] == {
        "value": 1, "name": "reed", "iou": 0.666667, "f1": 0.8, "precision": 0.857143, "recall": 0.75,
        "pixels": 40,
    }  # fmt: skip
    assert told["classes"][2]["precision"] is None and told["classes"][2]["recall"] == 0
    assert told["confusion"] == counts.tolist() and told["accuracy"] == 0.8 and told["pixels"] == 100
    assert figures(np.zeros((3, 3), int), THREE, 0) is None
    assert np.isnan(headline(np.diag([5, 0, 0]), THREE)["iou"])


def test_a_row_for_standardised_features_is_the_same_row():
    random = torch.Generator().manual_seed(0)
    hidden = torch.randn(50, 6, generator=random) * 3 + 2
    weight, bias = torch.randn(6, generator=random), 0.7
    standard = Standard.of(hidden)
    other = standard.standardised(weight, bias)
    torch.testing.assert_close(standard.apply(hidden) @ other[0] + other[1], hidden @ weight + bias)
    back = standard.plain(*other)
    torch.testing.assert_close(back[0], weight)
    assert back[1] == pytest.approx(bias, abs=1e-5)


def test_rows_are_calibrated_on_cal_and_else_told_of(own, models):
    seen = seen_as_they_are(models, own, unheard)
    views = seen_augmented(models, own, 0, unheard)
    assert views.hidden.shape == (24, 16) and len(views.entries) == 24
    weight, bias = fit_row(views.hidden.float(), torch.from_numpy(views.target("reed")), _Plan())

    def split(times: int) -> Scored:
        return Scored(seen.hidden.repeat(times, 1), list(seen.entries) * times)

    row, report, doubts = finished_row("reed", weight, bias, HeldOut(split(1), split(3), split(0)))
    assert row.calibration.split == "cal" and not doubts
    assert row.basis == {"tiles": 9, "scenes": 3, "split": "own cal"} and len(row.needed_scores) == 9
    assert list(row.needed_scores) == sorted(row.needed_scores)
    assert report["test"] is None and report["val"]["needed"] == 3
    _, _, doubts = finished_row("reed", weight, bias, HeldOut(split(2), split(1), split(1)))
    assert "calibrated on cal and val together, as cal has 3 tiles" in doubts[0]
    row, _, doubts = finished_row("reed", weight, bias, HeldOut(split(0), split(0), split(1)))
    assert row.needed_scores == () and "not calibrated: 0 tiles" in doubts[0] and "recall policy" in doubts[1]


class _Plan:
    seed, steps = 0, 100
