"""HydraNet in QGIS: it asks a worker process for a run and shows what the run left behind.

Nothing below this package imports torch, rasterio or model_core; those live in the worker's own
Python environment. The two doors between them are the worker protocol and the run folder.
"""

from __future__ import annotations


def classFactory(iface):  # noqa: N802 - the name QGIS looks for
    """Make the plugin for QGIS.

    Args:
        iface: `QgisInterface` of the running window, or None under `qgis_process`.
    """
    from .plugin import HydraNetPlugin

    return HydraNetPlugin(iface)
