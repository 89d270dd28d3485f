"""`hydranet train finetune`: train an expert of a bundle further on tiles of one's own."""

from __future__ import annotations

import argparse

from ..own.command import add_options, train


def add_parser(subparsers: argparse._SubParsersAction) -> None:
    """Register the command."""
    parser = subparsers.add_parser("finetune", help="an expert of the bundle further, on tiles of one's own")
    parser.add_argument("expert", help="name of the expert, and of the task in the tiles")
    parser.add_argument(
        "--as",
        dest="task",
        metavar="TASK",
        help="task of the tiles that has another name: the old expert stays, and one of that name is added",
    )
    add_options(parser)


def run(args: argparse.Namespace) -> int:
    """Train, write the new bundle, and print the figures."""
    return train(args, "finetune", expert=args.task or args.expert, tune=args.expert if args.task else None)
