"""Ready for Qt 6, as far as that can be seen with Qt 5: what the two do not share is not used.

QGIS 4 cannot be installed here, so nothing of this is a claim that the plugin runs on it.
"""

from __future__ import annotations

import ast
import enum
import importlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import hydranet_qgis

ROOT = Path(hydranet_qgis.__file__).parents[1]
SOURCES = sorted((ROOT / "hydranet_qgis").rglob("*.py"))
HOUSES = ("qgis.PyQt", "qgis.core", "qgis.gui", "qgis.analysis")

# Gone in Qt 6, and what takes the place.
GONE_NAMES = {
    "QRegExp": "QRegularExpression",
    "QRegExpValidator": "QRegularExpressionValidator",
    "QDesktopWidget": "QScreen",
    "QTextCodec": "Python's codecs",
    "QGLWidget": "QOpenGLWidget",
    "QSignalMapper": "a lambda or functools.partial",
    "QVariant": "plain Python values; its types are QMetaType's now",
}
GONE_CALLS = {
    "exec_": "exec()",
    "print_": "print()",
    "setMargin": "setContentsMargins()",
    "toTime_t": "toSecsSinceEpoch()",
    "fromTime_t": "fromSecsSinceEpoch()",
    "setTabStopWidth": "setTabStopDistance()",
}
# In another module since Qt 6; QGIS' shim has them here in every version, elsewhere only in newer ones.
MOVED = {"QAction", "QActionGroup", "QShortcut"}
# What an event of the mouse no longer has, by the method that gets it.
EVENTS = {
    "mouse": {"globalPos", "globalX", "globalY", "x", "y", "localPos"},
    "wheel": {"pos", "globalPos", "x", "y", "delta"},
    "drop": {"pos", "mouseButtons", "keyboardModifiers"},
    "drag": {"pos", "mouseButtons", "keyboardModifiers"},
    "enter": {"pos", "globalPos", "x", "y"},
}
# QFontMetrics.width is gone; QRect, QImage, QWidget keep theirs.
WIDTH = re.compile(r"(?i)(metrics|fm)\w*(\(\))?\.width$")
# Enums that are ints with Qt 6 too; of others int() raises.
INTS = ("AlignmentFlag", "TextFlag", "ItemDataRole", "Key")
BINDINGS = re.compile(r"\b(PyQt[456]|PySide\d?|sip)\b")


def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def imported(tree: ast.AST) -> dict[str, Any]:
    """Everything that a module takes from Qt or QGIS, by the name it has there."""
    found: dict[str, Any] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith(HOUSES):
            module = importlib.import_module(node.module)
            found |= {alias.asname or alias.name: getattr(module, alias.name, None) for alias in node.names}
    return found


def is_member(value: Any) -> bool:
    """Whether a value is a member of an enum: an int of a class of its own, or one of Python's Enum."""
    kind = type(value)
    if isinstance(value, type) or kind.__module__ == "builtins":
        return False
    return isinstance(value, (int, enum.Enum))


def unscoped(tree: ast.AST) -> Iterator[tuple[int, str, str]]:
    """Enum members taken from the class instead of the enum: line, as written, as it ought to be."""
    names = imported(tree)
    for node in ast.walk(tree):
        if not (isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name)):
            continue
        owner = names.get(node.value.id)
        if not isinstance(owner, type) or is_enum(owner):
            continue
        value = getattr(owner, node.attr, None)
        if is_member(value):
            proper = f"{node.value.id}.{type(value).__name__}.{node.attr}"
            yield node.lineno, ast.unparse(node), proper


def is_enum(owner: type) -> bool:
    """Whether a class is itself an enum, as those that QGIS keeps outside other classes."""
    return hasattr(owner, "__members__") or issubclass(owner, int)


def gone(node: ast.AST) -> Iterator[str]:
    """What one node uses that Qt 6 lacks."""
    if isinstance(node, ast.Import):
        yield from (f"import of {alias.name}" for alias in node.names if BINDINGS.match(alias.name))
    elif isinstance(node, ast.ImportFrom):
        module = node.module or ""
        if BINDINGS.match(module):
            yield f"import of {module}"
        for name in (alias.name for alias in node.names):
            if name in GONE_NAMES:
                yield f"{name}, use {GONE_NAMES[name]}"
            if name in MOVED and module != "qgis.PyQt.QtWidgets":
                yield f"{name} from {module}, but every version has it in qgis.PyQt.QtWidgets"
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        if node.func.attr in GONE_CALLS:
            yield f"{node.func.attr}(), use {GONE_CALLS[node.func.attr]}"
        if WIDTH.search(ast.unparse(node.func)):
            yield "QFontMetrics.width(), use horizontalAdvance()"
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "int":
        value = ast.unparse(node.args[0]) if node.args else ""
        if re.match(r"Q\w+\.\w+\.\w+$", value) and value.split(".")[1] not in INTS:
            yield f"int({value}), which is no int any more: compare it as it is"
    elif isinstance(node, ast.FunctionDef) and node.name.endswith("Event") and len(node.args.args) > 1:
        missing = next((names for kind, names in EVENTS.items() if node.name.startswith(kind)), set())
        lacking = {f"{node.args.args[1].arg}.{name}" for name in missing}
        for used in ast.walk(node):
            if isinstance(used, ast.Attribute) and ast.unparse(used) in lacking:
                yield f"{ast.unparse(used)}() in {node.name}, gone from this event"


def problems(text: str) -> list[str]:
    """All that stands in the way in one module, with its line."""
    tree = ast.parse(text)
    found = [f"{line}: {written}, write {proper}" for line, written, proper in unscoped(tree)]
    return found + [f"{node.lineno}: {what}" for node in ast.walk(tree) for what in gone(node)]


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_nothing_that_qt6_lacks(path: Path) -> None:
    found = [f"{path.relative_to(ROOT)}:{problem}" for problem in problems(path.read_text(encoding="utf-8"))]
    assert not found, "\n".join(found)


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("from qgis.PyQt.QtCore import Qt\nQt.UserRole", "write Qt.ItemDataRole.UserRole"),
        ("from qgis.PyQt.QtWidgets import QFrame as F\nF.NoFrame", "write F.Shape.NoFrame"),
        ("from qgis.core import Qgis\nQgis.Warning", "write Qgis.MessageLevel.Warning"),
        ("from PyQt5.QtCore import Qt", "import of PyQt5.QtCore"),
        ("import sip", "import of sip"),
        ("dialog.exec_()", "use exec()"),
        ("from qgis.PyQt.QtCore import QRegExp", "QRegularExpression"),
        ("from qgis.PyQt.QtGui import QIcon\nself.fontMetrics().width('a')", "horizontalAdvance"),
        ("from qgis.PyQt.QtGui import QAction", "every version has it in qgis.PyQt.QtWidgets"),
        ("from qgis.PyQt.QtCore import Qt\nint(Qt.KeyboardModifier.ShiftModifier)", "no int any more"),
        ("class A:\n  def dropEvent(self, event):\n    event.pos()", "gone from this event"),
    ],
)
def test_what_qt6_lacks_is_found(code: str, expected: str) -> None:
    assert expected in " ".join(problems(code))


@pytest.mark.parametrize(
    "code",
    [
        "from qgis.PyQt.QtCore import Qt\nQt.ItemDataRole.UserRole",
        "from qgis.PyQt.QtCore import QSize\nQSize.width",
        "from qgis.core import QgsProcessing\nQgsProcessing.TEMPORARY_OUTPUT",
        "from qgis.PyQt.QtWidgets import QAction\nself.image.width()",
    ],
)
def test_what_both_know_is_left_alone(code: str) -> None:
    assert problems(code) == []


def test_metadata_promises_no_more_than_was_tried() -> None:
    text = (ROOT / "metadata.txt").read_text(encoding="utf-8")
    assert "qgisMaximumVersion=4.99" in text
    assert "supportsQt6" not in text
