"""A multiclass problem over eight monthly files.

It has four classes, one of them rare, and missing texts and dates.
"""

import json
from pathlib import Path

import pandas as pd
import pytest

from tests.conftest import Workspace
from tests.needs import times
from tests.problems.founded import commit, tarmac
from tests.problems.made import tickets
from tests.problems.story import WORDS, Problem, find_key_faults


class TestTickets(Problem):
    """A made table with a time."""

    made = tickets()

    def test_stages_read_the_parameters_that_they_declare(self, own: Workspace) -> None:
        assert find_key_faults(own) == []

    def test_new_month_retrains_model_on_shifted_split(
        self, own: Workspace, tmp_path: Path
    ) -> None:
        """A September much like August, in a file like the first."""
        rows = self.made.rows[self.made.rows["opened"].str.match("2024-08-(?!31)")]
        moved = {
            "ticket": rows["ticket"].str.replace("T", "S"),
            "opened": rows["opened"].str.replace("-08-", "-09-"),
        }
        rows.assign(**moved).to_csv(tmp_path / "september.csv", index=False)
        own.set_params(lambda params: params["retrain"].update(every_months=1))
        commit(own, "a model every month")
        tarmac(own, "retrain", str(tmp_path / "september.csv"))
        facts = json.loads((own.path / "monitoring/monitoring.json").read_text())
        assert facts["arrived"] == [f"tickets/2024-09: new, {len(rows)} rows"]
        assert (facts["decision"], facts["made"]) == ("retrain", "a model of 2024-01 to 2024-05")
        assert own.params["split"]["test"] == {"first": "2024-08", "last": "2024-09"}
        assert own.dvc("status", "--json").stdout.strip() == "{}"
        assert json.loads((own.path / "review/verdict.json").read_text())["verdict"] in (
            "pass",
            "fail",
        )
        assert not [
            word for word in WORDS if word in (own.path / "monitoring/report.md").read_text()
        ]

    @pytest.mark.repeated
    def test_backtest_covers_stored_months_for_every_strategy(self, own: Workspace) -> None:
        """Six rows a day: what is less than half of them on some days is chance."""
        # After the four of the first model.
        months = [f"2024-0{number}" for number in range(5, 5 + times(2, 4))]
        for path in (own.path / "data/raw/tickets").iterdir():
            if path.stem > months[-1]:
                path.unlink()
        own.dvc("add", "--quiet", "data/raw")
        own.set_params(lambda params: params["train"].update(max_rounds=5))
        own.set_params(lambda params: params["retrain"].update(every_months=2))
        commit(own, "quick")
        tarmac(own, "backtest")
        found = pd.read_csv(own.path / "metrics/backtest/months.csv").set_index(["way", "month"])
        assert found.index.tolist() == [
            (way, month) for way in ("never", "monthly", "policy") for month in months
        ]
        often = found["retrained"].groupby("way").sum()
        assert (often["never"], often["monthly"]) == (0, len(months))
        assert 1 <= often["policy"] < len(months)
        wanted = ["2024-02", "2024-03", "2024-04", "2024-05"][: len(months)]
        assert found["train_last"].xs("monthly").tolist() == wanted
