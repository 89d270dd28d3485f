"""What the worker is asked to train on a routerset, as the JSON form of a message."""

from __future__ import annotations

import os
import shlex
import subprocess
from dataclasses import asdict, dataclass, replace
from typing import Any

from ...strict import at_least, need, need_flag, need_number, need_text, strictly

WHATS = ("switcher", "expert", "finetune")


@dataclass(frozen=True)
class TrainRequest:
    """One training.

    Attributes:
        what: `switcher` trains the switcher's rows of the experts that the tiles tell about; `expert` adds an
            expert on the frozen encoder, with a row of its own; `finetune` trains an expert further.
        tiles: folder of the routerset.
        output: folder of the new bundle; the training keeps its checkpoints, curves and figures in
            `<output>/training` (removed from there: nothing; a bundle may hold more files than its own).
        expert: name of the task in the routerset; of `finetune` also of the expert in the bundle, unless
            `tune` names that. Not used by `switcher`.
        tune: of `finetune`, the expert of the bundle to begin with; None = `expert`. If it differs from
            `expert`, the old one stays and a new one is added.
        like: of `expert`, an expert of the bundle whose decoder the new one starts from; None = from scratch.
        bundle: that is extended; None = the one that comes with HydraNet.
        seconds: train for so long at most; None = no limit.
        epochs: at most; None = what suits.
        seed: of everything random.
        overwrite: replace a bundle in the output folder.
        resume: continue an unfinished training of the same request there.
        threads: None = one for each core.

    Raises:
        RequestError: a value of the wrong type, or one that can never work.
    """

    what: str
    tiles: str
    output: str
    expert: str | None = None
    tune: str | None = None
    like: str | None = None
    bundle: str | None = None
    seconds: float | None = None
    epochs: int | None = None
    seed: int = 0
    overwrite: bool = False
    resume: bool = False
    threads: int | None = None

    def __post_init__(self) -> None:
        need("what", self.what, self.what in WHATS, " or ".join(WHATS))
        for name in ("tiles", "output"):
            need_text(name, getattr(self, name))
        for name in ("expert", "tune", "like", "bundle"):
            value = getattr(self, name)
            need(name, value, value is None or (isinstance(value, str) and value != ""), "a text or null")
        named = (self.expert is None) == (self.what == "switcher")
        need("expert", self.expert, named, "the name of a task for expert and finetune, null for switcher")
        need("tune", self.tune, self.tune is None or self.what == "finetune", "null, but for finetune")
        need("like", self.like, self.like is None or self.what == "expert", "null, but for expert")
        fits = self.seconds is None or (type(self.seconds) in (int, float) and 0 < self.seconds < 1e7)
        need("seconds", self.seconds, fits, "seconds above 0, or null")
        need_number("epochs", self.epochs, 1)
        need_number("threads", self.threads, 1)
        need("seed", self.seed, at_least(self.seed, 0), "0 or more")
        for name in ("overwrite", "resume"):
            need_flag(name, getattr(self, name))
        need("resume", self.resume, not (self.resume and self.overwrite), "resume or overwrite, not both")

    @classmethod
    def from_json(cls, data: Any) -> TrainRequest:
        """Read the JSON object of a worker message, strictly.

        Raises:
            RequestError: not an object, an unknown or missing key, or a bad value.
        """
        return strictly(cls, data, {"what", "tiles", "output"})

    def to_json(self) -> dict[str, Any]:
        """The JSON form; `from_json` gives the same request back."""
        return asdict(self)

    def absolute(self) -> TrainRequest:
        """The same request with paths that hold from any current folder."""
        return replace(
            self,
            tiles=os.path.abspath(self.tiles),
            output=os.path.abspath(self.output),
            bundle=None if self.bundle is None else os.path.abspath(self.bundle),
        )

    def command(self) -> str:
        """The command line that does the same, for a shell of this system."""
        words = ["hydranet", "train", self.what, *([] if self.expert is None else [self.expert])]
        words += [f"--tiles={self.tiles}", f"--out={self.output}"]
        if self.tune is not None and self.tune != self.expert:
            words[3:4] = [self.tune, f"--as={self.expert}"]
        for name in ("bundle", "like", "seconds", "epochs", "threads"):
            if getattr(self, name) is not None:
                words.append(f"--{name}={getattr(self, name)}")
        words.append(f"--seed={self.seed}")
        words += [f"--{name}" for name in ("overwrite", "resume") if getattr(self, name)]
        return subprocess.list2cmdline(words) if os.name == "nt" else shlex.join(words)
