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
LONG = 60  # times ten tokens or so; a step takes 256
KEY = (("authorization", "Bearer local"),)


@pytest.fixture
def ask(stack: Stack) -> Iterator[Callable[..., str]]:
    with grpc.insecure_channel(stack.inference) as channel:
        stub = InferenceServiceStub(channel)

        def asked(seed: int, preface: str = "") -> str:
            content = f"{preface}Who lives in house {seed % 7}?"
            question = pb.GenerateRequest(
                route="default",
                messages=[pb.Message(role="user", content=content)],
                # Hot: one token more or less likely by a hair is another answer.
                sampling=pb.Sampling(temperature=2, seed=seed, max_tokens=12),
                retrieval=pb.RETRIEVAL_OFF,
            )
            whole = stub.Complete(pb.CompleteRequest(request=question), metadata=KEY, timeout=100)
            return str(whole.finished.answer)

        yield asked


def test_a_seed_gives_the_same_answer_alone_and_under_load(
    ask: Callable[..., str],
) -> None:
    alone = [ask(seed) for seed in range(ASKED)]
    assert len(set(alone)) > ASKED / 4, "nothing was left to chance"
    assert [ask(seed) for seed in range(20)] == alone[:20]

    with ThreadPoolExecutor(AT_ONCE) as pool:
        beside = list(pool.map(ask, range(ASKED)))
    same = sum(one == other for one, other in zip(alone, beside, strict=True))
    assert same >= SAME * ASKED


def test_a_seed_gives_the_same_answer_into_however_many_steps_its_prompt_is_cut(
    ask: Callable[..., str],
) -> None:
    def preface(seed: int) -> str:
        # Longer than a step of the engine, and nobody else's: the prefix cache has none of it.
        return f"In the year {seed} " + "the barn was red, the boat was blue. " * LONG

    in_steps = [ask(seed, preface(seed)) for seed in range(20)]
    assert len(set(in_steps)) > 5, "nothing was left to chance"

    cached = [ask(seed, preface(seed)) for seed in range(20)]
    assert cached == in_steps
