"""Small real scenes, what a run is but for the clock, and tasks that misbehave or wait on purpose."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any
from unittest import mock

import rasterio
from rasterio.windows import Window

from model_core.cluster import tasks
from model_core.resources import resource
from model_core.rundir import RunFolder

TIMES = ("created", "seconds")
"""All that may differ in run.json between one process and many; of experts `seconds` too."""


def crops(folder: Path, number: int) -> list[str]:
    """Crops of the sample scene of 1 or 2 tiles, each from another place."""
    folder.mkdir()
    paths = []
    with rasterio.open(resource("sample", "coast_10m.tif")) as source:
        for n in range(number):
            height = 256 + 40 * (n % 3 == 0)
            window = Window(37 * n % (source.width - 256), 29 * n % (source.height - height), 256, height)
            paths.append(str(folder / f"s{n:02d}.tif"))
            profile = {**source.profile, "height": height, "width": 256}
            with rasterio.open(
                paths[-1], "w", **{**profile, "transform": source.window_transform(window)}
            ) as crop:
                crop.write(source.read(window=window))
                crop.descriptions = source.descriptions
                crop.update_tags(**source.tags())
                for band in source.indexes:
                    crop.update_tags(band, **source.tags(band))
    return paths


def results(folder: Path) -> dict[str, bytes]:
    """Every file of a folder of runs, without what tells of the clock and of where the folder is."""
    found = {}
    for path in sorted(path for path in folder.rglob("*") if path.is_file() and path.name != "summary.csv"):
        content = path.read_bytes()
        if path.name == "run.json":
            run = json.loads(content)
            for name in TIMES:
                del run[name]
            for expert in run["experts"]:
                del expert["seconds"]
            run["request"]["output"] = run["command"] = None
            content = json.dumps(run).encode()
        found[str(path.relative_to(folder))] = content
    return found


def deadly(task: dict[str, Any]) -> dict[str, Any]:
    """The second scene ends its worker, each time."""
    if task["scene"][0] == 2:
        os._exit(9)
    return tasks.work_scene(task)


def dying(task: dict[str, Any]) -> dict[str, Any]:
    """Each scene ends its worker once: at its raster, at the last move, or with only the journal left."""
    once = Path(task["request"]["output"]).with_suffix(".died")
    if once.exists():
        return tasks.work_scene(task)
    target = os.path.join(task["request"]["output"], "run.json")
    replace, empty = os.replace, RunFolder._empty_journal

    def die(*_: Any) -> None:
        once.touch()
        os._exit(9)

    def move(source: Any, to: Any) -> None:
        die() if os.fspath(to) == target else replace(source, to)

    def end(folder: RunFolder) -> None:
        die() if folder._committed else empty(folder)

    points = [("model_core.predict.write_raster", die), ("os.replace", move)]
    points.append(("model_core.rundir.RunFolder._empty_journal", end))
    with mock.patch(*points[task["scene"][0] % 3]):
        return tasks.work_scene(task)


def lasting(task: dict[str, Any]) -> None:
    """Works until it is stopped, for a minute at most; says so in files beside the run folder."""
    folder, stopped = Path(task["request"]["output"]), tasks._stopping(task)
    folder.with_suffix(".begun").touch()
    end = time.monotonic() + 60
    while not stopped() and time.monotonic() < end:
        time.sleep(0.05)
    if stopped():
        folder.with_suffix(".ended").touch()
