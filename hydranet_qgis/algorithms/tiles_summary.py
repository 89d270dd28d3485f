"""What became of an export of tiles: lines for the log, and a page for the Results Viewer."""

from __future__ import annotations

import html
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from qgis.PyQt.QtCore import QUrl

from ..errors import InputError
from ..i18n import tr
from .label_requests import SPLITS

_STYLE = (
    "body { font: 15px/1.5 sans-serif; max-width: 60em; margin: 2em auto; padding: 0 1em; color: #222; "
    "background: #fff; } h1 { font-size: 1.5em; } h2 { font-size: 1.2em; margin-top: 1.6em; } "
    "table { border-collapse: collapse; } td, th { border-bottom: 1px solid #ddd; padding: .3em 1em .3em 0; "
    "text-align: right; } td:first-child, th:first-child { text-align: left; } img { max-width: 100%; } "
    "code { background: #f2f4f5; overflow-wrap: anywhere; }"
)
Rows = Sequence[Sequence[Any]]


def log_lines(summary: Mapping[str, Any]) -> Iterator[str]:
    """The summary in a few lines."""
    yield tr("Tiles: {splits}; regions: {regions}").format(
        splits=_by_split(summary.get("tiles") or {}), regions=summary.get("regions", "-")
    )
    left_out = summary.get("left_out") or {}
    if any(left_out.values()):
        told = ", ".join(f"{why} {count}" for why, count in left_out.items() if count)
        yield tr("Left out: {reasons}").format(reasons=told)
    for task in summary.get("tasks") or ():
        yield tr("{task} is needed in {splits}").format(
            task=task.get("title") or task["name"], splits=_by_split(task.get("needed") or {})
        )
        pixels = ", ".join(f"{name} {count}" for name, count in (task.get("pixels") or {}).items())
        yield tr("{task} has pixels of {classes}").format(
            task=task.get("title") or task["name"], classes=pixels or "-"
        )


def page(summary: Mapping[str, Any], folder: Path) -> str:
    """The summary as HTML, with the contact sheet.

    Args:
        summary: of the worker.
        folder: the routerset.
    """
    parts = [f"<h1>{_text(tr('Training tiles'))}</h1>", f"<p><code>{_text(folder)}</code></p>"]
    parts += _warnings(summary)
    tiles = summary.get("tiles") or {}
    head = ["", *SPLITS, tr("Together")]
    rows: list[list[Any]] = [[tr("Tiles"), *_counts(tiles), sum(tiles.values())]]
    for task in summary.get("tasks") or ():
        needed = task.get("needed") or {}
        name = tr("need {task}").format(task=task.get("title") or task["name"])
        rows.append([name, *_counts(needed), sum(needed.values())])
    parts += [f"<h2>{_text(tr('Splits'))}</h2>", _table(head, rows)]
    for task in summary.get("tasks") or ():
        pixels = task.get("pixels") or {}
        total = sum(pixels.values()) or 1
        parts.append(f"<h2>{_text(task.get('title') or task['name'])}</h2>")
        shares = [[name, f"{count:,}", f"{100 * count / total:.1f} %"] for name, count in pixels.items()]
        parts.append(_table([tr("Class"), tr("Pixels"), tr("Share")], shares))
    left_out = [[why, count] for why, count in (summary.get("left_out") or {}).items() if count]
    if left_out:
        parts += [f"<h2>{_text(tr('Left out'))}</h2>", _table(["", tr("Tiles")], left_out)]
    sheet = folder / str(summary.get("contact_sheet") or "")
    if summary.get("contact_sheet") and sheet.is_file():
        link = _text(QUrl.fromLocalFile(str(sheet)).toString())
        parts.append(f"<h2>{_text(tr('Contact sheet'))}</h2>")
        parts.append(f'<a href="{link}"><img src="{link}" alt="{_text(tr("Some of the tiles"))}"></a>')
    if summary.get("command"):
        parts += [
            f"<h2>{_text(tr('The same on the command line'))}</h2>",
            f"<p><code>{_text(summary['command'])}</code></p>",
        ]
    title = _text(tr("Training tiles"))
    return (
        f'<!DOCTYPE html>\n<html><head><meta charset="utf-8"><title>{title}</title>'
        f"<style>{_STYLE}</style></head>\n<body>\n" + "\n".join(parts) + "\n</body></html>\n"
    )


def write(path: Path, text: str) -> None:
    """Write a page.

    Raises:
        InputError: it cannot be written.
    """
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise InputError(
            tr("The summary cannot be written to {path} ({why}); the tiles are finished and kept.").format(
                path=path, why=error.strerror or error
            )
        ) from error


def _warnings(summary: Mapping[str, Any]) -> list[str]:
    notes = summary.get("warnings") or ()
    return [f"<p><strong>{_text(tr('Note'))}:</strong> {_text(note)}</p>" for note in notes]


def _by_split(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{split} {counts.get(split, 0)}" for split in SPLITS)


def _counts(counts: Mapping[str, int]) -> list[int]:
    return [int(counts.get(split, 0)) for split in SPLITS]


def _table(head: Sequence[str], rows: Rows) -> str:
    titles = "".join(f"<th>{_text(title)}</th>" for title in head)
    lines = "".join("<tr>" + "".join(f"<td>{_text(cell)}</td>" for cell in row) + "</tr>\n" for row in rows)
    return f"<table><tr>{titles}</tr>\n{lines}</table>"


def _text(value: Any) -> str:
    return html.escape(str(value))
