"""Pictures of where each expert does worst, so that a card shows more than figures.

Those for the model card are maps only: the pack's images may not be passed on. Equal input gives equal
bytes with the same Pillow. `failure_pictures` sets the image beside the maps, for one's own eyes.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from ..model import Model
from ..spec import ExpertSpec
from ..tasks import TASK_NAMES, UNKNOWN, VEGETATION, task
from ..training.pack import Sample
from .evaluate import HEADLINE
from .outside_methods import known_labels
from .segment import segment
from .tiles import tile_table

SHOWN_PIXELS = 300
"""Longest edge of a panel on the card; larger scenes show every n-th pixel, smaller ones repeat them."""

LARGE_PIXELS = 720
MAX_BYTES = 20_000
CONTENT_SHARE, CONTENT_PIXELS = 0.01, 100
"""Least content in a scene's labels for its figure to say anything: share of the known pixels, pixels."""

FAULTLESS = 0.99
"""A scene with this figure or a better one is no failure to show."""

OUTCOMES: tuple[tuple[str, str], ...] = (
    ("rightly none", "#f3efe4"),
    ("hit", "#009e73"),
    ("miss", "#d55e00"),
    ("false alarm", "#3b5bdb"),
)
"""What a pixel of a two-class expert is, told apart by people with any colour vision (Okabe and Ito)."""

NOTHING, UNLABELLED, MIXED_VEGETATION, INK = "#f3efe4", "#8c8c8c", "#5c9b4c", "#202020"


@dataclass(frozen=True)
class Failure:
    """A scene on which an expert did badly.

    Attributes:
        value: the expert's own figure on this scene alone.
        pixels: labelled pixels.
        label, predicted: uint8 (H, W), 255 unknown or invalid.
    """

    sample: Sample
    expert: ExpertSpec
    metric: str
    value: float
    pixels: int
    label: np.ndarray
    predicted: np.ndarray


def worst_scenes(model: Model, samples: list[Sample], per_expert: int = 3) -> dict[str, list[Failure]]:
    """For each expert the scenes with the lowest figure of their own, at most one of a region, worst first.

    Scenes whose labels hold hardly any of the expert's content are left out, as their figure hangs on a few
    pixels, and so are faultless ones. Experts without a scene left are not in the result.
    """
    found: dict[str, dict[str, Failure]] = {}
    experts = {e.name: e for e in model.experts if e.name in TASK_NAMES and e.name in HEADLINE}
    for sample in sorted(samples, key=lambda s: s.id):
        labels = {name: known_labels(sample, name) for name in experts if name in sample.labels}
        wanted = [name for name, label in labels.items() if _has_content(name, label)]
        if not wanted:
            continue
        for name, predicted in segment(model, sample, wanted).items():
            title, score = HEADLINE[name]
            table = tile_table(name, labels[name], predicted, experts[name].channels)
            value = score(table)
            kept = found.setdefault(name, {})
            key = f"{sample.source}/{sample.region}"
            if value < FAULTLESS and (key not in kept or value < kept[key].value):  # False for NaN
                pixels = int(table.sum())
                kept[key] = Failure(sample, experts[name], title, value, pixels, labels[name], predicted)
    return {
        name: sorted(found[name].values(), key=lambda f: (f.value, f.sample.id))[:per_expert]
        for name in experts
        if found.get(name)
    }


def _has_content(name: str, label: np.ndarray) -> bool:
    known = int((label != UNKNOWN).sum())
    content = int(np.isin(label, task(name).present).sum())
    return content >= max(CONTENT_PIXELS, CONTENT_SHARE * known)


def failure_maps(
    model: Model, samples: list[Sample], folder: Path, per_expert: int = 3
) -> dict[str, list[dict[str, Any]]]:
    """Draw each expert's worst scenes as maps, without any imagery, to `folder`/card/<expert>_<n>.png.

    Two-class experts: hit, miss, false alarm. Others: labels beside the prediction in the classes' colours.

    Args:
        model: its experts are decoded on every tile.
        samples: scenes of the split.
        folder: of the bundle; pictures that an earlier call left there are removed.
        per_expert: most pictures of an expert.

    Returns:
        By expert: {"file" (relative to folder), "scene", "source", "region", "value", "text"}, worst first.
    """
    target = folder / "card"
    target.mkdir(parents=True, exist_ok=True)
    for expert in model.experts:
        for old in target.glob(f"{expert.name}_[0-9]*.png"):
            old.unlink()
    result: dict[str, list[dict[str, Any]]] = {}
    for name, failures in worst_scenes(model, samples, per_expert).items():
        for number, failure in enumerate(failures, 1):
            path = target / f"{name}_{number}.png"
            path.write_bytes(map_png(failure))
            result.setdefault(name, []).append(
                {
                    "file": f"card/{path.name}",
                    "scene": failure.sample.id,
                    "source": failure.sample.source,
                    "region": failure.sample.region,
                    "value": failure.value,
                    "text": describe(failure),
                }
            )
    return result


def failure_pictures(model: Model, samples: list[Sample], folder: Path, per_expert: int = 3) -> list[Path]:
    """Draw each expert's worst scenes larger and with the image beside them; not for passing on.

    Returns:
        The files written, `folder`/<expert>_<n>.png.
    """
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for name, failures in worst_scenes(model, samples, per_expert).items():
        for number, failure in enumerate(failures, 1):
            maps = [Image.fromarray(panel).convert("RGB") for panel in _large_maps(failure)]
            size = failure.label.shape
            panels = [picture.resize(_fitted(size), Image.NEAREST) for picture in maps]
            image = Image.fromarray(natural_colours(failure.sample))
            panels.insert(0, image.resize(_fitted(size), Image.BILINEAR))
            path = folder / f"{name}_{number}.png"
            captions = [describe(failure), *_captions(failure)]
            _sheet(panels, captions, _legend(failure), "RGB").save(path, "PNG")
            written.append(path)
    return written


def describe(failure: Failure) -> str:
    """One line on a failure: figure, labels."""
    kind = failure.sample.label_kind.get(failure.expert.name, "unknown")
    return f"{failure.metric} {failure.value:.3f} on {failure.pixels:,} labelled pixels ({kind})"


def outcome_map(label: np.ndarray, predicted: np.ndarray) -> np.ndarray:
    """Index into `OUTCOMES` of each pixel of a two-class expert, 255 where the label is unknown."""
    outcome = np.select(
        [(label == 1) & (predicted == 1), label == 1, predicted == 1], [1, 2, 3], default=0
    ).astype(np.uint8)
    return np.where((label == UNKNOWN) | (predicted == UNKNOWN), UNKNOWN, outcome).astype(np.uint8)


def map_png(failure: Failure) -> bytes:
    """The picture of a failure for the card: PNG with a palette, below `MAX_BYTES`."""
    edge = SHOWN_PIXELS
    while True:
        panels = []
        for values in _maps(failure):
            picture = Image.fromarray(_resampled(values, edge), "P")
            picture.putpalette(_palette(failure))
            panels.append(picture)
        sheet = _sheet(panels, _captions(failure), _legend(failure), "P", _palette(failure))
        file = io.BytesIO()
        sheet.save(file, "PNG", optimize=True)
        if file.tell() <= MAX_BYTES or edge <= 60:
            return file.getvalue()
        edge = int(edge * 0.8)  # a finely mottled map does not compress


def natural_colours(sample: Sample) -> np.ndarray:
    """The scene as uint8 (H, W, 3), red, green and blue each stretched from its 2nd to 98th percentile."""
    out = np.zeros((*sample.valid.shape, 3), np.uint8)
    for channel, band in enumerate(sample.bands[[3, 2, 1]].astype(np.float32)):
        if sample.valid.any():
            low, high = np.percentile(band[sample.valid], [2, 98])
            out[..., channel] = np.clip((band - low) / max(1.0, high - low) * 255, 0, 255)
    return np.where(sample.valid[..., None], out, 0)


def _maps(failure: Failure) -> list[np.ndarray]:
    if failure.expert.channels == 2:
        return [outcome_map(failure.label, failure.predicted)]
    return [failure.label, failure.predicted]


def _captions(failure: Failure) -> list[str]:
    return ["labels against expert"] if failure.expert.channels == 2 else ["labels", "expert"]


def _colours(failure: Failure) -> dict[int, tuple[str, str]]:
    """Value of a map -> its name and colour."""
    if failure.expert.channels == 2:
        named = dict(enumerate(OUTCOMES))
    else:
        named = {c.value: (c.name, c.color or NOTHING) for c in failure.expert.classes}
        if failure.expert.name == "landcover":
            named[VEGETATION] = ("vegetation of unknown kind", MIXED_VEGETATION)
    return {**named, UNKNOWN: ("not labelled", UNLABELLED)}


def _legend(failure: Failure) -> list[tuple[str, str]]:
    """Name and colour of what occurs in the maps."""
    there = set(np.unique(np.concatenate([values.ravel() for values in _maps(failure)])))
    return [entry for value, entry in sorted(_colours(failure).items()) if value in there]


_WHITE, _INK = 253, 254


def _palette(failure: Failure) -> list[int]:
    return _flat({value: colour for value, (_, colour) in _colours(failure).items()})


def _flat(colours: dict[int, str]) -> list[int]:
    flat = [255] * 768
    for value, colour in colours.items():
        flat[3 * value : 3 * value + 3] = _rgb(colour)
    flat[3 * _INK : 3 * _INK + 3] = _rgb(INK)
    return flat


def sheet_png(
    panels: list[Image.Image], captions: list[str], colours: Sequence[tuple[str, str]], shown: list[int]
) -> Image.Image:
    """Panels of mode "P" beside each other with a legend, as the card shows them.

    Args:
        panels: maps whose values are positions in `colours`.
        captions: one for each.
        colours: names and colours (#rrggbb).
        shown: positions of those that the legend explains.
    """
    palette = _flat({value: colour for value, (_, colour) in enumerate(colours)})
    for panel in panels:
        panel.putpalette(palette)
    return _sheet(panels, captions, [colours[value] for value in shown], "P", palette)


def _rgb(colour: str) -> tuple[int, int, int]:
    red, green, blue = bytes.fromhex(colour[1:])
    return red, green, blue


def _large_maps(failure: Failure) -> list[np.ndarray]:
    table = np.array(_palette(failure), np.uint8).reshape(256, 3)
    return [table[values] for values in _maps(failure)]


def _fitted(shape: tuple[int, int]) -> tuple[int, int]:
    scale = LARGE_PIXELS / max(shape)
    return max(1, round(shape[1] * scale)), max(1, round(shape[0] * scale))


def _resampled(values: np.ndarray, edge: int) -> np.ndarray:
    """Every n-th pixel, or each pixel n times, so that the longer edge comes near `edge`."""
    longest = max(values.shape)
    if longest > edge:
        step = -(-longest // edge)
        return np.ascontiguousarray(values[step // 2 :: step, step // 2 :: step])
    times = max(1, edge // longest)
    return np.repeat(np.repeat(values, times, 0), times, 1)


def _sheet(
    panels: list[Image.Image],
    captions: list[str],
    legend: list[tuple[str, str]],
    mode: str,
    palette: list[int] | None = None,
) -> Image.Image:
    """Captioned panels beside each other, a legend below; mode "P" draws without in-between colours."""
    font = ImageFont.load_default()
    gap, line = 6, 16
    width = max(sum(panel.width + gap for panel in panels) - gap, 200)
    rows: list[list[tuple[str, str, int]]] = [[]]
    at = 0
    for name, colour in legend:
        step = 16 + int(font.getlength(name)) + 10
        if rows[-1] and at + step > width:
            rows.append([])
            at = 0
        rows[-1].append((name, colour, at))
        at += step
    height = line + max(panel.height for panel in panels) + gap + line * len(rows)
    white, ink = (_WHITE, _INK) if mode == "P" else (_rgb("#ffffff"), _rgb(INK))
    sheet = Image.new(mode, (width, height), white)
    if palette:
        sheet.putpalette(palette)
    numbers = {tuple(palette[3 * i : 3 * i + 3]): i for i in reversed(range(256))} if palette else {}
    draw = ImageDraw.Draw(sheet)
    at = 0
    for panel, caption in zip(panels, captions, strict=True):
        sheet.paste(panel, (at, line))
        draw.text((at + 2, 2), caption, fill=ink, font=font)
        at += panel.width + gap
    for number, row in enumerate(rows):
        top = height - line * (len(rows) - number)
        for name, colour, left in row:
            fill = numbers[_rgb(colour)] if mode == "P" else _rgb(colour)
            draw.rectangle((left, top + 3, left + 10, top + 13), fill=fill, outline=ink)
            draw.text((left + 15, top + 2), name, fill=ink, font=font)
    return sheet
