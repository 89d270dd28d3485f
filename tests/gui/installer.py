"""Scene: the zip goes through QGIS's own installer, as behind "Install from ZIP", into a fresh profile."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from inside import dismiss_dialogs, place_window, take, wait_until
from qgis.core import QgsApplication, QgsSettings
from qgis.PyQt.QtCore import QCoreApplication, QEvent
from qgis.PyQt.QtWidgets import QDockWidget
from qgis.utils import active_plugins, iface, plugins

NAME = "hydranet_qgis"


def install_upgrade_uninstall(job: dict[str, Any]) -> dict[str, Any]:
    """Install the zip, use the plugin, install it once more over itself, take it away.

    Args:
        job: `zip`; `picture`, a path.

    Returns:
        The state before and after each step, the picture, and every dialog that came up.
    """
    import pyplugin_installer

    place_window()
    seen: dict[str, Any] = {}
    with dismiss_dialogs() as dialogs:
        installer = pyplugin_installer.instance()
        seen["before"] = _state()
        installer.installFromZipFile(job["zip"])
        seen["installed"] = _state()
        dock = plugins[NAME].dock
        dock.toggleViewAction().trigger()
        wait_until(dock.isVisible, "the dock to open")
        seen["picture"] = take(dock, job["picture"])
        first = plugins[NAME]
        installer.installFromZipFile(job["zip"])
        seen["upgraded"] = _state()
        seen["replaced"] = plugins.get(NAME) is not first
        installer.uninstallPlugin(NAME, quiet=True)
        seen["uninstalled"] = _state()
    return {**seen, "dialogs": dialogs}


def _state() -> dict[str, Any]:
    # A scene plays inside one event, and what is deleted "later" goes only after it.
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    registry = QgsApplication.processingRegistry()
    provider = registry.providerById("hydranet")
    module = sys.modules.get(NAME)
    folder = Path(QgsApplication.qgisSettingsDirPath()) / "python" / "plugins" / NAME
    docks = [
        dock for dock in iface.mainWindow().findChildren(QDockWidget) if dock.objectName() == "HydraNetDock"
    ]
    actions = [action for menu in iface.rasterMenu().actions() for action in _below(menu)]
    return {
        "active": NAME in active_plugins,
        "switched_on": QgsSettings().value(f"PythonPlugins/{NAME}", False, bool),
        "algorithms": sorted(algorithm.id() for algorithm in provider.algorithms()) if provider else [],
        "from_profile": bool(module and Path(module.__file__).is_relative_to(folder)),
        "folder": folder.is_dir(),
        "docks": len(docks),
        "menu": [action.text() for action in actions],
    }


def _below(action: Any) -> list[Any]:
    menu = action.menu()
    return list(menu.actions()) if menu is not None and "HydraNet" in menu.title() else []
