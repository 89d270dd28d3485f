"""Which raster band feeds which model band: explicit, by words, by wavelength, by colour, or refused."""

from __future__ import annotations

import pytest

from model_core.band_choice import find_mapping
from model_core.bands import BAND_NAMES
from model_core.errors import BandError


def mapping(choice="auto", descriptions=None, wavelengths=None, count=None, tags=None, status=None):
    count = count or len(descriptions or wavelengths)
    return find_mapping(
        choice, descriptions or [None] * count, wavelengths or [None] * count, count, tags or {}, status
    )


def sources(found):
    return {name: band for name, band in zip(BAND_NAMES, found.source_band, strict=True) if band}


def test_order_of_described_bands_is_free():
    found = mapping(descriptions=["nir", "pan", "red", "green", "blue"])
    assert sources(found) == {"nir": 1, "pan": 2, "red": 3, "green": 4, "blue": 5}
    assert not found.pan_synthesised
    assert found.missing == ("re1", "re2", "re3")


def test_b8a_is_nir_only_where_b8_is_absent():
    assert sources(mapping(descriptions=["B02", "B04", "B8A"])) == {"blue": 1, "red": 2, "nir": 3}
    assert sources(mapping(descriptions=["B8A", "B08"]))["nir"] == 2


def test_wavelengths_take_the_nearest_within_tolerance():
    # SuperDove, WorldView-2 and Landsat 8 centres; 443, 531, 610 and 950 nm are none of ours.
    dove = mapping(wavelengths=[441.5, 490, 531, 565, 610, 665, 705, 865])
    assert sources(dove) == {"blue": 2, "green": 4, "red": 6, "re1": 7, "nir": 8}
    assert dove.method == "wavelengths"
    view = mapping(wavelengths=[427, 478, 546, 608, 659, 724, 833, 949])
    assert sources(view) == {"blue": 2, "green": 3, "red": 5, "re2": 6, "nir": 7}
    assert sources(mapping(wavelengths=[480, 560, 655, 865, 1610, 2200])) == {
        "blue": 1,
        "green": 2,
        "red": 3,
        "nir": 4,
    }
    assert sources(mapping(wavelengths=[625.0, 560, 665])) == {"green": 2, "red": 3}, (
        "PAN never by wavelength"
    )


def test_a_description_outweighs_a_wavelength_and_fills_up_from_it():
    found = mapping(descriptions=["red", "rededge", "smoothed"], wavelengths=[842, 717, 490])
    assert (sources(found), found.method) == ({"red": 1, "re1": 2, "blue": 3}, "descriptions")


def test_an_unnumbered_red_edge_is_left_out_and_said():
    found = mapping(descriptions=["green", "red", "red edge", "nir"])
    assert "re1" in found.missing
    assert "re1=3" in found.notes[0]


@pytest.mark.parametrize("names", [["blue", "Blue", "red"], ["B02", "blue", "B08"]])
def test_two_bands_of_one_name_are_refused(names):
    with pytest.raises(BandError, match="both say they are the blue band"):
        mapping(descriptions=names)


def test_two_bands_of_one_wavelength_are_refused():
    with pytest.raises(BandError, match="1 and 3 both say"):
        mapping(wavelengths=[490.0, 665.0, 490.0])


def test_explicit():
    found = mapping(" Blue=2, green=3 ,RED=4,nir=8 ", count=8)
    assert sources(found) == {"blue": 2, "green": 3, "red": 4, "nir": 8}
    assert (found.method, found.pan_synthesised) == ("explicit", True)


@pytest.mark.parametrize(
    ("choice", "says"),
    [
        ("blue=0", "bands 1 to 4"),
        ("blue=5", "bands 1 to 4"),
        ("blue=x", "'blue=x' is not a band"),
        ("teal=1", "'teal=1' is not a band"),
        ("blue=1,blue=2", "given twice"),
        ("blue=1,red=1", "used twice"),
        ("blue=1,,red=2", "'' is not a band"),
        ("=", "not a band"),
        ("landsat", "'landsat' is not a band choice"),
        ("", "'' is not a band choice"),
        ("blue=-1", "not a band"),
    ],
)
def test_bad_choices(choice, says):
    with pytest.raises(BandError, match=says):
        mapping(choice, count=4)


def test_missing_bands_of_a_prepared_file():
    names = list(BAND_NAMES)
    status = {1: "synthesised", 6: "missing"}
    for choice in ("auto", "phisat2"):
        found = mapping(choice, descriptions=names, status=status)
        assert found.source_band == (1, 2, 3, 4, 5, None, 7, 8)
        assert found.pan_synthesised
        assert found.missing == ("re2",)
    with pytest.raises(BandError, match="marked as missing"):
        mapping("re2=6", descriptions=names, status=status)
    with pytest.raises(BandError, match="None of the model's bands"):
        mapping("rgb", count=3, status={1: "missing", 2: "missing", 3: "missing"})


def test_a_missing_band_makes_way_for_another():
    found = mapping(descriptions=["nir", "red", "nir"], status={1: "missing"})
    assert sources(found) == {"red": 2, "nir": 3}
