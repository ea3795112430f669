"""What the documents tell a reader to type exists: commands, their options, make's targets and linked files."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from commands import is_name, wrong_harness_command
from documents import FENCE, GENERATED, LINK, commands, documents, prose

from harness.audit.levels import verify_all
from harness.pages.verdicts_figure import write_picture
from harness.project.paths import Paths
from harness.project.profiles import read_params

WRITTEN_BY_RUNS = {"build/", "predictions/", "requirements/wheels/", "results/", "store/"}
LONGEST_README = 900
"""In words; docs/judge.md, too."""
OF_THE_SHELL = "harness: command not found"
"""The one message of docs/troubleshooting.md that isn't the project's."""


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
    links = [match[1] or match[2] for match in LINK.finditer(prose(text))]
    paths = {link: link.partition("#")[0] for link in links if not re.match(r"[a-z][a-z0-9+.-]*:", link)}
    return [link for link, path in paths.items() if path and not (folder / path).exists()]


@pytest.mark.parametrize("name", documents())
def test_a_document_names_only_what_exists(repo_root: Path, name: str) -> None:
    path = repo_root / name
    text = path.read_text(encoding="utf-8")
    assert wrong_commands(text, make_targets(repo_root)) == []
    assert broken_links(text, path.parent) == []


@pytest.mark.parametrize("name", [name for name in documents() if name not in GENERATED])
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


def test_every_page_can_be_reached_from_the_readme(repo_root: Path) -> None:
    """By links, over any number of pages."""
    reached: set[Path] = set()
    ahead = [repo_root / "README.md"]
    while ahead:
        page = ahead.pop().resolve()
        if page.suffix != ".md" or page in reached:
            continue
        reached.add(page)
        found = LINK.finditer(prose(page.read_text(encoding="utf-8")))
        ahead += [page.parent / (match[1] or match[2]).partition("#")[0] for match in found if "://" not in match[0]]
    assert [name for name in documents() if (repo_root / name).resolve() not in reached] == []


def test_the_readme_is_short_and_its_first_screen_has_commands_picture_and_pages(repo_root: Path) -> None:
    text = (repo_root / "README.md").read_text(encoding="utf-8")
    assert len(text.split()) <= LONGEST_README
    screen, rest = text.split("\n## ", 1)
    above, picture, _ = screen.partition("![")
    assert picture and sum(bool(line) and not line.startswith("```") for line in above.splitlines()) <= 12
    begins = [" ".join(command[:2]) for command in commands(above)]
    assert begins[2:] == ["harness verify", "make repro", "harness profile", "harness judge"]
    for reader in ("reviewer", "researcher", "ci", "author"):
        assert f"(docs/{reader}.md)" in rest


def test_the_page_on_own_numbers_is_short(repo_root: Path) -> None:
    """Its output included."""
    assert len((repo_root / "docs" / "judge.md").read_text(encoding="utf-8").split()) <= LONGEST_README


def test_the_page_on_troubles_quotes_messages_that_exist(repo_root: Path) -> None:
    """Each piece between `...`, in the first column, stands in the code, where a long message is cut over lines."""
    sources = [
        *(repo_root / "harness").rglob("*.py"),
        repo_root / "requirements" / "install.sh",
        repo_root / "Makefile",
    ]
    code = re.sub(r'"\s*f?"', "", "".join(path.read_text(encoding="utf-8") for path in sources))
    page = (repo_root / "docs" / "troubleshooting.md").read_text(encoding="utf-8")
    quoted = [
        message for row in re.findall(r"^\| (.*?) \| ", page, re.MULTILINE) for message in re.findall("`(.+?)`", row)
    ]
    pieces = [piece.strip() for message in quoted if " " in message for piece in message.split("...")]
    assert len(pieces) > 15
    assert [piece for piece in pieces if piece not in code] == [OF_THE_SHELL]


@pytest.mark.slow
def test_the_readme_quotes_the_answer_and_shows_the_picture_of_the_pinned_results(
    repo_root: Path, tmp_path: Path
) -> None:
    """As they are in a clone where nothing has run. `harness claims plot` makes the picture anew."""
    for name in ("tasks", "profiles", "reference"):
        (tmp_path / name).symlink_to(repo_root / name)
    params = read_params(repo_root / "profiles" / "lab.yaml")
    found = verify_all(params, Paths(tmp_path, params.profile))
    readme = (repo_root / "README.md").read_text(encoding="utf-8")
    assert found.answer in [" ".join(match[3].split()) for match in FENCE.finditer(readme)]
    write_picture(found, tmp_path / "claims.png")
    assert (tmp_path / "claims.png").read_bytes() == (repo_root / "docs" / "claims.png").read_bytes()


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
