"""The objects expert of the scripted worker: whether a run has one, and what it finds in which tile.

Every tile that goes to it has a ship, and every second one of them a building too.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from osgeo import ogr, osr

NAME, TITLE, THRESHOLD, LEAST = "objects", "Objects", 0.5, 0.5
CLASSES = [("ship", "#e4572e"), ("building", "#8b5cf6")]
FIELDS = [
    ("id", ogr.OFTInteger), ("class", ogr.OFTString), ("score", ogr.OFTReal), ("area_m2", ogr.OFTReal),
    ("length_m", ogr.OFTReal), ("width_m", ogr.OFTReal), ("tile", ogr.OFTInteger), ("tiles", ogr.OFTString),
    ("groups", ogr.OFTString), ("experts", ogr.OFTString), ("top_expert", ogr.OFTInteger),
]  # fmt: skip


def takes_part(request: dict[str, Any]) -> bool:
    """Whether the model has an objects expert: its bundle says so, or it is asked for by name."""
    if NAME in (request.get("experts") or ()):
        return True
    folder = request.get("bundle")
    path = Path(folder) / "model.json" if folder else None
    if path is None or not path.is_file():
        return False
    return any(item.get("kind") == "objects" for item in json.loads(path.read_text())["experts"])


def score_of(row: int, col: int) -> float:
    """Score of a tile for the objects expert."""
    return 0.9 if (row + col) % 2 else 0.2


def found_in(tile: int) -> list[tuple[str, float, int]]:
    """Class, score and serving expert of what is found in a tile."""
    ship = ("ship", round(0.95 - 0.03 * tile, 2), 1 + tile % 16)
    return [ship, ("building", 0.4, 4)] if tile % 4 == 1 else [ship]


def write(
    folder: Path, boxes: dict[int, Any], wkt: str, least: float | None, metres: bool = True
) -> dict[str, Any]:
    """Write objects.gpkg and its style; what run.json says of it.

    Args:
        folder: of the run.
        boxes: extent (xmin, xmax, ymin, ymax) of each tile that went to the expert.
        wkt: CRS, "" for none.
        least: least score, None for the model's own.
        metres: whether lengths and areas are known.
    """
    table = ogr.GetDriverByName("GPKG").CreateDataSource(str(folder / "objects.gpkg"))
    crs = osr.SpatialReference()
    if wkt:
        crs.ImportFromWkt(wkt)
    layer = table.CreateLayer("objects", crs if wkt else None, ogr.wkbPolygon)
    for field, kind in FIELDS:
        layer.CreateField(ogr.FieldDefn(field, kind))
    raw = table.CreateLayer("detections", None, ogr.wkbNone)
    for field, kind in (("tile", ogr.OFTInteger), ("found", ogr.OFTString)):
        raw.CreateField(ogr.FieldDefn(field, kind))
    counts = {name: 0 for name, _ in CLASSES}
    for tile, box in sorted(boxes.items()):
        row = ogr.Feature(raw.GetLayerDefn())
        row["tile"], row["found"] = tile, json.dumps(found_in(tile))
        raw.CreateFeature(row)
        for place, (name, score, expert) in enumerate(found_in(tile)):
            if score < (LEAST if least is None else least):
                continue
            counts[name] += 1
            layer.CreateFeature(
                _feature(layer, sum(counts.values()), tile, name, score, expert, metres, box, place)
            )
    row = raw = layer = None
    table.FlushCache()
    (folder / "objects.qml").write_text("<qgis version='3.22.0' styleCategories='Symbology'/>")
    return {"count": sum(counts.values()), "by_class": counts}


def _feature(
    layer: Any,
    number: int,
    tile: int,
    name: str,
    score: float,
    expert: int,
    metres: bool,
    box: Any,
    place: int,
) -> Any:
    feature = ogr.Feature(layer.GetLayerDefn())
    feature["id"], feature["class"], feature["score"] = number, name, score
    feature["tile"], feature["tiles"], feature["top_expert"] = tile, str(tile), expert
    feature["groups"], feature["experts"] = "1,2", f"{expert}:0.70,{expert % 16 + 1}:0.30"
    left, top = box[0] + 20 + 60 * place, box[3] - 20
    length, width = 40.0, 12.0
    if metres:
        feature["area_m2"], feature["length_m"], feature["width_m"] = length * width, length, width
    ring = ogr.Geometry(ogr.wkbLinearRing)
    for x, y in ((0, 0), (length, 0), (length, -width), (0, -width), (0, 0)):
        ring.AddPoint_2D(left + x, top + y)
    shape = ogr.Geometry(ogr.wkbPolygon)
    shape.AddGeometry(ring)
    feature.SetGeometry(shape)
    return feature
