"""Colour ramps for scores: ten equal steps each, so that the legend tells what a colour means.

All run evenly in lightness from one end to the other, which keeps their order readable for colour-blind
people and in print. Viridis, magma and cividis were given to the public domain by their authors (CC0:
S. van der Walt, N. Smith and E. Firing; J. Nuñez, C. Anderton and R. Renslow); blues, greys and the ramp
of the margin were made for this plugin.
"""

from __future__ import annotations

from .i18n import tr

STEPS = 10

VIRIDIS = "viridis"
RAMPS: dict[str, tuple[str, ...]] = {
    VIRIDIS: (
        *("#471365", "#463480", "#3b528b", "#2f6c8e", "#25848e"),
        *("#1e9c89", "#2fb47c", "#5ec962", "#9bd93c", "#dfe318"),
    ),
    "magma": (
        *("#06051a", "#251255", "#51127c", "#782281", "#a1307e"),
        *("#ca3e72", "#ed5a5f", "#fc8961", "#feb77e", "#fde7a9"),
    ),
    "cividis": (
        *("#002b62", "#243c6e", "#434e6c", "#5b606e", "#727274"),
        *("#888578", "#a19975", "#bcae6c", "#d6c35d", "#f3db42"),
    ),
    "blues": (
        *("#d4eaff", "#add6ff", "#87c1fd", "#63acf6", "#4097ea"),
        *("#1b82d9", "#006ec3", "#005aa9", "#00488b", "#003670"),
    ),
    "greys": (
        *("#e9e9e9", "#d1d1d1", "#bababa", "#a4a4a4", "#8e8e8e"),
        *("#787878", "#646464", "#505050", "#3c3c3c", "#2a2a2a"),
    ),
}
MARGIN: tuple[str, ...] = (
    *("#2063b0", "#5082c1", "#7ca1d1", "#a7c0e0", "#d3dfee"),
    *("#f1dccf", "#e4bca2", "#d69c75", "#c67c46", "#b65b00"),
)
"""Blue below the threshold, orange at or above it, pale beside it; no red against green."""


def titles() -> dict[str, str]:
    """What each ramp is called in the user's language, in the order of the choice."""
    return {
        VIRIDIS: tr("Viridis"),
        "magma": tr("Magma"),
        "cividis": tr("Cividis"),
        "blues": tr("Blues"),
        "greys": tr("Greys"),
    }
