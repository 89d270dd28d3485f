"""report.html: one file that stands for itself, readable on a phone and on paper.

Everything that comes from files or from the user goes through `markup.text`; pictures are in the file.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any

from . import markup
from .figures import LEAST_BLOCKS, NAMES, OVERALL
from .page_classes import classes_part, matrix_part
from .page_router import doubt_part, router_part
from .pictures import COLORS

_STYLE = """
body { font: 15px/1.5 sans-serif; color: #222; background: #fff; max-width: 60em; margin: 1.2em auto;
  padding: 0 1em; }
h1 { font-size: 1.45em; margin-bottom: .2em; } h2 { font-size: 1.15em; margin: 1.8em 0 .5em; }
table { border-collapse: collapse; } .scroll { overflow-x: auto; }
th, td { padding: .3em .6em; border-bottom: 1px solid #dde1e4; text-align: right; vertical-align: top; }
th { font-weight: 600; } th:first-child, td:first-child, .facts td { text-align: left; min-width: 5.5em; }
.facts td:first-child { color: #5a646c; white-space: nowrap; } .facts td { overflow-wrap: anywhere; }
.figures { display: flex; flex-wrap: wrap; gap: .7em; margin-bottom: .8em; }
.figure { border: 1px solid #dde1e4; border-radius: 6px; padding: .5em .9em; min-width: 8.5em; }
.figure b { display: block; font-size: 1.55em; line-height: 1.3; }
.small, .between { color: #5a646c; font-size: .87em; } .between { white-space: nowrap; }
.matrix td { min-width: 4.2em; border: 1px solid #fff; } .matrix th { border: 0; }
.key { display: inline-block; width: .85em; height: .85em; border: 1px solid #999; margin-right: .4em; }
.keys span { margin-right: 1.1em; white-space: nowrap; }
img.map { max-width: 100%; border: 1px solid #ccd; } svg { max-width: 100%; height: auto; }
.note { background: #fdf6e3; border-left: 3px solid #d9a400; padding: .4em .9em; }
code { background: #f2f4f5; padding: .1em .3em; overflow-wrap: anywhere; }
@media print { body { margin: 0; max-width: none; font-size: 11pt; } h2 { break-after: avoid; }
  table, svg, img, .figure { break-inside: avoid; }
  * { print-color-adjust: exact; -webkit-print-color-adjust: exact; } .scroll { overflow: visible; } }
"""


def page(facts: Mapping[str, Any], map_png: bytes) -> str:
    """The report.

    Args:
        facts: what `evaluate.evaluate_reference` found, see there; figures.json has the same.
        map_png: the map of agreement.
    """
    figures = facts["figures"]
    parts = [
        f"<h1>{markup.text(facts['title'])}</h1>",
        f'<p class="small">against {markup.text(facts["reference"]["name"])}, by HydraNet '
        f"{markup.text(facts['versions']['hydranet'])}</p>",
        _headline(figures),
        markup.section("What was compared", _compared(facts)),
        markup.section("Where it agrees", _map(facts, map_png)),
        markup.section("Confusion matrix", matrix_part(facts)),
        markup.section("Classes", classes_part(facts)),
    ]
    if facts["router"] is not None:
        parts.append(markup.section("Routing", router_part(facts["router"])))
    if facts["uncertainty"] is not None:
        parts.append(markup.section("Uncertainty", doubt_part(facts["uncertainty"])))
    parts.append(markup.section("What to keep in mind", _caveats(facts)))
    parts.append(markup.section("To repeat this", _repeat(facts)))
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{markup.text(facts['title'])}</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n"
        + "\n".join(parts)
        + "\n</body>\n</html>\n"
    )


def _headline(figures: Mapping[str, Any]) -> str:
    between, blocks = figures["intervals"], figures["blocks"]
    cards = "".join(markup.card(NAMES[key], figures[key], markup.between(between[key])) for key in OVERALL)
    told = f"Below each figure its 95 % interval, by drawing {markup.count(blocks)} blocks anew."
    if blocks < LEAST_BLOCKS:
        told = (
            f"No intervals are told: the compared pixels lie in {blocks} blocks, and it takes {LEAST_BLOCKS}."
        )
    return f'<div class="figures">{cards}</div>\n<p class="small">{told}</p>'


def _compared(facts: Mapping[str, Any]) -> str:
    pixels, reference = facts["pixels"], facts["reference"]
    rows = [
        ("Input", markup.text(facts["input"]["path"])),
        (
            "Its pixels",
            f"{markup.count(facts['input']['width'])} x {markup.count(facts['input']['height'])}, "
            f"{markup.text(facts['input']['crs'])}",
        ),
        ("Reference", f"{markup.text(reference['path'])}: {markup.text(reference['kind'])}"),
    ]
    if reference["area"]:
        rows.append(("Area", f"inside the polygons of {markup.text(reference['area'])} only"))
    if reference["background"]:
        rows.append(("Outside the polygons", f"taken for {markup.text(reference['background'])}"))
    if facts["model"]:
        rows.append(("Made by", markup.text(facts["model"])))
    rows += [
        ("Compared", f"{markup.count(pixels['compared'])} pixels{markup.hectares(pixels['compared_ha'])}"),
        (
            "Without a partner",
            f"{markup.share(pixels['reference_only'], pixels['reference_only'] + pixels['compared'])} of the "
            f"reference's pixels ({markup.count(pixels['reference_only'])}) and "
            f"{markup.share(pixels['input_only'], pixels['input_only'] + pixels['compared'])} of the input's "
            f"({markup.count(pixels['input_only'])}) were not compared",
        ),
    ]
    return markup.table((), rows, "facts")


def _map(facts: Mapping[str, Any], png: bytes) -> str:
    keys = "".join(
        f'<span><i class="key" style="background:{COLORS[number][1]}"></i>{COLORS[number][0]}</span>'
        for number in facts["outcomes"]
    )
    cell = facts["map_cell"]
    mixed = f" Each dot is {cell} x {cell} pixels, its colour the mixture of theirs." if cell > 1 else ""
    return (
        f'<p><img class="map" alt="Map of agreement" src="data:image/png;base64,'
        f'{base64.b64encode(png).decode("ascii")}"></p>\n<p class="keys">{keys}</p>\n'
        f'<p class="small">As the pixels of the input lie.{mixed}</p>'
    )


def _caveats(facts: Mapping[str, Any]) -> str:
    block, kind = facts["block"], markup.text(facts["reference"]["kind"])
    rows = [
        f"The reference ({kind}) is taken for the truth; what it gets wrong counts as an error of the input.",
        "Neighbouring pixels are alike and no independent evidence, so the intervals are from blocks of "
        f"{block} x {block} pixels that are drawn anew. They say nothing of other places, dates or sensors.",
        "The figures hold where both sides say something. They are no estimate for the whole map unless the "
        "reference is a probability sample of it.",
        "Means over classes give each class of the reference the same weight, however rare it is.",
    ]
    if facts["router"] is not None:
        rows.append(
            "Pixels are compared only where tiles went to the expert; what it missed because they did not is "
            "told by the reference without a partner and by the routing's recall. Tiles overlap, so they are "
            "no independent evidence either."
        )
    items = "".join(f"<li>{row}</li>\n" for row in rows)
    notes = "".join(f'<p class="note">{markup.text(note)}</p>\n' for note in facts["warnings"])
    return f"{notes}<ul>\n{items}</ul>"


def _repeat(facts: Mapping[str, Any]) -> str:
    versions = ", ".join(f"{markup.text(k)} {markup.text(v)}" for k, v in facts["versions"].items() if v)
    return (
        f'<p><code>{markup.text(facts["command"])}</code></p>\n<p class="small">{versions}. The same figures '
        "are in figures.json and in the CSV files beside this page.</p>"
    )
