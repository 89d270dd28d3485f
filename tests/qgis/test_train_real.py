"""The real worker trains on a tiny routerset: the new bundle is known, and `predict` routes to its expert."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from qgis.core import QgsSettings

from hydranet_qgis import bundles, environment, worker_client
from hydranet_qgis.run_folder import read_run
from hydranet_qgis.training import sessions
from hydranet_qgis.training.state import FINISHED, Training
from tests.qgis.conftest import PYTHON, Feedback, make_scene

pytestmark = pytest.mark.usefixtures("provider")

ROOT = Path(__file__).parents[2]
# In a process of its own: torch and rasterio stay out of QGIS here too.
MAKE = (
    "import sys, pathlib; from tests.core.tiny_bundle import write_bundle, write_tiles; "
    "base = pathlib.Path(sys.argv[1]); write_bundle(base / 'base', {}, tile_size=64); "
    "write_tiles(base / 'tiles')"
)


@pytest.fixture(autouse=True)
def _worker(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(environment, "find_interpreter", lambda: PYTHON)
    sessions.clear()
    yield
    sessions.clear()
    worker_client.shared_client().shutdown()
    for name in (bundles.DEFAULT, bundles.KNOWN):
        QgsSettings().remove(name)


def test_from_tiles_to_a_new_expert_in_predict(tmp_path: Path) -> None:
    import processing

    environ = environment.worker_environment(os.environ)
    made = subprocess.run(
        [sys.executable, "-c", MAKE, str(tmp_path)], cwd=ROOT, env=environ, capture_output=True, text=True
    )
    assert made.returncode == 0, made.stderr

    def conclude(training: Training) -> None:
        if len(training.epochs) >= 2:
            training.conclude()

    base, folder, feedback = tmp_path / "base", tmp_path / "marsh", Feedback()
    parameters = {
        "TILES": str(tmp_path / "tiles"), "BUNDLE": str(base), "EXPERT": "reed", "EPOCHS": 40, "THREADS": 1,
        "OUTPUT_FOLDER": str(folder),
    }  # fmt: skip
    sessions.listen(conclude)
    try:
        result = processing.run("hydranet:train", parameters, feedback=feedback)
    finally:
        sessions.forget(conclude)
    (training,) = sessions.trainings()
    assert training.state == FINISHED and training.concluded
    assert 2 <= result["EPOCHS"] < 40 and len(training.epochs) == result["EPOCHS"]
    assert training.main_figure() == "val/iou" and training.loss_columns()
    assert "reed" in Path(result["SUMMARY"]).read_text(encoding="utf-8")
    # A worker without matplotlib draws no picture.
    assert ("CURVES" in result) == (folder / "training" / "analysis" / "curves.png").is_file()
    assert any(line.startswith("Unchanged to the bit, by checksum: ") for line in feedback.lines)
    command = json.loads((folder / "training" / "summary.json").read_text())["command"]
    assert command in feedback.lines  # as it was told before
    assert folder in bundles.known()

    scene = make_scene(tmp_path / "waves.tif", 128, 64)
    run = {
        "INPUT": str(scene),
        "OUTPUT_FOLDER": str(tmp_path / "run"),
        "BUNDLE": str(folder),
        "POLICY": "top-k",
    }
    more = {"EXPERTS": ["reed"], "TOP_K": 1, "OVERLAP": 0, "FORCE_GSD": True}
    processing.run("hydranet:predict", {**run, **more}, feedback=Feedback())
    reed = next(expert for expert in read_run(tmp_path / "run").experts if expert.name == "reed")
    assert reed.tiles == 2 and reed.output is not None
