"""What the dock's section of a tile's objects shows, asked for by tests."""

from __future__ import annotations

import csv
import io

from qgis.core import QgsGeometry

from hydranet_qgis.dock.run_panel import RunPanel
from hydranet_qgis.dock.summary_table import tiles_csv
from hydranet_qgis.dock.tile_objects import TileObjects


def section_of(panel: RunPanel) -> TileObjects:
    return panel.widgets.tiles.detail.objects


def row_numbers(panel: RunPanel) -> list[int]:
    """Numbers of the objects in the order of the rows."""
    return [record.id for record in section_of(panel).model.records]


def outlined(panel: RunPanel) -> QgsGeometry | None:
    """What is outlined on the map as an object."""
    band = panel.map_link._object_marker._band
    return band.asGeometry() if band is not None else None


def tile_lines(panel: RunPanel) -> list[dict[str, str]]:
    """The tiles as they are saved as CSV."""
    return list(csv.DictReader(io.StringIO("".join(tiles_csv(panel.model.columns)))))
