"""Which scenes a command line means, and that their folders' names are stable, unique and safe."""

from __future__ import annotations

import os
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from model_core.errors import RequestError
from model_core.scene_list import expand, scene_names

names = st.text(st.characters(exclude_characters="\0"), max_size=150)


def folders(*inputs: str, output: str = "out") -> list[str]:
    return [os.path.relpath(scene.folder, output) for scene in expand(inputs, output).scenes]


def paths(*inputs: object) -> list[str]:
    return [scene.path for scene in expand([str(one) for one in inputs], "out").scenes]


@pytest.mark.parametrize("path", ["a.tif", "x/S2A.SAFE", "x/S2A.SAFE/", "mosaic.vrt", 'NETCDF:"a.nc":b', ""])
def test_one_scene_writes_into_the_output_folder_itself(path: str) -> None:
    found = expand([path], "out")
    assert not found.many and found.notes == ()
    assert [(s.number, s.path, s.folder) for s in found.scenes] == [(1, path, "out")]


def test_several_scenes_have_a_folder_each() -> None:
    found = expand(["a/one.tif", "two.vrt", "p/S2A_MSIL1C.SAFE", "/vsizip/z.zip/b.tif"], "out")
    assert found.many and [scene.number for scene in found.scenes] == [1, 2, 3, 4]
    names = ["one", "two", "S2A_MSIL1C", "b"]
    assert [scene.folder for scene in found.scenes] == [os.path.join("out", name) for name in names]


def test_scenes_named_alike_get_their_folder_in_front_then_numbers() -> None:
    assert folders("a/x.tif", "b/X.tif", "y.tif") == ["a_x", "b_X", "y"]
    assert folders("1/a/x.tif", "2/a/x.tif", "2/a/x.vrt") == ["a_x", "a_x-2", "a_x-3"]
    assert folders("L1.SAFE/MTD.xml", "L2.SAFE/MTD.xml") == ["L1_MTD", "L2_MTD"]
    assert folders("a/x.tif", "a_x.tif", "b/x.tif") == ["a_x", "a_x-2", "b_x"]
    assert folders("summary.csv.tif", "b.tif") == ["summary.csv-2", "b"]


def test_a_relative_scene_is_named_after_the_current_folder(tmp_path: Path, monkeypatch) -> None:
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    assert folders("x.tif", "b/x.tif") == ["here_x", "b_x"]


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("con.tif", "con_"),
        ("Lpt1.tar.gz", "Lpt1.tar_"),
        ("a?b<c>|d.tif", "a_b_c_d"),
        ("dots....tif", "dots"),
        (" space here .tif", "space here"),
        ("/", "scene"),
        ("in/S2A_T31.SAFE.zip", "S2A_T31"),
        ("in/S2A_T31.SAFE/", "S2A_T31"),
        (".... .tif", "scene"),
        ('NETCDF:"f.nc":var', "NETCDF_f"),
        ("e\u0301.tif", "\u00e9"),
        ("\udce9t\udce9.tif", "_t_"),
        ("ä" * 200 + ".tif", "ä" * 60),
    ],
)
def test_names_are_safe(path: str, name: str) -> None:
    assert scene_names([path]) == [name]


@given(
    st.lists(
        st.one_of(names, st.sampled_from(["a/x.tif", "b/x.tif", "a/X.TIF", "c/a/x", "a_x.tif"])), max_size=12
    )
)
@settings(max_examples=200, deadline=None)
def test_any_names_are_unique_safe_and_stable(given_paths: list[str]) -> None:
    found = scene_names(given_paths)
    assert found == scene_names(given_paths)
    assert len({unicodedata.normalize("NFD", name.lower()) for name in found}) == len(given_paths)
    for name in found:
        assert name == name.strip(" .") and name not in ("", "summary.csv")
        assert not set(name) & {*'<>:"/\\|?*', *map(chr, range(32))}
        assert len(name.encode()) <= 130
        assert os.path.basename(name) == name


def test_a_list(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    for name in ("a b.tif", '"quoted".tif', "c#1.tif", "colon:name.tif"):
        (tmp_path / "in" / name).touch()
    absolute = str(tmp_path / "elsewhere.tif")
    text = f"""\ufeff# scenes of the night

in/a b.tif
  in/"quoted".tif\r
in/c#1.tif
   # a comment
{absolute}
in/colon:name.tif
NETCDF:"cube.nc":reflectance
/vsizip/in.zip/x.tif
missing.tif"""
    (tmp_path / "scenes.TXT").write_text(text, encoding="utf-8", newline="")
    expected = [
        *(str(tmp_path / "in" / name) for name in ("a b.tif", '"quoted".tif', "c#1.tif")),
        absolute, str(tmp_path / "in" / "colon:name.tif"), 'NETCDF:"cube.nc":reflectance',
        "/vsizip/in.zip/x.tif", str(tmp_path / "missing.tif"),
    ]  # fmt: skip
    assert paths(tmp_path / "scenes.TXT") == expected
    assert paths("first.tif", tmp_path / "scenes.TXT", "last.vrt") == ["first.tif", *expected, "last.vrt"]


def test_a_list_of_one_scene_still_gives_it_a_folder_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "one.txt").write_text("a.tif\n")
    found = expand([str(tmp_path / "one.txt")], "out")
    assert found.many and [scene.folder for scene in found.scenes] == [os.path.join("out", "a")]


def test_a_scene_given_twice_is_predicted_once(tmp_path: Path) -> None:
    scene = tmp_path / "a.tif"
    scene.touch()
    (tmp_path / "list.txt").write_text("a.tif\n./a.tif\nb.tif\n")
    (tmp_path / "link.tif").symlink_to(scene)
    found = expand([str(scene), str(tmp_path / "list.txt"), str(tmp_path / "link.tif")], "out")
    assert [os.path.basename(one.folder) for one in found.scenes] == ["a", "b"]
    assert len(found.notes) == 3 and all("more than once" in note for note in found.notes)
    assert [one.number for one in found.scenes] == [1, 2]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "names no scene"),
        (b"# nothing\n\n  \n", "names no scene"),
        (b"II*\0\x08\0\0\0", "is no text"),
        (b"\xff\xfea\0", "is no text"),
        (None, "does not exist"),
    ],
)
def test_a_list_that_is_none(tmp_path: Path, content: bytes | None, said: str) -> None:
    path = tmp_path / "list.txt"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(RequestError, match=said) as caught:
        expand([str(path)], "out")
    assert str(path) in str(caught.value) and str(caught.value).endswith(".")


def test_a_list_as_large_as_a_raster(tmp_path: Path) -> None:
    with (tmp_path / "list.txt").open("wb") as file:
        file.truncate(17 * 2**20)
    with pytest.raises(RequestError, match="larger than"):
        expand([str(tmp_path / "list.txt")], "out")


def test_nothing() -> None:
    with pytest.raises(RequestError, match="No scene was given"):
        expand([], "out")
