"""A program: puts a run into place and is killed before each change of the file system, one after the other.

It has no thread and opens no raster, so it may fork: every kill is the end of a real process. Prints one JSON
object per kill point: what is wrong there, or nothing.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

from model_core.journal import Journal
from model_core.rundir import FORMAT, JOURNAL, RUN_JSON, RunFolder

Path.iterdir = lambda folder, list_it=Path.iterdir: iter(sorted(list_it(folder)))  # as NTFS lists
CHANGES = ("replace", "unlink", "rmdir", "mkdir", "remove")
KILLED = 9
OLD, NEW = ("water", "roads"), ("water", "clouds")


def put(folder: Path, content: str, experts: tuple[str, ...]) -> None:
    """Make a run whose files all hold `content`, in place of any that is there."""
    with RunFolder(folder, overwrite=True) as made:
        made.journal.begin({"content": content}, overwrite=True)
        for name in ("routing.gpkg", "routing.qml", *(f"{e}.tif" for e in experts)):
            made.write_text(name, content)
        listed = [{"name": e, "output": f"{e}.tif", "style": None} for e in experts]
        made.commit({"format": FORMAT, "content": content, "experts": listed})


def state(folder: Path) -> dict[str, str]:
    """The files that a reader sees."""
    return {p.name: p.read_text() for p in folder.iterdir() if p.is_file() and p.name != RUN_JSON}


def whole(content: str, experts: tuple[str, ...]) -> dict[str, str]:
    """What `put` leaves."""
    return dict.fromkeys(("routing.gpkg", "routing.qml", *(f"{e}.tif" for e in experts)), content)


def in_child(work: Callable[[], None], last: int) -> int:
    """Run `work` in a process that is killed before change number `last`; its exit code."""
    process = os.fork()
    if process:
        return os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])
    count = 0

    def counted(real: Callable) -> Callable:
        def change(*arguments: object, **more: object) -> object:
            nonlocal count
            count += 1
            if count > last:
                os._exit(KILLED)
            return real(*arguments, **more)

        return change

    for name in CHANGES:
        setattr(os, name, counted(getattr(os, name)))
    work()
    os._exit(0)


def problems(folder: Path, before: dict[str, str]) -> list[str]:
    """What is wrong with a folder that was left so; then the run is made again, which mends it."""
    found = []
    moved = Journal(folder / JOURNAL).moved
    try:
        with RunFolder(folder, overwrite=True):
            if (folder / RUN_JSON).exists() and state(folder) not in (before, whole("new", NEW)):
                found.append(f"a run of mixed files: {state(folder)}")
            if moved and state(folder) != whole("new", NEW):
                found.append("a run that was in place is not any more")
            if before and not (folder / RUN_JSON).exists():
                found.append("no run although there was one")
            raise KeyboardInterrupt
    except KeyboardInterrupt:
        put(folder, "new", NEW)
    except Exception as error:
        return [*found, f"refused: {error}"]
    if state(folder) != whole("new", NEW) or (folder / JOURNAL).exists():
        found.append(f"not mended: {state(folder)}")
    return found


def main(folder: Path) -> None:
    """Every kill point of a first run, and of one that replaces an older one."""
    for older in (False, True):
        for last in range(1000):
            shutil.rmtree(folder, ignore_errors=True)
            if older:
                put(folder, "old", OLD)
            code = in_child(lambda: put(folder, "new", NEW), last)
            wrong = problems(folder, whole("old", OLD) if older else {})
            print(json.dumps({"older": older, "point": last, "code": code, "wrong": wrong}))
            if code == 0:
                break


if __name__ == "__main__":
    main(Path(sys.argv[1]))
