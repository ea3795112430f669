"""Readers of treebanks: Universal Dependencies as XTREME prepares it, and CCGbank's supertags."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from harness.data.formats import Row
from harness.data.readers.given import Given, Misfit, columns, contents, lines

# Which part of a fused word ("del" = "de" + "el") gives its tag where several hang equally high: the conversion tool
# that XTREME calls (ud-conversion-tools, conllu_to_conll.py).
PRECEDENCE = {
    "default": "VERB NOUN PROPN PRON ADJ NUM ADV INTJ AUX ADP DET PART CCONJ SCONJ X PUNCT",
    "es": "VERB AUX PRON ADP DET",
    "fr": "VERB AUX PRON NOUN ADJ ADV ADP DET PART SCONJ CONJ",
    "it": "VERB AUX ADV PRON ADP DET INTJ",
}
ZERO_WIDTH_NON_JOINER = "\u200c"
# <L category modified-part-of-speech part-of-speech word predicate-argument-category>
_LEAF = re.compile(r"<L (\S+) \S+ \S+ (\S+) \S+>")
COLUMNS = 10
"""Of every line of a CoNLL-U file."""
_FUSED, _EMPTY = re.compile(r"([0-9]+)-([0-9]+)"), re.compile(r"([0-9]+)\.[0-9]+")
Line = tuple[int, list[str]]
"""Number of a line, from 1, and its columns."""


class Word(NamedTuple):
    """A syntactic word of a CoNLL-U sentence."""

    form: str
    tag: str
    head: int


def conllu(given: Given) -> Iterator[Row]:
    """Parts of speech as XTREME makes them: files sorted by name, fused words whole, spaces in words removed.

    Treebanks that hide their words (`_`, licensed text) are left out and counted.
    """
    number = 0
    for name, text in contents(given):
        language = name.rpartition("/")[2].partition("_")[0]
        precedence = PRECEDENCE.get(language, PRECEDENCE["default"]).split()
        for block in _blocks(text, name if given.member else None):
            tokens, tags = _sentence(block, precedence, name if given.member else None)
            hidden = tokens.count("_")
            if hidden and hidden >= len(tokens) - 1:
                given.counts["sentences without their words"] += 1
                continue
            yield {"id": str(number), "tokens": tokens, "tags": tags}
            number += 1


def _blocks(text: bytes, name: str | None) -> Iterator[list[Line]]:
    """The sentences: runs of lines that aren't empty, without comments; `Misfit` for a comment that holds other lines,
    as where only carriage returns end them.
    """
    found: list[Line] = []
    for number, line in [*columns(text), (0, [""])]:
        if line == [""]:
            if found:
                yield found
            found = []
        elif not line[0].startswith("#"):
            found.append((number, line))
        elif "\r" in "".join(line) and len(line) > 1:
            raise Misfit(number, "a comment on a line of its own", line, name)


def _sentence(block: Sequence[Line], precedence: Sequence[str], name: str | None) -> tuple[list[str], list[str]]:
    """Tokens and tags of one sentence, every fused word as one token; `Misfit` where its ids don't run 1, 2, 3, ...

    Ids that begin anew are those of another sentence, without an empty line before it.
    """
    words: dict[int, Word] = {}
    fused: dict[int, tuple[int, str]] = {}
    end_of_fused = 0
    for number, line in block:
        if len(line) != COLUMNS:
            raise Misfit(number, f"{COLUMNS} columns, or an empty line before another sentence", line, name)
        place, form, tag, above = line[0], line[1], line[3], line[6]
        after = len(words) + 1
        if place == str(after):
            words[after] = Word(form, tag, int(above) if above.isdecimal() else 0)
        elif match := _FUSED.fullmatch(place):
            first, last = int(match[1]), int(match[2])
            if first != after or last <= first or first <= end_of_fused:
                raise Misfit(number, f"a fused word from {after} on, or an empty line before id 1", place, name)
            fused[first], end_of_fused = (last, form), last
        elif not (match := _EMPTY.fullmatch(place)) or int(match[1]) != len(words):
            raise Misfit(number, f"id {after} (ids run 1, 2, 3, ...; an empty line ends a sentence)", place, name)
    if end_of_fused > len(words) or not words:
        raise Misfit(block[-1][0], f"word {end_of_fused or 1} in the sentence", len(words), name)
    tokens: list[str] = []
    tags: list[str] = []
    at = 1
    while at in words:
        end, form = fused.get(at, (at, words[at].form))
        head = at if end == at else _head_of_span(words, range(at, end + 1), precedence)
        tokens.append(form.replace(ZERO_WIDTH_NON_JOINER, "").replace(" ", ""))
        tags.append(words[head].tag)
        at = end + 1
    return tokens, tags


def _head_of_span(words: dict[int, Word], span: range, precedence: Sequence[str]) -> int:
    """The word of a span that hangs highest in the tree; of several, the one whose tag comes first in `precedence`."""
    depths = {at: _depth(words, at) for at in span}
    highest = [at for at in span if depths[at] == min(depths.values())]
    rank = {tag: place for place, tag in reversed(list(enumerate(precedence)))}
    return min(highest, key=lambda at: (rank.get(words[at].tag, len(precedence)), at))


def _depth(words: dict[int, Word], at: int) -> int:
    """Steps to the root."""
    depth, seen = 0, {at}
    while (at := words[at].head) in words and at not in seen:
        seen.add(at)
        depth += 1
    return depth


def ccgbank_auto(given: Given) -> Iterator[Row]:
    """One .auto file of CCGbank: a line `ID=...`, then the derivation, whose leaves hold word and supertag."""
    number = ""
    for line in lines(given.path.read_bytes()):
        if line.startswith("ID="):
            number = line.split()[0].removeprefix("ID=")
        elif leaves := _LEAF.findall(line):
            yield {"id": number, "tokens": [word for _, word in leaves], "tags": [tag for tag, _ in leaves]}
