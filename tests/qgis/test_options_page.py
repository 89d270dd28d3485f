"""The page about the worker's environment: it stores on OK only, tests in the background, and sets up."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from qgis.core import QgsSettings
from qgis.PyQt.QtCore import Qt
from qgis.PyQt.QtWidgets import QApplication, QMessageBox

from hydranet_qgis import environment_page, paths, worker_client
from hydranet_qgis.environment import SETTING, find_interpreter, venv_python
from hydranet_qgis.environment_page import (
    EnvironmentDialog,
    EnvironmentFactory,
    EnvironmentPage,
    interpreter_box,
    setup_box,
)
from hydranet_qgis.errors import EnvironmentMissing, SetupError
from hydranet_qgis.interpreters import BasePython
from hydranet_qgis.python_facts import Facts
from hydranet_qgis.setup import job as job_module
from hydranet_qgis.setup.command import Cancelled
from hydranet_qgis.setup.job import close_shared_job, shared_job
from hydranet_qgis.setup.store import Pointer
from tests.qgis.conftest import FAKE, PYTHON
from tests.qgis.wheels import make_worker

USABLE = BasePython(Path("/usr/bin/python3"), "tests", Facts((3, 11, 2)))
TOO_OLD = BasePython(Path("/old/python3"), "tests", Facts((3, 9, 1), "This is Python 3.9.1."))


@pytest.fixture
def profile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A profile without an environment, and no checkout to fall back to."""
    monkeypatch.setattr(paths, "checkout", lambda: tmp_path / "no-checkout")
    for module in (setup_box, job_module, sys.modules["hydranet_qgis.environment"]):
        monkeypatch.setattr(module, "profile_folder", lambda: tmp_path / "profile")
    monkeypatch.setattr(setup_box, "base_pythons", lambda prefix: [USABLE, TOO_OLD])
    QgsSettings().remove(SETTING)
    yield tmp_path / "profile"
    close_shared_job()
    QgsSettings().remove(SETTING)


@pytest.fixture
def page(profile: Path, qtbot: Any) -> EnvironmentPage:
    made = EnvironmentPage()
    qtbot.addWidget(made)
    made.show()
    qtbot.waitUntil(lambda: made.setup.run.isEnabled())
    return made


class Scripted:
    """Takes the place of the real set-up: waits for a sign, then ends as told."""

    def __init__(self) -> None:
        self.go = threading.Event()
        self.error: Exception | None = None
        self.options: list[Any] = []

    def __call__(self, store, options, environ, proxy, report, cancelled, prefix) -> Any:
        self.options.append(options)
        self._given = (store, report, cancelled)
        return self

    def run(self) -> Pointer:
        store, report, cancelled = self._given
        report.step("Installing packages…")
        report.line("Collecting torch==2.13.0")
        report.progress(40)
        while not self.go.is_set():
            if cancelled():
                raise Cancelled
            time.sleep(0.01)
        if self.error is not None:
            raise self.error
        made = Pointer("one", "3.11.2", "2.13.0", "2026-01-02T00:00:00Z", "old")
        python = venv_python(store.path(made))
        python.parent.mkdir(parents=True)
        python.write_text("")
        store.point_to(made)
        return made


@pytest.fixture
def scripted(monkeypatch: pytest.MonkeyPatch) -> Scripted:
    made = Scripted()
    monkeypatch.setattr(job_module, "Setup", made)
    return made


def _text(label: Any) -> str:
    return label.text().replace("\u200b", "") if label.isVisibleTo(label.parentWidget()) else ""


# --- the choice --------------------------------------------------------------------------------------


def test_without_an_environment_the_page_says_so(page: EnvironmentPage) -> None:
    assert "no Python environment for its worker yet" in _text(page.interpreter.used)
    assert page.interpreter.automatic.isChecked()
    assert "nothing" not in _text(page.setup.step)
    assert page.setup.base.count() == 1
    assert "Python 3.11.2: /usr/bin/python3 (tests)" in page.setup.base.currentText()


def test_a_choice_is_stored_by_apply_only(page: EnvironmentPage, tmp_path: Path) -> None:
    page.interpreter.path.setText(sys.executable)
    page.interpreter.own.setChecked(True)
    assert QgsSettings().value(SETTING) is None
    page.apply()
    assert QgsSettings().value(SETTING) == sys.executable
    assert str(find_interpreter().path) == sys.executable

    page.interpreter.automatic.setChecked(True)
    with pytest.raises(EnvironmentMissing):
        find_interpreter(page.interpreter.setting)
    page.apply()
    assert QgsSettings().value(SETTING) is None


def test_a_choice_is_asked_while_typed(page: EnvironmentPage, tmp_path: Path, qtbot: Any) -> None:
    box = page.interpreter
    qtbot.keyClicks(box.path, str(tmp_path / "nothing"))
    assert box.own.isChecked(), "typing a path chooses it"
    assert "does not exist" in _text(box.verdict)
    assert not page.isValid()
    box.path.setText(sys.executable)
    assert page.isValid()
    qtbot.waitUntil(lambda: "with torch" in _text(box.verdict))
    box.path.setText("/usr/bin/python3")
    qtbot.waitUntil(lambda: "without torch, rasterio" in _text(box.verdict))
    box.automatic.setChecked(True)
    assert _text(box.verdict) == ""


def test_what_cannot_work_is_not_stored(
    profile: Path, qtbot: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    warned: list[str] = []
    monkeypatch.setattr(QMessageBox, "warning", lambda *given: warned.append(given[-1]))
    dialog = EnvironmentDialog()
    dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose, False)
    qtbot.addWidget(dialog)
    dialog.page.interpreter.own.setChecked(True)
    dialog.accept()
    dialog.page.interpreter.path.setText(str(tmp_path / "nothing"))
    dialog.accept()
    assert "Name a Python" in warned[0] and "does not exist" in warned[1]
    assert dialog.result() == 0
    dialog.page.apply()
    assert QgsSettings().value(SETTING) is None
    dialog.page.interpreter.path.setText(sys.executable)
    dialog.accept()
    assert QgsSettings().value(SETTING) == sys.executable


def test_cancel_changes_nothing(profile: Path, qtbot: Any) -> None:
    QgsSettings().setValue(SETTING, sys.executable)
    dialog = EnvironmentDialog()
    dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose, False)
    qtbot.addWidget(dialog)
    assert dialog.page.interpreter.own.isChecked()
    assert dialog.page.interpreter.path.text() == sys.executable
    dialog.page.interpreter.automatic.setChecked(True)
    dialog.reject()
    assert QgsSettings().value(SETTING) == sys.executable


# --- test and worker ---------------------------------------------------------------------------------


def test_the_test_shows_versions_and_device(
    page: EnvironmentPage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, qtbot: Any
) -> None:
    worker = make_worker(tmp_path / "worker")
    monkeypatch.setattr(paths, "worker_entry", lambda: worker)
    page.interpreter.path.setText(sys.executable)
    page.interpreter.own.setChecked(True)
    page.interpreter.test.click()
    assert not page.interpreter.test.isEnabled(), "it goes on in the background"
    qtbot.waitUntil(page.interpreter.test.isEnabled, timeout=30000)
    text = _text(page.interpreter.tested)
    assert "python 3.11.2, torch 2.13.0" in text
    assert "Runs on: CPU, fp32, 2 threads" in text


def test_the_test_of_nothing_says_what_to_do(page: EnvironmentPage) -> None:
    page.interpreter.test.click()
    assert "Set up…" in _text(page.interpreter.tested)


def test_a_worker_that_does_not_start_is_told(
    page: EnvironmentPage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "__main__.py").write_text("import nothing_there")
    monkeypatch.setattr(paths, "worker_entry", lambda: tmp_path)
    text, good = interpreter_box.ask_worker(Path(sys.executable), lambda: False)
    assert not good
    assert "No module named 'nothing_there'" in text


def test_the_waiting_worker_is_shown_and_can_be_stopped(
    page: EnvironmentPage, scene: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, qtbot: Any
) -> None:
    monkeypatch.setattr(paths, "worker_entry", lambda: FAKE)
    client = worker_client.shared_client()
    box = page.interpreter
    assert "No worker is running" in _text(box.worker)
    client.run(PYTHON, "predict", {"input": str(scene), "output": str(tmp_path / "o")}, print, lambda: False)
    box.refresh()
    assert f"waits in process {client.pid}" in _text(box.worker)
    assert "MB of memory" in _text(box.worker)
    box.stop.click()
    qtbot.waitUntil(lambda: "No worker is running" in _text(box.worker))
    assert client.pid is None


# --- set-up ------------------------------------------------------------------------------------------


def test_a_set_up_reports_and_its_environment_is_used(
    page: EnvironmentPage, scripted: Scripted, qtbot: Any, tmp_path: Path
) -> None:
    box = page.setup
    page.interpreter.path.setText(sys.executable)
    page.interpreter.own.setChecked(True)
    box.cuda.setChecked(True)
    box.wheels.setFilePath(str(tmp_path))
    assert not box.index.isEnabled()
    box.run.click()
    qtbot.waitUntil(lambda: box.progress.value() == 40)
    assert not box.run.isEnabled() and not box.base.isEnabled()
    assert _text(box.step) == "Installing packages…"
    assert box.log.toPlainText() == "Collecting torch==2.13.0"
    box.copy.click()
    assert QApplication.clipboard().text() == "Collecting torch==2.13.0"
    scripted.go.set()
    qtbot.waitUntil(lambda: "ready: Python 3.11.2, torch 2.13.0" in _text(box.step))
    assert "made by Set up…" in _text(page.interpreter.used)
    assert page.interpreter.automatic.isChecked()
    assert "Made on 2026-01-02" in _text(box.state) and "set it up again" in _text(box.state)
    assert box.run.isEnabled()
    options = scripted.options[0]
    assert (options.base, options.hardware, options.wheels) == (USABLE.path, "cuda", tmp_path)
    assert options.requirements.is_file()


def test_a_failed_set_up_shows_its_sentence_and_can_be_repeated(
    page: EnvironmentPage, scripted: Scripted, qtbot: Any
) -> None:
    scripted.error = SetupError("The disk is full; free some space.")
    scripted.go.set()
    for _ in range(2):
        page.setup.run.click()
        qtbot.waitUntil(lambda: _text(page.setup.step) == "The disk is full; free some space.")
        assert page.setup.run.isEnabled()
    assert page.setup.log.toPlainText() == "Collecting torch==2.13.0", "the log is of the last one"
    scripted.error = ZeroDivisionError("?")
    page.setup.run.click()
    qtbot.waitUntil(lambda: "ZeroDivisionError" in _text(page.setup.step))


def test_a_set_up_can_be_cancelled(page: EnvironmentPage, scripted: Scripted, qtbot: Any) -> None:
    page.setup.run.click()
    qtbot.waitUntil(page.setup.cancel.isVisible)
    page.setup.cancel.click()
    qtbot.waitUntil(lambda: "cancelled" in _text(page.setup.step))
    assert not shared_job().running


def test_a_set_up_goes_on_when_its_page_is_closed_and_is_shown_by_the_next(
    profile: Path, scripted: Scripted, qtbot: Any
) -> None:
    dialog = EnvironmentDialog()
    dialog.open()
    qtbot.waitUntil(dialog.page.setup.run.isEnabled)
    dialog.page.setup.run.click()
    qtbot.waitUntil(lambda: bool(shared_job().percent))
    with qtbot.waitSignal(dialog.destroyed):
        dialog.reject()
    assert shared_job().running
    page = EnvironmentPage()
    qtbot.addWidget(page)
    page.show()
    assert page.setup.progress.value() == 40
    assert page.setup.log.toPlainText() == "Collecting torch==2.13.0"
    scripted.go.set()
    qtbot.waitUntil(lambda: "ready" in _text(page.setup.step))


def test_unloading_ends_a_set_up(page: EnvironmentPage, scripted: Scripted, qtbot: Any) -> None:
    page.setup.run.click()
    thread = shared_job()._thread
    close_shared_job()
    assert not thread.is_alive()


def test_without_a_usable_python_the_reasons_are_told(
    profile: Path, monkeypatch: pytest.MonkeyPatch, qtbot: Any
) -> None:
    monkeypatch.setattr(setup_box, "base_pythons", lambda prefix: [TOO_OLD])
    page = EnvironmentPage()
    qtbot.addWidget(page)
    page.show()
    qtbot.waitUntil(lambda: "install Python 3.10 or newer" in _text(page.setup.step))
    assert "/old/python3: This is Python 3.9.1." in _text(page.setup.step)
    assert not page.setup.run.isEnabled()


# --- around it ---------------------------------------------------------------------------------------


def test_the_page_fits_a_narrow_window(page: EnvironmentPage, qtbot: Any) -> None:
    page.interpreter.path.setText("/a/very/long/path" * 20)
    page.resize(430, 600)
    inside = page.interpreter.parentWidget()
    qtbot.waitUntil(lambda: inside.width() <= 430)


def test_the_factory_makes_the_page_for_qgis_options(profile: Path, qtbot: Any) -> None:
    factory = EnvironmentFactory()
    assert factory.title() == "HydraNet"
    assert not factory.icon().isNull()
    page = factory.createWidget(None)
    qtbot.addWidget(page)
    assert page.objectName() == environment_page.PAGE_NAME


def test_help_opens_a_page_that_names_every_choice(
    page: EnvironmentPage, monkeypatch: pytest.MonkeyPatch
) -> None:
    from hydranet_qgis.environment_page import page as page_module

    opened: list[Path] = []
    monkeypatch.setattr(
        page_module.QDesktopServices, "openUrl", lambda url: opened.append(Path(url.toLocalFile()))
    )
    page.help.click()
    text = opened[0].read_text(encoding="utf-8")
    for word in ("HYDRANET_PYTHON", "HydraNet/python", "pip download", "setup.log", "proxy", "CUDA"):
        assert word in text
    assert os.sep + "help" + os.sep in str(opened[0])
