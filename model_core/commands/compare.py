"""`hydranet compare`: the experts beside outside methods on the same pixels of the pack."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any


def add_parser(subparsers: argparse._SubParsersAction) -> None:
    """Register the command."""
    parser = subparsers.add_parser(
        "compare", help="set the experts beside outside methods (spectral indices, ukis-csmask)"
    )
    parser.add_argument("--data", required=True, type=Path, help="folder of the pack")
    # Not val: thresholds are chosen on it.
    parser.add_argument("--split", default="test", choices=("cal", "test"), help="default: test")
    parser.add_argument("--bundle", type=Path, help="bundle folder (default: the bundled model)")
    parser.add_argument("--precision", default="fp32", choices=("fp32", "bf16", "auto"), help="default: fp32")
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    parser.add_argument("--card", action="store_true", help="add the figures to the bundle and MODEL_CARD.md")
    parser.add_argument(
        "--pictures",
        type=Path,
        metavar="FOLDER",
        help="draw the experts' worst scenes there, image beside map, for your own eyes: "
        "most of the pack's images may not be passed on",
    )


def run(args: argparse.Namespace) -> int:
    """Print both sides of every comparison; with --card also record them in the bundle."""
    from ..bundle import load_bundle
    from ..evaluation.card import write_card
    from ..evaluation.outside import check_recordable, compare, record_outside
    from ..evaluation.record import without_nan
    from ..resources import default_bundle
    from ..training.pack import load_pack

    folder = args.bundle or default_bundle()
    if args.card:
        check_recordable(folder, args.split)  # before minutes of work, not after
    model = load_bundle(folder, device="cpu", precision=args.precision)

    def log(message: str) -> None:
        print(message, file=sys.stderr, flush=True)

    scenes = load_pack(args.data, (args.split,))
    log(f"{len(scenes)} scenes of split {args.split}")
    rows = compare(model, scenes, load_pack(args.data, ("val",)), log)
    for row in rows:
        print(row_text(row))
    if args.json:
        text = json.dumps(without_nan({"split": args.split, "outside": rows}), indent=1)
        args.json.write_text(text + "\n", encoding="utf-8")
    if args.pictures:
        from ..evaluation.pictures import failure_pictures

        for path in failure_pictures(model, scenes, args.pictures):
            print(path)
    if args.card:
        info = record_outside(folder, args.split, rows)
        (folder / "MODEL_CARD.md").write_text(write_card(info, info.data["metrics"]), encoding="utf-8")
        print(folder / "MODEL_CARD.md")
    return 0


def row_text(row: dict[str, Any]) -> str:
    """A comparison in one line."""
    head = f"{row['expert']:<14} {row['method']}"
    if not row["scenes"]:
        return f"{head}: {row['note']}"
    theirs, ours = (
        f"{part['value']:.3f} ({part['low']:.3f} to {part['high']:.3f})"
        for part in (row["theirs"], row["ours"])
    )
    which = ", hand labels only" if row["labels"] == "hand" else ""
    return f"{head}: {row['metric']} {theirs}, ours {ours}, {row['scenes']} scenes{which}"
