"""What a tile tells the switcher of the objects expert, and how its row is trained and measured."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from sklearn.metrics import average_precision_score

from model_core.bundle import load_bundle
from model_core.tasks import TASK_NAMES, UNKNOWN
from model_core.training.held_out import held_out
from model_core.training.layout import natural_tiles
from model_core.training.objects import described, router
from model_core.training.objects.export import objects_bundle
from model_core.training.objects.relevance import (
    coarse_sources,
    drawn_relevance,
    pack_relevance,
    pack_tiles,
    plain_water,
    sample_share,
    scene_relevance,
    scene_tiles,
)
from model_core.training.objects.router import RouterPlan
from model_core.training.objects.sampling import ObjectSampler
from model_core.training.objects.scenes import CHIP_SOURCE
from model_core.training.objects.truth import ObjectScene
from model_core.training.pack import load_pack
from model_core.training.router_row import average_precision, fit_row, row_logits
from model_core.training.sampling import Tile
from tests.core.test_objects_bundle import SPEC, base, detector  # noqa: F401 (base is a fixture)
from tests.core.tiny_pack import write_pack

PLAN = RouterPlan(drawn=48, ordinary=48, steps=400)


def scene(name="one", size=400, boxes=(), *, known=True, source="boats", bright=False) -> ObjectScene:
    """Dark water with bright boxes; or bright land."""
    random = np.random.default_rng(len(name))
    bands = random.integers(300, 400, (8, size, size)).astype(np.uint16)
    if bright:
        bands += 2500
    boxes = np.array(boxes, np.float32).reshape(-1, 4)
    for x0, y0, x1, y1 in boxes.astype(int):
        bands[:, y0:y1, x0:x1] = 4000
    everywhere = np.ones((size, size), bool)
    count = len(boxes)
    return ObjectScene(
        name, source, "train", 2.0, "none", bands, np.ones(8, bool), everywhere, boxes,
        np.zeros(count, np.int64), np.full((count, 5), np.nan, np.float32),
        np.stack([everywhere, everywhere & known]), ~everywhere,
    )  # fmt: skip


def test_a_tile_of_a_scene_needs_the_expert_if_a_centre_is_in_it():
    one = scene(boxes=[(240, 100, 290, 120)])  # centre (265, 110)
    assert scene_relevance(one, 0, 144, 256) == 1
    assert scene_relevance(one, 0, 0, 256) == -1, "the end of an object is neither one nor none"
    assert scene_relevance(one, 144, 0, 256) == 0
    assert scene_relevance(scene(boxes=[(240, 100, 290, 120)], known=False), 144, 0, 256) == -1
    partly = scene()
    partly.known[1, :30] = False
    assert scene_relevance(partly, 0, 0, 256) == -1 and scene_relevance(partly, 100, 0, 256) == 0
    partly.valid[:] = False
    assert scene_relevance(partly, 100, 0, 256) == -1


def test_tiles_of_scenes_are_cut_as_others_are():
    large, small = scene("large", 400, [(10, 10, 30, 20)]), scene("small", 100)
    found = list(scene_tiles([small, large]))
    assert [tile.ids for tile in found] == [("large",)] * 4 + [("small",)]
    assert [tile.target for tile in found] == [1, 0, 0, 0, 0]
    assert int(found[-1].valid.sum()) == 100**2 and found[-1].bands.shape == (8, 256, 256)
    assert found[3].bands[0].numpy().tolist() == large.bands[0, 144:, 144:].tolist()
    assert len(list(scene_tiles([large], stride=128))) == 9


def test_a_drawn_tile_tells_the_same():
    sampler = ObjectSampler([scene(boxes=[(240, 100, 290, 120)]), scene("two", source="boats")], [], 128, 0)
    random = np.random.default_rng(0)
    tiles = [sampler.draw(random) for _ in range(40)]
    told = [drawn_relevance(tile) for tile in tiles]
    assert set(told) >= {0, 1}
    assert all((value == 1) == bool(len(tile.labels)) for value, tile in zip(told, tiles, strict=True))
    none = next(tile for tile, value in zip(tiles, told, strict=True) if value == 0)
    known = none.known.clone()
    known[1, :2] = False
    assert drawn_relevance(replace(none, known=known)) == -1


def ordinary(source="somewhere", needs=None, **labels) -> Tile:
    """A tile with one label value all over for each task named."""
    planes = torch.full((len(TASK_NAMES), 64, 64), UNKNOWN, dtype=torch.uint8)
    for name, value in labels.items():
        planes[TASK_NAMES.index(name)] = value
    told = torch.tensor([(needs or {}).get(name, -1) for name in TASK_NAMES], dtype=torch.int8)
    everywhere = torch.ones(64, 64, dtype=torch.bool)
    return Tile(torch.zeros(8, 64, 64), torch.ones(8, dtype=torch.bool), everywhere, planes, told, source)


@pytest.mark.parametrize(
    ("tile", "expected"),
    [
        (ordinary(), -1),
        (ordinary(clouds=2), 0),
        (ordinary(clouds=1), -1),
        (ordinary(forest_damage=0), 0),
        (ordinary(landcover=3), -1),  # land without ships, but who knows of buildings
        (ordinary(landcover=3, buildings=0), 0),
        (ordinary(landcover=3, buildings=1), -1),
        (ordinary(water=1), -1),  # no buildings, but who knows of ships
        (ordinary(landcover=0), -1),
        (ordinary("OSCD", water=1), 0),  # where a ship would have broken the label
        (ordinary(water=0, buildings=0), 0),
        (ordinary(needs={"water": 0, "buildings": 0}), 0),
        (ordinary(needs={"water": 0}), -1),
    ],
)
def test_ordinary_tiles_count_where_their_labels_rule_objects_out(tile, expected):
    assert pack_relevance(tile) == expected


def test_land_cover_tells_of_buildings_where_pixels_are_large():
    for value, expected in ((0, -1), (1, 0), (2, 0), (3, 0), (4, -1), (6, 0)):
        assert pack_relevance(ordinary("far", landcover=value), {"far"}) == expected, value
        assert pack_relevance(ordinary("near", landcover=value), {"far"}) == -1
    assert pack_relevance(ordinary("far"), {"far"}) == -1


def test_what_a_scene_rules_out_is_told_of_all_its_pixels(tmp_path):
    samples = load_pack(write_pack(tmp_path / "pack"), ("train",))
    assert coarse_sources(samples) == {"lakes", "sky"}
    assert coarse_sources([*samples, replace(samples[0], gsd_m=3.0)]) < {"lakes", "sky"}
    assert coarse_sources([replace(samples[0], gsd_m=None)]) == set()
    lake = next(
        one for one in samples if one.id == "lake_train_0"
    )  # water, where a ship may be, and vegetation
    land = 1 - (lake.labels["water"] == 1).mean()
    assert sample_share(lake, {"lakes"}) == pytest.approx(land) and sample_share(lake) == 0
    cloudy = next(one for one in samples if one.id == "sky_train_0")
    assert sample_share(cloudy) == pytest.approx((cloudy.labels["clouds"] == 2).mean())
    nothing = replace(lake, valid=np.zeros_like(lake.valid))
    assert sample_share(nothing, {"lakes"}) == 0


def test_a_chip_of_plain_water_is_a_scene_without_objects():
    water = plain_water(scene("w", 80, source=CHIP_SOURCE))
    assert sample_share(water) == 1
    (tile,) = pack_tiles(natural_tiles([water] * 3))
    assert tile.target == 0 and tile.ids == ("w",) * 3


def test_one_unlabelled_spot_is_enough_not_to_know():
    tile = ordinary(clouds=2)
    tile.labels[:, :16, :16] = UNKNOWN
    assert pack_relevance(tile) == -1
    tile.valid[:16, :16] = False
    assert pack_relevance(tile) == 0
    tile.valid[:] = False
    assert pack_relevance(tile) == -1


def test_a_row_learns_what_can_be_learnt():
    random = np.random.default_rng(0)
    target = torch.from_numpy((random.random(600) < 0.3).astype(np.int8))
    hidden = torch.from_numpy(random.normal(3, 2, (600, 16)).astype(np.float32))
    hidden[:, 4] += 10 * target
    weight, bias = fit_row(hidden[:400], target[:400], PLAN)
    logits = row_logits(hidden[400:], weight, bias)
    assert weight.argmax() == 4 and average_precision(logits, target[400:].numpy() == 1) > 0.95
    assert ((logits > 0) == (target[400:].numpy() == 1)).mean() > 0.9, "the standardisation is in the row"
    again = fit_row(hidden[:400], target[:400], PLAN)
    assert torch.equal(again[0], weight) and again[1] == bias


def test_average_precision_is_the_usual_one():
    random = np.random.default_rng(1)
    truth = random.random(300) < 0.2
    score = np.round(random.random(300) + 0.3 * truth, 1)  # with ties
    assert average_precision(score, truth) == pytest.approx(average_precision_score(truth, score))
    assert average_precision(score, np.zeros(300, bool)) is None


def test_a_row_is_trained_and_scores_in_the_bundle_as_it_did(base, tmp_path, monkeypatch):  # noqa: F811
    pack = write_pack(tmp_path / "pack")
    scenes = [
        scene("a", 300, [(40, 40, 90, 80), (200, 200, 240, 260)]),
        scene("b", 300, bright=True, source="land"),
        scene("c", 300, [(120, 30, 160, 60)]), scene("d", 280, bright=True, source="land"),
    ]  # fmt: skip
    scenes += [scene(f"e{n}", 260, [(100, 20 * n + 20, 150, 20 * n + 60)]) for n in range(6)]
    monkeypatch.setattr(described, "load_objects", lambda root, splits: scenes)
    monkeypatch.setattr(
        described, "load_sampler", lambda root, split, size, seed: ObjectSampler(scenes, [], size, seed)
    )
    water = scene("water", 80, source=CHIP_SOURCE)
    monkeypatch.setattr(described, "load_waters", lambda root, splits: [water, scene("coast")])
    said = []
    row = router.train_router(pack, base, said.append, plan=PLAN)
    assert row.calibration.split == "val" and row.calibration.positives >= 8
    figures = row.figures["val"]
    assert figures["sources"]["boats"]["needed"] >= 8 and figures["sources"]["land"]["not_needed"] >= 2
    assert 0 < figures["average_precision"] <= 1 and set(row.figures) == {"val", "test"}
    assert (
        row.tiles[described.DRAWN]["needed"] > 0 and sum(part["unknown"] for part in row.tiles.values()) == 0
    )
    assert row.recall()["scenes"] == 8 and any("calibration" in line for line in said)
    info = objects_bundle(base, tmp_path / "new", detector(), SPEC, row, {})
    model = load_bundle(info.folder, device="cpu", precision="fp32")
    needed = []
    for tile in scene_tiles(scenes):
        x, valid = tile.bands[None].numpy() * np.float32(1e-4), tile.valid[None].numpy()
        score = model.scores(model.encode(x, tile.available.numpy(), valid))[0, -1]
        needed += [score] if tile.target == 1 else []
    np.testing.assert_allclose(info.experts[-1].needed_scores, np.sort(needed), atol=2e-6)
    assert (np.array(info.experts[-1].needed_scores, np.float32) <= np.sort(needed)).all()
    assert figures["recall"] == pytest.approx(
        np.mean(np.array(needed) >= row.calibration.threshold), abs=1e-4
    )
    assert figures["sources"][CHIP_SOURCE] == {"needed": 0, "not_needed": 1, "unknown": 0}
    rest = 1 + len(list(natural_tiles(held_out(pack, "val", chips=True))))
    assert sum(sum(part.values()) for part in figures["sources"].values()) == rest + len(
        list(scene_tiles(scenes))
    )
    again = router.train_router(pack, base, said.append, plan=PLAN)
    assert torch.equal(again.weight, row.weight) and again.calibration == row.calibration
