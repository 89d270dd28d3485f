"""A layer of objects that cannot be finished leaves no half of itself."""

from __future__ import annotations

from pathlib import Path

import pytest
from qgis.core import QgsProcessingException

from tests.qgis.conftest import Feedback
from tests.qgis.test_objects import bundle, content, run_objects  # noqa: F401 - a fixture

pytestmark = pytest.mark.usefixtures("bundle", "provider", "fake_worker")


class Impatient(Feedback):
    """Cancels when the objects are being written."""

    def setProgressText(self, text: str) -> None:
        if text == "Writing the objects":
            self.cancel()


@pytest.mark.parametrize("name", ["copy.gpkg", "copy.geojson", "copy.shp"])
def test_a_copy_that_is_cancelled_leaves_no_part_and_keeps_the_run(
    name: str, scene: Path, tmp_path: Path
) -> None:
    target, folder = tmp_path / name, tmp_path / "out"
    with pytest.raises(QgsProcessingException, match="Cancelled; the run itself is finished and kept"):
        run_objects(scene, Impatient(), OUTPUT=str(target), OUTPUT_FOLDER=str(folder))
    assert not list(tmp_path.glob("copy.*"))
    assert content(f"{folder / 'objects.gpkg'}|layername=objects")
