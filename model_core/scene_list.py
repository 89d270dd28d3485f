"""Which scenes a command line means, and the run folder of each.

Inputs are rasters, `.SAFE` folders and text lists (`.txt`: one path per line). One raster writes into the
output folder itself; several, or a list, write into one folder each below it. The names depend on the
inputs alone, so that a later call finds the same folders again.
"""

from __future__ import annotations

import os
import re
import unicodedata
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qs

from .errors import RequestError

SUMMARY_CSV = "summary.csv"
_LIST_ENDING = ".txt"
_MAX_LIST_BYTES = 16 * 2**20  # some 100,000 long paths
_MAX_NAME_BYTES = 120  # file systems end at 255, and a number may follow
# What some file system does not take in a name.
_UNSAFE = re.compile(r'[<>:"/\\|?*\x00-\x1f\x7f\ud800-\udfff]+')
_DEVICES = {"con", "prn", "aux", "nul", *(f"{port}{n}" for port in ("com", "lpt") for n in range(10))}


@dataclass(frozen=True)
class SceneEntry:
    """One scene.

    Attributes:
        number: from 1, in the order given.
        path: the raster, as given or below the folder of its list.
        folder: where its run goes.
    """

    number: int
    path: str
    folder: str


@dataclass(frozen=True)
class SceneList:
    """Every scene of a command line.

    Attributes:
        scenes: at least one.
        many: several inputs or a list were given, so each scene has a folder of its own below `output`.
        output: the output folder.
        notes: sentences for the user.
    """

    scenes: tuple[SceneEntry, ...]
    many: bool
    output: str
    notes: tuple[str, ...] = ()


def expand(inputs: Sequence[str], output: str) -> SceneList:
    """Find the scenes and name their run folders.

    A scene need not exist: opening it will tell, without harm to the others.

    Raises:
        RequestError: no input, or a list that is missing, no text, or empty.
    """
    if not inputs:
        raise RequestError("No scene was given; name a raster, a .SAFE folder or a .txt list of them.")
    if len(inputs) == 1 and not _is_list(inputs[0]):
        return SceneList((SceneEntry(1, inputs[0], output),), many=False, output=output)
    paths: dict[str, str] = {}  # by what makes a scene the same
    notes = []
    for path in (path for one in inputs for path in (_read_list(one) if _is_list(one) else [one])):
        key = _identity(path)
        if key in paths:
            notes.append(f"Scene '{path}' was given more than once; it is predicted once.")
        paths.setdefault(key, path)
    found = list(paths.values())
    folders = (os.path.join(output, name) for name in scene_names(found))
    scenes = tuple(
        SceneEntry(number, path, folder)
        for number, (path, folder) in enumerate(zip(found, folders, strict=True), start=1)
    )
    return SceneList(scenes, many=True, output=output, notes=tuple(dict.fromkeys(notes)))


def scene_names(paths: Sequence[str]) -> list[str]:
    """A folder name for every scene: unique, also where upper and lower case are one, and safe anywhere.

    Scenes named alike get the name of the folder they lie in in front, and a number if that is not
    enough.
    """
    plain = [_safe(_stem(path)) for path in paths]
    alike = Counter(_folded(name) for name in plain)
    wanted = [
        name if alike[_folded(name)] == 1 else _safe(f"{_stem(_parent(path))}_{name}")
        for name, path in zip(plain, paths, strict=True)
    ]
    taken = {SUMMARY_CSV}
    names = []
    for base in wanted:
        name, number = base, 2
        while _folded(name) in taken:
            name, number = f"{base}-{number}", number + 1
        taken.add(_folded(name))
        names.append(name)
    return names


def _is_list(path: str) -> bool:
    return path.lower().endswith(_LIST_ENDING) and not os.path.isdir(path)


def _read_list(path: str) -> list[str]:
    """The paths in a list; relative ones are relative to the list's folder.

    Only blank lines and lines that begin with # are no paths: a name may hold quotes, spaces and #.
    """
    try:
        if os.path.getsize(path) > _MAX_LIST_BYTES:
            raise RequestError(
                f"'{path}' is larger than {_MAX_LIST_BYTES} bytes; a list of scenes is a text with one path "
                "per line."
            )
        text = Path(path).read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise RequestError(f"The list of scenes '{path}' does not exist; check the path.") from None
    except UnicodeDecodeError:
        text = "\0"
    except OSError as error:
        raise RequestError(f"The list of scenes '{path}' cannot be read ({error.strerror}).") from error
    if "\0" in text:
        raise RequestError(f"'{path}' is no text in UTF-8; a list of scenes has one path per line.")
    lines = [line.strip() for line in text.split("\n")]
    found = [line for line in lines if line and not line.startswith("#")]
    if not found:
        raise RequestError(f"The list of scenes '{path}' names no scene; write one path per line.")
    return [_beside(path, line) for line in found]


def _beside(list_path: str, name: str) -> str:
    """A path of a list; GDAL's own names (/vsizip/…, NETCDF:…) are left to GDAL."""
    joined = os.path.join(os.path.dirname(list_path), name)  # an absolute name stays as it is
    if os.path.exists(joined):
        return joined
    drive, _ = os.path.splitdrive(name)
    return name if ":" in name and not drive else joined


def _identity(path: str) -> str:
    if not os.path.exists(path):
        return path
    return os.path.normcase(os.path.realpath(path))


def _stem(path: str) -> str:
    """The last part of a path without its ending; of `X.SAFE.zip` that is X: a run is no product."""
    bare = _address(path).rstrip("/\\" if os.name == "nt" else "/")
    stem, _ = os.path.splitext(os.path.basename(bare))
    return stem[: -len(".SAFE")] if stem.upper().endswith(".SAFE") else stem


def _address(path: str) -> str:
    """A path of the network without what follows a question mark: signatures, not names."""
    if path.startswith("/vsicurl?"):
        path = parse_qs(path.partition("?")[2]).get("url", [path])[-1]
    return path.partition("?")[0] if "://" in path else path


def _parent(path: str) -> str:
    """The folder a scene lies in, with a name of its own also for a relative path."""
    whole = os.path.abspath(path) if ":" not in path or os.path.exists(path) else path
    return os.path.dirname(whole.rstrip("/\\"))


def _folded(name: str) -> str:
    return unicodedata.normalize("NFC", name.casefold())


def _safe(name: str) -> str:
    """A name that every file system takes."""
    name = unicodedata.normalize("NFC", _UNSAFE.sub("_", name))
    name = name.encode()[:_MAX_NAME_BYTES].decode(errors="ignore").strip(" .")
    if not name:
        return "scene"
    return f"{name}_" if name.split(".")[0].strip().lower() in _DEVICES else name
