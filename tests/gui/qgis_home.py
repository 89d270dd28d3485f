"""QGIS as a user has it, but with settings, caches and temporary files of its own: no run sees another.

Used by the window's harness, by `make demo`, by `make shots` and by the tests of qgis_process.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
PLUGIN = "hydranet_qgis"

# No first-run page, no news from the network, no tips: what is left is the window itself.
SETTINGS = f"""[migration]
firstRunVersionFlag=999999

[core]
NewsFeed\\httpsfeedqgisorg\\disabled=true

[app]
projections\\unknownCrsBehavior=NoAction

[qgis]
checkVersion=false
askToSaveProjectChanges=false
showTips322=false
newProjectDefault=false

[PythonPlugins]
{PLUGIN}={{enabled}}
processing=true
MetaSearch=false
db_manager=false
grassprovider=false
sagaprovider=false
"""
# Variables of this process that would make QGIS something else than the installed one.
UNSET = ("PROJ_DATA", "PROJ_LIB", "GDAL_DATA", "PYTHONHOME", "PYTHONPATH", "QGIS_PREFIX_PATH", "DISPLAY")
HANG_S = 300.0  # qgis_process that takes this long stands still


@dataclass(frozen=True)
class Finished:
    """How a program ended: exit code, what it printed, what it complained about."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> dict[str, Any]:
        """The JSON object that qgis_process --json prints after whatever else was printed."""
        start = self.out.find("{")
        return json.loads(self.out[start:]) if start >= 0 else {}


class QgisHome:
    """A private folder with a profile in which the plugin is installed.

    Args:
        plugins: the folder that holds the plugin's folder, as `.ci/stage.py` makes it.
        python: the worker's interpreter, handed on as HYDRANET_PYTHON.
        enabled: whether the plugin is switched on from the start.
    """

    def __init__(self, plugins: Path, python: str = sys.executable, enabled: bool = True) -> None:
        # Short on purpose: a path to a socket below XDG_RUNTIME_DIR may have 107 characters.
        self.folder = Path(tempfile.mkdtemp(prefix="hn-"))
        self.profiles = self.folder / "config"
        profile = self.profiles / "profiles" / "default"
        (profile / "QGIS").mkdir(parents=True)
        (profile / "QGIS" / "QGIS3.ini").write_text(
            SETTINGS.format(enabled=str(enabled).lower()), encoding="utf-8"
        )
        (profile / "python" / "plugins").mkdir(parents=True)
        (profile / "python" / "plugins" / PLUGIN).symlink_to(plugins / PLUGIN)
        for name in ("home", "run", "tmp"):
            (self.folder / name).mkdir(mode=0o700)
        self._python = python

    def environment(self, extra: Mapping[str, str] | None = None) -> dict[str, str]:
        """The variables to start QGIS with."""
        env = {key: value for key, value in os.environ.items() if key not in UNSET}
        home = self.folder / "home"
        env.update(
            HOME=str(home),
            XDG_CONFIG_HOME=str(home / ".config"),
            XDG_CACHE_HOME=str(home / ".cache"),
            XDG_DATA_HOME=str(home / ".local" / "share"),
            XDG_RUNTIME_DIR=str(self.folder / "run"),
            TMPDIR=str(self.folder / "tmp"),
            QGIS_CUSTOM_CONFIG_PATH=str(self.profiles),
            HYDRANET_PYTHON=self._python,
            PYTHONNOUSERSITE="1",
            GDAL_PAM_ENABLED="NO",  # no statistics beside the scene that is looked at
            LC_ALL="C.UTF-8",
            LANG="C.UTF-8",
        )
        return {**env, **(extra or {})}

    def qgis_process(self, *arguments: str) -> Finished:
        """Run qgis_process to its end without a screen."""
        env = self.environment({"QT_QPA_PLATFORM": "offscreen"})
        done = subprocess.run(
            [qgis_process_program(), *arguments],
            env=env,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=HANG_S,
            check=False,
        )
        return Finished(done.returncode, done.stdout, done.stderr)

    def close(self) -> None:
        """Remove the folder."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self) -> QgisHome:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def qgis_process_program() -> str:
    """The qgis_process to call: Debian's wrapper of 3.22 adds an option that the program does not know."""
    program = shutil.which("qgis_process.bin") or shutil.which("qgis_process")
    if not program:
        raise FileNotFoundError("qgis_process is not installed; run make setup.")
    return program


def qgis_program() -> str:
    """The QGIS to start."""
    program = shutil.which("qgis")
    if not program:
        raise FileNotFoundError("qgis is not installed; run make setup.")
    return program
