"""Which Python the worker gets, and what of QGIS's environment it must not see."""

from __future__ import annotations

from pathlib import Path

import pytest

from hydranet_qgis import environment, paths
from hydranet_qgis.environment import discover, venv_python, worker_environment
from hydranet_qgis.errors import EnvironmentMissing
from hydranet_qgis.setup import store as store_module
from hydranet_qgis.setup.store import Pointer, Store


def _python(folder: Path) -> Path:
    path = venv_python(folder)
    path.parent.mkdir(parents=True)
    path.write_text("")
    return path


def _made(profile: Path, name: str = "one") -> Path:
    store = Store(profile)
    python = _python(store.environments / name)
    store.point_to(Pointer(name, "3.11.2", "2.13.0", "2026-01-01T00:00:00Z", "0"))
    return python


def test_the_order_is_setting_variable_profile_checkout(tmp_path: Path) -> None:
    setting, variable = tmp_path / "a" / "python", tmp_path / "b" / "python"
    for path in (setting, variable):
        path.parent.mkdir()
        path.write_text("")
    checkout, profile, plain = tmp_path / "checkout", tmp_path / "profile", tmp_path / "plain"
    in_checkout = _python(checkout / ".venv")
    made, by_hand = _made(profile), _python(profile / "hydranet" / "venv")
    environ = {"HYDRANET_PYTHON": str(variable)}

    assert discover(str(setting), environ, checkout, profile).path == setting
    assert discover("", environ, checkout, profile).path == variable
    assert discover("", {}, checkout, profile).path == made
    Store(profile).pointer.unlink()
    assert discover("", {}, checkout, profile).path == by_hand
    assert discover("", {}, checkout, plain).path == in_checkout


def test_an_environment_whose_python_is_gone_is_told_and_not_passed_over(tmp_path: Path) -> None:
    _python(tmp_path / ".venv")
    _made(tmp_path).unlink()
    with pytest.raises(
        EnvironmentMissing, match="does not work any more.*Python 3.11.2 was removed.*Set up…"
    ):
        discover("", {}, tmp_path, tmp_path)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        '{"folder": "one"}',
        '{"folder": "../../venv", "python": "", "torch": "", "created": "", "requirements": ""}',
    ],
)
def test_a_pointer_that_cannot_be_read_points_nowhere(tmp_path: Path, text: str) -> None:
    _made(tmp_path)
    store = Store(tmp_path)
    store.pointer.write_text(text)
    assert store.current() is None
    store.remove_others(lambda folder: False)
    assert (store.environments / "one").is_dir(), "nobody can say which one is in use"


def test_the_pointer_is_replaced_as_a_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _made(tmp_path)
    before = Store(tmp_path).current()

    def fail(*_: object) -> None:
        raise OSError("no space")

    monkeypatch.setattr(store_module.os, "replace", fail)
    with pytest.raises(OSError, match="no space"):
        Store(tmp_path).point_to(Pointer("two", "", "", "", ""))
    assert Store(tmp_path).current() == before
    assert sorted(p.name for p in Store(tmp_path).folder.iterdir()) == ["environment.json", "environments"]


def test_a_folder_may_be_given_for_an_environment(tmp_path: Path) -> None:
    python = _python(tmp_path / "venv")
    assert discover(str(tmp_path / "venv"), {}, tmp_path, tmp_path).path == python


def test_a_link_is_not_followed_out_of_its_environment(tmp_path: Path) -> None:
    (tmp_path / "system").write_text("")
    link = venv_python(tmp_path / ".venv")
    link.parent.mkdir(parents=True)
    link.symlink_to(tmp_path / "system")
    assert discover("", {}, tmp_path, tmp_path).path == link


def test_a_wrong_choice_is_an_error_and_not_passed_over(tmp_path: Path) -> None:
    _python(tmp_path / ".venv")
    with pytest.raises(EnvironmentMissing, match="does not exist.*choose a Python"):
        discover(str(tmp_path / "nowhere"), {}, tmp_path, tmp_path)


def test_qgis_itself_is_refused(tmp_path: Path) -> None:
    (tmp_path / "qgis-bin.exe").write_text("")
    with pytest.raises(EnvironmentMissing, match="is QGIS itself"):
        discover(str(tmp_path / "qgis-bin.exe"), {}, tmp_path, tmp_path)


def test_nothing_found_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(EnvironmentMissing, match="Settings > Options > HydraNet > Set up….*HYDRANET_PYTHON"):
        discover("", {}, tmp_path, tmp_path)


def test_qgis_libraries_are_taken_out_of_the_environment() -> None:
    foreign = ("PYTHONPATH", "PYTHONHOME", "QT_PLUGIN_PATH", "QGIS_PREFIX_PATH", "GDAL_DATA", "PROJ_LIB")
    kept = worker_environment(dict.fromkeys([*foreign, "LD_LIBRARY_PATH", "proj_data", "PATH", "HOME"], "x"))
    assert kept == {"PATH": "x", "HOME": "x"}


def test_windows_finds_no_dll_of_qgis_on_the_path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(environment.os, "name", "nt")
    monkeypatch.setattr(environment.os, "pathsep", ";")
    kept = worker_environment({"Path": "/osgeo/bin;/system;/osgeo/apps/qgis/bin"}, "/osgeo")
    assert kept == {"Path": "/system"}


def test_an_installed_plugin_finds_its_own_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "plugins" / "hydranet_qgis"
    (package / "model_core").mkdir(parents=True)
    monkeypatch.setattr(paths, "PACKAGE", package)
    assert paths.worker_entry() == package / "model_core"
    assert paths.default_bundle() == package / "resources" / "bundle"
    (tmp_path / "checkout" / "hydranet_qgis").mkdir(parents=True)
    monkeypatch.setattr(paths, "PACKAGE", tmp_path / "checkout" / "hydranet_qgis")
    assert paths.root() == tmp_path / "checkout"


def test_a_linked_plugin_knows_its_checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "checkout" / "model_core").mkdir(parents=True)
    staged = tmp_path / "staged"
    staged.mkdir()
    (staged / "model_core").symlink_to(tmp_path / "checkout" / "model_core")
    monkeypatch.setattr(paths, "PACKAGE", staged)
    assert paths.checkout() == tmp_path / "checkout"
