"""Every text a user reads can be translated: a translator that marks what it is given finds the rest."""

from __future__ import annotations

import ast
import html
import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from qgis.core import QgsProcessingModelAlgorithm, QgsProcessingParameterEnum, QgsProject
from qgis.PyQt.QtCore import QAbstractItemModel, QCoreApplication, QObject, Qt, QTranslator
from qgis.PyQt.QtWidgets import QAbstractButton, QAction, QComboBox, QTabWidget, QWidget

import hydranet_qgis
from hydranet_qgis import paths, results, routing_style
from hydranet_qgis.bundle_info import read_bundle
from hydranet_qgis.dock import RunDock
from hydranet_qgis.provider import HydraNetProvider
from hydranet_qgis.run_folder import Run
from hydranet_qgis.uncertainty import MODEL
from tests.qgis.conftest import BANDS
from tests.qgis.run_edits import with_parts, with_scene

ROOT = Path(hydranet_qgis.__file__).parents[1]
sys.path.insert(0, str(ROOT / ".ci"))

import translations  # noqa: E402 - lies in .ci

SOURCES = sorted((ROOT / "hydranet_qgis").rglob("*.py"))
OPEN, CLOSE = "⟦", "⟧"
PROPERTIES = (
    *("text", "plainText", "title", "windowTitle", "toolTip", "statusTip", "whatsThis", "placeholderText"),
    *("accessibleName", "accessibleDescription", "suffix", "prefix", "specialValueText"),
)
ROLES = (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.ToolTipRole, Qt.ItemDataRole.AccessibleTextRole)
# Not texts but names: of the product, of options of a program, of formats and units.
NAMES = {
    "HydraNet",
    "QGIS",
    "Python",
    "NoData",
    "MACs",
    "GMACs",
    "TMACs",
    "CSV",
    "MB",
    "GB",
    "kB",
    "CPU",
    "CUDA",
}


class Marker(QTranslator):
    """Translates every text into itself between marks."""

    def isEmpty(self) -> bool:
        return False

    def translate(self, context: str, text: str, disambiguation: str = "", n: int = -1) -> str:
        return f"{OPEN}{text}{CLOSE}" if text else text


def unmarked(text: Any, data: set[str]) -> str:
    """What is left of a text without what was marked, its HTML and the given data, if it has letters."""
    if not isinstance(text, str):
        return ""
    depth, rest = 0, []
    for character in text:
        depth += {OPEN: 1, CLOSE: -1}.get(character, 0)
        rest.append(character if depth == 0 and character != CLOSE else " ")
    left = re.sub(r"<[^>]*>|&\w+;|\S*[/\\]\S*", " ", "".join(rest))  # tags, entities, paths
    for known in sorted(data | NAMES, key=len, reverse=True):
        left = re.sub(rf"(?<!\w){re.escape(known)}(?!\w)", " ", left)
    return text if re.search(r"[^\W\d_]{2,}", left) else ""


@pytest.fixture
def marker(qgis_app: Any) -> Iterator[Marker]:
    """The translator, switched on before anything is made."""
    made = Marker()
    assert QCoreApplication.installTranslator(made)
    yield made
    QCoreApplication.removeTranslator(made)


def data_of(run: Run) -> set[str]:
    """Texts of a run that are data: they come from the bundle, the file system and the worker."""
    known = {run.folder.name, str(run.folder), run.short_label, run.model, *run.warnings, run.command}
    for expert in run.experts:
        known |= {expert.name, expert.title, expert.label, expert.description, expert.license}
    known |= {word for name in (run.folder.name, run.scene) for word in re.split(r"[\W_]+", name)}
    known |= set(run.scene_expert.classes) | {run.scene_expert.title} if run.scene_expert else set()
    known |= {*BANDS, *(html.escape(text) for text in known)}
    return known - {""}


def bundled_names() -> set[str]:
    """Names of the bundled experts and of the known sensors."""
    model = json.loads((ROOT / "resources" / "bundle" / "model.json").read_text(encoding="utf-8"))
    sensors = json.loads((ROOT / "resources" / "sensors.json").read_text(encoding="utf-8"))
    names = {name for sensor in sensors["sensors"] for name in (sensor["id"], sensor["title"])}
    return names | {expert[key] for expert in model["experts"] for key in ("name", "title")}


def texts_of(widget: QObject) -> Iterator[tuple[str, Any]]:
    """Everything a widget or action says, with where it says it."""
    place = f"{type(widget).__name__} {widget.objectName()}".strip()
    for name in PROPERTIES:
        yield f"{place}.{name}", widget.property(name)
    if isinstance(widget, QComboBox):
        for row in range(widget.count()):
            yield f"{place}.itemText({row})", widget.itemText(row)
            yield f"{place}.itemToolTip({row})", widget.itemData(row, Qt.ItemDataRole.ToolTipRole)
    if isinstance(widget, QTabWidget):
        for tab in range(widget.count()):
            yield f"{place}.tabText({tab})", widget.tabText(tab)
            yield f"{place}.tabToolTip({tab})", widget.tabToolTip(tab)
    model = widget.model() if hasattr(widget, "model") and callable(widget.model) else None
    if isinstance(model, QAbstractItemModel) and not isinstance(widget, QComboBox):
        yield from cells_of(model, place)


def cells_of(model: QAbstractItemModel, place: str) -> Iterator[tuple[str, Any]]:
    """Headers and the first rows of a table."""
    for column in range(model.columnCount()):
        for role in ROLES:
            header = model.headerData(column, Qt.Orientation.Horizontal, role)
            if not (role == Qt.ItemDataRole.DisplayRole and header == column + 1):  # Qt's own numbering
                yield f"{place}.header({column})", header
            for row in range(min(model.rowCount(), 20)):
                yield f"{place}.cell({row}, {column})", model.index(row, column).data(role)


def complaints(top: QWidget, data: set[str]) -> list[str]:
    """Every text of a widget and of all in it that no translator saw."""
    found: dict[str, str] = {}
    for widget in [top, *top.findChildren(QObject)]:
        if not isinstance(widget, (QWidget, QAction)):
            continue
        if isinstance(widget, QAbstractButton) and widget.objectName().startswith("qt_"):
            continue  # Qt's own parts, such as the arrow of a tool bar
        for place, text in texts_of(widget):
            if unmarked(text, data):
                found.setdefault(str(text), place)
    return [f"{place}: {text!r}" for text, place in found.items()]


def test_every_text_of_the_algorithms(marker: Marker, provider: HydraNetProvider) -> None:
    found: list[str] = []
    data = bundled_names()
    algorithms = [one for one in provider.algorithms() if not isinstance(one, QgsProcessingModelAlgorithm)]
    assert algorithms
    for algorithm in algorithms:  # a shipped model's texts lie in its file, which the user may change
        said = [("displayName", algorithm.displayName()), ("group", algorithm.group())]
        said += [("help", algorithm.shortHelpString()), ("description", algorithm.shortDescription())]
        for parameter in algorithm.parameterDefinitions():
            said += [(parameter.name(), parameter.description()), (parameter.name(), parameter.help())]
            # Static strings are the values themselves, as scripts write them.
            if isinstance(parameter, QgsProcessingParameterEnum) and not parameter.usesStaticStrings():
                said += [(f"{parameter.name()} option", option) for option in parameter.options()]
        for output in algorithm.outputDefinitions():
            said.append((output.name(), output.description()))
        found += [f"{algorithm.name()}.{place}: {text!r}" for place, text in said if unmarked(text, data)]
    assert not found, "\n".join(["not translatable:", *found])


def test_every_text_of_the_empty_dock(marker: Marker, dock: RunDock) -> None:
    found = complaints(dock, set())
    assert not found, "\n".join(["not translatable:", *found])


def test_every_text_of_the_dock_with_a_run(marker: Marker, dock: RunDock, run: Run, qtbot: Any) -> None:
    assert dock.panel.open_run(str(run.folder))
    dock.panel.select_tile(0)
    found = complaints(dock, data_of(run))
    assert not found, "\n".join(["not translatable:", *found])


def test_every_text_of_scene_and_uncertainty(marker: Marker, dock: RunDock, run: Run) -> None:
    run = with_scene(with_parts(run))
    assert dock.panel.open_run(str(run.folder))
    heat = dock.panel.widgets.heat
    found = []
    for what in (routing_style.SCENE, routing_style.unsure_of("water", MODEL)):
        heat.choice.setCurrentIndex(heat.choice.findData(what))
        heat.choice.activated.emit(heat.choice.currentIndex())
        dock.panel.select_tile(8)
        found += complaints(dock, data_of(run))
    water = results.find_layer(QgsProject.instance(), run, "expert:water")
    manager = water.styleManager()
    names = [name for name in manager.styles() if "ncertainty" in name]
    assert len(names) == 3 and all(name.startswith(OPEN) for name in names)
    for name in names:
        manager.setCurrentStyle(name)
        function = water.renderer().shader().rasterShaderFunction()
        legend = function.legendSettings()
        texts = [legend.minimumLabel(), legend.maximumLabel()]
        texts += [item.label for item in function.colorRampItemList()]
        found += [text for text in texts if unmarked(text, set())]
    assert not found, "\n".join(["not translatable:", *found])


def test_every_text_of_menu_and_options_page(marker: Marker, qgis_iface: Any, project: Any) -> None:
    from hydranet_qgis.environment_page import EnvironmentDialog

    plugin = hydranet_qgis.classFactory(qgis_iface)
    plugin.initGui()
    try:
        found = [text for action in plugin._actions for _, text in texts_of(action) if unmarked(text, set())]
        dialog = EnvironmentDialog()
        info = read_bundle(paths.default_bundle())  # its name and experts are data
        found += complaints(dialog, {f"{info.id} {info.version}", ", ".join(info.names)})
        dialog.deleteLater()
    finally:
        plugin.unload()
    assert not found, "\n".join(["not translatable:", *found])


def test_marks_are_seen_where_they_are_and_missed_where_not() -> None:
    assert not unmarked("⟦Open⟧", set())
    assert not unmarked("<b>⟦Row {row}, ⟦x⟧⟧</b> 12 %", set())
    assert not unmarked("Water ⟦of⟧", {"Water"})
    assert unmarked("⟦Open⟧ folder", set())
    assert unmarked("Waters", {"Water"})
    assert not unmarked(None, set())


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_tr_is_called_with_one_literal_and_not_at_import(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    found = [call.lineno for call in translations.calls(tree) if translations.literal(call) is None]
    assert not found, f"{path.name}: tr takes one string literal, lines {found}"
    functions = [
        n for n in ast.walk(tree) if isinstance(n, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda))
    ]
    later = {id(call) for function in functions for call in translations.calls(function)}
    early = [call.lineno for call in translations.calls(tree) if id(call) not in later]
    assert not early, f"{path.name}: tr runs before the translator is there, lines {early}"


SAYS = re.compile(
    r"set(Text|ToolTip|StatusTip|WhatsThis|WindowTitle|Title|PlaceholderText|Suffix|Prefix|SpecialValueText|"
    r"AccessibleName|AccessibleDescription|LabelText|CancelButtonText|TabText|ItemText|HeaderLabels)|"
    r"add(Item|Items|Action|Tab|Menu|Row)|Q(Label|PushButton|ToolButton|CheckBox|RadioButton|GroupBox|Action|Menu)|"
    r"push(Info|Warning|Message|Success|Critical|ConsoleInfo)|reportError|setProgressText|"
    r"(information|warning|critical|question|about|getOpenFileName|getSaveFileName|getExistingDirectory|getText)|"
    r"\w*(Error|Missing|Exception|Failed|Cancelled)"
)


def _says(call: ast.Call) -> list[ast.expr]:
    """The arguments of a call that are texts for the user, written there and then."""
    name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
    if not SAYS.fullmatch(name):
        return []
    return [arg for arg in call.args if isinstance(arg, (ast.Constant, ast.JoinedStr)) and _words(arg)]


def _words(arg: ast.expr) -> bool:
    """Whether words stand in a literal: not a name, a path, a tag, a number's format."""
    literals = arg.values if isinstance(arg, ast.JoinedStr) else [arg]
    parts = [node.value for node in literals if isinstance(node, ast.Constant)]
    return any(
        isinstance(text, str) and unmarked(text, set()) and re.search(r"[A-Z ]", text) for text in parts
    )


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_sentence_goes_to_the_user_past_tr(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    nodes = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    found = [f"{path.name}:{arg.lineno}: {ast.unparse(arg)}" for call in nodes for arg in _says(call)]
    assert not found, "\n".join(found)


def test_template_for_translators_holds_every_text() -> None:
    present = translations.TARGET.read_text(encoding="utf-8")
    assert present == translations.render(), "the texts have changed; run make translations"
