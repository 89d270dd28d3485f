"""Known sensors: which band of their products feeds which band of the model (resources/sensors.json)."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from .errors import BandError
from .resources import resource

# Tags in which products say what they are; other tags may mention a sensor in passing.
_IDENTITY_TAGS = {
    "SENSOR", "SENSOR_ID", "SATELLITE", "SATELLITE_ID", "SATELLITEID", "SATID", "PLATFORM", "MISSION",
    "INSTRUMENT", "SPACECRAFT", "SPACECRAFT_NAME", "DATATAKE_1_SPACECRAFT_NAME", "PRODUCT_TYPE",
    "PRODUCT_URI", "PRODUCT_URI_1C", "PRODUCT_URI_2A", "PRODUCT_ID", "TIFFTAG_IMAGEDESCRIPTION",
}  # fmt: skip
_SENTINEL_2 = re.compile(r"s2msi|msil[12]|sentinel[-_ ]?2|\bs2[abc]\b", re.IGNORECASE)


@dataclass(frozen=True)
class Sensor:
    """One product layout.

    Attributes:
        id: what the user types, e.g. `phisat2`.
        title: what the user reads in a list.
        orders: model band name (or None) for each band of the product; one entry per band count.
        descriptions: sets of band descriptions that identify the product, letters and digits only.
        tag_pattern: regular expression on the tags that name a product, or None.
        extra_planes: how many planes (a mask, a quality band) may follow the bands of the product.
    """

    id: str
    title: str
    orders: tuple[tuple[str | None, ...], ...]
    descriptions: tuple[tuple[str, ...], ...] = ()
    tag_pattern: str | None = None
    extra_planes: int = 0

    def order_for(self, count: int) -> tuple[str | None, ...] | None:
        """The order of a product with `count` bands, or None if the sensor has no such product."""
        exact = next((order for order in self.orders if len(order) == count), None)
        if exact is not None:
            return exact
        return next(
            (
                (*order, *[None] * (count - len(order)))
                for order in self.orders
                if 0 < count - len(order) <= self.extra_planes
            ),
            None,
        )

    def note(self, count: int) -> str | None:
        """What to say of planes that follow the bands, or None."""
        if any(len(order) == count for order in self.orders) or self.order_for(count) is None:
            return None
        bands = max(len(order) for order in self.orders if len(order) < count)
        return (
            f"Band {count} comes after the {bands} bands of '{self.id}' and was not used; it is often a mask "
            "or a quality band."
        )

    @property
    def is_sentinel2(self) -> bool:
        """Whether bands called B02, B03, … are Sentinel-2's."""
        return self.id.startswith("sentinel2")


@lru_cache(maxsize=1)
def sensors() -> tuple[Sensor, ...]:
    """All known sensors, in the order in which they are offered."""
    data = json.loads(resource("sensors.json").read_text(encoding="utf-8"))
    return tuple(
        Sensor(
            id=entry["id"],
            title=entry["title"],
            orders=tuple(tuple(order) for order in entry["orders"]),
            descriptions=tuple(tuple(names) for names in entry["descriptions"]),
            tag_pattern=entry["tag_pattern"],
            extra_planes=entry["extra_planes"],
        )
        for entry in data["sensors"]
    )


def sensor_ids() -> tuple[str, ...]:
    """Ids of all known sensors."""
    return tuple(sensor.id for sensor in sensors())


def get_sensor(sensor_id: str) -> Sensor:
    """Find a sensor by its id, in any case.

    Raises:
        BandError: no such sensor.
    """
    wanted = sensor_id.strip().lower()
    for sensor in sensors():
        if sensor.id == wanted:
            return sensor
    raise BandError(
        f"'{sensor_id}' is not a band choice; use 'auto', one of {', '.join(sensor_ids())}, "
        "or write the bands as 'blue=2,green=3,red=4,nir=8'."
    )


def sensors_for_count(count: int) -> tuple[str, ...]:
    """Ids of the sensors with a product of `count` bands: suggestions for the user, never a guess."""
    return tuple(sensor.id for sensor in sensors() if sensor.order_for(count))


def sensor_from_descriptions(descriptions: Sequence[str | None]) -> Sensor | None:
    """The sensor whose product is delivered with exactly these band descriptions, however they are spelt."""
    given = tuple(re.sub(r"[^a-z0-9]", "", (text or "").lower()) for text in descriptions)
    return next((sensor for sensor in sensors() if given in sensor.descriptions), None)


def sensor_from_tags(tags: Mapping[str, str], count: int) -> Sensor | None:
    """The one sensor that the file's metadata names and that has a product of `count` bands."""
    text = _identity(tags)
    hits = [
        sensor
        for sensor in sensors()
        if sensor.tag_pattern
        and sensor.order_for(count)
        and re.search(sensor.tag_pattern, text, re.IGNORECASE)
    ]
    return hits[0] if len(hits) == 1 else None


def names_sentinel2(tags: Mapping[str, str]) -> bool:
    """Whether the file's metadata says that it comes from Sentinel-2."""
    return bool(_SENTINEL_2.search(_identity(tags)))


def _identity(tags: Mapping[str, str]) -> str:
    values = (value for key, value in sorted(tags.items()) if key.upper() in _IDENTITY_TAGS)
    return " ".join(" ".join(value.split()) for value in values)
