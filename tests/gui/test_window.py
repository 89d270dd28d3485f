"""The plugin in the real QGIS with a window, as a user meets it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from .qgis_home import QgisHome
from .window import Screen, WindowError, play


def test_plugin_loads_into_the_window_and_leaves_cleanly(home: QgisHome, tmp_path: Path) -> None:
    seen = play(home, "empty", {"picture": str(tmp_path / "empty.png")}, tmp_path)
    assert "hydranet_qgis" in seen["active"]
    assert "hydranet" in seen["providers"]
    assert (seen["picture"]["width"], seen["picture"]["height"]) == (1600, 1000)
    assert seen["picture"]["colours"] > 100
    assert seen["exit_code"] == 0
    assert "Traceback" not in (tmp_path / "empty.log").read_text(errors="replace")


def test_user_runs_the_algorithm_and_sees_layers_and_dock(
    home: QgisHome, sample: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "run"
    job = {
        "scene": str(sample),
        "parameters": {"OUTPUT_FOLDER": str(folder), "ROUTING": "TEMPORARY_OUTPUT"},
        "picture": str(tmp_path / "window.png"),
        "dock_picture": str(tmp_path / "dock.png"),
    }
    seen = play(home, "predict", job, tmp_path)
    run = json.loads((folder / "run.json").read_text(encoding="utf-8"))
    titles = {expert["title"] for expert in run["experts"] if expert["output"]}
    shown = {layer["name"]: layer for layer in seen["layers"]}
    assert titles, "no tile of the sample was routed to an expert"
    assert titles | {"Scene"} <= set(shown)
    assert all(layer["valid"] for layer in shown.values())
    assert any(layer["provider"] == "ogr" for layer in shown.values()), "the routing layer is not shown"
    assert seen["result"]["TILES"] == run["tiles"]["total"]
    assert seen["map_changed"] > 0.02  # the results cover something of the map
    assert seen["rows"] == run["tiles"]["total"]
    assert seen["foreign"] == []  # all that is heavy stays in the worker's process
    assert seen["scene_colours"] > 1000  # the scene under them is drawn in natural colours
    assert seen["picture"]["colours"] > 300
    assert seen["dock_picture"]["colours"] > 20
    assert seen["exit_code"] == 0
    assert "Traceback" not in (tmp_path / "predict.log").read_text(errors="replace")


def test_scene_that_fails_is_told_with_its_error(home: QgisHome, tmp_path: Path) -> None:
    with pytest.raises(WindowError, match=r"nowhere\.tif is no raster"):
        play(home, "show_runs", {"runs": [{"scene": "nowhere.tif"}]}, tmp_path)


def test_two_screens_stand_side_by_side_and_end(tmp_path: Path) -> None:
    first, second = Screen(tmp_path / "1.log"), Screen(tmp_path / "2.log")
    try:
        assert first.display != second.display
    finally:
        first.close()
        second.close()
    for screen in (first, second):
        assert screen.process.poll() is not None
        assert not Path(f"/tmp/.X11-unix/X{screen.display[1:]}").exists()  # noqa: S108
