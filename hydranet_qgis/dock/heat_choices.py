"""What the map can show of a run, as entries of a combo box, and the legend of scene classes."""

from __future__ import annotations

import html
from typing import Any

from qgis.PyQt.QtCore import Qt
from qgis.PyQt.QtWidgets import QLabel

from .. import routing_style
from ..i18n import tr
from ..run_folder import Run
from ..scene_colors import scene_colors_of
from ..scene_expert import spoken
from ..uncertainty import MODEL, TOTAL, meaning
from .painting import dot, mixed_with_white, smaller

IMAGERY = "*imagery"
"""Choice of the combo box: all layers of the run hidden. The others are those of `routing_style.show`."""


def fill(choice: Any, run: Run | None, colors: dict[str, str]) -> None:
    """Offer what a run can show, and nothing that it does not tell."""
    choice.clear()
    choice.addItem(tr("Imagery only"), IMAGERY)
    choice.addItem(tr("Results without tiles"), routing_style.NO_TILES)
    choice.addItem(tr("Outlines of the tiles"), routing_style.OUTLINES)
    choice.addItem(tr("Strongest expert"), routing_style.STRONGEST)
    experts = run.experts if run else ()
    if run is not None and run.scene_expert is not None:
        choice.addItem(tr("Scene class"), routing_style.SCENE)
    choice.insertSeparator(choice.count())
    for expert in experts:
        icon = dot(colors.get(expert.name, "#808080"))
        choice.addItem(icon, tr("Score: {expert}").format(expert=expert.label), expert.name)
    for kind in (TOTAL, MODEL):
        told = [expert for expert in experts if expert.uncertainty.has_mean(kind)]
        if told:
            choice.insertSeparator(choice.count())
        for expert in told:
            text = tr("Uncertainty: {expert}") if kind == TOTAL else tr("Model uncertainty: {expert}")
            icon = dot(colors.get(expert.name, "#808080"))
            choice.addItem(icon, text.format(expert=expert.label), routing_style.unsure_of(expert.name, kind))
            choice.setItemData(choice.count() - 1, meaning(kind), Qt.ItemDataRole.ToolTipRole)


class SceneLegend(QLabel):
    """Every scene class with its colour on the map, in as many lines as it takes."""

    def __init__(self, parent: Any = None) -> None:
        super().__init__(parent)
        self.setTextFormat(Qt.TextFormat.RichText)
        self.setWordWrap(True)
        self.setFont(smaller(self))
        self.setAccessibleName(tr("Legend of the map"))

    def show_classes(self, run: Run | None, alpha: float) -> None:
        """Show the classes of a run's scene expert, in colours of the map's look; none clears it."""
        colors = scene_colors_of(run)
        parts = [
            f'<span style="color:{mixed_with_white(color, 0.25 + 0.75 * alpha)}">■</span>&nbsp;'
            + html.escape(spoken(name)).replace(" ", "&nbsp;")
            for name, color in colors.items()
        ]
        self.setText("&nbsp; ".join(parts))
        self.setAccessibleDescription(", ".join(map(spoken, colors)))
