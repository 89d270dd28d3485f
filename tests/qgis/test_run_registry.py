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
from tests.qgis.fake_worker import fake_run


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


def test_a_run_whose_folder_is_away_is_missing_until_it_is_back(
    registry: RunRegistry, run: Run, tmp_path: Path
) -> None:
    registry.remember(run.folder)
    assert registry.missing() == []
    away = Path(shutil.move(str(run.folder), tmp_path / "away"))
    assert (registry.folders(), registry.missing()) == ([], [run.folder])
    shutil.move(str(away), run.folder)
    assert (registry.folders(), registry.missing()) == ([run.folder], [])


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


def test_a_run_opened_before_the_project_had_a_name_moves_along(
    registry: RunRegistry, run: Run, tmp_path: Path, project: QgsProject
) -> None:
    old, new = tmp_path / "old", tmp_path / "new"
    old.mkdir()
    shutil.move(str(run.folder), old / "run")
    registry.remember(old / "run")
    assert project.write(str(old / "p.qgz"))
    project.clear()
    shutil.move(str(old), new)
    assert project.read(str(new / "p.qgz"))
    assert registry.folders() == [new / "run"]


def test_save_as_into_another_folder_keeps_the_run(
    registry: RunRegistry, run: Run, tmp_path: Path, project: QgsProject
) -> None:
    (tmp_path / "deep" / "er").mkdir(parents=True)
    assert project.write(str(tmp_path / "p.qgz"))
    registry.remember(run.folder)
    _reopen(project, tmp_path / "p.qgz")
    _reopen(project, tmp_path / "deep" / "er" / "p.qgz")
    assert registry.folders() == [run.folder]


def test_a_project_saved_closed_and_opened_again_has_its_runs_and_layers(
    registry: RunRegistry, run: Run, scene: Path, tmp_path: Path, project: QgsProject, qtbot: Any
) -> None:
    fake_run.write_run(tmp_path / "bare", {"input": str(scene)})
    layers = results.load_run(run, project)
    shown = [(layer.name(), layer.source()) for layer in layers]
    registry.remember(run.folder)
    registry.remember(tmp_path / "bare")
    assert project.write(str(tmp_path / "p.qgz"))
    project.clear()
    assert registry.folders() == []
    with qtbot.waitSignal(registry.runsChanged, timeout=10_000):
        assert project.read(str(tmp_path / "p.qgz"))
    assert sorted(registry.folders()) == [tmp_path / "bare", run.folder]
    found = [results.find_layer(project, run, item.role) for item in results.plan(run)]
    assert [(layer.name(), layer.source()) for layer in found] == shown
    group = project.layerTreeRoot().findGroup(run.label)
    assert [node.layer() for node in group.children()] == found


def test_a_registry_made_after_the_project_was_opened_knows_its_runs(
    run: Run, tmp_path: Path, project: QgsProject
) -> None:
    first = RunRegistry(project)
    first.remember(run.folder)
    _reopen(project, tmp_path / "p.qgz")
    first.close()
    second = RunRegistry(project)  # the plugin was switched on, or loaded again
    assert second.folders() == [run.folder]
    second.close()
    for made in (first, second):
        made.deleteLater()


def test_a_run_loaded_twice_and_by_another_path_is_one(
    registry: RunRegistry, run: Run, tmp_path: Path, project: QgsProject
) -> None:
    (tmp_path / "link").symlink_to(run.folder)
    registry.remember(run.folder)
    registry.remember(tmp_path / "link")
    results.load_run(run, project)
    assert len(registry.folders()) == 1


def test_a_cleared_project_has_no_runs(registry: RunRegistry, run: Run, project: QgsProject) -> None:
    registry.remember(run.folder)
    assert registry.folders() == [run.folder]
    project.clear()
    assert registry.folders() == []


def test_a_run_that_is_not_there_is_left_out_until_it_is_back(registry: RunRegistry, run: Run) -> None:
    registry.remember(run.folder)
    away = run.folder.with_name("away")
    run.folder.rename(away)
    assert registry.folders() == []
    away.rename(run.folder)  # a disk that is back
    assert registry.folders() == [run.folder]


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
