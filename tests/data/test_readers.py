"""Every reader against the layout that it reads: rows written in it come back as they were."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import layouts
import pytest
from toy import ROOT

from harness.data import formats, lab
from harness.data.readers import READERS, Given, read_rows
from harness.project.errors import HarnessError
from harness.project.tasks import load_task, published_pins, task_names

TASKS = ROOT / "tasks"
Rows = list[dict[str, Any]]
Layout = Callable[[Rows], bytes]

# reader -> task of the rows, the file, and whether the layout has the rows' own ids (elsewhere they are numbered).
LAYOUTS: dict[str, tuple[str, Layout, bool]] = {
    "parquet_nli": ("mnli", layouts.parquet_nli, False),
    "parquet_qqp": ("qqp", layouts.parquet_qqp, False),
    "parquet_pawsx": ("pawsx", layouts.parquet_pawsx, False),
    "parquet_panx": ("panx", lambda rows: layouts.parquet_tags(rows, "ner_tags"), False),
    "parquet_udpos": ("udpos", lambda rows: layouts.parquet_tags(rows, "pos_tags"), False),
    "parquet_qa": ("squad_v1", layouts.parquet_qa, True),
    "parquet_squad_v2": ("squad_v2", layouts.parquet_qa, True),
    "parquet_tatoeba": ("tatoeba", layouts.parquet_tatoeba, False),
    "parquet_hellaswag": ("hellaswag", layouts.parquet_hellaswag, False),
    "parquet_cosmosqa": ("cosmosqa", layouts.parquet_cosmosqa, False),
    "parquet_commonsenseqa": ("commonsenseqa", layouts.parquet_commonsenseqa, True),
    "squad_json": ("squad_v2", layouts.squad_json, True),
    "nli_jsonl": ("mnli", layouts.nli_jsonl, False),
    "anli_jsonl": ("anli_plus", layouts.anli_jsonl, False),
    "xnli_mt_tsv": ("mnli", layouts.xnli_mt_tsv, False),
    "pawsx_tsv": ("pawsx", layouts.pawsx_tsv, True),
    "qqp_tsv": ("qqp", layouts.qqp_tsv, True),
    "hellaswag_jsonl": ("hellaswag", layouts.hellaswag_jsonl, False),
    "cosmosqa_csv": ("cosmosqa", layouts.cosmosqa_csv, False),
    "commonsenseqa_jsonl": ("commonsenseqa", layouts.commonsenseqa_jsonl, True),
    "panx_columns": ("panx", lambda rows: layouts.panx_columns(rows, "el"), False),
    "conllu": ("udpos", layouts.conllu, False),
    "ccgbank_auto": ("ccg", layouts.ccgbank_auto, True),
}
BY_LANGUAGE = {"parquet_xnli": layouts.parquet_xnli, "xnli_tsv": layouts.xnli_tsv}


def lab_rows(task: str, count: int = 12, split: str | None = None, language: str | None = None) -> Rows:
    """Normalised rows of a task's laboratory analogue."""
    code = language or ("qab" if task in ("tatoeba", "bucc") else lab.SOURCE_LANGUAGE)
    split = split or ("test" if task == "tatoeba" else "train")
    raw = lab.generate(task, split, code, count, 1)
    kind = formats.row_kind(load_task(task, TASKS).kind, split)
    return formats.normalise_rows(kind, ((f"{i}", row) for i, row in enumerate(raw)))


def renumbered(rows: Rows) -> Rows:
    return [row | {"id": str(number)} for number, row in enumerate(rows)]


def read(reader: str, path: Path, content: bytes, **given: Any) -> Rows:
    path.write_bytes(content)
    return [row for _, row in read_rows(reader, Given(path, **given))]


@pytest.mark.parametrize("reader", LAYOUTS)
def test_what_is_written_in_a_layout_comes_back(reader: str, tmp_path: Path) -> None:
    task, layout, own_ids = LAYOUTS[reader]
    rows = lab_rows(task)
    found = read(reader, tmp_path / "file", layout(rows))
    assert found == (rows if own_ids else renumbered(rows))


def test_every_reader_is_tested_and_every_pin_names_one() -> None:
    assert set(READERS) == {*LAYOUTS, *BY_LANGUAGE, "laser_tatoeba", "bucc_text", "bucc_gold"}
    used = {
        part.reader
        for name in task_names(TASKS)
        for pin in published_pins(load_task(name, TASKS)).values()
        for parts in pin.files.values()
        for part in parts
    }
    assert used <= set(READERS)


@pytest.mark.parametrize("reader", BY_LANGUAGE)
def test_one_language_of_a_file_with_all(reader: str, tmp_path: Path) -> None:
    rows = {code: lab_rows("xnli", 8, "test", lang) for code, lang in (("de", "qab"), ("en", "qaa"), ("sw", "qak"))}
    for language, own in rows.items():
        found = read(reader, tmp_path / "file", BY_LANGUAGE[reader](rows), where={"language": language})
        assert found == renumbered(own), "ids count within the language"


@pytest.mark.parametrize(("reader", "layout"), [("parquet_qa", layouts.parquet_qa), ("squad_json", layouts.squad_json)])
def test_tydiqa_trains_on_english_only(reader: str, layout: Layout, tmp_path: Path) -> None:
    english = layouts.tydi_ids("en", lab_rows("tydiqa"))
    other = layouts.tydi_ids("sw", lab_rows("tydiqa", 5, "test", "qad"))
    content = layout([*other, *english])
    assert read(reader, tmp_path / "file", content, where={"language": "english"}) == english
    assert read(reader, tmp_path / "file", content, where={"language": "swahili"}) == other
    assert len(read(reader, tmp_path / "file", content)) == len(other) + len(english)


def test_rows_without_a_gold_label_are_left_out_and_counted(tmp_path: Path) -> None:
    rows = lab_rows("mnli")
    counts: Counter[str] = Counter()
    found = read("parquet_nli", tmp_path / "a", layouts.parquet_nli(rows, unlabelled=3), counts=counts)
    assert [row["premise"] for row in found] == [row["premise"] for row in rows]
    assert [row["id"] for row in found] == [str(number + 3) for number in range(len(rows))], "ids stay the record's"
    content = layouts.nli_jsonl([{"id": "x", "premise": "?", "hypothesis": "?", "label": "-"}, *rows])
    assert len(read("nli_jsonl", tmp_path / "b", content, counts=counts)) == len(rows)
    assert counts == {"rows without a gold label": 4}


@pytest.mark.parametrize(
    ("reader", "broken"),
    [("qqp_tsv", b"77\t1\t2\tone\n"), ("pawsx_tsv", b"7\tone\n"), ("xnli_mt_tsv", b"a\tb\tc\td\n")],
)
def test_a_line_with_other_columns_is_left_out_and_counted(reader: str, broken: bytes, tmp_path: Path) -> None:
    task, layout, own_ids = LAYOUTS[reader]
    rows = lab_rows(task)
    counts: Counter[str] = Counter()
    found = read(reader, tmp_path / "file", layout(rows) + broken, counts=counts)
    assert found == (rows if own_ids else renumbered(rows))
    assert counts == {"broken lines": 1}


def test_quotes_are_text_in_tables(tmp_path: Path) -> None:
    rows = [row | {"sentence1": f'"{row["sentence1"]}'} for row in lab_rows("pawsx")]
    assert read("pawsx_tsv", tmp_path / "a", layouts.pawsx_tsv(rows)) == rows
    assert read("qqp_tsv", tmp_path / "b", layouts.qqp_tsv(rows)) == rows


@pytest.mark.parametrize(("reader", "layout"), [("parquet_qa", layouts.parquet_qa), ("squad_json", layouts.squad_json)])
def test_an_answer_moves_to_where_it_stands(reader: str, layout: Layout, tmp_path: Path) -> None:
    def row(number: int, context: str, texts: list[str], starts: list[int]) -> dict[str, Any]:
        answers = {"text": texts, "answer_start": starts}
        return {"id": str(number), "question": "q", "context": context, "answers": answers}

    counts: Counter[str] = Counter()
    stored = [
        row(0, "ab ab ab", ["ab"], [3]),
        row(1, "ab ab ab", ["ab"], [4]),  # a leading space was stripped after the start was counted
        row(2, "ab ab ab", ["ab", "zz"], [99, 0]),
        row(3, "ab", ["zz"], [0]),
    ]
    found = read(reader, tmp_path / "file", layout(stored), counts=counts)
    assert [one["answers"] for one in found] == [
        {"text": ["ab"], "answer_start": [3]},
        {"text": ["ab"], "answer_start": [3]},
        {"text": ["ab"], "answer_start": [6]},
    ]
    assert counts == {
        "answers moved to where they stand": 2,
        "answers that are not in the context": 2,
        "rows whose answers are not in the context": 1,
    }
    formats.normalise_rows("qa", [("", one) for one in found])


@pytest.mark.parametrize(
    ("reader", "content", "message"),
    [
        ("parquet_nli", layouts.parquet({"premise": ["a"], "hypothesis": ["b"], "label": [0]}), "names the classes"),
        (
            "parquet_nli",
            layouts.parquet({"premise": ["a"], "label": [0]}, {"label": layouts.NLI}),
            "no column hypothesis",
        ),
        ("parquet_udpos", layouts.parquet({"tokens": [["a"]], "pos_tags": [[-1]]}, {"pos_tags": ["X"]}), "placeholder"),
        ("parquet_qqp", layouts.parquet({"question1": ["a"]}, {"question1": []}), "classes"),
        ("parquet_qa", b"PAR1 broken", "layout of reader parquet_qa"),
        ("squad_json", b"{", "expected JSON"),
        ("squad_json", b'{"data": [],\n"data": []}', "`data` twice in .*, line 2"),
        ("nli_jsonl", b'{"gold_label": "-"}\n{"gold_label": "-", "gold_label": "-"}\n', "`gold_label` twice in .*:2"),
        ("squad_json", b"{}", "KeyError: 'data'"),
        ("anli_jsonl", b'{"context": "", "hypothesis": "", "label": "x"}\n', "KeyError: 'x'"),
        ("pawsx_tsv", b"id\ts1\ts2\tlabel\n1\ta\tb\tyes\n", "ValueError"),
        ("bucc_gold", b"a\tb\none id only\n", "two ids .* in .*file:2"),
        ("bucc_text", b"a\tb\nc\td\te\n", "an id, a tab and a sentence.* in .*file:2"),
        ("pawsx_tsv", b"id\ts1\ts2\tlabel\n1\ta\tb\t1\n2\ta\tb\tx\n", "behind row 1"),
        ("panx_columns", b"en:a\tO\nen:word\n", "a token, a tab and a tag.* in .*file:2"),
        ("bucc_text", b"\xff\n", "UnicodeDecodeError"),
        ("laser_tatoeba", b"a\n", "only one of the two sides"),
    ],
)
def test_a_file_of_another_layout_is_named(reader: str, content: bytes, message: str, tmp_path: Path) -> None:
    with pytest.raises(HarnessError, match=message) as caught:
        read(reader, tmp_path / "file", content)
    assert str(tmp_path / "file") in caught.value.message and caught.value.fix


def word(number: str, form: str, head: str = "0", tag: str = "X") -> str:
    return f"{number}\t{form}\t_\t{tag}\t_\t_\t{head}\t_\t_\t_\n"


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        (word("1", "a") + word("2", "b") + "# sent_id = 2\n" + word("1", "c"), 4, "id 3 .*an empty line"),
        (word("1", "a") + word("2", "b") + word("1", "c"), 3, "id 3"),
        (word("1", "a") + word("2", "b") + word("4", "d"), 3, "id 3"),
        (word("1", "a") + "\n" + word("2", "b") + word("3", "c"), 3, "id 1"),
        (word("1", "a") + word("2", "b") + word("2", "b"), 3, "id 3"),
        (word("0", "a") + word("1", "b"), 1, "id 1"),
        (word("01", "a"), 1, "id 1"),
        (word("\u0661", "a"), 1, "id 1"),
        (word("1", "a") + word("x", "b"), 2, "id 2"),
        (word("1", "a") + word("1-2", "ab") + word("2", "b"), 2, "a fused word from 2 on"),
        (word("1-2", "ab") + word("1", "a") + word("2-3", "bc") + word("2", "b") + word("3", "c"), 3, "a fused word"),
        (word("2-1", "ab") + word("1", "a"), 1, "a fused word"),
        (word("1-3", "ab") + word("1", "a") + word("2", "b"), 3, "word 3 in the sentence"),
        (word("1", "a") + word("2.1", "b"), 2, "id 2"),
        (word("1", "a") + "2\tb\tX\n", 2, "10 columns"),
        (word("1", "a") + " \n" + word("1", "b"), 2, "10 columns"),
    ],
)
def test_a_treebank_whose_ids_do_not_run_is_refused(text: str, line: int, message: str, tmp_path: Path) -> None:
    with pytest.raises(HarnessError, match=f"{message}.* in .*file:{line} "):
        read("conllu", tmp_path / "file", text.encode())


def test_a_treebanks_member_is_named(tmp_path: Path) -> None:
    files = {"a/es_b-ud-test.conllu": word("2", "a").encode()}
    with pytest.raises(HarnessError, match=r"ud.tgz \(es_\*\):1 \(a/es_b-ud-test.conllu\)"):
        read("conllu", tmp_path / "ud.tgz", layouts.tarred(files, "gz"), member="es_*")


def test_comments_empty_nodes_and_a_missing_last_line_are_no_misfit(tmp_path: Path) -> None:
    first = "# one\n" + word("0.1", "e") + word("1-2", "ab") + word("1", "a") + word("1.1", "e") + word("2", "b", "1")
    text = first + "\n\n# two\n\n" + word("1", "c").rstrip("\n")
    assert [row["tokens"] for row in read("conllu", tmp_path / "file", text.encode())] == [["ab"], ["c"]]


SEPARATORS = "a\rb\u2028c\x85d\x0be\x0cf\x1cg"


@pytest.mark.parametrize(
    ("reader", "content", "field"),
    [
        (
            "xnli_tsv",
            "language\tgold_label\tsentence1\tsentence2\nde\tneutral\tx\t{}\nde\tneutral\ty\tz\n",
            "hypothesis",
        ),
        ("xnli_mt_tsv", "premise\thypo\tlabel\n{}\tx\tneutral\ny\tz\tneutral\n", "premise"),
        ("pawsx_tsv", "id\ts1\ts2\tlabel\n1\tx\t{}\t1\n2\ty\tz\t0\n", "sentence2"),
        ("qqp_tsv", 'id\tquestion1\tquestion2\tis_duplicate\n1\t{}\tx\t1\n2\t"y\tz"\t0\n', "sentence1"),
        ("bucc_text", "1\t{}\n2\tx\n", "text"),
    ],
)
def test_only_a_line_feed_ends_a_line(reader: str, content: str, field: str, tmp_path: Path) -> None:
    counts: Counter[str] = Counter()
    text = content.format(SEPARATORS).encode()
    found = read(reader, tmp_path / "file", text, where={"language": "de"}, counts=counts)
    assert len(found) == 2 and found[0][field] == SEPARATORS and not counts
    windows = read(reader, tmp_path / "file", text.replace(b"\n", b"\r\n"), where={"language": "de"}, counts=counts)
    assert windows == found and not counts


@pytest.mark.parametrize("line", ["de\tneutral\ta\tb\tc", "de\tneutral\ta"])
def test_a_line_with_other_columns_than_the_header_is_refused(line: str, tmp_path: Path) -> None:
    text = f"language\tgold_label\tsentence1\tsentence2\nde\tneutral\ta\tb\n{line}\n"
    with pytest.raises(HarnessError, match=r"4 columns, found .* in .*file:3"):
        read("xnli_tsv", tmp_path / "file", text.encode(), where={"language": "de"})


@pytest.mark.parametrize("line", ["2\ta\tb\tc\t0", "2\ta\tb"])
def test_broken_lines_of_question_pairs_are_counted(line: str, tmp_path: Path) -> None:
    counts: Counter[str] = Counter()
    text = f"id\tquestion1\tquestion2\tis_duplicate\n1\ta\tb\t1\n{line}\n"
    assert len(read("qqp_tsv", tmp_path / "file", text.encode(), counts=counts)) == 1
    assert counts == {"broken lines": 1}


def test_a_line_of_cosmosqa_with_other_columns_is_refused(tmp_path: Path) -> None:
    rows = lab_rows("cosmosqa", 2)
    text = layouts.cosmosqa_csv(rows).rstrip(b"\r\n") + b",one more\n"
    with pytest.raises(HarnessError, match=r"columns, found .* in .*file:3"):
        read("cosmosqa_csv", tmp_path / "file", text)


def test_a_token_keeps_its_colons(tmp_path: Path) -> None:
    text = "en:10:30\tO\nen::\tO\n\nen:http://a.b\tB-ORG\n"
    assert [row["tokens"] for row in read("panx_columns", tmp_path / "file", text.encode())] == [
        ["10:30", ":"],
        ["http://a.b"],
    ]


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("Mr\tO\nBob\tB-PER\n10:30\tO\n", 1),
        ("10:30\tO\nBob\tB-PER\n", 1),
        ("http://a\tO\n\nBob\tB-PER\n", 3),
        ("en:Mr\tO\nen:Bob\tB-PER\n\n10:30\tO\n", 4),
        ("en:Mr\tO\nde:Bob\tB-PER\n", 2),
    ],
)
def test_a_token_without_its_languages_prefix_is_refused(text: str, line: int, tmp_path: Path) -> None:
    with pytest.raises(HarnessError, match=f"a token after .* in .*file:{line} "):
        read("panx_columns", tmp_path / "file", text.encode())


@pytest.mark.parametrize("label", [-2, 3, 2**40])
def test_a_class_that_has_no_name_is_refused(label: int, tmp_path: Path) -> None:
    classes = layouts.NLI
    nli = layouts.parquet({"premise": ["a"] * 2, "hypothesis": ["b"] * 2, "label": [0, label]}, {"label": classes})
    with pytest.raises(HarnessError, match=f"a class from 0 to 2 .*, found {label} in .*file:2"):
        read("parquet_nli", tmp_path / "file", nli)
    tags = layouts.parquet({"tokens": [["a", "b"]], "pos_tags": [[0, label]]}, {"pos_tags": classes})
    with pytest.raises(HarnessError, match=f"a class from 0 to 2 .*, found {label} in .*file:1"):
        read("parquet_udpos", tmp_path / "file", tags)


def test_an_unknown_reader_names_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(HarnessError, match="did you mean `parquet_nli`"):
        read("parquet_nil", tmp_path / "file", b"")


def test_tatoeba_pairs_line_by_line(tmp_path: Path) -> None:
    rows = lab_rows("tatoeba")
    rows[0] |= {"source": "a\u2028b \x85 c"}  # no line ends
    english = tmp_path / "english"
    english.write_bytes(layouts.text_lines(row["target"] for row in rows))
    sources = layouts.text_lines(row["source"] for row in rows)
    assert read("laser_tatoeba", tmp_path / "foreign", sources, beside=english) == renumbered(rows)
    with pytest.raises(HarnessError, match="13 sentences beside 12"):
        read("laser_tatoeba", tmp_path / "foreign", sources + b"one more\n", beside=english)


def test_bucc_reads_two_texts_and_their_pairs_from_one_archive(tmp_path: Path) -> None:
    source, target, gold = (lab_rows("bucc", 20, f"test_{side}") for side in ("source", "target", "gold"))
    files = {"de": layouts.bucc_text(source), "en": layouts.bucc_text(target), "gold": layouts.bucc_gold(gold)}
    archive = layouts.tarred({f"bucc2018/de-en/de-en.training.{name}": text for name, text in files.items()}, "bz2")
    path = tmp_path / "archive.tar.bz2"
    assert read("bucc_text", path, archive, member="de-en.training.de") == source
    assert read("bucc_text", path, archive, member="de-en.training.en") == target
    assert read("bucc_gold", path, archive, member="de-en.training.gold") == renumbered(gold)
    with pytest.raises(
        HarnessError, match=r"no member fr-en.*archive.tar.bz2 \(fr-en|archive.tar.bz2 \(fr-en.*no member"
    ):
        read("bucc_text", path, archive, member="fr-en.training.fr")


def test_members_of_archives(tmp_path: Path) -> None:
    rows = {"en": lab_rows("panx"), "el": lab_rows("panx", 5, "test", "qak")}
    inner = {code: layouts.tarred({"dev": layouts.panx_columns(own, code)}, "gz") for code, own in rows.items()}
    archive = layouts.zipped({f"panx_dataset/{code}.tar.gz": content for code, content in inner.items()})
    for code, own in rows.items():
        assert read("panx_columns", tmp_path / "a.zip", archive, member=f"{code}.tar.gz/dev") == renumbered(own)
    both = layouts.zipped({"x/dev.json": layouts.squad_json([]), "y/dev.json": layouts.squad_json([])})
    with pytest.raises(HarnessError, match="several members match"):
        read("squad_json", tmp_path / "b.zip", both, member="dev.json")


# A fused verb whose parts hang at different heights, a fused preposition whose parts hang equally high, an empty node;
# then a sentence that hides its words.
FUSED = """# text = Vámonos al mar
1-2\tVámonos\t_\t_\t_\t_\t_\t_\t_\t_
1\tVamos\tir\tVERB\t_\t_\t0\troot\t_\t_
2\tnos\tnosotros\tPRON\t_\t_\t1\tobj\t_\t_
3-4\tal\t_\t_\t_\t_\t_\t_\t_\t_
3\ta\ta\tADP\t_\t_\t5\tcase\t_\t_
4\tel\tel\tDET\t_\t_\t5\tdet\t_\t_
5\tm ar\u200c\tmar\tNOUN\t_\t_\t1\tobl\t_\t_
5.1\tnada\t_\tVERB\t_\t_\t_\t_\t_\t_

1\t_\t_\tNOUN\t_\t_\t0\troot\t_\t_
2\t_\t_\tPUNCT\t_\t_\t1\tpunct\t_\t_

"""


def test_universal_dependencies_as_xtreme_prepares_them(tmp_path: Path) -> None:
    rows = lab_rows("udpos", 4)
    files = {
        "UD_Spanish-B/es_b-ud-test.conllu": FUSED.encode(),
        "UD_Spanish-A/es_a-ud-test.conllu": layouts.conllu(rows),
        "UD_Spanish-A/es_a-ud-dev.conllu": layouts.conllu(rows[:1]),
        "UD_Ancient_Greek-X/grc_x-ud-test.conllu": layouts.conllu(rows[:1]),
    }
    archive = layouts.tarred({f"ud-treebanks-v2.5/{name}": content for name, content in files.items()}, "gz")
    counts: Counter[str] = Counter()
    found = read("conllu", tmp_path / "ud.tgz", archive, member="es_*-ud-test.conllu", counts=counts)
    assert found[:4] == renumbered(rows), "files by their names, whatever their folders"
    assert found[4] == {"id": "4", "tokens": ["Vámonos", "al", "mar"], "tags": ["VERB", "ADP", "NOUN"]}
    assert len(found) == 5 and counts == {"sentences without their words": 1}


@pytest.mark.realdata
@pytest.mark.parametrize("reader", LAYOUTS)
def test_real_rows_come_back_from_their_layout(reader: str, real_pack: Path, tmp_path: Path) -> None:
    task_name, layout, own_ids = LAYOUTS[reader]
    task = load_task(task_name, TASKS)
    files: Mapping[str, Any] = task.pins.local[real_pack.name].files
    stem = next(stem for stem in files if stem.startswith(("train.", "test.")))
    path = real_pack / files[stem][-1].path
    rows = formats.normalise_rows(task.kind, formats.parse_lines(path.read_bytes(), path.name), task.labels)
    rows = [{key: value for key, value in row.items() if key != "title"} for row in rows]
    if reader == "parquet_qa":
        rows = [row for row in rows if not row.get("is_impossible")]
    found = read(reader, tmp_path / "file", layout(rows))
    expected = rows if own_ids else renumbered(rows)
    assert len(found) == len(expected)
    assert all(one == other for one, other in zip(found, expected, strict=True))


@pytest.mark.parametrize(
    ("reader", "content", "message"),
    [
        ("conllu", "", "at least one row"),
        ("conllu", f"# a text\r{word('1', 'one')}\r\r", "a comment on a line of its own"),
        ("panx_columns", "\n", "at least one row"),
        ("pawsx_tsv", "1\ta\tb\t1\n2\tc\td\t0\n", "a header of 4 columns"),
        ("pawsx_tsv", "id\tone\ttwo\tlabel\r1\ta\tb\t1\r", "a header of 4 columns"),
        ("xnli_mt_tsv", "a\tb\tneutral\nc\td\tcontradictory\n", "a header of 3 columns"),
        ("qqp_tsv", "id\tquestion1\tquestion2\tquestion2\tis_duplicate\n", "every column once"),
        ("cosmosqa_csv", "id,context,question,answer0,answer0,answer1,answer2,answer3,label\n", "every column once"),
    ],
)
def test_rows_that_would_be_lost_in_silence_are_refused(
    reader: str, content: str, message: str, tmp_path: Path
) -> None:
    with pytest.raises(HarnessError, match=message):
        read(reader, tmp_path / "file", content.encode())


def test_a_language_that_a_file_lacks_is_named(tmp_path: Path) -> None:
    content = b"language\tgold_label\tsentence1\tsentence2\nDE\tneutral\ta\tb\n"
    with pytest.raises(HarnessError, match=r"at least one row with language de in .*file"):
        read("xnli_tsv", tmp_path / "file", content, where={"language": "de"})


@pytest.mark.parametrize("label", ["1.7", "true", "null"])
def test_a_label_that_is_no_whole_number_is_refused(label: str, tmp_path: Path) -> None:
    content = f'{{"ctx": "a", "endings": ["b", "c"], "label": {label}}}'
    with pytest.raises(HarnessError, match="field `label` to be a whole number"):
        rows = read("hellaswag_jsonl", tmp_path / "file", content.encode())
        list(formats.normalise_rows("multiple_choice", [("file:1", row) for row in rows]))
