"""Reading `dvc.lock`: the code, environment and inputs of a stage, and of no other stage."""

import pytest
import yaml

from tarmac.repository.dvc import lockfile


def entry(deps: dict[str, str], outs: dict[str, str], **params: object) -> dict:
    items = {
        kind: [{"path": path, "md5": md5} for path, md5 in found.items()]
        for kind, found in (("deps", deps), ("outs", outs))
    }
    return {"cmd": "x", **items, "params": {"params.yaml": params}}


TREE = {
    "prepare": entry(
        {"data/raw": "r", "src/a.py": "a", lockfile.ENVIRONMENT: "e"},
        {"data/prepared": "p"},
        share=1,
    ),
    "train": entry(
        {"data/prepared": "p", "src/b.py": "b", lockfile.ENVIRONMENT: "e"},
        {"model": "m", "log": "l"},
        depth=6,
    ),
    "other": entry({"data/prepared": "p"}, {"side": "s"}),
    "judge": entry({"model": "m", "data/prepared": "p"}, {"metrics": "j"}),
}


def test_reads_stages_and_treats_unreadable_lock_as_empty():
    assert lockfile.parse_stages(yaml.safe_dump({"schema": "2.0", "stages": TREE})) == TREE
    for text in (None, "", "[]", "stages", "stages:", "<<<<<<< HEAD\nstages: {}", "schema: '2.0'"):
        assert lockfile.parse_stages(text) == {}


def test_empty_lock_has_no_outputs():
    assert lockfile.parse_output_hashes("") == {}


@pytest.mark.parametrize(
    ("last", "wanted"),
    [
        ("prepare", ["prepare"]),
        ("train", ["prepare", "train"]),
        ("judge", ["prepare", "train", "judge"]),
    ],
)
def test_above_returns_stage_and_its_upstream_stages(last, wanted):
    assert list(lockfile.select_upstream_stages(TREE, last)) == wanted


def test_reads_parameters_of_stage():
    assert lockfile.collect_params(TREE["train"]) == {"depth": 6}
    assert lockfile.collect_params({"cmd": "x"}) == {}


def test_code_hash_depends_only_on_code_paths_and_contents():
    def code(**changed: str) -> str:
        return lockfile.compute_code_hash(
            [entry({"src/a.py": "a", "src/b.py": "b", "data/raw": "d", **changed}, {})]
        )

    assert code() == code(**{"data/raw": "x", lockfile.ENVIRONMENT: "x"})
    assert len({code(), code(**{"src/a.py": "x"}), code(**{"src/c.py": "c"})}) == 3
    assert code(**{"src/a.py": "b", "src/b.py": "a"}) != code(), "two files swap their contents"
    assert lockfile.compute_code_hash(TREE.values()) == lockfile.compute_code_hash(
        reversed(TREE.values())
    )


def test_environment_lists_every_distinct_hash():
    assert lockfile.find_environment_hash(TREE.values()) == "e"
    assert (
        lockfile.find_environment_hash([*TREE.values(), entry({lockfile.ENVIRONMENT: "older"}, {})])
        == "e, older"
    )
    assert lockfile.find_environment_hash([TREE["other"]]) is None
