"""The words, the table and the tasks as a whole: shapes, reproducibility, no overlap of training and
evaluation.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest
from toy import ROOT

from harness.data.lab import LANGUAGES, SOURCE_LANGUAGE, TASK_LANGUAGES, corpus_rows, generate, splits
from harness.data.lab.frames import split_of
from harness.data.lab.lexicon import words
from harness.data.lab.meanings import NEXT, REASONS, SAME_WORD, UPOS, USUAL_PLACE, VERBS
from harness.project.errors import HarnessError

ALL_TASKS = [
    "anli_plus",
    "mnli",
    "qqp",
    "squad_v2",
    "squad_v1",
    "hellaswag",
    "ccg",
    "cosmosqa",
    "commonsenseqa",
    "xnli",
    "pawsx",
    "udpos",
    "panx",
    "xquad",
    "mlqa",
    "tydiqa",
    "bucc",
    "tatoeba",
    "text",
]
CASES = [
    (task, split, code) for task in ALL_TASKS for code in ("qaa", "qab", "qah", "qaj") for split in splits(task, code)
]
KEYS = {
    "nli": {"id", "premise", "hypothesis", "label"},
    "paraphrase": {"id", "sentence1", "sentence2", "label"},
    "tagging": {"id", "tokens", "tags"},
    "qa": {"id", "question", "context", "answers"},
    "choice": {"id", "context", "choices", "label"},
    "bitext": {"id", "source", "target"},
    "text": {"id", "text"},
    "gold": {"id", "source_id", "target_id"},
}
KIND = (
    dict.fromkeys(("mnli", "xnli", "anli_plus"), "nli")
    | dict.fromkeys(("pawsx", "qqp"), "paraphrase")
    | dict.fromkeys(("udpos", "panx", "ccg"), "tagging")
    | dict.fromkeys(("squad_v1", "squad_v2", "xquad", "mlqa", "tydiqa"), "qa")
    | dict.fromkeys(("hellaswag", "cosmosqa", "commonsenseqa"), "choice")
    | {"tatoeba": "bitext", "bucc": "text", "text": "text"}
)


@pytest.mark.parametrize(("task", "split", "code"), CASES)
def test_every_split_has_its_rows_and_schema(task: str, split: str, code: str) -> None:
    rows = generate(task, split, code, 40, 7)
    assert len(rows) == (round(0.28 * 40) if split == "test_gold" else 40)
    assert len({row["id"] for row in rows}) == len(rows)
    assert all(row["id"].startswith(f"{code}-{task}-") for row in rows)
    optional = {"question"} if KIND[task] == "choice" else {"is_impossible"} if KIND[task] == "qa" else set()
    for row in rows:
        assert set(row) - optional == KEYS["gold" if split == "test_gold" else KIND[task]]
    assert generate(task, split, code, 40, 7) == rows
    assert generate(task, split, code, 40, 8) != rows or split == "test_gold"


def test_same_bytes_in_two_processes() -> None:
    program = (
        "import hashlib, json\n"
        "from harness.data.lab import generate, splits\n"
        f"cases = [(t, s, c) for t in {ALL_TASKS!r} for c in ('qaa', 'qak') for s in splits(t, c)]\n"
        "rows = [generate(*case, 25, 3) for case in cases]\n"
        "print(hashlib.sha256(json.dumps(rows).encode()).hexdigest())\n"
    )
    root = ROOT
    digests = {
        subprocess.run(
            [sys.executable, "-c", program], cwd=root, env=os.environ | {"PYTHONHASHSEED": seed},
            capture_output=True, text=True, check=True,
        ).stdout
        for seed in ("0", "4242")
    }  # fmt: skip
    assert len(digests) == 1


@pytest.mark.parametrize("task", ["xnli", "pawsx", "xquad", "mlqa", "tatoeba"])
def test_parallel_items_share_ids_and_labels(task: str) -> None:
    tables = [generate(task, "test", code, 60, 2) for code in TASK_LANGUAGES[task]]
    for rows in zip(*tables, strict=True):
        assert len({row["id"][3:] for row in rows}) == 1
        assert len({row.get("label") for row in rows}) == 1
        assert len({len(row["answers"]["text"]) for row in rows if "answers" in row}) <= 1
        assert task != "tatoeba" or len({row["target"] for row in rows}) == 1


def sentences(row: dict[str, object]) -> list[str]:
    """All sentences of a row's text fields (choices apart), each with its stop."""
    if "tokens" in row:
        return [" ".join(row["tokens"])]  # type: ignore[arg-type]
    fields = (
        "premise",
        "hypothesis",
        "sentence1",
        "sentence2",
        "question",
        "context",
        "source",
        "target",
        "text",
    )
    text = " ".join(str(row.get(field, "")) for field in fields).replace(" ?", " .")
    return [part.strip() for part in text.split(" .") if part.strip()]


OVERLAP = ["mnli", "anli_plus", "qqp", "pawsx", "udpos", "panx", "ccg", "commonsenseqa"]


@pytest.mark.parametrize("task", OVERLAP)
def test_no_evaluation_sentence_is_a_training_sentence(task: str) -> None:
    train = {s for row in generate(task, "train", "qaa", 2000, 1) for s in sentences(row)}
    for split in set(splits(task, "qaa")) - {"train"}:
        found = {s for row in generate(task, split, "qaa", 1000, 1) for s in sentences(row)}
        assert not found & train, sorted(found & train)[:3]


@pytest.mark.parametrize("task", ["squad_v1", "squad_v2", "tydiqa", "hellaswag", "cosmosqa"])
def test_no_evaluation_item_is_a_training_item(task: str) -> None:
    def key(row: dict[str, object]) -> tuple[object, object]:
        return row["context"], row.get("question")

    train = {key(row) for row in generate(task, "train", "qaa", 2000, 1)}
    assert not train & {key(row) for row in generate(task, "dev", "qaa", 1000, 1)}


@pytest.mark.slow
@pytest.mark.parametrize("task", ["xnli", "pawsx", "udpos", "panx", "tatoeba"])
def test_no_corpus_sentence_is_an_evaluation_sentence(task: str) -> None:
    corpus = {s for row in generate("text", "text", "qab", 4000, 1) for s in sentences(row)}
    found = {s for row in generate(task, "test", "qab", 1500, 1) for s in sentences(row)}
    assert not found & corpus


def test_corpus_rows_keep_the_stated_proportions() -> None:
    total = 200_000
    sizes = {code: language.size_gib for code, language in LANGUAGES.items()}
    for code, size in sizes.items():
        share = corpus_rows(code, total)
        if size == 0:
            assert share == 0
        elif code != "qal":
            assert share == pytest.approx(total * size / sum(sizes.values()), abs=1)
    assert corpus_rows("qal", 5000) >= 36
    assert corpus_rows("qal", 5000) < corpus_rows("qaa", 5000) / 10


def test_sizes_are_those_of_the_reference_table() -> None:
    """The pairs (real language, GiB) of CC-100, table 6 of Conneau et al. 2020."""
    cc100 = {
        "English": 300.8, "German": 66.6, "Greek": 46.9, "Swahili": 1.6, "Yoruba": 0.0, "Vietnamese": 137.3,
        "Basque": 2.0, "Russian": 278.0, "Thai": 71.7, "Turkish": 20.9, "Urdu": 5.7, "Javanese": 0.2,
    }  # fmt: skip
    assert {language.size_of: language.size_gib for language in LANGUAGES.values()} == cc100


def test_cognates_are_as_common_as_the_table_says() -> None:
    source = words(SOURCE_LANGUAGE)
    for code in ("qab", "qad", "qaf", "qah"):
        language, mine = LANGUAGES[code], words(code)
        if language.script != "Latin":
            continue
        changed = dict(source)
        for old, new in language.changes:
            changed = {concept: word.replace(old, new) for concept, word in changed.items()}
        share = sum(changed[concept] == mine[concept] for concept in UPOS) / len(UPOS)
        assert share == pytest.approx(language.cognates, abs=0.1)


@pytest.mark.parametrize("code", LANGUAGES)
def test_words_are_distinct_but_for_the_stated_homographs(code: str) -> None:
    mine = words(code)
    assert len(set(mine.values())) == len(UPOS) - len(SAME_WORD)
    assert all(mine[verb] == mine[noun] for verb, noun in SAME_WORD.items())


def test_the_tables_name_only_known_concepts() -> None:
    named = [
        *USUAL_PLACE,
        *USUAL_PLACE.values(),
        *NEXT,
        *NEXT.values(),
        *REASONS,
        *REASONS.values(),
        *SAME_WORD,
    ]
    assert set(named) <= set(UPOS)
    assert set(NEXT) | set(REASONS) <= set(VERBS)


def test_splits_have_their_shares() -> None:
    names = [split_of([str(i), "x"]) for i in range(4000)]
    for name, share in (("train", 0.55), ("dev", 0.15), ("test", 0.15), ("text", 0.15)):
        assert names.count(name) / 4000 == pytest.approx(share, abs=0.03)


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (("sst2", "train", "qaa", 1, 1), "mnli"),
        (("xnli", "test", "qzz", 1, 1), "qab"),
        (("xnli", "train", "qaa", 1, 1), "test"),
        (("mnli", "dev", "qab", 1, 1), "none"),
        (("text", "text", "qae", 1, 1), "corpus"),
    ],
)
def test_what_does_not_exist_is_refused(arguments: tuple[str, str, str, int, int], named: str) -> None:
    with pytest.raises(HarnessError, match=named) as refused:
        generate(*arguments)
    assert refused.value.fix


def test_rows_are_plain_json() -> None:
    for task in ALL_TASKS:
        for split in splits(task, "qab"):
            rows = generate(task, split, "qab", 5, 1)
            assert json.loads(json.dumps(rows)) == rows
