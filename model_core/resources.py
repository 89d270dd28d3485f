"""Where the files that travel with the code lie: the default bundle, sensors, the sample scene.

`resources/` is beside `model_core/` both in a checkout and in an installed plugin, so one rule serves
both; nothing depends on the current folder.
"""

from __future__ import annotations

from pathlib import Path

from .errors import HydraNetError

ROOT = Path(__file__).resolve().parent.parent


def resource(*parts: str) -> Path:
    """Path of a file or folder below `resources/`.

    Raises:
        HydraNetError: it is not there, so the installation is incomplete.
    """
    path = ROOT.joinpath("resources", *parts)
    if not path.exists():
        raise HydraNetError(
            f"'{'/'.join(parts)}' was not found in {ROOT / 'resources'}; the installation is incomplete, "
            "install HydraNet again."
        )
    return path


def default_bundle() -> Path:
    """Folder of the model bundle that comes with HydraNet.

    Raises:
        HydraNetError: the bundle is not there.
    """
    return resource("bundle")
