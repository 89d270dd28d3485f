"""The dock around the panel."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from qgis.gui import QgsDockWidget

from ..run_registry import RunRegistry
from .run_panel import RunPanel


class RunDock(QgsDockWidget):
    """Holds the panel, and comes to the front when a run has finished.

    Args:
        registry: the project's runs.
        canvas: map to show tiles on, or None.
        run_algorithm: called by "Run HydraNet…".
        parent: QGIS's window, or None.

    Attributes:
        panel: the `RunPanel` with all contents and signals.
    """

    def __init__(
        self, registry: RunRegistry, canvas: Any, run_algorithm: Callable[[], None], parent: Any = None
    ) -> None:
        super().__init__("HydraNet", parent)
        self.setObjectName("HydraNetDock")  # QGIS keeps its place under this name
        self.panel = RunPanel(registry, canvas, run_algorithm, self)
        self.setWidget(self.panel)
        registry.runFinished.connect(self._come_forward)

    def _come_forward(self, *_: object) -> None:
        self.setUserVisible(True)
