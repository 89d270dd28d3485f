"""Put the plugin's folder together: hydranet_qgis/ with model_core/, resources/ and metadata.txt inside.

    .venv/bin/python .ci/stage.py        build/plugins/hydranet_qgis, of links into the checkout

QGIS takes a folder for a plugin only if metadata.txt lies in it, and an installed plugin has to bring the
worker's code along; in the checkout all three lie beside each other.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

from tree import ROOT, project_files

PLUGIN = "hydranet_qgis"
PLUGINS = ROOT / "build" / "plugins"
BESIDE = ("model_core", "resources", "metadata.txt", "LICENSE", "CHANGELOG.md")


def contents() -> Iterator[tuple[str, Path]]:
    """Every file of the plugin: its name inside the plugin's folder, and where it lies now."""
    for path in project_files():
        if path.parts[0] == PLUGIN:
            yield path.relative_to(PLUGIN).as_posix(), ROOT / path
        elif path.parts[0] in BESIDE:
            yield path.as_posix(), ROOT / path


def stage() -> Path:
    """Make or refresh the folder of links that QGIS loads the plugin from during development.

    Returns:
        The folder to name in QGIS_PLUGINPATH; the plugin is in it, under its name.
    """
    folder = PLUGINS / PLUGIN
    folder.mkdir(parents=True, exist_ok=True)
    wanted = {path.name: path for path in (ROOT / PLUGIN).iterdir() if path.name != "__pycache__"}
    wanted |= {name: ROOT / name for name in BESIDE if (ROOT / name).exists()}
    for old in folder.iterdir():
        if old.is_symlink() and (old.name not in wanted or old.resolve() != wanted[old.name]):
            old.unlink()
    for name, target in wanted.items():
        link = folder / name
        if not link.is_symlink():
            link.symlink_to(target)
    return PLUGINS


if __name__ == "__main__":
    print(stage())
    sys.exit(0)
