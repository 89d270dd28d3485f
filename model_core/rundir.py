"""The run folder: built out of sight inside the output folder, shown only when it is whole.

Everything is written into a staging folder and moved into place at the end, `run.json` last: a folder
with a run.json is a whole run. An older run stays until then, and comes back if the move fails. Files
that no run wrote are never touched.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import Any

from .errors import OutputError

FORMAT = "hydranet-run/1"
RUN_JSON = "run.json"
ROUTING_TABLE = "routing.gpkg"
ROUTING_STYLE = "routing.qml"
_STAGING = ".hydranet.part-"


def read_run(folder: Path) -> dict[str, Any]:
    """Read a folder's run.json.

    Raises:
        OutputError: there is none, or it is not a HydraNet run.
    """
    path = Path(folder) / RUN_JSON
    try:
        run = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise OutputError(f"'{folder}' holds no {RUN_JSON}; choose the folder of a finished run.") from None
    except (OSError, ValueError) as error:
        raise OutputError(f"'{path}' cannot be read ({error}); run the prediction again.") from error
    if not isinstance(run, dict) or run.get("format") != FORMAT:
        raise OutputError(f"'{path}' is not a {FORMAT} file; choose the folder of a HydraNet run.")
    return run


def files_of(run: dict[str, Any]) -> list[str]:
    """Names of the files a run.json declares, itself included; anything but a plain name is ignored."""
    names = [RUN_JSON, ROUTING_TABLE, ROUTING_STYLE]
    for expert in run.get("experts", []):
        names += [expert.get("output"), expert.get("style")]
    return [name for name in names if isinstance(name, str) and name == os.path.basename(name) and name]


class RunFolder:
    """A run folder in the making; use it as a context manager and `commit` at the end.

    Leaving the context without a commit removes everything it made, folders included.

    Attributes:
        path: the output folder.
        staging: where to write the files.
    """

    def __init__(self, path: str | Path, overwrite: bool = False) -> None:
        """Check the output folder and open a staging folder in it.

        Raises:
            OutputError: the folder holds a run and `overwrite` is False, is no folder, or cannot be
                written.
        """
        self.path = Path(path).absolute()
        self._overwrite = overwrite
        self._made: list[Path] = []
        self._old: list[str] = []
        self._committed = False
        self._check_old()
        try:
            for folder in [*reversed(self.path.parents), self.path]:
                if not folder.exists():
                    folder.mkdir()
                    self._made.append(folder)
            self.staging = Path(tempfile.mkdtemp(prefix=_STAGING, dir=self.path))
        except OSError as error:
            self._remove_made()
            raise OutputError(
                f"The output folder '{self.path}' cannot be written ({error.strerror}); choose another."
            ) from error

    def _check_old(self) -> None:
        if not os.path.lexists(self.path / RUN_JSON):
            return
        old = read_run(self.path)
        if not self._overwrite:
            raise OutputError(
                f"'{self.path}' already holds a run; choose another folder, or allow it to be overwritten."
            )
        self._old = files_of(old)

    def reserve(self, names: Iterable[str], source: str) -> None:
        """Make sure that the files about to be written replace nothing but an older run.

        Args:
            names: every name the run may write.
            source: the input raster, which must not be one of them.

        Raises:
            OutputError: a file of that name is there and no run wrote it, or it is the input itself.
        """
        for name in {*names, *self._old}:
            target = self.path / name
            if not os.path.lexists(target):
                continue
            with contextlib.suppress(OSError):
                if os.path.samefile(target, source):
                    raise OutputError(
                        f"The input '{source}' lies where the run would write {name}; choose another folder."
                    )
            if name not in self._old:
                raise OutputError(
                    f"'{self.path}' already holds {name}, which no run wrote; choose another folder."
                )

    def write_text(self, name: str, text: str) -> None:
        """Write a small text file of the run.

        Raises:
            OutputError: it cannot be written.
        """
        try:
            (self.staging / name).write_text(text, encoding="utf-8", newline="\n")
        except OSError as error:
            raise self._trouble(error) from error

    def commit(self, summary: dict[str, Any]) -> None:
        """Write run.json and move the run into place; the older run returns if that fails.

        Raises:
            OutputError: a file cannot be written or moved, for instance because it is open elsewhere.
        """
        self.write_text(RUN_JSON, json.dumps(summary, indent=1, ensure_ascii=False, allow_nan=False) + "\n")
        if not self._old:
            self._check_old()  # another run may have finished here meanwhile
        previous = self.staging / "previous"
        moved: list[tuple[Path, Path]] = []
        try:
            new = sorted((p for p in self.staging.iterdir()), key=lambda p: (p.name == RUN_JSON, p.name))
            previous.mkdir()
            # run.json goes first and comes last: without it, a reader sees no run rather than half of one.
            for name in self._old + [f"{name}.aux.xml" for name in self._old if name.endswith(".tif")]:
                if os.path.lexists(self.path / name):
                    _move(self.path / name, previous / name, moved)
            for path in new:
                _move(path, self.path / path.name, moved)
        except OSError as error:
            for source, target in reversed(moved):
                os.replace(target, source)
            raise self._trouble(error) from error
        self._committed = True

    def __enter__(self) -> RunFolder:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        shutil.rmtree(self.staging, ignore_errors=True)
        if not self._committed:
            self._remove_made()

    def _remove_made(self) -> None:
        for folder in reversed(self._made):
            with contextlib.suppress(OSError):
                folder.rmdir()

    def _trouble(self, error: OSError) -> OutputError:
        return OutputError(
            f"The run could not be put into '{self.path}' ({error.strerror or error}); check the free space "
            "and close layers that are open from that folder, then run again."
        )


def _move(source: Path, target: Path, moved: list[tuple[Path, Path]]) -> None:
    os.replace(source, target)
    moved.append((source, target))
