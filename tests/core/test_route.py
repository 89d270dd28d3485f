"""Scores only: every tile is scored and decided about, no expert is run, no raster written."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

import numpy as np
import pytest
import rasterio

from model_core import cli, predict
from model_core.bands import BAND_NAMES
from model_core.errors import OutputError, RequestError, SceneError
from model_core.request import PredictRequest
from model_core.rundir import read_run
from tests.core.fakes import ALL, FakeModel, by_content, digital, run
from tests.core.test_reroute import files

FILES = ["routing.gpkg", "routing.qml", "run.json"]


@pytest.fixture
def scene_file(make_raster) -> str:
    array = digital(100, 900)
    array[:, 300:400] = 0
    return make_raster("scene.tif", array, descriptions=BAND_NAMES, nodata=0)


def model() -> FakeModel:
    return FakeModel(ALL, scores=by_content(4))


def test_it_leaves_scores_and_decisions_alone(scene_file: str, tmp_path: Path) -> None:
    scored = model()
    summary = run(scene_file, tmp_path / "run", scored, decode=False)
    whole = run(scene_file, tmp_path / "whole", model())
    assert scored.decoded == [] and sum(scored.encoded) == whole["tiles"]["total"] - whole["tiles"]["empty"]
    assert sorted(path.name for path in (tmp_path / "run").iterdir()) == FILES
    for name in FILES[:2]:  # what would be decoded is what a prediction decodes
        assert (tmp_path / "run" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()
    assert (summary["decoded"], whole["decoded"]) == (False, True)
    assert summary["tiles"] == whole["tiles"]
    for expert, other in zip(summary["experts"], whole["experts"], strict=True):
        assert expert["tiles"] == other["tiles"] > 0
        assert (expert["output"], expert["style"], expert["pixels"]) == (None, None, 0)
    assert summary["macs"]["spent"] == sum(scored.encoded) * 1010 < whole["macs"]["spent"]
    assert shlex.split(summary["command"])[:2] == ["hydranet", "route"]


def test_it_goes_on_after_a_crash(scene_file: str, tmp_path: Path) -> None:
    whole = run(scene_file, tmp_path / "whole", model(), decode=False)
    broken = model()

    def fail() -> None:
        if sum(broken.encoded) > 80:
            raise SceneError("The share is gone.")

    broken.on_encode = fail
    with pytest.raises(SceneError, match="What is done is kept"):
        run(scene_file, tmp_path / "run", broken, decode=False)
    with pytest.raises(OutputError, match="differs from this one in: decode"):
        run(scene_file, tmp_path / "run", model(), resume=True)
    second = model()
    summary = run(scene_file, tmp_path / "run", second, decode=False, resume=True)
    assert 0 < sum(second.encoded) < summary["tiles"]["routed"]
    assert files(tmp_path / "run") == files(tmp_path / "whole")
    assert summary["tiles"] == whole["tiles"] and summary["macs"] == whole["macs"]


def test_finished_it_is_not_a_finished_prediction(scene_file: str, tmp_path: Path) -> None:
    first = run(scene_file, tmp_path / "run", model(), decode=False)
    assert run(scene_file, tmp_path / "run", again := model(), decode=False, resume=True) == first
    assert again.encoded == []
    with pytest.raises(OutputError, match="finished run of another request"):
        run(scene_file, tmp_path / "run", model(), resume=True)


@pytest.fixture
def fake_bundle(monkeypatch, tmp_path: Path) -> None:
    monkeypatch.setattr(predict, "default_bundle", lambda: tmp_path)
    monkeypatch.setattr(predict, "_load_bundle", lambda path, **_: model())


def test_the_command_then_reroute(scene_file: str, tmp_path: Path, fake_bundle, capsys) -> None:
    folder = tmp_path / "run"
    options = ["--overlap=8", "--radiometry=0.0001,0"]
    assert cli.main(["route", scene_file, str(folder), *options, "--thresholds=green=0.9"]) == 0
    out = capsys.readouterr().out
    assert f"Run folder: {folder}" in out and ".tif" not in out.replace("scene.tif", "")
    stored = read_run(folder)
    green = next(expert for expert in stored["experts"] if expert["name"] == "green")
    assert (green["threshold"], green["bundle_threshold"]) == (0.9, 0.6)
    assert stored["policy"]["thresholds"]["green"] == 0.9 and stored["policy"]["thresholds"]["bright"] == 0.4
    assert cli.main(["reroute", str(folder), "--policy=top-k", "--top-k=1"]) == 0
    out = capsys.readouterr().out
    assert "green.tif" in out and re.search(r" s, and \d+\.\d s to reroute\.$", out, re.MULTILINE)
    assert (folder / "green.tif").exists()
    command = shlex.split(read_run(folder)["command"])
    assert command[:2] == ["hydranet", "predict"]
    before = files(folder)
    assert cli.main([*command[1:], "--overwrite"]) == 0
    assert files(folder) == before
    assert cli.main(["reroute", str(folder), "--thresholds=water=0.5"]) == cli.FAILED
    assert "has identity, bright, green, metres" in capsys.readouterr().err.splitlines()[-1]


def test_several_scenes(scene_file: str, make_raster, tmp_path: Path, fake_bundle) -> None:
    other = make_raster("other.tif", digital(60, 60), descriptions=BAND_NAMES)
    words = ["route", scene_file, other, str(tmp_path / "out"), "--overlap=8"]
    assert cli.main(words) == 0
    for name in ("scene", "other"):
        assert sorted(path.name for path in (tmp_path / "out" / name).iterdir()) == FILES
    assert cli.main([*words, "--resume"]) == 0


def test_thresholds_name_experts_of_the_model(scene_file: str, tmp_path: Path) -> None:
    with pytest.raises(RequestError, match="Expert 'sea' of the thresholds is not in the model; it has iden"):
        run(scene_file, tmp_path / "run", model(), thresholds={"green": 0.5, "sea": 0.5})
    assert not (tmp_path / "run").exists()


def test_thresholds_decide(scene_file: str, tmp_path: Path) -> None:
    plain = run(scene_file, tmp_path / "plain", model(), decode=False, top_k=4)
    moved = run(scene_file, tmp_path / "moved", model(), decode=False, top_k=4, thresholds={"green": 0.95})
    tiles = [[expert["tiles"] for expert in summary["experts"]] for summary in (plain, moved)]
    assert tiles[1][2] < tiles[0][2] and tiles[1][:2] == tiles[0][:2] and tiles[1][3] == tiles[0][3]


def test_a_prediction_with_uncertainty_has_one_more_band(scene_file: str, tmp_path: Path) -> None:
    plain = run(scene_file, tmp_path / "plain", model(), policy="top-k", top_k=4)
    summary = run(scene_file, tmp_path / "run", model(), policy="top-k", top_k=4, uncertainty=True)
    assert summary["uncertainty"] and not plain["uncertainty"]
    assert [expert["uncertainty_band"] for expert in summary["experts"]] == [None, 2, 2, None]
    assert {expert["uncertainty_band"] for expert in plain["experts"]} == {None}
    for name in ("bright", "green", "metres"):
        with (
            rasterio.open(tmp_path / "run" / f"{name}.tif") as more,
            rasterio.open(tmp_path / "plain" / f"{name}.tif") as less,
        ):
            assert more.count == (1 if name == "metres" else 2)
            np.testing.assert_array_equal(more.read(1), less.read(1))
            if more.count == 2:
                assert len(np.unique(more.read(2))) > 3
    assert "--uncertainty" in summary["command"]


def test_an_older_request_means_what_it_meant(scene_file: str, tmp_path: Path) -> None:
    """run.json of a version that knew neither thresholds nor uncertainty: resume finds the run finished."""
    run(scene_file, tmp_path / "run", model())
    path = tmp_path / "run" / "run.json"
    stored = json.loads(path.read_text())
    for name in ("thresholds", "uncertainty", "decode"):
        del stored["request"][name]
    path.write_text(json.dumps(stored))
    again = model()
    run(scene_file, tmp_path / "run", again, resume=True)
    assert again.encoded == []
    assert PredictRequest.from_json(stored["request"]).decode
