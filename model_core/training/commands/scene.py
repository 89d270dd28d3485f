"""`hydranet train scene`: train the scene expert on a bundle's frozen encoder."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from ..framework.options import Options, add_arguments, from_arguments

DEFAULTS = Options(
    epochs=24,
    batch_size=64,
    weight_decay=0.05,
    patience=24,
    model_name="scene",
    # The gate has targets of its own, and a tile of several classes needs several branches: neither loss is
    # asked for.
    diversity_weight=0.0,
    balance_weight=0.0,
)


def add_parser(subparsers: argparse._SubParsersAction) -> None:
    """Register the command."""
    parser = subparsers.add_parser(
        "scene", help="the scene expert: one class for a whole tile, by branches on the frozen encoder"
    )
    parser.add_argument("--data", required=True, type=Path, help="folder of the pack")
    parser.add_argument("--bundle", type=Path, help="bundle to add it to (default: the bundled model)")
    parser.add_argument(
        "--run", type=Path, help="run folder; an unfinished run in it is continued (default: a new one)"
    )
    parser.add_argument("--runs", type=Path, default=Path("runs"), help="where new runs go (default: runs)")
    parser.add_argument(
        "--branches-run",
        dest="k",
        type=int,
        help="branches that run for a tile (default: as many as pay on the validation split)",
    )
    parser.add_argument("--threads", type=int, default=0, help="CPU threads (default: all)")
    add_arguments(parser, DEFAULTS)


def run(args: argparse.Namespace) -> int:
    """Train what is left, and write the bundle with the scene expert into the run folder."""
    import torch

    from ...errors import RequestError
    from ...resources import default_bundle
    from ..framework.run_folder import logged, new_run
    from ..scene.pipeline import train_scene

    if args.k is not None and args.k < 1:
        raise RequestError(f"--branches-run is {args.k}; give 1 or more.")
    options = from_arguments(args, DEFAULTS)
    if args.threads:
        torch.set_num_threads(args.threads)
    folder = args.run or new_run(args.runs)
    with logged(folder, lambda line: print(line, file=sys.stderr, flush=True)) as log:
        log(f"run folder {folder}; to continue it after a stop: hydranet train scene --data … --run {folder}")
        info = train_scene(args.data, args.bundle or default_bundle(), folder, options, log, k=args.k)
    print(info.folder)
    return 0
