"""A number, rows in groups that may not be torn apart, and dirt."""

import pandas as pd

from tests.conftest import Workspace
from tests.problems.made import rents
from tests.problems.story import Story


class TestRents(Story):
    """A made table with groups."""

    made = rents()

    def test_a_dirty_row_is_learned_from_or_set_aside_without_its_rule(self, founded: Workspace) -> None:
        broken = pd.read_csv(founded.path / "data/quarantine.csv")
        assert broken["rule"].value_counts().to_dict() == self.made.dirty
        assert broken["action"].unique().tolist() == ["set aside"]

    def test_a_group_is_in_two_parts(self, founded: Workspace) -> None:
        tested = set(pd.read_parquet(founded.path / "data/predictions.parquet")["house"])
        assert 5 < len(tested) < 25
        rows = self.made.rows.drop_duplicates("flat")
        rows = rows[rows["house"].isin(tested) & rows["rent"].notna() & (rows["area"] > 0)]
        assert len(pd.read_parquet(founded.path / "data/predictions.parquet")) == len(rows)
