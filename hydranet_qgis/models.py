"""The example models that come with the plugin, as algorithms of its provider."""

from __future__ import annotations

from pathlib import Path

from qgis.core import Qgis, QgsMessageLog, QgsProcessingModelAlgorithm

from . import paths
from .i18n import tr


def shipped_models() -> list[QgsProcessingModelAlgorithm]:
    """The models in `resources/models` by file name; one that cannot be read is logged and left out."""
    read = map(_read, sorted((paths.resources() / "models").glob("*.model3")))
    return [model for model in read if model is not None]


def _read(path: Path) -> QgsProcessingModelAlgorithm | None:
    model = QgsProcessingModelAlgorithm()
    # The file itself says what it is called, where it is listed, and what its parameters mean.
    if model.fromFile(str(path)) and model.name() and model.childAlgorithms():
        return model
    QgsMessageLog.logMessage(
        tr("The example model {path} cannot be read and is left out; install the plugin again.").format(
            path=path
        ),
        "HydraNet",
        Qgis.MessageLevel.Warning,
    )
    return None
