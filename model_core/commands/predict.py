"""`hydranet predict`: run the experts over a raster and write a run folder."""

from __future__ import annotations

import argparse
import signal
import sys
import threading
from typing import Any

POLICIES = ("threshold", "top-k")  # as in `routing`, which would import numpy here


def add_parser(subparsers: argparse._SubParsersAction) -> None:
    """Register the sub-command and its options."""
    parser = subparsers.add_parser("predict", help="run the experts over a raster")
    add = parser.add_argument
    add("input", help="the raster")
    add("output", help="the run folder")
    add("--bundle", help="folder of the model bundle (default: the one that comes along)")
    add("--bands", default="auto", help="auto, a sensor id, or blue=2,green=3,… (default: auto)")
    add("--radiometry", default="auto", help="auto, or how numbers become reflectance (default: auto)")
    add("--experts", metavar="A,B", help="only these experts (default: all)")
    add("--policy", choices=POLICIES, default="threshold", help="how experts are chosen (default: threshold)")
    add("--top-k", type=int, default=2, metavar="N", help="most experts per tile (default: 2)")
    add("--overlap", type=int, default=64, metavar="PX", help="pixels shared by tiles (default: 64)")
    add("--extent", metavar="XMIN,YMIN,XMAX,YMAX", help="part to cover, in the raster's CRS")
    add("--force-gsd", action="store_true", help="use experts outside their pixel sizes")
    add("--overwrite", action="store_true", help="replace a run in the output folder")
    add("--events", action="store_true", help="write events as JSON lines on standard output")


def params(args: argparse.Namespace) -> dict[str, Any]:
    """The arguments as the JSON form of a request."""
    return {
        "input": args.input,
        "output": args.output,
        "bundle": args.bundle,
        "bands": args.bands,
        "radiometry": args.radiometry,
        "experts": args.experts.split(",") if args.experts else None,
        "policy": args.policy,
        "top_k": args.top_k,
        "overlap": args.overlap,
        "extent": args.extent.split(",") if args.extent else None,
        "force_gsd": args.force_gsd,
        "overwrite": args.overwrite,
    }


def run(args: argparse.Namespace) -> int:
    """Predict; with `--events` speak in events, else show progress and a table."""
    stop = threading.Event()
    with _Signals(stop):
        if args.events:
            return _with_events(params(args), stop)
        return _with_progress(params(args), stop)


class _Signals:
    """Ctrl-C asks the run to stop, so that it cleans up; a second Ctrl-C insists."""

    def __init__(self, stop: threading.Event) -> None:
        self._stop = stop
        self._old: dict[int, Any] = {}

    def __enter__(self) -> None:
        if threading.current_thread() is not threading.main_thread():
            return
        for number in (signal.SIGINT, signal.SIGTERM):
            self._old[number] = signal.signal(number, self._ask)

    def __exit__(self, *_: object) -> None:
        for number, handler in self._old.items():
            signal.signal(number, handler)

    def _ask(self, number: int, _frame: object) -> None:
        if self._stop.is_set():
            raise KeyboardInterrupt
        self._stop.set()


def _with_events(request: dict[str, Any], stop: threading.Event) -> int:
    from .. import cli, events
    from ..jobs import run_job

    out = events.EventWriter(events.claim_stdout())
    if run_job(request, out.emit, lambda: stop.is_set() or out.broken.is_set()):
        return 0
    return cli.CANCELLED if stop.is_set() else cli.FAILED


def _with_progress(data: dict[str, Any], stop: threading.Event) -> int:
    from tqdm import tqdm

    from ..predict import predict
    from ..request import PredictRequest

    request = PredictRequest.from_json(data)
    # disable=None: a bar on a terminal only, never in a log file.
    with tqdm(desc="Reading the model", unit=" tiles", disable=None, file=sys.stderr) as bar:

        def show(event: dict[str, Any]) -> None:
            if event["event"] == "started":
                bar.total = event["total_tiles"]
                bar.set_description("Predicting")
            elif event["event"] == "progress":
                bar.update(event["done"] - bar.n)
                if event["message"].startswith("Finishing"):
                    bar.set_description(event["message"])
            elif event["event"] == "log":
                bar.write(f"hydranet: {event['level']}: {event['message']}", file=sys.stderr)

        summary = predict(request, show, stop.is_set)
    print(table(summary))
    return 0


def table(summary: dict[str, Any]) -> str:
    """The run in a few lines: tiles, share and file of every expert, and what was not done."""
    tiles, macs = summary["tiles"], summary["macs"]
    rows = [("expert", "tiles", "share", "file")]
    for expert in summary["experts"]:
        share = expert["tiles"] / max(tiles["total"], 1)
        note = expert["output"] or (f"({expert['skipped']})" if expert["skipped"] else "-")
        rows.append((expert["name"], str(expert["tiles"]), f"{share:.1%}", note))
    widths = [max(len(row[i]) for row in rows) for i in range(3)]
    lines = [
        f"{name:<{widths[0]}}  {count:>{widths[1]}}  {share:>{widths[2]}}  {note}"
        for name, count, share, note in rows
    ]
    lines.append(
        f"{tiles['total']} tiles: {tiles['routed']} routed, {tiles['abstained']} abstained, "
        f"{tiles['empty']} without data. {macs['saved_fraction']:.1%} of the multiply-accumulates of running "
        f"every expert saved. {summary['seconds']['total']:.1f} s."
    )
    lines.append(f"Run folder: {summary['request']['output']}")
    return "\n".join(lines)
