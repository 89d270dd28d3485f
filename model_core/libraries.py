"""The libraries HydraNet rests on: whether they work in this Python, and on what they will compute.

Importing this module needs none of them.
"""

from __future__ import annotations

import importlib
import platform
import sys
from pathlib import Path
from typing import Any

from .errors import HydraNetError
from .events import versions

_PACKAGES = {"PIL": "pillow", "sklearn": "scikit-learn"}
"""What pip calls a library that Python calls otherwise."""

LIBRARIES = ("numpy", "affine", "filelock", "rasterio", "pyogrio", "shapely", "safetensors", "torch", "tqdm")
"""As in pyproject.toml, torch late: it takes the longest to import."""


class LibraryError(HydraNetError):
    """A library is missing, or is there and does not work."""


def check() -> dict[str, Any]:
    """Import every library, and compute something on the device that a run would take.

    Returns:
        `versions`, `device` (`cpu`, `cuda` or `mps`), `device_name`, `precision` (`fp32` or `bf16`) and
        `threads`, as a run without other wishes has them.

    Raises:
        LibraryError: something is missing or does not work.
    """
    broken = {name: text for name in LIBRARIES if (text := _why_not(name)) is not None}
    if broken:
        found = "; ".join(f"{name}: {text}" for name, text in broken.items())
        raise LibraryError(f"Libraries that HydraNet needs cannot be imported ({found}); {advice(*broken)}")
    from .budget import cores
    from .networks.inference import native_bf16, pick_device

    device = pick_device("auto")
    _compute(device)
    return {
        "versions": versions(),
        "device": device,
        "device_name": _device_name(device),
        "precision": "bf16" if native_bf16(device) else "fp32",
        "threads": cores() if device == "cpu" else 1,
    }


def advice(*names: str) -> str:
    """What to do about libraries, the end of a sentence; without names, about all of them."""
    wanted = " ".join(names or LIBRARIES)
    return (
        f"install them with '{sys.executable} -m pip install {wanted}', or let QGIS do it: Settings > "
        "Options > HydraNet > Set up."
    )


def cannot_import(error: ImportError) -> str:
    """A sentence for the user about what a job needs, and this Python lacks."""
    name = (error.name or "").partition(".")[0]
    own = not name or name in (*LIBRARIES, __name__.partition(".")[0])  # one of these is seldom the only one
    return f"HydraNet cannot work with this Python ({error}); " + (
        advice() if own else advice(_PACKAGES.get(name, name))
    )


def _why_not(name: str) -> str | None:
    """Why a library cannot be imported, None if it can."""
    try:
        importlib.import_module(name)
    except Exception as error:  # a broken library may raise anything; a DLL that is missing is an OSError
        return " ".join(str(error).split()) or type(error).__name__
    return None


def _compute(device: str) -> None:
    """Send numbers from numpy to the device and back.

    Libraries that can be imported may still not fit each other, or the driver.
    """
    import numpy as np
    import torch

    try:
        twice = torch.from_numpy(np.ones(2, dtype=np.float32)).to(device) * 2
        found = twice.cpu().numpy().tolist()
    except (RuntimeError, TypeError) as error:
        raise LibraryError(
            f"torch cannot compute on '{device}' ({' '.join(str(error).split())}); torch and numpy, or torch "
            f"and the graphics driver, do not fit: {advice('--upgrade', 'torch', 'numpy')}"
        ) from error
    if found != [2.0, 2.0]:
        raise LibraryError(f"torch computes wrongly on '{device}' (1 x 2 = {found[0]}); {advice('torch')}")


def _device_name(device: str) -> str:
    if device == "cuda":
        import torch

        return torch.cuda.get_device_name()
    if device == "mps":
        return f"Apple {platform.machine()}"
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        lines = []
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return next(filter(None, [*models, platform.processor(), platform.machine()]), "unknown")
