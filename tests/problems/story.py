"""What holds for every problem, and the whole story of one: the modules of this folder run them."""

import json
import re
import shutil
import sys
from pathlib import Path

import httpx
import numpy as np
import pandas as pd
import pytest

from tarmac.dashboard.words import format_metric_name
from tarmac.pipeline.base.hashing import compute_dvc_hash
from tarmac.testing import stage_deps
from tarmac.testing.pipeline_file import stages
from tests.conftest import Workspace
from tests.e2e.running import FROM_SOURCE, STAGES
from tests.graph.trace import key_faults, leaves, trace
from tests.problems.founded import commit, questions, rebuild, tarmac
from tests.problems.made import Made
from tests.tarmac.serving.running import running

OUTS = (
    "data/prepared",
    "data/features",
    "data/quarantine.csv",
    "data/predictions.parquet",
    "data/online",
)
MODELS = ("models/model.onnx", "models/baseline.onnx", "models/card.md", "metrics")
WORDS = ("flight", "airport", "carrier", "depart", "New York", "Traceback")
KEY = (
    "import json; from tarmac.interface.problem import problem; "
    "print(json.dumps(problem.contract.KEY))"
)
SAME = 1e-6  # of an answer's size


class Problem:
    """What depends on the kind of target: how a problem is reviewed, served and monitored."""

    made: Made

    def test_stages_declare_what_they_read_and_write(self, founded: Workspace) -> None:
        assert stage_deps.list_faults(founded.path) == []
        assert founded.dvc("status", "--json").stdout.strip() == "{}"
        assert founded.run("git", "status", "--porcelain").stdout == ""

    def test_result_needs_no_written_line(self, founded: Workspace) -> None:
        changed = founded.run(
            "git", "diff", "--numstat", "HEAD~1", "--", "src", "params.yaml", "dvc.yaml"
        ).stdout
        assert changed == ""

    def test_reviews_change_in_its_own_words(self, own: Workspace) -> None:
        own.run("git", "switch", "--quiet", "--create", "shallower")
        own.set_params(lambda params: params["train"]["xgboost"].update(max_depth=2))
        own.dvc("repro", "--quiet")
        own.dvc("push", "--quiet")
        commit(own, "shallower")
        tarmac(own, "review", "--base", "main", check=False)
        verdict = json.loads((own.path / "review/verdict.json").read_text())
        report = (own.path / "review/report.md").read_text()
        assert verdict["verdict"] in ("pass", "fail")
        assert not [word for word in WORDS if word in report]
        assert f"`{self.made.metric}`" in report

    def test_service_and_batch_predict_as_the_pipeline(
        self, own: Workspace, tmp_path: Path
    ) -> None:
        tarmac(own, "bundle")
        rows, wanted = questions(own)
        live = own.path / "served/live"
        with (
            running(live, tmp_path / "service.log", code=own.path) as service,
            service.client() as client,
        ):
            asked = [
                client.post("/predict", json={"rows": rows[start : start + 200]})
                for start in range(0, len(rows), 200)
            ]
            explained = client.post("/explain", json=rows[0])
            described = client.get("/openapi.json").json()
        answers = [self.numbers(one) for reply in asked for one in _json(reply)["predictions"]]
        np.testing.assert_allclose(answers, wanted, rtol=SAME, atol=SAME)
        moved = _json(explained)
        whole = moved["base"] + sum(one["contribution"] for one in moved["contributions"])
        assert whole == pytest.approx(max(answers[0]), rel=1e-5)
        assert not [word for word in WORDS if word in json.dumps(described)]
        pd.DataFrame(rows).to_csv(tmp_path / "rows.csv", index=False)
        tarmac(own, "predict", str(tmp_path / "rows.csv"), str(tmp_path / "scored.parquet"))
        scored = pd.read_parquet(tmp_path / "scored.parquet")
        np.testing.assert_allclose(scored[list(self.made.answers)], wanted, rtol=SAME, atol=SAME)

    def test_monitoring_separates_usual_requests_from_broken(
        self, own: Workspace, tmp_path: Path
    ) -> None:
        """Check that the test rows are usual, and that one far number makes the data broken.

        The number is allowed, and far from all others.
        """
        tarmac(own, "bundle")
        rows, _ = questions(own)
        name, far = self.made.foreign
        asked = {"usual": rows, "broken": [{**row, name: far} for row in rows]}
        decisions = {}
        for what, body in asked.items():
            journal, log = tmp_path / what, tmp_path / f"{what}.log"
            with (
                running(own.path / "served/live", log, code=own.path, log=journal) as service,
                service.client() as client,
            ):
                for start in range(0, len(body), 200):
                    _json(client.post("/predict", json={"rows": body[start : start + 200]}))
            tarmac(own, "monitor", "--log", str(journal))
            found = json.loads((own.path / "monitoring/monitoring.json").read_text())
            decisions[what] = (found["verdict"] == "critical", found["decision"] == "none")
        assert decisions == {"usual": (False, True), "broken": (True, False)}

    def numbers(self, told: dict) -> list[float]:
        """The numbers of one answer of the service, in the order that they are stored in."""
        if "probabilities" in told:
            assert told["label"] == max(told["probabilities"], key=told["probabilities"].get)
            return list(told["probabilities"].values())
        return [told[self.made.answers[0]]]


class Story(Problem):
    """A problem from its table to its release."""

    def test_rebuild_without_dvc_makes_the_same_bytes(self, own: Workspace) -> None:
        made = {name: compute_dvc_hash(own.path / name) for name in (*OUTS, *MODELS)}
        for name in (*OUTS, "models", "metrics"):
            path = own.path / name
            shutil.rmtree(path) if path.is_dir() else path.unlink()
        shutil.rmtree(own.path / ".dvc/tmp", ignore_errors=True)  # months that were kept
        for name in ("models", "metrics"):
            (own.path / name).mkdir()
        rebuild(own)
        assert {name: compute_dvc_hash(own.path / name) for name in made} == made

    def test_stages_read_the_parameters_that_they_declare(self, own: Workspace) -> None:
        assert find_key_faults(own) == []

    def test_searches_three_trials(self, own: Workspace) -> None:
        told = tarmac(own, "sweep", "--trials", "3", "--top", "0")
        assert re.findall(r"^sweep  (\d+ of \d+)  ", told, re.MULTILINE)[-1] == "3 of 3"
        ended = re.findall(r"^ *(\d+)  complete  ", told, re.MULTILINE)
        assert sorted(ended) == ["0", "1", "2"]
        assert not [word for word in WORDS if word in told]

    def test_scores_the_file_that_it_began_with(
        self, own: Workspace, founded: Workspace, tmp_path: Path
    ) -> None:
        """Check a request with the table's own header.

        It has the target, columns that are left out, and times, and no key where one was added.
        """
        tarmac(own, "bundle")
        whole = founded.path.parent / "table.csv"
        key = json.loads(own.run(sys.executable, "-c", KEY, env=FROM_SOURCE).stdout)
        tarmac(own, "predict", str(whole), str(tmp_path / "scored.parquet"))
        told = pd.read_parquet(own.path / "data/predictions.parquet")[[*key, *self.made.answers]]
        scored = pd.read_parquet(tmp_path / "scored.parquet").drop_duplicates(key)
        both = told.merge(scored, on=key, validate="one_to_one", suffixes=("", "_again"))
        assert len(both) == len(told) > 50
        for name in self.made.answers:
            np.testing.assert_allclose(both[f"{name}_again"], both[name], rtol=SAME, atol=SAME)

    def test_released_model_is_the_one_in_production(self, own: Workspace, tmp_path: Path) -> None:
        """Check without requiring a gain over the baseline.

        The line beats the trees if rents are made by a line.
        """
        own.set_params(lambda params: params["review"].update(beat_baseline=False))
        commit(own, "beaten")
        own.run(
            "git",
            "init",
            "--quiet",
            "--bare",
            "--initial-branch=main",
            str(tmp_path / "origin.git"),
        )
        own.run("git", "remote", "add", "origin", str(tmp_path / "origin.git"))
        own.run("git", "push", "--quiet", "origin", "HEAD")
        tarmac(own, "release")
        assert "prod has v0.0.1 now" in tarmac(own, "promote", "prod", "--why", "the first")
        tarmac(own, "bundle", "--environment", "prod")
        live = own.path / "served/live"
        assert json.loads((live / "release.json").read_text())["version"] == "v0.0.1"
        assert compute_dvc_hash(live / "model.onnx") == compute_dvc_hash(
            own.path / "models/model.onnx"
        )
        assert "this model is already registered as v0.0.1" in tarmac(own, "release", check=False)

    def test_page_is_written_in_its_own_words(self, own: Workspace) -> None:
        tarmac(own, "site")
        page = (own.path / "site/index.html").read_text()
        text = re.sub(r"<(style|script).*?</\1>|<[^>]+>", " ", page, flags=re.DOTALL)
        assert not [word for word in WORDS if word in text]
        assert [
            name for name in (*STAGES, format_metric_name(self.made.metric)) if name not in text
        ] == []


def find_key_faults(workspace: Workspace) -> list[str]:
    """Return parameters that stages read without declaring them, or the other way round.

    Only of stages for which that depends on whether rows have a time.
    """
    declared, read = stages(workspace.path), leaves(workspace.params)
    return [
        fault
        for name in ("evaluate", "online", "card")
        for fault in key_faults(declared[name], [trace(workspace, name)], read)
    ]


def _json(reply: httpx.Response) -> dict:
    assert reply.status_code == 200, reply.text[:2000]
    return reply.json()
