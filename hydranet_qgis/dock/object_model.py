"""Objects of one tile as a table for Qt: class, score, length, and for each decoder layer who served them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from qgis.PyQt.QtCore import QAbstractTableModel, QModelIndex, Qt
from qgis.PyQt.QtGui import QIcon

from ..i18n import tr
from ..object_records import ObjectRecord
from ..tile_records import TileRecord
from .object_words import described, metres
from .painting import dot
from .tile_model import FRACTION_ROLE

CLASS, SCORE, LENGTH, LAYERS = range(4)
"""Columns; from LAYERS on there is one for each decoder layer."""
SERVED_ROLE = Qt.ItemDataRole.UserRole + 10
"""Experts of the column's layer: a tuple of (number, weight), the strongest first."""

_GREY = "#808080"


class ObjectModel(QAbstractTableModel):
    """The objects of one tile, the highest score first until the user sorts them."""

    def __init__(self, parent: Any = None) -> None:
        super().__init__(parent)
        self._tile: TileRecord | None = None
        self._records: list[ObjectRecord] = []
        self._served: dict[int, tuple[tuple[tuple[int, float], ...], ...]] = {}  # by the object's number
        self._colors: dict[str, str] = {}
        self._dots: dict[str, QIcon] = {}
        self._layers = 0
        self._brief = False
        self._sorting = (SCORE, Qt.SortOrder.DescendingOrder)

    @property
    def records(self) -> list[ObjectRecord]:
        """The objects as sorted."""
        return self._records

    @property
    def layers(self) -> int:
        """Decoder layers that tell who served the objects."""
        return self._layers

    @property
    def most_served(self) -> int:
        """Most experts that served an object in one layer."""
        return max((len(pairs) for layers in self._served.values() for pairs in layers), default=1)

    def set_objects(
        self, tile: TileRecord | None, records: Sequence[ObjectRecord], colors: dict[str, str]
    ) -> None:
        """Show the objects of another tile.

        Args:
            tile: the tile.
            records: its objects.
            colors: "#rrggbb" of each class by name.
        """
        self.beginResetModel()
        self._tile, self._colors = tile, colors
        self._dots = {name: dot(colors.get(name, _GREY)) for name in {record.label for record in records}}
        self._served = {record.id: record.experts for record in records}
        self._layers = max(map(len, self._served.values()), default=0)
        self._put(sorted(records, key=lambda record: record.id))
        self.endResetModel()

    def record_at(self, row: int) -> ObjectRecord | None:
        """The object in a row."""
        return self._records[row] if 0 <= row < len(self._records) else None

    def title(self, column: int, brief: bool = False) -> str:
        """Heading of a column; a brief one cuts layers to their numbers."""
        if column >= LAYERS:
            text = tr("L {number}") if brief else tr("Layer {number}")
            return text.format(number=column - LAYERS + 1)
        return (tr("Class"), tr("Score"), tr("Length"))[column]

    def set_brief(self, brief: bool) -> None:
        """Whether the headings of layers are cut to their numbers."""
        if brief != self._brief and self._layers:
            self._brief = brief
            self.headerDataChanged.emit(Qt.Orientation.Horizontal, LAYERS, self.columnCount() - 1)

    def rowCount(self, parent: QModelIndex = QModelIndex()) -> int:  # noqa: B008 - Qt's own signature
        return 0 if parent.isValid() else len(self._records)

    def columnCount(self, parent: QModelIndex = QModelIndex()) -> int:  # noqa: B008
        return 0 if parent.isValid() else LAYERS + self._layers

    def sort(self, column: int, order: Qt.SortOrder = Qt.SortOrder.AscendingOrder) -> None:
        self._sorting = (column, order)
        self.layoutAboutToBeChanged.emit()
        old = self.persistentIndexList()
        held = [(self._records[index.row()].id, index.column()) for index in old]
        self._put(sorted(self._records, key=lambda record: record.id))
        rows = {record.id: row for row, record in enumerate(self._records)}
        self.changePersistentIndexList(old, [self.index(rows[number], at) for number, at in held])
        self.layoutChanged.emit()

    def headerData(
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> Any:
        if orientation != Qt.Orientation.Horizontal or not 0 <= section < self.columnCount():
            return None
        number = section - LAYERS + 1
        if role == Qt.ItemDataRole.DisplayRole:
            return self.title(section, self._brief)
        if role == Qt.ItemDataRole.TextAlignmentRole:
            side = Qt.AlignmentFlag.AlignRight if section in (SCORE, LENGTH) else Qt.AlignmentFlag.AlignLeft
            return int(side | Qt.AlignmentFlag.AlignVCenter)
        if role == Qt.ItemDataRole.ToolTipRole:
            if section >= LAYERS:
                return tr(
                    "Experts that served the object in layer {number} of the decoder; the bars are their "
                    "weights"
                ).format(number=number)
            return (
                tr("What it is"),
                tr("How sure the expert is that it is there, 0 to 1"),
                tr("Length on the ground; the tool tip of an object tells its width and area"),
            )[section]
        return None

    def data(self, index: QModelIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if not index.isValid():
            return None
        record, column = self._records[index.row()], index.column()
        if role == Qt.ItemDataRole.DisplayRole:
            return self._cell(index.row(), column)
        if role == SERVED_ROLE:
            return self._pairs(index.row(), column - LAYERS) if column >= LAYERS else ()
        if role == FRACTION_ROLE and column == SCORE:
            return record.score, self._colors.get(record.label, _GREY)
        if role == Qt.ItemDataRole.DecorationRole and column == CLASS:
            return self._dots.get(record.label)
        if role == Qt.ItemDataRole.TextAlignmentRole and column in (SCORE, LENGTH):
            return int(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        if role in (Qt.ItemDataRole.ToolTipRole, Qt.ItemDataRole.AccessibleTextRole):
            return described(record, self._tile)
        return None

    def _cell(self, row: int, column: int) -> str:
        record = self._records[row]
        if column >= LAYERS:
            pairs = self._pairs(row, column - LAYERS)
            return ", ".join(f"{number}: {weight:.2f}" for number, weight in pairs)
        if column == CLASS:
            return record.label
        if column == SCORE:
            return f"{record.score:.2f}"
        return "–" if record.length is None else metres(record.length)

    def _pairs(self, row: int, layer: int) -> tuple[tuple[int, float], ...]:
        layers = self._served[self._records[row].id]
        return layers[layer] if layer < len(layers) else ()

    def _put(self, records: list[ObjectRecord]) -> None:
        """Keep them sorted by the present column; equals stay in the run's order, unknown ones come last."""
        column, order = self._sorting
        down = order == Qt.SortOrder.DescendingOrder

        def key(record: ObjectRecord) -> Any:
            if column == CLASS:
                return (record.label,)
            if column == SCORE:
                return (record.score,)
            if column == LENGTH:
                return None if record.length is None else (record.length,)
            layers = self._served[record.id]
            pairs = layers[column - LAYERS] if column - LAYERS < len(layers) else ()
            # By who served most; of these, those whom it served most stand together at one end.
            return (pairs[0][0], -pairs[0][1]) if pairs else None

        known = sorted((one for one in records if key(one) is not None), key=key, reverse=down)
        self._records = known + [one for one in records if key(one) is None]
