import random

from gyre_registry.sequential import difference, interval


def test_it_narrows_around_what_was_seen() -> None:
    few, many = interval(5, 10, 0.05), interval(500, 1000, 0.05)
    assert few.low < many.low < 0.5 < many.high < few.high
    assert interval(10, 10, 0.05).high == 1.0


def test_looking_after_every_answer_finds_harm_where_there_is_none_as_rarely_as_promised() -> None:
    rng, wrong, runs = random.Random(1), 0, 300
    for _ in range(runs):
        ours = theirs = 0
        for answers in range(1, 200):
            ours += rng.random() < 0.3
            theirs += rng.random() < 0.3
            if answers % 3 == 0:
                pair = (interval(ours, answers, 0.025), interval(theirs, answers, 0.025))
                if difference(*pair).low > 0:
                    wrong += 1
                    break
    assert wrong <= 0.05 * runs


def test_a_large_difference_is_seen_after_a_few_answers() -> None:
    ours, theirs = interval(1, 25, 0.025), interval(16, 25, 0.025)
    assert difference(ours, theirs).high < 0.05
    assert difference(theirs, ours).low > -0.05
