"""A chosen object on the map and in the tile's picture, and its colour among all others."""

from __future__ import annotations

import itertools
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from qgis.core import QgsGeometry
from qgis.PyQt.QtCore import QPoint, Qt
from qgis.PyQt.QtGui import QColor, QImage
from qgis.PyQt.QtTest import QTest

from hydranet_qgis.dock import object_shapes
from hydranet_qgis.dock.object_model import CLASS
from hydranet_qgis.dock.run_panel import RunPanel
from hydranet_qgis.dock.tile_picture import LARGE
from hydranet_qgis.expert_colors import assign, contrast
from hydranet_qgis.object_records import read_objects
from hydranet_qgis.run_folder import Run, RunClass, RunExpert
from hydranet_qgis.tile_records import read_tiles
from tests.qgis.object_panel import outlined, section_of
from tests.qgis.object_runs import CLASSES, LEFT, TILE_M, TOP, with_objects

PICTURE_MS = 5000
# How colours look to who lacks one kind of cones (Machado, Oliveira and Fernandes 2009), for linear RGB.
CONES = {
    "all": ((1, 0, 0), (0, 1, 0), (0, 0, 1)),
    "protanopia": (
        *((0.152286, 1.052583, -0.204868), (0.114503, 0.786281, 0.099216)),
        (-0.003882, -0.048116, 1.051998),
    ),
    "deuteranopia": (
        *((0.367322, 0.860646, -0.227968), (0.280085, 0.672501, 0.047413)),
        (-0.011820, 0.042940, 0.968881),
    ),
    "tritanopia": (
        *((1.255528, -0.076749, -0.178779), (-0.078411, 0.930809, 0.147602)),
        (0.004733, 0.691367, 0.303900),
    ),
}


def _lab(color: str, cones: Any) -> Any:
    import numpy as np

    values = np.array([int(color[at : at + 2], 16) / 255 for at in (1, 3, 5)])
    values = np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)
    to_xyz = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
    xyz = to_xyz @ np.clip(np.array(cones) @ values, 0, 1) / np.array([0.9505, 1.0, 1.089])
    x, y, z = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


def _apart(first: str, second: str) -> float:
    """Least difference (CIE 1976) of two colours to any of these eyes."""
    import numpy as np

    return min(float(np.linalg.norm(_lab(first, c) - _lab(second, c))) for c in CONES.values())


def test_choosing_an_object_marks_it_on_the_map_until_none_is_chosen(objects: RunPanel) -> None:
    objects.select_tile(5)
    table, told = section_of(objects).table, []
    objects.widgets.tiles.objectSelected.connect(told.append)
    assert outlined(objects) is None
    assert table.select(3)
    assert outlined(objects).area() == pytest.approx(30 * 22)
    table.select(1)
    center = outlined(objects).centroid().asPoint()
    assert (center.x(), center.y()) == pytest.approx((LEFT + 175 + 23, TOP - 180 - 6))
    assert objects.widgets.tiles.detail.picture._chosen == 1
    QTest.keyClick(table, Qt.Key.Key_Escape)
    assert table.current() is None and outlined(objects) is None
    assert objects.widgets.tiles.detail.picture._chosen is None
    assert objects.map_link._marker._band is not None  # the tile's own outline
    assert [one.id if one else None for one in told] == [3, 1, None]


def test_another_tile_or_run_takes_the_object_off_the_map(objects: RunPanel, canvas: Any) -> None:
    objects.select_tile(5)
    section_of(objects).table.select(6)
    assert outlined(objects) is not None
    objects.select_tile(6)  # has it as well, but nobody chose it there
    assert outlined(objects) is None and section_of(objects).current() is None
    section_of(objects).table.select(6)
    objects.map_link.close()
    assert outlined(objects) is None


def test_a_click_beside_the_rows_chooses_none(objects: RunPanel) -> None:
    objects.select_tile(6)  # one row
    table = section_of(objects).table
    table.setFixedHeight(200)
    table.select(6)
    QTest.mouseClick(table.viewport(), Qt.MouseButton.LeftButton, pos=QPoint(20, 150))
    assert table.current() is None and outlined(objects) is None


def test_a_double_click_or_enter_moves_the_map_there(objects: RunPanel, canvas: Any) -> None:
    objects.select_tile(5)
    table, opened = section_of(objects).table, []
    objects.widgets.tiles.objectActivated.connect(opened.append)
    table.select(5)
    QTest.keyClick(table, Qt.Key.Key_Return)
    center, box = canvas.extent().center(), canvas.extent()
    assert (center.x(), center.y()) == pytest.approx((LEFT + 245, TOP - 300.5), abs=0.5)
    assert 120 < box.width() < 30 * 120
    place = table.visualRect(table.model().index(0, CLASS)).center()
    QTest.mouseClick(table.viewport(), Qt.MouseButton.LeftButton, pos=place)
    assert canvas.extent().center() == center  # one click only marks it
    QTest.mouseDClick(table.viewport(), Qt.MouseButton.LeftButton, pos=place)
    assert canvas.extent().center().x() == pytest.approx(LEFT + 198, abs=0.5)
    assert [one.id for one in opened] == [5, 1]


def _picture(panel: RunPanel, tile: int, qtbot: Any) -> Any:
    panel.select_tile(tile)
    picture = panel.widgets.tiles.detail.picture
    qtbot.waitUntil(lambda: picture.state == "shown", timeout=PICTURE_MS)
    return picture


def _like(image: QImage, color: str) -> int:
    """Pixels that look like a colour."""
    wanted, found = QColor(color), 0
    for x, y in itertools.product(range(image.width()), range(image.height())):
        seen = image.pixelColor(x, y)
        off = abs(seen.red() - wanted.red()) + abs(seen.green() - wanted.green())
        found += off + abs(seen.blue() - wanted.blue()) < 60
    return found


def test_the_picture_outlines_objects_and_the_chosen_one_thicker(objects: RunPanel, qtbot: Any) -> None:
    picture = _picture(objects, 6, qtbot)
    assert picture.sizeHint().width() == LARGE == picture.image.width() / picture.devicePixelRatioF()
    picture.resize(LARGE, LARGE)
    color = dict(CLASSES)["ship"]
    before = _like(picture.grab().toImage(), color)
    section_of(objects).table.select(6)
    after = _like(picture.grab().toImage(), color)
    assert before > 5 and after > 1.5 * before
    objects.select_tile(1)
    qtbot.waitUntil(lambda: picture.state == "shown", timeout=PICTURE_MS)
    assert picture._objects == []


def test_outlines_are_placed_in_their_tile_also_in_a_turned_raster(run: Run) -> None:
    run = with_objects(run)
    tile = next(one for one in read_tiles(run) if one.index == 5)
    found = read_objects(run)
    (place,) = object_shapes.in_tile(tile, found[:1])
    # 15 m right and 20 m below the corner of a tile of 160 m.
    assert (place[0].x(), place[0].y()) == pytest.approx((15 / TILE_M, 20 / TILE_M))
    assert (place[2].x(), place[2].y()) == pytest.approx((61 / TILE_M, 32 / TILE_M))

    def turned(wkb: bytes) -> bytes:
        shape = QgsGeometry()
        shape.fromWkb(wkb)
        shape.rotate(30, QgsGeometry.fromWkt(f"Point({LEFT} {TOP})").asPoint())
        return bytes(shape.asWkb())

    (again,) = object_shapes.in_tile(replace(tile, wkb=turned(tile.wkb)), [
        found[0]._replace(wkb=turned(found[0].wkb))
    ])  # fmt: skip
    for before, after in zip(place, again, strict=True):
        assert (after.x(), after.y()) == pytest.approx((before.x(), before.y()))
    (gone,) = object_shapes.in_tile(tile, [found[0]._replace(wkb=b"")])
    assert gone.isEmpty()


def test_its_colour_is_told_from_all_others_by_any_eye() -> None:
    import json

    root = Path(__file__).parents[2]
    bundled = json.loads((root / "resources" / "bundle" / "model.json").read_text(encoding="utf-8"))
    told = [(e["name"], e["kind"], [c["color"] for c in e["classes"]]) for e in bundled["experts"]]
    if not any(kind == "objects" for _, kind, _ in told):
        told.append(("objects", "objects", [color for _, color in CLASSES]))
    experts = [
        RunExpert(
            *(name, name, kind, None, tuple(RunClass(at, "", color) for at, color in enumerate(drawn))),
            *(0.5, False, 0, 0, None, None, None, None),
        )
        for name, kind, drawn in told
    ]
    colors = assign(experts)
    mine = colors.pop("objects")
    assert min(_apart(mine, other) for other in (*colors.values(), dict(CLASSES)["ship"])) > 20
    assert contrast(mine, "#ffffff") > 2 and contrast(mine, "#2b2b2b") > 2
