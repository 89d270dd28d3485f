"""The what-if panel: controls, read-out, and decoding what is missing without leaving the dock."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from qgis.core import QgsProject
from qgis.PyQt.QtCore import Qt
from qgis.PyQt.QtGui import QColor, QImage

from hydranet_qgis import results, run_events
from hydranet_qgis.dock import rerouting
from hydranet_qgis.dock import what_if_words as words
from hydranet_qgis.dock.what_if_panel import WhatIfPanel
from hydranet_qgis.expert_colors import assign
from hydranet_qgis.run_folder import Run, read_run
from hydranet_qgis.run_registry import RunRegistry
from hydranet_qgis.tile_records import read_tiles
from hydranet_qgis.what_if import Policy, policy_of
from tests.qgis.fake_worker import fake_run
from tests.qgis.reroute_stand_in import Script, registered


@pytest.fixture
def script(qgis_processing: Any) -> Iterator[Script]:
    with registered() as made:
        yield made


@pytest.fixture
def known(run: Run) -> Run:
    """The run with all that a new one tells of its cost."""
    path = run.folder / "run.json"
    data = json.loads(path.read_text())
    data["macs"].update(encoder=3000, switcher=500)
    data["seconds"]["encode"] = 1.1
    for expert in data["experts"]:
        expert.update(bundle_threshold=expert["threshold"], needed_scores=[0.3, 0.5])
    path.write_text(json.dumps(data))
    return read_run(run.folder)


@pytest.fixture
def registry(project: QgsProject) -> Iterator[RunRegistry]:
    made = RunRegistry(project)
    yield made
    made.close()
    made.deleteLater()


@pytest.fixture
def panel(known: Run, registry: RunRegistry, qtbot: Any) -> Iterator[WhatIfPanel]:
    made = WhatIfPanel(registry)
    qtbot.addWidget(made)
    made.resize(350, 600)
    made.show_run(known, read_tiles(known), assign(known.experts))
    made.show()
    yield made
    made.close_down()
    qtbot.waitUntil(lambda: not rerouting._running, timeout=10_000)


def _settled(panel: WhatIfPanel, qtbot: Any) -> None:
    qtbot.waitUntil(lambda: not panel._pause.isActive())


def _kind(panel: WhatIfPanel, kind: str) -> None:
    panel.widgets.kind.setCurrentIndex(panel.widgets.kind.findData(kind))


def test_it_begins_with_the_runs_own_policy(panel: WhatIfPanel, known: Run) -> None:
    assert panel.policy() == policy_of(known)
    assert panel.change.tiles == frozenset()
    assert panel.widgets.headline.text() == "<b>No tile would change.</b>"
    assert not panel.widgets.button.isEnabled()
    assert not panel.widgets.reset.isEnabled()
    assert panel.widgets.reason.text() == "Move a control to see what would change."


def test_the_controls_suit_the_policy(panel: WhatIfPanel) -> None:
    widgets = panel.widgets
    shown = {}
    for kind in ("threshold", "top-k", "recall"):
        _kind(panel, kind)
        shown[kind] = [
            w.isVisible() for w in (widgets.k_slider, widgets.threshold_slider, widgets.miss_slider)
        ]
    assert shown == {
        "threshold": [True, True, False], "top-k": [True, False, False], "recall": [False, False, True]
    }  # fmt: skip


def test_moving_k_tells_what_would_change(panel: WhatIfPanel, known: Run, qtbot: Any) -> None:
    previews = []
    panel.previewChanged.connect(previews.append)
    panel.widgets.k_slider.setValue(1)
    _settled(panel, qtbot)
    expected = {tile.index for tile in read_tiles(known) if len(tile.chosen) > 1}
    assert panel.widgets.k_spin.value() == 1
    assert previews == [frozenset(expected)]
    assert panel.widgets.headline.text().startswith(f"<b>{len(expected)} of 12 tiles</b>")
    assert panel.widgets.button.text() == f"Drop {panel.change.dropped}"
    assert "can be decoded again" in panel.widgets.reason.text()
    panel.widgets.reset.click()
    assert previews[-1] == frozenset()
    assert panel.policy() == policy_of(known)


def test_the_button_tells_the_true_number(panel: WhatIfPanel, qtbot: Any) -> None:
    panel.set_policy(Policy("top-k", 3))
    assert panel.widgets.button.isEnabled()
    assert panel.widgets.button.text() == f"Decode {panel.change.added} missing"
    price = panel.widgets.price.text().replace("\u00a0", " ")
    assert f"{panel.change.encode} tiles encoded" in price
    assert "about" in price


def test_a_policy_that_decides_alike_needs_no_decoding(panel: WhatIfPanel) -> None:
    panel.set_policy(Policy("threshold", 2, thresholds={"burned": 0.51}))
    assert panel.change.tiles == frozenset()
    assert not panel.widgets.button.isEnabled()
    assert "decides as the run's own policy" in panel.widgets.reason.text()


def test_one_threshold_is_moved_and_reset(panel: WhatIfPanel, qtbot: Any) -> None:
    widgets = panel.widgets
    widgets.expert.setCurrentIndex(widgets.expert.findData("water"))
    assert widgets.threshold_spin.value() == pytest.approx(0.42)
    widgets.threshold_slider.setValue(20)
    _settled(panel, qtbot)
    assert panel.policy().thresholds == {"water": 0.2}
    assert widgets.threshold_spin.value() == pytest.approx(0.2)
    assert "0.42&nbsp;→&nbsp;<b>0.20</b>" in widgets.moved.text()
    assert widgets.spread.threshold == pytest.approx(0.2)
    assert widgets.spread.calibrated == pytest.approx(0.42)
    water = next(change for change in panel.change.experts if change.name == "water")
    assert water.added > 0
    widgets.calibrated.click()
    _settled(panel, qtbot)
    assert panel.policy().thresholds == {}
    assert widgets.moved.isHidden()
    assert panel.change.tiles == frozenset()


def test_a_calibrated_threshold_keeps_all_its_digits(panel: WhatIfPanel, known: Run, qtbot: Any) -> None:
    experts = tuple(
        replace(e, threshold=0.4237, bundle_threshold=0.4237) if e.name == "water" else e
        for e in known.experts
    )
    panel.show_run(replace(known, experts=experts), read_tiles(known), {})
    panel.widgets.expert.setCurrentIndex(panel.widgets.expert.findData("water"))
    panel.widgets.threshold_slider.setValue(60)
    panel.widgets.threshold_slider.setValue(42)
    assert panel.policy().thresholds == {}


def test_experts_that_take_no_part_have_no_threshold(panel: WhatIfPanel) -> None:
    names = [panel.widgets.expert.itemData(n) for n in range(panel.widgets.expert.count())]
    assert "water" in names
    assert fake_run.SKIPPED not in names


def test_the_recall_guarantee_warns_of_few_calibration_tiles(panel: WhatIfPanel, qtbot: Any) -> None:
    _kind(panel, "recall")
    panel.widgets.miss_slider.setValue(0)
    _settled(panel, qtbot)
    assert panel.policy().miss_rate == pytest.approx(0.005)
    assert panel.widgets.notes.isVisible()
    assert "Water (2)" in panel.widgets.notes.text()
    panel.widgets.miss_spin.setValue(60.0)
    _settled(panel, qtbot)
    assert panel.widgets.notes.isHidden()


def test_the_sliders_work_from_the_keyboard(panel: WhatIfPanel, qtbot: Any) -> None:
    slider = panel.widgets.threshold_slider
    before = slider.value()
    qtbot.keyClick(slider, Qt.Key.Key_Right)
    assert slider.value() == before + 1
    for widget in (panel.widgets.k_slider, slider, panel.widgets.miss_slider, panel.widgets.bars):
        assert widget.accessibleName()


def test_many_moves_are_worked_out_once(panel: WhatIfPanel, qtbot: Any) -> None:
    previews = []
    panel.previewChanged.connect(previews.append)
    for value in range(41, 0, -1):
        panel.widgets.threshold_slider.setValue(value)
    _settled(panel, qtbot)
    assert len(previews) == 1


def test_the_bars_say_and_draw_each_change(panel: WhatIfPanel, known: Run) -> None:
    panel.set_policy(Policy("top-k", 3))
    bars = panel.widgets.bars
    spoken = bars.accessibleDescription()
    for expert, change in zip(known.experts, panel.change.experts, strict=True):
        if expert.skipped is None:
            assert f"{expert.label}: {change.before} tiles now, {change.after} then" in spoken
    bars.resize(320, bars.sizeHint().height())
    image = QImage(bars.size(), QImage.Format.Format_ARGB32)
    bars.render(image)
    for number, (expert, change) in enumerate(bars._rows()):
        y = int((number + 0.5) * bars.row_height())
        color = QColor(assign(known.experts)[expert.name])
        drawn = sum(image.pixelColor(x, y) == color for x in range(20, 320))
        assert (drawn > 0) == (change.before + change.added > 0)


def test_hidden_it_previews_nothing(panel: WhatIfPanel, qtbot: Any) -> None:
    panel.set_policy(Policy("top-k", 1))
    with qtbot.waitSignal(panel.previewChanged) as told:
        panel.hide()
    assert told.args == [frozenset()]
    with qtbot.waitSignal(panel.previewChanged) as told:
        panel.show()
    assert told.args == [panel.change.tiles]


def test_without_a_run_nothing_can_be_done(panel: WhatIfPanel) -> None:
    panel.show_run(None, (), {})
    assert panel.change is None
    assert not panel.widgets.controls.isEnabled()
    assert not panel.widgets.button.isEnabled()


def test_a_run_of_scores_only_can_be_decoded_as_it_is(panel: WhatIfPanel, known: Run) -> None:
    panel.show_run(replace(known, decoded=False), read_tiles(known), {})
    assert panel.change.added > 0
    assert panel.widgets.button.isEnabled()
    assert "only scores" in panel.widgets.headline.text()


def test_a_raster_that_is_gone_is_told(panel: WhatIfPanel, known: Run) -> None:
    Path(known.scene).unlink()
    panel.set_policy(Policy("top-k", 1))
    assert not panel.widgets.button.isEnabled()
    assert "lake.tif is gone" in panel.widgets.reason.text()
    assert panel.change.tiles  # one may look all the same


def test_a_bundle_that_is_gone_is_told(known: Run, tmp_path: Path) -> None:
    assert words.hindrance(known) == ""
    assert "nowhere is gone" in words.hindrance(replace(known, bundle=tmp_path / "nowhere"))


@pytest.mark.parametrize("source", ["/vsicurl/https://example.org/a.tif", "SENTINEL2_L2A:/a.xml:10m:EPSG_1"])
def test_a_source_that_is_no_file_is_not_looked_for(known: Run, source: str) -> None:
    assert words.hindrance(replace(known, scene=source, request={"input": source})) == ""


def test_decoding_what_is_missing(
    panel: WhatIfPanel, known: Run, registry: RunRegistry, script: Script, qtbot: Any
) -> None:
    project = QgsProject.instance()
    results.load_run(known, project)

    def work(values: dict[str, Any]) -> None:
        fake_run.write_run(
            known.folder, {"input": known.scene, "policy": values["POLICY"], "top_k": int(values["TOP_K"])}
        )

    script.work = work
    script.go.clear()
    panel.set_policy(Policy("top-k", 3))
    wanted = panel.change.added
    qtbot.mouseClick(panel.widgets.button, Qt.MouseButton.LeftButton)
    assert panel.widgets.running.isVisible()
    assert not panel.widgets.button.isVisible()
    qtbot.waitUntil(lambda: panel.widgets.progress.value() == 40, timeout=10_000)
    assert panel.widgets.step.text() == "Decoding missing tiles 4 of 10"
    with qtbot.waitSignals([panel.rerouted, registry.runFinished], timeout=10_000) as told:
        script.go.set()
    assert {tuple(signal.args) for signal in told.all_signals_and_args} == {(str(known.folder),)}
    assert not panel.widgets.running.isVisible()
    assert panel.widgets.problem.text().startswith("Done")
    after = read_run(known.folder)
    assert after.policy == "top-k"
    assert sum(e.tiles for e in after.experts) == sum(e.tiles for e in known.experts) + wanted
    names = {layer.name() for layer in project.mapLayers().values()}
    assert {e.label for e in after.experts if e.tiles} <= names


def test_an_announcement_of_the_algorithm_is_not_repeated(
    panel: WhatIfPanel, known: Run, registry: RunRegistry, script: Script, qtbot: Any
) -> None:
    heard = []
    registry.runFinished.connect(heard.append)
    script.work = lambda values: run_events.announce(known.folder)
    panel.set_policy(Policy("top-k", 3))
    with qtbot.waitSignal(panel.rerouted, timeout=10_000):
        panel.start()
    assert heard == [str(known.folder)]


def test_a_project_that_was_closed_meanwhile_does_not_get_the_run_back(
    panel: WhatIfPanel, known: Run, registry: RunRegistry, project: QgsProject, script: Script, qtbot: Any
) -> None:
    heard = []
    registry.runFinished.connect(heard.append)
    script.go.clear()
    registry.remember(known.folder)
    panel.set_policy(Policy("top-k", 3))
    panel.start()
    project.clear()
    script.go.set()
    qtbot.waitUntil(lambda: "Its project is closed" in panel.widgets.problem.text(), timeout=10_000)
    assert project.mapLayers() == {}
    assert registry.folders() == []
    assert heard == []


def test_a_failure_is_told_in_the_workers_words(panel: WhatIfPanel, script: Script, qtbot: Any) -> None:
    script.error = "The worker ended unexpectedly; its last words: out of memory."
    panel.set_policy(Policy("top-k", 3))
    with qtbot.waitSignal(panel.problem, timeout=10_000) as told:
        panel.start()
    assert told.args == [script.error]
    assert panel.widgets.problem.text() == script.error
    assert panel.widgets.problem.isVisible()
    assert panel.widgets.button.isEnabled()


def test_it_can_be_stopped(panel: WhatIfPanel, known: Run, script: Script, qtbot: Any) -> None:
    script.go.clear()
    panel.set_policy(Policy("top-k", 3))
    panel.start()
    qtbot.waitUntil(lambda: bool(script.asked), timeout=10_000)
    panel.show_run(None, (), {})  # looking at something else meanwhile
    assert panel.widgets.cancel.isEnabled()
    with qtbot.assertNotEmitted(panel.problem):
        qtbot.mouseClick(panel.widgets.cancel, Qt.MouseButton.LeftButton)
        qtbot.waitUntil(lambda: not panel.widgets.running.isVisible(), timeout=10_000)
    assert panel.widgets.problem.text() == "Stopped; the run is as it was."


@pytest.mark.parametrize(
    ("macs", "said"),
    [(12_130_000_000, "12.1 GMACs"), (512_000_000_000, "512 GMACs"), (1_400_000_000_000, "1.4 TMACs")],
)
def test_operations_are_told_shortly(macs: int, said: str) -> None:
    assert words.macs_text(macs) == said


@pytest.mark.parametrize(("seconds", "said"), [(1.26, "1.3 s"), (260.0, "4 min"), (9000.0, "2.5 h")])
def test_times_are_told_shortly(seconds: float, said: str) -> None:
    assert words.seconds_text(seconds) == said
