"""The run folder: built inside its `journal` folder, shown only when it is whole.

Everything is written into the journal and moved into place at the end, `run.json` last: a folder with a
run.json is a whole run. An older run stays until then, and comes back if the move fails or is cut off.
Files that no run wrote are never touched. One process at a time works in a folder.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import Any

from filelock import BaseFileLock

from .errors import CancelledError, OutputError
from .files import write_whole
from .folder_lock import take_lock
from .journal import MOVING, PLAN, RESULT, RUN_JSON, Journal
from .spec import ExpertSpec

FORMAT = "hydranet-run/1"
ROUTING_TABLE = "routing.gpkg"
ROUTING_STYLE = "routing.qml"
JOURNAL = "journal"
_LOCK = "lock"
_PREVIOUS = "previous"
_LAST = (PLAN, MOVING)  # what is removed last, in this order


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
    experts = run.get("experts", [])
    if not isinstance(experts, list) or not all(isinstance(expert, dict) for expert in experts):
        raise OutputError(f"'{path}' is damaged: 'experts' is no list of objects; run the prediction again.")
    return run


def files_of(run: dict[str, Any]) -> list[str]:
    """Names of the files a run.json declares, itself included; anything but a plain name is ignored."""
    names = [RUN_JSON, ROUTING_TABLE, ROUTING_STYLE]
    for expert in run.get("experts", []):
        names += [expert.get("output"), expert.get("style")]
    return [name for name in names if isinstance(name, str) and name == os.path.basename(name) and name]


def output_names(spec: ExpertSpec) -> tuple[str, str]:
    """Names of an expert's raster, or GeoPackage of objects, and of its style."""
    return f"{spec.name}.{'gpkg' if spec.kind == 'objects' else 'tif'}", f"{spec.name}.qml"


class RunFolder:
    """A run folder in the making; use it as a context manager and `commit` at the end.

    Leaving the context without a commit keeps the journal if it is worth continuing, and otherwise
    removes everything it made, folders included.

    Attributes:
        path: the output folder.
        journal: what is done; `journal.folder` takes unfinished files.
        staging: where to write the finished ones.
        resuming: whether an unfinished run was found that is to be continued.
        keep_on_cancel: keep the journal also when the user stops the run.
        notes: what the user should know about the folder.
    """

    def __init__(
        self, path: str | Path, overwrite: bool = False, resume: bool = False, keep_on_cancel: bool = False
    ) -> None:
        """Check the output folder and open the journal in it.

        Raises:
            OutputError: another run works there, the folder holds a run, finished or not, that is neither
                to be overwritten nor continued, or it is no folder, or it cannot be written.
        """
        self.path = Path(path).absolute()
        self.keep_on_cancel = keep_on_cancel
        self.journal = Journal(self.path / JOURNAL)
        self.staging = self.journal.folder / RESULT
        # What was to be overwritten when the run began still is when it goes on.
        self._overwrite = overwrite or (resume and self.journal.overwrites)
        self.resuming = False
        self.notes: list[str] = []
        self._made: list[Path] = []
        self._kept: frozenset[str] = frozenset()
        self._committed = False
        self._old: list[str] = []
        self._check_old()
        self._check_journal(resume)
        try:
            for folder in [*reversed(self.path.parents), self.path, self.journal.folder]:
                if not folder.exists():
                    folder.mkdir()
                    self._made.append(folder)
            self._lock = self._locked()
        except OSError as error:
            self._remove_made()
            raise OutputError(
                f"The output folder '{self.path}' cannot be written ({error.strerror or error}); "
                "choose another."
            ) from error
        try:
            self._recover()
            self.resuming = resume and self.journal.unfinished
            if not self.resuming:
                self._empty_journal()
            shutil.rmtree(self.staging, ignore_errors=True)
            self.staging.mkdir()
            self._check_old()  # a move that was cut off may have been undone
        except OSError as error:
            self._lock.release()
            raise self._trouble(error) from error
        except BaseException:
            self._lock.release()
            raise

    @classmethod
    def of_run(cls, path: str | Path) -> RunFolder:
        """Open the folder of a finished run that is to be changed.

        Raises:
            OutputError: it holds no finished run, or one that is just being replaced; or as for a new run.
        """
        path = Path(path).absolute()
        journal = Journal(path / JOURNAL)
        if journal.unfinished:
            raise OutputError(
                f"'{path}' holds a run that is not finished; wait for its end, or continue it (--resume; in "
                "QGIS: Resume), then change it."
            )
        if not journal.exists:
            read_run(path)  # says what is wrong before anything is made there
        return cls(path, overwrite=True)

    def _check_old(self) -> None:
        self._old = []
        if not os.path.lexists(self.path / RUN_JSON):
            return
        old = read_run(self.path)
        if not self._overwrite:
            raise OutputError(
                f"'{self.path}' already holds a run; choose another folder, or allow it to be overwritten."
            )
        self._old = files_of(old)

    def _check_journal(self, resume: bool) -> None:
        """Refuse a journal that nobody asked to continue, and a folder of that name that is none."""
        folder = self.journal.folder
        if not os.path.lexists(folder):
            return
        if not folder.is_dir() or folder.is_symlink():
            raise OutputError(f"'{folder}' is in the way of the run's journal; choose another folder.")
        if self.journal.exists:
            if self.journal.unfinished and not (resume or self._overwrite):
                raise OutputError(
                    f"'{self.path}' holds an unfinished run; continue it (--resume; in QGIS: Resume), "
                    "allow it to be overwritten, or choose another folder."
                )
        elif _is_foreign(folder):
            raise OutputError(f"'{folder}' holds files that no run wrote; choose another folder.")

    def _locked(self) -> BaseFileLock:
        """Take the folder for this process."""
        return take_lock(
            self.journal.folder / _LOCK,
            f"Another run is writing into '{self.path}'; wait for its end or choose another folder.",
            f"The file system of '{self.path}' knows no locks: make sure that no other run uses it.",
            self.notes,
        )

    def _empty_journal(self) -> None:
        # Without the list of moves an older run that is still here would be put back over a whole one, and
        # without the plan the folder could not be told to be a journal.
        order = {name: place for place, name in enumerate(_LAST, start=1)}
        for entry in sorted(self.journal.folder.iterdir(), key=lambda entry: order.get(entry.name, 0)):
            if entry.name == _LOCK:
                continue
            shutil.rmtree(entry) if entry.is_dir() else entry.unlink()

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

    def keep(self, names: Iterable[str]) -> None:
        """Leave these files of the older run where they are: they belong to this one too."""
        self._kept = frozenset(names)

    def write_text(self, name: str, text: str) -> None:
        """Write a small text file of the run.

        Raises:
            OutputError: it cannot be written.
        """
        # A path that is no text in any encoding is kept as JSON writes what it cannot show.
        write_whole(self.staging / name, text.encode("utf-8", "backslashreplace"))

    def commit(self, summary: dict[str, Any]) -> None:
        """Write run.json and move the run into place; the older run returns if that fails.

        Raises:
            OutputError: a file cannot be written or moved, for instance because it is open elsewhere.
        """
        self.write_text(RUN_JSON, json.dumps(summary, indent=1, ensure_ascii=False, allow_nan=False) + "\n")
        names = [path.name for path in self.staging.iterdir()]
        new = sorted(names, key=lambda name: (name == RUN_JSON, name))
        going = [name for name in self._old if name not in self._kept]
        going += [name + ending for name in going for ending in _beside(name)]
        # Whoever finds the journal after a crash in the middle of the moves can undo them.
        write_whole(self.journal.folder / MOVING, json.dumps({"new": new}).encode())
        previous = self.journal.folder / _PREVIOUS
        try:
            previous.mkdir(exist_ok=True)
            # run.json goes first and comes last: without it, a reader sees no run rather than half of one.
            for name in going:
                if os.path.lexists(self.path / name):
                    os.replace(self.path / name, previous / name)
            for name in new:
                os.replace(self.staging / name, self.path / name)
        except OSError as error:
            self._recover()
            raise self._trouble(error) from error
        self._committed = True

    def _recover(self) -> None:
        """Undo moves that did not come to their end: new files go back, then the older run returns."""
        moving, previous = self.journal.folder / MOVING, self.journal.folder / _PREVIOUS
        try:
            new = json.loads(moving.read_text(encoding="utf-8"))["new"]
        except (OSError, ValueError, KeyError, TypeError):
            new = []
        if RUN_JSON in new and (self.path / RUN_JSON).exists() and not (self.staging / RUN_JSON).exists():
            return  # the last move was done: the run is whole, only the journal was not removed
        for name in new:
            # Only what this run moved: its place in the staging folder is empty.
            if name == os.path.basename(name) and not os.path.lexists(self.staging / name):
                with contextlib.suppress(FileNotFoundError):
                    self.staging.mkdir(exist_ok=True)
                    os.replace(self.path / name, self.staging / name)
        if previous.is_dir():
            # run.json last here too.
            for path in sorted(previous.iterdir(), key=lambda path: path.name == RUN_JSON):
                os.replace(path, self.path / path.name)
            previous.rmdir()
        moving.unlink(missing_ok=True)

    def __enter__(self) -> RunFolder:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.journal.close()
        if not self._committed and error is not None and self.keeps_after(error):
            self._lock.release()
            return
        with contextlib.suppress(OSError):
            self._empty_journal()
        if os.name == "nt":  # Windows does not remove what is open
            self._lock.release()
            shutil.rmtree(self.journal.folder, ignore_errors=True)
        else:  # the lock goes last, so that nobody else begins in a folder that is being removed
            shutil.rmtree(self.journal.folder, ignore_errors=True)
            self._lock.release()
        if not self._committed:
            self._remove_made()

    def keeps_after(self, error: BaseException) -> bool:
        """Whether the journal stays when the run ends with this error."""
        stopped = isinstance(error, (CancelledError, KeyboardInterrupt))
        # What an earlier session left is not thrown away because a later one was stopped.
        wanted = self.keep_on_cancel or self.resuming or not stopped
        return wanted and self.journal.worth_keeping

    def _remove_made(self) -> None:
        for folder in reversed(self._made):
            with contextlib.suppress(OSError):
                folder.rmdir()

    def _trouble(self, error: OSError) -> OutputError:
        return OutputError(
            f"The run could not be put into '{self.path}' ({error.strerror or error}); check the free space "
            "and close layers that are open from that folder, then run again."
        )


def _beside(name: str) -> tuple[str, ...]:
    """Endings of what readers leave beside a file, which would be taken to belong to the next one."""
    if name.endswith(".gpkg"):
        return ("-wal", "-shm", "-journal")  # SQLite would write into the new table what is left in them
    return (".aux.xml",) if name.endswith(".tif") else ()


def _is_foreign(folder: Path) -> bool:
    """Whether a folder without a plan holds more than a run leaves that was killed before it had one."""
    result = folder / RESULT
    known = {_LOCK, RESULT, MOVING, f"{PLAN}.part"}
    return bool({entry.name for entry in folder.iterdir()} - known) or (
        os.path.lexists(result) and (not result.is_dir() or any(result.iterdir()))
    )
