"""A .model3 saved in the real QGIS and run by the real qgis_process: the algorithm as a step among others."""

from __future__ import annotations

import json
from pathlib import Path

from pyogrio import raw

from .qgis_home import QgisHome
from .window import play


def test_saved_model_hands_the_routing_on_to_the_next_step(
    home: QgisHome, sample: Path, tmp_path: Path
) -> None:
    model = tmp_path / "routed tiles.model3"
    drawn = play(home, "save_model", {"model": str(model)}, tmp_path)
    assert {"scene", "predict:run", "extract:routed"} <= set(drawn["parameters"])
    folder, routed = tmp_path / "run", tmp_path / "routed.gpkg"
    values = (f"scene={sample}", f"predict:run={folder}", f"extract:routed={routed}")
    done = home.qgis_process("--json", "run", str(model), "--", *values)
    assert done.code == 0, done.out + done.err
    run = json.loads((folder / "run.json").read_text(encoding="utf-8"))
    meta, _, _, fields = raw.read(routed)
    chosen = fields[list(meta["fields"]).index("k")]
    assert len(chosen) == run["tiles"]["routed"] > 0
    assert (chosen > 0).all()
