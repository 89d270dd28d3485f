"""The road from pixels to blended rows: read a strip, encode, score, route, decode, blend, hand out.

One row of tiles (a strip) is in work at a time; the next one is read and the finished rows of the last
one are written in two helper threads. So memory is bounded by a strip. Each tile is encoded once, and
only if it holds data; each expert decodes only the tiles routed to it, as one batch.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from rasterio.windows import Window

from .bands import BANDS
from .canvas import Canvas, Piece
from .errors import BundleError, CancelledError
from .grid import Tile, TileGrid, blend_weights
from .model import Model
from .routing import NO_DATA, Policy, Routing, decide
from .scene import Scene

# Called with the expert's position, a finished piece and the scene's valid mask (h, w) of that piece.
Sink = Callable[[int, Piece, np.ndarray], None]


class Progress(Protocol):
    """Hears how many tiles are through."""

    def __call__(self, done: int, total: int) -> None: ...


@dataclass(frozen=True)
class Strip:
    """The pixels of one row of tiles; `top` counts in the output raster.

    Attributes:
        reflectance: float32 (8, h, W).
        valid: bool (h, W).
    """

    top: int
    reflectance: np.ndarray
    valid: np.ndarray


@dataclass
class Tally:
    """What the run decided and what it cost.

    Attributes:
        scores: float32 (N, E), NaN for tiles without data.
        routing: ranks and reasons of all N tiles.
        valid: float64 (N,), share of valid pixels.
        encoded: tiles that went through the encoder.
        decode_seconds: float64 (E,), time spent in each expert.
        seconds: time in `read`, `encode` (scoring included), `decode`, `blend` and `write`; reading and
            writing run beside the others.
    """

    scores: np.ndarray
    routing: Routing
    valid: np.ndarray
    encoded: int
    decode_seconds: np.ndarray
    seconds: dict[str, float] = field(default_factory=dict)


class StripReader:
    """Reads strips from top to bottom; rows that two strips share are read from the raster once."""

    def __init__(self, scene: Scene, window: Window) -> None:
        self._scene = scene
        self._window = window
        self._last: Strip | None = None

    def read(self, top: int, height: int) -> Strip:
        """Rows `top` to `top + height` of the window, in full width.

        Raises:
            SceneError: the raster cannot be read.
        """
        width = int(self._window.width)
        reflectance = np.empty((len(BANDS), height, width), dtype=np.float32)
        valid = np.empty((height, width), dtype=bool)
        known = 0
        if self._last is not None:
            known = self._last.top + self._last.valid.shape[0] - top
            if known > 0:
                reflectance[:, :known] = self._last.reflectance[:, -known:]
                valid[:known] = self._last.valid[-known:]
        known = max(known, 0)
        if known < height:
            patch = self._scene.read(
                Window(self._window.col_off, self._window.row_off + top + known, width, height - known)
            )
            reflectance[:, known:], valid[known:] = patch.reflectance, patch.valid
        self._last = Strip(top, reflectance, valid)
        return self._last


class Engine:
    """Runs one model over one grid of tiles."""

    def __init__(
        self,
        model: Model,
        grid: TileGrid,
        policy: Policy,
        eligible: Sequence[str | None],
        batch_size: int = 8,
    ) -> None:
        """Prepare a run.

        Args:
            model: the network; its tile size is the grid's.
            grid: the tiles, in pixels of the output window.
            policy: how experts are chosen.
            eligible: (E,), None or the reason why an expert must not be used.
            batch_size: most tiles encoded at once.
        """
        self._model = model
        self._grid = grid
        self._policy = policy
        self._eligible = list(eligible)
        self._batch_size = batch_size
        self._weights = blend_weights(grid.size, grid.overlap)
        self._thresholds = np.array([spec.threshold for spec in model.experts])
        count, experts = len(grid.tiles), len(model.experts)
        self._scores = np.full((count, experts), np.nan, dtype=np.float32)
        self._rank = np.zeros((count, experts), dtype=np.int8)
        self._reason = np.full((count, experts), NO_DATA, dtype=np.uint8)
        self._valid = np.zeros(count, dtype=np.float64)
        self._canvas: dict[int, Canvas] = {}
        self._encoded = 0
        self._decode_seconds = np.zeros(experts)
        self._seconds = dict.fromkeys(("read", "encode", "decode", "blend", "write"), 0.0)

    def run(
        self,
        scene: Scene,
        window: Window,
        write: Sink,
        progress: Progress,
        cancelled: Callable[[], bool],
    ) -> Tally:
        """Work through all tiles.

        Args:
            scene: where to read.
            window: the part of the scene that the grid covers.
            write: takes finished pieces, row by row of tiles, called in a thread of its own.
            progress: told after every batch.
            cancelled: asked before every batch.

        Raises:
            CancelledError: `cancelled` said so.
            SceneError, OutputError, BundleError: reading, writing or the model failed.
        """
        reader = StripReader(scene, window)
        available = scene.mapping.available
        strips = [self._grid.row_tiles(row) for row in range(self._grid.rows)]
        done, total = 0, len(self._grid.tiles)
        with ThreadPoolExecutor(1, "read") as reading, ThreadPoolExecutor(1, "write") as writing:
            coming = reading.submit(self._timed_read, reader, strips[0])
            going: Future[None] | None = None
            for row, tiles in enumerate(strips):
                strip = coming.result()
                below = strips[row + 1] if row + 1 < len(strips) else None
                if below:
                    coming = reading.submit(self._timed_read, reader, below)
                full = [tile for tile in tiles if self._has_data(tile, strip)]
                done += len(tiles) - len(full)
                for start in range(0, len(full), self._batch_size):
                    if cancelled():
                        raise CancelledError("The run was stopped; nothing was written.")
                    batch = full[start : start + self._batch_size]
                    self._serve(batch, strip, available)
                    done += len(batch)
                    progress(done, total)
                if not full:
                    if cancelled():
                        raise CancelledError("The run was stopped; nothing was written.")
                    progress(done, total)
                finished = self._finish_rows(below[0].y if below else self._grid.height)
                if going is not None:
                    going.result()  # at most one strip waits to be written
                going = writing.submit(self._timed_write, write, finished, strip.valid)
            if going is not None:
                going.result()
        routing = Routing(self._rank, self._reason, self._policy.kind)
        return Tally(
            self._scores, routing, self._valid, self._encoded, self._decode_seconds, dict(self._seconds)
        )

    def _timed_read(self, reader: StripReader, tiles: Sequence[Tile]) -> Strip:
        begin = time.perf_counter()
        strip = reader.read(tiles[0].y, tiles[0].height)
        self._seconds["read"] += time.perf_counter() - begin
        return strip

    def _timed_write(self, write: Sink, finished: list[tuple[int, Piece]], valid: np.ndarray) -> None:
        begin = time.perf_counter()
        for expert, piece in finished:
            # Finished rows always lie in the strip just done: the next one begins where they end.
            height, width = piece.weight.shape
            write(expert, piece, valid[:height, piece.left : piece.left + width])
        self._seconds["write"] += time.perf_counter() - begin

    def _has_data(self, tile: Tile, strip: Strip) -> bool:
        share = strip.valid[: tile.height, tile.x : tile.x + tile.width].mean()
        self._valid[tile.index] = share
        return bool(share > 0)

    def _serve(self, batch: Sequence[Tile], strip: Strip, available: np.ndarray) -> None:
        """Encode a batch once, route it, and let each chosen expert decode its own tiles."""
        size = self._grid.size
        # (B, 8, S, S): a raster smaller than a tile leaves invalid pixels at the right and below.
        reflectance = np.zeros((len(batch), len(BANDS), size, size), dtype=np.float32)
        valid = np.zeros((len(batch), size, size), dtype=bool)
        for n, tile in enumerate(batch):
            columns = slice(tile.x, tile.x + tile.width)
            reflectance[n, :, : tile.height, : tile.width] = strip.reflectance[:, : tile.height, columns]
            valid[n, : tile.height, : tile.width] = strip.valid[: tile.height, columns]

        begin = time.perf_counter()
        features = self._model.encode(reflectance, available, valid)
        scores = np.asarray(self._model.scores(features), dtype=np.float32)
        self._seconds["encode"] += time.perf_counter() - begin
        self._encoded += len(batch)
        expected = (len(batch), len(self._model.experts))
        if scores.shape != expected or not np.isfinite(scores).all():
            raise BundleError(
                f"The model gave scores of shape {scores.shape} or not finite; expected {expected}. "
                "The bundle is damaged, use another one."
            )
        decided = decide(
            scores, self._thresholds, self._eligible, np.ones(len(batch), dtype=bool), self._policy
        )
        numbers = [tile.index for tile in batch]
        self._scores[numbers], self._rank[numbers] = scores, decided.rank
        self._reason[numbers] = decided.reason
        for expert in range(len(self._model.experts)):
            chosen = decided.tiles_of(expert)
            if chosen:
                self._decode(expert, features, [batch[n] for n in chosen], chosen)

    def _decode(self, expert: int, features: object, tiles: Sequence[Tile], index: list[int]) -> None:
        spec = self._model.experts[expert]
        begin = time.perf_counter()
        values = np.asarray(self._model.decode(spec.name, [(features, index)]))  # (n, C, S, S)
        decoded = time.perf_counter()
        expected = (len(index), spec.channels, self._grid.size, self._grid.size)
        if values.shape != expected or not np.isfinite(values.sum(dtype=np.float64)):
            raise BundleError(
                f"Expert '{spec.name}' gave values of shape {values.shape} or not finite; "
                f"expected {expected}. The bundle is damaged, use another one."
            )
        canvas = self._canvas.get(expert)
        if canvas is None:
            canvas = Canvas(spec.channels, self._grid.width, tiles[0].height, tiles[0].y)
            self._canvas[expert] = canvas
        for tile, value in zip(tiles, values, strict=True):
            weights = self._weights[: tile.height, : tile.width]
            canvas.add(tile.x, tile.y, value[:, : tile.height, : tile.width], weights)
        self._seconds["decode"] += decoded - begin
        self._decode_seconds[expert] += decoded - begin
        self._seconds["blend"] += time.perf_counter() - decoded

    def _finish_rows(self, until: int) -> list[tuple[int, Piece]]:
        """Take what lies above row `until` from every canvas."""
        begin = time.perf_counter()
        finished = [(e, piece) for e in sorted(self._canvas) for piece in self._canvas[e].take(until)]
        self._seconds["blend"] += time.perf_counter() - begin
        return finished
