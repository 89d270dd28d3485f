"""`make shots`: the pictures of README and guide, taken from the real window with the bundled model's run.

All are taken and looked at before the first of the old ones is replaced.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path
from typing import Any

from demo import DemoError, run_sample, sample_scenes, shorter
from PIL import Image
from stage import stage
from tree import ROOT

from hydranet_qgis.setup.pip_command import requirements_hash
from hydranet_qgis.setup.store import Pointer, Store
from tests.gui.qgis_home import QgisHome
from tests.gui.window import WindowError, play

IMAGES = ROOT / "resources" / "help" / "images"
SAMPLE = ROOT / "resources" / "sample"
LABELS = ("coast_water.geojson", "coast_area.geojson")
MODEL = ROOT / "resources" / "models" / "water_polygons.model3"
MADE = "20260101-090000"  # name of the environment
COLOURS = 256  # enough for a screen with a map, at a third of the bytes
MAX_BYTES = 1_500_000  # of the whole folder; the plugin's zip carries it
# How many colours a picture has at least, if it shows what it should; without a map there are fewer.
LEAST = {
    **dict.fromkeys(("main_window", "first_run", "heatmap", "what_if", "exporttiles", "training"), 300),
    **dict.fromkeys(("dock", "summary", "batch", "model", "environment"), 40),
}
LEAST_CHANGE = {"heatmap": 0.2, "what_if": 0.005}  # share of the map


def shrink(source: Path, target: Path) -> None:
    """Write a picture with fewer colours."""
    with Image.open(source) as picture:
        # Of Pillow's ways the one that keeps the few pixels of a legend's colours.
        way = Image.Quantize.MAXCOVERAGE
        picture.convert("RGB").quantize(COLOURS, way, kmeans=1).save(target, optimize=True)


def equip(home: QgisHome) -> None:
    """Give the profile a private environment, as Set up makes it, of this one."""
    store = Store(home.profiles / "profiles" / "default")
    store.environments.mkdir(parents=True)
    (store.environments / MADE).symlink_to(sys.prefix)
    python = ".".join(map(str, sys.version_info[:3]))
    made = requirements_hash(ROOT / "resources" / "worker-requirements.txt")
    store.point_to(Pointer(MADE, python, version("torch"), "2026-01-01T00:00:00Z", made))


def check(seen: dict[str, Any]) -> None:
    """Refuse pictures that are missing, or show next to nothing.

    Raises:
        DemoError: which, and why.
    """
    for name, least in LEAST.items():
        found = seen["pictures"].get(name, {}).get("colours", 0)
        if found < least:
            raise DemoError(f"the picture '{name}' has {found} colours, at least {least} were expected.")
    for name, least in LEAST_CHANGE.items():
        if seen["map_changed"][name] < least:
            raise DemoError(
                f"the map of '{name}' looks like that of the results; see tests/gui/shots_scene.py."
            )


def shoot(home: QgisHome, folder: Path) -> None:
    """Take all pictures into `folder`."""
    user = home.folder / "home"
    (user / "scenes").mkdir()
    scenes = [Path(shutil.copy(scene, user / "scenes")) for scene in sample_scenes()]
    run = user / "runs" / scenes[0].stem
    run.parent.mkdir()
    run_sample(home, scenes[0], run)
    job: dict[str, Any] = {"scenes": [str(scene) for scene in scenes], "run": str(run), "model": str(MODEL)}
    job |= {"pictures": str(folder), "profiles": str(home.profiles)}
    seen = play(home, "shots_scene:shots", job, folder)
    for name in LABELS:
        shutil.copy(SAMPLE / name, user / "scenes")
    own = {"scene": str(scenes[0]), "pictures": str(folder), "work": str(user)}
    seen["pictures"] |= play(home, "shots_own:shots_own", own, folder)["pictures"]
    check(seen)


def replace(folder: Path) -> None:
    """Put smaller copies of the pictures in `folder` in the place of the old ones.

    Raises:
        DemoError: the pictures of the guide would be too much for the plugin's zip.
    """
    IMAGES.mkdir(parents=True, exist_ok=True)
    small = {IMAGES / f"{name}.png": folder / f"{name}.small.png" for name in LEAST}
    for target, source in small.items():
        shrink(folder / target.name, source)
    others = [path for path in IMAGES.iterdir() if path not in small]
    size = sum(path.stat().st_size for path in [*small.values(), *others])
    if size > MAX_BYTES:
        raise DemoError(f"the pictures have {size:,} bytes together, at most {MAX_BYTES:,} are wanted.")
    for target, source in small.items():
        shutil.move(source, target)
        print(f"{shorter(target)}  {target.stat().st_size / 1024:.0f} KiB")


def main() -> int:
    """Take the pictures; 1 with one sentence if something is missing."""
    try:
        with QgisHome(stage(), python="") as home, tempfile.TemporaryDirectory(dir=ROOT / "build") as taken:
            equip(home)
            shoot(home, Path(taken))
            replace(Path(taken))
    except (DemoError, WindowError, OSError) as error:
        print(f"shots: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
