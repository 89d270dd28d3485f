"""QGIS opens what `hydranet mosaic` made: pixels, colours and rows of several runs in one layer each."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from qgis.core import QgsPointXY, QgsProject, QgsRasterLayer, QgsVectorLayer

from hydranet_qgis import paths

# The runs are made as the worker makes them, in a process of its own with its own GDAL.
_MAKE = """
import sys
from pathlib import Path
from tests.core.mosaic_runs import EARLY, LATE, predict_scene, write_scene
from model_core import cli
folder = Path(sys.argv[1])
for name, corner, seed in ((EARLY, (500300, 4999800), 1), (LATE, (500000, 5000000), 0)):
    scene = write_scene(folder / "scenes" / f"{name}.tif", (60, 60), corner, "EPSG:32631", seed)
    predict_scene(scene, folder / "runs" / name)
sys.exit(cli.main(["mosaic", str(folder / "runs")]))
"""
LATE, EARLY = "S2A_MSIL2A_20240601T101010_N0510", "patch_2024-05-03"


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("mosaic")
    command = [sys.executable, "-c", _MAKE, str(folder)]
    done = subprocess.run(command, cwd=paths.root(), capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return folder / "runs"


def test_a_raster_has_the_classes_and_their_colours(runs: Path, project: QgsProject) -> None:
    layer = QgsRasterLayer(str(runs / "mosaic" / "bright.vrt"), "bright")
    assert layer.isValid() and layer.crs().authid() == "EPSG:32631"
    assert (layer.width(), layer.height()) == (90, 80)
    renderer = layer.renderer()
    assert renderer.type() == "paletted"  # from the style beside it
    shown = {
        entry.value: (entry.label, entry.color.name(), entry.color.alpha()) for entry in renderer.classes()
    }
    assert shown[1] == ("grey", "#888888", 255) and shown[2] == ("bright", "#ffee00", 255)
    assert shown[0][0] == "dark" and shown[0][2] == 0
    # In the overlap the later scene shows, and around it each scene alone.
    sources = {name: QgsRasterLayer(str(runs / name / "bright.tif"), name) for name in (LATE, EARLY)}
    seen = set()
    for x in range(500005, 500900, 30):
        for y in range(4999205, 5000000, 30):
            point = QgsPointXY(x, y)
            values = {name: one.dataProvider().sample(point, 1) for name, one in sources.items()}
            known = [name for name in (LATE, EARLY) if values[name][1]]
            value, found = layer.dataProvider().sample(point, 1)
            assert found is bool(known)
            if known:
                assert value == values[known[0]][0]
                seen.add((known[0], len(known)))
    assert seen == {(LATE, 1), (LATE, 2), (EARLY, 1)}


def test_tables_have_the_rows_of_all_runs_and_their_style(runs: Path, project: QgsProject) -> None:
    for name, source in (("routing", "tiles"), ("objects", "objects")):
        layer = QgsVectorLayer(str(runs / "mosaic" / f"{name}.vrt"), name, "ogr")
        assert layer.isValid() and layer.crs().authid() == "EPSG:32631"
        rows = {}
        for feature in layer.getFeatures():
            assert feature.geometry().area() > 0
            rows[feature["run"]] = rows.get(feature["run"], 0) + 1
        alone = {
            run: QgsVectorLayer(f"{runs / run / name}.gpkg|layername={source}", run, "ogr").featureCount()
            for run in (LATE, EARLY)
        }
        assert rows == {run: count for run, count in alone.items() if count} != {}
        assert layer.renderer().type() == "categorizedSymbol"
