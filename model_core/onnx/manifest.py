"""`manifest.json` of an export: what each file is, how to route with them, and what was checked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from .. import __version__
from ..bundle import BundleInfo
from ..objects.spec import FLOOR
from .agreement import LEAST_EQUAL, LEAST_FOUND, Agreement
from .names import FORMAT, SCENE, expert_file

INPUT = {
    "reflectance": "float32 (batch, 8, S, S), S the tile_size, bands in the order given; reflectance 0 to 1, "
    "brighter ones as they are; 0 where a pixel is not valid or a band is missing. Scaling is in the graph.",
    "available": "float32 (batch, 8), 1 for a band that there is, 0 for a missing one.",
    "valid": "float32 (batch, 1, S, S), 1 for a pixel with data in all bands that there are, 0 for another "
    "one.",
    "pan": "Where a scene has no band 'pan', HydraNet adds up others with the weights in pan_from, each "
    "divided by the sum of the weights that are used; it needs green and red. Else pan is a missing band.",
}

ROUTING = {
    "scores": "Column 'column' of 'scores' is the calibrated probability that the tile needs the expert: "
    "sigmoid(logit / temperature + bias), already in the graph.",
    "eligible": "Leave out experts with a valid_gsd_m (m) that the pixel size of the scene lies outside of, "
    "and tiles without a valid pixel.",
    "threshold": "Among the eligible experts those with score >= threshold serve the tile, the k strongest "
    "of them at most (HydraNet takes k = 2); of equal scores the lower column first. A tile may go to none.",
    "top-k": "The k eligible experts with the highest scores, whatever these are.",
    "recall": "To miss at most a share a of the tiles that need an expert: with its n needed_scores, "
    "ascending, take m = the largest whole number with (m + 1) / (n + 1) <= a, and needed_scores[m] as its "
    "threshold, or 0 where not even m = 0 fits. No limit k.",
    "features": "Run an expert's file on the features of its tiles only; several tiles form one batch.",
}

KINDS = {
    "classes": "'probabilities' (batch, C, S, S) sum to 1 over the classes; the map is the largest one's "
    "value.",
    "probability": "'probabilities' (batch, 1, S, S), 0 to 1.",
    "density": "'values' (batch, C, S, S) in the expert's unit.",
    "objects": "A query n of a tile is an object where scores[n] >= least_scores[labels[n]]. 'boxes' are x0, "
    "y0, x1, y1 and 'rectangles' four corners x, y, in pixels of the tile; 'groups', 'experts' and 'weights' "
    f"tell which of the network's inner experts served it. HydraNet looks at no score below {FLOOR:g}.",
    "heads": "Of an expert with heads 'probabilities' is their mean, and 'expected_entropy' the mean of "
    "their entropies in parts of the largest, log(C), or log(2) of a probability. The entropy of the mean, "
    "in the same parts, is the total uncertainty; what it has more is the model's own, the rest lies in the "
    "image.",
    "no_data": "What is told of pixels that are not valid has no meaning.",
}


def manifest(
    info: BundleInfo,
    versions: Mapping[str, str],
    files: Mapping[str, Mapping[str, Any]],
    documents: Mapping[str, str],
    opset: tuple[int, int],
    agreements: Mapping[str, Agreement],
    tiles: Mapping[str, int],
) -> dict[str, Any]:
    """The whole of manifest.json.

    Args:
        info: the bundle.
        versions: of the libraries that made and checked the files.
        files: by name what `graph.described` says, with "bytes" and "sha256".
        documents: SHA-256 of what was copied beside, by name.
        opset: of the operators, and the version of the format.
        agreements: what was compared, by file.
        tiles: number of tiles of each kind that this was done on.
    """
    data = info.data
    return {
        "format": FORMAT,
        "made_with": {"hydranet": __version__, **versions},
        "model": {
            **{key: data[key] for key in ("id", "version", "title", "description", "license")},
            "sha256": info.sha256,
        },
        "opset": opset[0],
        "ir_version": opset[1],
        "input": {**data["input"], "meaning": INPUT},
        "files": dict(files),
        "documents": dict(documents),
        "experts": [_expert(info, column, files) for column in range(len(info.experts))],
        "scene": _scene(info, files),
        "objects": _objects(info, files),
        "routing": ROUTING,
        "outputs": KINDS,
        "check": {
            "against": "torch on the CPU, float32, as `hydranet predict --precision fp32` runs it; "
            "onnxruntime on one thread, every file on the features that the first one gave",
            "tiles": dict(tiles),
            "tile_kinds": {
                "random": "made-up ones: dark to very bright, missing bands, parts without data",
                "sample": "of the real scenes that come with HydraNet",
            },
            "tolerance": f"of features, logits and values in parts of the largest; {LEAST_EQUAL:.1%} of the "
            f"pixels must have the same class, {LEAST_FOUND:.0%} of the objects must be found by both",
            "files": {name: one.as_dict() for name, one in agreements.items()},
        },
    }


def _expert(info: BundleInfo, column: int, files: Mapping[str, Any]) -> dict[str, Any]:
    expert = info.experts[column]
    file = expert_file(expert.name)
    return {
        **expert.as_dict(),
        "column": column,
        "file": file if file in files else None,
        "multiply_adds": info.macs.experts[expert.name],
    }


def _scene(info: BundleInfo, files: Mapping[str, Any]) -> dict[str, Any] | None:
    scene = info.scene
    if scene is None:
        return None
    keys = ("title", "classes", "branches", "k", "temperature", "valid_gsd_m")
    told = {key: scene.as_dict()[key] for key in keys}
    return {
        **told,
        "file": SCENE if SCENE in files else None,
        "meaning": "'probabilities' (batch, classes) of the whole tile, calibrated; 'branches' tells those "
        "that the gate chose. A graph cannot leave out a tile's branches: all are computed, the others "
        "weighted with 0.",
    }


def _objects(info: BundleInfo, files: Mapping[str, Any]) -> dict[str, Any] | None:
    objects = info.objects
    if objects is None:
        return None
    file = expert_file(objects.expert)
    return {
        "expert": objects.expert,
        "file": file if file in files else None,
        "queries": objects.queries,
        "least_scores": list(objects.thresholds),
        "floor": FLOOR,
        "meaning": "A graph cannot leave out a query's experts: all are computed, the others weighted with 0."
        "",
    }


def listed(found: Mapping[str, Any]) -> Sequence[str]:
    """Names of the files that a manifest lists.

    Raises:
        ValueError, KeyError, TypeError, AttributeError: it is none.
    """
    if found["format"] != FORMAT:
        raise ValueError(f"format {found['format']!r}")
    return [*found["files"], *found["documents"]]
