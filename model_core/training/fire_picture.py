"""The picture of a simulated fire: a scene before and after, its label, and what was drawn."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from rasterio.windows import Window

from ..scene import Scene
from .fire import Fire

SMOKE_COLOR, FLAME_COLOR, SCAR_COLOR = "#8d99ae", "#ff5a1f", "#5c4033"


def write_raster(path: Path, fire: Fire, valid: np.ndarray, scene: Scene, window: Window) -> None:
    """The burning scene as `prepare` writes scenes, with the label (0 none, 1 smoke, 2 flame) as 9th band."""
    import rasterio
    from affine import Affine
    from rasterio.errors import RasterioError

    from ..bands import BAND_NAMES
    from ..errors import OutputError
    from ..raster_file import quiet_gdal

    data = np.clip(np.rint(fire.reflectance * 10000.0), 1, 65534).astype(np.uint16) * valid
    data *= scene.mapping.available[:, None, None]
    profile = {"driver": "GTiff", "count": 9, "dtype": "uint16", "compress": "deflate", "predictor": 2}
    profile |= {"height": valid.shape[0], "width": valid.shape[1], "crs": scene.crs}
    profile["transform"] = scene.transform * Affine.translation(window.col_off, window.row_off)
    try:
        with quiet_gdal(), rasterio.open(path, "w", **profile) as target:
            target.write(np.concatenate((data, fire.label[None].astype(np.uint16))))
            target.descriptions = (*BAND_NAMES, "fire_label")
            target.update_tags(RADIOMETRY="reflectance x 10000", CONTENT="simulated fire")
    except (RasterioError, OSError) as error:
        raise OutputError(f"'{path}' could not be written ({error}); choose another folder.") from error


def draw_fire(
    path: Path,
    before: np.ndarray,
    fire: Fire,
    valid: np.ndarray,
    available: np.ndarray,
    gsd_m: float,
    seed: int,
) -> None:
    """Three pairs: true colour before and after, nir-red-green before and after, label and values."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.colors import ListedColormap
    from matplotlib.figure import Figure
    from matplotlib.patches import Patch

    from ..bands import BAND_NAMES
    from ..errors import OutputError

    index = {name: number for number, name in enumerate(BAND_NAMES)}
    true = [index[name] for name in ("red", "green", "blue")]
    false = [index[name] for name in ("nir", "red", "green")]
    rows, cols = valid.shape
    figure = Figure(figsize=(12, 8.8 * min(1.5, max(0.6, rows / cols))), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots(2, 3)
    for column, (bands, name) in enumerate(((true, "red, green, blue"), (false, "nir, red, green"))):
        bands = bands if available[bands].all() else [int(np.flatnonzero(available)[-1])] * 3
        low, high = _limits(before[bands], valid)
        for row, (image, when) in enumerate(((before, "before"), (fire.reflectance, "after"))):
            axes[row, column].imshow(_stretch(image[bands], low, high), interpolation="nearest")
            axes[row, column].set_title(f"{when}: {name}", loc="left", fontsize=10)
    colors = ["#f4f4f0", SCAR_COLOR, SMOKE_COLOR, FLAME_COLOR]
    shown = np.where(fire.label > 0, fire.label + 1, fire.scar.astype(np.uint8))
    axes[0, 2].imshow(shown, cmap=ListedColormap(colors), vmin=0, vmax=3, interpolation="nearest")
    axes[0, 2].set_title("label (what has burned is not a class)", loc="left", fontsize=10)
    names = ("none", "burned", "smoke", "flame")
    handles = [Patch(fc=color, ec="#888", label=name) for color, name in zip(colors, names, strict=True)]
    axes[1, 2].legend(handles=handles, loc="lower left", fontsize=9, frameon=False, ncols=4)
    axes[1, 2].text(0, 1, _values(fire, gsd_m, seed), family="monospace", fontsize=8, va="top")
    for axis in axes.flat:
        axis.set_xticks([])
        axis.set_yticks([])
    axes[1, 2].set_axis_off()
    try:
        figure.savefig(path, dpi=100, format="png")
    except OSError as error:
        raise OutputError(f"'{path}' could not be written ({error}); choose another folder.") from error


def _limits(image: np.ndarray, valid: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Darkest value per band and one range for all, (3, 1, 1) each: hues stay, smoke has room above."""
    if not valid.any():
        return np.zeros((3, 1, 1)), np.ones((3, 1, 1))
    low, high = np.percentile(image[:, valid], (0.5, 99), axis=1)[:, :, None, None]
    return low, low + 1.3 * max(0.02, float((high - low).max()))


def _stretch(image: np.ndarray, low: np.ndarray, high: np.ndarray) -> np.ndarray:
    return (np.clip((image - low) / (high - low), 0.0, 1.0) ** 0.7).transpose(1, 2, 0)


_SHOWN = (
    ("sun_zenith_deg", "sun from zenith", "deg"), ("wind_deg", "wind to (from right, clockwise)", "deg"),
    ("radius_px", "ignition to head", "pixels"), ("length_to_breadth", "length to breadth", ""),
    ("flame_depth_m", "flame depth", "m"), ("flame_k", "flame temperature", "K"),
    ("emissivity", "flame emissivity", ""), ("severity", "share charred", ""), ("ash", "share ash", ""),
    ("tau_550", "smoke: tau at 550 nm", ""), ("angstrom", "smoke: Angstrom exponent", ""),
    ("single_scattering_albedo", "smoke: single-sc. albedo", ""), ("asymmetry", "smoke: asymmetry", ""),
    ("dispersion", "smoke: dispersion", ""), ("rise_m", "smoke: rise", "m"),
    ("turbulence", "smoke: turbulence", ""),
)  # fmt: skip


def _values(fire: Fire, gsd_m: float, seed: int) -> str:
    place = "upwind, outside the scene" if fire.values.get("outside") else "in the scene"
    lines = [f"simulated fire, seed {seed}, pixel {gsd_m:.0f} m", f"the fire is {place}", ""]
    lines += [f"{title:<32}{fire.values[name]:>9.4g} {unit}" for name, title, unit in _SHOWN]
    lines += ["", f"{'largest flame, reddest band':<32}{fire.flame.max():>9.3f}"]
    lines += [f"{'thickest smoke, tau at 550 nm':<32}{fire.tau.max():>9.3f}"]
    return "\n".join(lines)
