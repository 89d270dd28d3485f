"""`hydranet branches`: does a land-cover decoder with branches beat the plain one?"""

from __future__ import annotations

import argparse
from pathlib import Path

from ..training.commands.branched import add_options, prepared


def add_parser(subparsers: argparse._SubParsersAction) -> None:
    """Register the command."""
    parser = subparsers.add_parser(
        "branches", help="compare land-cover decoders with branches and the plain one; trains what is missing"
    )
    parser.add_argument("--data", required=True, type=Path, help="folder of the pack")
    add_options(parser)
    parser.add_argument(
        "--card", action="store_true", help="write the comparison and MODEL_CARD.md into the bundle"
    )


def run(args: argparse.Namespace) -> int:
    """Print the comparison; with --card also record it in the bundle."""
    folder, frozen, arms, seeds, plan, groups = prepared(args)
    from ..evaluation.record import record_comparison
    from ..resources import default_bundle
    from ..training.branched.compare import as_table, compare
    from ..training.framework.command import echo

    result = compare(args.data, folder, frozen, arms, seeds, plan, groups, echo)
    print(as_table(result))
    if args.card:
        bundle = args.bundle or default_bundle()
        if not record_comparison(bundle, "branched_landcover", result):
            echo(f"{bundle} was not evaluated yet; its card is written by hydranet evaluate --card.")
            return 0
        print(bundle / "MODEL_CARD.md")
    return 0
