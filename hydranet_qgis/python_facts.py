"""What a Python says about itself, and whether the worker can run in it."""

from __future__ import annotations

import json

# Every candidate is asked in a process of its own.
import subprocess  # nosec B404
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePath

from .environment import no_window, worker_environment
from .i18n import tr

MINIMUM = (3, 10)  # as requires-python in pyproject.toml
_PROBE_S = 20.0  # a Python on a slow network drive takes seconds to start for the first time

# Runs in the candidate, whichever Python it is; so nothing newer than Python 2 in it.
_PROBE = """
import json, os, platform, struct, sys
def has(name):
    try:
        __import__(name)
        return True
    except ImportError:
        return False
def version(name):
    try:
        from importlib import metadata
        return metadata.version(name)
    except Exception:
        return None
print(json.dumps({
    "version": list(sys.version_info[:3]), "bits": struct.calcsize("P") * 8,
    "system": platform.system(), "machine": platform.machine(),
    "implementation": platform.python_implementation(),
    "base": os.path.realpath(getattr(sys, "_base_executable", None) or sys.executable),
    "venv": has("venv"), "ensurepip": has("ensurepip"),
    "packages": dict((name, version(name)) for name in ("torch", "rasterio", "numpy")),
}))
"""


@dataclass(frozen=True)
class Facts:
    """What a Python said about itself.

    Attributes:
        version: such as (3, 11, 2).
        problem: why the worker cannot run in it, a sentence; "" if it can, given torch and rasterio.
        no_venv: why no environment can be made from it, a sentence; "" if one can.
        base: the program behind links and environments, to recognise the same Python twice.
        packages: installed versions of torch, rasterio and numpy, None where not installed.
    """

    version: tuple[int, ...] = ()
    problem: str = ""
    no_venv: str = ""
    base: str = ""
    packages: Mapping[str, str | None] | None = None

    @property
    def text(self) -> str:
        """The version as one writes it."""
        return ".".join(str(part) for part in self.version)


def is_qgis(path: PurePath) -> bool:
    """Whether a program is QGIS by its name, such as qgis-ltr-bin.exe."""
    return path.name.lower().startswith("qgis")


def judge(facts: Mapping[str, object]) -> str:
    """Why the worker cannot run in a Python that said this about itself; "" if it can."""
    version = tuple(facts.get("version") or ())
    text = ".".join(str(part) for part in version)
    needed = ".".join(str(part) for part in MINIMUM)
    if version[:2] < MINIMUM:
        return tr("This is Python {version}; Python {needed} or newer is needed.").format(
            version=text, needed=needed
        )
    if facts.get("implementation") != "CPython":
        return tr("This is {name}; torch needs the usual Python (CPython).").format(
            name=facts.get("implementation")
        )
    if facts.get("bits") != 64:
        return tr("This is a 32-bit Python; torch exists for 64 bit only.")
    if facts.get("system") == "Darwin" and facts.get("machine") == "x86_64":
        return tr(
            "This is a Python for Intel Macs, for which torch is no longer made; use one for Apple silicon."
        )
    return ""


def judge_venv(facts: Mapping[str, object]) -> str:
    """Why no environment can be made from a Python that said this about itself; "" if one can."""
    if facts.get("venv") and facts.get("ensurepip"):
        return ""
    return tr(
        "This Python cannot make environments; install its venv module "
        "(on Debian and Ubuntu the package python3-venv)."
    )


def probe(path: Path, environ: Mapping[str, str], timeout_s: float = _PROBE_S) -> Facts:
    """Ask a Python about itself; what is wrong with it is in `problem`. Slow: not in the main thread."""
    if is_qgis(path):
        return Facts(problem=tr("This is QGIS itself, not a Python."))
    if not path.is_file():
        return Facts(problem=tr("There is no program {path}.").format(path=path))
    try:
        # A fixed list without a shell; the program is one the user chose or a well-known Python.
        done = subprocess.run(  # nosec B603
            [str(path), "-I", "-c", _PROBE],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=timeout_s,
            env=worker_environment(environ),
            **no_window(),
        )
        said = json.loads(done.stdout.decode("utf-8", errors="replace"))
        facts = {str(name): value for name, value in dict(said).items()}
    except subprocess.TimeoutExpired:
        return Facts(problem=tr("It did not answer within {n} s.").format(n=f"{timeout_s:.0f}"))
    except OSError as error:
        return Facts(problem=tr("It cannot be started: {why}.").format(why=error.strerror or error))
    except (ValueError, TypeError):
        return Facts(problem=tr("This is not a working Python 3: it did not say what it is."))
    packages = facts.get("packages")
    return Facts(
        version=tuple(facts.get("version") or ()),
        problem=judge(facts),
        no_venv=judge_venv(facts),
        base=str(facts.get("base") or ""),
        packages=packages if isinstance(packages, dict) else {},
    )
