"""A folder that is there whole or not at all: made beside its name, and put in its place at the end.

Beside `NAME` lie, while it is made, `.NAME.hydranet-new`, for a moment `.NAME.hydranet-old` with what had the
name before, and a lock, which the system frees when the process ends, however it ends. Whoever has the lock
knows what it finds there for the rest of a call that was killed, and puts that right.
"""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from .errors import OutputError

Keep = Callable[[Path, Path], None]


def beside(path: Path) -> tuple[Path, Path, Path]:
    """Where a folder is made, where the former one goes for a moment, and the lock."""
    new, old, lock = (path.with_name(f".{path.name}.hydranet-{end}") for end in ("new", "old", "lock"))
    return new, old, lock


def recover(path: Path, what: str, keep: Keep | None = None) -> None:
    """Put right what a call left that was killed; to be called before looking at what lies at `path`.

    Args:
        path: the folder's name.
        what: it is, for messages, such as "report".
        keep: see `whole_folder`.

    Raises:
        OutputError: another process is at it, or it cannot be put right.
    """
    path = path.absolute()
    if path.name and any(map(os.path.lexists, beside(path))):
        with _told(path, what), locked(path, what):
            _put_right(path, keep)


@contextmanager
def whole_folder(
    path: Path, what: str, check: Callable[[], None], keep: Keep | None = None
) -> Iterator[Path]:
    """A folder to write into, which gets its name at the end of the block.

    After an error nothing is left of it, not even the folders above that were made for it, and what had the
    name is as it was.

    Args:
        path: the name.
        what: it is, for messages, such as "report".
        check: refuses what has the name already; asked before the block and after it.
        keep: called with the former folder and the new one, to bring over what stays; None = nothing does.

    Raises:
        OutputError: another process writes there, or the disk does not take it; and whatever `check` raises.
    """
    path = path.absolute()
    new, old, _lock = beside(path)
    above: list[Path] = []
    try:
        with _told(path, what):
            for folder in reversed(path.parents):
                if not folder.exists():
                    folder.mkdir(exist_ok=True)
                    above.append(folder)
            with locked(path, what):
                _put_right(path, keep)
                check()
                try:
                    new.mkdir()
                    yield new
                    check()
                    _exchange(new, path, old)
                except BaseException:
                    shutil.rmtree(new, ignore_errors=True)
                    raise
                _put_right(path, keep)
    finally:
        for folder in reversed(above):
            with contextlib.suppress(OSError):  # it is in use
                folder.rmdir()


def _exchange(new: Path, path: Path, old: Path) -> None:
    """Give the new folder its name; what had it comes back if that fails."""
    if not os.path.lexists(path):
        os.replace(new, path)
        return
    os.replace(path, old)
    try:
        os.replace(new, path)
    except OSError:
        os.replace(old, path)
        raise


def _put_right(path: Path, keep: Keep | None) -> None:
    """From whatever state a call was in when it ended: one folder, and nothing beside it."""
    new, old, _lock = beside(path)
    if os.path.lexists(new):
        shutil.rmtree(new)
    if not os.path.lexists(old):
        return
    if not os.path.lexists(path):
        os.replace(old, path)
        return
    if keep is not None:
        keep(old, path)
    os.replace(old, new)  # so that nobody takes a half-removed one for the former folder
    shutil.rmtree(new, ignore_errors=True)  # what is in use is left to the next call


@contextmanager
def locked(path: Path, what: str) -> Iterator[None]:
    """Keep other processes away from a folder, whose parent is there.

    Args:
        path: the folder's name.
        what: it is, for messages, such as "report".

    Raises:
        OutputError: one is at it.
    """
    place = beside(path)[2]
    while True:
        lock = FileLock(place)
        try:
            lock.acquire(blocking=False)
        except Timeout:
            raise OutputError(
                f"Another process is writing the {what} '{path}'; wait for its end or choose another folder."
            ) from None
        except NotImplementedError:  # some network shares know no locks
            break
        if place.exists():
            break
        lock.release()  # its former owner has just removed the file
    try:
        yield
    finally:
        with contextlib.suppress(OSError):  # Windows removes no open file
            place.unlink()
        lock.release()
        if os.name == "nt":
            with contextlib.suppress(OSError):
                place.unlink()


@contextmanager
def _told(path: Path, what: str) -> Iterator[None]:
    """What the system says, as a sentence."""
    try:
        yield
    except OSError as error:
        raise OutputError(
            f"The {what} '{path}' could not be written ({error.strerror or error}); check the free space and "
            "your rights in the folder that it goes into, close what is open of it, then run again."
        ) from error
