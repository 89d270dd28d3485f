"""A colour per expert, the same in the table, the bars and the map, on light and dark themes."""

from __future__ import annotations

import zlib
from collections.abc import Sequence

from .run_folder import RunExpert

# Distinct hues of similar weight: white text on them is readable (contrast 4.5), and they stand out on
# white and on near-black backgrounds, so that a chip or a bar is seen on either theme.
PALETTE = (
    *("#2673c4", "#c8501f", "#237f49", "#9a48bb", "#8f650c", "#c2386c"),
    *("#117d89", "#66751f", "#6f5cd0", "#a4573d", "#4d7280", "#c03c3c"),
)

# An expert whose output has several colours takes this one before any of the palette. The bundle's other
# experts and the ships on the map are 24 (CIE 1976) from it at least, also for who lacks one kind of cones.
_OF_KIND = {"objects": "#2bbf95"}

# Colours nearer than this (in RGB, 0 to 441) are taken for the same.
_TOO_NEAR = 60.0


def assign(experts: Sequence[RunExpert]) -> dict[str, str]:
    """Colour of each expert by name, as `#rrggbb`.

    An expert takes the colour its output has on the map where that is one clear colour; of the others,
    some kinds have one of their own, and the rest take one of the palette by their name. No two experts of a
    run look alike while the palette lasts.
    """
    colors: dict[str, str] = {}
    for expert in experts:
        drawn = [c.color for c in expert.classes if c.color]
        if len(drawn) == 1 and _strong(drawn[0]) and is_free(drawn[0], colors):
            colors[expert.name] = drawn[0].lower()
    for expert in experts:
        usual = _OF_KIND.get(expert.kind)
        if expert.name not in colors and usual is not None and is_free(usual, colors):
            colors[expert.name] = usual
    for expert in experts:
        if expert.name not in colors:
            start = zlib.crc32(expert.name.encode("utf-8")) % len(PALETTE)
            ring = PALETTE[start:] + PALETTE[:start]
            colors[expert.name] = next((c for c in ring if is_free(c, colors)), ring[0])
    return {expert.name: colors[expert.name] for expert in experts}


def text_on(color: str) -> str:
    """White where it is easy to read on `color`, else black or white, whichever is easier."""
    white = contrast(color, "#ffffff")
    return "#ffffff" if white >= 4.5 or white >= contrast(color, "#000000") else "#000000"


def contrast(first: str, second: str) -> float:
    """Contrast ratio of two colours, 1 to 21 (WCAG 2.1)."""
    high, low = sorted((luminance(first), luminance(second)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def luminance(color: str) -> float:
    """Relative luminance of `#rrggbb`, 0 to 1 (WCAG 2.1)."""
    red, green, blue = (
        c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in _channels(color, 255.0)
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _strong(color: str) -> bool:
    """Whether it stands out on white and on a dark grey."""
    return contrast(color, "#ffffff") >= 2.0 and contrast(color, "#2b2b2b") >= 2.0


def is_free(color: str, taken: dict[str, str]) -> bool:
    """Whether a colour is not taken for one of those already given."""
    mine = _channels(color)
    return all(
        sum((a - b) ** 2 for a, b in zip(mine, _channels(other))) ** 0.5 >= _TOO_NEAR
        for other in taken.values()
    )


def _channels(color: str, scale: float = 1.0) -> tuple[float, float, float]:
    return (int(color[1:3], 16) / scale, int(color[3:5], 16) / scale, int(color[5:7], 16) / scale)
