"""The zip: what a user installs with the plugin manager."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest
from package import PackageError, verify, write

from .qgis_home import QgisHome


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
        tops = {name.split("/")[1] for name in opened.namelist()}
    assert {"model_core", "resources", "metadata.txt", "LICENSE", "plugin.py"} <= tops
    assert not tops & {"tests", "Makefile", ".ci", "pyproject.toml", "README.md"}


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


def test_unpacked_zip_works_as_a_plugin(archive: Path, sample: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(archive) as opened:
        opened.extractall(tmp_path / "plugins")  # noqa: S202 - our own zip
    with QgisHome(tmp_path / "plugins") as installed:
        job = (f"INPUT={sample}", f"OUTPUT_FOLDER={tmp_path / 'run'}")
        done = installed.qgis_process("--json", "run", "hydranet:predict", "--", *job)
    assert done.code == 0, done.out + done.err
    assert (tmp_path / "run" / "run.json").is_file()
