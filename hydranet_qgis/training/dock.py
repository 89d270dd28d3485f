"""The dock around the training panel."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from qgis.gui import QgsDockWidget

from ..i18n import tr
from .panel import TrainingPanel


class TrainingDock(QgsDockWidget):
    """Holds the panel, and comes to the front when a training begins.

    Args:
        train: called by "Train an expert…".
        parent: QGIS's window, or None.

    Attributes:
        panel: the `TrainingPanel`.
    """

    def __init__(self, train: Callable[[], None], parent: Any = None) -> None:
        super().__init__(tr("HydraNet training"), parent)
        self.setObjectName("HydraNetTrainingDock")  # QGIS keeps its place under this name
        self.panel = TrainingPanel(train, self)
        self.setWidget(self.panel)
        self.panel.begun.connect(self._come_forward)

    def _come_forward(self) -> None:
        self.setUserVisible(True)
