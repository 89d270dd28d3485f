"""Several scenes at once through QGIS's own batch dialog: one warm worker, a run and a group for each."""

from __future__ import annotations

import json
from pathlib import Path

import rasterio
from rasterio.windows import Window

from .qgis_home import QgisHome
from .window import play

NAMES = ("shore", "marsh", "fields")


def _cut(sample: Path, folder: Path) -> list[Path]:
    """Three parts of the sample, side by side."""
    cuts = []
    with rasterio.open(sample) as whole:
        for number, name in enumerate(NAMES):
            window = Window(number * 330, 0, 320, 300)
            profile = {**whole.profile, "width": 320, "height": 300}
            profile["transform"] = whole.window_transform(window)
            cuts.append(folder / f"{name}.tif")
            with rasterio.open(cuts[-1], "w", **profile) as part:
                part.write(whole.read(window=window))
                part.descriptions, part.scales, part.offsets = whole.descriptions, whole.scales, whole.offsets
    return cuts


def test_three_scenes_in_the_batch_dialog_share_one_worker(
    home: QgisHome, sample: Path, tmp_path: Path
) -> None:
    folders = [tmp_path / f"run of {name}" for name in NAMES]
    rows = [
        {"INPUT": str(scene), "OUTPUT_FOLDER": str(folder)}
        for scene, folder in zip(_cut(sample, tmp_path), folders, strict=True)
    ]
    pictures = {name: str(tmp_path / f"{name}.png") for name in ("table_picture", "log_picture", "picture")}
    seen = play(home, "batch_scene:batch", {"rows": rows, **pictures}, tmp_path)

    assert seen["done"] == [str(folder) for folder in folders]
    assert seen["workers"][0] is not None
    assert len(set(seen["workers"])) == 1, "the worker was started anew for a row"
    assert seen["starts"] == 1
    assert "Traceback" not in seen["log"]
    for folder, scene in zip(folders, rows, strict=True):
        run = json.loads((folder / "run.json").read_text(encoding="utf-8"))
        assert run["status"] == "complete"
        assert run["request"]["input"] == scene["INPUT"]
        written = {str(folder / expert["output"]) for expert in run["experts"] if expert["output"]}
        assert written
        (group,) = [name for name in seen["groups"] if name.startswith(Path(scene["INPUT"]).stem)]
        assert written <= set(seen["groups"][group])
    assert len(seen["groups"]) == len(NAMES)
    assert seen["picture"]["colours"] > 300
    assert seen["exit_code"] == 0
    assert "Traceback" not in (tmp_path / "batch.log").read_text(errors="replace")
