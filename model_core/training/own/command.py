"""What `hydranet train switcher`, `expert` and `finetune` share: options, Ctrl-C, and the final table."""

from __future__ import annotations

import argparse
import signal
import sys
import threading
from collections.abc import Mapping
from typing import Any


def add_options(parser: argparse.ArgumentParser) -> None:
    """Options of every training on tiles of one's own."""
    add = parser.add_argument
    add("--tiles", required=True, metavar="FOLDER", help="the routerset, see `hydranet tiles`")
    add("--out", required=True, metavar="FOLDER", help="folder of the new bundle")
    add("--bundle", metavar="FOLDER", help="bundle that is extended (default: the one that comes along)")
    add("--seconds", type=float, metavar="S", help="train for so long at most (default: no limit)")
    add("--epochs", type=int, metavar="N", help="epochs at most (default: what suits)")
    add("--seed", type=int, default=0, metavar="N", help="of everything random (default: 0)")
    add("--threads", type=int, metavar="N", help="CPU threads (default: one for each core)")
    add("--overwrite", action="store_true", help="replace a bundle in the output folder")
    add("--resume", action="store_true", help="continue a training that was stopped")


def train(args: argparse.Namespace, what: str, **more: str | None) -> int:
    """Train, show how it goes, and print what came of it.

    Args:
        args: as `add_options` has them.
        what: of the request.
        more: further parts of the request.
    """
    from ...commands.predict import print_text
    from ...errors import RequestError
    from .request import TrainRequest

    if any((args.data, args.run, args.start, args.quick, args.install)):
        raise RequestError(
            f"hydranet train {what} takes no --data, --run, --from, --quick or --install; give --tiles and "
            "--out."
        )
    request = TrainRequest(
        what=what, tiles=args.tiles, output=args.out, bundle=args.bundle, seconds=args.seconds,
        epochs=args.epochs, seed=args.seed, threads=args.threads or None, overwrite=args.overwrite,
        resume=args.resume, **more,
    )  # fmt: skip
    from .train import train_own

    with Presses() as presses:
        summary = train_own(request, Lines(), presses.cancelled.is_set, presses.enough.is_set)
    print_text(table(summary))
    return 0


class Presses:
    """Ctrl-C once: it is enough, keep the best. Twice: stop, to be resumed. A third time insists."""

    def __init__(self) -> None:
        self.enough, self.cancelled = threading.Event(), threading.Event()
        self._old: dict[int, Any] = {}

    def __enter__(self) -> Presses:
        if threading.current_thread() is threading.main_thread():
            self._old[signal.SIGINT] = signal.signal(signal.SIGINT, self._pressed)
            self._old[signal.SIGTERM] = signal.signal(signal.SIGTERM, self._ended)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._old.items():
            signal.signal(number, handler)

    def _pressed(self, _number: int, _frame: object) -> None:
        if self.cancelled.is_set():
            raise KeyboardInterrupt
        if self.enough.is_set():
            self.cancelled.set()
            return
        self.enough.set()
        sys.stderr.write("hydranet: ending with the best so far; press Ctrl-C again to stop\n")

    def _ended(self, _number: int, _frame: object) -> None:
        self.cancelled.set()


class Lines:
    """Writes a line for each stage, epoch and sentence to standard error."""

    def __init__(self) -> None:
        self._stage = ""

    def __call__(self, event: Mapping[str, Any]) -> None:
        """Show one event."""
        if event["event"] == "log":
            level = "" if event["level"] == "info" else f"{event['level']}: "
            self._say(level + event["message"])
        elif event["event"] == "progress":
            stage = event["message"].split(",")[0]
            if stage != self._stage:
                self._stage = stage
                self._say(stage)

    def _say(self, text: str) -> None:
        sys.stderr.write(f"hydranet: {text}\n")
        sys.stderr.flush()


def table(summary: Mapping[str, Any]) -> str:
    """What a training came to, for a terminal."""
    lines = [
        f"{summary['what']}: {summary['epochs']} epochs, the best was {summary['best_epoch']} "
        f"(ended by {summary['stopped']}), {summary['seconds']:.0f} s"
    ]
    figures = summary["figures"]
    if summary["what"] != "switcher":
        lines.append(f"{'class':<24}{'val IoU':>9}{'val F1':>9}{'test IoU':>10}{'test F1':>9}")
        test = {row["value"]: row for row in (figures["test"] or {"classes": []})["classes"]}
        for row in (figures["val"] or {"classes": []})["classes"]:
            other = test.get(row["value"], {})
            cells = (row["iou"], row["f1"], other.get("iou"), other.get("f1"))
            lines.append(f"{row['name']:<24}" + "".join(map(_cell, cells, (9, 9, 10, 9))))
    if summary["router"]:
        lines.append(
            f"{'switcher':<16}{'split':>6}{'precision':>11}{'recall':>8}{'AP':>8}{'needed':>8}{'not':>6}"
        )
    for name, report in summary["router"].items():
        for split in ("val", "test"):
            if row := report[split]:
                cells = (row["precision"], row["recall"], row["average_precision"])
                counts = f"{row['needed']:>8}{row['not_needed']:>6}"
                lines.append(f"{name:<16}{split:>6}" + "".join(map(_cell, cells, (11, 8, 8))) + counts)
    lines += [f"{len(summary['kept'])} parts of the former bundle are the same bits."]
    return "\n".join([*lines, f"Bundle: {summary['bundle']} ({summary['id']})"])


def _cell(value: float | None, width: int) -> str:
    return f"{'-' if value is None else format(value, '.3f'):>{width}}"
