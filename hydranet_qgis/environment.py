"""Finding the Python that runs the worker, and the environment it is started in.

`sys.executable` is never used: inside QGIS on Windows it is QGIS itself, and starting it opens
another QGIS.
"""

from __future__ import annotations

import os
import subprocess  # nosec B404
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from . import paths
from .errors import EnvironmentMissing
from .i18n import tr
from .setup.store import Store

SETTING = "HydraNet/python"
VARIABLE = "HYDRANET_PYTHON"

# What QGIS sets for its own Python, Qt, GDAL and PROJ would make another environment load the wrong
# libraries or data files. All compared in upper case: Windows does not tell them apart.
_FOREIGN_PREFIXES = ("PYTHON", "QT_", "QGIS_", "GDAL_", "PROJ_", "DYLD_", "OSGEO4W_")
_FOREIGN_NAMES = frozenset({"LD_LIBRARY_PATH", "QML2_IMPORT_PATH", "VIRTUAL_ENV", "O4W_QT_PREFIX"})


@dataclass(frozen=True)
class Interpreter:
    """A Python for the worker and where it was found, to be told to the user."""

    path: Path
    origin: str


def profile_folder() -> Path:
    """The folder of the user's QGIS profile."""
    from qgis.core import QgsApplication

    return Path(QgsApplication.qgisSettingsDirPath() or Path.home())


def find_interpreter(setting: str | None = None) -> Interpreter:
    """The worker's Python, looked for as `discover` says.

    Args:
        setting: use this in place of the stored QGIS setting, for instance "" for "automatic".

    Raises:
        EnvironmentMissing: there is none; the sentence says what to do.
    """
    from qgis.core import QgsSettings

    if setting is None:
        setting = str(QgsSettings().value(SETTING, "") or "")
    return discover(setting, os.environ, paths.checkout(), profile_folder())


def discover(setting: str, environ: Mapping[str, str], checkout: Path, profile: Path) -> Interpreter:
    """The first of: setting, variable, environment made by Set up…, `hydranet/venv`, checkout.

    What was asked for in so many words comes first: the setting, which is a choice in the window, then the
    variable, which is one for a whole site or shell. What the user made for this profile comes before the
    checkout's environment, which is merely there for whoever develops the plugin. What is chosen but does not
    work is an error rather than skipped: silently taking another Python would hide the mistake.

    Args:
        setting: value of the QGIS setting `HydraNet/python`, "" if unset.
        environ: environment variables.
        checkout: folder that may hold `.venv`.
        profile: folder of the QGIS user profile.

    Raises:
        EnvironmentMissing: the chosen one does not exist, or nothing was found.
    """
    for value, origin in (
        (setting, tr("QGIS setting {name}").format(name=SETTING)),
        (environ.get(VARIABLE, ""), tr("variable {name}").format(name=VARIABLE)),
    ):
        if value.strip():
            return Interpreter(check_python(value.strip(), origin), origin)
    store = Store(profile)
    pointer = store.current()
    if pointer is not None:
        made = venv_python(store.path(pointer))
        if not made.is_file():
            raise EnvironmentMissing(
                tr(
                    "HydraNet's private environment does not work any more: there is no Python at {path}, "
                    "perhaps because Python {version} was removed or upgraded; "
                    "make it anew with Settings > Options > HydraNet > Set up…"
                ).format(path=made, version=pointer.python)
            )
        return Interpreter(made, tr("made by Set up… in this QGIS profile"))
    for folder, origin in (
        (store.folder / "venv", tr("made by hand in this QGIS profile")),
        (checkout / ".venv", tr("of the plugin's checkout")),
    ):
        candidate = venv_python(folder)
        if candidate.is_file():
            return Interpreter(candidate, origin)
    raise EnvironmentMissing(
        tr(
            "HydraNet has no Python environment for its worker yet; make one with "
            "Settings > Options > HydraNet > Set up…, or name there a Python that has torch and rasterio "
            "(it may also stand in the variable {variable})."
        ).format(variable=VARIABLE)
    )


def venv_python(folder: Path) -> Path:
    """Path of Python in a virtual environment.

    Never resolved: behind the link lies the system's Python, which does not see the environment.
    """
    return folder / "Scripts" / "python.exe" if os.name == "nt" else folder / "bin" / "python"


def check_python(value: str, origin: str) -> Path:
    """Path of an explicitly chosen Python, or of the one in an environment's folder.

    Raises:
        EnvironmentMissing: it does not exist, or is QGIS itself.
    """
    path = Path(value).expanduser()
    if path.is_dir():
        if not venv_python(path).is_file():
            raise EnvironmentMissing(
                tr(
                    "The folder '{value}' from the {origin} is no environment with a Python; "
                    "choose a Python that has torch and rasterio in Settings > Options > HydraNet."
                ).format(value=value, origin=origin)
            )
        path = venv_python(path)
    if not path.is_file():
        raise EnvironmentMissing(
            tr(
                "The worker's Python '{value}' from the {origin} does not exist; "
                "choose a Python that has torch and rasterio in Settings > Options > HydraNet."
            ).format(value=value, origin=origin)
        )
    if path.name.lower().startswith("qgis"):
        raise EnvironmentMissing(
            tr(
                "The worker's Python '{value}' from the {origin} is QGIS itself; "
                "choose a Python that has torch and rasterio in Settings > Options > HydraNet."
            ).format(value=value, origin=origin)
        )
    return path


def no_window() -> dict[str, Any]:
    """Options for a process that must not open a black window on Windows."""
    # The constant exists on Windows only.
    return {"creationflags": getattr(subprocess, "CREATE_NO_WINDOW", 0)} if os.name == "nt" else {}


def worker_environment(environ: Mapping[str, str], qgis_prefix: str = "") -> dict[str, str]:
    """A copy of the environment without what belongs to QGIS's own libraries.

    Args:
        environ: the environment of this process.
        qgis_prefix: where QGIS is installed. On Windows its folders are taken off PATH, because
            their DLLs would be found before the worker's.
    """
    kept = {
        name: value
        for name, value in environ.items()
        if not name.upper().startswith(_FOREIGN_PREFIXES) and name.upper() not in _FOREIGN_NAMES
    }
    if os.name == "nt":
        roots = tuple(_norm(folder) for folder in (qgis_prefix, environ.get("OSGEO4W_ROOT", "")) if folder)
        for name in [n for n in kept if n.upper() == "PATH"]:
            folders = [
                f for f in kept[name].split(os.pathsep) if f and not _norm(f).startswith(roots or ("\0",))
            ]
            kept[name] = os.pathsep.join(folders)
    return kept


def _norm(folder: str) -> str:
    return os.path.normcase(os.path.abspath(folder))
