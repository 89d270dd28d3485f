"""The worker's request to train, and the same as a command line to be repeated outside QGIS."""

from __future__ import annotations

import os
import shlex

# Only for list2cmdline, which quotes; nothing is started here.
import subprocess  # nosec B404
from typing import Any

SWITCHER, EXPERT, FINETUNE = "switcher", "expert", "finetune"
WHATS = [EXPERT, SWITCHER, FINETUNE]


def train_request(
    what: str,
    tiles: str,
    output: str,
    expert: str | None,
    tune: str | None,
    like: str | None,
    bundle: str | None,
    seconds: float | None,
    epochs: int | None,
    seed: int,
    overwrite: bool,
    resume: bool,
    threads: int | None,
) -> dict[str, Any]:
    """Parameters of the worker's method "train", all of them, in the engine's own order.

    `expert` is a task of the tiles, `tune` and `like` are experts of the bundle, None where not used.
    `bundle` is a folder, None for the model that comes with the plugin.
    """
    return {
        "what": what,
        # Absolute, because the worker does not start in this process's folder.
        "tiles": os.path.abspath(tiles),
        "output": os.path.abspath(output),
        "expert": expert,
        "tune": tune,
        "like": like,
        "bundle": os.path.abspath(bundle) if bundle else None,
        "seconds": None if seconds is None else float(seconds),
        "epochs": epochs,
        "seed": int(seed),
        "overwrite": bool(overwrite),
        "resume": bool(resume),
        "threads": threads,
    }


def train_command(request: dict[str, Any]) -> str:
    """The request as `hydranet train …`."""
    words = ["hydranet", "train", request["what"]]
    expert, tune = request["expert"], request["tune"]
    if expert is not None:
        words += [expert] if tune in (None, expert) else [tune, f"--as={expert}"]
    # --name=value in one word: a value may begin with a minus sign.
    words += [f"--tiles={request['tiles']}", f"--out={request['output']}"]
    given = (name for name in ("bundle", "like", "seconds", "epochs", "threads") if request[name] is not None)
    words += [f"--{name}={request[name]}" for name in given]
    words.append(f"--seed={request['seed']}")
    words += [f"--{name}" for name in ("overwrite", "resume") if request[name]]
    return subprocess.list2cmdline(words) if os.name == "nt" else shlex.join(words)
