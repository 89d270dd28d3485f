"""What if: move the policy, see at once what changes and what it costs, decode only what is missing."""

from __future__ import annotations

import html
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from qgis.core import QgsProject
from qgis.PyQt.QtCore import QSignalBlocker, QTimer, pyqtSignal
from qgis.PyQt.QtWidgets import QWidget

from .. import results, run_events
from ..errors import PluginError
from ..i18n import tr
from ..run_folder import Run, RunExpert, read_run
from ..tile_records import TileRecord
from ..what_if import Change, Policy, WhatIf, policy_of
from . import what_if_words as words
from .painting import dot
from .rerouting import Rerouting
from .what_if_scores import BINS
from .what_if_widgets import MISS_STEPS, WhatIfWidgets

# A change is worked out at most so often while a slider moves (milliseconds).
_PAUSE = 30


class WhatIfPanel(QWidget):
    """Tries policies on the run shown.

    Args:
        registry: the project's runs, which are told when the run has changed.
        parent: owner.

    Signals:
        previewChanged(object): frozenset of the tiles that would change; empty while the panel is hidden.
        rerouted(str): the run in this folder has another policy now.
        problem(str): why it could not be given one.

    Attributes:
        widgets: see `WhatIfWidgets`.
        change: what the policy chosen would change, None without a run.
    """

    previewChanged = pyqtSignal(object)
    rerouted = pyqtSignal(str)
    problem = pyqtSignal(str)

    def __init__(self, registry: Any, parent: Any = None) -> None:
        super().__init__(parent)
        self._registry = registry
        self._run: Run | None = None
        self._tiles: Sequence[TileRecord] = ()
        self._colors: dict[str, str] = {}
        self._trial: WhatIf | None = None
        self._thresholds: dict[str, float] = {}
        self._previewed: frozenset[int] = frozenset()
        self._announced = False
        self.change: Change | None = None
        self.widgets = WhatIfWidgets(self)
        self._pause = QTimer(self)
        self._pause.setSingleShot(True)
        self._pause.setInterval(_PAUSE)
        self._pause.timeout.connect(self.refresh)
        self._job = Rerouting(self)
        self._connect()
        self.show_run(None, (), {})

    def show_run(self, run: Run | None, tiles: Sequence[TileRecord], colors: dict[str, str]) -> None:
        """Try policies on another run, beginning with its own; None for no run."""
        widgets = self.widgets
        if run is None or self._run is None or run.folder != self._run.folder:
            widgets.problem.say("")
        self._run, self._tiles, self._colors = run, tiles, dict(colors)
        self._trial = None  # made when it is first asked for: the panel may never be looked at
        chosen = widgets.expert.currentData()
        with QSignalBlocker(widgets.expert):
            widgets.expert.clear()
            for expert in self._usable():
                icon = dot(self._colors.get(expert.name, "#808080"))
                widgets.expert.addItem(icon, expert.label, expert.name)
            widgets.expert.setCurrentIndex(max(widgets.expert.findData(chosen), 0))
        most = max(len(run.experts), 1) if run else 1
        for control in (widgets.k_slider, widgets.k_spin):
            with QSignalBlocker(control):
                control.setRange(1, most)
        widgets.controls.setEnabled(run is not None)
        self.reset()

    def reset(self, *_: object) -> None:
        """Back to the policy that the run has."""
        self.set_policy(policy_of(self._run) if self._run else Policy())

    def set_policy(self, policy: Policy) -> None:
        """Move all controls to a policy."""
        widgets = self.widgets
        self._thresholds = dict(policy.thresholds)
        for control, value in (
            (widgets.k_slider, policy.k),
            (widgets.k_spin, policy.k),
            (widgets.miss_slider, _nearest(100 * policy.miss_rate)),
            (widgets.miss_spin, 100 * policy.miss_rate),
        ):
            with QSignalBlocker(control):
                control.setValue(value)
        with QSignalBlocker(widgets.kind):
            widgets.kind.setCurrentIndex(max(widgets.kind.findData(policy.kind), 0))
        widgets.suit(policy.kind)
        self._show_threshold()
        self.refresh()

    def policy(self) -> Policy:
        """The policy that the controls say."""
        widgets = self.widgets
        own = policy_of(self._run) if self._run else Policy()
        shown = widgets.miss_spin.value()
        # The spin box rounds; what was not moved stays as exact as the run has it.
        rate = own.miss_rate if abs(shown - 100 * own.miss_rate) < 0.05 else shown / 100
        return Policy(widgets.kind.currentData(), widgets.k_spin.value(), rate, dict(self._thresholds))

    def refresh(self) -> None:
        """Work out what would change, and show it. A hidden panel waits until it is shown."""
        self._pause.stop()
        if self._run is None or not self.isVisible():
            if self._run is None:
                self.change = None
                self.widgets.bars.show_change(None, None, {})
            self._preview(frozenset())
            self._show_button()
            return
        if self._trial is None:
            self._trial = WhatIf(self._run, self._tiles)
            self._show_threshold()
        policy = self.policy()
        self.change = self._trial.change(policy)
        widgets = self.widgets
        widgets.suit(policy.kind)
        widgets.reset.setEnabled(policy != policy_of(self._run))
        widgets.headline.setText(words.headline(self.change, self._run))
        widgets.bars.show_change(self._run, self.change, self._colors)
        cost = words.cost(self.change)
        widgets.cost.setText(cost)
        widgets.cost.setVisible(bool(cost))
        widgets.notes.say("\n".join(self.change.notes))
        self._show_button()
        self._preview(self.change.tiles)

    def start(self, *_: object) -> None:
        """Give the run the policy chosen, in the background."""
        if self._run is None or self.change is None or not self.change.tiles:
            return
        self.refresh()  # a slider may have moved since
        self.widgets.problem.say("")
        self._announced = False
        self.widgets.progress.setValue(0)
        self.widgets.step.setText(tr("Starting"))
        self._job.start(self._run, self.policy())
        self._show_button()

    def close_down(self) -> None:
        """Stop a job that runs; the run stays as it is."""
        self._pause.stop()
        self._job.cancel()

    def showEvent(self, event: Any) -> None:
        super().showEvent(event)
        self.refresh()

    def hideEvent(self, event: Any) -> None:
        super().hideEvent(event)
        self._preview(frozenset())

    def _connect(self) -> None:
        widgets = self.widgets
        widgets.kind.currentIndexChanged.connect(lambda *_: self.refresh())
        widgets.reset.clicked.connect(self.reset)
        widgets.expert.currentIndexChanged.connect(lambda *_: self._show_threshold())
        widgets.calibrated.clicked.connect(self._calibrate)
        widgets.k_slider.valueChanged.connect(widgets.k_spin.setValue)
        widgets.k_spin.valueChanged.connect(widgets.k_slider.setValue)
        widgets.k_spin.valueChanged.connect(self._later)
        widgets.threshold_slider.valueChanged.connect(lambda value: self._move_threshold(value / 100))
        widgets.threshold_spin.valueChanged.connect(self._move_threshold)
        widgets.miss_slider.valueChanged.connect(lambda step: widgets.miss_spin.setValue(MISS_STEPS[step]))
        widgets.miss_spin.valueChanged.connect(self._move_miss)
        widgets.button.clicked.connect(self.start)
        widgets.cancel.clicked.connect(self._cancel)
        self._job.progressed.connect(lambda percent: widgets.progress.setValue(round(percent)))
        self._job.said.connect(widgets.step.setText)
        self._job.done.connect(self._done)
        self._job.failed.connect(self._failed)
        if self._registry is not None:
            self._registry.runFinished.connect(self._heard)

    def _usable(self) -> list[RunExpert]:
        return [expert for expert in self._run.experts if expert.skipped is None] if self._run else []

    def _later(self, *_: object) -> None:
        if not self._pause.isActive():
            self._pause.start()

    def _move_threshold(self, value: float) -> None:
        expert = self._chosen_expert()
        if expert is None:
            return
        # The calibrated threshold may have more digits than the controls show.
        if abs(value - expert.bundle_threshold) < 0.005:
            self._thresholds.pop(expert.name, None)
        else:
            self._thresholds[expert.name] = round(value, 2)
        self._show_threshold()
        self._later()

    def _calibrate(self, *_: object) -> None:
        expert = self._chosen_expert()
        if expert is not None:
            self._thresholds.pop(expert.name, None)
            self._show_threshold()
            self._later()

    def _move_miss(self, percent: float) -> None:
        with QSignalBlocker(self.widgets.miss_slider):
            self.widgets.miss_slider.setValue(_nearest(percent))
        self._later()

    def _chosen_expert(self) -> RunExpert | None:
        name = self.widgets.expert.currentData()
        return next((expert for expert in self._usable() if expert.name == name), None)

    def _show_threshold(self) -> None:
        """Have the controls say the threshold of the expert chosen, and which others are moved."""
        widgets, expert = self.widgets, self._chosen_expert()
        if expert is None:
            return
        value = self._thresholds.get(expert.name, expert.bundle_threshold)
        with QSignalBlocker(widgets.threshold_slider), QSignalBlocker(widgets.threshold_spin):
            widgets.threshold_slider.setValue(round(100 * value))
            widgets.threshold_spin.setValue(value)
        widgets.calibrated.setEnabled(expert.name in self._thresholds)
        widgets.calibrated.setToolTip(
            tr("Back to the calibrated threshold, {value:.2f}").format(value=expert.bundle_threshold)
        )
        widgets.spread.show_thresholds(value, expert.bundle_threshold)
        if self._trial is not None:
            counts = self._trial.spread(expert.name, BINS)
            widgets.spread.show_scores(counts, self._colors.get(expert.name, "#808080"))
        tried = self._thresholds
        moved = [
            f"{html.escape(e.label)} {e.bundle_threshold:.2f}&nbsp;→&nbsp;<b>{tried[e.name]:.2f}</b>"
            for e in self._usable()
            if e.name in tried
        ]
        widgets.moved.setText(tr("Moved: {experts}").format(experts=", ".join(moved)) if moved else "")
        widgets.moved.setVisible(bool(moved))

    def _show_button(self) -> None:
        """The button with its number, or why it cannot be pressed."""
        widgets, change, run = self.widgets, self.change, self._run
        busy = bool(self._job.folder)
        widgets.running.setVisible(busy)
        widgets.button.setVisible(not busy)
        if run is None or change is None:
            widgets.button.setText(tr("Decode what is missing"))
            widgets.button.setEnabled(False)
            widgets.price.hide()
            widgets.reason.hide()
            return
        hindrance = words.hindrance(run)
        reason = hindrance
        if not reason and not change.tiles:
            moved = widgets.reset.isEnabled()
            reason = (
                tr("For this scene it decides as the run's own policy does.")
                if moved
                else tr("Move a control to see what would change.")
            )
        price = words.price(change)
        widgets.button.setText(words.button_text(change) if change.tiles else tr("Nothing to decode"))
        widgets.button.setEnabled(not reason)
        widgets.button.setToolTip(reason or words.explanation(change))
        widgets.price.setText(price)
        widgets.price.setVisible(bool(price) and not busy)
        lost = tr("What is dropped can be decoded again at any time.") if change.dropped else ""
        widgets.reason.setText(reason or lost)
        widgets.reason.setVisible(bool(reason or lost) and not busy)

    def _preview(self, tiles: frozenset[int]) -> None:
        if tiles != self._previewed:
            self._previewed = tiles
            self.previewChanged.emit(tiles)

    def _cancel(self, *_: object) -> None:
        self.widgets.step.setText(tr("Stopping"))
        self._job.cancel()

    def _heard(self, folder: str) -> None:
        if folder == self._job.folder:
            self._announced = True

    def _done(self, folder: str) -> None:
        project = QgsProject.instance()
        if self._registry is not None and not self._registry.knows(Path(folder)):
            self.widgets.problem.tell(
                tr("Done; the run in {folder} has the new policy. Its project is closed.").format(
                    folder=folder
                )
            )
            self._show_button()
            return
        try:
            run = read_run(Path(folder))
        except PluginError as error:
            self._failed(str(error))
            return
        # The algorithm brings layers that are there up to date and announces the run; what it leaves out,
        # because the project had none of them, is done here.
        if not self._announced or results.find_layer(project, run, results.ROUTING_ROLE) is None:
            results.load_run(run, project)
        if not self._announced:
            run_events.announce(run.folder)
        self.widgets.problem.tell(tr("Done; the layers show the new policy."))
        self._show_button()
        self.rerouted.emit(folder)

    def _failed(self, sentence: str) -> None:
        if sentence:
            self.widgets.problem.say(sentence)
            self.problem.emit(sentence)
        else:
            self.widgets.problem.tell(tr("Stopped; the run is as it was."))
        self._show_button()


def _nearest(percent: float) -> int:
    """The slider's step next to a share."""
    return min(range(len(MISS_STEPS)), key=lambda step: abs(MISS_STEPS[step] - percent))
