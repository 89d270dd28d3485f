"""Class values of any whole numbers as small codes, shared by all threads of a comparison."""

from __future__ import annotations

import threading
from collections.abc import Sequence

import numpy as np

from ...errors import RequestError

NONE = 255
"""Code of a pixel that says nothing."""

MOST = 255
"""Different values that a class raster may have: 0 to 254 as codes."""

_LOW, _HIGH = -(2**15), 2**16  # what 8 and 16 bits can hold, signed or not


class Codes:
    """Numbers class values in the order in which they are met.

    The order may differ between calls of several threads; whoever tells of classes sorts by their values.
    """

    def __init__(self, values: Sequence[int] = ()) -> None:
        """Give the first codes to values that are known beforehand."""
        self._lock = threading.Lock()
        self._values: list[int] = []
        self._table = np.full(_HIGH - _LOW, NONE, np.uint8)
        self._wide: dict[int, int] = {}
        for value in values:
            self._add(value, "The reference")

    @property
    def values(self) -> list[int]:
        """By code."""
        with self._lock:
            return list(self._values)

    def code(self, value: int) -> int:
        """Of a value that is known.

        Raises:
            KeyError: it was not met.
        """
        return self._wide[value]

    def encode(self, values: np.ndarray, known: np.ndarray, whose: str) -> np.ndarray:
        """Codes of the pixels' values.

        Args:
            values: integers (h, w).
            known: bool (h, w).
            whose: the layer, for the message.

        Returns:
            uint8 (h, w), `NONE` where nothing is known.

        Raises:
            RequestError: there are more than 255 different values.
        """
        wide = values.dtype.itemsize > 2
        if wide and known.any() and not self._narrow(values[known]):
            return self._encode_wide(values, known, whose)
        index = np.where(known, values, 0).astype(np.int64) - _LOW if wide else values.astype(np.int32) - _LOW
        codes = self._table[index]
        fresh = (codes == NONE) & known
        if fresh.any():
            for value in np.unique(values[fresh]).tolist():
                self._add(int(value), whose)
            codes = self._table[index]
        codes[~known] = NONE
        return codes

    @staticmethod
    def _narrow(values: np.ndarray) -> bool:
        return bool(values.min() >= _LOW and values.max() < _HIGH)

    def _encode_wide(self, values: np.ndarray, known: np.ndarray, whose: str) -> np.ndarray:
        codes = np.full(values.shape, NONE, np.uint8)
        different, place = np.unique(values[known], return_inverse=True)
        if len(different) > MOST:
            raise self._too_many(whose)
        codes[known] = np.array([self._add(int(value), whose) for value in different], np.uint8)[place]
        return codes

    def _add(self, value: int, whose: str) -> int:
        with self._lock:
            if value not in self._wide:
                if len(self._values) == MOST:
                    raise self._too_many(whose)
                self._wide[value] = len(self._values)
                self._values.append(value)
                if _LOW <= value < _HIGH:
                    self._table[value - _LOW] = self._wide[value]
            return self._wide[value]

    @staticmethod
    def _too_many(whose: str) -> RequestError:
        return RequestError(
            f"{whose} holds more than {MOST} different values; expected classes, so give a class raster, "
            "or a field with few values."
        )
