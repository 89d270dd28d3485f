"""`hydranet route`: score the tiles of one raster or many, and run no expert."""

from __future__ import annotations

import argparse

from . import predict


def add_parser(subparsers: argparse._SubParsersAction) -> None:
    """Register the sub-command and its options."""
    parser = subparsers.add_parser(
        "route",
        help="score tiles without running the experts",
        description="Score every tile and decide where it would go: run.json and routing.gpkg, no rasters. "
        "`hydranet reroute` runs the experts later, on the tiles that its policy chooses.",
    )
    predict.add_options(parser)
    parser.set_defaults(decode=False, uncertainty=False)


def run(args: argparse.Namespace) -> int:
    """Score; shows what `predict` shows."""
    return predict.run(args)
