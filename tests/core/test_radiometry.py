"""Where scale and offset come from, and what is refused or warned about."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from model_core.errors import RequestError, SceneError
from model_core.radiometry import Radiometry, find_radiometry, parse_radiometry


def find(values=(), dtype="uint16", choice="auto", scale=1.0, offset=0.0, tags=None, band_tags=()):
    source = (None, 1, 2, 3, None, None, None, None)
    scales = scale if isinstance(scale, tuple) else (scale,) * 3
    offsets = offset if isinstance(offset, tuple) else (offset,) * 3
    sample = np.asarray(values, dtype=np.float64)
    return find_radiometry(
        choice, source, (dtype,) * 3, scales, offsets, tags or {}, lambda: sample, band_tags
    )


def pair(found):
    return found.as_dict()["scale"], found.as_dict()["offset"]


REFLECTANCE_10000 = np.linspace(50, 6000, 100)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("auto", None),
        ("Auto ", None),
        ("0.0001,-1000", (0.0001, -1000.0)),
        (" 1e-4 , 0 ", (1e-4, 0.0)),
        ("0.01", (0.01, 0.0)),
    ],
)
def test_choice_is_read(text, expected):
    assert parse_radiometry(text) == expected


@pytest.mark.parametrize("text", ["", "x", "0,1", "-1,0", "1,2,3", "nan", "inf,0", "1,", "0.0001;0"])
def test_bad_choice_is_refused_in_one_sentence(text):
    with pytest.raises(RequestError, match="scale,offset"):
        parse_radiometry(text)


@given(st.floats(1e-9, 1e6), st.floats(-1e6, 1e6))
def test_any_finite_choice_is_kept(scale, offset):
    assert parse_radiometry(f"{scale!r},{offset!r}") == (scale, offset)


def test_explicit_wins_and_reads_nothing():
    def never():
        raise AssertionError("an explicit choice needs no sample")

    found = find_radiometry("0.01,5", (1,) + (None,) * 7, ("uint16",), (0.5,), (1.0,), {}, never)
    assert (*pair(found), found.method, found.warning) == (0.01, 5.0, "explicit", None)


def test_gdal_scale_and_offset_come_before_tags():
    # GDAL: DN * 0.0001 - 0.1, which is (DN - 1000) * 0.0001.
    found = find(REFLECTANCE_10000 + 1000, scale=0.0001, offset=-0.1, tags={"PROCESSING_BASELINE": "05.09"})
    assert pair(found) == (0.0001, pytest.approx(-1000.0))
    assert (found.method, found.warning) == ("metadata", None)


def test_bands_may_differ_in_scale():
    found = find(REFLECTANCE_10000, scale=(1e-4, 2e-4, 1e-4))
    assert found.scale[1:4] == (1e-4, 2e-4, 1e-4)
    assert isinstance(found.as_dict()["scale"], list)


def test_own_tag_serves_where_gdal_scale_got_lost():
    found = find(REFLECTANCE_10000, tags={"RADIOMETRY_SCALE": "0.0002,-10"})
    assert (*pair(found), found.method) == (0.0002, -10.0, "metadata")
    with pytest.raises(SceneError, match="RADIOMETRY_SCALE"):
        find(REFLECTANCE_10000, tags={"RADIOMETRY_SCALE": "ten"})


@pytest.mark.parametrize(
    ("tags", "offset"),
    [
        ({"PROCESSING_BASELINE": "02.06"}, 0.0),
        ({"PROCESSING_BASELINE": "03.01"}, 0.0),
        ({"PROCESSING_BASELINE": "04.00"}, -1000.0),
        ({"processing_baseline": "05.11"}, -1000.0),
        ({"s2:processing_baseline": "05.09"}, -1000.0),
        ({"PRODUCT_URI": "S2B_MSIL2A_20230111T121649_N0509_R066_T27PTS_20230117T211543.SAFE"}, -1000.0),
        ({"PRODUCT_URI": "S2A_MSIL1C_20190111T121649_N0207_R066_T27PTS_20190117T211543.SAFE"}, 0.0),
        ({"PROCESSING_BASELINE": "05.09", "earthsearch:boa_offset_applied": "True"}, 0.0),
    ],
)
def test_sentinel2_baseline(tags, offset):
    found = find(REFLECTANCE_10000 + 1000, tags=tags)
    assert (*pair(found), found.method, found.warning) == (1e-4, offset, "sentinel2", None)


def test_an_offset_already_removed_is_suspected():
    found = find(REFLECTANCE_10000, tags={"PROCESSING_BASELINE": "05.09"})
    assert "removed already" in found.warning


def test_baseline_does_not_touch_true_colour_or_decimal_images():
    tags = {"PROCESSING_BASELINE": "05.09"}
    assert find([100.0], "uint8", tags=tags).method == "range"
    assert pair(find([0.1, 0.4], "float32", tags=tags)) == (1.0, 0.0)


def test_8_bit_is_a_display_image():
    found = find([0, 255], "uint8")
    assert (255 + found.offset[0]) * found.scale[0] == pytest.approx(0.36)
    assert "8-bit" in found.warning


def test_16_bit_is_reflectance_10000_with_a_warning():
    found = find(REFLECTANCE_10000)
    assert pair(found) == (1e-4, 0.0)
    assert "x 10000" in found.warning and "8-bit" not in found.warning
    assert pair(find(REFLECTANCE_10000, "int16")) == (1e-4, 0.0)
    assert "8-bit image" in find(np.arange(256.0)).warning


@pytest.mark.parametrize("values", [[0.05, 0.3], [0.0, 1.0], [0.2, 1.4], [-0.01, 0.2]])
def test_small_decimals_are_reflectance(values):
    found = find(values, "float32")
    assert pair(found) == (1.0, 0.0)
    assert found.warning


def test_decimals_of_reflectance_10000():
    assert pair(find(REFLECTANCE_10000, "float64")) == (1e-4, 0.0)


@pytest.mark.parametrize(
    ("values", "dtype"), [([10, 80], "float32"), ([30000, 65535], "uint16"), ([1e6] * 3, "float32")]
)
def test_ranges_of_no_common_product_are_refused(values, dtype):
    with pytest.raises(SceneError, match="scale,offset"):
        find(values, dtype)


def test_a_few_saturated_pixels_do_not_matter():
    values = np.append(np.tile(REFLECTANCE_10000, 10), [65535.0] * 10)
    assert pair(find(values)) == (1e-4, 0.0)


def test_metadata_that_give_no_reflectance_are_doubted():
    assert "no reflectance" in find(REFLECTANCE_10000, scale=0.01).warning


def test_empty_sample_is_said():
    assert "No valid pixel" in find([]).warning
    assert pair(find([], "float32")) == (1.0, 0.0)
    assert find([], scale=1e-4).warning is None


def test_json_form():
    assert Radiometry.uniform(0.5, 2.0, "explicit").as_dict() == {
        "scale": 0.5,
        "offset": 2.0,
        "method": "explicit",
        "warning": None,
    }


def test_sentinel2_offsets_and_quantification_of_the_metadata():
    tags = {"PROCESSING_BASELINE": "05.09", "BOA_QUANTIFICATION_VALUE": "20000"}
    each = [{"BOA_ADD_OFFSET": text} for text in ("-1000", "-900", "-800")]
    found = find(REFLECTANCE_10000 + 1000, tags=tags, band_tags=each)
    assert found.scale == (5e-5,) * 8
    assert found.offset[1:4] == (-1000.0, -900.0, -800.0)
    assert found.method == "sentinel2"


def test_sentinel2_offsets_are_known_without_the_baseline():
    each = [{"RADIO_ADD_OFFSET": "-1000"}] * 3
    assert pair(find(REFLECTANCE_10000 + 1000, tags={"QUANTIFICATION_VALUE": "10000"}, band_tags=each)) == (
        1e-4,
        -1000.0,
    )
    assert find(REFLECTANCE_10000, band_tags=each).method == "range"


@pytest.mark.parametrize(
    "each", [[{}] * 3, [{"BOA_ADD_OFFSET": "-700"}, {}, {}], [{"BOA_ADD_OFFSET": "x"}] * 3]
)
def test_sentinel2_offsets_that_are_incomplete_fall_back_on_the_baseline(each):
    assert pair(find(REFLECTANCE_10000 + 1000, tags={"PROCESSING_BASELINE": "04.00"}, band_tags=each)) == (
        1e-4,
        -1000.0,
    )


@pytest.mark.parametrize("value", ["0", "-10000", "nan", "ten"])
def test_sentinel2_quantification_that_makes_no_sense_is_10000(value):
    found = find(REFLECTANCE_10000, tags={"PROCESSING_BASELINE": "02.06", "QUANTIFICATION_VALUE": value})
    assert pair(found) == (1e-4, 0.0)


def test_an_offset_that_was_applied_is_not_applied_again():
    tags = {"PROCESSING_BASELINE": "05.09", "earthsearch:boa_offset_applied": "true"}
    assert pair(find(REFLECTANCE_10000, tags=tags, band_tags=[{"BOA_ADD_OFFSET": "-1000"}] * 3)) == (
        1e-4,
        0.0,
    )


@pytest.mark.parametrize("where", ["bands", "dataset"])
def test_reflectance_coefficients(where):
    factors = ("2.1e-05", "2.2e-05", "2.4e-05")
    in_bands = [{"reflectance_coefficient": text} for text in factors] if where == "bands" else ()
    whole = {f"reflectance_coefficient_b{band}": text for band, text in enumerate(factors, start=1)}
    found = find(REFLECTANCE_10000, tags=whole if where == "dataset" else {}, band_tags=in_bands)
    assert found.scale[1:4] == (2.1e-5, 2.2e-5, 2.4e-5) and found.offset == (0.0,) * 8
    assert (found.method, found.warning) == ("metadata", None)


def test_one_coefficient_that_is_lacking_makes_them_all_useless():
    assert find(REFLECTANCE_10000, tags={"reflectance_coefficient_b1": "2e-5"}).method == "range"


def test_what_is_trusted_is_not_sampled():
    def never():
        raise AssertionError("a product's own metadata need no sample")

    tags = {"PROCESSING_BASELINE": "05.09"}
    found = find_radiometry(
        "auto", (None, 1) + (None,) * 6, ("uint16",), (1.0,), (0.0,), tags, never, trusted=True
    )
    assert pair(found) == (1e-4, -1000.0)
