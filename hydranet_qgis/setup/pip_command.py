"""What pip is asked to do, and in which environment it does it.

pip is the environment's own, so it cannot install anywhere else. The user's pip configuration is honoured:
a company's index, certificate or cache stands there and nowhere else.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ..environment import worker_environment
from . import proxy as proxies
from .proxy import Proxy

CPU, CUDA = "cpu", "cuda"
_TORCH_INDEX = "https://download.pytorch.org/whl/"
_CUDA_INDEX = "cu130"
# These would send packages elsewhere than into the environment, or forbid what is asked here.
_PIP_FOREIGN = ("PIP_TARGET", "PIP_PREFIX", "PIP_ROOT", "PIP_USER", "PIP_REQUIRE_VIRTUALENV", "PIP_PYTHON")


@dataclass(frozen=True)
class Options:
    """What the user chose.

    Attributes:
        base: Python to make the environment from.
        hardware: CPU or CUDA.
        index: package index to take everything from, "" for the usual ones.
        wheels: folder of wheels to take everything from, without network; None to use an index.
        requirements: list of packages.
    """

    base: Path
    hardware: str = CPU
    index: str = ""
    wheels: Path | None = None
    requirements: Path = Path()


def torch_index(system: str, hardware: str) -> str:
    """Index that has torch for that hardware; "" where PyPI's own build is the right one.

    PyPI holds the CUDA build for Linux, and for Windows and macOS builds without CUDA.
    """
    if system == "Linux" and hardware == CPU:
        return _TORCH_INDEX + "cpu"
    if system == "Windows" and hardware == CUDA:
        return _TORCH_INDEX + _CUDA_INDEX
    return ""


def commands(python: Path, options: Options, system: str) -> list[list[str]]:
    """The calls of pip, in order.

    torch comes by itself where it has an index of its own: that index is then asked for nothing else, so that
    no other package can come from it.

    Args:
        python: the new environment's Python.
        options: what the user chose.
        system: "Linux", "Darwin" or "Windows".
    """
    install = [str(python), "-I", "-m", "pip", "install", "--no-input", "--disable-pip-version-check"]
    install += ["--no-color", "--progress-bar", "off"]
    # Nothing is compiled here: a package without a wheel for this Python is an error at once.
    install += ["--only-binary", ":all:"]
    everything = ["--requirement", str(options.requirements)]
    if options.wheels is not None:
        return [[*install, "--no-index", "--find-links", str(options.wheels), *everything]]
    if options.index:
        return [[*install, "--index-url", options.index, *everything]]
    index = torch_index(system, options.hardware)
    torch = torch_requirement(options.requirements.read_text(encoding="utf-8"))
    first = (
        [[*install, "--retries", "2", "--no-deps", "--index-url", index, torch]] if index and torch else []
    )
    return [*first, [*install, *everything]]


def torch_requirement(text: str) -> str:
    """The line of the list that names torch, "" if none does."""
    match = re.search(r"^torch\s*[=<>~!].*$", text, re.MULTILINE)
    return match.group(0).strip() if match else ""


def requirements_hash(path: Path) -> str:
    """Fingerprint of the list of packages, to see that it has changed since."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def environment(
    environ: Mapping[str, str], proxy: Proxy | None, scratch: Path, prefix: str = ""
) -> dict[str, str]:
    """Variables for everything set-up starts.

    Args:
        environ: this process's.
        proxy: QGIS' own proxy, which goes before the environment's.
        scratch: for temporary files; it is removed with a half-made environment.
        prefix: where QGIS is installed.
    """
    kept = {k: v for k, v in worker_environment(environ, prefix).items() if k.upper() not in _PIP_FOREIGN}
    if proxy is not None:
        kept = {k: v for k, v in kept.items() if k.upper() not in (*proxies.NAMES, "NO_PROXY", "PIP_PROXY")}
    return {**kept, **proxies.variables(proxy), **dict.fromkeys(("TMPDIR", "TEMP", "TMP"), str(scratch))}


def without_passwords(text: str) -> str:
    """A line with the logins in its URLs taken out."""
    return re.sub(r"(?<=://)[^/@\s]+@", "***@", text)
