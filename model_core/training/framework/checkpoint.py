"""Checkpoints: tensors as safetensors beside a small JSON, never half of one.

The tensors are written to another name and renamed, the JSON last, so that a kill at any time leaves the
previous checkpoint or the new one.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from ...errors import RequestError

INDEX = "checkpoint.json"


class Checkpoint:
    """The last state of a training, in a folder of its own.

    Args:
        folder: made when the first one is written.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def save(self, step: int, tensors: Mapping[str, Tensor], state: Mapping[str, Any] | None = None) -> None:
        """Keep what a resumed training needs.

        Args:
            step: steps or epochs done.
            tensors: by name, see `module_tensors` and `optimizer_tensors`.
            state: anything else, as JSON takes it.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        name = f"step-{step:06d}.safetensors"
        # Copies: safetensors takes no two tensors that share their memory.
        save_file(
            {k: v.detach().clone().contiguous() for k, v in tensors.items()}, self.folder / f"{name}.part"
        )
        os.replace(self.folder / f"{name}.part", self.folder / name)
        part = self.folder / f"{INDEX}.part"
        part.write_text(
            json.dumps({"step": step, "file": name, "state": dict(state or {})}), encoding="utf-8"
        )
        os.replace(part, self.folder / INDEX)
        self._sweep(name)

    def load(self, *keys: str) -> tuple[int, dict[str, Tensor], dict[str, Any]]:
        """Step, tensors and state of the last checkpoint; 0 and nothing if there is none.

        Args:
            keys: what the state must hold.

        Raises:
            RequestError: it is damaged, or another version of the program wrote it.
        """
        index = self.folder / INDEX
        if not index.is_file():
            return 0, {}, {}
        try:
            entry = json.loads(index.read_text(encoding="utf-8"))
            tensors, state = load_file(self.folder / entry["file"]), entry.get("state", {})
            return int(entry["step"]), tensors, {**state, **{key: state[key] for key in keys}}
        except (OSError, ValueError, KeyError, TypeError, AttributeError, SafetensorError) as error:
            raise RequestError(
                f"{index} is no checkpoint that this version can continue from ({error!r}); "
                "train in a new run folder, or delete that file to begin anew."
            ) from error

    def remove(self) -> None:
        """Remove it, its index first, so that a kill leaves a checkpoint or none."""
        (self.folder / INDEX).unlink(missing_ok=True)
        self._sweep("")

    def _sweep(self, keep: str) -> None:
        """Remove the tensors of other checkpoints, and what a kill left of one."""
        for old in (*self.folder.glob("step-*.safetensors"), *self.folder.glob("step-*.safetensors.part")):
            if old.name != keep:
                old.unlink()


def module_tensors(prefix: str, module: nn.Module) -> dict[str, Tensor]:
    """Every parameter and buffer of a module, as `prefix.name`."""
    return {f"{prefix}.{key}": value for key, value in module.state_dict().items()}


def restore_module(prefix: str, module: nn.Module, tensors: Mapping[str, Tensor]) -> None:
    """Fill a module with what `module_tensors` named, strictly; without a prefix with all the tensors.

    Raises:
        RequestError: they are those of another network.
    """
    given = under(tensors, prefix) if prefix else dict(tensors)
    wanted = module.state_dict()
    unlike = [
        name
        for name in sorted(given.keys() | wanted.keys())
        if name not in given or name not in wanted or given[name].shape != wanted[name].shape
    ]
    if unlike:
        raise RequestError(
            f"The stored weights are those of another network: {len(unlike)} tensors differ, such as "
            f"'{unlike[0]}'; train in a new run folder."
        )
    module.load_state_dict(given)


def optimizer_tensors(prefix: str, optimizer: torch.optim.Optimizer) -> dict[str, Tensor]:
    """The moments of an optimiser, as `prefix.number.name`."""
    return {
        f"{prefix}.{index}.{key}": torch.as_tensor(value)
        for index, state in optimizer.state_dict()["state"].items()
        for key, value in state.items()
    }


def restore_optimizer(prefix: str, optimizer: torch.optim.Optimizer, tensors: Mapping[str, Tensor]) -> None:
    """Fill an optimiser with what `optimizer_tensors` named; its rates stay as they are."""
    states: dict[int, dict[str, Tensor]] = {}
    for key, value in under(tensors, prefix).items():
        number, name = key.split(".", 1)
        states.setdefault(int(number), {})[name] = value
    optimizer.load_state_dict({"state": states, "param_groups": optimizer.state_dict()["param_groups"]})


def digest(tensors: Mapping[str, Tensor]) -> str:
    """SHA-256 over names and values, in the order of the names: equal where nothing changed."""
    found = hashlib.sha256()
    for name, value in sorted(tensors.items()):
        found.update(name.encode())
        found.update(value.detach().cpu().contiguous().flatten().view(torch.uint8).numpy().tobytes())
    return f"sha256:{found.hexdigest()}"


def under(tensors: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    """The tensors whose names begin with `prefix.`, without it."""
    start = f"{prefix}."
    return {key[len(start) :]: value for key, value in tensors.items() if key.startswith(start)}
