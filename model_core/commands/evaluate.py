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
    """Print the figures; with --card also record them in the bundle."""
    from ..bundle import load_bundle
    from ..evaluation.card import policy_name, write_card
    from ..evaluation.evaluate import evaluate_experts, evaluate_router
    from ..evaluation.record import record_metrics, without_nan
    from ..resources import default_bundle
    from ..training.pack import load_chips, load_pack

    folder = args.bundle or default_bundle()
    model = load_bundle(folder, device="cpu", precision=args.precision)

    def log(message: str) -> None:
        print(message, file=sys.stderr, flush=True)

    scenes = load_pack(args.data, (args.split,))
    log(f"{len(scenes)} scenes of split {args.split}")
    metrics = {
        "split": args.split,
        "precision": args.precision,
        "router": evaluate_router(model, scenes + load_chips(args.data, (args.split,))),
        "experts": evaluate_experts(model, scenes, log),
    }
    router = metrics["router"]
    print(
        f"router    micro-F1 {router['micro_f1']:.3f}  macro-F1 {router['macro_f1']:.3f}  "
        f"recall@2 {router['recall_at']['2']:.3f}  ECE {router['ece']:.3f}  ({router['tiles']} tiles)"
    )
    for name, row in router["experts"].items():
        print(
            f"  {name:<15} precision {row['precision']:.3f}  recall {row['recall']:.3f}  "
            f"needed {row['needed']}  not {row['not_needed']}"
        )
    for row in router["policies"]:
        print(
            f"  {policy_name(row):<25} {row['experts_per_tile']:.2f} experts a tile, "
            f"{row['missed']} of {row['needed']} needed missed"
        )
    for name, entry in metrics["experts"].items():
        interval = f"{entry['low']:.3f} to {entry['high']:.3f}"
        print(f"{name:<15} {entry['metric']}: {entry['value']:.3f} ({interval}), {entry['scenes']} scenes")
        for source, row in entry["by_source"].items():
            print(f"  {source:<32} {row['value']:.3f}  {row['scenes']} scenes")
    if args.json:
        args.json.write_text(json.dumps(without_nan(metrics), indent=1) + "\n", encoding="utf-8")
    if args.card:
        info = record_metrics(folder, metrics)
        (folder / "MODEL_CARD.md").write_text(write_card(info, info.data["metrics"]), encoding="utf-8")
        print(folder / "MODEL_CARD.md")
    return 0
