"""The story of a user in the real window, from a scene to a re-opened project."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import rasterio
from pyogrio import raw
from rasterio.features import rasterize
from shapely import from_wkb

from .qgis_home import ROOT, QgisHome
from .window import play

MAY_BLOCK_S = 0.1  # what nobody feels
THRESHOLDS = "water=0.45,landcover=0.45"  # so that a few tiles would take two experts
BUSY = 4.0  # on a machine that is busy with other things, times the gap of a QGIS that does nothing


def may_block(idle_s: float) -> float:
    return max(MAY_BLOCK_S, BUSY * idle_s)


def chosen_tiles(folder: Path) -> list[tuple[object, set[str]]]:
    """Each tile's polygon with the experts that decoded it."""
    meta, _, shapes, fields = raw.read(folder / "routing.gpkg", layer="tiles")
    chosen = fields[list(meta["fields"]).index("chosen")]
    return [
        (from_wkb(shape), set((names or "").split(","))) for shape, names in zip(shapes, chosen, strict=True)
    ]


def changed_pixels(before: Path, after: Path) -> np.ndarray:
    """Where two rasters differ, all bands and the mask; one that is not there has no data at all."""
    with rasterio.open(after) as new:
        values, mask = new.read(), new.read_masks(1) > 0
    if not before.is_file():
        return mask
    with rasterio.open(before) as old:
        was, had = old.read(), old.read_masks(1) > 0
    return (had != mask) | (mask & (was != values).any(axis=0))


def test_story_from_a_scene_to_a_reopened_project(home: QgisHome, sample: Path, tmp_path: Path) -> None:
    run, before = tmp_path / "run", tmp_path / "before"
    job = {"scene": sample, "run": run, "before": before, "pictures": tmp_path / "pictures"}
    job |= {"project": tmp_path / "story.qgz", "thresholds": THRESHOLDS}
    seen = play(home, "story_scene:story", {key: str(path) for key, path in job.items()}, tmp_path)
    may = may_block(seen["idle_gap_s"])
    was = json.loads((before / "run.json").read_text(encoding="utf-8"))
    now = json.loads((run / "run.json").read_text(encoding="utf-8"))

    assert seen["predict"]["ok"], seen["predict"]["log"]
    assert seen["predict"]["gap_s"] <= may, f"QGIS stood still, idle gap {seen['idle_gap_s']:.3f} s"
    assert seen["shown"]["tiles"] == was["tiles"]["total"]
    assert seen["shown"]["picture"]["colours"] > 300

    heat = seen["heat"]
    assert heat["legend_visible"] and heat["legend"]["colours"] > 10
    assert heat["map_changed"] > 0.05
    assert heat["imagery_changed"] > 0.02 and heat["back_changed"] > 0.02
    assert heat["picture"]["colours"] > 300

    assert seen["click"]["selected"] == seen["click"]["meant"]
    assert seen["click"]["bars"]["colours"] > 3
    assert seen["click"]["title"]

    assert seen["what_if"]["unchanged"] == 0
    assert 0 < len(seen["what_if"]["tiles"]) < was["tiles"]["total"]
    assert seen["what_if"]["can_start"] and seen["what_if"]["headline"] and seen["what_if"]["cost"]
    pairs = list(zip(chosen_tiles(before), chosen_tiles(run), strict=True))
    assert seen["what_if"]["tiles"] == [i for i, (old, new) in enumerate(pairs) if old[1] != new[1]]

    assert (was["policy"]["k"], now["policy"]["k"]) == (1, 2)
    assert seen["reroute"]["left_to_change"] == 0
    assert seen["reroute"]["layers_kept"] == seen["reroute"]["layers_before"]
    titles = {expert["title"] for expert in now["experts"] if expert["output"]}
    assert titles <= set(seen["reroute"]["layers"])

    opened = seen["opened"]
    assert Path(opened["run"]) == run
    assert opened["tiles"] == opened["tiles_before"]
    assert opened["layers"] == opened["layers_before"]
    assert opened["picture"]["colours"] > 300
    assert seen["exit_code"] == 0
    assert "Traceback" not in (tmp_path / "story.log").read_text(errors="replace")
    assert_only_rerouted_tiles_changed(before, run, now)
    assert_same_as_a_fresh_run(sample, run, now, tmp_path / "fresh")


def assert_only_rerouted_tiles_changed(before: Path, run: Path, now: dict) -> None:
    """An expert's pixels differ in the tiles that it was given or lost, and in the seams around them."""
    pairs = list(zip(chosen_tiles(before), chosen_tiles(run), strict=True))
    changed_somewhere = False
    for expert in (one for one in now["experts"] if one["output"]):
        name = expert["name"]
        changed = changed_pixels(before / expert["output"], run / expert["output"])
        with rasterio.open(run / expert["output"]) as raster:
            seam = now["request"]["overlap"] * raster.transform.a
            concerned = [
                old[0].buffer(seam, join_style="mitre")
                for old, new in pairs
                if (name in old[1]) != (name in new[1])
            ]
            allowed = (
                rasterize(concerned, raster.shape, transform=raster.transform, all_touched=True) > 0
                if concerned
                else np.zeros(raster.shape, bool)
            )
        assert not (changed & ~allowed).any(), f"{name} changed where it was not rerouted"
        changed_somewhere |= bool(changed.any())
    assert changed_somewhere


def assert_same_as_a_fresh_run(sample: Path, run: Path, now: dict, fresh: Path) -> None:
    """What was decoded later is, byte for byte, what a run with two experts a tile gives."""
    command = [sys.executable, "-m", "model_core", "predict", str(sample), str(fresh)]
    command += ["--top-k", "2", f"--thresholds={THRESHOLDS}"]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    for name in ["routing.gpkg", *(e["output"] for e in now["experts"] if e["output"])]:
        assert (run / name).read_bytes() == (fresh / name).read_bytes(), name


def test_worker_killed_on_the_way_is_an_error_and_the_next_run_works(
    home: QgisHome, sample: Path, tmp_path: Path
) -> None:
    job = {"scene": sample, "first": tmp_path / "first", "second": tmp_path / "second"}
    job |= {"picture": tmp_path / "alive.png"}
    seen = play(home, "story_scene:killed_worker", {key: str(path) for key, path in job.items()}, tmp_path)
    assert len(seen["killed"]) == 1
    assert not seen["failed"]["ok"]
    assert "worker" in seen["failed"]["log"], seen["failed"]["log"]
    assert "Traceback" not in seen["failed"]["log"]
    assert seen["alive"]["colours"] > 300
    assert seen["again"]["ok"], seen["again"]["log"]
    assert seen["pid"] not in (None, seen["killed"][0])
    assert (tmp_path / "second" / "run.json").is_file()
    assert seen["exit_code"] == 0
