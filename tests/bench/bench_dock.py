"""How long the dock keeps QGIS's window waiting with a run of 20,000 tiles.

QGIS runs in a process of its own (`dock_inside`): it and torch do not share one.
"""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from model_core.resources import ROOT

from .many_tiles import write_many
from .setting import Setting
from .timing import figure, spread

GRID = (125, 160)
AT_MOST = 100.0  # milliseconds, from where on one notices that one waits
BESIDE = {
    "dock_read_ms": "reading them from the run folder, in a thread of its own",
    "dock_columns_ms": "working out what the table shows, in the same thread",
}
WAITED_FOR = {
    "dock_open_ms": "adding the run to the project, until they are being read",
    "dock_block_ms": "longest wait while they are read and shown",
    "dock_show_ms": "showing them",
    "dock_sort_ms": "sorting by score",
    "dock_filter_ms": "filtering to those nearly chosen for one expert",
    "dock_select_ms": "selecting one and showing its scores",
    "dock_what_if_ms": "what another policy changes, worked out",
    "dock_what_if_open_ms": "the page 'What if' coming to the front for the first time",
    "dock_what_if_move_ms": "what another policy changes, shown in the page and on the map",
}
# The launcher's own libraries must not come to QGIS.
UNSET = ("PROJ_DATA", "PROJ_LIB", "GDAL_DATA", "QGIS_PREFIX_PATH", "QGIS_PLUGINPATH")


def run(setting: Setting, grid: tuple[int, int] = GRID) -> dict[str, Any]:
    """Make the run, then do in the dock what an analyst does."""
    if importlib.util.find_spec("qgis") is None:
        return {"figures": {}, "details": {"skipped": "this Python does not see QGIS"}}
    setting.say(f"making a run of {grid[0] * grid[1]:,} tiles")
    folder = setting.folder / "many"
    summary = write_many(folder, setting.model.experts, *grid)
    setting.say("asking QGIS")
    found = measure(folder / "run", setting.rounds, setting.folder)
    return {
        "figures": figures(found["milliseconds"], found["tiles"], found["experts"]),
        "details": {**found, "outcomes": summary["tiles"]},
    }


def measure(run_folder: Path, rounds: int, work: Path) -> dict[str, Any]:
    """What `dock_inside` measured in a QGIS without a screen.

    Raises:
        RuntimeError: it failed; this says how.
    """
    result, home = work / "dock.json", work / "home"
    home.mkdir(mode=0o700, exist_ok=True)
    env = {key: value for key, value in os.environ.items() if key not in UNSET}
    env.update(QT_QPA_PLATFORM="offscreen", HOME=str(home), XDG_RUNTIME_DIR=str(home))
    done = subprocess.run(
        [sys.executable, "-m", "tests.bench.dock_inside", str(run_folder), str(rounds), str(result)],
        cwd=ROOT, env=env, capture_output=True, text=True,
    )  # fmt: skip
    if done.returncode != 0 or not result.is_file():
        raise RuntimeError(f"the dock failed ({done.returncode}): {done.stderr.strip()[-500:]}")
    return json.loads(result.read_text(encoding="utf-8"))


def figures(milliseconds: dict[str, list[float]], tiles: int, experts: int) -> dict[str, Any]:
    """Medians, with a goal for what the window waits for."""
    size = f"the dock with {tiles:,} tiles x {experts} experts, in ms"
    found = {}
    for name, what in {**BESIDE, **WAITED_FOR}.items():
        goal = AT_MOST if name in WAITED_FOR else None
        found[name] = figure(spread(milliseconds[name]), f"{size}: {what}", at_most=goal)
    return found
