"""`hydranet prepare`: rewrite a raster as the 8-band reflectance raster the model reads."""

from __future__ import annotations

import argparse
import sys


def add_parser(subparsers: argparse._SubParsersAction) -> None:
    """Register the sub-command and its options."""
    parser = subparsers.add_parser(
        "prepare",
        help="write a raster as the model's 8 bands",
        description="Write a raster as 8 bands of reflectance x 10000 (uint16, NoData 0), named and ordered "
        "as the model's: pan, blue, green, red, re1, re2, re3, nir. PAN is synthesised where it is lacking.",
    )
    add = parser.add_argument
    add("input", help="the raster, or a Sentinel-2 product (SAFE folder or zip)")
    add("output", help="the GeoTIFF to write")
    add("--bands", default="auto", help="auto, a sensor id, or blue=2,green=3,… (default: auto)")
    add(
        "--radiometry",
        default="auto",
        metavar="SCALE,OFFSET",
        help="(value + offset) * scale (default: auto)",
    )
    part = parser.add_mutually_exclusive_group()
    part.add_argument("--window", metavar="X,Y,W,H", help="part to write, in pixels")
    part.add_argument("--extent", metavar="XMIN,YMIN,XMAX,YMAX", help="part to write, in the raster's CRS")
    add("--allow-missing", action="store_true", help="write bands that the raster lacks as NoData")
    add("--skip-damaged", action="store_true", help="write parts that cannot be read as NoData")
    add("--threads", type=_threads, metavar="N", help="threads that decode (default: all cores, at most 4)")
    add("--overwrite", action="store_true", help="replace an existing file")


def run(args: argparse.Namespace) -> int:
    """Prepare, with a progress bar on a terminal; warnings go to standard error."""
    from tqdm import tqdm

    from ..prepare import prepare
    from ..strict import checked_extent

    # disable=None: a bar on a terminal only, never in a log file.
    with tqdm(desc="Preparing", unit=" pieces", disable=None, file=sys.stderr) as bar:

        def show(done: int, total: int) -> None:
            bar.total = total
            bar.update(done - bar.n)

        result = prepare(
            args.input,
            args.output,
            bands=args.bands,
            radiometry=args.radiometry,
            window=_window(args.window),
            allow_missing=args.allow_missing,
            overwrite=args.overwrite,
            progress=show,
            skip_damaged=args.skip_damaged,
            threads=args.threads,
            extent=None if args.extent is None else checked_extent(args.extent.split(",")),
        )
    for warning in result["warnings"]:
        print(f"hydranet: warning: {warning}", file=sys.stderr)
    bands = result["band_mapping"]["bands"]
    print(f"{result['path']}: {result['width']} x {result['height']} pixels")
    print("bands: " + ", ".join(_source(name, band) for name, band in bands.items()))
    return 0


def _source(name: str, band: dict[str, object]) -> str:
    return f"{name} {band['status']}" if band["status"] != "given" else f"{name} from {band['layer_band']}"


def _threads(text: str) -> int:
    """Read a number of threads for argparse, which makes a sentence of the error."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"'{text}' is not a number of threads; give 1 or more")
    return int(text)


def _window(text: str | None) -> tuple[int, int, int, int] | None:
    """Read `x,y,w,h`."""
    from ..errors import RequestError

    if text is None:
        return None
    try:
        x, y, width, height = (int(part) for part in text.split(","))
    except ValueError as error:
        raise RequestError(f"'{text}' is not a window; write four whole numbers x,y,width,height.") from error
    return x, y, width, height
