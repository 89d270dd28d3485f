"""Widgets of parameters in dialogs and batches: known model bundles, their experts, the tasks of a routerset.

Named in the parameters' metadata and imported by Processing's own dialogs alone; models, scripts and
`qgis_process` know plain folders, enumerations and texts.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from qgis.core import NULL
from qgis.gui import QgsAbstractProcessingParameterWidgetWrapper, QgsCheckableComboBox, QgsProcessingGui
from qgis.PyQt.QtCore import QSignalBlocker, Qt
from qgis.PyQt.QtWidgets import QComboBox, QFileDialog, QHBoxLayout, QSizePolicy, QToolButton, QWidget

from .. import bundles
from ..bundle_info import BundleInfo, read_bundle
from ..errors import InputError
from ..i18n import tr
from ..training.tiles import read_tasks


class _Wrapper(QgsAbstractProcessingParameterWidgetWrapper):
    """What Processing makes for a parameter; `row` and `column` are the place in a batch."""

    def __init__(
        self, parameter: Any, dialog: Any = None, row: int = 0, column: int = 0, **options: str
    ) -> None:
        batch = type(dialog).__name__ == "BatchAlgorithmDialog"
        kind = QgsProcessingGui.WidgetType
        super().__init__(parameter, kind.Batch if batch else kind.Standard)
        self.options = options
        self._source: Any = None

    def follow(self, wrappers: list[Any], name: str) -> None:
        """Refill whenever the parameter `name` has another value."""
        for other in wrappers:
            if other.parameterDefinition().name() == name:
                self._source = other
                other.widgetValueHasChanged.connect(lambda *_: self.fill())
        self.fill()

    def followed(self) -> str:
        """The value of the parameter that is followed, "" if there is none."""
        value = self._source.parameterValue() if self._source is not None else None
        return _text(value)

    def fill(self) -> None:
        """Offer what there is to choose."""

    def changed(self, *_: Any) -> None:
        """Tell whoever follows this one."""
        self.widgetValueHasChanged.emit(self)


def _boxed(*widgets: QWidget) -> QWidget:
    """Widgets in a row, the first one wide.

    QGIS hands the widget that it is given back to Python as another object, and the first one is void from
    then on. So it gets a box around the ones that are kept here.
    """
    box = QWidget()
    row = QHBoxLayout(box)
    row.setContentsMargins(0, 0, 0, 0)
    for number, widget in enumerate(widgets):
        row.addWidget(widget, 0 if number else 1)
    return box


class BundleWidget(_Wrapper):
    """A list of the known bundles, the default one first, and a button for any other folder."""

    def createWidget(self) -> QWidget:
        self.list = QComboBox()
        self.list.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.list.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.list.setMinimumContentsLength(18)
        self.list.setAccessibleName(tr("Model bundle"))
        self.browse = QToolButton()
        self.browse.setText("…")
        self.browse.setToolTip(tr("Choose a folder with a model bundle"))
        used = bundles.default_folder()
        self.list.addItem(tr("Default: {bundle}").format(bundle=bundles.label(used)), "")
        self.list.setItemData(0, str(used), Qt.ItemDataRole.ToolTipRole)
        for folder in bundles.offered():
            self._add(str(folder))
        self.list.currentIndexChanged.connect(self.changed)
        self.browse.clicked.connect(self._browse)
        return _boxed(self.list, self.browse)

    def setWidgetValue(self, value: Any, context: Any) -> None:
        folder = _text(value)
        found = self.list.findData(folder)
        self.list.setCurrentIndex(found if found >= 0 else self._add(folder))

    def widgetValue(self) -> Any:
        return self.list.currentData() or None

    def _add(self, folder: str) -> int:
        self.list.addItem(bundles.label(Path(folder)), folder)
        last = self.list.count() - 1
        self.list.setItemData(last, folder, Qt.ItemDataRole.ToolTipRole)
        return last

    def _browse(self, *_: object) -> None:
        begin = self.list.currentData() or str(bundles.default_folder())
        folder = QFileDialog.getExistingDirectory(self.list, tr("Folder with a model bundle"), begin)
        if folder:
            self.setWidgetValue(folder, None)


class ExpertsWidget(_Wrapper):
    """A list with a tick for each expert of the bundle chosen in BUNDLE."""

    def createWidget(self) -> QWidget:
        self._wanted: list[str] = []
        self.list = QgsCheckableComboBox()
        self.list.setDefaultText(tr("All"))
        self.list.setAccessibleName(tr("Experts"))
        self.fill()
        self.list.checkedItemsChanged.connect(self._ticked)
        return _boxed(self.list)

    def postInitialize(self, wrappers: list[Any]) -> None:
        self.follow(wrappers, "BUNDLE")

    def setWidgetValue(self, value: Any, context: Any) -> None:
        parts = value if isinstance(value, (list, tuple)) else _text(value).split(",")
        self._wanted = [str(part).strip() for part in parts if str(part).strip()]
        self.fill()

    def widgetValue(self) -> Any:
        return [str(name) for name in self.list.checkedItemsData()]

    def fill(self) -> None:
        info = _bundle(self.followed())
        titles = {expert.name: expert.title for expert in info.experts}
        names = info.names or self._wanted
        # The enumeration knows the default bundle's names; dialogs ask it what may be chosen.
        definition = self.parameterDefinition()
        definition.setOptions([*definition.options(), *(n for n in names if n not in definition.options())])
        checked, unchecked = Qt.CheckState.Checked, Qt.CheckState.Unchecked
        with QSignalBlocker(self.list):
            self.list.clear()
            for name in names:
                state = checked if name in self._wanted else unchecked
                self.list.addItemWithCheckState(name, state, name)
                title = titles.get(name, name)
                self.list.setItemData(self.list.count() - 1, title, Qt.ItemDataRole.ToolTipRole)
        self.changed()

    def _ticked(self, *_: Any) -> None:
        self._wanted = self.widgetValue()
        self.changed()


class NameWidget(_Wrapper):
    """A name, written or picked: an expert of the bundle (`of` = BUNDLE) or a task of the tiles (TILES)."""

    def createWidget(self) -> QWidget:
        self.list = QComboBox()
        self.list.setEditable(True)
        self.list.setInsertPolicy(QComboBox.InsertPolicy.NoInsert)
        self.list.setAccessibleName(self.parameterDefinition().description())
        self.fill()
        self.list.setEditText("")
        self.list.editTextChanged.connect(self.changed)
        return _boxed(self.list)

    def postInitialize(self, wrappers: list[Any]) -> None:
        self.follow(wrappers, self.options["of"])

    def setWidgetValue(self, value: Any, context: Any) -> None:
        self.list.setEditText(_text(value))

    def widgetValue(self) -> Any:
        return self.list.currentText().strip() or None

    def fill(self) -> None:
        kept = self.list.currentText()
        with QSignalBlocker(self.list):
            self.list.clear()
            for name, title in self._choices():
                self.list.addItem(name, name)
                self.list.setItemData(self.list.count() - 1, title, Qt.ItemDataRole.ToolTipRole)
            self.list.setEditText(kept)

    def _choices(self) -> list[tuple[str, str]]:
        followed = self.followed()
        if self.options["of"] == "BUNDLE":
            return [(e.name, e.title) for e in _bundle(followed).experts if not e.finds_objects]
        try:
            return [(task.name, task.title) for task in read_tasks(Path(followed))] if followed else []
        except InputError:
            return []  # told when it is run


def _bundle(folder: str) -> BundleInfo:
    return read_bundle(Path(folder) if folder else bundles.default_folder())


def _text(value: Any) -> str:
    return "" if value is None or value == NULL else str(value)
