"""Bundles load strictly: every kind of damage is one clear error."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from model_core import bundle as bundles
from model_core.bundle import MODEL_FILE, WEIGHTS_FILE, load_bundle, read_info
from model_core.errors import BundleError, RequestError
from model_core.networks.hydranet import HydraNet, NetworkConfig
from model_core.resources import default_bundle
from model_core.tasks import TASK_NAMES, TASKS
from model_core.training.export import export_bundle
from model_core.training.recipe import Recipe
from model_core.training.switcher import Calibration

SMALL = NetworkConfig((8, 8, 12, 16, 16), (1, 1, 1, 1), (8, 8, 8, 8, 8), 16)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("bundle")
    torch.manual_seed(0)
    network = HydraNet(SMALL, {task.name: task.expert.channels for task in TASKS}).eval()
    calibration = {task.name: Calibration(2.0, 0.5, 0.4, 9, 9, "cal") for task in TASKS}
    export_bundle(folder, network, calibration, Recipe(network=SMALL), [], {"how": "for a test"})
    return folder


@pytest.fixture
def folder(made, tmp_path):
    return shutil.copytree(made, tmp_path / "b")


def rewrite(folder, change):
    """Alter model.json and sign it again, so that only the alteration itself can be refused."""
    data = json.loads((folder / MODEL_FILE).read_text())
    change(data)
    data["sha256"][MODEL_FILE] = bundles.description_digest(data)
    (folder / MODEL_FILE).write_text(json.dumps(data))


def test_a_bundle_round_trips(folder):
    model = load_bundle(folder, device="cpu", precision="fp32")
    assert [e.name for e in model.experts] == [t.name for t in TASKS]
    x = np.random.default_rng(0).random((2, 8, 256, 256), np.float32)
    features = model.encode(x, np.ones(8, bool), np.ones((2, 256, 256), bool))
    scores = model.scores(features)
    expected = 1 / (1 + np.exp(-(model.logits(features).numpy() / 2.0 + 0.5)))
    np.testing.assert_allclose(scores, expected, rtol=1e-5)
    decoded = model.decode("clouds", [(features, [1])])
    assert decoded.shape == (1, 4, 256, 256)
    np.testing.assert_allclose(decoded.sum(1), 1.0, rtol=1e-5)


@pytest.mark.parametrize("file", [WEIGHTS_FILE, MODEL_FILE])
@pytest.mark.parametrize("where", [0.1, 0.5, 0.97])
def test_one_changed_byte_is_refused(folder, file, where):
    path = folder / file
    content = bytearray(path.read_bytes())
    content[int(len(content) * where)] ^= 0x01
    path.write_bytes(content)
    with pytest.raises(BundleError, match=r"altered or damaged|cannot be read|not a 'hydranet-bundle"):
        load_bundle(folder)


@pytest.mark.parametrize("file", [WEIGHTS_FILE, MODEL_FILE])
def test_a_missing_file_is_named(folder, file):
    (folder / file).unlink()
    with pytest.raises(BundleError, match=file):
        load_bundle(folder)


def test_unknown_and_missing_keys_are_refused(folder):
    rewrite(folder, lambda data: data.update(surprise=1))
    with pytest.raises(BundleError, match="surprise"):
        read_info(folder)


def test_an_expert_with_an_unknown_key_is_refused(folder):
    rewrite(folder, lambda data: data["experts"][0].update(surprise=1))
    with pytest.raises(BundleError, match="surprise"):
        read_info(folder)


def test_a_checksum_section_of_another_type_is_refused(folder):
    data = json.loads((folder / MODEL_FILE).read_text())
    (folder / MODEL_FILE).write_text(json.dumps({**data, "sha256": "none"}))
    with pytest.raises(BundleError, match="altered or damaged"):
        read_info(folder)


def pixels(data):
    """As the format was before there was an objects expert."""
    data["format"] = "hydranet-bundle/3"
    assert data.pop("objects") is None


def plain(data):
    """As the format was before there were heads and a scene expert."""
    pixels(data)
    data["format"] = "hydranet-bundle/2"
    assert data.pop("scene") is None
    for expert in data["experts"]:
        assert expert.pop("heads") == 1


def former(data):
    """As the format was before experts had needed_scores."""
    plain(data)
    data["format"] = "hydranet-bundle/1"
    for expert in data["experts"]:
        del expert["needed_scores"]


def test_a_bundle_of_the_former_format_is_refused_with_the_way_out(folder):
    rewrite(folder, former)
    with pytest.raises(BundleError, match=r"'hydranet-bundle/1'.* `hydranet calibrate --data .*`"):
        load_bundle(folder)
    info = read_info(folder, former=True)
    assert info.data["format"] == bundles.FORMAT
    assert [expert.needed_scores for expert in info.experts] == [()] * len(TASKS)


def test_a_former_bundle_that_was_altered_is_refused_all_the_same(folder):
    rewrite(folder, former)
    path = folder / MODEL_FILE
    path.write_text(path.read_text().replace('"threshold": 0.4', '"threshold": 0.5', 1))
    with pytest.raises(BundleError, match="altered or damaged"):
        read_info(folder, former=True)


@pytest.mark.parametrize(
    "scores",
    [[0.5, 0.4], [-0.1], [1.1], [float("nan")], ["0.5"], [None], [True], "0.5", 0.5, None, {}],
    ids=repr,
)
def test_needed_scores_that_cannot_be_are_refused(folder, scores):
    rewrite(folder, lambda data: data["experts"][0].update(needed_scores=scores))
    with pytest.raises(BundleError, match="'clouds'.*needed_scores"):
        read_info(folder)


def test_needed_scores_round_trip(folder):
    scores = [0.0, 0.25, 0.25, 0.999999, 1]
    rewrite(folder, lambda data: data["experts"][0].update(needed_scores=scores))
    assert read_info(folder).experts[0].needed_scores == tuple(scores)


def test_a_description_too_large_to_be_read_again_is_not_written(folder, monkeypatch):
    before = (folder / MODEL_FILE).read_bytes()
    info = read_info(folder)
    monkeypatch.setattr(bundles, "MAX_MODEL_BYTES", len(before) + 1000)
    with pytest.raises(BundleError, match="fewer tiles"):
        bundles.write_description(folder, {**info.data, "title": "x" * 2000})
    assert (folder / MODEL_FILE).read_bytes() == before


def test_info_tells_how_many_tiles_stand_behind_the_guarantee(folder, capsys):
    from model_core.cli import main

    rewrite(folder, lambda data: data["experts"][1].update(needed_scores=[0.5] * 19))
    assert main(["info", str(folder)]) == 0
    said = {line.split()[0]: line for line in capsys.readouterr().out.splitlines() if " tiles " in line}
    assert "19 tiles" in said["water"] and "5.0% or more" in said["water"]
    assert "0 tiles" in said["clouds"] and "every tile" in said["clouds"]


@pytest.mark.parametrize("widths", [7, ["a", 8, 8, 8, 8], [8, 8], [-1, 8, 8, 8, 8]])
def test_a_network_that_cannot_be_built_is_refused(folder, widths):
    rewrite(folder, lambda data: data["network"].update(encoder_widths=widths))
    with pytest.raises(BundleError):
        load_bundle(folder)


@pytest.mark.parametrize("name", ["../evil", "", "Water", "routing", "aux"])
def test_an_expert_name_that_is_no_usable_file_name_is_refused(folder, name):
    rewrite(folder, lambda data: data["experts"][0].update(name=name))
    with pytest.raises(BundleError, match="file name|reserved"):
        read_info(folder)


@pytest.mark.parametrize(
    "change",
    [
        lambda tensors: tensors.pop(next(iter(tensors))),
        lambda tensors: tensors.update(stray=torch.zeros(1)),
        lambda tensors: tensors.update({"switcher.out.bias": torch.zeros(3)}),
    ],
    ids=["missing", "unknown", "shape"],
)
def test_weights_must_fit_exactly(folder, change):
    tensors = load_file(folder / WEIGHTS_FILE)
    change(tensors)
    save_file(tensors, folder / WEIGHTS_FILE)
    rewrite(
        folder, lambda data: data["sha256"].update({WEIGHTS_FILE: bundles.file_digest(folder / WEIGHTS_FILE)})
    )
    with pytest.raises(BundleError, match="does not fit"):
        load_bundle(folder)


def test_weights_that_are_no_safetensors_are_refused(folder):
    (folder / WEIGHTS_FILE).write_bytes(b"x" * 100)
    rewrite(
        folder, lambda data: data["sha256"].update({WEIGHTS_FILE: bundles.file_digest(folder / WEIGHTS_FILE)})
    )
    with pytest.raises(BundleError, match="safetensors"):
        load_bundle(folder)


def test_an_unknown_device_is_refused(folder):
    with pytest.raises(RequestError, match="tpu"):
        load_bundle(folder, device="tpu")


def test_a_failed_write_leaves_the_old_bundle(folder, monkeypatch):
    before = {p.name: p.read_bytes() for p in folder.iterdir()}
    monkeypatch.setattr(bundles, "description_digest", lambda data: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        bundles.write_bundle(folder, {"id": "x"}, {"t": torch.zeros(1)})
    assert {n: (folder / n).read_bytes() for n in before} == before


def test_the_bundle_that_ships_is_sound_and_small():
    model = load_bundle(default_bundle(), device="cpu", precision="fp32")
    assert [e.name for e in model.experts] == [*TASK_NAMES, "objects"]
    assert {e.name for e in model.experts if e.simulated} == {"fire"}
    assert sum(p.stat().st_size for p in default_bundle().rglob("*")) < 12e6
    assert model.info.data["metrics"]["split"] == "test"


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_the_bundled_costs_are_counted_not_guessed(precision):
    from model_core.networks.macs import counting

    model = load_bundle(default_bundle(), device="cpu", precision=precision)
    x = np.zeros((1, 8, 256, 256), np.float32)
    with counting(model.network) as counter:
        features = model.encode(x, np.ones(8, bool), np.ones((1, 256, 256), bool))
        model.scores(features)
        model.decode("water", [(features, [0])])
    assert counter.total == model.macs.encoder + model.macs.switcher + model.macs.experts["water"]


def test_scores_do_not_hang_on_the_batch(folder):
    model = load_bundle(folder, device="cpu", precision="fp32")
    x = np.random.default_rng(1).random((5, 8, 256, 256), np.float32)
    available, valid = np.ones(8, bool), np.ones((5, 256, 256), bool)
    together = model.scores(model.encode(x, available, valid))
    alone = [model.scores(model.encode(x[i : i + 1], available, valid[i : i + 1]))[0] for i in range(5)]
    np.testing.assert_array_equal(together, np.stack(alone))
