"""Columns of the layer of objects: what they are called, and an empty layer that has them."""

from __future__ import annotations

from typing import Any

from qgis.core import QgsVectorLayer

from .i18n import tr

CLASS, SCORE, LENGTH, TOP_EXPERT = "class", "score", "length_m", "top_expert"
# As `model_core.objects.table` writes them, with the types of a memory layer.
_COLUMNS = {
    "id": "integer", CLASS: "string", SCORE: "double", "area_m2": "double", LENGTH: "double",
    "width_m": "double", "tile": "integer", "tiles": "string", "groups": "string", "experts": "string",
    TOP_EXPERT: "integer",
}  # fmt: skip


def titles() -> dict[str, str]:
    """What each column is called in the user's language."""
    return {
        "id": tr("Number"),
        CLASS: tr("Class"),
        SCORE: tr("Score"),
        "area_m2": tr("Area (m²)"),
        LENGTH: tr("Length (m)"),
        "width_m": tr("Width (m)"),
        "tile": tr("Tile"),
        "tiles": tr("All tiles that found it"),
        "groups": tr("Scene groups by layer"),
        "experts": tr("Experts and weights by layer"),
        TOP_EXPERT: tr("Strongest expert"),
    }


def give_titles(layer: Any) -> None:
    """Have a layer of objects show what its columns are called, and name its features by class and score."""
    for name, title in titles().items():
        index = layer.fields().indexOf(name)
        if index >= 0:
            layer.setFieldAlias(index, title)
    layer.setDisplayExpression(f'"{CLASS}" || \' \' || format_number("{SCORE}", 2)')


def empty_layer() -> QgsVectorLayer:
    """A layer of objects without any: what a run that found none would have written."""
    columns = "&".join(f"field={name}:{kind}" for name, kind in _COLUMNS.items())
    return QgsVectorLayer(f"Polygon?{columns}", "objects", "memory")


def missing_columns(layer: Any) -> list[str]:
    """Columns without which a layer is none of objects."""
    return [name for name in (CLASS, SCORE) if layer.fields().indexOf(name) < 0]
