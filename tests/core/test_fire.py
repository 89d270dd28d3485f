"""Simulated fires: the physics against known values, the labels against what can be seen, the chance."""

from __future__ import annotations

import csv
from dataclasses import replace

import numpy as np
import pytest
import rasterio

from model_core.bands import BAND_NAMES, PAN, pan_weights
from model_core.cli import main
from model_core.evaluation.fire import evaluate_fire
from model_core.spec import ClassSpec, ExpertSpec
from model_core.training.fire import FLAME, NONE, SMOKE, FireParameters, ignite
from model_core.training.fire_physics import WAVELENGTH_UM, emitted, planck, smoke_layer, veil
from model_core.training.fire_scenes import BASES, FIRE_SOURCES, fire_free, ignited, load_smoke
from model_core.training.pack import Sample

from .fakes import FakeModel
from .tiny_pack import write_pack

FOREST = np.array([0.05, 0.04, 0.06, 0.05, 0.09, 0.18, 0.22, 0.26], np.float32)
ALL = np.ones(8, bool)
BLUE, RED, NIR = (BAND_NAMES.index(name) for name in ("blue", "red", "nir"))
SEEDS = range(14)


def forest(size: int = 96) -> np.ndarray:
    texture = np.random.default_rng(5).uniform(0.85, 1.15, (8, size, size))
    land = (FOREST[:, None, None] * texture).astype(np.float32)
    land[PAN] = sum(weight * land[index] for index, weight in pan_weights(ALL).items())
    return land


def burn(land: np.ndarray, seed: int, parameters=None, available=ALL, valid=None, gsd_m: float = 10.0):
    valid = np.ones(land.shape[1:], bool) if valid is None else valid
    return ignite(land, available, valid, gsd_m, np.random.default_rng(seed), parameters)


INSIDE = FireParameters(outside=0.0, clean=0.0)


# --- physics ---------------------------------------------------------------------------------------------


def test_planck_peaks_where_wien_says_and_integrates_to_stefan_boltzmann():
    wavelengths = np.geomspace(0.2, 400.0, 40000)
    for kelvin in (800.0, 1000.0, 1300.0):
        radiance = planck(wavelengths, kelvin)
        assert wavelengths[radiance.argmax()] == pytest.approx(2897.77 / kelvin, rel=1e-3)
        total = np.sum((radiance[1:] + radiance[:-1]) / 2 * np.diff(wavelengths))
        assert total == pytest.approx(5.670374e-8 * kelvin**4 / np.pi, rel=1e-3)


def test_planck_and_reflectance_equivalent_at_the_near_infrared():
    # 2hc^2/lambda^5 / (exp(hc/lambda k T) - 1) by hand for 0.842 um and 1,000 K.
    assert planck(0.842, 1000.0) == pytest.approx(10.68, rel=5e-3)
    assert emitted(1000.0, 30.0)[NIR] == pytest.approx(
        np.pi * 10.68 / (1041.63 * np.cos(np.pi / 6)), rel=5e-3
    )


@pytest.mark.parametrize(
    ("kelvin", "nir", "re3"), [(800, 0.0005, 0.0001), (1000, 0.037, 0.013), (1100, 0.18, 0.070),
                               (1200, 0.64, 0.28), (1300, 1.9, 0.92)]
)  # fmt: skip
def test_the_table_of_the_docstring_is_what_the_formula_gives(kelvin, nir, re3):
    found = emitted(float(kelvin), 30.0)
    assert found[NIR] == pytest.approx(nir, rel=0.1)
    assert found[BAND_NAMES.index("re3")] == pytest.approx(re3, rel=0.35 if kelvin == 800 else 0.1)


def test_emission_grows_with_temperature_and_wavelength():
    grid = emitted(np.linspace(800.0, 1300.0, 30), 40.0)
    assert (np.diff(grid, axis=1) > 0).all()
    by_wavelength = grid[np.argsort(WAVELENGTH_UM)]
    assert (np.diff(by_wavelength, axis=0) > 0).all()


def test_the_smoke_layer_keeps_energy_and_its_limits():
    tau = np.array([0.0, 0.01, 0.5, 2.0, 50.0], np.float32)
    bright, through, sharp = smoke_layer(tau, 0.92, 0.6)
    assert bright[0] == 0 and through[0] == 1 and sharp[0] == 1
    assert (bright + through <= 1).all() and (np.diff(bright) > 0).all() and (sharp <= through + 1e-6).all()
    clear, open_, _ = smoke_layer(tau[:4], 1 - 1e-6, 0.6)
    np.testing.assert_allclose(clear, tau[:4] * 0.4 / (2 + tau[:4] * 0.4), rtol=5e-3, atol=1e-4)
    np.testing.assert_allclose(clear + open_, 1.0, atol=1e-2)


VALUES = {
    "angstrom": 1.6,
    "sun_zenith_deg": 40.0,
    "single_scattering_albedo": 0.92,
    "asymmetry": 0.62,
}


def test_no_smoke_changes_nothing():
    land = forest()
    out = land.copy()
    changed = veil(out, np.zeros(land.shape[1:], np.float32), np.ones(land.shape[1:], bool), range(8), VALUES)
    np.testing.assert_allclose(out, land, atol=1e-6)
    assert changed.max() < 1e-6


def test_smoke_brightens_dark_ground_in_blue_more_than_in_the_near_infrared():
    dark = np.full((8, 40, 40), 0.03, np.float32)
    out = dark.copy()
    veil(out, np.full((40, 40), 0.8, np.float32), np.ones((40, 40), bool), range(8), VALUES)
    added = (out - dark).mean((1, 2))
    assert added[BLUE] > 0.05 and added[BLUE] > 2 * added[NIR] > 0
    order = np.argsort(WAVELENGTH_UM)
    assert (np.diff(added[order]) < 0).all()


# --- fires -----------------------------------------------------------------------------------------------


def test_the_same_state_gives_the_same_bytes_and_leaves_the_scene_alone():
    land = forest()
    before = land.copy()
    one, two = burn(land, 3), burn(land, 3)
    assert (
        one.reflectance.tobytes() == two.reflectance.tobytes() and one.label.tobytes() == two.label.tobytes()
    )
    assert (one.scar == two.scar).all() and one.values == two.values
    assert one.reflectance.tobytes() != burn(land, 4).reflectance.tobytes()
    np.testing.assert_array_equal(land, before)
    assert one.reflectance.dtype == np.float32 and one.label.dtype == np.uint8 and one.scar.dtype == bool


def test_labels_are_what_the_limits_say():
    land, limits = forest(), FireParameters()
    seen = set()
    for seed in SEEDS:
        fire = burn(land, seed)
        np.testing.assert_array_equal(fire.label == FLAME, fire.flame > limits.flame_limit)
        smoke = fire.label == SMOKE
        assert (fire.tau[smoke] > limits.smoke_limit).all()
        change = np.abs(fire.reflectance - land).max(0)
        untouched = ~fire.scar & (fire.flame == 0)
        assert (change[smoke & untouched] > limits.smoke_change).all()
        missed = untouched & (fire.label == NONE) & (change > limits.smoke_change)
        assert (fire.tau[missed] <= limits.smoke_limit).all()
        seen |= set(np.unique(fire.label).tolist())
    assert seen == {NONE, SMOKE, FLAME}


def test_what_the_flame_adds_is_in_the_picture():
    land = forest()
    clear = replace(INSIDE, tau_550=(1e-6, 1e-6), smoulder_share=(1e-9, 1e-8))
    fire, cold = burn(land, 1, clear), burn(land, 1, replace(clear, emissivity=(1e-7, 1e-7)))
    assert fire.flame.max() > 0.03 and cold.flame.max() < 1e-4
    added = fire.reflectance - cold.reflectance
    np.testing.assert_allclose(added[NIR], fire.flame, atol=2e-3)
    assert (added[NIR] >= added[RED] - 1e-4).all()


def test_hotter_and_deeper_fronts_are_brighter():
    land = forest()

    def sums(**ranges):
        parameters = replace(INSIDE, clean=1.1, tau_550_clean=(0.0, 0.0), **ranges)
        return np.mean([burn(land, seed, parameters).flame.sum() for seed in range(8)])

    # The temperature keeps its order through the same draws; so does the depth, up to a full pixel.
    heat = [sums(flame_k=(kelvin, kelvin), flame_depth_m=(5.0, 5.0)) for kelvin in (1000.0, 1100.0, 1200.0)]
    depth = [sums(flame_k=(1150.0, 1150.0), flame_depth_m=(metres, metres)) for metres in (2.0, 5.0, 10.0)]
    assert heat == sorted(heat) and heat[-1] > 5 * heat[0]
    assert depth == sorted(depth) and depth[-1] > 2 * depth[0]


def test_cool_fires_are_not_labelled_flame_and_many_hot_ones_are():
    land = forest(128)
    cool = replace(INSIDE, flame_k=(800.0, 850.0))
    assert not any((burn(land, seed, cool).label == FLAME).any() for seed in range(8))
    found = [(burn(land, seed, INSIDE).label == FLAME).any() for seed in range(40)]
    assert np.mean(found) > 0.6


def test_smoke_hides_flames():
    land = forest()
    thin = replace(INSIDE, tau_550=(0.01, 0.01))
    thick = replace(INSIDE, tau_550=(6.0, 6.0))
    flames = [sum(burn(land, seed, one).flame.sum() for seed in range(6)) for one in (thin, thick)]
    assert flames[1] < flames[0]


def test_a_scar_darkens_the_near_infrared_and_flattens_the_spectrum():
    land = forest()
    parameters = replace(INSIDE, clean=1.1, tau_550_clean=(0.0, 0.0), severity=(1.0, 1.0), ash=(0.0, 0.0))
    fire = burn(land, 6, parameters)
    burned = fire.scar & (fire.flame < 1e-3)
    assert burned.sum() > 20
    after = fire.reflectance[:, burned].mean(1)
    assert after[NIR] < 0.4 * land[NIR].mean()
    assert after[NIR] / after[RED] < 0.5 * land[NIR].mean() / land[RED].mean()


def test_a_fire_outside_leaves_the_ground_whole():
    for seed in range(5):
        fire = burn(forest(), seed, replace(FireParameters(), outside=1.1))
        assert not fire.scar.any() and not (fire.label == FLAME).any()
        assert fire.values["outside"] == 1.0


def test_water_does_not_burn():
    land = forest()
    water = np.zeros(land.shape[1:], bool)
    water[:, 40:] = True
    land[:, water] = np.array([0.05, 0.07, 0.05, 0.03, 0.02, 0.01, 0.01, 0.01], np.float32)[:, None]
    burned = 0
    for seed in SEEDS:
        fire = burn(land, seed, INSIDE)
        assert not (fire.scar & water).any() and not ((fire.label == FLAME) & water).any()
        burned += int(fire.scar.sum())
    assert burned


def test_smoke_lies_below_thick_cloud():
    land = forest()
    land[:, :48] = 0.8
    outside = replace(FireParameters(), outside=1.1, tau_550_outside=(3.0, 3.0))
    labels = [burn(land, seed, outside) for seed in range(6)]
    for fire in labels:
        np.testing.assert_allclose(fire.reflectance[:, :40], land[:, :40], atol=1e-6)
        assert not fire.label[:40].any()
    assert any(fire.label[60:].any() for fire in labels)


def test_missing_bands_stay_zero_and_the_reddest_there_is_tells_flames():
    available = np.array([True, True, True, True, False, False, False, False])
    land = forest() * available[:, None, None]
    for seed in range(10):
        fire = burn(land, seed, INSIDE, available=available)
        assert not fire.reflectance[~available].any()
        assert ((fire.flame > 0.03) == (fire.label == FLAME)).all()
    eight = sum((burn(forest(), seed, INSIDE).label == FLAME).sum() for seed in range(10))
    three = sum((burn(land, seed, INSIDE, available=available).label == FLAME).sum() for seed in range(10))
    assert three < eight  # red is dark in flames: what cannot be seen is not labelled
    none = burn(np.zeros((8, 32, 32), np.float32), 0, available=np.zeros(8, bool))
    assert not none.reflectance.any() and not none.label.any()


def test_a_synthesised_pan_stays_the_sum_of_its_bands():
    land = forest()
    fire = burn(land, 1)
    pan = sum(weight * fire.reflectance[index] for index, weight in pan_weights(ALL).items())
    np.testing.assert_allclose(fire.reflectance[PAN], pan, atol=1e-5)


def test_invalid_pixels_are_neither_changed_nor_labelled():
    valid = np.ones((96, 96), bool)
    valid[20:70, 30:60] = False
    land = forest() * valid
    for seed in SEEDS:
        fire = burn(land, seed, valid=valid)
        assert not fire.reflectance[:, ~valid].any()
        assert not fire.label[~valid].any() and not fire.scar[~valid].any()
    nothing = burn(land * 0, 1, valid=np.zeros((96, 96), bool))
    assert not nothing.label.any()


@pytest.mark.parametrize("shape", [(16, 16), (20, 61), (64, 64), (130, 67)])
@pytest.mark.parametrize("gsd_m", [1.0, 10.0, 60.0])
def test_every_shape_and_pixel_size_works(shape, gsd_m):
    land = np.ascontiguousarray(forest(140)[:, : shape[0], : shape[1]])
    for seed in range(6):
        fire = burn(land, seed, gsd_m=gsd_m)
        assert fire.label.shape == shape and np.isfinite(fire.reflectance).all()
        assert fire.reflectance.min() >= 0 and fire.reflectance.max() <= FireParameters().saturation + 1e-6


# --- the pack --------------------------------------------------------------------------------------------


def scene(name: str = "a", source: str = "OSCD", valid=None, labels=None, size: int = 96) -> Sample:
    valid = np.ones((size, size), bool) if valid is None else valid
    bands = np.rint(forest(size) * 1e4 * valid).astype(np.uint16)
    return Sample(
        name, source, "r", "test", 10.0, "toa", "none", bands, ALL.copy(), valid, labels or {},
        dict.fromkeys(labels or {}, "hand"), {"burned": False},
    )  # fmt: skip


def test_an_ignited_scene_burns_the_same_each_time_and_says_simulated():
    valid = np.ones((96, 96), bool)
    valid[:9] = False
    sample = scene("spain", valid=valid, labels={"water": np.zeros((96, 96), np.uint8)})
    one, two = ignited(sample), ignited(sample)
    assert one.bands.tobytes() == two.bands.tobytes() and list(one.labels) == ["fire"]
    assert one.label_kind == {"fire": "simulated"} and one.needs == {}
    assert (one.labels["fire"][~valid] == 255).all() and (one.labels["fire"][valid] <= FLAME).all()
    assert not one.bands[:, ~valid].any() and one.bands.dtype == np.uint16
    assert (one.bands != sample.bands).any()
    assert one.bands.tobytes() != ignited(replace(sample, id="italy")).bands.tobytes()


def test_only_places_without_fire_are_set_on_fire():
    assert all(fire_free(source) for source in FIRE_SOURCES)
    assert "wildfire (Runan)" not in FIRE_SOURCES and not fire_free("wildfire (Runan)")
    assert not fire_free("a source nobody knows")
    assert all(BASES.values())


FIRE_SPEC = ExpertSpec(
    "fire", "Fire", "classes", 3,
    (ClassSpec(0, "none", None), ClassSpec(1, "smoke", "#888888"), ClassSpec(2, "flame", "#ff5500")),
    threshold=0.5, valid_gsd_m=(5.0, 40.0), simulated=True,
)  # fmt: skip


class HazeModel(FakeModel):
    """Calls bright blue smoke."""

    def __init__(self) -> None:
        super().__init__(
            (FIRE_SPEC,), scores=lambda pixels, valid: pixels[:, BLUE].max((1, 2))[:, None] > 0.3
        )

    def encode(self, reflectance, available, valid):
        return reflectance, valid

    def decode(self, name, picks):
        pixels = np.array([features[0][n] for features, index in picks for n in index])
        smoke = (pixels[:, BLUE] > 0.3).astype(np.float32)
        return np.stack((1 - smoke, smoke, np.zeros_like(smoke)), 1)


def test_evaluation_tells_found_smoke_from_false_alarms(tmp_path):
    root = write_pack(tmp_path)
    with (root / "catalog.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    veiled = {
        **rows[0],
        "id": "smoke_1",
        "tasks": "",
        "split": "test",
        "label_kind": "veil, judged by eye: strong",
    }
    with (root / "catalog.csv").open("a", newline="") as file:
        csv.DictWriter(file, rows[0]).writerow(veiled)
    assert [(sample.id, sample.labels, sample.label_kind) for sample in load_smoke(root)] == [
        ("smoke_1", {}, {})
    ]
    cloud = np.zeros((96, 96), np.uint8)
    cloud[:24] = 2
    cloudy = scene("b", "worldcereal", labels={"clouds": cloud})
    cloudy.bands[:, :12] = 8000
    samples = [
        scene("a"),
        cloudy,
        scene("c", "wildfire (Runan)"),
        replace(scene("d"), gsd_m=1.0),
        ignited(scene("e")),
    ]
    found = evaluate_fire(HazeModel(), root, samples, lambda line: None)
    assert set(found["fire_free"]) == {"OSCD", "worldcereal"} and found["fire_free"]["OSCD"]["scenes"] == 1
    assert found["fire_free"]["OSCD"]["smoke"] == 0 and found["fire_free"]["OSCD"]["above"] == 0
    assert found["fire_free"]["worldcereal"]["smoke"] == pytest.approx(12 / 96)
    assert found["clouds"] == {"scenes": 1, "pixels": 24 * 96, "smoke": 0.5, "flame": 0.0}
    assert found["smoke"][0]["id"] == "smoke_1" and found["smoke"][0]["smoke"] == 0
    summary = found["summary"]
    assert summary["smoke_scenes"] == 1 and summary["smoke_scenes_found"] == 0
    assert summary["fire_free_tiles_routed"] == 3  # the upper row of three 32-pixel tiles
    assert evaluate_fire(FakeModel(), root, samples, lambda line: None) == {}


# --- the command -----------------------------------------------------------------------------------------


def test_simulate_writes_a_picture_and_a_scene(make_raster, tmp_path, capsys):
    pytest.importorskip("matplotlib")
    numbers = np.rint(forest(64) * 10000).astype(np.uint16)
    numbers[:, :5] = 0
    source = make_raster("scene.tif", numbers, descriptions=BAND_NAMES, nodata=0)
    picture, tif = tmp_path / "fire.png", tmp_path / "fire.tif"
    again = tmp_path / "again.tif"
    common = ["simulate", "--input", source, "--radiometry", "0.0001,0", "--seed", "7"]
    assert main([*common, "--output", str(picture), "--tif", str(tif)]) == 0
    assert picture.read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"
    assert "pixels of smoke" in capsys.readouterr().out
    assert main([*common, "--output", str(picture), "--tif", str(again)]) == 0
    with rasterio.open(tif) as one, rasterio.open(again) as two, rasterio.open(source) as before:
        data = one.read()
        np.testing.assert_array_equal(data, two.read())
        assert one.descriptions == (*BAND_NAMES, "fire_label") and one.transform == before.transform
        assert not data[:, :5].any() and (data[:8] != before.read()).any()
        assert set(np.unique(data[8])) <= {0, 1, 2} and data[8].any()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--window", "1,2,3"], "is not a window"),
        (["--window", "0,0,4,4"], "give 16 to 2048"),
        (["--window", "60,60,32,32"], "but"),
    ],
)
def test_simulate_refuses_in_one_sentence(make_raster, tmp_path, capsys, options, words):
    pytest.importorskip("matplotlib")
    source = make_raster("scene.tif", np.full((8, 64, 64), 900, np.uint16), descriptions=BAND_NAMES)
    command = ["simulate", "--input", source, "--output", str(tmp_path / "a.png"), "--radiometry", "0.0001,0"]
    assert main([*command, *options]) == 2
    error = capsys.readouterr().err
    assert words in error and error.count("\n") == 1 and not (tmp_path / "a.png").exists()
