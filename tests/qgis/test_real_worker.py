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

from hydranet_qgis import environment, paths, results, worker_client
from hydranet_qgis.bundle_info import read_bundle
from hydranet_qgis.errors import WorkerCancelled, WorkerError
from hydranet_qgis.run_folder import read_run
from hydranet_qgis.tile_records import read_tiles
from tests.qgis.conftest import PYTHON, Feedback, make_scene

pytestmark = pytest.mark.usefixtures("provider")


@pytest.fixture(autouse=True)
def worker(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(environment, "find_interpreter", lambda: PYTHON)
    yield
    worker_client.shared_client().shutdown()


def _run(source: Path, output: Path, feedback: Feedback, **more: Any) -> dict[str, Any]:
    import processing

    # Of waves a model that finds objects might want nothing else, and then there is no raster to look at.
    rasters = [
        expert.name for expert in read_bundle(paths.default_bundle()).experts if not expert.finds_objects
    ]
    parameters = {
        "INPUT": str(source), "OUTPUT_FOLDER": str(output), "TOP_K": 1, "EXPERTS": rasters, **more
    }  # fmt: skip
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


def _job(method: str, params: dict[str, Any], events: list[dict[str, Any]], cancel: bool = False) -> Any:
    """Give the real worker a job, cancelled at the first progress if asked to."""

    def stop() -> bool:
        return cancel and any(event["event"] == "progress" for event in events)

    return worker_client.shared_client().run(PYTHON, method, params, events.append, stop)


def test_the_real_worker_says_what_it_would_compute_on() -> None:
    summary = _job("check", {}, [])["summary"]
    assert summary["device"] in ("cpu", "cuda", "mps") and summary["precision"] in ("fp32", "bf16")
    assert summary["device_name"] and summary["threads"] >= 1
    assert {"hydranet", "python", "torch", "numpy", "rasterio"} <= set(summary["versions"])
    with pytest.raises(WorkerError, match="The check has no settings"):
        _job("check", {"device": "cpu"}, [])


def test_the_real_worker_prepares_a_raster_that_runs(tmp_path: Path) -> None:
    source, output = make_scene(tmp_path / "waves.tif", 300, 280), tmp_path / "prepared.tif"
    extent = [500100.0, 5197250.0, 502700.0, 5199900.0]
    wanted = {"input": str(source), "output": str(output), "extent": extent, "threads": 1}
    events: list[dict[str, Any]] = []
    finished = _job("prepare", wanted, events)
    assert finished["output"] == str(output)
    assert [e["done"] for e in events if e["event"] == "progress"][-1] == 4  # two pieces, and two read back
    layer = QgsRasterLayer(str(output))
    assert layer.extent() == QgsRectangle(*extent) and layer.bandCount() == 8
    assert (layer.width(), layer.height()) == (260, 265)
    assert (finished["summary"]["width"], finished["summary"]["height"]) == (260, 265)
    with pytest.raises(WorkerError, match="exists") as caught:
        _job("prepare", wanted, events)
    assert caught.value.kind == "OutputError"
    assert _run(output, tmp_path / "out", Feedback())["TILES"] == 4


def test_preparing_is_cancelled_and_the_worker_stays(tmp_path: Path) -> None:
    source = make_scene(tmp_path / "long.tif", 1200, 1200)
    pid, events = _warm(), []
    wanted = {"input": str(source), "output": str(tmp_path / "prepared.tif"), "threads": 1}
    with pytest.raises(WorkerCancelled):
        _job("prepare", wanted, events, cancel=True)
    assert [path.name for path in tmp_path.iterdir()] == ["long.tif"]
    assert worker_client.shared_client().pid == pid


def _warm() -> int | None:
    """The process id of a worker that has already imported what it needs."""
    _job("check", {}, [])
    return worker_client.shared_client().pid


def test_a_real_run_can_be_cancelled(tmp_path: Path) -> None:
    scene = make_scene(tmp_path / "long.tif", 1200, 1200)
    with pytest.raises(QgsProcessingException, match="cancelled"):
        _run(scene, tmp_path / "out", Feedback(cancel=True))
    assert not (tmp_path / "out").exists()
