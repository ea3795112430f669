"""MLflow, on a database and on a server's answers that version 3.17.2 wrote, read without it."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from foreign_results import FILES, unpacked

from harness.exchange.importers.find import find_importer, read_given
from harness.exchange.importers.importer import Options
from harness.project.errors import HarnessError

SCORES = {("plain", 1): 55.0, ("plain", 2): 56.0, ("intermediate", 1): 60.0, ("intermediate", 2): 61.0}


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return unpacked("mlflow/mlflow.db.xz", tmp_path_factory.mktemp("mlflow"))


@pytest.fixture
def changed(base: Path, tmp_path: Path) -> Path:
    path = tmp_path / "changed.db"
    path.write_bytes(base.read_bytes())
    return path


def run_sql(path: Path, *statements: str) -> None:
    with closing(sqlite3.connect(path)) as connection:
        for statement in statements:
            connection.execute(statement)
        connection.commit()


class Replay(BaseHTTPRequestHandler):
    """Answers as the server did."""

    answers: dict[str, Any]

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        answer = dict(self.answers.get(self.path) or {})
        wanted = body.get("experiment_ids")
        if wanted:
            answer["runs"] = [run for run in answer["runs"] if run["info"]["experiment_id"] in wanted]
        if "page_token" not in body and "runs" in answer and len(answer["runs"]) > 1:
            answer |= {"runs": answer["runs"][:2], "next_page_token": "more"}
        elif "page_token" in body:
            answer["runs"] = answer["runs"][2:]
        content = json.dumps(answer).encode()
        self.send_response(200 if self.path in self.answers else 404)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[str]:
    Replay.answers = json.loads((FILES / "mlflow" / "server.json").read_text("utf-8"))
    with ThreadingHTTPServer(("127.0.0.1", 0), Replay) as serving:
        thread = Thread(target=serving.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{serving.server_port}"
        serving.shutdown()
        thread.join()


def test_the_last_value_of_each_finished_run_is_its_score(base: Path) -> None:
    """Method, task and seed from its params; a failed run is told, a deleted one is gone; nothing is written."""
    before = base.read_bytes()
    given = read_given(base)
    assert {(each.method, each.seed): each.score for each in given.scores} == SCORES
    assert {(each.task, each.metric) for each in given.scores} == {("boats", "accuracy")}
    assert given.known["experiment"] == "boats (id 1)"
    assert given.remarks == ["Left out, since they are not finished: broken (FAILED)."]
    assert {"revision", "split"} <= set(given.unknown)
    assert base.read_bytes() == before and list(base.parent.iterdir()) == [base]
    assert find_importer(base).name == "mlflow"


@pytest.mark.parametrize("path", ["", "/", "/#/experiments/1"])
def test_a_server_says_the_same(server: str, base: Path, path: str) -> None:
    """Page by page; an address may be copied from the browser, with its experiment."""
    given, same = read_given(server + path), read_given(base)
    assert sorted(given.scores, key=repr) == sorted(same.scores, key=repr)
    assert given.remarks == same.remarks


def test_one_of_several_experiments_is_asked_for(changed: Path) -> None:
    run_sql(changed, "UPDATE runs SET experiment_id = 0 WHERE name LIKE 'plain%'")
    with pytest.raises(HarnessError, match=r"found Default, boats.*--experiment"):
        read_given(changed)
    assert {each.method for each in read_given(changed, Options(experiment="boats")).scores} == {"intermediate"}
    assert {each.method for each in read_given(changed, Options(experiment="0")).scores} == {"plain"}


@pytest.mark.parametrize(
    ("statement", "options", "found"),
    [
        ("DELETE FROM params WHERE key = 'task'", Options(), "--task"),
        ("UPDATE params SET value = '1' WHERE key = 'seed'", Options(), "found one in run plain-1 .* plain-2"),
        ("UPDATE latest_metrics SET is_nan = 1", Options(), "expected a finite number"),
        ("UPDATE runs SET status = 'RUNNING'", Options(), "found none"),
        ("DELETE FROM runs", Options(), "expected one experiment"),
        ("DROP TABLE latest_metrics", Options(), "none of them wrote"),
        ("SELECT 1", Options(metric="loss"), "more is better"),
        ("SELECT 1", Options(experiment="kites"), "expected the experiment kites"),
        ("SELECT 1", Options(labels=Path()), "leave --labels out"),
    ],
)
def test_what_gives_no_clear_score_is_refused(changed: Path, statement: str, options: Options, found: str) -> None:
    run_sql(changed, statement)
    with pytest.raises(HarnessError, match=found):
        read_given(changed, options)


def test_without_names_in_params_the_runs_names_and_the_users_words_count(changed: Path) -> None:
    """Each name that was taken stands under what is unknown."""
    run_sql(changed, "DELETE FROM params")
    given = read_given(changed, Options(task="boats", split="dev"))
    assert {each.method for each in given.scores} == {"plain-1", "plain-2", "intermediate-1", "intermediate-2"}
    assert {(each.seed, each.split) for each in given.scores} == {(None, "dev")} and "method" in given.unknown


def test_a_database_that_asks_for_endless_work_is_given_up(changed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A view may stand where MLflow has a table."""
    monkeypatch.setattr("harness.exchange.importers.mlflow_sqlite.MOST_STEPS", 50)
    endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i, i, i, 0 FROM n"
    view = f"CREATE VIEW latest_metrics(run_uuid, key, value, is_nan) AS {endless}"
    run_sql(changed, "DROP TABLE latest_metrics", view)
    with pytest.raises(HarnessError, match="interrupted"):
        read_given(changed, program="mlflow")


def test_a_server_that_does_not_answer_so_is_refused(server: str) -> None:
    """Nobody there, no MLflow there, another answer."""
    with pytest.raises(HarnessError, match="expected a server of MLflow at"):
        read_given("http://127.0.0.1:9")
    with pytest.raises(HarnessError, match="status 404"):
        read_given(f"{server}/other")
    Replay.answers = {"/api/2.0/mlflow/experiments/search": {"experiments": [3]}}
    with pytest.raises(HarnessError, match="another layout"):
        read_given(server)
