"""The columns of the table of tiles: their numbers, headings, and what they show in a sentence."""

from __future__ import annotations

from ..i18n import tr
from ..uncertainty import MODEL, meaning

TILE, EXPERTS, SCENE, OBJECTS, SCORE, UNSURE, REASON = range(7)
COLUMNS = 7


def title(column: int, focus: str, doubt: str) -> str:
    """Heading of a column.

    Args:
        column: its number.
        focus: title of the expert whose score and uncertainty are shown, "" for the highest score.
        doubt: which uncertainty is shown, TOTAL or MODEL.
    """
    unsure = tr("Model unc.") if doubt == MODEL else tr("Uncert.")
    return (
        *(tr("Tile"), tr("Experts"), tr("Scene"), tr("Objects")),
        *(focus or tr("Score"), unsure, tr("Outcome")),
    )[column]


def explanation(column: int, focus: str, doubt: str) -> str:
    """What a column shows; arguments as of `title`."""
    if column == UNSURE and focus:
        said = tr("Mean model uncertainty of {expert} over the tile.")
        if doubt != MODEL:
            said = tr("Mean uncertainty of {expert} over the tile.")
        return f"{said.format(expert=focus)}\n{meaning(doubt)}"
    return (
        tr("Row and column of the tile, from the top left"),
        tr("Experts chosen for the tile, strongest first"),
        tr("What the tile as a whole looks like, as the scene expert has it"),
        tr("Number of objects found in the tile; one that lies across a seam counts in both tiles"),
        tr("Score of {expert}").format(expert=focus) if focus else tr("Highest score of all experts"),
        tr("Mean uncertainty of the expert whose score is shown"),
        tr("What became of the tile"),
    )[column]
