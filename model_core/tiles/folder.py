"""The folder of a routerset in the making: built beside its final name, shown only when it is whole.

`<name>.part` holds a plan (all that the result depends on), a line for each tile that is done, and the files
so far. At the end the files move under the final name in one step; an older routerset waits inside the part
folder until then, and returns if the move is cut off. One process at a time works on a folder. What no
routerset wrote is never touched.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import zlib
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

from filelock import BaseFileLock

from ..errors import OutputError
from ..files import write_whole
from ..folder_lock import take_lock
from ..routerset import CATALOG_FILE, CONTACT_SHEET, LABELS, RELEVANCE_FILE, SCENES, SET_FILE
from ..routerset import FORMAT as SET_FORMAT

FORMAT = "hydranet-tiles-journal/1"
PART = ".part"
_PLAN, _DONE, _RESULT, _PREVIOUS, _LOCK = "plan.json", "done.jsonl", "result", "previous", "lock"
_FILES = {SET_FILE, CATALOG_FILE, RELEVANCE_FILE, CONTACT_SHEET}
_ENDINGS = (".tif", ".tif.aux.xml", ".tif.ovr")  # a viewer may leave the latter two beside a tile


class TilesFolder:
    """A routerset in the making; use it as a context manager and `commit` at the end.

    Leaving the context without a commit keeps what is done, if any tile is, so that it can be resumed.

    Attributes:
        path: the final folder.
        result: where its files are written.
        done: by tile the records of an unfinished routerset that is continued.
        notes: what the user should know about the folder.
    """

    def __init__(self, path: str | Path, run: Mapping[str, Any], overwrite: bool, resume: bool) -> None:
        """Check the output folder and take the part folder.

        Args:
            path: the final folder.
            run: all that the result depends on, by names the user understands.
            overwrite: a routerset there, or an unfinished one, may be replaced.
            resume: an unfinished one is continued if its `run` is the same.

        Raises:
            OutputError: another process works there; the folder holds what may not be replaced; the
                unfinished routerset is another; or the disk does not take it.
        """
        self.path = Path(path).absolute()
        self.part = self.path.with_name(self.path.name + PART)
        self.result = self.part / _RESULT
        self.done: dict[str, dict[str, Any]] = {}
        self.notes: list[str] = []
        # What was to be overwritten when the work began still is when it goes on.
        self._overwrite = overwrite or (resume and self._plan().get("overwrite") is True)
        self._committed = False
        self._file: Any = None
        self._made: list[Path] = []
        try:
            self._check_target()
            self._check_part(resume)
            for folder in [*reversed(self.path.parents), self.part]:
                if not folder.exists():
                    folder.mkdir()
                    self._made.append(folder)
            self._lock = self._locked()
        except OSError as error:
            self._remove_made()
            raise OutputError(
                f"The output folder '{self.path}' cannot be written ({error.strerror or error}); choose "
                "another."
            ) from error
        try:
            self._recover()
            self._check_target()  # a move that was cut off may have been undone
            if resume and self._plan():
                self._check_run(run)
                self._load()
            else:
                self._begin(run)
        except BaseException as error:
            self._lock.release()
            if isinstance(error, OSError):
                raise self._trouble(error) from error
            raise

    def _check_target(self) -> None:
        """Refuse to replace anything but a routerset that may be replaced, or an empty folder."""
        if not os.path.lexists(self.path):
            return
        if not self.path.is_dir() or self.path.is_symlink():
            raise OutputError(f"'{self.path}' is no folder; choose another output folder.")
        strange = _strange(self.path)
        if strange is not None:
            raise OutputError(
                f"'{self.path}' already holds {strange}, which is no part of a routerset; choose another "
                "folder."
            )
        if (self.path / SET_FILE).exists() and not self._overwrite:
            raise OutputError(
                f"'{self.path}' already holds a routerset; choose another folder, or allow it to be "
                "overwritten."
            )

    def _check_part(self, resume: bool) -> None:
        if not os.path.lexists(self.part):
            return
        names = {entry.name for entry in self.part.iterdir()} if self.part.is_dir() else {self.part.name}
        known = {_PLAN, _DONE, _RESULT, _PREVIOUS, _LOCK, f"{_PLAN}.part"}
        if self.part.is_symlink() or names - known or (_RESULT in names and _PLAN not in names):
            raise OutputError(
                f"'{self.part}' is in the way of an unfinished routerset; choose another folder."
            )
        if _RESULT in names and not (resume or self._overwrite):
            raise OutputError(
                f"'{self.part}' holds an unfinished routerset; continue it (--resume; in QGIS: Resume), "
                "allow it to be overwritten, or choose another folder."
            )

    def _locked(self) -> BaseFileLock:
        """Take the part folder."""
        return take_lock(
            self.part / _LOCK,
            f"Another process is writing '{self.path}'; wait for its end or choose another folder.",
            f"The file system of '{self.path}' knows no locks: make sure that nobody else writes there.",
            self.notes,
        )

    def _recover(self) -> None:
        """Bring an older routerset back whose successor did not come, or let it go if it did."""
        previous = self.part / _PREVIOUS
        if not previous.is_dir():
            return
        if os.path.lexists(self.path):
            shutil.rmtree(previous)
        else:
            os.replace(previous, self.path)

    def _begin(self, run: Mapping[str, Any]) -> None:
        # In this order a kill leaves an old plan, or a plan without tiles, and never tiles without a plan.
        self._empty()
        plan = {"format": FORMAT, "overwrite": self._overwrite, "run": run}
        write_whole(self.part / _PLAN, (json.dumps(plan, indent=1, sort_keys=True) + "\n").encode())
        for folder in (SCENES, LABELS):
            (self.result / folder).mkdir(parents=True)

    def _empty(self) -> None:
        if self.result.exists():
            shutil.rmtree(self.result)
        (self.part / _DONE).unlink(missing_ok=True)

    def _plan(self) -> dict[str, Any]:
        """What `_begin` wrote; empty if that cannot be read."""
        try:
            plan = json.loads((self.part / _PLAN).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return plan if isinstance(plan, dict) and self.result.is_dir() else {}

    def _check_run(self, run: Mapping[str, Any]) -> None:
        plan = self._plan()
        found, wanted = plan.get("run"), json.loads(json.dumps(run))
        if plan.get("format") != FORMAT or not isinstance(found, dict):
            raise OutputError(f"The plan in '{self.part}' cannot be read; allow it to be overwritten.")
        if found != wanted:
            other = sorted(key for key in wanted.keys() | found.keys() if wanted.get(key) != found.get(key))
            raise OutputError(
                f"The unfinished routerset in '{self.part}' differs from this one in: {', '.join(other)}; "
                "repeat the request it was begun with, choose another folder, or allow it to be overwritten."
            )

    def _load(self) -> None:
        """Read which tiles are done; a tile whose files are not whole is not."""
        try:
            lines = (self.part / _DONE).read_bytes().split(b"\n")
        except FileNotFoundError:
            return
        for line in lines:
            try:
                record = json.loads(line)
                if all(zlib.crc32((self.result / name).read_bytes()) == crc for name, crc in _told(record)):
                    self.done[record["tile"]] = record
            except (OSError, ValueError, KeyError, TypeError, AttributeError):
                continue

    def add(self, record: dict[str, Any], files: Mapping[str, bytes]) -> None:
        """Write a tile's files, then that it is done.

        Raises:
            OutputError: the disk does not take it.
        """
        try:
            for name, content in files.items():
                part = self.result / f"{name}.part"
                part.write_bytes(content)
                os.replace(part, self.result / name)
            if self._file is None:
                self._file = (self.part / _DONE).open("ab")
                if self._file.tell():
                    self._file.write(b"\n")  # ends a line that was cut off
            self._file.write(json.dumps(record, separators=(",", ":")).encode() + b"\n")
            self._file.flush()
        except OSError as error:
            raise self._trouble(error) from error
        self.done[record["tile"]] = record

    def commit(self, files: Mapping[str, bytes], keep: set[str]) -> None:
        """Write the last files, let go of tiles that are not wanted, and give all of it its final name.

        Args:
            files: by name.
            keep: names of the tiles' files that stay.

        Raises:
            OutputError: a file cannot be written or moved; an older routerset stays.
        """
        try:
            for folder in (SCENES, LABELS):
                for path in (self.result / folder).iterdir():
                    if f"{folder}/{path.name}" not in keep:
                        path.unlink()
            for name in sorted(files, key=lambda name: name == SET_FILE):
                write_whole(self.result / name, files[name])
            if os.path.lexists(self.path):
                os.replace(self.path, self.part / _PREVIOUS)
            os.replace(self.result, self.path)
        except OSError as error:
            with contextlib.suppress(OSError):
                self._recover()
            raise self._trouble(error) from error
        self._committed = True

    def __enter__(self) -> TilesFolder:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._file is not None:
            self._file.close()
        if not self._committed and any("files" in record for record in self.done.values()):
            self._lock.release()
            return
        if os.name == "nt":  # Windows does not remove what is open
            self._lock.release()
        with contextlib.suppress(OSError):
            self._empty()
        shutil.rmtree(self.part, ignore_errors=True)
        self._lock.release()
        if not self._committed:
            self._remove_made()

    def _remove_made(self) -> None:
        for folder in reversed(self._made):
            with contextlib.suppress(OSError):
                folder.rmdir()

    def _trouble(self, error: OSError) -> OutputError:
        return OutputError(
            f"The tiles could not be put into '{self.path}' ({error.strerror or error}); check the free "
            "space, close layers that are open from there, then continue (--resume; in QGIS: Resume)."
        )


def _told(record: Mapping[str, Any]) -> list[tuple[str, int]]:
    """Files of a record and their checksums; a name that leads elsewhere makes it none."""
    told = record.get("files", {})
    for name in told:
        folder, _, file = name.partition("/")
        if folder not in (SCENES, LABELS) or not file or "/" in file or "\\" in file:
            raise ValueError(name)
    return list(told.items())


def _strange(folder: Path) -> str | None:
    """A name in a folder that no routerset wrote, or None."""
    entries = sorted(folder.iterdir())
    if entries and not _is_routerset(folder):
        return entries[0].name
    for entry in entries:
        if entry.name in _FILES and entry.is_file():
            continue
        if entry.name in (SCENES, LABELS) and entry.is_dir() and not entry.is_symlink():
            inner = sorted(path.name for path in entry.iterdir())
            odd = next((name for name in inner if not name.endswith(_ENDINGS)), None)
            if odd is None:
                continue
            return f"{entry.name}/{odd}"
        return entry.name
    return None


def _is_routerset(folder: Path) -> bool:
    try:
        data = json.loads((folder / SET_FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return isinstance(data, dict) and str(data.get("format", "")).startswith(SET_FORMAT.partition("/")[0])
