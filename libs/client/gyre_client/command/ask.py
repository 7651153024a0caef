"""`gyre ask`: a question, its answer as it is written, its sources."""

from contextlib import closing
from typing import Annotated

import typer

from gyre_client import Asking, Gyre, GyreError
from gyre_client.command import conversation
from gyre_client.command.screen import as_json, first_line, say, stream
from gyre_client.results import Answer

REFUSED = "Gyre declined: the documents do not say."


def ask(
    question: Annotated[str, typer.Argument(help="What you want to know.", show_default=False)],
    route: Annotated[str | None, typer.Option(help="Which route to ask.")] = None,
    follow_up: Annotated[
        bool, typer.Option("--continue", help="Continue the last conversation.")
    ] = False,
    conversation_id: Annotated[
        str | None, typer.Option("--conversation", metavar="UUID", help="Which conversation.")
    ] = None,
    retrieval: Annotated[
        bool, typer.Option("--retrieval/--no-retrieval", help="Search the documents.")
    ] = True,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Ask a question; the answer comes with its sources."""
    if follow_up and conversation_id is not None:
        raise typer.BadParameter("give --continue or --conversation, not both")
    with Gyre() as gyre:
        url = gyre.address.url
        if follow_up:
            talk = conversation.resume(url, route)
        else:
            talk = conversation.begin(url, route, conversation_id)
        with closing(
            gyre.ask(
                question,
                route=talk.route,
                history=talk.turns,
                retrieval=retrieval,
                conversation_id=talk.conversation_id,
            )
        ) as asking:
            answer = asking.answer() if json else _streamed(asking)
    conversation.keep(talk.with_answer(question, answer))
    if json:
        as_json(_object(answer, talk))
    else:
        _finish(answer)


def _streamed(asking: Asking) -> Answer:
    try:
        for text in asking:
            stream(text)
        return asking.answer()
    except GyreError:
        say()  # the error has a line of its own
        raise


def _finish(answer: Answer) -> None:
    say("" if answer.text.strip() else REFUSED if answer.refused else "(an empty answer)")
    if answer.finish_reason == "length":
        say("(cut off: the answer reached the route's max_tokens)", style="dim")
    if answer.passages:
        say("\nSources", style="bold")
    for number, passage in enumerate(answer.passages, 1):
        page = f", page {passage.page}" if passage.page else ""
        score = "" if passage.score is None else f"  score {passage.score:.2f}"
        say(f" [{number}] {passage.document}{page}{score}")
        say(f"     {first_line(passage.text)}", style="dim")
    if answer.answer_id:
        cost = answer.cost
        spent = f", cost {cost.amount:f} {cost.currency}" if cost and cost.amount else ""
        say(f"\nanswer {answer.answer_id}{spent}")
        say("was it right?  gyre feedback last --up   or   --down --comment '...'", style="dim")


def _object(answer: Answer, talk: conversation.Conversation) -> dict[str, object]:
    return {
        "answer": answer.text,
        "answer_id": answer.answer_id,
        "conversation_id": answer.conversation_id or talk.conversation_id,
        "route": talk.route,
        "model": answer.model,
        "refused": answer.refused,
        "finish_reason": answer.finish_reason,
        "cost": answer.cost and answer.cost.model_dump() | {"amount": f"{answer.cost.amount:f}"},
        "sources": [
            {"number": number, **passage.model_dump(mode="json")}
            for number, passage in enumerate(answer.passages, 1)
        ],
    }
