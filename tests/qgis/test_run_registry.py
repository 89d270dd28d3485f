"""Runs belong to the project: saved with it, found when it is opened, also after it was moved."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from qgis.core import QgsProject

from hydranet_qgis import results, run_events
from hydranet_qgis.run_folder import Run
from hydranet_qgis.run_registry import RunRegistry


@pytest.fixture
def registry(project: QgsProject) -> Iterator[RunRegistry]:
    made = RunRegistry(project)
    yield made
    made.close()
    made.deleteLater()


def _reopen(project: QgsProject, path: Path) -> None:
    assert project.write(str(path))
    project.clear()
    assert project.read(str(path))


def test_a_remembered_run_survives_saving(
    registry: RunRegistry, run: Run, tmp_path: Path, project: QgsProject
) -> None:
    registry.remember(run.folder)
    registry.remember(run.folder)
    _reopen(project, tmp_path / "p.qgz")
    assert registry.folders() == [run.folder]


def test_layers_alone_are_enough(
    registry: RunRegistry, run: Run, tmp_path: Path, project: QgsProject
) -> None:
    results.load_run(run, project)
    _reopen(project, tmp_path / "p.qgz")
    assert registry.folders() == [run.folder]
    assert results.find_layer(project, run, results.ROUTING_ROLE) is not None


def test_a_project_moved_with_its_runs_finds_them(
    registry: RunRegistry, run: Run, tmp_path: Path, project: QgsProject
) -> None:
    old, new = tmp_path / "old", tmp_path / "new"
    old.mkdir()
    shutil.move(str(run.folder), old / "run")
    project.setFileName(str(old / "p.qgs"))  # a path is stored relative to a project with a name
    registry.remember(old / "run")
    assert project.write(str(old / "p.qgs"))
    project.clear()
    shutil.move(str(old), new)
    assert project.read(str(new / "p.qgs"))
    assert registry.folders() == [new / "run"]


def test_a_cleared_project_has_no_runs(registry: RunRegistry, run: Run, project: QgsProject) -> None:
    registry.remember(run.folder)
    assert registry.folders() == [run.folder]
    project.clear()
    assert registry.folders() == []


def test_a_deleted_run_is_left_out(registry: RunRegistry, run: Run) -> None:
    registry.remember(run.folder)
    shutil.rmtree(run.folder)
    assert registry.folders() == []


def test_changes_are_told_once_they_settle(
    registry: RunRegistry, run: Run, project: QgsProject, qtbot: Any
) -> None:
    with qtbot.waitSignal(registry.runsChanged, timeout=10_000):
        results.load_run(run, project)


def test_a_run_finished_in_another_thread_arrives_in_this_one(
    registry: RunRegistry, run: Run, qtbot: Any
) -> None:
    threads: list[Any] = []
    registry.runFinished.connect(lambda folder: threads.append((folder, threading.current_thread())))
    thread = threading.Thread(target=run_events.announce, args=(run.folder,))
    thread.start()
    thread.join()
    qtbot.waitUntil(lambda: bool(threads), timeout=10_000)
    assert threads == [(str(run.folder), threading.main_thread())]
    assert registry.folders() == [run.folder]


def test_a_closed_registry_is_deaf(project: QgsProject, run: Run) -> None:
    closed = RunRegistry(project)
    closed.close()
    run_events.announce(run.folder)
    assert closed.folders() == []
    closed.deleteLater()
