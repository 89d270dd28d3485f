"""The report of `evaluate`: routing of a hand-made run, hostile names, a folder that is whole or not."""

from __future__ import annotations

import csv
import json
import os
import re
import subprocess
import sys
from html import unescape
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.metrics import brier_score_loss, f1_score, precision_score, recall_score

from model_core import cli
from model_core.errors import CancelledError, HydraNetError, OutputError, RequestError
from model_core.evaluation.metrics import reliability
from model_core.evaluation.reference.evaluate import evaluate_reference
from model_core.evaluation.reference.request import EvaluateRequest
from model_core.evaluation.reference.tilewise import TileRow, _needed, router_figures, task_of
from model_core.jobs import run_job
from model_core.routerset import relevance_of
from model_core.spec import ClassSpec, ExpertSpec
from model_core.whole_folder import beside
from tests.core.fakes import GREEN, HYDRA, FakeModel, run
from tests.core.references import box, compare, matrix_of, write_classes, write_polygons

HOSTILE = "<script>alert('x')</script>&\"="
BRIGHT = ExpertSpec(
    "bright", HOSTILE, "classes", 3,
    (ClassSpec(0, "dark", None), ClassSpec(1, HOSTILE, "#888888"), ClassSpec(2, "bright", "#ffee00")),
)  # fmt: skip


def bright_run(tmp_path: Path, make_raster: Any, expert: ExpertSpec = BRIGHT, **options: Any) -> Path:
    """64 x 64 pixels in four tiles without overlap, dark but for the right half; tiles score 0.9 or 0.2."""
    pixels = np.full((8, 64, 64), 200, np.uint16)
    pixels[:, :, 32:] = 6000
    pixels[:, 0, 0] = 0
    pixels[:, 40:, :32] = 300

    def scores(tiles: np.ndarray, _valid: np.ndarray) -> np.ndarray:
        high = tiles.mean(axis=(1, 2, 3)) > 0.1
        return np.stack([np.where(high, 0.9, 0.2)] * 2, axis=1)

    source = make_raster("scene.tif", pixels, nodata=0)
    folder = tmp_path / "run"
    model = FakeModel((expert, GREEN), scores=scores)
    run(source, folder, model, overlap=0, radiometry="0.0001,0", bands="pan=1,blue=2,green=3,red=4,re1=5,"
        "re2=6,re3=7,nir=8", **options)  # fmt: skip
    return folder


class Texts(HTMLParser):
    """The elements of a page and its texts."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.links: list[str] = []
        self.words = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.links += [value or "" for name, value in attrs if name in ("src", "href")]

    def handle_data(self, data: str) -> None:
        self.words += data


def test_a_run_is_judged_by_pixels_and_by_tiles(tmp_path, make_raster) -> None:
    folder = bright_run(tmp_path, make_raster)
    # The reference: bright on the right but for its last 8 rows, and a strip that the run has not seen.
    polygons = [box(32, 0, 32, 56), box(0, 32, 8, 8)]
    reference = write_polygons(tmp_path / "r.gpkg", polygons, kind=["bright", "bright"])
    found = compare(folder, reference, tmp_path / "out", field="kind", background="dark")
    assert matrix_of(tmp_path / "out") == [[0, 256], [0, 1792]]
    router = found["router"]
    assert (router["expert"], router["tiles"], router["needed"], router["not_needed"]) == ("bright", 4, 3, 1)
    assert (router["hit"], router["missed"], router["in_vain"]) == (2, 1, 0)
    assert (router["precision"], router["recall"], router["f1"]) == (1.0, round(2 / 3, 6), 0.8)
    assert router["brier"] == pytest.approx((0.1**2 * 2 + 0.8**2 + 0.2**2) / 4, abs=1e-6)
    assert router["ece"] == pytest.approx((2 * 0.1 + 2 * 0.3) / 4, abs=1e-6)
    with (tmp_path / "out" / "tiles.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [(row["decided"], row["needed"], row["content"]) for row in rows] == [
        ("0", "0", "0"), ("1", "1", "1024"), ("0", "1", "64"), ("1", "1", "768")
    ]  # fmt: skip
    assert [row["valid"] for row in rows] == ["1023", "1024", "1024", "1024"]
    assert [row["iou"] for row in rows] == ["", "1", "", "0.75"]
    assert set(found["files"]) == {entry.name for entry in (tmp_path / "out").iterdir()}
    assert (
        sum(int(row["count"]) for row in csv.DictReader((tmp_path / "out" / "reliability.csv").open())) == 4
    )
    stored = json.loads((tmp_path / "out" / "figures.json").read_text(encoding="utf-8"))
    assert stored["figures"] == found["figures"] and stored["router"] == router
    # A higher share: the strip of 64 pixels is no need any more, and nothing is missed.
    again = compare(folder, reference, tmp_path / "out2", field="kind", background="dark", share=0.1)
    assert (again["router"]["needed"], again["router"]["missed"]) == (2, 0)


def test_tiles_of_which_the_reference_does_not_tell_stay_out(tmp_path, make_raster) -> None:
    folder = bright_run(tmp_path, make_raster)
    reference = write_polygons(tmp_path / "r.gpkg", [box(32, 0, 32, 64), box(0, 0, 32, 10)], kind=[2, 0])
    found = compare(folder, reference, tmp_path / "out", field="kind")
    assert (found["router"]["unknown"], found["router"]["needed"], found["router"]["not_needed"]) == (2, 2, 0)
    assert "| " not in (tmp_path / "out" / "router.csv").read_text(encoding="utf-8")


def test_router_figures_are_those_of_scikit_learn() -> None:
    random = np.random.default_rng(5)
    score = random.random(80)
    needed = [int(value) if value < 2 else None for value in random.integers(0, 3, 80)]
    rows = [
        TileRow(i, 0, i, float(s), bool(s > 0.5), n, 0, 0, 1, 0, None)
        for i, (s, n) in enumerate(zip(score, needed, strict=True))
    ]
    found = router_figures(rows, {"name": "x"}, 0.01)
    known = np.array([n is not None for n in needed])
    truth, decided = np.array([n == 1 for n in needed])[known], (score > 0.5)[known]
    assert found["unknown"] == int((~known).sum())
    assert found["precision"] == pytest.approx(precision_score(truth, decided))
    assert found["recall"] == pytest.approx(recall_score(truth, decided))
    assert found["f1"] == pytest.approx(f1_score(truth, decided))
    assert found["brier"] == pytest.approx(brier_score_loss(truth, score[known]))
    assert found["bins"] == reliability(score[known], truth)


@pytest.mark.parametrize("content", [0, 9, 10, 500])
@pytest.mark.parametrize("known", [500, 599, 600, 1000])
def test_a_tile_needs_the_expert_by_the_rule_of_the_training_tiles(content, known) -> None:
    entry = {
        "name": "x",
        "title": "X",
        "classes": [{"value": v, "name": str(v), "color": None} for v in range(3)],
    }
    task = task_of(entry, 0.01)
    label = np.full(1000, 255, np.uint8)
    label[:known] = 0
    label[:content] = 2
    expected = relevance_of(label, np.ones(1000, bool), task)
    assert _needed(label[label != 255].astype(np.int64), 1000, task) == (expected, content)


def test_hostile_names_are_texts_and_nothing_is_loaded_from_outside(tmp_path, make_raster) -> None:
    folder = bright_run(tmp_path, make_raster)
    reference = write_polygons(tmp_path / "r.gpkg", [box(32, 0, 32, 64)], kind=[HOSTILE])
    reference = str(Path(reference).rename(tmp_path / "<b>&r.gpkg"))
    compare(folder, reference, tmp_path / "out", field="kind", expert="bright")
    page = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    read = Texts(page)
    assert "script" not in read.tags and "b" in read.tags
    assert HOSTILE in read.words and "<b>&r.gpkg" in read.words
    assert read.links and all(link.startswith("data:image/png;base64,") for link in read.links)
    outside = re.sub(r'xmlns="http://www.w3.org/2000/svg"', "", page)
    assert "http" not in outside and "url(" not in outside and "@import" not in outside
    assert "svg" in read.tags and unescape(page).count(HOSTILE) >= 3
    cells = list(csv.reader((tmp_path / "out" / "classes.csv").open(encoding="utf-8")))
    assert HOSTILE in [row[1] for row in cells]


def test_formulas_are_no_formulas_in_a_spreadsheet(tmp_path) -> None:
    from model_core.evaluation.reference.tables import text_of

    assert text_of([["=1+1", -3, 0.25, float("nan"), None]]) == b"'=1+1,-3,0.25,,\n"


def test_uncertainty_is_told_where_a_run_has_it(tmp_path, make_raster) -> None:
    folder = bright_run(tmp_path, make_raster, HYDRA, uncertainty=True)
    reference = write_polygons(tmp_path / "r.gpkg", [box(32, 0, 32, 32)], kind=["bright"])
    found = compare(folder, reference, tmp_path / "out", field="kind", expert="hydra")
    assert found["uncertainty"]["pixels"] == found["pixels"]["compared"] == 1024
    assert "uncertainty.csv" in found["files"]
    plain = compare(folder / "hydra.tif", reference, tmp_path / "plain", field="kind")
    assert plain["router"] is None and plain["uncertainty"] == found["uncertainty"]
    assert plain["figures"] == found["figures"]  # the names are the run's, though the folder was not given


def test_the_result_depends_on_no_thread(tmp_path, make_raster) -> None:
    folder = bright_run(tmp_path, make_raster)
    reference = write_polygons(tmp_path / "r.gpkg", [box(30, 0, 34, 64)], kind=["bright"])
    one, three = (
        compare(folder, reference, tmp_path / str(n), field="kind", background="dark", threads=n)
        for n in (1, 3)
    )
    for name in set(one["files"]) - {"report.html", "figures.json"}:
        assert (tmp_path / "1" / name).read_bytes() == (tmp_path / "3" / name).read_bytes()
    assert one["figures"] == three["figures"]


@pytest.fixture
def pair(tmp_path) -> tuple[str, str]:
    values = np.arange(64, dtype=np.uint8).reshape(8, 8) % 2
    source = write_classes(tmp_path / "i.tif", values)
    return source, write_polygons(tmp_path / "r.gpkg", [box(0, 0, 8, 8)], kind=[1])


def test_a_folder_with_other_things_is_never_touched(tmp_path, pair) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "mine.txt").write_text("keep")
    for overwrite in (False, True):
        with pytest.raises(OutputError, match="holds other things than a report"):
            compare(*pair, out, overwrite=overwrite)
    assert [entry.name for entry in out.iterdir()] == ["mine.txt"]
    (out / "mine.txt").rename(out / "figures.json")
    with pytest.raises(OutputError, match="no whole report"):
        compare(*pair, out, overwrite=True)


def test_a_report_is_replaced_only_if_that_is_wanted(tmp_path, pair) -> None:
    out = tmp_path / "new" / "out"
    compare(*pair, out)
    before = (out / "figures.json").read_bytes()
    with pytest.raises(OutputError, match="allow overwriting"):
        compare(*pair, out)
    assert (out / "figures.json").read_bytes() == before
    compare(*pair, out, overwrite=True, threads=1)
    assert (out / "figures.json").read_bytes() != before
    assert [entry.name for entry in out.parent.iterdir()] == ["out"]


def test_a_report_that_cannot_be_put_in_place_leaves_the_old_one(tmp_path, pair, monkeypatch) -> None:
    out = tmp_path / "out"
    compare(*pair, out)
    before = (out / "figures.json").read_bytes()
    real = os.replace

    def refuse(source: Any, target: Any) -> None:
        if Path(target) == out and source == beside(out)[0]:
            raise PermissionError(13, "Permission denied")
        real(source, target)

    monkeypatch.setattr(os, "replace", refuse)
    with pytest.raises(OutputError, match="Permission denied"):
        compare(*pair, out, overwrite=True, threads=1)
    assert (out / "figures.json").read_bytes() == before
    assert not [entry for entry in tmp_path.iterdir() if entry.name.startswith(".out")]


def test_killed_while_writing_it_leaves_no_half_report(tmp_path, pair) -> None:
    """The process is killed as soon as the first file of the report is on the disk."""
    out = tmp_path / "out"
    code = (
        "import sys, time\n"
        "from model_core.evaluation.reference import folder\n"
        "real = folder.write_whole\n"
        "def slow(path, content):\n    real(path, content)\n    print('written', flush=True)\n    "
        "time.sleep(60)\nfolder.write_whole = slow\n"
        "from tests.core.references import compare\n"
        "compare(*sys.argv[1:4])\n"
    )
    worker = subprocess.Popen(
        [sys.executable, "-c", code, *pair, str(out)], stdout=subprocess.PIPE, text=True,
        cwd=Path(__file__).resolve().parents[2],
    )  # fmt: skip
    assert worker.stdout is not None and worker.stdout.readline() == "written\n"
    worker.kill()
    worker.wait()
    worker.stdout.close()
    assert not out.exists()
    compare(*pair, out)
    assert (out / "report.html").is_file()


def test_a_stop_is_heard_and_nothing_is_written(tmp_path, pair) -> None:
    request = EvaluateRequest(pair[0], str(tmp_path / "out"), pair[1])
    with pytest.raises(CancelledError):
        evaluate_reference(request, lambda event: None, lambda: True)
    assert not (tmp_path / "out").exists()


def test_the_worker_ends_with_the_summary_or_a_sentence(tmp_path, pair) -> None:
    heard: list[dict[str, Any]] = []
    params = {"input": pair[0], "reference": pair[1], "output": str(tmp_path / "out")}
    assert run_job(params, heard.append, lambda: False, method="evaluate")
    assert [event["event"] for event in heard][0] == "started" and heard[-1]["event"] == "finished"
    assert heard[-1]["output"] == str(tmp_path / "out") and heard[-1]["summary"]["report"] == "report.html"
    json.dumps(heard, allow_nan=False)
    assert not run_job({**params, "share": 2}, heard.append, lambda: False, method="evaluate")
    assert heard[-1]["event"] == "error" and heard[-1]["kind"] == "RequestError"


def test_the_command_line_does_the_same_and_repeats_itself(tmp_path, pair, capsys) -> None:
    out = tmp_path / "out"
    args = [
        "evaluate",
        pair[0],
        "--reference",
        pair[1],
        "--out",
        str(out),
        "--field",
        "kind",
        "--class",
        "1=0",
    ]
    assert cli.main(args) == 0
    told = capsys.readouterr().out
    assert "Overall accuracy 0.500" in told and str(out / "report.html") in told
    command = json.loads((out / "figures.json").read_text(encoding="utf-8"))["command"]
    assert command.startswith("hydranet evaluate ") and "--class=1=0" in command
    assert cli.main(["evaluate", pair[0]]) == cli.FAILED
    assert "--reference and --out are needed" in capsys.readouterr().err
    assert cli.main([*args, "--data", "x"]) == cli.FAILED
    assert "give INPUT with --reference" in capsys.readouterr().err
    assert cli.main([*args[:-1], "1", "--overwrite"]) == cli.FAILED
    assert "does not say what a value means" in capsys.readouterr().err


def floats(tmp_path: Path) -> str:
    return write_classes(tmp_path / "f.tif", np.ones((8, 8), np.float32))


def many(tmp_path: Path) -> str:
    return write_classes(tmp_path / "m.tif", np.arange(900, dtype=np.uint16).reshape(30, 30))


def bare(tmp_path: Path) -> str:
    return write_classes(tmp_path / "n.tif", np.ones((9, 9), np.uint8), crs=None)


def far(tmp_path: Path) -> str:
    transform = np.array([10.0, 0, 100000, 0, -10, 200000]).tolist()
    return write_classes(tmp_path / "far.tif", np.ones((8, 8), np.uint8), transform=transform)


def hidden(tmp_path: Path) -> str:
    return write_classes(tmp_path / "h.tif", np.zeros((8, 8), np.uint8), nodata=0)


@pytest.mark.parametrize(
    ("source", "reference", "options", "words"),
    [
        (floats, None, {}, "expected classes as whole numbers"),
        (None, floats, {}, "expected classes as whole numbers"),
        (many, None, {}, "more than 255 different values"),
        (None, bare, {}, "the reference has no CRS"),
        (bare, many, {}, "the input has no CRS"),
        (None, far, {}, "does not overlap"),
        (None, hidden, {}, "No pixel of"),
        (None, None, {"field": "sort"}, "has no field 'sort'; its fields are kind"),
        (None, None, {"layer": "towns"}, "has no layer 'towns'"),
        (None, None, {"expert": "water"}, "is no run folder"),
        (None, None, {"field": "kind", "classes": {"1": "sea"}}, "has the class 'sea', which"),
        (None, hidden, {"background": "0"}, "goes with polygons only"),
        (None, "nowhere.gpkg", {}, "does not exist"),
        ("nowhere.tif", None, {}, "does not exist"),
    ],
)  # fmt: skip
def test_what_cannot_be_compared_is_one_sentence(tmp_path, pair, source, reference, options, words) -> None:
    given = [
        default if one is None else one if isinstance(one, str) else one(tmp_path)
        for one, default in zip((source, reference), pair, strict=True)
    ]
    with pytest.raises(HydraNetError) as caught:
        compare(*given, tmp_path / "out", **options)
    text = str(caught.value)
    assert words in text and text.endswith(".") and ". " not in text and "\n" not in text
    assert not (tmp_path / "out").exists()


def test_names_that_the_input_does_not_have_are_refused_with_its_own(tmp_path, make_raster) -> None:
    folder = bright_run(tmp_path, make_raster)
    reference = write_polygons(tmp_path / "r.gpkg", [box(0, 0, 64, 64)], kind=["lake"])
    with pytest.raises(RequestError, match=r"its classes are 0 dark, .*2 bright"):
        compare(folder, reference, tmp_path / "out", field="kind")
    for expert, words in (("green", "gives probability, not classes"), ("roads", "no expert 'roads'")):
        with pytest.raises(RequestError, match=words):
            compare(folder, reference, tmp_path / "out", expert=expert)
    (folder / "bright.tif").unlink()
    with pytest.raises(HydraNetError, match="does not exist"):
        compare(folder, reference, tmp_path / "out", field="kind", classes={"lake": "dark"})


def test_of_several_experts_one_has_to_be_named(tmp_path, make_raster) -> None:
    source = make_raster("s.tif", np.full((8, 32, 32), 900, np.uint16))
    run(source, tmp_path / "run", FakeModel((BRIGHT, HYDRA)), radiometry="0.0001,0", bands="phisat2")
    reference = write_polygons(tmp_path / "r.gpkg", [box(0, 0, 32, 32)], kind=["dark"])
    with pytest.raises(RequestError, match=r"of 2 experts with classes \(bright, hydra\)"):
        compare(tmp_path / "run", reference, tmp_path / "out", field="kind")


def test_a_stop_comes_soon(tmp_path) -> None:
    values = np.zeros((1200, 4096), np.uint8)
    source = write_classes(tmp_path / "i.tif", values)
    reference = write_polygons(tmp_path / "r.gpkg", [box(0, 0, 4096, 1200)], kind=[0])
    asked = []

    def stop() -> bool:
        asked.append(1)
        return len(asked) > 2

    request = EvaluateRequest(source, str(tmp_path / "out"), reference, field="kind", threads=1)
    with pytest.raises(CancelledError):
        evaluate_reference(request, lambda event: None, stop)
    assert len(asked) == 3
