"""`hydranet tiles`: cut rasters and labels of your own into tiles to train on."""

from __future__ import annotations

import argparse
import os
import sys
import threading
from pathlib import Path
from typing import Any

_LABELS_HELP = (
    "labels of a task: polygons or a raster of classes, for each task once; or a JSON file with a list of "
    "label layers; or one as JSON"
)
_SPLITS_HELP = "share of the tiles in each split (default: train=0.6,val=0.15,cal=0.1,test=0.15)"
_BLOCK_HELP = "edge of the square regions that stay in one split (default: 4 tiles)"
_EPILOG = (
    "Options of a label layer begin with the task they are for: --labels reed=reed.gpkg --field reed=kind "
    "--classes 'reed=1:reed,2:water,9:unknown'. The class named as the background is class 0; values named "
    "'unknown' are not learnt. Where polygons overlap, the later feature wins."
)
# Options of a label layer, the key of `LabelLayer` that they set, and what they are.
_OF_LAYER = {
    "field": ("field", "FIELD", "field that holds the class (default: every polygon is the content)"),
    "layer": ("layer", "LAYER", "layer of a file with several (default: the first that has polygons)"),
    "classes": ("classes", "VALUE:NAME,…", "what the values mean (default: they are the classes)"),
    "background": ("background", "NAME", "what lies in no polygon (default: none; empty: unknown)"),
    "present": ("present", "NAME,…", "classes that make a tile need the expert (default: all but the first)"),
    "share": ("share", "SHARE", "of a tile's pixels that must be such a class (default: 0.01)"),
    "title": ("title", "TEXT", "what users read (default: the task's name)"),
    "label-kind": (
        "label_kind",
        "KIND",
        "where labels are from: hand, derived, algorithm, … (default: hand)",
    ),
}


def add_parser(subparsers: argparse._SubParsersAction) -> None:
    """Register the sub-command and its options."""
    parser = subparsers.add_parser(
        "tiles",
        help="cut rasters and labels of your own into tiles to train on",
        description="Cut rasters and labels into a routerset: tiles with labels, what each of them needs, a "
        "split by regions, a catalogue and a contact sheet.",
        epilog=_EPILOG,
    )
    add = parser.add_argument
    add("inputs", nargs="+", metavar="RASTER", help="rasters, or Sentinel-2 products (SAFE folder or zip)")
    add("--labels", action="append", required=True, metavar="TASK=PATH", help=_LABELS_HELP)
    add("--out", required=True, metavar="FOLDER", help="folder of the routerset")
    for option, (_, value, text) in _OF_LAYER.items():
        add(f"--{option}", action="append", default=[], metavar=f"TASK={value}", help=text)
    add("--area", metavar="FILE", help="polygons of what was looked at (default: all of each raster)")
    add("--bands", default="auto", help="auto, a sensor id, or blue=2,green=3,… (default: auto)")
    add("--radiometry", default="auto", help="auto, or how numbers become reflectance (default: auto)")
    add("--tile-size", type=int, default=256, metavar="PX", help="edge of a tile (default: 256)")
    add("--stride", type=int, metavar="PX", help="from tile to tile (default: the tile's edge)")
    add("--block-m", type=float, metavar="M", help=_BLOCK_HELP)
    add("--splits", metavar="TRAIN=SHARE,…", help=_SPLITS_HELP)
    add("--seed", type=int, default=0, metavar="N", help="which region goes where (default: 0)")
    add("--keep-unlabelled", action="store_true", help="keep tiles that no label says anything about")
    add("--least-valid", type=float, default=0.2, metavar="SHARE", help="data in a tile (default: 0.2)")
    add("--licence", default="not stated", metavar="TEXT", help="of imagery and labels, kept with the tiles")
    add("--overwrite", action="store_true", help="replace a routerset in the output folder")
    add("--resume", action="store_true", help="continue what an earlier call did not finish")
    add("--threads", type=int, metavar="N", help="tiles cut at once (default: one for each core)")


def run(args: argparse.Namespace) -> int:
    """Cut, with progress; then a table."""
    from ..terminal import view
    from ..tiles.export import export_tiles
    from ..tiles.request import TilesRequest
    from ..tiles.told import table
    from .predict import Signals, print_text

    request = TilesRequest.from_json(params(args))
    stop = threading.Event()
    show = view(sys.stderr, os.path.basename(args.out.rstrip("/\\")))
    try:
        with Signals(stop):
            summary = export_tiles(request, show, stop.is_set)
    finally:
        show.close()
    print_text(table(summary))
    return 0


def params(args: argparse.Namespace) -> dict[str, Any]:
    """The arguments as the JSON form of a request.

    Raises:
        RequestError: the labels or the splits cannot be understood.
    """
    return {
        "inputs": args.inputs,
        "output": args.out,
        "labels": _labels(args),
        "area": args.area,
        "bands": args.bands,
        "radiometry": args.radiometry,
        "tile_size": args.tile_size,
        "stride": args.stride,
        "block_m": args.block_m,
        "splits": None if args.splits is None else _shares(args.splits),
        "seed": args.seed,
        "keep_unlabelled": args.keep_unlabelled,
        "least_valid": args.least_valid,
        "licence": args.licence,
        "overwrite": args.overwrite,
        "resume": args.resume,
        "threads": args.threads,
    }


def _labels(args: argparse.Namespace) -> list[dict[str, Any]]:
    from ..errors import RequestError

    layers: list[dict[str, Any]] = []
    for text in args.labels:
        name, _, path = text.partition("=")
        if text.startswith("{") or not path:
            layers += _from_json(text)
        else:
            layers.append({"task": name, "path": path})
    tasks = {layer.get("task"): layer for layer in layers if isinstance(layer, dict)}
    for option, (key, form, _) in _OF_LAYER.items():
        for text in getattr(args, option.replace("-", "_")):
            name, equals, value = text.partition("=")
            if not equals or name not in tasks:
                raise RequestError(
                    f"'--{option} {text}' begins with no task that has labels; write TASK={form} with one of "
                    f"{', '.join(map(str, tasks))}."
                )
            tasks[name][key] = _value(option, text, value)
    return layers


def _from_json(text: str) -> list[Any]:
    """Label layers from a JSON file with a list of them, or from the JSON of one."""
    import json

    from ..errors import RequestError

    try:
        data = json.loads(text if text.startswith("{") else Path(text).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise RequestError(
            f"'{text}' are no labels ({error}); write TASK=PATH, or give a JSON file with a list of "
            "label layers."
        ) from error
    return data if isinstance(data, list) else [data]


def _value(option: str, text: str, value: str) -> Any:
    from ..errors import RequestError

    if option == "present":
        return [name.strip() for name in value.split(",")]
    if option == "classes":
        pairs = [part.rpartition(":") for part in value.split(",")]
        if not all(key.strip() and name.strip() for key, _, name in pairs):
            raise RequestError(f"'--classes {text}' are no classes; write them as in reed=1:reed,2:water.")
        return {key.strip(): name.strip() for key, _, name in pairs}
    if option == "share":
        try:
            return float(value)
        except ValueError:
            raise RequestError(f"'--share {text}' is no share; write it as in reed=0.02.") from None
    return value


def _shares(text: str) -> dict[str, float]:
    from ..errors import RequestError

    pairs = [part.split("=") for part in text.split(",")]
    try:
        found = {name.strip(): float(value) for name, value in pairs}
    except ValueError:
        found = {}
    if len(found) != len(pairs):
        raise RequestError(
            f"'{text}' are no shares; write each split once, as in train=0.6,val=0.15,cal=0.1,test=0.15."
        )
    return found
