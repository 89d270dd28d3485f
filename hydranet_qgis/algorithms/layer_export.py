"""A raster layer that is no file on this computer, written to one that the worker can read.

What is asked of the layer is asked in the main thread; the pixels are then copied in the background,
block by block, so that memory holds a block at most and a cancel is heard between two of them.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from pathlib import Path
from typing import Any

from qgis.core import QgsProcessingFeedback, QgsProcessingUtils, QgsRasterInterface

from ..errors import InputError, WorkerCancelled
from ..i18n import tr
from .block_copy import BlockCopy, types_of
from .gdal_copy import GdalCopy
from .pixel_window import window_of
from .values import Box

_STAMP = "HYDRANET_EXPORT_OF"
_SIDECARS = (".aux.xml", ".ovr", ".msk")
_SPARE = 1.1  # of the free space, so that the disk is not filled to the last byte


def check_exportable(layer: Any) -> None:
    """Check that a layer has pixel values of its own.

    Raises:
        InputError: it is a picture that was drawn for the screen, or cannot be opened at all.
    """
    provider = layer.dataProvider()
    if provider is None or not layer.isValid():
        raise InputError(
            tr("The layer '{name}' cannot be opened; mend its source or choose another.").format(
                name=layer.name()
            )
        )
    sized = provider.capabilities() & QgsRasterInterface.Capability.Size
    if not sized or provider.xSize() < 1 or types_of(provider) is None:
        raise InputError(
            tr(
                "Layer '{name}' shows finished pictures ({provider}): their colours are no measured bands, "
                "so nothing can be predicted from them. Choose a layer with the bands themselves."
            ).format(name=layer.name(), provider=layer.providerType())
        )


class LayerExport:
    """The export of one layer: planned in the main thread, written in the background.

    Attributes:
        path: the file to be written.

    Args:
        layer: without a file.
        extent: part to export in the layer's CRS, None for all of it.
        path: the GeoTIFF to write.
        reuse: take the same export that an earlier call left there.

    Raises:
        InputError: it has no pixels, the extent no part of them, or another file is in the way.
    """

    def __init__(self, layer: Any, extent: Box | None, path: Path, reuse: bool = False) -> None:
        check_exportable(layer)
        self.path, self._name = path, layer.name()
        provider = layer.dataProvider()
        window = window_of(provider, extent, self._name)
        crs = provider.crs() if provider.crs().isValid() else layer.crs()
        copy = GdalCopy if layer.providerType() == "gdal" else BlockCopy
        self._copy = copy(layer, window, crs)
        # A digest, because a source may hold a password.
        told = f"{layer.providerType()}|{layer.source()}|{window}"
        self._stamp = hashlib.sha256(told.encode("utf-8")).hexdigest()
        found = _stamp_of(path)
        if path.exists() and found is None:
            raise InputError(
                tr(
                    "Layer '{name}' has to be exported to {path}, but another file is there; move it away or "
                    "choose another run folder."
                ).format(name=self._name, path=path)
            )
        self._there = reuse and found == self._stamp
        self._bytes = self._copy.size(window)

    def notice(self, kept: bool) -> str:
        """What the log says of it."""
        if self._there:
            return tr("The export of layer '{name}' in {path} is used again.").format(
                name=self._name, path=self.path
            )
        text = tr("Layer '{name}' is no file on this computer, so its pixels are exported to {path}.").format(
            name=self._name, path=self.path
        )
        if not kept:
            return text
        return f"{text} " + tr("Keep that file: routing the run anew, or resuming it, reads it.")

    def write(self, feedback: QgsProcessingFeedback) -> None:
        """Write the file; whole or not at all.

        Raises:
            InputError: the pixels cannot be read or the file cannot be written.
            WorkerCancelled: the user stopped it.
        """
        if self._there:
            return
        part = self.path.with_name(self.path.name + ".part")
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._check_space()
            self._copy.write(part, {_STAMP: self._stamp}, feedback)
            if feedback.isCanceled():
                raise WorkerCancelled(tr("The run was cancelled while its input was exported."), began=False)
            for suffix in _SIDECARS:
                self.path.with_name(self.path.name + suffix).unlink(missing_ok=True)
            os.replace(part, self.path)
        except (OSError, RuntimeError) as error:  # GDAL raises the latter where its exceptions are on
            raise InputError(
                tr("Layer '{name}' could not be exported to {path} ({why}).").format(
                    name=self._name, path=self.path, why=getattr(error, "strerror", None) or error
                )
            ) from error
        finally:
            part.unlink(missing_ok=True)
            part.with_name(part.name + ".aux.xml").unlink(missing_ok=True)

    def remove(self) -> None:
        """Remove the file that `write` made; one that was there before stays."""
        if not self._there:
            self.path.unlink(missing_ok=True)

    def _check_space(self) -> None:
        free = shutil.disk_usage(self.path.parent).free
        if self._bytes * _SPARE > free:
            raise InputError(
                tr(
                    "Layer '{name}' has {need} MB of pixels to export, and {folder} only {free} MB of space; "
                    "give an extent, or choose another folder."
                ).format(
                    name=self._name, need=round(self._bytes / 1e6), folder=self.path.parent,
                    free=round(free / 1e6),
                )
            )  # fmt: skip


def export_path(run_folder: Path, kept: bool) -> Path:
    """Where the export of a run's input lies: beside a run folder that is kept, else in Processing's."""
    name = f"{run_folder.name}_input.tif"
    return run_folder.with_name(name) if kept else Path(QgsProcessingUtils.generateTempFilename(name))


def _stamp_of(path: Path) -> str | None:
    """What an export of ours says it is of; None of any other file."""
    from osgeo import gdal

    if not path.is_file():
        return None
    try:
        dataset = gdal.Open(str(path))
    except RuntimeError:
        return None
    return dataset.GetMetadataItem(_STAMP) if dataset is not None else None
