"""What pip is asked, which proxy it gets, and what a failure is told as."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import tomllib
from packaging.requirements import Requirement

from hydranet_qgis import paths
from hydranet_qgis.setup.failures import explain
from hydranet_qgis.setup.pip_command import (
    CPU,
    CUDA,
    Options,
    commands,
    environment,
    torch_index,
    torch_requirement,
    without_passwords,
)
from hydranet_qgis.setup.proxy import Proxy, from_settings, variables

PYTHON = Path("/env/bin/python")
LIST = paths.worker_requirements()


def _after(call: list[str], option: str) -> str:
    return call[call.index(option) + 1]


def test_what_is_pinned_is_what_pyproject_allows() -> None:
    project = tomllib.loads((paths.checkout() / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted = [*project["dependencies"], *project["optional-dependencies"]["train"]]
    allowed = {Requirement(text).name: Requirement(text).specifier for text in wanted}
    lines = [line for line in LIST.read_text(encoding="utf-8").splitlines() if not line.startswith("#")]
    pinned = [Requirement(line) for line in lines]
    # Boxes of the objects in a training pack are read with pycocotools, which no worker does.
    assert {item.name for item in pinned} == set(allowed) - {"pycocotools"}
    for item in pinned:
        (pin,) = item.specifier
        assert pin.operator == "==" and pin.version in allowed[item.name], item


# --- pip ---------------------------------------------------------------------------------------------


def test_pip_is_the_environments_own_and_compiles_nothing() -> None:
    for call in commands(PYTHON, Options(Path("python3"), requirements=LIST), "Linux"):
        assert call[:5] == [str(PYTHON), "-I", "-m", "pip", "install"]
        assert _after(call, "--only-binary") == ":all:"


@pytest.mark.parametrize(
    ("system", "hardware", "end"),
    [("Linux", CPU, "cpu"), ("Linux", CUDA, ""), ("Windows", CPU, ""), ("Windows", CUDA, "cu130")]
    + [("Darwin", CPU, "")],
)
def test_torch_comes_from_the_index_that_has_it_for_the_hardware(
    system: str, hardware: str, end: str
) -> None:
    index = torch_index(system, hardware)
    assert index.rpartition("/")[2] == end
    calls = commands(PYTHON, Options(Path("python3"), hardware, requirements=LIST), system)
    assert len(calls) == (2 if end else 1)
    assert "--index-url" not in calls[-1]
    if end:
        assert _after(calls[0], "--index-url") == index
        assert calls[0][-1] == "torch==2.13.0"
        assert "--no-deps" in calls[0], "nothing else may come from that index"


def test_a_mirror_gives_everything() -> None:
    (call,) = commands(PYTHON, Options(Path("python3"), index="https://m/simple", requirements=LIST), "Linux")
    assert _after(call, "--index-url") == "https://m/simple"


def test_a_folder_of_wheels_needs_no_network(tmp_path: Path) -> None:
    options = Options(Path("python3"), index="https://m", wheels=tmp_path, requirements=LIST)
    (call,) = commands(PYTHON, options, "Linux")
    assert "--no-index" in call and "--index-url" not in call
    assert _after(call, "--find-links") == str(tmp_path)


def test_the_shipped_list_pins_what_the_worker_needs() -> None:
    lines = [line for line in LIST.read_text().splitlines() if line and not line.startswith("#")]
    names = {line.split("==")[0] for line in lines}
    assert all("==" in line for line in lines)
    assert names >= {"torch", "numpy", "rasterio", "pyogrio", "shapely", "safetensors", "filelock", "tqdm"}
    assert torch_requirement(LIST.read_text()) == "torch==2.13.0"


def test_pip_gets_no_setting_that_leads_elsewhere_and_keeps_the_users_own() -> None:
    given = dict.fromkeys(["PIP_TARGET", "PIP_USER", "PYTHONPATH", "PIP_CERT", "HTTPS_PROXY", "PATH"], "x")
    kept = environment(given, None, Path("/env/tmp"))
    assert kept == {
        **dict.fromkeys(["PIP_CERT", "HTTPS_PROXY", "PATH"], "x"),
        **dict.fromkeys(["TMPDIR", "TEMP", "TMP"], str(Path("/env/tmp"))),
    }


# --- the proxy ---------------------------------------------------------------------------------------

SETTINGS = {
    "proxy/proxyEnabled": "true",
    "proxy/proxyType": "HttpProxy",
    "proxy/proxyHost": "proxy.firm",
    "proxy/proxyPort": "3128",
}


def _proxy(login: tuple[str, str] = ("", ""), **more: Any) -> Proxy | None:
    return from_settings({**SETTINGS, **{f"proxy/{k}": v for k, v in more.items()}}.get, login)


def test_qgis_proxy_is_used_with_its_login_url_encoded() -> None:
    assert _proxy().url == "http://proxy.firm:3128"
    hard = {"proxyUser": "a@b", "proxyPassword": "p/:w"}  # pragma: allowlist secret
    assert _proxy(**hard).url == "http://{}:{}@proxy.firm:3128".format("a%40b", "p%2F%3Aw")
    assert _proxy(login=("stored", "word")).url == "http://{}:{}@proxy.firm:3128".format("stored", "word")
    assert _proxy(proxyType="Socks5Proxy").url == "socks5h://proxy.firm:3128"


@pytest.mark.parametrize(
    "more",
    [{"proxyEnabled": "false"}, {"proxyEnabled": None}, {"proxyType": "DefaultProxy"}, {"proxyHost": ""}],
)
def test_without_a_proxy_of_qgis_the_environment_decides(more: dict[str, Any]) -> None:
    proxy = _proxy(**more)
    assert proxy is None
    assert environment({"HTTPS_PROXY": "http://e"}, proxy, Path("t"))["HTTPS_PROXY"] == "http://e"


def test_excluded_addresses_become_hosts() -> None:
    proxy = _proxy(proxyExcludedUrls="http://geo.firm/wms|intern", noProxyUrls=["https://10.0.0.1:8443/x"])
    assert proxy.exceptions == ("10.0.0.1", "geo.firm", "intern")
    assert variables(proxy)["no_proxy"] == "10.0.0.1,geo.firm,intern"


def test_qgis_proxy_goes_before_the_environments() -> None:
    found = environment({"https_proxy": "http://e", "NO_PROXY": "old"}, _proxy(), Path("t"))
    assert {found[name] for name in ("https_proxy", "HTTPS_PROXY", "HTTP_PROXY")} == {
        "http://proxy.firm:3128"
    }
    assert found["NO_PROXY"] == ""


def test_a_password_is_never_shown() -> None:
    assert "secret" not in repr(_proxy(proxyUser="u", proxyPassword="secret"))  # pragma: allowlist secret
    line = "Looking in indexes: https://me:secret@host/simple, https://other"  # pragma: allowlist secret
    assert without_passwords(line) == "Looking in indexes: https://***@host/simple, https://other"


# --- failures ----------------------------------------------------------------------------------------

UNREACHABLE = (
    "WARNING: Retrying after connection broken by 'NewConnectionError(... Name or service not known)'"
)
NONE = "ERROR: No matching distribution found for torch==2.13.0"


@pytest.mark.parametrize(
    ("lines", "cure"),
    [
        (["OSError: [Errno 28] No space left on device"], "free some space"),
        (["OSError('Tunnel connection failed: 407 Proxy Authentication Required')"], "user and a password"),
        (["ProxyError('Cannot connect to proxy.', ...)"], "check its address"),
        (["ERROR: Missing dependencies for SOCKS support."], "set an HTTP proxy"),
        (["SSLError(SSLCertVerificationError(1, '[SSL: CERTIFICATE_VERIFY_FAILED]"], "company's certificate"),
        ([UNREACHABLE, NONE], "check the connection"),
        ([NONE], "no torch==2.13.0 for this Python and machine; choose another Python"),
        (["ERROR: THESE PACKAGES DO NOT MATCH THE HASHES"], "arrived damaged"),
        (["ERROR: 403 Client Error: Forbidden for url: https://host/"], "refuses access"),
        (["PermissionError: [Errno 13] Permission denied: 'x'"], "virus scanner"),
        (["MemoryError"], "close other programs"),
        (["Collecting a", "ERROR: Something new.", "more"], "Something new; the log tells more"),
        ([], "nothing was said"),
    ],
)
def test_a_failure_is_one_sentence_with_its_cure(lines: list[str], cure: str) -> None:
    sentence = explain(lines)
    assert cure in sentence
    assert sentence.endswith(".")


def test_a_wheel_missing_from_the_folder_is_named_whatever_the_network_does() -> None:
    assert "folder of wheels has no torch==2.13.0" in explain([UNREACHABLE, NONE], offline=True)
