"""`hydranet simulate`: set a scene on fire as the training does, and draw it before and after."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..scene import Scene

LARGEST = 512
"""Edge of the part that is shown, in pixels: larger ones would hide a front one pixel wide."""


def add_parser(subparsers: argparse._SubParsersAction) -> None:
    """Register the sub-command and its options."""
    parser = subparsers.add_parser(
        "simulate",
        help="put a simulated fire into a scene and draw it",
        description="Put one simulated fire (flame, smoke, scar) into a scene, as the training of the fire "
        "expert does, and draw the scene before and after with the label and the values drawn.",
    )
    add = parser.add_argument
    add("--input", required=True, help="the raster, or a Sentinel-2 product (SAFE folder or zip)")
    add("--output", required=True, type=Path, metavar="PICTURE.png", help="the picture to write")
    add(
        "--seed",
        type=_seed,
        default=0,
        metavar="N",
        help="which fire; the same N gives the same (default: 0)",
    )
    add(
        "--tif",
        type=Path,
        metavar="OUT.tif",
        help="also write the burning scene, 8 bands, and the label as a 9th",
    )
    add(
        "--window",
        metavar="X,Y,W,H",
        help=f"part to burn, in pixels (default: the middle, at most {LARGEST})",
    )
    add("--bands", default="auto", help="auto, a sensor id, or blue=2,green=3,… (default: auto)")
    add(
        "--radiometry",
        default="auto",
        metavar="SCALE,OFFSET",
        help="(value + offset) * scale (default: auto)",
    )


def run(args: argparse.Namespace) -> int:
    """Burn, draw, and say what was drawn."""
    import numpy as np
    from rasterio.windows import Window

    from ..errors import OutputError
    from ..scene import Scene
    from ..training.fire import FLAME, SMOKE, ignite
    from ..training.fire_picture import draw_fire, write_raster

    _matplotlib()
    for path in filter(None, (args.output, args.tif)):
        if not path.absolute().parent.is_dir():
            raise OutputError(f"The folder '{path.parent}' does not exist; create it or choose another.")
        if path.exists() and Path(args.input).exists() and path.samefile(args.input):
            raise OutputError(f"'{path}' is the input itself; give another output file.")
    with Scene.open(args.input, bands=args.bands, radiometry=args.radiometry) as scene:
        window = Window(*_window(args.window, scene))
        patch = scene.read(window)
        gsd_m = scene.gsd_m or 10.0
        available = scene.mapping.available
        fire = ignite(patch.reflectance, available, patch.valid, gsd_m, np.random.default_rng(args.seed))
        if args.tif:
            write_raster(args.tif, fire, patch.valid, scene, window)
    draw_fire(args.output, patch.reflectance, fire, patch.valid, available, gsd_m, args.seed)
    smoke, flame = (int(np.count_nonzero(fire.label == value)) for value in (SMOKE, FLAME))
    print(f"{args.output}: {smoke} pixels of smoke, {flame} of flame, {int(fire.scar.sum())} burned")
    return 0


def _seed(text: str) -> int:
    """Read a seed for argparse, which makes a sentence of the error."""
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"'{text}' is not a seed; give a whole number, 0 or more")
    return int(text)


def _matplotlib() -> None:
    from ..errors import RequestError

    try:
        import matplotlib  # noqa: F401
    except ImportError as error:
        raise RequestError(
            "The picture needs matplotlib, which is not installed; run 'pip install hydranet[train]'."
        ) from error


def _window(text: str | None, scene: Scene) -> tuple[int, int, int, int]:
    from ..errors import RequestError

    if text is None:
        width, height = min(scene.width, LARGEST), min(scene.height, LARGEST)
        return (scene.width - width) // 2, (scene.height - height) // 2, width, height
    try:
        x, y, width, height = (int(part) for part in text.split(","))
    except ValueError as error:
        raise RequestError(f"'{text}' is not a window; write four whole numbers x,y,width,height.") from error
    if min(width, height) < 16 or max(width, height) > 2048:
        raise RequestError(f"The window is {width} x {height} pixels; give 16 to 2048 pixels each way.")
    return x, y, width, height  # Scene.read refuses what is not inside
