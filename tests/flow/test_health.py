"""Every process says how it is, in every way that operations ask."""

import grpc
import httpx
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import (
    ProtoReflectionDescriptorDatabase,
)

from ..conftest import Stack

SERVICES = {
    "gateway": 0,
    "ingestion": 1,
    "retrieval": 2,
    "inference": 3,
    "evaluation": 4,
    "feedback": 5,
    "drift": 6,
    "finetune": 7,
    "registry": 8,
    "evaluation-runner": 24,
    "finetune-runner": 27,
}


@pytest.mark.parametrize("index", SERVICES.values(), ids=SERVICES)
def test_every_service_is_live_ready_and_measured(stack: Stack, index: int) -> None:
    for path in ("/health/live", "/health/ready"):
        assert httpx.get(stack.health(index) + path).status_code == 200
    metrics = httpx.get(stack.health(index) + "/metrics", follow_redirects=True).text
    assert "gyre_kafka_published_messages_total" in metrics


@pytest.mark.parametrize(
    ("port", "name"),
    [
        (1, "gyre_rpc.inference.v1.InferenceService"),
        (14, "gyre_rpc.retrieval.v1.RetrievalService"),
        (18, "gyre_rpc.evaluation.v1.EvaluationService"),
        (22, "gyre_rpc.drift.v1.DriftService"),
        (26, "gyre_rpc.registry.v1.RegistryService"),
    ],
)
def test_grpc_health_and_reflection(stack: Stack, port: int, name: str) -> None:
    with grpc.insecure_channel(f"127.0.0.1:{stack.base + port}") as channel:
        stub = health_pb2_grpc.HealthStub(channel)
        for service in ("", name):
            answer = stub.Check(health_pb2.HealthCheckRequest(service=service), timeout=5)
            assert answer.status == health_pb2.HealthCheckResponse.SERVING
        with pytest.raises(grpc.RpcError) as unknown:
            stub.Check(health_pb2.HealthCheckRequest(service="nobody"), timeout=5)
        assert unknown.value.code() is grpc.StatusCode.NOT_FOUND
        assert name in ProtoReflectionDescriptorDatabase(channel).get_services()
