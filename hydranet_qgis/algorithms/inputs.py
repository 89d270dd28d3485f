"""Checks of what the user typed: sentences instead of tracebacks."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from ..errors import InputError
from ..i18n import tr
from ..run_folder import is_run
from .leftovers import is_unfinished

BAND_NAMES = ("pan", "blue", "green", "red", "re1", "re2", "re3", "nir")
# QGIS cuts a source at the one and takes the other for the code of a character.
_UNREADABLE = re.compile(r"\||%[0-9A-Fa-f]{2}")
_SENSOR = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.+-]*\Z")


def check_bands(text: str, band_count: int | None, sensors: Sequence[str]) -> None:
    """Check the grammar of the band choice.

    Args:
        text: "auto", a sensor, or a list such as "blue=2,green=3".
        band_count: bands of the layer; None if only the worker will know.
        sensors: known sensors; empty if unknown, then any name passes and the worker decides.

    Raises:
        InputError: the text is none of these.
    """
    text = text.strip()
    if "=" not in text:
        if text != "auto" and (text not in sensors if sensors else not _SENSOR.match(text)):
            known = (
                tr("one of {names}").format(names=", ".join(sensors))
                if sensors
                else tr("the name of a sensor")
            )
            raise InputError(
                tr("Bands '{text}' is not known; write auto, {known}, or blue=2,green=3,red=4.").format(
                    text=text, known=known
                )
            )
        return
    seen: set[str] = set()
    for part in text.split(","):
        name, _, number = (piece.strip() for piece in part.partition("="))
        if name not in BAND_NAMES:
            raise InputError(
                tr("Bands names '{name}', which is none of {names}.").format(
                    name=name or part.strip(), names=", ".join(BAND_NAMES)
                )
            )
        if not number.isdigit() or int(number) < 1:
            raise InputError(
                tr("Bands gives {name} the layer band '{number}'; write a number from 1.").format(
                    name=name, number=number
                )
            )
        if band_count is not None and int(number) > band_count:
            raise InputError(
                tr("Bands gives {name} the layer band {number}, but the layer has only {count}.").format(
                    name=name, number=number, count=band_count
                )
            )
        if name in seen:
            raise InputError(tr("Bands names {name} twice; name each band once.").format(name=name))
        seen.add(name)


def check_radiometry(text: str) -> None:
    """Check the grammar of the radiometry.

    Raises:
        InputError: it is neither "auto" nor two numbers.
    """
    if text.strip() == "auto":
        return
    parts = text.split(",")
    try:
        numbers = [float(part) for part in parts]
    except ValueError:
        numbers = []
    if len(numbers) != 2 or numbers[0] == 0:
        raise InputError(
            tr("Radiometry '{text}' is not understood; write auto, or scale,offset such as 0.0001,0.").format(
                text=text
            )
        )


def top_k_of(wanted: int, experts: int) -> int:
    """Experts per tile: at most so many, and no more than the model in use has.

    Args:
        wanted: may be more, as the default model may have others than the one in use.
        experts: of the model in use; 0 if unknown, then the worker decides.
    """
    return min(wanted, experts) if experts else wanted


def read_thresholds(text: str, policy: str, experts: Sequence[str]) -> dict[str, float] | None:
    """Read thresholds such as "water=0.4,roads=0.6"; None if there are none.

    Args:
        text: what the user wrote.
        policy: only "threshold" knows thresholds.
        experts: names of the model; empty if unknown, then any name passes and the worker decides.

    Raises:
        InputError: it is not understood, or the policy has no use for it.
    """
    if not text.strip():
        return None
    if policy != "threshold":
        raise InputError(
            tr(
                "Thresholds are given, but the policy {policy} does not use them; leave them empty, or "
                "choose the policy threshold."
            ).format(policy=policy)
        )
    found: dict[str, float] = {}
    for part in text.split(","):
        name, _, number = (piece.strip() for piece in part.partition("="))
        if not name or (experts and name not in experts):
            raise InputError(
                tr("Thresholds names '{name}', which is none of the experts {names}.").format(
                    name=name or part.strip(), names=", ".join(experts)
                )
            )
        try:
            value = float(number)
        except ValueError:
            value = -1.0
        if not 0.0 <= value <= 1.0:
            raise InputError(
                tr("Thresholds gives {name} '{number}'; write a number from 0 to 1.").format(
                    name=name, number=number
                )
            )
        if name in found:
            raise InputError(tr("Thresholds names {name} twice; name each expert once.").format(name=name))
        found[name] = value
    return found


def check_overlap(overlap: int, tile_size: int) -> None:
    """Check the overlap against the model's tiles.

    Raises:
        InputError: it is more than half a tile.
    """
    if overlap > tile_size // 2:
        raise InputError(
            tr("Overlap is {overlap} pixels, but the model's tiles have {tile}; use at most {most}.").format(
                overlap=overlap, tile=tile_size, most=tile_size // 2
            )
        )


def check_output(folder: str, overwrite: bool, resume: bool) -> None:
    """Check the run folder to be made.

    Raises:
        InputError: it is a file, or holds a run, finished or not, that nothing was said about.
    """
    path = Path(folder)
    if path.is_file():
        raise InputError(
            tr("The run folder {folder} is a file; give the name of a folder.").format(folder=path)
        )
    unreadable = _UNREADABLE.search(folder)
    if unreadable:
        raise InputError(
            tr(
                "The run folder {folder} has '{found}' in its path, and QGIS opens no tables from there; "
                "choose another folder."
            ).format(folder=path, found=unreadable.group())
        )
    if overwrite or resume:
        return  # whether an older run is the same, so that it can be continued, only the worker knows
    if is_unfinished(path):
        raise InputError(
            tr(
                "The run folder {folder} holds an unfinished run; tick Resume to continue it or Overwrite to "
                "replace it, or choose another folder."
            ).format(folder=path)
        )
    if is_run(path):
        raise InputError(
            tr(
                "The run folder {folder} already holds a run; choose another folder, or tick Overwrite."
            ).format(folder=path)
        )


def check_ways_on(overwrite: bool, resume: bool) -> None:
    """Check what is to happen to a run that lies in the run folder.

    Raises:
        InputError: it is to be continued and replaced at once.
    """
    if overwrite and resume:
        raise InputError(
            tr("Resume continues the run in the run folder and Overwrite replaces it; tick only one of them.")
        )
