"""The second QGIS of the tests: fetched once and whole, and never left out without a word."""

from __future__ import annotations

import platform
import sys
from pathlib import Path

import pytest

from tests import which_qgis

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / ".ci"))

import qgis_next  # noqa: E402 - lies in .ci
import run_tests  # noqa: E402


@pytest.fixture
def played(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, Path | None]]:
    """Tiers that would have run, and the QGIS they would have run with."""
    tiers: list[tuple[str, Path | None]] = []
    monkeypatch.delenv("CI", raising=False)

    def run_tier(tier: str, _: list[str], second: Path | None) -> tuple[int, str]:
        tiers.append((tier, second))
        return 0, "1 passed"

    monkeypatch.setattr(run_tests, "run_tier", run_tier)
    return tiers


@pytest.fixture
def elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """A distribution that offers no second QGIS."""
    system = {"ID": "ubuntu", "VERSION_ID": "24.04", "PRETTY_NAME": "Ubuntu 24.04 LTS"}
    monkeypatch.setattr(platform, "freedesktop_os_release", lambda: system)


@pytest.fixture
def debian(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Debian 12 without anything fetched yet; the folder it would go to."""
    system = {"ID": "debian", "VERSION_ID": "12"}
    monkeypatch.setattr(platform, "freedesktop_os_release", lambda: system)
    monkeypatch.setattr(qgis_next.shutil, "which", lambda name: name)
    monkeypatch.setattr(qgis_next, "ROOT", tmp_path)
    monkeypatch.setattr(qgis_next, "FOLDER", tmp_path / "next")
    return tmp_path / "next"


def test_every_tier_runs_with_the_qgis_it_is_meant_for(
    played: list[tuple[str, Path | None]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(qgis_next, "fetch", lambda: Path("next"))
    assert run_tests.main([]) == 0
    second = Path("next")
    assert played == [("core", None), ("qgis", None), ("gui", None), ("qgis340", second), ("gui340", second)]


def test_another_distribution_goes_without_and_says_so(
    elsewhere: None, played: list[tuple[str, Path | None]], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_tests.main([]) == 0
    assert [tier for tier, _ in played] == ["core", "qgis", "gui"]
    assert "not tested with QGIS 3.40.x: Ubuntu 24.04 LTS has no package" in capsys.readouterr().out


@pytest.mark.parametrize(("variable", "asked"), [("1", []), ("", ["gui340"])])
def test_neither_ci_nor_who_asks_for_it_goes_without(
    elsewhere: None,
    played: list[tuple[str, Path | None]],
    monkeypatch: pytest.MonkeyPatch,
    variable: str,
    asked: list[str],
) -> None:
    monkeypatch.setenv("CI", variable)
    assert run_tests.main(asked) == 1


def test_a_fetch_that_fails_fails_the_tests_and_the_other_tiers_run(
    debian: Path,
    played: list[tuple[str, Path | None]],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def no_connection(_: Path) -> list[Path]:
        raise qgis_next.FetchError("could not read the package lists: no connection.")

    monkeypatch.setattr(qgis_next, "_download", no_connection)
    assert run_tests.main([]) == 1
    assert [tier for tier, _ in played] == ["core", "qgis", "gui"]
    assert "no connection; the others alone: make test TIERS='core qgis gui'" in capsys.readouterr().out


def test_what_does_not_start_is_never_used(debian: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def unpack(command: list[str], _: str) -> str:
        Path(command[-1]).mkdir(parents=True)
        return ""

    monkeypatch.setattr(qgis_next, "_download", lambda folder: [folder / "qgis.deb"])
    monkeypatch.setattr(qgis_next, "_call", unpack)
    monkeypatch.setattr(qgis_next, "version", lambda root: "libgdal.so.32: cannot open")
    with pytest.raises(qgis_next.FetchError, match=r"libgdal\.so\.32"):
        qgis_next.fetch()
    assert [path.name for path in debian.iterdir()] == ["lock"]
    monkeypatch.setattr(qgis_next, "version", lambda root: "3.40.6-Bratislava")
    assert qgis_next.fetch() == debian / "root"
    monkeypatch.setattr(qgis_next, "_download", lambda folder: pytest.fail("fetched once more"))
    assert qgis_next.fetch() == debian / "root"


def test_programs_and_python_are_looked_for_below_the_root(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    deep = tmp_path / "usr" / "lib" / "x86_64-linux-gnu" / "pulseaudio"
    for folder in (deep, tmp_path / "usr" / "bin"):
        folder.mkdir(parents=True)
    (deep / "libpulsecommon-16.1.so").touch()
    for name in ("qgis", "qgis.bin"):
        (tmp_path / "usr" / "bin" / name).touch(mode=0o755)
    monkeypatch.delenv(which_qgis.VARIABLE, raising=False)
    assert which_qgis.variables() == {}
    monkeypatch.setenv(which_qgis.VARIABLE, str(tmp_path))
    assert str(deep) in which_qgis.variables()["LD_LIBRARY_PATH"].split(":")
    assert which_qgis.program("qgis") == str(tmp_path / "usr" / "bin" / "qgis.bin")
    with pytest.raises(FileNotFoundError, match=r"qgis_process is not in .*bin"):
        which_qgis.program("qgis_process")
