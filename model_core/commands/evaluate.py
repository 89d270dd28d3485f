"""`hydranet evaluate`: outputs against a reference layer, or a bundle on a split of the pack."""

from __future__ import annotations

import argparse
import json
import sys
import threading
from pathlib import Path
from typing import Any

from . import predict

_OF_REFERENCE = ("reference", "out", "expert", "field", "layer", "classes", "background", "area")


def add_parser(subparsers: argparse._SubParsersAction) -> None:
    """Register the command."""
    parser = subparsers.add_parser(
        "evaluate",
        help="compare a class raster or a run with a reference, or score a bundle on the data pack",
        description="With INPUT: compare a class raster, or an expert's raster of a run folder, with "
        "polygons or another class raster, and write a report with its tables. With --data: score a bundle "
        "on a split of the data pack, and write its model card.",
    )
    add = parser.add_argument
    add("input", nargs="?", metavar="INPUT", help="a class raster, or a run folder")
    own = parser.add_argument_group("against a reference")
    own.add_argument("--reference", metavar="FILE", help="polygons or a class raster, of any CRS")
    own.add_argument("--out", metavar="FOLDER", help="folder of the report")
    own.add_argument("--expert", metavar="NAME", help="of a run folder: whose raster (default: the only one)")
    own.add_argument("--layer", metavar="NAME", help="of a vector file (default: the first with polygons)")
    own.add_argument("--field", metavar="NAME", help="of polygons: the class (default: all are class 1)")
    own.add_argument(
        "--class",
        dest="classes",
        action="append",
        metavar="VALUE=CLASS",
        help="what a value of the reference means: a class of the input by value or name, or 'unknown' for "
        "what is not compared; once for each value",
    )
    own.add_argument(
        "--background", metavar="CLASS", help="of what lies in no polygon (default: not compared)"
    )
    own.add_argument("--area", metavar="FILE", help="polygons; only what lies inside is compared")
    own.add_argument(
        "--share",
        type=float,
        metavar="SHARE",
        help="of a run folder: a tile needs the expert from this share of content (default: 0.01)",
    )
    own.add_argument("--overwrite", action="store_true", help="replace a report in the output folder")
    own.add_argument("--threads", type=int, metavar="N", help="default: one for each core")
    own.add_argument("--events", action="store_true", help="write events as JSON lines on standard output")
    pack = parser.add_argument_group("on the data pack")
    pack.add_argument("--data", type=Path, help="folder of the pack")
    pack.add_argument("--split", default="test", choices=("val", "cal", "test"), help="default: test")
    pack.add_argument("--bundle", type=Path, help="bundle folder (default: the bundled model)")
    pack.add_argument("--precision", default="fp32", choices=("fp32", "bf16", "auto"), help="default: fp32")
    pack.add_argument("--json", type=Path, help="write the figures to this file")
    pack.add_argument(
        "--card", action="store_true", help="write the figures and MODEL_CARD.md into the bundle"
    )


def run(args: argparse.Namespace) -> int:
    """Compare with a reference, or print every figure of a bundle."""
    from ..errors import RequestError

    given = [name for name in _OF_REFERENCE if getattr(args, name) is not None]
    if args.data is not None:
        if args.input is not None or given:
            raise RequestError(
                "An input or a reference and --data were given; give INPUT with --reference to compare, or "
                "--data alone to score a bundle."
            )
        return _on_pack(args)
    if args.input is None or args.reference is None or args.out is None:
        raise RequestError(
            "INPUT, --reference and --out are needed to compare with a reference, or --data to score a "
            "bundle; give one or the other."
        )
    stop = threading.Event()
    with predict.Signals(stop):
        return _with_events(args, stop) if args.events else _with_progress(args, stop)


def params(args: argparse.Namespace) -> dict[str, Any]:
    """The arguments of a comparison as the JSON form of a request.

    Raises:
        RequestError: --class is no VALUE=CLASS, or a value is given twice.
    """
    data = {
        "input": args.input,
        "output": args.out,
        "reference": args.reference,
        "expert": args.expert,
        "layer": args.layer,
        "field": args.field,
        "classes": None if args.classes is None else _classes(args.classes),
        "background": args.background,
        "area": args.area,
        "overwrite": args.overwrite,
        "threads": args.threads,
    }
    return data if args.share is None else {**data, "share": args.share}


def _classes(texts: list[str]) -> dict[str, str]:
    from ..errors import RequestError

    found: dict[str, str] = {}
    for text in texts:
        value, sign, meaning = text.partition("=")
        if not sign or not meaning.strip() or value.strip() in found:
            raise RequestError(
                f"'{text}' does not say what a value means; write each value once, as in --class '3=water'."
            )
        found[value.strip()] = meaning.strip()
    return found


def _with_events(args: argparse.Namespace, stop: threading.Event) -> int:
    from .. import cli, events
    from ..errors import HydraNetError

    out = events.EventWriter(events.claim_stdout())
    try:
        data = params(args)
    except HydraNetError as error:
        out.emit(events.failed(type(error).__name__, str(error)))
        return cli.FAILED
    return predict.job_code(data, out, stop, method="evaluate")


def _with_progress(args: argparse.Namespace, stop: threading.Event) -> int:
    from tqdm import tqdm

    from ..evaluation.reference.evaluate import evaluate_reference
    from ..evaluation.reference.request import EvaluateRequest
    from ..evaluation.reference.text import summary_text

    request = EvaluateRequest.from_json(params(args)).absolute()
    # disable=None: a bar on a terminal only, never in a log file.
    with tqdm(desc="Comparing", unit=" parts", disable=None, file=sys.stderr) as bar:

        def show(event: dict[str, Any]) -> None:
            if event["event"] == "started":
                bar.reset(total=event["total_tiles"])
            elif event["event"] == "progress":
                bar.update(event["done"] - bar.n)
            elif event["event"] == "log":
                bar.write(f"hydranet: {event['level']}: {event['message']}", file=sys.stderr)

        summary = evaluate_reference(request, show, stop.is_set)
    predict.print_text(summary_text(summary, request.output))
    return 0


def _on_pack(args: argparse.Namespace) -> int:
    """Print every figure, as the card has it; with --card also record them in the bundle."""
    from ..bundle import load_bundle
    from ..evaluation.card import write_card
    from ..evaluation.record import without_nan
    from ..evaluation.report import CARD_FILE, measure, write_bundle_card
    from ..resources import default_bundle

    folder = args.bundle or default_bundle()
    model = load_bundle(folder, device="cpu", precision=args.precision)

    def log(message: str) -> None:
        print(message, file=sys.stderr, flush=True)

    metrics = measure(model, args.data, args.split, log)
    told = without_nan(metrics)
    if args.json:
        args.json.write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")
    if args.card:
        info = write_bundle_card(folder, model, metrics, args.data)
        print((folder / CARD_FILE).read_text(encoding="utf-8"))
        print(f"{info.folder / CARD_FILE} written", file=sys.stderr)
    else:
        print(write_card(model.info, told))
    return 0
