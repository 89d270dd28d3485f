"""Every text a user reads goes through `tr`, so that the plugin can be translated without touching code.

Translations are Qt's: `resources/i18n/hydranet_<locale>.qm`, made from the texts with `make translations`.
"""

from __future__ import annotations

from pathlib import Path

from qgis.PyQt.QtCore import QCoreApplication, QTranslator

CONTEXT = "HydraNet"


def tr(text: str) -> str:
    """The text in the user's language; placeholders such as {count} are filled by the caller.

    Args:
        text: one literal, because `pylupdate` reads the sources and not the program.
    """
    return QCoreApplication.translate(CONTEXT, text)


def install(folder: Path, locale: str) -> QTranslator | None:
    """Switch on the translation into `locale`, such as "pt_BR"; None where there is none.

    The translator has to be kept by the caller as long as it is used.
    """
    translator = QTranslator()
    for name in (locale, locale.partition("_")[0]):
        if name and translator.load(str(folder / f"hydranet_{name}.qm")):
            QCoreApplication.installTranslator(translator)
            return translator
    return None
