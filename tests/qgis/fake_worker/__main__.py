"""A scripted worker: speaks the protocol, and behaves as the name of the input raster says.

crash…  dies in the middle        killed… is killed by a signal     error…  reports an error of the job
slow…   works until it is told to stop                               deaf…   works and hears nothing
mute…   sends nothing at all      anything else: writes a run.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import time
from pathlib import Path

import fake_run

PROTOCOL = int(os.environ.get("HYDRANET_FAKE_PROTOCOL", "1"))
_lock = threading.Lock()


def emit(**event) -> None:
    with _lock:
        sys.stdout.write(json.dumps(event) + "\n")
        sys.stdout.flush()


def job(number: int, params: dict, stop: threading.Event) -> None:
    name, folder = Path(params["input"]).stem, Path(params["output"])
    if name.startswith("mute"):
        time.sleep(60)
    emit(event="started", id=number, total_tiles=12, folder=str(folder))
    emit(event="log", id=number, level="warning", message="The radiometry was guessed from the values.")
    if name.startswith("error"):
        emit(
            event="error", id=number, kind="BandError", message="The raster has 3 bands; say which is which."
        )
        return
    if name.startswith(("crash", "killed")):
        part = folder / ".hydranet.part-abc"
        part.mkdir(parents=True)
        (part / "water.tif").write_bytes(b"half")
        emit(event="progress", id=number, done=3, total=12, message="3 of 12 tiles")
        print("Traceback: something\nRuntimeError: the tensor is too big", file=sys.stderr, flush=True)
        if name.startswith("crash"):
            os._exit(3)
        os.kill(os.getpid(), signal.SIGKILL)
    while name.startswith(("slow", "deaf")):
        emit(event="progress", id=number, done=1, total=12, message="1 of 12 tiles")
        if stop.is_set() and name.startswith("slow"):
            emit(event="cancelled", id=number)
            return
        time.sleep(0.05)
    summary = fake_run.write_run(
        folder,
        params,
        lambda done, total: emit(event="progress", id=number, done=done, total=total, message=""),
    )
    emit(event="finished", id=number, folder=str(folder), summary=summary)


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
    for line in sys.stdin:
        message = json.loads(line)
        if message["method"] == "shutdown":
            return
        if message["method"] == "cancel":
            stops.get(message["params"]["id"], threading.Event()).set()
        if message["method"] == "predict":
            stops[message["id"]] = threading.Event()
            arguments = (message["id"], message["params"], stops[message["id"]])
            threading.Thread(target=job, args=arguments, daemon=True).start()


if __name__ == "__main__":
    main()
