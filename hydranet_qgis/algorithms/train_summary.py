"""What became of a training: lines for the log, a sentence for the panel, a page for the Results Viewer."""

from __future__ import annotations

import html
import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from ..i18n import tr
from ..training import words
from ..training.state import figure_name, told

_PAGE = Path("training") / "summary.html"
_STYLE = (
    "body { font: 15px/1.5 sans-serif; max-width: 60em; margin: 2em auto; padding: 0 1em; color: #222; "
    "background: #fff; } h1 { font-size: 1.5em; } h2 { font-size: 1.2em; margin-top: 1.6em; } "
    "table { border-collapse: collapse; } td, th { border-bottom: 1px solid #ddd; padding: .3em 1em .3em 0; "
    "text-align: right; } td:first-child, th:first-child { text-align: left; } img { max-width: 100%; } "
    "code { background: #f2f4f5; overflow-wrap: anywhere; }"
)


def log_lines(summary: Mapping[str, Any]) -> Iterator[str]:
    """The summary in a few lines."""
    yield words.stopped(summary.get("stopped"), summary.get("best_epoch"))
    for split, figures in _splits(summary.get("figures")):
        yield f"{split}: {_listed(figures)}"
        for row in _rows(figures.get("classes")):
            yield f"{split}, {row.get('name')}: {_listed(row)}"
    for name, figures in _flat(summary.get("router")):
        yield tr("Switcher, {name}: {figures}").format(name=name, figures=_listed(figures))
    kept = summary.get("kept")
    if isinstance(kept, Mapping) and kept:
        yield tr("Unchanged to the bit, by checksum: {names}").format(names=", ".join(map(str, kept)))


def sentence(summary: Mapping[str, Any]) -> str:
    """How it went, in one or two sentences for the panel."""
    parts = [words.stopped(summary.get("stopped"), summary.get("best_epoch"))]
    name, test = main_figure(summary, "test")
    if test is not None:
        text = tr("On the test tiles: {figure} {value}.")
        parts.append(text.format(figure=figure_name(name), value=told(test)))
    return " ".join(parts)


def main_figure(summary: Mapping[str, Any], split: str) -> tuple[str, float | None]:
    """Name and value of the first figure of a split, None where it has none."""
    figures = summary.get("figures")
    listed = figures.get(split) if isinstance(figures, Mapping) else None
    for name, value in listed.items() if isinstance(listed, Mapping) else ():
        if _is_number(value):
            return str(name), float(value)
    return "", None


def results(summary: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """The summary as outputs of the algorithm; what there is not is left out."""
    curves = folder / str(summary.get("curves") or "")
    found = {
        "BUNDLE_ID": summary.get("id"),
        "VAL_FIGURE": main_figure(summary, "val")[1],
        "TEST_FIGURE": main_figure(summary, "test")[1],
        "EPOCHS": summary.get("epochs"),
        "BEST_EPOCH": summary.get("best_epoch"),
        "CURVES": str(curves) if curves.is_file() else None,
    }
    return {name: value for name, value in found.items() if value is not None}


def write_page(summary: Mapping[str, Any], folder: Path) -> Path | None:
    """Write the page beside the training's own files; None if it cannot be: the bundle is whole without."""
    path = folder / _PAGE
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(page(summary, folder), encoding="utf-8")
    except OSError:
        return None
    return path


def page(summary: Mapping[str, Any], folder: Path) -> str:
    """The summary as HTML, with the curves."""
    title = f"{summary.get('id') or folder.name} {summary.get('version') or ''}".strip()
    parts = [f"<h1>{_text(title)}</h1>", f"<p><code>{_text(folder)}</code></p>"]
    parts.append(f"<p>{_text(words.stopped(summary.get('stopped'), summary.get('best_epoch')))}</p>")
    parts += [f"<p><b>{_text(tr('Warning'))}:</b> {_text(one)}</p>" for one in summary.get("warnings") or ()]
    curves = folder / str(summary.get("curves") or "")
    if curves.is_file():
        # Relative to the page, so that the folder can be moved.
        source = Path("analysis") / curves.name if curves.parent.name == "analysis" else curves
        parts.append(f'<p><img src="{_text(source.as_posix())}" alt="{_text(tr("Learning curves"))}"></p>')
    for split, figures in _splits(summary.get("figures")):
        parts += [f"<h2>{_text(split)}</h2>", f"<p>{_text(_listed(figures))}</p>"]
        rows = _rows(figures.get("classes"))
        if rows:
            columns = [key for key in rows[0] if key not in ("value", "name")]
            body = [[row.get("name"), *(_cell(row.get(key)) for key in columns)] for row in rows]
            parts.append(_table([tr("Class"), *map(figure_name, columns)], body))
    routed = list(_flat(summary.get("router")))
    if routed:
        parts.append(f"<h2>{_text(tr('Switcher'))}</h2>")
        parts.append(_table([tr("Row"), tr("Figures")], [[name, _listed(f)] for name, f in routed]))
    kept = summary.get("kept")
    if isinstance(kept, Mapping) and kept:
        parts.append(f"<h2>{_text(tr('Unchanged to the bit'))}</h2>")
        rows = [[name, str(digest)[:16]] for name, digest in kept.items()]
        parts.append(_table([tr("Part"), "sha256"], rows))
    if summary.get("command"):
        parts.append(f"<h2>{_text(tr('Again'))}</h2><p><code>{_text(summary['command'])}</code></p>")
    return (
        f'<!DOCTYPE html>\n<html><head><meta charset="utf-8"><title>{_text(title)}</title>'
        f"<style>{_STYLE}</style></head>\n<body>{''.join(parts)}</body></html>\n"
    )


def _splits(figures: Any) -> Iterator[tuple[str, Mapping[str, Any]]]:
    titles = {"val": tr("Validation"), "test": tr("Test"), "cal": tr("Calibration")}
    for split, told_ in figures.items() if isinstance(figures, Mapping) else ():
        if isinstance(told_, Mapping):
            yield titles.get(str(split), str(split)), told_


def _flat(data: Any, above: str = "") -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Every object that holds figures, with the names on the way to it."""
    if not isinstance(data, Mapping):
        return
    if above and any(_is_number(value) for value in data.values()):
        yield above, data
    for name, value in data.items():
        yield from _flat(value, f"{above}, {name}" if above else str(name))


def _listed(figures: Mapping[str, Any]) -> str:
    given = ((name, value) for name, value in figures.items() if name != "value" and _is_number(value))
    return ", ".join(f"{figure_name(str(name))} {_cell(value)}" for name, value in given)


def _rows(listed: Any) -> list[Mapping[str, Any]]:
    return [row for row in listed if isinstance(row, Mapping)] if isinstance(listed, list) else []


def _cell(value: Any) -> str:
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return told(float(value)) if _is_number(value) else "–"


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def _table(head: Sequence[Any], rows: Sequence[Sequence[Any]]) -> str:
    first = "".join(f"<th>{_text(cell)}</th>" for cell in head)
    body = "".join("<tr>" + "".join(f"<td>{_text(cell)}</td>" for cell in row) + "</tr>" for row in rows)
    return f"<table><tr>{first}</tr>{body}</table>"


def _text(value: Any) -> str:
    return html.escape(str(value))
