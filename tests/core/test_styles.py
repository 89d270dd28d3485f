"""The .qml files are well-formed and say what the rasters mean; QGIS itself reads them in tests/qgis."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest

from model_core.spec import ClassSpec, ExpertSpec
from model_core.styles import expert_color, objects_style, raster_style, tiles_style
from tests.core.fakes import ALL, BRIGHT, GREEN, METRES, OBJECTS

AWKWARD_CLASSES = (ClassSpec(0, "<&>", None), ClassSpec(1, '"x"', "#010203"))
AWKWARD = ExpertSpec("odd", 'Odd "<&>" title', "classes", 2, AWKWARD_CLASSES)


def parse(text: str) -> ElementTree.Element:
    return ElementTree.fromstring(text)  # noqa: S314 - our own text


def test_classes_are_a_palette_with_names_and_a_transparent_background() -> None:
    entries = parse(raster_style(BRIGHT)).findall(".//paletteEntry")
    assert [(e.get("value"), e.get("label"), e.get("color"), e.get("alpha")) for e in entries] == [
        ("0", "dark", "#ffffff", "0"),
        ("1", "grey", "#888888", "255"),
        ("2", "bright", "#ffee00", "255"),
    ]


@pytest.mark.parametrize(
    ("spec", "ranges", "expected"),
    [
        (GREEN, (), (0.0, 1.0)),
        (METRES, (-2.0, 30.0), (-2.0, 30.0)),
        (METRES, (5.0, 5.0), (5.0, 6.0)),
        (METRES, (), (0.0, 1.0)),
    ],
)
def test_numbers_are_a_ramp_over_their_range(spec: ExpertSpec, ranges: tuple, expected: tuple) -> None:
    root = parse(raster_style(spec, *ranges))
    values = [float(item.get("value")) for item in root.findall(".//item")]
    assert (values[0], values[-1]) == expected and values == sorted(values) and len(values) == 5
    assert root.find(".//item").get("label").endswith("m") == (spec is METRES)


def test_tiles_have_one_symbol_per_expert_and_three_more() -> None:
    root = parse(tiles_style(ALL))
    values = [category.get("value") for category in root.findall(".//category")]
    assert values == [*(spec.name for spec in ALL), "abstained", "no data", "outside mask"]
    assert len({symbol.get("name") for symbol in root.findall(".//symbol")}) == len(values)
    assert expert_color(BRIGHT, 0) == "#888888"
    assert len({expert_color(spec, i) for i, spec in enumerate(ALL)}) == len(ALL)


def test_objects_have_the_colour_of_their_class_and_follow_the_score() -> None:
    root = parse(objects_style(OBJECTS))
    assert root.find("renderer-v2").get("attr") == "class"
    assert [category.get("value") for category in root.findall(".//category")] == ["ship", "building"]
    lines = [option.get("value") for option in root.findall(".//layer/Option/Option[@name='outline_color']")]
    assert lines == ["228,87,46,255", "139,92,246,255"]
    for name in ("alpha", "outlineWidth"):
        driven = root.findall(f".//Option[@name='{name}']/Option[@name='expression']")
        assert len(driven) == 2 and all('"score"' in option.get("value") for option in driven)


def test_names_are_escaped() -> None:
    labels = [e.get("label") for e in parse(raster_style(AWKWARD)).findall(".//paletteEntry")]
    assert labels == ["<&>", '"x"']
    values = [item.get("value") for item in parse(objects_style(AWKWARD)).findall(".//category")]
    assert values == labels
    assert parse(tiles_style([AWKWARD])).find(".//category").get("label") == 'Odd "<&>" title'
