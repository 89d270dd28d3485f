"""Pictures of failures: the right scenes, the right colours, no imagery, equal bytes for equal input."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from model_core.evaluation import pictures
from model_core.evaluation.pictures import (
    OUTCOMES,
    UNLABELLED,
    failure_maps,
    failure_pictures,
    outcome_map,
    worst_scenes,
)
from model_core.tasks import task
from model_core.training.pack import load_pack

from .test_outside import Oracle
from .tiny_pack import write_pack


@pytest.fixture(scope="module")
def samples(tmp_path_factory):
    """The tiny pack with labels moved, so that the oracle, right about the image, is wrong about them."""
    found = []
    for sample in load_pack(write_pack(tmp_path_factory.mktemp("pack")), ("train", "test")):
        labels = {name: np.roll(label, 12, 0) for name, label in sample.labels.items()}
        for label in labels.values():
            label[-5:] = 255
        found.append(replace(sample, labels=labels))
    return found


def rgb(colour):
    return tuple(bytes.fromhex(colour[1:]))


def colours(path):
    with Image.open(path) as picture:
        return {colour for _, colour in picture.convert("RGB").getcolors(1 << 20)}


def test_outcomes():
    label = np.array([0, 1, 1, 0, 255, 1], np.uint8)
    predicted = np.array([0, 1, 0, 1, 1, 255], np.uint8)
    assert outcome_map(label, predicted).tolist() == [0, 1, 2, 3, 255, 255]
    assert [name for name, _ in OUTCOMES] == ["rightly none", "hit", "miss", "false alarm"]


def test_the_worst_come_first_and_scenes_without_content_not_at_all(samples):
    found = worst_scenes(Oracle(), samples)
    assert set(found) == {"clouds", "water", "landcover"}
    water = found["water"]
    assert [f.sample.id for f in water] == sorted((f.sample.id for f in water), key=lambda i: [
        f.value for f in water if f.sample.id == i
    ])  # fmt: skip
    assert all((f.label == 1).any() for f in water) and len(water) == 3
    assert 0 < water[0].value <= water[-1].value < 1
    assert worst_scenes(Oracle(), samples, 1)["water"][0].sample.id == water[0].sample.id


def test_a_faultless_scene_is_no_failure(samples):
    right = [replace(s, labels={"water": (s.bands[7] < 1000).astype(np.uint8)}) for s in samples]
    assert worst_scenes(Oracle(), right) == {}


def test_a_region_is_shown_once(samples):
    one = [replace(sample, region="the same") for sample in samples]
    found = worst_scenes(Oracle(), one)
    assert [len(found[name]) for name in ("water", "clouds")] == [1, 1]
    assert found["water"][0].value == worst_scenes(Oracle(), samples)["water"][0].value


def test_maps_for_the_card(samples, tmp_path):
    (tmp_path / "card").mkdir()
    (tmp_path / "card" / "water_9.png").write_bytes(b"from an earlier model")
    (tmp_path / "card" / "router.png").write_bytes(b"not ours")
    found = failure_maps(Oracle(), samples, tmp_path)
    files = sorted(path.name for path in (tmp_path / "card").iterdir())
    assert files == sorted(
        ["router.png"]
        + [entry["file"].removeprefix("card/") for entries in found.values() for entry in entries]
    )
    for entries in found.values():
        for entry in entries:
            path = tmp_path / entry["file"]
            assert path.stat().st_size < pictures.MAX_BYTES
            with Image.open(path) as picture:
                assert picture.mode == "P" and 150 < picture.width < 800
            assert set(entry) == {"file", "scene", "source", "region", "value", "text"}
            assert f"{entry['value']:.3f}" in entry["text"]
    water = colours(tmp_path / found["water"][0]["file"])
    assert {rgb(colour) for _, colour in OUTCOMES} | {rgb(UNLABELLED)} <= water
    cloud = colours(tmp_path / found["clouds"][0]["file"])
    assert rgb(task("clouds").expert.classes[2].color) in cloud
    assert rgb(task("clouds").expert.classes[1].color) not in cloud  # thin cloud is in neither map


def test_a_card_picture_holds_no_colour_but_the_maps_own(samples, tmp_path):
    """Imagery would bring colours of its own."""
    found = failure_maps(Oracle(), samples, tmp_path)
    for name, entries in found.items():
        own = {c.color for c in task(name).expert.classes if c.color} | {colour for _, colour in OUTCOMES}
        own |= {pictures.NOTHING, UNLABELLED, pictures.MIXED_VEGETATION, pictures.INK, "#ffffff"}
        for entry in entries:
            assert colours(tmp_path / entry["file"]) <= {rgb(colour) for colour in own}


def test_equal_input_gives_equal_bytes(samples, tmp_path):
    for folder in ("a", "b"):
        failure_maps(Oracle(), list(reversed(samples)) if folder == "b" else samples, tmp_path / folder)
    first = {path.name: path.read_bytes() for path in (tmp_path / "a" / "card").iterdir()}
    assert first == {path.name: path.read_bytes() for path in (tmp_path / "b" / "card").iterdir()}
    assert len(first) >= 6


def test_a_map_that_does_not_compress_is_drawn_smaller(samples):
    worst = worst_scenes(Oracle(), samples)["water"][0]
    random = np.random.default_rng(0)
    noise = replace(
        worst,
        label=random.integers(0, 2, (300, 300)).astype(np.uint8),
        predicted=random.integers(0, 2, (300, 300)).astype(np.uint8),
    )
    assert len(pictures.map_png(noise)) <= pictures.MAX_BYTES


def test_private_pictures_have_the_image_beside_the_map(samples, tmp_path):
    written = failure_pictures(Oracle(), samples, tmp_path / "mine")
    assert len(written) >= 6 and all(path.parent == tmp_path / "mine" for path in written)
    water = next(path for path in written if path.name == "water_1.png")
    with Image.open(water) as picture:
        assert picture.mode == "RGB" and picture.width > 2 * pictures.LARGE_PIXELS
    assert len(colours(water)) > 50
