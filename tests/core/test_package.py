"""The zip: what a user installs with the plugin manager, and what the plugin repository looks at."""

from __future__ import annotations

import re
import sys
import zipfile
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / ".ci"))

from check_package import findings  # noqa: E402 - lies in .ci
from package import LEFT_OUT, PackageError, verify, write  # noqa: E402


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The zip, made once."""
    return write(tmp_path_factory.mktemp("package"))


def test_same_files_give_the_same_bytes(archive: Path, tmp_path: Path) -> None:
    again = write(tmp_path)
    assert again.name == archive.name
    assert again.read_bytes() == archive.read_bytes()
    assert list(tmp_path.iterdir()) == [again]


def test_only_what_the_plugin_needs_is_inside(archive: Path) -> None:
    with zipfile.ZipFile(archive) as opened:
        names = {name.partition("/")[2] for name in opened.namelist()}
    tops = {name.split("/")[0] for name in names}
    assert {"model_core", "resources", "metadata.txt", "LICENSE", "plugin.py"} <= tops
    assert not tops & {"tests", "Makefile", ".ci", "pyproject.toml", "README.md"}
    assert not names & LEFT_OUT


def test_set_up_in_qgis_and_make_setup_take_the_same_torch() -> None:
    root = Path(__file__).resolve().parents[2]
    made = re.search(r'^torch="(torch==\S+)"$', (root / ".ci" / "setup").read_text(), re.MULTILINE)
    pinned = (root / "resources" / "worker-requirements.txt").read_text().splitlines()
    assert made and made[1] in pinned


def test_scanners_of_the_repository_find_nothing(archive: Path) -> None:
    assert findings(archive) == []


def test_scanners_find_what_they_are_there_for(tmp_path: Path) -> None:
    bad = tmp_path / "bad.zip"
    lines = ["import os", "", f"KEY = 'AKIA{'Z1X2' * 4}'", "os.system('echo ' + KEY)", "x=1", ""]
    with zipfile.ZipFile(bad, "w") as opened:
        opened.writestr("hydranet_qgis/a.py", "\n".join(lines))
    found = " ".join(findings(bad))
    assert "bandit: hydranet_qgis/a.py:4: B605" in found
    assert "detect-secrets: hydranet_qgis/a.py:3: AWS Access Key" in found
    assert "flake8: hydranet_qgis/a.py:5:2: E225" in found


@pytest.mark.parametrize(
    ("remove", "add", "expected"),
    [
        ("LICENSE", "", "lacks LICENSE"),
        ("resources/bundle/model.json", "", "lacks resources/bundle/model.json"),
        ("", "model_core/engine.pyc", "must not be in the zip"),
        ("", "../elsewhere.py", "lies outside"),
    ],
)
def test_what_the_repository_would_refuse_is_found(
    archive: Path, tmp_path: Path, remove: str, add: str, expected: str
) -> None:
    changed = tmp_path / "changed.zip"
    with zipfile.ZipFile(archive) as old, zipfile.ZipFile(changed, "w") as new:
        for name in old.namelist():
            if name != f"hydranet_qgis/{remove}":
                new.writestr(name, old.read(name))
        if add:
            new.writestr(add.removeprefix("../") if add.startswith("../") else f"hydranet_qgis/{add}", b"")
    with pytest.raises(PackageError, match=expected):
        verify(changed)
