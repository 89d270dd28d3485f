"""Burning fires put into real reflectance scenes: flame, smoke and fresh scar from physics, not paint.

No open imagery of flames in the model's bands can be had, so the fire expert learns from this simulation
and is marked as simulated. Four steps, each from published physics:

1. *Perimeter*: an ellipse with the ignition in its rear focus, longer the stronger the wind (Alexander
   1985), roughened by noise. What lies inside has burned.
2. *Flame*: a strip behind the perimeter, metres deep, so that a pixel is covered by the share that the
   strip overlaps. A grey body by Planck's law, turned into reflectance: pi L / (E_sun cos(sza)).
3. *Scar*: a mixture of the ground, char and a little ash, under the air's path reflectance.
4. *Smoke*: Gaussian plumes from the burning perimeter (Briggs 1973 dispersion) with turbulence; per band
   the two-stream layer of Bohren & Clothiaux (2006, sections 5.2 and 6.1) over the ground, where light
   that was scattered on the way up shows the blurred ground and unscattered light the sharp one.

Smoke lies below thick cloud. Left out: the plume's shadow, the glow of flames on smoke, plumes seen from
the side, relief (real smoke fills valleys), and bright ground outside the tile.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from scipy import ndimage

from ..bands import BAND_NAMES, PAN, pan_weights
from .fields import enlarge, noise
from .fire_physics import ASH, CHAR, WAVELENGTH_UM, shine, veil

NONE, SMOKE, FLAME = 0, 1, 2

Range = tuple[float, float]


@dataclass(frozen=True)
class FireParameters:
    """Ranges that every fire is drawn from, evenly unless `log` is said (evenly in the logarithm).

    Attributes:
        sun_zenith_deg: sun's angle from the zenith, degrees.
        outside: share of fires whose front is outside the tile, upwind: only their smoke is seen.
        clean: share of fires with so little smoke that the flames are not hidden.
        radius_px: from the ignition to the head of the fire, pixels, log; never over `reach` of the tile.
        reach: largest radius as a share of the tile's shorter edge.
        length_to_breadth: of the ellipse; 1 in calm, 3-4 in strong wind (Alexander 1985).
        roughness: relative noise on the perimeter.
        flame_depth_m: depth of the flaming strip, m, log: about 1-5 in grass, tens in crown fires.
        flame_k: temperature of flames, kelvin.
        smoulder_k: temperature of what glows behind them, kelvin.
        smoulder_share: share of a pixel that glows, log.
        emissivity: of the flame seen from above (thin flames are transparent).
        severity: share of the ground turned to char.
        ash: share of the char covered by ash.
        tau_550: optical depth of smoke at 550 nm where it is thick (95 % of the smoke is thinner), log.
        tau_550_outside: the same for fires outside the tile, log.
        tau_550_clean: the same for fires with little smoke.
        angstrom: exponent of tau ~ wavelength^-angstrom; fresh smoke 1.0-2.2 (Reid et al. 2005).
        single_scattering_albedo: 0.85-0.98, flaming to smouldering (Reid et al. 2005).
        asymmetry: at 550 nm, 0.55-0.70 (Reid et al. 2005).
        dispersion: a of sigma_y = a x / sqrt(1 + 0.0001 x), x in m, rural classes F to A (Briggs 1973).
        rise_m: height that hot smoke rises to, log; rising widens it by a 3.5th of the rise (Pasquill 1976).
        turbulence: standard deviation of the logarithm of the smoke's density.
        turbulence_outside: the same for fires outside the tile, whose smoke has mixed on the way.
        flame_limit: reflectance that the flame must add at the top, in the reddest band there is.
        smoke_limit: optical depth at 550 nm from which smoke is labelled.
        smoke_change: reflectance that smoke must change in some band to be labelled (over cloud it may
            change nothing).
        saturation: largest reflectance a sensor records.
    """

    sun_zenith_deg: Range = (20.0, 65.0)
    outside: float = 0.2
    clean: float = 0.2
    radius_px: Range = (8.0, 120.0)
    reach: float = 0.55
    length_to_breadth: Range = (1.1, 3.5)
    roughness: Range = (0.15, 0.5)
    flame_depth_m: Range = (4.0, 50.0)
    flame_k: Range = (1050.0, 1300.0)
    smoulder_k: Range = (800.0, 1000.0)
    smoulder_share: Range = (1e-4, 0.05)
    emissivity: Range = (0.4, 0.95)
    severity: Range = (0.4, 1.0)
    ash: Range = (0.0, 0.25)
    tau_550: Range = (0.4, 4.0)
    tau_550_outside: Range = (0.3, 3.0)
    tau_550_clean: Range = (0.02, 0.3)
    angstrom: Range = (1.0, 2.2)
    single_scattering_albedo: Range = (0.85, 0.98)
    asymmetry: Range = (0.55, 0.70)
    dispersion: Range = (0.04, 0.22)
    rise_m: Range = (50.0, 1000.0)
    turbulence: Range = (0.3, 0.9)
    turbulence_outside: Range = (0.1, 0.5)
    flame_limit: float = 0.03
    smoke_limit: float = 0.2
    smoke_change: float = 0.01
    saturation: float = 1.6


@dataclass(frozen=True)
class Fire:
    """A scene that burns.

    Attributes:
        reflectance: float32 (8, H, W), 0 where invalid or missing.
        label: uint8 (H, W), 0 none, 1 smoke, 2 flame.
        scar: bool (H, W), ground that has burned.
        tau: float32 (H, W), optical depth of the smoke at 550 nm.
        flame: float32 (H, W), reflectance added by the flame at the top, in the reddest band there is.
        values: what was drawn, by the names of `FireParameters`.
    """

    reflectance: np.ndarray
    label: np.ndarray
    scar: np.ndarray
    tau: np.ndarray
    flame: np.ndarray
    values: dict[str, float] = field(default_factory=dict)


def ignite(
    reflectance: np.ndarray,
    available: np.ndarray,
    valid: np.ndarray,
    gsd_m: float,
    random: np.random.Generator,
    parameters: FireParameters | None = None,
) -> Fire:
    """Put one fire into a scene; the same generator state gives the same bytes.

    Args:
        reflectance: float32 (8, H, W) in the model's band order; not changed.
        available: bool (8,); bands that are not stay 0.
        valid: bool (H, W); other pixels stay as they are and are labelled 0.
        gsd_m: pixel size in metres.
        random: the only source of chance.
        parameters: ranges to draw from.
    """
    ranges = parameters or FireParameters()
    available, valid = np.asarray(available, bool), np.asarray(valid, bool)
    draw = _draw(ranges, random)
    kind = random.random()
    weights = pan_weights(available)
    bands = [int(index) for index in np.flatnonzero(available) if index != PAN or not weights]
    out = np.array(reflectance, np.float32)
    if not bands or not valid.any():
        empty = np.zeros(valid.shape, np.float32)
        return Fire(out, empty.astype(np.uint8), empty > 0, empty, empty, draw)
    reddest = max(bands, key=lambda index: WAVELENGTH_UM[index])
    fuel = _fuel(out, available) & valid
    outside = kind < ranges.outside or np.count_nonzero(fuel) < 0.02 * fuel.size
    draw["outside"] = float(outside)
    rugged = noise(random, valid.shape, 3, 5)
    if outside:
        draw["tau_550"], draw["turbulence"] = draw["tau_550_outside"], draw["turbulence_outside"]
        burning = np.zeros((0, 3))
        scar, hot, kelvin = np.zeros(valid.shape, bool), None, None
    else:
        if kind > 1.0 - ranges.clean:
            draw["tau_550"] = draw["tau_550_clean"]
        hot, kelvin, char = _front(fuel, gsd_m, draw, ranges, rugged, random)
        scar = char > 0.05
        _char(out, char, valid, bands, draw)
        burning = _burning(hot, random)
    tau = _plumes(valid.shape, burning, gsd_m, draw, rugged, random)
    tau *= 1.0 - _overcast(reflectance, available)
    changed = veil(out, tau, valid, bands, draw)
    flame = np.zeros(valid.shape, np.float32)
    if hot is not None:
        flame = shine(out, hot, kelvin, tau, bands, reddest, draw, ranges.saturation)
    for index in weights:  # a PAN is as good as made of the other bands: it changes as they do
        out[PAN] += np.float32(weights[index]) * (out[index] - reflectance[index])
    if not valid.all():
        np.copyto(out, reflectance, where=~valid)
    label = np.zeros(valid.shape, np.uint8)
    label[(tau > ranges.smoke_limit) & (changed > ranges.smoke_change) & valid] = SMOKE
    label[(flame > ranges.flame_limit) & valid] = FLAME
    return Fire(out, label, scar & valid, tau, flame, draw)


_LOGARITHMIC = ("radius_px", "flame_depth_m", "smoulder_share", "tau_550", "tau_550_outside", "rise_m")


def _draw(ranges: FireParameters, random: np.random.Generator) -> dict[str, float]:
    """One value for every range, in the order of the fields, and the wind's direction."""
    values = {}
    for name, bounds in vars(ranges).items():
        if isinstance(bounds, tuple):
            low, high = np.log(bounds) if name in _LOGARITHMIC else bounds
            value = random.uniform(low, high)
            values[name] = float(np.exp(value)) if name in _LOGARITHMIC else float(value)
    values["wind_deg"] = float(random.uniform(0.0, 360.0))  # where it blows to, clockwise from the right
    return values


_VISIBLE = tuple(BAND_NAMES.index(name) for name in ("blue", "green", "red", "pan"))


def _fuel(reflectance: np.ndarray, available: np.ndarray) -> np.ndarray:
    """What can burn: not water, cloud, bare sand or roofs, as far as the bands tell; bool (H, W)."""
    red, nir = BAND_NAMES.index("red"), BAND_NAMES.index("nir")
    dark = np.ones(reflectance.shape[1:], bool)
    for index in _VISIBLE:
        if available[index]:
            dark &= reflectance[index] < 0.25
    if available[red] and available[nir]:
        dark &= reflectance[nir] > 1.5 * reflectance[red]  # NDVI over 0.2
    return dark


def _overcast(reflectance: np.ndarray, available: np.ndarray) -> np.ndarray:
    """Share of the smoke that cloud hides: thick cloud lies above it. 0 to 1, float32 (H, W)."""
    visible = [reflectance[index] for index in _VISIBLE if available[index]]
    if not visible:
        return np.zeros(reflectance.shape[1:], np.float32)
    # White over several pixels is cloud or snow; a lone bright roof is not.
    white = ndimage.uniform_filter(np.minimum.reduce(visible), 7, output=np.float32)
    return np.clip((white - np.float32(0.28)) / np.float32(0.12), 0.0, 1.0)


def _front(
    fuel: np.ndarray,
    gsd_m: float,
    draw: dict[str, float],
    ranges: FireParameters,
    rugged: np.ndarray,
    random: np.random.Generator,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Share of each pixel that flames, its temperature, and the share turned to char; float32 (H, W)."""
    height, width = fuel.shape
    margin = min(height, width) // 8
    inner = fuel[margin : height - margin, margin : width - margin]
    burnable = np.argwhere(inner if inner.any() else fuel)
    row, col = burnable[random.integers(len(burnable))] + (margin if inner.any() else 0)
    draw["radius_px"] = radius = max(3.0, min(draw["radius_px"], ranges.reach * min(height, width)))
    eccentric = np.sqrt(1.0 - draw["length_to_breadth"] ** -2.0)
    wind = np.deg2rad(draw["wind_deg"])
    down, right = np.ogrid[0:height, 0:width]
    down, right = (down - row).astype(np.float32), (right - col).astype(np.float32)
    along = right * np.float32(np.cos(wind)) + down * np.float32(np.sin(wind))
    distance = np.sqrt(right * right + down * down)
    # Ellipse around its rear focus: r (1 - e cos) = p, and the head reaches p / (1 - e).
    spread = (distance - np.float32(eccentric) * along) / np.float32(radius * (1.0 - eccentric))
    rough = noise(random, fuel.shape, 6, 4)
    spread *= 1.0 + np.float32(draw["roughness"]) * np.float32(0.5) * rough
    slope_y, slope_x = np.gradient(spread)
    slope = np.sqrt(slope_x * slope_x + slope_y * slope_y) + np.float32(1e-4)
    ahead = (spread - 1.0) / slope  # pixels to the perimeter, negative inside
    # The head burns nearly everywhere, flanks and rear in pieces.
    heading = along / (distance + 1.0)
    active = np.clip(0.45 + 0.55 * heading + 0.9 * rugged, 0.0, 1.0) * fuel
    depth = np.float32(draw["flame_depth_m"] / gsd_m) * active
    flaming = np.clip(np.minimum(ahead + 0.5, 0.0) - np.maximum(ahead - 0.5, -depth), 0.0, 1.0)
    hot = (flaming * np.float32(draw["emissivity"])).astype(np.float32)
    kelvin = np.float32(draw["flame_k"]) + 40.0 * rough
    behind = np.clip(1.0 + ahead * np.float32(gsd_m / 60.0), 0.0, 1.0) * (ahead < 0)
    glow = np.float32(draw["smoulder_share"]) * behind * np.clip(rough, 0.0, 1.0) * fuel
    smoulders = glow > hot
    kelvin[smoulders] = draw["smoulder_k"]
    hot[smoulders] = glow[smoulders]
    np.clip(kelvin, ranges.smoulder_k[0], ranges.flame_k[1], out=kelvin)
    char = np.clip(0.5 - ahead, 0.0, 1.0) * np.clip(draw["severity"] + 0.25 * rough, 0.0, 1.0) * fuel
    return hot, kelvin, char.astype(np.float32)


def _char(
    out: np.ndarray, char: np.ndarray, valid: np.ndarray, bands: list[int], draw: dict[str, float]
) -> None:
    """Mix char and ash into the ground, in place.

    In imagery from above the atmosphere the darkest ground is as bright as the air's path reflectance, which
    stays where something burns: it is what the darkest pixels have over 0.02 (dark-object method, Chavez
    1988), at most what air scatters.
    """
    if not char.any():
        return
    ash = np.float32(draw["ash"])
    every = max(1, int(np.sqrt(valid.size / 4096)))
    known = valid[::every, ::every]
    for index in bands:
        burned = CHAR[index] * (1 - ash) + ASH[index] * ash
        seen = out[index, ::every, ::every][known]
        if seen.size:
            most = 0.1 * (0.49 / WAVELENGTH_UM[index]) ** 3
            path = np.clip(np.quantile(seen, 0.01) - 0.02, 0.0, most)
            burned = path + burned * (1.0 - path)
        out[index] += char * (np.float32(burned) - out[index])


def _burning(hot: np.ndarray, random: np.random.Generator, count: int = 12) -> np.ndarray:
    """Places that smoke: (n, 3) of row, column and strength, where the fire is hottest more of them."""
    weight = np.cumsum(np.sqrt(hot), dtype=np.float64)
    if weight[-1] <= 0:
        return np.zeros((0, 3))
    chosen = np.searchsorted(weight, random.uniform(0.0, weight[-1], count))
    chosen = np.minimum(chosen, hot.size - 1)
    row, col = np.divmod(chosen, hot.shape[1])
    return np.column_stack((row, col, random.uniform(0.4, 1.0, count)))


def _plumes(
    shape: tuple[int, int],
    burning: np.ndarray,
    gsd_m: float,
    draw: dict[str, float],
    rugged: np.ndarray,
    random: np.random.Generator,
) -> np.ndarray:
    """Optical depth at 550 nm, float32 (H, W): Gaussian plumes, meandering and torn by turbulence."""
    height, width = shape
    wind = np.deg2rad(draw["wind_deg"])
    ahead = np.array([np.sin(wind), np.cos(wind)])
    if not len(burning):  # fires upwind, outside the tile
        edge = float(max(shape))
        away = edge * np.exp(random.uniform(np.log(0.8), np.log(6.0)))
        centre = np.array([height, width]) * random.uniform(0.2, 0.8, 2) - ahead * away
        across = random.uniform(-0.7, 0.7, (5, 1)) * edge * np.array([[ahead[1], -ahead[0]]])
        burning = np.column_stack((centre + across, random.uniform(0.3, 1.0, 5)))
    step = 4 if min(shape) >= 64 else 1
    rows = np.arange(0.5 * step, height + 0.5 * step, step, dtype=np.float32)
    cols = np.arange(0.5 * step, width + 0.5 * step, step, dtype=np.float32)
    swirl = noise(random, (len(rows), len(cols)), 4, 3)
    dy = rows[None, :, None] - burning[:, 0, None, None].astype(np.float32)
    dx = cols[None, None, :] - burning[:, 1, None, None].astype(np.float32)
    along = dx * np.float32(ahead[1]) + dy * np.float32(ahead[0])
    across = dy * np.float32(ahead[1]) - dx * np.float32(ahead[0])
    metres = np.maximum(along, 0.0) * np.float32(gsd_m)
    mixed = np.float32(draw["dispersion"]) * metres / np.sqrt(1.0 + np.float32(1e-4) * metres)
    # Hot smoke rises with the 2/3 power of the distance, for about a kilometre (Briggs 1975).
    risen = np.float32(draw["rise_m"] / 3.5) * np.cbrt(np.minimum(metres * np.float32(1e-3), 1.0)) ** 2
    width_px = (np.hypot(mixed, risen) + np.float32(20.0)) / np.float32(gsd_m) + np.float32(0.7)
    across = across + swirl * width_px * np.float32(0.8)  # eddies of the plume's own size move it
    density = np.exp(np.float32(-0.5) * (across / width_px) ** 2) / width_px
    density *= np.clip(along / width_px + 1.0, 0.0, 1.0)
    coarse = np.tensordot(burning[:, 2].astype(np.float32), density, 1)
    plume = np.maximum(enlarge(coarse, (height, width)), 0.0)
    seen = plume[plume > 0.02 * plume.max()]
    thick = np.float32(np.quantile(seen[:: max(1, seen.size // 2000)], 0.95)) if seen.size else 1.0
    torn = _torn(shape, wind, rugged, random)
    spread = np.float32(draw["turbulence"])
    tau = plume * np.exp(spread * torn - spread * spread / 2) * np.float32(draw["tau_550"] / max(thick, 1e-9))
    return np.minimum(tau, np.float32(8.0)).astype(np.float32)


def _torn(shape: tuple[int, int], wind: float, rugged: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Noise of the smoke's density: billows and streaks along the wind, about 0 +- 1."""
    edge = int(np.ceil(np.hypot(*shape) / 2))
    streaks = noise(random, (max(8, edge), max(8, edge)), 5, 4)
    down, right = np.mgrid[0 : shape[0], 0 : shape[1]].astype(np.float32)
    cos, sin = np.float32(np.cos(wind)), np.float32(np.sin(wind))
    centre = np.float32(edge / 2)
    along = (right - shape[1] / 2) * cos + (down - shape[0] / 2) * sin
    across = (down - shape[0] / 2) * cos - (right - shape[1] / 2) * sin
    place = np.stack((across * np.float32(0.5) + centre, along * np.float32(0.17) + centre))
    texture = ndimage.map_coordinates(streaks, place, order=1, mode="mirror", prefilter=False)
    return (texture * np.float32(0.7) + rugged * np.float32(0.7)).astype(np.float32)
