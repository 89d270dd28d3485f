"""What a run did, in a few lines of text for a terminal or a log."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .many import Outcome


def run_table(run: Mapping[str, Any]) -> str:
    """One run: tiles, share and file of every expert, what was not done, bands and radiometry.

    Args:
        run: what run.json holds.
    """
    tiles, macs = run["tiles"], run["macs"]
    rows = [("expert", "tiles", "share", "file")]
    for expert in run["experts"]:
        share = expert["tiles"] / max(tiles["total"], 1)
        note = expert["output"] or (f"({expert['skipped']})" if expert["skipped"] else "-")
        if expert["output"] and (objects := objects_text(expert)):
            note = f"{objects}  {note}"
        rows.append((expert["name"], str(expert["tiles"]), f"{share:.1%}", note))
    # What a run took and what was done to it since: the second may be the larger part by far.
    later = sum(told["seconds"] for told in run.get("reroutes", ()))
    rerouted = f", and {later:.1f} s to reroute" if later else ""
    masked = f", {tiles['masked']} outside the mask" if tiles.get("masked") else ""
    return "\n".join(
        [
            *_aligned(rows, "<>>"),
            f"{tiles['total']} tiles: {tiles['routed']} routed, {tiles['abstained']} abstained, "
            f"{tiles['empty']} without data{masked}. {macs['saved_fraction']:.1%} of the "
            f"multiply-accumulates of running every expert saved. {run['seconds']['total']:.1f} s{rerouted}.",
            *_scenes_text(run),
            bands_text(run),
            f"Run folder: {run['request']['output']}",
        ]
    )


def objects_text(expert: Mapping[str, Any]) -> str:
    """How many objects an expert found of each class: `34 ships, 1 building`; empty for an expert of pixels.

    Args:
        expert: its entry in run.json.
    """
    if expert["kind"] != "objects":
        return ""
    found = [(name, count) for name, count in expert["objects"]["by_class"].items() if count > 0]
    return ", ".join(f"{count} {name}{'s' * (count != 1)}" for name, count in found) or "no objects"


def _scenes_text(run: Mapping[str, Any]) -> list[str]:
    """How many tiles the scene expert found of each class, the most first; nothing where it was not asked."""
    told = run.get("scene_expert")
    found = sorted(((n, name) for name, n in told["tiles"].items() if n), reverse=True) if told else []
    return [f"{told['title']}: {', '.join(f'{name} {n}' for n, name in found)} tiles."] if found else []


def bands_text(run: Mapping[str, Any]) -> str:
    """Which raster band fed which band of the model, and how numbers became reflectance."""
    mapping = run["band_mapping"]
    words = []
    for name, band in mapping["bands"].items():
        source = band["layer_band"]
        label = band.get("description")
        where = (
            "" if source is None else f" from {source}" + (f" ({label})" if label and label != name else "")
        )
        words.append(f"{name}{where}" + ("" if band["status"] == "given" else f" {band['status']}"))
    return f"Bands ({mapping['method']}): {', '.join(words)}. {_radiometry_text(run['radiometry'])}"


def _radiometry_text(radiometry: Mapping[str, Any]) -> str:
    scale, offset = radiometry["scale"], radiometry["offset"]
    if isinstance(scale, list) or isinstance(offset, list):
        formula = "by a scale and offset for each band"
    elif offset:
        formula = f"(number {'+' if offset > 0 else '-'} {abs(offset):g}) x {scale:g}"
    else:
        formula = f"number x {scale:g}"
    return f"Reflectance ({radiometry['method']}): {formula}."


def scenes_table(outcome: Outcome, output: str) -> str:
    """Many scenes: a line each, then why some have no run, and their bands.

    Args:
        outcome: the rows.
        output: the folder of all runs.
    """
    rows = [("scene", "status", "tiles", "routed", "abstained", "seconds", "tiles/s")]
    for number, row in enumerate(outcome.rows, start=1):
        numbers = (row.tiles, row.routed, row.abstained, row.seconds, row.tiles_per_second)
        rows.append((f"{number} {_last(row.run_folder)}", row.status, *map(_number, numbers)))
    lines = _aligned(rows, "<<>>>>>")
    for text, numbers in outcome.bands.items():
        lines.append(f"{'Scene' if len(numbers) == 1 else 'Scenes'} {_ranges(numbers)}: {text}")
    reasons: dict[str, list[str]] = {}
    for row in outcome.rows:
        if row.status == "failed":
            reasons.setdefault(row.message, []).append(row.scene)
    for message, scenes in reasons.items():
        # A reason that holds for many scenes is said once.
        lines.append(f"Failed: {', '.join(scenes)}: {message}")
    counts = Counter(row.status for row in outcome.rows)
    lines.append(f"Scenes: {', '.join(f'{count} {status}' for status, count in counts.items())}.")
    lines.append(f"Run folders and summary.csv: {output}")
    return "\n".join(lines)


def _number(value: float | None) -> str:
    if value is None:
        return "-"
    return str(value) if isinstance(value, int) else f"{value:.1f}"


def _last(folder: str) -> str:
    return folder.replace("\\", "/").rstrip("/").rsplit("/", 1)[-1]


def _ranges(numbers: Sequence[int]) -> str:
    """Numbers in rising order as 1-3, 5."""
    parts: list[list[int]] = []
    for number in numbers:
        if parts and number == parts[-1][-1] + 1:
            parts[-1].append(number)
        else:
            parts.append([number])
    return ", ".join(str(part[0]) if len(part) == 1 else f"{part[0]}-{part[-1]}" for part in parts)


def _aligned(rows: Sequence[Sequence[str]], sides: str) -> list[str]:
    """Rows as lines with columns below each other; what stands beyond `sides` is not padded."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(sides))]
    lines = []
    for row in rows:
        cells = [f"{cell:{side}{width}}" for cell, side, width in zip(row, sides, widths, strict=False)]
        lines.append("  ".join([*cells, *row[len(sides) :]]).rstrip())
    return lines
