"""What a layer says of itself: in its properties, in its tool tip, in an export."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from qgis.core import QgsCoordinateReferenceSystem, QgsProject

from hydranet_qgis import results
from hydranet_qgis.run_folder import Run, read_run
from tests.qgis.run_edits import edit_expert, edit_json, with_uncertainty


def _layer(run: Run, project: QgsProject, role: str = "expert:water") -> Any:
    results.load_run(run, project)
    return results.find_layer(project, run, role)


def test_an_experts_layer_says_what_it_is(run: Run, project: QgsProject) -> None:
    run = edit_expert(run, "water", description="Open water.", license="CC-BY-4.0")
    layer = _layer(run, project)
    told = layer.metadata()
    assert told.title() == "Water of lake"
    assert told.abstract().startswith("Open water. Classes: 0 other, 1 water.")
    assert told.licenses() == ["CC-BY-4.0"]
    assert {"HydraNet", "water", "classes"} <= set(told.keywords()["HydraNet"])
    assert told.crs() == layer.crs() == QgsCoordinateReferenceSystem("EPSG:32632")
    (place,) = told.extent().spatialExtents()
    assert place.bounds.toRectangle() == layer.extent()
    assert place.extentCrs == layer.crs()


def test_simulated_training_is_said_wherever_it_counts(run: Run, project: QgsProject) -> None:
    layer = _layer(run, project, "expert:biomass")
    assert layer.name() == "Biomass density (simulated)"
    assert "(simulated)" in layer.metadata().title()
    assert "simulated data only" in layer.metadata().abstract()
    assert "simulated" not in _layer(run, project).metadata().abstract()


def test_a_surface_has_its_unit_and_an_uncertain_raster_its_second_band(
    run: Run, project: QgsProject
) -> None:
    assert "density in t/ha" in _layer(run, project, "expert:biomass").metadata().abstract()
    project.clear()
    assert "Band 2: Uncertainty: the entropy" in _layer(with_uncertainty(run), project).metadata().abstract()


def test_the_history_tells_how_it_was_made(run: Run, project: QgsProject) -> None:
    def change(data: dict[str, Any]) -> None:
        data["model"] = {"id": "m", "version": "2", "sha256": "sha256:abc", "license": "GPL-2.0-or-later"}
        data["versions"] = {"hydranet": "9.8", "torch": "2.13"}
        data["reroutes"] = [{"at": "2026-07-01", "added": 12, "dropped": 3}]

    run = edit_json(run, change)
    told = _layer(run, project).metadata()
    history = "\n".join(told.history())
    for part in (run.created, "hydranet 9.8", run.scene, "m 2, sha256:abc", run.command, "thresholds"):
        assert part in history
    assert "2026-07-01: given another policy; 12 decoded in addition, 3 dropped." in told.history()[-1]
    assert told.licenses()[0] == "GPL-2.0-or-later"
    assert "HydraNet 9.8 with the model m 2 from lake" in told.rights()[0]


def test_the_routing_layer_counts_its_tiles(run: Run, project: QgsProject) -> None:
    layer = _layer(run, project, results.ROUTING_ROLE)
    told = layer.metadata()
    assert told.title() == "Routing of lake"
    assert f"{run.routed} of {run.total} tiles" in told.abstract()
    assert {"clouds", "water"} <= set(told.keywords()["HydraNet"])
    assert "Scores only" not in told.abstract()


def test_a_run_of_scores_only_says_so(run: Run, project: QgsProject) -> None:
    run = edit_json(run, lambda data: data.update(decoded=False))
    assert "Scores only" in _layer(run, project, results.ROUTING_ROLE).metadata().abstract()


def test_it_is_saved_with_the_project_and_renewed_after_a_reroute(
    run: Run, project: QgsProject, tmp_path: Path
) -> None:
    before = _layer(run, project).metadata()
    assert project.write(str(tmp_path / "p.qgz"))
    project.clear()
    assert project.read(str(tmp_path / "p.qgz"))
    layer = results.find_layer(project, run, "expert:water")
    assert layer.metadata() == before
    edit_json(run, lambda data: data.update(reroutes=[{"at": "today", "added": [1, 2], "dropped": {}}]))
    results.load_run(read_run(run.folder), project)
    assert layer.metadata().history()[-1].startswith("today: given another policy; 2 decoded")


def test_a_scene_without_crs_has_metadata_too(tmp_path: Path, project: QgsProject) -> None:
    from tests.qgis.conftest import make_scene
    from tests.qgis.fake_worker import fake_run

    scene = make_scene(tmp_path / "plain.tif", epsg=0)
    fake_run.write_run(tmp_path / "plain", {"input": str(scene)})
    told = _layer(read_run(tmp_path / "plain"), project).metadata()
    assert told.title() == "Water of plain"
    assert not told.crs().isValid()
