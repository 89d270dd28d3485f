"""Which value is which class: the user's table, a layer's legend, and what is refused of either."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from qgis.core import NULL, QgsProject

from hydranet_qgis.algorithms.class_table import (
    read_names,
    read_table,
    style_of_polygons,
    style_of_raster,
    value_text,
)
from hydranet_qgis.errors import InputError
from tests.qgis.label_layers import class_raster, drawn, polygons


@pytest.mark.parametrize(
    ("value", "text"),
    [(3, "3"), (3.0, "3"), (2.5, "2.5"), (" reed ", "reed"), (True, "1"), (None, ""), (NULL, "")],
)
def test_a_value_is_named_as_the_worker_names_it(value: Any, text: str) -> None:
    from model_core.tiles.classes import texts_of

    assert value_text(value) == text
    if value is not NULL:
        assert texts_of([value]) == [text or None]


def test_the_users_table_is_read_row_by_row() -> None:
    cells = [1, "reed", "#FF0000", "", None, "", "2", "water", "", "3", "reed", "blue", 9.0, "unknown", ""]
    found = read_table(cells, 3)
    assert found.names == {"1": "reed", "2": "water", "3": "reed", "9": "unknown"}
    assert list(found.names.values())[0] == "reed"
    assert found.colors == {"reed": "#ff0000"}
    assert read_table(["1", "reed"], 2).names == {"1": "reed"}
    assert read_table([], 3).names == {} == read_table(["", "", ""], 3).names


@pytest.mark.parametrize(
    ("cells", "sentence"),
    [
        (["1", "reed"], "has 2 cells, which are no whole rows of 3"),
        (["1", "", ""], "Row 1 of the table of classes has value '1' and class ''; give both"),
        (["1", "a", "", "", "b", ""], "Row 2 of the table of classes has value ''"),
        (["1", "a", "", "1", "b", ""], "names the value '1' twice"),
        (["1", "a", "reddish"], "gives 'a' the colour 'reddish'; write it as #rrggbb"),
    ],
)
def test_a_table_that_cannot_work_is_refused(cells: list[Any], sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        read_table(cells, 3)


def test_a_legend_gives_names_and_colours_in_its_own_order() -> None:
    layer = polygons("w", "r", "m")
    drawn(layer, "kind", ("r", "#00ff00", "Reed"), ("w", "#0000ff", ""), ("m", "#00aa00", "Reed"))
    found = style_of_polygons(layer, "kind")
    assert list(found.names.items()) == [("r", "Reed"), ("w", "w"), ("m", "Reed")]
    assert found.colors == {"Reed": "#00ff00", "w": "#0000ff"}
    assert found.listed() == "r = Reed, w = w, m = Reed"


def test_numbers_lists_and_quoted_fields_of_a_legend() -> None:
    layer = polygons(1, 2, 3, column="kind:integer")
    drawn(layer, '"kind"', ([1, 3], "#00ff00", "wet"), (2, "#ff0000", "dry"))
    assert style_of_polygons(layer, "kind").names == {"1": "wet", "3": "wet", "2": "dry"}


@pytest.mark.parametrize(("label", "rest"), [("", "unknown"), ("others", "others")])
def test_what_a_legend_leaves_out_is_what_it_calls_all_others(label: str, rest: str) -> None:
    layer = polygons("r", "x", None)
    drawn(layer, "kind", ("r", "#00ff00", "reed"), ("", "#888888", label))
    found = style_of_polygons(layer, "kind")
    assert found.names == {"r": "reed", "x": rest}
    assert ("others" in found.colors) == bool(label)


def test_the_class_unknown_and_what_is_not_drawn_have_no_colour() -> None:
    layer = polygons("r", "u")
    drawn(layer, "kind", ("r", "0,255,0,0", "reed"), ("u", "#888888", "unknown"))
    assert style_of_polygons(layer, "kind").colors == {}


def test_a_legend_of_something_else_says_nothing(tmp_path: Path, project: QgsProject) -> None:
    layer = polygons("r")
    assert style_of_polygons(layer, "kind") is None
    assert style_of_polygons(None, "kind") is None
    assert style_of_polygons(drawn(layer, "note", ("x", "#00ff00", "x")), "kind") is None
    assert style_of_polygons(drawn(layer, "kind", ("", "#00ff00", "all")), "kind") is None
    assert style_of_raster(class_raster(tmp_path / "plain.tif")) is None
    second = class_raster(tmp_path / "second.tif", (1, "#00ff00", "reed"), band=2)
    assert style_of_raster(second) is None


def test_a_palette_gives_classes_with_values_ascending(tmp_path: Path, project: QgsProject) -> None:
    layer = class_raster(
        tmp_path / "c.tif", (5, "#00ff00", "reed"), (0, "#ffffff", ""), (2, "#0000ff", "wet")
    )
    found = style_of_raster(layer)
    assert list(found.names.items()) == [("0", "0"), ("2", "wet"), ("5", "reed")]
    assert found.colors == {"0": "#ffffff", "wet": "#0000ff", "reed": "#00ff00"}


def test_names_are_separated_by_commas_or_semicolons() -> None:
    assert read_names(" reed, water,reed,") == ["reed", "water"]
    assert read_names("trees, dead; water") == ["trees, dead", "water"]
    assert read_names("") == []
