"""Bands told by what files themselves carry: ENVI headers, GDAL's imagery metadata, colour interpretation."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import rasterio
from rasterio.enums import ColorInterp
from rasterio.transform import from_origin

from model_core.band_choice import find_mapping
from model_core.bands import BAND_NAMES
from model_core.errors import BandError
from model_core.scene import Scene

CENTRES = {
    "phisat2": [625, 490, 560, 665, 705, 740, 783, 842],
    "superdove": [441.5, 490, 531, 565, 610, 665, 705, 865],
    "worldview": [427, 478, 546, 608, 659, 724, 833, 949],
    "sentinel2": [492.3, 559.0, 665.0, 703.8, 739.1, 779.7, 833.0],
}
EXPECTED = {  # PAN never by wavelength
    "phisat2": {"blue": 2, "green": 3, "red": 4, "re1": 5, "re2": 6, "re3": 7, "nir": 8},
    "superdove": {"blue": 2, "green": 4, "red": 6, "re1": 7, "nir": 8},
    "worldview": {"blue": 2, "green": 3, "red": 5, "re2": 6, "nir": 7},
    "sentinel2": {"blue": 1, "green": 2, "red": 3, "re1": 4, "re2": 5, "re3": 6, "nir": 7},
}
RGB = [ColorInterp.red, ColorInterp.green, ColorInterp.blue]


def sources(found):
    return {name: band for name, band in zip(BAND_NAMES, found.source_band, strict=True) if band}


def opened(path, **options):
    with Scene.open(path, **options) as scene:
        return scene.mapping, scene.warnings


def flat(count, dtype=np.uint16):
    return np.full((count, 4, 5), 100, dtype=dtype)


@pytest.mark.parametrize("sensor", CENTRES)
@pytest.mark.parametrize(("unit", "factor"), [("Nanometers", 1.0), ("Micrometers", 0.001)])
def test_wavelengths_of_an_envi_header(tmp_path, sensor, unit, factor):
    centres, expected = CENTRES[sensor], EXPECTED[sensor]
    path = tmp_path / "scene.img"
    with rasterio.open(
        path, "w", driver="ENVI", width=5, height=4, count=len(centres), dtype="uint16", crs="EPSG:32631",
        transform=from_origin(5e5, 5e6, 10, 10),
    ) as dataset:  # fmt: skip
        dataset.write(flat(len(centres)))
    header = Path(path).with_suffix(".hdr")
    listed = ", ".join(f"{value * factor:.6g}" for value in centres)
    kept = [
        line for line in header.read_text().splitlines() if not line.startswith(("band names", "Band ", "}"))
    ]
    header.write_text("\n".join([*kept, f"wavelength units = {unit}", f"wavelength = {{{listed}}}"]) + "\n")
    found, _ = opened(path)
    assert sources(found) == expected
    assert found.method in ("wavelengths", "descriptions")  # GDAL puts them into the descriptions, too


@pytest.mark.parametrize("sensor", CENTRES)
@pytest.mark.parametrize(
    "tags",
    [
        lambda nm: {"CENTRAL_WAVELENGTH_UM": f"{nm / 1000:.4f}"},
        lambda nm: {"WAVELENGTH": f"{nm:g}", "WAVELENGTH_UNIT": "nm"},
        lambda nm: {"wavelength": f"{nm / 1000:.4f}", "wavelength_units": "Micrometers"},
    ],
)
def test_wavelengths_in_the_tags_of_bands(make_raster, sensor, tags):
    centres, expected = CENTRES[sensor], EXPECTED[sensor]
    path = make_raster("a.tif", flat(len(centres)), band_tags=[tags(nm) for nm in centres])
    found, _ = opened(path)
    assert (sources(found), found.method) == (expected, "wavelengths")


def test_wavelengths_in_gdals_imagery_domain(make_raster):
    path = make_raster("a.tif", flat(3))
    with rasterio.open(path, "r+") as dataset:
        for band, um in enumerate((0.842, 0.665, 0.56), start=1):
            dataset.update_tags(band, ns="IMAGERY", CENTRAL_WAVELENGTH_UM=str(um))
    found, _ = opened(path)
    assert (sources(found), found.method) == ({"nir": 1, "red": 2, "green": 3}, "wavelengths")


@pytest.mark.parametrize("name", ["a.tif", "a.png", "a.jpg"])
def test_a_picture_says_which_band_is_red(make_raster, tmp_path, name):
    if name == "a.tif":
        path = make_raster(name, flat(3, np.uint8), photometric="RGB")
    else:
        path = tmp_path / name
        place = {"crs": "EPSG:32631", "transform": from_origin(5e5, 5e6, 10, 10)}
        with rasterio.open(
            path,
            "w",
            **place,
            driver="PNG" if name == "a.png" else "JPEG",
            width=5,
            height=4,
            count=3,
            dtype="uint8",
        ) as dataset:
            dataset.write(flat(3, np.uint8))
    found, warnings = opened(path)
    assert (sources(found), found.method) == ({"red": 1, "green": 2, "blue": 3}, "colours")
    assert any("colour interpretation says so" in text for text in warnings)


def test_near_infrared_counts_where_the_file_calls_it_so(make_raster):
    path = make_raster("a.tif", flat(4), colorinterp=[ColorInterp.nir, *RGB])
    found, _ = opened(path)
    assert sources(found) == {"nir": 1, "red": 2, "green": 3, "blue": 4}


@pytest.mark.parametrize(
    ("fourth", "says"),
    [(ColorInterp.undefined, "nothing the model knows"), (ColorInterp.alpha, "transparency")],
)
def test_a_fourth_band_that_is_not_named_is_no_near_infrared(make_raster, fourth, says):
    path = make_raster("a.tif", flat(4), colorinterp=[*RGB, fourth])
    found, warnings = opened(path)
    assert sources(found) == {"red": 1, "green": 2, "blue": 3}
    assert any(says in text and "'rgbn'" in text for text in warnings)
    assert sources(opened(path, bands="rgbn")[0])["nir"] == 4


def test_words_and_named_sensors_come_before_colours(make_raster):
    path = make_raster("a.tif", flat(3), descriptions=["nir", "red", "green"], colorinterp=RGB)
    found, warnings = opened(path)
    assert (sources(found), found.method) == ({"nir": 1, "red": 2, "green": 3}, "descriptions")
    assert not any("colour" in text for text in warnings)
    tagged = find_mapping(
        "auto",
        [None] * 8,
        [None] * 8,
        8,
        {"SATELLITEID": "WV03"},
        None,
        ["blue", "green", "red"] + ["undefined"] * 5,
    )
    assert tagged.method == "sensor:worldview"


@pytest.mark.parametrize("colours", [["red", "green", "undefined"], ["red", "red", "blue"], ["gray"] * 3, []])
def test_incomplete_colours_say_nothing(colours):
    with pytest.raises(BandError, match="blue=2"):
        find_mapping("auto", [None] * 3, [None] * 3, 3, {}, None, colours)
