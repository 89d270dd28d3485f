"""Run the tests tier by tier, each in a process of its own, so that QGIS ends without the others.

    .venv/bin/python .ci/run_tests.py [TIER ...] [-- PYTEST ARGUMENTS]

Tiers: core (no QGIS), qgis (QGIS without a window), gui (the real window under Xvfb, the real
qgis_process); qgis340 and gui340 are the same tests with QGIS 3.40 (`qgis_next.py`). Every tier runs even
when an earlier one failed. The last line is pytest's closing line: of the first tier that failed, else of
the last one.
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

import qgis_next

ROOT = Path(__file__).resolve().parents[1]
# Folder below tests/ by tier, and whether the second QGIS runs it.
TIERS = {
    "core": ("core", False),
    "qgis": ("qgis", False),
    "gui": ("gui", False),
    "qgis340": ("qgis", True),
    "gui340": ("gui", True),
}
INSTALLED_ONLY = " ".join(tier for tier, (_, second) in TIERS.items() if not second)
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
    "LD_LIBRARY_PATH",
    qgis_next.VARIABLE,
)


def environment(private: Path, tier: str, second: Path | None) -> dict[str, str]:
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
    if second is not None and TIERS[tier][0] == "qgis":  # QGIS in pytest's own process
        env.update(qgis_next.variables(second))
    elif second is not None:  # QGIS is started by the tests
        env[qgis_next.VARIABLE] = str(second)
    return env


def run_tier(tier: str, arguments: list[str], second: Path | None = None) -> tuple[int, str]:
    """Run one tier, passing its output on as it comes.

    Args:
        tier: one of TIERS.
        arguments: handed on to pytest.
        second: root of the QGIS to test with instead of the installed one.

    Returns:
        The exit code (of a signal: negative) and the last line printed.
    """
    with tempfile.TemporaryDirectory(prefix="hydranet-", ignore_cleanup_errors=True) as private:
        # QGIS takes layers under TMPDIR for temporary ones and asks about them at exit: data lies apart.
        data = ROOT / "build" / "test" / tier
        data.parent.mkdir(parents=True, exist_ok=True)
        folder = TIERS[tier][0]
        command = [sys.executable, "-m", "pytest", f"tests/{folder}", "-p", "tests.nothing_skipped"]
        command += [f"--basetemp={data}", f"--color={'yes' if sys.stdout.isatty() else 'no'}"]
        command += [*(() if folder == "qgis" else WITHOUT_QGIS), *arguments]
        process = subprocess.Popen(
            command,
            cwd=ROOT,
            env=environment(Path(private), tier, second),
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
    failed: list[tuple[str, str]] = []
    second = None
    if any(TIERS[tier][1] for tier in tiers):
        try:
            second = qgis_next.fetch()
        except (qgis_next.NoBackport, qgis_next.FetchError, OSError) as error:
            reason = str(error).rstrip(".")
            sentence = f"not tested with QGIS {qgis_next.SERIES}x: {reason}"
            print(f"tests: {sentence}", flush=True)
            # Only somebody's own machine with another distribution may go without, and only unasked.
            if not isinstance(error, qgis_next.NoBackport) or arguments[:cut] or os.environ.get("CI"):
                failed.append((f"{sentence}; the others alone: make test TIERS='{INSTALLED_ONLY}'", ""))
            tiers = [tier for tier in tiers if not TIERS[tier][1]]
    for tier in tiers:
        print(f"\n=== {tier}", flush=True)
        code, closing = run_tier(tier, extra, second if TIERS[tier][1] else None)
        if code:
            failed.append((f"{tier} (exit code {code})", closing))
    if failed:
        print("\ntests: failed: " + ", ".join(what for what, _ in failed))
        print(next((closing for _, closing in failed if closing), ""), flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit(130)
