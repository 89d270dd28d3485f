"""The project's own checks find what they are there to find."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / ".ci"))

import check_tree  # noqa: E402 - lies in .ci
import run_tests  # noqa: E402
import stage  # noqa: E402


def run_pytest(folder: Path, test: str) -> tuple[int, str]:
    """Run one test file as `make test` does; exit code and closing line."""
    (folder / "test_it.py").write_text("import pytest\n" + test, encoding="utf-8")
    command = [
        sys.executable,
        "-m",
        "pytest",
        str(folder),
        "-p",
        "tests.nothing_skipped",
        "-p",
        "no:cacheprovider",
    ]
    command += ["-c", str(ROOT / "pyproject.toml"), *run_tests.WITHOUT_QGIS]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout.strip().splitlines()[-1]


@pytest.mark.parametrize(
    ("test", "closing"),
    [
        ("@pytest.mark.skip(reason='no QGIS')\ndef test_a(): pass\n", "1 error"),
        ("def test_a(): pytest.skip('no bundle')\n", "1 failed"),
        ("pytest.importorskip('no_such_module')\ndef test_a(): pass\n", "1 error"),
    ],
)
def test_a_skipped_test_fails_the_run(tmp_path: Path, test: str, closing: str) -> None:
    code, last = run_pytest(tmp_path, test)
    assert code != 0
    assert closing in last


def test_a_test_of_the_training_data_may_be_skipped(tmp_path: Path) -> None:
    skipped = "@pytest.mark.needs_pack\n@pytest.mark.skip(reason='no data')\ndef test_a(): pass\n"
    code, last = run_pytest(tmp_path, skipped + "def test_b(): pass\n")
    assert code == 0
    assert "1 passed, 1 skipped" in last


def test_an_expected_failure_stays_one(tmp_path: Path) -> None:
    code, last = run_pytest(tmp_path, "@pytest.mark.xfail\ndef test_a(): raise ValueError\n")
    assert code == 0
    assert "1 xfailed" in last


@pytest.mark.parametrize(
    ("path", "code", "expected"),
    [
        ("hydranet_qgis/a.py", "def f():\n    import torch", "must not import torch"),
        ("hydranet_qgis/a.py", "from model_core import grid", "must not import model_core"),
        ("hydranet_qgis/a.py", "import PyQt5.QtCore", "must not import PyQt5"),
        (
            "hydranet_qgis/a.py",
            "try:\n    import numpy as np\nexcept ImportError:\n    raise",
            "numpy is imported",
        ),
        ("hydranet_qgis/a.py", "class A:\n    import numpy", "numpy is imported"),
        ("model_core/a.py", "import qgis.core", "must not import qgis"),
        ("model_core/a.py", "from pickle import loads", "runs code from data"),
    ],
)
def test_forbidden_imports_are_found(path: str, code: str, expected: str) -> None:
    found = list(check_tree.check_imports(Path(path), ast.parse(code)))
    assert len(found) == 1
    assert expected in found[0]


def test_numpy_inside_a_function_is_fine() -> None:
    code = "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import numpy\ndef f():\n    import numpy"
    assert list(check_tree.check_imports(Path("hydranet_qgis/a.py"), ast.parse(code))) == []


@pytest.mark.parametrize(
    "code", ["eval(x)", "torch.load(p)", "run(c, shell=True)", "np.load(p, allow_pickle=True)", "assert x"]
)
def test_unsafe_calls_are_found(code: str) -> None:
    assert len(list(check_tree.check_calls(Path("model_core/a.py"), ast.parse(code)))) == 1


def test_methods_named_like_unsafe_calls_are_fine() -> None:
    code = "model.eval(); dialog.exec(); run(c, shell=False)"
    assert list(check_tree.check_calls(Path("model_core/a.py"), ast.parse(code))) == []


@pytest.mark.parametrize("folder", ["home/someone/", "root/x", "work/main/", "Users/someone/"])
def test_folders_of_one_machine_are_found_everywhere(folder: str) -> None:
    assert list(check_tree.check_paths(Path("tests/a.py"), f'PATH = "/{folder}"'))


def test_folders_of_the_system_are_found_in_shipped_files_only() -> None:
    line = 'PATH = "/' + 'tmp/x"'
    assert list(check_tree.check_paths(Path("model_core/a.py"), line))
    assert not list(check_tree.check_paths(Path("tests/a.py"), line))
    assert not list(
        check_tree.check_paths(Path("README.md"), "see resources/home/page and https://example.org/tmp/x")
    )


def test_foreign_names_on_the_top_level_are_found() -> None:
    found = list(check_tree.check_places([Path("notes.txt"), Path("model_core/a.py")]))
    assert len(found) == 1
    assert found[0].startswith("notes.txt")


def test_staged_plugin_has_what_qgis_looks_for() -> None:
    plugin = stage.stage() / stage.PLUGIN
    for name in ("__init__.py", "metadata.txt", "model_core/__init__.py", "resources", "LICENSE"):
        assert (plugin / name).exists(), name
    stray = plugin / "removed.py"
    stray.symlink_to(ROOT / "hydranet_qgis" / "removed.py")
    stage.stage()
    assert not stray.is_symlink()


def test_unknown_tier_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_tests.main(["gui", "fast"]) == 2
    assert "no tier fast" in capsys.readouterr().err
