"""A run's objects as a layer of the project: place, styles, columns, metadata, reroutes, damage."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

import pytest
from qgis.core import (
    QgsApplication,
    QgsCategorizedSymbolRenderer,
    QgsFeature,
    QgsGeometry,
    QgsGraduatedSymbolRenderer,
    QgsMapRendererParallelJob,
    QgsMapSettings,
    QgsProject,
    QgsRectangle,
    QgsVectorLayer,
)
from qgis.PyQt.QtCore import QSize
from qgis.PyQt.QtGui import QColor

from hydranet_qgis import objects_fields, objects_style, results, set_aside
from hydranet_qgis.layer_identity import layer_role
from hydranet_qgis.objects_style import BY_CLASS, BY_EXPERT, BY_LENGTH, BY_SCORE, KINDS, style_name
from hydranet_qgis.run_folder import OBJECTS, Run, RunExpert, read_run
from hydranet_qgis.set_aside import SetAside
from tests.qgis.conftest import Feedback
from tests.qgis.fake_worker import fake_run
from tests.qgis.object_runs import CLASSES, SIX, Made, with_objects, write_objects
from tests.qgis.run_edits import edit_expert

ROLE = "expert:objects"


@pytest.fixture
def found(run: Run) -> Run:
    """A run that found six objects."""
    return with_objects(run)


@pytest.fixture
def layer(found: Run, project: QgsProject) -> QgsVectorLayer:
    """Its layer of objects."""
    results.load_run(found, project)
    return results.find_layer(project, found, ROLE)


def expert_of(run: Run) -> RunExpert:
    return next(expert for expert in run.experts if expert.kind == OBJECTS)


def picture(layer: Any, box: QgsRectangle, pixels: int = 40) -> list[QColor]:
    """Colours along the middle of a drawing of the layer alone."""
    settings = QgsMapSettings()
    settings.setLayers([layer])
    settings.setOutputSize(QSize(pixels, pixels))
    settings.setDestinationCrs(layer.crs())
    settings.setBackgroundColor(QColor("#ffffff"))
    settings.setExtent(box)
    job = QgsMapRendererParallelJob(settings)
    job.start()
    job.waitForFinished()
    image = job.renderedImage()
    return [image.pixelColor(x, pixels // 2) for x in range(pixels)]


def show(layer: Any, kind: str) -> Any:
    assert layer.styleManager().setCurrentStyle(style_name(kind))
    return layer.renderer()


def test_what_run_json_tells_of_objects_is_read(found: Run) -> None:
    expert = expert_of(found)
    assert expert.finds_objects and expert.label == "Objects"
    assert (expert.objects.count, expert.objects.by_class) == (6, {"ship": 4, "building": 2})
    assert expert.source == f"{found.folder / 'objects.gpkg'}|layername=objects"
    assert not any(other.finds_objects or other.objects for other in found.experts if other is not expert)
    damaged = ({"count": "many"}, [3], {"by_class": {}}, {"count": 1, "by_class": {"ship": "x"}})
    for told in damaged:
        with pytest.raises(Exception, match="is damaged"):
            edit_expert(found, "objects", objects=told)


def test_objects_lie_above_the_tiles_and_the_rasters_below(found: Run, project: QgsProject) -> None:
    planned = results.plan(found)
    assert [item.role for item in planned][:2] == [ROLE, results.ROUTING_ROLE]
    assert [item.order for item in planned] == list(range(len(planned)))
    assert [item.is_raster for item in planned] == [False, False] + [True] * (len(planned) - 2)
    layers = results.load_run(found, project)
    again = results.load_run(found, project)
    assert [one.id() for one in again] == [one.id() for one in layers]
    names = [node.name() for node in project.layerTreeRoot().findGroup(found.label).children()]
    assert names == [item.name for item in planned] and names[0] == "Objects"
    assert results.load_routing(found, project).name() == "Routing"


def test_a_run_without_objects_is_planned_as_before(run: Run) -> None:
    assert results.plan(run)[0].role == results.ROUTING_ROLE
    assert all(item.is_raster for item in results.plan(run)[1:])


def test_it_has_the_objects_and_not_the_raw_detections(layer: QgsVectorLayer) -> None:
    assert layer.featureCount() == len(SIX)
    assert {feature["class"] for feature in layer.getFeatures()} == {"ship", "building"}


def test_it_is_drawn_by_class_the_fainter_the_lower_the_score(layer: QgsVectorLayer) -> None:
    renderer = layer.renderer()
    assert isinstance(renderer, QgsCategorizedSymbolRenderer) and renderer.classAttribute() == "class"
    shown = {category.value(): category.symbol().color().name() for category in renderer.categories()}
    assert shown == dict(CLASSES)
    assert not layer.labelsEnabled() and layer.opacity() == 1.0
    assert layer.styleManager().currentStyle() == style_name(BY_CLASS)
    sure, unsure = (f for f in layer.getFeatures() if f["class"] == "ship" and f["score"] in (0.93, 0.41))
    inside = []
    for feature in (sure, unsure):
        middle = picture(layer, feature.geometry().boundingBox().buffered(1))[20]
        inside.append(middle)
    assert QColor(CLASSES[0][1]).hslHue() == pytest.approx(inside[0].hslHue(), abs=4)
    # On white the fainter one is the lighter one.
    assert inside[0].lightnessF() < inside[1].lightnessF() - 0.1 < 1.0 - 0.1


def test_a_line_is_seen_around_a_faint_object(layer: QgsVectorLayer) -> None:
    (unsure,) = (feature for feature in layer.getFeatures() if feature["score"] == 0.41)
    across = picture(layer, unsure.geometry().boundingBox().buffered(6), 80)
    assert min(color.lightnessF() for color in across) < across[40].lightnessF() - 0.1
    assert across[0] == QColor("#ffffff")


def test_other_styles_stand_in_the_menu(layer: QgsVectorLayer) -> None:
    assert sorted(layer.styleManager().styles()) == sorted(map(style_name, KINDS))
    score = show(layer, BY_SCORE)
    assert isinstance(score, QgsGraduatedSymbolRenderer) and score.classAttribute() == "score"
    edges = sorted((r.lowerValue(), r.upperValue()) for r in score.ranges())
    assert edges == [(i / 10, (i + 1) / 10) for i in range(10)]
    assert len({r.symbol().color().name() for r in score.ranges()}) == 10
    served = show(layer, BY_EXPERT)
    assert served.classAttribute() == "top_expert"
    titles = [category.label() for category in served.categories()]
    assert titles == ["Expert 1", "Expert 2", "Expert 3", "Expert 4", "Expert 13", "none"]
    colors = [category.symbol().color().name() for category in served.categories()]
    assert colors[:5] == [objects_style.expert_color(number) for number in (1, 2, 3, 4, 13)]
    assert show(layer, BY_CLASS).classAttribute() == "class"


@pytest.mark.parametrize(
    ("length", "label"),
    [
        (3, "0 – 10 m"),
        (25, "20 – 30 m"),
        (199, "100 – 200 m"),
        (200, "≥ 200 m"),
        (399, "≥ 200 m"),
        (None, "unknown"),
    ],
)
def test_every_length_has_its_step(length: float | None, label: str, layer: QgsVectorLayer) -> None:
    renderer = show(layer, BY_LENGTH)
    assert isinstance(renderer, QgsGraduatedSymbolRenderer)
    value = -1.0 if length is None else length
    hits = [r.label() for r in renderer.ranges() if r.lowerValue() <= value <= r.upperValue()]
    assert hits[0] == label
    assert "length_m" in renderer.classAttribute()


def test_what_has_no_length_or_no_expert_is_drawn_all_the_same(run: Run, project: QgsProject) -> None:
    bare = with_objects(run, [Made(top=None, metres=False, experts="", groups="", size=(60, 40))])
    results.load_run(bare, project)
    layer = results.find_layer(project, bare, ROLE)
    (feature,) = layer.getFeatures()
    box = feature.geometry().boundingBox().buffered(2)
    for kind in KINDS:
        show(layer, kind)
        assert picture(layer, box)[20] != QColor("#ffffff"), kind
    grey = [show(layer, kind) and picture(layer, box)[20] for kind in (BY_EXPERT, BY_LENGTH)]
    assert all(color.hslSaturation() < 60 for color in grey)


def test_experts_are_told_apart_and_keep_their_colours() -> None:
    colors = [objects_style.expert_color(number) for number in range(1, 37)]
    assert len(set(colors)) == 36
    assert all(QColor(color).isValid() for color in colors)


def test_columns_have_titles_in_every_style(layer: QgsVectorLayer) -> None:
    for kind in KINDS:
        show(layer, kind)
        told = {field.name(): layer.attributeDisplayName(i) for i, field in enumerate(layer.fields())}
        assert {name: told[name] for name in objects_fields.titles()} == objects_fields.titles()
    assert layer.attributeDisplayName(layer.fields().indexOf("area_m2")) == "Area (m²)"
    assert "class" in layer.displayExpression() and "score" in layer.displayExpression()


def test_the_layer_says_what_it_is(found: Run, project: QgsProject) -> None:
    run = edit_expert(found, "objects", description="Ships at sea.", license="CC-BY-4.0", simulated=True)
    results.load_run(run, project)
    layer = results.find_layer(project, run, ROLE)
    told = layer.metadata()
    assert told.title() == "Objects (simulated) of lake"
    for part in (
        *("Ships at sea. Classes: ship, building. 6 objects in 3 of 12 tiles",),
        *("below the score that the model sets", "simulated data only"),
    ):
        assert part in told.abstract()
    assert "Values:" not in told.abstract() and "Band" not in told.abstract()
    assert told.licenses() == ["CC-BY-4.0"]
    assert {"objects", "ship", "building"} <= set(told.keywords()["HydraNet"])
    (place,) = told.extent().spatialExtents()
    assert place.bounds.toRectangle() == layer.extent()


def test_a_least_score_that_was_asked_for_is_told(scene: Path, tmp_path: Path, project: QgsProject) -> None:
    request = {"input": str(scene), "experts": ["objects"], "object_score": 0.35}
    fake_run.write_run(tmp_path / "r", request)
    run = read_run(tmp_path / "r")
    results.load_run(run, project)
    told = results.find_layer(project, run, ROLE).metadata().abstract()
    assert "Objects with a score below 0.35 are left out." in told


def test_a_reroute_shows_the_new_objects_in_the_style_chosen(
    found: Run, layer: QgsVectorLayer, project: QgsProject
) -> None:
    show(layer, BY_EXPERT)
    first = layer.renderer().categories()[0]
    mine = QColor("#123456")
    layer.renderer().updateCategorySymbol(0, _tinted(first, mine))
    layer.setName("Ships of May")
    new = found.folder / "new.gpkg"
    write_objects(new, found.crs_wkt or "", [Made(top=9), Made(top=4, score=0.7)])
    os.replace(new, found.folder / "objects.gpkg")
    results.load_run(edit_expert(found, "objects", objects={"count": 2, "by_class": {"ship": 2}}), project)
    assert layer.featureCount() == 2 and layer.name() == "Ships of May"
    assert layer.styleManager().currentStyle() == style_name(BY_EXPERT)
    titles = [c.label() for c in layer.renderer().categories()]
    assert titles == [*(f"Expert {number}" for number in (1, 2, 3, 4, 9, 13)), "none"]
    kept = [c for c in layer.renderer().categories() if c.label() == first.label()]
    assert [c.symbol().color().name() for c in kept] == [mine.name()]
    assert "2 objects" in layer.metadata().abstract()


def _tinted(category: Any, color: QColor) -> Any:
    symbol = category.symbol().clone()
    symbol.setColor(color)
    return symbol


def test_a_layer_whose_file_is_the_same_is_not_drawn_again(
    found: Run, layer: QgsVectorLayer, project: QgsProject
) -> None:
    drawn: list[bool] = []
    layer.repaintRequested.connect(lambda *_: drawn.append(True))
    results.load_run(found, project)
    assert drawn == []


def test_a_style_of_the_users_own_stays(found: Run, layer: QgsVectorLayer, project: QgsProject) -> None:
    layer.setRenderer(objects_style._scores())
    layer.setOpacity(0.4)
    os.utime(found.folder / "objects.gpkg", (1, 1))  # another file, as far as can be told
    results.load_run(found, project)
    assert layer.renderer().classAttribute() == "score" and layer.opacity() == pytest.approx(0.4)


def test_a_saved_project_shows_it_again(
    found: Run, layer: QgsVectorLayer, project: QgsProject, tmp_path: Path
) -> None:
    show(layer, BY_LENGTH)
    assert project.write(str(tmp_path / "p.qgz"))
    project.clear()
    assert project.read(str(tmp_path / "p.qgz"))
    again = results.find_layer(project, found, ROLE)
    assert again.styleManager().currentStyle() == style_name(BY_LENGTH)
    assert sorted(again.styleManager().styles()) == sorted(map(style_name, KINDS))
    results.load_run(found, project)
    assert sorted(again.styleManager().styles()) == sorted(map(style_name, KINDS))


def test_objects_that_a_run_lost_take_their_layer_along(
    found: Run, layer: QgsVectorLayer, project: QgsProject
) -> None:
    with SetAside(found.folder, project):
        (found.folder / "objects.gpkg").unlink()
        lesser = edit_expert(found, "objects", output=None, style=None, tiles=0)
    results.load_run(lesser, project)
    assert results.find_layer(project, lesser, ROLE) is None
    assert all(one.isValid() for one in project.mapLayers().values())


@pytest.mark.parametrize("damage", ["missing", "garbage", "no layer"])
def test_objects_that_cannot_be_read_are_told_once_and_the_rest_is_loaded(
    damage: str, found: Run, project: QgsProject
) -> None:
    path, told = found.folder / "objects.gpkg", []
    path.unlink()
    if damage == "garbage":
        path.write_bytes(b"no table at all" * 100)
    elif damage == "no layer":
        shutil.copy(found.routing, path)
    log = QgsApplication.messageLog()

    def listen(text: str, tag: str, *_: Any) -> None:
        if tag == "HydraNet":
            told.append(text)

    log.messageReceived.connect(listen)
    try:
        layers = results.load_run(found, project)
    finally:
        log.messageReceived.disconnect(listen)
    assert told == [f"{path} is missing or damaged, so its layer is left out; run HydraNet again."]
    assert [layer.name() for layer in layers] == [item.name for item in results.plan(found)[1:]]


def test_another_table_of_the_file_is_taken_for_nothing_else(found: Run, project: QgsProject) -> None:
    raw = QgsVectorLayer(f"{found.folder / 'objects.gpkg'}|layername=detections", "raw", "ogr")
    project.addMapLayer(raw)
    assert layer_role(raw) == ""
    results.load_run(found, project)
    assert raw.source().endswith("layername=detections") and raw.name() == "raw"
    assert results.find_layer(project, found, ROLE) is not raw


def test_a_file_that_the_user_opened_serves(found: Run, project: QgsProject) -> None:
    mine = QgsVectorLayer(expert_of(found).source, "mine", "ogr")
    project.addMapLayer(mine)
    assert layer_role(mine) == ROLE
    assert mine in results.load_run(found, project)


class TestSetAside:
    """The table of objects may go altogether, so it is let go of on every system."""

    def test_the_layer_shows_a_copy_meanwhile(
        self, found: Run, layer: QgsVectorLayer, project: QgsProject
    ) -> None:
        assert os.name != "nt" and not set_aside.ALWAYS
        source, features = layer.source(), [f.attributes() for f in layer.getFeatures()]
        water = results.find_layer(project, found, "expert:water")
        with SetAside(found.folder, project):
            assert Path(layer.source().split("|")[0]).parent != found.folder
            assert [f.attributes() for f in layer.getFeatures()] == features
            assert layer.renderer().classAttribute() == "class"
            assert Path(water.source()).parent == found.folder  # a raster may be replaced while it is open
            assert _open_files(found.folder, "objects.gpkg") == 0
            (found.folder / "objects.gpkg").unlink()
            box = layer.extent().buffered(10)
            assert any(color != QColor("#ffffff") for color in picture(layer, box))
        assert layer.source() == source
        project.removeMapLayer(layer.id())  # its file has gone

    def test_without_objects_nothing_is_copied(
        self, run: Run, project: QgsProject, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        results.load_run(run, project)
        monkeypatch.setattr(shutil, "copyfile", None)
        with SetAside(run.folder, project):
            assert {Path(one.source().split("|")[0]).parent for one in project.mapLayers().values()} == {
                run.folder
            }


def _open_files(folder: Path, name: str) -> int:
    """How often this process has a file open."""
    found = 0
    for handle in Path("/proc/self/fd").iterdir():
        try:
            found += Path(os.readlink(handle)) == folder.resolve() / name
        except FileNotFoundError:  # the one that lists the folder
            continue
    return found


@pytest.mark.usefixtures("provider", "fake_worker")
@pytest.mark.parametrize("kept", [True, False], ids=["kept", "lost"])
def test_reroute_brings_objects_up_to_date(
    kept: bool, scene: Path, tmp_path: Path, project: QgsProject
) -> None:
    import processing

    fake_run.write_run(tmp_path / "r", {"input": str(scene), "experts": ["objects"], "top_k": 1})
    run = read_run(tmp_path / "r")
    results.load_run(run, project)
    layer = results.find_layer(project, run, ROLE)
    before = layer.featureCount()
    parameters = {"RUN_FOLDER": str(run.folder), "POLICY": "top-k" if kept else "threshold", "TOP_K": 1}
    if not kept:
        parameters["THRESHOLDS"] = "objects=1"
    result = processing.run("hydranet:reroute", parameters, feedback=Feedback())
    new = read_run(run.folder)
    assert str(run.folder / "objects.gpkg") not in result["OUTPUT_LAYERS"]
    if kept:
        assert results.find_layer(project, new, ROLE) is layer
        assert layer.featureCount() == expert_of(new).objects.count > before
    else:
        assert results.find_layer(project, new, ROLE) is None
        assert expert_of(new).objects.count == 0
    assert all(one.isValid() for one in project.mapLayers().values())


@pytest.mark.usefixtures("provider", "fake_worker")
def test_reroute_refuses_while_objects_are_edited(scene: Path, tmp_path: Path, project: QgsProject) -> None:
    fake_run.write_run(tmp_path / "r", {"input": str(scene), "experts": ["objects"], "top_k": 1})
    run = read_run(tmp_path / "r")
    results.load_run(run, project)
    layer = results.find_layer(project, run, ROLE)
    assert layer.startEditing()
    feature = QgsFeature(layer.fields())
    feature.setGeometry(QgsGeometry.fromRect(layer.extent()))
    assert layer.addFeature(feature)
    from qgis.core import QgsProcessingContext

    context = QgsProcessingContext()
    context.setProject(project)
    algorithm = QgsApplication.processingRegistry().createAlgorithmById("hydranet:reroute")
    accepted, sentence = algorithm.checkParameterValues({"RUN_FOLDER": str(run.folder), "TOP_K": 1}, context)
    assert not accepted and "'Objects' of this run has edits that are not saved" in sentence
    assert layer.rollBack()


def test_a_filter_of_the_users_own_stays(found: Run, layer: QgsVectorLayer, project: QgsProject) -> None:
    assert layer.setSubsetString("\"class\" = 'ship'") and layer.featureCount() == 4
    layer.setName("Mine")
    write_objects(found.folder / "objects.gpkg", found.crs_wkt or "", SIX[:3])
    results.load_run(found, project)
    assert (layer.subsetString(), layer.featureCount(), layer.name()) == ("\"class\" = 'ship'", 2, "Mine")
    assert results.find_layer(project, found, ROLE) is layer and len(layers_of(project)) == 1


def test_a_class_that_the_run_does_not_list_is_drawn(run: Run, project: QgsProject) -> None:
    run = with_objects(run, [Made("tank"), Made("ship")])
    results.load_run(run, project)
    renderer = results.find_layer(project, run, ROLE).renderer()
    assert [item.value() for item in renderer.categories()] == ["ship", "building", "tank"]


def layers_of(project: QgsProject) -> list[Any]:
    return [layer for layer in project.mapLayers().values() if layer_role(layer) == ROLE]
