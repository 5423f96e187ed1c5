"""A regression problem with grouped rows and with invalid rows.

Each group is in one part of the split.
"""

import pandas as pd

from tests.conftest import Workspace
from tests.problems.made import rents
from tests.problems.story import Story


class TestRents(Story):
    """A made table with groups."""

    made = rents()

    def test_invalid_rows_are_quarantined_with_their_rule(self, founded: Workspace) -> None:
        broken = pd.read_csv(founded.path / "data/quarantine.csv")
        assert broken["rule"].value_counts().to_dict() == self.made.dirty
        assert broken["action"].unique().tolist() == ["set aside"]

    def test_every_group_is_in_one_split_part(self, founded: Workspace) -> None:
        tested = set(pd.read_parquet(founded.path / "data/predictions.parquet")["house"])
        assert 5 < len(tested) < 25
        rows = self.made.rows.drop_duplicates("flat")
        rows = rows[rows["house"].isin(tested) & rows["rent"].notna()]
        assert len(pd.read_parquet(founded.path / "data/predictions.parquet")) == len(rows)
