"""Running one program: its lines as they come, and its end when the user wants it."""

from __future__ import annotations

import os
import queue
import signal

# Set-up is done by Python and pip in processes of their own: nothing of it may happen inside QGIS.
import subprocess  # nosec B404
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from ..environment import no_window

_POLL_S = 0.1


class Cancelled(Exception):
    """The user stopped the set-up."""


def run(
    command: Sequence[str],
    environ: Mapping[str, str],
    folder: Path,
    on_line: Callable[[str], None],
    cancelled: Callable[[], bool],
    idle: Callable[[], None] = lambda: None,
) -> int:
    """Run a program to its end.

    Args:
        command: program and arguments.
        environ: its environment variables.
        folder: its working directory.
        on_line: called in this thread with every line it prints.
        cancelled: polled ten times a second.
        idle: called at each of these polls.

    Returns:
        Its exit code.

    Raises:
        OSError: it cannot be started.
        Cancelled: the user stopped it; it and what it started have ended.
    """
    # A fixed list without a shell; the program is a Python that was found or made here.
    process = subprocess.Popen(  # nosec B603
        list(command),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=dict(environ),
        cwd=folder,
        **_own_group(),
    )
    lines: queue.Queue[str | None] = queue.Queue()
    reader = threading.Thread(target=_read, args=(process, lines), name="hydranet-setup-out", daemon=True)
    reader.start()
    try:
        while True:
            if cancelled():
                raise Cancelled
            idle()
            try:
                line = lines.get(timeout=_POLL_S)
            except queue.Empty:
                continue
            if line is None:
                return process.wait()
            on_line(line)
    finally:
        kill(process)
        process.wait()
        reader.join(2.0)
        if not reader.is_alive():  # closing under a blocked read would wait for its lock
            process.stdout.close()


def kill(process: subprocess.Popen) -> None:
    """End a program at once, with everything it started; harmless if it has ended."""
    if os.name != "posix":
        process.kill()  # an environment's python.exe takes the Python it started along
        return
    try:
        os.killpg(process.pid, signal.SIGKILL)  # it leads its own group
    except (ProcessLookupError, PermissionError):
        process.kill()


def _own_group() -> dict[str, Any]:
    return {"start_new_session": True} if os.name == "posix" else no_window()


def _read(process: subprocess.Popen, lines: queue.Queue[str | None]) -> None:
    try:
        for raw in process.stdout:
            lines.put(raw.decode("utf-8", errors="replace").rstrip())
    except (OSError, ValueError) as error:
        lines.put(f"its output could not be read: {error}")
    finally:
        lines.put(None)
