"""A decoder for a user's task, trained on the frozen encoder of a bundle."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Sequence

import numpy as np
import torch
from torch import Tensor, nn

from ...evaluation.metrics import confusion
from ...networks.encoder import Features
from ...networks.expert import Expert
from ...networks.folding import fold_into
from ...networks.hydranet import NetworkConfig
from ...networks.inference import NetworkModel
from ...routerset import TaskSpec
from ..framework.options import Options
from ..framework.precision import mixed_precision
from ..losses import segmentation_loss
from .batches import Batches
from .figures import headline
from .tiles import OwnTile, in_batches

NEW = Options(epochs=40, batch_size=8, lr=2e-3, weight_decay=0.01, patience=12, model_name="expert")
TUNED = Options(epochs=30, batch_size=8, lr=2e-4, weight_decay=0.01, patience=8, model_name="finetune")

AVERAGE = 0.98
"""Of the running average of the weights, which is what is validated and kept: it follows some fifty steps."""

KEPT_TILES = 256
"""Validation tiles whose features are kept (2 MB each in bf16); with more, all are encoded each epoch."""

MOST_WEIGHT = 4.0
"""Of a rare class in the cross-entropy, against the most frequent one."""


class Averaged(nn.Module):
    """A decoder, and the running average of its weights."""

    def __init__(self, expert: Expert) -> None:
        super().__init__()
        self.live = expert
        self.average = copy.deepcopy(expert).requires_grad_(False)
        self.register_buffer("steps", torch.zeros((), dtype=torch.int64))

    @torch.no_grad()
    def follow(self) -> None:
        """Let the average follow by a step; statistics of BatchNorm are averaged alike."""
        self.steps += 1
        count = int(self.steps)
        mine, theirs = self.average.state_dict(), self.live.state_dict()
        floats = [name for name, value in mine.items() if value.is_floating_point()]
        decay = min(AVERAGE, (count + 1) / (count + 10))
        torch._foreach_lerp_([mine[name] for name in floats], [theirs[name] for name in floats], 1 - decay)


class DecoderTrainee:
    """What the framework's loop trains; see `framework.loop.Trainee`.

    Args:
        model: its encoder is read, and never changed.
        expert: the decoder to begin with.
        task: what it learns.
        batches: training tiles.
        val: tiles that decide which epoch is the best.
        check: raises CancelledError if the training is to stop.
    """

    def __init__(
        self,
        model: NetworkModel,
        expert: Expert,
        task: TaskSpec,
        batches: Batches,
        val: Sequence[OwnTile],
        check: Callable[[], None],
    ) -> None:
        self.model, self.task, self._batches, self._val, self._check = model, task, batches, val, check
        self.module = Averaged(expert.to(memory_format=torch.channels_last))
        self._weights = class_weights([*batches.content, *batches.rest], len(task.classes))
        self._kept: list[tuple[Features, np.ndarray]] | None = None
        self._moved = False

    def parameters(self) -> Iterable[nn.Parameter]:
        """Those of the decoder."""
        return self.module.live.parameters()

    def steps(self) -> int:
        """Batches of an epoch."""
        return self._batches.steps

    def batches(self, epoch: int) -> Iterable[dict[str, Tensor]]:
        """The batches of an epoch."""
        return self._batches.epoch(epoch)

    def begin(self, epoch: int) -> None:
        """Nothing changes with the epoch."""
        self._moved = False

    def losses(self, batch: dict[str, Tensor]) -> dict[str, Tensor]:
        """Cross-entropy and Dice, the mean over the heads."""
        self._follow()
        self._moved = True
        with mixed_precision():
            logits = self.module.live(encoded(self.model, batch))
        heads = logits.chunk(self.module.live.heads, 1)
        parts = [segmentation_loss(one, batch["label"], self._weights) for one in heads]
        return {"total": torch.stack(parts).mean()}

    def validate(self) -> dict[str, float]:
        """IoU and F1 of the content classes, of the averaged weights."""
        self._follow()
        self._moved = False
        return headline(self.counts(), self.task)

    def watch(self) -> dict[str, float]:
        """Nothing but what is validated."""
        return {}

    def counts(self) -> np.ndarray:
        """Confusion of the averaged weights on the validation tiles."""
        if self._kept is None and len(self._val) <= KEPT_TILES:
            self._kept = list(self._encoded())
        return total_confusion(self.module.average, self.task, self._kept or self._encoded(), self._check)

    def folded(self) -> Expert:
        """The averaged decoder as bundles hold it."""
        return folded(self.module.average, self.model, len(self.task.classes))

    def _encoded(self) -> Iterable[tuple[Features, np.ndarray]]:
        return encoded_tiles(self.model, self._val)

    def _follow(self) -> None:
        """The loop's last step has moved the live weights."""
        if self._moved:
            self.module.follow()


def class_weights(tiles: Sequence[OwnTile], classes: int) -> Tensor:
    """Weight of each class in the cross-entropy: float32 (classes,).

    Rare ones weigh more, by the root of their share; one without a single pixel gets the largest weight.
    """
    counts = np.sum([tile.counts(classes) for tile in tiles], axis=0).astype(np.float64)
    share = counts.max() / np.maximum(counts, 1.0)
    return torch.from_numpy(np.minimum(np.sqrt(share), MOST_WEIGHT).astype(np.float32))


@torch.no_grad()
def encoded(model: NetworkModel, batch: dict[str, Tensor]) -> Features:
    """Features of a batch as the product computes them, without gradients."""
    return model.network.encode(batch["reflectance"], batch["available"], batch["valid"])


def encoded_tiles(model: NetworkModel, tiles: Sequence[OwnTile]) -> Iterable[tuple[Features, np.ndarray]]:
    """Features and labels uint8 (B, S, S) of tiles as they are."""
    for batch in in_batches(tiles, 4):
        yield encoded(model, batch), batch["label"].numpy()


@torch.no_grad()
def total_confusion(
    expert: Expert,
    task: TaskSpec,
    tiles: Iterable[tuple[Features, np.ndarray]],
    check: Callable[[], None],
) -> np.ndarray:
    """Confusion int64 (classes, classes) of an expert over tiles, the mean of its heads' probabilities."""
    classes = len(task.classes)
    total = np.zeros((classes, classes), np.int64)
    for features, label in tiles:
        check()
        with mixed_precision():
            logits = expert(features)
        heads = logits.chunk(expert.heads, 1)
        if len(heads) == 1:
            mean = logits
        else:
            mean = torch.stack([torch.softmax(one.float(), 1) for one in heads]).mean(0)
        total += confusion(label, mean.contiguous().max(1)[1].numpy(), classes)
    return total


def new_expert(model: NetworkModel, classes: int, like: str | None, seed: int) -> Expert:
    """A decoder to begin with: untrained, or that of another expert of the bundle.

    Of an expert with heads it gets what they have in common; one with another number of classes gives all but
    the last layer.

    Args:
        model: of the bundle.
        classes: of the new expert.
        like: an expert of kind classes; None = untrained.
        seed: of what is not from there.
    """
    torch.manual_seed(seed)
    config = model.network.config
    made = Expert(config.encoder_widths, config.expert_widths, classes, deploy=like is not None)
    if like is None:
        return made
    state = made.state_dict()
    for name, value in model.network.experts[like].state_dict().items():
        name = name.replace("head.common.", "head.")
        if name in state and state[name].shape == value.shape:
            state[name].copy_(value)
    return made


def copied_expert(model: NetworkModel, name: str) -> Expert:
    """A decoder of the bundle with all its heads, in float32 and with gradients."""
    one = model.network.experts[name]
    made = _built(model.network.config, model.network.channels[name], one.heads)
    made.load_state_dict({key: value.float() for key, value in one.state_dict().items()})
    return made


def folded(expert: Expert, model: NetworkModel, classes: int) -> Expert:
    """A decoder as bundles hold it: a convolution a unit, in float32."""
    return fold_into(expert, _built(model.network.config, classes, expert.heads))


def _built(config: NetworkConfig, classes: int, heads: int) -> Expert:
    return Expert(config.encoder_widths, config.expert_widths, classes, heads=heads, deploy=True)
