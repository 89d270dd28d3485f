"""The view of a tile's objects, and how the experts that served them are drawn."""

from __future__ import annotations

from typing import Any

from qgis.PyQt.QtCore import QModelIndex, QRectF, QSize, Qt, pyqtSignal
from qgis.PyQt.QtGui import QColor, QFontMetrics, QPainter, QPalette
from qgis.PyQt.QtWidgets import (
    QAbstractItemView,
    QApplication,
    QHeaderView,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QTableView,
)

from ..i18n import tr
from ..objects_style import expert_color
from .delegates import ScoreDelegate
from .object_model import CLASS, LAYERS, LENGTH, SCORE, SERVED_ROLE, ObjectModel
from .object_words import metres
from .painting import mix, scaled

MOST_ROWS = 10
"""Rows that are shown without scrolling."""
_GAP = 3
_ARROW = 34  # what a title needs beside it for the arrow of the sorting


class ServedDelegate(QStyledItemDelegate):
    """Experts as small labels with their number, each underlined as far as its weight goes."""

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex) -> None:
        option = QStyleOptionViewItem(option)
        self.initStyleOption(option, index)
        option.text = ""
        style = option.widget.style() if option.widget else QApplication.style()
        style.drawControl(QStyle.ControlElement.CE_ItemViewItem, option, painter, option.widget)
        pairs = index.data(SERVED_ROLE) or ()
        selected = bool(option.state & QStyle.StateFlag.State_Selected)
        text = option.palette.color(
            QPalette.ColorRole.HighlightedText if selected else QPalette.ColorRole.Text
        )
        base = option.palette.color(QPalette.ColorRole.Highlight if selected else QPalette.ColorRole.Base)
        painter.save()
        painter.setClipRect(option.rect)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setFont(scaled(option.font, 0.9))
        box = QRectF(option.rect).adjusted(_GAP, 2.5, -_GAP, -2.5)
        wide = min(chip_width(QFontMetrics(painter.font())) * 1.5, self._width(box.width(), len(pairs)))
        for place, (number, weight) in enumerate(pairs):
            chip = QRectF(box.left() + place * (wide + _GAP), box.top(), wide, box.height())
            self._chip(painter, chip, number, weight, text, base, selected)
        painter.restore()

    def sizeHint(self, option: QStyleOptionViewItem, index: QModelIndex) -> QSize:
        metrics = QFontMetrics(scaled(option.font, 0.9))
        count = max(1, len(index.data(SERVED_ROLE) or ()))
        return QSize(count * (chip_width(metrics) + _GAP) + _GAP, metrics.height() + 8)

    @staticmethod
    def _width(room: float, count: int) -> float:
        return (room - _GAP * (count - 1)) / max(1, count)

    @staticmethod
    def _chip(
        painter: QPainter,
        chip: QRectF,
        number: int,
        weight: float,
        text: QColor,
        base: QColor,
        selected: bool,
    ) -> None:
        # In the selected row the theme's own colours, as bars of scores are drawn there.
        color = text if selected else QColor(expert_color(number))
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(mix(color, base, 0.16))
        painter.drawRoundedRect(chip, 3, 3)
        painter.setPen(text)
        painter.drawText(chip.adjusted(0, 0, 0, -2.5), int(Qt.AlignmentFlag.AlignCenter), str(number))
        bar = QRectF(chip.left(), chip.bottom() - 3, chip.width() * min(max(weight, 0.0), 1.0), 3)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(color)
        painter.drawRoundedRect(bar, 1.2, 1.2)


def chip_width(metrics: QFontMetrics) -> int:
    """Width of an expert's label in pixels."""
    return metrics.horizontalAdvance("00") + 6


class ObjectTable(QTableView):
    """Shows an `ObjectModel`; sorts by a click on a header, selects one row or none.

    Signals:
        chosen(object): the `ObjectRecord` that the user selected, None if there is none any more.
        opened(object): one was double-clicked, or Enter pressed on it.
    """

    chosen = pyqtSignal(object)
    opened = pyqtSignal(object)

    def __init__(self, model: ObjectModel, parent: Any = None) -> None:
        super().__init__(parent)
        self.setAccessibleName(tr("Objects of the tile"))
        self.setAccessibleDescription(
            tr("Arrow keys choose an object, Enter moves the map to it, Escape goes back to the tile")
        )
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setAlternatingRowColors(True)
        self.setShowGrid(False)
        self.setWordWrap(False)
        self.setTabKeyNavigation(False)  # Tab goes on to the next widget, arrows move in the table
        self.setHorizontalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setItemDelegateForColumn(SCORE, ScoreDelegate(self))
        self._served = ServedDelegate(self)
        rows = self.verticalHeader()
        rows.setVisible(False)
        rows.setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        rows.setDefaultSectionSize(self.fontMetrics().height() + 8)
        self.setModel(model)
        header = self.horizontalHeader()
        header.setHighlightSections(False)
        header.setMinimumSectionSize(30)
        header.setTextElideMode(Qt.TextElideMode.ElideRight)
        self.setSortingEnabled(True)
        self.sortByColumn(SCORE, Qt.SortOrder.DescendingOrder)
        self.doubleClicked.connect(self._open)
        self.selectionModel().selectionChanged.connect(self._tell)
        model.modelReset.connect(self._fit)
        header.sortIndicatorChanged.connect(lambda *_: self._fit())

    def current(self) -> Any:
        """The selected `ObjectRecord`, None without one."""
        rows = self.selectionModel().selectedRows()
        return self.model().record_at(rows[0].row()) if rows else None

    def select(self, number: int) -> bool:
        """Select the object with this number; False if the tile has none such."""
        row = next((row for row, one in enumerate(self.model().records) if one.id == number), -1)
        if row >= 0:
            self.selectRow(row)
            self.scrollTo(self.model().index(row, CLASS))
        return row >= 0

    def forget(self) -> None:
        """Select none."""
        self.clearSelection()
        self.setCurrentIndex(QModelIndex())

    def keyPressEvent(self, event: Any) -> None:
        if event.key() == Qt.Key.Key_Escape and self.current() is not None:
            self.forget()
        elif event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and self.current() is not None:
            self.opened.emit(self.current())
        else:
            super().keyPressEvent(event)

    def mousePressEvent(self, event: Any) -> None:
        super().mousePressEvent(event)
        if not self.indexAt(event.pos()).isValid():
            self.forget()

    def resizeEvent(self, event: Any) -> None:
        super().resizeEvent(event)
        self._fit()

    def _open(self, index: QModelIndex) -> None:
        record = self.model().record_at(index.row())
        if record is not None:
            self.opened.emit(record)

    def _tell(self, *_: object) -> None:
        self.chosen.emit(self.current())

    def _fit(self) -> None:
        """Suit columns and height to the tile's objects, and to the width there is."""
        model, room = self.model(), self.viewport().width()
        by = self.horizontalHeader().sortIndicatorSection()
        widths = self._wanted()
        if sum(widths) + _ARROW > room:
            widths = self._wanted(tight=True)
            # A long name is cut before the experts are; the tool tip has it.
            widths[CLASS] -= max(0, min(sum(widths) - room, widths[CLASS] - self._titled(CLASS) - 24))
        layers = range(LAYERS, len(widths))
        spare = room - sum(widths)
        # What is left goes to the arrow beside what is sorted by, then to whole titles.
        wishes = {by: self._titled(by, brief=True) + _ARROW} if by < len(widths) else {}
        wishes[LENGTH] = max(wishes.get(LENGTH, 0), self._titled(LENGTH))
        for column, wish in wishes.items():
            extra = max(0, min(spare, wish - widths[column]))
            widths[column] += extra
            spare -= extra
        titles = {column: self._titled(column) + (_ARROW if column == by else 0) for column in layers}
        lacking = {column: max(0, title - widths[column]) for column, title in titles.items()}
        whole = sum(lacking.values()) <= spare
        model.set_brief(not whole)
        for column in layers if whole else ():
            widths[column] += lacking[column]
            spare -= lacking[column]
        last = layers if layers else [CLASS]
        # In too narrow a column it would leave no letter of the title.
        fits = by >= len(widths) or widths[by] >= self._titled(by, brief=True) + _ARROW - 10
        self.horizontalHeader().setSortIndicatorShown(fits)
        for column, width in enumerate(widths):
            self.setColumnWidth(column, width + (max(0, spare) // len(last) if column in last else 0))
            if column >= LAYERS:
                self.setItemDelegateForColumn(column, self._served)
        height = self.horizontalHeader().sizeHint().height() + 2 * self.frameWidth()
        height += min(model.rowCount(), MOST_ROWS) * self.verticalHeader().defaultSectionSize()
        self.setFixedHeight(height + (self.horizontalScrollBar().sizeHint().height() if spare < 0 else 0))

    def _wanted(self, tight: bool = False) -> list[int]:
        """Least width of each column in pixels; a tight one shortens the title of the length."""
        model, metrics = self.model(), self.fontMetrics()
        names = {record.label for record in model.records}
        longest = max((metrics.horizontalAdvance(name) for name in names), default=0)
        known = [record.length for record in model.records if record.length is not None]
        # The widest is the greatest, or one with a decimal; asking Qt for each is slow with hundreds.
        numbers = (metres(max(known)), metres(min(max(known), 9.9))) if known else ("–",)
        length = max((metrics.horizontalAdvance(text) for text in numbers), default=0) + 10
        chip = chip_width(QFontMetrics(scaled(self.font(), 0.9))) - (3 if tight else 0)
        icon = self.style().pixelMetric(QStyle.PixelMetric.PM_SmallIconSize)
        return [
            max(self._titled(CLASS), min(longest, 160) + icon + 14),
            max(self._titled(SCORE), metrics.horizontalAdvance("0.00") + 16),
            length if tight else max(self._titled(LENGTH), length),
            *[model.most_served * (chip + _GAP) + _GAP] * model.layers,
        ]

    def _titled(self, column: int, brief: bool = False) -> int:
        """Width that a column's title takes, the brief one of a layer if that is asked for."""
        return self.fontMetrics().horizontalAdvance(self.model().title(column, brief)) + 10
