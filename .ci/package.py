"""Make the zip that QGIS's plugin manager installs, and look at it as the plugin repository would.

    .venv/bin/python .ci/package.py      build/hydranet_qgis-<version>.zip

The same files give the same bytes: names sorted, one fixed time, fixed permissions.
"""

from __future__ import annotations

import configparser
import os
import sys
import zipfile
from pathlib import Path

from check_package import findings
from stage import PLUGIN, contents
from tree import ROOT

FIXED_TIME = (2020, 1, 1, 0, 0, 0)
MAX_BYTES = 25 * 1024 * 1024  # what the plugin repository accepts
REQUIRED = (
    *("metadata.txt", "LICENSE", "__init__.py", "model_core/__init__.py", "model_core/__main__.py"),
    *(
        "resources/bundle/model.json",
        "resources/bundle/weights.safetensors",
        "resources/bundle/MODEL_CARD.md",
        "resources/worker-requirements.txt",
    ),
)
# `hydranet evaluate` measures the control routers, in a checkout; no prediction reads them.
LEFT_OUT = {"resources/bundle/controls.safetensors"}
FIELDS = (
    *("name", "description", "about", "version", "qgisMinimumVersion", "qgisMaximumVersion", "author"),
    *("email", "tracker", "repository", "homepage", "category", "icon", "tags", "changelog"),
    *("hasProcessingProvider", "experimental", "deprecated", "server"),
)
UNWANTED = (".pyc", ".pyo", ".so", ".dll", ".dylib", ".exe", ".pth", ".pt", ".pkl", ".part")


class PackageError(Exception):
    """What is wrong with the zip, in one sentence."""


def metadata(text: str) -> configparser.SectionProxy:
    """The [general] section of metadata.txt."""
    parser = configparser.ConfigParser(interpolation=None)
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read_string(text)
    return parser["general"]


def write(folder: Path) -> Path:
    """Write the zip into `folder`, under its final name only when whole."""
    version = metadata((ROOT / "metadata.txt").read_text(encoding="utf-8"))["version"]
    target = folder / f"{PLUGIN}-{version}.zip"
    folder.mkdir(parents=True, exist_ok=True)
    part = folder / f"{target.name}.part-{os.getpid()}"
    try:
        with zipfile.ZipFile(part, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
            for name, source in sorted(contents()):
                if name in LEFT_OUT:
                    continue
                info = zipfile.ZipInfo(f"{PLUGIN}/{name}", FIXED_TIME)
                info.compress_type = zipfile.ZIP_DEFLATED
                info.external_attr = 0o100644 << 16
                info.create_system = 3
                archive.writestr(info, source.read_bytes())
        verify(part)
        os.replace(part, target)
    finally:
        part.unlink(missing_ok=True)
    return target


def verify(path: Path) -> None:
    """Open the zip and check what the plugin repository and QGIS ask of it.

    Raises:
        PackageError: what is missing or too much.
    """
    size = path.stat().st_size
    if size > MAX_BYTES:
        raise PackageError(f"the zip has {size / 2**20:.1f} MiB, at most {MAX_BYTES // 2**20} are accepted.")
    with zipfile.ZipFile(path) as archive:
        damaged = archive.testzip()
        if damaged:
            raise PackageError(f"'{damaged}' in the zip is damaged.")
        names = archive.namelist()
        if len(set(names)) != len(names):
            raise PackageError("two files would have the same name in the zip.")
        outside = [name for name in names if not name.startswith(f"{PLUGIN}/")]
        if outside:
            raise PackageError(f"'{outside[0]}' lies outside the folder {PLUGIN}.")
        missing = [name for name in REQUIRED if f"{PLUGIN}/{name}" not in names]
        if missing:
            raise PackageError(f"the zip lacks {', '.join(missing)}.")
        unwanted = [name for name in names if name.endswith(UNWANTED) or "/tests/" in name or "/." in name]
        if unwanted:
            raise PackageError(f"'{unwanted[0]}' must not be in the zip.")
        fields = metadata(archive.read(f"{PLUGIN}/metadata.txt").decode("utf-8"))
    empty = [field for field in FIELDS if not fields.get(field, "").strip()]
    if empty:
        raise PackageError(f"metadata.txt leaves {', '.join(empty)} empty.")
    if f"{PLUGIN}/{fields['icon']}" not in names:
        raise PackageError(f"metadata.txt names the icon {fields['icon']}, which is not in the zip.")
    if "supportsQt6" in fields:
        raise PackageError("metadata.txt says supportsQt6, but no QGIS with Qt 6 was ever tried.")
    version = _core_version()
    if fields["version"] != version:
        raise PackageError(f"metadata.txt says version {fields['version']}, model_core says {version}.")


def _core_version() -> str:
    for line in (ROOT / "model_core" / "__init__.py").read_text(encoding="utf-8").splitlines():
        if line.startswith("__version__"):
            return line.split('"')[1]
    raise PackageError("model_core/__init__.py holds no __version__.")


def main() -> int:
    """Write the zip and say where it lies."""
    try:
        target = write(ROOT / "build")
        found = findings(target)
    except (PackageError, OSError, KeyError, configparser.Error) as error:
        print(f"package: {error}", file=sys.stderr)
        return 1
    for finding in found:
        print(f"package: {finding}", file=sys.stderr)
    if found:
        target.unlink()  # nothing to install by mistake
        return 1
    print(f"{target.relative_to(ROOT)}  {target.stat().st_size / 2**20:.1f} MiB")
    return 0


if __name__ == "__main__":
    sys.exit(main())
