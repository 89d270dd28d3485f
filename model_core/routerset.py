"""A routerset: tiles with labels of a user's own, from which experts and switcher rows are trained.

```
routerset.json      what the tasks are, how the tiles were made, how many lie in which split
catalog.csv         a row for each tile; the columns of the catalogue of a training pack, see `COLUMNS`
relevance.csv       id, then a column for each task: 1 needed, 0 not needed, empty = unknown
scenes/<id>.tif     uint16, reflectance x 10000, NoData 0; a band for each that exists, with its name. A PAN
                    that was synthesised is none; of a display image it is the reflectance it was taken for
labels/<id>__<task>.tif   uint8 on the same grid, 255 = unknown
contact_sheet.png   what there is, for the eye
```

Whatever reads a training pack reads a routerset too, as far as its tasks are those of the bundled model.
Nothing here needs torch.
"""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from .errors import RequestError
from .spec import ClassSpec, ExpertSpec

FORMAT = "hydranet-routerset/1"
SET_FILE, CATALOG_FILE, RELEVANCE_FILE = "routerset.json", "catalog.csv", "relevance.csv"
SCENES, LABELS, CONTACT_SHEET = "scenes", "labels", "contact_sheet.png"
SPLITS = ("train", "val", "cal", "test")
UNKNOWN = 255
"""Label value that is never trained or scored on."""

COLUMNS = (
    "id", "file", "source", "sensor", "gsd_m", "bands", "radiometry", "tasks", "label_kind", "region",
    "split", "licence",
)  # fmt: skip
"""Of catalog.csv. `bands` and `tasks` are lists with `;`, `label_kind` is `task:kind;task:kind`."""

MAX_SET_BYTES = 4 * 2**20


@dataclass(frozen=True)
class TaskSpec:
    """One task that the tiles have labels for.

    Attributes:
        name: identifier as of an expert, such as "reed".
        title: what the user reads.
        classes: numbered from 0; class 0 is the background, drawn transparent.
        present: class values that are the task's content.
        share: a tile needs the expert when at least this share of its valid pixels is content.
        known: a tile is free of the content only if this share of its valid pixels is labelled.
        label_kind: where the labels are from: "hand", "derived", "algorithm", "perimeter" or "undocumented".
    """

    name: str
    title: str
    classes: tuple[ClassSpec, ...]
    present: tuple[int, ...]
    share: float = 0.01
    known: float = 0.6
    label_kind: str = "hand"

    def __post_init__(self) -> None:
        """Check.

        Raises:
            BundleError: no expert could be called so, or have such classes.
            RequestError: values that fit no classes, or shares outside 0 to 1.
        """
        self.expert()
        values = {item.value for item in self.classes}
        if len(self.classes) < 2:
            raise RequestError(f"Task '{self.name}' has {len(self.classes)} classes; expected 2 or more.")
        if not self.present or not set(self.present) <= values:
            raise RequestError(
                f"Task '{self.name}' has content {list(self.present)}; expected some of its class values "
                f"{sorted(values)}."
            )
        if not (0.0 < self.share <= 1.0 and 0.0 < self.known <= 1.0):
            raise RequestError(
                f"Task '{self.name}' has share {self.share} and known {self.known}; expected above 0, to 1."
            )

    def expert(self, **more: Any) -> ExpertSpec:
        """The expert that is trained for it; `more` are further fields of `ExpertSpec`."""
        return ExpertSpec(self.name, self.title, "classes", len(self.classes), self.classes, **more)

    def as_dict(self) -> dict[str, Any]:
        """JSON form."""
        return {
            **asdict(self),
            "classes": [vars(item) for item in self.classes],
            "present": list(self.present),
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> TaskSpec:
        """Read the JSON form.

        Raises:
            KeyError, TypeError, ValueError, AttributeError: it is another.
            BundleError, RequestError: a value that cannot be.
        """
        classes = tuple(ClassSpec(int(c["value"]), str(c["name"]), c["color"]) for c in data["classes"])
        return cls(**{**data, "classes": classes, "present": tuple(int(value) for value in data["present"])})


@dataclass(frozen=True)
class Entry:
    """One tile as the catalogue has it.

    Attributes:
        id: names its files.
        source: the raster it was cut from.
        sensor: as known of the raster, may be "".
        gsd_m: ground sampling distance (m), None = not known.
        bands: names of the bands in the file, in its order.
        radiometry: "toa", "boa" or "display"; "" = not known.
        tasks: those that it has a label raster for.
        label_kind: by task.
        region: the block it lies in; tiles of one region are in one split.
        split: one of `SPLITS`.
        licence: as stated by the user.
        relevance: by task, 1 needed, 0 not needed; a task that is missing is unknown.
    """

    id: str
    source: str
    sensor: str
    gsd_m: float | None
    bands: tuple[str, ...]
    radiometry: str
    tasks: tuple[str, ...]
    label_kind: Mapping[str, str]
    region: str
    split: str
    licence: str
    relevance: Mapping[str, int]

    @property
    def file(self) -> str:
        """Its image, below the routerset."""
        return f"{SCENES}/{self.id}.tif"

    def label_file(self, task: str) -> str:
        """Its label raster for a task, below the routerset."""
        return f"{LABELS}/{self.id}__{task}.tif"

    def row(self) -> dict[str, str]:
        """As catalog.csv has it."""
        return {
            "id": self.id,
            "file": self.file,
            "source": self.source,
            "sensor": self.sensor,
            "gsd_m": "" if self.gsd_m is None else f"{self.gsd_m:.6g}",
            "bands": ";".join(self.bands),
            "radiometry": self.radiometry,
            "tasks": ";".join(self.tasks),
            "label_kind": ";".join(f"{task}:{self.label_kind[task]}" for task in self.tasks),
            "region": self.region,
            "split": self.split,
            "licence": self.licence,
        }


@dataclass(frozen=True)
class RouterSet:
    """What a routerset holds, read and checked; its rasters are not touched.

    Attributes:
        folder: where it lies.
        tasks: what the tiles have labels for.
        tile_size: edge of the tiles in pixels.
        entries: in the order of the catalogue.
        data: the whole of routerset.json.
    """

    folder: Path
    tasks: tuple[TaskSpec, ...]
    tile_size: int
    entries: tuple[Entry, ...]
    data: Mapping[str, Any]

    def task(self, name: str) -> TaskSpec:
        """The task called `name`.

        Raises:
            RequestError: there is none.
        """
        for task in self.tasks:
            if task.name == name:
                return task
        names = ", ".join(task.name for task in self.tasks)
        raise RequestError(f"The routerset '{self.folder}' has no task '{name}'; its tasks are {names}.")

    def of(self, split: str) -> list[Entry]:
        """The tiles of one split."""
        return [entry for entry in self.entries if entry.split == split]


def relevance_of(label: np.ndarray, valid: np.ndarray, task: TaskSpec) -> int | None:
    """Whether a tile needs the task's expert, by its labels alone.

    Args:
        label: uint8 (H, W), 255 = unknown.
        valid: bool (H, W).
        task: what is content, and how much of it counts.

    Returns:
        1 needed, 0 not needed, None = the labels do not tell.
    """
    count = int(valid.sum())
    if not count:
        return None
    content = int((np.isin(label, task.present) & valid).sum())
    if content >= task.share * count:
        return 1
    known = int(((label != UNKNOWN) & valid).sum())
    return 0 if known >= task.known * count else None


def catalog_text(entries: Sequence[Entry]) -> str:
    """The content of catalog.csv."""
    text = io.StringIO()
    table = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    table.writeheader()
    table.writerows(entry.row() for entry in entries)
    return text.getvalue()


def relevance_text(entries: Sequence[Entry], tasks: Sequence[TaskSpec]) -> str:
    """The content of relevance.csv."""
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    names = [task.name for task in tasks]
    table.writerow(["id", *names])
    table.writerows([entry.id, *(entry.relevance.get(name, "") for name in names)] for entry in entries)
    return text.getvalue()


def set_text(tasks: Sequence[TaskSpec], tile_size: int, more: Mapping[str, Any]) -> str:
    """The content of routerset.json; `more` says how the tiles were made."""
    data = {"format": FORMAT, "tile_size": tile_size, "tasks": [task.as_dict() for task in tasks], **more}
    return json.dumps(data, indent=1, ensure_ascii=False) + "\n"


def read_routerset(folder: Path) -> RouterSet:
    """Read and check the three text files of a routerset.

    Raises:
        RequestError: one is missing, cannot be read, or does not say what it should.
    """
    try:
        if (folder / SET_FILE).stat().st_size > MAX_SET_BYTES:
            raise RequestError(
                f"'{folder / SET_FILE}' is larger than {MAX_SET_BYTES} bytes; it is no routerset."
            )
        data = json.loads((folder / SET_FILE).read_text(encoding="utf-8"))
        catalog = (folder / CATALOG_FILE).read_text(encoding="utf-8-sig")  # Excel's mark, if it was there
        relevance = (folder / RELEVANCE_FILE).read_text(encoding="utf-8-sig")
    except FileNotFoundError as error:
        name = Path(str(error.filename)).name
        raise RequestError(
            f"No routerset in '{folder}': {name} is missing; choose a folder that `hydranet tiles` (in QGIS: "
            "Export training tiles) finished."
        ) from None
    except (OSError, ValueError, RecursionError) as error:
        raise RequestError(f"The routerset '{folder}' cannot be read ({error}); make it again.") from error
    if not isinstance(data, dict) or data.get("format") != FORMAT:
        raise RequestError(f"'{folder / SET_FILE}' is no '{FORMAT}'; make the tiles again with this version.")
    try:
        tasks = tuple(TaskSpec.from_dict(entry) for entry in data["tasks"])
        needs = {row["id"]: row for row in csv.DictReader(io.StringIO(relevance))}
        rows = list(csv.DictReader(io.StringIO(catalog)))
        entries = tuple(_entry(row, needs[row["id"]], tasks) for row in rows)
        size = int(data["tile_size"])
    except (KeyError, TypeError, ValueError, AttributeError, csv.Error) as error:
        raise RequestError(
            f"The routerset '{folder}' cannot be understood ({error!r}); make it again."
        ) from error
    names = [entry.id for entry in entries]
    if len({task.name for task in tasks}) != len(tasks):
        raise RequestError(f"The routerset '{folder}' names a task twice; make it again.")
    if not tasks or not entries or len(set(names)) != len(names) or size < 32 or size % 32:
        raise RequestError(
            f"The routerset '{folder}' has {len(tasks)} tasks and {len(entries)} tiles of {size} pixels with "
            f"{len(set(names))} names; expected some, each with its own name, of a multiple of 32 pixels."
        )
    return RouterSet(folder, tasks, size, entries, data)


def _entry(row: Mapping[str, str], needs: Mapping[str, str], tasks: Sequence[TaskSpec]) -> Entry:
    name = row["id"]
    if not name or any(mark in name for mark in "/\\:") or name.startswith(".") or not name.isprintable():
        raise ValueError(f"tile id {name!r}")  # it names files: nothing outside the folder
    if row["split"] not in SPLITS:
        raise ValueError(f"split {row['split']!r}")
    gsd_m = float(row["gsd_m"]) if row["gsd_m"] else None
    if gsd_m is not None and not 0.0 < gsd_m < math.inf:
        raise ValueError(f"gsd_m {row['gsd_m']!r}")
    told = {task.name: int(needs[task.name]) for task in tasks if needs[task.name] != ""}
    if not set(told.values()) <= {0, 1}:
        raise ValueError(f"relevance of {name}")
    known = {task.name for task in tasks}
    named = tuple(part for part in row["tasks"].split(";") if part in known)
    kinds = dict(part.split(":") for part in row["label_kind"].split(";") if part.count(":") == 1)
    return Entry(
        name,
        row["source"],
        row["sensor"],
        gsd_m,
        tuple(part for part in row["bands"].split(";") if part),
        row["radiometry"],
        named,
        {task: kinds[task] for task in named},
        row["region"],
        row["split"],
        row["licence"],
        told,
    )
