"""A scripted worker: speaks the protocol, and behaves as the name of the input raster says.

crash…  dies in the middle        killed… is killed by a signal     error…  reports an error of the job
full…   fails in the middle, with something worth continuing        differs… refuses to continue
slow…   works until it is told to stop                               deaf…   works and hears nothing
mute…   sends nothing at all      anything else: writes a run.

For a run to be decided anew it is the name of the run folder, for a raster to be prepared that of the output.
An unfinished run has a journal/plan.json in the run folder; with "resume" or "overwrite" any run is finished.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
import threading
import time
from pathlib import Path

import fake_jobs
import fake_labels
import fake_run
import fake_training

PROTOCOL = int(os.environ.get("HYDRANET_FAKE_PROTOCOL", "1"))
_lock = threading.Lock()


def emit(**event) -> None:
    with _lock:
        sys.stdout.write(json.dumps(event) + "\n")
        sys.stdout.flush()


def job(number: int, params: dict, stop: threading.Event) -> None:
    name, folder = Path(params["input"]).stem, Path(params["output"])
    journal, existed = folder / "journal", folder.is_dir()
    go_on = params.get("resume") or params.get("overwrite")
    if name.startswith("mute"):
        time.sleep(60)
    if name.startswith("differs") or ((journal / "plan.json").exists() and not go_on):
        emit(event="error", id=number, kind="OutputError", message="The unfinished run is another one.")
        return
    emit(event="started", id=number, total_tiles=12, folder=str(folder))
    emit(event="log", id=number, level="warning", message="The radiometry was guessed from the values.")
    if name.startswith("error"):
        emit(
            event="error", id=number, kind="BandError", message="The raster has 3 bands; say which is which."
        )
        return
    if name.startswith(("crash", "killed", "full", "slow", "deaf")) and not go_on:
        journal.mkdir(parents=True)
        (journal / "plan.json").write_text("{}")
        emit(event="progress", id=number, done=3, total=12, message="3 of 12 tiles")
    if name.startswith("full") and not go_on:
        message = "The disk is full. What is done is kept: Resume it."
        emit(event="error", id=number, kind="OutputError", message=message)
        return
    if name.startswith(("crash", "killed")) and not go_on:
        print("Traceback: something\nRuntimeError: the tensor is too big", file=sys.stderr, flush=True)
        if name.startswith("crash"):
            os._exit(3)
        os.kill(os.getpid(), signal.SIGKILL)
    while name.startswith(("slow", "deaf")):
        emit(event="progress", id=number, done=4, total=12, message="4 of 12 tiles")
        if stop.is_set() and name.startswith("slow"):
            shutil.rmtree(journal if existed else folder)
            emit(event="cancelled", id=number)
            return
        time.sleep(0.05)
    shutil.rmtree(journal, ignore_errors=True)
    summary = fake_run.write_run(
        folder,
        params,
        lambda done, total: emit(event="progress", id=number, done=done, total=total, message=""),
    )
    emit(event="finished", id=number, folder=str(folder), summary=summary)


def other_job(method: str, number: int, params: dict, stop: threading.Event) -> None:
    name = Path(params["run"] if method == "reroute" else params["output"]).stem
    emit(event="started", id=number, total_tiles=12, folder="")
    if name.startswith("error"):
        emit(event="error", id=number, kind="BandError", message="Bands are missing; say which is which.")
        return
    if name.startswith("crash"):
        print("RuntimeError: the tensor is too big", file=sys.stderr, flush=True)
        os._exit(3)
    while name.startswith(("slow", "deaf")):
        emit(event="progress", id=number, done=4, total=12, message="")
        if stop.is_set() and name.startswith("slow"):
            emit(event="cancelled", id=number)
            return
        time.sleep(0.05)
    work = {
        "reroute": fake_jobs.reroute,
        "prepare": fake_jobs.prepare,
        "tiles": fake_labels.tiles,
        "evaluate": fake_labels.evaluate,
    }[method]
    summary = work(params, lambda d, t: emit(event="progress", id=number, done=d, total=t, message=""))
    where = {"folder": params["run"]} if method == "reroute" else {"output": params["output"]}
    emit(event="finished", id=number, summary=summary, **where)


def safe_job(method: str, number: int, params: dict, stop: threading.Event, enough: threading.Event) -> None:
    """A mistake in here fails a test at once; silence would only do so after minutes."""
    try:
        if method == "predict":
            job(number, params, stop)
        elif method == "train":
            fake_training.job(number, params, stop, enough, emit)
        else:
            other_job(method, number, params, stop)
    except BaseException as error:
        emit(
            event="error", id=number, kind=type(error).__name__, message=f"The fake worker failed: {error!r}"
        )
        raise


def main() -> None:
    if sys.argv[1:] != ["worker"] or not sys.flags.isolated:
        sys.exit("start me with -I and the word worker")
    foreign = [k for k in os.environ if k.startswith(("PYTHON", "QT_", "QGIS_", "GDAL_", "PROJ_"))]
    if foreign or "LD_LIBRARY_PATH" in os.environ:
        sys.exit(f"the environment is not clean: {foreign}")
    emit(event="ready", protocol=PROTOCOL, versions={"pid": os.getpid()})
    print("a library prints where it should not")
    sys.stdout.flush()
    stops: dict[int, threading.Event] = {}
    enoughs: dict[int, threading.Event] = {}
    for line in sys.stdin:
        message = json.loads(line)
        if message["method"] == "shutdown":
            return
        if message["method"] == "cancel":
            stops.get(message["params"]["id"], threading.Event()).set()
        if message["method"] == "conclude":
            enoughs.get(message["params"]["id"], threading.Event()).set()
        if message["method"] in ("predict", "reroute", "prepare", "tiles", "evaluate", "train"):
            stops[message["id"]] = threading.Event()
            enoughs[message["id"]] = threading.Event()
            signs = (stops[message["id"]], enoughs[message["id"]])
            arguments = (message["method"], message["id"], message["params"], *signs)
            threading.Thread(target=safe_job, args=arguments, daemon=True).start()


if __name__ == "__main__":
    main()
