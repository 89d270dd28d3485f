"""The selection of the routing layer, told in tiles and set by tiles, without an echo."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from qgis.core import QgsFeatureRequest
from qgis.PyQt import sip
from qgis.PyQt.QtCore import QObject, pyqtSignal

_TILE = "tile"


class LayerSelection(QObject):
    """Follows one routing layer at a time.

    Signals:
        changed(list): the user selected these tiles in QGIS; not told of what `select` did.
    """

    changed = pyqtSignal(list)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._layer: Any = None
        self._ours = False

    @property
    def layer(self) -> Any:
        """The layer followed, None if there is none any more."""
        return None if self._layer is None or sip.isdeleted(self._layer) else self._layer

    def follow(self, layer: Any) -> None:
        """Follow another layer, or none."""
        if layer is self.layer and layer is not None:
            return
        self.let_go()
        self._layer = layer
        if layer is not None:
            layer.selectionChanged.connect(self._told)
            layer.willBeDeleted.connect(self.let_go)

    def let_go(self) -> None:
        """Follow nothing."""
        layer, self._layer = self.layer, None
        if layer is not None:
            layer.selectionChanged.disconnect(self._told)
            layer.willBeDeleted.disconnect(self.let_go)

    def select(self, tiles: Iterable[int]) -> None:
        """Select exactly these tiles on the layer; those it does not have are left out."""
        layer = self.layer
        if layer is None:
            return
        numbers = ",".join(str(int(tile)) for tile in tiles)
        self._ours = True
        try:
            if numbers:
                # The provider finds them, which is quick also where there are many tiles.
                layer.selectByExpression(f'"{_TILE}" in ({numbers})')
            else:
                layer.removeSelection()
        finally:
            self._ours = False

    def _told(self, *_: object) -> None:
        layer = self.layer
        if self._ours or layer is None:
            return
        request = QgsFeatureRequest().setFlags(QgsFeatureRequest.Flag.NoGeometry)
        request.setSubsetOfAttributes([_TILE], layer.fields())
        request.setFilterFids(layer.selectedFeatureIds())
        tiles = (feature[_TILE] for feature in layer.getFeatures(request))
        self.changed.emit(sorted(tile for tile in tiles if isinstance(tile, int)))
