"""Set-up step by step: lock, disk, environment, packages, check, pointer.

Everything here runs in a thread of its own. Until the last step nothing refers to the new environment; when
anything goes wrong before it, the folder is removed and the one in use stays.
"""

from __future__ import annotations

import platform
import shutil
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from qgis.PyQt.QtCore import QLockFile

from ..environment import Interpreter, venv_python
from ..errors import PluginError, SetupError, WorkerCancelled, WorkerError
from ..i18n import tr
from ..worker_client import WorkerClient, shared_client
from . import command, pip_command
from .command import Cancelled
from .failures import explain
from .pip_command import CUDA, Options
from .proxy import Proxy
from .store import Pointer, Store, remove

# Measured, rounded up: what an environment takes while its packages are being unpacked.
_NEEDED_BYTES = {pip_command.CPU: 1_500_000_000, CUDA: 9_000_000_000}
_ORIGIN = "set-up"


@dataclass
class Report:
    """Where set-up tells how far it is; each is called in set-up's thread.

    Attributes:
        step: what is being done, for a label.
        line: one line for the log.
        progress: whole per cent, never falling.
    """

    step: Callable[[str], None] = field(default=lambda text: None)
    line: Callable[[str], None] = field(default=lambda text: None)
    progress: Callable[[int], None] = field(default=lambda percent: None)


class Setup:
    """One set-up.

    Args:
        store: where environments lie.
        options: what the user chose.
        environ: environment variables of this process.
        proxy: QGIS' own proxy.
        report: is told what happens.
        cancelled: polled; once True everything is ended and undone within 2 seconds.
        prefix: where QGIS is installed.
    """

    def __init__(
        self,
        store: Store,
        options: Options,
        environ: Mapping[str, str],
        proxy: Proxy | None,
        report: Report,
        cancelled: Callable[[], bool],
        prefix: str = "",
    ) -> None:
        self._store = store
        self._options = options
        self._environ = environ
        self._proxy = proxy
        self._report = report
        self._cancelled = cancelled
        self._prefix = prefix
        self._percent = 0
        self._log: Any = None

    def run(self) -> Pointer:
        """Do it all.

        Raises:
            SetupError: it did not succeed; one sentence with the likely cure.
            Cancelled: the user stopped it.
        """
        try:
            self._store.folder.mkdir(parents=True, exist_ok=True)
            lock = self._take_lock()
        except OSError as error:
            raise SetupError(_not_writable(self._store.folder, error)) from error
        try:
            with self._store.log.open("w", encoding="utf-8") as self._log:
                return self._run_locked()
        except (SetupError, Cancelled):
            raise
        except OSError as error:
            raise SetupError(_not_writable(self._store.folder, error)) from error
        finally:
            self._log = None
            lock.unlock()

    def _run_locked(self) -> Pointer:
        started = time.monotonic()
        self._say(tr("Set-up of {time}").format(time=time.strftime("%Y-%m-%d %H:%M:%S %z")))
        self._check_choices()
        self._store.remove_others(_in_use)  # what a killed set-up left
        self._check_disk()
        folder = self._store.new_folder()
        try:
            self._make(folder)
            self._install(folder)
            pointer = self._check(folder)
            self._store.point_to(pointer)
        except BaseException as error:
            remove(folder)
            if isinstance(error, (SetupError, Cancelled)):
                self._say(str(error) or tr("Cancelled; what was half made has been removed."))
            raise
        self._store.remove_others(_in_use)
        self._advance(100)
        self._step(tr("Ready after {n} s.").format(n=f"{time.monotonic() - started:.0f}"))
        return pointer

    def _take_lock(self) -> QLockFile:
        lock = QLockFile(str(self._store.lock))
        lock.setStaleLockTime(0)  # only a dead process loses it, however long set-up takes
        if lock.tryLock(0):
            return lock
        known, pid, host, _ = lock.getLockInfo()
        if not known:
            raise SetupError(_not_writable(self._store.folder, OSError(str(self._store.lock))))
        raise SetupError(
            tr(
                "Another QGIS is setting up this profile's environment already (process {pid} on {host}); "
                "wait until it has finished."
            ).format(pid=pid, host=host)
        )

    def _check_choices(self) -> None:
        wheels = self._options.wheels
        if wheels is not None and not wheels.is_dir():
            raise SetupError(
                tr("The folder of wheels {folder} is not there; choose the one they were put into.").format(
                    folder=wheels
                )
            )
        if wheels is not None and not any(wheels.glob("*.whl")):
            raise SetupError(
                tr("The folder {folder} holds no wheels (*.whl); choose the one they were put into.").format(
                    folder=wheels
                )
            )

    def _check_disk(self) -> None:
        needed = _NEEDED_BYTES[self._options.hardware]
        free = shutil.disk_usage(self._store.folder).free
        if free < needed:
            raise SetupError(
                tr(
                    "The disk of the QGIS profile has {free} GB free, about {needed} GB are needed; "
                    "free some space and press Set up again."
                ).format(free=f"{free / 1e9:.1f}", needed=f"{needed / 1e9:.1f}")
            )

    def _make(self, folder: Path) -> None:
        self._step(tr("Making an environment with {python}…").format(python=self._options.base))
        (folder / "tmp").mkdir()
        self._advance(2)
        # pip in a call of its own: venv would start it in a process that a cancel could not reach everywhere.
        self._call([str(self._options.base), "-I", "-m", "venv", "--without-pip", str(folder)], folder)
        self._advance(4)
        python = venv_python(folder)
        self._call([str(python), "-I", "-m", "ensurepip", "--default-pip"], folder)
        self._advance(8)

    def _install(self, folder: Path) -> None:
        self._step(tr("Installing packages…"))
        # The disk tells how far pip is, whichever its version; a bar that is a little wrong moves at least.
        before = shutil.disk_usage(folder).free
        expected = 0.8 * _NEEDED_BYTES[self._options.hardware]

        def look() -> None:
            written = before - shutil.disk_usage(folder).free
            self._advance(8 + 80 * min(0.97, max(0.0, written / expected)))

        python = venv_python(folder)
        for call in pip_command.commands(python, self._options, platform.system()):
            self._call(call, folder, look)
        shutil.rmtree(folder / "tmp", ignore_errors=True)
        self._advance(90)

    def _check(self, folder: Path) -> Pointer:
        self._step(tr("Starting the worker to check the environment…"))
        versions = check_worker(venv_python(folder), self._say, self._cancelled)["versions"]
        lacking = [name for name in ("torch", "rasterio") if not versions.get(name)]
        if lacking:
            raise SetupError(
                tr("The environment was made, but {names} is missing in it; the log tells more.").format(
                    names=", ".join(lacking)
                )
            )
        return Pointer(
            folder=folder.name,
            python=str(versions.get("python")),
            torch=str(versions["torch"]),
            created=time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
            requirements=pip_command.requirements_hash(self._options.requirements),
        )

    def _call(self, call: list[str], folder: Path, idle: Callable[[], None] = lambda: None) -> None:
        said: list[str] = []

        def hear(line: str) -> None:
            said.append(pip_command.without_passwords(line))
            self._say(said[-1])

        self._say("$ " + pip_command.without_passwords(" ".join(call)))
        environ = pip_command.environment(self._environ, self._proxy, folder / "tmp", self._prefix)
        try:
            code = command.run(call, environ, folder, hear, self._cancelled, idle)
        except OSError as error:
            raise SetupError(
                tr("{program} cannot be started: {why}; choose another Python.").format(
                    program=call[0], why=error.strerror or error
                )
            ) from error
        if code:
            raise SetupError(explain(said, offline=self._options.wheels is not None))

    def _step(self, text: str) -> None:
        self._report.step(text)
        self._say(text)

    def _say(self, text: str) -> None:
        self._log.write(text + "\n")
        self._log.flush()
        self._report.line(text)

    def _advance(self, percent: float) -> None:
        if int(percent) > self._percent:
            self._percent = int(percent)
            self._report.progress(self._percent)


def check_worker(python: Path, say: Callable[[str], None], cancelled: Callable[[], bool]) -> dict[str, Any]:
    """Start the real worker with a Python, and ask what it has.

    Returns:
        `versions`; if the worker knows the job `check` also `device`, `device_name`, `precision`, `threads`.

    Raises:
        SetupError: it does not start, or cannot load what it needs.
        Cancelled: the user stopped it.
    """
    client = WorkerClient()

    def hear(event: dict[str, Any]) -> None:
        if event.get("event") == "log":
            say(str(event.get("message")))

    try:
        found = client.run(Interpreter(python, _ORIGIN), "check", {}, hear, cancelled).get("summary") or {}
    except WorkerCancelled as error:
        raise Cancelled from error
    except WorkerError as error:
        if error.kind != "ProtocolError":
            raise SetupError(_why_not_working(str(error))) from error
        found = {}  # an older worker: it has told its versions at the start
    except PluginError as error:
        raise SetupError(_why_not_working(str(error))) from error
    finally:
        client.shutdown()
    return {**found, "versions": found.get("versions") or client.versions}


def _why_not_working(text: str) -> str:
    if "DLL load failed" in text or "WinError 126" in text or "WinError 1114" in text:
        return tr(
            "torch cannot load its libraries; install the Microsoft Visual C++ Redistributable (x64) "
            "and press Set up again. {text}"
        ).format(text=text)
    return text


def _not_writable(folder: Path, error: OSError) -> str:
    return tr("{folder} cannot be written: {why}; check its owner and the free space.").format(
        folder=folder, why=error.strerror or error
    )


def _in_use(folder: Path) -> bool:
    """Whether a run goes on in a worker from that folder; a worker that only waits is stopped."""
    return shared_client().holds(folder)
