"""Reading a run's `run.json` into plain Python types, for the dock and for loading layers.

What is known of each tile is read by `tile_records`. Nothing is written, and nothing here needs
a project or a window, so it may be used from any thread.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from .errors import RunFolderError
from .i18n import tr
from .run_facts import Fact, facts_of
from .scene_expert import SceneExpert
from .uncertainty import UncertaintyBands

RUN_FILE = "run.json"
ROUTING_FILE = "routing.gpkg"
ROUTING_LAYER = "tiles"
OBJECTS_LAYER = "objects"
OBJECTS = "objects"
"""Kind of the expert whose output is polygons, a layer of a GeoPackage, where those of others are rasters."""
FORMAT = "hydranet-run/"


@dataclass(frozen=True)
class RunClass:
    """One class of an expert; `color` None is the background."""

    value: int
    name: str
    color: str | None


@dataclass(frozen=True)
class FoundObjects:
    """How many objects a run found.

    Attributes:
        count: all of them.
        by_class: by the name of their class; a class without any may be left out.
    """

    count: int
    by_class: Mapping[str, int]

    @classmethod
    def of(cls, item: Mapping[str, Any]) -> FoundObjects | None:
        """What run.json tells of an expert, None where it tells nothing.

        Raises:
            KeyError, TypeError, ValueError, AttributeError: it is damaged.
        """
        told = item.get("objects")
        if told is None:
            return None
        by_class = {str(name): int(number) for name, number in (told.get("by_class") or {}).items()}
        return cls(int(told["count"]), by_class)


@dataclass(frozen=True)
class RunExpert:
    """One expert's part in a run.

    Attributes:
        threshold: calibrated score from which this run routed a tile to it.
        tiles: number of tiles it decoded.
        pixels: pixels it wrote.
        foreground: pixels of classes that are drawn, None if the run did not count them.
        output: its raster, or the GeoPackage of its objects; None if it was never routed.
        style: style file of that output.
        skipped: why it did not take part, None if it did.
        bundle_threshold: calibrated threshold of the bundle, whatever this run used.
        needed_scores: ascending scores of the calibration tiles that need it, for the policy recall.
        macs: multiply-accumulates that it takes to decode a tile, None if unknown.
        seconds: thread time spent in it.
        uncertainty: bands of `output` that hold its uncertainty.
        heads: of its decoder; with several the uncertainty has parts.
        objects: how many it found, None for an expert of another kind.
    """

    name: str
    title: str
    kind: str
    unit: str | None
    classes: tuple[RunClass, ...]
    threshold: float
    simulated: bool
    tiles: int
    pixels: int
    foreground: int | None
    output: Path | None
    style: Path | None
    skipped: str | None
    bundle_threshold: float = 0.5
    needed_scores: tuple[float, ...] = ()
    macs: int | None = None
    seconds: float = 0.0
    description: str = ""
    license: str = ""
    uncertainty: UncertaintyBands = UncertaintyBands()
    heads: int = 1
    objects: FoundObjects | None = None

    @property
    def finds_objects(self) -> bool:
        """Whether its output is a layer of polygons rather than a raster."""
        return self.kind == OBJECTS

    @property
    def source(self) -> str:
        """Its output as a layer source for QGIS, "" if there is none."""
        if self.output is None:
            return ""
        # Beside the objects lies a table of what was found in each tile.
        return f"{self.output}|layername={OBJECTS_LAYER}" if self.finds_objects else str(self.output)

    @property
    def label(self) -> str:
        """Its title; of an expert that no real example taught, wherever it is named, with a word of that."""
        return tr("{title} (simulated)").format(title=self.title) if self.simulated else self.title


@dataclass(frozen=True)
class Run:
    """What `run.json` says.

    Attributes:
        total, empty, masked, abstained, routed: numbers of tiles; the last four add up to the first.
        saved: share of the multiply-accumulates that routing saved, 0 to 1, None if unknown.
        policy, top_k: how experts were chosen ("threshold", "top-k" or "recall").
        miss_rate: share of the tiles in need that the policy recall may miss.
        thresholds: thresholds that the user chose, by expert; empty where the bundle's were used.
        decoded: False for a run of scores only, whose chosen experts were not run.
        encoder_macs, switcher_macs: multiply-accumulates per tile, None if unknown.
        scene_macs: those of the scene expert, which looks at every tile; 0 without one.
        encode_seconds: thread time spent in the encoder, None if unknown.
        uncertainty: whether the rasters have bands of uncertainty.
        scene_expert: what gave every tile a class, None for a run without one.
        reroutes: how often the run was given another policy since it was made.
        bundle: folder of the model bundle that was asked for, None for the plugin's own.
        model: name and version of the model.
        request: the request as run.json keeps it.
        facts: how the raster was read and how experts were chosen, for the log and the dock.
    """

    folder: Path
    created: str
    scene: str
    crs_wkt: str | None
    experts: tuple[RunExpert, ...]
    total: int
    empty: int
    masked: int
    abstained: int
    routed: int
    saved: float | None
    seconds: float | None
    policy: str
    top_k: int
    warnings: tuple[str, ...]
    facts: tuple[Fact, ...]
    command: str
    miss_rate: float = 0.05
    thresholds: Mapping[str, float] = field(default_factory=dict)
    decoded: bool = True
    encoder_macs: int | None = None
    switcher_macs: int | None = None
    scene_macs: int = 0
    encode_seconds: float | None = None
    uncertainty: bool = False
    scene_expert: SceneExpert | None = None
    reroutes: int = 0
    bundle: Path | None = None
    model: str = ""
    request: Mapping[str, Any] = field(default_factory=dict)

    @property
    def encoded(self) -> int:
        """Tiles that went through the encoder."""
        return self.total - self.empty - self.masked

    @property
    def scene_name(self) -> str:
        """File name of the scene without its ending."""
        return Path(self.scene.replace("\\", "/")).stem or self.folder.name

    @property
    def label(self) -> str:
        """Name of the run's layer group: scene and local time, to the second so that no two are alike."""
        return self._named("%Y-%m-%d %H:%M:%S")

    @property
    def short_label(self) -> str:
        """The same to the minute, for a selector."""
        return self._named("%Y-%m-%d %H:%M")

    def _named(self, style: str) -> str:
        try:
            moment = datetime.fromisoformat(self.created.replace("Z", "+00:00"))
        except ValueError:
            return self.scene_name
        return f"{self.scene_name} · {moment.astimezone().strftime(style)}"

    @property
    def routing(self) -> Path:
        """The table of tiles."""
        return self.folder / ROUTING_FILE

    @property
    def routing_uri(self) -> str:
        """The same as a layer source for QGIS."""
        return f"{self.routing}|layername={ROUTING_LAYER}"

    def titles(self) -> dict[str, str]:
        """Label of each expert by name."""
        return {expert.name: expert.label for expert in self.experts}


def is_run(folder: Path) -> bool:
    """Whether `folder` looks like a run."""
    # Not Path.is_file, which raises where a folder may not be entered or a network drive is gone.
    return os.path.isfile(folder / RUN_FILE)


def read_run(folder: Path) -> Run:
    """Read `run.json`.

    Raises:
        RunFolderError: it is missing, not JSON, or of another format.
    """
    path = Path(folder) / RUN_FILE
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise RunFolderError(
            tr("{folder} is not a HydraNet run: it has no {file}; choose a run's own folder.").format(
                folder=folder, file=RUN_FILE
            )
        ) from None
    except (OSError, ValueError) as error:
        raise unreadable(path, error) from error
    if not isinstance(data, dict) or not str(data.get("format", "")).startswith(FORMAT):
        raise RunFolderError(
            tr("{path} does not describe a HydraNet run; choose a run's own folder.").format(path=path)
        )
    if data["format"] != FORMAT + "1":
        raise RunFolderError(
            tr("{path} has format '{found}', this plugin reads '{known}'; update the plugin.").format(
                path=path, found=data["format"], known=FORMAT + "1"
            )
        )
    try:
        return _run(Path(folder), data)
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise RunFolderError(
            tr("{path} is damaged ({kind}: {error}); run HydraNet again.").format(
                path=path, kind=type(error).__name__, error=error
            )
        ) from error


def unreadable(path: Path, error: Exception) -> RunFolderError:
    """The error of a file of a run that cannot be read."""
    return RunFolderError(
        tr("{path} cannot be read ({error}); run HydraNet again.").format(path=path, error=error)
    )


def _run(folder: Path, data: dict[str, Any]) -> Run:
    tiles, scene, policy = data["tiles"], data["scene"], data.get("policy") or {}
    request, macs, model = data.get("request") or {}, data.get("macs") or {}, data.get("model") or {}
    seconds = data.get("seconds") or {}
    return Run(
        folder=folder,
        created=str(data.get("created") or ""),
        scene=str(scene.get("path") or ""),
        crs_wkt=scene.get("crs"),
        experts=tuple(_expert(folder, item) for item in data["experts"]),
        total=int(tiles["total"]),
        empty=int(tiles["empty"]),
        masked=int(tiles.get("masked") or 0),
        abstained=int(tiles["abstained"]),
        routed=int(tiles["routed"]),
        saved=_known(float, macs.get("saved_fraction")),
        seconds=_known(float, seconds.get("total")),
        policy=str(policy.get("kind") or "threshold"),
        top_k=int(policy.get("k") or 1),
        warnings=tuple(str(text) for text in data.get("warnings") or ()),
        facts=facts_of(data),
        command=str(data.get("command") or ""),
        miss_rate=float(policy.get("miss_rate") or request.get("miss_rate") or 0.05),
        thresholds={str(name): float(value) for name, value in (request.get("thresholds") or {}).items()},
        decoded=bool(data.get("decoded", True)),
        encoder_macs=_known(int, macs.get("encoder")),
        switcher_macs=_known(int, macs.get("switcher")),
        scene_macs=int(macs.get("scene") or 0),
        encode_seconds=_known(float, seconds.get("encode")),
        uncertainty=bool(data.get("uncertainty")),
        scene_expert=SceneExpert.of(data),
        reroutes=len(data.get("reroutes") or ()),
        bundle=Path(request["bundle"]) if request.get("bundle") else None,
        model=f"{model.get('id', '')} {model.get('version', '')}".strip(),
        request=request,
    )


def _expert(folder: Path, item: dict[str, Any]) -> RunExpert:
    classes = tuple(
        RunClass(int(c["value"]), str(c["name"]), c.get("color")) for c in item.get("classes") or ()
    )
    counted = item.get("class_pixels") or {}
    drawn = {str(c.value) for c in classes if c.color is not None}
    output, style = item.get("output"), item.get("style")
    return RunExpert(
        name=str(item["name"]),
        title=str(item.get("title") or item["name"]),
        kind=str(item["kind"]),
        unit=item.get("unit"),
        classes=classes,
        threshold=float(item["threshold"]),
        simulated=bool(item.get("simulated")),
        tiles=int(item.get("tiles") or 0),
        pixels=int(item.get("pixels") or 0),
        foreground=sum(int(n) for value, n in counted.items() if value in drawn) if counted else None,
        output=folder / output if output else None,
        style=folder / style if style else None,
        skipped=item.get("skipped"),
        bundle_threshold=float(item.get("bundle_threshold", item["threshold"])),
        needed_scores=tuple(float(score) for score in item.get("needed_scores") or ()),
        macs=_known(int, item.get("macs_per_tile")),
        seconds=float(item.get("seconds") or 0.0),
        description=str(item.get("description") or ""),
        license=str(item.get("license") or ""),
        uncertainty=UncertaintyBands.of(item),
        heads=int(item.get("heads") or 1),
        objects=FoundObjects.of(item),
    )


def _known(kind: Callable[[Any], Any], value: Any) -> Any:
    """A number that older runs lack, None for those."""
    return None if value is None else kind(value)
