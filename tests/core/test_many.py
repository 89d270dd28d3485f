"""Many scenes: one that fails stops no other, a second call goes on, and summary.csv tells all."""

from __future__ import annotations

import csv
import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from model_core import many
from model_core.bands import BAND_NAMES
from model_core.errors import BundleError, CancelledError, OutputError
from model_core.many import Outcome, predict_many
from model_core.report import bands_text, scenes_table
from model_core.request import PredictRequest
from model_core.rundir import read_run
from model_core.scene_list import expand
from tests.core.fakes import ALL, FakeModel, by_content, digital
from tests.core.fakes import run as run_one


class Shop:
    """Runs lists of scenes with one fake model and remembers what was heard."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.model = FakeModel(ALL, scores=by_content(4))
        self.loaded = 0
        self.events: list[dict[str, Any]] = []
        self.cancelled = lambda: False

    def load(self, path: Path, **options: str) -> FakeModel:
        self.loaded += 1
        return self.model

    def __call__(self, *inputs: str, **options: Any) -> Outcome:
        self.events.clear()
        bundle = self.folder / "bundle"
        bundle.mkdir(exist_ok=True)
        request = PredictRequest(
            inputs[0], str(self.folder / "out"), bundle=str(bundle), **{"overlap": 8, **options}
        )
        scenes = expand(inputs, str(self.folder / "out"))
        return predict_many(scenes, request, self.events.append, self.cancelled, load_model=self.load)

    def table(self) -> list[dict[str, str]]:
        with (self.folder / "out" / "summary.csv").open(encoding="utf-8", newline="") as file:
            return list(csv.DictReader(file))


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    return Shop(tmp_path)


@pytest.fixture
def scenes(make_raster) -> list[str]:
    return [
        make_raster(f"s{n}.tif", digital(70, 40 + n, seed=n), descriptions=BAND_NAMES, nodata=0)
        for n in range(3)
    ]


def statuses(outcome: Outcome) -> list[str]:
    return [row.status for row in outcome.rows]


def test_all_go_well(shop: Shop, scenes: list[str], tmp_path: Path) -> None:
    outcome = shop(*scenes)
    assert statuses(outcome) == ["done"] * 3 and not outcome.failed and outcome.stopped is None
    assert shop.loaded == 1
    for number, (scene, row, line) in enumerate(zip(scenes, outcome.rows, shop.table(), strict=True)):
        folder = tmp_path / "out" / f"s{number}"
        stored = read_run(folder)
        assert stored["request"]["input"] == scene and stored["request"]["output"] == str(folder)
        tiles, seconds = stored["tiles"], stored["seconds"]["total"]
        assert line == {
            "scene": scene, "run_folder": str(folder), "status": "done", "tiles": str(tiles["total"]),
            "routed": str(tiles["routed"]), "abstained": str(tiles["abstained"]), "seconds": str(seconds),
            "tiles_per_second": str(row.tiles_per_second), "message": "",
        }  # fmt: skip
        assert row.tiles_per_second == pytest.approx(tiles["total"] / seconds, abs=0.01)
        # The same as a run on its own.
        alone = tmp_path / "alone" / str(number)
        run_one(scene, alone, FakeModel(ALL, scores=by_content(4)))
        for path in (p for p in alone.iterdir() if p.name != "run.json"):
            assert (folder / path.name).read_bytes() == path.read_bytes()
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == ["s0", "s1", "s2", "summary.csv"]


def test_every_event_of_a_scene_says_which(shop: Shop, scenes: list[str], tmp_path: Path) -> None:
    shop(*scenes[:2], "nowhere.tif", scenes[0])
    json.dumps(shop.events)
    *inside, last = shop.events
    note = inside.pop(0)
    assert note["event"] == "log" and "more than once" in note["message"] and "scene" not in note
    assert last["event"] == "summary" and last["path"] == str(tmp_path / "out" / "summary.csv")
    assert [row["status"] for row in last["rows"]] == ["done", "done", "failed"]
    found: dict[int, list[str]] = {}
    for event in inside:
        number = event["scene"]["number"]
        assert event["scene"] == {"number": number, "path": [*scenes[:2], "nowhere.tif"][number - 1]}
        found.setdefault(number, []).append(event["event"])
    assert found[1][0] == "scene_started" and found[1][-2:] == ["finished", "scene_ended"]
    assert "progress" in found[2] and found[3] == ["scene_started", "error", "scene_ended"]
    started = [event for event in inside if event["event"] == "scene_started"]
    assert [event["total_scenes"] for event in started] == [3, 3, 3]
    assert started[1]["folder"] == str(tmp_path / "out" / "s1")


@pytest.mark.parametrize("trouble", ["missing", "no raster", "bands", "memory", "defect"])
def test_one_bad_scene_stops_no_other(
    shop: Shop, scenes: list[str], make_raster, tmp_path: Path, trouble: str, capfd
) -> None:
    bad, said = str(tmp_path / "bad.tif"), "bad.tif"
    if trouble == "no raster":
        Path(bad).write_bytes(b"II*\0 and no more")
    elif trouble == "bands":
        make_raster("bad.tif", digital(40, 40, bands=5))
        said = "."
    elif trouble in ("memory", "defect"):
        make_raster("bad.tif", np.full((8, 40, 40), 7, np.uint16), descriptions=BAND_NAMES)
        said = "memory ran out" if trouble == "memory" else "ZeroDivisionError: odd"
        error = MemoryError() if trouble == "memory" else ZeroDivisionError("odd")
        real = shop.model.encode

        def encode(reflectance, available, valid):
            if np.ptp(reflectance[0, :, 20:30, 20:30]) == 0:
                raise error
            return real(reflectance, available, valid)

        shop.model.encode = encode
    outcome = shop(scenes[0], bad, scenes[1])
    assert statuses(outcome) == ["done", "failed", "done"] and outcome.failed
    row = outcome.rows[1]
    assert said in row.message and "\n" not in row.message and row.message.endswith(".")
    assert shop.table()[1]["message"] == row.message and shop.table()[1]["tiles"] == ""
    assert not (tmp_path / "out" / "bad" / "run.json").exists()
    text = scenes_table(outcome, "OUT").splitlines()
    assert f"Failed: {bad}: {row.message}" in text and "Scenes: 2 done, 1 failed." in text
    assert ("Traceback" in capfd.readouterr().err) == (trouble == "defect")


def test_a_model_that_cannot_be_loaded_is_tried_once(shop: Shop, scenes: list[str], tmp_path: Path) -> None:
    tried = []

    def broken(path: Path, **options: str):
        tried.append(path)
        raise BundleError(f"'{path}' holds no model.")

    shop.load = broken
    outcome = shop("nowhere.tif", *scenes)
    assert statuses(outcome) == ["failed"] * 4 and len(tried) == 1
    assert "nowhere.tif" in outcome.rows[0].message
    assert {row.message for row in outcome.rows[1:]} == {f"'{tmp_path / 'bundle'}' holds no model."}
    assert "Failed: " + ", ".join(scenes) + ": '" in scenes_table(outcome, "OUT")


def test_a_second_call_with_resume_does_only_what_is_left(shop: Shop, scenes: list[str]) -> None:
    shop(scenes[0], scenes[1])
    first = shop.table()
    before = len(shop.model.encoded)
    outcome = shop(scenes[0], scenes[1], resume=True, threads=3, memory_mb=999)
    assert statuses(outcome) == ["skipped", "skipped"] and len(shop.model.encoded) == before
    for old, new in zip(first, shop.table(), strict=True):
        assert new == {**old, "status": "skipped", "message": "already finished with this request"}
    outcome = shop(*scenes, resume=True)
    assert statuses(outcome) == ["skipped", "skipped", "done"] and not outcome.failed


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("option", "another request"),
        ("mask", "another request"),
        ("model", "another model"),
        ("file gone", "lacks some of its files"),
        ("number gone", "lacks some of its files or numbers"),
        ("no text", "cannot be read"),
        ("no resume", "already holds a run"),
    ],
)
def test_only_a_whole_run_of_the_same_request_is_skipped(
    shop: Shop, scenes: list[str], tmp_path: Path, change: str, said: str
) -> None:
    shop(scenes[0], scenes[1])
    folder = tmp_path / "out" / "s0"
    options: dict[str, Any] = {"resume": change != "no resume"}
    if change == "option":
        options["overlap"] = 4
    elif change == "mask":
        options["mask"] = "m.gpkg"
    elif change == "model":
        shop.model.sha256 = "e" * 64
    elif change == "file gone":
        (folder / "routing.gpkg").unlink()
    elif change == "number gone":
        stored = json.loads((folder / "run.json").read_text())
        del stored["tiles"]["routed"]
        (folder / "run.json").write_text(json.dumps(stored))
    elif change == "no text":
        (folder / "run.json").write_bytes(b"\xff")
    before = len(shop.model.encoded)
    outcome = shop(scenes[0], scenes[1], **options)
    one = change in ("file gone", "number gone", "no text")
    assert statuses(outcome) == ["failed", "skipped" if one else "failed"]
    assert said in outcome.rows[0].message and len(shop.model.encoded) == before


@pytest.mark.parametrize("when", ["before the second", "within the second"])
def test_a_stop_ends_all_and_the_same_call_goes_on(
    shop: Shop, scenes: list[str], tmp_path: Path, when: str
) -> None:
    if when == "before the second":
        shop.cancelled = lambda: any(event["event"] == "scene_ended" for event in shop.events)
    else:
        shop.cancelled = lambda: any(
            event["event"] == "progress" and event["scene"]["number"] == 2 for event in shop.events
        )
    outcome = shop(*scenes)
    assert statuses(outcome) == ["done", "cancelled", "cancelled"]
    assert isinstance(outcome.stopped, CancelledError) and not outcome.failed
    assert [row["status"] for row in shop.table()] == statuses(outcome)
    assert not (tmp_path / "out" / "s2").exists()
    assert not (tmp_path / "out" / "s1" / "run.json").exists()
    begun = [event["scene"]["number"] for event in shop.events if event["event"] == "scene_started"]
    assert begun == ([1] if when == "before the second" else [1, 2])
    shop.cancelled = lambda: False
    assert statuses(shop(*scenes, resume=True)) == ["skipped", "done", "done"]


def test_a_scene_that_was_stopped_half_way_goes_on_from_there(
    shop: Shop, make_raster, tmp_path: Path
) -> None:
    scene = make_raster("tall.tif", digital(70, 900), descriptions=BAND_NAMES, nodata=0)
    shop.cancelled = lambda: any(event.get("done", 0) >= 60 for event in shop.events)
    outcome = shop(scene, scene)
    assert statuses(outcome) == ["cancelled"] and "--resume" in str(outcome.stopped)
    assert outcome.rows[0].message == str(outcome.stopped) == shop.table()[0]["message"]
    encoded = sum(shop.model.encoded)
    shop.cancelled = lambda: False
    assert statuses(shop(scene, scene, resume=True)) == ["done"]
    assert 0 < sum(shop.model.encoded) - encoded < read_run(tmp_path / "out" / "tall")["tiles"]["total"]
    assert not (tmp_path / "out" / "tall" / "journal").exists()


def test_the_summary_is_there_after_every_scene(shop: Shop, scenes: list[str], tmp_path: Path) -> None:
    seen = []
    shop.model.on_encode = lambda: seen.append(
        len(shop.table()) if (tmp_path / "out" / "summary.csv").exists() else 0
    )
    shop(*scenes)
    assert sorted(set(seen)) == [0, 1, 2]


def test_a_summary_that_cannot_be_written_stops_nothing(shop: Shop, scenes: list[str], monkeypatch) -> None:
    def refuse(path: Path, content: bytes) -> None:
        raise OutputError("'summary.csv' could not be written (in use).")

    monkeypatch.setattr(many, "write_whole", refuse)
    assert statuses(shop(*scenes)) == ["done"] * 3
    assert any(event.get("message", "").endswith("(in use).") for event in shop.events)


def test_a_summary_of_someone_else_is_not_lost(shop: Shop, scenes: list[str], tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "summary.csv").write_text("my,own,table\n")
    with pytest.raises(OutputError, match="already holds summary.csv, which no run wrote"):
        shop(*scenes)
    assert (tmp_path / "out" / "summary.csv").read_text() == "my,own,table\n" and not shop.loaded


def test_an_output_that_is_a_file(shop: Shop, scenes: list[str], tmp_path: Path) -> None:
    (tmp_path / "out").write_text("x")
    with pytest.raises(OutputError, match="cannot be written"):
        shop(*scenes)


@pytest.mark.skipif(os.name == "nt", reason="names without an encoding are POSIX")
def test_a_name_that_is_no_text(shop: Shop, scenes: list[str], tmp_path: Path) -> None:
    odd = os.fsdecode(os.fsencode(tmp_path) + b"/odd\xe9.tif")
    outcome = shop(odd, scenes[0])
    assert statuses(outcome) == ["failed", "done"]
    assert b"odd\xe9.tif" in (tmp_path / "out" / "summary.csv").read_bytes()


def test_bands_are_told_in_words() -> None:
    bands = {
        "pan": {"layer_band": None, "status": "synthesised"},
        "blue": {"layer_band": 2, "status": "given", "description": "B02"},
        "red": {"layer_band": 4, "status": "given"},
        "re1": {"layer_band": None, "status": "missing"},
    }
    run = {
        "band_mapping": {"method": "descriptions", "bands": bands},
        "radiometry": {"scale": 0.0001, "offset": -1000.0, "method": "metadata", "warning": None},
    }
    assert bands_text(run) == (
        "Bands (descriptions): pan synthesised, blue from 2 (B02), red from 4, re1 missing. "
        "Reflectance (metadata): (number - 1000) x 0.0001."
    )
    run["radiometry"]["offset"] = [0.0] * 8
    assert bands_text(run).endswith("by a scale and offset for each band.")


def test_the_table_says_shared_things_once(shop: Shop, scenes: list[str], make_raster) -> None:
    other = make_raster("rgb.tif", digital(40, 40, bands=3), descriptions=["red", "green", "blue"])
    text = scenes_table(shop(scenes[0], scenes[1], other, scenes[2]), "OUT").splitlines()
    assert text[0].split() == ["scene", "status", "tiles", "routed", "abstained", "seconds", "tiles/s"]
    assert [line.split()[:3] for line in text[1:4]] == [
        ["1", "s0", "done"], ["2", "s1", "done"], ["3", "rgb", "done"],
    ]  # fmt: skip
    assert text[5].startswith("Scenes 1-2, 4: Bands (descriptions): pan from 1, ")
    assert text[6].startswith("Scene 3: Bands (descriptions): pan synthesised, blue from 3")
    assert text[7:] == ["Scenes: 4 done.", "Run folders and summary.csv: OUT"]
