"""`hydranet mosaic`: one layer per expert over the runs of many scenes, and a STAC catalogue of them."""

from __future__ import annotations

import argparse
import importlib.util
import sys
from collections.abc import Callable
from typing import Any

_FOLDER_HELP = "folder with run folders in it, at any depth; several may be given"
_OUT_HELP = "folder to make, or to bring up to date (default: 'mosaic' in the first FOLDER)"


def add_parser(subparsers: argparse._SubParsersAction) -> None:
    """Register the sub-command and its options."""
    parser = subparsers.add_parser(
        "mosaic",
        help="one layer per expert over many runs, and a STAC catalogue",
        description="Lay the finished runs below some folders over each other: a virtual raster for each "
        "expert, virtual tables of objects and tiles, and a STAC catalogue. No pixel is copied and no run is "
        "touched; call it again when runs were added.",
    )
    parser.add_argument("folder", nargs="+", metavar="FOLDER", help=_FOLDER_HELP)
    parser.add_argument("--out", metavar="FOLDER", help=_OUT_HELP)
    parser.add_argument("--no-stac", action="store_true", help="leave the STAC catalogue out")


def check_flag(asked: bool, many: bool) -> None:
    """Make sure before a job that there can be a mosaic after it.

    Args:
        asked: whether `predict` was called with --mosaic.
        many: whether it has several scenes.

    Raises:
        RequestError: there is one scene, whose run would be all of it, or pystac is missing.
    """
    from ..errors import RequestError

    if asked and not many:
        raise RequestError("--mosaic was given with one scene; name several or a .txt list, or leave it out.")
    if asked and importlib.util.find_spec("pystac") is None:
        raise RequestError(
            "--mosaic needs pystac, which is not installed; pip install 'hydranet[cluster]', or leave it out."
        )


def lay_over(output: str, emit: Callable[[dict[str, Any]], None]) -> bool:
    """Make the mosaic of all runs below a folder and say where it is; False if there is none, and why."""
    from .. import events
    from ..errors import HydraNetError
    from ..mosaic.build import make_mosaic

    try:
        done = make_mosaic([output])
    except HydraNetError as error:
        emit(events.log("warning", f"There is no mosaic. {error}"))
        return False
    for warning in done["warnings"]:
        emit(events.log("warning", warning))
    emit(events.log("info", f"Mosaic of {done['runs']} runs: {done['folder']}"))
    return True


def run(args: argparse.Namespace) -> int:
    """Make the mosaic, print what came of it; warnings go to standard error."""
    from ..mosaic.build import make_mosaic
    from .predict import print_text

    done = make_mosaic(args.folder, args.out, stac=not args.no_stac)
    for warning in done["warnings"]:
        text = f"hydranet: warning: {warning}"
        print(text.encode("utf-8", "backslashreplace").decode(), file=sys.stderr)
    print_text(f"{done['folder']}: {done['runs']} runs")
    print_text(f"rasters  {', '.join(done['rasters']) or 'none'}")
    print_text(f"tables   {', '.join(done['tables']) or 'none'}")
    print_text(f"catalog  {done['catalog'] or 'none'}")
    return 0
