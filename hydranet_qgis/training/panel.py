"""The panel "HydraNet training": curves of a training while it goes on, and of those before it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from qgis.PyQt.QtCore import QSignalBlocker, Qt, QTimer, QUrl, pyqtSignal
from qgis.PyQt.QtGui import QDesktopServices, QIcon
from qgis.PyQt.QtWidgets import (
    QBoxLayout,
    QHBoxLayout,
    QLabel,
    QProgressBar,
    QPushButton,
    QStackedLayout,
    QVBoxLayout,
    QWidget,
)

from .. import bundles, paths
from ..dock.elided_combo import combo_box
from ..dock.notice import Notice
from ..i18n import tr
from . import sessions, words
from .curves import Curves
from .state import CANCELLED, FAILED, FINISHED, Training

# Epochs of a switcher come many in a second; drawing a few of them is enough.
_PAUSE_MS = 120
_CLOCK_MS = 1000
_BESIDE, _ANY_WIDTH = 270, 16_777_215


class TrainingPanel(QWidget):
    """Shows one of the session's trainings, a new one by itself.

    Args:
        train: called by "Train…".
        parent: the dock, or None.

    Signals:
        begun(): a training has begun.

    Attributes:
        choice: which training is shown.
        curves: the `Curves`.
        stop: "Stop and keep the best".
        use: makes the new bundle the default one.
    """

    begun = pyqtSignal()
    _told = pyqtSignal(object)

    def __init__(self, train: Callable[[], None], parent: Any = None) -> None:
        super().__init__(parent)
        self.training: Training | None = None
        self._make(train)
        self._pause = QTimer(self)
        self._pause.setSingleShot(True)
        self._pause.setInterval(_PAUSE_MS)
        self._pause.timeout.connect(self.refresh)
        self._clock = QTimer(self)
        self._clock.setInterval(_CLOCK_MS)
        self._clock.timeout.connect(self._tell_time)
        # Emitted in the algorithm's thread, taken in this one.
        self._told.connect(self._hear, Qt.ConnectionType.QueuedConnection)
        self._ring = self._told.emit  # kept: each look-up makes another object, which nobody could forget
        sessions.listen(self._ring)
        self._offer()

    def close_down(self) -> None:
        """Hear nothing more; before the panel is thrown away."""
        sessions.forget(self._ring)
        self._pause.stop()
        self._clock.stop()

    def show_training(self, training: Training | None) -> None:
        """Show one of the trainings."""
        self.training = training
        self.curves.show_training(training)
        self.refresh()

    def refresh(self) -> None:
        """Show what is known now."""
        training = self.training
        self._stack.setCurrentIndex(0 if training is None else 1)
        if training is None:
            self._clock.stop()
            return
        self.curves.follow()
        self.epoch.setText(words.epochs(training))
        self.figures.setText(words.figures(training))
        self.figures.setVisible(bool(self.figures.text()))
        self._tell_time()
        last = training.last
        self.bar.setRange(0, last.epochs if last is not None and last.epochs > 0 else 0)
        if last is not None:
            self.bar.setValue(min(last.number, max(last.epochs, 1)))
        self.bar.setVisible(training.running)
        self.stop.setVisible(training.running)
        self.stop.setEnabled(training.running and not training.concluded and bool(training.epochs))
        self.stop.setText(tr("Ending…") if training.concluded else tr("&Stop and keep the best"))
        made = training.state == FINISHED and bool(training.bundle)
        chosen = made and Path(training.bundle) == bundles.default_folder()
        there = made and not bundles.is_missing(Path(training.bundle))
        passing = made and bundles.is_passing(Path(training.bundle))
        self.use.setVisible(made)
        self.use.setEnabled(there and not chosen and not passing)
        self.use.setToolTip(
            tr("The bundle is temporary and gone when QGIS closes; copy its folder to keep it")
            if passing
            else tr("Predict and the other algorithms use this bundle where none is named; see the options")
        )
        self.use.setText(tr("Used by default") if chosen else tr("&Use by default"))
        self.folder.setVisible(there)
        self._say(training)
        if training.running and not self._clock.isActive():
            self._clock.start()
        elif not training.running:
            self._clock.stop()

    def resizeEvent(self, event: Any) -> None:
        """At the foot of a window the words stand beside the curves, else below them."""
        super().resizeEvent(event)
        beside = self.width() > 1.5 * self.height() and self.width() > 2.2 * _BESIDE
        self._facts.setFixedWidth(_BESIDE) if beside else self._facts.setMaximumWidth(_ANY_WIDTH)
        if not beside:
            self._facts.setMinimumWidth(0)
        way = QBoxLayout.Direction
        self._body.setDirection(way.LeftToRight if beside else way.TopToBottom)

    def _hear(self, training: Training) -> None:
        """Something is new about a training; a new one is shown, any other only if it is in front."""
        known = [self.choice.itemData(row) for row in range(self.choice.count())]
        if training not in known:
            self._offer()
            self.choice.setCurrentIndex(max(self.choice.findData(training), 0))
            self.show_training(training)
            self.begun.emit()
        elif not training.running:
            self._offer()
            self.refresh()
        elif training is self.training and not self._pause.isActive():
            self._pause.start()

    def _offer(self) -> None:
        """List the trainings, and show the one that was shown, else the newest."""
        listed = sessions.trainings()
        with QSignalBlocker(self.choice):
            self.choice.clear()
            for training in listed:
                self.choice.addItem(words.entry(training), training)
            shown = self.training if self.training in listed else next(iter(listed), None)
            self.choice.setCurrentIndex(listed.index(shown) if shown is not None else -1)
        if shown is not self.training or shown is None:
            self.show_training(shown)

    def _tell_time(self) -> None:
        if self.training is not None:
            self.time.setText(words.times(self.training))

    def _say(self, training: Training) -> None:
        if training.state in (CANCELLED, FAILED):
            self.notice.say(training.sentence)
            return
        self.notice.clear_text()
        self.sentence.setText(training.sentence or words.doing(training))
        self.sentence.setVisible(bool(self.sentence.text()))

    def _conclude(self, *_: object) -> None:
        if self.training is not None:
            self.training.conclude()
            self.refresh()

    def _use(self, *_: object) -> None:
        if self.training is not None and self.training.bundle:
            bundles.choose(self.training.bundle)
            self.refresh()

    def _open_folder(self, *_: object) -> None:
        if self.training is not None and self.training.bundle:
            QDesktopServices.openUrl(QUrl.fromLocalFile(self.training.bundle))

    def _make(self, train: Callable[[], None]) -> None:
        self.choice = combo_box(self, tr("Training"), tr("The trainings of this session, the newest first"))
        self.choice.activated.connect(lambda *_: self.show_training(self.choice.currentData()))
        self.curves = Curves(self)
        self.epoch, self.time, self.figures = (_line(self) for _ in range(3))
        strong = self.epoch.font()
        strong.setBold(True)
        self.epoch.setFont(strong)
        self.sentence = _line(self)
        self.notice = Notice(self)
        self.bar = QProgressBar(self)
        self.bar.setTextVisible(False)
        self.bar.setMaximumHeight(6)
        self.bar.setAccessibleName(tr("Epochs"))
        self.stop = QPushButton(tr("&Stop and keep the best"), self)
        self.stop.setToolTip(
            tr("End the training after this step; the bundle is made from its best epoch, as at a usual end")
        )
        self.use = QPushButton(tr("&Use by default"), self)
        self.folder = QPushButton(tr("Open &folder"), self)
        self.folder.setToolTip(tr("The folder of the new bundle"))
        self.stop.clicked.connect(self._conclude)
        self.use.clicked.connect(self._use)
        self.folder.clicked.connect(self._open_folder)

        shown = QWidget(self)
        buttons = QHBoxLayout()
        for button in (self.stop, self.use, self.folder):
            buttons.addWidget(button)
        buttons.addStretch(1)
        self._facts = QWidget(shown)
        facts = QVBoxLayout(self._facts)
        facts.setContentsMargins(0, 0, 0, 0)
        facts.setSpacing(4)
        for part in (self.bar, self.epoch, self.time, self.figures, self.sentence, self.notice):
            facts.addWidget(part)
        facts.addLayout(buttons)
        facts.addStretch(1)
        self._body = QBoxLayout(QBoxLayout.Direction.TopToBottom)
        self._body.setSpacing(6)
        self._body.addWidget(self.curves, 1)
        self._body.addWidget(self._facts)
        column = QVBoxLayout(shown)
        column.setContentsMargins(6, 6, 6, 6)
        column.setSpacing(5)
        column.addWidget(self.choice)
        column.addLayout(self._body, 1)
        self.empty = _Empty(train, self)
        self._stack = QStackedLayout(self)
        self._stack.addWidget(self.empty)
        self._stack.addWidget(shown)


class _Empty(QWidget):
    """What is shown before the first training."""

    def __init__(self, train: Callable[[], None], parent: Any = None) -> None:
        super().__init__(parent)
        sentence = QLabel(
            tr(
                "No training in this session yet. Train an expert on tiles of your own, and its learning "
                "curves appear here while it learns."
            ),
            self,
        )
        sentence.setWordWrap(True)
        sentence.setAlignment(Qt.AlignmentFlag.AlignCenter)
        sentence.setMinimumWidth(10)
        self.button = QPushButton(QIcon(paths.icon_path("train")), tr(" &Train an expert…"), self)
        self.button.clicked.connect(lambda *_: train())
        picture = QLabel(self)
        picture.setPixmap(QIcon(paths.icon_path("train")).pixmap(56, 56))
        picture.setAlignment(Qt.AlignmentFlag.AlignCenter)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(18, 18, 18, 18)
        layout.setSpacing(10)
        layout.addStretch(2)
        layout.addWidget(picture)
        layout.addWidget(sentence)
        layout.addWidget(self.button, 0, Qt.AlignmentFlag.AlignHCenter)
        layout.addStretch(3)


def _line(parent: QWidget) -> QLabel:
    label = QLabel(parent)
    label.setWordWrap(True)
    label.setTextFormat(Qt.TextFormat.PlainText)
    label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
    label.setMinimumWidth(10)  # a narrow dock breaks the text rather than the layout
    return label
