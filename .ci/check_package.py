"""Unpack the zip and look at it as the plugin repository does: bandit, detect-secrets and flake8.

    .venv/bin/python .ci/check_package.py build/hydranet_qgis-<version>.zip

The repository's own scan blocks a plugin for what bandit calls medium or high and for anything that
detect-secrets finds; flake8 it only reports. Here a single finding of any of them is one too many.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

# Of no weight: subprocess by list and without a shell starts the worker (B404, B603); random numbers draw
# training samples and protect nothing (B311).
BANDIT_SKIPS = "B311,B404,B603"
# The space before a slice's colon: ruff writes it, flake8 dislikes it.
FLAKE8 = ("--isolated", "--max-line-length=110", "--extend-ignore=E203")


def findings(archive: Path) -> list[str]:
    """Everything the three tools find in the unpacked zip: `tool: file:line: what`."""
    with tempfile.TemporaryDirectory(prefix="hn-zip-") as folder:
        with zipfile.ZipFile(archive) as opened:
            opened.extractall(folder)  # noqa: S202 - our own zip
        return [*_bandit(folder), *_secrets(folder), *_flake8(folder)]


def _tool(folder: str, module: str, *arguments: str) -> str:
    """What a tool prints about the folder; only 0 (nothing) and 1 (something found) are its answers."""
    done = subprocess.run(
        [sys.executable, "-m", module, *arguments], cwd=folder, capture_output=True, text=True, check=False
    )
    if done.returncode not in (0, 1) or "Traceback" in done.stderr:
        raise OSError(f"{module} did not run: {done.stderr.strip()}")
    return done.stdout


def _bandit(folder: str) -> Iterator[str]:
    report = json.loads(_tool(folder, "bandit", "-q", "-r", ".", "-f", "json", "--skip", BANDIT_SKIPS))
    for one in report["results"]:
        name = one["filename"].removeprefix("./")
        yield f"bandit: {name}:{one['line_number']}: {one['test_id']} {one['issue_text']}"
    for one in report["errors"]:
        yield f"bandit: {one['filename']}: {one['reason']}"


def _secrets(folder: str) -> Iterator[str]:
    report = json.loads(_tool(folder, "detect_secrets", "scan", "--all-files", "."))
    for name, secrets in report["results"].items():
        for one in secrets:
            yield f"detect-secrets: {name}:{one['line_number']}: {one['type']}"


def _flake8(folder: str) -> Iterator[str]:
    for line in _tool(folder, "flake8", *FLAKE8, ".").splitlines():
        yield f"flake8: {line.removeprefix('./')}"


def main(arguments: list[str]) -> int:
    """Print the findings; 1 if there are any."""
    found = [finding for archive in arguments for finding in findings(Path(archive))]
    for finding in found:
        print(f"package: {finding}", file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
