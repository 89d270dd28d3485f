"""What the map shows of a run: a choice, a legend, and one click back to the imagery."""

from __future__ import annotations

from typing import Any

from qgis.core import QgsApplication, QgsProject
from qgis.PyQt.QtCore import QRectF, QSignalBlocker, QSize, Qt, QTimer, pyqtSignal
from qgis.PyQt.QtGui import QColor, QIcon, QPainter, QPixmap
from qgis.PyQt.QtWidgets import (
    QActionGroup,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QMenu,
    QSlider,
    QToolButton,
    QWidget,
)

from .. import heat_ramps, results, routing_style
from ..i18n import tr
from ..run_folder import Run, RunExpert
from . import heat_visibility
from .elided_combo import combo_box
from .heat_choices import IMAGERY, SceneLegend, fill
from .heat_legend import HeatLegend

__all__ = ["IMAGERY", "HeatStrip", "ramp_icon"]

# While the slider moves the map is drawn again at most so often (milliseconds).
_PAUSE = 60


class HeatStrip(QWidget):
    """Two short rows: what to show, and, of scores and classes, the legend with the tiles' opacity.

    Signals:
        mapChanged(str): the map shows something else: IMAGERY, or as given to `routing_style.show`.
        problem(str): the routing layer cannot be loaded, in a sentence.

    Attributes:
        choice: the combo box.
        legend: the painted ramp, see `HeatLegend`.
        scenes: the scene classes with their colours, in a row of their own.
        opacity: slider, percent.
        ramp_button: menu of ramps.
        margin_button: shows the distance from the threshold in place of the score.
        imagery_button: hides the run's layers, and brings them back.
    """

    mapChanged = pyqtSignal(str)
    problem = pyqtSignal(str)

    def __init__(self, parent: Any = None) -> None:
        super().__init__(parent)
        self._run: Run | None = None
        self._colors: dict[str, str] = {}
        self._make()
        self._pause = QTimer(self)
        self._pause.setSingleShot(True)
        self._pause.setInterval(_PAUSE)
        self._pause.timeout.connect(self._draw)
        self.choice.activated.connect(lambda *_: self._chosen())
        self.margin_button.clicked.connect(lambda *_: self._chosen())
        self.imagery_button.clicked.connect(self._toggle_imagery)
        self.opacity.valueChanged.connect(self._fade)
        self._ramps.triggered.connect(lambda *_: self._draw())
        self.follow()

    def show_run(self, run: Run | None, colors: dict[str, str]) -> None:
        """Offer the experts of another run and show what the map shows of it."""
        self._pause.stop()
        self._run, self._colors = run, dict(colors)
        with QSignalBlocker(self.choice):
            fill(self.choice, run, self._colors)
        self.follow()

    def follow(self) -> None:
        """Say what the map shows, also where a project or the user changed it."""
        run, project = self._run, QgsProject.instance()
        layer = results.find_layer(project, run, results.ROUTING_ROLE) if run else None
        what = routing_style.shown(layer) if layer is not None else routing_style.OUTLINES
        hidden = run is not None and heat_visibility.is_hidden(project, run)
        expert = self._expert(what)
        scored = expert is not None and not routing_style.unsure_kind(what)
        wanted = IMAGERY if hidden else expert.name if scored else what
        with QSignalBlocker(self.choice):
            found = self.choice.findData(wanted)
            self.choice.setCurrentIndex(found if found >= 0 else self.choice.findData(routing_style.OUTLINES))
        if layer is not None and not self._pause.isActive():
            with QSignalBlocker(self.opacity):
                self.opacity.setValue(round(100 * routing_style.opacity_of(layer)))
            self._mark_ramp(routing_style.ramp_of(layer))
        with QSignalBlocker(self.margin_button):
            self.margin_button.setChecked(routing_style.is_margin(what))
        self.imagery_button.setChecked(hidden)
        self._explain()

    def what(self) -> str:
        """What is chosen, as `mapChanged` tells it."""
        chosen = self.choice.currentData()
        if chosen is None:
            return routing_style.OUTLINES
        limit = None if routing_style.unsure_kind(chosen) else self._threshold(self._expert(chosen))
        if self.margin_button.isChecked() and limit is not None:
            return routing_style.margin_of(chosen)
        return str(chosen)

    def ramp(self) -> str:
        """Name of the ramp chosen."""
        checked = self._group.checkedAction()
        return str(checked.data()) if checked is not None else heat_ramps.VIRIDIS

    def _chosen(self) -> None:
        what, run = self.what(), self._run
        if run is None:
            return
        project = QgsProject.instance()
        hidden = heat_visibility.is_hidden(project, run)
        if what == IMAGERY:
            if not hidden:
                heat_visibility.hide(project, run)
        else:
            if hidden:
                heat_visibility.bring_back(project, run)
            self._draw()
        self._settle(what)

    def _toggle_imagery(self, checked: bool) -> None:
        run, project = self._run, QgsProject.instance()
        if run is None:
            return
        if checked:
            heat_visibility.hide(project, run)
        else:
            heat_visibility.bring_back(project, run)
        self.follow()
        self.mapChanged.emit(self.what())

    def _settle(self, what: str) -> None:
        self.imagery_button.setChecked(what == IMAGERY)
        self._explain()
        self.mapChanged.emit(what)

    def _draw(self) -> None:
        """Style the routing layer as chosen; it is loaded if the project has lost it."""
        run, what, project = self._run, self.what(), QgsProject.instance()
        self._pause.stop()
        self._explain()
        if run is None or what == IMAGERY:
            return
        layer = results.find_layer(project, run, results.ROUTING_ROLE) or results.load_routing(run, project)
        if layer is None:
            self.problem.emit(tr("{path} cannot be loaded; run HydraNet again.").format(path=run.routing))
            return
        routing_style.show(layer, run, what, self.opacity.value() / 100, self.ramp())
        node = project.layerTreeRoot().findLayer(layer.id())
        if node is not None and what != routing_style.NO_TILES:
            node.setItemVisibilityCheckedParentRecursive(True)

    def _fade(self, percent: int) -> None:
        self.legend.set_alpha(percent / 100)
        self.scenes.show_classes(self._run, percent / 100)
        self.opacity.setToolTip(tr("Opacity of the tiles: {percent} %").format(percent=percent))
        if not self._pause.isActive():
            self._pause.start()

    def _explain(self) -> None:
        """Have legend and controls suit the choice."""
        chosen, alpha = self.choice.currentData() or routing_style.OUTLINES, self.opacity.value() / 100
        expert, kind = self._expert(chosen), routing_style.unsure_kind(chosen)
        limit = None if kind else self._threshold(expert)
        margin = routing_style.is_margin(self.what())
        steps = heat_ramps.MARGIN if margin else heat_ramps.RAMPS[self.ramp()]
        if expert is not None and kind:
            self.legend.show_uncertainty(expert.name, expert.label, kind, steps, alpha)
        elif expert is not None:
            self.legend.show_scores(expert.name, expert.label, steps, limit, alpha, margin)
        else:
            self.legend.show_scores("", "", (), None, alpha)
        self.legend.setVisible(expert is not None)
        self.scenes.setVisible(chosen == routing_style.SCENE)
        if chosen == routing_style.SCENE:
            self.scenes.show_classes(self._run, alpha)
        self.ramp_button.setVisible(expert is not None)
        self.ramp_button.setEnabled(not margin)
        self.ramp_button.setIcon(ramp_icon(heat_ramps.RAMPS[self.ramp()]))
        self.margin_button.setVisible(expert is not None and not kind)
        self.margin_button.setEnabled(limit is not None)
        filled = expert is not None or chosen in (routing_style.STRONGEST, routing_style.SCENE)
        self.opacity.setVisible(filled)
        # The legend needs the room; the slider's tool tip says what it is.
        self._opacity_label.setVisible(filled and expert is None)
        hidden = chosen == IMAGERY
        self.imagery_button.setIcon(
            QgsApplication.getThemeIcon(
                "/mActionHideAllLayers.svg" if hidden else "/mActionShowAllLayers.svg"
            )
        )
        self.setEnabled(self._run is not None)

    def _expert(self, what: str | None) -> RunExpert | None:
        """Whose score, margin or uncertainty is shown; None for anything else."""
        experts, name = self._run.experts if self._run else (), routing_style.expert_of(what or "")
        return next((expert for expert in experts if expert.name == name), None)

    def _threshold(self, expert: RunExpert | None) -> float | None:
        """The score from which a tile went to the expert; top-k compares with none."""
        if expert is None or self._run is None or self._run.policy == "top-k":
            return None
        return expert.threshold

    def _mark_ramp(self, name: str) -> None:
        for action in self._group.actions():
            action.setChecked(action.data() == name)

    def _make(self) -> None:
        self.choice = combo_box(self, tr("Map colours"), tr("What the map shows of this run"))
        label = QLabel(tr("&Map"), self)
        label.setBuddy(self.choice)
        self.ramp_button = _button(self, QIcon(), tr("Colour ramp of the scores"))
        self.ramp_button.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self._ramps = QMenu(self.ramp_button)
        self._group = QActionGroup(self._ramps)
        for name, title in heat_ramps.titles().items():
            action = self._ramps.addAction(ramp_icon(heat_ramps.RAMPS[name]), title)
            action.setCheckable(True)
            action.setChecked(name == heat_ramps.VIRIDIS)
            action.setData(name)
            self._group.addAction(action)
        self.ramp_button.setMenu(self._ramps)
        self.margin_button = _button(
            self, ramp_icon(heat_ramps.MARGIN), tr("Show how far each score is from the threshold")
        )
        self.margin_button.setCheckable(True)
        self.imagery_button = _button(
            self, QIcon(), tr("Back to the imagery: hide this run's layers; once more brings them back")
        )
        self.imagery_button.setCheckable(True)
        self.legend, self.scenes = HeatLegend(self), SceneLegend(self)
        self.opacity = QSlider(Qt.Orientation.Horizontal, self)
        self.opacity.setRange(0, 100)
        self.opacity.setPageStep(10)
        self.opacity.setValue(round(100 * routing_style.DEFAULT_OPACITY))
        self.opacity.setAccessibleName(tr("Opacity of the tiles"))
        self.opacity.setToolTip(tr("Opacity of the tiles"))
        self.opacity.setMinimumWidth(56)
        self.opacity.setMaximumWidth(120)
        self._opacity_label = QLabel(tr("&Opacity"), self)
        self._opacity_label.setBuddy(self.opacity)

        first = QHBoxLayout()
        first.setSpacing(4)
        first.addWidget(self.choice, 1)
        first.addWidget(self.imagery_button)
        second = QHBoxLayout()
        second.setSpacing(4)
        second.addWidget(self.legend, 3)
        second.addWidget(self.ramp_button)
        second.addWidget(self.margin_button)
        second.addWidget(self._opacity_label)
        second.addWidget(self.opacity, 1)
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setHorizontalSpacing(6)
        grid.setVerticalSpacing(2)
        grid.addWidget(label, 0, 0)
        grid.addLayout(first, 0, 1)
        grid.addLayout(second, 1, 0, 1, 2)
        grid.addWidget(self.scenes, 2, 0, 1, 2)
        grid.setColumnStretch(1, 1)
        QWidget.setTabOrder(self.choice, self.imagery_button)  # as they stand, not as they were made


def ramp_icon(colors: tuple[str, ...]) -> QIcon:
    """A ramp as a picture."""
    pixmap = QPixmap(40, 32)
    pixmap.fill(QColor(0, 0, 0, 0))
    painter = QPainter(pixmap)
    width = pixmap.width() / len(colors)
    for number, color in enumerate(colors):
        painter.fillRect(QRectF(number * width, 6, width + 1, 20), QColor(color))
    painter.end()
    return QIcon(pixmap)


def _button(parent: QWidget, icon: QIcon, name: str) -> QToolButton:
    button = QToolButton(parent)
    button.setIcon(icon)
    button.setIconSize(QSize(18, 18))
    button.setAutoRaise(True)
    button.setToolTip(name)
    button.setAccessibleName(name)
    button.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
    return button
