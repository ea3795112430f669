"""The one table of the laboratory languages: relatedness, word order, script and corpus size vary separately.

Each language borrows ONLY its corpus size from a real language (CC-100, GiB of text, as XLM-R was trained
on); its words and grammar are constructed. So transfer can be watched as it falls with relatedness at equal
size, and with size at equal relatedness.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal

from harness.project.errors import HarnessError
from harness.project.records import Record

SOURCE_LANGUAGE = "qaa"
SMALLEST_CORPUS_ROWS = 48


class Language(Record):
    """One constructed language."""

    code: str
    """The code, from ISO 639's private range."""
    cognates: float
    """The share of concepts whose word descends from the source language's word (1 for the source itself)."""
    changes: tuple[tuple[str, str], ...]
    """The sound changes that a cognate has undergone, in order: replace the left letters by the right ones.
    """
    order: Literal["SVO", "SOV", "VSO"]
    """The order of subject, verb and object."""
    adjective: Literal["before", "after"]
    """Where an adjective stands, seen from its noun."""
    adposition: Literal["before", "after"]
    """Where an adposition stands, seen from its noun phrase."""
    question_first: bool
    """Whether a question word moves to the front or stays in place."""
    script: Literal["Latin", "Greek", "Cyrillic", "Georgian"]
    """The alphabet; each maps letter by letter from the Latin one."""
    names_kept: float
    """The share of names written exactly as in the source; the others follow the sound changes and the
    script.
    """
    size_gib: float
    """The size of the corpus to keep proportions with, in GiB; 0 where there is no corpus."""
    size_of: str
    """The real language whose CC-100 size this is (table 6 of Conneau et al. 2020)."""
    consonants: str
    """The consonants of the words that are not cognates."""
    vowels: str
    """The vowels of the words that are not cognates."""


def _language(line: str) -> Language:
    """A row of the table below as a record."""
    keys = list(Language.model_fields)
    values = dict(zip(keys, line.split(), strict=True))
    changes = () if values["changes"] == "-" else tuple(tuple(c.split(">")) for c in values["changes"].split(","))
    return Language.model_validate(values | {"changes": changes})


# The columns are Language's fields in order. Related languages first, then half related, then unrelated ones.
_TABLE = """
qaa 1.00 -             SVO before before True  Latin    1.0 300.8 English  ptkbdgmnslrvf  aeiou
qab 0.80 p>f,d>t       SVO before before True  Latin    1.0  66.6 German   ptkhbdmnslrzf  aeiou
qac 0.80 g>k,u>o       SVO after  before True  Greek    0.5  46.9 Greek    ptkgdmnslrhz   aeio
qad 0.80 v>b,e>i       SVO before before True  Latin    1.0   1.6 Swahili  mbndwklsyjhz   aiu
qae 0.45 k>g,o>u       SVO after  before False Latin    1.0   0.0 Yoruba   bdgjklmrswyf   aeou
qaf 0.45 b>v,i>e       SVO after  before False Latin    1.0 137.3 Vietnamese ktnmhlvcdxqg  aeiou
qag 0.45 s>z,a>e       SOV before after  False Latin    1.0   2.0 Basque   tzkrnlbdxgsm   aeiou
qah 0.10 t>d,o>a       SVO before before True  Cyrillic 0.5 278.0 Russian  ptkdvmnslrzhj  aeiou
qai 0.10 l>r,e>a       SVO after  before False Georgian 0.5  71.7 Thai     ptkmnyrwhcsf   aeiou
qaj 0.10 f>p,u>i       SOV before after  False Latin    1.0  20.9 Turkish  ytkmlrcdbzsn   aeiu
qak 0.10 n>m,i>u       SOV after  after  False Cyrillic 0.5   5.7 Urdu     kgjrnhbdtsmz   aiu
qal 0.10 r>l,a>o       VSO after  before False Latin    1.0   0.2 Javanese wnglktpsjbdy   aeiou
"""

LANGUAGES: Mapping[str, Language] = MappingProxyType(
    {language.code: language for language in map(_language, _TABLE.strip().splitlines())}
)

_ALL = tuple(LANGUAGES)
_XNLI = ("qaa", "qab", "qac", "qad", "qaf", "qah", "qai", "qaj", "qak")

TASK_LANGUAGES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "xnli": _XNLI,
        "pawsx": ("qaa", "qab", "qaf", "qah", "qai"),
        "udpos": tuple(code for code in _ALL if code != "qal"),
        "panx": _ALL,
        "xquad": ("qaa", "qab", "qac", "qaf", "qah", "qai", "qaj"),
        "mlqa": ("qaa", "qab", "qaf", "qaj", "qak"),
        "tydiqa": ("qaa", "qad", "qag", "qah", "qaj"),
        "bucc": ("qab", "qah", "qai"),
        "tatoeba": tuple(code for code in _ALL if code != SOURCE_LANGUAGE),
    }
)
"""The test languages of each target task."""


def language(code: str) -> Language:
    """The language of this code; HarnessError for a code that is not in the table."""
    if code not in LANGUAGES:
        raise HarnessError(
            f"expected a laboratory language ({', '.join(LANGUAGES)}), found {code!r}",
            fix="name one of these languages in the task's file",
        )
    return LANGUAGES[code]


def corpus_rows(code: str, total: int) -> int:
    """How many of `total` sentences are in this language, in CC-100's proportions; 0 for the one without a
    corpus.

    The smallest shares are lifted to SMALLEST_CORPUS_ROWS, so the sum over the languages can exceed `total`
    a little.
    """
    size = language(code).size_gib
    if size == 0 or total <= 0:
        return 0
    share = round(total * size / sum(lang.size_gib for lang in LANGUAGES.values()))
    return max(share, SMALLEST_CORPUS_ROWS)


TRANSLATED_TASKS = ("mnli", "squad_v2", "squad_v1", "hellaswag")
"""Intermediate tasks that have machine-translated training rows: those that the paper calls best."""
TRANSLATED_LANGUAGES = ("qaf", "qah", "qai")
"""Their languages: those with most text after the source language, for which translators exist. The translation is
perfect, as the rows say the same meanings: an upper bound of what a real translator gives.
"""
