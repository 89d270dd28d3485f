"""The routerset's tables: written and read back the same, and refused when they say something else."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from model_core.errors import HydraNetError, RequestError
from model_core.routerset import (
    COLUMNS,
    UNKNOWN,
    Entry,
    TaskSpec,
    catalog_text,
    read_routerset,
    relevance_of,
    relevance_text,
    set_text,
)
from model_core.spec import ClassSpec

from . import tiny_pack

TASK = TaskSpec("reed", "Röhricht", (ClassSpec(0, "none", None), ClassSpec(1, "reed", "#aabbcc")), (1,))
OTHER = replace(TASK, name="water", share=0.5, known=1.0, label_kind="derived")
ENTRY = Entry(
    "a_1", "a, \"b\".tif", "S2", 10.0, ("blue", "nir"), "boa", ("reed",), {"reed": "hand"}, "3_4", "train",
    "mine;\nyours", {"reed": 1},
)  # fmt: skip
BARE = Entry("a_2", "b.tif", "", None, ("pan",), "", (), {}, "3_5", "test", "x", {})


def write(folder: Path, entries=(ENTRY, BARE), tasks=(TASK, OTHER), size: int = 64) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "routerset.json").write_text(set_text(tasks, size, {"seed": 3}), encoding="utf-8")
    (folder / "catalog.csv").write_text(catalog_text(entries), encoding="utf-8")
    (folder / "relevance.csv").write_text(relevance_text(entries, tasks), encoding="utf-8")
    return folder


def test_what_is_written_is_read(tmp_path: Path) -> None:
    found = read_routerset(write(tmp_path / "set"))
    assert found.entries == (ENTRY, BARE) and found.tasks == (TASK, OTHER) and found.tile_size == 64
    assert found.data["seed"] == 3 and found.task("water") == OTHER and found.of("test") == [BARE]
    with pytest.raises(RequestError, match="no task 'roads'; its tasks are reed, water"):
        found.task("roads")
    assert tuple(tiny_pack.FIELDS) == COLUMNS  # as a training pack has them
    assert ENTRY.label_file("reed") == "labels/a_1__reed.tif"


def broken(folder: Path, name: str, old: str, new: str) -> None:
    path = folder / name
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


@pytest.mark.parametrize(
    ("name", "old", "new", "said"),
    [
        ("routerset.json", "hydranet-routerset/1", "hydranet-run/1", "is no 'hydranet-routerset/1'"),
        ("routerset.json", '"tile_size": 64', '"tile_size": 50', "of 50 pixels"),
        ("routerset.json", '"share": 0.5', '"share": 2', "expected above 0, to 1"),
        ("routerset.json", '"name": "water"', '"name": "reed"', "cannot be understood|names a task twice"),
        ("routerset.json", '"present"', '"gift"', "cannot be understood"),
        ("routerset.json", "{", "", "cannot be read"),
        ("catalog.csv", "a_2,", "../a_2,", "cannot be understood"),
        ("catalog.csv", "a_2,", "a_\x07,", "cannot be understood"),
        ("catalog.csv", ",test,", ",holdout,", "cannot be understood"),
        ("catalog.csv", "reed:hand", "reed", "cannot be understood"),
        ("catalog.csv", "a_2,", "a_1,", "with 1 names"),
        ("catalog.csv", ",10,", ",nan,", "cannot be understood"),
        ("catalog.csv", ",10,", ",-1,", "cannot be understood"),
        ("catalog.csv", "mine", "m" * 200_000, "cannot be understood"),
        ("relevance.csv", "a_1,1,", "a_1,2,", "cannot be understood"),
        ("relevance.csv", "a_2,,", "a_3,,", "cannot be understood"),
        ("relevance.csv", "reed,water", "reed,roads", "cannot be understood"),
    ],
)
def test_what_says_something_else_is_refused(
    tmp_path: Path, name: str, old: str, new: str, said: str
) -> None:
    folder = write(tmp_path / "set")
    broken(folder, name, old, new)
    with pytest.raises(HydraNetError, match=said) as caught:
        read_routerset(folder)
    assert "\n" not in str(caught.value) and str(caught.value).endswith(".")


def test_tables_that_a_spreadsheet_wrote(tmp_path: Path) -> None:
    folder = write(tmp_path / "set")
    for name in ("catalog.csv", "relevance.csv"):
        (folder / name).write_text((folder / name).read_text(encoding="utf-8"), encoding="utf-8-sig")
    assert read_routerset(folder).entries == (ENTRY, BARE)


def test_nested_without_end(tmp_path: Path) -> None:
    folder = write(tmp_path / "set")
    (folder / "routerset.json").write_text("[" * 100_000)
    with pytest.raises(RequestError, match="cannot be read"):
        read_routerset(folder)


@pytest.mark.parametrize("name", ["routerset.json", "catalog.csv", "relevance.csv"])
def test_what_is_missing_is_said(tmp_path: Path, name: str) -> None:
    folder = write(tmp_path / "set")
    (folder / name).unlink()
    with pytest.raises(RequestError, match=f"No routerset in '.*': {name} is missing"):
        read_routerset(folder)


def test_a_task_that_no_expert_could_be_made_of() -> None:
    for more in (
        {"name": "My reed"},
        {"classes": TASK.classes[:1]},
        {"present": (4,)},
        {"present": ()},
        {"share": 0},
    ):
        with pytest.raises(HydraNetError):
            replace(TASK, **more)
    assert TaskSpec.from_dict(json.loads(json.dumps(OTHER.as_dict()))) == OTHER
    assert TASK.expert().channels == 2


@given(st.lists(st.sampled_from([0, 1, UNKNOWN]), min_size=1, max_size=40), st.data())
def test_relevance_by_counting(pixels: list[int], data) -> None:
    label = np.array([pixels], np.uint8)
    valid = np.array([data.draw(st.lists(st.booleans(), min_size=len(pixels), max_size=len(pixels)))])
    task = replace(TASK, share=data.draw(st.sampled_from([0.01, 0.3, 1.0])))
    seen = [pixel for pixel, fine in zip(pixels, valid[0], strict=True) if fine]
    found = relevance_of(label, valid, task)
    if not seen:
        assert found is None
    elif seen.count(1) >= task.share * len(seen):
        assert found == 1
    else:
        assert found == (0 if len(seen) - seen.count(UNKNOWN) >= task.known * len(seen) else None)
