"""The bundled model on two overlapping crops of the sample scene, laid together again."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyogrio
import pystac
import pytest
import rasterio
from pystac.extensions.mlm import MLMExtension
from rasterio.windows import Window
from rasterio.windows import transform as transform_of

from model_core.bundle import WEIGHTS_FILE, load_bundle, read_info
from model_core.mosaic.build import make_mosaic
from model_core.predict import predict
from model_core.request import PredictRequest
from model_core.resources import default_bundle, resource
from tests.core.mosaic_runs import laid


@pytest.fixture(scope="module")
def runs(tmp_path_factory) -> Path:
    """Runs of the left and the right part of the coast, 128 pixels of which they share."""
    folder = tmp_path_factory.mktemp("coast")
    model = load_bundle(default_bundle(), device="cpu", precision="fp32")
    with rasterio.open(resource("sample", "coast_10m.tif")) as scene:
        for name, left in (("a", 0), ("b", 384)):
            window = Window(left, 0, 512, 512)
            profile = {**scene.profile, "width": 512, "height": 512}
            with rasterio.open(
                folder / f"{name}.tif", "w", **{**profile, "transform": transform_of(window, scene.transform)}
            ) as part:
                part.write(scene.read(window=window))
                part.descriptions = scene.descriptions
                part.scales, part.offsets = scene.scales, scene.offsets
                part.update_tags(**scene.tags())
            request = PredictRequest(
                str(folder / f"{name}.tif"), str(folder / "runs" / name), policy="top-k", top_k=3,
                uncertainty=True,
            )  # fmt: skip
            predict(request, load_model=lambda _path, **_: model)
    make_mosaic([folder / "runs"])
    return folder / "runs"


def test_the_mosaic_is_what_the_runs_are(runs):
    shared = [
        path.stem for path in (runs / "a").glob("*.tif") if (runs / "b" / path.name).exists()
    ]  # fmt: skip
    assert len(shared) >= 3
    for name in shared:
        with rasterio.open(runs / "mosaic" / f"{name}.vrt") as raster:
            assert raster.shape == (512, 896)
            pixels = raster.read()
            expected = laid([runs / run / f"{name}.tif" for run in "ab"], raster.transform, pixels.shape)
            np.testing.assert_array_equal(pixels, expected)
            # Reduced, as a map shows it: still only classes, and of the same shares.
            assert raster.overviews(1) == [2]
            small = raster.read(1, out_shape=(64, 112))
        known, reduced = expected[0][expected[0] != 255], small[small != 255]
        assert set(np.unique(reduced)) <= set(np.unique(known))
        for value in np.unique(known):
            assert np.mean(reduced == value) == pytest.approx(np.mean(known == value), abs=0.05)


def test_the_tiles_of_both(runs):
    tiles = pyogrio.raw.read(runs / "mosaic" / "routing.vrt")[2]
    assert len(tiles) == sum(
        pyogrio.read_info(runs / run / "routing.gpkg")["features"] for run in "ab"
    )  # fmt: skip


def test_the_catalogue_names_the_bundle_with_its_checksum(runs):
    catalog = pystac.Catalog.from_file(str(runs / "mosaic" / "catalog.json"))
    (model,) = [item for item in catalog.get_items(recursive=True) if MLMExtension.has_extension(item)]
    asset = model.assets["weights"]
    assert "mlm:model" in asset.roles
    path = Path(asset.get_absolute_href())
    assert path == (default_bundle() / WEIGHTS_FILE).resolve()
    assert asset.extra_fields["file:size"] == path.stat().st_size
    told = MLMExtension.ext(model)
    assert told.total_parameters and told.framework_version
    names = [expert.name for expert in read_info(default_bundle()).experts]
    assert [output.name for output in told.output] == ["scene", *names]
    assert told.tasks == ["scene-classification", "semantic-segmentation", "object-detection"]
    assert model.common_metadata.description and "sqrt" in told.input[0].description
