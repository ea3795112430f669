"""The space of meanings that all laboratory languages share: concepts, what they are, and what holds of them.

A concept is named by an English gloss. Everything a label can depend on is stated here: which noun is a
kind of which, which verbs take which nouns, which adjectives exclude each other, where a thing is usually
found, what follows what.
"""

from __future__ import annotations

from functools import cache

KINDS: dict[str, tuple[str, ...]] = {
    "bird": ("sparrow", "owl", "hen", "duck", "crow"),
    "beast": ("dog", "cat", "horse", "cow", "goat"),
    "worker": ("baker", "farmer", "doctor", "teacher", "guard"),
    "artist": ("singer", "painter", "dancer", "writer"),
    "leader": ("king", "judge", "mayor", "captain"),
    "fruit": ("apple", "pear", "plum", "grape"),
    "meal": ("bread", "soup", "cheese", "rice"),
    "drink_kind": ("milk", "tea", "wine", "juice"),
    "tool": ("hammer", "knife", "brush", "rope"),
    "toy": ("ball", "doll", "kite", "drum"),
    "garment": ("coat", "hat", "shoe", "shirt"),
    "vehicle": ("car", "boat", "train", "cart"),
    "writing": ("book", "letter", "map", "poem"),
    "building": ("school", "shop", "church", "hospital"),
    "room": ("kitchen", "office", "cellar", "hall"),
    "land": ("forest", "field", "hill", "island"),
}
"""Each kind (hypernym) and its members (leaves); two different leaves never hold of the same thing."""

PARENTS: dict[str, str] = {
    "bird": "animal", "beast": "animal", "worker": "person", "artist": "person", "leader": "person",
    "fruit": "food", "meal": "food",
}  # fmt: skip
"""The kinds that belong to a wider kind."""

ANIMALS = ("bird", "beast")
PEOPLE = ("worker", "artist", "leader")
ANIMATE = ANIMALS + PEOPLE
GOODS = ("fruit", "meal", "tool", "toy", "garment", "writing")
PLACES = ("building", "room", "land")

VERBS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "eat": (ANIMATE, ("fruit", "meal")),
    "drink": (ANIMATE, ("drink_kind",)),
    "cook": (PEOPLE, ("meal",)),
    "buy": (PEOPLE, (*GOODS, "vehicle", "drink_kind")),
    "sell": (PEOPLE, (*GOODS, "vehicle", "drink_kind")),
    "find": (ANIMATE, GOODS),
    "lose": (PEOPLE, GOODS),
    "carry": (PEOPLE, GOODS),
    "drop": (PEOPLE, GOODS),
    "hide": (ANIMATE, GOODS),
    "break": (PEOPLE, ("tool", "toy", "vehicle")),
    "mend": (PEOPLE, ("tool", "toy", "garment", "vehicle")),
    "wash": (PEOPLE, ("fruit", "tool", "garment", "vehicle")),
    "paint": (PEOPLE, ("tool", "toy", "vehicle")),
    "read": (PEOPLE, ("writing",)),
    "write": (PEOPLE, ("writing",)),
    "wear": (PEOPLE, ("garment",)),
    "drive": (PEOPLE, ("vehicle",)),
    "see": (ANIMATE, ANIMATE),
    "follow": (ANIMATE, ANIMATE),
    "catch": (ANIMATE, ANIMATE),
    "help": (ANIMATE, ANIMATE),
    "call": (ANIMATE, ANIMATE),
    "love": (ANIMATE, ANIMATE),
    "fear": (ANIMATE, ANIMATE),
    "feed": (ANIMATE, ANIMATE),
    "sleep": (ANIMATE, ()),
    "run": (ANIMATE, ()),
    "rest": (ANIMATE, ()),
    "wait": (ANIMATE, ()),
    "fall": (ANIMATE, ()),
    "swim": (ANIMATE, ()),
    "sing": ((*PEOPLE, "bird"), ()),
    "dance": (PEOPLE, ()),
    "work": (PEOPLE, ()),
    "laugh": (PEOPLE, ()),
    "cry": (PEOPLE, ()),
}
"""Each verb with the kinds of agent and of patient it takes; an event has one verb, so two verbs exclude
each other.
"""

ADJECTIVES: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "size": (("big", "small"), (*ANIMATE, *GOODS, "vehicle")),
    "age": (("old", "young"), ANIMATE),
    "strength": (("strong", "weak"), ANIMATE),
    "mood": (("happy", "sad"), ANIMATE),
    "wealth": (("rich", "poor"), PEOPLE),
    "state": (("clean", "dirty"), ("tool", "toy", "garment", "vehicle", "fruit")),
    "weight": (("heavy", "light"), ("tool", "toy", "vehicle", "writing", "garment")),
    "warmth": (("hot", "cold"), ("meal", "drink_kind")),
    "price": (("cheap", "costly"), (*GOODS, "vehicle", "drink_kind")),
    "colour": (("red", "blue", "green", "black", "white"), (*ANIMALS, "tool", "toy", "garment", "vehicle")),
}
"""Each dimension with its values, which exclude each other, and the kinds of noun it describes."""

TIMES: dict[str, tuple[str, ...]] = {
    "day": ("yesterday", "today", "tomorrow"),
    "hour": ("dawn", "noon", "evening", "midnight"),
}
"""Each dimension of time with its values, which exclude each other; a day says nothing about the hour."""

USUAL_PLACE: dict[str, str] = {
    "sparrow": "forest", "owl": "cellar", "hen": "field", "duck": "island", "crow": "church",
    "dog": "hall", "cat": "kitchen", "horse": "hill", "cow": "field", "goat": "hill",
    "baker": "kitchen", "farmer": "field", "doctor": "hospital", "teacher": "school", "guard": "hall",
    "singer": "church", "painter": "forest", "dancer": "hall", "writer": "office",
    "king": "hill", "judge": "office", "mayor": "church", "captain": "island",
    "apple": "field", "pear": "shop", "plum": "forest", "grape": "hill",
    "bread": "shop", "soup": "hospital", "cheese": "cellar", "rice": "kitchen",
    "milk": "shop", "tea": "office", "wine": "cellar", "juice": "school",
    "hammer": "cellar", "knife": "kitchen", "brush": "school", "rope": "island",
    "ball": "school", "doll": "hospital", "kite": "forest", "drum": "church",
    "coat": "hall", "hat": "office", "shoe": "shop", "shirt": "hospital",
    "car": "hospital", "boat": "island", "train": "hill", "cart": "field",
    "book": "school", "letter": "office", "map": "island", "poem": "church",
}  # fmt: skip
"""Where a thing or being is usually found: the facts of the world that commonsense questions ask for."""

NEXT: dict[str, str] = {
    "find": "carry", "carry": "hide", "hide": "lose", "lose": "find",
    "buy": "drop", "drop": "sell", "sell": "buy",
    "see": "follow", "follow": "catch", "catch": "feed", "feed": "love", "love": "see",
    "fear": "call", "call": "help", "help": "fear",
}  # fmt: skip
"""What the same agent does next with the same patient: the event chains of plausible continuations."""

REASONS: dict[str, str] = {
    "eat": "hungry", "drink": "thirsty", "sleep": "tired", "run": "late", "cry": "lonely", "laugh": "proud",
    "work": "busy", "wait": "early", "rest": "sick", "dance": "free", "swim": "warm", "sing": "brave",
}  # fmt: skip
"""Why an agent does something: the state of the agent that the world's readers infer."""

SAME_WORD: dict[str, str] = {
    "paint": "brush", "break": "hammer", "carry": "cart", "write": "letter", "wear": "coat", "catch": "rope",
    "call": "drum", "feed": "meal", "sing": "poem", "drive": "car", "work": "office", "swim": "duck",
    "help": "doctor", "fear": "crow",
}  # fmt: skip
"""Verbs that sound like a noun in every language, so that a tagger needs the context and not only the word.
"""

FUNCTION_WORDS: dict[str, str] = {
    "in": "ADP", "on": "ADP", "near": "ADP", "with": "ADP", "by": "ADP", "not": "PART", "be": "AUX",
    "they": "PRON", "who": "PRON", "what": "PRON", "where": "ADV", "when": "ADV", "why": "ADV",
    "how_many": "DET", "this": "DET", "some": "DET", "every": "DET", "and": "CCONJ",
    "usually": "ADV", "next": "ADV", "keep": "VERB",
    "so": "ADV", "perhaps": "ADV", "never": "ADV",
}  # fmt: skip
"""Closed-class words (and the few words only questions use) with their universal part of speech."""

CONNECTIVE = {"entailment": "so", "neutral": "perhaps", "contradiction": "never"}
"""The word that running text puts before a sentence that follows from, adds to or is excluded by the one before it.

As in real text, such words tell an encoder something of inference before any task does; no task's rows hold them.
"""

QUESTION_WORD = {"agent": "who", "patient": "what", "place": "where", "time": "when", "count": "how_many"}
ORGANISATION_HEADS = ("bank", "club", "union", "press")
DIGITS = tuple("23456789")
DETERMINERS = ("this", "some", "every")

DIMENSION: dict[str, str] = {value: dim for dim, (values, _) in ADJECTIVES.items() for value in values}
TIME_DIMENSION: dict[str, str] = {value: dim for dim, values in TIMES.items() for value in values}
KIND_OF: dict[str, str] = {leaf: kind for kind, leaves in KINDS.items() for leaf in leaves}
TRANSITIVE = tuple(v for v, (_, patients) in VERBS.items() if patients)
INTRANSITIVE = tuple(v for v, (_, patients) in VERBS.items() if not patients)


def upos_table() -> dict[str, str]:
    """Every concept with its universal part of speech; the order of concepts is fixed by this file."""
    nouns = [*KINDS, *dict.fromkeys(PARENTS.values()), *KIND_OF, *ORGANISATION_HEADS]
    table = {noun: "NOUN" for noun in nouns}
    table |= {verb: "VERB" for verb in VERBS}
    table |= {adjective: "ADJ" for adjective in [*DIMENSION, *REASONS.values()]}
    table |= {time: "ADV" for time in TIME_DIMENSION}
    return table | FUNCTION_WORDS


UPOS: dict[str, str] = upos_table()


@cache
def ancestors(noun: str) -> tuple[str, ...]:
    """The kinds above a noun, nearest first; empty for a name and for a widest kind."""
    if noun in KIND_OF:
        return (KIND_OF[noun], *ancestors(KIND_OF[noun]))
    return (PARENTS[noun],) if noun in PARENTS else ()


@cache
def descendants(noun: str) -> tuple[str, ...]:
    """The nouns below a kind, leaves included; empty for a leaf and for a name."""
    return tuple(n for n in [*KINDS, *KIND_OF] if noun in ancestors(n))


@cache
def leaf_kind(noun: str) -> str:
    """The kind whose selectional preferences a noun has: its own kind, or one of its kinds for a wider
    noun.
    """
    if noun in KIND_OF:
        return KIND_OF[noun]
    if noun in KINDS:
        return noun
    below = [kind for kind, parent in PARENTS.items() if parent == noun]
    return below[0] if below else "worker"


@cache
def nouns_of(kinds: tuple[str, ...]) -> tuple[str, ...]:
    """The leaves of these kinds."""
    return tuple(leaf for kind in kinds for leaf in KINDS[kind])


@cache
def fits(noun: str, kinds: tuple[str, ...]) -> bool:
    """Whether everything the noun can stand for is of one of these kinds (a person's name stands for any
    person).
    """
    if noun in KIND_OF:
        return KIND_OF[noun] in kinds
    if noun in KINDS:
        return noun in kinds
    wide = noun if noun in PARENTS.values() else "person"
    return all(kind in kinds for kind, parent in PARENTS.items() if parent == wide)


@cache
def dimensions_of(noun: str) -> tuple[str, ...]:
    """The dimensions whose adjectives describe this noun."""
    return tuple(dim for dim, (_, kinds) in ADJECTIVES.items() if fits(noun, kinds))


@cache
def verbs_for(agent: str, patient: str | None) -> tuple[str, ...]:
    """The verbs that take this agent and this patient (None: the verbs without a patient)."""
    if patient is None:
        return tuple(v for v in INTRANSITIVE if fits(agent, VERBS[v][0]))
    return tuple(v for v in TRANSITIVE if fits(agent, VERBS[v][0]) and fits(patient, VERBS[v][1]))
