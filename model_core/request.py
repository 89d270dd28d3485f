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
        policy, top_k: see `routing.Policy`.
        overlap: pixels that neighbouring tiles share.
        extent: (xmin, ymin, xmax, ymax) in the raster's CRS, snapped outward to whole pixels; None = all.
        force_gsd: use experts also outside the pixel sizes they were trained for.
        overwrite: replace a run that is already in the output folder.

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
    overlap: int = 64
    extent: tuple[float, float, float, float] | None = None
    force_gsd: bool = False
    overwrite: bool = False

    def __post_init__(self) -> None:
        for name in ("input", "output", "bands", "radiometry", "policy"):
            self._need(name, isinstance(getattr(self, name), str) and getattr(self, name) != "", "a text")
        for name in ("force_gsd", "overwrite"):
            self._need(name, isinstance(getattr(self, name), bool), "true or false")
        self._need("bundle", self.bundle is None or isinstance(self.bundle, str), "a folder or null")
        whole = isinstance(self.overlap, int) and not isinstance(self.overlap, bool)
        self._need("overlap", whole and self.overlap >= 0, "a number of pixels, 0 or more")
        if self.experts is not None:
            names = self.experts
            is_list = isinstance(names, (list, tuple)) and all(isinstance(name, str) for name in names)
            self._need("experts", is_list, "a list of names or null")
            # No choice is no restriction; a name given twice means no more than once.
            object.__setattr__(self, "experts", tuple(dict.fromkeys(names)) or None)
        if self.extent is not None:
            object.__setattr__(self, "extent", self._checked_extent())
        Policy(self.policy, self.top_k)

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
        words += [f"--policy={self.policy}", f"--top-k={self.top_k}", f"--overlap={self.overlap}"]
        if self.extent is not None:
            words.append("--extent=" + ",".join(repr(value) for value in self.extent))
        words += ["--force-gsd"] * self.force_gsd + ["--overwrite"] * self.overwrite
        return subprocess.list2cmdline(words) if os.name == "nt" else shlex.join(words)
