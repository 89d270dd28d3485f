"""The zip of `make package` as a user gets it: unpacked, and through QGIS's own plugin installer."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest
from package import write

from .qgis_home import QgisHome
from .window import play


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The zip, made once."""
    return write(tmp_path_factory.mktemp("package"))


def test_unpacked_zip_works_as_a_plugin(archive: Path, sample: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(archive) as opened:
        opened.extractall(tmp_path / "plugins")  # noqa: S202 - our own zip
    with QgisHome(tmp_path / "plugins") as installed:
        job = (f"INPUT={sample}", f"OUTPUT_FOLDER={tmp_path / 'run'}")
        done = installed.qgis_process("--json", "run", "hydranet:predict", "--", *job)
    assert done.code == 0, done.out + done.err
    assert (tmp_path / "run" / "run.json").is_file()


def test_zip_installs_over_itself_and_leaves_nothing_behind(archive: Path, tmp_path: Path) -> None:
    job = {"zip": str(archive), "picture": str(tmp_path / "dock.png")}
    with QgisHome(None) as fresh:
        seen = play(fresh, "installer:install_upgrade_uninstall", job, tmp_path)
    nothing = seen["before"]
    assert not nothing["folder"] and not nothing["active"] and nothing["menu"] == []
    installed = seen["installed"]
    assert installed["active"] and installed["switched_on"] and installed["from_profile"]
    assert "hydranet:predict" in installed["algorithms"]
    assert installed["docks"] == 1 and installed["menu"]
    assert seen["picture"]["colours"] > 5
    assert seen["upgraded"] == installed
    assert seen["replaced"], "the second installation left the old plugin running"
    assert seen["uninstalled"] == nothing
    assert seen["dialogs"] == []
    assert seen["exit_code"] == 0
    log = (tmp_path / "install_upgrade_uninstall.log").read_text(errors="replace")
    assert "Traceback" not in log, log
