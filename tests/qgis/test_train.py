"""`hydranet:train` with the scripted worker: what is asked, what is refused, and what becomes of it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from qgis.core import (
    QgsApplication,
    QgsProcessing,
    QgsProcessingContext,
    QgsProcessingException,
    QgsProcessingModelAlgorithm,
    QgsProcessingModelChildAlgorithm,
    QgsProcessingModelChildParameterSource,
    QgsSettings,
)

from hydranet_qgis import bundles, paths
from hydranet_qgis.algorithms import train
from hydranet_qgis.algorithms.train_request import train_command, train_request
from hydranet_qgis.errors import PluginError
from hydranet_qgis.training import sessions
from hydranet_qgis.training.state import CANCELLED, FAILED, FINISHED, Training
from model_core.training.own.request import TrainRequest
from tests.qgis.conftest import Feedback
from tests.qgis.training_sets import make_bundle, make_tiles

pytestmark = pytest.mark.usefixtures("provider", "fake_worker")


@pytest.fixture(autouse=True)
def _clean() -> Iterator[None]:
    sessions.clear()
    yield
    bundles.forget_passing()
    sessions.clear()
    for name in (bundles.DEFAULT, bundles.KNOWN):
        QgsSettings().remove(name)


@pytest.fixture
def base(tmp_path: Path) -> Path:
    """A bundle to begin with; one of its experts finds objects."""
    return make_bundle(tmp_path / "base", "water", "clouds", objects=["ships"])


@pytest.fixture
def tiles(tmp_path: Path) -> Path:
    return make_tiles(tmp_path / "tiles", "reed", "water")


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """The requests that went to the worker."""
    seen: list[dict[str, Any]] = []
    job = train.TrainAlgorithm.job

    def listen(self: Any, request: dict[str, Any], feedback: Any) -> dict[str, Any]:
        seen.append(request)
        return job(self, request, feedback)

    monkeypatch.setattr(train.TrainAlgorithm, "job", listen)
    return seen


def _train(tiles: Path, output: Path | str, base: Path, feedback: Feedback | None = None, **more: Any) -> Any:
    import processing

    parameters = {
        "TILES": str(tiles),
        "BUNDLE": str(base),
        "OUTPUT_FOLDER": str(output),
        "EXPERT": "reed",
        **more,
    }
    return processing.run("hydranet:train", parameters, feedback=feedback or Feedback())


def test_parameters_are_the_agreed_ones() -> None:
    algorithm = QgsApplication.processingRegistry().createAlgorithmById("hydranet:train")
    found = {d.name(): (d.type(), d.defaultValue()) for d in algorithm.parameterDefinitions()}
    assert found == {
        "WHAT": ("enum", "expert"), "TILES": ("file", None), "EXPERT": ("string", None),
        "TUNE": ("string", None), "LIKE": ("string", None), "MINUTES": ("number", 5.0),
        "EPOCHS": ("number", None), "SEED": ("number", 0), "BUNDLE": ("file", None),
        "THREADS": ("number", None), "RESUME": ("boolean", False), "OVERWRITE": ("boolean", False),
        "OUTPUT_FOLDER": ("folderDestination", None),
    }  # fmt: skip
    assert {output.name() for output in algorithm.outputDefinitions()} == {
        "OUTPUT_FOLDER", "BUNDLE_ID", "VAL_FIGURE", "TEST_FIGURE", "EPOCHS", "BEST_EPOCH", "CURVES",
        "SUMMARY",
    }  # fmt: skip
    what = algorithm.parameterDefinition("WHAT")
    assert what.usesStaticStrings() and what.options() == ["expert", "switcher", "finetune"]
    for definition in algorithm.parameterDefinitions():
        assert definition.help(), definition.name()


def test_the_request_is_exact_and_the_engines_own(
    tiles: Path, base: Path, tmp_path: Path, asked: list[dict[str, Any]]
) -> None:
    _train(
        tiles, tmp_path / "marsh", base, LIKE="water", MINUTES=1.5, EPOCHS=7, SEED=3, THREADS=2, RESUME=True
    )
    assert asked == [
        {
            "what": "expert", "tiles": str(tiles), "output": str(tmp_path / "marsh"), "expert": "reed",
            "tune": None, "like": "water", "bundle": str(base), "seconds": 90.0, "epochs": 7, "seed": 3,
            "overwrite": False, "resume": True, "threads": 2,
        }
    ]  # fmt: skip
    assert TrainRequest.from_json(asked[0]).to_json() == asked[0]
    assert list(asked[0]) == list(TrainRequest("switcher", "a", "b").to_json())


@pytest.mark.parametrize(
    "more",
    [
        {"what": "switcher", "expert": None},
        {"like": "water", "bundle": "/data/my bundle", "seconds": 90.0, "threads": 2},
        {"what": "finetune", "tune": "water", "epochs": 3, "resume": True},
        {"what": "finetune", "expert": "water", "tune": "water", "overwrite": True, "seed": 4},
    ],
)
def test_the_command_line_is_the_engines_own(more: dict[str, Any]) -> None:
    plain = {
        "what": "expert",
        "tiles": "/a b/tiles",
        "output": "/out",
        "expert": "reed",
        "tune": None,
        "like": None,
    }
    rest = {"bundle": None, "seconds": None, "epochs": None, "seed": 0, "overwrite": False, "resume": False}
    request = train_request(**{**plain, **rest, "threads": None, **more})
    assert train_command(request) == TrainRequest.from_json(request).command()


def test_a_training_gives_a_bundle_figures_and_a_page(
    tiles: Path, base: Path, tmp_path: Path, asked: list[dict[str, Any]]
) -> None:
    feedback, folder = Feedback(), tmp_path / "marsh"
    result = _train(tiles, folder, base, feedback)
    assert result["OUTPUT_FOLDER"] == str(folder)
    assert (result["BUNDLE_ID"], result["EPOCHS"], result["BEST_EPOCH"]) == ("marsh-id", 6, 4)
    assert result["VAL_FIGURE"] == pytest.approx(0.7352) and result["TEST_FIGURE"] == pytest.approx(0.61)
    assert result["CURVES"] == str(folder / "training" / "analysis" / "curves.png")
    page = Path(result["SUMMARY"]).read_text(encoding="utf-8")
    assert "<td>reed</td>" in page and 'src="analysis/curves.png"' in page and "Few tiles of test" in page
    assert json.loads((folder / "model.json").read_text())["experts"][-1]["name"] == "reed"

    epochs = [line for line in feedback.lines if line.startswith("Epoch ")]
    assert len(epochs) == 6
    assert epochs[3].startswith("Epoch 4 of 1000: ") and "IoU 0.735" in epochs[3]
    assert "(the best so far)" in epochs[3] and "(the best so far)" not in epochs[4]
    log = "\n".join(feedback.lines)
    assert train_command(asked[0]) in log
    assert "It ended by itself, as it no longer became better; kept is epoch 4, the best." in log
    assert "Unchanged to the bit, by checksum: encoder, water" in log
    assert "Test: IoU 0.610" in log and "Switcher, reed, val: precision 0.900, recall 0.800" in log
    assert feedback.warnings == ["Few tiles of test show reed."]
    assert feedback.steps == sorted(feedback.steps) and feedback.steps[-1] == 100


def test_the_session_keeps_the_training(tiles: Path, base: Path, tmp_path: Path) -> None:
    _train(tiles, tmp_path / "marsh", base)
    (training,) = sessions.trainings()
    assert (training.title, training.state, training.bundle) == (
        "marsh: reed, new", FINISHED, str(tmp_path / "marsh"),
    )  # fmt: skip
    assert len(training.epochs) == 6 and training.best().number == 4
    assert "On the test tiles: IoU 0.610." in training.sentence


def test_the_new_bundle_is_known_from_then_on(tiles: Path, base: Path, tmp_path: Path) -> None:
    _train(tiles, tmp_path / "marsh", base)
    assert bundles.known() == [paths.default_bundle(), tmp_path / "marsh"]


def test_a_temporary_bundle_is_told_to_be_one(tiles: Path, base: Path) -> None:
    feedback = Feedback()
    _train(tiles, QgsProcessing.TEMPORARY_OUTPUT, base, feedback)
    assert any("is temporary and gone when QGIS closes" in line for line in feedback.lines)
    assert bundles.known() == [paths.default_bundle()]


def test_enough_ends_it_early_and_gives_a_bundle(tiles: Path, base: Path, tmp_path: Path) -> None:
    def conclude(training: Training) -> None:
        if len(training.epochs) == 9:
            training.conclude()

    sessions.listen(conclude)
    try:
        result = _train(tiles, tmp_path / "slow", base)
    finally:
        sessions.forget(conclude)
    (training,) = sessions.trainings()
    assert 9 <= result["EPOCHS"] < 60 and training.state == FINISHED
    assert training.sentence.startswith("It was told that it is enough; kept is epoch 4")
    assert (tmp_path / "slow" / "model.json").is_file()


def test_cancel_leaves_no_bundle_and_says_how_to_go_on(tiles: Path, base: Path, tmp_path: Path) -> None:
    feedback = Feedback(cancel=True)
    with pytest.raises(QgsProcessingException, match="stopped without a bundle; tick Resume"):
        _train(tiles, tmp_path / "slow", base, feedback)
    (training,) = sessions.trainings()
    assert training.state == CANCELLED and "tick Resume" in training.sentence
    assert not (tmp_path / "slow" / "model.json").exists()
    assert bundles.known() == [paths.default_bundle()]


def test_an_error_of_the_worker_is_told_in_log_and_panel(tiles: Path, base: Path, tmp_path: Path) -> None:
    with pytest.raises(QgsProcessingException, match="No tile of val shows reed; label more."):
        _train(tiles, tmp_path / "error", base)
    (training,) = sessions.trainings()
    assert (training.state, training.sentence) == (FAILED, "No tile of val shows reed; label more.")


def test_a_defect_of_ours_ends_the_training_too(
    tiles: Path, base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any) -> Any:
        raise PluginError("The summary is odd.")

    monkeypatch.setattr(train.train_summary, "sentence", broken)
    with pytest.raises(QgsProcessingException, match="odd"):
        _train(tiles, tmp_path / "marsh", base)
    assert sessions.trainings()[0].state == FAILED


def test_figures_that_could_not_be_measured_do_no_harm(tiles: Path, base: Path, tmp_path: Path) -> None:
    feedback = Feedback()
    _train(tiles, tmp_path / "nan", base, feedback)
    assert any("F1 –" in line for line in feedback.lines)


@pytest.mark.parametrize(
    ("more", "sentence"),
    [
        ({"TILES": "{}"}, "has no routerset.json, so it holds no training tiles"),
        ({"EXPERT": "moss"}, "The tiles have no task 'moss'; name one of reed, water as Expert."),
        ({"EXPERT": ""}, "No expert is named, but the tiles have the tasks reed, water"),
        ({"EXPERT": "water"}, "The model bundle has an expert water already; choose finetune"),
        ({"WHAT": "switcher"}, "EXPERT is 'reed', but switcher does not use it"),
        (
            {"WHAT": "switcher", "EXPERT": "", "LIKE": "water"},
            "LIKE is 'water', but switcher does not use it",
        ),
        ({"TUNE": "water"}, "TUNE is 'water', but expert does not use it"),
        ({"WHAT": "finetune", "LIKE": "water"}, "LIKE is 'water', but finetune does not use it"),
        ({"WHAT": "finetune"}, "The model bundle has no expert 'reed' to be trained further"),
        ({"WHAT": "finetune", "EXPERT": "water", "TUNE": "clouds"}, "has one of that name already"),
        (
            {"WHAT": "finetune", "TUNE": "moss"},
            "TUNE names 'moss', which is none of the model bundle's experts",
        ),
        ({"LIKE": "moss"}, "LIKE names 'moss', which is none of the model bundle's experts water, clouds."),
        ({"LIKE": "ships"}, "LIKE names 'ships', which finds objects; name one of water, clouds."),
        ({"WHAT": "everything"}, "WHAT"),
        ({"MINUTES": 0}, "MINUTES"),
        ({"EPOCHS": 0}, "EPOCHS"),
        ({"SEED": -1}, "SEED"),
        ({"BUNDLE": "/nowhere"}, "has no model.json"),
        ({"OVERWRITE": True, "RESUME": True}, "tick only one of them"),
        ({"OUTPUT_FOLDER": "{}/base"}, "would replace the one that is extended"),
        ({"OUTPUT_FOLDER": "{}/tiles/new", "TILES": "{}/tiles/new/in"}, "would lie among the training tiles"),
        (
            {"OUTPUT_FOLDER": "{}/other"},
            "already holds a model bundle; choose another one, or tick Overwrite",
        ),
        ({"OUTPUT_FOLDER": "{}/half"}, "holds an unfinished training; tick Resume"),
        ({"OUTPUT_FOLDER": "{}/base/model.json"}, "is a file"),
    ],
)
def test_what_cannot_work_is_refused_at_once(
    more: dict[str, Any],
    sentence: str,
    tiles: Path,
    base: Path,
    tmp_path: Path,
    context: QgsProcessingContext,
) -> None:
    make_tiles(tmp_path / "tiles" / "new" / "in", "reed")
    make_bundle(tmp_path / "other", "water")
    (tmp_path / "half" / "training").mkdir(parents=True)
    (tmp_path / "half" / "training" / "request.json").write_text("{}")
    given = {key: v.replace("{}", str(tmp_path)) if isinstance(v, str) else v for key, v in more.items()}
    usual = {
        "TILES": str(tiles),
        "BUNDLE": str(base),
        "EXPERT": "reed",
        "OUTPUT_FOLDER": str(tmp_path / "new"),
    }
    algorithm = QgsApplication.processingRegistry().createAlgorithmById("hydranet:train")
    accepted, told = algorithm.checkParameterValues({**usual, **given}, context)
    assert not accepted and sentence in told
    assert "\n" not in told


@pytest.mark.parametrize("content", ["{", "[]", "{}", '{"format": "hydranet-routerset/9"}', "tasks"])
def test_tiles_that_cannot_be_understood_are_refused(
    content: str, base: Path, tmp_path: Path, context: QgsProcessingContext
) -> None:
    folder = tmp_path / "odd"
    folder.mkdir()
    text = '{"format": "hydranet-routerset/1", "tasks": []}' if content == "tasks" else content
    (folder / "routerset.json").write_text(text)
    algorithm = QgsApplication.processingRegistry().createAlgorithmById("hydranet:train")
    parameters = {"TILES": str(folder), "BUNDLE": str(base), "OUTPUT_FOLDER": str(tmp_path / "new")}
    accepted, told = algorithm.checkParameterValues(parameters, context)
    assert not accepted and "cannot be understood" in told and told.endswith("export them again.")


def test_the_only_task_need_not_be_named(base: Path, tmp_path: Path, asked: list[dict[str, Any]]) -> None:
    _train(make_tiles(tmp_path / "one", "reed"), tmp_path / "marsh", base, EXPERT=None)
    assert asked[0]["expert"] == "reed"
    assert asked[0]["seconds"] == 300.0  # the usual limit holds where none is given


def test_a_switcher_needs_an_expert_that_the_tiles_tell_about(
    base: Path, tiles: Path, tmp_path: Path, asked: list[dict[str, Any]]
) -> None:
    with pytest.raises(QgsProcessingException, match="tasks reed, none of which is an expert"):
        _train(make_tiles(tmp_path / "one", "reed"), tmp_path / "a", base, WHAT="switcher", EXPERT=None)
    _train(tiles, tmp_path / "b", base, WHAT="switcher", EXPERT=None, MINUTES=None)
    assert (asked[0]["what"], asked[0]["expert"], asked[0]["seconds"]) == ("switcher", None, None)
    assert sessions.trainings()[0].title == "b: Switcher"


def test_another_expert_trained_further_may_get_a_new_name(
    base: Path, tiles: Path, tmp_path: Path, asked: list[dict[str, Any]]
) -> None:
    _train(tiles, tmp_path / "b", base, WHAT="finetune", TUNE="water")
    assert (asked[0]["expert"], asked[0]["tune"]) == ("reed", "water")


def test_the_default_bundle_is_extended_where_none_is_named(
    base: Path, tiles: Path, tmp_path: Path, asked: list[dict[str, Any]]
) -> None:
    bundles.choose(str(base))
    _train(tiles, tmp_path / "marsh", base, BUNDLE=None)
    assert asked[0]["bundle"] == str(base)


def test_a_model_predicts_with_the_bundle_that_it_has_trained(
    tiles: Path, base: Path, scene: Path, tmp_path: Path, context: QgsProcessingContext
) -> None:
    source, model = QgsProcessingModelChildParameterSource, QgsProcessingModelAlgorithm("m", "g")
    steps: dict[str, dict[str, Any]] = {
        "train": {
            "WHAT": "expert", "TILES": str(tiles), "EXPERT": "reed", "BUNDLE": str(base),
            "OUTPUT_FOLDER": str(tmp_path / "marsh"),
        },
        "predict": {
            "INPUT": str(scene), "BANDS": "auto", "TOP_K": 9, "POLICY": "threshold", "OVERLAP": 64,
            "RADIOMETRY": "auto", "FORCE_GSD": False, "OVERWRITE": False,
            "OUTPUT_FOLDER": str(tmp_path / "run"),
        },
    }  # fmt: skip
    for name, values in steps.items():
        child = QgsProcessingModelChildAlgorithm(f"hydranet:{name}")
        child.setChildId(name)
        for parameter, value in values.items():
            child.addParameterSources(parameter, [source.fromStaticValue(value)])
        if name == "predict":
            child.addParameterSources("BUNDLE", [source.fromChildOutput("train", "OUTPUT_FOLDER")])
            child.addParameterSources("EXPERTS", [source.fromExpression("'reed,water'")])
        model.addChildAlgorithm(child)
    assert model.validate() == (True, [])
    model.initAlgorithm()
    _, fine = model.run({}, context, Feedback())
    assert fine
    request = json.loads((tmp_path / "run" / "run.json").read_text())["request"]
    assert (request["bundle"], request["experts"]) == (str(tmp_path / "marsh"), ["reed", "water"])
    assert request["top_k"] == 4  # all that the bundle has
