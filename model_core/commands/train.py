"""`hydranet train`: train the bundled model from a data pack."""

from __future__ import annotations

import argparse
import importlib
import pkgutil
import sys
from pathlib import Path

from ..errors import RequestError
from ..training import commands as parts


def add_parser(subparsers: argparse._SubParsersAction) -> None:
    """Register the command, with what else can be trained below it."""
    parser = subparsers.add_parser("train", help="train encoder, experts and switcher from a data pack")
    parser.add_argument("--data", type=Path, help="folder of the pack (catalog.csv, scenes, labels)")
    parser.add_argument(
        "--run", type=Path, help="run folder; an unfinished run in it is continued (default: a new one)"
    )
    parser.add_argument("--runs", type=Path, default=Path("runs"), help="where new runs go (default: runs)")
    parser.add_argument(
        "--from", dest="start", type=Path, help="bundle whose weights the training starts from"
    )
    parser.add_argument("--quick", action="store_true", help="minutes instead of hours: to see that it works")
    parser.add_argument("--threads", type=int, default=0, help="CPU threads (default: all)")
    parser.add_argument("--install", action="store_true", help="make the new bundle the default one")
    others = parser.add_subparsers(
        dest="what", metavar="WHAT", title="parts that are trained on their own (default: the whole bundle)"
    )
    for found in sorted(pkgutil.iter_modules(parts.__path__), key=lambda module: module.name):
        importlib.import_module(f"{parts.__name__}.{found.name}").add_parser(others)


def run(args: argparse.Namespace) -> int:
    """Train, resuming where a stopped run left off."""
    if args.what:
        return int(importlib.import_module(f"{parts.__name__}.{args.what}").run(args))
    if args.data is None:
        raise RequestError("No data pack was given; add --data FOLDER.")
    import torch

    from ..training.framework.run_folder import logged, new_run
    from ..training.pipeline import train_bundle
    from ..training.recipe import FULL, QUICK

    if args.threads:
        torch.set_num_threads(args.threads)
    folder = args.run or new_run(args.runs)
    with logged(folder, lambda line: print(line, file=sys.stderr, flush=True)) as log:
        log(f"run folder {folder}; to continue it after a stop: hydranet train --data … --run {folder}")
        info = train_bundle(args.data, folder, QUICK if args.quick else FULL, log, start=args.start)
    print(info.folder)
    if args.install:
        from ..resources import ROOT
        from ..training.install import install_bundle

        print(install_bundle(info.folder, ROOT / "resources" / "bundle"))
    return 0
