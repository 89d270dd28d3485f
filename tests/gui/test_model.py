"""Models with HydraNet as a step: drawn in the real Designer, run by the real qgis_process."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
import shapely
from pyogrio import raw

from .qgis_home import ROOT, Finished, QgisHome
from .window import play

WATER = ROOT / "resources" / "models" / "water_polygons.model3"
BANDS = ("pan", "blue", "green", "red", "re1", "re2", "re3", "nir")
SMALLEST = 2000.0  # square metres


def _run_water(home: QgisHome, model: str, scene: Path, folder: Path, smallest: float) -> Finished:
    values = (f"scene={scene}", "band=8", f"smallest_area={smallest}")
    outputs = (f"predict:Run folder={folder / 'run'}", f"mean:Water polygons={folder / 'water.gpkg'}")
    return home.qgis_process("--json", "run", model, "--", *values, *outputs)


def _polygons(path: Path) -> tuple[str, Any, dict[str, Any]]:
    meta, _, shapes, values = raw.read(path)
    return meta["crs"], shapely.from_wkb(shapes), dict(zip(meta["fields"], values, strict=True))


def test_saved_model_hands_the_routing_on_to_the_next_step(
    home: QgisHome, sample: Path, tmp_path: Path
) -> None:
    model = tmp_path / "routed tiles.model3"
    drawn = play(home, "save_model", {"model": str(model)}, tmp_path)
    # Newer versions name a model's outputs without the step they come from.
    outputs = {name.rpartition(":")[2]: name for name in drawn["parameters"]}
    assert {"scene", "run", "routed"} <= set(outputs)
    folder, routed = tmp_path / "run", tmp_path / "routed.gpkg"
    values = (f"scene={sample}", f"{outputs['run']}={folder}", f"{outputs['routed']}={routed}")
    done = home.qgis_process("--json", "run", str(model), "--", *values)
    assert done.code == 0, done.out + done.err
    run = json.loads((folder / "run.json").read_text(encoding="utf-8"))
    meta, _, _, fields = raw.read(routed)
    chosen = fields[list(meta["fields"]).index("k")]
    assert len(chosen) == run["tiles"]["routed"] > 0
    assert (chosen > 0).all()


def test_example_model_opens_in_the_designer_and_can_be_read(home: QgisHome, tmp_path: Path) -> None:
    job = {"model": str(WATER), "picture": str(tmp_path / "designer.png")}
    seen = play(home, "modelling:open_model", job, tmp_path)
    assert seen["problems"] == []
    assert seen["boxes"] == 3 + 7 + 2  # inputs, steps, results
    assert seen["overlapping"] == []
    assert seen["picture"]["colours"] > 100
    assert seen["exit_code"] == 0


@pytest.mark.parametrize("model", [str(WATER), "hydranet:Water polygons"], ids=["file", "provider"])
def test_example_model_finds_the_water_of_the_sample(
    home: QgisHome, sample: Path, tmp_path: Path, model: str
) -> None:
    done = _run_water(home, model, sample, tmp_path, SMALLEST)
    assert done.code == 0, done.out + done.err
    assert json.loads((tmp_path / "run" / "run.json").read_text(encoding="utf-8"))["tiles"]["routed"] > 0
    crs, shapes, fields = _polygons(tmp_path / "water.gpkg")
    with rasterio.open(tmp_path / "run" / "water.tif") as water, rasterio.open(sample) as scene:
        wet = water.read(1) == 1
        pixel = abs(water.res[0] * water.res[1])
        near = scene.read(8)[wet] * scene.scales[7] + scene.offsets[7]
        frame = shapely.box(*scene.bounds)
        assert crs == scene.crs.to_string()
    assert len(shapes) > 0
    assert shapely.is_valid(shapes).all()
    assert frame.buffer(1e-3).covers(shapely.union_all(shapes))
    assert (fields["class"] == 1).all()
    # In true square metres: the scene's projection stretches by less than 0.2 %.
    assert fields["area_m2"] == pytest.approx(shapely.area(shapes), rel=2e-3)
    assert (fields["area_m2"] >= SMALLEST).all()
    # What is missing are the puddles below the smallest area.
    total = shapely.area(shapes).sum()
    assert 0.9 * wet.sum() * pixel < total <= wet.sum() * pixel
    mean = (fields["scene_mean"] * shapely.area(shapes)).sum() / total
    assert mean == pytest.approx(near.mean(), rel=0.05)


def test_example_model_drops_what_is_smaller(home: QgisHome, sample: Path, tmp_path: Path) -> None:
    done = _run_water(home, str(WATER), sample, tmp_path, 1e6)
    assert done.code == 0, done.out + done.err
    _, _, fields = _polygons(tmp_path / "water.gpkg")
    assert len(fields["area_m2"]) > 0
    assert fields["area_m2"].min() >= 1e6


@pytest.mark.parametrize("dry", ["green land", "no data"])
def test_example_model_gives_no_polygons_where_there_is_no_water(
    home: QgisHome, make_raster: Callable[..., Path], tmp_path: Path, dry: str
) -> None:
    green = np.array([700, 400, 700, 500, 1100, 2500, 3000, 3300], np.uint16)
    values = green if dry == "green land" else np.zeros_like(green)
    scene = make_raster("dry.tif", np.tile(values[:, None, None], (1, 280, 300)), BANDS, nodata=0)
    done = _run_water(home, str(WATER), scene, tmp_path, 0)
    assert done.code == 0, done.out + done.err
    _, shapes, fields = _polygons(tmp_path / "water.gpkg")
    assert len(shapes) == 0
    assert {"class", "area_m2", "scene_mean"} <= set(fields)


def test_example_model_lists_its_results(home: QgisHome) -> None:
    told = home.qgis_process("help", "hydranet:Water polygons")
    assert told.code == 0, told.err
    for text in ("smallest_area", "mean:Water polygons", "predict:Run folder", "equal-area"):
        assert text in told.out
