"""`hydranet export`: what it refuses and leaves behind, and that others can route with what it writes."""

from __future__ import annotations

import html
import importlib.util
import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import rasterio

from model_core import cli
from model_core.bands import BAND_NAMES
from model_core.errors import OutputError, RequestError
from model_core.onnx import agreement, export
from model_core.onnx.agreement import Agreement
from model_core.onnx.folder import check_folder, new_folder
from model_core.onnx.tiles import random_tiles, sample_tiles
from model_core.resources import default_bundle, resource
from tests.core import onnx_bundle

HELP = resource("help", "onnx.html")
REAL, OTHER = "water", "clouds"
"""What the bundled switcher wants for the tile below; only the first is exported."""


@pytest.fixture(scope="module")
def bundle(tmp_path_factory) -> Path:
    return onnx_bundle.write(tmp_path_factory.mktemp("bundle") / "bundle")


@pytest.fixture(scope="module")
def real(tmp_path_factory) -> Path:
    """The bundled model, encoder and one expert."""
    folder = tmp_path_factory.mktemp("real") / "onnx"
    assert cli.main(["export", f"--onnx={folder}", f"--experts={REAL}"]) == 0
    return folder


@pytest.fixture
def quick(monkeypatch):
    """An export of nothing: what surrounds the graphs is looked at, not the graphs."""
    monkeypatch.setattr(export, "_write", lambda folder, part, examples: (folder / part.file).touch() or {})
    monkeypatch.setattr(export, "check_export", lambda *_: ({}, {"random": 0, "sample": 0}))


def program() -> str:
    """The example of the help page."""
    text = HELP.read_text(encoding="utf-8")
    return html.unescape(re.search(r'<pre id="program">\n(.*?)</pre>', text, re.DOTALL)[1])


def test_the_program_of_the_help_page_routes_as_predict_does(real: Path, tmp_path: Path) -> None:
    with rasterio.open(resource("sample", "lough_60m.tif")) as scene:
        window = rasterio.windows.Window(368, 96, 256, 256)
        profile = {**scene.profile, "width": 256, "height": 256, "transform": scene.window_transform(window)}
        assert scene.descriptions == BAND_NAMES
        with rasterio.open(tmp_path / "tile.tif", "w", **profile) as tile:
            pixels = scene.read(window=window)
            pixels[:, :40, 100:] = scene.nodata
            tile.write(pixels)
            tile.descriptions, tile.scales, tile.offsets = scene.descriptions, scene.scales, scene.offsets
    run = tmp_path / "run"
    assert (
        cli.main(["predict", str(tmp_path / "tile.tif"), str(run), "--precision=fp32", "--device=cpu"]) == 0
    )
    record = json.loads((run / "run.json").read_text())
    told = record["radiometry"]
    known = np.where((pixels != profile["nodata"]).all(0), pixels.astype(np.float32), np.nan)
    tile = ((known + told["offset"]) * told["scale"]).astype(np.float32)
    np.save(tmp_path / "tile.npy", np.where(tile < 0, 0, tile))

    (tmp_path / "route.py").write_text(program(), encoding="utf-8")
    command = [sys.executable, "-I", str(tmp_path / "route.py"), str(real), str(tmp_path / "tile.npy"), "60"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    found = np.load(tmp_path / "tile.npz")
    routed = {one["name"] for one in record["experts"] if one["tiles"]}
    told = [line.split(":")[0].strip() for line in done.stdout.splitlines()]
    assert routed == {REAL, OTHER} == set(told) - {"was not exported"} and set(found) == {REAL}
    assert told[told.index(OTHER) + 1 :][:1] == ["was not exported"] and len(told) == 3
    with rasterio.open(run / f"{REAL}.tif") as map_of:
        wanted = map_of.read(1)
    assert len(np.unique(wanted)) > 2, "classes and no data"
    assert ((wanted == 255) == (found[REAL] == 255)).all()
    assert (wanted == found[REAL]).mean() > 0.9999


def test_the_program_needs_no_torch_and_no_hydranet() -> None:
    names = re.findall(r"^(?:import|from) (\w+)", program(), re.MULTILINE)
    assert set(names) == {"json", "sys", "pathlib", "numpy", "onnxruntime"}


def test_documents_come_along_and_are_listed(real: Path) -> None:
    manifest = json.loads((real / "manifest.json").read_text(encoding="utf-8"))
    lying = {path.relative_to(real).as_posix() for path in real.rglob("*") if path.is_file()}
    assert lying == {"manifest.json", *manifest["files"], *manifest["documents"]}
    assert (real / "MODEL_CARD.md").read_bytes() == (default_bundle() / "MODEL_CARD.md").read_bytes()
    assert "GNU GENERAL PUBLIC LICENSE" in (real / "LICENSE").read_text(encoding="utf-8")
    pictures = re.findall(r"\]\((card/[^)]+)\)", (real / "MODEL_CARD.md").read_text(encoding="utf-8"))
    assert pictures and set(pictures) <= lying
    assert manifest["check"]["tiles"] == {"random": 8, "sample": 6}
    assert manifest["check"]["files"]["expert_water.onnx"]["equal_classes"] > 0.999


def test_an_export_is_replaced_only_if_that_is_wanted(bundle, tmp_path, quick) -> None:
    folder = tmp_path / "onnx"
    export.export_onnx(bundle, folder, experts=["fog", "land"])
    before = sorted(path.name for path in folder.iterdir())
    with pytest.raises(OutputError, match=r"already holds an export; .*\(--overwrite\)"):
        export.export_onnx(bundle, folder, experts=["fog"])
    assert sorted(path.name for path in folder.iterdir()) == before
    export.export_onnx(bundle, folder, experts=["fog"], overwrite=True)
    assert sorted(path.name for path in folder.iterdir()) == sorted(set(before) - {"expert_land.onnx"})
    assert [path.name for path in tmp_path.iterdir()] == ["onnx"]


def test_the_old_export_stays_where_the_new_one_fails(bundle, tmp_path, quick, monkeypatch) -> None:
    folder = tmp_path / "onnx"
    export.export_onnx(bundle, folder, experts=["fog"])
    before = (folder / "manifest.json").read_bytes()

    def fail(*_):
        raise OutputError("off")

    monkeypatch.setattr(export, "check_export", fail)
    with pytest.raises(OutputError, match="off"):
        export.export_onnx(bundle, folder, overwrite=True)
    assert (folder / "manifest.json").read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["onnx"]


def test_folders_of_others_are_left_alone(bundle, tmp_path, quick) -> None:
    folder = tmp_path / "onnx"
    folder.mkdir()
    export.export_onnx(bundle, folder, experts=["fog"])  # an empty one is as good as none
    (folder / "notes.txt").write_text("mine")
    with pytest.raises(OutputError, match=r"holds other files beside an export, such as 'notes.txt'; give"):
        check_folder(folder, overwrite=True)
    (folder / "manifest.json").write_text('{"format": "something/1", "files": {}, "documents": {}}')
    with pytest.raises(OutputError, match="holds other files; give the name of a new folder"):
        check_folder(folder, overwrite=True)
    file = tmp_path / "file"
    file.touch()
    (tmp_path / "link").symlink_to(folder)
    for path in (file, tmp_path / "link"):
        with pytest.raises(OutputError, match="is no folder but is in the way"):
            check_folder(path, overwrite=True)
    with pytest.raises(OutputError, match="could not be written"), new_folder(file / "onnx", False):
        raise AssertionError("there is nowhere to write")
    assert (folder / "notes.txt").read_text() == "mine"


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ([], "give --onnx FOLDER for ONNX models of encoder, switcher and experts"),
        (["--onnx=out", "--experts=fog,fgo"], "has no expert 'fgo'; choose among land, fog, .*, scene, or"),
        (["--onnx=out", "--experts="], "has no expert ''; choose among"),
    ],
)
def test_what_cannot_be_is_one_sentence(bundle, tmp_path, monkeypatch, capsys, options, said) -> None:
    monkeypatch.chdir(tmp_path)
    assert cli.main(["export", f"--bundle={bundle}", *options]) == cli.FAILED
    error = capsys.readouterr().err
    assert re.search(said, error) and error.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_missing_libraries_are_named_with_what_installs_them(monkeypatch, capsys) -> None:
    there = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name.startswith("onnx") else there(name)
    )
    assert cli.main(["export", "--onnx=out"]) == cli.FAILED
    assert capsys.readouterr().err == (
        "hydranet: ONNX models need onnx and onnxruntime and onnxscript, which are not installed; "
        "run pip install 'hydranet[onnx]'.\n"
    )


def test_the_command_line_needs_no_onnx_for_other_things() -> None:
    code = (
        "import sys; from model_core import cli; cli.parser(); print([n for n in sys.modules if 'onnx' in n])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0 and done.stdout.strip() == "[]"


def test_check_tiles_are_of_every_kind_and_the_same_each_time() -> None:
    tiles = random_tiles(64)
    assert all((a.reflectance == b.reflectance).all() for a, b in zip(tiles, random_tiles(64), strict=True))
    assert {int(tile.available.sum()) for tile in tiles} == {8, 3, 1}
    assert (
        min(tile.valid.sum() for tile in tiles) == 1 and max(tile.reflectance.max() for tile in tiles) > 1.6
    )
    for tile in [*tiles, *sample_tiles(64)]:
        assert tile.reflectance.dtype == np.float32 and tile.valid.any()
        assert (tile.reflectance[:, ~tile.valid] == 0).all() and (
            tile.reflectance[~tile.available] == 0
        ).all()
    assert len(sample_tiles(64)) == 6 and sample_tiles(2048) == []


def test_what_is_too_far_apart_is_told() -> None:
    near, far = Agreement(), Agreement()
    near.add("level_1", np.array([1000.0, 0.0]), np.array([1000.05, 0.0]))
    assert near.failure() is None
    near.add("scores", np.array([0.5]), np.array([0.5002]))
    assert near.failure() == "its 'scores' is off by 0.0002, where 0.0001 is allowed"
    far.add("values", np.array([1.0]), np.array([np.nan]))
    assert "'values' is off by inf" in far.failure()
    even = Agreement()
    even.add_classes(np.eye(2)[:, :, None], np.eye(2)[::-1, :, None])
    assert even.failure() == "0.00% of its pixels have the same class, where 99.9% are expected"


def objects(count: int) -> dict[str, np.ndarray]:
    random = np.random.default_rng(2)
    boxes = random.random((count, 4)) * 10 + [0, 0, 20, 20]
    return {
        "scores": np.linspace(0.9, 0.1, count), "boxes": boxes, "labels": np.arange(count) % 2,
        "rectangles": boxes[:, [[0, 1], [2, 1], [2, 3], [0, 3]]], "experts": np.ones((count, 2, 1), int),
    }  # fmt: skip


def changed(name: str, where: int, value: object) -> dict[str, np.ndarray]:
    found = {key: part.copy() for key, part in objects(40).items()}
    found[name][where] = value
    return found


@pytest.mark.parametrize(
    ("name", "value"), [("labels", 7), ("experts", 3), ("scores", 0.95), ("boxes", (0.0, 0.0, 50.0, 50.0))]
)
def test_an_object_without_its_like_is_counted_on_both_sides(name, value) -> None:
    found = Agreement()
    found.add_objects(objects(40), changed(name, 3, value))
    assert (found.objects, found.matched) == (41, 39)
    assert found.failure() == "39 of 41 objects were found alike, where 99% are expected"


def test_objects_are_sets_and_rectangles_begin_anywhere() -> None:
    other = {name: part[::-1] for name, part in objects(40).items()}
    other["rectangles"] = np.roll(other["rectangles"], 2, axis=1)
    found = Agreement()
    found.add_objects(objects(40), other)
    assert (found.objects, found.matched) == (40, 40) and found.failure() is None
    assert max(one.error for one in found.outputs.values()) == 0.0
    nothing = {name: part[:0] for name, part in objects(1).items()}
    found.add_objects(nothing, nothing)
    assert found.objects == 40
    unsure = {name: part[:1].copy() for name, part in objects(1).items()}
    unsure["scores"][:] = agreement.FLOOR
    found.add_objects(nothing, unsure)
    assert found.objects == 40, "rounding decides whether it is told of"


def test_parts_are_chosen_by_name_once(bundle) -> None:
    model = export.load_bundle(bundle, device="cpu", precision="fp32")
    wanted = export.wanted_parts(model, ["scene", "fog", "scene"])
    assert [part.file for part in wanted] == ["encoder_switcher.onnx", "expert_fog.onnx", "scene.onnx"]
    with pytest.raises(RequestError, match="no expert 'nobody'"):
        export.wanted_parts(model, ["nobody"])
