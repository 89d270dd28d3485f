"""The provider registers whatever is missing, and the algorithms' parameters are what was agreed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from qgis.core import QgsApplication, QgsProcessingAlgorithm, QgsProcessingParameterDefinition

from hydranet_qgis import environment, paths
from hydranet_qgis.bundle_info import known_sensors, read_bundle
from hydranet_qgis.provider import HydraNetProvider

AGREED = {
    "INPUT": ("raster", False, None),
    "BANDS": ("string", False, "auto"),
    "EXPERTS": ("enum", True, None),
    "TOP_K": ("number", False, 2),
    "EXTENT": ("extent", True, None),
    "MASK": ("source", True, None),
    "POLICY": ("enum", False, "threshold"),
    "MISS_RATE": ("number", True, 5.0),
    "THRESHOLDS": ("string", True, None),
    "OVERLAP": ("number", False, 64),
    "UNCERTAINTY": ("boolean", True, False),
    "OBJECT_SCORE": ("number", True, None),
    "RADIOMETRY": ("string", False, "auto"),
    "FORCE_GSD": ("boolean", False, False),
    "SKIP_DAMAGED": ("boolean", True, False),
    "BUNDLE": ("file", True, None),
    "THREADS": ("number", True, None),
    "MEMORY_MB": ("number", True, None),
    "RESUME": ("boolean", True, False),
    "OVERWRITE": ("boolean", False, False),
    "ROUTING": ("sink", True, None),
    "OUTPUT_FOLDER": ("folderDestination", False, None),
}
ADVANCED = {
    *("POLICY", "MISS_RATE", "THRESHOLDS", "UNCERTAINTY", "OVERLAP", "RADIOMETRY", "FORCE_GSD"),
    *("OBJECT_SCORE",),
    *("SKIP_DAMAGED", "BUNDLE", "THREADS", "MEMORY_MB", "RESUME", "OVERWRITE"),
}
OUTPUTS = {
    "OUTPUT_LAYERS",
    "TILES",
    "ROUTED_TILES",
    "ABSTAINED_TILES",
    "RUN_JSON",
    "ROUTING",
    "OUTPUT_FOLDER",
}


@pytest.fixture
def algorithm(provider: HydraNetProvider) -> QgsProcessingAlgorithm:
    return _algorithm("predict")


def _algorithm(name: str) -> QgsProcessingAlgorithm:
    return QgsApplication.processingRegistry().createAlgorithmById(f"hydranet:{name}")


@pytest.fixture
def bundle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A bundle of two experts in the place of the plugin's own."""
    folder = tmp_path / "bundle"
    folder.mkdir()
    experts = [{"name": "water", "title": "Water"}, {"name": "fire", "title": "Fire", "simulated": True}]
    data = {"experts": experts, "input": {"tile_size": 128}}
    (folder / "model.json").write_text(json.dumps(data))
    monkeypatch.setattr(paths, "default_bundle", lambda: folder)
    return folder


def test_parameters_are_the_agreed_ones(algorithm: QgsProcessingAlgorithm) -> None:
    flag = QgsProcessingParameterDefinition.Flag
    found = {}
    own = read_bundle(paths.default_bundle())
    rasters = {f"EXPERT_{expert.name.upper()}" for expert in own.experts if not expert.finds_objects}
    layers = {"OUTPUT_OBJECTS"} if own.objects is not None else set()
    for definition in algorithm.parameterDefinitions():
        name, advanced = definition.name(), bool(definition.flags() & flag.FlagAdvanced)
        optional = bool(definition.flags() & flag.FlagOptional)
        found[name] = (definition.type(), optional, definition.defaultValue())
        assert advanced == (name in ADVANCED | rasters | layers), name
        assert definition.help(), name
    assert {name: value for name, value in found.items() if name not in rasters | layers} == AGREED
    assert "EXPERT_WATER" in rasters
    for name in rasters:
        assert found[name] == ("rasterDestination", True, None)
        assert not algorithm.parameterDefinition(name).createByDefault()
    for name in layers:
        assert found[name] == ("sink", True, None)
        assert not algorithm.parameterDefinition(name).createByDefault()
    assert {output.name() for output in algorithm.outputDefinitions()} == OUTPUTS | rasters | layers
    assert algorithm.parameterDefinition("ROUTING").createByDefault()


def test_scores_alone_need_nothing_that_concerns_decoding(provider: HydraNetProvider) -> None:
    algorithm = _algorithm("route")
    names = {definition.name() for definition in algorithm.parameterDefinitions()}
    assert names == set(AGREED) - {"UNCERTAINTY", "OBJECT_SCORE"}
    assert {output.name() for output in algorithm.outputDefinitions()} == OUTPUTS - {"OUTPUT_LAYERS"}


@pytest.mark.parametrize(
    "name", ["predict", "objects", "route", "reroute", "preparebands", "exporttiles", "evaluate"]
)
def test_every_algorithm_is_explained_and_can_be_cancelled(name: str, provider: HydraNetProvider) -> None:
    algorithm = _algorithm(name)
    text = algorithm.shortHelpString()
    for definition in algorithm.parameterDefinitions():
        assert definition.help(), definition.name()
        assert f"<b>{definition.description()}</b>" in text
    assert algorithm.displayName() and algorithm.group() and algorithm.groupId() == "experts"
    assert "hydranet" in algorithm.tags()
    assert algorithm.helpUrl().endswith(f"{name}.html")
    assert Path(algorithm.svgIconPath()).name == f"{name}.svg"
    assert Path(algorithm.svgIconPath()).stat().st_size < 3000
    assert not algorithm.icon().pixmap(24, 24).isNull()
    flags = algorithm.flags()
    assert flags & QgsProcessingAlgorithm.Flag.FlagCanCancel
    assert not flags & QgsProcessingAlgorithm.Flag.FlagNoThreading


@pytest.mark.parametrize(
    "name", ["predict", "objects", "route", "reroute", "preparebands", "exporttiles", "evaluate"]
)
def test_without_a_python_it_is_listed_and_says_what_to_do(
    name: str, provider: HydraNetProvider, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    there = [False]

    def find() -> environment.Interpreter:
        if not there[0]:
            return environment.discover("", {}, tmp_path, tmp_path)
        return environment.Interpreter(tmp_path / "python", "tests")

    monkeypatch.setattr(environment, "find_interpreter", find)
    able, sentence = _algorithm(name).canExecute()
    assert not able
    assert "Settings > Options > HydraNet" in sentence
    there[0] = True  # set up meanwhile
    assert _algorithm(name).canExecute() == (True, "")


def test_experts_come_from_the_bundle(bundle: Path, provider: HydraNetProvider) -> None:
    algorithm = _algorithm("predict")
    experts = algorithm.parameterDefinition("EXPERTS")
    assert experts.options() == ["water", "fire"]
    assert experts.usesStaticStrings() and experts.allowMultiple()
    assert "fire (Fire, simulated data only)" in experts.help()
    assert algorithm.parameterDefinition("TOP_K").defaultValue() == 2
    assert algorithm.parameterDefinition("OVERLAP").maximum() == 64
    rasters = [d.name() for d in algorithm.parameterDefinitions() if d.type() == "rasterDestination"]
    assert rasters == ["EXPERT_WATER", "EXPERT_FIRE"]


@pytest.mark.parametrize("content", [None, "{", "[]", '{"experts": 3}', '{"experts": [3, {"title": "x"}]}'])
def test_a_damaged_bundle_does_not_hide_the_algorithm(
    content: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, qgis_processing: None
) -> None:
    folder = tmp_path / "broken"
    folder.mkdir()
    if content is not None:
        (folder / "model.json").write_text(content)
    monkeypatch.setattr(paths, "default_bundle", lambda: folder)
    registry, made = QgsApplication.processingRegistry(), HydraNetProvider()
    registry.addProvider(made)
    try:
        algorithm = registry.createAlgorithmById("hydranet:predict")
        assert algorithm.parameterDefinition("EXPERTS").options() == []
        assert "could not be read" in algorithm.parameterDefinition("EXPERTS").help()
        assert algorithm.parameterDefinition("EXPERT_WATER") is None
    finally:
        registry.removeProvider("hydranet")


def test_what_is_read_of_a_bundle(bundle: Path, tmp_path: Path) -> None:
    info = read_bundle(bundle)
    assert (info.names, info.tile_size, info.problem) == (["water", "fire"], 128, None)
    assert "model.json" in read_bundle(tmp_path / "nowhere").problem


def test_sensors_are_read_from_the_resources(tmp_path: Path) -> None:
    assert "rgb" in known_sensors(paths.resources())
    assert known_sensors(tmp_path) == []
