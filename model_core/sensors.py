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
        descriptions: band descriptions that the product is delivered with, if they identify it.
        tag_pattern: regular expression on the tags that name a product, or None.
    """

    id: str
    title: str
    orders: tuple[tuple[str | None, ...], ...]
    descriptions: tuple[str, ...] | None = None
    tag_pattern: str | None = None

    def order_for(self, count: int) -> tuple[str | None, ...] | None:
        """The order of a product with `count` bands, or None if the sensor has no such product."""
        return next((order for order in self.orders if len(order) == count), None)

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
            descriptions=tuple(entry["descriptions"]) if entry["descriptions"] else None,
            tag_pattern=entry["tag_pattern"],
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
    """The sensor whose product is delivered with exactly these band descriptions."""
    given = tuple((text or "").strip().lower() for text in descriptions)
    return next((sensor for sensor in sensors() if sensor.descriptions == given), None)


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
