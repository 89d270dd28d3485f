"""`python -m tests.bench [--output build/bench.json]`, which is what `make bench` runs."""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import tempfile
from pathlib import Path

import torch

from model_core import events
from model_core.bundle import load_bundle
from model_core.cli import quiet_libraries
from model_core.errors import HydraNetError
from model_core.resources import default_bundle, resource

from . import bench_predict
from .enlarge import enlarge


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--output", type=Path, help="where to write the measurements as JSON")
    parser.add_argument("--bundle", type=Path, help="another bundle than the one that comes along")
    parser.add_argument("--scene", type=Path, help="another scene than the sample")
    parser.add_argument("--bands", default="auto", help="bands of that scene")
    parser.add_argument("--times", type=int, default=3, help="copies of the scene each way (default: 3)")
    parser.add_argument("--rounds", type=int, default=5, help="how often every case is run (default: 5)")
    args = parser.parse_args()
    quiet_libraries()
    try:
        bundle = args.bundle or default_bundle()
        scene = args.scene or sorted(resource("sample").glob("*.tif"))[0]
        model = load_bundle(bundle)
        cases = bench_predict.cases_for(model)
        with tempfile.TemporaryDirectory() as folder:
            large = enlarge(scene, args.times, Path(folder) / scene.name)
            bench_predict.measure(
                model, large, args.bands, cases, args.rounds, lambda text: print(text, file=sys.stderr)
            )
    except HydraNetError as error:
        print(f"bench: {error}", file=sys.stderr)
        return 2
    rows = bench_predict.results(cases)
    print(f"{scene.name}, {rows[0]['tiles']} tiles, medians of {args.rounds} interleaved rounds")
    print(bench_predict.table(rows))
    ratios = bench_predict.ratios(rows)
    for name, value in ratios.items():
        print(f"{name} = {value:.2f}")
    if args.output:
        report = {
            "scene": scene.name,
            "times": args.times,
            "precision": model.precision,
            "model": {"id": model.id, "version": model.version, "sha256": model.sha256},
            "machine": {
                "system": platform.system(),
                "processor": platform.machine(),
                "cores": os.cpu_count(),
                "threads": torch.get_num_threads(),
            },
            "versions": events.versions(),
            "rounds": args.rounds,
            "ratios": ratios,
            "predict": rows,
        }
        args.output.parent.mkdir(parents=True, exist_ok=True)
        part = args.output.with_name(args.output.name + ".part")
        part.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
        part.replace(args.output)
        print(f"written to {args.output}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
