"""`python model_core …`: the command `hydranet` from a folder that is not installed.

The worker is started as `python -I -u <root>/model_core worker`, from a checkout or from inside the
QGIS plugin's folder. Python then puts *this* folder on the path, where `spec` or `errors` would be
found as top-level modules; that entry is replaced by the parent folder, at the end, so that nothing
beside model_core can hide an installed library.
"""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

_HERE = Path(__file__).resolve().parent


def _make_importable() -> None:
    """Let `import model_core` find this very folder, also where another version is installed."""
    sys.path[:] = [entry for entry in sys.path if not entry or Path(entry).resolve() != _HERE]
    sys.path.append(str(_HERE.parent))
    spec = importlib.util.spec_from_file_location(
        "model_core", _HERE / "__init__.py", submodule_search_locations=[str(_HERE)]
    )
    if spec is None or spec.loader is None:
        raise ImportError(f"model_core cannot be loaded from {_HERE}.")
    module = importlib.util.module_from_spec(spec)
    sys.modules["model_core"] = module
    spec.loader.exec_module(module)


if __name__ == "__main__":
    if not __package__:
        _make_importable()
    from model_core.cli import main

    sys.exit(main())
