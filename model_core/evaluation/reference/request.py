"""What the worker is asked to compare with a reference, as the JSON form of a message."""

from __future__ import annotations

import os
import shlex
import subprocess
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from ...strict import need, need_flag, need_number, need_text, strictly

DEFAULT_SHARE = 0.01


@dataclass(frozen=True)
class EvaluateRequest:
    """One comparison.

    Attributes:
        input: a class raster, or a run folder.
        output: folder of the report.
        reference: polygons (any vector file, any CRS) or a raster of classes (any CRS and pixel size; the
            nearest pixel counts).
        expert: of a run folder, the expert whose raster is compared; None = the only one of kind `classes`
            that it has. None for a plain raster.
        layer: of a vector file with several; None = the first that has polygons.
        field: of polygons, the attribute that holds the class; None = every polygon is class 1.
        classes: what the reference's values mean: value as text -> class of the raster, as its value or its
            name; "unknown" = not compared. None = texts are names of classes, numbers their values.
        background: class (value or name) of what lies inside `area` and in no polygon; None = not compared.
        area: vector file of polygons, what was looked at; None = all of the raster.
        share: a tile needs the expert when at least this share of its compared pixels is content; for the
            router's figures of a run folder.
        overwrite: replace a report in the output folder.
        threads: None = one for each core. No result depends on it.

    Raises:
        RequestError: a value of the wrong type, or one that can never work.
    """

    input: str
    output: str
    reference: str
    expert: str | None = None
    layer: str | None = None
    field: str | None = None
    classes: Mapping[str, str] | None = None
    background: str | None = None
    area: str | None = None
    share: float = DEFAULT_SHARE
    overwrite: bool = False
    threads: int | None = None

    def __post_init__(self) -> None:
        for name in ("input", "output", "reference"):
            need_text(name, getattr(self, name))
        for name in ("expert", "layer", "field", "background", "area"):
            value = getattr(self, name)
            need(name, value, value is None or (isinstance(value, str) and value != ""), "a text or null")
        texts = isinstance(self.classes, Mapping) and all(
            isinstance(k, str) and isinstance(v, str) for k, v in self.classes.items()
        )
        need(
            "classes",
            self.classes,
            self.classes is None or (texts and self.classes),
            "an object of texts, or null",
        )
        fits = type(self.share) in (int, float) and 0.0 < self.share <= 1.0
        need("share", self.share, fits, "a number above 0, to 1")
        need_flag("overwrite", self.overwrite)
        need_number("threads", self.threads, 1)

    @classmethod
    def from_json(cls, data: Any) -> EvaluateRequest:
        """Read the JSON object of a worker message, strictly.

        Raises:
            RequestError: not an object, an unknown or missing key, or a bad value.
        """
        return strictly(cls, data, {"input", "output", "reference"})

    def to_json(self) -> dict[str, Any]:
        """The JSON form; `from_json` gives the same request back."""
        data = asdict(self)
        data["classes"] = None if self.classes is None else dict(self.classes)
        return data

    def command(self) -> str:
        """The command line that does the same, for a shell of this system."""
        words = ["hydranet", "evaluate", self.input]
        # --name=value in one word: a value may begin with a minus sign.
        words += [f"--reference={self.reference}", f"--out={self.output}"]
        for name in ("expert", "layer", "field", "background", "area", "threads"):
            if (value := getattr(self, name)) is not None:
                words.append(f"--{name}={value}")
        words += [f"--class={value}={meaning}" for value, meaning in (self.classes or {}).items()]
        words += [f"--share={self.share!r}"] if self.share != DEFAULT_SHARE else []
        words += ["--overwrite"] if self.overwrite else []
        return subprocess.list2cmdline(words) if os.name == "nt" else shlex.join(words)

    def absolute(self) -> EvaluateRequest:
        """The same request with paths that hold from any current folder."""

        def whole(path: str) -> str:
            return os.path.abspath(path) if os.path.exists(path) else path

        return replace(
            self,
            input=whole(self.input),
            output=os.path.abspath(self.output),
            reference=whole(self.reference),
            area=None if self.area is None else whole(self.area),
        )
