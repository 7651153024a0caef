"""A question that brings its evidence: the engine has to answer it, whatever is indexed."""

from typing import Any
from uuid import uuid4

from gyre_rpc.inference.v1 import inference_pb2 as pb

LOCAL = (("authorization", "Bearer local"),)


def lamp(route: str, **more: Any) -> pb.CompleteRequest:
    """Return the question, put to a route; `more`: other fields of `GenerateRequest`."""
    passage = pb.Passage(
        chunk_id=str(uuid4()),
        document_id=str(uuid4()),
        version=1,
        document="lamp.md",
        text="The colour of the lamp is blue.",
    )
    asked = pb.GenerateRequest(
        route=route,
        messages=[pb.Message(role="user", content="Which colour has the lamp?")],
        evidence=[passage],
        retrieval=pb.RETRIEVAL_GIVEN,
        **more,
    )
    return pb.CompleteRequest(request=asked)
