"""The section of one tile's objects: how many of which class, its scene groups, and each with its experts."""

from __future__ import annotations

import html
from collections.abc import Sequence
from typing import Any

from qgis.PyQt.QtCore import Qt, pyqtSignal
from qgis.PyQt.QtWidgets import QLabel, QVBoxLayout, QWidget

from ..i18n import tr
from ..object_records import ObjectRecord, RunObjects
from ..run_folder import Run
from ..tile_records import TileRecord
from . import object_words
from .object_model import ObjectModel
from .object_table import ObjectTable
from .painting import smaller


class TileObjects(QWidget):
    """Shows the objects of a tile, or why there are none; hidden in a run without an objects expert.

    Signals:
        chosen(object): the `ObjectRecord` that the user selected, None if there is none any more.
        opened(object): one was double-clicked, or Enter pressed on it: the map moves to it.

    Attributes:
        title: the expert, and how many of each class.
        groups: scene groups of the tile, hidden without any.
        note: why there are none, hidden if there are some.
        table, model: the objects.
    """

    chosen = pyqtSignal(object)
    opened = pyqtSignal(object)

    def __init__(self, parent: Any = None) -> None:
        super().__init__(parent)
        self.title, self.groups, self.note = _words(self), _words(self), _words(self)
        self.groups.setFont(smaller(self))
        self.groups.setToolTip(object_words.groups_meaning())
        self.note.setTextFormat(Qt.TextFormat.PlainText)
        self.model = ObjectModel(self)
        self.table = ObjectTable(self.model, self)
        self.table.chosen.connect(self.chosen)
        self.table.opened.connect(self.opened)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 2)
        layout.setSpacing(3)
        for part in (self.title, self.groups, self.note, self.table):
            layout.addWidget(part)
        self.hide()

    def current(self) -> ObjectRecord | None:
        """The selected object."""
        return self.table.current()

    def show_tile(
        self, run: Run | None, tile: TileRecord | None, found: RunObjects, colors: dict[str, str]
    ) -> Sequence[ObjectRecord]:
        """Show a tile of a run, or nothing if it is None.

        Args:
            run: the run.
            tile: the tile.
            found: the run's objects.
            colors: "#rrggbb" of each expert by name.

        Returns:
            The tile's objects.
        """
        if self.current() is not None:
            self.table.forget()
        if run is None or tile is None or found.expert is None:
            self.hide()
            self.setAccessibleDescription("")
            self.model.set_objects(None, (), {})
            return ()
        records = found.by_tile.get(tile.index, ())
        because = object_words.none_because(run, tile, found)
        records = () if because else records
        self.model.set_objects(tile, records, found.colors())
        self._title(records, found, colors, because)
        self.note.setText(because)
        groups = object_words.groups(object_words.groups_of(tile, records))
        self.groups.setText(html.escape(groups))
        for part, text in ((self.note, because), (self.groups, groups)):
            part.setVisible(bool(text))
        self.table.setVisible(not because)
        self.show()
        return records

    def _title(
        self, records: Sequence[ObjectRecord], found: RunObjects, colors: dict[str, str], because: str
    ) -> None:
        mark = colors.get(found.expert.name, "#808080")
        parts = [f'<span style="color:{mark}">■</span>&nbsp;<b>{html.escape(found.expert.label)}</b>']
        counts, drawn = object_words.by_class(records, found), found.colors()
        for name, count in counts.items():
            color = drawn.get(name, "#808080")
            parts.append(f'<span style="color:{color}">●</span>&nbsp;{html.escape(name)}&nbsp;{count:,}')
        self.title.setText(" &nbsp;".join(parts))
        told = [f"{name} {count:,}" for name, count in counts.items()]
        self.setAccessibleName(tr("Objects of the tile"))
        self.setAccessibleDescription(because or ", ".join(told))


def _words(parent: QWidget) -> QLabel:
    """A label that breaks its lines and can be copied from."""
    label = QLabel(parent)
    label.setTextFormat(Qt.TextFormat.RichText)
    label.setWordWrap(True)
    label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
    return label
