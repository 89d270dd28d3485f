"""`hydranet train expert`: add an expert that is trained on tiles of one's own."""

from __future__ import annotations

import argparse

from ..own.command import add_options, train


def add_parser(subparsers: argparse._SubParsersAction) -> None:
    """Register the command."""
    parser = subparsers.add_parser("expert", help="a new expert for a task of tiles of one's own")
    parser.add_argument("task", help="name of the task in the tiles; the expert gets the same name")
    parser.add_argument(
        "--like", metavar="EXPERT", help="expert of the bundle to start from (default: from scratch)"
    )
    add_options(parser)


def run(args: argparse.Namespace) -> int:
    """Train, write the new bundle, and print the figures."""
    return train(args, "expert", expert=args.task, like=args.like)
