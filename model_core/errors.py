"""Errors a user reads: one sentence saying what was found, what was expected, and what to do."""

from __future__ import annotations


class HydraNetError(Exception):
    """Base of every error that is reported to the user by its message alone."""


class RequestError(HydraNetError):
    """The request itself cannot work: an unknown expert, a bad overlap, an extent outside the raster."""


class SceneError(HydraNetError):
    """The input raster cannot be opened or read."""


class BandError(HydraNetError):
    """The raster's bands cannot be matched to the model's bands."""


class BundleError(HydraNetError):
    """The model bundle is missing, damaged, or not what its description says."""


class OutputError(HydraNetError):
    """The run folder cannot be written."""


class CancelledError(HydraNetError):
    """The user stopped the job."""


class ClusterError(HydraNetError):
    """The scheduler or its workers cannot be reached, or cannot do the job."""
