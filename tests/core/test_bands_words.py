"""What band descriptions and wavelength tags say."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from model_core.band_names import read_description, wavelength_from_tags
from model_core.bands import BAND_NAMES


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("blue", "blue"),
        ("Blue", "blue"),
        ("BLUE", "blue"),
        ("Band 2: Blue", "blue"),
        ("2 - blue", "blue"),
        ("Red Edge 1", "re1"),
        ("rededge2", "re2"),
        ("red_edge_3", "re3"),
        ("RE1", "re1"),
        ("rededge071", "re1"),
        ("Vegetation red edge 2", "re2"),
        ("NIR", "nir"),
        ("Near-Infrared", "nir"),
        ("near infrared (NIR)", "nir"),
        ("PAN", "pan"),
        ("Panchromatic", "pan"),
        ("green_ii", "green"),
        ("B8 (nir)", "nir"),
        ("R", "red"),
        ("nir08", "nir_narrow"),
        ("rededge", "rededge"),
    ],
)
def test_descriptions_that_name_a_band(text, name):
    assert read_description(text).name == name


@pytest.mark.parametrize(
    "text",
    [
        "coastal_blue",
        "green_i",
        "yellow",
        "nir2",
        "blue_ratio",
        "ndvi (nir, red)",
        "red mask",
        "swir1",
        "Band 1",
        "",
        "nir09",
        "infrared",
        "water vapour",
        None,
        "redness",
        "blue green",
    ],
)
def test_descriptions_that_name_none(text):
    assert read_description(text).name is None


@given(st.text(max_size=40))
def test_any_text_can_be_read(text):
    assert read_description(text).name in {None, "nir_narrow", "rededge", *BAND_NAMES}


@pytest.mark.parametrize(
    ("text", "nanometres"),
    [
        ("B2, central wavelength 490 nm", 490.0),
        ("band 19 (0.513000 Micrometers)", 513.0),
        ("Blue: 455 - 515 nm", 485.0),
        ("B02", None),
        ("490 nm and 560 nm", None),
    ],
)
def test_wavelength_in_a_description(text, nanometres):
    assert read_description(text).wavelength_nm == pytest.approx(nanometres)


@pytest.mark.parametrize(
    ("tags", "nanometres"),
    [
        ({"CENTRAL_WAVELENGTH_UM": "0.490"}, 490.0),
        ({"WAVELENGTH": "665", "WAVELENGTH_UNIT": "nm", "BANDWIDTH": "30"}, 665.0),
        ({"wavelength": "0.842", "wavelength_units": "Micrometers"}, 842.0),
        ({"wavelength": "0.842"}, 842.0),
        ({"wavelength": "842"}, 842.0),
        ({"WAVELENGTH_NM": "705"}, 705.0),
        ({"wavelength": "842", "wavelength_units": "Index"}, None),
        ({"wavelength": "12"}, 12000.0),
        ({"wavelength": "0"}, None),
        ({"wavelength": "nan"}, None),
        ({"wavelength": "unknown"}, None),
        ({}, None),
    ],
)
def test_wavelength_tags(tags, nanometres):
    assert wavelength_from_tags(tags) == pytest.approx(nanometres)
