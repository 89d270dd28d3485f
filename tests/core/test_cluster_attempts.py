"""A second attempt takes up what the first one left, and nothing that lay there before the job."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from model_core.bands import BAND_NAMES
from model_core.cluster import attempts
from model_core.cluster.attempts import Manner, is_remote, mark, patiently
from model_core.cluster.teller import STRIP, Hearing, Teller
from model_core.errors import CancelledError, OutputError, RequestError, SceneError
from model_core.journal import Journal
from model_core.predict import predict
from model_core.request import PredictRequest
from tests.core.fakes import ALL, FakeModel, by_content, digital
from tests.core.test_resume import results


@pytest.fixture
def request_(make_raster, tmp_path: Path) -> PredictRequest:
    scene = make_raster("s.tif", digital(50, 900), descriptions=BAND_NAMES, nodata=0)
    return PredictRequest(scene, str(tmp_path / "run"), bundle=str(tmp_path), overlap=8)


def model() -> FakeModel:
    return FakeModel(ALL, scores=by_content(4))


def attempt(request: PredictRequest, job: str | None, fail_after: int | None = None) -> FakeModel:
    made = model()

    def fail() -> None:
        if fail_after is not None and sum(made.encoded) >= fail_after:
            raise SceneError("Lost.")

    made.on_encode = fail
    predict(request, load_model=lambda *_, **__: made, manner=Manner(job=job))
    return made


def test_only_the_job_that_began_a_run_goes_on_without_being_asked(request_, tmp_path: Path) -> None:
    with pytest.raises(SceneError):
        attempt(request_, "first", 50)
    with pytest.raises(OutputError, match="holds an unfinished run"):
        attempt(request_, "second")
    with pytest.raises(OutputError, match="holds an unfinished run"):
        attempt(request_, None)
    again = attempt(request_, "first")
    whole = PredictRequest(request_.input, str(tmp_path / "whole"), bundle=str(tmp_path), overlap=8)
    assert sum(again.encoded) < sum(attempt(whole, None).encoded)
    assert results(Path(request_.output)) == results(Path(whole.output))


def test_a_run_that_the_job_itself_finished_is_its_result(request_) -> None:
    folder = Path(request_.output)
    before = mark(folder)
    attempt(request_, "first")
    journal = Journal(folder / "journal")  # killed before it could be removed
    journal.folder.mkdir()
    journal.begin({}, overwrite=False, job="first")
    (journal.folder / "result").mkdir()
    (journal.folder / "moving.json").write_text(json.dumps({"new": ["run.json"]}))
    kept = results_without_journal(folder)
    found = Manner(job="first", before=before).finished(request_, model)
    assert found is not None and not journal.folder.exists() and results(folder) == kept
    assert Manner(job="next", before=mark(folder)).finished(request_, model) is None
    assert Manner().finished(request_, model) is None


def results_without_journal(folder: Path) -> dict[str, bytes]:
    aside = folder.parent / "aside"
    (folder / "journal").rename(aside)
    found = results(folder)
    aside.rename(folder / "journal")
    return found


@pytest.mark.parametrize(
    ("error", "scene", "times"),
    [
        (SceneError("x."), "/vsicurl/http://x/a.tif", 3),
        (SceneError("x."), "a.tif", 1),
        (OSError("x"), "a.tif", 3),
        (RequestError("x."), "/vsis3/a.tif", 1),
        (OutputError("x."), "a.tif", 1),
        (CancelledError("x."), "/vsis3/a.tif", 1),
    ],
)
def test_what_is_tried_again(error: Exception, scene: str, times: int, monkeypatch, tmp_path: Path) -> None:
    monkeypatch.setattr(attempts, "PAUSE_S", 0.001)
    calls: list[int] = []
    heard: list[dict[str, Any]] = []

    def work() -> None:
        calls.append(1)
        raise error

    request = PredictRequest(scene, str(tmp_path / "run"))
    with pytest.raises(type(error)):
        patiently(work, request, Manner(job="j", retries=2), heard.append, lambda: False)
    assert len(calls) == times and len(heard) == times - 1
    if times > 1:
        assert "attempt 2 of 3" in heard[0]["message"]


def test_names_that_come_over_the_network() -> None:
    for name in (
        "/vsicurl/https://x/a.tif",
        "/vsis3/b/a.tif",
        "/vsizip//vsicurl/https://x/a.zip",
        "https://x/a",
    ):
        assert is_remote(name)
    for name in ("a.tif", "/data/a.tif", "/vsizip/a.zip/a.tif", "C:\\a.tif"):
        assert not is_remote(name)


def say(*events: dict[str, Any]) -> tuple[Teller, list[dict[str, Any]]]:
    sent: list[dict[str, Any]] = []
    teller = Teller(1, lambda text: sent.append(json.loads(text)))
    for event in events:
        teller(event)
    return teller, sent


def test_every_event_is_heard_once_also_if_it_was_lost_on_the_way() -> None:
    teller, sent = say(*({"event": "log", "level": "info", "message": str(n)} for n in range(4)))
    heard: list[dict[str, Any]] = []
    hearing = Hearing(heard.append)
    for message in (sent[0], sent[2], sent[2]):
        hearing.hear(message["token"], message["number"], message["event"])
    hearing.catch_up(teller.token, [list(one) for one in teller.told])
    assert sorted(event["message"] for event in heard) == ["0", "1", "2", "3"]


def test_tiles_of_strips_are_added_up() -> None:
    heard: list[dict[str, Any]] = []
    hearing = Hearing(heard.append)
    hearing.hear("t", 0, {"event": "started", "total_tiles": 30, "folder": "x"})
    counts = (("a", 4), ("b", 3), ("a", 15), ("b", 15))
    for number, (name, done) in enumerate(counts, start=1):
        hearing.hear("t", number, {"event": STRIP, "name": name, "done": done, "total": 15})
    assert [event["done"] for event in heard[1:]] == [4, 7, 18, 30]
