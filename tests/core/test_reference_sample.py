"""A real run of the bundled model on the sample scene against a made-up reference of water."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import rasterio
from sklearn.metrics import cohen_kappa_score, confusion_matrix

from model_core.predict import predict
from model_core.request import PredictRequest
from model_core.resources import resource
from tests.core.references import compare, matrix_of, write_classes

COAST = resource("sample", "coast_10m.tif")


@pytest.fixture(scope="module")
def water_run(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("sample") / "run"
    wanted = {"experts": ("water",), "policy": "top-k", "top_k": 1, "precision": "fp32", "device": "cpu"}
    predict(PredictRequest(str(COAST), str(folder), uncertainty=True, **wanted))
    return folder


@pytest.fixture(scope="module")
def reference(water_run) -> tuple[str, np.ndarray]:
    """Water by the normalised difference of green and near infrared, unknown where that is near its bound."""
    with rasterio.open(COAST) as scene:
        green, nir = scene.read([3, 8]).astype(np.float64)
        place = {"crs": scene.crs, "transform": scene.transform}
    index = (green - nir) / np.maximum(green + nir, 1)
    values = np.where(np.abs(index) < 0.1, 9, index > 0).astype(np.uint8)
    return write_classes(water_run.parent / "reference.tif", values, nodata=9, **place), values


def test_a_real_run_is_judged_as_its_arrays_say(water_run, reference, tmp_path) -> None:
    path, truth = reference
    found = compare(water_run, path, tmp_path / "out")
    with rasterio.open(water_run / "water.tif") as raster:
        given = raster.read(1)
    both = (given != 255) & (truth != 9)
    assert matrix_of(tmp_path / "out") == confusion_matrix(truth[both], given[both]).tolist()
    assert found["figures"]["kappa"] == pytest.approx(cohen_kappa_score(truth[both], given[both]), abs=1e-6)
    assert found["figures"]["kappa"] > 0.8
    router = found["router"]
    assert router["threshold"] is None  # of top-k
    assert router["expert"] == "water" and router["tiles"] == 15 and router["in_vain"] == 0
    assert router["needed"] == router["decided"] == router["hit"] == 15  # coast and bays everywhere
    assert found["uncertainty"]["auroc"] > 0.7
    page = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert "expert &#x27;water&#x27; of hydranet-moe-8band" in page and page.count("<svg") == 2


def test_the_worker_needs_no_more_libraries_than_it_has(water_run, reference, tmp_path) -> None:
    code = (
        "import sys\nfrom tests.core.references import compare\ncompare(*sys.argv[1:4])\n"
        "print(sorted({'torch', 'sklearn', 'scipy', 'matplotlib', 'PIL'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(water_run), reference[0], str(tmp_path / "out")],
        capture_output=True, text=True, check=True, cwd=Path(__file__).resolve().parents[2],
    )  # fmt: skip
    assert done.stdout == "[]\n"
