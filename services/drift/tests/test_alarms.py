"""As which questions an alarm shows what has moved."""

from .conftest import POLICY, Said, Send, World, baseline, observed, scored

TOPIC = "Where is the pump?"


async def test_questions_that_are_new_are_shown(send: Send, said: Said) -> None:
    await baseline(send, World(1))
    for known, new in zip(World(1).questions(40), World(2).questions(40), strict=True):
        await send(observed(new, text=TOPIC))
        await send(observed(known))
    alarm = said.alarms[0]
    assert alarm.detector.startswith("novelty")
    assert set(alarm.examples) == {TOPIC}
    assert len(alarm.nearest) == len(alarm.examples)


async def test_questions_of_what_is_asked_more_often_are_shown(send: Send, said: Said) -> None:
    known = World(1)
    await baseline(send, known)
    known.centres = known.centres[:1]
    for usual, often in zip(World(1, draw=2).questions(100), known.questions(100), strict=True):
        await send(observed(often, text=TOPIC))
        await send(observed(usual))
        if said.alarms:
            break
    [alarm] = said.alarms
    assert alarm.detector == "mix"
    assert alarm.examples.count(TOPIC) >= 3  # of five: others are asked about it, too
    assert alarm.examples == max(alarm.moved, key=lambda one: one.now - one.before).examples


async def test_what_is_said_of_answers_shows_no_questions(send: Send, said: Said) -> None:
    known = World(1)
    await baseline(send, known)
    for _ in range(POLICY.score_events + 10):
        await send(scored(0.9))
    for vector in known.questions(60):
        await send(scored(0.2))
        await send(observed(vector))
    [alarm] = said.alarms
    assert (alarm.family, alarm.examples, alarm.nearest) == ("quality", (), ())
