"""What the documents tell a reader to type exists: commands, their options, make's targets and linked files."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest
from commands import is_name, wrong_harness_command

from harness.audit.levels import verify_all
from harness.audit.report import render
from harness.project.paths import Paths
from harness.project.profiles import read_params

DOCUMENTS = (
    *("README.md", "REPRODUCE.md", "CONTRIBUTING.md", "reference/README.md"),
    *(
        f"docs/{name}.md"
        for name in (
            "architecture",
            "cluster",
            "data",
            "degradation",
            "encoder",
            "encoders",
            "layers",
            "mini",
            "report",
            "threats",
            "verifier",
        )
    ),
)
GENERATED = tuple(f"docs/{name}.md" for name in ("degradation", "encoder", "layers", "verifier"))
WRITTEN_BY_RUNS = {"build/", "predictions/", "requirements/wheels/", "results/", "store/"}
FENCE = re.compile(r"^ *(```+|~~~+)([^\n`]*)\n(.*?)^ *\1 *$", re.MULTILINE | re.DOTALL)
SPAN = re.compile(r"(`+)(?!`)(.+?)(?<!`)\1(?!`)", re.DOTALL)
LINK = re.compile(r"\]\(\s*<?([^)\s>]+)>?[^)]*\)|^ *\[[^\]]+\]: *(\S+)", re.MULTILINE)
SEPARATORS = {"&&", "||", ";", "|", "&", "(", ")"}


def command_lines(text: str) -> Iterator[str]:
    """Lines of code blocks and inline code, without prompts; of aligned text only what stands before the gap."""
    pieces = [line for match in FENCE.finditer(text) for line in match[3].replace("\\\n", " ").splitlines()]
    pieces += [" ".join(match[2].split()) for match in SPAN.finditer(FENCE.sub("", text))]
    for piece in pieces:
        yield re.split(r"\s{2,}", piece.strip().removeprefix("$ "))[0]


def commands(text: str) -> Iterator[list[str]]:
    """Every command that the document shows, as words: program (without its folder), then arguments."""
    for line in command_lines(text):
        lexer = shlex.shlex(line, posix=True, punctuation_chars=True)
        lexer.whitespace_split = True
        try:
            words = [*lexer, ";"]
        except ValueError:  # an apostrophe: output, or prose
            words = [*line.split(), ";"]
        command: list[str] = []
        for word in words:
            if word in SEPARATORS:
                if command:
                    yield command
                command = []
            elif command or not re.match(r"[A-Za-z_]\w*=", word):  # NAME=value before a command
                command.append(word if command else word.rpartition("/")[2])


def make_targets(root: Path) -> set[str]:
    return set(re.findall(r"^([a-z][\w-]*):(?!=)", (root / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))


def wrong_commands(text: str, targets: set[str]) -> list[str]:
    """Every command of the document that does not exist, with what is wrong about it."""
    wrong = []
    for program, *arguments in commands(text):
        bad: list[str] = []
        if program == "harness":
            bad = [word for word in [wrong_harness_command(arguments)] if word]
        elif program == "make":
            bad = [word for word in arguments if is_name(word) and word not in targets]
        wrong += [f"`{' '.join([program, *arguments])}`: no {word}" for word in bad]
    return wrong


def broken_links(text: str, folder: Path) -> list[str]:
    """Relative links to files that are not there."""
    prose = SPAN.sub("", FENCE.sub("", text))
    links = [match[1] or match[2] for match in LINK.finditer(prose)]
    paths = {link: link.partition("#")[0] for link in links if not re.match(r"[a-z][a-z0-9+.-]*:", link)}
    return [link for link, path in paths.items() if path and not (folder / path).exists()]


@pytest.mark.parametrize("name", DOCUMENTS)
def test_a_document_names_only_what_exists(repo_root: Path, name: str) -> None:
    path = repo_root / name
    if not path.is_file():
        pytest.skip(f"no {name} yet")
    text = path.read_text(encoding="utf-8")
    assert wrong_commands(text, make_targets(repo_root)) == []
    assert broken_links(text, path.parent) == []


@pytest.mark.parametrize("name", [name for name in DOCUMENTS if name not in GENERATED])
def test_a_document_names_only_files_that_are_there(repo_root: Path, name: str) -> None:
    """Files of the code and its folders, as they stand in inline code, from the root or from a room."""
    text = (repo_root / name).read_text(encoding="utf-8")
    named = set(re.findall(r"`((?:[a-z_]+/)*[a-z_]+(?:\.py|/))`", text)) - WRITTEN_BY_RUNS
    assert len(named) > 30 or name != "docs/architecture.md"
    folders = [
        repo_root,
        repo_root / "harness",
        *(path for path in (repo_root / "harness").rglob("*") if path.is_dir()),
    ]
    assert [file for file in sorted(named) if not any((folder / file).exists() for folder in folders)] == []


@pytest.mark.slow
def test_the_readme_shows_the_verdicts_of_the_pinned_results(repo_root: Path, tmp_path: Path) -> None:
    """In a clone where nothing has run; the tables have every claim."""
    if not (repo_root / "profiles" / "paper.yaml").is_file():
        pytest.skip("no profile paper yet")
    for name in ("tasks", "profiles", "reference"):
        (tmp_path / name).symlink_to(repo_root / name)
    params = read_params(repo_root / "profiles" / "lab.yaml")
    found = verify_all(params, Paths(tmp_path, params.profile))
    output = render(found).splitlines()
    readme = (repo_root / "README.md").read_text(encoding="utf-8")
    (block,) = [match[3] for match in FENCE.finditer(readme) if "V0 integrity" in match[3]]
    shown = block.splitlines()
    table = [line for line in shown if not line.startswith(("$ ", "[..."))]
    assert [line for line in table if line not in output] == []
    assert [claim.id for claim in found.claims if not any(f" {claim.id} " in line for line in table)] == []
    assert shown[-1] == output[-1]


TEXT = """
Type `make repro`, `make pie` or `make venv TORCH=cuda`; see [the pins](pins.md#how "title"), [none](gone.md),
[itself](#here), [a site](https://example.org/x.md) and `[code](not-a-link.md)`. The harness makes haste; make do.
Run `harness verify --json`, `harness run cell RECIPE TARGET SEED`, `harness run <stage>`, `harness
fry eggs`, `harness verify --yaml`.

```sh
$ QUIET=1 .venv/bin/harness plan && harness pin nothing   # harness comment
cd somewhere; make -n test lost
harness verify    profile lab    it's aligned output
```

[reference]: missing/file.md
"""


def test_the_check_finds_what_does_not_exist(tmp_path: Path) -> None:
    (tmp_path / "pins.md").write_text("", encoding="utf-8")
    assert sorted(wrong_commands(TEXT, {"repro", "venv", "test"})) == [
        "`harness fry eggs`: no fry",
        "`harness pin nothing`: no nothing",
        "`harness verify --yaml`: no --yaml",
        "`make -n test lost`: no lost",
        "`make pie`: no pie",
    ]
    assert broken_links(TEXT, tmp_path) == ["gone.md", "missing/file.md"]


def test_targets_are_read_from_the_makefile(repo_root: Path) -> None:
    targets = make_targets(repo_root)
    assert {"repro", "test", "ui"} <= targets and "VENV" not in targets
