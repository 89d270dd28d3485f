"""Rules of the house that a reader cannot check by running: imports, enums, metadata."""

from __future__ import annotations

import ast
import configparser
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest
from qgis import core, gui
from qgis.PyQt import QtCore, QtGui, QtWidgets

from hydranet_qgis import paths

ROOT = paths.root()
SOURCES = sorted((ROOT / "hydranet_qgis").rglob("*.py"))
FORBIDDEN = {"torch", "rasterio", "model_core", "PyQt5", "PyQt6", "PySide2", "PySide6", "geopandas"}
LATE = {"numpy", "osgeo", "processing"}  # only inside functions
# An enum of these is written with its type: Qt.ItemDataRole.UserRole, never Qt.UserRole.
ENUM_HOLDERS = re.compile(r"(Qt|Q[A-Z]\w+)\Z")
NO_ENUMS = {"TEMPORARY_OUTPUT"}


def _trees() -> Iterator[tuple[str, ast.Module]]:
    for path in SOURCES:
        # feature_version: what only newer Pythons read is a syntax error here
        tree = ast.parse(path.read_text(encoding="utf-8"), feature_version=(3, 9))
        yield path.relative_to(ROOT).as_posix(), tree


def _imports(nodes: Iterable[ast.AST]) -> set[str]:
    names = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    names |= {n.module for n in nodes if isinstance(n, ast.ImportFrom) and n.level == 0 and n.module}
    return {name.split(".")[0] for name in names}


def _unscoped(tree: ast.Module) -> list[str]:
    """Members of enums reached without the enum's name.

    An attribute of a Qt class that begins with a capital letter is an enum or one of its members. An enum
    is a type, and followed by its member or called where it has another name elsewhere; a member is not.
    """
    nodes = list(ast.walk(tree))
    followed = {id(n.value) for n in nodes if isinstance(n, ast.Attribute)}
    called = {id(n.func) for n in nodes if isinstance(n, ast.Call)}
    return [
        f"{node.value.id}.{node.attr}"
        for node in nodes
        if isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Name)
        and ENUM_HOLDERS.match(node.value.id)
        and node.attr[0].isupper()
        and node.attr not in NO_ENUMS
        and id(node) not in followed | called
        and not _is_type(node.value.id, node.attr)
    ]


def _is_type(holder: str, name: str) -> bool:
    """Whether a member of a class of Qt or QGIS is itself a class, such as an enum."""
    homes = [home for home in (QtCore, QtGui, QtWidgets, core, gui) if hasattr(home, holder)]
    member = getattr(getattr(homes[0], holder), name, None) if homes else None
    return isinstance(member, type)


def test_nothing_forbidden_is_imported_and_nothing_heavy_at_import() -> None:
    found = list(_trees())
    assert len(found) > 30
    for name, tree in found:
        assert not _imports(list(ast.walk(tree))) & FORBIDDEN, name
        assert not _imports(tree.body) & LATE, name


def test_enums_are_fully_scoped() -> None:
    assert _unscoped(ast.parse("a = Qt.UserRole; b = Qt.ItemDataRole.UserRole")) == ["Qt.UserRole"]
    hints = "def f(a: Qt.SortOrder = Qt.AscendingOrder) -> Qt.SortOrder: ..."
    assert _unscoped(ast.parse(hints)) == ["Qt.AscendingOrder"]
    for name, tree in _trees():
        assert not _unscoped(tree), name


def test_every_module_says_what_it_is_and_postpones_annotations() -> None:
    for name, tree in _trees():
        assert ast.get_docstring(tree), name
        future = [n for n in tree.body if isinstance(n, ast.ImportFrom) and n.module == "__future__"]
        assert [a.name for n in future for a in n.names] == ["annotations"], name


def test_no_assert_no_shell_and_never_this_very_program_as_python() -> None:
    for name, tree in _trees():
        nodes = list(ast.walk(tree))
        assert not [n for n in nodes if isinstance(n, ast.Assert)], name
        assert not [n for n in nodes if isinstance(n, ast.keyword) and n.arg == "shell"], name
        assert not [n for n in nodes if isinstance(n, ast.Attribute) and n.attr == "executable"], name


def test_metadata_is_complete() -> None:
    reader = configparser.ConfigParser()
    reader.read(ROOT / "metadata.txt", encoding="utf-8")
    general = reader["general"]
    for field in (
        "name",
        "description",
        "version",
        "author",
        "email",
        "about",
        "tracker",
        "repository",
        "homepage",
    ):
        assert general.get(field, "").strip(), field
    assert general["qgisMinimumVersion"] == "3.22"
    assert general["qgisMaximumVersion"] == "4.99"
    assert general["hasProcessingProvider"] == "yes"
    assert "supportsQt6" not in general
    assert "torch" in general["about"] and "rasterio" in general["about"]
    assert (ROOT / general["icon"]).is_file()


def test_the_plugin_has_the_version_of_the_core() -> None:
    text = (ROOT / "model_core" / "__init__.py").read_text(encoding="utf-8")
    version = re.search(r'__version__ = "([^"]+)"', text).group(1)
    assert f"version={version}\n" in (ROOT / "metadata.txt").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", ["hydranet", "predict", "open_run"])
def test_icons_are_small_drawings(name: str) -> None:
    from qgis.PyQt.QtGui import QIcon

    path = Path(paths.icon_path(name))
    assert path.stat().st_size < 3000
    assert not QIcon(str(path)).pixmap(24, 24).isNull()


def test_help_names_every_choice_of_the_algorithm() -> None:
    page = paths.help_path("predict").read_text(encoding="utf-8")
    for word in (
        "threshold",
        "top-k",
        "recall",
        "Mask",
        "Resume",
        "outside mask",
        "auto",
        "run.json",
        "routing.gpkg",
        "HydraNet/python",
        "HYDRANET_PYTHON",
    ):
        assert word in page
