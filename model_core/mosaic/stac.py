"""The runs as a STAC catalogue: a collection with an Item for each run, and an Item for each model.

STAC 1.1: https://github.com/radiantearth/stac-spec. Every link is relative, so that the catalogue can be
moved together with the runs.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from pystac import (
    Asset,
    Catalog,
    CatalogType,
    Collection,
    Extent,
    Item,
    Link,
    MediaType,
    Provider,
    ProviderRole,
    SpatialExtent,
    STACObject,
    Summaries,
    TemporalExtent,
)
from pystac.extensions.projection import ProjectionExtension

from ..rundir import files_of
from ..spec import is_number
from .dates import time_of
from .footprint import footprint, together
from .runs import Run, scene_name
from .stac_assets import ENDS, add_assets, href_of
from .stac_model import model_item

CATALOG, COLLECTION = "catalog.json", "collection.json"
RUNS = "runs"
_PROCESSING = "https://stac-extensions.github.io/processing/v1.1.0/schema.json"


def catalogue(
    runs: Sequence[Run], layers: Mapping[str, str], folder: Path
) -> tuple[dict[str, bytes], list[str]]:
    """All files of the catalogue.

    Args:
        runs: in the mosaic's order.
        layers: file name and title of each layer beside the catalogue.
        folder: where it will lie.

    Returns:
        Content by path relative to the folder; and a sentence for each run whose place is not known.
    """
    catalog = Catalog(
        "hydranet-mosaic", "Runs of HydraNet, and the models they were made with.", title="HydraNet mosaic",
        catalog_type=CatalogType.SELF_CONTAINED,
    )  # fmt: skip
    models: dict[str, Item] = {}
    for sha256 in dict.fromkeys(run.model for run in runs):
        members = [run for run in runs if run.model == sha256]
        models[sha256] = model_item(members, folder)
    notes, items = [], []
    named = sorted(runs, key=lambda run: run.name)
    for run in named:
        item = _item(run, folder / RUNS / run.name)
        if item.geometry is None:
            notes.append(f"Where '{run.folder}' lies on the globe is not known; its Item has no geometry.")
        items.append(item)
    collection = _collection(runs, items, layers)
    catalog.add_child(collection)
    collection.add_items(items)
    catalog.add_items(models.values())
    root = Path(ENDS.sub("_", folder.as_posix()))  # pystac takes it for an address; no name in it is told
    catalog.normalize_hrefs(root.as_posix(), skip_unresolved=True)
    for run, item in zip(named, items, strict=True):
        model = models[run.model]
        title = f"The model: {model.common_metadata.title}"
        item.add_link(Link("derived_from", model, MediaType.JSON, title))
    objects: list[STACObject] = [catalog, collection, *items, *models.values()]
    return {_path(one, root): _text(one) for one in objects}, notes


def _path(one: STACObject, folder: Path) -> str:
    return Path(one.get_self_href() or "").relative_to(folder).as_posix()


def _text(one: STACObject) -> bytes:
    data = one.to_dict(include_self_link=False)
    return (json.dumps(data, indent=1, ensure_ascii=False) + "\n").encode()


def _item(run: Run, folder: Path) -> Item:
    """A run; its place is that of its rasters."""
    place = footprint(run.crs, run.transform, run.width, run.height)
    created = time_of(run.data["created"])
    when: dict[str, Any] = {"datetime": created}
    if run.acquired is not None:
        start, end = run.acquired.start, run.acquired.end
        # Of a day alone, STAC wants its begin and end and no time between them.
        when = {"datetime": start} if start == end else {
            "datetime": None, "start_datetime": start, "end_datetime": end
        }  # fmt: skip
    item = Item(
        id=run.name,
        geometry=None if place is None else place.geometry,
        bbox=None if place is None else place.bbox,
        properties=_properties(run, created),
        **when,
    )
    item.stac_extensions.append(_PROCESSING)
    code = None if run.crs is None else run.crs.to_authority(confidence_threshold=100)
    ProjectionExtension.ext(item, add_if_missing=True).apply(
        code=":".join(code) if code else None,
        wkt2=None if run.crs is None or code else run.crs.to_wkt(version="WKT2_2019"),
        shape=[run.height, run.width],
        transform=[float(value) for value in tuple(run.transform)[:6]],
    )
    names = dict.fromkeys(files_of(run.data))
    add_assets(item, run, {name: href_of(run.folder / name, folder) for name in names})
    return item


def _properties(run: Run, created: datetime) -> dict[str, Any]:
    data, model = run.data, run.data["model"]
    policy = data.get("policy", {})
    software = {
        name: str(version)
        for name, version in data.get("versions", {}).items()
        if name in ("hydranet", "torch", "gdal")
    }
    found = {
        "title": scene_name(data),
        "created": created.isoformat().replace("+00:00", "Z"),
        "processing:lineage": (
            f"Tiles of {scene_name(data)} were scored by the switcher of {model['id']} {model['version']} "
            f"and decoded by the experts that the policy '{policy.get('kind')}' chose."
        ),
        "processing:software": software,
        "hydranet:datetime_from": "run" if run.acquired is None else "name of the scene",
        "hydranet:model": f"{model['id']} {model['version']}",
        "hydranet:model_sha256": run.model,
        "hydranet:policy": policy,
        "hydranet:tiles": data.get("tiles", {}),
    }
    gsd = data["scene"].get("gsd_m")
    return {**found, "gsd": gsd} if is_number(gsd) and gsd > 0 else found


def _collection(runs: Sequence[Run], items: Sequence[Item], layers: Mapping[str, str]) -> Collection:
    """All runs, with the layers over them as its own files."""
    begins = [item.datetime or item.common_metadata.start_datetime for item in items]
    ends = [item.datetime or item.common_metadata.end_datetime for item in items]
    known = [item.bbox for item in items if item.bbox is not None]
    collection = Collection(
        RUNS, "What the experts of HydraNet found in each scene.", title="Runs",
        extent=Extent(
            SpatialExtent([together(known)]),
            TemporalExtent([[min(one for one in begins if one), max(one for one in ends if one)]]),
        ),
        license="other", keywords=["HydraNet", "mixture of experts"],
        providers=[Provider("HydraNet", roles=[ProviderRole.PROCESSOR])],
        summaries=Summaries(
            {
                "hydranet:model_sha256": sorted({run.model for run in runs}),
                "proj:code": sorted({code for item in items if (code := item.properties.get("proj:code"))}),
            }
        ),
    )  # fmt: skip
    for file, title in layers.items():
        collection.add_asset(
            file[: -len(".vrt")], Asset(f"../{file}", title, None, "application/xml", ["data", "virtual"])
        )
    return collection
