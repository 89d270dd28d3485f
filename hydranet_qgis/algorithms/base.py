"""What every HydraNet algorithm shares: identity, icon, help, and help texts beside the parameters."""

from __future__ import annotations

import html
from typing import Any

from qgis.core import QgsProcessingAlgorithm, QgsProcessingParameterDefinition
from qgis.PyQt.QtCore import QUrl
from qgis.PyQt.QtGui import QIcon

from .. import paths


class HydraNetAlgorithm(QgsProcessingAlgorithm):
    """Base of the algorithms. A subclass sets the constants and the Processing methods.

    Attributes:
        NAME: identifier, never changed once published.
        TITLE: what the toolbox shows.
        SUMMARY: what it does, HTML, shown above the parameters' help.
        TAGS: words it is found by.
    """

    NAME = ""
    TITLE = ""
    SUMMARY = ""
    TAGS: tuple[str, ...] = ()
    GROUP = "Mixture of experts"
    GROUP_ID = "experts"

    def name(self) -> str:
        return self.NAME

    def displayName(self) -> str:
        return self.TITLE

    def group(self) -> str:
        return self.GROUP

    def groupId(self) -> str:
        return self.GROUP_ID

    def tags(self) -> list[str]:
        return list(self.TAGS)

    def icon(self) -> QIcon:
        return QIcon(self.svgIconPath())

    def svgIconPath(self) -> str:
        return paths.icon_path(self.NAME)

    def helpUrl(self) -> str:
        page = paths.help_path(self.NAME)
        return QUrl.fromLocalFile(str(page)).toString() if page.is_file() else ""

    def shortHelpString(self) -> str:
        """The summary, then the help of each parameter, taken from the parameters themselves."""
        parts = [self.SUMMARY]
        for definition in self.parameterDefinitions():
            text = definition.help()
            if text:
                parts.append(f"<p><b>{html.escape(definition.description())}</b><br>{html.escape(text)}</p>")
        return "".join(parts)

    def createInstance(self) -> HydraNetAlgorithm:
        return type(self)()

    def add(self, definition: Any, help_text: str, advanced: bool = False) -> None:
        """Add a parameter together with its help."""
        definition.setHelp(help_text)
        if advanced:
            definition.setFlags(definition.flags() | QgsProcessingParameterDefinition.Flag.FlagAdvanced)
        self.addParameter(definition)
