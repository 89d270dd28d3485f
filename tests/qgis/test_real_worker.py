"""The whole road: the real worker, the bundled model, a run folder, layers and the dock."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from qgis.core import (
    QgsFeature,
    QgsGeometry,
    QgsProcessingException,
    QgsProject,
    QgsRasterLayer,
    QgsRectangle,
    QgsVectorLayer,
)

from hydranet_qgis import paths, results, worker_client
from hydranet_qgis.algorithms import predict
from hydranet_qgis.bundle_info import read_bundle
from hydranet_qgis.run_folder import read_run, read_tiles
from tests.qgis.conftest import PYTHON, Feedback, make_scene

pytestmark = pytest.mark.usefixtures("provider")


@pytest.fixture(autouse=True)
def worker(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(predict, "find_interpreter", lambda: PYTHON)
    yield
    worker_client.shared_client().shutdown()


def _run(source: Path, output: Path, feedback: Feedback, **more: Any) -> dict[str, Any]:
    import processing

    parameters = {"INPUT": str(source), "OUTPUT_FOLDER": str(output), "TOP_K": 1, **more}
    return processing.run("hydranet:predict", parameters, feedback=feedback)


def test_a_real_run_is_read_loaded_and_repeatable(tmp_path: Path, project: QgsProject) -> None:
    scene, feedback = make_scene(tmp_path / "waves.tif", 300, 280), Feedback()
    result = _run(scene, tmp_path / "out", feedback, POLICY="top-k", FORCE_GSD=True)
    run = read_run(tmp_path / "out")
    assert (result["TILES"], result["ROUTED_TILES"]) == (4, 4)
    assert [expert.name for expert in run.experts] == read_bundle(paths.default_bundle()).names
    tiles = read_tiles(run)
    assert [len(tile.chosen) for tile in tiles] == [1, 1, 1, 1]
    assert all(score is not None for tile in tiles for score in tile.scores)
    layers = results.load_run(run, project)
    assert [layer.name() for layer in layers] == [item.name for item in results.plan(run)]
    assert QgsRasterLayer(result["OUTPUT_LAYERS"][0]).extent() == QgsRasterLayer(str(scene)).extent()
    # What the log shows is what the worker itself would write down.
    assert json.loads((tmp_path / "out" / "run.json").read_text())["command"] in feedback.lines


def test_the_real_worker_refuses_in_a_sentence_and_goes_on(tmp_path: Path) -> None:
    bare = make_scene(tmp_path / "bare.tif", 64, 64, bands=3)
    from osgeo import gdal

    raster = gdal.Open(str(bare), gdal.GA_Update)
    for number in (1, 2, 3):
        raster.GetRasterBand(number).SetDescription("")
    raster = None
    with pytest.raises(QgsProcessingException, match="rgb") as caught:
        _run(bare, tmp_path / "out", Feedback())
    assert "Traceback" not in str(caught.value)
    assert not (tmp_path / "out").exists()
    pid = worker_client.shared_client().pid
    assert _run(bare, tmp_path / "out", Feedback(), BANDS="rgb")["TILES"] == 1
    assert worker_client.shared_client().pid == pid is not None


class Killer(Feedback):
    """Kills the worker once, at the first sign that tiles are done."""

    killed = False

    def _step(self, value: float) -> None:
        super()._step(value)
        if value > 10.0 and not self.killed:
            self.killed = True
            os.kill(worker_client.shared_client().pid, signal.SIGKILL)


def test_a_killed_run_with_a_copied_mask_is_resumed_to_the_same_result(
    tmp_path: Path, project: QgsProject
) -> None:
    scene = make_scene(tmp_path / "long.tif", 700, 900)
    mask = QgsVectorLayer("Polygon?crs=EPSG:32632", "drawn by hand", "memory")
    feature = QgsFeature()
    feature.setGeometry(QgsGeometry.fromRect(QgsRectangle(500010, 5191010, 502000, 5199990)))
    mask.dataProvider().addFeature(feature)
    mask.updateExtents()
    project.addMapLayer(mask)
    how = {"POLICY": "top-k", "FORCE_GSD": True, "OVERLAP": 32, "MASK": mask.id(), "THREADS": 1}
    with pytest.raises(QgsProcessingException, match="killed by SIGKILL.*tick Resume\\.$"):
        _run(scene, tmp_path / "out", Killer(), **how)
    with pytest.raises(QgsProcessingException, match="holds an unfinished run"):
        _run(scene, tmp_path / "out", Feedback(), **how)
    feedback = Feedback()
    result = _run(scene, tmp_path / "out", feedback, RESUME=True, **how)
    assert any(line.startswith("Continuing the unfinished run") for line in feedback.lines)
    assert not (tmp_path / "out" / "journal").exists()
    assert read_run(tmp_path / "out").masked > 0
    _run(scene, tmp_path / "whole", Feedback(), **how)
    assert result["OUTPUT_LAYERS"]
    for path in (*result["OUTPUT_LAYERS"], str(tmp_path / "out" / "routing.gpkg")):
        assert Path(path).read_bytes() == (tmp_path / "whole" / Path(path).name).read_bytes(), path


def test_a_real_run_can_be_cancelled(tmp_path: Path) -> None:
    scene = make_scene(tmp_path / "long.tif", 1200, 1200)
    with pytest.raises(QgsProcessingException, match="cancelled"):
        _run(scene, tmp_path / "out", Feedback(cancel=True))
    assert not (tmp_path / "out").exists()
