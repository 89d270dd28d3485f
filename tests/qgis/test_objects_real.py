"""Objects on the whole road: a real bundle of random weights, the real worker, layers and a reroute."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from qgis.core import NULL, QgsProcessing, QgsProject, QgsVectorLayer

from hydranet_qgis import environment, objects_fields, paths, results, worker_client
from hydranet_qgis.bundle_info import read_bundle
from hydranet_qgis.run_folder import Run, RunExpert, read_run
from tests.qgis.conftest import PYTHON, Feedback, make_scene

pytestmark = pytest.mark.usefixtures("provider")

# In a process of its own: torch has no place in the one of QGIS.
MAKE = """
import sys
from pathlib import Path
from model_core.training.objects.export import objects_bundle
from tests.core.test_objects_bundle import SPEC, detector, row, without_objects
base = without_objects(Path(sys.argv[1]) / "base")
made = Path(sys.argv[1]) / "bundle"
objects_bundle(base, made, detector(), SPEC, row(), {"how": "not at all"}, license="none")
"""


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model with an objects expert that finds something."""
    folder = tmp_path_factory.mktemp("model")
    (folder / "base").mkdir()
    command = [sys.executable, "-c", MAKE, str(folder)]
    subprocess.run(command, cwd=paths.root(), check=True, capture_output=True, timeout=120)
    return folder / "bundle"


@pytest.fixture(autouse=True)
def worker(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(environment, "find_interpreter", lambda: PYTHON)
    yield
    worker_client.shared_client().shutdown()


def _process(name: str, feedback: Feedback | None = None, **parameters: Any) -> dict[str, Any]:
    import processing

    return processing.run(f"hydranet:{name}", parameters, feedback=feedback or Feedback())


def _expert(run: Run) -> RunExpert:
    return next(expert for expert in run.experts if expert.finds_objects)


def test_the_bundle_is_read_as_it_is_written(bundle: Path) -> None:
    info = read_bundle(bundle)
    assert info.objects is not None and info.objects.classes == ("ship", "building")
    assert info.least_scores == (0.3, 0.4)


def test_objects_of_a_real_run_are_a_styled_layer(bundle: Path, tmp_path: Path, project: QgsProject) -> None:
    scene, feedback = make_scene(tmp_path / "waves.tif", 300, 280), Feedback()
    result = _process(
        "objects", feedback, INPUT=str(scene), BUNDLE=str(bundle), EVERY_TILE=True, FORCE_GSD=True,
        OBJECT_SCORE=0.1, OUTPUT=QgsProcessing.TEMPORARY_OUTPUT, OUTPUT_FOLDER=str(tmp_path / "out"),
    )  # fmt: skip
    run = read_run(tmp_path / "out")
    expert = _expert(run)
    assert expert.tiles == run.total and result["COUNT"] == expert.objects.count > 0
    own = QgsVectorLayer(expert.source, "own", "ogr")
    names = list(objects_fields.titles())
    assert [field.name() for field in result["OUTPUT"].fields()] == names
    rows = {name: [feature[name] for feature in result["OUTPUT"].getFeatures()] for name in names}
    assert (
        rows["id"] == list(range(1, result["COUNT"] + 1)) == [feature["id"] for feature in own.getFeatures()]
    )
    assert min(rows["score"]) >= 0.1 and set(rows["class"]) <= {"ship", "building"}
    assert NULL not in rows["length_m"] and min(rows["length_m"]) > 0
    assert set(rows["top_expert"]) <= set(range(1, 9))
    (layer, *_) = results.load_run(run, project)
    assert layer.name() == "Objects" and layer.featureCount() == result["COUNT"]
    assert [item.value() for item in layer.renderer().categories()] == ["ship", "building"]
    assert f"{expert.tiles} of {run.total} tiles" in layer.metadata().abstract()


def test_predict_and_reroute_give_the_same_objects(bundle: Path, tmp_path: Path, project: QgsProject) -> None:
    scene = make_scene(tmp_path / "waves.tif", 500, 280)
    given = {"INPUT": str(scene), "BUNDLE": str(bundle), "FORCE_GSD": True, "OBJECT_SCORE": 0.1, "TOP_K": 2}
    _process("route", **{key: value for key, value in given.items() if key != "OBJECT_SCORE"},
             OUTPUT_FOLDER=str(tmp_path / "scores"))  # fmt: skip
    assert _expert(read_run(tmp_path / "scores")).output is None
    few = {"THRESHOLDS": "objects=1"}
    _process("predict", **given, **few, OUTPUT_FOLDER=str(tmp_path / "few"))
    run = read_run(tmp_path / "few")
    results.load_run(run, project)
    every = {expert.name: 0 if expert.finds_objects else 1 for expert in run.experts}
    all_of_it = {"THRESHOLDS": ",".join(f"{name}={score}" for name, score in every.items()), "TOP_K": 2}
    _process("reroute", RUN_FOLDER=str(run.folder), **all_of_it)
    whole = _process("predict", **{**given, **all_of_it}, OUTPUT_FOLDER=str(tmp_path / "whole"))
    again = read_run(run.folder)
    assert _expert(again).objects == _expert(read_run(tmp_path / "whole")).objects
    assert _expert(again).objects.count > 0
    layer = results.find_layer(project, again, "expert:objects")
    assert layer.featureCount() == _expert(again).objects.count
    assert (run.folder / "objects.gpkg").read_bytes() == (tmp_path / "whole" / "objects.gpkg").read_bytes()
    assert not any("objects" in path for path in whole["OUTPUT_LAYERS"])
    _process("reroute", RUN_FOLDER=str(run.folder), POLICY="threshold", TOP_K=2, **few)
    assert results.find_layer(project, again, "expert:objects") is None
    assert not (run.folder / "objects.gpkg").exists()


def test_the_bundled_model_finds_objects_where_it_is_asked(tmp_path: Path) -> None:
    scene = make_scene(tmp_path / "waves.tif", 300, 280)
    result = _process(
        "objects", INPUT=str(scene), EVERY_TILE=True, FORCE_GSD=True, OBJECT_SCORE=0.05,
        OUTPUT=QgsProcessing.TEMPORARY_OUTPUT,
    )  # fmt: skip
    assert result["COUNT"] == result["OUTPUT"].featureCount()
    assert [field.name() for field in result["OUTPUT"].fields()] == list(objects_fields.titles())
