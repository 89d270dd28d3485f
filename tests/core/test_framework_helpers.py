"""What trainers share besides the loop: a digest of tensors, the precision, the number of threads."""

from __future__ import annotations

import hashlib

import pytest
import torch

from model_core.errors import RequestError
from model_core.training.framework import precision
from model_core.training.framework.checkpoint import digest
from model_core.training.framework.command import use_threads
from model_core.training.framework.loop import update


def test_a_digest_is_that_of_names_and_bytes():
    tensors = {"b": torch.arange(6.0).reshape(2, 3), "a": torch.tensor(3)}
    by_hand = hashlib.sha256()
    for name in ("a", "b"):
        by_hand.update(name.encode() + tensors[name].numpy().tobytes())
    assert digest(tensors) == f"sha256:{by_hand.hexdigest()}"
    strided = tensors["b"].t().contiguous().t()  # the same values, laid out otherwise
    assert digest({**tensors, "b": strided}) == digest(tensors)
    assert digest({**tensors, "b": tensors["b"] + 1}) != digest(tensors) != digest({"b": tensors["b"]})
    assert digest({"c": torch.zeros(2, dtype=torch.bfloat16)}).startswith("sha256:")


@pytest.mark.parametrize("native", [True, False])
def test_bfloat16_is_used_where_the_cpu_has_it_alone(monkeypatch, native):
    monkeypatch.setattr(precision, "native_bf16", lambda _device: native)
    with precision.mixed_precision():
        found = torch.nn.functional.linear(torch.ones(1, 2), torch.ones(1, 2))
    assert found.dtype == (torch.bfloat16 if native else torch.float32)


def test_threads_are_set_or_refused_in_a_sentence():
    before = torch.get_num_threads()
    try:
        use_threads(1)
        use_threads(0)
        assert torch.get_num_threads() == 1
    finally:
        torch.set_num_threads(before)
    with pytest.raises(RequestError, match="^--threads is -1; give 1 or more, or 0 for all"):
        use_threads(-1)


def test_every_group_of_an_optimiser_may_have_a_rate_of_its_own():
    first, second = (torch.nn.Parameter(torch.zeros(2)) for _ in range(2))
    optimizer = torch.optim.SGD([{"params": [first]}, {"params": [second]}], lr=9.0)
    loss = first.sum() + second.sum()
    loss.backward()
    update(optimizer, [first, second], [0.1, 0.2], loss.detach(), "here")
    assert first.tolist() == pytest.approx([-0.1] * 2) and second.tolist() == pytest.approx([-0.2] * 2)
    update(optimizer, [first, second], 0.1, 0.0, "here")
    assert first.tolist() == pytest.approx([-0.2] * 2) and second.tolist() == pytest.approx([-0.3] * 2)
    with pytest.raises(RequestError, match="^here the loss is nan .* learning rate than 0.2,"):
        update(optimizer, [first, second], [0.1, 0.2], float("nan"), "here")
    assert first.tolist() == pytest.approx([-0.2] * 2)
