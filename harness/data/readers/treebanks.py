"""Readers of treebanks: Universal Dependencies as XTREME prepares it, and CCGbank's supertags."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from harness.data.formats import Row
from harness.data.readers.given import Given, contents, lines

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
        for block in "\n".join(lines(text)).split("\n\n"):
            tokens, tags = _sentence(block, PRECEDENCE.get(language, PRECEDENCE["default"]).split())
            if not tokens:
                continue
            hidden = tokens.count("_")
            if hidden and hidden >= len(tokens) - 1:
                given.counts["sentences without their words"] += 1
                continue
            yield {"id": str(number), "tokens": tokens, "tags": tags}
            number += 1


def _sentence(block: str, precedence: Sequence[str]) -> tuple[list[str], list[str]]:
    """Tokens and tags of one sentence, every fused word as one token."""
    words: dict[int, Word] = {}
    fused: dict[int, tuple[int, str]] = {}
    for line in block.split("\n"):
        if not line or line.startswith("#"):
            continue
        number, form, _, tag, _, _, above, *_ = line.split("\t")
        if number.isdigit():
            words[int(number)] = Word(form, tag, int(above) if above.isdigit() else 0)
        elif "-" in number:
            first, last = number.split("-")
            fused[int(first)] = (int(last), form)
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
