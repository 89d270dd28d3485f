"""Which file a layer has open: opening it anew, and telling whether it is still the same one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from qgis.core import QgsDataProvider, QgsLayerMetadata, QgsVectorLayer

# Kept with the layer object only, not with the project: they tell of what is open now.
_OPENED = "hydranet_opened"
_SOURCE = "hydranet_source"


def own_source(layer: Any) -> str:
    """A layer's source; of one that shows a stand-in meanwhile, the one that it will have again."""
    return str(layer.property(_SOURCE) or "") or layer.source()


def stands_in(layer: Any) -> bool:
    """Whether the layer shows a copy of its file meanwhile."""
    return bool(layer.property(_SOURCE))


def show_stand_in(layer: Any, source: str) -> None:
    """Have a layer show a copy, and let go of its own file."""
    layer.setProperty(_SOURCE, layer.source())
    if isinstance(layer, QgsVectorLayer) and layer.isValid():
        # QGIS keeps connections to a table that was read, and only this closes them.
        layer.reload()
    reopen(layer, source)


def end_stand_in(layer: Any) -> None:
    """Have a layer show its own file again, whatever that holds now."""
    source = own_source(layer)
    layer.setProperty(_SOURCE, None)
    reopen(layer, source)
    note_opened(layer)


def reopen(layer: Any, source: str) -> None:
    """Give a layer another source of the same kind; all that its user sees and has set stays."""
    # QGIS takes both from the file: a CRS that its user chose and what was said of the layer would go.
    crs, metadata = layer.crs(), QgsLayerMetadata(layer.metadata())
    options = QgsDataProvider.ProviderOptions()
    layer.setDataSource(source, layer.name(), layer.providerType(), options, False)
    if crs.isValid():
        layer.setCrs(crs)
    layer.setMetadata(metadata)


def note_opened(layer: Any) -> None:
    """Remember that the layer's file has just been opened as it is now."""
    layer.setProperty(_OPENED, _stamp(layer))


def is_current(layer: Any) -> bool:
    """Whether the layer can be read and its file is still the one that was opened."""
    stamp = _stamp(layer)
    return bool(layer.isValid() and stamp and layer.property(_OPENED) == stamp)


def file_of(source: str) -> tuple[str, str]:
    """A source's path, and what follows it."""
    path, bar, rest = source.partition("|")
    return path, bar + rest


def _stamp(layer: Any) -> str:
    """Changes whenever another file takes the place, "" if there is none."""
    try:
        found = Path(file_of(own_source(layer))[0]).stat()
    except (OSError, ValueError):
        return ""
    return f"{found.st_ino}:{found.st_mtime_ns}:{found.st_size}"
