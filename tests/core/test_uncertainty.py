"""The uncertainty bands: entropies of the blended probabilities, as bytes beside the values."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import rasterio
from hypothesis import given, settings
from hypothesis import strategies as st

from model_core.overviews import halved
from model_core.spec import ClassSpec, ExpertSpec
from model_core.uncertainty import band_names, normalised_entropy, plane_count, uncertainties
from model_core.writer import BlockWriter, finish
from tests.core.fakes import BRIGHT, GREEN, IDENTITY, METRES
from tests.core.test_writer import join, write


def classes(count: int) -> ExpertSpec:
    return ExpertSpec(
        "many", "Many", "classes", count, tuple(ClassSpec(i, str(i), None) for i in range(count))
    )


def of(spec: ExpertSpec, *probabilities: float, weight: float = 1.0) -> float:
    """Of one pixel."""
    sums = np.array(probabilities, np.float32).reshape(-1, 1, 1) * np.float32(weight)
    return normalised_entropy(spec, sums, np.full((1, 1), weight, np.float32)).item()


@settings(deadline=None)
@given(st.lists(st.floats(0, 1, width=32), min_size=2, max_size=7), st.floats(0.001, 50))
def test_it_is_the_entropy_of_the_classes_in_parts_of_the_largest(raw: list[float], weight: float) -> None:
    p = (np.array(raw) + 1e-9) / (np.array(raw) + 1e-9).sum()
    expected = -(p * np.log(p)).sum() / np.log(len(p))
    assert of(classes(len(p)), *p, weight=weight) == pytest.approx(expected, abs=2e-5)


@settings(deadline=None)
@given(st.floats(0, 1, width=32), st.floats(0.001, 50))
def test_of_a_probability_it_is_the_binary_entropy(p: float, weight: float) -> None:
    expected = -sum(x * np.log2(x) for x in (p, 1.0 - p) if x > 0)
    assert of(GREEN, p, weight=weight) == pytest.approx(expected, abs=2e-5)


@pytest.mark.parametrize(
    ("spec", "p", "expected"),
    [
        (BRIGHT, (0, 1, 0), 0),
        (BRIGHT, (1 / 3, 1 / 3, 1 / 3), 250),
        (BRIGHT, (0.5, 0.5, 0), 158),  # log 2 / log 3 = 0.6309
        (GREEN, (0.5,), 250),
        (GREEN, (0.0,), 0),
        (GREEN, (1.0,), 0),
        (GREEN, (-0.2,), 0),
        (GREEN, (1.3,), 0),
        (classes(1), (1.0,), 0),
    ],
)
def test_the_band_is_in_steps_of_0_004(spec: ExpertSpec, p: tuple[float, ...], expected: int) -> None:
    one = np.ones((1, 1), np.float32)
    values = finish(spec, np.array(p, np.float32).reshape(-1, 1, 1), one, one > 0, True)
    assert values.dtype == np.uint8 and values[1:].tolist() == [[[expected]]]


@pytest.mark.parametrize("spec", [BRIGHT, GREEN], ids=lambda spec: spec.kind)
def test_the_values_are_the_same_and_nodata_is_where_theirs_is(spec: ExpertSpec, recwarn) -> None:
    random = np.random.default_rng(1)
    sums = random.random((spec.channels, 40, 50), np.float32)
    sums /= sums.sum(axis=0) if spec.kind == "classes" else 1.0
    weight = np.where(random.random((40, 50)) < 0.3, 0.0, random.random((40, 50)) + 0.1).astype(np.float32)
    inside = random.random((40, 50)) < 0.7
    plain = finish(spec, sums * weight, weight, inside)
    both = finish(spec, sums * weight, weight, inside, True)
    np.testing.assert_array_equal(both[:1], plain)
    np.testing.assert_array_equal(both[1] == 255, plain[0] == 255)
    assert (both[1][plain[0] != 255] <= 250).all() and len(np.unique(both[1])) > 20
    assert not recwarn.list


def test_a_density_has_none(tmp_path: Path) -> None:
    one = np.ones((1, 1), np.float32)
    assert finish(METRES, one[None], one, one > 0, True).shape == (1, 1, 1)
    writer = BlockWriter(tmp_path, IDENTITY, 20, 20, uncertainty=True)
    assert writer.uncertainty_bands == {} and writer.bands == IDENTITY.channels
    assert BlockWriter(tmp_path, BRIGHT, 20, 20).uncertainty_bands == {}


@settings(deadline=None)
@given(st.integers(1, 60), st.integers(0, 59))
def test_a_pixel_does_not_depend_on_the_piece_it_came_in(columns: int, first: int) -> None:
    sums = np.random.default_rng(2).random((3, 4, 64), np.float32)
    weight, inside = sums.sum(axis=0), np.ones((4, 64), bool)
    whole = finish(BRIGHT, sums, weight, inside, True)
    part = np.s_[..., first : first + columns]
    np.testing.assert_array_equal(finish(BRIGHT, sums[part], weight[part], inside[part], True), whole[part])


@pytest.mark.parametrize("spec", [BRIGHT, GREEN], ids=lambda spec: spec.kind)
def test_the_file_has_one_band_more_and_says_what_it_is(tmp_path: Path, spec: ExpertSpec) -> None:
    sums = np.random.default_rng(0).random((spec.channels, 700, 1300), np.float32)
    (tmp_path / "plain").mkdir()
    plain = write(tmp_path / "plain" / "a.tif", spec, sums)
    writer = write(tmp_path / "a.tif", spec, sums, uncertainty=True)
    assert writer.uncertainty_bands == {"total": 2} and writer.counts == plain.counts
    ones = np.ones((700, 1300), np.float32)
    with rasterio.open(tmp_path / "a.tif") as raster, rasterio.open(tmp_path / "plain" / "a.tif") as other:
        assert raster.tags(ns="IMAGE_STRUCTURE")["LAYOUT"] == "COG"
        assert raster.count == 2 and raster.descriptions == (*other.descriptions, "uncertainty")
        assert raster.nodatavals == (255, 255)
        assert raster.scales == (*other.scales, 0.004) and raster.offsets == (0.0, 0.0)
        np.testing.assert_array_equal(raster.read(), finish(spec, sums, ones, ones > 0, True))
        np.testing.assert_array_equal(raster.read(1), other.read(1))
        assert raster.tags(1) == other.tags(1)
        # Nothing takes the band for transparency.
        assert "alpha" not in [color.name for color in raster.colorinterp]
    for level in range(2):
        with (
            rasterio.open(tmp_path / "a.tif", overview_level=level) as raster,
            rasterio.open(tmp_path / "plain" / "a.tif", overview_level=level) as other,
        ):
            np.testing.assert_array_equal(raster.read(1), other.read(1))
    assert [p.name for p in tmp_path.iterdir() if p.is_file()] == ["a.tif"]


def test_overviews_treat_each_band_by_its_own_kind() -> None:
    quad = np.array([[[0, 2], [2, 2]], [[0, 100], [255, 200]]], np.uint8)
    assert halved(quad, ("classes", "probability"), 255).tolist() == [[[0]], [[100]]]
    assert halved(quad, ("probability", "probability"), 255).tolist() == [[[2]], [[100]]]


def test_a_resumed_writer_goes_on_with_both_bands(tmp_path: Path) -> None:
    values = np.random.default_rng(0).integers(0, 3, (2, 600, 20)).astype(np.uint8)
    first = BlockWriter(tmp_path, BRIGHT, 20, 600, uncertainty=True)
    first.write(0, 0, values)
    done = first.flush(256)
    second = BlockWriter(tmp_path, BRIGHT, 20, 600, uncertainty=True)
    second.resume(done, 256)
    second.write(200, 0, values[:, 200:])
    second.flush(600)
    join(tmp_path / "a.tif", second, tmp_path, (20, 600))
    with rasterio.open(tmp_path / "a.tif") as raster:
        np.testing.assert_array_equal(raster.read(), values)
    assert second.counts.pixels == 600 * 20 == sum(second.counts.classes)


def heads_of(spec: ExpertSpec, heads: int) -> ExpertSpec:
    return replace(spec, heads=heads)


@st.composite
def blends(draw: st.DrawFn) -> tuple[ExpertSpec, np.ndarray, np.ndarray]:
    """A Hydra expert, what its heads say of pixels, (tiles, M, C, n), and the tiles' weights (tiles, n)."""
    count = draw(st.integers(1, 6))
    spec = GREEN if count == 1 else classes(count)
    heads, tiles = draw(st.integers(2, 6)), draw(st.integers(1, 4))
    random = np.random.default_rng(draw(st.integers(0, 2**32)))
    sharp = draw(st.sampled_from([0.01, 0.3, 1.0, 8.0, 60.0]))
    logits = random.normal(0, sharp, (tiles, heads, max(count, 2), 50))
    p = np.exp(logits - logits.max(axis=2, keepdims=True))
    p /= p.sum(axis=2, keepdims=True)
    return heads_of(spec, heads), p, random.uniform(0.01, 1.0, (tiles, 50)).astype(np.float32)


def blended(spec: ExpertSpec, p: np.ndarray, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Sums (C + 1, 1, n) and weights (1, n) as the engine hands them to the writer, added in float32."""
    choices = p.shape[2]
    entropy = -(p * np.log(np.maximum(p, 1e-300))).sum(axis=2).mean(axis=1) / np.log(choices)  # (tiles, n)
    mean = p.mean(axis=1)[:, -spec.channels :]
    planes = np.concatenate([mean, entropy[:, None]], axis=1).astype(np.float32)
    sums = np.zeros(planes.shape[1:], np.float32)
    for values, weight in zip(planes, weights, strict=True):
        sums += values * weight
    return sums[:, None], weights.sum(axis=0)[None]


@given(blends())
def test_the_model_uncertainty_is_never_below_zero(blend) -> None:
    spec, p, weights = blend
    total, aleatoric, model = uncertainties(spec, *blended(spec, p, weights))
    for share in (total, aleatoric, model):
        assert share.dtype == np.float32 and (share >= 0).all() and (share <= 1).all()
    np.testing.assert_allclose(total, aleatoric + model, atol=1e-6)
    # Mutual information, written down for the blended heads.
    part = (weights / weights.sum(axis=0))[:, None, None]
    mean = (p * part).sum(axis=0).mean(axis=0)
    within = -(p * np.log(np.maximum(p, 1e-300))).sum(axis=2, keepdims=True)  # (tiles, M, 1, n)
    expected = -(mean * np.log(np.maximum(mean, 1e-300))).sum(axis=0) - (within * part).sum(axis=0).mean(
        axis=0
    )
    np.testing.assert_allclose(model[0], expected[0] / np.log(p.shape[2]), atol=5e-5)
    bytes_of = finish(spec, *blended(spec, p, weights), weights.sum(axis=0)[None] > 0, True).astype(int)
    assert bytes_of.shape[0] == 4 and (bytes_of[1:] >= 0).all() and (bytes_of[1:] <= 250).all()
    assert (np.abs(bytes_of[1] - bytes_of[2] - bytes_of[3]) <= 1).all()


@given(blends())
def test_heads_that_say_the_same_leave_none(blend) -> None:
    spec, p, weights = blend
    same = np.repeat(p[:1, :1], p.shape[1], axis=1).repeat(len(p), axis=0)  # in every tile too
    total, aleatoric, model = uncertainties(spec, *blended(spec, same, weights))
    assert model.max() < 1e-5
    np.testing.assert_allclose(aleatoric, total, atol=1e-5)
    assert finish(spec, *blended(spec, same, weights), np.ones((1, 50), bool), True)[3].max() == 0


def test_heads_that_are_sure_of_different_things_leave_nothing_else() -> None:
    spec = heads_of(classes(2), 2)
    p = np.zeros((1, 2, 2, 50))
    p[0, 0, 0] = p[0, 1, 1] = 1.0
    total, aleatoric, model = uncertainties(spec, *blended(spec, p, np.ones((1, 50), np.float32)))
    assert (total == 1).all() and (aleatoric == 0).all() and (model == 1).all()


def test_names_and_planes() -> None:
    hydra = heads_of(BRIGHT, 3)
    assert [band_names(spec) for spec in (METRES, BRIGHT, hydra)] == [
        (), ("total",), ("total", "aleatoric", "model"),
    ]  # fmt: skip
    assert [plane_count(spec, True) for spec in (IDENTITY, BRIGHT, hydra)] == [8, 3, 4]
    assert [plane_count(spec, False) for spec in (IDENTITY, BRIGHT, hydra)] == [8, 3, 3]
