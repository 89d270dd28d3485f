"""`python -m tests.bench [--output build/bench.json]`, which is what `make bench` runs."""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from model_core.budget import cores
from model_core.cli import quiet_libraries
from model_core.errors import HydraNetError
from model_core.resources import default_bundle, resource

from . import (
    bench_cluster,
    bench_dock,
    bench_experts,
    bench_grouping,
    bench_memory,
    bench_objects,
    bench_overhead,
    bench_own,
    bench_precision,
    bench_roofline,
    bench_routing,
    bench_separate,
    bench_uncertainty,
    report,
)
from .setting import Setting

CASES = {
    "experts": bench_experts,
    "grouping": bench_grouping,
    "separate": bench_separate,
    "overhead": bench_overhead,
    "roofline": bench_roofline,
    "precision": bench_precision,
    "memory": bench_memory,
    "routing": bench_routing,
    "uncertainty": bench_uncertainty,
    "objects": bench_objects,
    "cluster": bench_cluster,
    "own": bench_own,
    "dock": bench_dock,
}
OUTPUT = Path("build/bench.json")
QUICK_SIZES = (1024, 2048)


def parser() -> argparse.ArgumentParser:
    """The options."""
    root = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    add = root.add_argument
    add("--output", type=Path, default=OUTPUT, help=f"the measurements as JSON (default: {OUTPUT})")
    add("--markdown", action="store_true", help="measure nothing, print README's table from that file")
    add("--only", type=_names, metavar="A,B", help=f"only these cases of {', '.join(CASES)}; others are kept")
    add("--rounds", type=_positive, help="how often every case is run (default: 7)")
    add("--quick", action="store_true", help="1 round on small scenes: does it work, not how fast it is")
    add("--times", type=_positive, help="copies of the first sample scene each way (default: 4)")
    add("--threads", type=_positive, help="inference threads (default: one for each core)")
    add("--sizes", type=_sizes, metavar="N,N", help="edges of the scenes for peak memory, in pixels")
    add("--data", type=Path, help="the training pack: compare precisions on its test split too")
    add("--bundle", type=Path, help="another bundle than the one that comes along")
    add("--scenes", type=Path, nargs="+", help="other scenes than the samples")
    add("--bands", default="auto", help="bands of these scenes")
    return root


def main(argv: Sequence[str] | None = None) -> int:
    """Measure and report; 2 for an error with a sentence."""
    args = parser().parse_args(argv)
    old = report.read(args.output)
    if args.markdown:
        if old is None:
            print(f"bench: no measurements in {args.output}; run `make bench` first.", file=sys.stderr)
            return 2
        print(report.markdown(old))
        return 0
    quiet_libraries()
    names = args.only or list(CASES)
    try:
        with tempfile.TemporaryDirectory(prefix="hydranet-bench-") as folder:
            setting = setting_from(args, Path(folder))
            found = measure(setting, names)
            new = report.new_report(setting.model, setting.threads, cores(), found)
    except HydraNetError as error:
        print(f"bench: {error}", file=sys.stderr)
        return 2
    if args.only and old is not None:
        new = report.merged(new, old)
    report.write(new, args.output)
    print(report.table(new))
    print(f"written to {args.output}")
    return 0


def measure(setting: Setting, names: Sequence[str]) -> dict[str, Any]:
    """Run the cases; each result says how it was measured."""
    found = {}
    for name in (name for name in CASES if name in names):
        setting.say(f"{name}: {(CASES[name].__doc__ or '').splitlines()[0]}")
        begin = time.perf_counter()
        found[name] = CASES[name].run(setting)
        found[name]["rounds"] = setting.rounds
        found[name]["took_seconds"] = round(time.perf_counter() - begin, 1)
    return found


def setting_from(args: argparse.Namespace, folder: Path) -> Setting:
    """The options with their defaults."""
    return Setting(
        bundle=args.bundle or default_bundle(),
        scenes=tuple(args.scenes or sorted(resource("sample").glob("*.tif"))),
        folder=folder,
        rounds=args.rounds or (1 if args.quick else 7),
        times=args.times or (2 if args.quick else 4),
        patches=5 if args.quick else 16,
        threads=args.threads or cores(),
        sizes=args.sizes or (QUICK_SIZES if args.quick else Setting.sizes),
        data=args.data,
        bands=args.bands,
        say=lambda text: print(text, file=sys.stderr, flush=True),
    )


def _names(text: str) -> list[str]:
    names = text.split(",")
    unknown = sorted(set(names) - set(CASES))
    if unknown:
        raise argparse.ArgumentTypeError(f"no case '{unknown[0]}'; there are {', '.join(CASES)}")
    return names


def _positive(text: str) -> int:
    if not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"'{text}'; expected a whole number of at least 1")
    return int(text)


def _sizes(text: str) -> tuple[int, ...]:
    return tuple(_positive(one) for one in text.split(","))


if __name__ == "__main__":
    sys.exit(main())
