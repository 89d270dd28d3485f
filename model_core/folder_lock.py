"""A lock in a folder of work; the system frees it when the process ends, however it ends."""

from __future__ import annotations

from pathlib import Path

from filelock import BaseFileLock, FileLock, SoftFileLock, Timeout

from .errors import OutputError


def take_lock(path: Path, busy: str, unknown: str, notes: list[str]) -> BaseFileLock:
    """Take a folder for this process.

    Args:
        path: of the lock, in the folder; that is made again if its former owner removes it meanwhile.
        busy: what to say if another process has it.
        unknown: what to note where the file system knows no locks; nothing is locked then.
        notes: takes that.

    Raises:
        OutputError: another process has it.
    """
    while True:
        lock = FileLock(path)
        try:
            lock.acquire(blocking=False)
        except Timeout:
            raise OutputError(busy) from None
        except NotImplementedError:  # some network shares know no locks
            notes.append(unknown)
            return SoftFileLock(path.with_name("unlocked"))  # never taken; its release does nothing
        if path.exists():
            return lock
        lock.release()  # its former owner has just removed the folder
        path.parent.mkdir(exist_ok=True)
