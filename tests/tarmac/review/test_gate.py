"""A commit's files affect nothing but its own model's predictions.

Every difference is reported.
"""

import json
from datetime import date
from pathlib import Path

import numpy as np
import onnx
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper

from tarmac.interface.problem import problem
from tarmac.pipeline.base.hashing import compute_dvc_hash
from tarmac.policy import load_all_params
from tarmac.review import gate, rebuild
from tarmac.review.gate import (
    CandidateError,
    RowDifferences,
    evaluate_model_metadata,
    evaluate_rebuild,
    grant_windows,
    merge_head_columns,
)
from tarmac.review.rebuild import (
    RebuildError,
    RebuildOutcome,
    find_look_ahead_months,
    is_same_model,
    require_no_symlinks,
)
from tarmac.review.result_folder import RAW, ResultFolder
from tests.conftest import ROOT
from tests.tarmac.pipeline import sample

PARAMS = load_all_params(ROOT / "params.yaml")


def rows(size: int = 60) -> pd.DataFrame:
    """Feature rows with distinct keys."""
    made = sample.rows(size, 1).astype({problem.contract.TARGET: "Int8"})
    return made.assign(day=date(2013, 12, 1), flight=np.arange(size, dtype="int16"))


def joined(
    theirs: pd.DataFrame, ours: pd.DataFrame | None = None
) -> tuple[pd.DataFrame, RowDifferences]:
    found = RowDifferences()
    return merge_head_columns(rows() if ours is None else ours, theirs, found), found


def failing(found: RowDifferences) -> list[str]:
    return [check.name for check in found.build_checks(approved=False) if check.outcome == "fail"]


def test_reordered_rows_give_no_difference():
    ours = rows()
    made, found = joined(ours.sample(frac=1, random_state=7))
    pd.testing.assert_frame_equal(made, ours)
    assert (found, failing(found)) == (RowDifferences(), [])


def test_keeps_base_labels_and_fails_changed_labels():
    theirs = rows()
    theirs[problem.contract.TARGET] = (1 - theirs[problem.contract.TARGET]).astype("Int8")
    made, found = joined(theirs)
    assert made[problem.contract.TARGET].equals(rows()[problem.contract.TARGET])
    assert failing(found) == ["labels"]
    assert found.relabelled == len(theirs)


def test_counts_cleared_label_as_relabelled():
    theirs = rows()
    theirs.loc[3, problem.contract.TARGET] = pd.NA
    assert joined(theirs)[1].relabelled == 1


def test_features_without_labels_get_labels_of_base():
    made, found = joined(rows().drop(columns=problem.contract.TARGET))
    assert made[problem.contract.TARGET].equals(rows()[problem.contract.TARGET])
    assert failing(found) == []


@pytest.mark.parametrize(("cut", "missing"), [(slice(0, 59), 1), (slice(0, 10), 50)])
def test_dropped_test_rows_fail(cut, missing):
    made, found = joined(rows()[cut])
    assert (found.only_base, found.only_head) == (missing, 0)
    assert failing(found) == ["test rows"]
    assert len(made) == 60 - missing


def test_rows_missing_in_base_fail_and_are_not_scored():
    more = rows().assign(flight=lambda table: table["flight"] + 1000)
    made, found = joined(pd.concat([rows(), more[:7]], ignore_index=True))
    assert (found.only_base, found.only_head, len(made)) == (0, 7, 60)
    assert failing(found) == ["test rows"]


@pytest.mark.parametrize("column", ["local_dep", "origin_wait_1h"])
def test_changed_values_in_slice_or_behavior_column_fail(column):
    theirs = rows()
    theirs[column] = theirs[column] + 600
    made, found = joined(theirs)
    assert failing(found) == ["columns of slices, clusters and behaviors"]
    assert made[column].equals(theirs[column]), "the model is asked about its own inputs"


def test_reports_renamed_behavior_column():
    _, found = joined(rows().rename(columns={"origin_wait_1h": "wait"}))
    assert found.columns == {"origin_wait_1h"}


def test_accepts_changed_and_new_model_inputs():
    theirs = rows()
    theirs["seats"] = theirs["seats"] + 1
    theirs["new"] = np.float32(1)
    made, found = joined(theirs)
    assert failing(found) == []
    assert made["seats"].equals(theirs["seats"])
    assert "new" in made


@pytest.mark.parametrize(
    "change", [lambda t: t.drop(columns="flight"), lambda t: t.astype({"flight": "str"})]
)
def test_rejects_keys_that_are_missing_or_of_another_type(change):
    with pytest.raises(CandidateError, match="keys"):
        joined(change(rows()))


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "cannot be read"),
        (b"PAR1 but nothing else PAR1", "cannot be read"),
        (rows().iloc[[0, 0]], "has more than one row with the same key"),
        (pd.concat([rows()] * 40), "far more rows"),
        (pd.DataFrame({"one": [1]}), "cannot be read"),
    ],
)
def test_rejects_unreadable_duplicate_or_oversized_table(tmp_path, content, words):
    path = tmp_path / "2013-12.parquet"
    path.write_bytes(content) if isinstance(content, bytes) else content.to_parquet(path)
    with pytest.raises(CandidateError, match=words):
        gate._read_untrusted_table(path, 60)


def test_approved_commit_passes_and_reports_its_differences():
    theirs = rows()[:10]
    _, found = joined(theirs)
    (check,) = found.build_checks(approved=True)
    assert (check.outcome, "50 rows" in check.reason, "approved" in check.reason) == (
        "pass",
        True,
        True,
    )


@given(st.permutations(range(12)), st.sets(st.integers(0, 11)), st.sets(st.integers(0, 11)))
@settings(deadline=None, max_examples=60)
def test_join_by_key_matches_brute_force(order, dropped, flipped):
    ours = rows(12)
    theirs = ours.iloc[list(order)].reset_index(drop=True)
    theirs.loc[theirs["flight"].isin(flipped), problem.contract.TARGET] = (
        1 - theirs[problem.contract.TARGET]
    )
    theirs = theirs[~theirs["flight"].isin(dropped)]
    made, found = joined(theirs, ours)
    assert made["flight"].tolist() == [number for number in range(12) if number not in dropped]
    assert found.only_base == len(dropped)
    assert found.relabelled == len(flipped - dropped)
    assert made.equals(ours[~ours["flight"].isin(dropped)].reset_index(drop=True))


def head(tmp_path: Path, change: object = None) -> ResultFolder:
    """A commit with these parameters and twelve months of raw data."""
    text = (ROOT / "params.yaml").read_text()
    for old, new in change or []:
        assert old in text
        text = text.replace(old, new, 1)
    (tmp_path / "params.yaml").write_text(text)
    for month in range(1, 13):
        for table in ("flights", "weather"):
            path = tmp_path / f"data/raw/{table}/2014-{month:02}.parquet"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()
    return ResultFolder(tmp_path, "a" * 40, {}, frozenset())


POLICY = [
    ("confidence: 0.95", "confidence: 0.51"),
    ("resamples: 1000\n  seed: 7", "resamples: 1000\n  seed: 6"),
    ("min_slice_rows: 500", "min_slice_rows: 90000"),
    ("max_regression: 0.003", "max_regression: 0.03"),
    ("require_reproduced: true", "require_reproduced: false"),
    ("approved: []", f"approved: [{'a' * 40}]"),
    ("calibration_bins: 15", "calibration_bins: 1"),
]


@pytest.mark.parametrize("change", POLICY)
def test_ignores_policy_of_reviewed_commit(tmp_path, change):
    granted, checks = grant_windows(head(tmp_path, [change]), PARAMS, approved=False)
    assert (granted, checks) == (PARAMS, [])


@pytest.mark.parametrize(
    ("change", "name"),
    [
        (("late_minutes: 15", "late_minutes: 60"), "problem"),
        (("lead_hours: 2", "lead_hours: 1"), "problem"),
        (("test:\n    first: 2013-11", "test:\n    first: 2013-12"), "split"),
        (
            (
                "test:\n    first: 2013-11\n    last: 2013-12",
                "test:\n    first: 2013-11\n    last: 2013-11",
            ),
            "split",
        ),
        (("test:\n    first: 2013-11", "test:\n    first: never"), "split"),
    ],
)
def test_changed_problem_or_test_window_requires_approval(tmp_path, change, name):
    granted, checks = grant_windows(head(tmp_path, [change]), PARAMS, approved=False)
    assert [(check.name, check.outcome) for check in checks] == [(name, "fail")]
    assert granted == PARAMS
    if "never" not in change[1]:
        _, checks = grant_windows(head(tmp_path, [change]), PARAMS, approved=True)
        assert [check.outcome for check in checks if check.outcome != "pass"] == []


def test_accepts_shorter_training_window(tmp_path):
    granted, checks = grant_windows(
        head(tmp_path, [("first: 2013-01", "first: 2013-04")]), PARAMS, approved=False
    )
    assert (granted.split.train.first, granted.split.test, checks) == (
        "2013-04",
        PARAMS.split.test,
        [],
    )


RETRAINED = """split:
  train:
    first: 2014-01
    last: 2014-09
  validation:
    first: 2014-10
    last: 2014-10
  test:
    first: 2014-11
    last: 2014-12
"""


def test_moved_test_window_must_follow_retraining_policy(tmp_path):
    text = (ROOT / "params.yaml").read_text()
    old = text[text.index("split:\n") : text.index("\ntrain:\n")]
    granted, checks = grant_windows(head(tmp_path, [(old, RETRAINED)]), PARAMS, approved=False)
    assert (granted.split.test.last, checks) == ("2014-12", [])
    chosen = RETRAINED.replace("2014-01", "2014-02")
    granted, checks = grant_windows(head(tmp_path, [(old, chosen)]), PARAMS, approved=False)
    assert ([check.name for check in checks], granted) == (["split"], PARAMS)


def model(path: Path, bias: float = 0.5, **metadata: str) -> Path:
    """An ONNX file of one addition."""
    nodes = [helper.make_node("Add", ["numbers", "bias"], ["out"])]
    ends = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, [None, 1])
        for name in ("numbers", "out")
    ]
    tensor = helper.make_tensor("bias", TensorProto.FLOAT, [1], [bias])
    graph = helper.make_graph(nodes, "g", ends[:1], ends[1:], [tensor])
    made = helper.make_model(graph, ir_version=10, opset_imports=[helper.make_opsetid("", 17)])
    helper.set_model_props(made, metadata)
    onnx.save(made, path)
    return path


def test_same_model_allows_only_different_features_hash(tmp_path):
    one = model(tmp_path / "1.onnx", features="a", split="s")
    assert is_same_model(one, model(tmp_path / "2.onnx", features="b", split="s"))
    assert not is_same_model(one, model(tmp_path / "3.onnx", features="a", split="t"))
    assert not is_same_model(one, model(tmp_path / "4.onnx", 0.25, features="a", split="s"))
    assert not is_same_model(
        one, model(tmp_path / "5.onnx", features="a", split="s", labels="0110")
    )
    assert not is_same_model(one, tmp_path / "none.onnx")
    (tmp_path / "link.onnx").symlink_to(one)
    assert not is_same_model(one, tmp_path / "link.onnx"), "a link may lead to the committed file"


def test_same_model_rejects_file_that_is_not_onnx(tmp_path):
    (tmp_path / "text.onnx").write_text("no model")
    with pytest.raises(RebuildError, match=r"text\.onnx is not an ONNX file"):
        is_same_model(tmp_path / "text.onnx", tmp_path / "text.onnx")


@pytest.mark.parametrize("place", ["models/model.onnx", "models", "data/features/2013-12.parquet"])
def test_rejects_symbolic_link_among_outputs(tmp_path, place):
    (tmp_path / "away").mkdir()
    (tmp_path / "work" / place).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / "work" / place).symlink_to(tmp_path / "away")
    with pytest.raises(RebuildError, match="symbolic link"):
        require_no_symlinks(tmp_path / "work", {"models/model.onnx": "", "data/features": ""})


@pytest.mark.parametrize("result", ["differs", "failed", "not tried"])
def test_unreproduced_commit_fails_only_if_policy_requires_it(result):
    lax = PARAMS.model_copy(
        update={"review": PARAMS.review.model_copy(update={"require_reproduced": False})}
    )
    assert [
        check.outcome for check in evaluate_rebuild(RebuildOutcome(result, reason="why"), PARAMS)
    ] == ["fail"]
    assert [
        check.outcome for check in evaluate_rebuild(RebuildOutcome(result, reason="why"), lax)
    ] == ["inconclusive"]


def test_rebuild_longer_than_time_limit_fails():
    quick, slow = (
        evaluate_rebuild(
            RebuildOutcome("identical", blind="without the months", seconds=time), PARAMS
        )
        for time in (60, 1e5)
    )
    assert [check.outcome for check in quick] == ["pass", "pass"]
    assert [(check.name, check.outcome) for check in slow] == [
        ("reproduced", "pass"),
        ("pipeline time", "fail"),
    ]


def test_reports_features_that_change_without_later_months(tmp_path):
    for side, later in (("committed", "seen"), ("blind", "not seen")):
        (tmp_path / side).mkdir()
        for month, text in (("2013-09", "same"), ("2013-10", later), ("2013-11", later)):
            if (side, month) != ("blind", "2013-11"):
                (tmp_path / side / f"{month}.parquet").write_text(text)
    found = find_look_ahead_months(tmp_path / "committed", tmp_path / "blind", "2013-11")
    assert found == ["data/features/2013-10.parquet"]


@pytest.mark.parametrize(
    ("inputs", "split", "names"),
    [
        (["seats"], {"train": "2013-09", "validation": "2013-10"}, []),
        (
            ["seats", problem.contract.TARGET],
            {"train": "2013-09", "validation": "2013-10"},
            ["inputs"],
        ),
        (["seats"], {"train": "2013-11", "validation": "2013-10"}, ["months of the model"]),
        (["seats"], None, ["months of the model"]),
    ],
)
def test_model_must_exclude_label_and_name_months_before_test(tmp_path, inputs, split, names):
    (tmp_path / "models").mkdir()
    windows = (
        {"split": json.dumps({part: {"last": last} for part, last in split.items()})}
        if split
        else {}
    )
    model(tmp_path / "models/model.onnx", categories="[]", numbers=json.dumps(inputs), **windows)
    found = evaluate_model_metadata(ResultFolder(tmp_path, "", {}, frozenset()), PARAMS.split.test)
    assert [check.name for check in found if check.outcome == "fail"] == names


LOCKED = """schema: '2.0'
stages:
  train:
    cmd: x
    deps: [{path: src, hash: md5, md5: %s, size: 1}]
    params: {params.yaml: {train.max_rounds: 30, train.features: [a, b]}}
    outs: [{path: model, hash: md5, md5: 1, size: 1}]
"""


def stale(
    tmp_path: Path, params: str, code: str = "same", stages: tuple[str, ...] = ("train",)
) -> list[str]:
    """What is not true of a lock that was made of the code `same` and 30 rounds."""
    (tmp_path / "src").write_text("same")
    (tmp_path / "dvc.lock").write_text(LOCKED % compute_dvc_hash(tmp_path / "src"))
    (tmp_path / "params.yaml").write_text(params)
    (tmp_path / "src").write_text(code)
    return rebuild._find_stale_inputs(
        ResultFolder(tmp_path, "", {}, frozenset()), tmp_path, {name: [] for name in stages}
    )


def test_lock_of_other_code_parameters_or_stages_is_stale(tmp_path):
    good = "train: {max_rounds: 30, features: [a, b]}"
    assert stale(tmp_path, good) == []
    assert stale(tmp_path, good, "changed") == ["src"]
    assert stale(tmp_path, "train: {max_rounds: 1, features: [a, b]}") == [
        "train ran with another train.max_rounds"
    ]
    assert stale(tmp_path, "train: {max_rounds: 30, features: [b, a]}") == [
        "train ran with another train.features"
    ]
    assert stale(tmp_path, good, stages=("train", "card")) == ["dvc.lock lacks the stage card"]


def pipeline(tmp_path: Path, text: str) -> ResultFolder:
    (tmp_path / "dvc.yaml").write_text(text)
    return ResultFolder(tmp_path, "", {}, frozenset())


def test_stages_run_after_their_dependencies():
    order = list(rebuild._read_stage_commands(ResultFolder(ROOT, "", {}, frozenset())))
    assert all(
        order.index(one) < order.index(other)
        for one, other in [("prepare", "featurize"), ("train", "card")]
    )


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (
            "stages: {a: {cmd: x, deps: [b], outs: [c]}, d: {cmd: x, deps: [c], outs: [b]}}",
            "cycle: a, d$",
        ),
        ("stages: [", "cannot be read"),
        ("stages: {a: {outs: [c]}}", "cannot be read"),
        ("", "cannot be read"),
    ],
)
def test_rejects_cyclic_or_unreadable_pipeline(tmp_path, text, words):
    with pytest.raises(RebuildError, match=words):
        rebuild._read_stage_commands(pipeline(tmp_path, text))


@pytest.mark.program
def test_failed_stage_reports_every_error_and_hint(tmp_path):
    base = ResultFolder(tmp_path / "base", "base", {}, frozenset())
    head = ResultFolder(tmp_path / "head", "head", {RAW: "changed"}, frozenset())
    head.resolve_path(RAW).mkdir(parents=True)
    base.folder.mkdir()
    for name in ("src", "requirements", "pyproject.toml"):
        base.resolve_path(name).symlink_to(ROOT / name)
    base.resolve_path("params.yaml").write_text("prepare:\n  max_quarantine_shares: 1\n")
    with pytest.raises(CandidateError) as caught:
        gate.build_base_features(base, head, tmp_path)
    first, *lines = str(caught.value).splitlines()
    assert first == "stage prepare of the base failed on the commit's outputs:"
    assert lines[0].startswith("  error: params.yaml:1: ")
    wrong = "  error: params.yaml:2: prepare.max_quarantine_shares: unknown key (got 1)"
    assert wrong in lines
    assert lines[-1].startswith("  hint: did you mean `max_quarantine_share`?")


@pytest.mark.program
def test_failed_stage_without_user_error_reports_its_last_line(tmp_path):
    base = ResultFolder(tmp_path / "base", "base", {}, frozenset())
    head = ResultFolder(tmp_path / "head", "head", {RAW: "changed"}, frozenset())
    head.resolve_path(RAW).mkdir(parents=True)
    for name in ("src/tarmac", "requirements"):
        base.resolve_path(name).mkdir(parents=True)
    base.resolve_path("src/tarmac/__init__.py").write_text("raise OSError('no\\n\\nreason')\n")
    for name in ("pyproject.toml", "params.yaml"):
        base.resolve_path(name).symlink_to(ROOT / name)
    with pytest.raises(CandidateError) as caught:
        gate.build_base_features(base, head, tmp_path)
    assert str(caught.value).splitlines()[1:] == ["  reason"]


def test_key_columns_equal_those_of_base():
    made, _ = joined(rows())
    assert [name for name in problem.contract.KEY if not made[name].equals(rows()[name])] == []
