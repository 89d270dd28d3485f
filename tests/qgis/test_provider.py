"""The provider registers whatever is missing, and the algorithm's parameters are what was agreed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from qgis.core import QgsApplication, QgsProcessingAlgorithm, QgsProcessingParameterDefinition

from hydranet_qgis import paths
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
    "OVERLAP": ("number", False, 64),
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
    *("POLICY", "MISS_RATE", "OVERLAP", "RADIOMETRY", "FORCE_GSD", "SKIP_DAMAGED", "BUNDLE"),
    *("THREADS", "MEMORY_MB", "RESUME", "OVERWRITE"),
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
    return QgsApplication.processingRegistry().createAlgorithmById("hydranet:predict")


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
    for definition in algorithm.parameterDefinitions():
        optional = bool(definition.flags() & flag.FlagOptional)
        found[definition.name()] = (definition.type(), optional, definition.defaultValue())
        assert bool(definition.flags() & flag.FlagAdvanced) == (definition.name() in ADVANCED)
        assert definition.help(), definition.name()
    assert found == AGREED
    assert {output.name() for output in algorithm.outputDefinitions()} == OUTPUTS
    assert algorithm.parameterDefinition("ROUTING").createByDefault()


def test_help_icon_and_group_are_there(algorithm: QgsProcessingAlgorithm) -> None:
    text = algorithm.shortHelpString()
    for definition in algorithm.parameterDefinitions():
        assert f"<b>{definition.description()}</b>" in text
    assert algorithm.helpUrl().startswith("file:")
    assert Path(algorithm.svgIconPath()).is_file()
    assert algorithm.group() and algorithm.groupId() and "satellite" in algorithm.tags()


def test_it_can_run_in_the_background_and_be_cancelled(algorithm: QgsProcessingAlgorithm) -> None:
    flags = algorithm.flags()
    assert flags & QgsProcessingAlgorithm.Flag.FlagCanCancel
    assert not flags & QgsProcessingAlgorithm.Flag.FlagNoThreading
    assert algorithm.canExecute()


def test_experts_come_from_the_bundle(bundle: Path, provider: HydraNetProvider) -> None:
    algorithm = QgsApplication.processingRegistry().createAlgorithmById("hydranet:predict")
    experts = algorithm.parameterDefinition("EXPERTS")
    assert experts.options() == ["water", "fire"]
    assert experts.usesStaticStrings() and experts.allowMultiple()
    assert "fire (Fire, simulated data only)" in experts.help()
    assert algorithm.parameterDefinition("TOP_K").maximum() == 2
    assert algorithm.parameterDefinition("OVERLAP").maximum() == 64


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
        assert algorithm.canExecute()
    finally:
        registry.removeProvider("hydranet")


def test_what_is_read_of_a_bundle(bundle: Path, tmp_path: Path) -> None:
    info = read_bundle(bundle)
    assert (info.names, info.tile_size, info.problem) == (["water", "fire"], 128, None)
    assert "model.json" in read_bundle(tmp_path / "nowhere").problem


def test_sensors_are_read_from_the_resources(tmp_path: Path) -> None:
    assert "rgb" in known_sensors(paths.resources())
    assert known_sensors(tmp_path) == []
