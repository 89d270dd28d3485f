"""`make translations`: every text of the plugin that a user reads, as the template translators start from.

    .venv/bin/python .ci/translations.py        resources/i18n/hydranet.ts

A translation is a copy of that file, resources/i18n/hydranet_<locale>.ts, filled in with Qt Linguist;
`lrelease hydranet_<locale>.ts` makes the .qm that the plugin loads. No translation is shipped yet.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path
from xml.sax.saxutils import escape

from tree import ROOT

TARGET = ROOT / "resources" / "i18n" / "hydranet.ts"
PACKAGE = ROOT / "hydranet_qgis"
CONTEXT = "HydraNet"
HEADER = '<?xml version="1.0" encoding="utf-8"?>\n<!DOCTYPE TS>\n<TS version="2.1" sourcelanguage="en">\n'


def calls(tree: ast.AST) -> Iterator[ast.Call]:
    """Every call of `tr` below `tree`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "tr":
            yield node


def literal(call: ast.Call) -> str | None:
    """The text of a call of `tr`; None if it is anything but one string literal."""
    if len(call.args) == 1 and not call.keywords and isinstance(call.args[0], ast.Constant):
        text = call.args[0].value
        return text if isinstance(text, str) and text else None
    return None


def texts() -> dict[str, list[str]]:
    """Every text with the files it stands in, sorted."""
    found: dict[str, set[str]] = {}
    for path in PACKAGE.rglob("*.py"):
        for call in calls(ast.parse(path.read_text(encoding="utf-8"))):
            text = literal(call)
            if text is not None:
                found.setdefault(text, set()).add(path.relative_to(ROOT).as_posix())
    return {text: sorted(files) for text, files in sorted(found.items())}


def render() -> str:
    """The template. Without line numbers: it changes only when a text does."""
    lines = [f"{HEADER}<context>\n    <name>{CONTEXT}</name>\n"]
    for text, files in texts().items():
        places = "".join(f'        <location filename="../../{name}"/>\n' for name in files)
        source = escape(text, {"'": "&apos;", '"': "&quot;"})
        lines.append(
            f"    <message>\n{places}        <source>{source}</source>\n"
            '        <translation type="unfinished"></translation>\n    </message>\n'
        )
    return "".join([*lines, "</context>\n</TS>\n"])


def main() -> int:
    """Write the template and say how many texts it holds."""
    TARGET.parent.mkdir(parents=True, exist_ok=True)
    part = TARGET.with_suffix(".ts.part")
    part.write_text(render(), encoding="utf-8")
    part.replace(TARGET)
    print(f"{Path(TARGET).relative_to(ROOT)}  {len(texts())} texts")
    return 0


if __name__ == "__main__":
    sys.exit(main())
