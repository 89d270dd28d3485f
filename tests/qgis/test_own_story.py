"""An analyst's own expert, from polygons to its figures, on the real sample scene with the real worker.

Labels of open water -> tiles -> a new expert on the frozen encoder -> predict with the new bundle -> how good
it is against the labels. What the former experts say stays as it was, to the byte.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from osgeo import gdal
from qgis.core import QgsSettings, QgsVectorLayer

from hydranet_qgis import bundles, environment, paths, worker_client
from hydranet_qgis.run_folder import read_run
from hydranet_qgis.training import sessions
from tests.qgis.conftest import PYTHON, Feedback

pytestmark = pytest.mark.usefixtures("provider")

TASK = "openwater"


@pytest.fixture(autouse=True)
def _worker(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(environment, "find_interpreter", lambda: PYTHON)
    yield
    sessions.clear()
    worker_client.shared_client().shutdown()
    for name in (bundles.DEFAULT, bundles.KNOWN):
        QgsSettings().remove(name)


def _call(name: str, **parameters: Any) -> dict[str, Any]:
    import processing

    return processing.run(f"hydranet:{name}", {"THREADS": 1, **parameters}, feedback=Feedback())


def _blocks(path: Path) -> list[bytes]:
    """The compressed blocks of a GeoTIFF; its header names the model, and so differs."""
    content, raster = path.read_bytes(), gdal.Open(str(path))
    band, found = raster.GetRasterBand(1), []
    width, height = band.GetBlockSize()
    for y in range(-(-raster.RasterYSize // height)):
        for x in range(-(-raster.RasterXSize // width)):
            start, size = (
                int(band.GetMetadataItem(f"BLOCK_{what}_{x}_{y}", "TIFF") or 0) for what in ("OFFSET", "SIZE")
            )
            found.append(content[start : start + size])
    assert any(found)
    return found


def _scores(folder: Path) -> dict[int, dict[str, float]]:
    """Scores of the switcher by tile."""
    layer = QgsVectorLayer(f"{folder / 'routing.gpkg'}|layername=tiles", "tiles", "ogr")
    names = [field.name() for field in layer.fields() if field.name().startswith("score_")]
    return {one.id(): {name: one[name] for name in names} for one in layer.getFeatures()}


def test_from_polygons_of_water_to_an_expert_of_ones_own(tmp_path: Path) -> None:
    sample = paths.resources() / "sample"
    scene, labels, area = (
        str(sample / f"coast_{name}") for name in ("10m.tif", "water.geojson", "area.geojson")
    )
    tiles = _call(
        "exporttiles", INPUT=[scene], LABELS=labels, FIELD="class", TASK=TASK, AREA=area, TILE_SIZE=128,
        STRIDE=64, BLOCK=1280, OUTPUT_FOLDER=str(tmp_path / "tiles"),
    )  # fmt: skip
    assert min(tiles[split] for split in ("TRAIN", "VAL", "CAL", "TEST")) > 0
    trained = _call(
        "train", WHAT="expert", TILES=tiles["OUTPUT_FOLDER"], EXPERT=TASK, MINUTES=5, EPOCHS=15,
        OUTPUT_FOLDER=str(tmp_path / "bundle"),
    )  # fmt: skip
    # Nothing chosen, so every pair of tile and expert that fits the pixel size is decoded.
    everything = {"INPUT": scene, "POLICY": "top-k", "OVERLAP": 0}
    _call("predict", **everything, TOP_K=9, OUTPUT_FOLDER=str(tmp_path / "former"))
    _call(
        "predict", **everything, TOP_K=10, BUNDLE=trained["OUTPUT_FOLDER"],
        OUTPUT_FOLDER=str(tmp_path / "own"),
    )  # fmt: skip

    former, own = read_run(tmp_path / "former"), read_run(tmp_path / "own")
    assert [one.name for one in own.experts] == [*(one.name for one in former.experts), TASK]
    before, after = _scores(former.folder), _scores(own.folder)
    assert (
        before and {tile: {name: after[tile][name] for name in row} for tile, row in before.items()} == before
    )
    decoded = [one.name for one in former.experts if one.output is not None]
    assert {"clouds", "water", "burned", "landcover"} <= set(decoded)
    for name in decoded:
        assert _blocks(own.folder / f"{name}.tif") == _blocks(former.folder / f"{name}.tif"), name

    told = _call(
        "evaluate", INPUT=str(own.folder / f"{TASK}.tif"), REFERENCE=labels, FIELD="class", BACKGROUND="none",
        AREA=area, OUTPUT_FOLDER=str(tmp_path / "report"),
    )  # fmt: skip
    assert told["PIXELS"] > 200_000
    assert told["MEAN_IOU"] > 0.9  # of tiles it learnt from too: that it works, not how well
    assert "Routing" in Path(told["REPORT"]).read_text(encoding="utf-8")
