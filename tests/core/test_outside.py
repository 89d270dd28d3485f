"""Outside methods: formulae by hand, thresholds from val alone, missing bands said, the card kept whole."""

from __future__ import annotations

import csv
import json
import math
import shutil
import sys
import types

import numpy as np
import pytest
import rasterio

from model_core import bundle as bundles
from model_core.bands import BAND_NAMES
from model_core.bundle import read_info
from model_core.cli import main
from model_core.evaluation import outside, outside_csmask
from model_core.evaluation.outside import compare, keep_outside, record_outside, weights_digest
from model_core.evaluation.outside_csmask import CloudMask, block_mean
from model_core.evaluation.outside_indices import bai, haze, ndvi, ndwi, whiteness
from model_core.evaluation.outside_methods import RULES, best_thresholds, reason_against, scale_of
from model_core.evaluation.record import record_metrics
from model_core.resources import default_bundle
from model_core.tasks import TASKS
from model_core.training.pack import Sample, load_pack

from .tiny_pack import write_pack

RULE = {rule.expert: rule for rule in RULES}


class Oracle:
    """A model that reads the class off the near infrared: dark is water, very bright is cloud."""

    tile_size = 64
    experts = tuple(task.expert for task in TASKS)

    def encode(self, reflectance, available, valid):
        return reflectance

    def decode(self, name, picks):
        nir = np.concatenate([features[list(index), 7] for features, index in picks])
        found = nir > 0.5 if name == "clouds" else nir < 0.1
        channels = next(expert.channels for expert in self.experts if expert.name == name)
        out = np.zeros((len(nir), channels, *nir.shape[1:]), np.float32)
        absent, present = {"clouds": (0, 2), "landcover": (2, 0)}.get(name, (0, 1))
        out[:, absent], out[:, present] = ~found, found
        return out


def pixel(value):
    return np.array([[value]], np.float32)


def made(name, bands, labels, *, radiometry="boa", gsd_m=10.0, kind="hand", valid=None):
    """A scene from reflectance by band name; every other band is missing."""
    shape = next(iter(labels.values())).shape
    data, available = np.zeros((8, *shape), np.uint16), np.zeros(8, bool)
    for band, values in bands.items():
        data[BAND_NAMES.index(band)] = np.rint(np.asarray(values) * 10000)
        available[BAND_NAMES.index(band)] = True
    valid = np.ones(shape, bool) if valid is None else valid
    kinds = dict.fromkeys(labels, kind)
    data *= valid
    return Sample(
        name, "made up", name, "test", gsd_m, radiometry, "none", data, available, valid, labels, kinds, {}
    )  # fmt: skip


@pytest.fixture(scope="module")
def pack(tmp_path_factory):
    return write_pack(tmp_path_factory.mktemp("pack"))


@pytest.fixture
def bundle(tmp_path):
    return shutil.copytree(default_bundle(), tmp_path / "bundle")


@pytest.fixture
def no_csmask(monkeypatch):
    monkeypatch.setattr(outside_csmask, "installed", lambda: False)


def test_indices_are_what_their_papers_say():
    assert ndvi(pixel(0.1), pixel(0.5)) == pytest.approx(0.4 / 0.6)
    assert ndwi(pixel(0.3), pixel(0.1)) == pytest.approx(0.2 / 0.4)
    assert ndwi(pixel(0.0), pixel(0.0)) == 0
    assert bai(pixel(0.05), pixel(0.16)) == pytest.approx(1 / (0.05**2 + 0.1**2), rel=1e-4)
    assert np.isfinite(bai(pixel(0.1), pixel(0.06)))  # charcoal itself: no division by zero
    assert haze(pixel(0.3), pixel(0.2)) == pytest.approx(0.2)
    # mean 0.2, |0.3 - 0.2| + 0 + |0.1 - 0.2| = 0.2
    assert whiteness(pixel(0.3), pixel(0.2), pixel(0.1)) == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("expert", "bands", "expected"),
    [
        ("water", {"green": 0.06, "nir": 0.03}, 1),
        ("water", {"green": 0.06, "nir": 0.30}, 0),
        ("landcover", {"green": 0.06, "red": 0.05, "nir": 0.03}, 0),
        ("landcover", {"green": 0.06, "red": 0.05, "nir": 0.30}, 2),
        ("landcover", {"green": 0.20, "red": 0.25, "nir": 0.30}, 3),
        ("clouds", {"blue": 0.5, "green": 0.5, "red": 0.5, "nir": 0.6}, 2),
        ("clouds", {"blue": 0.1, "green": 0.1, "red": 0.1, "nir": 0.3}, 0),  # white, but HOT is 0.05
        ("clouds", {"blue": 0.5, "green": 0.2, "red": 0.1, "nir": 0.3}, 0),  # HOT 0.45, but not white
    ],
)
def test_rules_with_their_published_thresholds(expert, bands, expected):
    rule = RULE[expert]
    assert rule.predict({name: pixel(value) for name, value in bands.items()}, rule.published) == expected


def test_thresholds_come_from_the_scenes_given_and_no_others():
    """On val water has NDWI 1/3 and land 1/5: the best threshold lies between, not at the published 0."""
    label = np.array([[0, 1]], np.uint8).repeat(8, 0)
    bands = {"green": label * 0.02 + 0.06, "nir": np.full((8, 2), 0.04)}
    limit = best_thresholds(RULE["water"], [made("val", bands, {"water": label})])["NDWI"]
    assert 0.2 <= limit < 1 / 3
    assert best_thresholds(RULE["water"], []) is None


def test_no_threshold_is_chosen_for_a_class_that_is_not_there():
    bands = {"green": [[0.08, 0.05, 0.2]], "red": [[0.05, 0.04, 0.25]], "nir": [[0.03, 0.3, 0.3]]}
    rows = ([0, 6, 255], [0, 6, 3])
    two, three = (made("val", bands, {"landcover": np.array([row], np.uint8)}) for row in rows)
    assert best_thresholds(RULE["landcover"], [two]) is None
    assert best_thresholds(RULE["landcover"], [three])["NDVI"] >= 0.1


def test_unlabelled_pixels_choose_no_threshold():
    label = np.array([[0, 1, 255, 255, 255, 255]], np.uint8)
    green = [[0.06, 0.08, 0.30, 0.30, 0.30, 0.30]]
    scene = made("val", {"green": green, "nir": [[0.04] * 6]}, {"water": label})
    assert 0.2 <= best_thresholds(RULE["water"], [scene])["NDWI"] < 1 / 3


def test_test_scenes_choose_nothing(pack, no_csmask, monkeypatch):
    asked = []

    def note(rule, samples):
        asked.extend(sample.split for sample in samples)
        return best_thresholds(rule, samples)

    monkeypatch.setattr(outside, "best_thresholds", note)
    compare(Oracle(), load_pack(pack, ("test",)), load_pack(pack, ("val",)), lambda _m: None)
    assert set(asked) == {"val"}


def test_a_scene_without_the_bands_or_without_reflectance_is_left_out():
    label = {"water": np.zeros((1, 2), np.uint8)}
    grey = {name: [[0.1, 0.1]] for name in ("blue", "green", "red", "nir")}
    assert reason_against(made("a", grey, label), ("green", "nir")) is None
    assert reason_against(made("b", {"green": [[0.1, 0.1]]}, label), ("green", "nir")) == "no band nir"
    assert "display" in reason_against(made("c", grey, label, radiometry="display"), ("green",))


def test_both_sides_are_scored_on_the_same_pixels(pack, no_csmask):
    samples = load_pack(pack, ("test",))
    rows = compare(Oracle(), samples, load_pack(pack, ("val",)), lambda _m: None)
    water = [row for row in rows if row["expert"] == "water" and row["scenes"]]
    assert [row["method"] for row in water][0] == "NDWI, NDWI 0 (as published)"
    assert "chosen on val" in water[1]["method"]
    for row in water:
        known = sum((s.labels["water"][s.valid] != 255).sum() for s in samples if "water" in s.labels)
        assert row["pixels"] == known
        assert row["ours"]["value"] == 1.0  # what the oracle gets
        assert row["theirs"]["value"] > 0.99
        assert row["metric"] == "IoU water"
    cloud = next(row for row in rows if row["method"].startswith("whiteness"))
    assert cloud["theirs"]["value"] == pytest.approx(1.0)
    land = next(row for row in rows if row["expert"] == "landcover")
    assert "bare or built-up" in land["metric"] and land["ours"]["value"] == 1.0
    assert not any(row["expert"] == "fire" for row in rows)


def test_hand_labels_get_a_row_of_their_own(no_csmask):
    def scene(name, kind, green):
        label = np.array([[0, 1]], np.uint8)
        bands = {"green": [[0.02, green]], "red": [[0.1, 0.1]], "nir": [[0.04, 0.04]]}
        return made(name, bands, {"water": label}, kind=kind)

    scenes = [scene("a", "derived", 0.08), scene("b", "hand", 0.02)]
    rows = [r for r in compare(Oracle(), scenes, [], lambda _m: None) if r["method"].startswith("NDWI, NDWI")]
    assert [(row["labels"], row["scenes"], row["theirs"]["value"]) for row in rows] == [
        ("all", 2, 0.5), ("hand", 1, 0.0)
    ]  # fmt: skip
    assert math.isnan(rows[1]["theirs"]["low"])  # one scene has no interval


def test_what_cannot_be_run_says_why(pack, no_csmask):
    rows = compare(Oracle(), load_pack(pack, ("test",)), load_pack(pack, ("val",)), lambda _m: None)
    notes = {row["method"]: row["note"] for row in rows if not row["scenes"]}
    assert (
        "B12" in notes["s2cloudless"] and "the 2 scenes with labels have at most blue" in notes["s2cloudless"]
    )
    assert "pan" not in notes["s2cloudless"]
    assert "pip install 'hydranet[compare]'" in notes[outside_csmask.METHOD]
    assert {"NBR", "BAIS2", "MNDWI", "BAI", "NDVI"} <= set(notes)
    assert "no scene of split val" in notes["BAI"]


def test_display_scenes_are_counted_as_left_out(no_csmask):
    label = {"water": np.array([[0, 1]], np.uint8)}
    bands = {"green": [[0.02, 0.08]], "nir": [[0.04, 0.04]]}
    scenes = [made("a", bands, label), made("b", bands, label, radiometry="display")]
    row = compare(Oracle(), scenes, [], lambda _m: None)
    note = next(r["note"] for r in row if r["method"].startswith("NDWI, NDWI"))
    assert note == "1 scenes left out: display-stretched RGB is no reflectance"


def test_block_mean_takes_valid_pixels_only():
    image = np.arange(12, dtype=np.float32).reshape(3, 4, 1)
    valid = np.ones((3, 4), bool)
    valid[0, 0] = False
    found = block_mean(image, valid, 2)[..., 0]
    np.testing.assert_allclose(found, [[(1 + 4 + 5) / 3, (2 + 3 + 6 + 7) / 4], [8.5, 10.5]])
    assert block_mean(image, valid, 1)[0, 0, 0] == 0


class FakeMask:
    """Stands for `ukis_csmask.mask.CSmask`: bright pixels are cloud, dark ones shadow."""

    made: list[tuple[tuple[int, ...], str]] = []
    band_mean, band_std = np.zeros(4), np.ones(4)

    def __init__(self, image, band_order, product_level, providers):
        assert band_order == ["blue", "green", "red", "nir"] and image.dtype == np.float32
        self.made.append((image.shape, product_level))
        self.img = image
        self.csm = self._csm()

    @staticmethod
    def normalize(image, mean, std):
        return (image - mean) / std

    def _csm(self):
        bright = self.img.mean(-1, keepdims=True)
        return np.where(bright > 0.5, 1, np.where(bright < 0.1, 2, 0)).astype(np.uint8)


@pytest.fixture
def fake_csmask(monkeypatch):
    FakeMask.made = []
    module = types.ModuleType("ukis_csmask.mask")
    module.CSmask = FakeMask
    monkeypatch.setitem(sys.modules, "ukis_csmask", types.ModuleType("ukis_csmask"))
    monkeypatch.setitem(sys.modules, "ukis_csmask.mask", module)
    monkeypatch.setattr(outside_csmask, "installed", lambda: True)


def grey_scene(values, **other):
    values = np.asarray(values, float)
    bands = dict.fromkeys(("blue", "green", "red", "nir"), values)
    return made("grey", bands, {"clouds": (values > 0.5).astype(np.uint8) * 2}, **other)


def test_csmask_gets_pixels_of_30_m_and_the_network_of_the_level(fake_csmask):
    values = np.full((7, 7), 0.3)
    values[:3, :3] = 0.8
    values[6, 6] = 0.05
    tool = CloudMask()
    valid = np.ones((7, 7), bool)
    valid[0, 6] = False
    found = tool.predict(grey_scene(values, gsd_m=10.0, valid=valid))
    assert FakeMask.made == [((3, 3, 4), "l2a")]
    assert (found[:3, :3] == 2).all() and found[6, 6] == 3 and found[0, 6] == 255
    assert (found[3:6, :6] == 0).all()
    tool.predict(grey_scene(values, gsd_m=30.0, radiometry="toa"))
    assert FakeMask.made[1] == ((7, 7, 4), "l1c")
    again = tool.predict(grey_scene(values, gsd_m=10.0), resample=False)
    assert len(FakeMask.made) == 2  # the network of the level is there already
    assert (again == np.where(values > 0.5, 2, np.where(values < 0.1, 3, 0))).all()


def test_csmask_stands_beside_the_cloud_expert(pack, fake_csmask):
    rows = compare(Oracle(), load_pack(pack, ("test",)), load_pack(pack, ("val",)), lambda _m: None)
    found = [row for row in rows if row["method"].startswith("ukis-csmask")]
    assert ["30 m" in row["method"] for row in found] == [True, False]
    assert all(row["theirs"]["value"] > 0.95 and row["scenes"] == 2 for row in found)


ROWS = [
    {
        "method": "NDWI", "reference": "McFeeters 1996", "expert": "water", "metric": "IoU water",
        "labels": "all", "scenes": 1, "pixels": 9, "note": "",
        "theirs": {"value": 0.5, "low": float("nan"), "high": float("nan")},
        "ours": {"value": 0.6, "low": 0.5, "high": 0.7},
    }
]  # fmt: skip


def test_recording_keeps_every_other_figure(bundle):
    before = read_info(bundle).data
    after = record_outside(bundle, before["metrics"]["split"], ROWS).data
    assert after["metrics"].pop("outside")[0]["theirs"] == {"value": 0.5, "low": None, "high": None}
    assert after["metrics"].pop("outside_weights_sha256") == before["sha256"]["weights.safetensors"]
    kept = {k: v for k, v in before["metrics"].items() if not k.startswith("outside")}
    assert after["metrics"] == kept
    assert {k: v for k, v in after.items() if k not in ("metrics", "sha256")} == {
        k: v for k, v in before.items() if k not in ("metrics", "sha256")
    }


def test_a_comparison_outlives_an_evaluation_of_the_same_weights_only(bundle):
    info = record_outside(bundle, read_info(bundle).data["metrics"]["split"], ROWS)
    kept = keep_outside(info.data["metrics"], weights_digest(info))
    assert kept["outside"] == info.data["metrics"]["outside"]
    again = record_metrics(bundle, {**info.data["metrics"], **kept})
    assert keep_outside(again.data["metrics"], weights_digest(again)) == kept
    assert keep_outside(info.data["metrics"], "sha256:of other weights") == {}
    assert keep_outside({"split": "test"}, weights_digest(info)) == {}


def test_compare_card_from_the_command_line(pack, bundle, no_csmask, monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(bundles, "load_bundle", lambda *_a, **_k: Oracle())
    before = read_info(bundle).data["metrics"]
    command = ["compare", "--data", str(pack), "--bundle", str(bundle), "--json", str(tmp_path / "f.json")]
    assert main([*command, "--card"]) == 0
    assert main([*command, "--card"]) == 0  # twice is as good as once
    out = capsys.readouterr().out
    assert "NDWI, NDWI 0 (as published): IoU water" in out and "s2cloudless: not run" in out
    rows = json.loads((tmp_path / "f.json").read_text())["outside"]
    found = read_info(bundle).data["metrics"]
    assert found["outside"] == rows and found["experts"] == before["experts"]
    assert (bundle / "MODEL_CARD.md").read_text().startswith("# Model card")


def test_a_card_of_another_split_or_of_nothing_is_refused_at_once(pack, bundle, monkeypatch, capsys):
    monkeypatch.setattr(bundles, "load_bundle", lambda *_a, **_k: pytest.fail("work before the check"))
    command = ["compare", "--data", str(pack), "--bundle", str(bundle), "--card"]
    assert main([*command, "--split", "cal"]) == 2
    assert "are of split 'test', the comparison of 'cal'" in capsys.readouterr().err
    record_metrics(bundle, {})
    assert main(command) == 2
    assert "hydranet evaluate --card" in capsys.readouterr().err


def test_figures_that_no_rule_shares_are_the_experts_own():
    assert scale_of("clouds").metric == "F1 cloud (thin or thick)"
    table = scale_of("clouds").table(np.array([0, 1, 2, 3, 255]), np.array([0, 2, 2, 0, 2]))
    assert table.sum() == 4 and scale_of("clouds").score(table) == 1.0
    table = scale_of("landcover").table(np.array([0, 6, 1, 3, 4, 255]), np.array([0, 2, 2, 4, 3, 0]))
    assert table.tolist() == [[1, 0, 0], [0, 2, 0], [0, 0, 2]]


@pytest.mark.needs_pack
def test_the_pack_has_no_band_that_s2cloudless_needs():
    from tests.conftest import PACK

    with (PACK / "catalog.csv").open(newline="") as file:
        bands = {name for row in csv.DictReader(file) for name in row["bands"].split(";")}
    assert bands <= set(BAND_NAMES)
    with rasterio.open(next(iter(sorted((PACK / "scenes").glob("oscd_*.tif"))))) as scene:
        assert set(scene.descriptions) <= bands
