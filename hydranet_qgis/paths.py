"""Where things lie: beside this package when installed, one level up in a checkout."""

from __future__ import annotations

from pathlib import Path

PACKAGE = Path(__file__).parent


def root() -> Path:
    """Folder that holds `model_core/` and `resources/`.

    An installed plugin carries them inside its own folder; in a checkout they are its siblings.
    """
    return PACKAGE if (PACKAGE / "model_core").is_dir() else PACKAGE.parent


def checkout() -> Path:
    """The checkout behind a development install, where links lead; `root()` when there are none."""
    return (root() / "model_core").resolve().parent


def resources() -> Path:
    """Folder of icons, help pages and the model bundle."""
    return root() / "resources"


def default_bundle() -> Path:
    """The model bundle that comes with the plugin."""
    return resources() / "bundle"


def worker_entry() -> Path:
    """What the worker's Python is asked to run."""
    return root() / "model_core"


def worker_requirements() -> Path:
    """The list of packages a private environment is made from."""
    return resources() / "worker-requirements.txt"


def icon_path(name: str) -> str:
    """Path of an icon, such as `icon_path("hydranet")`."""
    return str(resources() / "icons" / f"{name}.svg")


def help_path(name: str) -> Path:
    """Path of a help page, such as `help_path("predict")`."""
    return resources() / "help" / f"{name}.html"
