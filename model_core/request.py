"""What a prediction is asked to do: plain values that travel as JSON and as a command line."""

from __future__ import annotations

import os
import shlex
import subprocess
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

from .errors import RequestError
from .routing import Policy
from .strict import at_least, checked_extent, need, need_flag, need_number, need_text, strictly

LEAST_MEMORY_MB = 64


@dataclass(frozen=True)
class PredictRequest:
    """One prediction.

    Attributes:
        input: the raster, any path GDAL opens.
        output: the run folder.
        bundle: folder of the model bundle; None = the one that comes with HydraNet.
        bands: which raster band is which, see `band_choice.find_mapping`.
        radiometry: how numbers become reflectance, see `radiometry`.
        experts: names of the experts that may be used; None = all.
        policy, top_k, miss_rate: see `routing.Policy`.
        thresholds: of policy `threshold` only, the score from which a tile goes to an expert, by name; an
            expert that is not named keeps the bundle's. None = all do.
        overlap: pixels that neighbouring tiles share.
        extent: (xmin, ymin, xmax, ymax) in the raster's CRS, snapped outward to whole pixels; None = all.
        mask: vector file of polygons in any CRS, see `area`; None = no mask.
        uncertainty: add bands of uncertainty to classes and probabilities, see `uncertainty`.
        object_score: least score of objects, 0 to 1, for all classes; None = the bundle's, class by class. No
            object has a score below `objects.spec.FLOOR`. It chooses among what was found, and does not
            change which tiles are searched: that is the threshold of the objects expert.
        decode: False = scores only: no expert is run and no raster written, see `reroute`.
        force_gsd: use experts also outside the pixel sizes they were trained for.
        skip_damaged: take parts of the raster that cannot be read for NoData instead of failing.
        overwrite: replace a run that is already in the output folder.
        resume: continue an unfinished run of the same request in the output folder, if there is one.
        threads: inference threads; None = one for each core. No result depends on it.
        memory_mb: what batches, queues and caches may take together; None = see `budget`. No result
            depends on it.
        device, precision: see `bundle.load_bundle`.

    Raises:
        RequestError: a value of the wrong type, or one that can never work.
    """

    input: str
    output: str
    bundle: str | None = None
    bands: str = "auto"
    radiometry: str = "auto"
    experts: tuple[str, ...] | None = None
    policy: str = "threshold"
    top_k: int = 2
    miss_rate: float = 0.05
    thresholds: Mapping[str, float] | None = None
    overlap: int = 64
    extent: tuple[float, float, float, float] | None = None
    mask: str | None = None
    uncertainty: bool = False
    object_score: float | None = None
    decode: bool = True
    force_gsd: bool = False
    skip_damaged: bool = False
    overwrite: bool = False
    resume: bool = False
    threads: int | None = None
    memory_mb: int | None = None
    device: str = "auto"
    precision: str = "auto"

    def __post_init__(self) -> None:
        for name in ("input", "output", "bands", "radiometry", "policy", "device", "precision"):
            need_text(name, getattr(self, name))
        for name in ("uncertainty", "decode", "force_gsd", "skip_damaged", "overwrite", "resume"):
            need_flag(name, getattr(self, name))
        need("bundle", self.bundle, self.bundle is None or isinstance(self.bundle, str), "a folder or null")
        need("mask", self.mask, self.mask is None or isinstance(self.mask, str), "a vector file or null")
        need("overlap", self.overlap, at_least(self.overlap, 0), "a number of pixels, 0 or more")
        _check_limits(self.threads, self.memory_mb)
        score = self.object_score
        fits = score is None or (type(score) in (int, float) and 0.0 <= score <= 1.0)
        need("object_score", score, fits, "a number from 0 to 1, or null")
        if score is not None:
            object.__setattr__(self, "object_score", float(score))
        once = not (self.resume and self.overwrite)
        need("resume", self.resume, once, "resume or overwrite, not both")
        decoded = self.decode or not self.uncertainty
        need("uncertainty", self.uncertainty, decoded, "false where nothing is decoded")
        if self.experts is not None:
            names = self.experts
            is_list = isinstance(names, (list, tuple)) and all(isinstance(name, str) for name in names)
            need("experts", names, is_list, "a list of names or null")
            # No choice is no restriction; a name given twice means no more than once.
            object.__setattr__(self, "experts", tuple(dict.fromkeys(names)) or None)
        if self.extent is not None:
            object.__setattr__(self, "extent", checked_extent(self.extent))
        Policy(self.policy, self.top_k, self.miss_rate)
        object.__setattr__(self, "thresholds", _checked_thresholds(self.thresholds, self.policy))

    @classmethod
    def from_json(cls, data: Any) -> PredictRequest:
        """Read the JSON object of a worker message or of run.json's `request`, strictly.

        Raises:
            RequestError: not an object, an unknown key, a missing input or output, or a bad value.
        """
        return strictly(cls, data, {"input", "output"})

    def to_json(self) -> dict[str, Any]:
        """The JSON form; `from_json` gives the same request back."""
        data = asdict(self)
        data["experts"] = None if self.experts is None else list(self.experts)
        data["extent"] = None if self.extent is None else list(self.extent)
        data["thresholds"] = None if self.thresholds is None else dict(self.thresholds)
        return data

    def absolute(self) -> PredictRequest:
        """The same request with paths that hold from any current folder."""
        # An input need not be a file: GDAL also opens names like /vsizip/… or NETCDF:"…":band.
        is_file = os.path.exists(self.input)
        return replace(
            self,
            input=os.path.abspath(self.input) if is_file else self.input,
            output=os.path.abspath(self.output),
            bundle=None if self.bundle is None else os.path.abspath(self.bundle),
            mask=os.path.abspath(self.mask) if self.mask and os.path.exists(self.mask) else self.mask,
        )

    def command(self) -> str:
        """The command line that does the same, for a shell of this system."""
        words = ["hydranet", "predict" if self.decode else "route", self.input, self.output]
        # --name=value in one word: a value may begin with a minus sign.
        if self.bundle is not None:
            words.append(f"--bundle={self.bundle}")
        words += [f"--bands={self.bands}", f"--radiometry={self.radiometry}"]
        if self.experts is not None:
            words.append(f"--experts={','.join(self.experts)}")
        words += _policy_words(self.policy, self.top_k, self.miss_rate, self.thresholds)
        words.append(f"--overlap={self.overlap}")
        if self.extent is not None:
            words.append("--extent=" + ",".join(repr(value) for value in self.extent))
        defaults = {item.name: item.default for item in fields(self)}
        for name in ("mask", "object_score", "threads", "memory_mb", "device", "precision"):
            if getattr(self, name) != defaults[name]:
                words.append(f"--{name.replace('_', '-')}={getattr(self, name)}")
        flags = ("uncertainty", "force_gsd", "skip_damaged", "overwrite", "resume")
        words += [f"--{name.replace('_', '-')}" for name in flags if getattr(self, name)]
        return _shell_line(words)


@dataclass(frozen=True)
class RerouteRequest:
    """A finished run is to be as if it had been made with this policy.

    Attributes:
        run: the run folder.
        policy, top_k, miss_rate, thresholds: as in `PredictRequest`; what is not given is not what the run
            has but what a prediction would take.
        threads, memory_mb: as in `PredictRequest`; None = as the run was asked to.

    Raises:
        RequestError: a value of the wrong type, or one that can never work.
    """

    run: str
    policy: str = "threshold"
    top_k: int = 2
    miss_rate: float = 0.05
    thresholds: Mapping[str, float] | None = None
    threads: int | None = None
    memory_mb: int | None = None

    def __post_init__(self) -> None:
        need("run", self.run, isinstance(self.run, str) and self.run != "", "a run folder")
        _check_limits(self.threads, self.memory_mb)
        Policy(self.policy, self.top_k, self.miss_rate)
        object.__setattr__(self, "thresholds", _checked_thresholds(self.thresholds, self.policy))

    @classmethod
    def from_json(cls, data: Any) -> RerouteRequest:
        """Read the JSON object of a worker message, strictly.

        Raises:
            RequestError: not an object, an unknown key, a missing run, or a bad value.
        """
        return strictly(cls, data, {"run"})

    def of(self, request: PredictRequest) -> PredictRequest:
        """The request of the run, with this policy."""
        return replace(
            request, output=os.path.abspath(self.run), decode=True, policy=self.policy, top_k=self.top_k,
            miss_rate=self.miss_rate, thresholds=self.thresholds,
        )  # fmt: skip

    def command(self) -> str:
        """The command line that does the same, for a shell of this system."""
        words = ["hydranet", "reroute", self.run]
        words += _policy_words(self.policy, self.top_k, self.miss_rate, self.thresholds)
        words += [f"--threads={self.threads}"] if self.threads is not None else []
        words += [f"--memory-mb={self.memory_mb}"] if self.memory_mb is not None else []
        return _shell_line(words)


def read_thresholds(text: str) -> dict[str, float]:
    """Read `water=0.4,roads=0.6`, as the command line has it.

    Raises:
        RequestError: it is anything else, or names an expert twice.
    """
    pairs = [part.split("=") for part in text.split(",")]
    try:
        found = {name.strip(): float(value) for name, value in pairs}
    except ValueError:
        found = {}
    if len(found) != len(pairs) or "" in found:
        raise RequestError(f"'{text}' are no thresholds; write each expert once, as in water=0.4,roads=0.6.")
    return found


def _check_limits(threads: Any, memory_mb: Any) -> None:
    need_number("threads", threads, 1)
    need_number("memory_mb", memory_mb, LEAST_MEMORY_MB)


def _checked_thresholds(thresholds: Any, policy: str) -> dict[str, float] | None:
    """Thresholds by expert as plain numbers; none chosen is the same as no choice."""
    if thresholds is None:
        return None
    fine = isinstance(thresholds, Mapping) and all(
        isinstance(name, str) and type(value) in (int, float) and 0.0 <= value <= 1.0
        for name, value in thresholds.items()
    )
    need("thresholds", thresholds, fine, "an object of experts with numbers from 0 to 1, or null")
    if thresholds and policy != "threshold":
        raise RequestError(
            f"'thresholds' were given with policy '{policy}', which does not use them; "
            "leave them out, or use policy 'threshold'."
        )
    return {name: float(value) for name, value in thresholds.items()} or None


def _policy_words(
    policy: str, top_k: int, miss_rate: float, thresholds: Mapping[str, float] | None
) -> list[str]:
    words = [f"--policy={policy}"]
    words.append(f"--miss-rate={miss_rate!r}" if policy == "recall" else f"--top-k={top_k}")
    if thresholds:
        words.append("--thresholds=" + ",".join(f"{name}={value!r}" for name, value in thresholds.items()))
    return words


def _shell_line(words: list[str]) -> str:
    return subprocess.list2cmdline(words) if os.name == "nt" else shlex.join(words)
