"""Rows without a time are split into three parts: disjoint, non-empty, and deterministic."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tarmac.interface.errors import UserError
from tarmac.interface.problem import problem
from tarmac.pipeline.base.params import RowSplit
from tarmac.pipeline.models import dataset
from tarmac.pipeline.models.dataset import assign_parts

PARTS = ("train", "validation", "test")


def by(way: str, seed: int = 7, validation: float = 0.2, test: float = 0.2) -> RowSplit:
    """A way to split; built without the rule that the repository's own rows are split by time."""
    return RowSplit.model_construct(by=way, validation_share=validation, test_share=test, seed=seed)


def rows(count: int, clusters: int = 30, seed: int = 0) -> pd.DataFrame:
    """Return rows with every part of the key and a cluster of unequal size.

    The label is rare and sometimes missing.
    """
    random = np.random.default_rng(seed)
    key = {name: np.arange(count) for name in problem.contract.KEY}
    cluster = (random.random(count) ** 2 * clusters).astype(int)
    label = np.where(random.random(count) < 0.03, np.nan, random.random(count) < 0.1)
    return pd.DataFrame({**key, problem.contract.CLUSTER: cluster, problem.contract.TARGET: label})


@given(st.integers(0, 2**31 - 1), st.integers(12, 80))
@settings(max_examples=25)
def test_no_cluster_is_in_two_parts_and_no_part_is_empty(seed: int, clusters: int) -> None:
    made = rows(800, clusters, seed)
    part = pd.Series(assign_parts(made, by("cluster", seed)))
    assert part.groupby(made[problem.contract.CLUSTER]).nunique().max() == 1
    assert set(part) == set(PARTS)


@given(st.integers(0, 2**31 - 1))
@settings(max_examples=25)
def test_every_part_has_its_share_of_each_class(seed: int) -> None:
    made = rows(1000, seed=seed)
    part = assign_parts(made, by("label", seed, validation=0.15, test=0.25))
    for label, own in pd.Series(part).groupby(made[problem.contract.TARGET]):
        shares = own.value_counts(normalize=True)
        assert shares[list(PARTS)].tolist() == pytest.approx([0.6, 0.15, 0.25], abs=1 / len(own)), (
            label
        )


def test_part_depends_only_on_row_key_and_seed() -> None:
    made = rows(500)
    mixed = made.sample(frac=1, random_state=3)
    split = by("row")
    assert (
        pd.Series(assign_parts(mixed, split), mixed.index).sort_index().tolist()
        == assign_parts(made, split).tolist()
    )
    assert assign_parts(made, split).tolist() != assign_parts(made, by("row", seed=8)).tolist()


def test_adding_rows_reassigns_few_existing_rows() -> None:
    made, more = rows(1000), rows(1100)
    moved = assign_parts(more, by("row"))[:1000] != assign_parts(made, by("row"))
    assert 0 < moved.mean() < 0.05


def test_parts_match_recorded_values() -> None:
    """Fixed values: another hash would move rows that a model has learned from into its test."""
    drawn = assign_parts(rows(30), by("row", validation=0.3, test=0.3))
    assert (
        "".join({"train": "-", "validation": "v", "test": "t"}[part] for part in drawn)
        == "-t-t------vvtvvtvvvt-t-vttt--v"
    )


def test_reports_part_without_rows() -> None:
    with pytest.raises(UserError, match="1 clusters are too few to split: no row for "):
        assign_parts(rows(50, clusters=1), by("cluster"))


def test_parts_cover_all_rows_with_requested_columns(tmp_path) -> None:
    made = rows(200).assign(wanted=1.0, other=2.0)
    made.to_parquet(tmp_path / "all.parquet")
    split = by("label")
    parts = [
        dataset.read_part(tmp_path, split, part, ["wanted", problem.contract.TARGET])
        for part in PARTS
    ]
    assert [list(part.columns) for part in parts] == [["wanted", problem.contract.TARGET]] * 3
    assert sum(map(len, parts)) == 200
    assert len(dataset.read_part(tmp_path, split, "test")) == len(parts[2])
    assert list(dataset.read_part(tmp_path, split, "test", []).columns) == []
