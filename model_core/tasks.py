"""The tasks the bundled model is trained for, and what "the tile needs this expert" means.

The pack's label codes are the class values here, except land cover, whose code 6 ("vegetation of
unknown kind") is no class of its own but trees *or* low vegetation.
"""

from __future__ import annotations

from dataclasses import dataclass

from .spec import ClassSpec, ExpertSpec

UNKNOWN = 255
"""Label value never trained or scored on."""

VEGETATION = 6
"""Land-cover label "trees or low vegetation"."""


@dataclass(frozen=True)
class Task:
    """A task as trained: the expert it becomes and when a tile needs it.

    Attributes:
        present: label values that are the task's content.
        share: a tile needs the expert when at least this share of its valid pixels is content.
            Rare, small content gets a lower share.
        known: a tile may be called free of the content only if this share of its valid pixels is
            labelled. Land cover is nearly everything that is not sea, so unlabelled pixels hide it.
    """

    expert: ExpertSpec
    present: tuple[int, ...]
    share: float
    known: float = 0.6

    @property
    def name(self) -> str:
        """Name of the expert."""
        return self.expert.name


def _binary(absent: str, present: str, color: str) -> tuple[ClassSpec, ...]:
    return (ClassSpec(0, absent, None), ClassSpec(1, present, color))


def _expert(
    name: str,
    title: str,
    classes: tuple[ClassSpec, ...],
    gsd: tuple[float, float],
    text: str,
    *,
    simulated: bool = False,
) -> ExpertSpec:
    return ExpertSpec(
        name,
        title,
        "classes",
        len(classes),
        classes,
        valid_gsd_m=gsd,
        simulated=simulated,
        description=text,
    )


TASKS: tuple[Task, ...] = (
    Task(
        _expert(
            "clouds",
            "Clouds",
            (
                ClassSpec(0, "clear", None),
                ClassSpec(1, "thin cloud", "#a9d3f0"),
                ClassSpec(2, "cloud", "#f6d55c"),
                ClassSpec(3, "cloud shadow", "#5b4a72"),
            ),
            (8.0, 80.0),
            "Thin cloud, thick cloud and cloud shadow.",
        ),
        (1, 2, 3),
        0.02,
    ),
    Task(
        _expert(
            "water", "Water", _binary("no water", "water", "#1f78d1"), (5.0, 80.0), "Open water and floods."
        ),
        (1,),
        0.01,
    ),
    Task(
        _expert(
            "burned", "Burned area", _binary("not burned", "burned", "#b5331e"), (8.0, 40.0), "Fire scars."
        ),
        (1,),
        0.01,
    ),
    Task(
        _expert("roads", "Roads", _binary("no road", "road", "#e6952a"), (0.5, 6.0), "Road surfaces."),
        (1,),
        0.01,
    ),
    Task(
        _expert(
            "landcover",
            "Land cover",
            (
                ClassSpec(0, "water", "#4a90c8"),
                ClassSpec(1, "trees", "#1f6b3a"),
                ClassSpec(2, "low vegetation", "#9acb5c"),
                ClassSpec(3, "bare ground", "#c9b08a"),
                ClassSpec(4, "built-up", "#c4455a"),
            ),
            (1.0, 30.0),
            "Water, trees, low vegetation, bare ground and built-up land.",
        ),
        (1, 2, 3, 4, VEGETATION),
        0.05,
        known=0.95,
    ),
    Task(
        _expert(
            "forest_damage",
            "Forest damage",
            _binary("no damage", "damaged forest", "#d23fa0"),
            (3.0, 13.0),
            "Forest damaged by bark beetles.",
        ),
        (1,),
        0.02,
    ),
    Task(
        _expert(
            "buildings", "Buildings", _binary("no building", "building", "#8b5cf6"), (0.5, 6.0), "Buildings."
        ),
        (1,),
        0.01,
    ),
    Task(
        _expert(
            "fire",
            "Fire and smoke",
            (
                ClassSpec(0, "no fire", None),
                ClassSpec(1, "smoke", "#8d8d8d"),
                ClassSpec(2, "flame", "#ff4500"),
            ),
            (5.0, 40.0),
            "Smoke plumes and flames. Trained on simulated fires only: no open imagery of flames in these "
            "bands could be had.",
            simulated=True,
        ),
        (1, 2),
        0.005,
    ),
)

TASK_NAMES: tuple[str, ...] = tuple(task.name for task in TASKS)


def task(name: str) -> Task:
    """The task called `name`.

    Raises:
        KeyError: no such task.
    """
    for candidate in TASKS:
        if candidate.name == name:
            return candidate
    raise KeyError(f"No task '{name}'; the tasks are {', '.join(TASK_NAMES)}.")
