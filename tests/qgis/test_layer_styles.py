"""How an expert's raster is drawn: what shows through it, and its second style for the uncertainty."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from qgis.core import QgsMapRendererParallelJob, QgsMapSettings, QgsProject
from qgis.PyQt.QtCore import QSize, Qt

from hydranet_qgis import layer_styles, results
from hydranet_qgis.run_folder import Run, RunClass, RunExpert, read_run
from tests.qgis.run_edits import with_uncertainty, without


def _expert(*colors: str | None) -> RunExpert:
    classes = tuple(RunClass(value, f"c{value}", color) for value, color in enumerate(colors))
    return RunExpert("x", "X", "classes", None, classes, 0.5, False, 1, 1, 1, None, None, None)


def _water(run: Run, project: QgsProject) -> Any:
    results.load_run(run, project)
    return results.find_layer(project, run, "expert:water")


def _colour(layer: Any, row_share: float) -> Any:
    """Colour in which a layer draws itself in the middle of a row."""
    settings = QgsMapSettings()
    settings.setLayers([layer])
    settings.setDestinationCrs(layer.crs())
    settings.setExtent(layer.extent())
    settings.setOutputSize(QSize(64, 48))
    settings.setBackgroundColor(Qt.GlobalColor.transparent)
    job = QgsMapRendererParallelJob(settings)
    job.start()
    job.waitForFinished()
    return job.renderedImage().pixelColor(32, int(48 * row_share))


@pytest.mark.parametrize(
    ("colors", "opacity"),
    [
        ((None, "#2171b5"), layer_styles.MASK_OPACITY),
        (("#1b7837", "#a6dba0", "#f0c808"), layer_styles.COVER_OPACITY),
        ((None, "#f2f2f2", "#4d4d4d"), None),
        ((), None),
    ],
)
def test_the_image_shows_through_masks_and_covers(
    colors: tuple[str | None, ...], opacity: float | None
) -> None:
    assert layer_styles.first_opacity(_expert(*colors)) == opacity


def test_an_opacity_is_given_once_and_then_the_users(run: Run, project: QgsProject) -> None:
    layer = _water(run, project)
    assert layer.opacity() == pytest.approx(layer_styles.MASK_OPACITY)
    assert results.find_layer(project, run, "expert:landcover").opacity() < layer.opacity()
    layer.setOpacity(0.31)
    results.load_run(run, project)
    assert layer.opacity() == pytest.approx(0.31)


def test_uncertainty_is_a_second_style_and_the_first_is_shown(run: Run, project: QgsProject) -> None:
    layer = _water(with_uncertainty(run), project)
    manager = layer.styleManager()
    assert set(manager.styles()) == {manager.currentStyle(), "Uncertainty"}
    assert manager.currentStyle() != "Uncertainty"
    assert layer.renderer().type() == "paletted"
    others = [results.find_layer(project, run, f"expert:{n}") for n in ("clouds", "landcover")]
    assert [len(other.styleManager().styles()) for other in others] == [1, 1]


def test_the_styles_menu_switches_to_uncertainty_and_back(run: Run, project: QgsProject) -> None:
    layer = _water(with_uncertainty(run), project)
    manager = layer.styleManager()
    first = manager.currentStyle()
    opacity = layer.opacity()
    assert manager.setCurrentStyle("Uncertainty")
    renderer = layer.renderer()
    assert (renderer.type(), renderer.usesBands()) == ("singlebandpseudocolor", [2])
    function = renderer.shader().rasterShaderFunction()
    values = [item.value for item in function.colorRampItemList()]
    assert (values[0], values[-1]) == (0.0, 1.0)
    assert "certain" in function.legendSettings().minimumLabel()
    assert "equally likely" in function.legendSettings().maximumLabel()
    # Still the layer of its run, although a style brings custom properties of its own.
    assert results.find_layer(project, run, "expert:water") is layer
    assert manager.setCurrentStyle(first)
    assert layer.renderer().type() == "paletted"
    assert layer.opacity() == pytest.approx(opacity)


def test_half_uncertain_pixels_have_the_middle_colour_and_no_data_none(run: Run, project: QgsProject) -> None:
    layer = _water(with_uncertainty(run), project)
    layer.styleManager().setCurrentStyle("Uncertainty")
    layer.setOpacity(1.0)
    middle = layer.renderer().shader().rasterShaderFunction().shade(0.5)
    shown = _colour(layer, 0.75)
    assert (shown.red(), shown.green(), shown.blue()) == pytest.approx(middle[1:4], abs=3)
    assert _colour(layer, 0.25).alpha() == 0


def test_the_second_style_is_saved_with_the_project(run: Run, project: QgsProject, tmp_path: Path) -> None:
    _water(with_uncertainty(run), project).styleManager().setCurrentStyle("Uncertainty")
    assert project.write(str(tmp_path / "p.qgz"))
    project.clear()
    assert project.read(str(tmp_path / "p.qgz"))
    layer = results.find_layer(project, run, "expert:water")
    assert layer.styleManager().currentStyle() == "Uncertainty"
    assert layer.renderer().usesBands() == [2]
    results.load_run(read_run(run.folder), project)
    assert layer.styleManager().currentStyle() == "Uncertainty"
    assert len(layer.styleManager().styles()) == 2


def test_uncertainty_comes_and_goes_with_its_band(run: Run, project: QgsProject, tmp_path: Path) -> None:
    layer = _water(run, project)
    assert layer.styleManager().styles() == [layer.styleManager().currentStyle()]
    before = (run.folder / "water.tif").read_bytes()
    plain = (run.folder / "run.json").read_text(encoding="utf-8")
    results.load_run(with_uncertainty(run), project)
    assert layer.bandCount() == 2
    assert layer.styleManager().setCurrentStyle("Uncertainty")
    (run.folder / "water.tif").write_bytes(before)
    (run.folder / "run.json").write_text(plain, encoding="utf-8")
    results.load_run(read_run(run.folder), project)
    assert layer.bandCount() == 1
    assert "Uncertainty" not in layer.styleManager().styles()
    assert layer.renderer().type() == "paletted"


def test_a_users_colours_stay_until_the_run_brings_another_style(run: Run, project: QgsProject) -> None:
    layer = _water(run, project)
    style = run.folder / "water.qml"
    renderer = layer.renderer().clone()
    renderer.setLabel(1, "lakes")
    layer.setRenderer(renderer)
    layer.setOpacity(0.4)
    results.load_run(run, project)
    assert [c.label for c in layer.renderer().classes()] == ["other", "lakes"]
    style.write_text(style.read_text().replace('label="water"', 'label="open water"'), encoding="utf-8")
    results.load_run(run, project)
    assert [c.label for c in layer.renderer().classes()] == ["other", "open water"]
    assert layer.opacity() == pytest.approx(0.4)


def test_a_new_style_does_not_end_the_view_of_the_uncertainty(run: Run, project: QgsProject) -> None:
    layer = _water(with_uncertainty(run), project)
    manager, style = layer.styleManager(), run.folder / "water.qml"
    first = manager.currentStyle()
    manager.setCurrentStyle("Uncertainty")
    style.write_text(style.read_text().replace('label="water"', 'label="open water"'), encoding="utf-8")
    results.load_run(read_run(run.folder), project)
    assert manager.currentStyle() == "Uncertainty"
    assert layer.renderer().type() == "singlebandpseudocolor"
    manager.setCurrentStyle(first)
    assert [c.label for c in layer.renderer().classes()] == ["other", "open water"]


def test_a_run_without_a_style_file_is_still_drawn(run: Run, project: QgsProject) -> None:
    (run.folder / "biomass.qml").unlink(missing_ok=True)
    kept = without(run, "landcover")
    results.load_run(kept, project)
    layer = results.find_layer(project, kept, "expert:biomass")
    assert layer.renderer().type() == "singlebandgray"
