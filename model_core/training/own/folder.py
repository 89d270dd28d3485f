"""The folder that a training writes its bundle to, and what it keeps in `training` below it."""

from __future__ import annotations

import contextlib
import hashlib
import json
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from safetensors import SafetensorError

from ...bundle import MODEL_FILE, WEIGHTS_FILE, BundleInfo, check_weights, file_digest, read_info
from ...errors import BundleError, OutputError, RequestError
from ...routerset import RouterSet
from ...whole_folder import locked
from ..controls import CONTROLS_FILE
from ..extend import STAGING
from ..framework.run_folder import write_json
from .request import TrainRequest
from .tiles import facts

TRAINING, REQUEST_FILE, SUMMARY_FILE = "training", "request.json", "summary.json"

_OURS = frozenset({MODEL_FILE, WEIGHTS_FILE, CONTROLS_FILE, TRAINING, STAGING})

_MANNERS = ("output", "overwrite", "resume", "threads", "seconds")
"""Parts of a request that may differ when a training is continued."""


@contextmanager
def open_folder(
    request: TrainRequest, data: RouterSet, info: BundleInfo, check: Callable[[], None] = lambda: None
) -> Iterator[Path]:
    """Make the folder of a training ready, or find the unfinished one in it; no other process is at it then.

    Args:
        request: with absolute paths.
        data: the tiles.
        info: the bundle that is extended.
        check: raises CancelledError if the training is to stop.

    Yields:
        The folder of the training, below the output folder.

    Raises:
        RequestError: the output folder is the bundle's or holds the tiles, or holds another training.
        OutputError: it holds something that nobody asked to replace, cannot be written any more, or another
            process is at it.
    """
    output = Path(request.output)
    _check_place(output, data, info)
    told = _told(request, data, info, check)
    made = [folder for folder in (output, *output.parents) if not folder.exists()]
    try:
        output.parent.mkdir(parents=True, exist_ok=True)
        with locked(output, "bundle"):
            yield _taken(output, request, told)
    except BrokenPipeError:
        raise  # nobody listens any more
    except (OSError, SafetensorError) as error:
        why = getattr(error, "strerror", None) or error
        raise OutputError(
            f"The training in '{output}' cannot be written or read ({why}); "
            "check the free space and the rights of the folder, then resume it, or overwrite it."
        ) from error
    finally:
        for folder in made:  # nothing stays of a training that was refused
            with contextlib.suppress(OSError):
                folder.rmdir()


def _check_place(output: Path, data: RouterSet, info: BundleInfo) -> None:
    if output.resolve() == info.folder.resolve():
        raise RequestError(f"'{output}' is the bundle that is extended; choose another output folder.")
    if output.resolve() in (data.folder.resolve(), *data.folder.resolve().parents):
        raise RequestError(f"'{output}' holds the tiles; choose another output folder.")


def _taken(output: Path, request: TrainRequest, told: Mapping[str, Any]) -> Path:
    """The folder of the training, new or that of the same one."""
    training = output / TRAINING
    _check_free(output, request)
    if request.overwrite:
        shutil.rmtree(training, ignore_errors=True)
    training.mkdir(parents=True, exist_ok=True)
    if not (training / REQUEST_FILE).is_file():
        write_json(training / REQUEST_FILE, told)
        return training
    try:
        stored = json.loads((training / REQUEST_FILE).read_text(encoding="utf-8"))
    except ValueError:
        stored = None
    if stored != json.loads(json.dumps(told)):
        raise RequestError(
            f"'{output}' holds a training of another request, of other tiles or of another bundle; choose "
            "another output folder, or overwrite it."
        )
    return training


def finished(request: TrainRequest) -> dict[str, Any] | None:
    """The summary of a training that has nothing left to do; None = it has."""
    summary = Path(request.output) / TRAINING / SUMMARY_FILE
    if not summary.is_file():
        return None
    try:
        told = json.loads(summary.read_text(encoding="utf-8"))
        info = read_info(Path(request.output))
        check_weights(info)
    except (OSError, ValueError, BundleError):
        return None
    return {**told, "bundle": request.output} if info.sha256 == told.get("sha256") else None


def _told(
    request: TrainRequest, data: RouterSet, info: BundleInfo, check: Callable[[], None]
) -> Mapping[str, Any]:
    """What makes a training the same: the request, the files of the tiles, and the bundle."""
    asked = {name: value for name, value in request.to_json().items() if name not in _MANNERS}
    tiles = {"tables": facts(data)["sha256"], "rasters": _rasters(data, check)}
    return {"request": asked | {"bundle": info.sha256}, "tiles": tiles}


def _rasters(data: RouterSet, check: Callable[[], None]) -> str:
    """SHA-256 over all images and labels.

    Raises:
        RequestError: one cannot be read.
    """
    found = hashlib.sha256()
    for entry in data.entries:
        check()
        for name in (entry.file, *map(entry.label_file, entry.tasks)):
            try:
                found.update(f"{name} {file_digest(data.folder / name)}\n".encode())
            except OSError as error:
                raise RequestError(
                    f"Tile '{entry.id}' of the routerset cannot be read ({error}); make the tiles again."
                ) from error
    return found.hexdigest()


def _check_free(output: Path, request: TrainRequest) -> None:
    if not output.exists():
        return
    if not output.is_dir():
        raise OutputError(f"'{output}' is no folder; choose another output folder.")
    there = {path.name for path in output.iterdir()}
    other = sorted(name for name in there if name.removesuffix(".part") not in _OURS)
    training = output / TRAINING
    begun = (training / REQUEST_FILE).is_file()
    inside = {path.name for path in training.iterdir()} if training.is_dir() else set()
    if not begun and inside - {f"{REQUEST_FILE}.part"}:  # that is what a kill or a full disk left
        other.append(TRAINING)
    if other:
        raise OutputError(
            f"'{output}' holds '{other[0]}', which no training wrote; choose an empty or a new folder."
        )
    if request.overwrite:
        return
    if begun:
        if not request.resume:
            raise OutputError(
                f"'{output}' holds a training already; resume it, overwrite it, or choose another folder."
            )
    elif MODEL_FILE in there:
        raise OutputError(f"'{output}' holds a bundle already; overwrite it, or choose another folder.")
