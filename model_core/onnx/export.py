"""`hydranet export --onnx`: a bundle as ONNX files with a manifest, each checked against the network."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import onnx
import onnxruntime
import torch
from torch import nn

from ..bundle import BundleInfo, file_digest, load_bundle
from ..errors import OutputError, RequestError
from ..files import write_whole
from ..networks.encoder import Features
from ..networks.inference import NetworkModel
from ..resources import ROOT
from . import graph
from .agreement import Agreement
from .check import Exported, compare
from .folder import check_folder, new_folder
from .manifest import manifest
from .names import (
    ENCODER,
    FEATURES,
    INPUTS,
    LEVELS,
    MANIFEST,
    SCENE,
    SCENE_CHOICE,
    expert_file,
    object_outputs,
    pixel_outputs,
)
from .parts import DecodePixels, EncodeAndScore, FindObjects, LookAtScene
from .tiles import random_tiles, sample_tiles

CARD = "MODEL_CARD.md"
LICENSE = "LICENSE"
OUR_LICENSE = "GPL-2.0-or-later"
"""How the licence of a bundle begins, of which the text lies in the sources."""

_PICTURE = re.compile(r"\]\((card/[\w.-]+\.png)\)")

Log = Callable[[str], None]


@dataclass(frozen=True)
class Part:
    """One file that is to be.

    Attributes:
        file: its name.
        module: what it computes.
        inputs, outputs: names.
    """

    file: str
    module: nn.Module
    inputs: Sequence[str]
    outputs: Sequence[str]


def export_onnx(
    bundle: Path,
    output: Path,
    *,
    experts: Sequence[str] | None = None,
    overwrite: bool = False,
    log: Log = lambda text: None,
) -> dict[str, Any]:
    """Export a bundle.

    Args:
        bundle: its folder.
        output: the folder that is to be.
        experts: those that are wanted, "scene" for the scene expert; None = all.
        overwrite: an export of that name may be replaced.
        log: hears of the progress.

    Returns:
        The manifest.

    Raises:
        RequestError: an unknown expert.
        OutputError: the folder is in the way or cannot be written, an operator cannot be exported, or a file
            does not say what the network says; nothing is left then.
        BundleError: anything about the bundle that is not as declared.
    """
    check_folder(output, overwrite)
    model = load_bundle(bundle, device="cpu", precision="fp32")
    model.prepare_thread()
    parts = wanted_parts(model, experts)
    with new_folder(output, overwrite) as folder:
        examples = _examples(model)
        files = {}
        for number, part in enumerate(parts, start=1):
            log(f"{part.file} ({number} of {len(parts)})")
            files[part.file] = _write(folder, part, examples)
        documents = _copy_documents(model.info, folder)
        found, tiles = check_export(model, folder, [part.file for part in parts[1:]], log)
        told = manifest(
            model.info,
            {"torch": torch.__version__, "onnx": onnx.__version__, "onnxruntime": onnxruntime.__version__},
            files,
            documents,
            (graph.OPSET, graph.IR_VERSION),
            found,
            tiles,
        )
        write_whole(folder / MANIFEST, (json.dumps(told, indent=1, ensure_ascii=False) + "\n").encode())
    return told


def wanted_parts(model: NetworkModel, experts: Sequence[str] | None) -> list[Part]:
    """What is to be exported, encoder and switcher first.

    Raises:
        RequestError: an expert that the bundle does not have.
    """
    known = {expert.name: expert for expert in model.experts}
    scene = SCENE_CHOICE if model.scene is not None and SCENE_CHOICE not in known else None
    choice = [*known, *filter(None, [scene])]
    wanted = choice if experts is None else list(dict.fromkeys(experts))
    if unknown := [name for name in wanted if name not in choice]:
        raise RequestError(
            f"The bundle has no expert '{unknown[0]}'; choose among {', '.join(choice)}, or leave --experts "
            "out."
        )
    network = model.network
    parts = [
        Part(
            ENCODER,
            EncodeAndScore(network.encoder, network.switcher, model.experts),
            INPUTS,
            (*FEATURES, "logits", "scores"),
        )
    ]
    for name in (name for name in choice if name in wanted):
        if name == scene:
            skipped = FEATURES[model.scene.level :]
            parts.append(
                Part(SCENE, LookAtScene(network.scene, model.scene), skipped, ("probabilities", "branches"))
            )
        elif known[name].kind == "objects":
            finder = FindObjects(network.experts[name], model.objects, model.tile_size)
            parts.append(Part(expert_file(name), finder, FEATURES, object_outputs(model.objects)))
        else:
            decoder = DecodePixels(network.experts[name], known[name])
            parts.append(Part(expert_file(name), decoder, LEVELS, pixel_outputs(known[name])))
    return parts


def check_export(
    model: NetworkModel, folder: Path, names: Sequence[str], log: Log
) -> tuple[dict[str, Agreement], dict[str, int]]:
    """Compare the files with the network.

    Args:
        model: the bundle.
        folder: holds the files.
        names: of those beside encoder and switcher.
        log: hears of the progress.

    Returns:
        What was compared, by file; and the number of tiles of each kind.

    Raises:
        OutputError: a file says something else.
    """
    tiles = {"random": random_tiles(model.tile_size), "sample": sample_tiles(model.tile_size)}
    every = [tile for some in tiles.values() for tile in some]
    log(f"comparing with torch on {len(every)} tiles")
    found = compare(model, Exported(folder, names), every)
    for file, agreement in found.items():
        if failure := agreement.failure():
            raise OutputError(
                f"'{file}' does not say what the network says: {failure}; nothing was written, try other "
                f"versions of torch ({torch.__version__}) and onnxruntime ({onnxruntime.__version__}), or "
                "leave it out with --experts."
            )
    return found, {kind: len(some) for kind, some in tiles.items()}


def _examples(model: NetworkModel) -> dict[str, torch.Tensor]:
    """An input of each name, for two tiles: a graph is traced with them, their values do not matter."""
    size = model.tile_size
    given = (torch.zeros(2, 8, size, size), torch.ones(2, 8), torch.ones(2, 1, size, size))
    with torch.inference_mode():
        features: Features = model.network.encode(*given)
    levels = (*features.levels, features.coverage)
    plain = {
        name: torch.empty(level.shape).copy_(level) for name, level in zip(FEATURES, levels, strict=True)
    }
    return {**dict(zip(INPUTS, given, strict=True)), **plain}


def _write(folder: Path, part: Part, examples: dict[str, torch.Tensor]) -> dict[str, Any]:
    """Export one part and write it; returns what the manifest says of the file."""
    made = graph.to_onnx(
        part.module, [(name, examples[name]) for name in part.inputs], part.outputs, Path(part.file).stem
    )
    path = folder / part.file
    write_whole(path, made.SerializeToString(deterministic=True))
    return {"bytes": path.stat().st_size, "sha256": file_digest(path), **graph.described(made)}


def _copy_documents(info: BundleInfo, folder: Path) -> dict[str, str]:
    """The model card with its pictures and the licence, where they are; their checksums by name."""
    sources = {}
    card = info.folder / CARD
    try:
        text = card.read_text(encoding="utf-8") if card.is_file() else ""
    except (OSError, ValueError) as error:
        raise OutputError(f"{card} cannot be read ({error}); restore the bundle from its source.") from error
    if text:
        sources = {CARD: card} | {name: info.folder / name for name in sorted(set(_PICTURE.findall(text)))}
    if info.data["license"].startswith(OUR_LICENSE):
        sources[LICENSE] = ROOT / LICENSE
    copied = {}
    for name, source in sources.items():
        if source.is_file():
            (folder / name).parent.mkdir(exist_ok=True)
            write_whole(folder / name, source.read_bytes())
            copied[name] = file_digest(folder / name)
    return copied
