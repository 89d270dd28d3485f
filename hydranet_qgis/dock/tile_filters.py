"""What the table of tiles is filtered by: outcome, expert, words, scene class and objects."""

from __future__ import annotations

from typing import Any

from qgis.core import QgsApplication
from qgis.PyQt.QtCore import QSignalBlocker, Qt, pyqtSignal
from qgis.PyQt.QtWidgets import QGridLayout, QHBoxLayout, QLineEdit, QToolButton, QWidget

from ..i18n import tr
from ..scene_colors import scene_colors_of
from ..scene_expert import spoken
from .elided_combo import combo_box
from .painting import dot
from .tile_columns import ABSTAINED, ALL, ANY_OBJECT, MASKED, NEARLY, NO_DATA, ROUTED, WOULD_CHANGE
from .tile_model import TileModel

_GREY = "#808080"


class TileFilters(QWidget):
    """The filters of one table; what they say is asked for by `apply`.

    Args:
        model: the tiles, which it offers the experts and classes of.
        parent: owner.

    Signals:
        changed(): the user chose something else.

    Attributes:
        kind, expert, scene, objects, text: the filters; of scene classes and objects where the run has some.
        clear_button: shows all tiles.
    """

    changed = pyqtSignal()

    def __init__(self, model: TileModel, parent: Any = None) -> None:
        super().__init__(parent)
        self._model = model
        self.kind = combo_box(self, tr("Which tiles"), tr("Show only tiles with this outcome"))
        self.expert = combo_box(
            self,
            tr("Expert"),
            tr("Show only tiles of this expert, and its score; with 'nearly chosen', those it just missed"),
        )
        self.text = _search(self)
        self.scene = combo_box(self, tr("Scene class"), tr("Show only tiles of this scene class"))
        self.objects = combo_box(self, tr("Objects"), tr("Show only tiles with objects of this class"))
        self.clear_button = QToolButton(self)
        self.clear_button.setText(tr("&All"))
        self.clear_button.setToolTip(tr("Clear the filters and show all tiles"))
        self.clear_button.setAccessibleName(tr("Show all tiles"))
        self.clear_button.setAutoRaise(True)
        self.clear_button.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self._lay_out()
        for filter_ in self._choices():
            filter_.currentIndexChanged.connect(lambda *_: self.changed.emit())
        self.text.textChanged.connect(lambda *_: self.changed.emit())
        self.clear_button.clicked.connect(self.clear)

    def fill(self, changing: int) -> None:
        """Offer what the model's run has; what was chosen stays where it still makes sense.

        Args:
            changing: number of tiles that would change, see the page "What if".
        """
        run, kind, expert = self._model.run, self.kind.currentData() or ALL, self.expert.currentData()
        with QSignalBlocker(self.kind), QSignalBlocker(self.expert):
            self.kind.clear()
            entries = [
                (tr("All tiles"), ALL),
                (tr("Routed"), ROUTED),
                (tr("Abstained"), ABSTAINED),
                (tr("No data"), NO_DATA),
            ]
            if run is not None and run.masked:
                entries.append((tr("Outside the mask"), MASKED))
            for text, data in entries:
                self.kind.addItem(text, data)
            self.kind.insertSeparator(self.kind.count())
            self.kind.addItem(tr("Nearly chosen"), NEARLY)
            tip = tr("An expert's score is at most 0.1 below what is enough, or k left it out")
            self.kind.setItemData(self.kind.count() - 1, tip, Qt.ItemDataRole.ToolTipRole)
            self.kind.addItem(_would_change(changing), WOULD_CHANGE)
            tip = tr("Tiles whose experts differ under the policy of the page 'What if'")
            self.kind.setItemData(self.kind.count() - 1, tip, Qt.ItemDataRole.ToolTipRole)
            self.expert.clear()
            self.expert.addItem(tr("All experts"), None)
            for one in run.experts if run else ():
                self.expert.addItem(dot(self._model.colors[one.name]), one.label, one.name)
            self.kind.setCurrentIndex(max(self.kind.findData(kind), 0))
            self.expert.setCurrentIndex(max(self.expert.findData(expert), 0) if expert else 0)
        self._fill_scenes()
        self._fill_objects()
        # Both beside the text would leave it no room.
        below = self._third if self._model.has_scenes and self._model.has_objects else self._second
        for filter_ in (self.scene, self.objects):
            below.addWidget(filter_, 1)

    def tell_changing(self, changing: int) -> None:
        """Another number of tiles would change."""
        position = self.kind.findData(WOULD_CHANGE)
        if position >= 0:
            self.kind.setItemText(position, _would_change(changing))

    def clear(self, *_: object) -> None:
        """Choose all tiles."""
        with QSignalBlocker(self.text):
            self.text.clear()
        for filter_ in self._choices():
            with QSignalBlocker(filter_):
                filter_.setCurrentIndex(0)
        self.changed.emit()

    def apply(self, changing: frozenset[int]) -> None:
        """Have the model show what passes.

        Args:
            changing: tiles that would change.
        """
        kind = self.kind.currentData() or ALL
        chosen = [filter_.currentData() for filter_ in (self.expert, self.scene, self.objects)]
        expert, scene, objects = chosen
        changing = changing if kind == WOULD_CHANGE else frozenset()
        self._model.set_filters(kind, expert, self.text.text(), changing, scene, objects)
        self.clear_button.setEnabled(bool(kind != ALL or any(chosen) or self.text.text()))

    def _choices(self) -> tuple[Any, ...]:
        return self.kind, self.expert, self.scene, self.objects

    def _lay_out(self) -> None:
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setSpacing(6)
        grid.addWidget(self.kind, 0, 0)
        grid.addWidget(self.expert, 0, 1, 1, 2)
        self._second, self._third = QHBoxLayout(), QHBoxLayout()
        for row, line in enumerate((self._second, self._third), start=1):
            line.setSpacing(6)
            # Below the button the third takes its room too: a narrow dock has none to spare.
            grid.addLayout(line, row, 0, 1, row + 1)
        for filter_ in (self.text, self.scene, self.objects):
            self._second.addWidget(filter_, 1)
        grid.addWidget(self.clear_button, 1, 2)
        grid.setColumnStretch(0, 1)
        grid.setColumnStretch(1, 1)

    def _fill_scenes(self) -> None:
        """Offer the classes that the run's tiles have, each with its number of tiles."""
        before, model = self.scene.currentData(), self._model
        colors = scene_colors_of(model.run)
        with QSignalBlocker(self.scene):
            self.scene.clear()
            self.scene.addItem(tr("All scenes"), None)
            for name, count in (model.columns.scenes if model.columns else {}).items():
                text = tr("{name} ({count})").format(name=spoken(name), count=f"{count:,}")
                self.scene.addItem(dot(colors.get(name, _GREY)), text, name)
            self.scene.setCurrentIndex(max(self.scene.findData(before), 0) if before else 0)
        self.scene.setVisible(model.has_scenes)

    def _fill_objects(self) -> None:
        """Offer the classes of objects that were found, each with its number of tiles."""
        before, columns = self.objects.currentData(), self._model.columns
        with QSignalBlocker(self.objects):
            self.objects.clear()
            self.objects.addItem(tr("All objects"), None)
            if columns is not None and columns.has_objects:
                found, colors = columns.found, columns.found.colors()
                text = tr("With objects ({count})").format(count=f"{len(found.by_tile):,}")
                self.objects.addItem(text, ANY_OBJECT)
                for name, count in found.tiles_by_class.items():
                    text = tr("{name} ({count})").format(name=name, count=f"{count:,}")
                    self.objects.addItem(dot(colors.get(name, _GREY)), text, name)
            self.objects.setCurrentIndex(max(self.objects.findData(before), 0) if before else 0)
        self.objects.setVisible(self._model.has_objects)


def _search(parent: QWidget) -> QLineEdit:
    text = QLineEdit(parent)
    text.setPlaceholderText(tr("Find (Ctrl+F)"))
    text.setClearButtonEnabled(True)
    text.setAccessibleName(tr("Find tiles"))
    text.setToolTip(
        tr("Words in the place, the experts, the outcome or the scene, such as r3, water or abstained")
    )
    text.setAcceptDrops(False)  # a folder dropped here is a run to open, not a text to find
    icon = QgsApplication.getThemeIcon("/search.svg")
    text.addAction(icon, QLineEdit.ActionPosition.LeadingPosition)
    return text


def _would_change(count: int) -> str:
    return tr("Would change ({count})").format(count=f"{count:,}") if count else tr("Would change")
