"""The model bundles a user works with, and which of them is used where none is named.

Kept in QGIS' settings: the one that comes with the plugin is always there, others are those that were trained
or used here, or added on the options page. A folder that is gone stays in the list until it is removed: a
drive may only be unplugged.
"""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Callable
from pathlib import Path

from qgis.core import QgsProcessingUtils, QgsSettings

from . import paths
from .bundle_info import MODEL_FILE, BundleInfo, read_bundle
from .i18n import tr

DEFAULT, KNOWN = "HydraNet/bundle", "HydraNet/bundles"

Listener = Callable[[], None]

_lock = threading.Lock()
_listeners: list[Listener] = []
_passing: list[Path] = []


def chosen() -> str:
    """Folder of the bundle that is used where none is named; "" for the one that comes with the plugin."""
    return str(QgsSettings().value(DEFAULT, "") or "")


def default_folder() -> Path:
    """The same, always a folder."""
    folder = chosen()
    return Path(folder) if folder else paths.default_bundle()


def choose(folder: str) -> None:
    """Use this bundle where none is named; "" for the one that comes with the plugin. Listeners are told."""
    before, settings = chosen(), QgsSettings()
    folder = "" if not folder or _same(folder, str(paths.default_bundle())) else os.path.abspath(folder)
    if folder:
        remember(folder)
        settings.setValue(DEFAULT, folder)
    else:
        settings.remove(DEFAULT)
    if folder != before:
        tell()


def known() -> list[Path]:
    """The folders, the plugin's own first, then those that were remembered last."""
    return [paths.default_bundle(), *(Path(folder) for folder in _stored())]


def offered() -> list[Path]:
    """The same, and last those of this session that are gone when QGIS closes."""
    with _lock:
        return [*known(), *(folder for folder in _passing if not is_missing(folder))]


def is_passing(folder: Path) -> bool:
    """Whether it lies in Processing's own temporary folder, which goes with this QGIS."""
    return folder.is_relative_to(QgsProcessingUtils.tempFolder())


def remember(folder: str) -> None:
    """Put a bundle at the head of the list; one that goes with this QGIS is offered as long as it runs."""
    folder = os.path.abspath(folder)
    if is_passing(Path(folder)):
        with _lock:
            _passing[:] = [Path(folder), *(other for other in _passing if other != Path(folder))]
    elif not _same(folder, str(paths.default_bundle())):
        _store([folder, *(other for other in _stored() if not _same(other, folder))])


def replace(folders: list[str]) -> None:
    """Keep these in place of those that were remembered; see `known`."""
    _store([os.path.abspath(folder) for folder in folders])


def is_missing(folder: Path) -> bool:
    """Whether there is no bundle in the folder (any more)."""
    return not (folder / MODEL_FILE).is_file()


def label(folder: Path, info: BundleInfo | None = None) -> str:
    """A bundle in one line, such as "my-reed 1.0 (reeds)".

    Args:
        folder: where it lies.
        info: what it says of itself, where that has been read already.
    """
    name = folder.name or str(folder)
    if is_missing(folder):
        return tr("{name} (missing)").format(name=name)
    info = info or read_bundle(folder)
    told = f"{info.id} {info.version}".strip()
    if _same(str(folder), str(paths.default_bundle())):
        return tr("{name} (comes with the plugin)").format(name=told or name)
    return f"{told} ({name})" if told and told != name else name


def listen(listener: Listener) -> None:
    """Call `listener()` whenever another bundle is to be used by default."""
    with _lock:
        if listener not in _listeners:
            _listeners.append(listener)


def forget(listener: Listener) -> None:
    """Stop calling it; nothing happens if it never listened."""
    with _lock:
        if listener in _listeners:
            _listeners.remove(listener)


def forget_passing() -> None:
    """Offer no bundle any more that goes with this QGIS."""
    with _lock:
        _passing.clear()


def tell() -> None:
    """Call the listeners, in this thread."""
    with _lock:
        listeners = list(_listeners)
    for listener in listeners:
        listener()


def _stored() -> list[str]:
    # As one text: a list of one comes back from the settings as a text.
    try:
        listed = json.loads(str(QgsSettings().value(KNOWN, "") or "[]"))
    except ValueError:
        return []
    return [folder for folder in listed if isinstance(folder, str)] if isinstance(listed, list) else []


def _store(folders: list[str]) -> None:
    if folders:
        QgsSettings().setValue(KNOWN, json.dumps(folders))
    else:
        QgsSettings().remove(KNOWN)


def _same(one: str, other: str) -> bool:
    return os.path.normcase(os.path.realpath(one)) == os.path.normcase(os.path.realpath(other))
