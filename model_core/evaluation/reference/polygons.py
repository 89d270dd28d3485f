"""Reference polygons with a class each, and the pixels they are laid on; `burnt` says how."""

from __future__ import annotations

from dataclasses import dataclass

from affine import Affine
from rasterio.crs import CRS

from ...area_file import Shapes, read_shapes
from ...errors import RequestError
from ...tiles.classes import texts_of
from .codes import MOST


@dataclass(frozen=True)
class PixelGrid:
    """The pixels of a raster.

    Attributes:
        crs: or None.
        transform: from pixels to that CRS.
        width, height: in pixels.
    """

    crs: CRS | None
    transform: Affine
    width: int
    height: int


def read_classes(path: str, layer: str | None, field: str | None) -> tuple[Shapes, list[str | None]]:
    """Polygons of a vector file, and the class of each as text.

    Args:
        path: the file.
        layer: of several; None = the first that has polygons.
        field: attribute with the class; None = every polygon is "1".

    Raises:
        RequestError: they cannot be read, or there is no such field, or it has too many values.
    """
    shapes = read_shapes(path, "reference", layer, field)
    texts = ["1"] * len(shapes.polygons) if shapes.values is None else texts_of(shapes.values)
    count = len(set(texts))
    if count > MOST:
        raise RequestError(
            f"The field '{field}' of the reference '{path}' has {count} different values; expected classes, "
            f"{MOST} at most: choose another field."
        )
    return shapes, texts
