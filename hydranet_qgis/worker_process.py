"""One running worker: the process, its pipes, and its last words.

Two small threads read its pipes, so that neither can
fill up and stall it.
"""

from __future__ import annotations

import collections
import json
import os
import queue
import signal

# The worker is a process by design: torch must not live in QGIS.
import subprocess  # nosec B404
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from .environment import no_window
from .i18n import tr

_KEPT_LINES = 60
_TOLD_LINES = 6


class WorkerProcess:
    """A worker started with `command`; lines in, events out.

    Events are dicts with an "event" key; None stands for the end of the worker's output.
    """

    def __init__(self, command: Sequence[str], environ: Mapping[str, str]) -> None:
        """Start it.

        Raises:
            OSError: the program cannot be started.
        """
        self.command = tuple(command)
        self.events: queue.Queue[dict[str, Any] | None] = queue.Queue()
        self._stderr: collections.deque[str] = collections.deque(maxlen=_KEPT_LINES)
        self._write_lock = threading.Lock()
        # A fixed list of program and arguments, no shell; the path is the user's own setting.
        self._popen = subprocess.Popen(  # nosec B603
            list(command),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=dict(environ),
            # Not the plugin's folder: Windows could not replace it in an upgrade.
            cwd=tempfile.gettempdir(),
            **_platform_options(),
        )
        self._threads = [
            threading.Thread(target=self._read_events, name="hydranet-worker-out", daemon=True),
            threading.Thread(target=self._read_stderr, name="hydranet-worker-err", daemon=True),
        ]
        for thread in self._threads:
            thread.start()

    @property
    def pid(self) -> int:
        """Process id."""
        return self._popen.pid

    @property
    def alive(self) -> bool:
        """Whether it still runs."""
        return self._popen.poll() is None

    def send(self, message: Mapping[str, Any]) -> bool:
        """Write one request; False if the worker no longer listens (its events then end too)."""
        line = json.dumps(message, ensure_ascii=False).encode("utf-8") + b"\n"
        with self._write_lock:
            try:
                self._popen.stdin.write(line)
                self._popen.stdin.flush()
            except (OSError, ValueError):
                return False
        return True

    def how_it_ended(self) -> str:
        """The exit in words, such as "exit code 3" or "killed by SIGKILL, often a lack of memory"."""
        code = self._popen.poll()
        if code is None:
            return tr("still running")
        if code >= 0:
            return tr("exit code {code}").format(code=code)
        try:
            name = signal.Signals(-code).name
        except ValueError:
            name = str(-code)
        if name == "SIGKILL":
            return tr("killed by {signal}, often a lack of memory").format(signal=name)
        return tr("killed by {signal}").format(signal=name)

    def memory_bytes(self) -> int | None:
        """Memory it occupies, where the system tells that without asking another program (Linux)."""
        try:
            pages = int(Path(f"/proc/{self.pid}/statm").read_text(encoding="ascii").split()[1])
            return pages * os.sysconf("SC_PAGE_SIZE")
        except (OSError, ValueError, IndexError, AttributeError):
            return None

    def last_words(self) -> str:
        """The last lines it wrote to stderr, in one line; "" if it said nothing."""
        said = [line for line in list(self._stderr) if line.strip()]
        return " | ".join(line.strip() for line in said[-_TOLD_LINES:])

    def wait(self, seconds: float) -> bool:
        """Wait for the end, and for its last lines to arrive; False if it still runs."""
        try:
            self._popen.wait(seconds)
        except subprocess.TimeoutExpired:
            return False
        for thread in self._threads:
            thread.join(1.0)
        return True

    def kill(self) -> None:
        """End it at once, with everything it started."""
        if self.alive:
            if os.name == "posix":
                try:
                    # It leads its own session, so this takes its children along.
                    os.killpg(self._popen.pid, signal.SIGKILL)
                except ProcessLookupError:
                    self._popen.kill()
            else:
                self._popen.kill()
        self.wait(5.0)
        self._close_pipes()

    def stop(self, patience: float = 1.0) -> None:
        """Ask it to leave, and make it leave after `patience` seconds."""
        if self.alive:
            self.send({"id": 0, "method": "shutdown"})
            with self._write_lock:
                try:
                    self._popen.stdin.close()  # end of input also means: leave
                except OSError:
                    self._stderr.append("its input was already closed")
            started = time.monotonic()
            while self.alive and time.monotonic() - started < patience:
                time.sleep(0.02)
        self.kill()

    def _close_pipes(self) -> None:
        # Only after the readers are gone: closing under a blocked read would wait for its lock.
        if any(thread.is_alive() for thread in self._threads):
            return
        for pipe in (self._popen.stdin, self._popen.stdout, self._popen.stderr):
            try:
                pipe.close()
            except OSError:
                self._stderr.append("a pipe was already closed")

    def _read_events(self) -> None:
        try:
            for raw in self._popen.stdout:
                line = raw.decode("utf-8", errors="replace").strip()
                if not line:
                    continue
                try:
                    event = json.loads(line)
                except ValueError:
                    event = None
                if isinstance(event, dict) and "event" in event:
                    self.events.put(event)
                else:
                    # Something printed where it should not; it may be the reason of a crash.
                    self._stderr.append(line)
        except (OSError, ValueError) as error:
            self._stderr.append(f"its output could not be read: {error}")
        finally:
            self.events.put(None)

    def _read_stderr(self) -> None:
        try:
            for raw in self._popen.stderr:
                self._stderr.append(raw.decode("utf-8", errors="replace").rstrip())
        except (OSError, ValueError) as error:
            self._stderr.append(f"its messages could not be read: {error}")


def worker_command(python: Path, entry: Path) -> list[str]:
    """`python -I -u <model_core> worker`: isolated from QGIS's paths and variables, unbuffered."""
    return [str(python), "-I", "-u", str(entry), "worker"]


def _platform_options() -> dict[str, Any]:
    return no_window() if os.name == "nt" else {"start_new_session": True}
