"""`hydranet train hydra`: an ensemble of decoders for an expert, distilled into one with a head for each."""

from __future__ import annotations

import argparse
from pathlib import Path


def add_parser(subparsers: argparse._SubParsersAction) -> None:
    """Register the command."""
    parser = subparsers.add_parser(
        "hydra", help="train an ensemble of decoders for an expert and distil it into one with many heads"
    )
    parser.add_argument("--data", required=True, type=Path, help="folder of the pack")
    parser.add_argument(
        "--expert", required=True, help="expert of the bundle, or some separated by commas, such as water"
    )
    parser.add_argument(
        "--members", type=int, help="decoders of the ensemble and heads of the expert (default: 5)"
    )
    parser.add_argument("--bundle", type=Path, help="bundle to start from (default: the bundled model)")
    parser.add_argument(
        "--run", type=Path, help="run folder; an unfinished run in it is continued (default: a new one)"
    )
    parser.add_argument("--runs", type=Path, default=Path("runs"), help="where new runs go (default: runs)")
    parser.add_argument("--seed", type=int, help="seed of everything random (default: 100)")
    parser.add_argument("--quick", action="store_true", help="minutes instead of hours: to see that it works")
    parser.add_argument("--threads", type=int, default=0, help="CPU threads (default: all)")


def run(args: argparse.Namespace) -> int:
    """Train, resuming where a stopped run left off, and print the folder of the new bundle."""
    from dataclasses import replace

    from ...resources import default_bundle
    from ..framework.command import echo, use_threads
    from ..framework.run_folder import logged, new_run
    from ..hydra.pipeline import train_hydra
    from ..hydra.recipe import FULL, QUICK

    use_threads(args.threads)
    given = {name: getattr(args, name) for name in ("members", "seed") if getattr(args, name) is not None}
    recipe = replace(QUICK if args.quick else FULL, **given)
    names = [name.strip() for name in args.expert.split(",") if name.strip()]
    folder = args.run or new_run(args.runs)

    with logged(folder, echo) as log:
        log(f"run folder {folder}; to continue it after a stop: hydranet train hydra … --run {folder}")
        info = train_hydra(args.data, args.bundle or default_bundle(), folder, names, recipe, log)
    print(info.folder)
    return 0
