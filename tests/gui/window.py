"""Start the real QGIS with a window on a virtual screen, let a scene play in it, and bring back what it saw.

A scene is a function in tests/gui/scenes.py, or in another module there, that runs inside QGIS. It gets a
dict and returns one; both travel as JSON files. The screen is an Xvfb of this harness's own, so it needs
no desktop and touches none.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from tests.which_qgis import program

from .qgis_home import QgisHome

SCREEN = "1600x1000x24"
HANG_S = 300.0  # a QGIS that takes this long stands still; only then is it ended
LAUNCHER = Path(__file__).with_name("launch.py")


class WindowError(Exception):
    """QGIS did not start, did not end, or the scene raised; the message shows what it printed."""


class Screen:
    """A virtual X screen of our own; its number is one that Xvfb itself found free."""

    def __init__(self, log: Path) -> None:
        read, write = os.pipe()
        with log.open("wb") as output:
            self.process = subprocess.Popen(
                ["Xvfb", "-displayfd", str(write), "-screen", "0", SCREEN, "-dpi", "96", "-nolisten", "tcp"],
                pass_fds=(write,),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        os.close(write)
        with os.fdopen(read) as pipe:  # Xvfb writes the number when it takes connections, or closes the pipe
            number = pipe.readline().strip()
        if not number:
            self.close()
            raise WindowError(f"Xvfb did not start: {_tail(log)}")
        self.display = f":{number}"

    def close(self) -> None:
        """End Xvfb."""
        _end(self.process)


def play(home: QgisHome, scene: str, job: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """Start QGIS, let `scene` play in it, wait until QGIS has ended.

    Args:
        home: settings and environment of this QGIS.
        scene: name of a function in tests/gui/scenes.py, or `module:function` with another module there.
        job: what the scene is told; JSON types.
        folder: where `<function>.log`, `<function>.job.json` and `<function>.result.json` are written.

    Returns:
        What the scene returned, and `exit_code` of QGIS.

    Raises:
        WindowError: no screen, no start, no end, or an error in the scene.
    """
    folder.mkdir(parents=True, exist_ok=True)
    module, _, scene = scene.rpartition(":")
    log, job_file, result_file = (folder / f"{scene}{end}" for end in (".log", ".job.json", ".result.json"))
    result_file.unlink(missing_ok=True)
    order = {"module": module or "scenes", "scene": scene, "job": dict(job)}
    order |= {"result": str(result_file), "folder": str(LAUNCHER.parent)}
    job_file.write_text(json.dumps(order), encoding="utf-8")
    screen = Screen(folder / "xvfb.log")
    try:
        code = _run_qgis(home, screen.display, job_file, log)
    finally:
        screen.close()
    if not result_file.is_file():
        raise WindowError(f"QGIS ended with {code} before the scene '{scene}' was over: {_tail(log)}")
    result = json.loads(result_file.read_text(encoding="utf-8"))
    if "error" in result:
        raise WindowError(f"the scene '{scene}' failed:\n{result['error']}")
    return {**result, "exit_code": code}


def _run_qgis(home: QgisHome, display: str, job_file: Path, log: Path) -> int:
    command = [program("qgis"), "--noversioncheck", "--nologo", "--lang", "en"]
    command += ["--profiles-path", str(home.profiles), "--code", str(LAUNCHER)]
    # The screen's size in whole millimetres gives 96.07 dpi, which newer versions scale everything by.
    screen = {"DISPLAY": display, "QT_QPA_PLATFORM": "xcb", "QT_FONT_DPI": "96"}
    env = home.environment({**screen, "HYDRANET_SCENE": str(job_file)})
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        return process.wait(HANG_S)
    except subprocess.TimeoutExpired as error:
        if shutil.which("import"):  # ImageMagick; without it there is no picture of what QGIS waits for
            subprocess.run(
                ["import", "-window", "root", str(log.with_suffix(".hang.png"))], env=env, check=False
            )
        raise WindowError(f"QGIS still runs after {HANG_S:.0f} s: {_tail(log)}") from error
    finally:
        _end(process)  # its worker too, should QGIS have left it behind


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a process and what it started: politely, then surely."""
    for number, patience in ((signal.SIGTERM, 5.0), (signal.SIGKILL, 1.0)):
        with suppress(ProcessLookupError):
            os.killpg(process.pid, number)
        until = time.monotonic() + patience
        while time.monotonic() < until:
            process.poll()
            try:
                os.killpg(process.pid, 0)
            except ProcessLookupError:
                return
            time.sleep(0.05)


def _tail(log: Path, lines: int = 40) -> str:
    text = log.read_text(encoding="utf-8", errors="replace") if log.is_file() else ""
    return "\n".join(text.splitlines()[-lines:])
