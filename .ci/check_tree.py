"""Checks of the tree that no common tool knows: what lies where, who imports whom, how long a file is."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path

from tree import ROOT, is_text, project_files

TOP_LEVEL = {
    *("hydranet_qgis", "model_core", "resources", "tests", "metadata.txt", "Makefile", "README.md"),
    *("pyproject.toml", "LICENSE", "CHANGELOG.md", ".gitignore", ".ci"),
}
SHIPPED = {"hydranet_qgis", "model_core", "resources", "metadata.txt", "README.md", "CHANGELOG.md", "LICENSE"}
LONG, TOO_LONG = 400, 500  # lines of a Python file: look at it, refuse it

# Someone's own folder, in any file; the machine's, in what is shipped.
OWN_FOLDER = re.compile(r"(?<![\w.~}])/(?:home|root|work|Users)/\w|\b[A-Z]:\\\\?Users\\")
MACHINE_FOLDER = re.compile(r"(?<![\w.~})/])/(?:tmp|usr|opt|var|etc|mnt)/\w")

# Where systems keep their Pythons is what these are about.
KNOWS_SYSTEMS = {Path("hydranet_qgis/interpreters.py"), Path("tests/qgis/test_interpreters.py")}

QT_BINDINGS = {"PyQt5", "PyQt6", "PySide2", "PySide6"}
FORBIDDEN = {
    "hydranet_qgis": {"torch", "rasterio", "model_core", "pyogrio", "safetensors", "tqdm", *QT_BINDINGS},
    "model_core": {"qgis", "hydranet_qgis", "osgeo", "processing", *QT_BINDINGS},
}
UNSAFE_IMPORTS = {"pickle", "cPickle", "dill", "shelve", "marshal"}
UNSAFE_CALLS = {"eval", "exec", "compile", "__import__"}
UNSAFE_TRUE = {"shell", "allow_pickle"}


def check_places(files: list[Path]) -> Iterator[str]:
    """Nothing on the top level but what the design names."""
    for name in sorted({path.parts[0] for path in files} - TOP_LEVEL):
        yield f"{name}: not one of the names the top level may hold; move it into one of them"


def check_paths(path: Path, text: str) -> Iterator[str]:
    """No path of one machine."""
    for number, line in enumerate(text.splitlines(), 1):
        if path in KNOWS_SYSTEMS:
            continue
        found = OWN_FOLDER.search(line)
        if not found and path.parts[0] in SHIPPED:
            found = MACHINE_FOLDER.search(line)
        if found:
            yield f"{path}:{number}: the absolute path '{found.group()}…' exists on one machine only"


def check_length(path: Path, text: str) -> Iterator[str]:
    """A file of one idea is 100 to 300 lines long."""
    lines = text.count("\n")
    if lines > TOO_LONG:
        yield f"{path}: {lines} lines, at most {TOO_LONG}; split it by ideas"
    elif lines > LONG:
        print(f"tree: note: {path} has {lines} lines; is it one idea?")


def imported(tree: ast.AST) -> Iterator[tuple[str, int]]:
    """The first name of every absolute import below `tree`, with its line."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name.split(".")[0], node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module.split(".")[0], node.lineno


def at_import_time(tree: ast.AST) -> Iterator[ast.stmt]:
    """The import statements that run when the module is imported: all outside functions."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            yield node
        elif not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and not _typing_only(node):
            yield from at_import_time(node)


def _typing_only(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test)


def check_imports(path: Path, tree: ast.AST) -> Iterator[str]:
    """The two houses stay apart, and QGIS starts without NumPy's help."""
    house = path.parts[0]
    for name, line in imported(tree):
        if name in FORBIDDEN.get(house, ()):
            yield f"{path}:{line}: {house} must not import {name}"
        if name in UNSAFE_IMPORTS:
            yield f"{path}:{line}: {name} runs code from data; use JSON or safetensors"
    if house == "hydranet_qgis":
        for node in at_import_time(tree):
            if any(name == "numpy" for name, _ in imported(node)):
                yield f"{path}:{node.lineno}: numpy is imported with the plugin; import it where it is used"


def check_calls(path: Path, tree: ast.AST) -> Iterator[str]:
    """Nothing that runs code from data, or a shell."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Assert):
            yield f"{path}:{node.lineno}: assert vanishes under -O; raise an error"
        if not isinstance(node, ast.Call):
            continue
        name = ast.unparse(node.func)
        if name in UNSAFE_CALLS or name == "torch.load":
            yield f"{path}:{node.lineno}: {name}() runs code from data"
        for keyword in node.keywords:
            if keyword.arg in UNSAFE_TRUE and getattr(keyword.value, "value", None) is True:
                yield f"{path}:{node.lineno}: {keyword.arg}=True is not allowed"


def problems() -> Iterator[str]:
    """All that is wrong with the tree, one sentence each."""
    files = project_files()
    yield from check_places(files)
    for path in files:
        if not is_text(path):
            continue
        text = (ROOT / path).read_text(encoding="utf-8")
        yield from check_paths(path, text)
        if path.suffix == ".py":
            yield from check_length(path, text)
            if path.parts[0] in FORBIDDEN:
                tree = ast.parse(text, filename=str(path))
                yield from check_imports(path, tree)
                yield from check_calls(path, tree)


def main() -> int:
    """Print what is wrong; 1 if anything is."""
    found = list(problems())
    for problem in found:
        print(f"tree: {problem}")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
