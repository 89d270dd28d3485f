"""Ground truth and training tiles of the objects expert, on small scenes that the tests draw themselves."""

from __future__ import annotations

import csv
import io
import json
import zipfile

import numpy as np
import pytest
import rasterio
import torch
from PIL import Image
from scipy import ndimage

from model_core.errors import RequestError
from model_core.training.objects import sampling, truth
from model_core.training.objects.chips import Chip, load_chips, ship_mask
from model_core.training.objects.sampling import ObjectSampler, collate, load_sampler
from model_core.training.objects.scenes import Paster, load_waters, plain
from model_core.training.objects.truth import BUILDING, SHIP, ObjectScene, corners_of, oriented_rectangle
from model_core.training.objects.windows import cut, flip_boxes, flip_rects, turn_boxes, turn_rects
from model_core.training.pack import Sample
from tests.conftest import PACK

WATER, HULL = 400, 3000
RGB = [3, 2, 1]


def bar(shape, rect):
    """Mask of the pixels whose centre lies in a rectangle (cx, cy, length, width, angle)."""
    cx, cy, length, width, angle = rect
    ys, xs = np.mgrid[: shape[0], : shape[1]] + 0.5
    along = (xs - cx) * np.cos(angle) + (ys - cy) * np.sin(angle)
    across = (ys - cy) * np.cos(angle) - (xs - cx) * np.sin(angle)
    return (np.abs(along) <= length / 2) & (np.abs(across) <= width / 2)


def sample(labels, shape, region="somewhere"):
    bands = np.zeros((8, *shape), np.uint16)
    bands[:4] = WATER
    available = np.arange(8) < 4
    return Sample(
        "s", "made", region, "train", None, "display", "none", bands, available, np.ones(shape, bool), labels,
        {}, {},
    )  # fmt: skip


def scene(shape, boxes=(), labels=(), rects=None, source="made", known=None, water=None, seed=0):
    """A scene of dim noise in which every box is bright."""
    boxes = np.array(boxes, np.float32).reshape(-1, 4)
    bands = np.zeros((8, *shape), np.uint16)
    bands[1:4] = np.random.default_rng(seed).integers(WATER - 20, WATER + 20, (3, *shape))
    for x0, y0, x1, y1 in boxes.astype(int):
        bands[1:4, y0:y1, x0:x1] = HULL
    bands[0] = bands[2]
    none = np.full((len(boxes), 5), np.nan, np.float32)
    return ObjectScene(
        "s", source, "train", None, "none", bands, np.arange(8) < 4, np.ones(shape, bool), boxes,
        np.array(labels, np.int64), none if rects is None else np.array(rects, np.float32),
        np.ones((2, *shape), bool) if known is None else known,
        np.zeros(shape, bool) if water is None else water,
    )  # fmt: skip


def chip(rect=(40, 40, 36, 9, 0.5)):
    """A ship chip whose true rectangle is `rect`."""
    mask = bar((80, 80), rect)
    bands = np.where(mask, HULL, WATER).astype(np.float32)[None].repeat(3, 0)
    return Chip("c", "train", bands, mask, np.array(rect, float), np.full(3, WATER, np.float32))


def angle_between(first, second):
    """Least angle between undirected lines."""
    return abs((first - second + np.pi / 2) % np.pi - np.pi / 2)


def test_the_oriented_rectangle_is_that_of_the_mask():
    for angle in np.linspace(0, np.pi, 13, endpoint=False):
        rect = (60.5, 50.25, 40, 12, angle)
        found = oriented_rectangle(bar((110, 120), rect))
        assert found[:2] == pytest.approx(rect[:2], abs=1)
        assert found[2:4] == pytest.approx(rect[2:4], abs=2.5)
        assert angle_between(found[4], angle) < 0.05
        assert 0 <= found[4] < np.pi
        assert truth.rect_of(corners_of(found)) == pytest.approx(found)


def test_buildings_are_the_parts_of_the_mask():
    mask = np.zeros((60, 80), np.uint8)
    mask[10:20, 30:50] = 1  # whole
    mask[0:8, 5:15] = 1  # at the edge
    mask[40:43, 40:43] = 1  # 9 pixels: too small
    mask[50:58, 60:62] = mask[56:58, 60:78] = 1  # an angle fills less than half of its rectangle
    mask[30:35] = 255
    cover = np.full_like(mask, 3)
    cover[:, 70:] = 0
    water = (cover == 0).astype(np.uint8)
    water[25, 3] = 255
    found = truth.building_scene(sample({"buildings": mask, "landcover": cover, "water": water}, mask.shape))
    assert found.boxes.tolist() == [[5, 0, 15, 8], [30, 10, 50, 20]]
    assert found.labels.tolist() == [BUILDING, BUILDING]
    assert np.isnan(found.rects[0]).all()
    assert found.rects[1] == pytest.approx([40, 15, 20, 10, 0], abs=1e-4)
    known = found.known[BUILDING]
    assert not known[30:35].any() and not known[40:43, 40:43].any() and not known[50:58, 60:62].any()
    assert known[10:20, 30:50].all() and known[45, 10]
    assert found.known[SHIP, :, :70].sum() == 60 * 70 - 1 and not found.known[SHIP, :, 70:].any()
    assert found.water[:, 73:].all() and not found.water[:, :73].any()  # 3 pixels from the shore


def test_a_part_that_fills_the_frame_is_no_building_and_its_area_is_unknown():
    mask = np.ones((40, 50), np.uint8)
    mask[:, 40:] = 0
    found = truth.building_scene(sample({"buildings": mask}, mask.shape))
    assert len(found.boxes) == 0
    assert not found.known[BUILDING, :, :40].any() and found.known[BUILDING, :, 40:].all()
    assert not found.known[SHIP].any()  # no label says where the land is


def test_boxed_scenes_know_ships_and_nothing_of_buildings():
    made = sample({}, (100, 120))
    made.valid[:, :10] = False
    found = truth.ship_scene(made, np.array([[50, 40, 130, 60]], np.float32))
    assert found.boxes.tolist() == [[50, 40, 120, 60]] and np.isnan(found.rects).all()
    assert np.array_equal(found.known[SHIP], made.valid) and not found.known[BUILDING].any()
    assert not found.water[32:68, 42:].any() and found.water[80:, 30:].all()


@pytest.mark.parametrize("turn", range(4))
def test_boxes_and_rectangles_follow_flips_and_quarter_turns(turn):
    size, rect = 64, np.array([[24.5, 30.0, 30, 8, 0.6]])
    mask = bar((size, size), rect[0])
    ys, xs = np.nonzero(mask)
    box = np.array([[xs.min(), ys.min(), xs.max() + 1, ys.max() + 1]], float)
    for flip in (False, True):
        image, boxes, rects = torch.from_numpy(mask), box, rect
        if flip:
            image, boxes, rects = image.flip(1), flip_boxes(boxes, size), flip_rects(rects, size)
        for _ in range(turn):
            boxes, rects = turn_boxes(boxes, size), turn_rects(rects, size)
        image = torch.rot90(image, turn, (0, 1)).numpy()
        ys, xs = np.nonzero(image)
        assert boxes[0].tolist() == [xs.min(), ys.min(), xs.max() + 1, ys.max() + 1]
        assert 0 <= rects[0, 4] < np.pi
        assert (bar((size, size), rects[0]) ^ image).sum() <= 2  # centres on the very edge


@pytest.mark.parametrize("scale", [0.6, 0.83, 1.0, 1.37, 1.6])
def test_windows_scale_boxes_and_rectangles_with_the_pixels(scale):
    boxes = [[40, 60, 60, 68], [100, 30, 112, 54]]
    rects = [[50, 64, 20, 8, 0], [106, 42, 24, 12, np.pi / 2]]
    made = scene((200, 200), boxes, [SHIP, SHIP], rects)
    for seed in range(8):
        window = cut(made, [1, 2, 3], 128, scale, (75, 60), np.random.default_rng(seed))
        for box, rect in zip(window.boxes, window.rects, strict=True):
            x0, y0, x1, y1 = np.rint(box).astype(int)
            inner = window.bands[0, y0 + 2 : y1 - 2, x0 + 2 : x1 - 2]
            assert inner.numel() == 0 or inner.min() > 0.8 * HULL
            assert window.bands[0, y0:y1, x0:x1].mean() > 0.75 * HULL
            if np.isfinite(rect).all():
                assert rect[:2] == pytest.approx([(box[0] + box[2]) / 2, (box[1] + box[3]) / 2], abs=1e-3)
                assert rect[2] == pytest.approx(max(box[2:] - box[:2]), rel=1e-4)
        bright = ndimage.label(window.bands[0].numpy() > (HULL + WATER) / 2)[1]
        if window.known[SHIP].all():
            assert len(window.boxes) == bright


def test_a_cut_object_keeps_its_visible_box_or_becomes_unknown():
    made = scene((128, 128), [[40, 40, 80, 52]], [SHIP], [[60, 46, 40, 12, 0]])
    kept = dropped = 0
    for seed in range(200):
        window = cut(made, [1, 2, 3], 64, 1.0, None, np.random.default_rng(seed))
        bright = window.bands[0].numpy() > 1500
        if len(window.boxes):
            x0, y0, x1, y1 = window.boxes[0].astype(int)
            assert bright[y0:y1, x0:x1].all() and bright.sum() == (x1 - x0) * (y1 - y0)
            whole = (x1 - x0, y1 - y0) == (40, 12)
            assert bright.sum() >= 0.35 * 480 and min(x1 - x0, y1 - y0) >= 4
            assert np.isfinite(window.rects[0]).all() == whole
            assert window.known.all()
            kept += not whole
        else:
            assert np.array_equal(window.known[SHIP], ~bright) and window.known[BUILDING].all()
            dropped += bright.any()
    assert kept > 10 and dropped > 10


def test_objects_that_become_too_small_are_unknown():
    made = scene((220, 220), [[100, 100, 130, 105]], [SHIP])
    window = cut(made, [1, 2, 3], 128, 0.6, (115, 102), np.random.default_rng(0))
    assert len(window.boxes) == 0
    assert not window.known[SHIP][window.bands[0].numpy() > 1500].any() and window.known[BUILDING].all()


def test_beyond_a_small_scene_nothing_is_valid_or_known():
    made = scene((60, 70), [[20, 20, 40, 30]], [SHIP])
    window = cut(made, [1, 2, 3], 128, 1.0, None, np.random.default_rng(3))
    assert window.valid.sum() == 60 * 70 and not window.known[:, ~window.valid].any()
    x0, y0, x1, y1 = window.boxes[0].astype(int)
    assert (window.bands[0].numpy()[y0:y1, x0:x1] == HULL).all()


def test_a_small_scene_without_boxes_is_mirrored():
    made = scene((50, 60), seed=4)
    made.known[SHIP, :10] = False
    window = cut(made, [1, 2, 3], 128, 1.0, None, np.random.default_rng(1))
    assert window.valid.all()
    values = {tuple(row) for row in made.bands[1:4].reshape(3, -1).T.astype(int).tolist()}
    for y, x in np.ndindex(14, 14):
        assert tuple(window.bands[:, 9 * y, 9 * x].int().tolist()) in values
    share = window.known[SHIP].mean()
    assert 0.6 < share < 0.95 and window.known[BUILDING].all()


def test_pasted_ships_lie_on_water_overlap_nothing_and_have_exact_rectangles():
    shape = (192, 192)
    water = np.zeros(shape, bool)
    water[:, 40:] = True
    held = np.array([[90, 80, 120, 110]], np.float32)
    total = exact = 0
    for seed in range(40):
        made = scene(shape, held, [SHIP])
        before = torch.from_numpy(made.bands[RGB].astype(np.float32))
        after = before.clone()
        random = np.random.default_rng(seed)
        boxes, rects = Paster([chip(), chip((41, 38, 50, 12, 2.4))]).paste(after, water, held, random)
        changed = (after != before).any(0).numpy()
        assert not changed[:, :40].any() and not changed[80:110, 90:120].any()
        hulls = (after - before).abs().amax(0).numpy() > 700  # gain 0.6 of 2600, half mixed
        assert ndimage.label(hulls)[1] == len(boxes)  # no two grew together
        for box, rect in zip(boxes, rects, strict=True):
            x0, y0, x1, y1 = box.astype(int)
            cut_off = box.min() == 0 or box.max() == 192
            assert min(x1 - x0, y1 - y0) >= 4
            if np.isfinite(rect).all():
                mask = bar(shape, rect)
                ys, xs = np.nonzero(mask)
                edges = [xs.min(), ys.min(), xs.max() + 1, ys.max() + 1]
                assert box == pytest.approx(edges, abs=2)
                assert hulls[mask].mean() > 0.8
                exact += 1
            else:
                assert cut_off
            total += 1
    assert total > 80 and exact > 0.6 * total


def test_nothing_is_pasted_where_there_is_no_room():
    rgb = torch.full((3, 64, 64), 400.0)
    water = np.zeros((64, 64), bool)
    water[30:34, 30:34] = True
    boxes, rects = Paster([chip()]).paste(rgb, water, np.zeros((0, 4)), np.random.default_rng(0))
    assert boxes.shape == (0, 4) and rects.shape == (0, 5) and (rgb == 400).all()


def small_sampler(chips=True, size=64):
    wet = np.ones((160, 160), bool)
    known = np.ones((2, 160, 160), bool)
    known[BUILDING] = False
    scenes = [
        scene((160, 160), [[40, 60, 70, 72]], [SHIP], source="ships", known=known),
        scene((160, 160), [[40, 60, 70, 90]], [BUILDING], [[55, 75, 30, 30, 0]], source="buildings"),
        scene((160, 160), source="water", water=wet),
    ]
    return ObjectSampler(scenes, [chip()] if chips else [], size, seed=0)


def test_the_same_generator_state_gives_the_same_tile():
    made, again = small_sampler(), small_sampler()
    for seed in range(12):
        first, second = made.draw(np.random.default_rng(seed)), again.draw(np.random.default_rng(seed))
        for name in ("bands", "available", "valid", "known", "boxes", "labels"):
            assert torch.equal(getattr(first, name), getattr(second, name)), name
        assert torch.equal(torch.nan_to_num(first.rects, 9e9), torch.nan_to_num(second.rects, 9e9))
        assert first.real == second.real


def test_tiles_keep_their_promises():
    made, random = small_sampler(), np.random.default_rng(5)
    tiles = [made.draw(random) for _ in range(120)]
    for tile in tiles:
        assert tile.bands.shape == (8, 64, 64) and tile.known.shape == (2, 16, 16)
        assert tile.bands.dtype == torch.float32 and tile.boxes.dtype == torch.float32
        assert (tile.bands[~tile.available] == 0).all() and (tile.bands[:, ~tile.valid] == 0).all()
        assert tile.available[1:].sum() >= 2 and (tile.bands[tile.available][:, tile.valid] > 0).all()
        assert len(tile.boxes) == len(tile.labels) == len(tile.rects)
        assert tile.boxes.numel() == 0 or (tile.boxes.min() >= 0 and tile.boxes.max() <= 64)
        assert ((tile.boxes[:, 2:] - tile.boxes[:, :2]) >= 4 - 1e-3).all()
        if tile.real and (tile.labels == SHIP).any():  # nobody looked for buildings there
            assert not tile.known[BUILDING].any()
    kinds = [(t.real, t.labels.tolist()[:1]) for t in tiles]
    assert 10 < sum(not real for real, _ in kinds) < 40
    assert sum(labels == [BUILDING] for _, labels in kinds) > 15
    assert sum(real and labels == [SHIP] for real, labels in kinds) > 25
    batch = collate(tiles[:3])
    assert batch["reflectance"].shape == (3, 8, 64, 64) and batch["valid"].shape == (3, 1, 64, 64)
    assert torch.equal(batch["reflectance"][1], tiles[1].bands * 1e-4)
    assert batch["known"].shape == (3, 2, 16, 16) and len(batch["targets"]) == 3
    assert torch.equal(batch["targets"][2]["boxes"], tiles[2].boxes)


def test_boxes_of_drawn_tiles_lie_on_their_objects():
    made, random = small_sampler(chips=False), np.random.default_rng(8)
    seen = 0
    for _ in range(80):
        tile = made.draw(random)
        band = tile.bands[tile.available][-1].numpy()
        for x0, y0, x1, y1 in np.rint(tile.boxes.numpy()).astype(int):
            inside = np.zeros(band.shape, bool)
            inside[y0:y1, x0:x1] = True
            rest = band[~ndimage.binary_dilation(inside, iterations=2)]
            assert np.median(band[inside]) > 1.5 * np.median(rest)
            seen += 1
    assert seen > 40


def test_a_cell_is_known_only_if_all_its_pixels_are(monkeypatch):
    monkeypatch.setattr(sampling, "MIN_SCALE", 1.0)
    monkeypatch.setattr(sampling, "MAX_SCALE", 1.0)
    known = np.ones((2, 160, 160), bool)
    known[SHIP, 1::8, 2::8] = False  # one pixel in every fourth cell
    made = ObjectSampler([scene((160, 160), [[70, 70, 90, 90]], [SHIP], known=known)], [], 160, seed=0)
    for seed in range(8):
        tile = made.draw(np.random.default_rng(seed))
        assert tile.known[BUILDING].all()
        assert (~tile.known[SHIP]).sum() == 20 * 20
        assert tile.boxes.tolist() == [[70, 70, 90, 90]]


def test_a_sampler_refuses_what_it_cannot_draw_from():
    with pytest.raises(RequestError, match="multiple of 4"):
        small_sampler(size=66)
    with pytest.raises(RequestError, match="No scene"):
        ObjectSampler([scene((80, 80))], [], 64, seed=0)


def noisy_chip(rects, seed=0):
    """Chip as float32 (3, 80, 80) with noise, and a bright ship in every rectangle."""
    bands = np.random.default_rng(seed).normal(WATER, 25, (3, 80, 80)).astype(np.float32)
    for rect in rects:
        bands[:, bar((80, 80), rect)] += 1500
    return bands


def test_the_ship_is_cut_out_of_its_water():
    rect = (41, 39, 44, 10, 0.8)
    mask = ship_mask(noisy_chip([rect]))
    truth_mask = bar((80, 80), rect)
    assert (mask & truth_mask).sum() / (mask | truth_mask).sum() > 0.8
    assert angle_between(oriented_rectangle(mask)[4], 0.8) < 0.05


@pytest.mark.parametrize(
    "rects",
    [
        [],  # no ship
        [(40, 40, 90, 12, 0.0)],  # from edge to edge
        [(40, 40, 9, 5, 0.3)],  # too small
        [(40, 40, 26, 24, 0.3)],  # not long
        [(40, 40, 40, 10, 0.2), (40, 66, 40, 10, 0.2)],  # two
        [(12, 40, 60, 14, 0.0)],  # cut by the edge
    ],
)
def test_implausible_chips_are_refused(rects):
    assert ship_mask(noisy_chip(rects)) is None


def test_only_plain_chips_are_water_without_ships():
    assert plain(noisy_chip([]))
    assert not plain(noisy_chip([(75, 40, 30, 8, 1.5)]))
    assert not plain(noisy_chip([]) + 2500)  # a cloud's brightness


def write_pack(root):
    """A pack of one boxed scene, one water scene and three chips."""
    (root / "scenes").mkdir()
    (root / "labels").mkdir()
    fields = [
        "id",
        "file",
        "source",
        "gsd_m",
        "radiometry",
        "tasks",
        "label_kind",
        "region",
        "split",
        "licence",
    ]
    with (root / "catalog.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, fields, restval="")
        writer.writeheader()
        for name, source, tasks in (("ship_1", "HRSC-like ships", "ships"), ("wet_1", "OSCD", "water")):
            row = {"id": name, "file": f"scenes/{name}.tif", "source": source, "tasks": tasks}
            writer.writerow({**row, "radiometry": "display", "split": "train", "label_kind": f"{tasks}:hand"})
    profile = {"driver": "GTiff", "width": 220, "height": 220, "dtype": "uint8"}
    for name in ("ship_1", "wet_1"):
        with rasterio.open(root / "scenes" / f"{name}.tif", "w", count=3, **profile) as file:
            file.write(np.full((3, 220, 220), 30, np.uint8))
            file.descriptions = ("blue", "green", "red")
    with rasterio.open(root / "labels" / "wet_1__water.tif", "w", count=1, **profile) as file:
        file.write(np.ones((1, 220, 220), np.uint8))
    boxes = [{"image_id": 1, "bbox": [20, 30, 40, 10]}, {"image_id": 1, "bbox": [100, 100, 8, 30]}]
    images = [{"id": 1, "scene": "ship_1", "split": "train"}]
    (root / "objects.json").write_text(json.dumps({"images": images, "annotations": boxes}))
    with zipfile.ZipFile(root / "ships.zip", "w") as archive:
        lines = ["file,class,split"]
        for kind, rects in (
            ("ship", [(40, 40, 40, 10, 0.4)]),
            ("no_ship", []),
            ("no_ship", [(2, 9, 30, 9, 1)]),
        ):
            name = f"{kind}/{kind}_{len(lines)}.png"
            values = (noisy_chip(rects) * (255 / 3600)).clip(0, 255).astype(np.uint8).transpose(1, 2, 0)
            data = io.BytesIO()
            Image.fromarray(values).save(data, "png")
            archive.writestr(name, data.getvalue())
            lines.append(f"{name},{kind},train")
        archive.writestr("splits.csv", "\n".join(lines))


def test_a_pack_is_read_by_split(tmp_path):
    write_pack(tmp_path)
    (found,) = truth.load_objects(tmp_path, ("train",))
    assert found.boxes.tolist() == [[20, 30, 60, 40], [100, 100, 108, 130]]
    assert found.bands[2, 0, 0] == round(30 * 0.36 / 255 * 1e4)
    assert [scene.source for scene in load_waters(tmp_path, ("train",))] == [
        "OSCD",
        "Ships in Satellite Imagery",
    ]
    assert len(load_chips(tmp_path, ("train",))) == 1
    for load in (truth.load_objects, load_waters, load_chips):
        assert load(tmp_path, ("val", "test")) == []
    made = load_sampler(tmp_path, "train", 64, seed=0)
    assert set(made.kinds) == {"ships", "pasted"}
    assert any(not made.draw(np.random.default_rng(seed)).real for seed in range(20))


def test_a_folder_without_a_pack_is_refused(tmp_path):
    for load in (truth.load_objects, load_waters, load_chips):
        with pytest.raises(RequestError, match="give the folder of the training pack"):
            load(tmp_path, ("train",))


@pytest.mark.needs_pack
def test_the_real_packs_objects():
    for split, ships in (("train", 535), ("val", 199), ("test", 24)):
        scenes = truth.load_objects(PACK, (split,))
        labels = np.concatenate([scene.labels for scene in scenes])
        assert (labels == SHIP).sum() == ships and (labels == BUILDING).sum() > 50
        assert {scene.split for scene in scenes} == {split}
        for one in scenes:
            rows, cols = one.valid.shape
            assert (one.boxes >= 0).all() and (one.boxes <= [cols, rows, cols, rows]).all()
            assert not one.known[:, ~one.valid].any() and not one.water[~one.valid].any()
            for x0, y0, x1, y1 in one.boxes[one.labels == SHIP].astype(int):
                assert not one.water[y0:y1, x0:x1].any()
    chips = load_chips(PACK, ("train", "val", "test"))
    assert len(chips) > 100 and all(60 <= chip.mask.sum() <= 2500 for chip in chips)


@pytest.mark.needs_pack
def test_the_real_packs_tiles_hold_what_they_say():
    made, random = load_sampler(PACK, "val", 256, seed=0), np.random.default_rng(0)
    tiles = [made.draw(random) for _ in range(60)]
    assert sum(len(tile.boxes) > 0 for tile in tiles) > 40
    assert {label for tile in tiles for label in tile.labels.tolist()} == {SHIP, BUILDING}
    assert all(torch.isfinite(tile.bands).all() for tile in tiles)
