"""What a prediction is asked to do: plain values that travel as JSON and as a command line."""

from __future__ import annotations

import math
import os
import shlex
import subprocess
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

from .errors import RequestError
from .routing import Policy

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
        overlap: pixels that neighbouring tiles share.
        extent: (xmin, ymin, xmax, ymax) in the raster's CRS, snapped outward to whole pixels; None = all.
        mask: vector file of polygons in any CRS, see `area`; None = no mask.
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
    overlap: int = 64
    extent: tuple[float, float, float, float] | None = None
    mask: str | None = None
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
            self._need(name, isinstance(getattr(self, name), str) and getattr(self, name) != "", "a text")
        for name in ("force_gsd", "skip_damaged", "overwrite", "resume"):
            self._need(name, isinstance(getattr(self, name), bool), "true or false")
        self._need("bundle", self.bundle is None or isinstance(self.bundle, str), "a folder or null")
        self._need("mask", self.mask is None or isinstance(self.mask, str), "a vector file or null")
        self._need("overlap", _at_least(self.overlap, 0), "a number of pixels, 0 or more")
        self._need("threads", self.threads is None or _at_least(self.threads, 1), "1 or more, or null")
        enough = self.memory_mb is None or _at_least(self.memory_mb, LEAST_MEMORY_MB)
        self._need("memory_mb", enough, f"{LEAST_MEMORY_MB} or more, or null")
        self._need("resume", not (self.resume and self.overwrite), "resume or overwrite, not both")
        if self.experts is not None:
            names = self.experts
            is_list = isinstance(names, (list, tuple)) and all(isinstance(name, str) for name in names)
            self._need("experts", is_list, "a list of names or null")
            # No choice is no restriction; a name given twice means no more than once.
            object.__setattr__(self, "experts", tuple(dict.fromkeys(names)) or None)
        if self.extent is not None:
            object.__setattr__(self, "extent", self._checked_extent())
        Policy(self.policy, self.top_k, self.miss_rate)

    def _need(self, name: str, fine: bool, expected: str) -> None:
        if not fine:
            raise RequestError(f"'{name}' is {getattr(self, name)!r}; expected {expected}.")

    def _checked_extent(self) -> tuple[float, float, float, float]:
        try:
            xmin, ymin, xmax, ymax = (float(value) for value in self.extent or ())
        except (TypeError, ValueError):
            xmin = ymin = xmax = ymax = math.nan
        fine = all(math.isfinite(value) for value in (xmin, ymin, xmax, ymax)) and xmin < xmax and ymin < ymax
        self._need("extent", fine, "four numbers xmin, ymin, xmax, ymax, each minimum below its maximum")
        return xmin, ymin, xmax, ymax

    @classmethod
    def from_json(cls, data: Any) -> PredictRequest:
        """Read the JSON object of a worker message or of run.json's `request`, strictly.

        Raises:
            RequestError: not an object, an unknown key, a missing input or output, or a bad value.
        """
        if not isinstance(data, Mapping):
            raise RequestError(f"The request is {data!r:.40}; expected an object with input and output.")
        known = {item.name for item in fields(cls)}
        unknown, missing = sorted(set(data) - known), sorted({"input", "output"} - set(data))
        if unknown or missing:
            raise RequestError(
                f"The request has unknown keys {unknown} and lacks {missing}; "
                f"known are {', '.join(sorted(known))}."
            )
        return cls(**data)

    def to_json(self) -> dict[str, Any]:
        """The JSON form; `from_json` gives the same request back."""
        data = asdict(self)
        data["experts"] = None if self.experts is None else list(self.experts)
        data["extent"] = None if self.extent is None else list(self.extent)
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
        words = ["hydranet", "predict", self.input, self.output]
        # --name=value in one word: a value may begin with a minus sign.
        if self.bundle is not None:
            words.append(f"--bundle={self.bundle}")
        words += [f"--bands={self.bands}", f"--radiometry={self.radiometry}"]
        if self.experts is not None:
            words.append(f"--experts={','.join(self.experts)}")
        words.append(f"--policy={self.policy}")
        limit = f"--miss-rate={self.miss_rate!r}" if self.policy == "recall" else f"--top-k={self.top_k}"
        words.append(limit)
        words.append(f"--overlap={self.overlap}")
        if self.extent is not None:
            words.append("--extent=" + ",".join(repr(value) for value in self.extent))
        defaults = {item.name: item.default for item in fields(self)}
        for name in ("mask", "threads", "memory_mb", "device", "precision"):
            if getattr(self, name) != defaults[name]:
                words.append(f"--{name.replace('_', '-')}={getattr(self, name)}")
        flags = ("force_gsd", "skip_damaged", "overwrite", "resume")
        words += [f"--{name.replace('_', '-')}" for name in flags if getattr(self, name)]
        return subprocess.list2cmdline(words) if os.name == "nt" else shlex.join(words)


def _at_least(value: Any, least: int) -> bool:
    """A whole number that is large enough; True is no number here."""
    return isinstance(value, int) and not isinstance(value, bool) and value >= least
