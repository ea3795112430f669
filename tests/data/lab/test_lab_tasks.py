"""Questions, tags, paraphrases, choices and translations hold what they promise."""

from __future__ import annotations

from collections import Counter
from itertools import islice

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lab_situations import demands_of

from harness.data.lab import LANGUAGES, TASK_LANGUAGES, generate, paraphrase, qa
from harness.data.lab.baselines import bag_of_words, baselines, majority
from harness.data.lab.frames import Frame, Noun, get
from harness.data.lab.lexicon import words
from harness.data.lab.realise import STYLES, noun_phrase, realise

SEEDS = st.integers(0, 10**6)
TRAINED_ON = {"xnli": "mnli", "xquad": "squad_v1", "mlqa": "squad_v1"}


@pytest.mark.parametrize("task", ["squad_v1", "squad_v2", "xquad", "mlqa", "tydiqa"])
@pytest.mark.parametrize("code", ["qaa", "qak"])
def test_answers_are_spans_of_the_context(task: str, code: str) -> None:
    split = "test" if task in TASK_LANGUAGES else "train"
    code = code if code in TASK_LANGUAGES.get(task, ("qaa",)) else "qaa"
    for row in generate(task, split, code, 200, 4):
        answers = row["answers"]
        for text, start in zip(answers["text"], answers["answer_start"], strict=True):
            assert text and row["context"][start : start + len(text)] == text
        assert row.get("is_impossible", False) == (not answers["text"])
        assert row["question"].endswith(" ?")
        assert len(row["context"].split()) <= 45


@pytest.mark.parametrize("task", ["squad_v1", "squad_v2", "mlqa", "tydiqa"])
@settings(max_examples=5, deadline=None)
@given(seed=SEEDS)
def test_exactly_the_answering_event_satisfies_the_question(task: str, seed: int) -> None:
    """The demands of the question (by lab_situations.py, not by qa.fits) hold of one event, and its noun is
    the answer.
    """
    split = "train" if task != "mlqa" else "test"
    rows = qa.rows(task, split, "qaa", 40, seed)
    for item, row in zip(islice(qa.items(task, split, seed, "qaa"), 40), rows, strict=True):
        hidden = {"place": "place ", "time": "time "}.get(item.asked, f"{item.asked} ")
        demands = {a: v for a, v in demands_of(item.question).items() if not a.startswith(hidden)}
        if item.asked == "count":
            demands.pop("agent count", None)
        answering = []
        for number, event in enumerate(item.events):
            told = demands_of(event)
            if get(event, item.asked) and all(a in told and told[a] <= allowed for a, allowed in demands.items()):
                answering.append(number)
        assert answering == ([] if item.answer is None else [item.answer])
        if item.answer is not None:
            assert row["answers"]["text"] == [answer_text(item.events[item.answer], item.asked)]


def answer_text(event: Frame, asked: str) -> str:
    """The source language's words for one slot."""
    if asked == "count":
        return str(event.agent.digit)
    if asked == "time":
        return words("qaa")[str(event.time)]
    phrase = {"agent": event.agent, "patient": event.patient, "place": event.place}[asked]
    assert isinstance(phrase, Noun)
    return " ".join(word.form for word in noun_phrase("qaa", phrase))


def test_a_third_of_squad_v2_has_no_answer() -> None:
    rows = generate("squad_v2", "train", "qaa", 1500, 1)
    assert sum(row["is_impossible"] for row in rows) / 1500 == pytest.approx(1 / 3, abs=0.05)


@pytest.mark.parametrize("task", ["udpos", "panx", "ccg"])
def test_tags_align_and_entities_are_well_formed(task: str) -> None:
    for code in TASK_LANGUAGES.get(task, ("qaa",)):
        split = "test" if task != "ccg" else "dev"
        for row in generate(task, split, code, 60, 1):
            assert len(row["tokens"]) == len(row["tags"]) > 1
            assert all(token and " " not in token for token in row["tokens"])
            if task == "panx":
                previous = "O"
                for tag in row["tags"]:
                    assert not tag.startswith("I-") or previous[1:] == tag[1:]
                    previous = tag


def test_each_constituent_stands_where_its_span_says() -> None:
    frame = Frame(Noun("baker", "old", "3"), "buy", Noun("hat", "red"), Noun("shop"), "today")
    for code in LANGUAGES:
        form = words(code)
        for style in STYLES:
            sentence = realise(code, frame, style)
            tokens, spans = sentence.tokens, sentence.spans
            assert {form["baker"], form["old"], "3"} == set(tokens[slice(*spans["agent"])])
            assert {form["hat"], form["red"]} == set(tokens[slice(*spans["patient"])])
            assert tokens[slice(*spans["place"])] == [form["shop"]]
            assert tokens[slice(*spans["time"])] == [form["today"]]
            assert tokens[slice(*spans["count"])] == ["3"]


@settings(max_examples=6, deadline=None)
@given(seed=SEEDS)
def test_pawsx_pairs_share_their_words_and_differ_in_meaning_only_as_labelled(seed: int) -> None:
    inert = {words("qaa")["be"], words("qaa")["by"]}
    rows = paraphrase.rows("pawsx", "test", "qaa", 60, seed)
    for item, row in zip(islice(paraphrase.items("pawsx", "test", seed), 60), rows, strict=True):
        bags = [Counter(w for w in row[f].split() if w not in inert) for f in ("sentence1", "sentence2")]
        # a paraphrase has the same words in another order; the others at most one word replaced
        replaced = sum((bags[0] - bags[1]).values())
        assert replaced <= (0 if item.label else 1)
        assert row["sentence1"] != row["sentence2"]
        assert (demands_of(item.first[0]) == demands_of(item.second[0])) == bool(item.label)


@settings(max_examples=6, deadline=None)
@given(seed=SEEDS)
def test_qqp_pairs_ask_the_same_only_as_labelled(seed: int) -> None:
    for item in islice(paraphrase.items("qqp", "train", seed), 80):
        same = demands_of(item.first[0]) == demands_of(item.second[0]) and item.first[2] == item.second[2]
        assert same == bool(item.label)


@pytest.mark.parametrize("task", ["hellaswag", "cosmosqa", "commonsenseqa"])
def test_right_choices_stand_anywhere_and_are_different(task: str) -> None:
    rows = generate(task, "train", "qaa", 2000, 1)
    count = len(rows[0]["choices"])
    assert count == (5 if task == "commonsenseqa" else 4)
    assert all(len(set(row["choices"])) == count for row in rows)
    places = Counter(row["label"] for row in rows)
    assert all(places[i] == pytest.approx(2000 / count, rel=0.15) for i in range(count))


@pytest.mark.parametrize("code", TASK_LANGUAGES["bucc"])
def test_mining_files_agree(code: str) -> None:
    source, target, gold = (generate("bucc", f"test_{part}", code, 200, 9) for part in ("source", "target", "gold"))
    assert 0.25 <= len(gold) / 200 <= 0.30
    ids = [{row["id"] for row in side} for side in (source, target)]
    assert all(row["source_id"] in ids[0] and row["target_id"] in ids[1] for row in gold)
    assert len({row["target_id"] for row in gold}) == len(gold)


CHANCE = [
    ("mnli", 100 / 3, 8.0), ("xnli", 100 / 3, 8.0), ("anli_plus", 100 / 3, 8.0),
    ("pawsx", 50.0, 6.0), ("qqp", 50.0, 6.0),
    ("hellaswag", 25.0, 5.0), ("cosmosqa", 25.0, 5.0), ("commonsenseqa", 20.0, 6.0),
]  # fmt: skip


@pytest.mark.parametrize(("task", "chance", "slack"), CHANCE)
def test_words_alone_tell_almost_nothing(task: str, chance: float, slack: float) -> None:
    train = generate(TRAINED_ON.get(task, task), "train", "qaa", 2000, 1)
    held_out = generate(task, "test" if task in TRAINED_ON else "dev", "qaa", 1000, 1)
    scores = baselines(task, train, held_out)
    assert scores["bag_of_words"] < chance + slack
    assert scores["majority"] < chance + 5
    assert scores.get("second_only", 0.0) < chance + 5


def test_baselines_can_succeed() -> None:
    """A check that could not fail would be worthless: give the label away and the bag of words finds it."""
    train, held_out = (generate("mnli", split, "qaa", 300, 1) for split in ("train", "dev"))
    for row in (*train, *held_out):
        row["hypothesis"] += f" {row['label']}"
    assert bag_of_words(train, held_out) > 95
    tags = generate("udpos", "train", "qaa", 300, 1)
    assert bag_of_words(tags, tags) > majority(tags, tags) + 30


def test_shared_words_find_the_translations_of_a_relative() -> None:
    related, unrelated = (
        baselines("tatoeba", [], generate("tatoeba", "test", code, 150, 1))["bag_of_words"] for code in ("qab", "qah")
    )
    assert related > 60 > 35 > unrelated
