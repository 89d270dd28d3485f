"""`hydranet reroute`: give a finished run another policy, decoding only what it lacks."""

from __future__ import annotations

import argparse
import os
import sys
import threading
from typing import Any

from . import predict


def add_parser(subparsers: argparse._SubParsersAction) -> None:
    """Register the sub-command and its options."""
    parser = subparsers.add_parser(
        "reroute",
        help="give a finished run another policy",
        description="Make a finished run what it would be with another policy, decoding only what it lacks. "
        "The policy is told whole: what is left out is not the run's but the default.",
    )
    parser.add_argument("run", help="the run folder")
    predict.add_policy(parser)
    predict.add_manners(parser)


def params(args: argparse.Namespace) -> dict[str, Any]:
    """The arguments as the JSON form of a request."""
    return {
        "run": args.run,
        **predict.policy_params(args),
        "threads": args.threads,
        "memory_mb": args.memory_mb,
    }


def run(args: argparse.Namespace) -> int:
    """Reroute; with `--events` speak in events, else show progress and a table."""
    stop = threading.Event()
    with predict.Signals(stop):
        return _with_events(args, stop) if args.events else _with_progress(args, stop)


def _with_events(args: argparse.Namespace, stop: threading.Event) -> int:
    from .. import cli, events
    from ..errors import HydraNetError

    out = events.EventWriter(events.claim_stdout())
    try:
        data = params(args)
    except HydraNetError as error:
        out.emit(events.failed(type(error).__name__, str(error)))
        return cli.FAILED
    return predict.job_code(data, out, stop, method="reroute")


def _with_progress(args: argparse.Namespace, stop: threading.Event) -> int:
    from ..report import run_table
    from ..reroute import RerouteRequest, reroute
    from ..terminal import view

    request = RerouteRequest.from_json(params(args))
    show = view(sys.stderr, os.path.basename(os.path.abspath(request.run)))
    try:
        summary = reroute(request, show, stop.is_set)
    finally:
        show.close()
    predict.print_text(run_table(summary))
    return 0
