"""What the cases share: the model, the scenes, how often and with how many threads."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TypeVar

from model_core.bundle import load_bundle
from model_core.model import Model

from .enlarge import enlarge
from .mosaic import mosaic
from .timing import Say

Job = TypeVar("Job")


@dataclass
class Setting:
    """How to measure.

    Attributes:
        bundle: folder of the model's bundle.
        scenes: the sample scenes, the first one is enlarged.
        folder: where scenes and runs may be written; removed by the caller.
        rounds: how often every case is run.
        times: copies of the first scene each way.
        patches: edge of the mixed scene, in patches of a tile.
        threads: inference threads, of which each computes alone.
        sizes: edges of the generated scenes whose memory is measured, in pixels.
        data: the training pack, whose test split is compared too, or None.
        bands: bands of the scenes.
        say: hears about progress.
    """

    bundle: Path
    scenes: tuple[Path, ...]
    folder: Path
    rounds: int = 5
    times: int = 4
    patches: int = 16
    threads: int = 1
    sizes: tuple[int, ...] = (2048, 8192, 10980)
    data: Path | None = None
    bands: str = "auto"
    say: Say = lambda text: None

    @cached_property
    def model(self) -> Model:
        """The model as a user of this machine gets it, on the CPU."""
        return self.load("auto")

    def load(self, precision: str) -> Model:
        """The model in another precision."""
        return load_bundle(self.bundle, device="cpu", precision=precision)

    @property
    def overlap(self) -> int:
        """Pixels that tiles share, as `predict` has it by default."""
        return self.model.tile_size // 4

    @cached_property
    def enlarged(self) -> Path:
        """The first scene laid out again and again."""
        return enlarge(self.scenes[0], self.times, self.folder / f"enlarged_{self.scenes[0].name}")

    @cached_property
    def mixed(self) -> Path:
        """Patches of all scenes, so that neighbouring tiles need different experts."""
        return mosaic(self.scenes, self.patches, self.model.tile_size, self.folder / "mixed.tif")


def work_through(model: Model, threads: int, jobs: Iterable[Job], work: Callable[[Job], object]) -> None:
    """Let `threads` threads take the jobs one after the other, prepared as the engine prepares its own."""
    prepare = getattr(model, "prepare_thread", None)
    with ThreadPoolExecutor(threads, "bench", initializer=prepare) as pool:
        for _result in pool.map(work, jobs):
            pass
