"""What the worker is asked to cut into tiles, as the JSON form of a message."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from ..errors import RequestError
from ..strict import at_least, need, need_flag, need_number, need_text, strictly

LABEL_KINDS = ("hand", "derived", "algorithm", "perimeter", "undocumented")
DEFAULT_SHARES = {"train": 0.6, "val": 0.15, "cal": 0.1, "test": 0.15}


@dataclass(frozen=True)
class LabelLayer:
    """One task and where its labels are.

    Attributes:
        task: identifier as of an expert, such as "reed".
        path: polygons (any vector file, any CRS) or a label raster of whole numbers.
        layer: of a vector file with several; None = the first that has polygons.
        field: of polygons, the attribute that holds the class, a number or a text; None = every polygon is
            class 1.
        classes: what the field's or the raster's values mean: value as text -> class name. The class names
            become classes 0, 1, … in this order, the background first; a name given twice joins values; the
            name "unknown" marks values that are not to be learnt. None = a field of texts has its texts as
            classes in alphabetical order after the background, numbers are the classes themselves, 255
            unknown.
        background: name of class 0; what lies inside `area` (or, without one, inside the raster) and in no
            polygon is class 0. "" = nothing outside the polygons is known. Of a raster, class 0 is called so
            where `classes` is None or lists the name; nothing outside the raster is known.
        colors: class name -> "#rrggbb"; others get one.
        present: class names that make a tile need the expert; None = all but class 0.
        share: see `routerset.TaskSpec`.
        title: what the user reads; None = the task's name.
        label_kind: one of LABEL_KINDS.

    Raises:
        RequestError: a value of the wrong type, or one that can never work.
    """

    task: str
    path: str
    layer: str | None = None
    field: str | None = None
    classes: Mapping[str, str] | None = None
    background: str = "none"
    colors: Mapping[str, str] | None = None
    present: tuple[str, ...] | None = None
    share: float = 0.01
    title: str | None = None
    label_kind: str = "hand"

    def __post_init__(self) -> None:
        for name in ("task", "path"):
            need_text(name, getattr(self, name))
        for name in ("layer", "field", "title"):
            value = getattr(self, name)
            need(name, value, value is None or (isinstance(value, str) and value != ""), "a text or null")
        need("background", self.background, isinstance(self.background, str), "a text")
        for name in ("classes", "colors"):
            value = getattr(self, name)
            texts = isinstance(value, Mapping) and all(
                isinstance(k, str) and isinstance(v, str) for k, v in value.items()
            )
            need(name, value, value is None or (texts and value), "an object of texts, or null")
        if self.present is not None:
            texts = isinstance(self.present, (list, tuple)) and all(isinstance(p, str) for p in self.present)
            need("present", self.present, texts and len(self.present) > 0, "a list of class names, or null")
            object.__setattr__(self, "present", tuple(self.present))
        fits = type(self.share) in (int, float) and 0.0 < self.share <= 1.0
        need("share", self.share, fits, "a number above 0, to 1")
        need("label_kind", self.label_kind, self.label_kind in LABEL_KINDS, " or ".join(LABEL_KINDS))


@dataclass(frozen=True)
class TilesRequest:
    """Rasters and labels to make a routerset of.

    Attributes:
        inputs: rasters, any paths GDAL opens; their order does not matter.
        output: folder of the routerset.
        labels: one for each task.
        area: vector file of polygons, the area that was looked at; tiles are cut only where it is, and what
            is outside is unknown. None = all of each raster.
        bands, radiometry: as in `PredictRequest`; for all inputs alike.
        tile_size: edge in pixels, a multiple of 32.
        stride: pixels from tile to tile; None = `tile_size`, no overlap.
        block_m: edge (m) of the square regions that are put into one split whole; None = 4 tiles, and less
            where that makes too few regions.
        splits: share of each split; all four named, the sum is 1.
        seed: of which region goes into which split.
        keep_unlabelled: keep tiles of which no task's labels say anything.
        least_valid: a tile with a smaller share of valid pixels is left out; where a raster is smaller than
            a tile, of its own pixels.
        licence: of imagery and labels, kept in the catalogue.
        overwrite: replace a routerset in the output folder.
        resume: continue an unfinished one of the same request.
        threads: tiles written at once; None = one for each core. No result depends on it.

    Raises:
        RequestError: a value of the wrong type, or one that can never work.
    """

    inputs: tuple[str, ...]
    output: str
    labels: tuple[LabelLayer, ...]
    area: str | None = None
    bands: str = "auto"
    radiometry: str = "auto"
    tile_size: int = 256
    stride: int | None = None
    block_m: float | None = None
    splits: Mapping[str, float] | None = None
    seed: int = 0
    keep_unlabelled: bool = False
    least_valid: float = 0.2
    licence: str = "not stated"
    overwrite: bool = False
    resume: bool = False
    threads: int | None = None

    def __post_init__(self) -> None:
        inputs, labels = self.inputs, self.labels
        listed = isinstance(inputs, (list, tuple)) and all(isinstance(p, str) and p for p in inputs)
        need("inputs", inputs, listed and len(inputs) > 0, "a list of rasters")
        object.__setattr__(self, "inputs", tuple(dict.fromkeys(inputs)))
        need(
            "labels", labels, isinstance(labels, (list, tuple)) and len(labels) > 0, "a list of label layers"
        )
        made = tuple(
            one if isinstance(one, LabelLayer) else strictly(LabelLayer, one, {"task", "path"})
            for one in labels
        )
        object.__setattr__(self, "labels", made)
        names = [one.task for one in made]
        need("labels", names, len(set(names)) == len(names), "each task once")
        for name in ("output", "bands", "radiometry", "licence"):
            need_text(name, getattr(self, name))
        need("area", self.area, self.area is None or isinstance(self.area, str), "a vector file or null")
        size = at_least(self.tile_size, 32) and self.tile_size % 32 == 0
        need("tile_size", self.tile_size, size, "a multiple of 32")
        fits = self.stride is None or (at_least(self.stride, 16) and self.stride <= self.tile_size)
        need("stride", self.stride, fits, "16 to tile_size, or null")
        fits = self.block_m is None or (type(self.block_m) in (int, float) and 0 < self.block_m < 1e7)
        need("block_m", self.block_m, fits, "metres above 0, or null")
        need("seed", self.seed, at_least(self.seed, 0), "0 or more")
        fits = type(self.least_valid) in (int, float) and 0.0 < self.least_valid <= 1.0
        need("least_valid", self.least_valid, fits, "a number above 0, to 1")
        for name in ("keep_unlabelled", "overwrite", "resume"):
            need_flag(name, getattr(self, name))
        need("resume", self.resume, not (self.resume and self.overwrite), "resume or overwrite, not both")
        need_number("threads", self.threads, 1)
        object.__setattr__(self, "splits", _checked_splits(self.splits))

    @classmethod
    def from_json(cls, data: Any) -> TilesRequest:
        """Read the JSON object of a worker message, strictly.

        Raises:
            RequestError: not an object, an unknown or missing key, or a bad value.
        """
        return strictly(cls, data, {"inputs", "output", "labels"})

    def to_json(self) -> dict[str, Any]:
        """The JSON form; `from_json` gives the same request back."""
        data = asdict(self)
        data["inputs"] = list(self.inputs)
        for one in data["labels"]:
            one["present"] = None if one["present"] is None else list(one["present"])
        data["labels"] = list(data["labels"])
        return data

    def absolute(self) -> TilesRequest:
        """The same request with paths that hold from any current folder."""

        def whole(path: str) -> str:
            return os.path.abspath(path) if os.path.exists(path) else path

        return replace(
            self,
            inputs=tuple(whole(path) for path in self.inputs),
            output=os.path.abspath(self.output),
            labels=tuple(replace(one, path=whole(one.path)) for one in self.labels),
            area=None if self.area is None else whole(self.area),
        )


def _checked_splits(splits: Any) -> dict[str, float]:
    if splits is None:
        return dict(DEFAULT_SHARES)
    fine = isinstance(splits, Mapping) and set(splits) == set(DEFAULT_SHARES)
    fine = fine and all(type(v) in (int, float) and v >= 0 for v in splits.values())
    if not fine or abs(sum(splits.values()) - 1.0) > 1e-6 or splits["train"] <= 0:
        raise RequestError(
            f"'splits' is {splits!r}; expected a share of {', '.join(DEFAULT_SHARES)}, together 1, and train "
            f"above 0."
        )
    return {name: float(splits[name]) for name in DEFAULT_SHARES}
