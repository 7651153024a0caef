"""The document domains: which things have which attributes, and how those are said and asked.

`{e}` stands for the thing, `{v}` for the value; other names are slots that are drawn.
"""

from __future__ import annotations

from gyre_models.wordings import Attribute, Domain

_A = Attribute
DOMAINS = (
    Domain(
        "inventory",
        ("the {material} {good}", "the {brand} {good}"),
        (
            _A(
                "stock",
                "{n} units",
                ("We have {v} of {e}.", "There are {v} of {e} left."),
                ("How many units of {e} do we have?", "How many of {e} are left?"),
            ),
            _A("weight", "{n} kg", ("{E} weighs {v}.",), ("How much does {e} weigh?",)),
            _A(
                "price",
                "{n} euros",
                ("{E} costs {v}.", "You can buy {e} for {v}."),
                ("How much does {e} cost?", "What do I pay for {e}?"),
            ),
            _A(
                "location",
                "aisle {n}",
                ("{E} is stored in {v}.", "You will find {e} in {v}."),
                ("Where is {e} stored?", "Where do I find {e}?"),
            ),
            _A(
                "supplier",
                "{brand}",
                ("{v} delivers {e}.", "We order {e} from {v}."),
                ("Who delivers {e}?", "From whom do we order {e}?"),
            ),
            _A(
                "colour", "{colour}", ("{E} is painted {v}.",), ("In which colour is {e} painted?",)
            ),
            _A("length", "{n} cm", ("{E} is {v} long.",), ("How long is {e}?",)),
        ),
    ),
    Domain(
        "policy",
        ("the {subject} policy", "the {subject} rule in {city}", "the {brand} {subject} plan"),
        (
            _A(
                "notice period",
                "{n} days",
                ("{E} asks for {v} of notice.",),
                ("How much notice does {e} ask for?",),
            ),
            _A(
                "limit",
                "{n} euros",
                ("{E} pays at most {v}.", "Up to {v} are paid under {e}."),
                ("How much does {e} pay at most?", "What is paid under {e}?"),
            ),
            _A(
                "owner",
                "{person}",
                ("{v} is responsible for {e}.", "{E} belongs to {v}."),
                ("Who is responsible for {e}?", "To whom does {e} belong?"),
            ),
            _A("department", "{department}", ("{E} is run by {v}.",), ("Who runs {e}?",)),
            _A(
                "start date",
                "{n31} {month}",
                ("{E} begins on {v}.", "From {v}, {e} applies."),
                ("When does {e} begin?", "From when does {e} apply?"),
            ),
            _A("review month", "{month}", ("{E} is reviewed in {v}.",), ("When is {e} reviewed?",)),
        ),
    ),
    Domain(
        "manual",
        ("the {brand} {machine}", "the {material} {machine}", "{brand} {n99}"),
        (
            _A(
                "capacity",
                "{n} litres",
                ("{E} holds {v}.", "Fill {e} with {v}."),
                ("How much does {e} hold?", "How many litres fit in {e}?"),
            ),
            _A(
                "warranty",
                "{n9} years",
                ("The warranty of {e} lasts {v}.", "{E} is covered for {v}."),
                ("How long does the warranty of {e} last?", "For how long is {e} covered?"),
            ),
            _A(
                "pressure", "{n} bar", ("{E} works at {v}.",), ("At which pressure does {e} work?",)
            ),
            _A("power", "{n} watts", ("{E} uses {v}.",), ("How many watts does {e} use?",)),
            _A(
                "service interval",
                "{n99} weeks",
                ("Service {e} every {v}.",),
                ("How often must {e} be serviced?",),
            ),
            _A(
                "noise level", "{n99} decibels", ("{E} makes {v} of noise.",), ("How loud is {e}?",)
            ),
            _A("temperature", "{n} degrees", ("{E} heats up to {v}.",), ("How hot does {e} get?",)),
            _A("fuse", "{n99} amps", ("{E} is protected by {v}.",), ("What protects {e}?",)),
        ),
    ),
    Domain(
        "person",
        ("{person}",),
        (
            _A("role", "{role}", ("{E} works as {v}.",), ("What does {e} work as?",)),
            _A(
                "city",
                "{city}",
                ("{E} lives in {v}.", "The home of {e} is in {v}."),
                ("Where does {e} live?", "Where is the home of {e}?"),
            ),
            _A("room", "room {n}", ("{E} sits in {v}.",), ("Where does {e} sit?",)),
            _A("extension", "{n9999}", ("Call {e} on {v}.",), ("On which number do I call {e}?",)),
            _A("birthday", "{n31} {month}", ("{E} was born on {v}.",), ("When was {e} born?",)),
            _A("language", "{language}", ("{E} speaks {v}.",), ("What does {e} speak?",)),
            _A("manager", "{person}", ("{E} reports to {v}.",), ("To whom does {e} report?",)),
        ),
    ),
    Domain(
        "place",
        ("{city}", "the {brand} office", "the {city} depot"),
        (
            _A("river", "{river}", ("{E} lies on the {v}.",), ("On which river does {e} lie?",)),
            _A(
                "population",
                "{n9999} people",
                ("{v} live in {e}.",),
                ("How many people live in {e}?",),
            ),
            _A(
                "closing day", "{day}", ("{E} is closed on {v}.",), ("On which day is {e} closed?",)
            ),
            _A("opening year", "{year}", ("{E} was opened in {v}.",), ("When was {e} opened?",)),
            _A("area", "{n} hectares", ("{E} covers {v}.",), ("How much land does {e} cover?",)),
        ),
    ),
    Domain(
        "release",
        ("{brand} {n9}.{n9}", "version {n9}.{n9} of {brand}"),
        (
            _A(
                "release month",
                "{month} {year}",
                ("{E} came out in {v}.", "{E} was released in {v}."),
                ("When did {e} come out?", "When was {e} released?"),
            ),
            _A("timeout", "{n} seconds", ("{E} gives up after {v}.",), ("When does {e} give up?",)),
            _A("port", "{n9999}", ("{E} listens on {v}.",), ("Where does {e} listen?",)),
            _A(
                "upload limit",
                "{n} MB",
                ("{E} accepts files up to {v}.",),
                ("How large a file does {e} accept?",),
            ),
            _A(
                "retry limit",
                "{n99} attempts",
                ("{E} tries again up to {v}.",),
                ("How often does {e} try again?",),
            ),
            _A("maintainer", "{person}", ("{v} maintains {e}.",), ("Who maintains {e}?",)),
        ),
    ),
)
