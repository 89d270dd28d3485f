"""Which QGIS the tests speak to: the installed one, or one unpacked beside it (`.ci/qgis_next.py`).

A QGIS beside the installed one is a root folder of unpacked packages, named by HYDRANET_QGIS_ROOT. What it
does not bring itself (Qt, GDAL) it takes from the system.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

VARIABLE = "HYDRANET_QGIS_ROOT"


def variables(root: str | os.PathLike[str] | None = None) -> dict[str, str]:
    """What to set so that programs and Python find the QGIS below `root`; {} for the installed one.

    Args:
        root: the unpacked root; by default what HYDRANET_QGIS_ROOT names, if anything.
    """
    chosen = root or os.environ.get(VARIABLE)
    if not chosen:
        return {}
    usr = Path(chosen).absolute() / "usr"
    libraries = [usr / "lib"]
    # Beside the folder of the machine's kind, some libraries lie one level deeper (PulseAudio's).
    for folder in sorted((usr / "lib").glob("*-linux-gnu")):
        libraries += [folder, *(sub for sub in sorted(folder.iterdir()) if list(sub.glob("lib*.so*")))]
    share = usr / "share" / "qgis" / "python"
    modules = [usr / "lib" / "python3" / "dist-packages", share, share / "plugins"]
    return {
        VARIABLE: str(chosen),
        "LD_LIBRARY_PATH": os.pathsep.join(map(str, libraries)),
        "PYTHONPATH": os.pathsep.join(map(str, modules)),
        "QGIS_PREFIX_PATH": str(usr),
    }


def program(name: str) -> str:
    """Path of `qgis` or `qgis_process`.

    Debian's wrappers are passed over where the program behind them can be called: that of 3.22's
    qgis_process adds an option which the program does not know, that of 3.40 breaks on a space in its path.
    """
    root = os.environ.get(VARIABLE)
    folder = str(Path(root).absolute() / "usr" / "bin") if root else None
    found = shutil.which(f"{name}.bin", path=folder) or shutil.which(name, path=folder)
    if not found:
        raise FileNotFoundError(
            f"{name} is not in {folder}." if root else f"{name} is not installed; run make setup."
        )
    return found
