"""Checks of what is to be trained, against the tiles and the bundle: sentences instead of tracebacks."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from .. import paths
from ..bundle_info import MODEL_FILE, BundleInfo
from ..errors import InputError
from ..i18n import tr
from ..training.tiles import TileTask, read_tasks
from .train_request import EXPERT, FINETUNE, SWITCHER

_UNFINISHED = Path("training") / "request.json"


@dataclass(frozen=True)
class Choice:
    """What is to be trained; see `train_request`."""

    what: str
    expert: str | None
    tune: str | None
    like: str | None


def check_choice(chosen: Choice, tiles: Path, bundle: BundleInfo) -> Choice:
    """Check what is to be trained; the task is filled in where there is only one.

    Args:
        chosen: what the user wrote.
        tiles: folder of the routerset.
        bundle: the one that is extended; what it says of itself may be nothing.

    Raises:
        InputError: something is missing, not known, or not used by what is to be trained.
    """
    tasks = read_tasks(tiles)
    _check_unused(chosen)
    if bundle.problem:
        raise InputError(tr("{problem}; choose another model bundle.").format(problem=bundle.problem))
    if chosen.what == SWITCHER:
        if not {task.name for task in tasks} & set(bundle.names):
            raise InputError(
                tr(
                    "The tiles have the tasks {tasks}, none of which is an expert of the model bundle "
                    "({names}); choose other tiles or another bundle, or train an expert first."
                ).format(tasks=_names(tasks), names=", ".join(bundle.names))
            )
        return chosen
    chosen = replace(chosen, expert=_task(chosen.expert, tasks))
    for parameter, name in (("TUNE", chosen.tune), ("LIKE", chosen.like)):
        if name is not None:
            _check_expert(parameter, name, bundle)
    if chosen.what == EXPERT and chosen.expert in bundle.names:
        raise InputError(
            tr(
                "The model bundle has an expert {name} already; choose finetune to train it further, or "
                "another bundle."
            ).format(name=chosen.expert)
        )
    if chosen.what == FINETUNE:
        _check_tuned(chosen, bundle)
    return chosen


def check_output(folder: Path, base: Path | None, tiles: Path, overwrite: bool, resume: bool) -> None:
    """Check where the new bundle is to lie.

    Args:
        folder: the place.
        base: the bundle that is extended, None for the plugin's own.
        tiles: the routerset.
        overwrite: whether a bundle there may be replaced.
        resume: whether a training there is continued.

    Raises:
        InputError: it would destroy something, or nothing was said about what lies there.
    """
    if overwrite and resume:
        raise InputError(
            tr(
                "Resume continues the training in the output folder and Overwrite replaces it; tick only "
                "one of them."
            )
        )
    if folder.is_file():
        raise InputError(
            tr("The new bundle {folder} is a file; give the name of a folder.").format(folder=folder)
        )
    for taken in (paths.default_bundle(), *([base] if base else [])):
        if taken.exists() and folder.exists() and folder.samefile(taken):
            raise InputError(
                tr(
                    "The new bundle {folder} would replace the one that is extended; choose another folder."
                ).format(folder=folder)
            )
    inside = tiles.resolve()
    if folder.resolve() in (inside, *inside.parents):
        raise InputError(
            tr("The new bundle {folder} would lie among the training tiles; choose another folder.").format(
                folder=folder
            )
        )
    if overwrite or resume:
        return  # whether the training there is the same, so that it can be continued, only the worker knows
    if (folder / MODEL_FILE).is_file():
        raise InputError(
            tr(
                "The folder {folder} already holds a model bundle; choose another one, or tick Overwrite."
            ).format(folder=folder)
        )
    if (folder / _UNFINISHED).is_file():
        raise InputError(
            tr(
                "The folder {folder} holds an unfinished training; tick Resume to continue it or Overwrite "
                "to replace it, or choose another folder."
            ).format(folder=folder)
        )


def _check_unused(chosen: Choice) -> None:
    for parameter, name, used in (
        ("EXPERT", chosen.expert, (EXPERT, FINETUNE)),
        ("TUNE", chosen.tune, (FINETUNE,)),
        ("LIKE", chosen.like, (EXPERT,)),
    ):
        if name is not None and chosen.what not in used:
            raise InputError(
                tr("{parameter} is '{name}', but {what} does not use it; leave it empty.").format(
                    parameter=parameter, name=name, what=chosen.what
                )
            )


def _task(name: str | None, tasks: tuple[TileTask, ...]) -> str:
    if name is None and len(tasks) == 1:
        return tasks[0].name
    if name is None:
        raise InputError(
            tr(
                "No expert is named, but the tiles have the tasks {tasks}; name one of them as Expert."
            ).format(tasks=_names(tasks))
        )
    if name not in {task.name for task in tasks}:
        raise InputError(
            tr("The tiles have no task '{name}'; name one of {tasks} as Expert.").format(
                name=name, tasks=_names(tasks)
            )
        )
    return name


def _check_expert(parameter: str, name: str, bundle: BundleInfo) -> None:
    expert = next((one for one in bundle.experts if one.name == name), None)
    fitting = [one.name for one in bundle.experts if not one.finds_objects]
    if expert is None:
        raise InputError(
            tr("{parameter} names '{name}', which is none of the model bundle's experts {names}.").format(
                parameter=parameter, name=name, names=", ".join(fitting)
            )
        )
    if expert.finds_objects:
        raise InputError(
            tr("{parameter} names '{name}', which finds objects; name one of {names}.").format(
                parameter=parameter, name=name, names=", ".join(fitting)
            )
        )


def _check_tuned(chosen: Choice, bundle: BundleInfo) -> None:
    """An expert trained further is in the bundle, and one that is added beside it is not."""
    if chosen.tune is None:
        if chosen.expert not in bundle.names:
            raise InputError(
                tr(
                    "The model bundle has no expert '{name}' to be trained further; name one of {names} as "
                    "Expert to begin with, or choose expert."
                ).format(name=chosen.expert, names=", ".join(bundle.names))
            )
    elif chosen.tune != chosen.expert and chosen.expert in bundle.names:
        raise InputError(
            tr(
                "{tune} is to become the new expert {name}, but the model bundle has one of that name "
                "already; leave TUNE empty to train that one further."
            ).format(tune=chosen.tune, name=chosen.expert)
        )


def _names(tasks: tuple[TileTask, ...]) -> str:
    return ", ".join(task.name for task in tasks)
