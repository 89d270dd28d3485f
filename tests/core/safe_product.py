"""Small Sentinel-2 products in SAFE folders, laid out and named as ESA's compact ones (PSD 14 and later).

A tile of 1.2 km with lossless JPEG 2000 bands; the metadata hold what GDAL's driver reads and no more.
"""

from __future__ import annotations

import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import rasterio
from rasterio.transform import from_origin

# Edge of the tile in metres; a multiple of 10, 20 and 60.
EXTENT_M = 1200
UPPER_LEFT = (600000.0, 5100000.0)
# name: (number of the band in the metadata, finest pixel size in metres, centre wavelength in nm)
BANDS = {
    "B01": (0, 60, 442.3), "B02": (1, 10, 492.3), "B03": (2, 10, 559.0), "B04": (3, 10, 665.0),
    "B05": (4, 20, 703.8), "B06": (5, 20, 739.1), "B07": (6, 20, 779.7), "B08": (7, 10, 833.0),
    "B8A": (8, 20, 864.0), "B09": (9, 60, 943.2), "B10": (10, 60, 1376.9), "B11": (11, 20, 1610.4),
    "B12": (12, 20, 2185.7),
}  # fmt: skip
# Which bands of L2A products lie in R10m, R20m and R60m; from baseline 04.00 on R20m holds B01 too.
L2A_FOLDERS = {
    10: ("B02", "B03", "B04", "B08"),
    20: ("B02", "B03", "B04", "B05", "B06", "B07", "B8A", "B11", "B12"),
    60: ("B01", "B02", "B03", "B04", "B05", "B06", "B07", "B8A", "B09", "B11", "B12"),
}
_DATE = "20230823T100559"


@dataclass(frozen=True)
class Product:
    """What was written.

    Attributes:
        path: the folder, `….SAFE`.
        metadata: its MTD_MSIL1C.xml or MTD_MSIL2A.xml.
        numbers: uint16 (H, W) of each band and pixel size, as stored.
        images: the file of each band and pixel size.
    """

    path: Path
    metadata: Path
    numbers: Mapping[tuple[str, int], np.ndarray]
    images: Mapping[tuple[str, int], Path]


def write_product(
    folder: Path,
    level: str = "L2A",
    baseline: str = "05.09",
    offsets: Mapping[str, int] | None = None,
    resolutions: Sequence[int] = (10, 20, 60),
    numbers: Mapping[tuple[str, int], np.ndarray] | None = None,
    tiles: Mapping[str, int] | None = None,
    quantification: int = 10000,
) -> Product:
    """Write one product.

    Args:
        folder: where the `….SAFE` folder is made.
        level: `L1C` or `L2A`.
        baseline: processing baseline; from 04.00 on the metadata list an offset for each band.
        offsets: other offsets than -1000, by band.
        resolutions: pixel sizes to write, in metres.
        numbers: what to store instead of random numbers, by band and pixel size.
        tiles: EPSG code by tile; every tile holds the same numbers. Returned are those of the first.
        quantification: what stands for a reflectance of 1.
    """
    tiles = tiles or {"T32TPR": 32632}
    name = (
        f"S2B_MSI{level}_{_DATE}_N{baseline.replace('.', '')}_R122_{next(iter(tiles))}_20230823T120234.SAFE"
    )
    root = folder / name
    rng = np.random.default_rng(7)
    stored, images, granules = {}, {}, []
    for tile, epsg in tiles.items():
        granule = f"{level}_{tile}_A033753_20230823T100553"
        files = []
        for band, resolution in _layout(level, resolutions):
            edge = EXTENT_M // resolution
            key = (band, resolution)
            if key not in stored:
                given = (numbers or {}).get(key)
                stored[key] = (
                    rng.integers(1100, 9000, (edge, edge)).astype(np.uint16) if given is None else given
                )
            inside = f"R{resolution}m/" if level == "L2A" else ""
            suffix = f"_{resolution}m" if level == "L2A" else ""
            file = f"GRANULE/{granule}/IMG_DATA/{inside}{tile}_{_DATE}_{band}{suffix}"
            write_band(root / f"{file}.jp2", stored[key], epsg, resolution)
            images.setdefault(key, root / f"{file}.jp2")
            files.append(file)
        tile_xml = root / "GRANULE" / granule / "MTD_TL.xml"
        tile_xml.write_text(_tile_xml(level, tile, epsg), encoding="utf-8")
        granules.append((tile, files))
    metadata = root / f"MTD_MSI{level}.xml"
    metadata.write_text(
        _product_xml(level, baseline, name, granules, offsets or {}, quantification), encoding="utf-8"
    )
    return Product(root, metadata, stored, images)


def zip_product(product: Product, path: Path, prefix: str = "") -> Path:
    """Pack a product as the data hubs do: the `….SAFE` folder at the top."""
    with zipfile.ZipFile(path, "w") as archive:
        for file in sorted(product.path.rglob("*")):
            if file.is_file():
                archive.write(file, prefix + str(file.relative_to(product.path.parent)))
    return path


def write_band(path: Path, numbers: np.ndarray, epsg: int, resolution: int) -> None:
    """Write one lossless JPEG 2000 image."""
    path.parent.mkdir(parents=True, exist_ok=True)
    height, width = numbers.shape
    with rasterio.open(
        path, "w", driver="JP2OpenJPEG", width=width, height=height, count=1, dtype="uint16",
        crs=f"EPSG:{epsg}", transform=from_origin(*UPPER_LEFT, resolution, resolution), QUALITY="100",
        REVERSIBLE="YES", blockxsize=64, blockysize=64,
    ) as dataset:  # fmt: skip
        dataset.write(numbers, 1)


def _layout(level: str, resolutions: Sequence[int]) -> list[tuple[str, int]]:
    if level == "L1C":
        return [(band, finest) for band, (_, finest, _) in BANDS.items() if finest in resolutions]
    return [(band, size) for size in resolutions for band in L2A_FOLDERS[size]]


def _product_xml(
    level: str,
    baseline: str,
    name: str,
    granules: Sequence[tuple[str, Sequence[str]]],
    offsets: Mapping[str, int],
    quantification: int,
) -> str:
    l1c = level == "L1C"
    listed = "".join(
        f'<Granule granuleIdentifier="S2B_OPER_MSI_{level}_TL_2BPS_20230823T120234_A033753_{tile}"'
        f' datastripIdentifier="DS" imageFormat="JPEG2000">'
        + "".join(f"<IMAGE_FILE>{file}</IMAGE_FILE>" for file in files)
        + "</Granule>"
        for tile, files in granules
    )
    word = "RADIO_ADD_OFFSET" if l1c else "BOA_ADD_OFFSET"
    group = "Radiometric_Offset_List" if l1c else "BOA_ADD_OFFSET_VALUES_LIST"
    each = "".join(
        f'<{word} band_id="{index}">{offsets.get(band, -1000)}</{word}>'
        for band, (index, _, _) in BANDS.items()
    )
    added = f"<{group}>{each}</{group}>" if baseline >= "04.00" else ""
    scale = (
        f'<QUANTIFICATION_VALUE unit="none">{quantification}</QUANTIFICATION_VALUE>'
        if l1c
        else f'<QUANTIFICATION_VALUES_LIST><BOA_QUANTIFICATION_VALUE unit="none">{quantification}'
        "</BOA_QUANTIFICATION_VALUE></QUANTIFICATION_VALUES_LIST>"
    )
    spectra = "".join(
        f'<Spectral_Information bandId="{index}" physicalBand="B{band[1:].lstrip("0")}">'
        f"<RESOLUTION>{size}</RESOLUTION><Wavelength>"
        f'<MIN unit="nm">{nm - 10}</MIN><MAX unit="nm">{nm + 10}</MAX><CENTRAL unit="nm">{nm}</CENTRAL>'
        "</Wavelength></Spectral_Information>"
        for band, (index, size, nm) in BANDS.items()
    )
    root = f"n1:Level-{level[1:]}_User_Product"
    return f"""<?xml version="1.0" encoding="UTF-8" standalone="no"?>
<{root} xmlns:n1="https://psd-14.sentinel2.eo.esa.int/PSD/User_Product_Level-{level[1:]}.xsd">
<n1:General_Info><Product_Info>
<PRODUCT_START_TIME>2023-08-23T10:05:59.024Z</PRODUCT_START_TIME>
<PRODUCT_STOP_TIME>2023-08-23T10:05:59.024Z</PRODUCT_STOP_TIME>
<PRODUCT_URI>{name}</PRODUCT_URI>
<PROCESSING_LEVEL>Level-{level[1:]}</PROCESSING_LEVEL>
<PRODUCT_TYPE>S2MSI{level[1:]}</PRODUCT_TYPE>
<PROCESSING_BASELINE>{baseline}</PROCESSING_BASELINE>
<Datatake datatakeIdentifier="GS2B"><SPACECRAFT_NAME>Sentinel-2B</SPACECRAFT_NAME></Datatake>
<Query_Options completeSingleTile="true"><PRODUCT_FORMAT>SAFE_COMPACT</PRODUCT_FORMAT></Query_Options>
<Product_Organisation><Granule_List>{listed}</Granule_List></Product_Organisation>
</Product_Info>
<Product_Image_Characteristics>
<Special_Values><SPECIAL_VALUE_TEXT>NODATA</SPECIAL_VALUE_TEXT>
<SPECIAL_VALUE_INDEX>0</SPECIAL_VALUE_INDEX></Special_Values>
<Special_Values><SPECIAL_VALUE_TEXT>SATURATED</SPECIAL_VALUE_TEXT>
<SPECIAL_VALUE_INDEX>65535</SPECIAL_VALUE_INDEX></Special_Values>
{scale}{added}
<Spectral_Information_List>{spectra}</Spectral_Information_List>
</Product_Image_Characteristics></n1:General_Info>
</{root}>
"""


def _tile_xml(level: str, tile: str, epsg: int) -> str:
    root = f"n1:Level-{level[1:]}_Tile_ID"
    sizes = "".join(
        f'<Size resolution="{size}"><NROWS>{EXTENT_M // size}</NROWS><NCOLS>{EXTENT_M // size}</NCOLS></Size>'
        for size in (10, 20, 60)
    )
    places = "".join(
        f'<Geoposition resolution="{size}"><ULX>{UPPER_LEFT[0]:.0f}</ULX><ULY>{UPPER_LEFT[1]:.0f}</ULY>'
        f"<XDIM>{size}</XDIM><YDIM>-{size}</YDIM></Geoposition>"
        for size in (10, 20, 60)
    )
    return f"""<?xml version="1.0" encoding="UTF-8" standalone="no"?>
<{root} xmlns:n1="https://psd-14.sentinel2.eo.esa.int/PSD/S2_PDI_Level-{level[1:]}_Tile_Metadata.xsd">
<n1:General_Info><TILE_ID metadataLevel="Brief">S2B_OPER_MSI_{level}_TL_{tile}</TILE_ID></n1:General_Info>
<n1:Geometric_Info><Tile_Geocoding metadataLevel="Brief">
<HORIZONTAL_CS_NAME>WGS84 / UTM</HORIZONTAL_CS_NAME><HORIZONTAL_CS_CODE>EPSG:{epsg}</HORIZONTAL_CS_CODE>
{sizes}{places}
</Tile_Geocoding></n1:Geometric_Info>
</{root}>
"""
