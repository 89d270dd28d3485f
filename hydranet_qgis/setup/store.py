"""The private environments in the QGIS profile, and the pointer that says which one is used.

    <profile>/hydranet/environments/<name>/   one environment each
    <profile>/hydranet/environment.json       the pointer: replaced as a whole when a new one has been checked

So a half-made environment is never used, and the old one stays until the new one works.
"""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

POINTER = "environment.json"
ENVIRONMENTS = "environments"
LOG = "setup.log"
LOCK = "setup.lock"
_DYING = ".removed"


@dataclass(frozen=True)
class Pointer:
    """What the pointer says of the environment in use.

    Attributes:
        folder: name of its folder in `environments`.
        python: version of its Python.
        torch: version of torch in it.
        created: time in UTC, ISO 8601.
        requirements: hash of the list of packages it was made from.
    """

    folder: str
    python: str
    torch: str
    created: str
    requirements: str


class Store:
    """The plugin's folder in a QGIS profile.

    Args:
        profile: the profile's folder (`QgsApplication.qgisSettingsDirPath()`).
    """

    def __init__(self, profile: Path) -> None:
        self.folder = Path(profile) / "hydranet"
        self.environments = self.folder / ENVIRONMENTS
        self.pointer = self.folder / POINTER
        self.log = self.folder / LOG
        self.lock = self.folder / LOCK

    def current(self) -> Pointer | None:
        """What is in use; None where none was made, or the pointer cannot be read."""
        try:
            said = json.loads(self.pointer.read_text(encoding="utf-8"))
            pointer = Pointer(**{name: str(said[name]) for name in Pointer.__dataclass_fields__})
        except (OSError, ValueError, TypeError, KeyError):
            return None
        # A name, never a way out of the folder: what it names is run.
        plain = Path(pointer.folder).name == pointer.folder and pointer.folder != ".."
        return pointer if plain else None

    def path(self, pointer: Pointer) -> Path:
        """Where that environment lies."""
        return self.environments / pointer.folder

    def new_folder(self) -> Path:
        """A folder for the next environment, made empty."""
        stem = time.strftime("%Y%m%d-%H%M%S", time.gmtime())
        for number in range(1, 1000):
            folder = self.environments / (stem if number == 1 else f"{stem}-{number}")
            if not folder.exists():
                folder.mkdir(parents=True)
                return folder
        raise FileExistsError(str(self.environments))

    def point_to(self, pointer: Pointer) -> None:
        """Use that environment from now on. Either the old or the new pointer is there, never half of one."""
        part = self.pointer.with_name(f"{POINTER}.part-{os.getpid()}")
        try:
            with part.open("w", encoding="utf-8") as file:
                json.dump(asdict(pointer), file, indent=1)
                file.flush()
                os.fsync(file.fileno())
            os.replace(part, self.pointer)
        finally:
            part.unlink(missing_ok=True)

    def remove_others(self, in_use: Callable[[Path], bool]) -> None:
        """Remove every environment but the one pointed to: older ones, and what a killed set-up left.

        Only while the lock is held.

        Args:
            in_use: whether something still runs from a folder, which then stays until the next time.
        """
        current = self.current()
        if current is None and self.pointer.exists():
            return  # nobody can say which one is in use
        try:
            found = list(self.environments.iterdir())
        except OSError:
            return
        for folder in found:
            if (current is None or folder.name != current.folder) and not in_use(folder):
                remove(folder)


def remove(folder: Path) -> None:
    """Remove an environment, or leave it whole for the next time.

    Windows refuses to rename a folder from which a program runs; without that test, half of the files of
    another QGIS's worker would go.
    """
    dying = folder if folder.name.endswith(_DYING) else folder.with_name(folder.name + _DYING)
    for patience in (0.0, 0.3, 0.6):  # what was just killed lets go of its files a moment later
        time.sleep(patience)
        try:
            if dying != folder:
                os.replace(folder, dying)
        except OSError:
            continue
        shutil.rmtree(dying, ignore_errors=True)
        return
