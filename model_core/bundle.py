"""The model bundle: `model.json` says everything about the model, `weights.safetensors` holds its numbers.

Loading is strict. An unknown or missing key, a wrong hash, a tensor of another shape is an error with
one sentence; nothing is ever dropped, guessed or unpickled.
"""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .errors import BundleError
from .objects.spec import ObjectsSpec
from .scene_expert import SceneExpertSpec
from .spec import ExpertSpec, Macs

FORMAT = "hydranet-bundle/4"
PIXELS = "hydranet-bundle/3"
"""The same without an objects expert: read as what it is."""
PLAIN = "hydranet-bundle/2"
"""As `PIXELS`, but without a scene expert, and without heads."""
FORMER = "hydranet-bundle/1"
"""As `PLAIN`, but its experts lack `needed_scores`."""
MODEL_FILE = "model.json"
WEIGHTS_FILE = "weights.safetensors"
MAX_MODEL_BYTES = 4 * 1024 * 1024
MAX_WEIGHT_BYTES = 1024 * 1024 * 1024

KEYS = frozenset(
    {
        "format",
        "id",
        "version",
        "title",
        "description",
        "license",
        "created",
        "network",
        "input",
        "experts",
        "scene",
        "objects",
        "macs",
        "training",
        "metrics",
        "mlm",
        "sha256",
    }
)

KEYS_OF = {
    FORMAT: KEYS,
    PIXELS: KEYS - {"objects"},
    PLAIN: KEYS - {"objects", "scene"},
    FORMER: KEYS - {"objects", "scene"},
}
"""What each format that is read has, by its name."""


@dataclass(frozen=True)
class BundleInfo:
    """What `model.json` says, checked; reading it needs no torch.

    Attributes:
        folder: where the bundle lies.
        data: the whole of model.json.
        experts: in the order of the switcher's scores.
        macs: what each part costs.
        scene: the scene expert, or None.
        objects: shape and thresholds of the expert of kind `objects`, or None where there is none.
        sha256: identity of the bundle; it covers model.json and, through it, the weights.
    """

    folder: Path
    data: dict[str, Any]
    experts: tuple[ExpertSpec, ...]
    macs: Macs
    scene: SceneExpertSpec | None
    objects: ObjectsSpec | None
    sha256: str

    @property
    def tile_size(self) -> int:
        """Edge of the square tiles the model reads, in pixels."""
        return int(self.data["input"]["tile_size"])


def description_digest(data: dict[str, Any]) -> str:
    """SHA-256 of model.json's content without its own digest, in canonical JSON: "sha256:<hex>"."""
    content = {key: value for key, value in data.items() if key != "sha256"}
    content["weights_sha256"] = data.get("sha256", {}).get(WEIGHTS_FILE)
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"


def file_digest(path: Path) -> str:
    """SHA-256 of a file, read in pieces: "sha256:<hex>"."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return f"sha256:{digest.hexdigest()}"


def read_info(folder: Path, *, former: bool = False) -> BundleInfo:
    """Read and check model.json; the weights are not touched.

    Args:
        folder: holds model.json.
        former: also take a bundle of the former format, as one without a single calibration tile.

    Raises:
        BundleError: missing, unreadable, of another format, altered, or inconsistent.
    """
    path = folder / MODEL_FILE
    try:
        if path.stat().st_size > MAX_MODEL_BYTES:
            raise BundleError(f"{path} is larger than {MAX_MODEL_BYTES} bytes; it is no bundle description.")
        data = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise BundleError(
            f"No model bundle in {folder}: {MODEL_FILE} is missing; choose a bundle folder."
        ) from None
    except (OSError, ValueError) as error:
        raise BundleError(f"{path} cannot be read ({error}); restore the bundle from its source.") from error
    found = data.get("format") if isinstance(data, dict) else None
    if found == FORMER and not former:
        raise BundleError(
            f"{path} is of format '{FORMER}', without the scores that the recall policy needs; add them "
            "with `hydranet calibrate --data PACK --bundle FOLDER`, or choose a newer bundle."
        )
    keys = KEYS_OF.get(found) if isinstance(found, str) else None
    if keys is None:
        raise BundleError(f"{path} is not a '{FORMAT}' description; choose a bundle made for this version.")
    if set(data) != keys:
        raise BundleError(
            f"{path} has unknown keys {sorted(set(data) - keys)} and lacks {sorted(keys - set(data))}; "
            "the bundle was written by another version."
        )
    digest = description_digest(data) if isinstance(data["sha256"], dict) else ""
    if not digest or data["sha256"].get(MODEL_FILE) != digest:
        raise BundleError(
            f"{path} does not match its own checksum: it was altered or damaged; restore the bundle."
        )
    try:
        data = _as_now(data)
        experts = tuple(ExpertSpec.from_dict(entry) for entry in data["experts"])
        costs = data["macs"]
        scene = None if data["scene"] is None else SceneExpertSpec.from_dict(data["scene"])
        objects = None if data["objects"] is None else ObjectsSpec.from_dict(data["objects"])
        macs = Macs(
            costs["encoder"], costs["switcher"], dict(costs["experts"]),
            0 if scene is None else scene.macs_common + scene.k * scene.macs_branch,
        )  # fmt: skip
        tile_size = int(data["input"]["tile_size"])
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise BundleError(f"{path} cannot be understood ({error!r}); restore the bundle.") from error
    names = [expert.name for expert in experts]
    if not names or len(set(names)) != len(names) or set(macs.experts) != set(names):
        raise BundleError(f"{path} lists experts {names}, which do not match its costs; restore the bundle.")
    _check_objects(path, experts, objects)
    numbers = (macs.encoder, macs.switcher, *macs.experts.values())
    if len(costs) != 3 or not all(type(n) is int and n >= 0 for n in numbers):
        raise BundleError(
            f"{path} has costs that are unknown or no whole numbers from 0; restore the bundle."
        )
    if tile_size < 32 or tile_size % 32:
        raise BundleError(f"{path} asks for tiles of {tile_size} pixels; expected a multiple of 32.")
    return BundleInfo(folder, data, experts, macs, scene, objects, digest)


def _check_objects(path: Path, experts: tuple[ExpertSpec, ...], objects: ObjectsSpec | None) -> None:
    """Raise BundleError unless the objects section and the experts of kind `objects` belong together."""
    found = [expert for expert in experts if expert.kind == "objects"]
    told = None if objects is None else objects.expert
    if [expert.name for expert in found] != [told] * (objects is not None):
        raise BundleError(
            f"{path} lists experts of kind 'objects' {[expert.name for expert in found]} but describes the "
            f"network of {told!r}; expected one and the same expert in both, or none; restore the bundle."
        )
    if objects is not None and len(objects.thresholds) != found[0].channels:
        raise BundleError(
            f"{path} has {len(objects.thresholds)} thresholds for the {found[0].channels} classes of expert "
            f"'{told}'; expected one for each; restore the bundle."
        )


def _as_now(data: dict[str, Any]) -> dict[str, Any]:
    """A description of an older format as one of this format says the same.

    Raises:
        BundleError: an expert has a key that its format did not know.
    """
    if data["format"] == FORMAT:
        return data
    added: dict[str, Any] = {PLAIN: {"heads": 1}, FORMER: {"heads": 1, "needed_scores": []}}.get(
        data["format"], {}
    )
    for expert in data["experts"]:
        if known := sorted(set(added) & set(expert)):
            raise BundleError(
                f"Expert '{expert.get('name')}' in model.json has keys {known}, which '{data['format']}' "
                "does not know; restore the bundle."
            )
    experts = [{**expert, **added} for expert in data["experts"]]
    # Scene and objects behind the experts, as in a new bundle: an upgraded one is written as that would be.
    parts: dict[str, dict[str, Any]] = {"format": {"format": FORMAT}, "experts": {"experts": experts}}
    if "scene" in data:
        parts["scene"] = {"scene": data["scene"], "objects": None}
    else:
        parts["experts"] |= {"scene": None, "objects": None}
    return {name: part for key in data for name, part in parts.get(key, {key: data[key]}).items()}


def check_weights(info: BundleInfo) -> Path:
    """Compare the weights with their checksum and return their path.

    Raises:
        BundleError: missing, unreadable or altered.
    """
    path = info.folder / WEIGHTS_FILE
    try:
        if path.stat().st_size > MAX_WEIGHT_BYTES:
            raise BundleError(
                f"{path} is larger than {MAX_WEIGHT_BYTES} bytes; it is not this bundle's file."
            )
        found = file_digest(path)
    except FileNotFoundError:
        raise BundleError(f"{path} is missing; restore the bundle from its source.") from None
    except OSError as error:
        raise BundleError(f"{path} cannot be read ({error}); restore the bundle.") from error
    if found != info.data["sha256"].get(WEIGHTS_FILE):
        raise BundleError(
            f"{path} does not match its checksum: it was altered or damaged; restore the bundle."
        )
    return path


def load_bundle(folder: str | Path, *, device: str = "auto", precision: str = "auto"):
    """Load a bundle as a `Model` (see `model.py`); checksums are verified before any tensor is read.

    Args:
        folder: holds model.json and weights.safetensors.
        device: "cpu", "cuda", "mps" or "auto" (an accelerator if there is one).
        precision: "fp32", "bf16" or "auto" (bf16 where the hardware has it natively).

    Raises:
        BundleError: anything about the bundle that is not as declared.
    """
    info = read_info(Path(folder))
    weights = check_weights(info)
    from .networks.inference import NetworkModel  # torch is needed from here on only

    return NetworkModel.load(info, weights, device=device, precision=precision)


def write_bundle(folder: Path, data: dict[str, Any], weights: dict[str, Any]) -> BundleInfo:
    """Write a bundle whole: both files beside their names first, then renamed, model.json last.

    Args:
        folder: created if missing.
        data: model.json without "format" and "sha256", which are added here.
        weights: tensor by name.
    """
    from safetensors.torch import save_file

    folder.mkdir(parents=True, exist_ok=True)
    weights_part, model_part = folder / f"{WEIGHTS_FILE}.part", folder / f"{MODEL_FILE}.part"
    save_file({key: value.contiguous() for key, value in weights.items()}, weights_part)
    text = _signed({"format": FORMAT, **data, "sha256": {WEIGHTS_FILE: file_digest(weights_part)}})
    model_part.write_text(text, encoding="utf-8")
    os.replace(weights_part, folder / WEIGHTS_FILE)
    os.replace(model_part, folder / MODEL_FILE)
    return read_info(folder)


def write_description(folder: Path, data: dict[str, Any]) -> BundleInfo:
    """Replace model.json, signed anew; the weights stay as they are.

    Args:
        folder: the bundle.
        data: the whole of model.json, with the checksum of the weights.

    Raises:
        BundleError: it grew too large, or is not sound.
    """
    part = folder / f"{MODEL_FILE}.part"
    part.write_text(_signed(data), encoding="utf-8")
    os.replace(part, folder / MODEL_FILE)
    return read_info(folder)


def _signed(data: dict[str, Any]) -> str:
    """The text of model.json with its checksum."""
    data = json.loads(json.dumps(data))  # what is hashed is what will be read back
    data["sha256"][MODEL_FILE] = description_digest(data)
    text = json.dumps(data, indent=1, ensure_ascii=False) + "\n"
    if len(text.encode()) > MAX_MODEL_BYTES:
        raise BundleError(
            f"{MODEL_FILE} would be larger than {MAX_MODEL_BYTES} bytes; calibrate with fewer tiles."
        )
    return text
