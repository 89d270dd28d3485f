"""The catalogue is sound STAC: valid, relative, complete, read back by pystac and its extensions."""

from __future__ import annotations

import json
import re
import shutil
from datetime import datetime, timezone
from pathlib import Path
from urllib.parse import unquote

import jsonschema
import pystac
import pytest
import rasterio
from pystac.extensions.classification import ClassificationExtension
from pystac.extensions.eo import EOExtension
from pystac.extensions.mlm import MLMExtension
from pystac.extensions.projection import ProjectionExtension
from pystac.extensions.raster import RasterExtension
from pystac.validation.local_validator import get_local_schema_cache

from model_core.mosaic.build import make_mosaic
from model_core.mosaic.dates import Span, acquisition
from model_core.mosaic.stac_assets import classes_of
from model_core.spec import ClassSpec
from tests.core.mosaic_runs import (
    EARLY,
    EXPERTS,
    LATE,
    SOUTH,
    change_run,
    predict_scene,
    three_runs,
    write_scene,
)

_SCHEMA = "https://schemas.stacspec.org/v1.1.0/{0}-spec/json-schema/{0}.json"


@pytest.fixture(scope="module")
def runs(tmp_path_factory) -> Path:
    folder = three_runs(tmp_path_factory.mktemp("stac"))
    make_mosaic([folder])
    return folder


@pytest.fixture
def catalog(runs: Path) -> pystac.Catalog:
    return pystac.Catalog.from_file(str(runs / "mosaic" / "catalog.json"))


def documents(folder: Path) -> dict[Path, dict]:
    found = {path: json.loads(path.read_text(encoding="utf-8")) for path in folder.rglob("*.json")}
    return {path: data for path, data in found.items() if "stac_version" in data}


def item(catalog: pystac.Catalog, name: str) -> pystac.Item:
    (found,) = [one for one in catalog.get_items(recursive=True) if one.id == name]
    return found


def test_every_document_is_valid(runs):
    """By the core schemas that come with pystac; what the extensions want is looked at below."""
    store = get_local_schema_cache()
    found = documents(runs / "mosaic")
    assert len(found) == 6
    for data in found.values():
        kind = {"Feature": "item"}.get(data["type"], data["type"].lower())
        schema = store[_SCHEMA.format(kind)]
        resolver = jsonschema.RefResolver(_SCHEMA.format(kind), schema, store=store)
        jsonschema.Draft7Validator(schema, resolver=resolver).validate(data)
        with pytest.raises(jsonschema.ValidationError):  # the schema does look
            jsonschema.Draft7Validator(schema, resolver=resolver).validate({**data, "links": "none"})


def test_every_link_and_file_is_there_and_relative(runs):
    for path, data in documents(runs / "mosaic").items():
        hrefs = [link["href"] for link in data["links"]]
        hrefs += [asset["href"] for asset in data.get("assets", {}).values()]
        assert hrefs
        for href in hrefs:
            assert not href.startswith(("/", "file:", "http")), href
            assert (path.parent / href).resolve().is_file(), href
        assert "self" not in {link["rel"] for link in data["links"]}
        declared = {uri.split("/")[3] for uri in data.get("stac_extensions", ())}
        used = set(re.findall(r'"(\w+):\w+":', json.dumps({**data, "summaries": {}}))) - {"hydranet"}
        assert {{"proj": "projection"}.get(name, name) for name in used} == declared, path


def test_it_reads_back_as_one_tree(catalog):
    (collection,) = catalog.get_children()
    items = list(catalog.get_items(recursive=True))
    assert {one.id for one in items} == {LATE, EARLY, SOUTH, "fake-1.0-ffffffff"}
    assert collection.id == "runs" and len(list(collection.get_items())) == 3
    assert set(collection.assets) >= {"bright_epsg32631", "objects_epsg32632", "routing_epsg32631"}
    west, south, east, north = collection.extent.spatial.bboxes[0]
    assert west == pytest.approx(3.0) and east == pytest.approx(9.0, abs=0.01) and 45 < south < north < 45.2
    begin, end = collection.extent.temporal.intervals[0]
    assert begin == datetime(2024, 5, 3, tzinfo=timezone.utc) and end > begin
    assert collection.summaries.get_list("proj:code") == ["EPSG:32631", "EPSG:32632"]


def test_a_run_tells_where_when_and_how(catalog, runs):
    late, early, south = (item(catalog, name) for name in (LATE, EARLY, SOUTH))
    assert late.datetime == datetime(2024, 6, 1, 10, 10, 10, tzinfo=timezone.utc)
    common = early.common_metadata
    assert early.datetime is None and common.start_datetime == datetime(2024, 5, 3, tzinfo=timezone.utc)
    assert common.end_datetime == datetime(2024, 5, 3, 23, 59, 59, tzinfo=timezone.utc)
    told = json.loads((runs / SOUTH / "run.json").read_text())
    assert south.datetime == datetime.fromisoformat(told["created"])
    assert south.properties["hydranet:datetime_from"] == "run" and south.common_metadata.gsd == 10
    with rasterio.open(runs / LATE / "bright.tif") as raster:
        place = ProjectionExtension.ext(late)
        assert place.code == "EPSG:32631" and place.shape == list(raster.shape)
        assert place.transform == list(raster.transform)[:6]
        from rasterio.warp import transform_bounds

        bounds = transform_bounds(raster.crs, "EPSG:4326", *raster.bounds)
    assert late.bbox == pytest.approx(bounds, abs=1e-6)
    assert late.properties["processing:software"]["hydranet"]
    (link,) = [one for one in late.links if one.rel == "derived_from"]
    assert link.resolve_stac_object().target.id == "fake-1.0-ffffffff"
    assert late.properties["hydranet:model_sha256"] == "f" * 64


def test_assets_say_what_the_files_hold(catalog, runs):
    late, early = item(catalog, LATE), item(catalog, EARLY)
    names = {spec.name for spec in EXPERTS}
    assert names | {"routing", "run", "style_routing", "style_bright"} <= set(late.assets)
    asset = early.assets["hydra"]
    assert asset.media_type == pystac.MediaType.COG and asset.roles == ["data"]
    bands = RasterExtension.ext(asset).bands
    assert [band.nodata for band in bands] == [255] * 4 and bands[1].scale == pytest.approx(0.004)
    assert [band.properties["name"] for band in bands] == [
        "class", "total_uncertainty", "aleatoric_uncertainty", "model_uncertainty",
    ]  # fmt: skip
    classes = ClassificationExtension.ext(bands[0]).classes
    assert [(one.value, one.title, one.color_hint) for one in classes] == [
        (0, "dark", None), (1, "grey", "888888"), (2, "bright", "FFEE00"),
    ]  # fmt: skip
    (metres,) = RasterExtension.ext(late.assets["metres"]).bands
    assert metres.nodata == "nan" and metres.unit == "m" and metres.data_type == "float32"
    ships = ClassificationExtension.ext(late.assets["objects"]).classes
    assert [one.name for one in ships] == ["ship", "building"]
    for name, one in late.assets.items():
        with open(one.get_absolute_href(), "rb") as file:
            assert file.read() == (runs / LATE / Path(one.href).name).read_bytes(), name


@pytest.mark.parametrize("name", ["#1 a & b", "what?", "ä 'ö' \"ü\" <x> 100%"])
def test_files_are_found_whatever_their_folders_are_called(runs, tmp_path, name):
    """`#` and `?` would end an address: the catalogue's own folder is not named, and runs are encoded."""
    job = Path(shutil.copytree(runs / SOUTH, tmp_path / name / name)).parent
    assert make_mosaic([job])["runs"] == 1
    for path, data in documents(job / "mosaic").items():
        hrefs = [link["href"] for link in data["links"]]
        hrefs += [asset["href"] for asset in data.get("assets", {}).values()]
        for href in hrefs:
            assert not re.search("[#?]", href)
            plain = unquote(href) if re.search("%2[3F]|%3F", href) else href
            assert (path.parent / plain).resolve().is_file(), href
    (raster,) = (job / "mosaic").glob("bright*.vrt")
    with rasterio.open(raster) as found, rasterio.open(job / name / "bright.tif") as source:
        assert (found.read() == source.read()).all()


def test_class_names_are_made_fit():
    told = ("no water", "Gewässer", "no-water!", "水", "no water ")
    spec = [ClassSpec(value, name, "#0000ff" if value else None) for value, name in enumerate(told)]
    names = [one.name for one in classes_of(spec)]
    assert len(set(names)) == 5 and all(re.fullmatch("[0-9A-Za-z-_]+", name) for name in names)
    assert [one.title for one in classes_of(spec)] == [one.name for one in spec]


def test_the_model_is_read_back_by_the_mlm_extension(catalog):
    model = item(catalog, "fake-1.0-ffffffff")
    assert model.geometry is None and model.bbox is None and model.datetime is not None
    told = MLMExtension.ext(model)
    assert told.mlm_name == "fake" and re.fullmatch(r"[a-zA-Z][a-zA-Z0-9_.\-\s]+[a-zA-Z0-9]", told.mlm_name)
    assert told.framework == "PyTorch" and told.architecture
    assert set(told.tasks) == {"semantic-segmentation", "regression", "object-detection"}
    (tile,) = told.input
    assert tile.input.shape == [-1, 8, 32, 32] and len(tile.input.dim_order) == 4
    # Every band of the input is described, as the extension wants.
    assert tile.bands == [band.name for band in EOExtension.ext(model).bands] and len(tile.bands) == 8
    assert [output.name for output in told.output] == [spec.name for spec in EXPERTS]
    for output, spec in zip(told.output, EXPERTS, strict=True):
        assert len(output.result.shape) == len(output.result.dim_order)
        assert all(re.fullmatch("[a-z-_]+", axis) for axis in output.result.dim_order)
        assert set(output.tasks) <= set(told.tasks)
        assert [one.description for one in output.classes or ()] == [one.name for one in spec.classes]
    assert model.assets == {}  # its bundle is not found


def test_a_bundle_beside_the_runs_moves_with_them(runs, tmp_path):
    """Named relative where it lies in the same tree; the files of one elsewhere are named in full."""
    from model_core.bundle import write_description
    from model_core.resources import default_bundle

    folder = Path(shutil.copytree(runs / SOUTH, tmp_path / "job" / "runs" / SOUTH)).parent
    bundle = Path(shutil.copytree(default_bundle(), folder.parent / "bundle"))
    data = json.loads((bundle / "model.json").read_text(encoding="utf-8"))
    info = write_description(bundle, {**data, "title": "My model"})
    told = json.loads((folder / SOUTH / "run.json").read_text())
    model = {**told["model"], "id": data["id"], "version": data["version"], "sha256": info.sha256}
    change_run(folder / SOUTH, model=model, request={**told["request"], "bundle": str(bundle)})
    make_mosaic([folder])
    catalog = pystac.Catalog.from_file(str(folder / "mosaic" / "catalog.json"))
    (found,) = [one for one in catalog.get_items(recursive=True) if one.geometry is None]
    assert found.common_metadata.title == "My model"
    asset = found.assets["weights"]
    assert asset.href.startswith("../") and asset.extra_fields["file:checksum"].startswith("1220")
    assert Path(asset.get_absolute_href()).read_bytes() == (bundle / "weights.safetensors").read_bytes()
    outputs = {one.name: one for one in MLMExtension.ext(found).output}
    assert outputs["objects"].result.shape == [-1, 128, 10]
    assert all(re.fullmatch("[a-z-_]+", axis) for axis in outputs["objects"].result.dim_order)
    assert "scene-classification" in MLMExtension.ext(found).tasks


def test_names_that_meet_are_told_apart(tmp_path):
    for root, name in (("a", "s"), ("b", "s"), ("b", "S"), ("b", "run"), ("b", "ä ö")):
        scene = write_scene(tmp_path / "in" / f"{root}{name}.tif", (40, 40), (5e5, 5e6), "EPSG:32631", 1)
        predict_scene(scene, tmp_path / root / name)
    make_mosaic([tmp_path / "a", tmp_path / "b"], tmp_path / "m")
    catalog = pystac.Catalog.from_file(str(tmp_path / "m" / "catalog.json"))
    ids = [one.id.casefold() for one in catalog.get_items(recursive=True)]
    assert len(set(ids)) == 6 and not (tmp_path / "m" / "runs" / "run" / "run.json").exists()


@pytest.mark.parametrize(
    "name, expected",
    [
        ("S2A_MSIL2A_20210607T114351_N0500_R123_T29UPV_20230201T010203.SAFE", "2021-06-07T11:43:51"),
        ("LC08_L2SP_206023_20210607_20210615_02_T1.tif", "2021-06-07/23:59:59"),
        ("scene-2021-06-07.tif", "2021-06-07/23:59:59"),
        ("scene_20210631_20210607.tif", "2021-06-07/23:59:59"),  # June has 30 days
        ("scene_20300101.tif", None),  # after the run
        ("tile_1202106075.tif", None),
        ("coast_10m.tif", None),
    ],
)
def test_dates_in_names(name, expected):
    found = acquisition(name, "2024-01-01T00:00:00+00:00")
    if expected is None:
        assert found is None
        return
    day, _, end = expected.partition("/")
    start = datetime.fromisoformat(day).replace(tzinfo=timezone.utc)
    last = start if not end else datetime.fromisoformat(f"{day}T{end}").replace(tzinfo=timezone.utc)
    assert found == Span(start, last)
