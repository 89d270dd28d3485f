"""`hydranet evaluate`: score a bundle on a split of the pack, and write its model card."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path


def add_parser(subparsers: argparse._SubParsersAction) -> None:
    """Register the command."""
    parser = subparsers.add_parser("evaluate", help="score a bundle on a split of the data pack")
    parser.add_argument("--data", required=True, type=Path, help="folder of the pack")
    parser.add_argument("--split", default="test", choices=("val", "cal", "test"), help="default: test")
    parser.add_argument("--bundle", type=Path, help="bundle folder (default: the bundled model)")
    parser.add_argument("--precision", default="fp32", choices=("fp32", "bf16", "auto"), help="default: fp32")
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    parser.add_argument(
        "--card", action="store_true", help="write the figures and MODEL_CARD.md into the bundle"
    )


def run(args: argparse.Namespace) -> int:
    """Print every figure, as the card has it; with --card also record them in the bundle."""
    from ..bundle import load_bundle
    from ..evaluation.card import write_card
    from ..evaluation.record import without_nan
    from ..evaluation.report import CARD_FILE, measure, write_bundle_card
    from ..resources import default_bundle

    folder = args.bundle or default_bundle()
    model = load_bundle(folder, device="cpu", precision=args.precision)

    def log(message: str) -> None:
        print(message, file=sys.stderr, flush=True)

    metrics = measure(model, args.data, args.split, log)
    told = without_nan(metrics)
    if args.json:
        args.json.write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")
    if args.card:
        info = write_bundle_card(folder, model, metrics, args.data)
        print((folder / CARD_FILE).read_text(encoding="utf-8"))
        print(f"{info.folder / CARD_FILE} written", file=sys.stderr)
    else:
        print(write_card(model.info, told))
    return 0
