"""Which raster band feeds which model band: explicit, by words, by wavelength, by sensor, or refused."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from model_core.band_choice import find_mapping
from model_core.band_names import read_description, wavelength_from_tags
from model_core.bands import BAND_NAMES, BANDS, PAN_WEIGHTS, BandMapping, pan_weights
from model_core.errors import BandError
from model_core.sensors import sensor_ids, sensors


def mapping(choice="auto", descriptions=None, wavelengths=None, count=None, tags=None, status=None):
    count = count or len(descriptions or wavelengths)
    return find_mapping(
        choice, descriptions or [None] * count, wavelengths or [None] * count, count, tags or {}, status
    )


def sources(found):
    return {name: band for name, band in zip(BAND_NAMES, found.source_band, strict=True) if band}


S2 = {"blue": 2, "green": 3, "red": 4, "re1": 5, "re2": 6, "re3": 7, "nir": 8}


def test_tolerances_do_not_overlap():
    ends = [
        (b.wavelength_nm - b.tolerance_nm, b.wavelength_nm + b.tolerance_nm) for b in BANDS if b.tolerance_nm
    ]
    assert all(high < low for (_, high), (low, _) in zip(ends, ends[1:], strict=False))


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


@pytest.mark.parametrize(
    "names",
    [
        ["B1", "B2", "B3", "B4", "B5", "B6", "B7", "B8", "B8A", "B9", "B11", "B12"],
        ["B01", "B02", "B03", "B04", "B05", "B06", "B07", "B08", "B8A", "B09", "B10", "B11", "B12"],
        ["b01", "b02", "b03", "b04", "b05", "b06", "b07", "b08", "b8a", "b09", "b11", "b12"],
        [
            "Coastal aerosol",
            "B2, central wavelength 490 nm",
            "B3, central wavelength 560 nm",
            "B4, central wavelength 665 nm",
            "B5, central wavelength 705 nm",
            "B6, central wavelength 740 nm",
            "B7, central wavelength 783 nm",
            "B8, central wavelength 842 nm",
            "B8A, central wavelength 865 nm",
        ],
        ["coastal", "blue", "green", "red", "rededge1", "rededge2", "rededge3", "nir", "nir08"],
        ["x", "Blue", "Green", "Red", "Red Edge 1", "Red Edge 2", "Red Edge 3", "NIR"],
    ],
)
def test_auto_reads_sentinel2_descriptions(names):
    found = mapping(descriptions=names)
    assert (sources(found), found.method, found.pan_synthesised) == (S2, "descriptions", True)


def test_order_of_described_bands_is_free():
    found = mapping(descriptions=["nir", "pan", "red", "green", "blue"])
    assert sources(found) == {"nir": 1, "pan": 2, "red": 3, "green": 4, "blue": 5}
    assert not found.pan_synthesised
    assert found.missing == ("re1", "re2", "re3")


def test_b8a_is_nir_only_where_b8_is_absent():
    assert sources(mapping(descriptions=["B02", "B04", "B8A"])) == {"blue": 1, "red": 2, "nir": 3}
    assert sources(mapping(descriptions=["B8A", "B08"]))["nir"] == 2


@pytest.mark.parametrize(
    "names",
    [
        [f"b{n}" for n in range(1, 9)],  # a numbered 8-band stack, in whatever order
        [f"B{n}" for n in range(1, 13)],
        [f"B{n}" for n in range(1, 12)],  # Landsat 8
        ["B2", "B3", "B4"],  # Landsat 5: green, red, near infrared
        ["B02", "B03", "B04", "B05"],  # HLS: B05 is a red edge or near infrared
        ["SR_B2", "SR_B3", "SR_B4", "SR_B5"],
    ],
)
def test_codes_of_an_unknown_sensor_are_refused(names):
    with pytest.raises(BandError, match="sentinel2-l2a"):
        mapping(descriptions=names)


def test_metadata_or_choice_tells_whose_codes_they_are():
    expected = {"blue": 1, "green": 2, "red": 3}
    assert sources(mapping(descriptions=["B2", "B3", "B4"], tags={"PRODUCT_TYPE": "S2MSI2A"})) == expected
    chosen = mapping("sentinel2-l1c", descriptions=["B2", "B3", "B4"])
    assert (sources(chosen), chosen.method) == (expected, "sensor:sentinel2-l1c")


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


def test_superdove_is_known_by_its_complete_set_of_names():
    names = ["coastal_blue", "blue", "green_i", "green", "yellow", "red", "rededge", "nir"]
    assert sources(mapping(descriptions=names)) == {"blue": 2, "green": 4, "red": 6, "re1": 7, "nir": 8}


@pytest.mark.parametrize("names", [["blue", "Blue", "red"], ["B02", "blue", "B08"]])
def test_two_bands_of_one_name_are_refused(names):
    with pytest.raises(BandError, match="both say they are the blue band"):
        mapping(descriptions=names)


def test_two_bands_of_one_wavelength_are_refused():
    with pytest.raises(BandError, match="1 and 3 both say"):
        mapping(wavelengths=[490.0, 665.0, 490.0])


@pytest.mark.parametrize("count", [1, 3, 4, 7, 8, 12, 13])
def test_auto_never_guesses_from_the_count(count):
    with pytest.raises(BandError, match="blue=2"):
        mapping(count=count)


def test_refusal_suggests_what_would_fit():
    with pytest.raises(BandError, match="'rgb'"):
        mapping(count=3)
    with pytest.raises(BandError, match="'phisat2' or 'phisat2-sim'"):
        mapping(count=8)
    with pytest.raises(BandError, match="'rgb'"):
        mapping(count=4, status={4: "alpha"})


def test_metadata_may_name_the_sensor():
    found = mapping(count=8, tags={"SATELLITE": "PhiSat-2"})
    assert (found.method, found.source_band) == ("sensor:phisat2", (1, 2, 3, 4, 5, 6, 7, 8))
    assert mapping(count=13, tags={"PRODUCT_TYPE": "S2MSI1C"}).method == "sensor:sentinel2-l1c"
    assert mapping(count=8, tags={"SATELLITEID": "WV02"}).method == "sensor:worldview"
    for tags in (
        {"SATELLITE": "simulated PhiSat-2"},
        {"COMMENT": "unlike PhiSat-2"},
        {"SATELLITE": "PhiSat-1"},
    ):
        with pytest.raises(BandError):
            mapping(count=8, tags=tags)
    with pytest.raises(BandError):
        mapping(count=7, tags={"SATELLITE": "PhiSat-2"})


@pytest.mark.parametrize(
    ("choice", "count", "expected"),
    [
        ("phisat2", 8, (1, 2, 3, 4, 5, 6, 7, 8)),
        ("PhiSat2-SIM", 8, (4, 1, 2, 3, 6, 7, 8, 5)),
        ("sentinel2-l1c", 13, (None, 2, 3, 4, 5, 6, 7, 8)),
        ("sentinel2-l2a", 12, (None, 2, 3, 4, 5, 6, 7, 8)),
        ("superdove", 8, (None, 2, 4, 6, 7, None, None, 8)),
        ("worldview", 8, (None, 2, 3, 5, None, 6, None, 7)),
        ("rgb", 3, (None, 3, 2, 1, None, None, None, None)),
        ("rgbn", 4, (None, 3, 2, 1, None, None, None, 4)),
    ],
)
def test_sensor_orders(choice, count, expected):
    found = mapping(choice, count=count)
    assert found.source_band == expected
    assert found.method == f"sensor:{choice.lower()}"


def test_every_sensor_order_uses_known_bands_once():
    for sensor in sensors():
        for order in sensor.orders:
            used = [name for name in order if name]
            assert set(used) <= set(BAND_NAMES)
            assert len(used) == len(set(used))


@pytest.mark.parametrize("choice", sensor_ids())
def test_sensor_is_refused_where_the_count_does_not_fit(choice):
    with pytest.raises(BandError, match="the raster has 5"):
        mapping(choice, count=5)


def test_transparency_does_not_count_for_rgb():
    assert sources(mapping("rgb", count=4, status={4: "alpha"})) == {"red": 1, "green": 2, "blue": 3}
    with pytest.raises(BandError):
        mapping("rgb", count=4)


def test_sensor_that_contradicts_the_descriptions_is_noted():
    found = mapping("phisat2-sim", descriptions=list(BAND_NAMES))
    assert any("described as 'pan'" in note for note in found.notes)
    assert not mapping("phisat2", descriptions=list(BAND_NAMES)).notes


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


def test_pan_needs_green_and_red():
    assert not mapping("blue=1,nir=2", count=2).pan_synthesised
    assert not mapping("blue=1,red=2,re1=3,re2=4", count=4).pan_synthesised
    assert mapping("green=1,red=2", count=2).pan_synthesised
    assert not mapping("pan=1,green=2,red=3", count=3).pan_synthesised


@given(st.lists(st.booleans(), min_size=8, max_size=8))
def test_pan_weights_sum_to_one_and_keep_their_proportions(available):
    weights = pan_weights(available)
    if not (available[2] and available[3]):
        assert weights == {}
        return
    assert sum(weights.values()) == pytest.approx(1.0)
    assert set(weights) == {i for i in (1, 2, 3, 4, 5) if available[i]}
    assert weights[2] / weights[3] == pytest.approx(PAN_WEIGHTS["green"] / PAN_WEIGHTS["red"])


def test_all_five_weights_are_those_of_the_design():
    assert pan_weights([True] * 8) == pytest.approx({1: 0.2159, 2: 0.2873, 3: 0.2572, 4: 0.1228, 5: 0.1168})


def test_availability_and_status():
    found = mapping("green=1,red=2", count=2)
    assert found.available.tolist() == [True, False, True, True, False, False, False, False]
    assert found.available.dtype == np.bool_
    assert [found.status(i) for i in range(4)] == ["synthesised", "missing", "given", "given"]


@given(
    st.lists(st.none() | st.integers(1, 20), min_size=8, max_size=8),
    st.sampled_from(["explicit", "descriptions", "sensor:rgb"]),
    st.booleans(),
)
def test_mapping_survives_json(source, method, synthesised):
    found = BandMapping(tuple(source), method, synthesised)
    assert BandMapping.from_dict(found.as_dict()) == found


def test_damaged_stored_mapping():
    with pytest.raises(BandError, match="damaged"):
        BandMapping.from_dict({"method": "explicit", "bands": {"pan": {}}})
