"""One tile: its picture, what became of it, its scene class, its objects, every expert's score and why."""

from __future__ import annotations

import html
from collections.abc import Sequence
from typing import Any

from qgis.PyQt.QtCore import Qt, pyqtSignal
from qgis.PyQt.QtWidgets import QFrame, QHBoxLayout, QLabel, QScrollArea, QVBoxLayout, QWidget

from ..i18n import tr
from ..object_records import ObjectRecord, RunObjects
from ..run_folder import Run
from ..scene_colors import scene_colors_of
from ..tile_records import TileRecord
from .score_bars import ScoreBars
from .tile_objects import TileObjects
from .tile_picture import TilePicture
from .tile_words import scene, scene_meaning, told

_WIDE = 300
"""Pixels that a large picture and words beside it take together."""


class TileDetail(QWidget):
    """Shows one tile of a run, or how to get at one.

    Signals:
        objectSelected(object): the `ObjectRecord` that the user selected in it, None for none any more.
        objectActivated(object): one was double-clicked, or Enter pressed on it; the map moves to it.

    Attributes:
        title: place, share of valid pixels and outcome, as rich text.
        picture: the tile in its scene.
        scene: what the tile as a whole looks like, hidden without a scene expert.
        objects: what was found in it, hidden without an objects expert.
        bars: the scores.
    """

    objectSelected = pyqtSignal(object)
    objectActivated = pyqtSignal(object)

    def __init__(self, parent: Any = None) -> None:
        super().__init__(parent)
        self._pictured: tuple[Run | None, TileRecord | None, Sequence[ObjectRecord], RunObjects]
        self._pictured = (None, None, (), RunObjects())
        self.title, self.scene = _words(self), _words(self)
        self.scene.hide()
        self.title.setAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        self.picture = TilePicture(self)
        self.objects = TileObjects(self)
        self.objects.chosen.connect(self._choose)
        self.objects.opened.connect(self.objectActivated)
        self.bars = ScoreBars()
        head = QHBoxLayout()
        head.setSpacing(10)
        head.addWidget(self.picture)
        head.addWidget(self.title, 1)
        # All of it scrolls: in a low dock the scores are not squeezed out by the picture.
        inside = QWidget()
        layout = QVBoxLayout(inside)
        layout.setContentsMargins(0, 4, 4, 0)
        layout.setSpacing(6)
        layout.addLayout(head)
        layout.addWidget(self.scene)
        layout.addWidget(self.objects)
        layout.addWidget(self.bars)
        layout.addStretch(1)
        self.scroll = QScrollArea(self)
        self.scroll.setFrameShape(QFrame.Shape.NoFrame)
        self.scroll.setWidgetResizable(True)
        self.scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.scroll.setWidget(inside)
        # On a tab's page the window's own background shows through, as under the table.
        self.scroll.viewport().setAutoFillBackground(False)
        inside.setAutoFillBackground(False)
        self.scroll.setAccessibleName(tr("Tile"))
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.addWidget(self.scroll)

    def show_tile(
        self,
        run: Run | None,
        tile: TileRecord | None,
        colors: dict[str, str],
        found: RunObjects | None = None,
    ) -> None:
        """Show a tile of a run; None shows a hint.

        Args:
            run: the run.
            tile: the tile.
            colors: "#rrggbb" of each expert by name.
            found: the run's objects, None for a run without.
        """
        found = found or RunObjects()
        self.bars.show_tile(run, tile, colors)
        records = self.objects.show_tile(run, tile, found, colors)
        self._pictured = (run, tile, records, found)
        self._show_picture()
        self.picture.setVisible(tile is not None)
        if run is None or tile is None:
            self.title.setText(tr("Choose a tile in the table or on the map to see its experts' scores."))
            self.scroll.setAccessibleDescription("")
            self.scene.hide()
            return
        place = tr("Row {row}, column {col}").format(row=tile.row, col=tile.col)
        valid = tr("{share} % valid pixels").format(share=_percent(tile.valid))
        became = told(run, tile)
        lines = [f"<b>{place}</b>", html.escape(became), f"<small>{valid}</small>"]
        self.title.setText("<br>".join(lines))
        said, found_here = scene(run, tile), self.objects.accessibleDescription()
        self._show_scene(run, tile, said)
        self.scroll.setAccessibleDescription(
            "; ".join(filter(None, (f"{place}: {became}, {valid}", said, found_here)))
        )

    def resizeEvent(self, event: Any) -> None:
        super().resizeEvent(event)
        if self.picture.large != self._large():
            self._show_picture()
            self._choose_again()

    def _large(self) -> bool:
        """Whether the picture is to be large: for outlines of objects, where words still fit beside it."""
        return bool(self._pictured[3].records) and self.width() >= _WIDE

    def _show_picture(self) -> None:
        run, tile, records, found = self._pictured
        self.picture.large = self._large()
        self.picture.show_tile(run, tile)
        self.picture.show_objects(tile, records, found.colors())

    def _choose_again(self) -> None:
        record = self.objects.current()
        self.picture.choose_object(record.id if record is not None else None)

    def _choose(self, record: ObjectRecord | None) -> None:
        self._choose_again()
        self.objectSelected.emit(record)

    def _show_scene(self, run: Run, tile: TileRecord, said: str) -> None:
        self.scene.setVisible(bool(said))
        if run.scene_expert is None or not said:
            return
        color = scene_colors_of(run).get(tile.scene, "#808080")
        text = f'<span style="color:{color}">■</span>&nbsp;<b>{html.escape(run.scene_expert.title)}</b>'
        self.scene.setText(f"{text} &nbsp;{html.escape(said)}")
        self.scene.setToolTip(scene_meaning(run))


def _words(parent: QWidget) -> QLabel:
    """A label of rich text that breaks its lines and can be copied from."""
    label = QLabel(parent)
    label.setTextFormat(Qt.TextFormat.RichText)
    label.setWordWrap(True)
    label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
    return label


def _percent(share: float) -> str:
    """A share in percent, in which only all is 100 and only nothing is 0."""
    if 0.0 < share < 0.01:
        return "< 1"
    return str(min(99, round(100 * share))) if share < 1.0 else "100"
