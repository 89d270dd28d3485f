"""Losses, assignment, and the two trainings of the objects expert on scenes that the test makes."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from model_core.errors import RequestError
from model_core.networks.encoder import Encoder, Features
from model_core.networks.objects.dense import DenseOutput
from model_core.networks.objects.detector import Guess, ObjectsExpert
from model_core.objects.spec import ROUTINGS, ObjectsSpec
from model_core.training.framework.checkpoint import digest
from model_core.training.framework.loop import fit
from model_core.training.framework.options import Options
from model_core.training.objects import ablation
from model_core.training.objects.ablation import ArmPlan, begun_from, feed_forward_macs, train_arms
from model_core.training.objects.judging import best_thresholds
from model_core.training.objects.losses import decoder_losses, dense_losses
from model_core.training.objects.matching import cells_of, generalised_iou, iou, queries_of
from model_core.training.objects.sampling import ObjectSampler
from model_core.training.objects.trainee import ObjectsTrainee, drawn, expert_losses
from model_core.training.objects.truth import ObjectScene
from model_core.training.objects.usage import write_usage

WIDTHS = (8, 8, 8, 8, 8)
SPEC = ObjectsSpec("objects", "full", 16, 8, 16, 2, 2, 4, 1, 1, 8, (0.5, 0.5))
OPTIONS = Options(
    seed=3, epochs=2, batch_size=2, lr=1e-3, patience=2, balance_weight=0.01, diversity_weight=0.001
)


def boxes(*rows: tuple[float, float, float, float]) -> torch.Tensor:
    return torch.tensor(rows, dtype=torch.float32).reshape(-1, 4)


def target(rows: torch.Tensor, labels: list[int], rects: torch.Tensor | None = None) -> dict:
    if rects is None:
        rects = torch.full((len(rows), 5), torch.nan)
    return {"boxes": rows, "labels": torch.tensor(labels, dtype=torch.long), "rects": rects}


def dense(size: int = 64) -> DenseOutput:
    """A dense head that says nothing, on a tile of `size` pixels; boxes of one cell each."""
    centers, strides, sizes = [], [], []
    for stride in (4, 8, 16):
        n = size // stride
        at = (torch.arange(n) + 0.5) * stride
        y, x = torch.meshgrid(at, at, indexing="ij")
        centers.append(torch.stack([x, y], 2).view(-1, 2))
        strides.append(torch.full((n * n,), float(stride)))
        sizes.append((n, n))
    center, stride = torch.cat(centers), torch.cat(strides)
    half = stride[:, None] / 2
    found = torch.cat([center - half, center + half], 1)[None]
    logits = torch.full((1, len(center), 2), -3.0, requires_grad=True)
    return DenseOutput(logits, found.clone().requires_grad_(), center, stride, tuple(sizes))


def test_small_objects_belong_to_fine_cells_and_large_ones_to_coarse_cells():
    out = dense()
    own = cells_of(out, target(boxes((10, 10, 18, 18), (0, 0, 60, 60)), [0, 1]))
    assert set(out.stride[own == 0].tolist()) == {4.0} and set(out.stride[own == 1].tolist()) == {8.0}
    centers = out.centers[own == 0]
    assert (centers > 10).all() and (centers < 18).all()


def test_an_object_between_cells_is_told_of_by_the_nearest_and_a_crowd_by_the_smaller():
    out = dense()
    own = cells_of(out, target(boxes((19, 19, 20.5, 20.5)), [0]))
    assert (own == 0).sum() == 1
    assert (out.centers[own == 0] - 19.75).abs().max() <= 2.5
    both = cells_of(out, target(boxes((8, 8, 32, 32), (16, 16, 24, 24)), [0, 1]))
    inner = ((out.centers - 20).abs() < 2.5).all(1) & (out.stride == 4)
    assert (both[inner] == 1).all()
    assert (cells_of(out, target(boxes(), [])) == -1).all()


def test_each_object_gets_one_query_and_the_best_one():
    guess = Guess(
        torch.tensor([[[2.0, -5], [-5, -5], [2, -5], [-5, 2]]]),
        torch.stack([boxes((0, 0, 10, 10), (0, 0, 10, 10), (40, 40, 50, 50), (1, 1, 11, 11))]),
        torch.zeros(1, 4, 4),
    )
    wanted = target(boxes((41, 40, 51, 50), (0, 0, 10, 10)), [0, 0])
    query, number = queries_of(guess, 0, wanted, 64)
    assert dict(zip(number.tolist(), query.tolist(), strict=True)) == {0: 2, 1: 0}
    assert len(queries_of(guess, 0, target(boxes(), []), 64)[0]) == 0


def test_overlaps_are_those_of_the_definition():
    a, b = boxes((0, 0, 10, 10)), boxes((5, 0, 15, 10), (20, 0, 30, 10), (0, 0, 10, 10))
    torch.testing.assert_close(iou(a, b)[0], torch.tensor([1 / 3, 0.0, 1.0]))
    torch.testing.assert_close(generalised_iou(a, b), torch.tensor([1 / 3, -1 / 3, 1.0]))


def test_where_the_absence_of_a_class_is_not_known_nothing_is_learnt_about_it():
    out = dense()
    known = torch.ones(1, 2, 16, 16, dtype=torch.bool)
    known[:, 0, :, 8:] = False  # ships are not annotated on the right
    dense_losses(out, [target(boxes(), [])], known)["dense_class"].backward()
    right = out.centers[:, 0] > 32
    assert (out.logits.grad[0, right, 0] == 0).all() and (out.logits.grad[0, ~right, 0] > 0).all()
    assert (out.logits.grad[0, :, 1] > 0).all()
    # An object that is annotated there counts all the same.
    out = dense()
    dense_losses(out, [target(boxes((40, 40, 52, 52)), [0])], known)["dense_class"].backward()
    assert (out.logits.grad[0, right, 0] < 0).any()


def test_a_boat_is_no_building_although_nobody_looked_for_buildings_there():
    out = dense()
    known = torch.zeros(1, 2, 16, 16, dtype=torch.bool)
    dense_losses(out, [target(boxes((8, 8, 24, 24)), [0])], known)["dense_class"].backward()
    within = ((out.centers > 8) & (out.centers < 24)).all(1)
    assert (out.logits.grad[0, within, 1] > 0).all() and (out.logits.grad[0, ~within, 1] == 0).all()
    guess = Guess(
        torch.zeros(1, 2, 2, requires_grad=True),
        boxes((10, 10, 22, 22), (40, 40, 50, 50))[None].requires_grad_(),
        torch.zeros(1, 2, 4, requires_grad=True),
    )
    output = type("Output", (), {"guesses": (guess,)})()
    decoder_losses(output, [target(boxes((8, 8, 24, 24)), [0])], known, 64.0)["class"].backward()
    assert guess.logits.grad[0, 0, 1] > 0 and guess.logits.grad[0, 1].abs().sum() == 0


def test_a_tile_without_objects_gives_a_loss_and_a_gradient():
    expert = ObjectsExpert.of(SPEC, 2, WIDTHS).train()
    levels = tuple(torch.rand(1, 8, 64 >> (n + 1), 64 >> (n + 1)) for n in range(5))
    output = expert(Features(levels, torch.ones(1, 1, 2, 2)))
    known = torch.ones(1, 2, 16, 16, dtype=torch.bool)
    parts = decoder_losses(output, [target(boxes(), [])], known, 64.0)
    sum(parts.values()).backward()
    assert all(torch.isfinite(value) for value in parts.values())


def test_the_outline_is_learnt_where_it_is_known_and_its_envelope_everywhere():
    box = boxes((0, 0, 40, 10))
    rect = torch.tensor([[20.0, 5.0, 40.0, 10.0, 0.0]])

    def loss(told: torch.Tensor, rects: torch.Tensor | None) -> float:
        guess = Guess(torch.zeros(1, 1, 2), box[None], told.view(1, 1, 4))
        output = type("Output", (), {"guesses": (guess,)})()
        known = torch.ones(1, 2, 16, 16, dtype=torch.bool)
        return float(decoder_losses(output, [target(box, [0], rects)], known, 64.0)["rect"])

    right = torch.tensor([np.log(40.0), np.log(10.0), 1.0, 0.0], dtype=torch.float32)
    turned = torch.tensor([np.log(40.0), np.log(10.0), -1.0, 0.0], dtype=torch.float32)
    assert loss(right, rect) == pytest.approx(0, abs=0.03) and loss(turned, rect) > 0.5
    assert loss(right, None) == pytest.approx(0, abs=0.03) and loss(turned, None) > 0.1
    assert loss(turned, rect) > loss(turned, None)


class TinyEncoder:
    """Stands for a bundle's encoder."""

    widths = WIDTHS

    def __init__(self) -> None:
        torch.manual_seed(0)
        self.encoder = Encoder(WIDTHS, (1, 1, 1, 1)).eval().requires_grad_(False)

    def __call__(self, batch: dict) -> Features:
        return self.encoder(batch["reflectance"], batch["available"], batch["valid"])


def scene(number: int) -> ObjectScene:
    """Bright rectangles on dark ground."""
    random = np.random.default_rng(number)
    bands = random.integers(300, 500, (8, 96, 96)).astype(np.uint16)
    rows = []
    for x, y in ((10, 12), (60, 20), (30, 66)):
        width, height = random.integers(8, 20, 2)
        bands[:, y : y + height, x : x + width] = 4000
        rows.append((x, y, x + width, y + height))
    count = len(rows)
    return ObjectScene(
        f"scene{number}", "HRSC-like ships", "train", None, "none", bands, np.arange(8) < 4,
        np.ones((96, 96), bool), np.array(rows, np.float32), np.zeros(count, np.int64),
        np.full((count, 5), np.nan, np.float32), np.ones((2, 96, 96), bool), np.zeros((96, 96), bool),
    )  # fmt: skip


@pytest.fixture(scope="module")
def sampler() -> ObjectSampler:
    return ObjectSampler([scene(n) for n in range(3)], [], 64, 0)


class QuickTrainee(ObjectsTrainee):
    """Judged by its loss, as there is no bundle whose model could search scenes."""

    def validate(self) -> dict[str, float]:
        with torch.no_grad():
            return {"score": -float(sum(self.losses(drawn(self.sampler, 2, [9])).values()))}


def trained(sampler: ObjectSampler, folder, decoder: bool = True) -> ObjectsExpert:
    torch.manual_seed(1)
    module = ObjectsExpert(SPEC, 2, WIDTHS)
    trainee = QuickTrainee(module, TinyEncoder(), lambda: sampler, [], OPTIONS, decoder=decoder, steps=3)
    fit(trainee, OPTIONS, folder, lambda line: None)
    return module


def test_the_first_phase_trains_the_maps_and_the_dense_head_alone(sampler, tmp_path):
    torch.manual_seed(1)
    before = ObjectsExpert(SPEC, 2, WIDTHS).state_dict()
    after = trained(sampler, tmp_path, decoder=False).state_dict()
    moved = {name.split(".")[0] for name, value in after.items() if not torch.equal(value, before[name])}
    assert moved == {"memory", "dense"}


def test_the_second_phase_trains_everything_and_can_be_repeated(sampler, tmp_path):
    one, other = trained(sampler, tmp_path / "a"), trained(sampler, tmp_path / "b")
    assert digest(one.state_dict()) == digest(other.state_dict())
    text = (tmp_path / "a" / "results" / "history.csv").read_text()
    for part in ("dense_class", "class", "side", "overlap", "rect", "balance", "diversity"):
        assert f"loss/{part}" in text


def arms_of(
    sampler: ObjectSampler, folder, base: ObjectsExpert, seeds=(0,), steps: int = 4
) -> dict[str, str]:
    plan = ArmPlan(steps, 2, 64, warmup=1)
    train_arms(folder, base, TinyEncoder(), sampler, SPEC, seeds, plan, OPTIONS, lambda line: None)
    return {path.parts[-3]: digest(load_file(path)) for path in folder.glob("*/weights/expert.safetensors")}


def test_arms_share_the_maps_and_a_stop_changes_nothing(sampler, tmp_path, monkeypatch):
    torch.manual_seed(1)
    base = ObjectsExpert(SPEC, 2, WIDTHS)
    whole = arms_of(sampler, tmp_path / "whole", base)
    assert set(whole) == {f"{name}_0" for name in ROUTINGS} and len(set(whole.values())) == len(ROUTINGS)
    shared = {
        name: value
        for name, value in base.folded().state_dict().items()
        if name.startswith(("memory", "dense"))
    }
    kept = load_file(tmp_path / "whole" / "full_0" / "weights" / "expert.safetensors")
    assert all(torch.equal(kept[name], value) for name, value in shared.items())
    monkeypatch.setattr(ablation, "CHECKPOINT_EVERY", 2)
    old, count = ablation.Arm.update, []

    def stops(self, *args):
        count.append(1)
        if len(count) == 13:  # in the middle of a step of all arms
            raise KeyboardInterrupt
        old(self, *args)

    monkeypatch.setattr(ablation.Arm, "update", stops)
    with pytest.raises(KeyboardInterrupt):
        arms_of(sampler, tmp_path / "cut", base)
    monkeypatch.setattr(ablation.Arm, "update", old)
    assert arms_of(sampler, tmp_path / "cut", base) == whole


def test_arms_of_other_numbers_are_not_mixed(sampler, tmp_path):
    torch.manual_seed(1)
    base = ObjectsExpert(SPEC, 2, WIDTHS)
    arms_of(sampler, tmp_path, base, steps=1)
    with pytest.raises(RequestError, match="another recipe"):
        arms_of(sampler, tmp_path, base, steps=2)


def test_a_new_arm_begins_where_the_base_is(sampler):
    torch.manual_seed(1)
    base = ObjectsExpert(SPEC, 2, WIDTHS).eval()
    arm = begun_from(base, replace(SPEC, routing="dense")).eval()
    batch = drawn(sampler, 1, [0])
    with torch.no_grad():
        features = TinyEncoder()(batch)
        torch.testing.assert_close(arm(features).logits, base(features).logits)
    assert feed_forward_macs(arm, 64) > 0
    assert set(expert_losses(base(features), batch, OPTIONS)) >= {"dense_class", "class", "balance"}


def test_thresholds_are_where_f1_is_highest():
    wide = replace_scene(scene(0), boxes=np.array([[0, 0, 10, 10], [20, 0, 30, 10]], np.float32))
    found = {
        wide.id: {
            "box": [[0, 0, 10, 10], [20, 0, 30, 10], [50, 50, 60, 60], [70, 70, 80, 80]],
            "label": [0, 0, 0, 0],
            "score": [0.9, 0.6, 0.4, 0.3],
        }
    }
    assert best_thresholds(found, [wide]) == (0.6, 0.5)  # nothing to choose a building's by


def replace_scene(one: ObjectScene, **change) -> ObjectScene:
    count = len(change["boxes"])
    return replace(
        one, labels=np.zeros(count, np.int64), rects=np.full((count, 5), np.nan, np.float32), **change
    )


def test_usage_is_written_as_a_table_and_a_figure(tmp_path):
    usage = {
        "objects": 3,
        "layers": [{"groups": [1.0, 0.5], "experts": [0.25, 0.25, 0.5, 0.0]}] * 2,
        "classes": {
            "ship": {"objects": 3, "groups": [[1.0, 0.5]] * 2, "experts": [[0.25, 0.25, 0.5, 0]] * 2}
        },
    }
    table, picture = write_usage(tmp_path / "analysis", usage)
    rows = table.read_text().splitlines()
    assert rows[0] == "class,layer,kind,number,share" and "ship,2,expert,3,0.5000" in rows
    assert len(rows) == 1 + 2 * 2 * (2 + 4)
    assert picture.read_bytes()[:4] == b"\x89PNG"
    assert json.loads(json.dumps(usage)) == usage  # what is drawn is what a bundle can keep
