"""The command line: what it prints, how it ends, and that Ctrl-C is clean."""

from __future__ import annotations

import contextlib
import csv
import io
import json
import os
import shlex
import shutil
import signal
import struct
import subprocess
import sys
from dataclasses import fields, replace
from pathlib import Path

import pytest

from model_core import __version__, cli, events, predict
from model_core.bands import BAND_NAMES
from model_core.commands import predict as predict_command
from model_core.errors import CancelledError, RequestError
from model_core.request import PredictRequest
from tests.core.fakes import ALL, FakeModel, by_content, digital
from tests.core.test_worker import PATIENCE, ROOT, scrubbed

DEFAULTS = {field.name: field.default for field in fields(PredictRequest)}
DRIVER = [sys.executable, "-I", "-u", str(Path(__file__).with_name("drivers.py"))]


@pytest.fixture
def scene_file(make_raster) -> str:
    array = digital(100, 100)
    array[:, :40, :40] = 0
    return make_raster("scene.tif", array, descriptions=BAND_NAMES, nodata=0)


@pytest.fixture
def fake_bundle(monkeypatch, tmp_path: Path) -> None:
    monkeypatch.setattr(predict, "default_bundle", lambda: tmp_path)
    monkeypatch.setattr(predict, "_load_bundle", lambda path, **_: FakeModel(ALL, scores=by_content(4)))


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
    assert lines[6].startswith("Bands (descriptions): pan from 1")
    assert "blue from 2" in lines[6] and lines[6].endswith("number x 0.0001.")
    assert lines[7] == f"Run folder: {tmp_path / 'run'}"
    # A bar is for terminals: a log gets a line for the start, the end and each tenth of the tiles.
    said = [line for line in err.splitlines() if "warning" not in line]
    assert "\r" not in err and said[0] == "hydranet: scene.tif: 16 tiles"
    assert said[-1] == "hydranet: scene.tif: done" and said[-2].startswith(
        "hydranet: scene.tif: 100 % (16 of 16"
    )
    assert 4 <= len(said) <= 12


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


@pytest.fixture
def three(make_raster) -> list[str]:
    return [
        make_raster(f"s{n}.tif", digital(60, 60, seed=n), descriptions=BAND_NAMES, nodata=0) for n in range(3)
    ]


def test_many_scenes_and_a_bad_one(three: list[str], tmp_path: Path, fake_bundle, capsys) -> None:
    Path(three[1]).write_bytes(b"no raster")
    (tmp_path / "list.txt").write_text("# the rest\ns1.tif\ns2.tif\n")
    words = ["predict", three[0], str(tmp_path / "list.txt"), str(tmp_path / "out"), "--overlap=8"]
    assert cli.main(words) == cli.FAILED
    out, err = capsys.readouterr()
    lines = out.splitlines()
    assert [line.split()[1:3] for line in lines[1:4]] == [["s0", "done"], ["s1", "failed"], ["s2", "done"]]
    assert lines[4].startswith("Scenes 1, 3: Bands (descriptions): ")
    assert lines[5].startswith(f"Failed: {three[1]}: ") and lines[6] == "Scenes: 2 done, 1 failed."
    assert lines[7] == f"Run folders and summary.csv: {tmp_path / 'out'}"
    said = err.splitlines()
    assert "hydranet: scene 1 of 3: s0" in said and "hydranet: scene 1 of 3: s0: 9 tiles" in said
    assert any(line.startswith("hydranet: scene 1: done: 9 tiles in ") for line in said)
    assert any(line.startswith(f"hydranet: scene 2: failed: '{three[1]}' ") for line in said)
    assert "\r" not in err
    shutil.copyfile(three[0], three[1])
    assert cli.main([*words, "--resume"]) == 0
    assert "Scenes: 2 skipped, 1 done." in capsys.readouterr().out.splitlines()
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == ["s0", "s1", "s2", "summary.csv"]


def test_a_mosaic_after_many_scenes(three: list[str], tmp_path: Path, fake_bundle, capsys) -> None:
    pytest.importorskip("pystac")
    Path(three[1]).write_bytes(b"no raster")
    words = ["predict", *three, str(tmp_path / "out"), "--overlap=8", "--mosaic"]
    assert cli.main(words) == cli.FAILED
    found = tmp_path / "out" / "mosaic"
    assert f"info: Mosaic of 2 runs: {found}" in capsys.readouterr().err
    assert (found / "catalog.json").exists() and len(list(found.glob("*.vrt"))) > 1
    assert cli.main([*words[:2], three[2], words[4], *words[5:], "--resume"]) == 0
    shutil.rmtree(found)
    found.mkdir()
    (found / "mine.txt").touch()
    assert cli.main([*words[:2], three[2], words[4], *words[5:], "--resume"]) == cli.FAILED
    out, err = capsys.readouterr()
    assert "warning: There is no mosaic. " in err and "Scenes: 2 skipped." in out
    assert cli.main(["predict", three[0], str(tmp_path / "one"), "--mosaic"]) == cli.FAILED
    assert "--mosaic was given with one scene" in capsys.readouterr().err
    assert not (tmp_path / "one").exists()


@pytest.mark.parametrize("error", [ValueError("odd"), RequestError("No."), CancelledError("Stopped.")])
def test_whoever_listens_hears_the_end_of_a_job_of_workers(monkeypatch, scene_file: str, error) -> None:
    pytest.importorskip("distributed")
    from model_core.cluster import run

    class Listening(io.StringIO):
        def close(self) -> None:
            pass

    heard = Listening()

    def fail(*_: object) -> None:
        raise error

    monkeypatch.setattr(events, "claim_stdout", lambda: heard)
    monkeypatch.setattr(run, "predict_one", fail)
    stopped = isinstance(error, CancelledError)
    words = ["predict", scene_file, "out", "--scheduler=local", "--events"]
    assert cli.main(words) == (cli.CANCELLED if stopped else cli.FAILED)
    last = json.loads(heard.getvalue().splitlines()[-1])
    assert last["event"] == ("cancelled" if stopped else "error")
    assert stopped or last["kind"] == type(error).__name__


def test_a_list_that_is_none_is_one_sentence(tmp_path: Path, capfd) -> None:
    (tmp_path / "list.txt").write_text("# nothing\n")
    words = ["predict", str(tmp_path / "list.txt"), str(tmp_path / "out")]
    assert cli.main(words) == cli.FAILED
    out, err = capfd.readouterr()
    assert out == "" and "names no scene" in err and err.count("\n") == 1
    # Another process, because events take standard output for good.
    done = subprocess.run([*DRIVER, *words, "--events"], env=scrubbed(), capture_output=True, text=True)
    assert done.returncode == 2
    assert [json.loads(line)["kind"] for line in done.stdout.splitlines()] == ["RequestError"]
    assert not (tmp_path / "out").exists()


def test_every_option_reaches_the_request(tmp_path: Path) -> None:
    full = PredictRequest(
        "in.tif", "out", bundle="b", bands="blue=1", radiometry="0.1,-2", experts=("a", "b"), policy="recall",
        miss_rate=0.125, overlap=8, extent=(-1.5, 2.0, 3.0, 4.25), mask="m n.gpkg", force_gsd=True,
        skip_damaged=True, resume=True, threads=3, memory_mb=512, device="cpu", precision="fp32",
        object_score=0.375,
    )  # fmt: skip
    other = replace(full, policy="top-k", miss_rate=0.05, top_k=3, resume=False, overwrite=True, mask=None)
    other = replace(other, uncertainty=True)
    route = PredictRequest("in.tif", "out", thresholds={"a": 0.25, "b": 1.0}, decode=False)
    for request in (full, other, route, PredictRequest("in.tif", "out")):
        args = cli.parser().parse_args(shlex.split(request.command())[1:])
        assert PredictRequest.from_json(predict_command.params(args)) == request
    used = {
        name
        for one in (full, other, route)
        for name, value in one.to_json().items()
        if value != DEFAULTS.get(name)
    }
    assert used == set(full.to_json()), "the test must use every field"


def test_help_needs_no_library() -> None:
    code = (
        "import sys; from model_core import cli\n"
        "try: cli.main(['predict', '--help'])\n"
        "except SystemExit: pass\n"
        "heavy = {'numpy', 'torch', 'rasterio', 'shapely', 'pyogrio', 'tqdm'} & set(sys.modules)\n"
        "sys.exit(f'imported: {heavy}' if heavy else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "--miss-rate" in done.stdout and "threshold,top-k,recall" in done.stdout


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


@pytest.mark.skipif(os.name == "nt", reason="signals are POSIX")
@pytest.mark.parametrize("events", [True, False], ids=["events", "table"])
def test_what_was_done_before_ctrl_c_is_kept(make_raster, tmp_path: Path, events: bool) -> None:
    scene = make_raster("tall.tif", digital(70, 900), descriptions=BAND_NAMES, nodata=0)
    flags = ["--overlap=8", *["--events"] * events]
    command = [*DRIVER, "predict", scene, str(tmp_path / "run"), *flags]
    env = {**scrubbed(), "TEST_SLEEP": "0.05"}
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, env=env, **pipes) as process:
        for line in process.stdout if events else process.stderr:
            if (events and json.loads(line).get("done", 0) > 60) or "tall.tif: 60 %" in line:
                process.send_signal(signal.SIGINT)
                break
        out, err = process.communicate(timeout=PATIENCE)
    assert process.returncode == 130, (out, err)
    assert (tmp_path / "run" / "journal").is_dir() and not (tmp_path / "run" / "run.json").exists()
    if events:
        assert json.loads(out.splitlines()[-1]) == {"event": "cancelled"}
    else:
        assert err.splitlines()[-1].startswith("hydranet: The run was stopped.") and "--resume" in err
    done = subprocess.run([*command, "--resume"], env=scrubbed(), capture_output=True, text=True, check=False)
    assert done.returncode == 0 and "Continuing the unfinished run" in done.stdout + done.stderr
    assert (tmp_path / "run" / "run.json").exists() and not (tmp_path / "run" / "journal").exists()


def test_events_of_many_scenes(three: list[str], tmp_path: Path) -> None:
    command = [*DRIVER, "predict", *three, "nowhere.tif", str(tmp_path / "out"), "--overlap=8", "--events"]
    done = subprocess.run(command, env=scrubbed(), capture_output=True, text=True, check=False)
    assert done.returncode == 2, done.stderr
    events = [json.loads(line) for line in done.stdout.splitlines()]
    assert events[-1]["event"] == "summary"
    assert [row["status"] for row in events[-1]["rows"]] == ["done", "done", "done", "failed"]
    assert {event["scene"]["number"] for event in events[:-1]} == {1, 2, 3, 4}
    assert done.stderr.count("noise while loading") == 1


@pytest.mark.skipif(os.name == "nt", reason="signals are POSIX")
@pytest.mark.parametrize("events", [True, False], ids=["events", "table"])
def test_ctrl_c_ends_many_scenes_at_once(three: list[str], tmp_path: Path, events: bool) -> None:
    flags = ["--overlap=8", *["--events"] * events]
    command = [*DRIVER, "predict", *three, str(tmp_path / "out"), *flags]
    env = {**scrubbed(), "TEST_SLEEP": "0.2"}
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, env=env, **pipes) as process:
        seen = []
        for line in process.stdout if events else process.stderr:
            seen.append(line)
            if ('"number":2' in line and '"progress"' in line) or "scene 2 of 3: s1: 9 tiles" in line:
                process.send_signal(signal.SIGINT)
                break
        out, err = process.communicate(timeout=PATIENCE)
    assert process.returncode == 130, (seen, out, err)
    with (tmp_path / "out" / "summary.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["status"] for row in rows] == ["done", "cancelled", "cancelled"]
    assert (tmp_path / "out" / "s0" / "run.json").exists()
    assert not (tmp_path / "out" / "s1" / "run.json").exists() and not (tmp_path / "out" / "s2").exists()
    if events:
        last = [json.loads(line) for line in out.splitlines()[-2:]]
        assert last[0]["event"] == "summary" and last[1] == {"event": "cancelled"}
    else:
        assert "Scenes: 1 done, 2 cancelled." in out
        assert err.splitlines()[-1].startswith("hydranet: ") and "Traceback" not in err


@pytest.mark.skipif(os.name == "nt", reason="pseudo-terminals are POSIX")
def test_a_terminal_gets_a_bar(three: list[str], tmp_path: Path) -> None:
    import fcntl  # POSIX only, as the test is
    import termios

    screen, terminal = os.openpty()
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 100, 0, 0))
    env = {**scrubbed(), "TEST_SLEEP": "0.15"}  # tqdm draws ten times a second
    command = [*DRIVER, "predict", *three[:2], str(tmp_path / "out"), "--overlap=8"]
    with subprocess.Popen(command, env=env, stdout=subprocess.PIPE, stderr=terminal) as process:
        os.close(terminal)
        drawn = b""
        with contextlib.suppress(OSError):  # Linux tells the end of a terminal so
            while piece := os.read(screen, 65536):
                drawn += piece
        os.close(screen)
        out = process.stdout.read()
    text = drawn.decode()
    assert process.returncode == 0 and b"Scenes: 2 done." in out
    assert "\r" in text and "scene 1 of 2: s0:" in text and "scene 2 of 2: s1:" in text
    assert "9/9" in text and "tiles/s" in text
    assert "hydranet: scene 1: done: 9 tiles in " in text


def test_a_reader_who_leaves_early_gets_no_traceback() -> None:
    command = [sys.executable, "-m", "model_core", "info"]
    process = subprocess.Popen(
        command, cwd=ROOT, env=scrubbed(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    process.stdout.close()  # before anything was written
    _, complaints = process.communicate(timeout=PATIENCE)
    assert (process.returncode, complaints) == (cli.BROKEN_PIPE, "")
