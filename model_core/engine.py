"""The road from pixels to blended rows: encode, score, route, decode what was routed, blend, hand out.

A helper thread reads panels of tiles ahead, inference threads encode and decode batches, another helper
writes behind; the thread that calls `run` only directs them and blends. Every stage is bounded, so memory
depends neither on the raster's height nor, but for the seams between rows of tiles, on its width.

Each tile with data is encoded once. Each expert decodes only the tiles routed to it, in batches that may
span rows of tiles. Batches are collected in the order in which they were begun, so an expert's tiles are
blended in tile order whatever the number of threads: no result depends on timing. An expert of objects is
not blended: what it finds in a tile is handed out as it is, in tile order too.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from typing import Any, Protocol

import numpy as np

from .background import ReadAhead
from .backlog import Backlog, Encoded, Order
from .bands import BANDS
from .budget import Limits
from .canvas import Canvas
from .errors import BundleError
from .grid import Tile, TileGrid, blend_weights
from .model import Model
from .objects.check import checked
from .objects.detections import Detections
from .pixel_counts import PixelCounts
from .plan import Plan
from .reading import Panel, PanelReader
from .records import Start, Tally, TileRecord
from .scene_expert import SceneExpertSpec
from .scene_tiles import SceneTiles
from .uncertainty import plane_count

_READ_AHEAD = 2  # panels
STAGES = ("read", "encode", "decode", "blend", "write")


class Progress(Protocol):
    """Hears how many tiles are through."""

    def __call__(self, done: int, total: int) -> None: ...


class Work(Protocol):
    """Which tiles are read, and which experts decode them; a `Plan` is one: all that its policy chooses.

    Attributes:
        scene_expert: to be asked of every tile that is encoded; None = it is not.
    """

    @property
    def scene_expert(self) -> SceneExpertSpec | None: ...

    @property
    def wanted(self) -> np.ndarray:
        """bool (N,): tiles to read, and to encode if they hold data."""

    def serves(self, tiles: Sequence[Tile], scores: np.ndarray) -> list[list[int]]:
        """See `plan.Plan.serves`."""


class Output(Protocol):
    """Takes what the engine finishes."""

    def take(
        self, expert: int, top: int, left: int, sums: np.ndarray, weight: np.ndarray, inside: np.ndarray
    ) -> None:
        """A finished part of an expert's output; the arrays are lent.

        `sums` has as many planes as `uncertainty.plane_count` tells.
        """

    def found(self, tile: Tile, detections: Detections) -> None:
        """What the objects expert found in a tile; tiles come in order, before `rows_above` passes them."""

    def row_done(self, record: TileRecord) -> None:
        """A row of tiles is routed; rows come in order."""

    def rows_above(self, until: int, spent: dict[str, Any]) -> None:
        """No pixel row above `until` will come any more, of no expert; `spent` is the cost so far."""


class Engine:
    """Runs one model over one grid of tiles."""

    def __init__(
        self,
        plan: Plan,
        limits: Limits,
        output: Output,
        start: Start | None = None,
        work: Work | None = None,
    ) -> None:
        """Prepare a run.

        Args:
            plan: scene, model, grid, policy and what may be used.
            limits: threads and memory.
            output: takes the results.
            start: where to begin.
            work: what is to be done of the plan, None = all.
        """
        self._plan, self._limits, self._output = plan, limits, output
        self._work: Work = work or plan
        self._start = start or Start()
        model, grid = plan.model, plan.grid
        self._grid: TileGrid = grid
        self._model: Model = model
        self._weights = blend_weights(grid.size, grid.overlap)
        count, experts = len(grid.tiles), len(model.experts)
        self._scores = np.full((count, experts), np.nan, dtype=np.float32)
        self._valid = np.zeros(count, dtype=np.float64)
        scene = model.scene
        self._scenes = None if scene is None else SceneTiles.unasked(count, len(scene.branches))
        self._counts = [PixelCounts() for _ in range(grid.rows)]
        for record in self._start.records:
            self._recall(record)
        first = self._start.row
        # Planes of each expert's values.
        self._planes = [plane_count(spec, plan.request.uncertainty) for spec in model.experts]
        # Objects are not blended.
        self._canvas = {
            expert: Canvas(planes, grid, partial(self._hand_out, expert), first)
            for expert, (planes, spec) in enumerate(zip(self._planes, model.experts, strict=True))
            if spec.kind != "objects"
        }
        self._backlog = Backlog(experts, limits.batch, limits.kept_tiles)
        # For each expert the rows of its tiles that are not blended yet, in tile order.
        self._open: list[deque[int]] = [deque() for _ in range(experts)]
        self._inside: dict[int, np.ndarray] = {}  # by row of tiles: pixels that get a value, (h, W)
        self._unrouted = [0] * grid.rows  # tiles encoded but not routed yet, by row
        self._read_rows = first  # rows wholly read
        self._closed = first  # rows wholly routed
        self._settled = first  # rows that no expert will touch again
        self._total = int(self._work.wanted.sum())
        # Tiles that need no more encoding.
        self._through = int(self._work.wanted[: first * grid.cols].sum())
        self._flying: deque[tuple[Future[Any], Callable[[Any], None]]] = deque()
        self._decode_seconds = np.array(self._start.spent.get("decode", [0.0] * experts), dtype=np.float64)
        self._seconds = {name: float(self._start.spent.get(name, 0.0)) for name in STAGES if name != "decode"}

    def run(self, progress: Progress, check: Callable[[], None]) -> Tally:
        """Work through all tiles.

        Args:
            progress: told after every batch.
            check: called before every batch and while waiting; raises to stop the run.

        Raises:
            CancelledError: from `check`.
            SceneError, OutputError, BundleError: reading, writing or the model failed.
        """
        plan = self._plan
        reader = PanelReader(
            plan.scene, plan.window, self._grid, self._work.wanted, plan.area, self._limits.panel_tiles
        )
        pool = ThreadPoolExecutor(self._limits.workers, "hydranet-infer", self._model.prepare_thread)
        try:
            with ReadAhead(self._timed(reader.panels(self._start.row)), _READ_AHEAD, check) as panels:
                self._direct(pool, panels, progress, check)
        finally:
            pool.shutdown(wait=True, cancel_futures=True)
        return Tally(
            self._scores,
            plan.decide(self._scores, self._valid > 0, ~self._work.wanted),
            self._valid,
            sum(self._counts, PixelCounts()),
            self._decode_seconds,
            {**self._seconds, "decode": float(self._decode_seconds.sum())},
            self._scenes,
        )

    def _direct(self, pool: ThreadPoolExecutor, panels: Any, progress: Progress, check: Any) -> None:
        waiting: list[tuple[Panel, Tile]] = []

        def advance(most: int) -> None:
            """Collect batches until at most `most` are in the threads."""
            while len(self._flying) > most:
                check()
                future, collect = self._flying.popleft()
                collect(future.result())
                progress(self._through, self._total)
                for order in self._backlog.ready():
                    self._begin_decode(pool, order)
            self._settle()

        def drain() -> None:
            """Do all that waits, in batches that are not full."""
            if waiting:
                self._begin_encode(pool, waiting[:])
                waiting.clear()
            advance(0)
            for order in self._backlog.rest():
                self._begin_decode(pool, order)
            advance(0)

        found = False  # a tile with data in this row of tiles
        for panel in panels:
            check()
            full = self._receive(panel)
            waiting += [(panel, tile) for tile in full]
            while len(waiting) >= self._limits.batch:
                self._begin_encode(pool, waiting[: self._limits.batch])
                del waiting[: self._limits.batch]
                advance(2 * self._limits.workers)
            self._settle()
            found = found or bool(full)
            if panel.last:
                if not found:  # no tile to come soon: nothing may stay open over a large gap
                    drain()
                found = False
        drain()
        progress(self._total, self._total)

    def _timed(self, panels: Any) -> Any:
        """The same panels; counts the time it takes to make them."""
        while True:
            begin = time.perf_counter()
            panel = next(panels, None)
            self._seconds["read"] += time.perf_counter() - begin
            if panel is None:
                return
            yield panel

    def _receive(self, panel: Panel) -> list[Tile]:
        """Note what a panel brings; its tiles that hold data."""
        full = []
        self._note_inside(panel)
        self._counts[panel.row] += panel.counts
        for tile in panel.tiles:
            share = float(panel.pixels(tile)[1].mean())
            self._valid[tile.index] = share
            if share > 0:
                full.append(tile)
        self._unrouted[panel.row] += len(full)
        self._through += len(panel.tiles) - len(full)
        if panel.last:
            self._read_rows = panel.row + 1
        return full

    def _note_inside(self, panel: Panel) -> None:
        """Keep which pixels get a value, also for the rows of tiles below that the panel reaches into.

        A tile there need not be wanted, and what lies over it is handed out with its row all the same.
        """
        grid, height = self._grid, self._grid.tile_height
        columns = slice(panel.x, panel.x + panel.inside.shape[1])
        row, above = panel.row, 0
        while row < grid.rows and above < height:
            if row not in self._inside:
                self._inside[row] = np.zeros((height, grid.width), dtype=bool)
            if panel.tiles:
                self._inside[row][: height - above, columns] |= panel.inside[above:]
            row += 1
            above = grid.top(row) - grid.top(panel.row)

    def _begin_encode(self, pool: ThreadPoolExecutor, batch: list[tuple[Panel, Tile]]) -> None:
        tiles = [tile for _, tile in batch]
        future = pool.submit(self._encode, batch)
        self._flying.append((future, lambda result: self._route(tiles, *result)))

    def _encode(self, batch: list[tuple[Panel, Tile]]) -> tuple[Any, np.ndarray, SceneTiles | None, float]:
        """Features, scores and scenes of a batch; runs in an inference thread."""
        begin = time.perf_counter()
        size = self._grid.size
        # (B, 8, S, S): a raster smaller than a tile leaves invalid pixels at the right and below.
        whole = batch[0][1].height == batch[0][1].width == size
        make = np.empty if whole else np.zeros
        reflectance = make((len(batch), len(BANDS), size, size), dtype=np.float32)
        valid = make((len(batch), size, size), dtype=bool)
        for n, (panel, tile) in enumerate(batch):
            place = np.s_[n, ..., : tile.height, : tile.width]
            reflectance[place], valid[place] = panel.pixels(tile)
        features = self._model.encode(reflectance, self._plan.scene.mapping.available, valid)
        scores = np.asarray(self._model.scores(features), dtype=np.float32)
        expected = (len(batch), len(self._model.experts))
        if scores.shape != expected or not np.isfinite(scores).all():
            raise BundleError(
                f"The model gave scores of shape {scores.shape} or not finite; expected {expected}. "
                "The bundle is damaged, use another one."
            )
        scenes = None if self._work.scene_expert is None else self._look(features, len(batch))
        return features, scores, scenes, time.perf_counter() - begin

    def _look(self, features: Any, count: int) -> SceneTiles:
        """What the scene expert says of a batch."""
        spec = self._work.scene_expert
        found = self._model.scene_scores(features)
        expected = (count, len(spec.classes)), (count, len(spec.branches))
        shapes = found.probability.shape, found.branches.shape
        if shapes != expected or not np.isfinite(found.probability).all():
            raise BundleError(
                f"The scene expert gave values of shapes {shapes} or not finite; expected {expected}. "
                "The bundle is damaged, use another one."
            )
        return SceneTiles.of(found)

    def _route(
        self, tiles: list[Tile], features: Any, scores: np.ndarray, scenes: SceneTiles | None, seconds: float
    ) -> None:
        self._seconds["encode"] += seconds
        chosen = self._work.serves(tiles, scores)
        index = [tile.index for tile in tiles]
        self._scores[index] = scores
        if scenes is not None:
            self._scenes.put(index, scenes)
        for expert, positions in enumerate(chosen):
            self._open[expert].extend(tiles[position].row for position in positions)
        self._backlog.add(Encoded(features, len(tiles)), chosen, tiles)
        for tile in tiles:
            self._unrouted[tile.row] -= 1
        self._through += len(tiles)

    def _begin_decode(self, pool: ThreadPoolExecutor, order: Order) -> None:
        if order.expert in self._canvas:
            future = pool.submit(self._decode, order)
            self._flying.append((future, lambda result: self._blend(order, *result)))
        else:
            future = pool.submit(self._detect, order)
            self._flying.append((future, lambda result: self._collect(order, *result)))

    def _detect(self, order: Order) -> tuple[list[Detections], float]:
        """Objects in the tiles of a batch; runs in an inference thread."""
        spec = self._model.experts[order.expert]
        begin = time.perf_counter()
        found = self._model.detect(spec.name, order.picks)
        seconds = time.perf_counter() - begin
        shape, classes = self._model.objects, len(spec.classes)
        return checked(found, order.tiles, self._grid.size, shape, classes), seconds

    def _collect(self, order: Order, found: list[Detections], seconds: float) -> None:
        self._decode_seconds[order.expert] += seconds
        for tile, detections in zip(order.tiles, found, strict=True):
            self._output.found(tile, detections)
            self._open[order.expert].popleft()

    def _decode(self, order: Order) -> tuple[np.ndarray, float]:
        """Values of a batch; runs in an inference thread."""
        spec = self._model.experts[order.expert]
        begin = time.perf_counter()
        planes = self._planes[order.expert]
        more = planes > spec.channels
        values = np.asarray(self._model.decode(spec.name, order.picks, uncertainty=more))
        seconds = time.perf_counter() - begin
        expected = (len(order.tiles), planes, self._grid.size, self._grid.size)
        # The sum is quick and not finite if any value is not; a sum too large for a float32 is no fault.
        sound = np.isfinite(values.sum()) or np.isfinite(values).all()
        if values.shape != expected or not sound:
            raise BundleError(
                f"Expert '{spec.name}' gave values of shape {values.shape} or not finite; "
                f"expected {expected}. The bundle is damaged, use another one."
            )
        return values, seconds

    def _blend(self, order: Order, values: np.ndarray, seconds: float) -> None:
        self._decode_seconds[order.expert] += seconds
        begin = time.perf_counter()
        canvas = self._canvas[order.expert]
        for tile, value in zip(order.tiles, values, strict=True):
            weights = self._weights[: tile.height, : tile.width]
            canvas.add(tile, value[:, : tile.height, : tile.width], weights)
            self._open[order.expert].popleft()
        self._seconds["blend"] += time.perf_counter() - begin

    def _settle(self) -> None:
        """Close the rows that are routed, and hand out the rows that no expert will touch again."""
        while self._closed < self._read_rows and not self._unrouted[self._closed]:
            self._output.row_done(self._record(self._closed))
            self._closed += 1
        begin = time.perf_counter()
        floors = [rows[0] if rows else self._closed for rows in self._open]
        for expert, canvas in self._canvas.items():
            canvas.finish_rows(floors[expert])
        self._seconds["blend"] += time.perf_counter() - begin
        settled = min(floors)
        if settled > self._settled:
            for row in range(self._settled, settled):
                self._inside.pop(row, None)
            self._settled = settled
            self._output.rows_above(self._grid.top(settled), self._spent())

    def _hand_out(self, expert: int, row: int, left: int, sums: np.ndarray, weight: np.ndarray) -> None:
        height, width = weight.shape
        inside = self._inside[row][:height, left : left + width]
        self._output.take(expert, self._grid.top(row), left, sums, weight, inside)

    def _spent(self) -> dict[str, Any]:
        return {**self._seconds, "decode": self._decode_seconds.tolist()}

    def _record(self, row: int) -> TileRecord:
        part = slice(row * self._grid.cols, (row + 1) * self._grid.cols)
        scenes = None if self._scenes is None else self._scenes.part(part)
        return TileRecord(row, self._valid[part], self._scores[part], self._counts[row], scenes)

    def _recall(self, record: TileRecord) -> None:
        part = slice(record.row * self._grid.cols, (record.row + 1) * self._grid.cols)
        self._valid[part], self._scores[part] = record.valid, record.scores
        self._counts[record.row] = record.counts
        if record.scenes is not None:
            self._scenes.put(part, record.scenes)
