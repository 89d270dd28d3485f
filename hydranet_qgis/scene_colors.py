"""A colour per scene class, the same in the table, the summary and on the map."""

from __future__ import annotations

from collections.abc import Sequence

from .expert_colors import PALETTE, is_free
from .run_folder import Run

# What a class is called tells most readers its colour before the legend does. The first word that occurs in
# the name counts. Dark enough to be seen on white, bright enough for a dark theme.
_USUAL = (
    (("highway", "road", "street", "railway"), "#6f747d"),
    (("forest", "tree", "wood"), "#237f49"),
    (("sea", "ocean"), "#2560b4"),
    (("lake", "water", "river", "stream"), "#3fa0d0"),
    (("residential", "urban", "city", "built"), "#c03c3c"),
    (("industr", "harbor", "harbour"), "#9a48bb"),
    (("permanent", "orchard", "vineyard"), "#d07016"),
    (("crop", "farm", "agri", "field"), "#d4b01c"),
    (("pasture", "meadow", "grass"), "#84a81f"),
    (("herb", "shrub", "vegetation", "moor"), "#5fb38a"),
    (("snow", "glacier"), "#6fc4cf"),
    (("cloud", "fog"), "#8c979d"),
    (("desert", "sand", "beach", "bare", "rock"), "#a4573d"),
    (("fire", "burn", "smoke"), "#e0602c"),
    (("wetland", "marsh", "mangrove"), "#117d89"),
)


def scene_colors_of(run: Run | None) -> dict[str, str]:
    """Colours of a run's scene classes, none without a scene expert."""
    return scene_colors(run.scene_expert.classes) if run is not None and run.scene_expert is not None else {}


def scene_colors(classes: Sequence[str]) -> dict[str, str]:
    """Colour of each scene class as `#rrggbb`; no two alike while there are enough of them."""
    colors: dict[str, str] = {}
    for name in classes:
        usual = next((color for words, color in _USUAL if any(word in name.lower() for word in words)), None)
        if usual is not None and is_free(usual, colors):
            colors[name] = usual
    # Then the palette, the same lighter and darker; the last of many classes may look somewhat alike.
    spare = [*PALETTE, *(mixed(color, 255) for color in PALETTE), *(mixed(color, 0) for color in PALETTE)]
    for name in classes:
        if name not in colors:
            unused = [color for color in spare if color not in colors.values()] or ["#808080"]
            colors[name] = next((color for color in unused if is_free(color, colors)), unused[0])
    return {name: colors[name] for name in classes}


def mixed(color: str, level: int) -> str:
    """A colour halfway to a grey of this level, 0 black to 255 white."""
    return "#" + "".join(f"{(int(color[at : at + 2], 16) + level) // 2:02x}" for at in (1, 3, 5))
