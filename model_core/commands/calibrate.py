"""`hydranet calibrate`: give a bundle the scores behind the recall policy, without training it again."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path


def add_parser(subparsers: argparse._SubParsersAction) -> None:
    """Register the command."""
    parser = subparsers.add_parser(
        "calibrate", help="score a pack's calibration split for the recall policy; no weight changes"
    )
    parser.add_argument("--data", required=True, type=Path, help="folder of the pack")
    parser.add_argument("--bundle", type=Path, help="bundle folder (default: the bundled model)")


def run(args: argparse.Namespace) -> int:
    """Write the scores into the bundle and print how many there are."""
    from ..resources import default_bundle
    from ..training.held_out import held_out
    from ..training.recall import SPLIT, add_needed_scores

    info = add_needed_scores(args.bundle or default_bundle(), held_out(args.data, SPLIT))
    basis = info.data["training"]["recall"]["experts"]
    for expert in [one for one in info.experts if one.name in basis]:
        row = basis[expert.name]
        print(f"{expert.name:<15} {row['tiles']:>5} tiles that need it, from {row['scenes']} scenes")
    print(f"{info.folder}: now write its card anew with hydranet evaluate --card", file=sys.stderr)
    return 0
