"""The part of the page about model bundles: those that are known, and which is used where none is named."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from qgis.PyQt.QtCore import Qt
from qgis.PyQt.QtGui import QColor, QPalette
from qgis.PyQt.QtWidgets import (
    QAbstractItemView,
    QFileDialog,
    QGroupBox,
    QHBoxLayout,
    QHeaderView,
    QPushButton,
    QTreeWidget,
    QTreeWidgetItem,
    QVBoxLayout,
)

from .. import bundles, paths
from ..bundle_info import MODEL_FILE, BundleInfo, read_bundle
from ..i18n import tr
from .parts import say, sentence_label

_FOLDER = Qt.ItemDataRole.UserRole
_ROWS = 5


class BundleBox(QGroupBox):
    """A table of the known bundles; the ticked one is used by default. Nothing is stored before `apply`."""

    def __init__(self, parent: Any = None) -> None:
        super().__init__(tr("Model bundles"), parent)
        self.table = QTreeWidget(self)
        self.table.setHeaderLabels([tr("Used by default"), tr("Experts"), tr("Folder")])
        self.table.setRootIsDecorated(False)
        self.table.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.table.setTextElideMode(Qt.TextElideMode.ElideMiddle)
        self.table.setAccessibleName(tr("Model bundles"))
        header = self.table.header()
        for column in range(3):
            header.setSectionResizeMode(column, QHeaderView.ResizeMode.Stretch)
        self.table.setMinimumHeight((_ROWS + 2) * self.table.fontMetrics().height())
        self.add = QPushButton(tr("A&dd…"), self)
        self.add.setToolTip(tr("Add the folder of a model bundle, with model.json and its weights"))
        self.remove = QPushButton(tr("&Remove"), self)
        self.remove.setToolTip(tr("Take the bundle off this list; its files stay"))
        self.verdict = sentence_label(self, "hydranetBundle")
        buttons = QHBoxLayout()
        buttons.addWidget(self.add)
        buttons.addWidget(self.remove)
        buttons.addStretch(1)
        layout = QVBoxLayout(self)
        layout.addWidget(self.table, 1)
        layout.addWidget(self.verdict)
        layout.addLayout(buttons)
        used = bundles.default_folder()
        for folder in bundles.known():
            self._append(folder, folder == used)
        if not self._ticked():
            self._append(used, True)
        self._select(self._ticked())
        self.table.itemChanged.connect(self._changed)
        self.table.currentItemChanged.connect(self._follow)
        self.add.clicked.connect(self._add)
        self.remove.clicked.connect(self._remove)
        self._follow()

    def apply(self) -> None:
        """Store the list and the choice; algorithms are made anew if another bundle is used."""
        folders = [str(self._folder(row)) for row in range(1, self.table.topLevelItemCount())]
        bundles.replace(folders)
        ticked = self._ticked()
        bundles.choose(str(ticked) if ticked is not None else "")
        bundles.replace(folders)  # choosing one puts it first; the list stays as it stands here

    def _append(self, folder: Path, used: bool) -> None:
        info = BundleInfo(()) if bundles.is_missing(folder) else read_bundle(folder)
        own = folder == paths.default_bundle()
        name = f"{info.id} {info.version}".strip() if own else bundles.label(folder, info)
        where = tr("comes with the plugin") if own else str(folder)
        row = QTreeWidgetItem([name or folder.name, ", ".join(info.names), where])
        row.setData(0, _FOLDER, str(folder))
        row.setFlags(row.flags() | Qt.ItemFlag.ItemIsUserCheckable)
        row.setCheckState(0, Qt.CheckState.Checked if used else Qt.CheckState.Unchecked)
        for column in range(3):
            row.setToolTip(column, row.text(column))
        if bundles.is_missing(folder):
            faded = self.palette().color(QPalette.ColorGroup.Disabled, QPalette.ColorRole.WindowText)
            for column in range(3):
                row.setForeground(column, QColor(faded))
        self.table.addTopLevelItem(row)

    def _folder(self, row: int) -> Path:
        return Path(self.table.topLevelItem(row).data(0, _FOLDER))

    def _ticked(self) -> Path | None:
        for row in range(self.table.topLevelItemCount()):
            if self.table.topLevelItem(row).checkState(0) == Qt.CheckState.Checked:
                return self._folder(row)
        return None

    def _tick(self, wanted: int) -> None:
        """Exactly one is used by default."""
        blocked = self.table.blockSignals(True)
        for row in range(self.table.topLevelItemCount()):
            state = Qt.CheckState.Checked if row == wanted else Qt.CheckState.Unchecked
            self.table.topLevelItem(row).setCheckState(0, state)
        self.table.blockSignals(blocked)
        self._follow()

    def _changed(self, item: QTreeWidgetItem, column: int) -> None:
        if column == 0:
            ticked = item.checkState(0) == Qt.CheckState.Checked
            self._tick(self.table.indexOfTopLevelItem(item) if ticked else 0)

    def _select(self, folder: Path | None) -> None:
        for row in range(self.table.topLevelItemCount()):
            if self._folder(row) == folder:
                self.table.setCurrentItem(self.table.topLevelItem(row))

    def _follow(self, *_: object) -> None:
        """The first one comes with the plugin, and stays; say what is wrong with the one that is ticked."""
        row = self.table.indexOfTopLevelItem(self.table.currentItem()) if self.table.currentItem() else -1
        self.remove.setEnabled(row > 0)
        ticked = self._ticked()
        text = ""
        if ticked is not None and bundles.is_missing(ticked):
            text = tr("There is no {file} in {folder}; algorithms will ask for another bundle.").format(
                file=MODEL_FILE, folder=ticked
            )
        say(self.verdict, text, problem=True)

    def _add(self, *_: object) -> None:
        folder = QFileDialog.getExistingDirectory(self, tr("Folder with a model bundle"))
        if folder:
            self.add_folder(Path(folder))

    def add_folder(self, folder: Path) -> None:
        """Add a bundle to the table, unless it is none or there already."""
        known = [self._folder(row) for row in range(self.table.topLevelItemCount())]
        problem = read_bundle(folder).problem
        if folder in known:
            self._select(folder)
        elif problem:
            say(self.verdict, tr("{problem}; choose another folder.").format(problem=problem), problem=True)
        else:
            self._append(folder, False)
            self._select(folder)

    def _remove(self, *_: object) -> None:
        row = self.table.indexOfTopLevelItem(self.table.currentItem())
        used = self._ticked() == self._folder(row)
        self.table.takeTopLevelItem(row)
        if used:
            self._tick(0)
        self._follow()
