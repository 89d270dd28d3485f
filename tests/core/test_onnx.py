"""The model in ONNX says what the network says, for every kind of expert, and tells of no machine."""

from __future__ import annotations

import getpass
import json
import re
import shutil
import socket
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch

from model_core.bundle import file_digest, load_bundle, read_info
from model_core.errors import OutputError
from model_core.networks.encoder import Features
from model_core.networks.objects.detect import outlines
from model_core.objects.spec import FLOOR
from model_core.onnx import export, graph, parts
from model_core.onnx.check import open_session
from model_core.onnx.export import export_onnx
from model_core.onnx.names import ENCODER, FEATURES, LEVELS
from model_core.onnx.parts import FindObjects, rectangles
from tests.core import onnx_bundle
from tests.core.onnx_bundle import EXPERTS, OBJECTS, SCENE, SIZE

FILES = {"encoder_switcher.onnx", "scene.onnx", *(f"expert_{expert.name}.onnx" for expert in EXPERTS)}
OF_TRAINING = {"BatchNormalization", "Dropout", "RandomNormalLike", "RandomUniformLike", "If", "Loop"}


@pytest.fixture(scope="module")
def bundle(tmp_path_factory) -> Path:
    return onnx_bundle.write(tmp_path_factory.mktemp("secret_place") / "bundle")


@pytest.fixture(scope="module")
def exported(bundle: Path, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("another_place") / "onnx"
    export_onnx(bundle, folder)
    return folder


@pytest.fixture(scope="module")
def manifest(exported: Path) -> dict:
    return json.loads((exported / "manifest.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def model(bundle: Path):
    return load_bundle(bundle, device="cpu", precision="fp32")


def batch(count: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Tiles that no check has seen: one with missing bands, one with a part without data."""
    random = np.random.default_rng(77)
    x = random.random((count, 8, SIZE, SIZE), np.float32) * np.linspace(0.1, 1.8, count)[:, None, None, None]
    x *= random.random((count, 8, 1, 1)) ** 3  # bands as different as those of water and of woods
    available, valid = np.ones((count, 8), bool), np.ones((count, SIZE, SIZE), bool)
    available[0, [0, 5]] = False
    valid[-1, :30, 10:] = False
    x = (x * available[:, :, None, None] * valid[:, None]).astype(np.float32)
    return x, available, valid


def run(folder: Path, file: str, values: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    session = open_session(folder / file)
    given = {one.name: values[one.name] for one in session.get_inputs()}
    return dict(zip([one.name for one in session.get_outputs()], session.run(None, given), strict=True))


@pytest.fixture(scope="module")
def told(exported: Path) -> dict[str, dict[str, np.ndarray]]:
    """What all files say of five tiles at once."""
    x, available, valid = batch(5)
    values = {"reflectance": x, "available": available.astype(np.float32)}
    values["valid"] = valid[:, None].astype(np.float32)
    found = {"encoder_switcher.onnx": run(exported, "encoder_switcher.onnx", values)}
    values |= found["encoder_switcher.onnx"]
    return found | {file: run(exported, file, values) for file in FILES - found.keys()}


@pytest.fixture(scope="module")
def encoded(model) -> list:
    """The network's features of the same tiles, each by itself."""
    return [model.encode(x[None], a, v[None]) for x, a, v in zip(*batch(5), strict=True)]


def test_features_logits_and_scores_are_the_networks(told, model, encoded) -> None:
    found = told["encoder_switcher.onnx"]
    for number, one in enumerate(encoded):
        features = one.one(0)
        for name, wanted in zip(FEATURES, (*features.levels, features.coverage), strict=True):
            np.testing.assert_allclose(found[name][number], wanted[0].numpy(), atol=2e-5, err_msg=name)
        np.testing.assert_allclose(found["logits"][number], model.logits(one)[0].numpy(), atol=1e-5)
        np.testing.assert_allclose(found["scores"][number], model.scores(one)[0], atol=1e-5)
    assert np.ptp(found["scores"], axis=0).max() > 1e-3, "tiles differ in their scores"


@pytest.mark.parametrize(
    "expert", [one for one in EXPERTS if one.kind != "objects"], ids=lambda one: one.name
)
def test_pixels_are_the_networks(told, model, encoded, expert) -> None:
    found = told[f"expert_{expert.name}.onnx"]
    main = "values" if expert.kind == "density" else "probabilities"
    assert list(found) == [main] + ["expected_entropy"] * (expert.heads > 1)
    for number, one in enumerate(encoded):
        wanted = model.decode(expert.name, [(one, [0])], uncertainty=True)[0]
        np.testing.assert_allclose(
            np.concatenate([part[number] for part in found.values()]), wanted, atol=1e-5
        )
    if expert.kind != "density":
        assert 0 <= found[main].min() < found[main].max() <= 1


def test_the_scene_is_the_networks(told, model, encoded) -> None:
    found, chosen = told["scene.onnx"], set()
    for number, one in enumerate(encoded):
        wanted = model.scene_scores(one)
        np.testing.assert_allclose(found["probabilities"][number], wanted.probability[0], atol=1e-5)
        assert (found["branches"][number] == wanted.branches[0]).all()
        assert found["branches"][number].sum() == SCENE.k
        chosen.add(tuple(wanted.branches[0]))
    assert len(chosen) > 1, "the gate must tell these tiles apart"


def test_objects_are_the_networks(told, model, encoded) -> None:
    found, seen = told["expert_objects.onnx"], 0
    for number, one in enumerate(encoded):
        wanted = model.detect("objects", [(one, [0])])[0]
        kept = np.flatnonzero(found["scores"][number] >= FLOOR)
        kept = kept[np.argsort(-found["scores"][number][kept], kind="stable")]
        seen += len(kept)
        assert (found["labels"][number][kept] == wanted.label).all()
        assert (found["experts"][number][kept] == wanted.experts).all()
        assert (found["groups"][number] == wanted.groups).all()
        for name, part in (
            ("scores", wanted.score), ("boxes", wanted.box), ("rectangles", wanted.outline),
            ("weights", wanted.weights),
        ):  # fmt: skip
            np.testing.assert_allclose(found[name][number][kept], part, atol=2e-3, err_msg=name)
    assert seen > 20


def test_a_batch_of_any_size_says_the_same(exported, told) -> None:
    x, available, valid = (part[2:3].astype(np.float32) for part in batch(5))
    values = {"reflectance": x, "available": available, "valid": valid[:, None]}
    values |= run(exported, "encoder_switcher.onnx", values)
    for file in sorted(FILES - {"encoder_switcher.onnx"}):
        for name, value in run(exported, file, values).items():
            np.testing.assert_allclose(value, told[file][name][2:3], atol=2e-3, err_msg=f"{file} {name}")


@pytest.mark.parametrize("file", sorted(FILES))
def test_a_graph_is_sound_and_plain(exported, manifest, file) -> None:
    made = onnx.load(exported / file)
    onnx.checker.check_model(made, full_check=True)
    assert [(one.domain, one.version) for one in made.opset_import] == [("", manifest["opset"])]
    assert made.ir_version == manifest["ir_version"] == 8 and not made.functions
    assert not OF_TRAINING & {node.op_type for node in made.graph.node}
    entry = manifest["files"][file]
    assert graph.described(made) == {key: entry[key] for key in ("inputs", "outputs")}
    assert all(one["shape"][0] == "batch" for one in entry["inputs"] + entry["outputs"])
    assert not any(isinstance(size, str) for one in entry["outputs"] for size in one["shape"][1:])
    assert entry["bytes"] == (exported / file).stat().st_size
    assert entry["sha256"] == file_digest(exported / file)


def test_an_expert_asks_for_what_it_needs_alone(manifest) -> None:
    asked = {file: [one["name"] for one in entry["inputs"]] for file, entry in manifest["files"].items()}
    assert asked["encoder_switcher.onnx"] == ["reflectance", "available", "valid"]
    assert asked["expert_land.onnx"] == asked["expert_hydra.onnx"] == list(LEVELS)
    assert asked["expert_objects.onnx"] == list(FEATURES)
    assert asked["scene.onnx"] == list(FEATURES[SCENE.level :])


def test_the_manifest_says_what_the_bundle_says(bundle, manifest) -> None:
    info = read_info(bundle)
    assert manifest["format"] == "hydranet-onnx/1" and manifest["model"]["sha256"] == info.sha256
    assert manifest["input"]["tile_size"] == SIZE
    assert [band["name"] for band in manifest["input"]["bands"]][:2] == ["pan", "blue"]
    for column, (entry, expert) in enumerate(zip(manifest["experts"], EXPERTS, strict=True)):
        assert expert.as_dict().items() <= entry.items()
        assert entry["column"] == column and entry["file"] == f"expert_{expert.name}.onnx"
    assert manifest["objects"]["least_scores"] == list(OBJECTS.thresholds)
    assert manifest["scene"]["classes"] == list(SCENE.classes) and manifest["scene"]["file"] == "scene.onnx"
    assert set(manifest["files"]) == FILES == set(manifest["check"]["files"])
    assert manifest["check"]["tiles"]["random"] == 8
    for file, entry in manifest["check"]["files"].items():
        assert {one["name"] for one in manifest["files"][file]["outputs"]} == set(entry["outputs"])
        for one in entry["outputs"].values():
            assert one["max_abs_error"] <= one["tolerance"] <= 0.05
    assert manifest["check"]["files"]["expert_objects.onnx"]["objects"] > 20
    assert manifest["check"]["files"]["expert_land.onnx"]["equal_classes"] > 0.999


def test_no_file_tells_of_the_machine(exported, bundle) -> None:
    names = {socket.gethostname(), getpass.getuser(), "site-packages", ".py", "secret_place"}
    names |= {str(part) for part in (Path.home(), Path.cwd(), bundle.parent, exported.parent, "/usr/")}
    # A name such as "root" or "main" may be a word of an operator; as a part of a path it would not be.
    for path in sorted(exported.rglob("*")):
        content = path.read_bytes() if path.is_file() else b""
        for name in names:
            marked = name if len(name) > 6 or not name.isalnum() else f"/{name}"
            assert marked.encode() not in content, f"{path.name} holds {name!r}"
        assert not re.search(rb"[\w-]+@[\w-]+\.\w", content)


def test_the_same_bundle_gives_the_same_bytes(bundle, exported, tmp_path, manifest) -> None:
    again = export_onnx(bundle, tmp_path / "again", experts=["fog"])
    assert set(again["files"]) == {"encoder_switcher.onnx", "expert_fog.onnx"}
    for file, entry in again["files"].items():
        assert (tmp_path / "again" / file).read_bytes() == (exported / file).read_bytes(), file
        assert again["check"]["files"][file] == manifest["check"]["files"][file]
        assert entry == manifest["files"][file]
    left_out = [one["name"] for one in again["experts"] if one["file"] is None]
    assert left_out == ["land", "depth", "hydra", "fogs", "objects"] and again["scene"]["file"] is None


@pytest.fixture
def same_encoder(exported, monkeypatch) -> None:
    """Encoder and switcher are copied from the export that is there: making them again says nothing new."""
    real = export._write

    def write(folder: Path, part: export.Part, examples: dict) -> dict:
        if part.file != ENCODER:
            return real(folder, part, examples)
        shutil.copy(exported / ENCODER, folder)
        return {}

    monkeypatch.setattr(export, "_write", write)


def test_a_file_that_says_something_else_is_not_given_out(
    bundle, tmp_path, monkeypatch, same_encoder
) -> None:
    monkeypatch.setattr(
        parts.DecodePixels, "_values", lambda self, logits: (torch.sigmoid(1.01 * logits), logits)
    )
    said = r"'expert_fog.onnx' does not say what the network says: its 'probabilities' is off by .* 0.0001 is"
    with pytest.raises(OutputError, match=said):
        export.export_onnx(bundle, tmp_path / "deep" / "onnx", experts=["fog"])
    assert list(tmp_path.iterdir()) == []


def test_what_torch_cannot_export_is_one_sentence(bundle, tmp_path, monkeypatch, same_encoder) -> None:
    monkeypatch.setattr(parts.DecodePixels, "forward", lambda self, *levels: (torch.lu(levels[4])[0],))
    with pytest.raises(
        OutputError, match=r"torch .* could not export 'expert_fog' \(.*\); install"
    ) as caught:
        export.export_onnx(bundle, tmp_path / "onnx", experts=["fog"])
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 600
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("routing", ["full", "instance", "scene", "token", "dense"])
def test_experts_within_the_objects_expert_run_side_by_side(routing) -> None:
    """Without a graph: what is weighted with 0 adds nothing, whatever is routed."""
    torch.manual_seed(3)
    expert = onnx_bundle.lively(replace(OBJECTS, routing=routing, layers=2)).folded()
    widths = onnx_bundle.SMALL.encoder_widths
    levels = tuple(torch.rand(2, width, SIZE >> n, SIZE >> n) for n, width in enumerate(widths, start=1))
    coverage = torch.ones(2, 1, SIZE // 32, SIZE // 32)
    with torch.no_grad():
        wanted = expert(Features(levels, coverage))
        boxes, scores, labels, corners, *_ = FindObjects(expert, expert.spec, SIZE)(*levels, coverage)
    best, most_likely = wanted.logits.max(2)
    torch.testing.assert_close(boxes, wanted.boxes.clamp(0, SIZE), atol=1e-3, rtol=0)
    assert (labels == most_likely).all()
    seen = scores > 0
    torch.testing.assert_close(scores[seen], torch.sigmoid(best)[seen], atol=1e-5, rtol=0)
    told = outlines(wanted.boxes.numpy()[0], wanted.rects.numpy()[0])
    np.testing.assert_allclose(corners[0].numpy(), told, atol=2e-3)


def test_rectangles_are_the_outlines_at_every_angle() -> None:
    angle = np.concatenate([np.linspace(-np.pi, np.pi, 721), [np.pi / 2, -np.pi / 2, np.pi, 0.0]])
    length, width = 37.0, 5.0
    cos, sin = np.abs(np.cos(angle)), np.abs(np.sin(angle))
    half = np.stack([length * cos + width * sin, length * sin + width * cos], 1) / 2
    boxes = np.concatenate([100 - half, 100 + half], 1).astype(np.float32)
    told = [np.full_like(angle, np.log(length)), np.full_like(angle, np.log(width))]
    rects = np.stack([*told, 3 * np.cos(2 * angle), 3 * np.sin(2 * angle)], 1).astype(np.float32)
    rects[-1, 2:] = 0.0  # no angle at all
    found = rectangles(torch.from_numpy(boxes)[None], torch.from_numpy(rects)[None])[0].numpy()
    np.testing.assert_allclose(found, outlines(boxes, rects), atol=1e-3)
