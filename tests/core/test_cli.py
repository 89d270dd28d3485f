"""The command line: what it prints, how it ends, and that Ctrl-C is clean."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from model_core import __version__, cli, predict
from model_core.bands import BAND_NAMES
from tests.core.fakes import ALL, FakeModel, by_content, digital
from tests.core.test_worker import PATIENCE, ROOT, scrubbed

DRIVER = [sys.executable, "-I", "-u", str(Path(__file__).with_name("drivers.py"))]


@pytest.fixture
def scene_file(make_raster) -> str:
    array = digital(100, 100)
    array[:, :40, :40] = 0
    return make_raster("scene.tif", array, descriptions=BAND_NAMES, nodata=0)


@pytest.fixture
def fake_bundle(monkeypatch, tmp_path: Path) -> None:
    monkeypatch.setattr(predict, "default_bundle", lambda: tmp_path)
    monkeypatch.setattr(predict, "_load_bundle", lambda path: FakeModel(ALL, scores=by_content(4)))


def test_the_table_at_the_end(scene_file: str, tmp_path: Path, fake_bundle, capsys) -> None:
    code = cli.main(["predict", scene_file, str(tmp_path / "run"), "--overlap=8", "--experts=bright,green"])
    out, err = capsys.readouterr()
    assert code == 0
    stored = json.loads((tmp_path / "run" / "run.json").read_text())
    lines = out.splitlines()
    assert lines[0].split() == ["expert", "tiles", "share", "file"]
    rows = {line.split()[0]: line.split(maxsplit=3)[1:] for line in lines[1:5]}
    assert rows["identity"] == ["0", "0.0%", "(not requested)"]
    bright = next(expert for expert in stored["experts"] if expert["name"] == "bright")
    assert rows["bright"] == [str(bright["tiles"]), f"{bright['tiles'] / 16:.1%}", "bright.tif"]
    tiles = stored["tiles"]
    assert f"16 tiles: {tiles['routed']} routed, {tiles['abstained']} abstained, 1 without data" in lines[5]
    assert f"{stored['macs']['saved_fraction']:.1%}" in lines[5]
    assert lines[6] == f"Run folder: {tmp_path / 'run'}"
    assert "Predicting" not in err  # a bar is for terminals


def test_the_printed_command_runs_again(scene_file: str, tmp_path: Path, fake_bundle) -> None:
    extent = "--extent=500050,4999105.5,500900,4999990"
    first = ["predict", scene_file, str(tmp_path / "run"), "--overlap=4", "--policy=top-k", extent]
    assert cli.main(first) == 0
    before = {p.name: p.read_bytes() for p in (tmp_path / "run").iterdir()}
    command = shlex.split(json.loads(before["run.json"])["command"])
    assert cli.main(command[1:]) == cli.FAILED  # the run is there, and the first did not overwrite
    assert cli.main([*command[1:], "--overwrite"]) == 0
    after = {p.name: p.read_bytes() for p in (tmp_path / "run").iterdir()}
    assert before.pop("run.json") != after.pop("run.json") and before == after


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["nowhere.tif", "out"], "nowhere.tif"),
        (["SCENE", "out", "--top-k=9"], "top_k is 9"),
        (["SCENE", "out", "--experts=fire"], "Expert 'fire'"),
        (["SCENE", "out", "--extent=1,2,3"], "'extent'"),
        (["SCENE", "SCENE"], "cannot be written"),
    ],
)
def test_an_error_is_one_sentence_and_exit_code_2(
    scene_file: str, tmp_path: Path, fake_bundle, capfd, monkeypatch, words: list[str], said: str
) -> None:
    monkeypatch.chdir(tmp_path)
    code = cli.main(["predict", *(scene_file if word == "SCENE" else word for word in words)])
    out, err = capfd.readouterr()
    assert code == cli.FAILED == 2 and out == ""
    assert err.startswith("hydranet: ") and said in err and err.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_version() -> None:
    for command in ([sys.executable, "-I", str(ROOT / "model_core")], [sys.executable, "-m", "model_core"]):
        done = subprocess.run([*command, "--version"], cwd=ROOT, capture_output=True, text=True, check=True)
        assert done.stdout == f"hydranet {__version__}\n"


def test_help_names_every_command() -> None:
    text = cli.parser().format_help()
    for module in (ROOT / "model_core" / "commands").glob("[a-z]*.py"):
        assert module.stem in text


def test_modules_beside_model_core_do_not_hide_libraries(tmp_path: Path) -> None:
    """In an installed plugin, model_core's parent is the plugin's folder, full of modules of its own."""
    ignore = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "model_core", tmp_path / "model_core", ignore=ignore)
    (tmp_path / "numpy.py").write_text("raise ImportError('a file of the plugin was imported')")
    (tmp_path / "model_core" / "rasterio.py").write_text("raise ImportError('a file of ours was imported')")
    done = subprocess.run(
        [sys.executable, "-I", str(tmp_path / "model_core"), "predict", "nowhere.tif", str(tmp_path / "run")],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 2 and "nowhere.tif" in done.stderr, done.stderr


def test_events_on_standard_output_are_pure(scene_file: str, tmp_path: Path) -> None:
    command = [*DRIVER, "predict", scene_file, str(tmp_path / "run"), "--overlap=8", "--events"]
    done = subprocess.run(command, env=scrubbed(), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    events = [json.loads(line) for line in done.stdout.splitlines()]
    assert events[0]["event"] in ("started", "log") and events[-1]["event"] == "finished"
    assert "noise from print" in done.stderr
    failed = subprocess.run(command, env=scrubbed(), capture_output=True, text=True, check=False)
    assert failed.returncode == 2
    assert [json.loads(line)["kind"] for line in failed.stdout.splitlines()] == ["OutputError"]


@pytest.mark.skipif(os.name == "nt", reason="signals are POSIX")
@pytest.mark.parametrize("events", [True, False], ids=["events", "table"])
def test_ctrl_c_is_clean(scene_file: str, tmp_path: Path, events: bool) -> None:
    command = [*DRIVER, "predict", scene_file, str(tmp_path / "run"), "--overlap=8", *["--events"] * events]
    env = {**scrubbed(), "TEST_SLEEP": "0.1"}
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, env=env, **pipes) as process:
        stream = process.stderr if events else process.stdout
        for line in stream:
            if line.startswith("noise from print"):  # the first batch is in work
                process.send_signal(signal.SIGINT)
                break
        out, err = process.communicate(timeout=PATIENCE)
    assert process.returncode == 130
    assert not (tmp_path / "run").exists()
    if events:
        assert json.loads(out.splitlines()[-1]) == {"event": "cancelled"}
    else:
        assert err.splitlines()[-1] == "hydranet: The run was stopped; nothing was written."
        assert "Traceback" not in err
