"""QGIS 3.40 beside the distribution's, for the tests: fetched from Debian 12's backports, installed nowhere.

    eval "$(.venv/bin/python .ci/qgis_next.py)" && qgis.bin      try it by hand

The packages that an installation would add to this machine are downloaded with an apt configuration of our
own and unpacked into build/qgis-3.40. No root, nothing of the system changes; Qt and GDAL stay the system's.
"""

from __future__ import annotations

import fcntl
import os
import platform
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tree import ROOT

sys.path.insert(0, str(ROOT))

from tests.which_qgis import VARIABLE, variables  # noqa: E402 - only now the root is on the path

SERIES = "3.40."
FOLDER = ROOT / "build" / "qgis-3.40"
RELEASE = "bookworm"
PACKAGES = ("qgis", "python3-qgis", "qgis-providers")
__all__ = ["SERIES", "VARIABLE", "FetchError", "NoBackport", "fetch", "variables", "version"]
HANG_S = 900.0  # apt that takes this long stands still


class NoBackport(Exception):
    """This distribution offers no second QGIS; the message says which one it is."""


class FetchError(Exception):
    """It is offered, but could not be fetched or does not start."""


def fetch(say: Callable[[str], None] = print) -> Path:
    """Folder of the unpacked QGIS, fetched if it is not there yet or no longer starts.

    Raises:
        NoBackport: this is not Debian 12.
        FetchError: the connection or apt failed, or what was unpacked does not start.
    """
    _check_distribution()
    root = FOLDER / "root"
    FOLDER.mkdir(parents=True, exist_ok=True)
    with _alone(FOLDER / "lock"):
        if root.is_dir() and version(root).startswith(SERIES):
            return root
        say(f"fetching QGIS {SERIES}x from {RELEASE}-backports into {FOLDER.relative_to(ROOT)}")
        part = FOLDER / "root.part"
        for old in (root, part):
            shutil.rmtree(old, ignore_errors=True)
        try:
            for package in _download(FOLDER / "apt"):
                _call(["dpkg", "-x", str(package), str(part)], "unpack a package of QGIS")
            found = version(part)
            if not found.startswith(SERIES):
                raise FetchError(
                    f"what {RELEASE}-backports gave reports the version '{found}', not {SERIES}x."
                )
            part.rename(root)  # only now it counts
        finally:
            shutil.rmtree(FOLDER / "apt", ignore_errors=True)
            shutil.rmtree(part, ignore_errors=True)
    return root


def version(root: Path) -> str:
    """What Python's bindings below `root` say; what they complain about if they do not start."""
    code = "import sys; from qgis.core import Qgis; sys.stdout.write(Qgis.QGIS_VERSION)"
    env = {**os.environ, **variables(root), "QT_QPA_PLATFORM": "offscreen"}
    done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, check=False)
    return done.stdout or (done.stderr.strip().splitlines() or ["nothing"])[-1]


def _check_distribution() -> None:
    try:
        system = platform.freedesktop_os_release()
    except OSError:
        system = {}
    name = system.get("PRETTY_NAME", platform.system())
    if (system.get("ID"), system.get("VERSION_ID")) != ("debian", "12") or not shutil.which("apt-get"):
        raise NoBackport(f"{name} has no package of QGIS {SERIES}x to lay beside its own, as Debian 12 has")


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    """Two `make test` at once: the second waits, then finds what the first fetched."""
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _mirror() -> str:
    """Where this machine takes its packages from."""
    command = ["apt-get", "indextargets", "--no-release-info", "--format", "$(REPO_URI) $(RELEASE)"]
    for line in _call(command, "read apt's sources").splitlines():
        uri, _, release = line.partition(" ")
        if release.strip() == RELEASE:
            return uri
    raise FetchError(f"apt's sources name no mirror of {RELEASE}.")


def _download(folder: Path) -> list[Path]:
    """Download what an installation would bring, with lists and cache of our own; the .deb files."""
    for name in ("lists/partial", "cache/archives/partial", "none"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    mirror, sources = _mirror(), folder / "sources.list"
    sources.write_text("".join(f"deb {mirror} {name} main\n" for name in (RELEASE, f"{RELEASE}-backports")))
    settings = {
        "Dir::Etc::sourcelist": sources,
        "Dir::Etc::sourceparts": folder / "none",
        "Dir::Etc::preferencesparts": folder / "none",
        "Dir::State::lists": folder / "lists",
        "Dir::Cache": folder / "cache",
        "Debug::NoLocking": "true",  # nothing of the system is written
        "APT::Sandbox::User": "",  # the unprivileged user of apt cannot write here
        "APT::Update::Error-Mode": "any",
        "Acquire::Retries": "3",
        "Acquire::Languages": "none",
    }
    apt = ["apt-get", "-q", "-y", *(f"-o{name}={value}" for name, value in settings.items())]
    _call([*apt, "update"], "read the package lists")
    command = [*apt, "-t", f"{RELEASE}-backports", "--no-install-recommends", "--download-only", "install"]
    _call([*command, *PACKAGES], "download QGIS")
    return sorted((folder / "cache" / "archives").glob("*.deb"))


def _call(command: list[str], what: str) -> str:
    """Run a program of the system and return what it printed."""
    try:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, timeout=HANG_S
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise FetchError(f"could not {what}: {error}.") from error
    if done.returncode:
        raise FetchError(f"could not {what}: {(done.stderr or done.stdout).strip()}")
    return done.stdout


def main() -> int:
    """Fetch it and print the variables as a shell takes them."""
    try:
        root = fetch(say=lambda text: print(text, file=sys.stderr))
    except (NoBackport, FetchError, OSError) as error:
        print(f"qgis_next: {error}", file=sys.stderr)
        return 1
    for name, value in variables(root).items():
        print(f"export {name}={shlex.quote(value)}")
    print(f"export PATH={shlex.quote(str(root / 'usr' / 'bin'))}:$PATH")
    return 0


if __name__ == "__main__":
    sys.exit(main())
