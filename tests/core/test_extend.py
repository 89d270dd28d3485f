"""A bundle is extended without a bit of anything else changing, and one in which a bit did is refused."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from model_core import bundle as bundles
from model_core.bundle import MODEL_FILE, WEIGHTS_FILE, load_bundle, read_info
from model_core.errors import BundleError, RequestError
from model_core.networks.expert import Expert
from model_core.networks.macs import counting
from model_core.training import extend
from model_core.training.calibration import Calibration
from model_core.training.extend import Extension, NewExpert, NewRow, extend_bundle, parts_of
from tests.core.test_bundle import SMALL
from tests.core.test_headed_bundle import tiles
from tests.core.test_objects_bundle import SPEC, detector, objects_bundle, row
from tests.core.tiny_bundle import REED, write_bundle

FITTED = Calibration(1.5, 0.25, 0.45, 9, 9, "cal")


def expert(channels: int = 2, heads: int = 1) -> Expert:
    torch.manual_seed(3)
    return Expert(SMALL.encoder_widths, SMALL.expert_widths, channels, heads=heads, deploy=True).eval()


def new_row(seed: int = 5) -> NewRow:
    weight = torch.randn(SMALL.switcher_hidden, generator=torch.Generator().manual_seed(seed))
    return NewRow(weight, 0.125, FITTED, (0.25, 0.5), {"tiles": 2, "scenes": 1, "split": "own cal"})


def added(**more) -> Extension:
    told = {
        "experts": [NewExpert(REED.expert(valid_gsd_m=(5.0, 20.0)), expert())],
        "rows": {"reed": new_row()},
    }
    return Extension("tiny+reed", "Tiny + Reed", provenance={"what": "expert"}, **{**told, **more})


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    """With an objects expert, whose tensors are float16 and whose row is the last."""
    plain = write_bundle(tmp_path_factory.mktemp("plain"), {"water": 2})
    folder = tmp_path_factory.mktemp("base") / "bundle"
    return objects_bundle(plain, folder, detector(), SPEC, row(), {"how": "not at all"}).folder


@pytest.fixture(scope="module")
def made(base, tmp_path_factory):
    return extend_bundle(base, tmp_path_factory.mktemp("made") / "b", added())


def resign(folder, change):
    data = json.loads((folder / MODEL_FILE).read_text())
    change(data)
    data["sha256"][MODEL_FILE] = bundles.description_digest(data)
    (folder / MODEL_FILE).write_text(json.dumps(data))


def test_an_added_expert_is_last_and_everything_else_is_the_same_bits(base, made):
    info, kept = made
    before, after = load_file(base / WEIGHTS_FILE), load_file(info.folder / WEIGHTS_FILE)
    names = [one.name for one in read_info(base).experts]
    assert [one.name for one in info.experts] == [*names, "reed"]
    for name, value in before.items():
        same = after[name][: len(value)] if name.startswith("switcher.out.") else after[name]
        assert same.dtype == value.dtype and same.numpy().tobytes() == value.numpy().tobytes(), name
    assert {name.split(".")[1] for name in after if name not in before} == {"reed"}
    parts = {"encoder", "switcher.hidden"}
    assert set(kept) == parts | {f"{kind}.{name}" for kind in ("experts", "switcher.out") for name in names}
    assert all(value.startswith("sha256:") for value in kept.values()) and len(set(kept.values())) == len(
        kept
    )
    assert sorted(path.name for path in info.folder.iterdir()) == [MODEL_FILE, WEIGHTS_FILE]


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_old_experts_score_and_decode_to_the_same_bytes(base, made, precision):
    old, new = (load_bundle(folder, device="cpu", precision=precision) for folder in (base, made[0].folder))
    given = tiles(2)
    mine, its = old.encode(*given), new.encode(*given)
    assert new.scores(its)[:, :-1].tobytes() == old.scores(mine).tobytes()
    for name in ("clouds", "water"):
        pair = (
            one.decode(name, [(seen, [0, 1])], uncertainty=True) for one, seen in ((old, mine), (new, its))
        )
        assert next(pair).tobytes() == next(pair).tobytes()
    assert new.decode("reed", [(its, [0, 1])]).shape == (2, 2, 256, 256)


def test_the_description_tells_of_the_new_expert_and_keeps_the_rest(base, made):
    info, old = made[0], read_info(base)
    data, reed = info.data, info.experts[-1]
    assert (data["id"], data["title"]) == ("tiny+reed", "Tiny + Reed") and data["id"] != old.data["id"]
    assert (reed.temperature, reed.bias, reed.threshold, reed.needed_scores) == (1.5, 0.25, 0.45, (0.25, 0.5))
    assert info.experts[:-1] == old.experts and data["metrics"] == old.data["metrics"]
    (own,) = data["training"]["own"]
    assert own["what"] == "expert" and own["from"]["sha256"] == old.sha256
    assert data["training"]["recall"]["experts"]["reed"]["scenes"] == 1
    assert data["training"]["calibration"]["reed"]["split"] == "cal"
    assert data["mlm"]["mlm:output"][:-1] == old.data["mlm"]["mlm:output"]
    assert data["mlm"]["mlm:output"][-1]["classification:classes"][1] == {"value": 1, "name": "reed"}
    grown = data["mlm"]["mlm:total_parameters"] - old.data["mlm"]["mlm:total_parameters"]
    assert grown == sum(value.numel() for value in expert().parameters()) + SMALL.switcher_hidden + 1
    model = load_bundle(info.folder, device="cpu", precision="fp32")
    with counting(model.network) as counter:
        seen = model.encode(*tiles(1))
        model.scores(seen)
        model.decode("reed", [(seen, [0])])
    assert counter.total == info.macs.encoder + info.macs.switcher + info.macs.experts["reed"]


def test_a_bundle_that_was_extended_is_extended_again(made, tmp_path):
    task = replace(REED, name="sedge")
    again = Extension(
        "b", "B", [NewExpert(task.expert(), expert())], {"sedge": new_row(6)}, {"what": "expert"}
    )
    info, kept = extend_bundle(made[0].folder, tmp_path / "b", again)
    assert [one.name for one in info.experts][-2:] == ["reed", "sedge"]
    assert "experts.reed" in kept and "switcher.out.reed" in kept
    chain = [entry["from"]["sha256"] for entry in info.data["training"]["own"]]
    assert chain[1] == made[0].sha256 and len(chain) == 2


def test_a_replaced_expert_and_row_change_nothing_else(base, tmp_path):
    old = read_info(base)
    water = next(one for one in old.experts if one.name == "water")
    change = Extension(
        "c", "C", [NewExpert(replace(water, license="mine"), expert(2, 2))], {"roads": new_row()}
    )
    info, kept = extend_bundle(base, tmp_path / "b", change)
    assert [one.name for one in info.experts] == [one.name for one in old.experts]
    assert set(parts_of(old, load_file(base / WEIGHTS_FILE))) - set(kept) == {
        "experts.water", "switcher.out.roads"
    }  # fmt: skip
    changed = {one.name for one, other in zip(info.experts, old.experts, strict=True) if one != other}
    assert changed == {"water", "roads"}


def test_figures_of_what_did_not_change_stay(base, tmp_path):
    folder = shutil.copytree(base, tmp_path / "measured")
    told = {
        "split": "test",
        "experts": {"water": 1, "roads": 2},
        "risk": {"water": 3},
        "router": {"tiles": 4},
    }
    resign(folder, lambda data: data.update(metrics=told))
    water = next(one for one in read_info(folder).experts if one.name == "water")
    change = Extension("c", "C", [NewExpert(water, expert(2, 2))])
    metrics = extend_bundle(folder, tmp_path / "b", change)[0].data["metrics"]
    assert metrics == {"split": None, "split_of_experts": "test", "experts": {"roads": 2}, "risk": {}}
    assert extend_bundle(folder, tmp_path / "c", added())[0].data["metrics"] == told


@pytest.mark.parametrize(
    ("part", "said"),
    [
        ("encoder.stem.conv.weight", "encoder"),
        ("switcher.hidden.bias", "switcher.hidden"),
        ("experts.clouds.refine.conv.weight", "experts.clouds"),
        ("experts.objects.dense.out.bias", "experts.objects"),
        ("switcher.out.weight", "switcher.out.clouds"),
    ],
)
def test_one_altered_bit_and_there_is_no_bundle(base, tmp_path, monkeypatch, part, said):
    """As if the writing itself had gone wrong: what is on the disk decides, not what was meant."""

    def altering(folder, data, tensors):
        tensors = {name: value.clone() for name, value in tensors.items()}
        flat = tensors[part].view(-1).view(torch.uint8)
        flat[0] ^= 1
        return bundles.write_bundle(folder, data, tensors)

    monkeypatch.setattr(extend, "write_bundle", altering)
    with pytest.raises(BundleError, match=f"differs from the former one in {said},? "):
        extend_bundle(base, tmp_path / "b", added())
    assert not (tmp_path / "b" / MODEL_FILE).exists() and not (tmp_path / "b" / WEIGHTS_FILE).exists()


def test_controls_go_along_only_if_they_are_the_ones_described(base, tmp_path):
    folder = shutil.copytree(base, tmp_path / "with")
    save_file({"0.mean": torch.zeros(3)}, folder / "controls.safetensors")
    sha = bundles.file_digest(folder / "controls.safetensors")
    told = {"file": "controls.safetensors", "sha256": sha, "routers": []}
    resign(folder, lambda data: data["training"].update(controls=told))
    info, _ = extend_bundle(folder, tmp_path / "b", added())
    assert bundles.file_digest(info.folder / "controls.safetensors") == sha
    assert info.data["training"]["controls"] == told
    (folder / "controls.safetensors").write_bytes(b"other")
    info, _ = extend_bundle(folder, tmp_path / "b", added())
    assert not (info.folder / "controls.safetensors").exists() and "controls" not in info.data["training"]


def test_what_cannot_be_is_refused_before_anything_is_written(base, tmp_path):
    with pytest.raises(RequestError, match="is the bundle that is extended"):
        extend_bundle(base, base, added())
    with pytest.raises(ValueError, match=r"experts \['reed'\] and rows \[\]"):
        extend_bundle(base, tmp_path / "b", added(rows={}))
    with pytest.raises(ValueError, match="do not fit"):
        extend_bundle(base, tmp_path / "b", added(experts=[]))
    with pytest.raises(ValueError, match="row of 'reed' has shape"):
        extend_bundle(base, tmp_path / "b", added(rows={"reed": replace(new_row(), weight=torch.zeros(3))}))
    assert not (tmp_path / "b").exists()


def test_scores_of_an_added_row_are_those_of_its_weights(made):
    model = load_bundle(made[0].folder, device="cpu", precision="fp32")
    features = model.encode(*tiles(2))
    switcher = model.network.switcher
    pooled = torch.cat([switcher.pool(part) for part in features.parts]).double()
    logits = torch.nn.functional.gelu(switcher.hidden(pooled)) @ new_row().weight.double() + 0.125
    expected = 1 / (1 + np.exp(-(logits.numpy() / 1.5 + 0.25)))
    np.testing.assert_allclose(model.scores(features)[:, -1], expected, rtol=1e-6)
