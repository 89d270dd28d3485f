"""How predictions are spread over processes or machines: what the command line says, checked."""

from __future__ import annotations

import importlib.util
import os
import platform
import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ..errors import RequestError

LOCAL, SERIAL = "local", "serial"
VARIABLE = "HYDRANET_SCHEDULER"
RETRIES = 2
STRIP_ROWS = 4096
LEAST_STRIP_ROWS = 1024
SMALL_MB = 256  # less is done before processes are started and have loaded the model, or not much later
GOOD_STRIP_ROWS = 2048  # the row of tiles computed twice at an edge is a tenth of it
_ADDRESSES = ("tcp://", "tls://", "ws://", "wss://")
_INSTALL = "pip install 'hydranet[cluster]'"


@dataclass(frozen=True)
class ClusterOptions:
    """How to spread.

    Attributes:
        scheduler: `local`, `serial`, the address of a scheduler, or a scheduler file.
        workers: processes of a local cluster; None = one for each core, as far as memory goes.
        strip_rows: pixel rows of a strip; None = what suits the scene, `STRIP_ROWS` at most.
        retries: further attempts at a scene.

    Raises:
        RequestError: a value that can never work.
    """

    scheduler: str = SERIAL
    workers: int | None = None
    strip_rows: int | None = None
    retries: int = RETRIES

    def __post_init__(self) -> None:
        known = self.scheduler in (LOCAL, SERIAL) or is_address(self.scheduler) or self.is_file
        if not known:
            raise RequestError(
                f"'{self.scheduler}' is no scheduler; use local, serial, an address such as "
                "tcp://10.0.0.5:8786, or the JSON file that the scheduler writes with --scheduler-file."
            )
        for name, value, least in (
            ("workers", self.workers, 1),
            ("strip-rows", self.strip_rows, 1),
            ("retries", self.retries, 0),
        ):
            if value is not None and value < least:
                raise RequestError(f"--{name} is {value}; expected a whole number from {least}.")
        if self.workers is not None and self.scheduler != LOCAL:
            raise RequestError(
                f"--workers {self.workers} was given with the scheduler '{self.scheduler}', which does not "
                "start any; leave it out, or use --scheduler local."
            )

    @property
    def is_file(self) -> bool:
        """Whether the scheduler is named by a scheduler file."""
        return self.scheduler.lower().endswith(".json")

    @property
    def serial(self) -> bool:
        """Whether everything is done in this process."""
        return self.scheduler == SERIAL


def is_address(value: Any) -> bool:
    """Whether a value is the address of a scheduler, as far as can be seen."""
    return isinstance(value, str) and value.startswith(_ADDRESSES)


def is_installed() -> bool:
    """Whether dask.distributed is there; nothing is imported."""
    return importlib.util.find_spec("distributed") is not None


def choose(
    asked: str | None,
    workers: int | None,
    strip_rows: int | None,
    retries: int,
    *,
    scenes: Sequence[str],
    device: str,
) -> tuple[ClusterOptions, str | None]:
    """Settle what the command line leaves open.

    Args:
        asked: the scheduler, None = the environment variable `VARIABLE`, or what suits: local for several
            scenes, serial for one, or for so few and small ones that they are done before workers are up.
        workers: see `ClusterOptions`, as for the next two.
        strip_rows: of a strip.
        retries: of a scene.
        scenes: their paths.
        device: as in the request; an accelerator is not shared among processes unless that is asked for.

    Returns:
        The options, and a sentence for the user if they are not what he might expect.

    Raises:
        RequestError: a value that can never work, or dask.distributed is needed and not installed.
    """
    note = None
    asked = asked or (LOCAL if workers is not None else os.environ.get(VARIABLE)) or None
    if asked is None:
        asked = SERIAL
        if len(scenes) > 1 and not _accelerated(device) and not _soon_done(scenes):
            if is_installed():
                asked = LOCAL
            else:
                note = (
                    "The scenes are predicted one after the other, as dask.distributed is not installed; "
                    f"{_INSTALL} lets several run at once."
                )
    options = ClusterOptions(asked, workers, strip_rows, retries)
    if not options.serial and not is_installed():
        raise RequestError(
            f"--scheduler {asked} needs dask.distributed, which is not installed; {_INSTALL}, or use "
            "--scheduler serial."
        )
    return options, note


def _soon_done(scenes: Sequence[str]) -> bool:
    """Whether the scenes are files, and of `SMALL_MB` in all at most; of what is none nothing is known."""
    try:
        return all(map(os.path.isfile, scenes)) and sum(map(os.path.getsize, scenes)) <= SMALL_MB * 2**20
    except OSError:
        return False


def _accelerated(device: str) -> bool:
    """Whether `device` may be an accelerator; torch is not asked, as it takes seconds to import."""
    if device != "auto":
        return device != "cpu"
    apple = sys.platform == "darwin" and platform.machine() == "arm64"
    return apple or shutil.which("nvidia-smi") is not None


def strip_rows_for(height: int, workers: int, asked: int | None, alone: bool) -> int:
    """Pixel rows of the strips of a scene.

    Args:
        height: of the scene.
        workers: threads of all workers.
        asked: by the user, None = nothing.
        alone: whether it is the only scene, so that all workers wait for it.
    """
    if asked is not None or workers < 2:
        return asked or height
    if not alone:
        return STRIP_ROWS
    # Some strips more than workers, as they do not take equally long, unless edges would cost more than that.
    rows = -(-height // (2 * workers))
    return min(STRIP_ROWS, rows if rows >= GOOD_STRIP_ROWS else max(LEAST_STRIP_ROWS, -(-height // workers)))
