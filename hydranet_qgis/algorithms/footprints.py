"""The tiles of a routerset as polygons: where each lies, in which split it is, and what it needs."""

from __future__ import annotations

import collections
import csv
from pathlib import Path
from typing import Any

from qgis.core import (
    QgsCategorizedSymbolRenderer,
    QgsCoordinateReferenceSystem,
    QgsCoordinateTransform,
    QgsCsException,
    QgsFeature,
    QgsFeatureSink,
    QgsFillSymbol,
    QgsGeometry,
    QgsPointXY,
    QgsProcessingContext,
    QgsProcessingException,
    QgsProcessingFeedback,
    QgsProcessingLayerPostProcessorInterface,
    QgsRendererCategory,
    QgsVectorLayer,
    QgsWkbTypes,
)

from ..errors import InputError, WorkerCancelled
from ..i18n import tr

_CATALOG, _RELEVANCE = "catalog.csv", "relevance.csv"
_TEXTS = ("id", "split", "region", "source", "tasks")
_COLORS = {"train": "#2673c4", "val": "#f0a63a", "cal": "#9a48bb", "test": "#c8501f"}
_NOW_AND_THEN = 100

# Processing keeps only a bare pointer, and asks when the algorithm is long gone; the last ones are enough.
_alive: collections.deque[QgsProcessingLayerPostProcessorInterface] = collections.deque(maxlen=64)


class Footprints:
    """Reads where the tiles of a folder lie.

    Args:
        folder: a routerset.

    Raises:
        InputError: its catalogue cannot be read.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        try:
            self._rows = _table(folder / _CATALOG)
            needs = _table(folder / _RELEVANCE)
            self.tasks = [name for name in needs[0] if name != "id"] if needs else []
            self._needs = {row["id"]: row for row in needs}
            self._texts = {row["id"]: [row[name] for name in _TEXTS] for row in self._rows}
        except (OSError, ValueError, KeyError) as error:
            raise InputError(
                tr("The catalogue in {folder} cannot be read ({why}); export the tiles again.").format(
                    folder=folder, why=error
                )
            ) from error

    def write(
        self,
        algorithm: Any,
        parameters: dict[str, Any],
        name: str,
        context: QgsProcessingContext,
        feedback: QgsProcessingFeedback,
    ) -> str:
        """Write them into the destination `name` of an algorithm, styled by split if that is loaded.

        Returns:
            Identifier of the layer written.

        Raises:
            InputError: a tile cannot be read.
            QgsProcessingException: the destination cannot be written.
            WorkerCancelled: the user stopped it.
        """
        columns = [f"field={text}:string(254)" for text in _TEXTS]
        columns += [f"field=needs_{task}:integer" for task in self.tasks]
        fields = QgsVectorLayer(f"Polygon?{'&'.join(columns)}", "tiles", "memory").fields()
        crs = self._outline(self._rows[0])[1] if self._rows else QgsCoordinateReferenceSystem()
        kind = QgsWkbTypes.Type.Polygon
        sink, identifier = algorithm.parameterAsSink(parameters, name, context, fields, kind, crs)
        if sink is None:
            raise QgsProcessingException(algorithm.invalidSinkError(parameters, name))
        for done, row in enumerate(self._rows):
            if done % _NOW_AND_THEN == 0:
                feedback.setProgress(100.0 * done / len(self._rows))
                if feedback.isCanceled():
                    raise WorkerCancelled(tr("Cancelled; the tiles are finished and kept."), began=False)
            feature = QgsFeature(fields)
            feature.setGeometry(self._geometry(row, crs, context))
            feature.setAttributes([*self._texts[row["id"]], *self._relevance(row["id"])])
            if not sink.addFeature(feature, QgsFeatureSink.Flag.FastInsert):
                raise QgsProcessingException(
                    tr("The layer of tiles could not be written: {why}.").format(why=sink.lastError())
                )
        del sink  # flushes the file before anyone opens it
        if context.willLoadLayerOnCompletion(identifier):
            context.layerToLoadOnCompletionDetails(identifier).setPostProcessor(SplitStyle())
        return identifier

    def _relevance(self, tile: str) -> list[int | None]:
        """By task: 1 needed, 0 not needed, None unknown."""
        told = self._needs.get(tile, {})
        return [int(told[task]) if told.get(task) else None for task in self.tasks]

    def _geometry(self, row: dict[str, str], crs: Any, context: QgsProcessingContext) -> QgsGeometry:
        outline, own = self._outline(row)
        if own != crs and own.isValid() and crs.isValid():
            try:
                outline.transform(QgsCoordinateTransform(own, crs, context.transformContext()))
            except QgsCsException:
                return QgsGeometry()  # it lies where that projection does not reach
        return outline

    def _outline(self, row: dict[str, str]) -> tuple[QgsGeometry, QgsCoordinateReferenceSystem]:
        from osgeo import gdal

        path = self._folder / row["file"]
        try:
            dataset = gdal.Open(str(path))
        except RuntimeError:  # where GDAL's exceptions are switched on
            dataset = None
        if dataset is None:
            raise InputError(tr("The tile {path} cannot be read; export the tiles again.").format(path=path))
        left, across, skew, top, tilt, down = dataset.GetGeoTransform()
        width, height = dataset.RasterXSize, dataset.RasterYSize
        corners = [(0, 0), (width, 0), (width, height), (0, height), (0, 0)]
        ring = [QgsPointXY(left + x * across + y * skew, top + x * tilt + y * down) for x, y in corners]
        crs = QgsCoordinateReferenceSystem.fromWkt(dataset.GetProjection())
        return QgsGeometry.fromPolygonXY([ring]), crs


class SplitStyle(QgsProcessingLayerPostProcessorInterface):
    """Draws a loaded layer of tiles by split; made in the background, called in the main thread."""

    def __init__(self) -> None:
        super().__init__()
        _alive.append(self)

    def postProcessLayer(self, layer: Any, context: Any, feedback: Any) -> None:
        categories = []
        for split, color in _COLORS.items():
            symbol = QgsFillSymbol.createSimple(
                {"color": _faint(color), "outline_color": color, "outline_width": "0.6"}
            )
            categories.append(QgsRendererCategory(split, symbol, split))
        layer.setRenderer(QgsCategorizedSymbolRenderer("split", categories))
        layer.setDisplayExpression("\"id\" || ' (' || \"split\" || ')'")
        layer.triggerRepaint()
        layer.emitStyleChanged()


def _table(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _faint(color: str) -> str:
    """A colour that lets the imagery shine through, as symbols have it."""
    red, green, blue = (int(color[start : start + 2], 16) for start in (1, 3, 5))
    return f"{red},{green},{blue},30"
