"""Words: the form of every concept and name in every language.

A word is either a cognate (the source's word after the language's sound changes) or the language's own;
names and digits are shared. Everything follows from the table in languages.py and from hashed random
streams.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from functools import cache

from harness.data.lab.languages import LANGUAGES, SOURCE_LANGUAGE, Language
from harness.data.lab.meanings import FUNCTION_WORDS, SAME_WORD, UPOS
from harness.data.lab.streams import chance, pick, stream

_LATIN = "abcdefghijklmnopqrstuvwxyz"
_ALPHABETS: dict[str, str] = {
    "Greek": "αβψδεφγηιξκλμνοπϝρστυωϻχθζ",
    "Cyrillic": "абцдефгхийклмнопярстувыжюз",
    "Georgian": "აბცდეფგჰიჯკლმნოპქრსტუვწხყზ",
}
_NAME_CONSONANTS, _NAME_VOWELS = "bdfgklmnrstvz", "aeiou"


def _word(rng: random.Random, consonants: str, vowels: str, pattern: str) -> str:
    """A word of this pattern of C (consonant) and V (vowel)."""
    return "".join(pick(rng, consonants if letter == "C" else vowels) for letter in pattern)


def _own(language: Language, concept: str, attempt: int) -> str:
    """The language's own word for a concept; a higher attempt gives another one."""
    rng = stream("word", language.code, concept, attempt)
    patterns = ("CV", "VC", "CVC") if concept in FUNCTION_WORDS else ("CVCV", "CVCCV", "CVCVC", "CVCVCV")
    return _word(rng, language.consonants, language.vowels, pick(rng, patterns))


def _changed(language: Language, word: str) -> str:
    """A source word after the language's sound changes."""
    for old, new in language.changes:
        word = word.replace(old, new)
    return word


def _written(language: Language, word: str) -> str:
    """A word in the language's script; Georgian has no capitals."""
    if language.script == "Latin":
        return word
    letters = dict(zip(_LATIN, _ALPHABETS[language.script], strict=True))
    spelt = "".join(letters.get(letter, letter) for letter in word.lower())
    return spelt.capitalize() if word[:1].isupper() and language.script != "Georgian" else spelt


@cache
def _latin_words(code: str) -> Mapping[str, str]:
    """Concept to word before the script; within a language no two concepts share a word but those of
    SAME_WORD.
    """
    language, taken = LANGUAGES[code], set[str]()
    words: dict[str, str] = {}
    for concept in UPOS:
        if concept in SAME_WORD:
            continue
        inherited = code != SOURCE_LANGUAGE and chance(stream("cognate", code, concept), language.cognates)
        word = _changed(language, _latin_words(SOURCE_LANGUAGE)[concept]) if inherited else _own(language, concept, 0)
        attempt = 0
        while word in taken:
            attempt += 1
            word = _own(language, concept, attempt)
        taken.add(word)
        words[concept] = word
    return words | {verb: words[noun] for verb, noun in SAME_WORD.items()}


@cache
def words(code: str) -> Mapping[str, str]:
    """The word of every concept in a language, in its script."""
    language = LANGUAGES[code]
    return {concept: _written(language, word) for concept, word in _latin_words(code).items()}


@cache
def name_form(code: str, name: str) -> str:
    """A name as this language writes it: kept as it is, or adapted to the language's sounds and script."""
    language = LANGUAGES[code]
    if code == SOURCE_LANGUAGE or chance(stream("name kept", code, name), language.names_kept):
        return name
    return _written(language, _changed(language, name.lower()).capitalize())


@cache
def inventory(what: str, count: int) -> tuple[str, ...]:
    """The first `count` names of one inventory ("first", "family", "city" ...); none is a word of the
    source language.
    """
    rng = stream("inventory", what)
    used = {word.capitalize() for word in _latin_words(SOURCE_LANGUAGE).values()}
    names: list[str] = []
    while len(names) < count:
        name = _word(rng, _NAME_CONSONANTS, _NAME_VOWELS, pick(rng, NAME_PATTERNS[what])).capitalize()
        if name not in used:
            used.add(name)
            names.append(name)
    return tuple(names)


NAME_PATTERNS: dict[str, tuple[str, ...]] = {
    "first": ("CVCV", "CVCCV"),
    "family": ("CVCVC", "CVCCVC"),
    "city": ("CVCVC", "CVCVCV"),
    "region": ("CVCVCVC",),
    "company": ("CVCCVC", "CVCVCV"),
}
"""The patterns of each inventory; they overlap, so that the shape of a name does not give its type away."""

FIRST_NAMES = inventory("first", 48)
FAMILY_NAMES = inventory("family", 40)
CITIES = inventory("city", 30)
REGIONS = inventory("region", 5)
COMPANIES = inventory("company", 24)
REGION_OF: dict[str, str] = {city: REGIONS[i % len(REGIONS)] for i, city in enumerate(CITIES)}
"""The geography of the world: the region that each city lies in."""
