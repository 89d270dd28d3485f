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

from tests.which_qgis import program, variables

ROOT = Path(__file__).resolve().parents[2]
PLUGIN = "hydranet_qgis"

# No first-run page, no news and no fonts from the network, no tips: what is left is the window itself.
SETTINGS = """[migration]
firstRunVersionFlag=999999

[core]
NewsFeed\\httpsfeedqgisorg\\disabled=true

[app]
projections\\unknownCrsBehavior=NoAction

[fonts]
downloadMissingFonts=false

[qgis]
checkVersion=false
askToSaveProjectChanges=false
showTips322=false
showTips340=false
newProjectDefault=false

[PythonPlugins]
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
        plugins: the folder that holds the plugin's folder, as `.ci/stage.py` makes it; None for a profile
            that has never seen the plugin.
        python: the worker's interpreter, handed on as HYDRANET_PYTHON.
        enabled: whether the plugin is switched on from the start.
    """

    def __init__(self, plugins: Path | None, python: str = sys.executable, enabled: bool = True) -> None:
        # Short on purpose: a path to a socket below XDG_RUNTIME_DIR may have 107 characters.
        self.folder = Path(tempfile.mkdtemp(prefix="hn-"))
        self.profiles = self.folder / "config"
        profile = self.profiles / "profiles" / "default"
        (profile / "QGIS").mkdir(parents=True)
        (profile / "python" / "plugins").mkdir(parents=True)
        settings = SETTINGS
        if plugins is not None:
            (profile / "python" / "plugins" / PLUGIN).symlink_to(plugins / PLUGIN)
            settings += f"{PLUGIN}={str(enabled).lower()}\n"
        (profile / "QGIS" / "QGIS3.ini").write_text(settings, encoding="utf-8")
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
            **variables(),
        )
        return {**env, **(extra or {})}

    def qgis_process(self, *arguments: str) -> Finished:
        """Run qgis_process to its end without a screen."""
        env = self.environment({"QT_QPA_PLATFORM": "offscreen"})
        done = subprocess.run(
            [program("qgis_process"), *arguments],
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
