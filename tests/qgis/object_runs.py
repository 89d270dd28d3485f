"""Run folders of a model with an objects expert: its table, and its part of run.json and of the tiles."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from osgeo import ogr, osr

from hydranet_qgis.run_folder import Run
from tests.qgis.run_edits import edit_json

TILE_M = 160.0  # edge of the fake worker's tiles on the ground
LEFT, TOP = 500000.0, 5200000.0
CLASSES = (("ship", "#e4572e"), ("building", "#8b5cf6"))
FIELDS = (
    *(("class", ogr.OFTString), ("score", ogr.OFTReal)),
    *((name, ogr.OFTReal) for name in ("area_m2", "length_m", "width_m")),
    *(("tile", ogr.OFTInteger), ("tiles", ogr.OFTString)),
    *(("groups", ogr.OFTString), ("experts", ogr.OFTString)),
    *(("top_expert", ogr.OFTInteger), ("id", ogr.OFTInteger)),
)


@dataclass(frozen=True)
class Made:
    """An object to write; `place` is its upper left corner in metres from the scene's, right and down."""

    kind: str = "ship"
    score: float = 0.8
    tile: int = 5
    tiles: str = ""
    groups: str = "2,4 | 1,4"
    experts: str = "6:0.71,8:0.29 | 2:0.55,13:0.45"
    top: int | None = 2
    place: tuple[float, float] = (170.0, 170.0)
    size: tuple[float, float] = (40.0, 12.0)
    metres: bool = True


SIX = (
    Made(score=0.93, experts="6:0.71,8:0.29 | 2:0.55,13:0.45", place=(175, 180), size=(46, 12)),
    Made(score=0.41, experts="8:0.66,6:0.34 | 13:0.80,2:0.20", top=13, place=(240, 190), size=(8.4, 5)),
    Made("building", 0.88, experts="15:0.90,14:0.10 | 1:0.52,4:0.48", top=1, place=(180, 230), size=(30, 22)),
    Made("building", 0.67, experts="14:0.58,15:0.42 | 4:0.97,1:0.03", top=4, place=(240, 235), size=(52, 30)),
    Made(score=0.76, experts="6:0.50,5:0.50 | 2:0.75,3:0.25", place=(185, 290), size=(120, 21)),
    # Across the seam; the tile to the right sees more of it.
    Made(score=0.55, tile=6, tiles="5,6", groups="1,3 | 1,2", top=3, place=(300, 250), size=(60, 14),
         experts="9:0.60,2:0.40 | 3:0.62,7:0.38"),
)  # fmt: skip


def with_objects(run: Run, objects: Sequence[Made] = SIX, routed: Sequence[int] = (5, 6, 9)) -> Run:
    """The same run of a model with an objects expert.

    Args:
        run: the run, changed.
        objects: what it found.
        routed: tiles that went to it.
    """
    write_objects(run.folder / "objects.gpkg", run.crs_wkt or "", objects)
    table = ogr.Open(str(run.routing), update=1)
    layer = table.GetLayerByName("tiles")
    layer.CreateField(ogr.FieldDefn("score_objects", ogr.OFTReal))
    layer.CreateField(ogr.FieldDefn("reason_objects", ogr.OFTString))
    for feature in list(layer):
        if feature["reason"] == "no data":
            continue
        chosen = feature["tile"] in routed
        feature["score_objects"] = 0.9 - 0.01 * feature["tile"] if chosen else 0.2
        feature["reason_objects"] = "above threshold" if chosen else "below threshold"
        if chosen:
            feature["chosen"] = ",".join(filter(None, (feature["chosen"], "objects")))
            feature["reason"] = "routed"
        layer.SetFeature(feature)
    table.FlushCache()
    del layer, table
    counts: dict[str, int] = {}
    for one in objects:
        counts[one.kind] = counts.get(one.kind, 0) + 1

    def change(data: dict[str, Any]) -> None:
        data["experts"].append(
            {
                "name": "objects", "title": "Objects", "kind": "objects", "unit": None,
                "classes": [{"value": v, "name": n, "color": c} for v, (n, c) in enumerate(CLASSES)],
                "threshold": 0.5, "simulated": False, "tiles": len(routed), "pixels": 0, "class_pixels": {},
                "uncertainty_bands": {}, "seconds": 0.3, "output": "objects.gpkg" if routed else None,
                "style": "objects.qml" if routed else None, "macs_per_tile": 5000, "skipped": None,
                "objects": {"count": len(objects), "by_class": counts},
            }
        )  # fmt: skip

    (run.folder / "objects.qml").write_text("<!DOCTYPE qgis><qgis version='3.22.0'/>", encoding="utf-8")
    return edit_json(run, change)


def write_objects(path: Path, wkt: str, objects: Sequence[Made]) -> None:
    """Write the table as the worker does, with the raw detections beside it."""
    path.unlink(missing_ok=True)
    table = ogr.GetDriverByName("GPKG").CreateDataSource(str(path))
    crs = osr.SpatialReference()
    if wkt:
        crs.ImportFromWkt(wkt)
    layer = table.CreateLayer("objects", crs if wkt else None, ogr.wkbPolygon)
    for name, kind in FIELDS:
        layer.CreateField(ogr.FieldDefn(name, kind))
    for number, one in enumerate(objects, start=1):
        feature = ogr.Feature(layer.GetLayerDefn())
        length, width = max(one.size), min(one.size)
        if one.metres:
            feature["area_m2"], feature["length_m"], feature["width_m"] = length * width, length, width
        feature["class"], feature["score"], feature["tile"] = one.kind, one.score, one.tile
        feature["tiles"], feature["id"] = one.tiles or str(one.tile), number
        feature["groups"], feature["experts"] = one.groups, one.experts
        if one.top is not None:
            feature["top_expert"] = one.top
        feature.SetGeometry(_box(*one.place, *one.size))
        layer.CreateFeature(feature)
    raw = table.CreateLayer("detections", None, ogr.wkbNone)
    raw.CreateField(ogr.FieldDefn("tile", ogr.OFTInteger))
    raw.CreateField(ogr.FieldDefn("found", ogr.OFTString))
    del layer, raw
    table.FlushCache()


def _box(right: float, down: float, width: float, height: float) -> Any:
    ring = ogr.Geometry(ogr.wkbLinearRing)
    x, y = LEFT + right, TOP - down
    for px, py in ((x, y), (x + width, y), (x + width, y - height), (x, y - height), (x, y)):
        ring.AddPoint_2D(px, py)
    polygon = ogr.Geometry(ogr.wkbPolygon)
    polygon.AddGeometry(ring)
    return polygon
