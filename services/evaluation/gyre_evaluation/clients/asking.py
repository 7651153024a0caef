"""One call of inference, with its errors as ours."""

import grpc
from grpc import aio

from gyre_evaluation.clients.status import meaning
from gyre_evaluation.run import NoAnswer
from gyre_rpc.inference.v1 import inference_pb2 as pb
from gyre_rpc.inference.v1.inference_pb2_grpc import InferenceServiceStub
from gyre_service.errors import ServiceError
from gyre_service.rpc import Metadata


async def complete(
    channel: aio.Channel, request: pb.GenerateRequest, metadata: Metadata, timeout_s: float
) -> pb.CompleteResponse:
    """Return a whole answer.

    Raises:
        Unavailable: `inference` is away or full.
        Conflict: It is still busy with a lost attempt.
        NoAnswer: It did not answer in time, or failed in a way that is nobody's plan.
        Rejected: It does not answer this question.
    """
    try:
        return await InferenceServiceStub(channel).Complete(
            pb.CompleteRequest(request=request), metadata=metadata, timeout=timeout_s
        )
    except aio.AioRpcError as error:
        if error.code() is grpc.StatusCode.DEADLINE_EXCEEDED:
            raise NoAnswer(f"inference: no answer within {timeout_s:g} s") from error
        found = meaning(error, "inference")
        if type(found) is ServiceError:
            raise NoAnswer(str(found)) from error
        raise found from error
