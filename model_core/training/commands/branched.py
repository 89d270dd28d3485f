"""`hydranet train branched`: land-cover decoders with branches, beside the plain one."""

from __future__ import annotations

import argparse
from pathlib import Path

NUMBERS = ("steps", "batch", "branches")
"""Numbers of the plan that options set."""


def add_parser(subparsers: argparse._SubParsersAction) -> None:
    """Register the command."""
    parser = subparsers.add_parser(
        "branched",
        help="train land-cover decoders with branches, and the plain one, on the bundle's frozen encoder",
    )
    parser.add_argument("--data", required=True, type=Path, help="folder of the pack")
    add_options(parser)


def add_options(parser: argparse.ArgumentParser) -> None:
    """What this command shares with `hydranet branches`, all but --data."""
    parser.add_argument("--bundle", type=Path, help="bundle with the encoder (default: the bundled model)")
    parser.add_argument(
        "--run", type=Path, help="run folder; what is unfinished in it is continued (default: a new one)"
    )
    parser.add_argument("--runs", type=Path, default=Path("runs"), help="where new runs go (default: runs)")
    parser.add_argument(
        "--arms",
        default="plain,one-branch,two-branches,one-branch-random",
        help="decoders separated by commas (default: %(default)s)",
    )
    parser.add_argument(
        "--seeds", default="100,101", help="numbers separated by commas (default: %(default)s)"
    )
    parser.add_argument("--steps", type=int, help="training steps of every decoder (default: 600)")
    parser.add_argument("--batch-size", dest="batch", type=int, help="crops a step (default: 16)")
    parser.add_argument("--branches", type=int, help="groups of classes (default: 3)")
    parser.add_argument("--threads", type=int, default=1, help="CPU threads (default: 1)")


def run(args: argparse.Namespace) -> int:
    """Train what is missing."""
    prepared(args)
    return 0


def prepared(args: argparse.Namespace):
    """Train what is missing; returns the run folder, the frozen part, arms, seeds, plan and groups.

    Raises:
        RequestError: a bad argument, no pack, or a run folder of another comparison.
    """
    from ...resources import default_bundle
    from ..branched.arms import Plan, chosen_arms
    from ..branched.frozen import load_frozen
    from ..branched.train import train_arms
    from ..framework.command import echo, use_threads
    from ..framework.run_folder import logged, new_run

    arms = chosen_arms([name.strip() for name in args.arms.split(",") if name.strip()])
    seeds = _seeds(args.seeds)
    plan = Plan(**{name: getattr(args, name) for name in NUMBERS if getattr(args, name) is not None})
    use_threads(args.threads)
    frozen = load_frozen(args.bundle or default_bundle())
    folder = args.run or new_run(args.runs)
    with logged(folder, echo) as log:
        log(f"run folder {folder}; to continue it after a stop, give --run {folder}")
        groups = train_arms(args.data, folder, frozen, arms, seeds, plan, log)
    return folder, frozen, arms, seeds, plan, groups


def _seeds(text: str) -> list[int]:
    from ...errors import RequestError

    parts = [part.strip() for part in text.split(",") if part.strip()]
    if not parts or not all(part.isdecimal() and int(part) < 2**31 for part in parts):
        raise RequestError(f"--seeds is '{text}'; give numbers from 0 to {2**31 - 1}, such as 100,101.")
    return list(dict.fromkeys(int(part) for part in parts))
