"""A Sentinel-2 product (SAFE folder, its metadata file, its zip, a name of GDAL's for it) as one raster.

GDAL's SENTINEL2 driver offers a product as several rasters, one for each pixel size; here its 10 m bands and
its 20 m red-edge bands become one raster on the 10 m grid, see `sentinel2_vrt`.
"""

from __future__ import annotations

import re
import zipfile
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import rasterio
from rasterio.errors import RasterioError
from rasterio.io import DatasetReader

from .errors import SceneError
from .raster_file import detail, quiet_gdal
from .sentinel2_vrt import BandSource, spectral_bands, virtual_raster

# Pixel size (m) at which the driver offers each band that the model can use.
NATIVE_M = {"B2": 10, "B3": 10, "B4": 10, "B8": 10, "B5": 20, "B6": 20, "B7": 20, "B8A": 20}
_METADATA = re.compile(r"MTD_MSI(L1C|L2A)\.xml")
_SUBDATASET = re.compile(r"SENTINEL2_(L1C|L2A):(?P<file>.+):(?P<size>10|20|60)m:EPSG_(?P<epsg>\d+)")
_IMAGE = re.compile(r"<IMAGE_FILE(?:_2A)?>\s*([^<\s]+)\s*</IMAGE_FILE")
_BAND = re.compile(r"_B(0\d|1[0-2]|8A)(?:_(10|20|60)m)?$")
_ABSENT = re.compile(r"no such file|does not exist", re.IGNORECASE)


@dataclass(frozen=True)
class Product:
    """Where a product is.

    Attributes:
        name: as the user gave it.
        metadata: its MTD_MSIL1C.xml or MTD_MSIL2A.xml, as GDAL names it.
        size_m: pixel size of the one raster of the product that was named, or None.
        epsg: code of the projection that was named, or None.
    """

    name: str
    metadata: str
    size_m: int | None = None
    epsg: int | None = None

    def open(self, threads: int | None = None) -> tuple[DatasetReader, tuple[str, ...]]:
        """Open the product as one raster.

        Returns:
            The dataset and sentences for the user.

        Raises:
            SceneError: the product is incomplete or damaged, or lies in several projections.
        """
        try:
            with quiet_gdal(threads):
                with rasterio.open(self.metadata) as top:
                    names = list(top.subdatasets)
                    text = "".join(top.tags(ns="xml:SENTINEL2").values())
                names = self._one_projection(names)
                sources, size, notes = self._choose(names, _images(text, self.metadata))
                return rasterio.open(virtual_raster(names[size], size, sources)), notes
        except (RasterioError, OSError, ValueError, KeyError) as error:
            raise SceneError(
                f"'{self.name}' cannot be opened as a Sentinel-2 product ({detail(error)}); it is incomplete "
                "or damaged, get it again."
            ) from error

    def _one_projection(self, names: list[str]) -> dict[int, str]:
        """The driver's name for each pixel size, in the one projection there is or that was asked for."""
        found: dict[int, dict[int, str]] = {}
        for name in names:
            match = _SUBDATASET.fullmatch(name)
            if match:
                found.setdefault(int(match["epsg"]), {})[int(match["size"])] = name
        if self.epsg is not None and self.epsg not in found:
            given = ", ".join(f"EPSG:{code}" for code in sorted(found)) or "none"
            raise SceneError(f"'{self.name}' asks for EPSG:{self.epsg}, but the product has {given}.")
        if not found:
            raise SceneError(
                f"'{self.name}' lists no image that GDAL can read; it is incomplete, get it again."
            )
        if self.epsg is None and len(found) > 1:
            choices = " or ".join(f"'{found[code][min(found[code])]}'" for code in sorted(found))
            raise SceneError(f"'{self.name}' lies in {len(found)} projections; give one of them: {choices}.")
        return found[min(found) if self.epsg is None else self.epsg]

    def _choose(
        self, names: dict[int, str], images: dict[tuple[str, int], list[str]]
    ) -> tuple[list[BandSource], int, tuple[str, ...]]:
        """The source of each band, the pixel size of the grid (m), and sentences for the user."""
        listed = set(images) or {key for key in NATIVE_M.items() if key[1] in names}
        present = {size for band, size in listed if self._is_there(images.get((band, size), ()))}
        best: dict[str, int] = {}
        for band in NATIVE_M:
            sizes = [size for name, size in listed if name == band and size in present]
            if sizes and not (band == "B8A" and "B8" in best):
                best[band] = min(sizes)
        if not best:
            raise SceneError(f"'{self.name}' holds none of the images that it lists; get the product again.")
        for key in best.items():
            self._check(images.get(key, ()))
        grid = min(best.values())
        driver = {size: spectral_bands(name, size) for size, name in names.items()}
        # The bands of the raster that was named come first and in its own order, so that the numbers of an
        # explicit band choice mean what the layer of that name shows.
        first = self.size_m or grid
        named = [band for band in driver.get(first, {}) if band in best or first >= grid]
        order = [*named, *(band for band in best if band not in named)]
        sources = []
        for band in order:
            source = next(bands[band] for bands in driver.values() if band in bands)
            size = best.get(band, source.size_m)
            if size != source.size_m:
                source = source.moved(self._one_tile(images[band, size], size), size)
            sources.append(source)
        return sources, grid, self._notes(images, present, grid)

    def _one_tile(self, files: list[str], size: int) -> str:
        """The driver joins the tiles of a band at its own pixel size only."""
        if len(files) > 1:
            raise SceneError(
                f"'{self.name}' holds {len(files)} tiles, but with images of {size} m only; "
                "give a product of one tile."
            )
        return files[0]

    def _notes(
        self, images: dict[tuple[str, int], list[str]], present: set[int], grid: int
    ) -> tuple[str, ...]:
        notes = []
        absent = sorted({size for _, size in images} - present)
        if absent:
            sizes = " and ".join(f"{size} m" for size in absent)
            notes.append(
                f"The Sentinel-2 product lists images of {sizes} that are not there; the others were used."
            )
        if self.size_m is not None and self.size_m != grid:
            notes.append(
                f"The {self.size_m} m part of the Sentinel-2 product was opened with the rest of the "
                f"product, on the grid of {grid} m."
            )
        return tuple(notes)

    @staticmethod
    def _is_there(files: list[str] | tuple[str, ...]) -> bool:
        """Whether an image is there, be it readable or not; without a list of files the driver is trusted."""
        if not files:
            return True
        for file in files:
            try:
                rasterio.open(file).close()
            except (RasterioError, OSError) as error:
                if _ABSENT.search(str(error)):
                    continue
            return True
        return False

    def _check(self, files: list[str] | tuple[str, ...]) -> None:
        """Refuse a product that lacks an image: the driver would silently read 0 in its place."""
        for file in files:
            try:
                rasterio.open(file).close()
            except (RasterioError, OSError) as error:
                missing = _ABSENT.search(str(error))
                why = "is not there" if missing else f"cannot be opened ({detail(error)})"
                raise SceneError(
                    f"The image '{PurePosixPath(file).name}' of '{self.name}' {why}; the product is "
                    "incomplete or damaged, get it again."
                ) from error


def find_product(name: str) -> Product | None:
    """What a name given by the user means, if it is a Sentinel-2 product.

    Args:
        name: a SAFE folder, its MTD_MSIL1C.xml or MTD_MSIL2A.xml, a zip with one product, or the driver's
            name for one pixel size of it, such as `SENTINEL2_L2A:/path/MTD_MSIL2A.xml:10m:EPSG_32632`.

    Returns:
        None for every other raster (the driver's names of true-colour images and of L1B included).

    Raises:
        SceneError: a folder or zip that should be a product and is none, or holds several.
    """
    match = _SUBDATASET.fullmatch(name)
    if match:
        return Product(name, match["file"], int(match["size"]), int(match["epsg"]))
    path = Path(name)
    try:
        is_folder, is_file = path.is_dir(), path.is_file()
    except OSError:  # too long for a path: one of GDAL's own names
        return None
    if _METADATA.fullmatch(path.name):
        return Product(name, name) if name.startswith("/vsi") or is_file else None
    if is_folder:
        return _in_folder(name, path)
    if path.suffix.lower() == ".zip" and is_file:
        return Product(name, _in_zip(name, path))
    return None


def _in_folder(name: str, path: Path) -> Product | None:
    """The product of a folder, which may be the SAFE folder or the one that holds it."""
    try:
        files = [file for file in sorted(path.iterdir()) if _METADATA.fullmatch(file.name)]
        files = files or [
            file for file in sorted(path.glob("*.SAFE/MTD_MSIL*.xml")) if _METADATA.fullmatch(file.name)
        ]
    except OSError as error:
        raise SceneError(f"The folder '{name}' cannot be read ({error.strerror}).") from error
    if len(files) > 1:
        raise _several(name, [str(file) for file in files])
    if files:
        return Product(name, str(files[0]))
    if path.suffix.upper() == ".SAFE":
        raise SceneError(
            f"'{name}' holds no MTD_MSIL1C.xml or MTD_MSIL2A.xml, so it is no Sentinel-2 product of these "
            "levels or incomplete; get it again."
        )
    return None


def _in_zip(name: str, path: Path) -> str:
    """GDAL's name for the metadata file in a zip; only its directory is read."""
    try:
        with zipfile.ZipFile(path) as archive:
            entries = archive.infolist()
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
        raise SceneError(
            f"'{name}' cannot be read as a zip archive ({detail(error)}); it is damaged, get it again."
        ) from error
    for entry in entries:
        inner = PurePosixPath(entry.filename.replace("\\", "/"))
        if inner.is_absolute() or ".." in inner.parts or re.match(r"[A-Za-z]:", entry.filename):
            raise SceneError(
                f"'{name}' holds the entry '{entry.filename}', which points out of the archive; "
                "get the product again from a source you trust."
            )
    found = [entry for entry in entries if _METADATA.fullmatch(PurePosixPath(entry.filename).name)]
    if not found:
        raise SceneError(
            f"'{name}' is an archive without a Sentinel-2 product (MTD_MSIL1C.xml or MTD_MSIL2A.xml); "
            "unpack it, or name a raster in it as '/vsizip/<archive>/<file>'."
        )
    if len(found) > 1:
        raise _several(name, [f"/vsizip/{path}/{entry.filename}" for entry in found])
    if found[0].flag_bits & 1:
        raise SceneError(f"'{name}' is encrypted; unpack it and give the SAFE folder.")
    return f"/vsizip/{path}/{found[0].filename}"


def _several(name: str, found: list[str]) -> SceneError:
    listed = " or ".join(f"'{one}'" for one in found[:4]) + (" ..." if len(found) > 4 else "")
    return SceneError(f"'{name}' holds {len(found)} Sentinel-2 products; give one of them: {listed}.")


def _images(text: str, metadata: str) -> dict[tuple[str, int], list[str]]:
    """Image files by band and pixel size, as the metadata list them; empty for names without a folder.

    Products before the compact format (2016) list bare names, which only the driver can find.
    """
    folder = metadata[: -len(PurePosixPath(metadata.replace("\\", "/")).name)]
    found: dict[tuple[str, int], list[str]] = {}
    for image in _IMAGE.findall(text):
        match = _BAND.search(image)
        if match is None or "/" not in image:
            continue
        band = f"B{match[1].lstrip('0')}"
        if band in NATIVE_M:
            size = int(match[2]) if match[2] else NATIVE_M[band]
            found.setdefault((band, size), []).append(f"{folder}{image}.jp2")
    return found
