"""What every HydraNet algorithm shares: identity, icon, help, and help texts beside the parameters."""

from __future__ import annotations

import html
from typing import Any

from qgis.core import (
    QgsProcessingAlgorithm,
    QgsProcessingParameterDefinition,
    QgsProcessingParameterEnum,
)
from qgis.PyQt.QtCore import QUrl
from qgis.PyQt.QtGui import QIcon

from .. import paths
from ..i18n import tr


class HydraNetAlgorithm(QgsProcessingAlgorithm):
    """Base of the algorithms. A subclass has a name, `displayName`, `summary`, `tags` and the rest.

    Attributes:
        NAME: identifier, never changed once published; its icon and help page are named by it.
    """

    NAME = ""

    def summary(self) -> str:
        """What it does, HTML, shown above the parameters' help."""
        return ""

    def name(self) -> str:
        return self.NAME

    def group(self) -> str:
        return tr("Mixture of experts")

    def groupId(self) -> str:
        return "experts"

    def icon(self) -> QIcon:
        return QIcon(self.svgIconPath())

    def svgIconPath(self) -> str:
        return paths.icon_path(self.NAME)

    def helpUrl(self) -> str:
        page = paths.help_path(self.NAME)
        return QUrl.fromLocalFile(str(page)).toString() if page.is_file() else ""

    def shortHelpString(self) -> str:
        """The summary, then the help of each parameter, taken from the parameters themselves."""
        parts = [self.summary()]
        for definition in self.parameterDefinitions():
            text = definition.help()
            if text:
                parts.append(f"<p><b>{html.escape(definition.description())}</b><br>{html.escape(text)}</p>")
        return "".join(parts)

    def asPythonCommand(self, parameters: dict[str, Any], context: Any) -> str:
        """The call for the history, with several choices of one parameter in it.

        QGIS 3.22 writes a list of static strings as an empty text; one text of them all it writes well.
        """
        texts = {name: ",".join(v) for name, v in parameters.items() if _is_choice(self, name, v)}
        return super().asPythonCommand({**parameters, **texts}, context)

    def createInstance(self) -> HydraNetAlgorithm:
        return type(self)()

    def add(self, definition: Any, help_text: str, advanced: bool = False) -> None:
        """Add a parameter together with its help."""
        definition.setHelp(help_text)
        if advanced:
            definition.setFlags(definition.flags() | QgsProcessingParameterDefinition.Flag.FlagAdvanced)
        self.addParameter(definition)


def _is_choice(algorithm: QgsProcessingAlgorithm, name: str, value: Any) -> bool:
    """Whether a value is several words of an enumeration."""
    definition = algorithm.parameterDefinition(name)
    several = isinstance(value, list) and bool(value) and all(isinstance(item, str) for item in value)
    return several and isinstance(definition, QgsProcessingParameterEnum)
