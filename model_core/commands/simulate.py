"""`hydranet simulate`: set a scene on fire as the training does, and draw it before and after."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from ..scene import Scene
    from ..training.fire import Fire

LARGEST = 512
"""Edge of the part that is shown, in pixels: larger ones would hide a front one pixel wide."""

SMOKE_COLOR, FLAME_COLOR, SCAR_COLOR = "#8d99ae", "#ff5a1f", "#5c4033"


def add_parser(subparsers: argparse._SubParsersAction) -> None:
    """Register the sub-command and its options."""
    parser = subparsers.add_parser(
        "simulate",
        help="put a simulated fire into a scene and draw it",
        description="Put one simulated fire (flame, smoke, scar) into a scene, as the training of the fire "
        "expert does, and draw the scene before and after with the label and the values drawn.",
    )
    add = parser.add_argument
    add("--input", required=True, help="the raster, or a Sentinel-2 product (SAFE folder or zip)")
    add("--output", required=True, type=Path, metavar="PICTURE.png", help="the picture to write")
    add(
        "--seed",
        type=_seed,
        default=0,
        metavar="N",
        help="which fire; the same N gives the same (default: 0)",
    )
    add(
        "--tif",
        type=Path,
        metavar="OUT.tif",
        help="also write the burning scene, 8 bands, and the label as a 9th",
    )
    add(
        "--window",
        metavar="X,Y,W,H",
        help=f"part to burn, in pixels (default: the middle, at most {LARGEST})",
    )
    add("--bands", default="auto", help="auto, a sensor id, or blue=2,green=3,… (default: auto)")
    add(
        "--radiometry",
        default="auto",
        metavar="SCALE,OFFSET",
        help="(value + offset) * scale (default: auto)",
    )


def run(args: argparse.Namespace) -> int:
    """Burn, draw, and say what was drawn."""
    from rasterio.windows import Window

    from ..errors import OutputError
    from ..scene import Scene
    from ..training.fire import FLAME, SMOKE, ignite

    _matplotlib()
    for path in filter(None, (args.output, args.tif)):
        if not path.absolute().parent.is_dir():
            raise OutputError(f"The folder '{path.parent}' does not exist; create it or choose another.")
        if path.exists() and Path(args.input).exists() and path.samefile(args.input):
            raise OutputError(f"'{path}' is the input itself; give another output file.")
    with Scene.open(args.input, bands=args.bands, radiometry=args.radiometry) as scene:
        window = Window(*_window(args.window, scene))
        patch = scene.read(window)
        gsd_m = scene.gsd_m or 10.0
        available = scene.mapping.available
        fire = ignite(patch.reflectance, available, patch.valid, gsd_m, np.random.default_rng(args.seed))
        if args.tif:
            _write(args.tif, fire, patch.valid, scene, window)
    _draw(args.output, patch.reflectance, fire, patch.valid, available, gsd_m, args.seed)
    smoke, flame = (int(np.count_nonzero(fire.label == value)) for value in (SMOKE, FLAME))
    print(f"{args.output}: {smoke} pixels of smoke, {flame} of flame, {int(fire.scar.sum())} burned")
    return 0


def _seed(text: str) -> int:
    """Read a seed for argparse, which makes a sentence of the error."""
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"'{text}' is not a seed; give a whole number, 0 or more")
    return int(text)


def _matplotlib() -> None:
    from ..errors import RequestError

    try:
        import matplotlib  # noqa: F401
    except ImportError as error:
        raise RequestError(
            "The picture needs matplotlib, which is not installed; run 'pip install hydranet[train]'."
        ) from error


def _window(text: str | None, scene: Scene) -> tuple[int, int, int, int]:
    from ..errors import RequestError

    if text is None:
        width, height = min(scene.width, LARGEST), min(scene.height, LARGEST)
        return (scene.width - width) // 2, (scene.height - height) // 2, width, height
    try:
        x, y, width, height = (int(part) for part in text.split(","))
    except ValueError as error:
        raise RequestError(f"'{text}' is not a window; write four whole numbers x,y,width,height.") from error
    if min(width, height) < 16 or max(width, height) > 2048:
        raise RequestError(f"The window is {width} x {height} pixels; give 16 to 2048 pixels each way.")
    return x, y, width, height  # Scene.read refuses what is not inside


def _write(path: Path, fire: Fire, valid: np.ndarray, scene: Scene, window) -> None:
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


def _draw(
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
