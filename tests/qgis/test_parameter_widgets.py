"""The widgets of bundles, experts and tasks in Processing's own dialogs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from qgis.core import QgsApplication, QgsProcessingContext, QgsSettings
from qgis.gui import QgsMessageBar
from qgis.PyQt.QtWidgets import QDialog

from hydranet_qgis import bundles
from hydranet_qgis.provider import HydraNetProvider
from tests.qgis.training_sets import make_bundle, make_tiles

pytestmark = pytest.mark.usefixtures("provider")


@pytest.fixture(autouse=True)
def _clean() -> Iterator[None]:
    _forget()  # what other tests have used is offered, too
    yield
    _forget()


def _forget() -> None:
    bundles.forget_passing()
    for name in (bundles.DEFAULT, bundles.KNOWN):
        QgsSettings().remove(name)


class Dialog(QDialog):
    """As much of Processing's dialog as its panel asks for."""

    def __init__(self) -> None:
        super().__init__()
        self._bar = QgsMessageBar(self)

    def messageBar(self) -> QgsMessageBar:
        return self._bar


@pytest.fixture
def panels(qgis_processing: Any, qgis_iface: Any, qtbot: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Makes the parameters' panel of an algorithm, as its dialog does."""
    from processing.gui import ParametersPanel as module

    monkeypatch.setattr(module, "iface", None)  # pytest-qgis's is no real one
    made = []

    def make(name: str) -> Any:
        algorithm = QgsApplication.processingRegistry().createAlgorithmById(f"hydranet:{name}")
        parent = Dialog()
        qtbot.addWidget(parent)
        panel = module.ParametersPanel(parent, algorithm)
        made.append((algorithm, parent, panel))
        return panel

    return make


def _ticks(wrapper: Any) -> dict[str, bool]:
    combo = wrapper.list
    return {combo.itemText(row): combo.itemCheckState(row) == 2 for row in range(combo.count())}


def test_known_bundles_are_chosen_from_a_list(
    panels: Any, tmp_path: Path, provider: HydraNetProvider
) -> None:
    own = make_bundle(tmp_path / "marsh", "water", "reed")
    bundles.remember(str(own))
    bundle = panels("predict").wrappers["BUNDLE"]
    texts = [bundle.list.itemText(row) for row in range(bundle.list.count())]
    assert texts[0].startswith("Default: ") and texts[-1] == "marsh 2 (marsh)"
    assert not bundle.parameterValue()
    bundle.list.setCurrentIndex(len(texts) - 1)
    assert bundle.parameterValue() == str(own)
    bundle.setParameterValue(str(tmp_path / "gone"), QgsProcessingContext())  # such as from the history
    assert bundle.parameterValue() == str(tmp_path / "gone")
    assert bundle.list.currentText() == "gone (missing)"


def test_experts_follow_the_bundle(panels: Any, tmp_path: Path) -> None:
    own = make_bundle(tmp_path / "marsh", "water", "reed")
    panel = panels("predict")
    bundle, experts = panel.wrappers["BUNDLE"], panel.wrappers["EXPERTS"]
    assert "clouds" in _ticks(experts) and experts.parameterValue() == []
    experts.setParameterValue(
        ["reed", "water"], QgsProcessingContext()
    )  # of a stored call, whose bundle comes after it
    assert experts.parameterValue() == ["water"]
    bundle.setParameterValue(str(own), QgsProcessingContext())
    assert _ticks(experts) == {"water": True, "reed": True}
    definition = panel.algorithm().parameterDefinition("EXPERTS")
    assert definition.checkValueIsAcceptable(experts.parameterValue())
    bundle.setParameterValue(None, QgsProcessingContext())
    assert experts.parameterValue() == ["water"]


def test_the_task_is_picked_from_the_tiles_and_experts_from_the_bundle(panels: Any, tmp_path: Path) -> None:
    tiles = make_tiles(tmp_path / "tiles", "reed", "moss")
    own = make_bundle(tmp_path / "marsh", "water", "sand", objects=["ships"])
    wrappers = panels("train").wrappers
    wrappers["TILES"].setParameterValue(str(tiles), QgsProcessingContext())
    wrappers["BUNDLE"].setParameterValue(str(own), QgsProcessingContext())
    assert [wrappers["EXPERT"].list.itemText(row) for row in range(2)] == ["reed", "moss"]
    assert [wrappers["LIKE"].list.itemText(row) for row in range(2)] == ["water", "sand"]
    assert wrappers["LIKE"].list.count() == 2  # the objects expert is none to start from
    assert wrappers["EXPERT"].parameterValue() is None
    wrappers["EXPERT"].setParameterValue("moss", QgsProcessingContext())
    assert wrappers["EXPERT"].parameterValue() == "moss"
    wrappers["TILES"].setParameterValue(str(tmp_path), QgsProcessingContext())
    assert wrappers["EXPERT"].list.count() == 0 and wrappers["EXPERT"].parameterValue() == "moss"
