"""Tiny wheels and a worker that needs nothing, so that a set-up takes seconds and no network."""

from __future__ import annotations

import zipfile
from pathlib import Path

# Answers `check` with the versions of what is installed beside it, as the real one does.
WORKER = """
import json, os, sys
from importlib import metadata
def version(name):
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None
def emit(**event):
    print(json.dumps(event), flush=True)
versions = dict(python="3.11.2", torch=version("torch"), rasterio=version("rasterio"))
emit(event="ready", protocol=1, versions=versions)
for line in sys.stdin:
    message = json.loads(line)
    if message["method"] == "shutdown":
        break
    if os.environ.get("HYDRANET_OLD_WORKER"):
        emit(event="error", id=message["id"], kind="ProtocolError", message="Method 'check' is not known.")
    else:
        emit(event="finished", id=message["id"], summary=dict(
            versions=versions, device="cpu", device_name="", precision="fp32", threads=2))
"""


def make_wheel(folder: Path, name: str, version: str = "1.0") -> Path:
    """A wheel with one empty module in it."""
    folder.mkdir(parents=True, exist_ok=True)
    info = f"{name}-{version}.dist-info"
    path = folder / f"{name}-{version}-py3-none-any.whl"
    files = {
        f"{name}/__init__.py": "",
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = "".join(f"{file},,\n" for file in [*files, f"{info}/RECORD"])
    with zipfile.ZipFile(path, "w") as archive:
        for file, text in {**files, f"{info}/RECORD": record}.items():
            archive.writestr(file, text)
    return path


def make_worker(folder: Path) -> Path:
    """The folder to start in place of model_core."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "__main__.py").write_text(WORKER)
    return folder
