"""`hydranet ablate`: short trainings with one thing changed each, compared on the validation split."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path


def add_parser(subparsers: argparse._SubParsersAction) -> None:
    """Register the command."""
    parser = subparsers.add_parser(
        "ablate", help="compare short trainings that differ in one thing, on the validation split"
    )
    parser.add_argument("--data", required=True, type=Path, help="folder of the pack")
    parser.add_argument(
        "--run", type=Path, help="run folder; its unfinished arms are continued (default: a new one)"
    )
    parser.add_argument("--runs", type=Path, default=Path("runs"), help="where new runs go (default: runs)")
    parser.add_argument(
        "--arms",
        default="plain,warm-up,equal-weights,stated-licences",
        help="names separated by commas (default: %(default)s; there is other-seed too)",
    )
    parser.add_argument("--steps", type=int, help="training steps of every arm (default: minutes an arm)")
    parser.add_argument("--threads", type=int, default=0, help="CPU threads (default: all)")
    parser.add_argument("--bundle", type=Path, help="bundle for --card (default: the bundled model)")
    parser.add_argument(
        "--card", action="store_true", help="write the comparison and MODEL_CARD.md into the bundle"
    )


def run(args: argparse.Namespace) -> int:
    """Run what is left of the arms and print their table; with --card also record it in the bundle."""
    import torch

    from ..evaluation.record import record_comparison
    from ..resources import default_bundle
    from ..training.ablation import STEPS, as_table, budget, run_ablation
    from ..training.framework.run_folder import new_run

    def log(message: str) -> None:
        print(message, file=sys.stderr, flush=True)

    if args.threads:
        torch.set_num_threads(args.threads)
    plain = budget(STEPS if args.steps is None else args.steps)
    folder = args.run or new_run(args.runs)
    log(f"run folder {folder}; to continue it after a stop: hydranet ablate --data … --run {folder}")
    arms = [name.strip() for name in args.arms.split(",") if name.strip()]
    entries = run_ablation(args.data, folder, log, arms=arms, plain=plain)
    print(as_table(entries))
    if args.card:
        bundle = args.bundle or default_bundle()
        rows = [{key: value for key, value in entry.items() if key != "recipe"} for entry in entries]
        if not record_comparison(bundle, "ablations", rows):
            log(f"{bundle} was not evaluated yet; its card is written by hydranet evaluate --card.")
            return 0
        print(bundle / "MODEL_CARD.md")
    return 0
