"""What is shipped: the wheel, the source archive, the image and what starts it.

Here: that the parts exist and fit each other. Not here: building the image (that needs Docker) and
installing the wheel (bench/facts.py does, in a fresh environment).
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from support.gateway import GatewayProcess

ROOT = Path(__file__).parents[2]
COMPOSE_FILE = ROOT / "docker-compose.mock.yaml"
DATA_FILES = {"py.typed", "config/providers.yaml"}


def instructions(name: str) -> Iterator[str]:
    """The arguments of a Dockerfile's instructions of one kind, continuation lines joined."""
    text = (ROOT / "Dockerfile").read_text().replace("\\\n", " ")
    for line in text.splitlines():
        if line.startswith(f"{name} "):
            yield line.removeprefix(name).strip()


def copied() -> list[str]:
    """What the image is built from."""
    return [
        source
        for arguments in instructions("COPY")
        if not arguments.startswith("--from")
        for source in arguments.split()[:-1]
    ]


@pytest.fixture(scope="module")
def archives(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the wheel and the source archive, built from what the Dockerfile copies."""
    folder = tmp_path_factory.mktemp("build")
    for source in copied():
        if (ROOT / source).is_dir():
            shutil.copytree(ROOT / source, folder / source)
        else:
            shutil.copy(ROOT / source, folder / source)
    build = "from setuptools.build_meta import *; build_wheel('dist'); build_sdist('dist')"
    subprocess.run(
        [sys.executable, "-c", build], cwd=folder, check=True, capture_output=True, timeout=60
    )
    return folder / "dist"


def test_wheel_holds_every_module_and_data_file(archives: Path) -> None:
    package = ROOT / "wsgi_gateway"
    modules = {str(file.relative_to(package)) for file in package.rglob("*.py")}

    (wheel,) = archives.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        (entry_points,) = (name for name in names if name.endswith("entry_points.txt"))
        commands = archive.read(entry_points).decode()

    shipped = {name.removeprefix("wsgi_gateway/") for name in names if "dist-info" not in name}
    assert shipped == modules | DATA_FILES
    assert "wsgi-gateway = wsgi_gateway.cli:main" in commands
    assert any(name.endswith("LICENSE") for name in names)


def test_source_archive_can_be_built_again(archives: Path) -> None:
    (archive_file,) = archives.glob("*.tar.gz")
    with tarfile.open(archive_file) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}

    needed = {"setup.py", "pyproject.toml", "README.md", "LICENSE"}
    assert needed | {f"wsgi_gateway/{name}" for name in DATA_FILES} <= names


def test_image_is_built_from_files_that_reach_the_engine() -> None:
    ignore_file = (ROOT / ".dockerignore").read_text().splitlines()
    let_through = {line.removeprefix("!") for line in ignore_file if line.startswith("!")}

    assert copied()
    assert all((ROOT / source).exists() for source in copied())
    assert set(copied()) == let_through
    assert list(instructions("USER")) == ["gateway"]


def test_image_serves_where_it_says() -> None:
    (exposed,) = instructions("EXPOSE")
    (environment,) = instructions("ENV")

    assert f"WSGI_GATEWAY_PORT={exposed}" in environment
    assert "WSGI_GATEWAY_HOST=0.0.0.0" in environment
    assert exposed in health_check_of_the_image()[-1]


def health_check_of_the_image() -> list[str]:
    (arguments,) = instructions("HEALTHCHECK")
    command: list[str] = json.loads(arguments.partition("CMD")[2])
    return command


def mock_service() -> dict[str, Any]:
    """The one service of the compose file."""
    compose = yaml.safe_load(COMPOSE_FILE.read_text())
    assert list(compose["services"]) == ["wsgi_gateway"]
    service: dict[str, Any] = compose["services"]["wsgi_gateway"]
    return service


def test_compose_service_mounts_a_config_and_gives_it_what_it_names() -> None:
    service = mock_service()
    (volume,) = service["volumes"]
    source, target, mode = volume.split(":")
    (command,) = instructions("CMD")
    named = set(re.findall(r"\$\{(\w+)", (ROOT / source).read_text()))

    assert service["build"] == "."
    assert service["ports"] == ["12000:12000"]
    assert json.loads(command) == ["--config", target]
    assert mode == "ro"
    assert named | {"WSGI_GATEWAY_ACCESS"} == set(service["environment"])
    assert service["environment"]["WSGI_GATEWAY_ACCESS"] == "open"
    assert service["environment"]["MOCK_UPSTREAM_URL"] == "http://host.docker.internal:51001"
    assert service["extra_hosts"] == ["host.docker.internal:host-gateway"]


@pytest.mark.parametrize("owner", ["image", "compose"])
def test_health_check_tells_healthy_from_dead(gateway: GatewayProcess, owner: str) -> None:
    check = health_check_of_the_image()
    if owner == "compose":
        kind, *check = mock_service()["healthcheck"]["test"]
        assert kind == "CMD"
    program, *arguments = check
    assert program == "python"

    def run(port: int) -> int:
        command = [sys.executable, *(text.replace(":12000/", f":{port}/") for text in arguments)]
        return subprocess.run(command, stderr=subprocess.DEVNULL, check=False).returncode

    assert run(gateway.port) == 0
    assert run(1) != 0
