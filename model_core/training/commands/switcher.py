"""`hydranet train switcher`: train the switcher's rows further on tiles of one's own."""

from __future__ import annotations

import argparse

from ..own.command import add_options, train


def add_parser(subparsers: argparse._SubParsersAction) -> None:
    """Register the command."""
    parser = subparsers.add_parser(
        "switcher", help="the switcher's scores, on tiles of one's own: for the experts that these tell about"
    )
    add_options(parser)


def run(args: argparse.Namespace) -> int:
    """Train, write the new bundle, and print the figures."""
    return train(args, "switcher")
