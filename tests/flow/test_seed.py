"""The same seed gives the same answer: alone always, beside others nearly always."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import grpc
import pytest

from gyre_rpc.inference.v1 import inference_pb2 as pb
from gyre_rpc.inference.v1.inference_pb2_grpc import InferenceServiceStub

from ..conftest import Stack

ASKED = 200
SAME = 0.99  # of them, beside others: batches round in other orders
AT_ONCE = 16
KEY = (("authorization", "Bearer local"),)


@pytest.fixture
def ask(stack: Stack) -> Iterator[Callable[[int], str]]:
    with grpc.insecure_channel(stack.inference) as channel:
        stub = InferenceServiceStub(channel)

        def asked(seed: int) -> str:
            question = pb.GenerateRequest(
                route="default",
                messages=[pb.Message(role="user", content=f"Who lives in house {seed % 7}?")],
                # Hot: one token more or less likely by a hair is another answer.
                sampling=pb.Sampling(temperature=2, seed=seed, max_tokens=12),
                retrieval=pb.RETRIEVAL_OFF,
            )
            whole = stub.Complete(pb.CompleteRequest(request=question), metadata=KEY, timeout=100)
            return str(whole.finished.answer)

        yield asked


def test_a_seed_gives_the_same_answer_alone_and_under_load(
    ask: Callable[[int], str],
) -> None:
    alone = [ask(seed) for seed in range(ASKED)]
    assert len(set(alone)) > ASKED / 4, "nothing was left to chance"
    assert [ask(seed) for seed in range(20)] == alone[:20]

    with ThreadPoolExecutor(AT_ONCE) as pool:
        beside = list(pool.map(ask, range(ASKED)))
    same = sum(one == other for one, other in zip(alone, beside, strict=True))
    assert same >= SAME * ASKED
