"""Files of claims: the example that is written, the schema that is published, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from given_tables import made_up
from toy import ROOT

from harness.project.errors import HarnessError
from harness.verify.given.claims_file import EXAMPLE, SCHEMA, ClaimsFile, read_claims_file
from harness.verify.given.judge import judge_table
from harness.verify.given.read import table_of

GOOD = "baseline: none\nlooks: [3, 4]\nclaims:\n  - id: a\n    claim: +7.5 +- 1.5\n"


def read(folder: Path, text: str | bytes) -> ClaimsFile:
    path = folder / "claims.yaml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_claims_file(path)


def test_the_example_is_read_and_judged(tmp_path: Path) -> None:
    found = read(tmp_path, EXAMPLE)
    claims = [entry.read() for entry in found.claims]
    verdicts = judge_table(table_of(made_up()), claims, baseline=found.baseline, design=found.design())
    (verdict,) = verdicts.claims
    assert (verdict.verdict, verdict.claim.runs, verdict.tasks) == ("REPRODUCED", 1, ["xnli"])
    assert verdict.claim.says == "Training on MNLI first gains 7.5 points."


def test_the_schema_in_docs_is_that_of_the_code_and_fits_the_example() -> None:
    """Where `jsonschema` is installed it checks; else each key of the example is one of the schema's."""
    schema = json.loads((ROOT / SCHEMA).read_text(encoding="utf-8"))
    assert schema == ClaimsFile.model_json_schema()
    example: Any = yaml.safe_load(EXAMPLE)
    entry = schema["$defs"]["ClaimEntry"]
    assert set(example) <= set(schema["properties"]) and set(example["claims"][0]) <= set(entry["properties"])
    assert all("description" in field for field in [*schema["properties"].values(), *entry["properties"].values()])
    try:
        import jsonschema
    except ImportError:
        return
    jsonschema.validate(example, schema)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(example | {"claim": 1}, schema)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (GOOD.replace("+7.5 +- 1.5", "+7.5"), "`claims.0.claim` .* in words, with a margin"),
        (GOOD.replace("+7.5 +- 1.5", ">= 1"), "expected YAML .*need quotes"),
        (GOOD.replace("+7.5 +- 1.5", "foo"), "claim a: expected a claim in one of the forms"),
        (GOOD.replace("    claim", "\tclaim"), "expected YAML .*tab"),
        (GOOD.replace("claim:", "clam:"), "unknown key `claims.0.clam` .*did you mean `claim`"),
        (GOOD.replace("baseline", "base_line"), "did you mean `baseline`"),
        (GOOD + "  - id: a\n    claim: '>= 1'\n", "each id once, found `a`"),
        (GOOD + "    claim: '>= 1'\n", "key `claim` twice"),
        (GOOD + "    tasks: xnli\n", "`claims.0.tasks`"),
        (GOOD + "    tasks: [xnli, xnli]\n", "found `xnli` 2 times"),
        (GOOD + "    runs: 0\n", "`claims.0.runs`"),
        (GOOD + '    says: "a\\e[31mred"\n', "`claims.0.says` .*control characters"),
        (GOOD + "    methods: [mnli]\n", "in claim a: .*name the one with `method`"),
        (GOOD.replace("+7.5 +- 1.5", "'mnli: >= 1'") + "    method: other\n", "one method in claim a"),
        (GOOD.replace("[3, 4]", "[5, 3]"), "ascending numbers of seeds"),
        (GOOD.replace("[3, 4]", "3"), "`looks`"),
        (GOOD.replace("[3, 4]", "[]"), "`looks`"),
        (GOOD.replace("id: a", "id: 1"), "`claims.0.id`"),
        (GOOD.replace("none", "no"), "`baseline`"),
        ("claims: []", "`claims`"),
        ("", "with the key `claims`, found nothing"),
        ("method,seed,score\nnone,1,50\n", "with the key `claims`, found text"),
        ("- id: a\n  text: the old form\n", "with the key `claims`, found a list"),
        (GOOD.encode("utf-16"), "expected YAML"),
    ],
)
def test_a_file_that_does_not_fit_is_a_users_error(tmp_path: Path, text: str | bytes, words: str) -> None:
    with pytest.raises(HarnessError, match=words) as raised:
        [entry.read() for entry in read(tmp_path, text).claims]
    assert "\n" not in str(raised.value)


def test_what_is_no_file_is_a_users_error(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "none.yaml"):
        with pytest.raises(HarnessError, match=path.name):
            read_claims_file(path)
