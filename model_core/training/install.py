"""Put a trained bundle where `predict` looks for it."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from ..bundle import MODEL_FILE, WEIGHTS_FILE, check_weights, read_info
from .controls import CONTROLS_FILE


def install_bundle(source: Path, target: Path) -> Path:
    """Copy a verified bundle over the one in `target`; each file is renamed when whole, model.json last.

    Raises:
        BundleError: the source is not a sound bundle.
    """
    check_weights(read_info(source))
    target.mkdir(parents=True, exist_ok=True)
    controls = [CONTROLS_FILE] if (source / CONTROLS_FILE).is_file() else []
    for name in (WEIGHTS_FILE, *controls, MODEL_FILE):
        part = target / f"{name}.part"
        shutil.copyfile(source / name, part)
        os.replace(part, target / name)
    return target
