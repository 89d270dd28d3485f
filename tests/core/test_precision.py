"""What precision, batches and threads may change in a result: bf16 hardly anything, the others nothing."""

from __future__ import annotations

import weakref
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from model_core.bundle import load_bundle
from model_core.networks.inference import NetworkModel
from model_core.resources import default_bundle, resource
from tests.bench.agreement import Agreement, add_decisions, compare, open_sample, sample_tiles

SAMPLES = ("coast_10m.tif", "lough_60m.tif")
PRECISIONS = ("fp32", "bf16")


@pytest.fixture(scope="module")
def models() -> dict[str, NetworkModel]:
    return {name: load_bundle(default_bundle(), device="cpu", precision=name) for name in PRECISIONS}


@pytest.fixture(scope="module")
def samples():
    return [open_sample(resource("sample", name)) for name in SAMPLES]


@pytest.fixture
def threads():
    """A test may set torch's threads of its own thread."""
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


def eight_tiles(samples):
    """Real pixels: tiles of both scenes in turn, one of them partly without data."""
    per_scene = [sample_tiles(sample, 256, 0) for sample in samples]
    order = [(n % 2, n // 2) for n in range(8)]
    reflectance = np.stack([per_scene[scene].reflectance[n] for scene, n in order])
    valid = np.stack([per_scene[scene].valid[n] for scene, n in order])
    valid[3, :, 100:] = False
    reflectance[3, :, :, 100:] = 0
    return reflectance, per_scene[0].available, valid


def test_bf16_agrees_with_float32_on_the_samples(models, samples, threads):
    torch.set_num_threads(1)
    found = compare(models["fp32"], models["bf16"], samples, overlap=0)
    count = len(models["fp32"].experts)
    mapped = sum(expert.kind != "objects" for expert in models["fp32"].experts)  # objects are no pixels
    assert sum(found.pixels.values()) == mapped * sum(int(sample.valid.sum()) for sample in samples)
    for name in found.pixels:
        assert found.share(name) >= 0.995, (name, found.share(name))
    assert found.decisions == count * 16 and found.unexplained == 0
    # Two precisions were really compared.
    assert found.score_difference > 0 and sum(found.equal.values()) < sum(found.pixels.values())


def test_a_decision_may_differ_only_near_its_threshold(models):
    model = models["fp32"]
    thresholds = np.array([spec.threshold for spec in model.experts])
    count = len(thresholds)
    found = Agreement()
    add_decisions(found, model, (thresholds + 0.009)[None], (thresholds - 0.5)[None])
    assert (found.decisions, found.flipped, found.unexplained) == (count, count, 0)
    add_decisions(found, model, (thresholds - 0.011)[None], (thresholds + 0.001)[None])
    assert (found.decisions, found.flipped, found.unexplained) == (2 * count, 2 * count, count)


@pytest.mark.parametrize("precision", PRECISIONS)
def test_no_batch_grouping_or_thread_count_changes_a_byte(models, samples, threads, precision):
    model = models[precision]
    reflectance, available, valid = eight_tiles(samples)
    names = ("water", "landcover")  # the narrowest head and the widest

    def encode(start: int, stop: int):
        return model.encode(reflectance[start:stop], available, valid[start:stop])

    torch.set_num_threads(1)
    alone = [encode(n, n + 1) for n in range(8)]
    scores = np.concatenate([model.scores(one) for one in alone])
    decoded = {name: np.concatenate([model.decode(name, [(one, [0])]) for one in alone]) for name in names}
    assert len(np.unique(decoded["water"])) > 1000

    cut = [[0, 8], [0, 4, 8], [0, 1, 3, 6, 8], [0, 5, 8], [0, 7, 8]]

    def check(borders: list[int]) -> None:
        batches = [encode(a, b) for a, b in zip(borders, borders[1:], strict=False)]
        assert np.concatenate([model.scores(batch) for batch in batches]).tobytes() == scores.tobytes()
        # All tiles, batch by batch; then every second tile of all batches at once, out of order.
        for name in names:
            each = [
                model.decode(name, [(batch, range(b - a))])
                for batch, a, b in zip(batches, borders, borders[1:], strict=False)
            ]
            assert np.concatenate(each).tobytes() == decoded[name].tobytes(), (name, borders)
        picks, expected = [], []
        for batch, a, b in zip(batches, borders, borders[1:], strict=False):
            chosen = [n for n in reversed(range(a, b)) if n % 2]
            if chosen:
                picks.append((batch, [n - a for n in chosen]))
                expected += chosen
        together = model.decode(names[0], picks)
        assert together.tobytes() == decoded[names[0]][expected].tobytes(), borders

    for borders in cut[:2]:
        check(borders)
    torch.set_num_threads(2)
    check(cut[1])
    # Several workers at once, each prepared as the engine prepares its own.
    with ThreadPoolExecutor(3, initializer=model.prepare_thread) as pool:
        list(pool.map(check, cut[2:]))


def test_a_prepared_thread_computes_alone(models, threads):
    torch.set_num_threads(2)

    def prepared() -> int:
        models["fp32"].prepare_thread()
        return torch.get_num_threads()

    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(prepared).result() == 1
    assert torch.get_num_threads() == 2  # this thread's own setting is as it was


@pytest.mark.parametrize(("device", "batch", "workers"), [("cpu", 4, None), ("cuda", 32, 1), ("mps", 32, 1)])
def test_defaults_by_device(models, device, batch, workers):
    cpu = models["fp32"]
    model = NetworkModel(cpu.info, cpu.network, device, "fp32")
    assert (model.default_batch, model.max_workers) == (batch, workers)


class Peak(TorchDispatchMode):
    """Bytes of all tensors alive at the same time, those that were there before left out."""

    def __init__(self) -> None:
        super().__init__()
        self.now = self.most = 0
        self._seen: set[int] = set()

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        for value in tree_leaves((args, kwargs)):
            self._note(value, counts=False)
        result = func(*args, **(kwargs or {}))
        for value in tree_leaves(result):
            self._note(value, counts=True)
        return result

    def _note(self, value, counts: bool) -> None:
        if not isinstance(value, torch.Tensor):
            return
        storage = value.untyped_storage()
        key, size = storage._cdata, storage.nbytes()
        if key in self._seen:
            return
        self._seen.add(key)
        if counts:
            self.now += size
            self.most = max(self.most, self.now)
        weakref.finalize(storage, self._gone, key, size if counts else 0)

    def _gone(self, key: int, size: int) -> None:
        self._seen.discard(key)
        self.now -= size


@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize("count", [1, 3])
def test_bytes_of_a_tile_are_an_upper_bound_and_not_far_above(models, samples, precision, count):
    model = models[precision]
    reflectance, available, valid = eight_tiles(samples)
    reflectance, valid = reflectance[:count], valid[:count]
    given = reflectance.nbytes + valid.nbytes
    largest = max(model.experts, key=lambda spec: spec.channels).name
    with Peak() as peak:
        features = model.encode(reflectance, available, valid)
        kept = peak.now
        model.scores(features)
        # Out of order, so that they have to be copied.
        decoded = model.decode(largest, [(features, range(count)[::-1])])
    assert peak.most > 0
    # Features, and the few bytes of the flags.
    assert kept == pytest.approx(count * model.feature_bytes(), rel=0.01)
    needed = given + peak.most + (0 if decoded.base is not None else decoded.nbytes)
    assert needed <= count * model.tile_bytes()
    # One tile in fp32 is the most; in bf16 tiles are copied only if there are several.
    if count == (1 if precision == "fp32" else 3):
        assert needed >= 0.75 * model.tile_bytes()
