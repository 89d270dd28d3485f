"""Dropping a run on the dock: which folder is meant, and a hint while it hovers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from qgis.core import QgsMimeDataUtils
from qgis.PyQt.QtCore import QRectF, Qt
from qgis.PyQt.QtGui import QColor, QPainter, QPalette, QPen
from qgis.PyQt.QtWidgets import QWidget

from ..i18n import tr
from ..run_folder import RUN_FILE, is_run
from .painting import palette_of


def carries_files(mime: Any) -> bool:
    """Whether something dragged names files or folders at all, from a file manager or QGIS's browser."""
    return mime.hasUrls() or QgsMimeDataUtils.isUriList(mime)


def dropped_run(mime: Any) -> tuple[Path | None, str]:
    """The run folder that something dragged stands for.

    A run's folder, its run.json, or any of its files will do; several, if they are of one run.

    Returns:
        The folder and "", or None and why it is none, as a sentence.
    """
    paths = _paths(mime)
    if not paths:
        return None, tr("What was dropped is no local file; drop a run's folder, or one of its files.")
    folders = {path if path.is_dir() else path.parent for path in paths}
    runs = {folder for folder in folders if is_run(folder)}
    if len(folders) > 1 and runs:
        return None, tr("Files of {count} folders were dropped; drop one run at a time.").format(
            count=len(folders)
        )
    if not runs:
        return None, tr(
            "{path} belongs to no HydraNet run: there is no {file}; drop a run's folder, or one of its files."
        ).format(path=paths[0], file=RUN_FILE)
    return runs.pop(), ""


def _paths(mime: Any) -> list[Path]:
    found = [url.toLocalFile() for url in mime.urls() if url.isLocalFile()]
    if not found and QgsMimeDataUtils.isUriList(mime):
        # QGIS's browser: a layer's source, perhaps with "|layername=…"
        found = [uri.uri.partition("|")[0] for uri in QgsMimeDataUtils.decodeUriList(mime)]
    return [Path(path) for path in found if path and Path(path).exists()]


class DropHint(QWidget):
    """Covers the panel while something is dragged over it, and says what dropping would do.

    Attributes:
        text: what it says, "" while hidden.
    """

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.text = ""
        self._good = False
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.hide()

    def announce(self, mime: Any) -> None:
        """Say what dropping this would do."""
        folder, problem = dropped_run(mime)
        self._good = folder is not None
        self.text = tr("Drop to open the run in '{name}'").format(name=folder.name) if folder else problem
        self.setGeometry(self.parentWidget().rect())
        self.raise_()
        self.show()
        self.update()

    def end(self) -> None:
        """Nothing is dragged any more."""
        self.text = ""
        self.hide()

    def paintEvent(self, event: Any) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        window = QColor(palette_of(self).color(QPalette.ColorRole.Window))
        window.setAlpha(225)
        painter.fillRect(self.rect(), window)
        color = palette_of(self).color(QPalette.ColorRole.Highlight) if self._good else QColor("#d28a1e")
        painter.setPen(QPen(color, 2, Qt.PenStyle.DashLine))
        box = QRectF(self.rect()).adjusted(10, 10, -10, -10)
        painter.drawRoundedRect(box, 8, 8)
        font = self.font()
        font.setBold(self._good)
        painter.setFont(font)
        painter.setPen(palette_of(self).color(QPalette.ColorRole.WindowText))
        flags = int(Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap)
        painter.drawText(box.adjusted(16, 16, -16, -16), flags, self.text)
        painter.end()
