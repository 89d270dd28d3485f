"""`hydranet branches`: does a land-cover decoder with branches beat the plain one?"""

from __future__ import annotations

import argparse
import sys
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
    from ..resources import default_bundle
    from ..training.branched.compare import as_table, compare

    def log(message: str) -> None:
        print(message, file=sys.stderr, flush=True)

    result = compare(args.data, folder, frozen, arms, seeds, plan, groups, log)
    print(as_table(result))
    if args.card:
        bundle = args.bundle or default_bundle()
        if not _record(bundle, result):
            log(f"{bundle} was not evaluated yet; its card is written by hydranet evaluate --card.")
            return 0
        print(bundle / "MODEL_CARD.md")
    return 0


def _record(folder: Path, result: dict) -> bool:
    """Put the comparison into model.json, and the card anew; False if there are no figures for one yet."""
    from ..bundle import check_weights, read_info, write_description
    from ..evaluation.card import write_card

    info = read_info(folder)
    check_weights(info)
    training = {**info.data["training"], "branched_landcover": result}
    info = write_description(folder, {**info.data, "training": training})
    if info.data["metrics"].get("split") is None:
        return False
    (folder / "MODEL_CARD.md").write_text(write_card(info, info.data["metrics"]), encoding="utf-8")
    return True
