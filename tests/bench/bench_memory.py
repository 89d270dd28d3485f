"""Peak memory of `hydranet predict`, a process of its own, on scenes of rising size: it must stay flat."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from model_core.resources import ROOT

from .enlarge import repeat
from .setting import Setting
from .timing import figure

K = 2
PEAK = Path(__file__).with_name("peak.py")


def run(setting: Setting) -> dict[str, Any]:
    """Make a scene of each size, predict, note peak and time, remove both again."""
    if not hasattr(os, "wait4"):
        return {"figures": {}, "details": {"skipped": "this system does not tell a process's peak memory"}}
    rows = []
    for size in setting.sizes:
        setting.say(f"making a scene of {size} x {size} pixels")
        scene = repeat(setting.scenes[0], size, size, setting.folder / f"scene_{size}.tif")
        setting.say(f"predicting it ({scene.stat().st_size / 1e6:.0f} MB)")
        output = setting.folder / f"run_{size}"
        row = predict_alone(scene, output, setting)
        rows.append(row)
        setting.say(
            f"{row['peak_rss_mb']:.0f} MB at most, {row['seconds']:.1f} s, {row['tiles_per_second']} tiles/s"
        )
        scene.unlink()
        shutil.rmtree(output)
    return {"figures": figures(rows), "details": {"runs": rows, "k": K, "workers": setting.threads}}


def predict_alone(scene: Path, output: Path, setting: Setting) -> dict[str, Any]:
    """One run of the command line with its defaults, but k = 2 on every tile.

    Raises:
        RuntimeError: the run failed; it says how.
    """
    command = [
        sys.executable, "-m", "model_core", "predict", str(scene), str(output), f"--bundle={setting.bundle}",
        f"--bands={setting.bands}", "--policy=top-k", f"--top-k={K}", "--force-gsd",
    ]  # fmt: skip
    launch = [sys.executable, "-I", "-S", str(PEAK), *command]
    done = subprocess.run(launch, cwd=ROOT, capture_output=True, text=True, check=True)
    row = json.loads(done.stdout)
    if row.pop("code") != 0:
        raise RuntimeError(f"predict failed on {scene.name}: {done.stderr.strip()[-500:]}")
    summary = json.loads((output / "run.json").read_text(encoding="utf-8"))
    tiles = summary["tiles"]["total"]
    inside = summary["seconds"]["total"]
    return {
        "width": summary["scene"]["width"],
        "height": summary["scene"]["height"],
        "tiles": tiles,
        **row,
        "run_seconds": inside,
        "tiles_per_second": round(tiles / inside, 1),
        "parts": summary["seconds"],
    }


def figures(rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Peak by size, how flat it is, and the time of the largest scene."""
    found = {}
    for row in rows:
        size = f"{row['width']:,} x {row['height']:,}"
        found[f"peak_rss_mb_{row['width']}"] = figure(
            row["peak_rss_mb"],
            f"peak memory of `hydranet predict` in MB, {size} pixels of 8 bands",
            at_most=1500,
        )
    peaks = [row["peak_rss_mb"] for row in rows]
    if len(rows) > 1:
        found["peak_rss_flatness"] = figure(
            round(max(peaks) / min(peaks), 4), "largest peak over smallest", at_most=1.1
        )
    largest = max(rows, key=lambda row: row["tiles"])
    size = f"{largest['width']:,} x {largest['height']:,}"
    found["largest_scene_seconds"] = figure(
        largest["seconds"], f"seconds of the whole command, start included, {size} pixels, k = {K}"
    )
    found["largest_scene_tiles_per_second"] = figure(
        largest["tiles_per_second"], f"tiles a second of that run, {size} pixels, k = {K}"
    )
    return found
