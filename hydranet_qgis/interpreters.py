"""Which Pythons of this machine the worker's private environment can be made from.

Never QGIS itself: inside QGIS on Windows `sys.executable` is QGIS, and starting it opens another QGIS. The
platform, its variables and the file system are handed in, so that each platform's rules can be tested on any.
"""

from __future__ import annotations

import os
import platform
import re

# Only for the py launcher on Windows.
import subprocess  # nosec B404
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePath, PurePosixPath, PureWindowsPath

from .environment import no_window, worker_environment
from .i18n import tr
from .python_facts import Facts, is_qgis, probe

_LAUNCHER_S = 10.0


@dataclass(frozen=True)
class Files:
    """What discovery asks the file system: is this a file, and what lies in this folder."""

    is_file: Callable[[PurePath], bool]
    children: Callable[[PurePath], list[PurePath]]


@dataclass(frozen=True)
class Candidate:
    """A Python that may exist, and in whose words it was found."""

    path: PurePath
    origin: str


@dataclass(frozen=True)
class BasePython:
    """A candidate together with what it said."""

    path: Path
    origin: str
    facts: Facts

    @property
    def refused(self) -> str:
        """Why no environment can be made from it; "" if one can."""
        return self.facts.problem or self.facts.no_venv


def candidates(
    system: str, environ: Mapping[str, str], prefix: str, files: Files, launcher: str = ""
) -> list[Candidate]:
    """Pythons worth asking, the likeliest first, none twice.

    Args:
        system: "Linux", "Darwin" or "Windows".
        environ: environment variables.
        prefix: where QGIS is installed (`QgsApplication.prefixPath()`), "" if unknown.
        files: the file system.
        launcher: what `py -0p` printed (Windows).
    """
    if system == "Windows":
        found = _windows(environ, prefix, files, launcher)
    elif system == "Darwin":
        found = _macos(environ, prefix, files)
    else:
        found = _linux(environ, files)
    seen: set[str] = set()
    kept = []
    for candidate in found:
        key = str(candidate.path).lower() if system == "Windows" else str(candidate.path)
        if key not in seen and files.is_file(candidate.path) and not is_qgis(candidate.path):
            seen.add(key)
            kept.append(candidate)
    return kept


def _linux(environ: Mapping[str, str], files: Files) -> Iterator[Candidate]:
    # The distribution's first: it gets security updates and stays where it is; PATH may hold anything.
    system = PurePosixPath("/usr/bin/python3")
    yield Candidate(system, tr("the system's"))
    folders = [PurePosixPath(f) for f in environ.get("PATH", "").split(":") if f.startswith("/")]
    yield from _named(folders, files, tr("on PATH"))


def _macos(environ: Mapping[str, str], prefix: str, files: Files) -> Iterator[Candidate]:
    # <QGIS.app>/Contents/MacOS is the prefix; Python lies in its bin folder.
    apps = [PurePosixPath(prefix)] if prefix else []
    apps += [PurePosixPath("/Applications/QGIS.app/Contents/MacOS")]
    apps += [PurePosixPath("/Applications/QGIS-LTR.app/Contents/MacOS")]
    yield from _named([app / "bin" for app in apps], files, tr("QGIS' own"))
    brew = [PurePosixPath("/opt/homebrew/bin"), PurePosixPath("/usr/local/bin")]
    yield from _named(brew, files, "Homebrew")
    versions = PurePosixPath("/Library/Frameworks/Python.framework/Versions")
    installed = sorted(files.children(versions), key=lambda p: _numbers(p.name), reverse=True)
    yield from _named([version / "bin" for version in installed], files, "python.org")
    folders = [PurePosixPath(f) for f in environ.get("PATH", "").split(":") if f.startswith("/")]
    # Without Apple's developer tools /usr/bin/python3 only opens a window that offers to install them.
    yield from _named([f for f in folders if str(f) != "/usr/bin"], files, tr("on PATH"))


def _windows(environ: Mapping[str, str], prefix: str, files: Files, launcher: str) -> Iterator[Candidate]:
    given = {name.upper(): value for name, value in environ.items()}
    roots = [PureWindowsPath(given["OSGEO4W_ROOT"])] if given.get("OSGEO4W_ROOT") else []
    if prefix:  # <root>\apps\qgis or <root>\apps\qgis-ltr
        inside = PureWindowsPath(prefix)
        roots += [inside.parent.parent if inside.parent.name.lower() == "apps" else inside]
    for root in roots:
        pythons = [p for p in files.children(root / "apps") if re.fullmatch(r"python3\d+", p.name.lower())]
        for folder in sorted(pythons, key=lambda p: _numbers(p.name), reverse=True):
            yield Candidate(folder / "python.exe", tr("QGIS' own"))
            yield Candidate(folder / "python3.exe", tr("QGIS' own"))
        yield Candidate(root / "bin" / "python3.exe", tr("QGIS' own"))
    for line in launcher.splitlines():
        match = re.search(r"([A-Za-z]:\\.*\.exe)\s*$", line)
        if match:
            yield Candidate(PureWindowsPath(match.group(1)), tr("known to the py launcher"))
    homes = [(given.get("LOCALAPPDATA", ""), ("Programs", "Python")), (given.get("PROGRAMFILES", ""), ())]
    for home, parts in homes:
        if home:
            here = [
                p for p in files.children(PureWindowsPath(home, *parts)) if p.name.lower()[:7] == "python3"
            ]
            for folder in sorted(here, key=lambda p: _numbers(p.name), reverse=True):
                yield Candidate(folder / "python.exe", "python.org")
    for folder in given.get("PATH", "").split(";"):
        # The stubs in WindowsApps open the Store where no Python is installed.
        if folder and "\\windowsapps" not in folder.lower():
            yield Candidate(PureWindowsPath(folder) / "python.exe", tr("on PATH"))


def _named(folders: Iterable[PurePath], files: Files, origin: str) -> Iterator[Candidate]:
    """python3 and python3.x in these folders, newest first within each."""
    for folder in folders:
        yield Candidate(folder / "python3", origin)
        numbered = [p for p in files.children(folder) if re.fullmatch(r"python3\.\d+", p.name)]
        for path in sorted(numbered, key=lambda p: _numbers(p.name), reverse=True):
            yield Candidate(path, origin)


def _numbers(name: str) -> tuple[int, ...]:
    """Python312 and 3.12 in an order in which 3.9 comes before 3.12."""
    return tuple(int(n) for n in re.findall(r"\d+", name))


def base_pythons(prefix: str, environ: Mapping[str, str] | None = None) -> list[BasePython]:
    """Every Python found here, usable ones first, each once. Starts each of them: not in the main thread.

    Args:
        prefix: where QGIS is installed.
        environ: environment variables, by default this process's.
    """
    environ = os.environ if environ is None else environ
    system = platform.system()
    found = candidates(system, environ, prefix, _REAL, _py_launcher(environ) if system == "Windows" else "")
    asked: dict[str, BasePython] = {}
    for candidate in found:
        path = Path(candidate.path)
        facts = probe(path, environ)
        asked.setdefault(facts.base or str(path), BasePython(path, candidate.origin, facts))
    return sorted(asked.values(), key=lambda python: bool(python.refused))


def _py_launcher(environ: Mapping[str, str]) -> str:
    """What the py launcher knows; "" without one."""
    try:
        done = subprocess.run(  # nosec B603 B607
            ["py", "-0p"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_LAUNCHER_S,
            env=worker_environment(environ),
            **no_window(),
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.decode("utf-8", errors="replace")


def _children(folder: PurePath) -> list[PurePath]:
    try:
        return list(Path(folder).iterdir())
    except OSError:
        return []


_REAL = Files(is_file=lambda path: Path(path).is_file(), children=_children)
