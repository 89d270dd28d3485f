"""A page of tiles for the eye: natural colour, labels drawn over it, split as frame, relevance below.

Equal tiles give equal bytes with the same Pillow.
"""

from __future__ import annotations

import io
import warnings
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import rasterio
from PIL import Image, ImageDraw, ImageFont
from rasterio.errors import NotGeoreferencedWarning

from ..routerset import SPLITS, UNKNOWN, Entry, TaskSpec

MOST = 120
_COLUMNS, _EDGE, _FRAME, _GAP = 10, 128, 4, 8
_LINE = 15  # pixels from one line of text to the next
_TEXT = 12  # its height
_FILL = 0.28  # how strongly a class covers the image; its outline covers all
_FRAMES = {"train": "#1b6ca8", "val": "#e08a00", "cal": "#7b3fa0", "test": "#b3261e"}
_PAPER, _INK, _FAINT = "#ffffff", "#1c1c1c", "#6b6b6b"
_RELEVANCE = {1: "needed", 0: "not needed", None: "unknown"}
_MARKS = {1: ("yes", _INK), 0: ("no", _FAINT), None: ("?", _FAINT)}


def draw(folder: Path, entries: Sequence[Entry], tasks: Sequence[TaskSpec]) -> bytes:
    """Draw a routerset as a PNG.

    Args:
        folder: where its rasters lie.
        entries: its tiles, of which at most `MOST` are shown, evenly from splits and tasks.
        tasks: what there are labels of.
    """
    shown = chosen(entries, tasks, MOST)
    pictures = _pictures(folder, shown)
    columns = min(_COLUMNS, max(len(shown), 4))
    font = _font()
    header = _header(entries, shown, tasks)
    cell = _EDGE + 2 * _FRAME, _EDGE + 2 * _FRAME + _LINE * len(tasks) + 4
    width = columns * (cell[0] + _GAP) + _GAP
    rows = -(-len(shown) // columns)
    top = _GAP + _header_height(font, header, width)
    page = Image.new("RGB", (width, top + rows * (cell[1] + _GAP) + _GAP), _PAPER)
    pen = ImageDraw.Draw(page)
    _draw_header(pen, font, header, width)
    for number, (entry, picture) in enumerate(zip(shown, pictures, strict=True)):
        x = _GAP + number % columns * (cell[0] + _GAP)
        y = top + number // columns * (cell[1] + _GAP)
        edge = _EDGE + 2 * _FRAME
        pen.rectangle((x, y, x + edge - 1, y + edge - 1), fill=_FRAMES[entry.split])
        over = _with_labels(folder, entry, tasks, picture)
        page.paste(Image.fromarray(over), (x + _FRAME, y + _FRAME))
        for line, task in enumerate(tasks):
            word, color = _MARKS[entry.relevance.get(task.name)]
            text = _fitting(font, f"{task.name}: {word}", cell[0])
            pen.text((x + 2, y + edge + 1 + line * _LINE), text, fill=color, font=font)
    content = io.BytesIO()
    page.quantize(255, dither=Image.Dither.NONE).save(content, "PNG", optimize=True)
    return content.getvalue()


def chosen(entries: Sequence[Entry], tasks: Sequence[TaskSpec], most: int) -> list[Entry]:
    """At most so many tiles, taken in turn from every split and every mixture of needs."""
    groups: dict[tuple[object, ...], list[Entry]] = defaultdict(list)
    for entry in entries:
        # What a tile needs comes first: a few tiles that need an expert say more than many that do not.
        needs = tuple({1: 0, 0: 1}.get(entry.relevance.get(task.name, 2), 2) for task in tasks)
        groups[(SPLITS.index(entry.split), *needs)].append(entry)
    count = dict.fromkeys(groups, 0)
    left = min(most, len(entries))
    while left:
        for key in sorted(groups):
            if left and count[key] < len(groups[key]):
                count[key] += 1
                left -= 1
    found = []
    for key in sorted(groups):
        those = groups[key]
        found += [those[place * len(those) // count[key]] for place in range(count[key])]
    return found


def _pictures(folder: Path, shown: Sequence[Entry]) -> list[np.ndarray]:
    """The tiles in natural colour: uint8 (edge, edge, 3) each; tiles of one raster are stretched alike."""
    small = [_reflectance(folder / entry.file) for entry in shown]
    by_source: dict[str, list[int]] = defaultdict(list)
    for number, entry in enumerate(shown):
        by_source[entry.source].append(number)
    found: list[np.ndarray] = [np.empty(0)] * len(shown)
    for numbers in by_source.values():
        values = np.concatenate([small[n][small[n].min(axis=2) > 0] for n in numbers])
        low, high = np.percentile(values, (1, 99), axis=0) if len(values) else (np.zeros(3), np.ones(3))
        for number in numbers:
            there = small[number].min(axis=2, keepdims=True) > 0
            stretched = np.clip((small[number] - low) / np.maximum(high - low, 1.0), 0.0, 1.0) ** 0.8
            found[number] = np.where(there, np.rint(stretched * 255.0), 225.0).astype(np.uint8)
    return found


def _reflectance(path: Path) -> np.ndarray:
    """Red, green and blue, or what comes nearest: float32 (edge, edge, 3), 0 = no data."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        with rasterio.open(path) as raster:
            names = list(raster.descriptions)
            wanted = ["red", "green", "blue"]
            if not set(wanted) <= set(names):
                wanted = [
                    next((name for name in ("pan", "nir", "red", *names) if name in names), names[0])
                ] * 3
            planes = [raster.read(names.index(name) + 1) for name in wanted]
    size = (_EDGE, _EDGE)
    return np.stack(
        [
            np.asarray(Image.fromarray(p.astype(np.float32)).resize(size, Image.Resampling.BOX))
            for p in planes
        ],
        axis=-1,
    )


def _with_labels(folder: Path, entry: Entry, tasks: Sequence[TaskSpec], picture: np.ndarray) -> np.ndarray:
    """The picture with classes in their colours, and hatched where no label says anything."""
    over = picture.astype(np.float32)
    unknown = np.ones(picture.shape[:2], dtype=bool)
    for task in tasks:
        if task.name not in entry.tasks:
            continue
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", NotGeoreferencedWarning)
            with rasterio.open(folder / entry.label_file(task.name)) as raster:
                whole = Image.fromarray(raster.read(1))
        label = np.asarray(whole.resize((_EDGE, _EDGE), Image.Resampling.NEAREST))
        unknown &= label == UNKNOWN
        for item in task.classes:
            if item.color is None:
                continue
            color = np.array([int(item.color[at : at + 2], 16) for at in (1, 3, 5)], dtype=np.float32)
            inside = label == item.value
            over[inside] += _FILL * (color - over[inside])
            over[_outline(inside)] = color
    rows, columns = np.indices(unknown.shape)
    over[unknown & ((rows + columns) % 8 == 0)] = 255.0
    return np.rint(over).astype(np.uint8)


def _outline(inside: np.ndarray) -> np.ndarray:
    """Pixels inside that have a neighbour outside; the picture's own border is none."""
    padded = np.pad(inside, 1, mode="edge")
    around = padded[:-2, 1:-1] & padded[2:, 1:-1] & padded[1:-1, :-2] & padded[1:-1, 2:]
    return inside & ~around


def _header(
    entries: Sequence[Entry], shown: Sequence[Entry], tasks: Sequence[TaskSpec]
) -> list[list[tuple[str | None, str]]]:
    """Lines of (colour of a box before it, text)."""
    some = f"{len(shown)} of {len(entries)} tiles" if len(shown) < len(entries) else f"{len(entries)} tiles"
    count = {split: sum(entry.split == split for entry in entries) for split in SPLITS}
    lines: list[list[tuple[str | None, str]]] = [
        [
            (None, f"{some}. Frame: split"),
            *((_FRAMES[split], f"{split} {count[split]}") for split in SPLITS),
            (None, "Hatched: no label says anything."),
        ]
    ]
    for task in tasks:
        needs = [entry.relevance.get(task.name) for entry in entries]
        told = ", ".join(f"{needs.count(value)} {word}" for value, word in _RELEVANCE.items())
        classes = [(item.color or _PAPER, item.name) for item in task.classes]
        lines.append([(None, f"{task.name} ({told}):"), *classes])
    return lines


def _layout(
    font: ImageFont.ImageFont, header: list[list[tuple[str | None, str]]], width: int
) -> list[tuple[int, int, str | None, str]]:
    """Where each piece of the header stands: x, y, colour of its box, text; broken at the page's width."""
    found, y = [], _GAP
    for line in header:
        x = _GAP
        for color, text in line:
            text = _fitting(font, text, width - 4 * _GAP)
            space = (18 if color else 0) + int(font.getlength(text))
            if x > _GAP and x + space > width - _GAP:
                x, y = 3 * _GAP, y + _LINE + 3
            found.append((x, y, color, text))
            x += space + 14
        y += _LINE + 3
    return found


def _header_height(font: ImageFont.ImageFont, header: list[list[tuple[str | None, str]]], width: int) -> int:
    return _layout(font, header, width)[-1][1] + _LINE + _GAP


def _draw_header(
    pen: ImageDraw.ImageDraw,
    font: ImageFont.ImageFont,
    header: list[list[tuple[str | None, str]]],
    width: int,
) -> None:
    for x, y, color, text in _layout(font, header, width):
        if color:
            pen.rectangle((x, y + 1, x + 12, y + 13), fill=color, outline=_FAINT)
        pen.text((x + (18 if color else 0), y), text, fill=_INK, font=font)


def _fitting(font: ImageFont.ImageFont, text: str, width: int) -> str:
    """The text, shortened to a width in pixels."""
    if font.getlength(text) <= width:
        return text
    while len(text) > 1 and font.getlength(text + "…") > width:
        text = text[:-1]
    return text + "…"


def _font() -> ImageFont.ImageFont:
    """A font with most letters of the world, which comes with matplotlib; else Pillow's own."""
    try:
        from matplotlib import get_data_path

        return ImageFont.truetype(str(Path(get_data_path()) / "fonts" / "ttf" / "DejaVuSans.ttf"), _TEXT)
    except (ImportError, OSError):
        return ImageFont.load_default()
