"""The record of which raster band feeds which model band, and the PAN made of the others."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from model_core.band_choice import find_mapping
from model_core.bands import BANDS, PAN_WEIGHTS, BandMapping, pan_weights
from model_core.errors import BandError


def mapping(choice="auto", descriptions=None, wavelengths=None, count=None, tags=None, status=None):
    count = count or len(descriptions or wavelengths)
    return find_mapping(
        choice, descriptions or [None] * count, wavelengths or [None] * count, count, tags or {}, status
    )


def test_tolerances_do_not_overlap():
    ends = [
        (b.wavelength_nm - b.tolerance_nm, b.wavelength_nm + b.tolerance_nm) for b in BANDS if b.tolerance_nm
    ]
    assert all(high < low for (_, high), (low, _) in zip(ends, ends[1:], strict=False))


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
