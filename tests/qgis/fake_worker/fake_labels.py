"""What the scripted worker does with labels: a routerset of four tiles, and the report of a comparison.

What it was asked stands in the summary, with the attributes of the labels while they were there.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from osgeo import gdal, ogr

Progress = Callable[[int, int], None]
SPLITS = ("train", "val", "cal", "test")


def _vector(path: str, layer: str | None) -> dict[str, Any]:
    """What a vector file holds: its fields, and the attributes of its features."""
    dataset = ogr.Open(path)
    table = dataset.GetLayerByName(layer) if layer else dataset.GetLayer(0)
    return {
        "layers": dataset.GetLayerCount(),
        "rows": sorted(json.dumps(json.loads(feature.ExportToJson())["properties"]) for feature in table),
    }


def _seen(path: str, layer: str | None) -> Any:
    return _vector(path, layer) if Path(path).suffix in (".gpkg", ".shp", ".geojson") else None


def tiles(params: dict[str, Any], progress: Progress) -> dict[str, Any]:
    """Write one tile into each split, cut from the first input."""
    gdal.UseExceptions()
    folder = Path(params["output"])
    (folder / "scenes").mkdir(parents=True, exist_ok=True)
    tasks = [label["task"] for label in params["labels"]]
    catalog = ["id,file,source,sensor,gsd_m,bands,radiometry,tasks,label_kind,region,split,licence"]
    relevance = [",".join(["id", *tasks])]
    for number, split in enumerate(SPLITS):
        name = f"a_{number}"
        source = params["inputs"][number % len(params["inputs"])]
        gdal.Translate(str(folder / "scenes" / f"{name}.tif"), source, srcWin=[16 * number, 0, 16, 32])
        catalog.append(
            f"{name},scenes/{name}.tif,{source},,10,blue,boa,{';'.join(tasks)},,r{number},{split},x"
        )
        relevance.append(",".join([name, *(["1", "0", "", "1"][number] for _ in tasks)]))
        progress(number + 1, len(SPLITS))
    (folder / "catalog.csv").write_text("\n".join(catalog) + "\n")
    (folder / "relevance.csv").write_text("\n".join(relevance) + "\n")
    (folder / "routerset.json").write_text("{}")
    memory = gdal.GetDriverByName("MEM").Create("", 8, 8, 3)
    gdal.GetDriverByName("PNG").CreateCopy(str(folder / "contact_sheet.png"), memory)
    one_each = dict.fromkeys(SPLITS, 1)
    return {
        "folder": str(folder), "tiles": one_each, "regions": 4,
        "left_out": {"no data": 2, "unlabelled": 0, "outside": 1},
        "tasks": [
            {"name": task, "title": task.title(), "classes": ["none", "<reed>"], "pixels": {"<reed>": 1200},
             "needed": {"train": 1, "val": 0, "cal": 0, "test": 1}, "not_needed": {}, "unknown": {}}
            for task in tasks
        ],
        "contact_sheet": "contact_sheet.png", "warnings": ["Few tiles need it."], "seconds": 1.0,
        "command": "hydranet tiles a.tif out", "request": params,
        "labels": [_seen(label["path"], label.get("layer")) for label in params["labels"]],
        "area": _seen(params["area"], None) if params["area"] else None,
        "inputs": [_size(path) for path in params["inputs"]],
    }  # fmt: skip


def evaluate(params: dict[str, Any], progress: Progress) -> dict[str, Any]:
    """Write a report and a table of confusion."""
    gdal.UseExceptions()
    folder = Path(params["output"])
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "report.html").write_text("<html><body>report</body></html>")
    (folder / "confusion.csv").write_text("class,land,water\nland,8,1\nwater,1,10\n")
    progress(1, 1)
    one = {"value": 1, "name": "water", "iou": 0.8333, "f1": 0.9091, "precision": 0.9, "recall": None}
    return {
        "report": "report.html",
        "figures": {
            "overall_accuracy": 0.9, "kappa": 0.79, "mean_iou": 0.81, "mean_f1": 0.895, "pixels": 20,
            "classes": [{**one, "pixels": 11}],
        },
        "router": None, "files": ["report.html", "confusion.csv"], "warnings": [], "seconds": 1.0,
        "command": "hydranet evaluate a.tif out", "request": params,
        "reference": _seen(params["reference"], params["layer"]),
    }  # fmt: skip


def _size(path: str) -> list[int]:
    dataset = gdal.Open(path)
    return [dataset.RasterXSize, dataset.RasterYSize]
