"""A finished run as a reroute needs it: what run.json tells of it, checked."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from .errors import OutputError
from .pixel_counts import PixelCounts
from .plan import Plan
from .request import PredictRequest
from .rundir import files_of, read_run
from .spec import ExpertSpec
from .summary import band_record, place
from .uncertainty import TOTAL
from .writer import Counts

_WORDS = {
    "scene": "size or place",
    "window": "covered part",
    "grid": "tiling",
    "band_mapping": "band mapping",
    "radiometry": "radiometry",
}


@dataclass(frozen=True)
class OldRaster:
    """What an expert left in the run, pixels or objects; a `summary.Raster`.

    Attributes:
        spec: the expert.
        counts: what its raster holds.
        used: whether there is a raster.
        uncertainty_bands: number of the band of each uncertainty.
        tiles: that went to it.
        seconds: that decoding them takes.
        found: of an objects expert the number of objects by class; None for every other.
    """

    spec: ExpertSpec
    counts: Counts
    used: bool
    uncertainty_bands: dict[str, int]
    tiles: int
    seconds: float
    found: dict[str, int] | None = None


@dataclass(frozen=True)
class PreviousRun:
    """A finished run.

    Attributes:
        folder: where it is.
        summary: its run.json.
        request: it was made with.
        created: when it was made.
        policy: as run.json tells it.
        decoded: whether its chosen experts were run.
        sha256, precision: of its model.
        counts: odd pixels met.
        seconds: by stage, and in total.
        reroutes: what was done to it since.
    """

    folder: Path
    summary: dict[str, Any]
    request: PredictRequest
    created: str
    policy: dict[str, Any]
    decoded: bool
    sha256: str
    precision: str
    counts: PixelCounts
    seconds: dict[str, float]
    reroutes: list[dict[str, Any]]

    @classmethod
    def read(cls, folder: Path) -> PreviousRun:
        """Read a folder's run.json.

        Raises:
            OutputError: there is none, it is damaged or too old, or a file that it names is gone.
        """
        run = read_run(folder)
        request = PredictRequest.from_json(run.get("request"))
        try:
            found = cls(
                folder, run, request, str(run["created"]), dict(run["policy"]), run["decoded"] is True,
                str(run["model"]["sha256"]), str(run["model"]["precision"]),
                PixelCounts.from_dict(run["pixel_counts"]),
                {name: float(value) for name, value in run["seconds"].items()},
                [dict(told) for told in run["reroutes"]],
            )  # fmt: skip
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise _incomplete(folder, error) from error
        if "total" not in found.seconds:
            raise _incomplete(folder, KeyError("seconds.total"))
        gone = [name for name in files_of(run) if not (folder / name).is_file()]
        if gone:
            raise OutputError(f"The run in '{folder}' lacks {gone[0]}; run the prediction again.")
        return found

    def check(self, plan: Plan) -> None:
        """Make sure that scene, model and options mean to a plan what they meant to the run.

        Raises:
            OutputError: they do not.
        """
        if plan.model.sha256 != self.sha256:
            raise OutputError(
                f"The run in '{self.folder}' was made with another model than the bundle holds now; "
                "run the prediction again."
            )
        if plan.model.precision != self.precision:
            # Scores are too close to tell, and one raster would hold values of both.
            raise OutputError(
                f"The run in '{self.folder}' was computed in {self.precision}, and would be changed in "
                f"{plan.model.precision} here; change it on a machine like the one that made it, or run the "
                "prediction again."
            )
        now = {
            **place(plan),
            "band_mapping": band_record(plan.scene),
            "radiometry": plan.scene.radiometry.as_dict(),
        }
        for name, value in json.loads(json.dumps(now)).items():
            if self.summary.get(name) != value:
                raise OutputError(
                    f"'{plan.request.input}' is not what it was when the run was made: its {_WORDS[name]} "
                    "differs; run the prediction again."
                )

    def check_tiles(self, rasters: Sequence[OldRaster], chosen: np.ndarray) -> None:
        """Make sure that the routing table tells of the tiles that went to the experts, bool (N, E).

        Raises:
            OutputError: somebody has edited it, or run.json.
        """
        if [raster.tiles for raster in rasters] != chosen.sum(axis=0).tolist():
            raise OutputError(
                f"The routing table in '{self.folder}' sends other tiles to the experts than run.json tells, "
                "as one of them was edited; run the prediction again."
            )

    def check_scenes(self, label: np.ndarray, asked: np.ndarray) -> None:
        """Make sure that the routing table has a scene, int (N,) or -1, for the tiles asked of, bool (N,).

        Raises:
            OutputError: somebody has edited it.
        """
        if not np.array_equal(label >= 0, asked):
            raise OutputError(
                f"The routing table in '{self.folder}' has scenes for other tiles than it should, as it was "
                "edited; run the prediction again."
            )

    def rasters(self, experts: Sequence[ExpertSpec]) -> list[OldRaster]:
        """What each expert left.

        Raises:
            OutputError: run.json does not tell.
        """
        try:
            told = {item["name"]: item for item in self.summary["experts"]}
            return [_raster(spec, told[spec.name]) for spec in experts]
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise _incomplete(self.folder, error) from error


def _raster(spec: ExpertSpec, told: dict[str, Any]) -> OldRaster:
    found = None
    classes: list[int] = []
    if spec.kind == "objects":
        found = {item.name: int(told["objects"]["by_class"][item.name]) for item in spec.classes}
    else:
        classes = [int(told["class_pixels"][str(item.value)]) for item in spec.classes]
    return OldRaster(
        spec,
        Counts(int(told["pixels"]), classes),
        told["output"] is not None,
        _bands(told),
        int(told["tiles"]),
        float(told["seconds"]),
        found,
    )


def _bands(told: dict[str, Any]) -> dict[str, int]:
    """Numbers of the uncertainty bands; runs made before there were several tell of one."""
    if "uncertainty_bands" in told:
        return {str(name): int(number) for name, number in told["uncertainty_bands"].items()}
    band = told["uncertainty_band"]
    return {} if band is None else {TOTAL: int(band)}


def _incomplete(folder: Path, error: Exception) -> OutputError:
    what = f"'{error.args[0]}'" if isinstance(error, KeyError) else str(error)
    return OutputError(
        f"The run.json in '{folder}' does not tell what a reroute needs ({what}), as it is damaged or of an "
        "older HydraNet; run the prediction again."
    )
