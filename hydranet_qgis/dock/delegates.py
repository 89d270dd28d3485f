"""How two columns of the table are drawn: experts as coloured chips, the score with a thin bar."""

from __future__ import annotations

from qgis.PyQt.QtCore import QModelIndex, QRectF, QSize, Qt
from qgis.PyQt.QtGui import QColor, QFontMetrics, QPainter, QPalette
from qgis.PyQt.QtWidgets import QApplication, QStyle, QStyledItemDelegate, QStyleOptionViewItem

from .painting import chip_width, draw_chip, mix, scaled
from .tile_model import CHIPS_ROLE, FRACTION_ROLE, OUTCOME_ROLE

_GAP = 4


class ChipDelegate(QStyledItemDelegate):
    """Chosen experts as chips, strongest first; those that do not fit are counted.

    Attributes:
        explain: where a tile has no expert, say why in place of the chips.
    """

    explain = False

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex) -> None:
        option = QStyleOptionViewItem(option)
        self.initStyleOption(option, index)
        chips = index.data(CHIPS_ROLE) or []
        option.text = ""
        style = option.widget.style() if option.widget else QApplication.style()
        style.drawControl(QStyle.ControlElement.CE_ItemViewItem, option, painter, option.widget)
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setClipRect(option.rect)
        painter.setFont(scaled(option.font, 0.9))
        if chips:
            self._chips(painter, option, chips)
        else:
            text = (index.data(OUTCOME_ROLE) or "").partition(":")[0] if self.explain else "–"
            self._plain(painter, option, text)
        painter.restore()

    def sizeHint(self, option: QStyleOptionViewItem, index: QModelIndex) -> QSize:
        metrics = QFontMetrics(option.font)
        widths = [chip_width(metrics, title) + _GAP for title, _ in index.data(CHIPS_ROLE) or []]
        return QSize(sum(widths) + 2 * _GAP, metrics.height() + 10)

    def _chips(self, painter: QPainter, option: QStyleOptionViewItem, chips: list[tuple[str, str]]) -> None:
        metrics = QFontMetrics(painter.font())
        height = metrics.height() + 3
        x = option.rect.left() + _GAP
        top = option.rect.top() + (option.rect.height() - height) / 2
        room = option.rect.width() - 2 * _GAP
        widths = fit_chips([chip_width(metrics, title) for title, _ in chips], room, metrics.height() * 2)
        for (title, color), width in zip(chips, widths):
            draw_chip(painter, QRectF(x, top, width, height), title, color)
            x += width + _GAP
        if len(widths) < len(chips):
            self._plain(painter, option, f"+{len(chips) - len(widths)}", x)

    @staticmethod
    def _plain(painter: QPainter, option: QStyleOptionViewItem, text: str, x: int | None = None) -> None:
        selected = bool(option.state & QStyle.StateFlag.State_Selected)
        role = QPalette.ColorRole.HighlightedText if selected else QPalette.ColorRole.Text
        color = option.palette.color(role)
        if not selected:
            color = mix(color, option.palette.color(QPalette.ColorRole.Base), 0.62)
        painter.setPen(color)
        box = option.rect.adjusted(_GAP, 0, -_GAP, 0)
        if x is not None:
            box = option.rect.adjusted(int(x) - option.rect.left(), 0, 0, 0)
        metrics = QFontMetrics(painter.font())
        shown = metrics.elidedText(text, Qt.TextElideMode.ElideRight, box.width())
        painter.drawText(box, int(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter), shown)


def fit_chips(wanted: list[int], room: int, shortest: int) -> list[int]:
    """Widths for chips that must share `room` pixels: the widest give way first.

    Args:
        wanted: width of each with its whole text.
        room: pixels for all, with gaps of `_GAP` between them.
        shortest: no chip is made narrower, unless it is the only one.

    Returns:
        Widths of those that fit, from the first on; the others are to be counted.
    """
    for number in range(len(wanted), 0, -1):
        # What is left out is counted in a space as wide as the shortest chip.
        free = room - _GAP * (number - 1) - (0 if number == len(wanted) else shortest // 2 + _GAP)
        widths = wanted[:number]
        limit = max(widths)
        while sum(widths) > free and limit > min(shortest, *wanted[:number]):
            limit -= 1
            widths = [min(width, limit) for width in wanted[:number]]
        if sum(widths) <= free:
            return widths
    return [max(0, min(wanted[0], room))] if wanted else []


class ScoreDelegate(QStyledItemDelegate):
    """The number as usual, with a thin bar of its size under it."""

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex) -> None:
        option = QStyleOptionViewItem(option)
        self.initStyleOption(option, index)
        text, option.text = option.text, ""
        style = option.widget.style() if option.widget else QApplication.style()
        style.drawControl(QStyle.ControlElement.CE_ItemViewItem, option, painter, option.widget)
        score, color = index.data(FRACTION_ROLE) or (None, "#808080")
        box = option.rect.adjusted(6, 0, -8, 0)
        selected = bool(option.state & QStyle.StateFlag.State_Selected)
        role = QPalette.ColorRole.HighlightedText if selected else QPalette.ColorRole.Text
        painter.save()
        painter.setFont(option.font)
        painter.setPen(option.palette.color(role))
        painter.drawText(box, int(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter), text)
        if score is not None:
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(option.palette.color(role) if selected else QColor(color))
            bar = QRectF(box.left(), box.bottom() - 3.5, box.width(), 2.5)
            bar.setLeft(bar.right() - bar.width() * min(max(score, 0.0), 1.0))
            painter.drawRoundedRect(bar, 1.2, 1.2)
        painter.restore()
