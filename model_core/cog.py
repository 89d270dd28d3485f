"""An expert's blocks joined into one cloud-optimised GeoTIFF, which gets its name only when it is whole."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from html import escape
from pathlib import Path

import rasterio
import rasterio.shutil
from rasterio._err import CPLE_BaseError
from rasterio.crs import CRS
from rasterio.errors import RasterioError
from rasterio.transform import Affine

from .errors import OutputError
from .files import write_whole
from .overviews import tops
from .raster_file import compression, detail
from .spec import ExpertSpec
from .writer import BLOCK, NODATA, PROBABILITY_STEPS, BlockWriter

# What GDAL raises through rasterio: `shutil.copy` lets the plain GDAL error through.
_TROUBLES = (RasterioError, CPLE_BaseError, OSError)
_BACKGROUND = (255, 255, 255, 255)  # TIFF palettes know no transparency; the .qml does


def write_cog(
    path: Path, writer: BlockWriter, folder: Path, size: tuple[int, int], crs: CRS | None, transform: Affine,
    tags: Mapping[str, str],
) -> None:  # fmt: skip
    """Join the blocks of an expert.

    Args:
        path: the file to make.
        writer: of the expert, with all blocks written.
        folder: where the block files are.
        size: width and height.
        crs: of the scene.
        transform: of the output.
        tags: where the raster comes from.

    Raises:
        OutputError: the disk does not take it.
    """
    spec = writer.spec
    part = path.with_name(path.name + ".part")
    for level in range(writer.levels, -1, -1):
        text = _vrt(writer, level, size, crs, transform, tags)
        write_whole(folder / _vrt_name(spec, level), text.encode())
    options = {
        "COMPRESS": compression(1)["compress"],
        "LEVEL": "1",
        "BLOCKSIZE": "512",
        "BIGTIFF": "IF_SAFER",
        "OVERVIEWS": "FORCE_USE_EXISTING",
        # Bands lie pixel by pixel; it is the smooth uncertainty that makes the size.
        "PREDICTOR": "NO" if set(writer.kinds) == {"classes"} else "YES",
        "NUM_THREADS": "ALL_CPUS",  # the bytes do not depend on it
    }
    try:
        with rasterio.Env():
            rasterio.shutil.copy(folder / _vrt_name(spec, 0), part, driver="COG", **options)
            _check_whole(part)
        os.replace(part, path)
    except _TROUBLES as error:
        raise OutputError(
            f"'{path.name}' could not be written ({detail(error)}); check the free space and the rights "
            "of the output folder, then run again."
        ) from error


def _vrt_name(spec: ExpertSpec, level: int) -> str:
    return f"{spec.name}.{level}.vrt"


def _vrt(
    writer: BlockWriter,
    level: int,
    size: tuple[int, int],
    crs: CRS | None,
    transform: Affine,
    tags: Mapping[str, str],
) -> str:
    """A virtual raster of one level of the blocks.

    The full one, level 0, has names, unit, colours, scale and provenance, and the others as overviews.
    """
    step = 2**level
    kind = "Float32" if writer.dtype == "float32" else "Byte"
    width, height = (-(-edge // step) for edge in size)
    bands = []
    for band in range(1, writer.bands + 1):
        text = f"<NoDataValue>{writer.nodata}</NoDataValue>"
        if not level:
            text += _described(writer, band)
        text += _sources(writer, band, level, size)
        if not level:
            text += "".join(
                f'<Overview><SourceFilename relativeToVRT="1">{_vrt_name(writer.spec, other)}'
                f"</SourceFilename><SourceBand>{band}</SourceBand></Overview>"
                for other in range(1, writer.levels + 1)
            )
        bands.append(f'<VRTRasterBand dataType="{kind}" band="{band}">{text}</VRTRasterBand>')
    head = f'<VRTDataset rasterXSize="{width}" rasterYSize="{height}">'
    if not level:
        srs = f"<SRS>{escape(crs.to_wkt())}</SRS>" if crs else ""
        geo = ", ".join(repr(float(value)) for value in transform.to_gdal())
        head += f"{srs}<GeoTransform>{geo}</GeoTransform>{_metadata(tags)}"
    return f"{head}{''.join(bands)}</VRTDataset>\n"


def _sources(writer: BlockWriter, band: int, level: int, size: tuple[int, int]) -> str:
    width, step = -(-size[0] // 2**level), 2**level
    text = []
    for block in writer.blocks:
        rows = min(BLOCK, size[1] - block.row)
        place = f'xSize="{width}" ySize="{-(-rows // step)}"'
        text.append(
            f'<SimpleSource><SourceFilename relativeToVRT="1">{escape(block.file)}</SourceFilename>'
            f'<SourceBand>{band}</SourceBand><SrcRect xOff="0" yOff="{tops(rows, level)[-1]}" {place}/>'
            f'<DstRect xOff="0" yOff="{block.row // step}" {place}/></SimpleSource>'
        )
    return "".join(text)


def _metadata(tags: Mapping[str, str]) -> str:
    items = "".join(f'<MDI key="{escape(key)}">{escape(value)}</MDI>' for key, value in tags.items())
    return f"<Metadata>{items}</Metadata>" if items else ""


def _described(writer: BlockWriter, band: int) -> str:
    spec = writer.spec
    for name, number in writer.uncertainty_bands.items():
        if band == number:
            return _share("uncertainty" if len(writer.uncertainty_bands) == 1 else f"{name} uncertainty")
    if spec.kind == "classes":
        names = _metadata({f"CLASS_{c.value}": c.name for c in spec.classes})
        # GDAL takes the band beside a palette for its transparency; with several only the .qml has colours.
        colors = "" if writer.uncertainty_bands else _palette(spec)
        return f"<Description>class</Description>{names}{colors}"
    if spec.kind == "probability":
        return _share("probability")
    name = spec.name + (f" {band}" if writer.bands > 1 else "")
    unit = f"<UnitType>{escape(spec.unit)}</UnitType>" if spec.unit else ""
    return f"<Description>{escape(name)}</Description>{unit}"


def _palette(spec: ExpertSpec) -> str:
    colors = {c.value: _rgba(c.color) for c in spec.classes}
    # A palette has an entry for every value up to the last one.
    entries = "".join(
        '<Entry c1="{}" c2="{}" c3="{}" c4="{}"/>'.format(*colors.get(value, (0, 0, 0, 255)))
        for value in range(NODATA + 1)
    )
    return f"<ColorInterp>Palette</ColorInterp><ColorTable>{entries}</ColorTable>"


def _share(name: str) -> str:
    """A band of values from 0 to 1 kept as bytes."""
    scale = 1.0 / PROBABILITY_STEPS
    return f"<Description>{name}</Description><Offset>0</Offset><Scale>{scale!r}</Scale>"


def _check_whole(path: Path) -> None:
    """Make sure that the file is on the disk to its end.

    GDAL does not report that its last bytes did not fit. In a COG the last block of the full resolution
    is the last thing in the file.

    Raises:
        OSError: it is not.
    """
    with path.open("r+b") as file:  # Windows syncs only files open for writing
        os.fsync(file.fileno())
        size = os.fstat(file.fileno()).st_size
    with rasterio.open(path) as raster:
        height, width = raster.block_shapes[0]
        last = f"{math.ceil(raster.width / width) - 1}_{math.ceil(raster.height / height) - 1}"
        for band in raster.indexes:
            offset = raster.get_tag_item(f"BLOCK_OFFSET_{last}", "TIFF", bidx=band)
            length = raster.get_tag_item(f"BLOCK_SIZE_{last}", "TIFF", bidx=band)
            if offset is None or length is None or int(offset) + int(length) > size:
                raise OSError(f"{path.name} ends after {size} bytes, in the middle of its pixels")


def _rgba(color: str | None) -> tuple[int, int, int, int]:
    if color is None:
        return _BACKGROUND
    return (int(color[1:3], 16), int(color[3:5], 16), int(color[5:7], 16), 255)
