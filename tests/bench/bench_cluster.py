"""Scenes over processes of one thread each, and a tall one in strips, against one process of many threads."""

from __future__ import annotations

import time
from functools import partial
from pathlib import Path
from typing import Any

from model_core.cluster import run as spread
from model_core.cluster.options import ClusterOptions
from model_core.cluster.start import cluster
from model_core.many import predict_many
from model_core.predict import predict
from model_core.request import PredictRequest
from model_core.scene_list import SceneList, expand

from .enlarge import repeat
from .setting import Setting
from .timing import figure, interleaved, ratio
from .timing import spread as quartiles

EDGE = 1024
SCENES = 8
_TALL = 4  # times higher than the scenes


def run(setting: Setting) -> dict[str, Any]:
    """All scenes serially and by workers in turn; start-up by itself; the tall scene whole and in strips."""
    few = setting.rounds == 1  # only to see that it works
    edge, number = (EDGE // 4, 3) if few else (EDGE, SCENES)
    paths = [str(repeat(setting.scenes[0], edge, edge, setting.folder / f"c{n}.tif")) for n in range(number)]
    tall = repeat(setting.scenes[0], edge, _TALL * edge, setting.folder / "tall.tif")
    outcomes: list[Any] = []
    local = ClusterOptions("local", workers=setting.threads)
    begin = time.perf_counter()
    with cluster(local, lambda _event: None, number) as client:
        client.wait_for_workers(setting.threads)
        start = time.perf_counter() - begin
        address = ClusterOptions(client.scheduler.address)
        found = interleaved(
            {
                "serial": partial(_serial, setting, _list(setting, paths, "serial")),
                "cluster": lambda: outcomes.append(_spread(setting, paths, address)),
                "whole": partial(predict, _request(setting, tall, "whole"), load_model=_model(setting)),
                "strips": partial(spread.predict_one, _request(setting, tall, "strips"), address),
            },
            setting.rounds, setting.say,
        )  # fmt: skip
    tiles = sum(row.tiles for row in outcomes[0])
    # What the workers did beside predicting: reports, and at the end waiting for the last one.
    overhead = [
        1000 * (wall * setting.threads - sum(row.seconds for row in rows)) / number
        for wall, rows in zip(found["cluster"], outcomes[1:], strict=True)
    ]
    hourly = [3600 * number / value / setting.threads for value in found["cluster"]]
    what = f"{number} scenes of {edge} x {edge} pixels"
    cores = f"{setting.threads} processes"
    figures = {
        "cluster_over_serial": figure(
            ratio(found["cluster"], found["serial"]), f"{what} over {cores} against one process"
        ),
        "cluster_overhead_ms": figure(
            quartiles(overhead), f"{what} over {cores}: time of a process beside each, ms"
        ),
        "cluster_start_seconds": figure(round(start, 2), f"{cores} are up, before they load a model"),
        "cluster_scenes_per_core_hour": figure(quartiles(hourly), f"{what}: scenes in an hour by one core"),
        "strips_over_whole": figure(
            ratio(found["strips"], found["whole"]),
            f"a scene of {edge} x {_TALL * edge} pixels in strips over {cores} against one process",
        ),
    }
    details = {
        "scenes": number, "pixels": edge * edge, "tiles": tiles, "workers": setting.threads,
        "seconds": {name: [round(value, 4) for value in values] for name, values in found.items()},
    }  # fmt: skip
    return {"figures": figures, "details": details}


def _request(setting: Setting, scene: Path | str, name: str) -> PredictRequest:
    return PredictRequest(
        str(scene), str(setting.folder / name), bundle=str(setting.bundle), bands=setting.bands,
        device="cpu", overwrite=True,
    )  # fmt: skip


def _list(setting: Setting, paths: list[str], name: str) -> SceneList:
    return expand(paths, str(setting.folder / name))


def _model(setting: Setting) -> Any:
    return lambda _path, **_options: setting.model


def _serial(setting: Setting, scenes: SceneList) -> None:
    request = _request(setting, scenes.scenes[0].path, "serial")
    outcome = predict_many(scenes, request, load_model=_model(setting))
    _check(outcome)


def _spread(setting: Setting, paths: list[str], options: ClusterOptions) -> Any:
    request = _request(setting, paths[0], "cluster")
    outcome = spread.predict_many(_list(setting, paths, "cluster"), request, options)
    _check(outcome)
    return outcome.rows


def _check(outcome: Any) -> None:
    bad = [row.message for row in outcome.rows if row.status != "done"]
    if bad:
        raise RuntimeError(f"a scene failed: {bad[0]}")
