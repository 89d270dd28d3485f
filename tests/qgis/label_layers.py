"""Layers of labels for tests: polygons with a class, drawn by it or not, and a raster with a palette."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from osgeo import gdal
from qgis.core import (
    QgsCategorizedSymbolRenderer,
    QgsFeature,
    QgsFillSymbol,
    QgsGeometry,
    QgsPalettedRasterRenderer,
    QgsProject,
    QgsRasterLayer,
    QgsRectangle,
    QgsRendererCategory,
    QgsVectorFileWriter,
    QgsVectorLayer,
)
from qgis.PyQt.QtGui import QColor

from tests.qgis.conftest import make_scene

LEFT, TOP, SIDE = 500000, 5200000, 100


def polygons(*kinds: Any, column: str = "kind:string", name: str = "beds") -> QgsVectorLayer:
    """A memory layer with a square for each class, side by side over the test's raster."""
    layer = QgsVectorLayer(f"Polygon?crs=EPSG:32632&field={column}&field=note:string", name, "memory")
    for number, kind in enumerate(kinds):
        feature = QgsFeature(layer.fields())
        left = LEFT + number * SIDE
        feature.setGeometry(QgsGeometry.fromRect(QgsRectangle(left, TOP - SIDE, left + SIDE, TOP)))
        feature.setAttributes([kind, "x"])
        layer.dataProvider().addFeature(feature)
    layer.updateExtents()
    return layer


def saved(layer: QgsVectorLayer, path: Path, name: str = "beds", append: bool = False) -> QgsVectorLayer:
    """The layer as one of a GeoPackage."""
    options = QgsVectorFileWriter.SaveVectorOptions()
    options.layerName, options.driverName = name, "GPKG"
    if append:
        options.actionOnExistingFile = QgsVectorFileWriter.ActionOnExistingFile.CreateOrOverwriteLayer
    context = QgsProject.instance().transformContext()
    QgsVectorFileWriter.writeAsVectorFormatV3(layer, str(path), context, options)
    return QgsVectorLayer(f"{path}|layername={name}", name)


def drawn(layer: QgsVectorLayer, field: str, *categories: tuple[Any, str, str]) -> QgsVectorLayer:
    """The layer, drawn by values of a field: value, colour, label."""
    layer.setRenderer(
        QgsCategorizedSymbolRenderer(
            field,
            [
                QgsRendererCategory(value, QgsFillSymbol.createSimple({"color": color}), label)
                for value, color, label in categories
            ],
        )
    )
    return layer


def class_raster(path: Path, *palette: tuple[int, str, str], band: int = 1) -> QgsRasterLayer:
    """A raster of classes, drawn by a palette if there is one: value, colour, label."""
    make_scene(path, bands=2)
    raster = gdal.Open(str(path), gdal.GA_Update)
    for number in (1, 2):
        raster.GetRasterBand(number).Fill(number)
    raster = None
    layer = QgsRasterLayer(str(path), path.stem)
    if palette:
        kinds = [QgsPalettedRasterRenderer.Class(v, QColor(color), label) for v, color, label in palette]
        layer.setRenderer(QgsPalettedRasterRenderer(layer.dataProvider(), band, kinds))
    return layer
