"""The published files' layouts, written from normalised rows: what a reader is held against, as no real file is here.

Each function gives the bytes of one file as its publisher serves it, with columns that no reader asks for.
"""

from __future__ import annotations

import bz2
import csv
import gzip
import io
import json
import tarfile
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

Rows = Sequence[Mapping[str, Any]]
NLI = ["entailment", "neutral", "contradiction"]
TYDI = {"ar": "arabic", "en": "english", "fi": "finnish", "sw": "swahili"}


def parquet(columns: Mapping[str, Sequence[Any]], classes: Mapping[str, list[str]] | None = None) -> bytes:
    """A file as the hub's library writes it: the names of classes (and of lists of classes) in its metadata."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    features: dict[str, Any] = {}
    for name, values in columns.items():
        names = (classes or {}).get(name)
        one = {"names": names, "_type": "ClassLabel"} if names else {"dtype": "string", "_type": "Value"}
        in_lists = bool(values) and isinstance(values[0], list)
        features[name] = {"feature": one, "_type": "Sequence"} if in_lists else one
    metadata = {"huggingface": json.dumps({"info": {"features": features}})} if classes is not None else {}
    table = pa.table(dict(columns)).replace_schema_metadata(metadata)
    buffer = io.BytesIO()
    pq.write_table(table, buffer)
    return buffer.getvalue()


def column(rows: Rows, key: str) -> list[Any]:
    return [row[key] for row in rows]


def parquet_nli(rows: Rows, unlabelled: int = 0) -> bytes:
    """MultiNLI, SNLI, ANLI; `unlabelled` rows without a gold label come first."""
    more = [{"premise": "?", "hypothesis": "?"}] * unlabelled
    labels = [-1] * unlabelled + [NLI.index(row["label"]) for row in rows]
    columns = {key: column([*more, *rows], key) for key in ("premise", "hypothesis")}
    return parquet({"uid": [f"u{i}" for i in range(len(labels))], **columns, "label": labels}, {"label": NLI})


def parquet_xnli(by_language: Mapping[str, Rows]) -> bytes:
    """XTREME's XNLI: all languages in one file, labels as text."""
    flat = [(language, row) for language, rows in by_language.items() for row in rows]
    rows = [row for _, row in flat]
    return parquet(
        {
            "language": [language for language, _ in flat],
            "sentence1": column(rows, "premise"),
            "sentence2": column(rows, "hypothesis"),
            "gold_label": column(rows, "label"),
        },
        {},
    )


def parquet_qqp(rows: Rows) -> bytes:
    columns = {"question1": column(rows, "sentence1"), "question2": column(rows, "sentence2")}
    numbers = {"label": column(rows, "label"), "idx": list(range(len(rows)))}
    return parquet(columns | numbers, {"label": ["not_duplicate", "duplicate"]})


def parquet_pawsx(rows: Rows) -> bytes:
    columns = {key: column(rows, key) for key in ("sentence1", "sentence2")}
    return parquet(columns | {"label": [str(row["label"]) for row in rows]}, {})


def parquet_tags(rows: Rows, name: str) -> bytes:
    """PAN-X (`ner_tags`) and UD-POS (`pos_tags`): classes in an order of their own."""
    names = sorted({tag for row in rows for tag in row["tags"]}, reverse=True)
    tags = [[names.index(tag) for tag in row["tags"]] for row in rows]
    return parquet({"tokens": column(rows, "tokens"), name: tags}, {name: names})


def parquet_qa(rows: Rows) -> bytes:
    """SQuAD, XQuAD, MLQA, TyDiQA; a column title, which no reader needs."""
    columns = {key: column(rows, key) for key in ("id", "context", "question", "answers")}
    return parquet({"title": ["t"] * len(rows), **columns}, {})


def parquet_tatoeba(rows: Rows) -> bytes:
    """Sentences with the line ends of the files that they were read from."""
    columns = {f"{side}_sentence": [row[side] + "\n" for row in rows] for side in ("source", "target")}
    return parquet(columns | {"source_lang": ["xxx"] * len(rows), "target_lang": ["eng"] * len(rows)}, {})


def parquet_hellaswag(rows: Rows) -> bytes:
    columns = {"ctx": column(rows, "context"), "endings": column(rows, "choices")}
    return parquet(columns | {"label": [str(row["label"]) for row in rows]}, {})


def parquet_cosmosqa(rows: Rows) -> bytes:
    columns = {key: column(rows, key) for key in ("id", "context", "question", "label")}
    return parquet(columns | {f"answer{i}": [row["choices"][i] for row in rows] for i in range(4)}, {})


def parquet_commonsenseqa(rows: Rows) -> bytes:
    columns = {key: column(rows, key) for key in ("id", "question")}
    choices = [{"label": list("ABCDE")[: len(row["choices"])], "text": row["choices"]} for row in rows]
    return parquet(columns | {"choices": choices, "answerKey": ["ABCDE"[row["label"]] for row in rows]}, {})


def squad_json(rows: Rows) -> bytes:
    """One article with one paragraph per question."""
    paragraphs = []
    for row in rows:
        texts, starts = row["answers"]["text"], row["answers"]["answer_start"]
        answers = [{"text": text, "answer_start": start} for text, start in zip(texts, starts, strict=True)]
        question = {"id": row["id"], "question": row["question"], "answers": answers}
        question |= {key: row[key] for key in ("is_impossible",) if key in row}
        paragraphs.append({"context": row["context"], "qas": [question]})
    return json.dumps({"version": "1.1", "data": [{"title": "t", "paragraphs": paragraphs}]}).encode()


def tydi_ids(language: str, rows: Rows) -> list[dict[str, Any]]:
    """The rows with TyDiQA's ids, which begin with the language's name (and often a minus)."""
    return [dict(row) | {"id": f"{TYDI[language]}--{number}-0"} for number, row in enumerate(rows)]


def json_lines(records: Iterable[Mapping[str, Any]]) -> bytes:
    return "".join(json.dumps(record, ensure_ascii=False) + "\n" for record in records).encode()


def nli_jsonl(rows: Rows) -> bytes:
    return json_lines(
        {"gold_label": row["label"], "sentence1": row["premise"], "sentence2": row["hypothesis"], "pairID": row["id"]}
        for row in rows
    )


def anli_jsonl(rows: Rows) -> bytes:
    return json_lines(
        {"uid": row["id"], "context": row["premise"], "hypothesis": row["hypothesis"], "label": row["label"][0]}
        for row in rows
    )


def hellaswag_jsonl(rows: Rows) -> bytes:
    return json_lines({"ind": 4, "ctx": r["context"], "endings": r["choices"], "label": r["label"]} for r in rows)


def commonsenseqa_jsonl(rows: Rows) -> bytes:
    def choices(row: Mapping[str, Any]) -> list[dict[str, str]]:
        return [{"label": "ABCDE"[i], "text": text} for i, text in enumerate(row["choices"])]

    return json_lines(
        {
            "id": row["id"],
            "answerKey": "ABCDE"[row["label"]],
            "question": {"question_concept": "c", "stem": row["question"], "choices": choices(row)},
        }
        for row in rows
    )


def cosmosqa_csv(rows: Rows) -> bytes:
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(["id", "context", "question", *(f"answer{i}" for i in range(4)), "label"])
    for row in rows:
        writer.writerow([row["id"], row["context"], row["question"], *row["choices"], row["label"]])
    return text.getvalue().encode()


def table(header: Sequence[str], lines: Iterable[Sequence[object]]) -> bytes:
    """Tab-separated lines; quotes are text."""
    return "".join("\t".join(map(str, line)) + "\n" for line in [header, *lines]).encode()


def qqp_tsv(rows: Rows) -> bytes:
    lines = [(row["id"], 1, 2, row["sentence1"], row["sentence2"], row["label"]) for row in rows]
    return table(["id", "qid1", "qid2", "question1", "question2", "is_duplicate"], lines)


def pawsx_tsv(rows: Rows) -> bytes:
    lines = [(row["id"], row["sentence1"], row["sentence2"], row["label"]) for row in rows]
    return table(["id", "sentence1", "sentence2", "label"], lines)


def xnli_tsv(by_language: Mapping[str, Rows]) -> bytes:
    flat = [(language, row) for language, rows in by_language.items() for row in rows]
    lines = [(language, r["label"], "( )", r["premise"], r["hypothesis"], r["id"]) for language, r in flat]
    return table(["language", "gold_label", "sentence1_binary_parse", "sentence1", "sentence2", "pairID"], lines)


def xnli_mt_tsv(rows: Rows) -> bytes:
    words = {"contradiction": "contradictory"}
    lines = [(row["premise"], row["hypothesis"], words.get(row["label"], row["label"])) for row in rows]
    return table(["premise", "hypo", "label"], lines)


def panx_columns(rows: Rows, language: str) -> bytes:
    sentences = [
        "".join(f"{language}:{token}\t{tag}\n" for token, tag in zip(row["tokens"], row["tags"], strict=True))
        for row in rows
    ]
    return "\n".join([*sentences, ""]).encode()


def conllu(rows: Rows) -> bytes:
    """Every word hangs on the first."""
    blocks = []
    for row in rows:
        lines = [f"# sent_id = {row['id']}"]
        for number, (token, tag) in enumerate(zip(row["tokens"], row["tags"], strict=True), 1):
            lines.append("\t".join([str(number), token, "_", tag, "_", "_", str(int(number > 1)), "dep", "_", "_"]))
        blocks.append("\n".join(lines) + "\n\n")
    return "".join(blocks).encode()


def ccgbank_auto(rows: Rows) -> bytes:
    """Derivations whose inner nodes are all alike."""
    text = ""
    for row in rows:
        leaves = [f"(<L {tag} NN NN {token} {tag}>)" for token, tag in zip(row["tokens"], row["tags"], strict=True)]
        text += f"ID={row['id']} PARSER=GOLD NUMPARSE=1\n(<T S[dcl] 0 {len(leaves)}> {' '.join(leaves)} )\n"
    return text.encode()


def text_lines(texts: Iterable[str]) -> bytes:
    return "".join(text + "\n" for text in texts).encode()


def bucc_text(rows: Rows) -> bytes:
    return text_lines(f"{row['id']}\t{row['text']}" for row in rows)


def bucc_gold(rows: Rows) -> bytes:
    return text_lines(f"{row['source_id']}\t{row['target_id']}" for row in rows)


def zipped(files: Mapping[str, bytes]) -> bytes:
    """A zip archive, with the copies that a Mac leaves in it."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
            archive.writestr(f"__MACOSX/{name}", b"\x00")
    return buffer.getvalue()


def tarred(files: Mapping[str, bytes], compression: str) -> bytes:
    """A tar archive, `gz` or `bz2`; the same bytes each time."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return bz2.compress(buffer.getvalue()) if compression == "bz2" else gzip.compress(buffer.getvalue(), mtime=0)
