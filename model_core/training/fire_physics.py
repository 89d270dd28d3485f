"""The light of a fire: Planck emission, char, and a layer of smoke, per model band as reflectance.

How bright are flames? A pixel filled with a black body, sun 30 degrees from the zenith, has the
reflectance-equivalent (nir 842 nm, re3 783 nm, red 665 nm):

    800 K: 0.0005, 0.0001, 0.000    1,000 K: 0.037, 0.013, 0.001    1,100 K: 0.18, 0.070, 0.006
    1,200 K: 0.64, 0.28, 0.033      1,300 K: 1.9, 0.92, 0.13

so 0.01 in nir needs a covered share of 27 % at 1,000 K, 6 % at 1,100 K, 1.6 % at 1,200 K and 0.5 % at
1,300 K (re3: 76, 14, 3.5 and 1.1 %); smouldering below 950 K cannot be seen at all. Soot in the brightest
flames reaches 1,500-1,600 K, and sodium and potassium emit lines (589, 767-770 nm) between the bands; both
are left out, so simulated flames are rather too faint than too bright. A pixel is labelled flame
only where the added reflectance passes a limit, and smoke only where the optical depth does.
"""

from __future__ import annotations

import numpy as np

from ..bands import BANDS
from .fields import blur

WAVELENGTH_UM = np.array([band.wavelength_nm for band in BANDS]) / 1000.0

SOLAR_IRRADIANCE = np.array([1630.7, 1959.66, 1823.24, 1512.06, 1424.64, 1287.61, 1162.08, 1041.63])
"""Above the atmosphere, W m-2 um-1, in the order of `BANDS`. Sentinel-2A product metadata
(SOLAR_IRRADIANCE, after Thuillier et al. 2003); pan: interpolated between green and red."""

CHAR = np.array([0.040, 0.032, 0.036, 0.042, 0.046, 0.050, 0.055, 0.062], np.float32)
"""Reflectance of char: 0.03-0.06, flat and rising slowly to the near infrared (Smith et al. 2005)."""

ASH = np.array([0.26, 0.22, 0.24, 0.27, 0.28, 0.29, 0.30, 0.31], np.float32)
"""Reflectance of grey to white ash: flat and bright (Smith et al. 2005)."""

_C1 = 1.191042972e8  # 2 h c^2, W um^4 m-2 sr-1
_C2 = 14387.76877  # h c / k, um K


def planck(wavelength_um: np.ndarray | float, kelvin: np.ndarray | float) -> np.ndarray:
    """Spectral radiance of a black body (Planck's law), W m-2 sr-1 um-1."""
    return _C1 / (np.power(wavelength_um, 5) * np.expm1(_C2 / (np.asarray(wavelength_um) * kelvin)))


def emitted(kelvin: np.ndarray | float, sun_zenith_deg: float) -> np.ndarray:
    """Reflectance-equivalent of a pixel filled with a black body: pi L / (E_sun cos(sza)), (8, ...)."""
    kelvin = np.asarray(kelvin, np.float64)
    shape = (-1,) + (1,) * kelvin.ndim
    sun = SOLAR_IRRADIANCE.reshape(shape) * np.cos(np.deg2rad(sun_zenith_deg))
    return np.pi * planck(WAVELENGTH_UM.reshape(shape), kelvin) / sun


def smoke_layer(
    tau: np.ndarray, albedo: float, asymmetry: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Two-stream reflectance, transmittance and unscattered transmittance of a layer.

    Bohren & Clothiaux (2006): with K = sqrt((1 - w)(1 - w g)) and R_inf the reflectance of an endless
    layer, R = R_inf (1 - e^-2K tau) / (1 - R_inf^2 e^-2K tau). Without absorption this is
    tau (1 - g) / (2 + tau (1 - g)).

    Args:
        tau: optical depth along the path.
        albedo: single-scattering albedo, below 1.
        asymmetry: asymmetry parameter g.
    """
    scatter, absorb = np.sqrt(1.0 - albedo * asymmetry), np.sqrt(1.0 - albedo)
    endless = np.float32((scatter - absorb) / (scatter + absorb))
    once = np.exp(tau * np.float32(-scatter * absorb))
    twice = once * once
    below = 1.0 / (1.0 - endless * endless * twice)
    return endless * (1.0 - twice) * below, (1.0 - endless * endless) * once * below, np.exp(-tau)


def veil(
    out: np.ndarray, tau: np.ndarray, valid: np.ndarray, bands: list[int], draw: dict[str, float]
) -> np.ndarray:
    """Put the smoke over the ground in place; the largest change of any band, float32 (H, W).

    R + T (t_0 rho + (T - t_0) rho_blurred) / (1 - R rho_blurred): light down through the layer, reflected,
    up again, with reflections between ground and layer. Paths down are longer by 1 / cos(sza).
    """
    changed = np.zeros(tau.shape, np.float32)
    slant = np.float32(0.5 * (1.0 + 1.0 / np.cos(np.deg2rad(draw["sun_zenith_deg"]))))
    share = blur(valid.astype(np.float32)) + np.float32(1e-6)
    for index in bands:
        factor = np.float32((WAVELENGTH_UM[index] / 0.55) ** -draw["angstrom"])
        bright, through, sharp = smoke_layer(
            tau * (factor * slant), draw["single_scattering_albedo"], draw["asymmetry"]
        )
        ground = out[index]
        around = blur(np.where(valid, ground, 0.0)) / share
        seen = sharp * ground + (through - sharp) * around
        seen = bright + through * seen / (1.0 - bright * around)
        np.maximum(changed, np.abs(seen - ground), out=changed)
        out[index] = seen
    return changed


def shine(
    out: np.ndarray,
    hot: np.ndarray,
    kelvin: np.ndarray,
    tau: np.ndarray,
    bands: list[int],
    reddest: int,
    draw: dict[str, float],
    saturation: float,
) -> np.ndarray:
    """Add the flames as seen through the smoke, in place; what they add in the reddest band."""
    flame = np.zeros(hot.shape, np.float32)
    where = np.nonzero(hot > 1e-4)
    if not where[0].size:
        return flame
    added = emitted(kelvin[where], draw["sun_zenith_deg"]) * hot[where]
    for index in bands:
        factor = (WAVELENGTH_UM[index] / 0.55) ** -draw["angstrom"]
        # Unscattered light only: what smoke scatters is spread too widely to be seen as flame.
        part = (added[index] * np.exp(-tau[where] * factor)).astype(np.float32)
        below = out[index][where]
        part = np.minimum(part, np.maximum(np.float32(saturation) - below, 0.0))
        out[index][where] = below + part
        if index == reddest:
            flame[where] = part
    return flame
