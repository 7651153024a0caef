"""A gRPC client that has nothing but `proto/`."""

import json
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from ..conftest import Stack, indexed, put, route

PROTO = Path(__file__).parents[2] / "proto"
PUMP = b"# Pump P7\n\nThe pump P7 has a warranty of 3 years.\n"

CLIENT = """
import json, sys
import grpc
from gyre_rpc.inference.v1 import inference_pb2 as pb, inference_pb2_grpc

address, route, key = sys.argv[1:]
stub = inference_pb2_grpc.InferenceServiceStub(grpc.insecure_channel(address))
metadata = (("authorization", f"Bearer {key}"), ("gyre-request-id", "once"))
request = pb.GenerateRequest(
    route=route, messages=[pb.Message(role="user", content="How long is the warranty of the P7?")]
)
try:
    whole = stub.Complete(pb.CompleteRequest(request=request), metadata=metadata, timeout=100)
    parts = list(stub.Generate(request, metadata=metadata, timeout=100))
except grpc.RpcError as error:
    sys.exit(f"{error.code().name}: {error.details()}")
print(json.dumps({
    "whole": whole.finished.answer,
    "streamed": "".join(part.delta for part in parts),
    "ids": [whole.started.answer_id, parts[0].started.answer_id],
    "last": parts[-1].WhichOneof("part"),
    "passages": [passage.text for passage in whole.started.passages],
    "tokens": whole.finished.usage.prompt_tokens,
}))
"""


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    # -I: none of our own packages, only what was generated here.
    start = f"import sys; sys.path.insert(0, {str(folder)!r}); "
    return subprocess.run(
        [sys.executable, "-I", "-c", f"{start}exec({CLIENT!r})", *arguments],
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )


@pytest.fixture(scope="module")
def generated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("generated")
    file = "gyre_rpc/inference/v1/inference.proto"
    command = [sys.executable, "-m", "grpc_tools.protoc", f"-I{PROTO}"]
    subprocess.run(
        [*command, f"--python_out={folder}", f"--grpc_python_out={folder}", str(PROTO / file)],
        check=True,
    )
    return folder


def test_it_asks_whole_and_streaming_and_the_same_id_is_the_same_answer(
    stack: Stack, api: httpx.Client, collection: str, generated: Path
) -> None:
    indexed(api, put(api, collection, "pump.md", PUMP)["id"])
    route(api, collection)

    done = run(generated, stack.inference, collection, "local")

    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert said["whole"] == said["streamed"]
    assert said["ids"][0] == said["ids"][1]
    assert said["last"] == "finished"
    assert "3 years" in said["passages"][0]
    assert said["tokens"] > 0


@pytest.mark.parametrize(
    ("route_name", "key", "status"),
    [("default", "nobody", "UNAUTHENTICATED"), ("no-such-route", "local", "NOT_FOUND")],
)
def test_a_wrong_call_has_a_status_and_a_reason(
    stack: Stack, generated: Path, route_name: str, key: str, status: str
) -> None:
    done = run(generated, stack.inference, route_name, key)

    assert done.stderr.startswith(f"{status}: ")
