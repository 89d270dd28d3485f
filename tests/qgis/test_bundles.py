"""Bundles of one's own: the list of them, the default one, and their experts wherever experts are named."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from qgis.core import QgsApplication, QgsProcessingContext, QgsProcessingUtils, QgsProject, QgsSettings
from qgis.PyQt.QtCore import Qt

from hydranet_qgis import bundles, paths, results
from hydranet_qgis import plugin as plugin_module
from hydranet_qgis.environment_page import EnvironmentPage
from hydranet_qgis.environment_page.bundle_box import BundleBox
from hydranet_qgis.expert_colors import assign
from hydranet_qgis.provider import HydraNetProvider
from hydranet_qgis.run_folder import read_run
from tests.qgis.conftest import Feedback
from tests.qgis.fake_worker import fake_run
from tests.qgis.training_sets import make_bundle


@pytest.fixture(autouse=True)
def _clean() -> Iterator[None]:
    bundles.forget_passing()
    yield
    bundles.forget_passing()
    for name in (bundles.DEFAULT, bundles.KNOWN):
        QgsSettings().remove(name)


@pytest.fixture
def own(tmp_path: Path) -> Path:
    """A bundle with one expert more than the fake worker's others."""
    return make_bundle(tmp_path / "marsh", *fake_run.NAMES, "reed")


def _algorithm(name: str = "predict") -> Any:
    return QgsApplication.processingRegistry().createAlgorithmById(f"hydranet:{name}")


def test_at_first_there_is_the_plugins_own(tmp_path: Path) -> None:
    assert bundles.chosen() == "" and bundles.default_folder() == paths.default_bundle()
    assert bundles.known() == [paths.default_bundle()]
    assert bundles.label(paths.default_bundle()).endswith("(comes with the plugin)")


def test_bundles_are_remembered_the_last_one_first(tmp_path: Path) -> None:
    one, two = make_bundle(tmp_path / "one", "water"), make_bundle(tmp_path / "two", "water")
    for folder in (one, two, one):
        bundles.remember(str(folder))
    bundles.remember(str(paths.default_bundle()))
    bundles.remember(QgsProcessingUtils.tempFolder() + "/passing")
    assert bundles.known() == [paths.default_bundle(), one, two]
    bundles.replace([str(two)])
    assert bundles.known() == [paths.default_bundle(), two]


def test_a_bundle_that_goes_with_qgis_is_offered_but_never_stored() -> None:
    passing = make_bundle(Path(QgsProcessingUtils.tempFolder()) / "OUTPUT_FOLDER" / "passing", "water")
    try:
        for _ in range(2):
            bundles.remember(str(passing))
        assert bundles.offered() == [paths.default_bundle(), passing]
        assert bundles.known() == [paths.default_bundle()]
    finally:
        shutil.rmtree(passing)
    assert bundles.offered() == [paths.default_bundle()]


@pytest.mark.parametrize("stored", ["{", "3", '{"a": 1}', "[1, null]"])
def test_a_damaged_list_is_an_empty_one(stored: str) -> None:
    QgsSettings().setValue(bundles.KNOWN, stored)
    assert bundles.known() == [paths.default_bundle()]


def test_another_default_is_told_once(own: Path) -> None:
    heard: list[str] = []

    def listen() -> None:
        heard.append(bundles.chosen())

    bundles.listen(listen)
    try:
        for folder in (str(own), str(own), str(paths.default_bundle()), ""):
            bundles.choose(folder)
    finally:
        bundles.forget(listen)
    assert heard == [str(own), ""]
    assert own in bundles.known()


def test_labels_tell_what_is_missing(own: Path, tmp_path: Path) -> None:
    assert bundles.label(own) == "marsh 2 (marsh)"
    assert bundles.label(tmp_path / "gone") == "gone (missing)"


def test_algorithms_follow_the_default_bundle(own: Path, provider: HydraNetProvider) -> None:
    bundles.listen(plugin_module.refresh_algorithms)
    try:
        assert "reed" not in _algorithm().parameterDefinition("EXPERTS").options()
        bundles.choose(str(own))
        algorithm = _algorithm()
        assert algorithm.parameterDefinition("EXPERTS").options() == [*fake_run.NAMES, "reed"]
        assert "reed (Reed)" in algorithm.parameterDefinition("EXPERTS").help()
        assert algorithm.parameterDefinition("EXPERT_REED") is not None
        bundles.choose("")
        assert _algorithm().parameterDefinition("EXPERT_REED") is None
    finally:
        bundles.forget(plugin_module.refresh_algorithms)


def test_the_default_bundle_is_in_the_request(
    own: Path, scene: Path, tmp_path: Path, provider: HydraNetProvider, fake_worker: Path
) -> None:
    import processing

    for number, wanted in enumerate((None, str(own))):
        bundles.choose(wanted or "")
        folder = tmp_path / f"run{number}"
        processing.run(
            "hydranet:predict", {"INPUT": str(scene), "OUTPUT_FOLDER": str(folder)}, feedback=Feedback()
        )
        assert json.loads((folder / "run.json").read_text())["request"]["bundle"] == wanted


@pytest.mark.parametrize("experts", [["reed", "water"], "reed,water", "reed, water"])
def test_experts_of_the_bundle_that_is_named_are_accepted(
    experts: Any, own: Path, scene: Path, tmp_path: Path, provider: HydraNetProvider, fake_worker: Path
) -> None:
    import processing

    parameters = {
        "INPUT": str(scene), "OUTPUT_FOLDER": str(tmp_path / "run"), "BUNDLE": str(own), "EXPERTS": experts
    }  # fmt: skip
    processing.run("hydranet:predict", parameters, feedback=Feedback())
    request = json.loads((tmp_path / "run" / "run.json").read_text())["request"]
    assert (request["bundle"], request["experts"]) == (str(own), ["reed", "water"])
    assert own in bundles.known()  # used once, offered from then on


@pytest.mark.parametrize("name", ["predict", "route"])
def test_experts_the_bundle_lacks_are_refused_with_those_it_has(
    name: str, scene: Path, tmp_path: Path, provider: HydraNetProvider, context: QgsProcessingContext
) -> None:
    small = make_bundle(tmp_path / "small", "reed", "moss")
    given = {"INPUT": str(scene), "OUTPUT_FOLDER": str(tmp_path / "run")}
    parameters = {**given, "BUNDLE": str(small), "EXPERTS": ["water"]}
    accepted, told = _algorithm(name).checkParameterValues(parameters, context)
    assert not accepted
    assert told == "EXPERTS names 'water', which the model bundle does not have; its experts are reed, moss."


def test_a_default_that_is_gone_is_told(
    own: Path, scene: Path, tmp_path: Path, provider: HydraNetProvider, context: QgsProcessingContext
) -> None:
    bundles.choose(str(own))
    (own / "model.json").unlink()
    parameters = {"INPUT": str(scene), "OUTPUT_FOLDER": str(tmp_path / "run")}
    accepted, told = _algorithm().checkParameterValues(parameters, context)
    assert not accepted and "The default model bundle" in told and "Settings > Options > HydraNet" in told
    parameters["BUNDLE"] = str(make_bundle(tmp_path / "other", "water"))
    assert _algorithm().checkParameterValues(parameters, context) == (True, "")


@pytest.mark.parametrize("content", [None, "{", '{"experts": [{"name": 7}, {"name": "7"}]}', "folder"])
def test_a_damaged_default_takes_no_algorithm_away(
    content: str | None, own: Path, scene: Path, provider: HydraNetProvider, context: QgsProcessingContext
) -> None:
    bundles.choose(str(own))
    (own / "model.json").unlink()
    if content == "folder":
        (own / "model.json").mkdir()
    elif content is not None:
        (own / "model.json").write_text(content)
    before = len(provider.algorithms())
    provider.refreshAlgorithms()
    assert len(provider.algorithms()) == before
    own_one = {"INPUT": str(scene), "BUNDLE": str(paths.default_bundle()), "EXPERTS": ["water"]}
    own_one["OUTPUT_FOLDER"] = str(scene.parent / "run")
    assert _algorithm().checkParameterValues(own_one, context) == (True, "")
    page = EnvironmentPage()
    assert page.bundles.table.topLevelItemCount() == 2


@pytest.mark.parametrize(("names", "asked", "used"), [(("reed",), 2, 1), (tuple("abcdefghijkl"), 64, 12)])
def test_experts_per_tile_are_no_more_than_the_named_bundle_has(
    names: tuple[str, ...], asked: int, used: int, scene: Path, tmp_path: Path, provider: HydraNetProvider,
    fake_worker: Path,
) -> None:  # fmt: skip
    import processing

    given = {"INPUT": str(scene), "BUNDLE": str(make_bundle(tmp_path / "own", *names)), "TOP_K": asked}
    processing.run("hydranet:predict", {**given, "OUTPUT_FOLDER": str(tmp_path / "run")}, feedback=Feedback())
    assert json.loads((tmp_path / "run" / "run.json").read_text())["request"]["top_k"] == used


def test_the_layer_of_a_new_expert_has_its_title_colour_and_classes(
    scene: Path, tmp_path: Path, project: QgsProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(fake_run.CLASSES, "reed", [("other", None), ("reed", "#7a9a01")])
    monkeypatch.setitem(fake_run.TITLES, "reed", "Reed beds")
    monkeypatch.setitem(fake_run.THRESHOLDS, "reed", 0.1)
    monkeypatch.setattr(fake_run, "NAMES", [*fake_run.NAMES, "reed"])
    scores_of = fake_run.scores_of

    def scores(*place: int) -> dict[str, float | None]:
        told = scores_of(*place)
        return {**told, "reed": None if told["water"] is None else 0.9}

    monkeypatch.setattr(fake_run, "scores_of", scores)
    fake_run.write_run(tmp_path / "run", {"input": str(scene)})
    run = read_run(tmp_path / "run")
    expert = next(one for one in run.experts if one.name == "reed")
    assert (expert.label, assign(run.experts)["reed"]) == ("Reed beds", "#7a9a01")
    layer = next(one for one in results.load_run(run, project) if results.layer_role(one) == "expert:reed")
    assert layer.name() == "Reed beds"
    assert [item.label for item in layer.renderer().classes()] == ["other", "reed"]
    assert layer.renderer().classes()[1].color.name() == "#7a9a01"


def test_the_options_offer_the_known_bundles(own: Path, tmp_path: Path, qtbot: Any) -> None:
    bundles.remember(str(own))
    bundles.remember(str(tmp_path / "gone"))
    box = BundleBox()
    qtbot.addWidget(box)
    rows = [[box.table.topLevelItem(row).text(column) for column in range(3)] for row in range(3)]
    assert rows[0][2] == "comes with the plugin" and "water" in rows[0][1]
    assert rows[1] == ["gone (missing)", "", str(tmp_path / "gone")]
    assert rows[2] == ["marsh 2 (marsh)", ", ".join([*fake_run.NAMES, "reed"]), str(own)]
    assert not box.remove.isEnabled()  # the plugin's own stays
    checked, unchecked = Qt.CheckState.Checked, Qt.CheckState.Unchecked
    box.table.topLevelItem(2).setCheckState(0, checked)
    assert [box.table.topLevelItem(row).checkState(0) for row in range(3)] == [unchecked, unchecked, checked]
    assert bundles.chosen() == ""  # only when it is applied
    box.apply()
    assert bundles.default_folder() == own
    assert bundles.known()[1:] == [tmp_path / "gone", own]
    box.table.setCurrentItem(box.table.topLevelItem(1))
    box.remove.click()
    box.table.setCurrentItem(box.table.topLevelItem(1))
    box.remove.click()
    box.apply()
    assert bundles.known() == [paths.default_bundle()] and bundles.chosen() == ""


def test_a_missing_bundle_can_be_kept_but_is_told(tmp_path: Path, qtbot: Any) -> None:
    bundles.remember(str(tmp_path / "gone"))
    box = BundleBox()
    qtbot.addWidget(box)
    assert box.verdict.text() == ""
    box.table.topLevelItem(1).setCheckState(0, Qt.CheckState.Checked)
    assert "There is no model.json" in box.verdict.text()
    box.table.topLevelItem(1).setCheckState(0, Qt.CheckState.Unchecked)
    assert box.verdict.text() == ""  # one is always used


def test_only_bundles_can_be_added(own: Path, tmp_path: Path, qtbot: Any) -> None:
    box = BundleBox()
    qtbot.addWidget(box)
    box.add_folder(tmp_path)
    assert "cannot be read" in box.verdict.text().replace("\u200b", "") and box.table.topLevelItemCount() == 1
    for _ in range(2):
        box.add_folder(own)
    assert box.table.topLevelItemCount() == 2 and box.remove.isEnabled()


def test_the_page_stores_the_bundle_with_the_rest(own: Path, qtbot: Any) -> None:
    page = EnvironmentPage()
    qtbot.addWidget(page)
    page.bundles.add_folder(own)
    page.bundles.table.topLevelItem(1).setCheckState(0, Qt.CheckState.Checked)
    page.apply()
    assert bundles.default_folder() == own
