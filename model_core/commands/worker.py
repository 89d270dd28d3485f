"""`hydranet worker`: what QGIS starts; speaks JSON lines on standard input and output."""

from __future__ import annotations

import argparse
import sys


def add_parser(subparsers: argparse._SubParsersAction) -> None:
    """Register the sub-command."""
    subparsers.add_parser("worker", help="serve requests on standard input (started by the QGIS plugin)")


def run(args: argparse.Namespace) -> int:
    """Serve until standard input ends."""
    from ..worker import main

    return main(sys.stdin.buffer)
