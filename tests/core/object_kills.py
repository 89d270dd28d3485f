"""A program: a run that finds objects, killed at each step of its making, one after the other, and continued.

A step is each line of the journal, each rename of a finished file, each batch that is searched, and each
stage of the end. It starts no thread itself, so it may fork: every kill is the end of a real process. Prints
one JSON object per kill point.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from model_core import predict, run_files
from model_core.journal import Journal
from model_core.objects import layer, merge, table
from tests.core.fakes import FakeFinder, by_content, run
from tests.core.test_resume import results

KILLED = 9


def model() -> FakeFinder:
    return FakeFinder(tile_size=64, scores=by_content(3))


def search(source: str, folder: Path, resume: bool) -> None:
    run(source, folder, model(), top_k=3, batch_size=4, threads=1, resume=resume)


def in_child(work: Callable[[], None], last: int) -> tuple[int, str]:
    """Run `work` in a process that is killed before step number `last`; exit code and the step's name."""
    read, write = os.pipe()
    process = os.fork()
    if process:
        os.close(write)
        with os.fdopen(read) as told:
            name = told.read()
        return os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]), name
    count, alone = 0, threading.Lock()

    def counted(where: Any, name: str) -> None:
        real = getattr(where, name)

        def step(*arguments: Any, **more: Any) -> Any:
            nonlocal count
            with alone:  # steps of several threads: one of them is the last
                count += 1
                if count > last:
                    os.write(write, name.encode())
                    os._exit(KILLED)
            return real(*arguments, **more)

        setattr(where, name, step)

    counted(Journal, "_append")
    counted(os, "replace")
    counted(FakeFinder, "detect")
    counted(predict, "write_objects_of")
    counted(merge, "merge")
    counted(layer, "write_objects")
    counted(table, "write_layer")
    counted(run_files, "objects_style")
    counted(run_files, "write_table")
    try:
        work()
    except BaseException as error:
        os.write(write, repr(error).encode())
        os._exit(1)
    os._exit(0)


def main(source: str, folder: Path) -> None:
    """Every kill point: a child dies there, another one goes on."""
    code, said = in_child(lambda: search(source, folder / "whole", False), 10**9)
    assert code == 0, said
    wanted = results(folder / "whole")
    for last in range(10**4):
        shutil.rmtree(folder / "run", ignore_errors=True)
        code, name = in_child(lambda: search(source, folder / "run", False), last)
        if code == 0:
            break
        safe = Journal(folder / "run" / "journal").worth_keeping
        again, said = in_child(lambda: search(source, folder / "run", True), 10**9)
        same = again == 0 and results(folder / "run") == wanted
        print(json.dumps({"step": name, "code": code, "safe": safe, "again": said, "same": same}))


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
