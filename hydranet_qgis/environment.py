"""Finding the Python that runs the worker, and the environment it is started in.

`sys.executable` is never used: inside QGIS on Windows it is QGIS itself, and starting it opens
another QGIS.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from . import paths
from .errors import EnvironmentMissing

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


def find_interpreter() -> Interpreter:
    """The worker's Python, looked for in this order: setting, variable, checkout, profile.

    Raises:
        EnvironmentMissing: there is none; the sentence says what to do.
    """
    from qgis.core import QgsApplication, QgsSettings

    return discover(
        setting=str(QgsSettings().value(SETTING, "") or ""),
        environ=os.environ,
        checkout=paths.checkout(),
        profile=Path(QgsApplication.qgisSettingsDirPath() or Path.home()),
    )


def discover(setting: str, environ: Mapping[str, str], checkout: Path, profile: Path) -> Interpreter:
    """The same with everything it depends on handed in.

    An explicit choice that does not work is an error rather than skipped: silently taking another
    Python would hide the mistake.

    Args:
        setting: value of the QGIS setting `HydraNet/python`, "" if unset.
        environ: environment variables.
        checkout: folder that may hold `.venv`.
        profile: folder of the QGIS user profile, which may hold `hydranet/venv`.

    Raises:
        EnvironmentMissing: the chosen one does not exist, or nothing was found.
    """
    for value, origin in (
        (setting, f"QGIS setting {SETTING}"),
        (environ.get(VARIABLE, ""), f"variable {VARIABLE}"),
    ):
        if value.strip():
            return Interpreter(check_python(value.strip(), origin), origin)
    for folder, origin in ((checkout / ".venv", "checkout"), (profile / "hydranet" / "venv", "QGIS profile")):
        candidate = venv_python(folder)
        if candidate.is_file():
            return Interpreter(candidate, origin)
    raise EnvironmentMissing(
        f"HydraNet found no Python environment for its worker: create one in {profile / 'hydranet' / 'venv'} "
        "with torch and rasterio, or name its Python in the menu Raster > HydraNet > Worker's Python, "
        f"in the QGIS setting {SETTING} or in the variable {VARIABLE}."
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
        path = venv_python(path)
    if not path.is_file():
        raise EnvironmentMissing(
            f"The worker's Python '{value}' from the {origin} does not exist; "
            "give the path of a Python with torch and rasterio."
        )
    if path.name.lower().startswith("qgis"):
        raise EnvironmentMissing(
            f"The worker's Python '{value}' from the {origin} is QGIS itself; "
            "give the path of a Python with torch and rasterio."
        )
    return path


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
