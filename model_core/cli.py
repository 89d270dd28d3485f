"""The command `hydranet`: finds the sub-commands, runs one, turns errors into sentences."""

from __future__ import annotations

import argparse
import importlib
import logging
import os
import pkgutil
import sys
import warnings
from collections.abc import Sequence

from . import __version__, commands
from .errors import CancelledError, HydraNetError
from .libraries import cannot_import

FAILED = 2
CANCELLED = 130  # 128 + SIGINT, what a shell reports after Ctrl-C
BROKEN_PIPE = 141  # 128 + SIGPIPE: who read the output has gone, as in `hydranet info | head`


def parser() -> argparse.ArgumentParser:
    """The parser with every module of `commands` as a sub-command."""
    root = argparse.ArgumentParser(
        prog="hydranet", description="Expert networks for 8-band satellite images, with or without QGIS."
    )
    root.add_argument("--version", action="version", version=f"hydranet {__version__}")
    subparsers = root.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for found in sorted(pkgutil.iter_modules(commands.__path__), key=lambda module: module.name):
        module = importlib.import_module(f"{commands.__name__}.{found.name}")
        module.add_parser(subparsers)
    return root


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit status.

    That is 0, 2 for an error with a sentence, 130 if stopped, 141 if nobody reads the output any more.
    """
    args = parser().parse_args(argv)
    quiet_libraries()
    module = importlib.import_module(f"{commands.__name__}.{args.command}")
    try:
        code = int(module.run(args))
        sys.stdout.flush()  # here, not at exit, where an error could only be a traceback
        return code
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # for what is flushed at exit
        return BROKEN_PIPE
    except (CancelledError, KeyboardInterrupt) as stop:
        print(f"hydranet: {str(stop) or 'Stopped.'}", file=sys.stderr)
        return CANCELLED
    except HydraNetError as error:
        print(f"hydranet: {error}", file=sys.stderr)
        return FAILED
    except ModuleNotFoundError as error:
        print(f"hydranet: {cannot_import(error)}", file=sys.stderr)
        return FAILED


def quiet_libraries() -> None:
    """Errors reach the user as one sentence of ours; GDAL's own lines would only stand before it."""
    logging.getLogger("rasterio").addHandler(logging.NullHandler())
    logging.getLogger("pyogrio").addHandler(logging.NullHandler())
    warnings.filterwarnings("ignore", message="Dataset has no geotransform")
