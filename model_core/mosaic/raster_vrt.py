"""Many rasters as one, without copying a pixel: the text of a GDAL virtual raster.

Format: https://gdal.org/drivers/raster/vrt.html
"""

from __future__ import annotations

import math
import os
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path

from rasterio.transform import Affine

from ..errors import OutputError
from ..spec import ExpertSpec
from ..uncertainty import ALEATORIC, MODEL, TOTAL
from ..writer import NODATA, PROBABILITY_STEPS
from .layers import RasterLayer
from .runs import Raster, Run

_TYPES = {"uint8": "Byte", "float32": "Float32"}
_UNCERTAINTIES = (TOTAL, ALEATORIC, MODEL)
_BLOCK = 512  # as in the sources, so that a block is decoded once
_MOST_PIXELS = 2**31 - 1  # GDAL counts them with 32 bits
_SMALLEST_OVERVIEW = 256
# Edges that differ by less, in pixels, are the same ones with a rounding error.
_ROUNDING = 1e-3


def raster_vrt(layer: RasterLayer, folder: Path) -> str:
    """The virtual raster of a layer.

    It has the finest resolution of the sources and the grid of the undermost one that has it. Classes are
    read from coarser or shifted sources by nearest neighbour, all else bilinearly; a source whose pixels
    lie in the grid is read as it is. Where sources overlap, the last one that has data shows.

    Args:
        layer: what is in it.
        folder: where it will lie; the sources are named relative to it.

    Returns:
        XML.

    Raises:
        OutputError: there is more between the scenes than GDAL can count.
    """
    transform, width, height = grid_of(layer)
    spec = layer.spec
    roles = _roles([raster for _run, raster in layer.sources])
    several = sum(role in _UNCERTAINTIES for role in roles) > 1
    bands = []
    for number, role in enumerate(roles, start=1):
        resampling = "nearest" if spec.kind == "classes" and role == "1" else "bilinear"
        sources = "".join(
            _source(run, raster, raster.bands[role], transform, resampling, folder)
            for run, raster in layer.sources
            if role in raster.bands
        )
        nodata = layer.sources[0][1].nodata
        size = f' blockXSize="{_BLOCK}" blockYSize="{_BLOCK}"' if min(width, height) >= _BLOCK else ""
        bands.append(
            f'<VRTRasterBand dataType="{_TYPES[layer.sources[0][1].dtype]}" band="{number}"{size}>\n'
            f"<NoDataValue>{_number(nodata)}</NoDataValue>\n{_described(spec, role, len(roles), several)}\n"
            f"{sources}</VRTRasterBand>\n"
        )
    geo = ", ".join(_number(value) for value in transform.to_gdal())
    steps = _overviews(width, height)
    # Of one band each; a mean of class numbers would be no class.
    levels = f'<OverviewList resampling="nearest">{steps}</OverviewList>\n' if steps else ""
    return (
        f'<VRTDataset rasterXSize="{width}" rasterYSize="{height}">\n'
        f"<SRS>{escape(layer.crs.to_wkt())}</SRS>\n<GeoTransform>{geo}</GeoTransform>\n"
        f"{_metadata(_tags(layer))}\n{''.join(bands)}{levels}</VRTDataset>\n"
    )


def grid_of(layer: RasterLayer) -> tuple[Affine, int, int]:
    """The pixels that a layer's raster consists of.

    Returns:
        From pixels to the CRS, width and height.

    Raises:
        OutputError: they are too many.
    """
    runs = [run for run, _raster in layer.sources]
    finest = min(runs, key=lambda run: -run.transform.a * run.transform.e)  # the first of equals
    step_x, step_y = finest.transform.a, finest.transform.e  # m or degrees; y grows upwards, rows downwards
    places = [_rectangle(run, finest.transform) for run in runs]
    left = math.floor(min(x for x, _y, _w, _h in places) + _ROUNDING)
    top = math.floor(min(y for _x, y, _w, _h in places) + _ROUNDING)
    right = math.ceil(max(x + w for x, _y, w, _h in places) - _ROUNDING)
    bottom = math.ceil(max(y + h for _x, y, _w, h in places) - _ROUNDING)
    width, height = max(right - left, 1), max(bottom - top, 1)
    if max(width, height) > _MOST_PIXELS:
        raise OutputError(
            f"The scenes of '{layer.name}' lie so far apart that {width} x {height} pixels would lie between "
            f"them; a virtual raster has at most {_MOST_PIXELS} a side; mosaic them in two parts."
        )
    corner = finest.transform * (left, top)
    return Affine(step_x, 0.0, corner[0], 0.0, step_y, corner[1]), width, height


def _rectangle(run: Run, transform: Affine) -> tuple[float, float, float, float]:
    """A run's place in the pixels of a grid: left, top, width, height."""
    t = run.transform
    values = (
        (t.c - transform.c) / transform.a, (t.f - transform.f) / transform.e,
        run.width * t.a / transform.a, run.height * t.e / transform.e,
    )  # fmt: skip
    x, y, w, h = (round(value) if abs(value - round(value)) < _ROUNDING else value for value in values)
    return x, y, w, h


def _source(
    run: Run, raster: Raster, band: int, transform: Affine, resampling: str, folder: Path
) -> str:  # fmt: skip
    x, y, w, h = _rectangle(run, transform)
    block = f'BlockXSize="{raster.block[0]}" BlockYSize="{raster.block[1]}"'
    # With its properties told, a source is opened only when one of its pixels is wanted.
    return (
        f'<ComplexSource resampling="{resampling}">{source_name(raster.path, folder, "SourceFilename")}'
        f"<SourceBand>{band}</SourceBand>"
        f'<SourceProperties RasterXSize="{run.width}" RasterYSize="{run.height}" '
        f'DataType="{_TYPES[raster.dtype]}" {block}/>'
        f'<SrcRect xOff="0" yOff="0" xSize="{run.width}" ySize="{run.height}"/>'
        f'<DstRect xOff="{_number(x)}" yOff="{_number(y)}" xSize="{_number(w)}" ySize="{_number(h)}"/>'
        f"<NODATA>{_number(raster.nodata)}</NODATA></ComplexSource>\n"
    )


def source_name(path: Path, folder: Path, tag: str) -> str:
    """An element that names a file relative to a folder, or fully where that cannot be."""
    name, relative = relative_to(path, folder)
    return f'<{tag} relativeToVRT="{int(relative)}">{escape(name, quote=False)}</{tag}>'


def relative_to(path: Path, folder: Path) -> tuple[str, bool]:
    """A file's name seen from a folder, with `/`, and whether it is relative: on Windows drives part."""
    try:
        return Path(os.path.relpath(path, folder)).as_posix(), True
    except ValueError:
        return path.as_posix(), False


def _roles(rasters: Sequence[Raster]) -> list[str]:
    """What the bands hold, of all rasters: runs without uncertainty lie beside runs with it."""
    found = {role for raster in rasters for role in raster.bands}
    return sorted(found - set(_UNCERTAINTIES), key=int) + [role for role in _UNCERTAINTIES if role in found]


def _described(spec: ExpertSpec, role: str, count: int, several: bool) -> str:
    """Name, classes with colours, unit and scale of a band, as in the runs' own rasters."""
    if role in _UNCERTAINTIES:
        return _share(f"{role} uncertainty" if several else "uncertainty")
    if spec.kind == "classes":
        names = _metadata({f"CLASS_{c.value}": c.name for c in spec.classes})
        categories = "".join(f"<Category>{escape(c.name)}</Category>" for c in spec.classes)
        return (
            f"<Description>class</Description>\n{names}\n<CategoryNames>{categories}</CategoryNames>\n"
            f"{_palette(spec)}"
        )
    if spec.kind == "probability":
        return _share("probability")
    unit = f"<UnitType>{escape(spec.unit)}</UnitType>" if spec.unit else ""
    return f"<Description>{escape(spec.name + (f' {role}' if count > 1 else ''))}</Description>{unit}"


def _palette(spec: ExpertSpec) -> str:
    """The colours; the background, which has none, is transparent."""
    colors = {c.value: c.color for c in spec.classes}
    entries = []
    for value in range(NODATA + 1):
        color = colors.get(value)
        red, green, blue = (0, 0, 0) if color is None else (int(color[i : i + 2], 16) for i in (1, 3, 5))
        alpha = 0 if color is None else 255
        entries.append(f'<Entry c1="{red}" c2="{green}" c3="{blue}" c4="{alpha}"/>')
    return f"<ColorInterp>Palette</ColorInterp><ColorTable>{''.join(entries)}</ColorTable>"


def _share(name: str) -> str:
    """A band of values from 0 to 1 kept as bytes."""
    scale = 1.0 / PROBABILITY_STEPS
    return f"<Description>{name}</Description><Offset>0</Offset><Scale>{scale!r}</Scale>"


def _tags(layer: RasterLayer) -> dict[str, str]:
    model = layer.sources[0][0].data["model"]
    return {
        "HYDRANET_EXPERT": layer.spec.name,
        "HYDRANET_MODEL": f"{model['id']} {model['version']}",
        "HYDRANET_MODEL_SHA256": model["sha256"],
        "HYDRANET_RUNS": str(len(layer.sources)),
        "HYDRANET_SIMULATED_TRAINING": "yes" if layer.spec.simulated else "no",
    }


def _metadata(tags: Mapping[str, str]) -> str:
    items = "".join(f'<MDI key="{escape(key)}">{escape(value)}</MDI>' for key, value in tags.items())
    return f"<Metadata>{items}</Metadata>"


def _overviews(width: int, height: int) -> str:
    """Factors of the reduced versions that are worked out when they are wanted, from those of the sources."""
    steps, step = [], 2
    while max(width, height) / step >= _SMALLEST_OVERVIEW:
        steps.append(str(step))
        step *= 2
    return " ".join(steps)


def _number(value: float) -> str:
    """As short as it can be without losing a bit; `nan` as GDAL writes it."""
    return str(int(value)) if float(value).is_integer() else repr(float(value))
