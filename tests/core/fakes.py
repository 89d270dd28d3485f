"""A model small enough to reason about, and helpers to run it: no torch, every call counted."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from scipy import ndimage

from model_core.objects.detections import Detections
from model_core.objects.spec import ObjectsSpec
from model_core.predict import predict
from model_core.request import PredictRequest
from model_core.scene_expert import SceneExpertSpec, SceneScores
from model_core.spec import ClassSpec, ExpertSpec, Macs

Scores = Callable[[np.ndarray, np.ndarray], np.ndarray]

IDENTITY = ExpertSpec("identity", "Identity", "density", 8, threshold=0.5)
BRIGHT = ExpertSpec(
    "bright", "Bright ground", "classes", 3,
    (ClassSpec(0, "dark", None), ClassSpec(1, "grey", "#888888"), ClassSpec(2, "bright", "#ffee00")),
    threshold=0.4,
)  # fmt: skip
GREEN = ExpertSpec("green", "Greenness", "probability", 1, threshold=0.6)
METRES = ExpertSpec("metres", "Height", "density", 1, unit="m", threshold=0.5)
ALL = (IDENTITY, BRIGHT, GREEN, METRES)

HYDRA = ExpertSpec("hydra", "Hydra", "classes", 3, BRIGHT.classes, threshold=0.4, heads=3)
GREENS = ExpertSpec("greens", "Hydra of greenness", "probability", 1, threshold=0.6, heads=2)
HEADED = (IDENTITY, HYDRA, GREENS, BRIGHT)
PLACES = SceneExpertSpec(
    "Places", ("dim", "plain", "vivid", "glaring"), ((0, 2), (1,), (3,)), k=2, temperature=1.5,
    valid_gsd_m=(5.0, 30.0), level=1, width=8, depth=1, macs_common=7, macs_branch=20,
)  # fmt: skip

OBJECTS = ExpertSpec(
    "objects", "Objects", "objects", 2,
    (ClassSpec(0, "ship", "#e4572e"), ClassSpec(1, "building", "#8b5cf6")), threshold=0.5,
)  # fmt: skip
FINDS = ObjectsSpec(
    "objects", "full", queries=50, memory_width=8, width=8, layers=2, groups=4, experts=16, top_groups=2,
    top_experts=2, hidden=8, thresholds=(0.4, 0.6),
)  # fmt: skip
WITH_OBJECTS = (BRIGHT, GREEN, OBJECTS)


class FakeModel:
    """Decodes by plain arithmetic on the reflectance, tile by tile, so no batch can leak into a result.

    Attributes:
        encoded: size of every batch encoded.
        decoded: (expert, number of tiles) of every decode.
        looked: number of tiles of every call of the scene expert.
    """

    id, version, sha256 = "fake", "1.0", "f" * 64
    objects: ObjectsSpec | None = None
    device, precision = "cpu", "fp32"
    default_batch, max_workers = 4, None

    def __init__(
        self,
        experts: Sequence[ExpertSpec] = (IDENTITY,),
        tile_size: int = 32,
        scores: Scores | None = None,
        scene: SceneExpertSpec | None = None,
    ) -> None:
        self.experts = tuple(experts)
        self.tile_size = tile_size
        self.scene = scene
        self.macs = Macs(
            1000, 10, {spec.name: 100 * (i + 1) for i, spec in enumerate(self.experts)},
            47 if scene else 0,
        )  # fmt: skip
        self.encoded: list[int] = []
        self.decoded: list[tuple[str, int]] = []
        self.looked: list[int] = []
        self.on_encode: Callable[[], None] = lambda: None
        self._scores = scores or (lambda pixels, valid: np.ones((len(pixels), len(self.experts))))

    def prepare_thread(self) -> None:
        pass

    def tile_bytes(self) -> int:
        return 40 * self.tile_size**2

    def feature_bytes(self) -> int:
        return 36 * self.tile_size**2

    def encode(self, reflectance: np.ndarray, available: np.ndarray, valid: np.ndarray) -> Any:
        size = self.tile_size
        assert reflectance.dtype == np.float32 and reflectance.shape[1:] == (8, size, size)
        assert valid.dtype == bool and valid.shape == (len(reflectance), size, size)
        assert available.dtype == bool and available.shape == (8,)
        assert valid.any(axis=(1, 2)).all(), "a tile without data was encoded"
        assert (reflectance[~np.broadcast_to(valid[:, None], reflectance.shape)] == 0).all()
        self.on_encode()
        self.encoded.append(len(reflectance))
        return reflectance, valid

    def scores(self, features: Any) -> np.ndarray:
        return np.asarray(self._scores(*features), dtype=np.float32)

    def scene_scores(self, features: Any) -> SceneScores:
        """By the mean over the tile; the branches are those of the two classes nearest to it."""
        means = np.stack([one.astype(np.float64).mean() for one in features[0]])
        self.looked.append(len(means))
        centres = np.linspace(0.05, 0.35, len(self.scene.classes))
        near = np.exp(-np.abs(means[:, None] - centres) * 20)
        branches = np.zeros((len(means), len(self.scene.branches)), dtype=bool)
        for row, order in zip(branches, np.argsort(-near, axis=1), strict=True):
            for number, group in enumerate(self.scene.branches):
                row[number] = bool(set(group) & set(order[:2].tolist()))
        return SceneScores((near / near.sum(axis=1, keepdims=True)).astype(np.float32), branches)

    def decode(
        self, name: str, picks: Sequence[tuple[Any, Sequence[int]]], *, uncertainty: bool = False
    ) -> np.ndarray:
        pixels = [features[0][n] for features, index in picks for n in index]
        self.decoded.append((name, len(pixels)))
        spec = next(spec for spec in self.experts if spec.name == name)
        if spec.heads == 1:
            return np.stack([self._one(spec, one) for one in pixels])
        return np.stack([self._heads(spec, one, uncertainty) for one in pixels])

    def _heads(self, spec: ExpertSpec, pixels: np.ndarray, uncertainty: bool) -> np.ndarray:
        """Each head sees the tile a little brighter than the one before."""
        heads = np.stack([self._one(spec, pixels * np.float32(1 + 0.3 * m)) for m in range(spec.heads)])
        mean = heads.mean(axis=0, dtype=np.float32)
        if not uncertainty:
            return mean
        both = heads if spec.kind == "classes" else np.concatenate([heads, 1 - heads], axis=1)
        logs = np.log(np.maximum(both, 1e-30))
        entropy = -(both * logs).sum(axis=1).mean(axis=0) / np.log(both.shape[1])
        return np.concatenate([mean, entropy[None]]).astype(np.float32)

    @staticmethod
    def _one(spec: ExpertSpec, pixels: np.ndarray) -> np.ndarray:
        if spec.name == "identity":
            return pixels
        mean = pixels.mean(axis=0)
        if spec.kind == "classes":
            centres = np.linspace(0.0, 0.6, spec.channels, dtype=np.float32)
            closeness = np.exp(-((mean[None] - centres[:, None, None]) ** 2) / 0.01) + 1e-6
            return closeness / closeness.sum(axis=0)
        if spec.kind == "probability":
            return np.clip(pixels[2:3] * 2, 0, 1)
        return np.repeat(mean[None] * 100, spec.channels, axis=0)


class FakeFinder(FakeModel):
    """A model with an objects expert, which finds what is bright and shut in by what is dark.

    Every connected part of a tile with a reflectance of 0.8 or more in the third band is an object. The band
    is its score, the second tells its class (0.5 and more: the second). So each tile sees the visible part
    exactly, and nothing else has a say.

    Attributes:
        searched: reflectance of each tile that was searched, as bytes, in the order of the calls.
        spoil: changes what is found, for tests of what is refused.
    """

    def __init__(
        self,
        experts: Sequence[ExpertSpec] = WITH_OBJECTS,
        tile_size: int = 32,
        scores: Scores | None = None,
        finds: ObjectsSpec = FINDS,
    ) -> None:
        super().__init__(experts, tile_size, scores)
        self.objects = finds
        self.searched: list[bytes] = []
        self.on_detect: Callable[[], None] = lambda: None
        self.spoil: Callable[[list[Detections]], Any] = lambda found: found

    def detect(self, name: str, picks: Sequence[tuple[Any, Sequence[int]]]) -> list[Detections]:
        assert name == self.objects.expert
        self.on_detect()
        tiles = [features[0][n] for features, index in picks for n in index]
        self.decoded.append((name, len(tiles)))
        self.searched += [tile.tobytes() for tile in tiles]
        return self.spoil([self._search(tile) for tile in tiles])

    def _search(self, pixels: np.ndarray) -> Detections:
        """Made-up routing: the groups are those of the tile's mean, the experts those of class and size."""
        spec, parts = self.objects, ndimage.label(pixels[2] >= 0.8)[0]
        places = ndimage.find_objects(parts)
        box = np.array([[c.start, r.start, c.stop, r.stop] for r, c in places], np.float32).reshape(-1, 4)
        inner = [pixels[:, r, c][:, parts[r, c] == n] for n, (r, c) in enumerate(places, start=1)]
        score = np.array([part[2].mean(dtype=np.float64) for part in inner], np.float32)
        order = np.argsort(-score, kind="stable")
        label = np.array([part[1].mean(dtype=np.float64) >= 0.5 for part in inner], np.int16)
        left, top, right, bottom = box.T
        outline = np.stack([left, top, right, top, right, bottom, left, bottom], axis=-1).reshape(-1, 4, 2)
        first = int(pixels.mean(dtype=np.float64) * 1000) % spec.groups
        groups = np.array([[(first + n) % spec.groups for n in range(spec.top_groups)]] * spec.layers)
        kinds = [label * 4 + np.arange(spec.layers)[:, None] + k for k in range(spec.top_experts)]
        experts = np.stack(kinds, axis=-1).transpose(1, 0, 2) % spec.experts  # (n, L, k)
        weights = np.empty(experts.shape, np.float32)
        weights[..., 0], weights[..., 1] = 0.7, 0.3
        found = Detections(
            box, outline.astype(np.float32), label, score, groups.astype(np.int16),
            experts.astype(np.int16), weights,
        )  # fmt: skip
        return found.pick(order)


def sea(
    width: int, height: int, objects: Sequence[tuple[int, int, int, int, float, int]], seed: int = 0
) -> np.ndarray:
    """Dark water with bright rectangles, reflectance x 10000 as uint16 (8, H, W), for `FakeFinder`.

    Args:
        width: in pixels.
        height: in pixels.
        objects: (column, row, width, height, score, class) each, a score of 0.8 to 1.
        seed: of the water.
    """
    pixels = np.random.default_rng(seed).integers(100, 1500, (8, height, width), dtype=np.uint16)
    for x, y, w, h, score, label in objects:
        pixels[2, y : y + h, x : x + w] = round(score * 10000)
        pixels[1, y : y + h, x : x + w] = 9000 if label else 1000
    return pixels


def by_content(experts: int) -> Scores:
    """Scores that differ from tile to tile and depend on the tile alone."""

    def scores(pixels: np.ndarray, valid: np.ndarray) -> np.ndarray:
        means = pixels.astype(np.float64).mean(axis=(2, 3))  # (B, 8)
        return np.stack([np.abs(np.sin(means[:, i % 8] * 1000 * (i + 1))) for i in range(experts)], axis=1)

    return scores


def run(
    source: str | Path, output: str | Path, model: Any, events: list[dict] | None = None, **options: Any
) -> dict[str, Any]:
    """Predict with a fake model; `batch_size` and `cancelled` go to predict, the rest into the request."""
    direct = {key: options.pop(key) for key in ("batch_size", "cancelled") if key in options}
    options.setdefault("overlap", 8)
    options.setdefault("top_k", min(2, len(model.experts)))
    options.setdefault("bundle", str(Path(output).parent))
    request = PredictRequest(str(source), str(output), **options)
    heard = events if events is not None else []
    return predict(request, heard.append, load_model=lambda path, **options: model, **direct)


def digital(width: int, height: int, seed: int = 0, bands: int = 8) -> np.ndarray:
    """Reflectance x 10000 as uint16 (bands, H, W), 1 to 6000: 0 is left for NoData."""
    return np.random.default_rng(seed).integers(1, 6000, (bands, height, width), dtype=np.uint16)
