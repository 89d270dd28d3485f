"""`make shots`: the pictures of README and help, taken from the real window with the bundled model's run."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from demo import DemoError, run_sample, sample_scenes, shorter
from PIL import Image
from stage import stage
from tree import ROOT

from tests.gui.qgis_home import QgisHome
from tests.gui.window import WindowError, play

IMAGES = ROOT / "resources" / "help" / "images"
COLOURS = 256  # enough for a screen with a map, at a third of the bytes


def shrink(source: Path, target: Path) -> None:
    """Write a picture with fewer colours; the plugin's zip carries it."""
    with Image.open(source) as picture:
        picture.convert("RGB").quantize(COLOURS).save(target, optimize=True)


def main() -> int:
    """Take the pictures; 1 with one sentence if something is missing."""
    try:
        scene = sample_scenes()[0]
        IMAGES.mkdir(parents=True, exist_ok=True)
        with QgisHome(stage()) as home, tempfile.TemporaryDirectory(dir=ROOT / "build") as taken:
            folder = Path(taken)
            run_sample(home, scene, folder / "run")
            names = {"picture": "main_window.png", "dock_picture": "dock.png"}
            job = {"scene": str(scene), "run": str(folder / "run")}
            job |= {key: str(folder / name) for key, name in names.items()}
            play(home, "show_runs", {"runs": [job]}, folder)
            for name in names.values():
                shrink(folder / name, IMAGES / name)
                print(f"{shorter(IMAGES / name)}  {(IMAGES / name).stat().st_size / 1024:.0f} KiB")
    except (DemoError, WindowError, OSError) as error:
        print(f"shots: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
