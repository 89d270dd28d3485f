"""Writes a genuine, tiny run folder with GDAL alone: what a worker leaves, without torch or rasterio.

The scores follow a fixed formula of row and column, so that tests can say what they expect.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from osgeo import gdal, ogr, osr

try:
    import fake_objects
except ImportError:  # as a module of the tests
    from tests.qgis.fake_worker import fake_objects

TILE = 16
THRESHOLDS = {"clouds": 0.44, "water": 0.42, "burned": 0.5, "landcover": 0.46, "biomass": 0.6, "roads": 0.48}
CLEAR, NONE = ("clear", None), ("other", None)
CLASSES: dict[str, list[tuple[str, str | None]]] = {
    "clouds": [CLEAR, ("thick cloud", "#f2f2f2"), ("thin cloud", "#b9d3e6"), ("shadow", "#4d4d4d")],
    "water": [NONE, ("water", "#2171b5")],
    "burned": [NONE, ("burned", "#d94801")],
    "landcover": [("trees", "#1b7837"), ("grass", "#a6dba0"), ("crops", "#f0c808"), ("built", "#c51b7d"),
                  ("bare", "#b08d57")],
    "roads": [NONE, ("road", "#6a3d9a")],
}  # fmt: skip
TITLES = {"clouds": "Clouds and shadows", "water": "Water", "burned": "Burned area",
          "landcover": "Land cover", "biomass": "Biomass density", "roads": "Roads"}  # fmt: skip
NAMES = list(THRESHOLDS)
SKIPPED = "roads"


def scores_of(row: int, col: int, rows: int, cols: int) -> dict[str, float | None]:
    """Scores of a tile; the first tile of a scene with more than one has no data."""
    if row == 0 and col == 0 and rows * cols > 1:
        return dict.fromkeys(NAMES)
    x, y = (col + 0.5) / cols, (row + 0.5) / rows
    return {
        "clouds": round(max(0.02, 0.95 - 1.5 * x), 4),
        "water": round(max(0.03, 1.3 * y - 0.45), 4),
        "burned": 0.71 if (row + 2 * col) % 5 == 0 else 0.12,
        "landcover": round(max(0.05, 1.2 * x - 0.55 + 0.1 * y), 4),
        "biomass": round(0.1 + 0.75 * x * y, 4),
        "roads": 0.3,
    }


def thresholds_of(policy: str, chosen: dict[str, float] | None = None) -> dict[str, float]:
    """The thresholds a policy uses; the recall guarantee lowers them, the user may choose others."""
    known = {**THRESHOLDS, fake_objects.NAME: fake_objects.THRESHOLD}
    usual = {name: value / 2 if policy == "recall" else value for name, value in known.items()}
    return {**usual, **(chosen or {})}


def decide(
    scores: dict[str, float | None],
    policy: str,
    k: int,
    wanted: list[str] | None = None,
    outside: bool = False,
    thresholds: dict[str, float] | None = None,
) -> tuple[list[str], dict[str, str], str]:
    """Chosen experts, reasons per expert, and the tile's reason."""
    names = list(scores)
    if outside:
        return [], dict.fromkeys(names, "outside mask"), "outside mask"
    if scores[names[0]] is None:
        return [], dict.fromkeys(names, "no data"), "no data"
    allowed = [n for n in names if n != SKIPPED and (not wanted or n in wanted)]
    order = sorted(allowed, key=lambda n: -float(scores[n] or 0))
    least = thresholds_of(policy, thresholds)
    fit = order if policy == "top-k" else [n for n in order if float(scores[n] or 0) >= least[n]]
    chosen, reasons = fit if policy == "recall" else fit[:k], {}
    above = "above recall threshold" if policy == "recall" else "above threshold"
    for name in names:
        if name == SKIPPED:
            reasons[name] = "outside resolution"
        elif name not in allowed:
            reasons[name] = "not requested"
        elif name in chosen:
            reasons[name] = f"top-{chosen.index(name) + 1}" if policy == "top-k" else above
        else:
            reasons[name] = "cut by k" if name in fit else "below threshold"
    return chosen, reasons, "routed" if chosen else "abstained: all below threshold"


def write_run(folder: Path, request: dict[str, Any], progress: Any = None) -> dict[str, Any]:
    """Write a run for the raster `request["input"]` and return its run.json.

    Args:
        folder: run folder, made if missing.
        request: parameters of the worker's method "predict".
        progress: called with (done, total) after every tile.
    """
    gdal.UseExceptions()
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    source = gdal.Open(request["input"])
    width, height = source.RasterXSize, source.RasterYSize
    transform, wkt = source.GetGeoTransform(), source.GetProjection()
    rows, cols = -(-height // TILE), -(-width // TILE)
    policy, k = request.get("policy", "threshold"), int(request.get("top_k", 2))

    names = [*NAMES, fake_objects.NAME] if fake_objects.takes_part(request) else NAMES
    table, layer = _table(folder / "routing.gpkg", wkt, names)
    rasters: dict[str, Any] = {}
    boxes: dict[int, Any] = {}
    area = _area(request.get("mask"), wkt)
    tiles = {"total": rows * cols, "empty": 0, "masked": 0, "abstained": 0, "routed": 0}
    counts = dict.fromkeys(names, 0)
    for index in range(rows * cols):
        row, col = divmod(index, cols)
        x, y = col * TILE, row * TILE
        w, h = min(TILE, width - x), min(TILE, height - y)
        shape = _polygon(transform, x, y, w, h)
        outside = area is not None and not area.Intersects(shape)
        scores = dict.fromkeys(names) if outside else scores_of(row, col, rows, cols)
        if fake_objects.NAME in names and scores[NAMES[0]] is not None:
            scores[fake_objects.NAME] = fake_objects.score_of(row, col)
        elif fake_objects.NAME in names:
            scores[fake_objects.NAME] = None
        chosen, reasons, reason = decide(
            scores, policy, k, request.get("experts"), outside, request.get("thresholds")
        )
        became = {"no data": "empty", "outside mask": "masked"}.get(reason, "abstained")
        tiles["routed" if chosen else became] += 1
        _tile(layer, shape, (index, row, col, x, y, w, h), scores, chosen, reasons, reason)
        for name in chosen:
            counts[name] += 1
            if not request.get("decode", True):
                continue
            if name == fake_objects.NAME:
                boxes[index] = shape.GetEnvelope()
                continue
            if name not in rasters:
                rasters[name] = _raster(folder, name, width, height, transform, wkt)
            _fill(rasters[name], name, x, y, w, h)
        if progress is not None:
            progress(index + 1, rows * cols)
    layer = None
    table.FlushCache()
    table = None
    for name in rasters:
        rasters[name].FlushCache()
        (folder / f"{name}.qml").write_text(_qml(name), encoding="utf-8")
    rasters.clear()
    summary = _summary(folder, request, tiles, counts, (width, height, transform, wkt), policy, k)
    if fake_objects.NAME in names:
        none = {"count": 0, "by_class": {}}
        least = request.get("object_score")
        found = fake_objects.write(folder, boxes, wkt, least, bool(wkt)) if boxes else none
        summary["experts"][-1]["objects"] = found
    (folder / "run.json").write_text(json.dumps(summary, indent=1), encoding="utf-8")
    return summary


def _area(mask: str | None, wkt: str) -> Any:
    """The mask's polygons in the scene's CRS as one geometry, None without a mask."""
    if mask is None:
        return None
    source = ogr.Open(mask)
    assert source.GetLayerCount() == 1, "which layer is the mask?"
    layer, target = source.GetLayer(0), osr.SpatialReference()
    target.ImportFromWkt(wkt)
    target.SetAxisMappingStrategy(osr.OAMS_TRADITIONAL_GIS_ORDER)
    area = ogr.Geometry(ogr.wkbMultiPolygon)
    for feature in layer:
        shape = feature.GetGeometryRef().Clone()
        shape.TransformTo(target)
        area = area.Union(shape)
    return area


def _polygon(transform: Any, x: int, y: int, w: int, h: int) -> Any:
    ring = ogr.Geometry(ogr.wkbLinearRing)
    for px, py in ((x, y), (x + w, y), (x + w, y + h), (x, y + h), (x, y)):
        ring.AddPoint_2D(*gdal.ApplyGeoTransform(list(transform), px, py))
    polygon = ogr.Geometry(ogr.wkbPolygon)
    polygon.AddGeometry(ring)
    return polygon


def _table(path: Path, wkt: str, names: list[str]) -> tuple[Any, Any]:
    table = ogr.GetDriverByName("GPKG").CreateDataSource(str(path))
    crs = osr.SpatialReference()
    if wkt:
        crs.ImportFromWkt(wkt)
    layer = table.CreateLayer("tiles", crs if wkt else None, ogr.wkbPolygon)
    fields = [(n, ogr.OFTInteger) for n in ("tile", "row", "col", "x", "y", "width", "height")]
    fields += [("valid", ogr.OFTReal)] + [(f"score_{n}", ogr.OFTReal) for n in names]
    fields += [("chosen", ogr.OFTString), ("k", ogr.OFTInteger), ("top_expert", ogr.OFTString)]
    fields += [("top_score", ogr.OFTReal), ("reason", ogr.OFTString)]
    fields += [(f"reason_{n}", ogr.OFTString) for n in names]
    for name, kind in fields:
        layer.CreateField(ogr.FieldDefn(name, kind))
    return table, layer


def _tile(layer, shape, place, scores, chosen, reasons, reason) -> None:
    feature = ogr.Feature(layer.GetLayerDefn())
    for name, value in zip(("tile", "row", "col", "x", "y", "width", "height"), place, strict=True):
        feature[name] = value
    feature["valid"] = 0.0 if reason in ("no data", "outside mask") else 1.0
    known = {name: score for name, score in scores.items() if score is not None}
    for name, score in known.items():
        feature[f"score_{name}"] = score
    for name in reasons:
        feature[f"reason_{name}"] = reasons[name]
    feature["chosen"], feature["k"], feature["reason"] = ",".join(chosen), len(chosen), reason
    if known:
        feature["top_expert"] = max(known, key=lambda n: known[n])
        feature["top_score"] = max(known.values())
    feature.SetGeometry(shape)
    layer.CreateFeature(feature)


def _raster(folder: Path, name: str, width: int, height: int, transform: Any, wkt: str) -> Any:
    kind = gdal.GDT_Byte if name in CLASSES else gdal.GDT_Float32
    raster = gdal.GetDriverByName("GTiff").Create(str(folder / f"{name}.tif"), width, height, 1, kind)
    raster.SetGeoTransform(transform)
    if wkt:
        raster.SetProjection(wkt)
    nodata = 255 if name in CLASSES else float("nan")
    raster.GetRasterBand(1).SetNoDataValue(nodata)
    raster.GetRasterBand(1).Fill(nodata)
    return raster


def _fill(raster: Any, name: str, x: int, y: int, w: int, h: int) -> None:
    import numpy as np

    yy, xx = np.mgrid[y : y + h, x : x + w]
    wave = 0.5 + 0.5 * np.sin(xx / 9.0 + len(name)) * np.cos(yy / 7.0)
    if name in CLASSES:
        values = np.minimum((wave * len(CLASSES[name])).astype("uint8"), len(CLASSES[name]) - 1)
    else:
        values = (wave * 100).astype("float32")
    raster.GetRasterBand(1).WriteArray(values, x, y)


def _qml(name: str) -> str:
    if name not in CLASSES:
        body = (
            '<rasterrenderer type="singlebandgray" band="1" opacity="1" alphaBand="-1" '
            'gradient="BlackToWhite"><rasterTransparency/>'
            "<contrastEnhancement><minValue>0</minValue><maxValue>100</maxValue>"
            "<algorithm>StretchToMinimumMaximum</algorithm></contrastEnhancement></rasterrenderer>"
        )
    else:
        entries = "".join(
            f'<paletteEntry value="{value}" label="{label}" color="{color or "#ffffff"}" '
            f'alpha="{255 if color else 0}"/>'
            for value, (label, color) in enumerate(CLASSES[name])
        )
        body = (
            '<rasterrenderer type="paletted" band="1" opacity="1" alphaBand="-1"><rasterTransparency/>'
            f"<colorPalette>{entries}</colorPalette></rasterrenderer>"
        )
    return (
        "<!DOCTYPE qgis PUBLIC 'http://mrcc.com/qgis.dtd' 'SYSTEM'>\n"
        f'<qgis version="3.22.0" styleCategories="Symbology"><pipe>{body}</pipe>'
        "<blendMode>0</blendMode></qgis>\n"
    )


def _mapping() -> dict[str, Any]:
    """PAN made from others, re3 not there, the rest from bands 2 on."""
    status = {"pan": "synthesised", "re3": "missing"}
    names = ("pan", "blue", "green", "red", "re1", "re2", "re3", "nir")
    return {
        name: {"layer_band": None if name in status else number, "status": status.get(name, "given")}
        for number, name in enumerate(names, start=1)
    }


def _summary(folder, request, tiles, counts, scene, policy, k) -> dict[str, Any]:
    width, height, transform, wkt = scene
    experts = []
    for name in counts:
        objects = name == fake_objects.NAME
        listed = fake_objects.CLASSES if objects else CLASSES.get(name, ())
        classes = [{"value": v, "name": n, "color": c} for v, (n, c) in enumerate(listed)]
        kind = "objects" if objects else "classes" if name in CLASSES else "density"
        ending = "gpkg" if objects else "tif"
        used = counts[name] > 0 and request.get("decode", True)
        experts.append(
            {
                "name": name, "title": TITLES.get(name, fake_objects.TITLE), "kind": kind,
                "unit": "t/ha" if kind == "density" else None, "classes": classes,
                "threshold": thresholds_of(policy, request.get("thresholds"))[name],
                "simulated": name == "biomass", "tiles": counts[name],
                "pixels": 0 if objects else counts[name] * TILE * TILE, "class_pixels":
                {} if objects else {str(c["value"]): counts[name] * 10 for c in classes}, "seconds": 0.1,
                "output": f"{name}.{ending}" if used else None, "style": f"{name}.qml" if used else None,
                "macs_per_tile": 1000, "skipped": "outside resolution" if name == SKIPPED else None,
            }
        )  # fmt: skip
    return {
        "format": "hydranet-run/1", "status": "complete", "decoded": request.get("decode", True),
        "created": request.get("created", "2026-05-04T10:20:30+00:00"),
        "request": request, "command": "hydranet predict …",
        "scene": {"path": request["input"], "width": width, "height": height, "crs": wkt or None,
                  # As rasterio writes it: pixel sizes before the corner.
                  "transform": [*transform[1:3], transform[0], *transform[4:], transform[3]], "gsd_m": 10.0},
        "band_mapping": {"method": "descriptions", "bands": _mapping()},
        "radiometry": {"scale": 0.0001, "offset": -1000.0, "method": "metadata", "warning": None},
        "model": {"id": "fake", "version": "0", "sha256": "0"},
        "versions": {},
        "policy": {"kind": policy, "k": k, "thresholds": thresholds_of(policy, request.get("thresholds")),
                   "miss_rate": request.get("miss_rate") if policy == "recall" else None},
        "grid": {"tile": TILE, "overlap": 0, "rows": 0, "cols": 0}, "tiles": tiles, "experts": experts,
        "macs": {"spent": 42, "all_experts": 100, "saved_fraction": 0.58},
        "seconds": {"total": 1.25},
        "warnings": ["Expert 'roads' was skipped: the pixel size of 10 m is outside 0.3 to 5 m.",
                     "Expert 'biomass' was trained on simulated data only; check its result with care."],
    }  # fmt: skip
