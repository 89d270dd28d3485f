"""The example models: sound, self-explaining, without a trace of where they were made."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Any

import pytest
from qgis.core import (
    QgsApplication,
    QgsProcessingModelAlgorithm,
    QgsProcessingParameterDefinition,
)

from hydranet_qgis import models, paths
from hydranet_qgis.provider import HydraNetProvider

FILES = sorted((paths.resources() / "models").glob("*.model3"))
WATER = "hydranet:Water polygons"
_OPTIONAL = QgsProcessingParameterDefinition.Flag.FlagOptional


def _made(provider: HydraNetProvider) -> QgsProcessingModelAlgorithm:
    """The model as a dialog or qgis_process makes it, its steps known."""
    return QgsApplication.processingRegistry().createAlgorithmById(WATER)


def test_the_models_are_algorithms_of_the_provider(provider: HydraNetProvider) -> None:
    assert len(FILES) > 0
    shipped = models.shipped_models()
    assert len(shipped) == len(FILES)
    known = {algorithm.name(): algorithm for algorithm in provider.algorithms()}
    for model in shipped:
        assert known[model.name()].group() == model.group() == "Examples"


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_model_is_sound_and_every_mandatory_parameter_is_set(
    path: Path, provider: HydraNetProvider
) -> None:
    model = QgsProcessingModelAlgorithm()
    assert model.fromFile(str(path))
    assert model.validate() == (True, [])
    for name, child in model.childAlgorithms().items():
        algorithm = child.algorithm()
        assert algorithm is not None, child.algorithmId()
        # Defaults are not applied in a model.
        needed = {
            definition.name()
            for definition in algorithm.parameterDefinitions()
            if not definition.isDestination() and not definition.flags() & _OPTIONAL
        }
        assert needed <= set(child.parameterSources()), name
        # METHOD came with 3.28, where it is mandatory.
        known = {definition.name() for definition in algorithm.parameterDefinitions()} | {"METHOD"}
        assert set(child.parameterSources()) <= known, name


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_model_says_nothing_of_the_machine_it_was_made_on(path: Path) -> None:
    values = re.findall(r'="([^"]*)"', path.read_text(encoding="utf-8"))
    assert len(values) > 100
    assert not [value for value in values if re.match(r"/|[A-Za-z]:[\\/]|file:|~", value)]


def test_the_steps_lead_from_the_scene_to_the_polygons(provider: HydraNetProvider) -> None:
    children = _made(provider).childAlgorithms()
    step, way = "mean", []
    while True:
        way.append(children[step].algorithmId())
        (source,) = children[step].parameterSources()["INPUT"]
        if not source.outputChildId():
            break
        step, output = source.outputChildId(), source.outputName()
    assert source.parameterName() == "scene"
    assert way == [
        "native:zonalstatisticsfb",
        "native:extractbyattribute",
        "native:fieldcalculator",
        "native:fixgeometries",
        "native:extractbyexpression",
        "gdal:polygonize",
        "hydranet:predict",
    ]
    assert output == "EXPERT_WATER"
    assert children["predict"].parameterSources()["EXPERTS"][0].staticValue() == ["water"]


def test_every_input_and_result_is_explained(provider: HydraNetProvider) -> None:
    model = _made(provider)
    told: dict[str, Any] = model.helpContent()
    asked = [d.name() for d in model.parameterDefinitions() if not d.isDestination()]
    assert asked == ["scene", "band", "smallest_area"]
    given = [d.name() for d in model.outputDefinitions()]
    assert set(given) == {"mean:Water polygons", "predict:Run folder"}
    assert all(told[name].endswith(".") for name in ["ALG_DESC", *asked, *given])


def test_a_damaged_model_is_logged_and_left_out(monkeypatch: Any, tmp_path: Path) -> None:
    folder = tmp_path / "models"
    folder.mkdir()
    shutil.copy(FILES[0], folder / "good.model3")
    (folder / "cut.model3").write_text(FILES[0].read_text(encoding="utf-8")[:500], encoding="utf-8")
    (folder / "empty.model3").touch()
    (folder / "other.model3").write_text("<!DOCTYPE model>\n<Option type='Map'/>\n", encoding="utf-8")
    monkeypatch.setattr(paths, "resources", lambda: tmp_path)
    said: list[str] = []
    log = QgsApplication.messageLog()
    keep = lambda text, tag, _level: said.append(text) if tag == "HydraNet" else None  # noqa: E731
    log.messageReceived.connect(keep)
    try:
        assert [model.name() for model in models.shipped_models()] == ["Water polygons"]
    finally:
        log.messageReceived.disconnect(keep)
    assert [Path(re.search(r"model (\S+) cannot", text)[1]).stem for text in said] == [
        "cut",
        "empty",
        "other",
    ]


def test_without_a_folder_of_models_there_are_none(monkeypatch: Any, tmp_path: Path) -> None:
    monkeypatch.setattr(paths, "resources", lambda: tmp_path)
    assert models.shipped_models() == []
