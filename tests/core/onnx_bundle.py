"""A small bundle with an expert of every kind, with numbers as a training leaves them, not as it begins."""

from __future__ import annotations

from pathlib import Path

import torch

from model_core.bands import BANDS
from model_core.bundle import write_bundle
from model_core.networks.branches import pooled
from model_core.networks.hydranet import HydraNet
from model_core.networks.objects.detector import ObjectsExpert
from model_core.objects.spec import ObjectsSpec
from model_core.scene_expert import SceneExpertSpec
from model_core.spec import ClassSpec, ExpertSpec
from tests.core.test_bundle import SMALL

SIZE = 64
CLASSES = (ClassSpec(0, "low", None), ClassSpec(1, "middle", "#888888"), ClassSpec(2, "high", "#ffee00"))
TWO = (ClassSpec(0, "ship", "#e4572e"), ClassSpec(1, "building", "#8b5cf6"))
OBJECTS = ObjectsSpec("objects", "full", 30, 8, 16, 1, 2, 4, 1, 2, 12, (0.3, 0.4))
SCENE = SceneExpertSpec(
    "Scene", ("sea", "field", "wood", "town"), ((0,), (1, 2), (3,)), k=2, temperature=1.7,
    valid_gsd_m=(5.0, 60.0), level=2, width=8, depth=1, macs_common=1, macs_branch=1,
)  # fmt: skip
EXPERTS = (
    ExpertSpec("land", "Land", "classes", 3, CLASSES, temperature=0.7, bias=0.4, needed_scores=(0.2, 0.6)),
    ExpertSpec("fog", "Fog", "probability", 1, temperature=2.0, bias=-0.5, valid_gsd_m=(1.0, 20.0)),
    ExpertSpec("depth", "Depth", "density", 2, unit="m", simulated=True),
    ExpertSpec("hydra", "Hydra of land", "classes", 3, CLASSES, heads=3),
    ExpertSpec("fogs", "Hydra of fog", "probability", 1, heads=2),
    ExpertSpec("objects", "Objects", "objects", 2, TWO),
)


def lively(spec: ObjectsSpec) -> ObjectsExpert:
    """An objects expert that finds something, and whose routers tell queries apart."""
    made = ObjectsExpert.of(spec, 2, SMALL.encoder_widths)
    with torch.no_grad():
        for name, value in made.named_parameters():
            if "router" in name or ".score." in name:
                value.add_(torch.randn_like(value) * 0.4)
            elif ".box.2" in name:
                value.add_(torch.randn_like(value) * 0.05)
        made.dense.out.weight[:2].mul_(40)
        made.dense.out.bias[:2] = -0.5
    return made.eval()


def network() -> HydraNet:
    """Folded, as bundles hold it."""
    torch.manual_seed(0)
    made = HydraNet(
        SMALL,
        {expert.name: expert.channels for expert in EXPERTS},
        heads={expert.name: expert.heads for expert in EXPERTS},
        scene=SCENE,
        objects=OBJECTS,
    ).eval()
    torch.nn.init.normal_(made.encoder.availability, std=0.3)
    made.experts["objects"] = lively(OBJECTS)
    gate = made.scene.body.gate.linear
    with torch.no_grad():  # reads in what tiles differ, as one that was trained does
        dark_to_bright = torch.rand(6, 8, 64, 64) * torch.linspace(0.1, 1.0, 6)[:, None, None, None]
        features = made.encode(dark_to_bright, torch.ones(6, 8), torch.ones(6, 1, 64, 64))
        usual = pooled(*made.scene.stem(features)).mean(0)
        gate.weight.normal_(0.0, 30.0)
        gate.bias.copy_(-gate.weight @ usual)
    return made.folded()


def write(folder: Path) -> Path:
    """The bundle, with tiles of `SIZE` pixels."""
    data = {
        "id": "tiny", "version": "1.0", "title": "Tiny", "description": "For tests.", "license": "none",
        "created": "2026-01-01", "network": SMALL.as_dict(),
        "input": {
            "bands": [{"name": band.name, "wavelength_nm": band.wavelength_nm} for band in BANDS],
            "tile_size": SIZE,
        },
        "experts": [expert.as_dict() for expert in EXPERTS],
        "scene": SCENE.as_dict(), "objects": OBJECTS.as_dict(),
        "macs": {"encoder": 1, "switcher": 1, "experts": {expert.name: 1 for expert in EXPERTS}},
        "training": {}, "metrics": {}, "mlm": {},
    }  # fmt: skip
    return write_bundle(folder, data, network().state_dict()).folder
