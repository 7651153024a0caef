"""What a container is told, and is not: a name that its settings do not know is ignored."""

import re
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import yaml

from gyre_local.environment import TOLD_OF_MODEL
from gyre_local.stack import REPO, SERVICES

DOCKER = Path(__file__).parents[1]


def services(file: Path = REPO / "docker-compose.yml") -> dict[str, dict[str, Any]]:
    read: dict[str, dict[str, Any]] = yaml.safe_load(file.read_text())["services"]
    return read


@pytest.mark.parametrize("file", [REPO / "docker-compose.yml", DOCKER / "gpu.yml"])
def test_every_service_knows_the_settings_that_it_is_given(file: Path) -> None:
    for name, service in services(file).items():
        owner = name.removesuffix("-runner")
        if owner not in SERVICES:
            continue
        known = import_module(f"gyre_{owner}.settings").Settings.model_fields
        given = {each for each in service["environment"] if each.startswith("GYRE_")}
        assert {each for each in given if each[5:].lower() not in known} <= {"GYRE_MODEL_REVISION"}


def test_another_model_starts_anew_who_reads_it() -> None:
    model = services()["model"]["environment"]

    assert set(model) == {"MODEL", "GYRE_MODEL_REVISION"}
    for name in TOLD_OF_MODEL:
        assert model.items() <= services()[name]["environment"].items(), name


def test_a_replica_goes_by_the_same_name_in_its_next_container() -> None:
    assert services()["inference"]["hostname"] == "inference"


def test_a_training_finds_its_checkpoints_in_the_next_container() -> None:
    assert "finetune:/data/finetune" in services()["finetune-runner"]["volumes"]


def test_whatever_runs_for_long_keeps_so_much_of_its_log() -> None:
    for name, service in services().items():
        if "restart" in service:
            assert "max-size" in service["logging"]["options"], name


def test_the_index_server_is_within_a_minor_version_of_its_client() -> None:
    [client] = re.findall(
        r"^qdrant-client==(\d+)\.(\d+)", (REPO / "requirements.lock").read_text(), re.M
    )
    [server] = re.findall(r":v(\d+)\.(\d+)", services()["qdrant"]["image"])

    assert server[0] == client[0]
    assert abs(int(server[1]) - int(client[1])) <= 1


def test_on_a_gpu_the_engine_is_not_sized_by_the_processor() -> None:
    given = services(DOCKER / "gpu.yml")["inference"]["environment"]

    assert {"GYRE_DTYPE", "GYRE_KV_CACHE_MIB", "GYRE_BATCH_TOKENS"} <= set(given)
