"""Runs inside QGIS (`qgis --code`): plays the scene that HYDRANET_SCENE names, once the event loop runs."""

import importlib
import json
import os
import sys
import traceback

from qgis.PyQt.QtCore import QTimer
from qgis.utils import iface

with open(os.environ["HYDRANET_SCENE"], encoding="utf-8") as file:
    ORDER = json.load(file)


def play():
    """Call the scene, write down what it returned or how it failed, end QGIS."""
    leave = iface.actionExit().trigger
    try:
        sys.path.insert(0, ORDER["folder"])
        leave = importlib.import_module("inside").leave
        scenes = importlib.import_module(ORDER["module"])
        result = getattr(scenes, ORDER["scene"])(ORDER["job"])
    except Exception:
        result = {"error": traceback.format_exc()}
    part = ORDER["result"] + ".part"
    with open(part, "w", encoding="utf-8") as file:
        json.dump(result, file)
    os.replace(part, ORDER["result"])
    leave()


QTimer.singleShot(0, play)
