"""The page of the summary: the card, the command line, and ways to take them along."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from qgis.core import QgsApplication
from qgis.PyQt.QtCore import QSize, Qt, pyqtSignal
from qgis.PyQt.QtGui import QFontDatabase, QPainter, QPalette, QPixmap, QTextOption
from qgis.PyQt.QtWidgets import (
    QFileDialog,
    QFrame,
    QHBoxLayout,
    QLabel,
    QPlainTextEdit,
    QPushButton,
    QScrollArea,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from ..i18n import tr
from ..object_records import RunObjects
from ..run_folder import Run
from .painting import palette_of, smaller
from .summary_card import SummaryCard
from .summary_table import (
    ExpertNumbers,
    SceneNumbers,
    expert_numbers,
    scene_numbers,
    summary_csv,
    tiles_csv,
)
from .tile_columns import TileColumns

PICTURE_WIDTH = 460
"""Width of a saved picture in points; it has twice as many pixels."""
_MARGIN = 20


class SummaryPage(QWidget):
    """Shows a run's `SummaryCard`, and saves it.

    Signals:
        problem(str): something could not be saved, in a sentence.
        done(str): what was copied or saved.

    Attributes:
        card: the summary.
        command: the command line that repeats the run outside QGIS.
        copy_button, tiles_button, picture_button: ways to take the summary along.
    """

    problem = pyqtSignal(str)
    done = pyqtSignal(str)

    def __init__(self, parent: Any = None) -> None:
        super().__init__(parent)
        self._run: Run | None = None
        self._columns: TileColumns | None = None
        self._numbers: list[ExpertNumbers] | None = None
        self._scenes: list[SceneNumbers] = []
        self._colors: dict[str, str] = {}
        inside = QWidget()
        layout = QVBoxLayout(inside)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        self.card = SummaryCard(inside)
        layout.addWidget(self.card)
        layout.addLayout(self._command_head(inside))
        self.command = _code(inside)
        layout.addWidget(self.command)
        layout.addStretch(1)
        scroll = QScrollArea(self)
        scroll.setFrameShape(QFrame.Shape.NoFrame)
        scroll.setWidgetResizable(True)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        scroll.setWidget(inside)
        scroll.setAccessibleName(tr("Summary of the run"))
        inside.setAutoFillBackground(False)
        scroll.viewport().setAutoFillBackground(False)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.setSpacing(6)
        outer.addWidget(scroll, 1)
        outer.addLayout(self._buttons())

    def show_run(self, run: Run | None, columns: TileColumns | None, colors: dict[str, str]) -> None:
        """Show another run; `columns` None while its tiles are still being read, or cannot be."""
        self._run, self._columns, self._colors = run, columns, colors
        self._numbers = expert_numbers(columns) if columns is not None else None
        self._scenes = scene_numbers(columns) if columns is not None else []
        for button in (self.copy_button, self.tiles_button):
            button.setEnabled(columns is not None)
        self.picture_button.setEnabled(run is not None)
        if run is not None:
            self.card.show_run(run, self._numbers, colors, self._scenes, self._found())
            self.command.setPlainText(run.command)

    def csv(self) -> str:
        """The summary as CSV, "" without tiles."""
        if self._run is None or self._numbers is None:
            return ""
        return summary_csv(self._run, self._numbers, self._scenes, self._found())

    def _found(self) -> RunObjects | None:
        return self._columns.found if self._columns is not None else None

    def picture(self) -> QPixmap:
        """The whole card with its title, at twice the resolution of a screen."""
        card = SummaryCard()
        card.setPalette(palette_of(self))
        card.setFont(self.font())
        card.show_run(self._run, self._numbers, self._colors, self._scenes, self._found())
        card.title.show()
        inner = card.grab_at(PICTURE_WIDTH - 2 * _MARGIN, 2.0)
        pixmap = QPixmap(QSize(2 * PICTURE_WIDTH, inner.height() + 4 * _MARGIN))
        pixmap.setDevicePixelRatio(2.0)
        pixmap.fill(palette_of(self).color(QPalette.ColorRole.Window))
        painter = QPainter(pixmap)
        painter.drawPixmap(_MARGIN, _MARGIN, inner)
        painter.end()
        card.deleteLater()
        return pixmap

    def save_picture(self, path: str) -> bool:
        """Write `picture` to a PNG file; False, and a sentence, if that fails."""
        if self.picture().save(path, "PNG"):
            self.done.emit(tr("The picture was saved as {path}.").format(path=path))
            return True
        self.problem.emit(tr("{path} cannot be written; choose a folder you may write to.").format(path=path))
        return False

    def save_tiles(self, path: str) -> bool:
        """Write every tile to a CSV file; False, and a sentence, if that fails."""
        if self._columns is None:
            return False
        try:
            with Path(path).open("w", encoding="utf-8", newline="") as file:
                file.writelines(tiles_csv(self._columns))
        except OSError as error:
            self.problem.emit(
                tr("{path} cannot be written ({error}); choose a folder you may write to.").format(
                    path=path, error=error.strerror or error
                )
            )
            return False
        self.done.emit(tr("The tiles were saved as {path}.").format(path=path))
        return True

    def copy(self, *_: object) -> None:
        """Put the summary on the clipboard as CSV."""
        QgsApplication.clipboard().setText(self.csv())
        self.done.emit(tr("The summary is on the clipboard as CSV."))

    def _ask_tiles(self, *_: object) -> None:
        path = self._ask(tr("Save tiles as CSV"), "tiles.csv", tr("CSV files (*.csv)"))
        if path:
            self.save_tiles(path)

    def _ask_picture(self, *_: object) -> None:
        path = self._ask(tr("Save picture of the summary"), "summary.png", tr("PNG images (*.png)"))
        if path:
            self.save_picture(path)

    def _ask(self, title: str, name: str, kinds: str) -> str:
        """A file to write; the dialog asks before it lets an existing one be replaced."""
        start = str(Path.home() / f"{self._run.scene_name}_{name}") if self._run else name
        path, _ = QFileDialog.getSaveFileName(self, title, start, kinds)
        ending = Path(name).suffix
        return path if not path or Path(path).suffix else path + ending

    def _command_head(self, parent: QWidget) -> QHBoxLayout:
        head = QLabel(tr("Command line"), parent)
        font = smaller(head)
        font.setBold(True)
        head.setFont(font)
        self.command_button = QToolButton(parent)
        self.command_button.setIcon(QgsApplication.getThemeIcon("/mActionEditCopy.svg"))
        self.command_button.setAutoRaise(True)
        self.command_button.setToolTip(tr("Copy the command line"))
        self.command_button.setAccessibleName(tr("Copy the command line"))
        self.command_button.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.command_button.clicked.connect(self._copy_command)
        row = QHBoxLayout()
        row.setContentsMargins(0, 4, 4, 0)
        row.addWidget(head, 1)
        row.addWidget(self.command_button)
        return row

    def _copy_command(self, *_: object) -> None:
        QgsApplication.clipboard().setText(self.command.toPlainText())
        self.done.emit(tr("The command line is on the clipboard."))

    def _buttons(self) -> QHBoxLayout:
        self.copy_button = QPushButton(tr("Cop&y CSV"), self)
        self.copy_button.setToolTip(tr("Tiles per expert and totals, to paste into a spreadsheet"))
        self.copy_button.clicked.connect(self.copy)
        self.tiles_button = QPushButton(tr("Save tiles…"), self)
        self.tiles_button.setToolTip(
            tr("Every tile with its scores, experts, scene class and number of objects, as a CSV file")
        )
        self.tiles_button.clicked.connect(self._ask_tiles)
        self.picture_button = QPushButton(tr("Save picture…"), self)
        self.picture_button.setToolTip(tr("This summary as a PNG image"))
        self.picture_button.clicked.connect(self._ask_picture)
        row = QHBoxLayout()
        row.setSpacing(6)
        for button in (self.copy_button, self.tiles_button, self.picture_button):
            button.setMinimumWidth(40)
            row.addWidget(button, len(button.text()))
        return row


def _code(parent: QWidget) -> QPlainTextEdit:
    """A few lines of unchangeable text that break anywhere, as paths have no spaces."""
    text = QPlainTextEdit(parent)
    text.setReadOnly(True)
    text.setWordWrapMode(QTextOption.WrapMode.WrapAnywhere)
    text.setFont(QFontDatabase.systemFont(QFontDatabase.SystemFont.FixedFont))
    text.setFixedHeight(5 * text.fontMetrics().lineSpacing() + 10)
    text.setTabChangesFocus(True)
    text.setAccessibleName(tr("Command line"))
    text.setToolTip(tr("Repeats this run outside QGIS"))
    text.setAcceptDrops(False)
    return text
