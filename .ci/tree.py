"""Which files belong to the project: what git tracks or would add, without what it ignores."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
IGNORED = {
    ".git",
    ".venv",
    "build",
    "runs",
    "__pycache__",
    ".pytest_cache",
    ".ruff_cache",
    ".hypothesis",
    ".qgis-settings",
}


def project_files() -> list[Path]:
    """Paths relative to the root, sorted. Also works in an unpacked archive that is no git checkout."""
    if (ROOT / ".git").exists():
        git = ["git", "-C", str(ROOT), "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
        listing = subprocess.run(git, check=False, capture_output=True, text=True)
        if listing.returncode == 0:
            names = [name for name in listing.stdout.split("\0") if name]
            return sorted({Path(name) for name in names if (ROOT / name).is_file()})
    found = []
    for folder, folders, files in os.walk(ROOT):
        folders[:] = [name for name in folders if name not in IGNORED and not name.endswith(".egg-info")]
        found += [(Path(folder) / name).relative_to(ROOT) for name in files]
    return sorted(found)


def is_text(path: Path) -> bool:
    """Whether a file (relative to the root) reads as UTF-8 text."""
    with (ROOT / path).open("rb") as file:
        head = file.read(8192)
    return b"\0" not in head
