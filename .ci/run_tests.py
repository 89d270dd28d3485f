"""Run the tests tier by tier, each in a process of its own, so that QGIS ends without the others.

    .venv/bin/python .ci/run_tests.py [TIER ...] [-- PYTEST ARGUMENTS]

Tiers: core (no QGIS), qgis (QGIS without a window), gui (the real window under Xvfb, the real
qgis_process). Every tier runs even when an earlier one failed. The last line is pytest's closing line: of
the first tier that failed, else of the last one.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
TIERS = ("core", "qgis", "gui")
HANG_S = 2400.0  # a tier that takes this long stands still; only then is it ended

# Only the tier `qgis` runs QGIS in pytest's own process; elsewhere its plugins would start it for nothing.
WITHOUT_QGIS = ("-p", "no:pytest_qgis", "-p", "no:pytest-qt")
# rasterio's wheel and the distribution's GDAL each bring a data folder; one setting suits only one of them.
UNSET = (
    "PROJ_DATA",
    "PROJ_LIB",
    "GDAL_DATA",
    "PYTHONHOME",
    "PYTHONPATH",
    "QGIS_PREFIX_PATH",
    "QGIS_PLUGINPATH",
)


def environment(private: Path) -> dict[str, str]:
    """The variables of a test process: nothing of this user's settings, nothing on this user's screen."""
    env = {key: value for key, value in os.environ.items() if key not in UNSET}
    for name in ("home", "runtime", "tmp"):
        (private / name).mkdir(mode=0o700)
    env.update(
        HOME=str(private / "home"),
        XDG_RUNTIME_DIR=str(private / "runtime"),
        XDG_CONFIG_HOME=str(private / "home" / ".config"),
        XDG_CACHE_HOME=str(private / "home" / ".cache"),
        XDG_DATA_HOME=str(private / "home" / ".local" / "share"),
        TMPDIR=str(private / "tmp"),
        QT_QPA_PLATFORM="offscreen",
        LC_ALL="C.UTF-8",
        PYTHONNOUSERSITE="1",
        PYTHONDONTWRITEBYTECODE="1",
    )
    return env


def run_tier(tier: str, arguments: list[str]) -> tuple[int, str]:
    """Run one tier, passing its output on as it comes.

    Returns:
        The exit code (of a signal: negative) and the last line printed.
    """
    with tempfile.TemporaryDirectory(prefix="hydranet-", ignore_cleanup_errors=True) as private:
        # QGIS takes layers under TMPDIR for temporary ones and asks about them at exit: data lies apart.
        data = ROOT / "build" / "test" / tier
        data.parent.mkdir(parents=True, exist_ok=True)
        command = [sys.executable, "-m", "pytest", f"tests/{tier}", "-p", "tests.nothing_skipped"]
        command += [f"--basetemp={data}", f"--color={'yes' if sys.stdout.isatty() else 'no'}"]
        command += [*(() if tier == "qgis" else WITHOUT_QGIS), *arguments]
        process = subprocess.Popen(
            command,
            cwd=ROOT,
            env=environment(Path(private)),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            start_new_session=True,
        )
        guard = threading.Timer(HANG_S, os.killpg, (process.pid, signal.SIGKILL))
        guard.start()
        last = ""
        try:
            for line in process.stdout or ():
                print(line, end="", flush=True)
                last = line.strip() or last
            return process.wait(), last
        except BaseException:  # Ctrl-C too: the tier is its own session and would go on
            os.killpg(process.pid, signal.SIGKILL)
            raise
        finally:
            guard.cancel()
            # pytest-qgis keeps its profile in the root; the next run shall not find this one's settings.
            shutil.rmtree(ROOT / ".qgis-settings", ignore_errors=True)


def main(arguments: list[str]) -> int:
    """Run the tiers asked for (default: all) and say which failed."""
    cut = arguments.index("--") if "--" in arguments else len(arguments)
    tiers, extra = arguments[:cut] or list(TIERS), arguments[cut + 1 :]
    unknown = [tier for tier in tiers if tier not in TIERS]
    if unknown:
        print(f"tests: found no tier {', '.join(unknown)}; choose from {', '.join(TIERS)}.", file=sys.stderr)
        return 2
    failed: list[tuple[str, int, str]] = []
    for tier in tiers:
        print(f"\n=== tests/{tier}", flush=True)
        code, last = run_tier(tier, extra)
        if code:
            failed.append((tier, code, last))
    if failed:
        print("\ntests: failed: " + ", ".join(f"{tier} (exit code {code})" for tier, code, _ in failed))
        print(failed[0][2], flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit(130)
