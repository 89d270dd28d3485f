"""`make demo`: the bundled model on the sample scenes, as a user would run it, and pictures of the results.

The plugin runs in the real qgis_process; its run folder is then opened in the real QGIS, on a virtual
screen, with the profile of neither the user nor the desktop touched.
"""

from __future__ import annotations

import json
import shutil
import sys
import time
from pathlib import Path
from typing import Any

from stage import stage
from tree import ROOT

sys.path.insert(0, str(ROOT))

from tests.gui.qgis_home import QgisHome  # noqa: E402 - only now the root is on the path
from tests.gui.window import WindowError, play  # noqa: E402

FOLDER = ROOT / "build" / "demo"


class DemoError(Exception):
    """What went wrong, in one sentence."""


def sample_scenes() -> list[Path]:
    """The scenes that come with the repository."""
    found = sorted((ROOT / "resources" / "sample").glob("*.tif"))
    if not found:
        raise DemoError("resources/sample holds no scene; get the whole repository again.")
    return found


def run_sample(home: QgisHome, scene: Path, folder: Path) -> dict[str, Any]:
    """Run hydranet:predict on a scene into a fresh folder, with bands of uncertainty to look at.

    Returns:
        The run's run.json.
    """
    shutil.rmtree(folder, ignore_errors=True)
    asked = [f"INPUT={scene}", f"OUTPUT_FOLDER={folder}", "UNCERTAINTY=true"]
    done = home.qgis_process("run", "hydranet:predict", "--", *asked)
    if done.code:
        lines = [line for line in (done.out + "\n" + done.err).splitlines() if line.strip()]
        told = [line.removeprefix("ERROR:").strip() for line in lines if line.startswith("ERROR:")]
        raise DemoError("the run failed: " + "\n".join(told or lines[-15:]))
    return json.loads((folder / "run.json").read_text(encoding="utf-8"))


def table(run: dict[str, Any]) -> str:
    """What was routed where: one line per expert."""
    tiles, total = run["tiles"], run["tiles"]["total"]
    lines = [f"  {'expert':<22}{'tiles':>6}{'share':>8}{'seconds':>9}  output"]
    for expert in run["experts"]:
        share = f"{100 * expert['tiles'] / total:.0f} %" if total else "-"
        output = expert["output"] or (f"- ({expert['skipped']})" if expert["skipped"] else "-")
        lines.append(
            f"  {expert['title']:<22}{expert['tiles']:>6}{share:>8}{expert['seconds']:>9.2f}  {output}"
        )
    saved = 100 * run["macs"]["saved_fraction"]
    lines += [
        "",
        f"  {total} tiles: {tiles['routed']} routed, {tiles['abstained']} needed no expert, "
        f"{tiles['empty']} without data.",
        f"  {saved:.0f} % of the arithmetic of running every expert on every tile was saved.",
    ]
    return "\n".join(lines + [f"  Warning: {warning}" for warning in run["warnings"]])


def shorter(path: Path) -> str:
    """The path as seen from the root."""
    return str(path.relative_to(ROOT))


def demonstrate(home: QgisHome, scenes: list[Path]) -> None:
    """Run every scene, show every run."""
    runs = []
    for scene in scenes:
        print(f"\nRunning hydranet:predict on {shorter(scene)} in qgis_process …", flush=True)
        folder = FOLDER / scene.stem
        run = run_sample(home, scene, folder)
        print(f"\n  run folder: {shorter(folder)}\n\n{table(run)}", flush=True)
        picture = FOLDER / f"{scene.stem}.png"
        runs.append({"scene": str(scene), "run": str(folder), "picture": str(picture)})
    print("\nOpening the results in QGIS …\n", flush=True)
    play(home, "show_runs", {"runs": runs}, FOLDER)
    for one in runs:
        print(f"  picture: {shorter(Path(one['picture']))}")


def main() -> int:
    """Run the demo; 1 with one sentence if something is missing."""
    started = time.monotonic()
    try:
        with QgisHome(stage()) as home:
            demonstrate(home, sample_scenes())
    except (DemoError, WindowError, OSError) as error:
        print(f"demo: {error}", file=sys.stderr)
        return 1
    print(f"\nDone in {time.monotonic() - started:.0f} s.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
