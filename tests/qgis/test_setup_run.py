"""Making the private environment for real, from tiny wheels: never half, never without the old one."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pip
import pytest

from hydranet_qgis import paths
from hydranet_qgis.environment import discover, venv_python
from hydranet_qgis.errors import EnvironmentMissing, SetupError, WorkerError
from hydranet_qgis.setup import steps
from hydranet_qgis.setup.command import Cancelled
from hydranet_qgis.setup.pip_command import Options
from hydranet_qgis.setup.steps import Report, Setup
from hydranet_qgis.setup.store import Store
from tests.qgis.wheels import make_wheel, make_worker

BASE = Path("/usr/bin/python3")
ROOT = Path(paths.__file__).parents[1]


class Place:
    """A profile, a folder of wheels, and one set-up after the other."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.store = Store(folder / "profile")
        self.requirements = folder / "requirements.txt"
        self.requirements.write_text("torch==1.0\nrasterio==1.0\n")
        self.wheels = folder / "wheels"
        for name in ("torch", "rasterio"):
            make_wheel(self.wheels, name)
        self.lines: list[str] = []
        self.steps: list[str] = []
        self.progress: list[int] = []
        self.stop = threading.Event()
        # Nothing of this machine's pip configuration.
        self.environ = {k: v for k, v in os.environ.items() if not k.startswith("PIP_")}
        self.environ["PIP_CONFIG_FILE"] = os.devnull

    def setup(self) -> Any:
        report = Report(self.steps.append, self.lines.append, self.progress.append)
        options = Options(BASE, wheels=self.wheels, requirements=self.requirements)
        return Setup(self.store, options, self.environ, None, report, self.stop.is_set).run()

    @property
    def environments(self) -> list[str]:
        folder = self.store.environments
        return sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []


@pytest.fixture
def real_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    worker = make_worker(tmp_path / "worker")
    monkeypatch.setattr(paths, "worker_entry", lambda: worker)
    return Place(tmp_path)


@pytest.fixture
def place(real_place: Place, monkeypatch: pytest.MonkeyPatch) -> Place:
    """The same, but pip is borrowed from the tests' own environment: unpacking one takes most of the time."""
    borrowed = real_place.folder / "borrowed"
    borrowed.mkdir()
    (borrowed / "pip").symlink_to(Path(pip.__file__).parent)
    run = steps.command.run

    def quick(call: list[str], environ: Any, folder: Path, *more: Any) -> int:
        if "ensurepip" not in call:
            return run(call, environ, folder, *more)
        for site in folder.glob("lib/python3*/site-packages"):
            (site / "borrowed.pth").write_text(f"{borrowed}\n")
        return 0

    monkeypatch.setattr(steps.command, "run", quick)
    return real_place


def test_a_set_up_makes_an_environment_that_is_used(real_place: Place) -> None:
    place = real_place
    pointer = place.setup()
    assert place.store.current() == pointer
    assert (pointer.torch, pointer.python) == ("1.0", "3.11.2")
    python = venv_python(place.store.path(pointer))
    assert discover("", {}, place.folder, place.folder / "profile").path == python
    shown = subprocess.run([python, "-I", "-c", "import torch; print(torch.__file__)"], capture_output=True)
    assert str(place.store.environments) in shown.stdout.decode()
    assert place.environments == [pointer.folder]
    assert not (place.store.path(pointer) / "tmp").exists()
    assert place.progress == sorted(set(place.progress))
    assert place.progress[-1] == 100
    log = place.store.log.read_text()
    assert "Successfully installed" in log and "Ready after" in log
    assert log.splitlines() == "\n".join(place.lines).splitlines()


def test_a_package_that_is_missing_is_named_and_the_old_environment_stays(place: Place) -> None:
    first = place.setup()
    place.requirements.write_text("torch==1.0\nrasterio==2.0\n")
    with pytest.raises(SetupError, match="folder of wheels has no rasterio==2.0 for this Python"):
        place.setup()
    assert place.store.current() == first
    assert place.environments == [first.folder]
    assert "No matching distribution found for rasterio==2.0" in place.store.log.read_text()


def test_an_environment_that_does_not_work_is_not_used(place: Place) -> None:
    place.requirements.write_text("torch==1.0\n")
    with pytest.raises(SetupError, match="rasterio is missing in it"):
        place.setup()
    (place.folder / "worker" / "__main__.py").write_text("import sys; sys.exit('DLL load failed: c10.dll')")
    with pytest.raises(SetupError, match="Visual C.* Redistributable.*DLL load failed: c10.dll"):
        place.setup()
    assert place.store.current() is None
    assert place.environments == []


def test_torch_that_cannot_load_its_libraries_is_told_with_the_cure(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise WorkerError("torch: [WinError 126] c10.dll", "LibraryError")

    monkeypatch.setattr(steps.WorkerClient, "run", broken)
    with pytest.raises(SetupError, match="Visual C.* Redistributable.*c10.dll"):
        steps.check_worker(BASE, print, lambda: False)


def test_a_worker_that_knows_no_check_is_asked_by_its_greeting(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HYDRANET_OLD_WORKER", "1")
    assert place.setup().torch == "1.0"


def test_cancelling_leaves_nothing_behind(place: Place) -> None:
    first = place.setup()
    place.steps.clear()

    class Stop:
        def is_set(self) -> bool:
            return any("Installing" in step for step in place.steps)

    place.stop = Stop()
    with pytest.raises(Cancelled):
        place.setup()
    assert place.environments == [first.folder]
    assert place.store.current() == first
    assert "half made has been removed" in place.lines[-1]


def test_what_a_program_started_ends_with_it(place: Place, tmp_path: Path) -> None:
    script = tmp_path / "slow.sh"
    script.write_text("#!/bin/sh\nsleep 600 &\necho child $!\nwait\n")
    script.chmod(0o755)
    said: list[str] = []
    with pytest.raises(Cancelled):
        steps.command.run([str(script)], os.environ, tmp_path, said.append, lambda: bool(said))
    child = int(said[0].split()[1])
    for _ in range(100):
        if not _alive(child):
            break
        time.sleep(0.05)
    assert not _alive(child)


def _alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


HOLDER = """
import sys, time
sys.path.insert(0, sys.argv[1])
from pathlib import Path
from hydranet_qgis import worker_client
from hydranet_qgis.setup.pip_command import Options
from hydranet_qgis.setup.steps import Report, Setup
from hydranet_qgis.setup.store import Store
def line(text):
    print(text, flush=True)
    if text.startswith("Installing"):
        time.sleep(600)
here = Path(sys.argv[2])
options = Options(Path("/usr/bin/python3"), wheels=here / "wheels", requirements=here / "requirements.txt")
Setup(Store(here / "profile"), options, {"PATH": "/bin"}, None, Report(line=line), lambda: False).run()
"""


def test_a_second_set_up_waits_outside_and_one_that_was_killed_is_cleaned_up(place: Place) -> None:
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(ROOT), str(place.folder)], stdout=subprocess.PIPE, text=True
    )
    try:
        for line in holder.stdout:
            if line.startswith("Installing"):
                break
        with pytest.raises(SetupError, match=rf"Another QGIS .*\(process {holder.pid} on .*wait until"):
            place.setup()
        half = place.environments
        assert len(half) == 1
    finally:
        holder.send_signal(signal.SIGKILL)
        holder.wait()
        holder.stdout.close()
    with pytest.raises(EnvironmentMissing):
        discover("", {}, place.folder, place.folder / "profile")
    pointer = place.setup()
    assert place.environments == [pointer.folder]
    assert pointer.folder not in half


def test_too_little_space_is_told_before_anything_is_written(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: SimpleNamespace(free=4e8))
    with pytest.raises(SetupError, match="has 0.4 GB free, about 1.5 GB are needed; free some space"):
        place.setup()
    assert place.environments == []


def test_a_folder_without_wheels_is_told_at_once(place: Place) -> None:
    shutil.rmtree(place.wheels)
    with pytest.raises(SetupError, match="is not there"):
        place.setup()
    place.wheels.mkdir()
    with pytest.raises(SetupError, match="holds no wheels"):
        place.setup()


def test_a_python_that_cannot_make_environments_is_told(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = place.folder / "python3"
    program.write_text("#!/bin/sh\necho 'Error: no ensurepip'; exit 1\n")
    program.chmod(0o755)
    monkeypatch.setattr(sys.modules[__name__], "BASE", program)
    with pytest.raises(SetupError, match="no ensurepip"):
        place.setup()
    monkeypatch.setattr(sys.modules[__name__], "BASE", place.folder / "gone")
    with pytest.raises(SetupError, match="cannot be started: No such file"):
        place.setup()
    assert place.environments == []


def test_a_profile_that_cannot_be_written_is_told(place: Place) -> None:
    (place.folder / "profile").write_text("a file where the folder should be")
    with pytest.raises(SetupError, match="cannot be written"):
        place.setup()


def test_an_environment_in_use_is_kept_until_the_next_time(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = place.setup()
    busy = [first.folder]
    monkeypatch.setattr(steps, "_in_use", lambda folder: folder.name in busy)
    second = place.setup()
    assert place.environments == sorted([first.folder, second.folder])
    busy.clear()
    place.setup()
    assert place.environments == [place.store.current().folder]
