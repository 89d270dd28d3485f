"""A question mark beside the tabs: opens the page of the guide that explains the tab in front."""

from __future__ import annotations

from typing import Any

from qgis.core import QgsApplication
from qgis.PyQt.QtCore import Qt, QUrl
from qgis.PyQt.QtGui import QDesktopServices
from qgis.PyQt.QtWidgets import QTabWidget, QToolButton, QWidget

from .. import paths
from ..i18n import tr


class HelpButton(QToolButton):
    """Stands in the corner of a tab widget.

    Args:
        tabs: the tab widget.
        pages: which page explains which tab, as name of the page and the place in it, "" for its beginning.
    """

    def __init__(self, tabs: QTabWidget, pages: dict[QWidget, tuple[str, str]]) -> None:
        super().__init__(tabs)
        self._tabs, self._pages = tabs, pages
        name = tr("Help on this page")
        self.setIcon(QgsApplication.getThemeIcon("/mActionHelpContents.svg"))
        self.setAutoRaise(True)
        self.setToolTip(name)
        self.setAccessibleName(name)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.clicked.connect(self._open)

    def url(self) -> QUrl:
        """Address of the page for the tab in front."""
        page, place = self._pages[self._tabs.currentWidget()]
        url = QUrl.fromLocalFile(str(paths.help_path(page)))
        if place:
            url.setFragment(place)
        return url

    def _open(self, *_: Any) -> None:
        QDesktopServices.openUrl(self.url())
