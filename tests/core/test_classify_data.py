"""EuroSAT chips: read as the table says, refused in a sentence where it lies, altered by the seed alone."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from model_core.errors import RequestError
from model_core.training.classify import data as module
from model_core.training.classify.data import as_input, load_eurosat, moved, training_batches
from tests.conftest import PACK

from .tiny_eurosat import CLASSES, SPLITS, contents, encoded, table, write_zip

FIRST = "Crop/Crop_1.jpg"


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return load_eurosat(write_zip(tmp_path_factory.mktemp("pack")))


def test_every_split_has_its_chips_and_no_other(data):
    assert data.classes == CLASSES
    for name, count in SPLITS:
        chips = getattr(data, name)
        assert chips.images.shape == (count * len(CLASSES), 64, 64, 3)
        assert chips.images.dtype == np.uint8
        assert np.bincount(chips.labels).tolist() == [count] * len(CLASSES)


def test_a_pack_without_chips_is_refused(tmp_path):
    with pytest.raises(RequestError, match=r"has no eurosat\.zip; give the folder"):
        load_eurosat(tmp_path)
    (tmp_path / "eurosat.zip").write_bytes(b"PK not a zip")
    with pytest.raises(RequestError, match=r"eurosat\.zip cannot be read"):
        load_eurosat(tmp_path)


def without(name):
    return {key: value for key, value in contents().items() if key != name}


def rows_with(change):
    rows = [line.split(",") for line in contents()["splits.csv"].decode().splitlines()[1:]]
    return {**contents(), "splits.csv": table(change(rows))}


BAD = {
    "no table": (without("splits.csv"), r"holds no splits\.csv"),
    "other columns": ({**contents(), "splits.csv": b"name,label\n"}, "has the columns name, label; expected"),
    "empty table": ({**contents(), "splits.csv": b""}, "has the columns none"),
    "not text": ({**contents(), "splits.csv": b"\xff\xfe\x00"}, "is not UTF-8 text"),
    "a chip that is not there": (without(FIRST), rf"Line 2 of splits\.csv says file '{FIRST}'"),
    "a chip twice": (rows_with(lambda rows: [*rows, rows[0]]), "Line 74 of .* of the zip once"),
    "an unknown split": (rows_with(lambda rows: [[*rows[0][:2], "cal"], *rows[1:]]), "split 'cal'"),
    "a short line": (rows_with(lambda rows: [rows[0][:1], *rows[1:]]), "class '', split ''"),
    "a class without test chips": (
        rows_with(lambda rows: [row for row in rows if row[1:] != ["Lake", "test"]]),
        "no chip of Lake in its test split",
    ),
    "no chips": (rows_with(lambda rows: []), "names no chips"),
    "not an image": ({**contents(), FIRST: b"text"}, f"{FIRST} is not an image"),
    "half an image": ({**contents(), FIRST: contents()[FIRST][:300]}, f"{FIRST} is not an image"),
    "another size": (
        {**contents(), FIRST: encoded(np.zeros((32, 64, 3), np.uint8))},
        "has 64 x 32 pixels of mode RGB; expected 64 x 64",
    ),
    "grey": (
        {**contents(), FIRST: encoded(np.zeros((64, 64), np.uint8))},
        "of mode L; expected 64 x 64 of RGB",
    ),
    "a bomb": ({**contents(), FIRST: bytes(module.LARGEST + 1)}, "would unpack to 1,048,577 bytes"),
}


@pytest.mark.parametrize("case", BAD)
def test_a_bad_zip_is_refused_in_one_sentence(case, tmp_path):
    files, told = BAD[case]
    with pytest.raises(RequestError, match=told) as caught:
        load_eurosat(write_zip(tmp_path, files))
    assert "eurosat.zip" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_damaged_entry_is_refused(tmp_path):
    path = write_zip(tmp_path) / "eurosat.zip"
    raw = bytearray(path.read_bytes())
    at = raw.index(contents()[FIRST][40:80])  # stored as it is, so the check sum alone tells
    raw[at] ^= 0xFF
    path.write_bytes(raw)
    with pytest.raises(RequestError, match="cannot be read"):
        load_eurosat(tmp_path)


def test_batches_hang_on_seed_and_epoch_alone(data):
    def draw(seed, epoch):
        return list(training_batches(data.train, 16, seed, epoch))

    first, again = draw(1, 2), draw(1, 2)
    assert len(first) == 3
    for one, other in zip(first, again, strict=True):
        assert all(torch.equal(a, b) for a, b in zip(one, other, strict=True))
    assert not torch.equal(first[0][0], draw(1, 3)[0][0])
    assert not torch.equal(first[0][0], draw(2, 2)[0][0])
    seen = torch.cat([numbers for _, _, numbers in first])
    assert len(set(seen.tolist())) == 48
    labels = torch.cat([labels for _, labels, _ in first])
    assert torch.equal(labels, torch.from_numpy(data.train.labels)[seen])


def test_fewer_chips_than_a_batch_are_one_batch(data):
    (batch,) = training_batches(data.val, 100, 0, 0)
    assert len(batch[1]) == len(data.val)


def test_chips_are_turned_mirrored_and_shifted_only():
    image = np.zeros((64, 64, 3), np.uint8)
    image[20:30, 12:16, 0] = 200
    out = moved(np.repeat(image[None], 64, 0), np.random.default_rng(0))
    assert out.shape == (64, 64, 64, 3)
    assert {int(count) for count in (out == 200).sum((1, 2, 3))} == {
        40
    }  # the patch stays whole, whatever is done
    assert len({one.tobytes() for one in out}) > 50
    tall = (out[..., 0].max(2) > 0).sum(1)
    assert set(tall.tolist()) == {4, 10}


def test_the_networks_see_values_of_about_unit_spread(data):
    x = as_input(data.train.images)
    assert x.shape[1:] == (3, 64, 64)
    assert x.is_contiguous(memory_format=torch.channels_last)
    assert abs(float(x.mean())) < 1
    assert 0.3 < float(x.std()) < 3


@pytest.mark.needs_pack
def test_the_pack_holds_what_its_readme_says():
    data = load_eurosat(PACK)
    assert len(data.classes) == 10
    assert (len(data.train), len(data.val), len(data.test)) == (7000, 1000, 2000)
    for chips, each in ((data.train, 700), (data.val, 100), (data.test, 200)):
        assert np.bincount(chips.labels).tolist() == [each] * 10
