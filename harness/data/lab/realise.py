"""From a frame to a sentence of a language, with everything that is true of its words by construction.

One pass lays out the constituents in the language's order; each word carries its part of speech, supertag
and entity tag, and each constituent its place, so that tags and answers need no second analysis.
"""

from __future__ import annotations

from typing import NamedTuple

from harness.data.lab import meanings as m
from harness.data.lab.frames import Frame, Noun, is_name
from harness.data.lab.languages import Language, language
from harness.data.lab.lexicon import name_form, words


class Style(NamedTuple):
    """How a frame is worded; it changes no meaning."""

    passive: bool = False
    """Whether the patient is the subject."""
    fronted: bool = False
    """Whether time (or else place) stands at the language's unusual end."""


class Word(NamedTuple):
    """One token and its tags."""

    form: str
    """The written form."""
    upos: str
    """The universal part of speech."""
    category: str
    """The supertag: a combinatory category."""
    entity: str = "O"
    """The BIO entity tag."""


class Sentence(NamedTuple):
    """A realised clause."""

    words: list[Word]
    """The tokens in order, the final stop or question mark included."""
    spans: dict[str, tuple[int, int]]
    """Role to [start, end) in tokens: agent, patient, place (without its adposition), time, count, verb."""

    @property
    def tokens(self) -> list[str]:
        """The written forms."""
        return [word.form for word in self.words]

    @property
    def text(self) -> str:
        """The tokens joined by single spaces."""
        return " ".join(word.form for word in self.words)


PLAIN = Style()
STYLES = (PLAIN, Style(passive=True), Style(fronted=True), Style(passive=True, fronted=True))
_ORDERS = {"SVO": "FSVOBPT", "SOV": "FTSPBOV", "VSO": "FVSOBPT"}
_VERB_CATEGORY = {"SVO": r"(S\NP)/NP", "SOV": r"(S\NP)\NP", "VSO": "(S/NP)/NP"}


def name_words(code: str, phrase: Noun) -> list[Word]:
    """The words of a name, a title or an organisation's head noun included."""
    parts = [name_form(code, part) for part in phrase.head.split(" ")]
    kind, after = phrase.entity or "PER", language(code).adjective == "after"
    tags = [f"B-{kind}"] + [f"I-{kind}"] * (len(parts) - 1)
    out = [Word(form, "PROPN", "N/N", tag) for form, tag in zip(parts, tags, strict=True)]
    out[-1] = out[-1]._replace(category="N")
    if phrase.title is None:
        return out
    title = words(code)[phrase.title]
    if kind == "PER":
        return [Word(title, "NOUN", "N/N"), *out]
    if after:
        return [
            Word(title, "NOUN", "N", "B-ORG"),
            *(w._replace(entity="I-ORG", category=r"N\N") for w in out),
        ]
    return [*(w._replace(category="N/N") for w in out), Word(title, "NOUN", "N", "I-ORG")]


def noun_phrase(code: str, phrase: Noun) -> list[Word]:
    """Determiner, digit, adjective and noun, in the language's order."""
    form, after = words(code), language(code).adjective == "after"
    head = name_words(code, phrase) if is_name(phrase.head) else [Word(form[phrase.head], "NOUN", "N")]
    if phrase.adjective:
        adjective = Word(form[phrase.adjective], "ADJ", r"N\N" if after else "N/N")
        head = [*head, adjective] if after else [adjective, *head]
    if phrase.digit:
        head = [Word(phrase.digit, "NUM", "N/N"), *head]
    return [Word(form[phrase.determiner], "DET", "NP/N"), *head] if phrase.determiner else head


def _adposed(code: str, adposition: str, phrase: list[Word], category: str) -> list[Word]:
    """A noun phrase with its adposition before or after it."""
    word = Word(words(code)[adposition], "ADP", category)
    return [word, *phrase] if language(code).adposition == "before" else [*phrase, word]


def _verb_group(code: str, frame: Frame, passive: bool) -> list[Word]:
    """Negation, auxiliary and verb (or the adjective of a state); after the verb in verb-final languages."""
    form, order = words(code), language(code).order
    if frame.verb == "be":
        group = [Word(form["be"], "AUX", r"(S\NP)/(S[adj]\NP)" if frame.state else r"(S\NP)/PP")]
        if frame.state:
            group.append(Word(form[frame.state], "ADJ", r"S[adj]\NP"))
    elif passive:
        group = [Word(form["be"], "AUX", r"(S\NP)/(S[pss]\NP)"), Word(form[frame.verb], "VERB", r"S[pss]\NP")]
    else:
        transitive = frame.patient is not None or frame.verb == "keep"
        group = [Word(form[frame.verb], "VERB", _VERB_CATEGORY[order] if transitive else r"S\NP")]
    if frame.negated:
        group.insert(0, Word(form["not"], "PART", r"(S\NP)/(S\NP)"))
    return group[::-1] if order == "SOV" else group


def _subject(code: str, frame: Frame, passive: bool) -> list[Word]:
    """The subject, with what is joined to it."""
    if passive and frame.patient:
        return noun_phrase(code, frame.patient)
    subject = noun_phrase(code, frame.agent)
    if frame.beside is None or frame.joint is None:
        return subject
    beside = noun_phrase(code, frame.beside)
    if frame.joint == "and":
        return [*subject, Word(words(code)["and"], "CCONJ", "conj"), *beside]
    return subject + _adposed(code, frame.joint, beside, r"(NP\NP)/NP")


def _asked_word(code: str, asked: str, phrase: list[Word]) -> list[Word]:
    """The constituent with the question word in it."""
    word = words(code)[m.QUESTION_WORD[asked]]
    if asked == "count":
        return [Word(word, "DET", "S[wq]/N"), *phrase[1:]]
    category = {"agent": r"S[wq]/(S\NP)", "patient": "S[wq]/(S/NP)"}.get(asked, "S[wq]/S")
    return [Word(word, m.FUNCTION_WORDS[m.QUESTION_WORD[asked]], category)]


def _parts(code: str, frame: Frame, passive: bool, asked: str | None, fronted: bool) -> dict[str, list[Word]]:
    """The constituents by the letters of _ORDERS: subject, verb, object, by-phrase, place, time."""
    before = fronted and language(code).order != "SOV"
    adverb = "S/S" if before else r"(S\NP)\(S\NP)"
    moved = "S/S" if before and not frame.time else r"(S\NP)\(S\NP)"
    parts = {"S": _subject(code, frame, passive), "V": _verb_group(code, frame, passive)}
    if passive:
        agent = noun_phrase(code, frame.agent)
        agent = _asked_word(code, "agent", agent) if asked == "agent" else agent
        parts["B"] = _adposed(code, "by", agent, rf"({moved})/NP" if moved != "S/S" else r"((S\NP)\(S\NP))/NP")
    elif frame.patient:
        parts["O"] = noun_phrase(code, frame.patient)
    if frame.place:
        category = "PP/NP" if frame.verb == "be" and not frame.state else f"({moved})/NP"
        parts["P"] = _adposed(code, frame.preposition, noun_phrase(code, frame.place), category)
    if frame.time:
        parts["T"] = [Word(words(code)[frame.time], "ADV", adverb)]
    return parts


def realise(code: str, frame: Frame, style: Style = PLAIN, asked: str | None = None) -> Sentence:
    """The sentence of a frame; with `asked` (a role of m.QUESTION_WORD) the question for that role."""
    lang, passive = language(code), style.passive and frame.patient is not None
    parts = _parts(code, frame, passive, asked, style.fronted)
    letters = _roles(passive)
    home = letters["agent" if asked == "count" else asked] if asked else ""
    if asked and not (passive and asked == "agent"):
        parts[home] = _asked_word(code, asked, parts[home])
    order = list(_ORDERS[lang.order])
    moved = home if asked and lang.question_first else _fronted(parts, lang) if style.fronted else ""
    if moved:
        order.remove(moved)
        to_verb = lang.order == "SOV" and moved in "TP" and not (asked and lang.question_first)
        order.insert(order.index("V") if to_verb else 0, moved)
    out: list[Word] = []
    starts: dict[str, int] = {}
    for letter in order:
        starts[letter] = len(out)
        out += parts.get(letter, [])
    out.append(Word("?" if asked else ".", "PUNCT", "."))
    return Sentence(out, _spans(lang, frame, parts, starts, letters))


def _roles(passive: bool) -> dict[str, str]:
    """The constituent that each role stands in."""
    return {"agent": "B" if passive else "S", "patient": "S" if passive else "O", "place": "P", "time": "T",
            "verb": "V"}  # fmt: skip


def _fronted(parts: dict[str, list[Word]], lang: Language) -> str:
    """The constituent that the fronted style moves: time, or else place, or else nothing."""
    return "T" if "T" in parts else "P" if "P" in parts else ""


def _spans(
    lang: Language,
    frame: Frame,
    parts: dict[str, list[Word]],
    starts: dict[str, int],
    letters: dict[str, str],
) -> dict[str, tuple[int, int]]:
    """Where each role's noun phrase stands, adpositions left out."""
    spans: dict[str, tuple[int, int]] = {}
    for role, letter in letters.items():
        if letter in parts:
            start, end = starts[letter], starts[letter] + len(parts[letter])
            if letter in "PB":
                start, end = (start + 1, end) if lang.adposition == "before" else (start, end - 1)
            spans[role] = (start, end)
    if frame.agent.digit and "agent" in spans:
        at = spans["agent"][0] + (1 if frame.agent.determiner else 0)
        spans["count"] = (at, at + 1)
    return spans
