"""A folder is the former one or the new one, whole, wherever the process that makes it is killed."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from model_core.errors import OutputError
from model_core.whole_folder import beside, recover, whole_folder

KILLED = 9


def keep(old: Path, new: Path) -> None:
    if (old / "mine").exists():
        os.replace(old / "mine", new / "mine")


def write(path: Path, text: str) -> None:
    with whole_folder(path, "report", lambda: None, keep) as folder:
        (folder / "deep").mkdir()
        for name in ("a", "deep/b"):
            (folder / name).write_text(text)


def texts(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): path.read_text() for path in folder.rglob("*") if path.is_file()
    }


def written(text: str) -> dict[str, str]:
    return {"a": text, "deep/b": text}


def killed_at(path: Path, number: int) -> bool:
    """Write in another process that ends at its so many-th change of the disk; whether it came so far."""
    pid = os.fork()
    if not pid:
        left = [number]

        def ending(real: Callable) -> Callable:
            def counted(*args, **more):
                if not left[0]:
                    os._exit(KILLED)
                left[0] -= 1
                return real(*args, **more)

            return counted

        for name in ("mkdir", "replace", "unlink", "rmdir"):
            setattr(os, name, ending(getattr(os, name)))
        try:
            write(path, "new")
        finally:
            os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == KILLED


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.parametrize("former", [True, False])
def test_killed_anywhere_it_is_the_former_or_the_new_one(tmp_path, former) -> None:
    found = set()
    for number in range(100):
        path = tmp_path / str(number) / "é & co"
        if former:
            write(path, "old")
            (path / "mine").write_text("mine")
        old = {**written("old"), "mine": "mine"} if former else {}
        new = {**written("new"), "mine": "mine"} if former else written("new")
        alive = not killed_at(path, number)
        recover(path, "report", keep)
        assert texts(path) in (old, new), number
        found.add(texts(path) == new)
        if path.parent.exists():
            assert [one for one in path.parent.iterdir() if one != path] == [], number
        write(path, "again")
        assert texts(path) == {**written("again"), **({"mine": "mine"} if former else {})}
        if alive:
            break
    assert alive and found == {True, False} and number > 5


def test_two_at_once_are_kept_apart(tmp_path) -> None:
    code = (
        "import sys\nfrom pathlib import Path\nfrom tests.core.test_whole_folder import write\n"
        "try:\n    write(Path(sys.argv[1]), 'other')\nexcept Exception as error:\n    print(error)\n"
    )
    path = tmp_path / "out"
    with whole_folder(path, "report", lambda: None) as folder:
        (folder / "a").write_text("mine")
        done = subprocess.run(
            [sys.executable, "-c", code, str(path)], capture_output=True, text=True, timeout=120,
            cwd=Path(__file__).resolve().parents[2],
        )  # fmt: skip
        assert done.stdout == (
            f"Another process is writing the report '{path}'; wait for its end or choose another folder.\n"
        )
    assert texts(path) == {"a": "mine"} and [one.name for one in tmp_path.iterdir()] == ["out"]


def test_an_error_leaves_nothing_and_what_was_there(tmp_path) -> None:
    path = tmp_path / "deep" / "out"
    for old in ({}, written("old")):
        with pytest.raises(KeyError), whole_folder(path, "report", lambda: None) as folder:
            (folder / "a").write_text("half")
            raise KeyError
        assert texts(tmp_path) == {f"deep/out/{name}": text for name, text in old.items()}
        assert path.parent.exists() is bool(old)
        write(path, "old")
    assert [one.name for one in path.parent.iterdir()] == ["out"]


def test_what_cannot_be_put_in_place_leaves_the_former_one(tmp_path, monkeypatch) -> None:
    path, real = tmp_path / "out", os.replace
    write(path, "old")

    def refuse(source: Path, target: Path) -> None:
        if (source, target) == (beside(path)[0], path):
            raise PermissionError(13, "Permission denied")
        real(source, target)

    monkeypatch.setattr(os, "replace", refuse)
    with pytest.raises(
        OutputError, match=r"^The report '.*' could not be written \(Permission denied\); .*\.$"
    ):
        write(path, "new")
    assert texts(tmp_path) == {f"out/{name}": text for name, text in written("old").items()}


def test_names_that_cannot_be_are_one_sentence(tmp_path) -> None:
    (tmp_path / "file").touch()
    for path in (tmp_path / "file" / "out", tmp_path / ("x" * 250), Path("/proc/none/out")):
        with pytest.raises(OutputError, match="could not be written") as caught:
            write(path, "new")
        assert "\n" not in str(caught.value)
    assert [one.name for one in tmp_path.iterdir()] == ["file"]
    recover(Path("/"), "report")  # of no name there is nothing to recover
