"""Wherever a process is killed while it puts a run into place, the next one finds a whole run or none."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.core.test_worker import PATIENCE, ROOT, scrubbed


@pytest.mark.skipif(sys.platform == "win32", reason="forks")
def test_every_kill_point_leaves_a_whole_run_or_none(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.core.kill_points", str(tmp_path / "run")],
        cwd=ROOT,
        env=scrubbed(),
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    points = [json.loads(line) for line in done.stdout.splitlines()]
    assert [point["code"] for point in points].count(0) == 2  # each scenario came to its end
    assert len(points) > 30
    assert [point for point in points if point["wrong"] or point["code"] not in (0, 9)] == []
