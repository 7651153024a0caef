import pytest

from gyre_local.environment import Model, elsewhere, of_service, secret
from gyre_local.errors import StackError
from gyre_local.stack import Stack

MODEL = Model("reference", "/cache/models/reference", "sha256:ab")


def test_services_get_the_stack_the_model_and_the_operators_own_settings(stack: Stack) -> None:
    shell = {"GYRE_LOG_LEVEL": "DEBUG", "GYRE_PORT_BASE": "1", "OTEL_X": "y", "EDITOR": "vi"}

    found = of_service(stack, "inference", MODEL, shell)

    assert found["GYRE_HOME"] == str(stack.home)
    assert found["GYRE_PORT_BASE"] == "9000"
    assert found["GYRE_MODEL_PATH"] == MODEL.path
    assert found["GYRE_LOG_LEVEL"] == "DEBUG"
    assert found["OTEL_X"] == "y"
    assert "EDITOR" not in found


def test_secrets_are_made_once_and_only_their_owner_reads_them(stack: Stack) -> None:
    first = of_service(stack, "inference", MODEL, {})
    again = of_service(stack, "inference", MODEL, {})

    assert first == again
    assert first["GYRE_SERVICE_TOKEN"] != first["GYRE_KEY_PEPPER"]
    assert (stack.run / "service-token").stat().st_mode & 0o777 == 0o600


def test_an_operators_token_is_not_taken_for_the_stacks(stack: Stack) -> None:
    assert of_service(stack, "inference", MODEL, {"GYRE_SERVICE_TOKEN": "mine"})[
        "GYRE_SERVICE_TOKEN"
    ] == secret(stack.run / "service-token")


def test_another_model_is_nothing_new_to_a_service_that_is_not_told(stack: Stack) -> None:
    assert of_service(stack, "gateway", MODEL, {}) == of_service(stack, "gateway", None, {})
    assert of_service(stack, "registry", MODEL, {}) != of_service(stack, "registry", None, {})


def test_a_runner_answers_where_its_service_does_not(stack: Stack) -> None:
    found = of_service(stack, "finetune-runner", MODEL, {})

    assert found["GYRE_HEALTH_PORT"] == "9065"
    assert found["GYRE_REPLAY_PATH"].endswith("models/replay/reference.jsonl")
    assert "GYRE_HEALTH_PORT" not in of_service(stack, "finetune", MODEL, {})


def test_other_code_is_something_new_to_who_runs_it(stack: Stack) -> None:
    package = stack.repo / "services" / "gateway" / "gyre_gateway"
    shared = stack.repo / "libs" / "service" / "gyre_service"
    for folder in (package / "__pycache__", shared):
        folder.mkdir(parents=True)

    def code(program: str) -> str:
        return of_service(stack, program, None, {})["GYRE_CODE"]

    first = code("gateway"), code("finetune-runner")
    (package / "__pycache__" / "routes.cpython-311.pyc").touch()
    (package / "__main__.py").touch()
    assert (code("gateway"), code("finetune-runner")) == first

    (package / "__main__.py").write_text("run()")
    second = code("gateway"), code("finetune-runner")
    assert second[0] != first[0]
    assert second[1] == first[1]

    (shared / "errors.py").touch()
    assert code("gateway") != second[0]
    assert code("finetune-runner") != second[1]


ENDPOINT = {
    "GYRE_ENGINE": "openai",
    "GYRE_OPENAI_BASE_URL": "http://host/v1",
    "GYRE_OPENAI_MODEL": "org/large",
    "GYRE_OPENAI_API_KEY": "key",
}


def test_an_endpoints_model_is_not_prepared_here(stack: Stack) -> None:
    model = elsewhere(stack, ENDPOINT)
    later = elsewhere(stack, ENDPOINT | {"GYRE_MODEL_REVISION": "2"})
    known = elsewhere(stack, ENDPOINT | {"GYRE_MODEL_DIGEST": "d" * 64})

    assert model is not None
    assert later is not None
    assert known is not None
    assert (model.name, len(model.digest), known.digest) == ("org--large", 64, "d" * 64)
    assert model.digest != later.digest
    assert elsewhere(stack, ENDPOINT | {"MODEL": "reference"}) is None
    assert elsewhere(stack, {}) is None


@pytest.mark.parametrize("missing", ["GYRE_OPENAI_BASE_URL", "GYRE_OPENAI_MODEL"])
def test_an_endpoint_without_address_or_model_is_one_clear_line(stack: Stack, missing: str) -> None:
    with pytest.raises(StackError, match=f"GYRE_ENGINE=openai needs {missing}, as "):
        elsewhere(stack, ENDPOINT | {missing: ""})


def test_only_the_engines_service_is_given_the_endpoints_key(stack: Stack) -> None:
    assert of_service(stack, "inference", MODEL, ENDPOINT)["GYRE_OPENAI_API_KEY"] == "key"
    assert "GYRE_OPENAI_API_KEY" not in of_service(stack, "registry", MODEL, ENDPOINT)
