"""`hydranet predict`: run the experts over one raster or many and write run folders."""

from __future__ import annotations

import argparse
import os
import signal
import sys
import threading
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ..cluster.options import ClusterOptions
    from ..events import EventWriter
    from ..scene_list import SceneList

POLICIES = ("threshold", "top-k", "recall")  # as in `routing`, which would import numpy here
_INPUT_HELP = "a raster, a .SAFE folder, or a .txt list with one path per line; several may be given"
_OUTPUT_HELP = "the run folder; of several scenes or a list, the folder that gets a run folder for each"
_THRESHOLDS_HELP = "policy threshold: the score from which a tile goes to an expert (default: the bundle's)"
_OBJECTS_HELP = "least score of objects, 0 to 1 (default: the bundle's, class by class)"
_MEMORY_HELP = "memory for batches, queues and caches (default: by itself)"
_SCHEDULER_HELP = (
    "who does the work: local (processes on this machine), serial (this one), the address of a dask "
    "scheduler, or its JSON file (default: local for several scenes, else serial)"
)
_WORKERS_HELP = "processes of --scheduler local (default: one for each core)"
_STRIP_HELP = "cut higher scenes into strips of so many pixel rows (default: 4096 at most)"
_RETRIES_HELP = "further attempts if the network or a worker fails (default: 2)"
_MOSAIC_HELP = "of several scenes: lay the runs over each other at the end, as `hydranet mosaic` does"
_MISS_HELP = "policy recall: share of the tiles that need an expert which may be missed (default: 0.05)"


def add_parser(subparsers: argparse._SubParsersAction) -> None:
    """Register the sub-command and its options."""
    parser = subparsers.add_parser("predict", help="run the experts over one raster or many")
    add_options(parser)
    parser.add_argument(
        "--uncertainty", action="store_true", help="add bands of uncertainty to classes and probabilities"
    )
    parser.set_defaults(decode=True)


def add_options(parser: argparse.ArgumentParser) -> None:
    """What `predict` and `route` are told alike."""
    add = parser.add_argument
    add("input", nargs="+", help=_INPUT_HELP)
    add("output", help=_OUTPUT_HELP)
    add("--bundle", help="folder of the model bundle (default: the one that comes along)")
    add("--bands", default="auto", help="auto, a sensor id, or blue=2,green=3,… (default: auto)")
    add("--radiometry", default="auto", help="auto, or how numbers become reflectance (default: auto)")
    add("--experts", metavar="A,B", help="only these experts (default: all)")
    add_policy(parser)
    add("--overlap", type=int, default=64, metavar="PX", help="pixels shared by tiles (default: 64)")
    add("--extent", metavar="XMIN,YMIN,XMAX,YMAX", help="part to cover, in the raster's CRS")
    add("--mask", metavar="FILE", help="vector file; only what lies in its polygons is read")
    add("--object-score", type=float, metavar="SCORE", help=_OBJECTS_HELP)
    add("--force-gsd", action="store_true", help="use experts outside their pixel sizes")
    add("--skip-damaged", action="store_true", help="take parts that cannot be read for NoData")
    add("--overwrite", action="store_true", help="replace a run in the output folder")
    add("--resume", action="store_true", help="continue what an earlier call did not finish")
    add("--device", default="auto", help="auto, cpu, cuda or mps (default: auto)")
    add("--precision", default="auto", help="auto, fp32 or bf16 (default: auto)")
    add("--scheduler", metavar="WHERE", help=_SCHEDULER_HELP)
    add("--workers", type=int, metavar="N", help=_WORKERS_HELP)
    add("--strip-rows", type=int, metavar="PX", help=_STRIP_HELP)
    add("--retries", type=int, default=2, metavar="N", help=_RETRIES_HELP)
    add("--mosaic", action="store_true", help=_MOSAIC_HELP)
    add_manners(parser)


def add_policy(parser: argparse.ArgumentParser) -> None:
    """How experts are chosen."""
    add = parser.add_argument
    add("--policy", choices=POLICIES, default="threshold", help="how experts are chosen (default: threshold)")
    add("--top-k", type=int, default=2, metavar="N", help="most experts per tile (default: 2)")
    add("--miss-rate", type=float, default=0.05, metavar="SHARE", help=_MISS_HELP)
    add("--thresholds", metavar="A=SHARE,B=SHARE", help=_THRESHOLDS_HELP)


def add_manners(parser: argparse.ArgumentParser) -> None:
    """What changes no result."""
    add = parser.add_argument
    add("--threads", type=int, metavar="N", help="inference threads (default: one for each core)")
    add("--memory-mb", type=int, metavar="MB", help=_MEMORY_HELP)
    add("--events", action="store_true", help="write events as JSON lines on standard output")


def policy_params(args: argparse.Namespace) -> dict[str, Any]:
    """The policy as a request's JSON form has it."""
    from ..request import read_thresholds

    return {
        "policy": args.policy,
        "top_k": args.top_k,
        "miss_rate": args.miss_rate,
        "thresholds": None if args.thresholds is None else read_thresholds(args.thresholds),
    }


def params(args: argparse.Namespace) -> dict[str, Any]:
    """The arguments as the JSON form of a request; of several scenes, that of the first input."""
    return {
        "input": args.input[0],
        "output": args.output,
        "bundle": args.bundle,
        "bands": args.bands,
        "radiometry": args.radiometry,
        "experts": args.experts.split(",") if args.experts else None,
        **policy_params(args),
        "overlap": args.overlap,
        "extent": args.extent.split(",") if args.extent else None,
        "mask": args.mask,
        "uncertainty": args.uncertainty,
        "object_score": args.object_score,
        "decode": args.decode,
        "force_gsd": args.force_gsd,
        "skip_damaged": args.skip_damaged,
        "overwrite": args.overwrite,
        "resume": args.resume,
        "threads": args.threads,
        "memory_mb": args.memory_mb,
        "device": args.device,
        "precision": args.precision,
    }


def run(args: argparse.Namespace) -> int:
    """Predict, or only score; with `--events` speak in events, else show progress and a table."""
    from ..scene_list import expand

    stop = threading.Event()
    with Signals(stop):
        if args.events:
            return _with_events(args, stop)
        scenes = expand(args.input, args.output)
        options, note = _spread(args, scenes)
        if scenes.many:
            return _many_with_progress(args, scenes, options, note, stop)
        return _with_progress(params(args), options, stop)


def _spread(args: argparse.Namespace, scenes: SceneList) -> tuple[ClusterOptions, str | None]:
    """How the work is spread, and what the user should know of it; what cannot work is refused here."""
    from ..cluster.options import choose
    from .mosaic import check_flag

    check_flag(args.mosaic, scenes.many)
    return choose(
        args.scheduler, args.workers, args.strip_rows, args.retries,
        scenes=[scene.path for scene in scenes.scenes], device=args.device,
    )  # fmt: skip


class Signals:
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


def _with_events(args: argparse.Namespace, stop: threading.Event) -> int:
    from .. import cli, events
    from ..errors import CancelledError
    from ..jobs import explain
    from ..scene_list import expand

    out = events.EventWriter(events.claim_stdout())

    def ended() -> bool:
        return stop.is_set() or out.broken.is_set()

    try:
        data, scenes = params(args), expand(args.input, args.output)
        options, note = _spread(args, scenes)
        if scenes.many:
            return _many(args, scenes, options, note, out.emit, ended)[0]
        if not options.serial:
            _one(data, options, out.emit, ended)
            return 0
    except CancelledError:
        out.emit(events.cancelled())
        return cli.CANCELLED
    except Exception as error:  # as in `run_job`: whoever listens must hear that the job has ended
        out.emit(events.failed(*explain(error)))
        return cli.FAILED
    return job_code(data, out, stop, keep_on_cancel=True)


def job_code(data: dict[str, Any], out: EventWriter, stop: threading.Event, **options: Any) -> int:
    """Do a job that speaks in events; its exit status."""
    from .. import cli
    from ..jobs import run_job

    if run_job(data, out.emit, lambda: stop.is_set() or out.broken.is_set(), **options):
        return 0
    return cli.CANCELLED if stop.is_set() else cli.FAILED


def _with_progress(data: dict[str, Any], options: ClusterOptions, stop: threading.Event) -> int:
    from ..report import run_table
    from ..terminal import view

    show = view(sys.stderr, os.path.basename(data["input"].rstrip("/\\")))
    try:
        summary = _one(data, options, show, stop.is_set)
    finally:
        show.close()
    print_text(run_table(summary))
    return 0


def _one(data: dict[str, Any], options: ClusterOptions, emit: Any, cancelled: Any) -> dict[str, Any]:
    """Predict one scene: what run.json holds."""
    from ..predict import predict
    from ..request import PredictRequest

    request = PredictRequest.from_json(data)
    if options.serial:
        return predict(request, emit, cancelled, keep_on_cancel=True)
    from ..cluster.run import predict_one

    return predict_one(request, options, emit, cancelled)


def _many_with_progress(
    args: argparse.Namespace,
    scenes: SceneList,
    options: ClusterOptions,
    note: str | None,
    stop: threading.Event,
) -> int:
    from .. import cli
    from ..report import scenes_table
    from ..terminal import crowd_view, view

    show = view(sys.stderr, "") if options.serial else crowd_view(sys.stderr, len(scenes.scenes))
    try:
        code, outcome = _many(args, scenes, options, note, show, stop.is_set)
    finally:
        show.close()
    print_text(scenes_table(outcome, scenes.output))
    if code == cli.CANCELLED:
        print(f"hydranet: {outcome.stopped}", file=sys.stderr)
    return code


def _many(
    args: argparse.Namespace,
    scenes: SceneList,
    options: ClusterOptions,
    note: str | None,
    emit: Any,
    cancelled: Any,
) -> tuple[int, Any]:
    """Predict many scenes: the exit status and the outcome."""
    from .. import cli, events, many
    from ..request import PredictRequest

    request = PredictRequest.from_json(params(args))
    if note is not None:
        emit(events.log("info", note))
    if options.serial:
        outcome = many.predict_many(scenes, request, emit, cancelled, retries=options.retries)
    else:
        from ..cluster import run

        outcome = run.predict_many(scenes, request, options, emit, cancelled)
    if outcome.stopped is not None:
        emit(events.cancelled())
        return cli.CANCELLED, outcome
    failed = outcome.failed
    if args.mosaic and any(row.status in (many.DONE, many.SKIPPED) for row in outcome.rows):
        from .mosaic import lay_over

        failed = not lay_over(scenes.output, emit) or failed
    return (cli.FAILED if failed else 0), outcome


def print_text(text: str) -> None:
    """Print paths too that standard output has no characters for."""
    encoding = sys.stdout.encoding or "utf-8"
    print(text.encode(encoding, "backslashreplace").decode(encoding))
