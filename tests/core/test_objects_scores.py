"""Average precision by hand and against pycocotools; objects of whole scenes; what card and tables tell."""

from __future__ import annotations

import contextlib
import io
import json
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from model_core.evaluation import objects_composed
from model_core.evaluation.objects_ap import (
    MEASURES,
    ImageObjects,
    class_figures,
    counts_at,
    drawn_averages,
    match,
    precision_recall_f1,
)
from model_core.evaluation.objects_composed import composed_scenes, ground_of, length_figures
from model_core.evaluation.objects_pictures import iou, object_map, outcome, worst
from model_core.evaluation.objects_scan import as_image, as_images, find_objects, judged, predictions
from model_core.evaluation.objects_usage import class_difference, effective, usage_figures
from model_core.evaluation.resampling import draws
from model_core.objects.merge import MergedObjects
from model_core.training.objects.truth import CLASSES, ObjectScene
from tests.conftest import PACK
from tests.core.fakes import FINDS, FakeFinder, sea


def image(true, found, id="a", label=0):
    """True boxes, and detections as (x0, y0, x1, y1, score), all of one class."""
    found = np.array(found, np.float64).reshape(-1, 5)
    true = np.array(true, np.float64).reshape(-1, 4)
    return ImageObjects(
        id, true, np.full(len(true), label), found[:, :4], np.full(len(found), label), found[:, 4]
    )


def drawn_images(seed, count=6, extra=40):
    """Images with boxes of all sizes, some of them found roughly, and much that is not there."""
    random = np.random.default_rng(seed)
    result = []
    for number in range(count):
        low = random.uniform(0, 300, (int(random.integers(0, 8)), 2))
        true = np.concatenate([low, low + random.uniform(6, 130, low.shape)], 1)
        hits = true[random.random(len(true)) < 0.8]
        hits = hits + random.normal(0, 0.05, hits.shape) * np.tile(hits[:, 2:] - hits[:, :2], 2)
        low = random.uniform(0, 300, (int(random.integers(0, extra)), 2))
        box = np.concatenate([hits, np.concatenate([low, low + random.uniform(6, 60, low.shape)], 1)])
        score = np.concatenate([random.uniform(0.3, 1, len(hits)), random.uniform(0, 0.7, len(low))])
        result.append(image(true, np.column_stack([box, score]), f"i{number}"))
    return result


BOX, OTHER = (10, 10, 30, 20), (60, 60, 80, 80)


def test_average_precision_by_hand():
    # Right, wrong, right: precision 1 up to a recall of 0.5 (51 of 101 points), then 2 / 3 (50 points).
    one = image([BOX, OTHER], [(*BOX, 0.9), (0, 50, 9, 59, 0.8), (*OTHER, 0.7)])
    found = match([one], 0)["all"]
    expected = (51 + 50 * 2 / 3) / 101
    assert found.average(True) == pytest.approx(expected) == found.average(False)
    assert found.true.tolist() == [2]
    # 20 x 10 pixels found as 20 x 13: an IoU of 10 / 13 = 0.769, enough for 0.5 to 0.75, six of ten.
    loose = match([image([BOX], [(10, 10, 30, 23, 0.9)])], 0)["all"]
    assert (loose.average(True), loose.average(False)) == (pytest.approx(1.0), pytest.approx(0.6))
    # A second detection of the same object is wrong, and comes first here.
    twice = match([image([BOX], [(*BOX, 0.8), (10, 10, 30, 21, 0.9)])], 0)["all"]
    assert twice.average(True) == pytest.approx(1.0)  # the first one counts, with an IoU of 10 / 11
    assert twice.average(False) == pytest.approx((9 + 0.5) / 10)


def test_sizes_are_cocos_and_nothing_of_another_size_or_class_counts():
    small, medium, large = (0, 0, 31, 31), (40, 0, 90, 50), (100, 100, 200, 200)
    one = image([small, medium, large], [(*small, 0.9), (*large, 0.8), (300, 300, 303, 303, 0.95)])
    found = {name: match([one], 0)[area].average(at_50) for name, (area, at_50) in MEASURES.items()}
    # The false alarm is small, so that only "small" and "all" suffer from it.
    assert found["ap_small"] == pytest.approx(0.5) and found["ap_large"] == pytest.approx(1.0)
    assert found["ap_medium"] == 0.0 and 0 < found["ap50"] < 0.67
    assert np.isnan(match([one], 1)["all"].average(True))  # no box of that class anywhere


def test_a_marina_of_more_than_a_hundred_boats_is_looked_at_whole():
    low = np.stack(np.meshgrid(np.arange(20), np.arange(15)), -1).reshape(-1, 2) * 12.0
    boxes = np.concatenate([low, low + 9], 1)
    one = image(boxes, np.column_stack([boxes, np.linspace(0.9, 0.5, 300)]))
    assert match([one], 0)["all"].average(True) == pytest.approx(1.0)


@pytest.mark.parametrize("seed", range(4))
def test_figures_are_those_of_pycocotools_read_from_files(seed, tmp_path, capsys):
    images = drawn_images(seed)
    truth_file, found_file = tmp_path / "truth.json", tmp_path / "found.json"
    rows, found = [], []
    for number, one in enumerate(images, 1):
        for x0, y0, x1, y1 in one.true_box.tolist():
            box = {"bbox": [x0, y0, x1 - x0, y1 - y0], "area": (x1 - x0) * (y1 - y0), "iscrowd": 0}
            rows.append({"id": len(rows) + 1, "image_id": number, "category_id": 1, **box})
        for (x0, y0, x1, y1), score in zip(one.box.tolist(), one.score.tolist(), strict=True):
            box = {"bbox": [x0, y0, x1 - x0, y1 - y0], "score": score}
            found.append({"image_id": number, "category_id": 1, **box})
    listed = [{"id": n} for n in range(1, len(images) + 1)]
    truth_file.write_text(json.dumps({"images": listed, "categories": [{"id": 1}], "annotations": rows}))
    found_file.write_text(json.dumps(found))
    with contextlib.redirect_stdout(io.StringIO()):
        coco = COCO(str(truth_file))
        theirs = COCOeval(coco, coco.loadRes(str(found_file)), "bbox")
        theirs.evaluate(), theirs.accumulate(), theirs.summarize()
    capsys.readouterr()
    ours = match(images, 0)
    assert capsys.readouterr().out == ""
    for name, stat in zip(("ap", "ap50", "ap_small", "ap_medium", "ap_large"), (0, 1, 3, 4, 5), strict=True):
        area, at_50 = MEASURES[name]
        value = ours[area].average(at_50)
        assert (-1 if np.isnan(value) else value) == pytest.approx(theirs.stats[stat], abs=1e-12), name


@pytest.mark.parametrize("seed", range(3))
def test_an_image_drawn_twice_counts_as_two_images(seed):
    images = drawn_images(seed)
    matches = match(images, 0)
    for weight in draws(len(images))[:8]:
        again = [
            replace(one, id=f"{one.id}/{copy}")
            for one, times in zip(images, weight, strict=True)
            for copy in range(int(times))
        ]
        theirs = match(again, 0)
        for area, at_50 in MEASURES.values():
            value = drawn_averages(matches[area], weight[None], at_50)[0]
            assert value == pytest.approx(theirs[area].average(at_50), abs=1e-12, nan_ok=True)


def test_precision_recall_and_f1_at_a_threshold_by_hand():
    images = [
        image([BOX, OTHER], [(*BOX, 0.9), (*OTHER, 0.3), (0, 50, 9, 59, 0.6)], "a"),
        image([], [(*BOX, 0.5)], "b"),
    ]
    counts = counts_at(match(images, 0)["all"], 0.5)
    assert counts.tolist() == [[1, 1, 1], [0, 1, 0]]
    assert precision_recall_f1(counts.sum(0)).tolist() == pytest.approx([1 / 3, 1 / 2, 2 / 5])
    assert np.isnan(precision_recall_f1(np.zeros((2, 3)))).all()
    found = class_figures(images, 0, 0.5)
    assert (found["images"], found["with_boxes"], found["boxes"], found["small"]) == (2, 1, 2, 2)
    assert found["f1"]["value"] == pytest.approx(2 / 5) and found["threshold"] == 0.5
    # Of two images, draws hold the first, the second or both: with the first alone F1 is 1 / 2.
    assert (found["f1"]["low"], found["f1"]["high"]) == (0.0, pytest.approx(0.5))
    assert "f1" not in class_figures(images, 0, None)
    # Images of one group are drawn together, so with one group there is nothing to draw.
    alone = class_figures(images, 0, 0.5, ["g", "g"])
    assert np.isnan(alone["ap50"]["low"]) and alone["ap50"]["value"] == found["ap50"]["value"]


def scene(objects, size=(96, 80), id="s", known=None, split="test", rects=None, boxes=None):
    """A scene of `fakes.sea` with its truth."""
    width, height = size
    if boxes is None:
        boxes = [(x, y, x + w, y + h) for x, y, w, h, _, _ in objects]
    bands = sea(width, height, objects)
    return ObjectScene(
        id, "made", split, None, "none", bands, np.ones(8, bool), np.ones((height, width), bool),
        np.array(boxes, np.float32).reshape(-1, 4),
        np.array([o[5] for o in objects][: len(boxes)], np.int64),
        np.full((len(boxes), 5), np.nan, np.float32) if rects is None else np.array(rects, np.float32),
        np.ones((2, height, width), bool) if known is None else known,
        np.zeros((height, width), bool),
    )  # fmt: skip


SHIPS = [(10, 12, 14, 5, 0.9, 0), (40, 30, 6, 20, 0.85, 0), (70, 60, 10, 9, 0.95, 1)]


def test_objects_of_a_scene_are_found_once_across_seams():
    whole = scene([(20, 10, 40, 6, 0.9, 0), (5, 50, 8, 25, 0.85, 1), (30, 33, 5, 5, 1.0, 0)])
    found = find_objects(FakeFinder(), whole, size=32, overlap=8)
    order = np.argsort(whole.boxes[:, 1])
    assert found.label.tolist() == whole.labels[order].tolist() == [0, 0, 1]
    np.testing.assert_allclose(found.box, whole.boxes[order], atol=1e-4)
    assert found.score == pytest.approx([0.9, 1.0, 0.85], abs=1e-4)
    strict = find_objects(FakeFinder(), whole, size=32, overlap=8, thresholds=(0.95, 0.0))
    assert strict.score == pytest.approx([1.0, 0.85], abs=1e-4)


def test_pixels_without_data_are_not_shown_and_tiles_without_any_are_not_searched():
    spoilt = scene(SHIPS)
    spoilt.valid[:, 48:] = False
    finder = FakeFinder()
    found = find_objects(finder, spoilt, size=32, overlap=8)
    assert (found.box[:, 2] <= 48).all() and len(found.score) == 2
    assert sum(number for _, number in finder.decoded) < 12  # of 4 x 3 tiles


def test_what_lies_beyond_a_scene_smaller_than_a_tile_is_cut_or_left_out():
    class Beyond(FakeFinder):
        def detect(self, name, picks):
            return [
                replace(one, box=one.box + np.array([0, 0, 40, 0], np.float32)) if n == 0 else one
                for n, one in enumerate(super().detect(name, picks))
            ]

    small = scene([(4, 6, 10, 5, 0.9, 0)], size=(20, 18))
    found = find_objects(Beyond(), small, size=32, overlap=8)
    assert found.box.tolist() == [[4, 6, 20, 11]]
    far = FakeFinder()
    far.spoil = lambda told: [replace(one, box=one.box + np.float32(25)) for one in told]
    assert len(find_objects(far, small, size=32, overlap=8).score) == 0


def test_what_lies_where_nobody_looked_is_neither_right_nor_wrong():
    known = np.ones((2, 80, 96), bool)
    known[0, :, 60:] = False  # ships were looked for on the left, buildings everywhere
    one = scene(SHIPS, known=known)
    box = np.array([[62, 5, 70, 9], [50, 5, 66, 9], [62, 5, 70, 9], [90, 70, 120, 100]], np.float64)
    assert judged(one, box, np.array([0, 0, 1, 0])).tolist() == [False, True, True, False]
    assert judged(one, np.zeros((0, 4)), np.zeros(0)).tolist() == []
    told = as_image(one, box, [0, 0, 1, 0], [0.9, 0.8, 0.7, 0.6])
    assert told.score.tolist() == [0.8, 0.7]
    nowhere = scene([], id="none", known=np.stack([np.zeros((80, 96), bool), np.ones((80, 96), bool)]))
    found = predictions(FakeFinder(), [one, nowhere], size=32, overlap=8)
    assert json.loads(json.dumps(found)) == found and list(found) == ["s", "none"]
    assert [image.id for image in as_images([one, nowhere], found, 0)] == ["s"]
    assert [image.id for image in as_images([one, nowhere], found, 1)] == ["none", "s"]
    with pytest.raises(KeyError):
        as_images([one, nowhere], {"s": found["s"]}, 1)
    with pytest.raises(ValueError, match="1 boxes, 0 labels and 1 scores"):
        as_image(one, [[0, 0, 1, 1]], [], [0.5])


def merged(experts, label, groups=None, weights=None):
    count, layers, k = np.shape(experts)
    return MergedObjects(
        np.zeros((count, 4)), np.zeros((count, 4, 2)), np.array(label, np.int16), np.full(count, 0.9),
        np.zeros(count, np.int32), ((0,),) * count,
        np.array(groups if groups is not None else np.zeros((count, layers, 0)), np.int16),
        np.array(experts, np.int16),
        np.array(np.full((count, layers, k), 1 / max(1, k)) if weights is None else weights, np.float32),
    )  # fmt: skip


def test_usage_by_hand():
    spec = replace(FINDS, layers=1, groups=2, experts=4)
    found = {
        "a": merged([[[0, 1]], [[0, 2]]], [0, 0], [[[0]], [[1]]], [[[0.75, 0.25]], [[0.5, 0.5]]]),
        "b": merged([[[3, 2]]], [1], [[[1]]], [[[1.0, 0.0]]]),
        "c": merged(np.zeros((0, 1, 2)), [], np.zeros((0, 1, 1))),
    }
    usage = usage_figures(found, spec, CLASSES)
    layer = usage["layers"][0]
    assert usage["objects"] == 3 and layer["groups"] == pytest.approx([1 / 3, 2 / 3])
    assert layer["experts"] == pytest.approx([1.25 / 3, 0.25 / 3, 0.5 / 3, 1 / 3])
    assert usage["classes"]["ship"]["experts"][0] == pytest.approx([0.625, 0.125, 0.25, 0])
    assert usage["classes"]["building"] == {
        "objects": 1, "scenes": 1, "groups": [[0.0, 1.0]], "experts": [[0.0, 0.0, 0.0, 1.0]],
    }  # fmt: skip
    assert usage["difference"]["distance"] == [pytest.approx(1.0)]
    assert effective(np.array([0.5, 0.5, 0, 0])) == pytest.approx(2)
    dense = {"a": merged(np.zeros((2, 1, 0)), [0, 1])}
    assert usage_figures(dense, spec, CLASSES) is None and usage_figures({}, spec, CLASSES) is None


def test_classes_differ_beyond_chance_only_if_their_scenes_do():
    random = np.random.default_rng(0)
    label, where = np.repeat([0, 1], 60), np.repeat(np.arange(12), 10)
    apart, alike = np.zeros((120, 1, 6)), np.zeros((120, 1, 6))
    apart[np.arange(120), 0, label * 3 + random.integers(0, 3, 120)] = 1
    alike[np.arange(120), 0, random.integers(0, 6, 120)] = 1
    found = class_difference(apart, label, where)
    assert found["distance"] == [pytest.approx(1.0)] and found["chance"][0] < 0.01 and found["blocks"] == 12
    assert class_difference(alike, label, where)["chance"][0] > 0.05
    # One scene of each class: however far apart they are, two blocks say nothing.
    assert class_difference(apart, label, label)["chance"][0] == pytest.approx(1.0)
    assert class_difference(apart, np.zeros(120, int), where) is None


def test_lengths_are_those_of_the_outlines_of_ships_that_were_found():
    rects = [(17, 14.5, 20, 5, 0.3), (np.nan,) * 5, (75, 64, 10, 9, 0)]
    one = scene([(*s[:5], 0) for s in SHIPS], id="water+0+0+1", rects=rects)
    found = find_objects(FakeFinder(), one, size=32, overlap=8)
    told = length_figures([one], [found], 0.5)
    # 14 instead of 20, and 10 instead of 10; the second tells no length.
    assert (told["found"], told["ships"]) == (2, 2)
    assert told["error"]["value"] == pytest.approx(0.15, abs=1e-4) and told["bias"] == pytest.approx(-0.15)
    assert np.isnan(told["error"]["low"])  # one scene's water
    assert length_figures([one], [found], 1.0)["found"] == 0
    assert ground_of(one) == "water"


def test_maps_tell_found_from_missed_and_show_no_imagery():
    known = np.ones((2, 80, 96), bool)
    known[0, 70:] = False
    one = scene(SHIPS, known=known, boxes=[(10, 12, 24, 17), (80, 5, 90, 15), (70, 60, 80, 69)])
    image_ = as_image(one, **predictions(FakeFinder(), [one], size=32, overlap=8)["s"])
    ships = outcome(one, replace(image_, true_label=np.array([0, 0, 1])), 0, 0.5)
    assert [len(part) for part in (ships.found, ships.missed, ships.invented)] == [1, 1, 1]
    counts = counts_at(match([replace(image_, true_label=np.array([0, 0, 1]))], 0)["all"], 0.5)
    assert counts.tolist() == [[1, 1, 1]] and ships.f1 == pytest.approx(0.5)
    png = object_map(ships, "ship")
    assert png == object_map(replace(ships, scene=replace(one, bands=one.bands * 0)), "ship")
    picture = Image.open(io.BytesIO(png))
    colours = {colour for _, colour in picture.convert("RGB").getcolors()}
    assert {(0, 158, 115), (213, 94, 0), (59, 91, 219), (140, 140, 140)} <= colours and len(colours) <= 7
    empty = outcome(scene([], id="e"), as_image(scene([]), [], [], []), 0, 0.5)
    assert worst([empty, ships]) == [ships]
    assert iou(np.array([0, 0, 2, 2.0]), np.array([[1, 0, 3, 2.0], [5, 5, 6, 6]])).tolist() == [1 / 3, 0]


# --- composed scenes --------------------------------------------------------------------------------


@pytest.mark.needs_pack
def test_composed_scenes_of_the_real_pack_come_again_and_hold_nothing_else():
    scenes, again = (composed_scenes(PACK, "test") for _ in range(2))
    assert len(scenes) > 20 and len({s.id for s in scenes}) == len(scenes)
    for one, other in zip(scenes, again, strict=True):
        assert (one.bands == other.bands).all() and (one.boxes == other.boxes).all()
        assert one.split == "test" and (one.labels == 0).all() and not one.available[4:].any()
        middle = ((one.boxes[:, :2] + one.boxes[:, 2:]) / 2).astype(int)
        assert one.known[0, middle[:, 1], middle[:, 0]].all()
    assert sum(int(np.isfinite(s.rects).all(1).sum()) for s in scenes) > 50


def test_windows_hold_no_object_and_cover_the_scene():
    wet = scene([(5, 5, 8, 8, 0.9, 0)], size=(500, 300))
    wet.water[:] = True
    parts = objects_composed.cut(wet, 256)
    assert [part.id for part in parts] == ["s+244+0", "s+0+44", "s+244+44"]
    assert all(part.valid.shape == (256, 256) and not len(part.boxes) for part in parts)
    assert objects_composed.cut(scene([], size=(90, 40)), 256) == []  # no water
