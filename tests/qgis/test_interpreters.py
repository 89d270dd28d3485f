"""Which Pythons are tried on which system, and why one is refused."""

from __future__ import annotations

import os
import sys
from pathlib import Path, PurePath, PurePosixPath, PureWindowsPath
from typing import Any

import pytest

from hydranet_qgis import interpreters
from hydranet_qgis.interpreters import Files, base_pythons, candidates
from hydranet_qgis.python_facts import is_qgis, judge, judge_venv, probe

GOOD = {
    "version": [3, 11, 2],
    "bits": 64,
    "system": "Linux",
    "machine": "x86_64",
    "implementation": "CPython",
    "venv": True,
    "ensurepip": True,
}


def tree(flavour: type[PurePath], *programs: str) -> Files:
    """A file system with nothing but these programs in it."""
    files = {flavour(program) for program in programs}

    def children(folder: PurePath) -> list[PurePath]:
        inside = {folder / f.relative_to(folder).parts[0] for f in files if folder in f.parents}
        return sorted(inside)

    return Files(is_file=lambda path: path in files, children=children)


def found(system: str, files: Files, environ: dict[str, str] | None = None, **more: str) -> list[str]:
    return [str(c.path) for c in candidates(system, environ or {}, more.pop("prefix", ""), files, **more)]


def test_linux_prefers_the_distribution_and_then_the_newest_on_the_path() -> None:
    files = tree(
        PurePosixPath,
        *("/usr/bin/python3", "/usr/bin/python3.11", "/usr/bin/python3-config", "/usr/bin/qgis"),
        *("/opt/py/bin/python3.9", "/opt/py/bin/python3.12", "/opt/py/bin/python"),
    )
    environ = {"PATH": "/opt/py/bin:relative:/usr/bin:/nowhere"}
    assert found("Linux", files, environ) == [
        *("/usr/bin/python3", "/opt/py/bin/python3.12", "/opt/py/bin/python3.9", "/usr/bin/python3.11"),
    ]


def test_macos_knows_qgis_homebrew_and_python_org() -> None:
    app = "/Applications/QGIS-LTR.app/Contents/MacOS"
    framework = "/Library/Frameworks/Python.framework/Versions"
    files = tree(
        PurePosixPath,
        *(f"{app}/QGIS", f"{app}/bin/python3", f"{app}/bin/python3.9", "/opt/homebrew/bin/python3.12"),
        *(f"{framework}/3.9/bin/python3", f"{framework}/3.13/bin/python3", "/usr/bin/python3"),
    )
    assert found("Darwin", files, {"PATH": "/usr/bin:/opt/homebrew/bin"}, prefix=app) == [
        *(f"{app}/bin/python3", f"{app}/bin/python3.9", "/opt/homebrew/bin/python3.12"),
        *(f"{framework}/3.13/bin/python3", f"{framework}/3.9/bin/python3"),
    ], "Apple's stub in /usr/bin opens a window and is left out"


def test_windows_knows_qgis_the_launcher_and_python_org() -> None:
    root, local = r"C:\Program Files\QGIS 3.34", r"C:\Users\me\AppData\Local"
    files = tree(
        PureWindowsPath,
        *(rf"{root}\apps\Python39\python.exe", rf"{root}\apps\Python312\python.exe"),
        *(rf"{root}\bin\python3.exe", rf"{root}\bin\qgis-ltr-bin.exe"),
        *(rf"{local}\Programs\Python\Python311\python.exe", r"D:\py\python.exe"),
        rf"{local}\Microsoft\WindowsApps\python.exe",
    )
    environ = {"LocalAppData": local, "Path": rf"{local}\Microsoft\WindowsApps;D:\py;;{root}\bin"}
    launcher = "\n".join(
        [
            " -V:3.11 *        C:\\Users\\me\\AppData\\Local\\Programs\\Python\\Python311\\python.exe",
            " -V:3.8           C:\\gone\\python.exe",
            "No runtimes",
        ]
    )
    assert found("Windows", files, environ, prefix=rf"{root}\apps\qgis-ltr", launcher=launcher) == [
        rf"{root}\apps\Python312\python.exe",
        rf"{root}\apps\Python39\python.exe",
        rf"{root}\bin\python3.exe",
        rf"{local}\Programs\Python\Python311\python.exe",
        r"D:\py\python.exe",
    ]


def test_windows_finds_osgeo4w_by_its_variable() -> None:
    python = r"C:\OSGeo4W\apps\Python39\python.exe"
    assert found("Windows", tree(PureWindowsPath, python), {"OSGEO4W_ROOT": r"C:\OSGeo4W"}) == [python]


def test_nothing_is_taken_twice_whatever_its_letters() -> None:
    files = tree(PureWindowsPath, r"D:\py\python.exe")
    assert len(found("Windows", files, {"PATH": r"D:\py;d:\PY"})) == 1


@pytest.mark.parametrize("name", ["QGIS", "qgis-bin.exe", "qgis-ltr-bin.exe"])
def test_qgis_is_known_by_its_name(name: str, tmp_path: Path) -> None:
    assert is_qgis(PurePosixPath("/x") / name)
    program = tmp_path / name
    program.write_text("#!/bin/sh\ntouch $0.started\n")
    program.chmod(0o755)
    assert "QGIS itself" in probe(program, {}).problem
    assert list(tmp_path.iterdir()) == [program], "it was not started"


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"version": [3, 9, 5]}, "Python 3.9.5; Python 3.10 or newer"),
        ({"bits": 32}, "32-bit"),
        ({"implementation": "PyPy"}, "This is PyPy"),
        ({"system": "Darwin"}, "Intel Macs"),
    ],
)
def test_a_python_the_worker_cannot_run_in_is_refused_with_a_reason(
    change: dict[str, Any], reason: str
) -> None:
    assert judge(GOOD) == ""
    assert reason in judge({**GOOD, **change})


@pytest.mark.parametrize("lacking", ["venv", "ensurepip"])
def test_a_python_without_venv_can_run_a_worker_but_makes_no_environment(lacking: str) -> None:
    assert judge_venv(GOOD) == ""
    without = {**GOOD, lacking: False}
    assert judge(without) == ""
    assert "python3-venv" in judge_venv(without)


def test_a_real_python_says_what_it_is() -> None:
    facts = probe(Path(sys.executable), {**os.environ, "PYTHONHOME": "/nowhere"})
    assert facts.problem == ""
    assert facts.version == sys.version_info[:3]
    assert facts.packages["numpy"]


@pytest.mark.parametrize(
    ("text", "reason"),
    [("#!/bin/sh\necho hello\n", "did not say what it is"), ("#!/bin/sh\nsleep 60\n", "did not answer")],
)
def test_what_is_no_python_is_told(tmp_path: Path, text: str, reason: str) -> None:
    program = tmp_path / "python3"
    program.write_text(text)
    program.chmod(0o755)
    assert reason in probe(program, {"PATH": "/usr/bin:/bin"}, timeout_s=0.5).problem
    program.chmod(0o644)
    assert "cannot be started" in probe(program, {}).problem
    assert "no program" in probe(tmp_path / "missing", {}).problem


def test_the_same_python_behind_two_names_is_offered_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = Path("/usr/bin/python3")
    for name in ("python3", "python3.11"):
        (tmp_path / name).symlink_to(real)
    (tmp_path / "python3.99").write_text("#!/bin/sh\nexit 1\n")
    (tmp_path / "python3.99").chmod(0o755)
    monkeypatch.setattr(
        interpreters,
        "_linux",
        lambda environ, files: [
            interpreters.Candidate(tmp_path / name, "tests")
            for name in ("python3.99", "python3", "python3.11")
        ],
    )
    pythons = base_pythons("", {"PATH": "/usr/bin"})
    assert [p.path.name for p in pythons] == ["python3", "python3.99"], "usable ones first"
    assert not pythons[0].refused
    assert pythons[1].refused
