"""What may be a name, and that it is asked wherever names come in."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import toy as toys

from harness.project.errors import HarnessError
from harness.project.names import check_name
from harness.project.params import Params
from harness.project.paths import Paths

Toy = tuple[Params, Paths]
HOSTILE = (
    *("../../evil", "x;touch PWNED", "$(touch PWNED)", "", "x" * 300, "\u0430nli", "a b", "a\n", "/etc", "-x", "a/b"),
    *("..", ".", "a..b", "a\0", "\u202eab", "a\u200b", "\ud800"),
)


@pytest.mark.parametrize("what", ["recipe", "task", "language", "profile", "data pack"])
@pytest.mark.parametrize("name", HOSTILE, ids=ascii)
def test_a_hostile_name_is_refused(name: str, what: str) -> None:
    with pytest.raises(HarnessError, match=f"expected the name of a {what}"):
        check_name(name, what)


@pytest.mark.parametrize(
    ("what", "name"),
    [("recipe", "squad_v2+translated"), ("recipe", "plus-2.5"), ("task", "anli_plus"), ("language", "zh-CN")],
)
def test_a_plain_name_passes(what: str, name: str) -> None:
    assert check_name(name, what) == name


def put(content: dict[str, Any], where: str, value: Any) -> None:
    *path, last = where.split(".")
    at: Any = content
    for key in path:
        at = at[int(key) if isinstance(at, list) else key]
    at[int(last) if isinstance(at, list) else last] = value


@pytest.mark.parametrize("name", ["../../evil", "x;touch PWNED", "x" * 300, "\u0430nli", ""], ids=ascii)
@pytest.mark.parametrize(
    "where",
    ["profile", "grid.recipes.0", "grid.targets.0", "data.tasks.0", "data.pack", "recipes.mnli.tasks.0",
     "recipes.mnli+translated.translated.0"],
)  # fmt: skip
def test_params_refuse_it(toy_copy: Toy, harness: Callable[..., Any], where: str, name: str) -> None:
    content = toys.toy_settings()
    put(content, where, name)
    toys.write_params(toy_copy[1].root, content)
    code, _, err = harness("plan")
    assert code == 2 and "expected the name of a" in err and err.count("\n") == 1


@pytest.mark.parametrize("section", ["recipes", "target", "intermediate"])
def test_keys_are_names_too(toy_copy: Toy, harness: Callable[..., Any], section: str) -> None:
    content = toys.toy_settings()
    content[section]["../../evil"] = next(iter(content[section].values()))
    toys.write_params(toy_copy[1].root, content)
    code, _, err = harness("plan")
    assert code == 2 and "expected the name of a" in err and err.count("\n") == 1


@pytest.mark.parametrize("seed", [-1, 10**29, 1.5, "1", True, None])
def test_a_seed_is_a_whole_number_of_32_bits(toy_copy: Toy, harness: Callable[..., Any], seed: Any) -> None:
    content = toys.toy_settings()
    content["grid"]["seeds"] = [seed]
    toys.write_params(toy_copy[1].root, content)
    code, _, err = harness("plan")
    assert code == 2 and "grid.seeds.0" in err and err.count("\n") == 1


@pytest.mark.parametrize(
    "arguments",
    [
        *(("run", "data", name) for name in ("../../evil", "x;touch PWNED", "", "x" * 300, "\u0430nli", "a\nb")),
        *(("run", "cell", "none", "udpos", seed) for seed in ("-1", "9" * 29, "\u0663")),
        *(("data", "pin", name) for name in ("../../evil", "x" * 300)),
        *(("run", "recipe", name) for name in ("../../evil", "x\x1b[2J")),
        *(("profile", name) for name in ("../../evil", "")),
        *(("verify", name) for name in ("../../evil", "x" * 300, "a\0b")),
        *(("repro", "--jobs", number) for number in ("-1", "9" * 29)),
        ("verify", "--rerun", "9" * 29),
        ("layers", "--recipes", "../../evil"),
        ("layers", "--seeds", "9" * 29),
    ],
    ids=lambda words: ascii(" ".join(words))[:40],
)
def test_the_command_line_refuses_it(harness: Callable[..., Any], arguments: tuple[str, ...]) -> None:
    code, out, err = harness(*arguments)
    assert code == 2 and err and "Traceback" not in out + err


@pytest.mark.parametrize(
    ("where", "value", "said"),
    [
        ("target.udpos.epochs", float("inf"), "finite"),
        ("target.udpos.epochs", float("nan"), "finite"),
        ("target.udpos.epochs", -1, "greater than 0"),
        ("target.udpos.epochs", 1e300, "less than or equal"),
        ("target.udpos.learning_rate", float("inf"), "finite"),
        ("recipes.multi.steps", 10**29, "less than or equal"),
        ("encoder.architecture.heads", 3, "heads must divide hidden_size 16"),
        ("evaluation.batch_tokens", 10**400, "less than or equal"),
    ],
)
def test_numbers_that_nothing_can_be_computed_with(
    toy_copy: Toy, harness: Callable[..., Any], where: str, value: Any, said: str
) -> None:
    content = toys.toy_settings()
    put(content, where, value)
    toys.write_params(toy_copy[1].root, content)
    code, _, err = harness("plan")
    assert code == 2 and said in err and err.count("\n") == 1
