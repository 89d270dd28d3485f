"""What a request means for this scene and this model: which window, which tiles, which experts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from rasterio.transform import Affine
from rasterio.windows import Window

from .area import Area, load_area
from .errors import RequestError
from .grid import Tile, TileGrid
from .model import Model
from .request import PredictRequest
from .routing import NOT_REQUESTED, OUTSIDE_RESOLUTION, Policy, Routing, decide, effective_thresholds
from .scene import Scene
from .scene_expert import SceneExpertSpec
from .spec import ExpertSpec


@dataclass(frozen=True)
class Plan:
    """Everything that is settled before the first pixel is read.

    Attributes:
        request: with absolute paths, so that it can be run again from anywhere.
        scene: open.
        model: loaded.
        policy: fits the model.
        thresholds: float64 (E,), the score from which a tile belongs to each expert in this run.
        eligible: for each expert None, or why it must not be used.
        scene_expert: the model's, if it is to be asked; None = there is none, or the resolution is not its.
        window: the part of the scene that is covered, and that the outputs cover.
        grid: tiles in pixels of the window.
        area: the mask, or None.
        notes: what the user should know about the choice of experts and the mask.
    """

    request: PredictRequest
    scene: Scene
    model: Model
    policy: Policy
    thresholds: np.ndarray
    eligible: tuple[str | None, ...]
    scene_expert: SceneExpertSpec | None
    window: Window
    grid: TileGrid
    area: Area | None
    notes: tuple[str, ...]

    @property
    def transform(self) -> Affine:
        """From pixels of the window to the scene's CRS."""
        return self.scene.transform * Affine.translation(self.window.col_off, self.window.row_off)

    @cached_property
    def wanted(self) -> np.ndarray:
        """bool (N,): tiles that the mask, if there is one, does not leave out."""
        if self.area is None:
            return np.ones(len(self.grid.tiles), dtype=bool)
        return np.array([self.area.touches(tile) for tile in self.grid.tiles], dtype=bool)

    def decide(self, scores: np.ndarray, has_data: np.ndarray, outside: np.ndarray | None = None) -> Routing:
        """Choose experts for tiles; see `routing.decide`."""
        return decide(scores, self.thresholds, self.eligible, has_data, self.policy, outside)

    def serves(self, tiles: Sequence[Tile], scores: np.ndarray) -> list[list[int]]:
        """Which of these tiles, all with data, each expert is to decode.

        Args:
            tiles: a batch of n.
            scores: float32 (n, E).

        Returns:
            For each expert positions in the batch, in rising order.
        """
        if not self.request.decode:
            return [[] for _ in self.model.experts]
        routing = self.decide(scores, np.ones(len(tiles), dtype=bool))
        return [routing.tiles_of(expert) for expert in range(len(self.model.experts))]


def make_plan(request: PredictRequest, scene: Scene, model: Model) -> Plan:
    """Settle what the request leaves open.

    Raises:
        RequestError: an expert that the model does not have, a top_k beyond the model's experts, an extent
            or a mask outside the raster, or an overlap that the tiles cannot have.
    """
    policy = Policy(request.policy, request.top_k, request.miss_rate)
    policy.check(len(model.experts))
    _check_known(model.experts, request.experts or (), "")
    _check_known(model.experts, request.thresholds or (), "of the thresholds ")
    eligible, notes = _eligibility(model.experts, request, scene.gsd_m)
    asked, about = _scene_expert(model.scene, request, scene.gsd_m)
    notes += about
    thresholds, limits = effective_thresholds(model.experts, policy, eligible, request.thresholds)
    if request.extent is None:
        window = Window(0, 0, scene.width, scene.height)
    else:
        window = scene.window_from_bounds(*request.extent)
    grid = TileGrid(int(window.width), int(window.height), model.tile_size, request.overlap)
    area = None
    if request.mask is not None:
        shift = Affine.translation(window.col_off, window.row_off)
        area = load_area(request.mask, scene.crs, scene.transform * shift, grid.width, grid.height)
        notes = [*notes, *area.notes]
    plan = Plan(
        request, scene, model, policy, thresholds, tuple(eligible), asked, window, grid, area,
        (*notes, *limits),
    )  # fmt: skip
    if not plan.wanted.any():
        raise RequestError(
            f"No pixel of the extent lies inside the polygons of '{request.mask}'; "
            "choose another mask or extent."
        )
    return plan


def _check_known(experts: Sequence[ExpertSpec], asked: Iterable[str], where: str) -> None:
    """Refuse the name of an expert that the model does not have."""
    names = [spec.name for spec in experts]
    for name in asked:
        if name not in names:
            raise RequestError(f"Expert '{name}' {where}is not in the model; it has {', '.join(names)}.")


def _eligibility(
    experts: Sequence[ExpertSpec], request: PredictRequest, gsd_m: float | None
) -> tuple[list[str | None], list[str]]:
    """Why each expert must not be used (None = it may), and what the user should know about that."""
    eligible: list[str | None] = []
    notes = []
    unchecked = False
    for spec in experts:
        why = None
        if request.experts is not None and spec.name not in request.experts:
            why = NOT_REQUESTED
        elif spec.valid_gsd_m is not None and gsd_m is None:
            unchecked = True
        elif not _fits(spec.valid_gsd_m, gsd_m):
            if not request.force_gsd:
                why = OUTSIDE_RESOLUTION
            notes.append(_unfit(f"Expert '{spec.name}'", spec.valid_gsd_m, gsd_m, request.force_gsd))
        eligible.append(why)
    if unchecked:
        notes.append("The scene's pixel size in metres is not known: no expert was left out because of it.")
    return eligible, notes


def _scene_expert(
    spec: SceneExpertSpec | None, request: PredictRequest, gsd_m: float | None
) -> tuple[SceneExpertSpec | None, list[str]]:
    """The scene expert if it is to be asked, and what the user should know about that."""
    if spec is None or gsd_m is None or _fits(spec.valid_gsd_m, gsd_m):
        return spec, []
    note = _unfit("The scene expert", spec.valid_gsd_m, gsd_m, request.force_gsd)
    return (spec if request.force_gsd else None), [note]


def _fits(valid_gsd_m: tuple[float, float] | None, gsd_m: float | None) -> bool:
    """Whether pixels of `gsd_m` (m) are among those that an expert was trained for."""
    return valid_gsd_m is None or (gsd_m is not None and valid_gsd_m[0] <= gsd_m <= valid_gsd_m[1])


def _unfit(who: str, valid_gsd_m: tuple[float, float], gsd_m: float, forced: bool) -> str:
    """What the user should know about an expert for other pixels than the scene's."""
    low, high = valid_gsd_m
    end = "it was used because force_gsd is set." if forced else "it was not used."
    return f"{who} was trained for pixels of {low:g} to {high:g} m, the scene has {gsd_m:.3g} m; {end}"
