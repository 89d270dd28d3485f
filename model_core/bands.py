"""The model's bands: names with wavelengths, and the record of which raster band feeds which.

`band_choice.find_mapping` makes that record; nothing here reads a raster.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from .errors import BandError


@dataclass(frozen=True)
class Band:
    """One input band of the model.

    Attributes:
        name: identifier, also the band description in prepared files.
        wavelength_nm: centre wavelength.
        tolerance_nm: a raster band whose centre lies within it may stand for this one. The intervals
            do not overlap. 0 for PAN: its centre is also that of narrow orange bands, so a wavelength
            alone does not make a panchromatic band.
    """

    name: str
    wavelength_nm: float
    tolerance_nm: float


BANDS = (
    Band("pan", 625.0, 0.0),
    Band("blue", 490.0, 30.0),
    Band("green", 560.0, 30.0),
    Band("red", 665.0, 25.0),
    Band("re1", 705.0, 14.0),
    Band("re2", 740.0, 16.0),
    Band("re3", 783.0, 15.0),
    Band("nir", 842.0, 40.0),
)
BAND_NAMES = tuple(band.name for band in BANDS)
PAN = 0

# Share of each band in a synthesised PAN: the overlap of the bands with the PAN's spectral response.
PAN_WEIGHTS = {"blue": 0.2159, "green": 0.2873, "red": 0.2572, "re1": 0.1228, "re2": 0.1168}
# The two that lie inside PhiSat-2's PAN (550-750 nm); without both, what is left is no PAN.
_PAN_NEEDS = ("green", "red")

# What a band tag STATUS says in files that `prepare` writes.
STATUS_MISSING = "missing"
STATUS_SYNTHESISED = "synthesised"
STATUS_GIVEN = "given"
STATUS_ALPHA = "alpha"


def pan_weights(available: Sequence[bool]) -> dict[int, float]:
    """Weights (by model band index, summing to 1) that make a PAN from the bands there are.

    Returns:
        An empty dict unless green and red, which lie inside the PAN's own range, are both available.
    """
    usable = {BAND_NAMES.index(name): weight for name, weight in PAN_WEIGHTS.items()}
    usable = {index: weight for index, weight in usable.items() if available[index]}
    if not all(available[BAND_NAMES.index(name)] for name in _PAN_NEEDS):
        return {}
    total = sum(usable.values())
    return {index: weight / total for index, weight in usable.items()}


@dataclass(frozen=True)
class BandMapping:
    """Which raster band feeds each model band.

    Attributes:
        source_band: for each of the 8 model bands the 1-based raster band, or None.
        method: `explicit`, `descriptions`, `wavelengths`, `sensor:<id>` or `colours`.
        pan_synthesised: PAN is computed from other bands, by us now (no source band) or when the
            file was prepared (with a source band).
        notes: sentences for the user about what was matched or left out.
    """

    source_band: tuple[int | None, ...]
    method: str
    pan_synthesised: bool = False
    notes: tuple[str, ...] = field(default=(), compare=False)

    @property
    def available(self) -> np.ndarray:
        """bool (8,): the bands that hold data, a synthesised PAN included."""
        has_source = [source is not None for source in self.source_band]
        has_source[PAN] = has_source[PAN] or self.pan_synthesised
        return np.array(has_source, dtype=bool)

    @property
    def missing(self) -> tuple[str, ...]:
        """Names of the model bands that the raster cannot feed."""
        return tuple(name for name, there in zip(BAND_NAMES, self.available, strict=True) if not there)

    def status(self, index: int) -> str:
        """`given`, `synthesised` or `missing` for one model band."""
        if index == PAN and self.pan_synthesised:
            return STATUS_SYNTHESISED
        return STATUS_MISSING if self.source_band[index] is None else STATUS_GIVEN

    def as_dict(self) -> dict[str, Any]:
        """The form kept in run.json."""
        bands = {
            name: {"layer_band": self.source_band[index], "status": self.status(index)}
            for index, name in enumerate(BAND_NAMES)
        }
        return {"method": self.method, "bands": bands}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> BandMapping:
        """Read the form kept in run.json.

        Raises:
            BandError: a band is absent or not a number.
        """
        try:
            bands = [data["bands"][name] for name in BAND_NAMES]
            source = tuple(None if b["layer_band"] is None else int(b["layer_band"]) for b in bands)
            return cls(source, str(data["method"]), bands[PAN]["status"] == STATUS_SYNTHESISED)
        except (KeyError, TypeError, ValueError) as error:
            raise BandError(f"A stored band mapping is damaged ({error!r}); make the run again.") from error
