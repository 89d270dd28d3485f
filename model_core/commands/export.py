"""`hydranet export`: a bundle as ONNX models, for programs without torch."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

NEEDED = ("onnx", "onnxruntime", "onnxscript")


def add_parser(subparsers: argparse._SubParsersAction) -> None:
    """Register the command."""
    parser = subparsers.add_parser(
        "export",
        help="write a bundle as ONNX models",
        description="Write encoder and switcher as one ONNX model and each expert as one, with a manifest "
        "that says how to route with them. Each is run by onnxruntime and compared with torch before it gets "
        "its name.",
    )
    parser.add_argument("--onnx", type=Path, metavar="FOLDER", help="new folder for the ONNX models")
    parser.add_argument("--bundle", type=Path, help="bundle folder (default: the bundled model)")
    parser.add_argument(
        "--experts", metavar="NAMES", help="such as water,clouds; 'scene' is the scene expert (default: all)"
    )
    parser.add_argument("--overwrite", action="store_true", help="replace an export of that name")


def run(args: argparse.Namespace) -> int:
    """Export, and say how large the files are and how far they are from torch."""
    from importlib.util import find_spec

    from ..errors import RequestError
    from ..resources import default_bundle

    if args.onnx is None:
        raise RequestError(
            "Nothing was said of what to export to; give --onnx FOLDER for ONNX models of encoder, switcher "
            "and experts."
        )
    experts = None if args.experts is None else [name.strip() for name in args.experts.split(",")]
    if missing := [name for name in NEEDED if find_spec(name) is None]:
        raise RequestError(
            f"ONNX models need {' and '.join(missing)}, which {'is' if len(missing) == 1 else 'are'} not "
            "installed; run pip install 'hydranet[onnx]'."
        )
    from ..onnx.export import export_onnx

    def log(message: str) -> None:
        print(message, file=sys.stderr, flush=True)

    found = export_onnx(
        args.bundle or default_bundle(), args.onnx, experts=experts, overwrite=args.overwrite, log=log
    )
    print(f"{'file':<32}{'MB':>6}  largest difference from torch, by output")
    for name, file in found["files"].items():
        outputs = found["check"]["files"][name]["outputs"]
        told = ", ".join(f"{output} {one['max_abs_error']:g}" for output, one in outputs.items())
        print(f"{name:<32}{file['bytes'] / 1e6:>6.2f}  {told}")
    print(f"{'total':<32}{sum(file['bytes'] for file in found['files'].values()) / 1e6:>6.2f}")
    tiles = found["check"]["tiles"]
    print(
        f"checked on {tiles['random']} made-up and {tiles['sample']} real tiles; how to route: manifest.json"
    )
    print(args.onnx)
    return 0
