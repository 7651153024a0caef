"""Word lists of the generator: plain words, each of which the tokenizer keeps as one token."""

from __future__ import annotations

import random
from zlib import crc32


def _listed(text: str) -> list[str]:
    return text.split()


BRANDS = _listed(
    "Halden Orion Atlas Vega Lumen Norden Calder Bexley Tamar Sorrel Kestrel Marlow Juniper Falcon "
    "Quartz Ember Harbor Linden Pascal Newton Kepler Darwin Tesla Curie Bohr Planck Euler Gauss "
    "Hubble Galen Delta Sigma Omega Zephyr Boreal Cobalt Onyx Topaz Indigo Saffron Willow Aspen "
    "Cedar Maple Hazel Rowan Alder Birch Heron Raven Osprey Condor Lynx Jaguar Puma Bison Otter "
    "Badger Marten Phoenix Griffin Titan Nimbus Cirrus Stratus Comet Meteor Nova Pulsar Quasar"
)
MATERIALS = _listed(
    "copper steel brass plastic rubber glass wooden iron paper cotton nylon ceramic carbon silver "
    "red blue green black white yellow grey orange small large long short heavy light round flat"
)
GOODS = _listed(
    "valve bracket hose cable bolt screw gasket filter bearing lamp chair desk shelf box crate "
    "bucket ladder drill hammer wrench battery charger switch fuse pipe panel hinge spring belt "
    "glove helmet apron marker binder label"
)
MACHINES = _listed(
    "pump boiler press mixer lathe printer scanner oven freezer heater compressor generator motor "
    "conveyor crane forklift router server turbine dryer kettle grinder welder sprayer"
)
SUBJECTS = _listed(
    "travel parking laptop holiday training expense visitor security privacy backup password "
    "remote overtime parental sickness recycling catering safety purchase mentoring relocation "
    "pension bonus sabbatical vehicle phone data access refund return"
)
FIRST_NAMES = _listed(
    "Anna Ben Clara David Elena Felix Greta Hugo Irene Jonas Karin Lukas Maria Nils Olga Peter "
    "Rosa Simon Tara Victor Wanda Yusuf Zoe Amir Bianca Carlos Diana Emil Fatima Georg Hanna Ivan "
    "Julia Kofi Lena Mateo Nadia Oscar Priya Rafael Sofia Tomas Ursula Vera"
)
LAST_NAMES = _listed(
    "Weber Novak Silva Okafor Meyer Rossi Tanaka Larsen Kaya Moreau Dubois Fischer Garcia Haddad "
    "Ito Jansen Kowalski Lopez Murphy Nguyen Olsen Patel Quinn Romero Schmidt Torres Usman Vogel "
    "Walsh Yilmaz Zhang Andersen Becker Costa Duarte Eriksen Ferrari Gupta Horvat Ivanov"
)
CITIES = _listed(
    "Lisbon Oslo Vienna Krakow Porto Geneva Dublin Malmo Ghent Turin Riga Zagreb Bergen Lyon "
    "Seville Leeds Bremen Basel Utrecht Tampere Cork Graz Bilbao Aarhus Varna Gdansk Nantes Trieste"
)
DEPARTMENTS = _listed(
    "finance logistics legal marketing engineering research sales support quality facilities "
    "personnel planning design procurement"
)
ROLES = _listed(
    "accountant analyst architect chemist designer director driver editor electrician engineer "
    "librarian manager mechanic nurse planner plumber teacher technician translator welder"
)
MONTHS = _listed(
    "January February March April May June July August September October November December"
)
DAYS = _listed("Monday Tuesday Wednesday Thursday Friday Saturday Sunday")
COLOURS = _listed("red blue green black white yellow grey orange purple brown")
RIVERS = _listed(
    "Tagus Danube Rhine Elbe Rhone Loire Ebro Tiber Vistula Oder Severn Mersey Thames Shannon"
)
LANGUAGES = _listed(
    "English German French Spanish Polish Turkish Dutch Danish Greek Italian Arabic Hindi"
)
FILLERS = (
    "Please read this page before you start.",
    "This page was checked last week.",
    "Ask the office if anything is unclear.",
    "More details follow below.",
    "The list is kept up to date.",
    "A copy is kept in the archive.",
    "All figures are reviewed every year.",
    "Do not remove this note.",
    "Changes are announced by mail.",
    "It was moved here from the old handbook.",
    "Nothing else has changed.",
    "Keep this in a safe place.",
)
OFF_TOPIC = (
    "What is the capital of {city}?",
    "Who won the match on {day}?",
    "Can you write a poem about {brand}?",
    "What is the weather in {city} on {day}?",
    "Who is {person}?",
    "What time is it in {city}?",
    "How do I bake bread?",
    "Tell me a joke about {person}.",
    "Where can I buy a {brand} ticket?",
    "What does {brand} mean in {language}?",
)
SYLLABLES = _listed(
    "ba be bi bo bra da del do dra fa fen fi ga gor gri ha hel ja jo ka kel kri la len lo ma mir "
    "mo na nor nu pa pel qua ra ren ri sa sel shi ta ter to tri va vel vo wa wen xi ya yor za zen"
)

LISTED = frozenset(
    word.lower()
    for listed in (
        *(BRANDS, MATERIALS, GOODS, MACHINES, SUBJECTS, FIRST_NAMES, LAST_NAMES, CITIES),
        *(DEPARTMENTS, ROLES, MONTHS, DAYS, COLOURS, RIVERS, LANGUAGES),
    )
    for word in listed
)


def made_up(rng: random.Random, *, held_out: bool = False) -> str:
    """Return a word of two or three syllables that is in no list, in small letters.

    One in ten is kept out of training, by a hash of its letters: those make the words of a
    shift.
    """
    while True:
        word = "".join(rng.choices(SYLLABLES, k=rng.randint(2, 3)))
        if is_held_out_word(word) is held_out and word not in LISTED:
            return word


def is_held_out_word(word: str) -> bool:
    """Whether a made-up word is kept out of training."""
    return crc32(f"word/{word}".encode()) % 10 == 0
