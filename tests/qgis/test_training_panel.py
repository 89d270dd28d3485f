"""The panel of the learning curves: it hears of trainings from any thread, draws and ends them."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from qgis.core import QgsProcessingUtils, QgsSettings
from qgis.PyQt.QtCore import QEvent, QPoint, QPointF, Qt
from qgis.PyQt.QtGui import QColor, QImage, QMouseEvent, QPalette
from qgis.PyQt.QtTest import QTest

from hydranet_qgis import bundles
from hydranet_qgis.training import sessions
from hydranet_qgis.training.curves import Curves
from hydranet_qgis.training.dock import TrainingDock
from hydranet_qgis.training.panel import TrainingPanel
from hydranet_qgis.training.plot import readable
from hydranet_qgis.training.state import CANCELLED, FINISHED, Training
from tests.qgis.training_sets import event, learnt, make_bundle


@pytest.fixture(autouse=True)
def _clean() -> Iterator[None]:
    sessions.clear()
    yield
    sessions.clear()
    for name in (bundles.DEFAULT, bundles.KNOWN):
        QgsSettings().remove(name)


@pytest.fixture
def dock(qtbot: Any) -> Iterator[TrainingDock]:
    asked: list[str] = []
    made = TrainingDock(lambda: asked.append("train"))
    made.asked = asked
    qtbot.addWidget(made)
    made.resize(400, 560)
    yield made
    made.panel.close_down()


@pytest.fixture
def panel(dock: TrainingDock) -> TrainingPanel:
    dock.show()
    return dock.panel


def _begin(training: Training, qtbot: Any, panel: TrainingPanel) -> Training:
    sessions.begin(training)
    qtbot.waitUntil(lambda: panel.training is training)
    return training


def _picture(curves: Curves, dark: bool = False) -> QImage:
    palette = QPalette()
    palette.setColor(QPalette.ColorRole.Window, QColor("#2b2b2b" if dark else "#f0f0f0"))
    palette.setColor(QPalette.ColorRole.WindowText, QColor("#e6e6e6" if dark else "#202020"))
    curves.setPalette(palette)
    curves.setAutoFillBackground(True)
    return curves.grab().toImage().convertToFormat(QImage.Format.Format_RGB32)


def _near(picture: QImage, color: QColor, box: Any) -> int:
    """How many pixels of about a colour lie in a rectangle."""
    found = 0
    for x in range(int(box.left()), int(box.right())):
        for y in range(int(box.top()), int(box.bottom())):
            seen = QColor(picture.pixel(x, y))
            distance = abs(seen.red() - color.red()) + abs(seen.green() - color.green())
            found += distance + abs(seen.blue() - color.blue()) < 40
    return found


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("count", [1, 2, 7, 500])
def test_curves_are_drawn_where_they_belong(count: int, dark: bool, qtbot: Any) -> None:
    curves = Curves()
    qtbot.addWidget(curves)
    curves.resize(400, 360)
    curves.show_training(learnt(count))
    picture, frames = _picture(curves, dark), curves.frames()
    assert len(frames) == 2
    for frame in frames:
        main = frame.plot.series[0]
        place = frame.area.adjusted(-4, -4, 4, 4)  # the dot of the first epoch lies on the edge
        assert _near(picture, readable(main.color, curves.palette()), place) > (20 if count > 2 else 8)
    # The loss is high at the beginning and low at the end, the figure the other way round.
    if count == 7:
        loss, figure = (frame.plot.series[0].points for frame in frames)
        assert frames[0].y(loss[0][1]) < frames[0].y(loss[-1][1]) and frames[0].plot.y.log
        assert frames[1].y(figure[0][1]) > frames[1].y(figure[-1][1])
        assert frames[0].plot.best == 4 and frames[1].plot.mark_best


def test_lines_stand_out_from_a_light_and_a_dark_window(qtbot: Any) -> None:
    curves = Curves()
    qtbot.addWidget(curves)
    from hydranet_qgis.expert_colors import contrast

    curves.show_training(learnt(7))
    for dark, window in ((False, "#f0f0f0"), (True, "#2b2b2b")):
        _picture(curves, dark)
        for frame in curves.frames():
            for series in frame.plot.series:
                assert contrast(readable(series.color, curves.palette()).name(), window) >= 3.0


@pytest.mark.parametrize(
    "figures",
    [{}, {"val/iou": None}, {"loss/total": None, "val/iou": float("nan")}, {"lr": 0.1}, {"val/iou": 0.5}],
)
def test_figures_that_could_not_be_measured_are_drawn_too(figures: dict[str, Any], qtbot: Any) -> None:
    training = Training("x", "expert")
    for number in range(3):
        training.hear(event(number, figures=figures, best=0))
    curves = Curves()
    qtbot.addWidget(curves)
    for size in ((400, 300), (900, 200), (60, 40)):
        curves.resize(*size)
        curves.show_training(training)
        assert not curves.grab().isNull()
    assert len(curves.plots()) == len({name.split("/")[0] for name in figures if "/" in name})


def test_a_low_wide_widget_has_its_plots_side_by_side(qtbot: Any) -> None:
    curves = Curves()
    qtbot.addWidget(curves)
    curves.show_training(learnt(5))
    curves.resize(300, 400)
    above, below = curves.frames()
    assert above.area.bottom() < below.area.top() and above.box.left() == below.box.left()
    curves.resize(900, 260)
    left, right = curves.frames()
    assert left.area.right() < right.area.left() and left.box.top() == right.box.top()


def test_pointing_at_an_epoch_and_the_keys_tell_its_figures(qtbot: Any) -> None:
    curves = Curves()
    qtbot.addWidget(curves)
    curves.resize(400, 360)
    curves.show_training(learnt(6))
    curves.show()
    frame = curves.frames()[1]
    place = QPointF(frame.x(4) + 3, frame.area.center().y())
    left, none = Qt.MouseButton.NoButton, Qt.KeyboardModifier.NoModifier
    curves.mouseMoveEvent(QMouseEvent(QEvent.Type.MouseMove, place, left, left, none))
    assert curves.cursor == 4
    told = curves.accessibleDescription().splitlines()
    assert told[0] == "Epoch 4, the best so far"
    assert {"training loss: 0.259", "IoU: 0.735", "F1: 0.835", "cross: 0.104"} <= set(told[1:])
    QTest.keyClick(curves, Qt.Key.Key_Right)
    assert curves.cursor == 5
    QTest.keyClick(curves, Qt.Key.Key_Home)
    QTest.keyClick(curves, Qt.Key.Key_Left)
    assert curves.cursor == 1
    curves.leaveEvent(QEvent(QEvent.Type.Leave))
    assert curves.cursor is None
    assert curves._nearest(QPoint(-40, 10)) is None


def test_without_a_training_there_is_a_way_to_one(dock: TrainingDock, panel: TrainingPanel) -> None:
    assert panel._stack.currentIndex() == 0
    panel.empty.button.click()
    assert dock.asked == ["train"]


def test_a_training_in_another_thread_brings_the_panel_forward(dock: TrainingDock, qtbot: Any) -> None:
    assert not dock.isVisible()
    training = Training("marsh: reed, new", "expert", 300.0)

    def work() -> None:
        sessions.begin(training)
        for number in range(1, 6):
            training.hear(event(number))
            sessions.changed(training)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert dock.panel.training is None  # not in the other thread
    qtbot.waitUntil(dock.isVisible)
    panel = dock.panel
    qtbot.waitUntil(lambda: panel.epoch.text() == "Epoch 5 of 40")
    assert panel.figures.text() == "IoU 0.741 now, best 0.735 in epoch 4"
    assert panel.time.text().startswith("0 s spent, at most 1 min 45 s left")
    assert panel.bar.maximum() == 40 and panel.bar.value() == 5
    assert panel.choice.currentText() == "marsh: reed, new (running)"


def test_enough_is_said_once(panel: TrainingPanel, qtbot: Any) -> None:
    training = _begin(learnt(0), qtbot, panel)
    assert not panel.stop.isEnabled()  # there is nothing yet that could be kept
    training.hear(event(1))
    sessions.changed(training)
    qtbot.waitUntil(panel.stop.isEnabled)
    panel.stop.click()
    assert training.concluded and not panel.stop.isEnabled()
    assert "bundle is made" in panel.sentence.text()
    assert training.running


def test_a_finished_training_offers_its_bundle(panel: TrainingPanel, tmp_path: Path, qtbot: Any) -> None:
    training = _begin(learnt(6), qtbot, panel)
    training.end(FINISHED, "It ended by itself.", str(make_bundle(tmp_path / "marsh", "water", "reed")))
    sessions.changed(training)
    qtbot.waitUntil(panel.use.isVisibleTo(panel).__bool__ and panel.use.isEnabled)
    assert not panel.stop.isVisibleTo(panel) and not panel.bar.isVisibleTo(panel)
    assert panel.sentence.text() == "It ended by itself."
    panel.use.click()
    assert bundles.default_folder() == tmp_path / "marsh"
    assert not panel.use.isEnabled() and panel.use.text() == "Used by default"


def test_a_temporary_bundle_cannot_become_the_default(panel: TrainingPanel, qtbot: Any) -> None:
    folder = make_bundle(Path(QgsProcessingUtils.tempFolder()) / "marsh", "reed")
    try:
        training = _begin(learnt(6), qtbot, panel)
        training.end(FINISHED, "It ended by itself.", str(folder))
        sessions.changed(training)
        qtbot.waitUntil(lambda: panel.use.isVisibleTo(panel))
        assert not panel.use.isEnabled() and "copy its folder" in panel.use.toolTip()
    finally:
        shutil.rmtree(folder)


def test_one_that_waits_for_another_says_so_and_its_time_has_not_begun(
    panel: TrainingPanel, qtbot: Any
) -> None:
    now = [100.0]
    training = _begin(Training("marsh", "expert", clock=lambda: now[0]), qtbot, panel)
    training.hear({"event": "log", "level": "info", "message": "Waiting for another HydraNet run to finish."})
    sessions.changed(training)
    qtbot.waitUntil(lambda: "Waiting for another" in panel.sentence.text())
    now[0] = 160.0
    training.hear({"event": "started", "total_tiles": 1, "folder": "x"})
    now[0] = 165.0
    assert training.spent == 5.0


def test_whoever_is_forgotten_is_not_about_to_be_called() -> None:
    # A panel is thrown away then, and to emit the signal of one that is gone ends QGIS.
    ringing, release = threading.Event(), threading.Event()

    def listener(_training: Training) -> None:
        ringing.set()
        release.wait(20)

    sessions.listen(listener)
    bell = threading.Thread(target=sessions.changed, args=(learnt(1),))
    bell.start()
    assert ringing.wait(20)
    forgetting = threading.Thread(target=sessions.forget, args=(listener,))
    forgetting.start()
    forgetting.join(0.2)
    waits = forgetting.is_alive()
    release.set()
    for thread in (bell, forgetting):
        thread.join(20)
    assert waits and not forgetting.is_alive()


def test_why_a_training_failed_stays_to_be_read(panel: TrainingPanel, qtbot: Any) -> None:
    training = _begin(learnt(2), qtbot, panel)
    training.end(CANCELLED, "The training was stopped without a bundle.")
    sessions.changed(training)
    qtbot.waitUntil(lambda: panel.notice.text() == "The training was stopped without a bundle.")
    assert not panel.use.isVisibleTo(panel) and not panel.stop.isVisibleTo(panel)


def test_earlier_trainings_can_be_looked_at_while_another_runs(panel: TrainingPanel, qtbot: Any) -> None:
    first = _begin(learnt(6, "one"), qtbot, panel)
    first.end(FINISHED, "done")
    second = _begin(learnt(1, "two"), qtbot, panel)
    texts = [panel.choice.itemText(row) for row in range(panel.choice.count())]
    assert [text.split(",")[0] for text in texts] == ["two (running)", "one"]
    panel.choice.setCurrentIndex(1)
    panel.choice.activated.emit(1)
    assert panel.training is first and panel.curves.training is first
    second.hear(event(2))
    sessions.changed(second)
    second.end(FINISHED, "done")
    sessions.changed(second)
    qtbot.waitUntil(lambda: "running" not in panel.choice.itemText(0))
    assert panel.training is first  # whoever looks is not taken elsewhere


def test_a_panel_made_later_shows_what_there_was(qtbot: Any) -> None:
    training = learnt(4)
    sessions.begin(training)
    made = TrainingPanel(lambda: None)
    qtbot.addWidget(made)
    assert made.training is training
    made.close_down()
    training.hear(event(5))
    sessions.changed(training)  # nobody listens, and nothing happens


def test_a_narrow_panel_breaks_its_words(panel: TrainingPanel, dock: TrainingDock, qtbot: Any) -> None:
    _begin(learnt(6, "a very long name of a bundle: reed and bulrush, new"), qtbot, panel)

    def narrow() -> bool:
        dock.resize(220, 420)  # again, as the layout is worked out when the window has time for it
        return dock.width() <= 260

    qtbot.waitUntil(narrow)
