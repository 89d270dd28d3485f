"""While the worker replaces a run's files no layer has one open, and nobody sees a difference."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from qgis.core import (
    QgsApplication,
    QgsCoordinateReferenceSystem,
    QgsMapRendererParallelJob,
    QgsMapSettings,
    QgsPointXY,
    QgsProcessingAlgRunnerTask,
    QgsProcessingContext,
    QgsProcessingException,
    QgsProcessingModelAlgorithm,
    QgsProcessingModelChildAlgorithm,
    QgsProcessingModelChildParameterSource,
    QgsProcessingUtils,
    QgsProject,
    QgsRaster,
)
from qgis.PyQt.QtCore import QSize
from qgis.PyQt.QtXml import QDomDocument

from hydranet_qgis import results, routing_style, set_aside
from hydranet_qgis.algorithms.worker_algorithm import WorkerAlgorithm
from hydranet_qgis.errors import InputError
from hydranet_qgis.run_folder import Run, read_run
from hydranet_qgis.set_aside import SetAside
from hydranet_qgis.uncertainty import TOTAL, style_name
from tests.qgis.conftest import Feedback
from tests.qgis.fake_worker import fake_run
from tests.qgis.run_edits import replace_raster, with_uncertainty, without

HANDLES = Path("/proc/self/fd")
CENTRE = QgsPointXY(500315, 5199715)  # in the lower half of the scene


def open_files(folder: Path) -> list[str]:
    """Names of the folder's files that this process has open."""
    found = []
    for handle in HANDLES.iterdir():
        try:
            path = Path(os.readlink(handle))
        except FileNotFoundError:  # the one that lists the folder
            continue
        if path.parent == folder.resolve():
            found.append(path.name)
    return sorted(found)


def draw(project: QgsProject) -> bytes:
    """Draw the map with all that is visible, as the canvas does."""
    layers = [node.layer() for node in project.layerTreeRoot().findLayers() if node.isVisible()]
    settings = QgsMapSettings()
    settings.setLayers(layers)
    settings.setOutputSize(QSize(64, 48))
    settings.setDestinationCrs(layers[0].crs())
    settings.setExtent(layers[0].extent())
    job = QgsMapRendererParallelJob(settings)
    job.start()
    job.waitForFinished()
    image = job.renderedImage()
    return bytes(image.constBits().asarray(image.sizeInBytes()))


def values(layer: Any) -> Any:
    """What a layer holds at a point, or in its table."""
    if layer.type() == layer.VectorLayer:
        return [feature.attributes() for feature in layer.getFeatures()]
    return layer.dataProvider().identify(CENTRE, QgsRaster.IdentifyFormat.IdentifyFormatValue).results()


def look(project: QgsProject) -> list[dict[str, Any]]:
    """All that a user sees and has set, layer by layer as in the tree."""
    seen = []
    for node in project.layerTreeRoot().findLayers():
        layer, style = node.layer(), QDomDocument("qgis")
        layer.exportNamedStyle(style)
        metadata = layer.metadata()
        seen.append(
            {
                "id": layer.id(),
                "name": layer.name(),
                "valid": layer.isValid(),
                "group": node.parent().name(),
                "visible": node.itemVisibilityChecked(),
                "unfolded": node.isExpanded(),
                "legend": [item.data(0) for item in legend(project, node)],
                "style": style.toString(),
                "styles": [layer.styleManager().currentStyle(), sorted(layer.styleManager().styles())],
                "opacity": layer.opacity(),
                "crs": layer.crs().authid(),
                "extent": layer.extent().toString(),
                "metadata": [metadata.title(), metadata.abstract(), metadata.history(), metadata.rights()],
                "values": values(layer),
                "run": str(results.run_folder_of(layer)),
                "role": results.layer_role(layer),
            }
        )
    return seen


def legend(project: QgsProject, node: Any) -> list[Any]:
    return node.layer().legend().createLayerTreeModelLegendNodes(node)


@pytest.fixture(autouse=True)
def everywhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(set_aside, "ALWAYS", True)


@pytest.fixture
def shown(run: Run, project: QgsProject) -> Run:
    """A run whose layers the user has arranged, drawn once."""
    run = with_uncertainty(run)
    results.load_run(run, project)
    root = project.layerTreeRoot()
    water, clouds = (results.find_layer(project, run, f"expert:{name}") for name in ("water", "clouds"))
    water.setName("Lakes of May")
    water.setOpacity(0.33)
    water.styleManager().setCurrentStyle(style_name(TOTAL))
    root.findLayer(clouds.id()).setItemVisibilityChecked(False)
    group = root.findGroup(run.label)
    node = root.findLayer(water.id())
    group.insertChildNode(0, node.clone())
    group.removeChildNode(node)
    landcover = results.find_layer(project, run, "expert:landcover")
    landcover.setCrs(QgsCoordinateReferenceSystem("EPSG:32633"))
    routing = results.find_layer(project, run, results.ROUTING_ROLE)
    routing_style.show(routing, run, "water", opacity=0.4)
    draw(project)
    return run


@pytest.fixture
def at_work(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[list[str]]]:
    """Files open at the moment when the worker is asked; filled by each job."""
    seen: list[list[str]] = []
    real = WorkerAlgorithm.job

    def job(self: Any, request: dict[str, Any], feedback: Any) -> dict[str, Any]:
        seen.append(open_files(Path(request.get("run") or request["output"])))
        return real(self, request, feedback)

    monkeypatch.setattr(WorkerAlgorithm, "job", job)
    yield seen


@pytest.fixture(autouse=True)
def no_copies_of_others() -> None:
    """Runs of other tests may have left tables for QGIS to remove at its end; these begin without."""
    for path in copies():
        shutil.rmtree(path)


def copies() -> list[Path]:
    return list(Path(QgsProcessingUtils.tempFolder()).glob("shown-*"))


def test_no_file_is_open_meanwhile_and_nothing_looks_different(shown: Run, project: QgsProject) -> None:
    before, picture = look(project), draw(project)
    assert "routing.gpkg" in open_files(shown.folder) and "water.tif" in open_files(shown.folder)
    with SetAside(shown.folder, project):
        assert open_files(shown.folder) == []
        assert look(project) == before
        assert draw(project) == picture
        assert open_files(shown.folder) == []
    assert look(project) == before
    assert draw(project) == picture
    assert {Path(layer.source().split("|")[0]).parent for layer in project.mapLayers().values()} == {
        shown.folder
    }
    assert copies() == []


def test_what_the_user_changes_meanwhile_stays(shown: Run, project: QgsProject) -> None:
    routing = results.find_layer(project, shown, results.ROUTING_ROLE)
    with SetAside(shown.folder, project):
        water = results.find_layer(project, shown, "expert:water")
        water.styleManager().setCurrentStyle("default")
        water.setOpacity(0.9)
        routing_style.show(routing, shown, routing_style.STRONGEST)
    assert water.opacity() == pytest.approx(0.9)
    assert water.renderer().type() == "paletted"
    assert routing.renderer().type() == "categorizedSymbol"


def test_new_files_are_shown_afterwards(shown: Run, project: QgsProject) -> None:
    with SetAside(shown.folder, project):
        replace_raster(shown.folder / "landcover.tif", [3])
        shutil.copy(shown.folder / "routing.gpkg", shown.folder / "new")
        os.replace(shown.folder / "new", shown.folder / "routing.gpkg")
    layer = results.find_layer(project, shown, "expert:landcover")
    assert values(layer) == {1: 3.0}
    assert "routing.gpkg" in open_files(shown.folder)
    assert not any("(deleted)" in name for name in open_files(shown.folder))


def test_a_raster_that_is_no_more_loses_its_layer_with_the_next_look(shown: Run, project: QgsProject) -> None:
    with SetAside(shown.folder, project):
        lesser = without(shown, "landcover")
    results.load_run(lesser, project)
    assert results.find_layer(project, lesser, "expert:landcover") is None
    assert all(layer.isValid() for layer in project.mapLayers().values())


def test_a_failure_brings_everything_back(shown: Run, project: QgsProject) -> None:
    before = look(project)
    with pytest.raises(ValueError, match="worker"), SetAside(shown.folder, project):
        raise ValueError("the worker ended")
    assert look(project) == before and "water.tif" in open_files(shown.folder)
    assert copies() == []


def test_a_look_at_the_run_meanwhile_opens_nothing(shown: Run, project: QgsProject) -> None:
    before = look(project)
    with SetAside(shown.folder, project):
        results.load_run(shown, project)
        assert open_files(shown.folder) == []
        with SetAside(shown.folder, project):  # another job for the folder, which the worker will refuse
            assert open_files(shown.folder) == []
        assert open_files(shown.folder) == []
    # The renderer of the tiles is made anew; newer versions number its symbols.
    assert [{**one, "style": ""} for one in look(project)] == [{**one, "style": ""} for one in before]


def test_a_project_saved_meanwhile_names_the_runs_own_files(
    shown: Run, project: QgsProject, tmp_path: Path
) -> None:
    before = look(project)
    with SetAside(shown.folder, project):
        assert project.write(str(tmp_path / "p.qgs"))
    assert project.write(str(tmp_path / "later.qgs"))
    project.clear()
    assert project.read(str(tmp_path / "p.qgs"))
    assert {Path(layer.source().split("|")[0]).parent for layer in project.mapLayers().values()} == {
        shown.folder
    }
    assert [one["values"] for one in look(project)] == [one["values"] for one in before]
    assert "./run/routing.gpkg|layername=tiles" in (tmp_path / "later.qgs").read_text(encoding="utf-8")


@pytest.mark.parametrize("how", ["layer", "project"])
def test_layers_removed_meanwhile_are_no_trouble(how: str, shown: Run, project: QgsProject) -> None:
    with SetAside(shown.folder, project):
        if how == "project":
            project.clear()
        else:
            project.removeMapLayer(results.find_layer(project, shown, "expert:water").id())
    assert all(layer.isValid() for layer in project.mapLayers().values())
    assert copies() == []


def test_without_room_for_copies_it_says_so(
    shown: Run, project: QgsProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    before = look(project)
    monkeypatch.setattr(shutil, "copyfile", full)
    with pytest.raises(InputError, match="No space left on device.*free some space"):
        SetAside(shown.folder, project).__enter__()
    assert look(project) == before and copies() == []


def test_where_open_files_can_be_replaced_nothing_is_done(
    shown: Run, project: QgsProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(set_aside, "ALWAYS", False)
    assert os.name != "nt"
    with SetAside(shown.folder, project):
        assert "water.tif" in open_files(shown.folder)


def test_layers_of_other_folders_are_left_alone(
    shown: Run, scene: Path, tmp_path: Path, project: QgsProject
) -> None:
    fake_run.write_run(tmp_path / "next", {"input": str(scene)})
    other = read_run(tmp_path / "next")
    results.load_run(other, project)
    draw(project)
    with SetAside(shown.folder, project):
        assert "water.tif" in open_files(other.folder)


@pytest.fixture
def worker(provider: Any, fake_worker: Path) -> None:
    """Algorithms with the scripted worker."""


def in_background(
    algorithm: Any, parameters: dict[str, Any], qtbot: Any, context: Any, feedback: Any
) -> bool:
    """Run an algorithm as its dialog does."""
    ended: list[bool] = []
    task = QgsProcessingAlgRunnerTask(algorithm, parameters, context, feedback)
    task.executed.connect(lambda ok, _results: ended.append(ok))
    QgsApplication.taskManager().addTask(task)
    qtbot.waitUntil(lambda: bool(ended), timeout=20_000)
    return ended[0]


@pytest.mark.usefixtures("worker")
@pytest.mark.parametrize("way", ["console", "dialog"])
def test_reroute_finds_no_file_open(
    way: str,
    shown: Run,
    project: QgsProject,
    context: QgsProcessingContext,
    at_work: list[list[str]],
    qtbot: Any,
) -> None:
    import processing

    parameters = {"RUN_FOLDER": str(shown.folder), "POLICY": "threshold", "THRESHOLDS": "landcover=1"}
    if way == "console":
        processing.run("hydranet:reroute", parameters, feedback=Feedback())
    else:
        algorithm = QgsApplication.processingRegistry().createAlgorithmById("hydranet:reroute")
        assert in_background(algorithm, parameters, qtbot, context, Feedback())
    assert at_work == [[]]
    new = read_run(shown.folder)
    qtbot.waitUntil(lambda: len(project.mapLayers()) == len(results.plan(new)), timeout=5_000)
    assert results.find_layer(project, new, "expert:landcover") is None
    assert {item["valid"] for item in look(project)} == {True}
    assert results.find_layer(project, new, "expert:water").name() == "Lakes of May"


@pytest.mark.usefixtures("worker")
@pytest.mark.parametrize("name", ["error", "crash", "slow"])
@pytest.mark.parametrize("way", ["console", "dialog"])
def test_reroute_that_fails_or_is_stopped_leaves_the_layers_as_they_were(
    way: str,
    name: str,
    scene: Path,
    tmp_path: Path,
    project: QgsProject,
    context: QgsProcessingContext,
    at_work: list[list[str]],
    qtbot: Any,
) -> None:
    import processing

    fake_run.write_run(tmp_path / name, {"input": str(scene)})
    run = read_run(tmp_path / name)
    results.load_run(run, project)
    before = look(project)
    parameters, feedback = {"RUN_FOLDER": str(run.folder)}, Feedback(cancel=name == "slow")
    if way == "console":
        with pytest.raises(QgsProcessingException):
            processing.run("hydranet:reroute", parameters, feedback=feedback)
    else:
        algorithm = QgsApplication.processingRegistry().createAlgorithmById("hydranet:reroute")
        assert not in_background(algorithm, parameters, qtbot, context, feedback)
    assert at_work == [[]]
    assert look(project) == before
    assert "water.tif" in open_files(run.folder)


@pytest.mark.usefixtures("worker")
def test_predict_over_a_run_that_is_shown_finds_no_file_open(
    scene: Path, shown: Run, project: QgsProject, at_work: list[list[str]]
) -> None:
    import processing

    parameters = {"INPUT": str(scene), "OUTPUT_FOLDER": str(shown.folder), "OVERWRITE": True}
    processing.runAndLoadResults("hydranet:predict", parameters, feedback=Feedback())
    assert at_work == [[]]
    assert {item["valid"] for item in look(project)} == {True}
    assert "water.tif" in open_files(shown.folder)


@pytest.mark.usefixtures("worker")
@pytest.mark.parametrize("set_them_aside", [True, False])
def test_layers_follow_a_model_that_reroutes_in_the_background(
    set_them_aside: bool,
    shown: Run,
    project: QgsProject,
    context: QgsProcessingContext,
    at_work: list[list[str]],
    qtbot: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(set_aside, "ALWAYS", set_them_aside)
    child = QgsProcessingModelChildAlgorithm("hydranet:reroute")
    child.setChildId("again")
    fixed = {"RUN_FOLDER": str(shown.folder), "POLICY": "threshold", "THRESHOLDS": "landcover=1", "TOP_K": 3}
    static = QgsProcessingModelChildParameterSource.fromStaticValue
    for key, value in fixed.items():
        child.addParameterSources(key, [static(value)])
    model = QgsProcessingModelAlgorithm("again")
    model.addChildAlgorithm(child)
    assert in_background(model.create(), {}, qtbot, context, Feedback())
    new = read_run(shown.folder)
    assert new.reroutes == 1 and (at_work == [[]]) is set_them_aside
    qtbot.waitUntil(lambda: len(project.mapLayers()) == len(results.plan(new)), timeout=5_000)
    assert results.find_layer(project, new, "expert:landcover") is None
    table = {feature["tile"]: feature["chosen"] or "" for feature in _routing(project, new).getFeatures()}
    assert table and not any("landcover" in chosen for chosen in table.values())
    assert results.find_layer(project, new, "expert:water").name() == "Lakes of May"


def _routing(project: QgsProject, run: Run) -> Any:
    return results.find_layer(project, run, results.ROUTING_ROLE)
