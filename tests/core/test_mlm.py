"""What a bundle says of itself to catalogues: words that the extension knows, for every expert it has."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest

from model_core import mlm
from model_core.bundle import MODEL_FILE, read_info, write_description
from model_core.spec import ClassSpec, ExpertSpec
from model_core.training.extend import extend_bundle
from tests.core.onnx_bundle import EXPERTS, OBJECTS, SCENE
from tests.core.test_extend import added
from tests.core.test_objects_bundle import SPEC, detector, objects_bundle, row
from tests.core.tiny_bundle import write_bundle


def sound(section: dict) -> dict:
    """The section, after a look at all that the extension asks for."""
    assert section["mlm:framework"] == "PyTorch"
    told = [task for output in section["mlm:output"] for task in output["tasks"]]
    assert section["mlm:tasks"] == list(dict.fromkeys(told))
    names = [output["name"] for output in section["mlm:output"]]
    assert len(set(names)) == len(names)
    for output in section["mlm:output"]:
        result = output["result"]
        assert len(result["shape"]) == len(result["dim_order"])
        assert all(re.fullmatch("[a-z-_]+", axis) for axis in result["dim_order"])
    return section


def test_every_kind_of_expert_is_told() -> None:
    given = mlm.outputs(EXPERTS, 64, objects=OBJECTS, scene=SCENE)
    section = sound(mlm.updated({"mlm:name": "x", "mlm:framework": "pytorch"}, 7, given))
    assert section["mlm:name"] == "x" and section["mlm:total_parameters"] == 7
    found = {one["name"]: one for one in given}
    assert list(found) == ["scene", *(expert.name for expert in EXPERTS)]
    assert found["scene"]["tasks"] == ["scene-classification"] and found["scene"]["result"]["shape"] == [
        -1,
        4,
    ]
    assert [one["name"] for one in found["scene"]["classification:classes"]] == list(SCENE.classes)
    assert found["depth"]["tasks"] == ["regression"] and found["depth"]["result"]["shape"] == [-1, 2, 64, 64]
    assert found["land"]["result"]["dim_order"] == ["batch", "class", "height", "width"]
    assert found["objects"]["tasks"] == ["object-detection"]
    assert found["objects"]["result"]["shape"] == [-1, OBJECTS.queries, 10]
    assert found["objects"]["result"]["dim_order"] == ["batch", "query", "value"]
    assert "logits" in found["objects"]["description"]


@pytest.fixture(scope="module")
def bundles(tmp_path_factory):
    """As trained, with objects, and with one of the user's own."""
    folder = tmp_path_factory.mktemp("bundles")
    plain = write_bundle(folder / "plain", {"water": 2})
    whole = objects_bundle(plain, folder / "whole", detector(), SPEC, row(), {})
    own, *_ = extend_bundle(whole.folder, folder / "own", added())
    return read_info(plain), whole, own


def test_every_bundle_that_is_written_says_so(bundles) -> None:
    for info in bundles:
        section = sound(info.data["mlm"])
        names = [expert.name for expert in info.experts]
        assert [output["name"] for output in section["mlm:output"]] == names


def test_an_older_bundle_is_told_anew_when_it_is_extended(bundles, tmp_path) -> None:
    """The bundle that comes along says `pytorch`, and a sentence for an axis."""
    folder = Path(shutil.copytree(bundles[1].folder, tmp_path / "old"))
    data = json.loads((folder / MODEL_FILE).read_text(encoding="utf-8"))
    data["mlm"]["mlm:framework"] = "pytorch"
    data["mlm"]["mlm:output"][-1]["result"]["dim_order"][-1] = "class logits, box"
    write_description(folder, data)
    with pytest.raises(AssertionError):
        sound(read_info(folder).data["mlm"])
    own, *_ = extend_bundle(folder, tmp_path / "own", added())
    sound(own.data["mlm"])


def test_queries_that_nobody_told_are_any_number() -> None:
    ships = ExpertSpec("ships", "Ships", "objects", 1, (ClassSpec(0, "ship", "#e4572e"),))
    (told,) = mlm.outputs([ships], 256)
    assert told["result"]["shape"] == [-1, -1, -1]
