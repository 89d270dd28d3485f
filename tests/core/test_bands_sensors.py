"""Known sensors: by name, by their band descriptions, by the metadata; never by the number of bands."""

from __future__ import annotations

import pytest

from model_core.band_choice import find_mapping
from model_core.bands import BAND_NAMES
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


def test_superdove_is_known_by_its_complete_set_of_names():
    names = ["coastal_blue", "blue", "green_i", "green", "yellow", "red", "rededge", "nir"]
    assert sources(mapping(descriptions=names)) == {"blue": 2, "green": 4, "red": 6, "re1": 7, "nir": 8}


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


@pytest.mark.parametrize(
    ("choice", "expected"),
    [("phisat2", (1, 2, 3, 4, 5, 6, 7, 8)), ("phisat2-sim", (4, 1, 2, 3, 6, 7, 8, 5))],
)
def test_a_ninth_plane_after_the_8_bands_is_left_out_and_said(choice, expected):
    found = mapping(choice, count=9)
    assert (found.source_band, found.method) == (expected, f"sensor:{choice}")
    assert "Band 9 comes after the 8 bands" in found.notes[0]
    assert not mapping(choice, count=8).notes
    with pytest.raises(BandError, match="has 8 bands but the raster has 10"):
        mapping(choice, count=10)


def test_a_ninth_plane_that_is_transparency_is_the_mask():
    assert not mapping("phisat2", count=9, status={9: "alpha"}).notes


def test_a_ninth_plane_does_not_keep_the_metadata_from_naming_the_sensor():
    found = mapping(count=9, tags={"SATELLITE": "PhiSat-2"})
    assert found.source_band == (1, 2, 3, 4, 5, 6, 7, 8) and "Band 9" in found.notes[0]
    with pytest.raises(BandError, match="'phisat2' or 'phisat2-sim'"):
        mapping(count=9)


def test_a_described_ninth_plane_is_ignored():
    found = mapping(descriptions=["quality", *BAND_NAMES])
    assert found.source_band == (2, 3, 4, 5, 6, 7, 8, 9)


PHISAT2 = dict(zip(BAND_NAMES, range(1, 9), strict=True))
WORLDVIEW = {"blue": 2, "green": 3, "red": 5, "re2": 6, "nir": 7}
SUPERDOVE = {"blue": 2, "green": 4, "red": 6, "re1": 7, "nir": 8}


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["PAN", "MS1", "MS2", "MS3", "MS4", "MS5", "MS6", "MS7"], PHISAT2),
        (["Coastal", "Blue", "Green", "Yellow", "Red", "Red Edge", "NIR1", "NIR2"], WORLDVIEW),
        (["coastal-blue", "blue", "green", "yellow", "red", "red_edge", "nir-1", "nir-2"], WORLDVIEW),
        (["BAND_C", "BAND_B", "BAND_G", "BAND_Y", "BAND_R", "BAND_RE", "BAND_N", "BAND_N2"], WORLDVIEW),
        (["C", "B", "G", "Y", "R", "RE", "N", "N2"], WORLDVIEW),
        (["Coastal Blue", "Blue", "Green I", "Green", "Yellow", "Red", "Red Edge", "NIR"], SUPERDOVE),
        (["Coastal Blue", "Blue", "Green 1", "Green", "Yellow", "Red", "Red Edge", "NIR"], SUPERDOVE),
    ],
)  # fmt: skip
def test_products_are_known_by_their_complete_sets_of_names(names, expected):
    found = mapping(descriptions=names)
    assert (sources(found), found.method) == (expected, "descriptions")


def test_an_incomplete_set_of_names_is_read_name_by_name():
    found = mapping(descriptions=["Coastal", "Blue", "Green", "Red", "Red Edge", "NIR1"])
    assert sources(found) == {"blue": 2, "green": 3, "red": 4, "nir": 6}
    assert "705, 740 or 783 nm" in found.notes[0]


def test_names_in_the_list_of_sensors_are_spelt_as_they_are_compared():
    for sensor in sensors():
        for names in sensor.descriptions:
            assert sensor.order_for(len(names)) is not None
            assert all(name.isalnum() and name == name.lower() for name in names)


@pytest.mark.parametrize("sensor", [sensor.id for sensor in sensors()])
def test_an_explicit_mapping_wins_over_everything_the_file_says(sensor):
    count = len(next(s for s in sensors() if s.id == sensor).orders[0])
    rest = [None] * (count - 2)
    colours = ["red", "green", "blue", *["undefined"] * (count - 3)]
    found = find_mapping(
        "nir=1,red=2",
        ["blue", "green", *rest],
        [490.0, 560.0, *rest],
        count,
        {"SATELLITE": sensor},
        None,
        colours,
    )
    assert (sources(found), found.method) == ({"red": 2, "nir": 1}, "explicit")
