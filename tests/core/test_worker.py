"""The worker's protocol, spoken with a real process that is started the way the plugin starts it."""

from __future__ import annotations

import json
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
import torch

from model_core import errors
from model_core.bands import BAND_NAMES
from model_core.errors import BundleError
from model_core.jobs import ModelCache
from model_core.libraries import LibraryError, check
from model_core.networks.inference import native_bf16, pick_device
from tests.core.fakes import FakeModel, digital

ROOT = Path(__file__).resolve().parents[2]
DRIVER = [sys.executable, "-I", "-u", str(Path(__file__).with_name("drivers.py")), "worker"]
REAL = [sys.executable, "-I", "-u", str(ROOT / "model_core"), "worker"]
PATIENCE = 120  # a hang becomes a failure; nothing is measured


def scrubbed() -> dict[str, str]:
    """The environment without what QGIS brings along."""
    dirty = ("PYTHON", "QT_", "QGIS_", "GDAL_", "PROJ_", "LD_LIBRARY_PATH")
    return {name: value for name, value in os.environ.items() if not name.startswith(dirty)}


class Client:
    """Writes requests, collects events; every line must be JSON."""

    def __init__(self, command: list[str], cwd: Path, **env: str) -> None:
        self.process = subprocess.Popen(
            command, cwd=cwd, env={**scrubbed(), **env},
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip
        self.events: queue.Queue[dict[str, Any] | None] = queue.Queue()
        self.stderr = b""
        self._threads = [threading.Thread(target=t, daemon=True) for t in (self._read, self._drain)]
        for thread in self._threads:
            thread.start()

    def _read(self) -> None:
        for line in self.process.stdout:
            try:
                self.events.put(json.loads(line))
            except ValueError:
                self.events.put({"event": "NOT JSON", "line": repr(line)})
        self.events.put(None)

    def _drain(self) -> None:
        self.stderr = self.process.stderr.read()

    def send(self, message: Any) -> None:
        line = message if isinstance(message, bytes) else json.dumps(message).encode()
        self.process.stdin.write(line + b"\n")
        self.process.stdin.flush()

    def until(self, *names: str) -> list[dict[str, Any]]:
        """All events up to the first with one of these names."""
        seen = []
        while True:
            event = self.events.get(timeout=PATIENCE)
            assert event is not None, f"the worker ended; stderr: {self.stderr.decode()}"
            assert event["event"] != "NOT JSON", event
            seen.append(event)
            if event["event"] in names:
                return seen

    def end(self) -> int:
        self.process.stdin.close()
        code = self.process.wait(PATIENCE)
        for thread in self._threads:
            thread.join(PATIENCE)
        return code


@pytest.fixture
def start(tmp_path: Path):
    clients: list[Client] = []

    def begin(command: list[str] = DRIVER, **env: str) -> Client:
        clients.append(Client(command, tmp_path, **env))
        assert clients[-1].until("ready")[0]["protocol"] == 1
        return clients[-1]

    yield begin
    for client in clients:
        client.process.kill()
        client.process.wait()
        for stream in (client.process.stdin, client.process.stdout, client.process.stderr):
            stream.close()


@pytest.fixture
def job(make_raster, tmp_path: Path) -> dict[str, Any]:
    scene = make_raster("scene.tif", digital(100, 100), descriptions=BAND_NAMES, nodata=0)
    return {"input": scene, "output": str(tmp_path / "run"), "overlap": 8, "bundle": str(tmp_path)}


def request(number: int, params: Any, method: str = "predict") -> dict[str, Any]:
    return {"id": number, "method": method, "params": params}


def test_a_job_from_beginning_to_end(start, job, tmp_path: Path) -> None:
    client = start(TEST_SLEEP="0.1")
    client.send(request(7, job))
    events = client.until("finished", "error")
    assert {event["id"] for event in events} == {7}
    kinds = [event["event"] for event in events]
    assert kinds[-1] == "finished" and "heartbeat" in kinds
    assert events[-1]["summary"] == json.loads((tmp_path / "run" / "run.json").read_text())
    assert client.end() == 0
    # What libraries print is for the log, wherever they print it.
    for noise in ("print", "the descriptor", "C") if os.name == "posix" else ("print", "the descriptor"):
        assert f"noise from {noise}".encode() in client.stderr
    assert b"noise while loading" in client.stderr


def test_the_real_worker_starts_where_model_core_is_not_installed(start, job) -> None:
    client = start(REAL)
    client.send({"id": 1, "method": "hello"})
    hello = client.until("hello")[-1]
    assert hello["id"] == 1 and hello["protocol"] == 1
    assert {"hydranet", "python", "torch", "numpy", "rasterio"} <= set(hello["versions"])
    client.send(request(2, {**job, "bundle": str(Path(job["output"]) / "no bundle")}))
    assert client.until("error")[-1]["kind"] == "BundleError"
    assert not Path(job["output"]).exists()
    client.send({"id": 3, "method": "shutdown"})
    assert client.process.wait(PATIENCE) == 0


def test_the_real_worker_runs_the_bundle_that_comes_along(start, job) -> None:
    client = start(REAL)
    client.send(request(1, {**job, "bundle": None, "overlap": 64, "policy": "top-k", "top_k": 1}))
    last = client.until("finished", "error")[-1]
    assert last["event"] == "finished", last
    assert last["summary"]["tiles"]["routed"] == 1
    client.send(request(2, {**job, "bundle": None, "overlap": 64, "overwrite": True}))
    assert client.until("finished", "error")[-1]["event"] == "finished"
    assert client.end() == 0


def test_cancel_stops_the_job_and_the_next_one_runs(start, job) -> None:
    client = start(TEST_SLEEP="0.3")
    client.send(request(1, job))
    client.until("progress")
    client.send({"id": 2, "method": "cancel", "params": {"id": 99}})  # another job: nothing happens
    client.send({"id": 8, "method": "hello"})
    client.until("hello")  # the cancel before it has been read
    assert client.until("progress", "cancelled")[-1]["event"] == "progress"
    client.send({"id": 3, "method": "cancel", "params": {"id": 1}})
    assert client.until("cancelled", "finished")[-1] == {"event": "cancelled", "id": 1}
    assert not Path(job["output"]).exists()
    client.send({"id": 4, "method": "cancel", "params": {"id": 1}})  # too late: no harm
    client.send(request(5, job))
    assert client.until("finished", "error")[-1]["id"] == 5


def test_one_job_at_a_time(start, job) -> None:
    client = start(TEST_SLEEP="0.05")
    client.send(request(1, job))
    client.send(request(2, {**job, "output": job["output"] + "2"}))
    events = client.until("finished")
    refused = [event for event in events if event["event"] == "error"]
    assert [(event["id"], event["kind"]) for event in refused] == [(2, "ProtocolError")]
    assert "Job 1 is still running" in refused[0]["message"]
    assert events[-1]["id"] == 1 and not Path(job["output"] + "2").exists()


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (b"not json", "not JSON"),
        (b"\xff\xfe", "not JSON"),
        (b"[1]", "not a JSON object"),
        (b'{"id": 4}', "Method None is not known"),
        (b'{"id": 4, "method": "erase"}', "Method 'erase' is not known"),
    ],
)
def test_a_bad_line_is_answered_and_survived(start, line: bytes, said: str) -> None:
    client = start()
    client.send(b"")
    client.send(line)
    error = client.until("error")[-1]
    assert error["kind"] == "ProtocolError" and said in error["message"]
    client.send({"id": 9, "method": "hello"})
    assert client.until("hello")[-1]["id"] == 9


@pytest.mark.parametrize(
    ("change", "kind"),
    [
        ({"input": "nowhere.tif"}, "SceneError"),
        ({"experts": ["x"]}, "RequestError"),
        ({"unknown": 1}, "RequestError"),
        ({"bands": "blue"}, "BandError"),
    ],
)
def test_an_error_is_one_sentence_and_the_worker_goes_on(start, job, change: dict, kind: str) -> None:
    client = start()
    client.send(request(1, {**job, **change}))
    error = client.until("error", "finished")[-1]
    assert (error["kind"], error["id"]) == (kind, 1) and error["message"].endswith(".")
    client.send(request(2, job))
    assert client.until("finished", "error")[-1]["event"] == "finished"


def test_a_defect_is_reported_with_its_trace_in_the_log(start, job) -> None:
    client = start(TEST_FAIL="1")
    client.send(request(1, job))
    error = client.until("error", "finished")[-1]
    assert error["kind"] == "ZeroDivisionError" and "please report it" in error["message"]
    assert not Path(job["output"]).exists()
    assert client.end() == 0 and b"Traceback" in client.stderr


def test_closing_standard_input_ends_worker_and_job(start, job) -> None:
    client = start(TEST_SLEEP="0.05")
    client.send(request(1, job))
    client.until("progress")
    assert client.end() == 0
    assert not Path(job["output"]).exists()


def test_a_reader_that_goes_away_ends_the_job(job, tmp_path: Path) -> None:
    reading, writing = os.pipe()
    env = {**scrubbed(), "TEST_SLEEP": "0.05"}
    with subprocess.Popen(DRIVER, cwd=tmp_path, env=env, stdin=subprocess.PIPE, stdout=writing) as process:
        os.close(writing)
        process.stdin.write(json.dumps(request(1, job)).encode() + b"\n")
        process.stdin.flush()
        with open(reading, encoding="utf-8") as lines:
            assert any('"progress"' in line for line in lines)
        assert Path(job["output"]).exists()
        deadline = time.monotonic() + PATIENCE
        while Path(job["output"]).exists() and time.monotonic() < deadline:
            time.sleep(0.02)
        assert not Path(job["output"]).exists() and process.poll() is None
        process.stdin.close()
        assert process.wait(PATIENCE) == 0


@pytest.mark.skipif(os.name == "nt", reason="signals are POSIX")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_terminated_worker_cleans_up(start, job, number: signal.Signals) -> None:
    client = start(TEST_SLEEP="0.05")
    client.send(request(1, job))
    client.until("progress")
    client.process.send_signal(number)
    assert client.process.wait(PATIENCE) == 130
    assert not Path(job["output"]).exists()


def test_prepare_is_a_job(start, make_raster, tmp_path: Path) -> None:
    pixels = digital(100, 600)
    source, output = make_raster("scene.tif", pixels, descriptions=BAND_NAMES, nodata=0), tmp_path / "out.tif"
    wanted = {"input": source, "output": str(output), "radiometry": "0.0001,0", "threads": 1}
    client = start()
    client.send(request(1, {**wanted, "extent": [500100, 4996000, 500300, 5000000]}, "prepare"))
    events = client.until("finished", "error")
    last = events[-1]
    assert {event["id"] for event in events} == {1} and set(last) == {"event", "id", "output", "summary"}
    assert last["output"] == last["summary"]["path"] == str(output)
    assert (last["summary"]["width"], last["summary"]["height"]) == (20, 400)
    steps = [(event["done"], event["total"]) for event in events if event["event"] == "progress"]
    assert steps == [(i, 4) for i in range(1, 5)]  # 2 pieces, each written and read back
    with rasterio.open(output) as raster:
        np.testing.assert_array_equal(raster.read(), pixels[:, :400, 10:30])
    client.send(request(2, wanted, "prepare"))
    refused = client.until("finished", "error")[-1]
    assert (refused["kind"], refused["id"]) == ("OutputError", 2) and "exists" in refused["message"]
    client.send(request(3, {**wanted, "window": [0, 0, 1, 1]}, "prepare"))
    assert client.until("finished", "error")[-1]["kind"] == "RequestError"


def test_what_prepare_noticed_is_a_warning(start, make_raster, tmp_path: Path) -> None:
    source = make_raster("rgb.tif", digital(9, 9, bands=3), descriptions=["red", "green", "blue"])
    wanted = {"input": source, "output": str(tmp_path / "out.tif"), "radiometry": "0.0001,0"}
    client = start()
    client.send(request(1, wanted, "prepare"))
    assert client.until("finished", "error")[-1]["kind"] == "BandError"
    client.send(request(2, {**wanted, "allow_missing": True}, "prepare"))
    events = client.until("finished", "error")
    said = [event["message"] for event in events if event["event"] == "log" and event["level"] == "warning"]
    assert said == events[-1]["summary"]["warnings"] and "re1, re2, re3, nir" in said[0]


def test_prepare_is_cancelled_and_leaves_nothing(start, make_raster, tmp_path: Path) -> None:
    source = make_raster("scene.tif", digital(3000, 2000), descriptions=BAND_NAMES, nodata=0)
    wanted = {"input": source, "output": str(tmp_path / "out.tif"), "radiometry": "0.0001,0"}
    client = start()
    client.send(request(1, wanted, "prepare"))
    client.until("progress")
    client.send({"id": 2, "method": "cancel", "params": {"id": 1}})
    assert client.until("cancelled", "finished", "error")[-1] == {"event": "cancelled", "id": 1}
    assert [path.name for path in tmp_path.iterdir()] == ["scene.tif"]
    client.send(request(3, None, "check"))
    assert client.until("finished", "error")[-1]["id"] == 3


def test_check_says_what_a_run_would_take(start) -> None:
    client = start(REAL)
    client.send(request(1, {}, "check"))
    last = client.until("finished", "error")[-1]
    assert last["event"] == "finished", last
    summary = last["summary"]
    assert set(summary) == {"versions", "device", "device_name", "precision", "threads"}
    assert summary["versions"]["torch"] == torch.__version__
    assert summary["device"] == pick_device("auto") and summary["device_name"].strip()
    assert summary["precision"] == ("bf16" if native_bf16(summary["device"]) else "fp32")
    assert summary["threads"] >= 1
    client.send(request(2, {"bundle": "x"}, "check"))
    assert client.until("finished", "error")[-1]["kind"] == "RequestError"


BROKEN = "raise ImportError('DLL load failed while importing _C')"


@pytest.mark.parametrize(
    ("method", "kind"), [("check", "LibraryError"), ("prepare", "ImportError"), ("predict", "ImportError")]
)
def test_libraries_that_cannot_be_imported_are_named_with_the_way_to_get_them(
    tmp_path: Path, method: str, kind: str
) -> None:
    """As in a Python that has torch, but a broken one, and no rasterio."""
    for name in ("torch", "rasterio"):
        (tmp_path / f"{name}.py").write_text(BROKEN)
    # The worker starts with -I, which no folder of ours gets past; so it is started from within here.
    code = (
        f"import sys; sys.path.insert(0, {str(tmp_path)!r}); sys.path.append({str(ROOT)!r})\n"
        "from model_core import worker; sys.exit(worker.main(sys.stdin.buffer))"
    )
    lines = json.dumps(request(1, {"input": "a.tif", "output": "b"} if method != "check" else {}, method))
    done = subprocess.run(
        [sys.executable, "-I", "-c", code], input=lines + "\n", capture_output=True, text=True, cwd=tmp_path,
        timeout=PATIENCE,
    )  # fmt: skip
    ready, *_, last = [json.loads(line) for line in done.stdout.splitlines()]
    assert done.returncode == 0 and ready["event"] == "ready"
    assert (last["event"], last["kind"]) == ("error", kind)
    assert "DLL load failed" in last["message"] and "\n" not in last["message"]
    if method == "check":
        assert "rasterio: DLL" in last["message"] and "torch: DLL" in last["message"]
        assert f"{sys.executable} -m pip install rasterio torch'" in last["message"]
    assert "-m pip install" in last["message"] and "Options > HydraNet > Set up" in last["message"]


@pytest.mark.parametrize("error", [RuntimeError("Numpy is not available"), TypeError("no driver")])
def test_libraries_that_do_not_fit_each_other_are_noticed(monkeypatch, error: Exception) -> None:
    def fail(_array: Any) -> None:
        raise error

    monkeypatch.setattr(torch, "from_numpy", fail)
    with pytest.raises(LibraryError, match=f"cannot compute on '.*' \\({error}\\).*--upgrade torch numpy"):
        check()


def test_the_worker_listens_before_any_library_is_imported(tmp_path: Path) -> None:
    code = (
        f"import sys; sys.path.append({str(ROOT)!r})\n"
        "import model_core.worker, model_core.jobs\n"
        "sys.exit(str({'numpy', 'torch', 'rasterio'} & set(sys.modules) or ''))"
    )
    done = subprocess.run([sys.executable, "-I", "-c", code], capture_output=True, text=True, cwd=tmp_path)
    assert done.stderr.strip() == ""


def test_reroute_is_refused_in_a_sentence_where_there_is_no_run(start, tmp_path: Path) -> None:
    client = start()
    client.send(request(1, {"run": str(tmp_path / "nowhere")}, "reroute"))
    error = client.until("finished", "error")[-1]
    assert issubclass(getattr(errors, error["kind"]), errors.HydraNetError), error
    client.send(request(2, {"folder": "x"}, "reroute"))
    assert client.until("finished", "error")[-1]["kind"] == "RequestError"


def test_a_bundle_is_loaded_once_until_it_changes(tmp_path: Path) -> None:
    loaded: list[Path] = []
    cache = ModelCache(lambda path: loaded.append(path) or FakeModel())
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "model.json").write_text("{}")
    first = cache(tmp_path / "a")
    assert cache(tmp_path / "a") is first and len(loaded) == 1
    (tmp_path / "a" / "model.json").write_text("{ }")
    assert cache(tmp_path / "a") is not first and len(loaded) == 2
    cache(tmp_path / "b")
    cache(tmp_path / "b")
    assert len(loaded) == 3
    with pytest.raises(BundleError, match="cannot be read .* choose a folder with model.json"):
        cache(tmp_path / "c")
