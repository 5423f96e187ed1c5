"""Lineage names the commit that made exactly these bytes, and reports what the file alone says."""

import json
import random
import shutil
from dataclasses import fields
from pathlib import Path

import onnx
import pytest
import yaml

from tarmac.pipeline.base.hashing import compute_dvc_hash
from tarmac.pipeline.training.identity import NAMES
from tarmac.repository import lineage
from tarmac.repository.dvc import commands
from tarmac.repository.lineage import Lineage, LineageError
from tests.conftest import Workspace
from tests.e2e.running import FROM_SOURCE, TARMAC

MODEL, BASELINE, RAW = "models/model.onnx", "models/baseline.onnx", "data/raw"
ALICE, BOB = "Alice <alice@example.org>", "Bob <bob@example.org>"


def commit(workspace: Workspace, message: str, author: str) -> str:
    workspace.run("git", "add", "--all")
    workspace.run("git", "commit", "--quiet", "--author", author, "--message", message)
    return workspace.run("git", "rev-parse", "HEAD").stdout.strip()


@pytest.fixture(scope="module")
def history_template(
    finished_template: Workspace, tmp_path_factory: pytest.TempPathFactory
) -> Workspace:
    """Return a history of three results.

    They are the template's, a shallower model of Alice's, and Bob's way back to the first. Copy it.
    """
    workspace = Workspace(tmp_path_factory.mktemp("history") / "repository")
    shutil.copytree(finished_template.path, workspace.path, symlinks=True)
    shutil.copy(workspace.path / MODEL, workspace.path.parent / "first.onnx")
    workspace.set_params(lambda params: params["train"]["xgboost"].update(max_depth=3))
    workspace.dvc("repro", "--quiet")
    workspace.dvc("push", "--quiet")
    commit(workspace, "shallower", ALICE)
    shutil.copy(workspace.path / MODEL, workspace.path.parent / "second.onnx")
    workspace.run(
        "git",
        "checkout",
        "--quiet",
        "HEAD~1",
        "--",
        "params.yaml",
        "dvc.lock",
        "metrics",
        "models/card.md",
    )
    commit(workspace, "back", BOB)
    workspace.dvc("checkout", "--quiet")
    return workspace


@pytest.fixture
def here(history_template: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    monkeypatch.setenv("DVC_SITE_CACHE_DIR", str(tmp_path / "site"))
    shutil.copytree(history_template.path.parent, tmp_path / "team", symlinks=True)
    monkeypatch.chdir(tmp_path / "team" / "repository")
    return Workspace(tmp_path / "team" / "repository")


def revision(workspace: Workspace, name: str) -> str:
    return workspace.run("git", "rev-parse", name).stdout.strip()


def committed(workspace: Workspace, name: str, path: str) -> str:
    return workspace.run("git", "show", f"{name}:{path}").stdout


def test_model_gets_its_own_commit_author_metrics_and_params(here):
    first, second = (
        lineage.find_lineage(Path("../first.onnx")),
        lineage.find_lineage(Path("../second.onnx")),
    )
    assert first.commit.name == revision(here, "HEAD~2")
    assert first.also_in == [revision(here, "HEAD")]
    assert second.commit.name == revision(here, "HEAD~1")
    assert (second.commit.author, second.commit.email, second.commit.subject) == (
        *ALICE.strip(">").split(" <"),
        "shallower",
    )
    assert second.also_in == []
    for found, name in ((first, "HEAD~2"), (second, "HEAD~1")):
        assert (found.output, found.stage, found.notes) == (MODEL, "train", [])
        assert found.metrics["test"] == json.loads(
            committed(here, name, "metrics/evaluate/metrics.json")
        )
        trained = json.loads(committed(here, name, "metrics/train/metrics.json"))
        assert found.metrics["validation"] == trained["validation"]
        assert (
            found.params["train"]["train"]
            == yaml.safe_load(committed(here, name, "params.yaml"))["train"]
        )
        assert found.rebuild[0] == f"git switch --detach {found.commit.name}"
    assert second.params["train"]["train"]["xgboost"]["max_depth"] == 3
    assert first.code == second.code


def test_reports_data_params_and_environment_that_made_model(here):
    found = lineage.find_lineage(Path(MODEL))
    assert found.data == {RAW: compute_dvc_hash(Path(RAW))}
    assert found.data_files == {
        str(path): compute_dvc_hash(path) for path in sorted(Path(RAW).rglob("*.parquet"))
    }
    assert found.environment == compute_dvc_hash(Path("requirements/stages.txt"))
    assert set(found.params) == {"prepare", "featurize", "train"}
    assert found.carried["features"] == compute_dvc_hash(Path("data/features"))
    card = lineage.find_lineage(Path("models/card.md"))
    assert set(card.params) == {"prepare", "featurize", "baseline", "train", "evaluate", "card"}
    assert card.code != found.code, "the card is made by more code than the model"


@pytest.mark.parametrize(
    ("path", "stage"),
    [
        ("data/predictions.parquet", "evaluate"),
        ("data/features", "featurize"),
        ("data/prepared", "prepare"),
        (BASELINE, "baseline"),
        ("metrics/tables", "evaluate"),
        (RAW, None),
    ],
)
def test_reports_stage_and_data_of_other_outputs(here, path, stage):
    found = lineage.find_lineage(Path(path))
    assert (found.output, found.stage) == (path, stage)
    assert found.data == {RAW: compute_dvc_hash(Path(RAW))}
    files = [path for path in Path(RAW).rglob("*") if path.is_file()]
    assert found.data_files == {path.as_posix(): compute_dvc_hash(path) for path in files}


def test_finds_model_by_renamed_branch_or_tag(here):
    here.run("git", "tag", "v2", "HEAD~1")
    here.run("git", "branch", "--move", "main", "trunk")
    assert lineage.find_lineage(Path("../second.onnx")).commit.refs == ["trunk", "v2"]
    here.run("git", "switch", "--quiet", "--orphan", "elsewhere")
    here.run("git", "branch", "--quiet", "-D", "trunk")
    Path("x").write_text("x")
    commit(here, "nothing of it", BOB)
    assert lineage.find_lineage(Path("../second.onnx")).commit.refs == ["v2"]


def test_rejects_uncommitted_or_missing_file(here):
    for name, content in (
        ("other.parquet", b"PAR1"),
        ("text.onnx", b"no model"),
        ("empty.onnx", b""),
    ):
        Path(f"../{name}").write_bytes(content)
        done = here.run(*TARMAC, "lineage", f"../{name}", check=False, env=FROM_SOURCE)
        assert done.returncode == 1
        error, hint = done.stderr.splitlines()
        hashed = compute_dvc_hash(Path(f"../{name}"))
        assert error.startswith(
            f"error: ../{name} ({hashed}) has no lineage: no commit in this clone has it"
        )
        assert hint.startswith("hint: fetch all branches")
    with pytest.raises(LineageError, match=r"models/modl\.onnx: file not found") as caught:
        lineage.find_lineage(Path("models/modl.onnx"))
    assert caught.value.hint.startswith(f"did you mean `{MODEL}`? ")
    assert "`make pull`" in caught.value.hint


def altered(source: Path) -> Path:
    """Write the model with another value in a tree, or another coefficient.

    It loads and predicts, with slightly different values.
    """
    model = onnx.load(source)
    floats = [
        attribute.floats
        for node in model.graph.node
        for attribute in node.attribute
        if attribute.floats
    ]
    max(floats, key=len)[0] += 0.001
    onnx.save(model, "../altered.onnx")
    return Path("../altered.onnx")


@pytest.mark.parametrize("source", ["../first.onnx", "../second.onnx", BASELINE])
def test_altered_model_has_no_commit_but_keeps_its_inputs(here, source):
    found, known = lineage.find_lineage(altered(Path(source))), lineage.find_lineage(Path(source))
    assert (found.commit, found.metrics) == (None, {})
    assert found.same_inputs in {known.commit.name, *known.also_in}
    assert (found.data, found.params, found.code) == (known.data, known.params, known.code)
    assert "has other bytes: this file is not that model" in found.notes[0]


def test_other_split_params_or_features_are_not_same_inputs(here):
    changed = {"split": {}, "params": {"seed": 8}, "features": "f" * 32}
    for name, value in changed.items():
        model = onnx.load("../second.onnx")
        for item in model.metadata_props:
            if item.key == name:
                item.value = (
                    value
                    if isinstance(value, str)
                    else json.dumps({**json.loads(item.value), **value, "x": 1})
                )
        onnx.save(model, "../altered.onnx")
        found = lineage.find_lineage(Path("../altered.onnx"))
        assert (found.commit, found.same_inputs, found.data) == (None, None, {}), name
        assert found.notes == [lineage.NO_COMMIT]


HOSTILE = {
    "features": ["", "\0", "a\nb", "--all", "f" * 31],
    "params": ["[]", "null", "{", "[" * 100_000, '{"seed": "\\u001b[2J"}', '{"xgboost": null}'],
    "split": ["1", '"x"'],
}


@pytest.mark.parametrize(
    ("name", "value"), [(name, value) for name, values in HOSTILE.items() for value in values]
)
def test_invalid_metadata_is_rejected_or_matches_no_commit(here, name, value):
    model = onnx.load("../second.onnx")
    for item in model.metadata_props:
        item.value = value if item.key == name else item.value
    onnx.save(model, "../hostile.onnx")
    try:
        found = lineage.find_lineage(Path("../hostile.onnx"))
    except LineageError:
        return
    assert (found.commit, found.same_inputs) == (None, None)
    assert lineage.format_lineage(found).replace("\n", "").isprintable()


def test_skips_commit_with_unreadable_lock(here):
    lock = Path("dvc.lock").read_text()
    here.run("git", "checkout", "--quiet", "--orphan", "broken")
    Path("dvc.lock").write_text(f"<<<<<<< HEAD\n{lock}")
    commit(here, "a conflict", BOB)
    Path("dvc.lock").write_text(lock)
    mended = commit(here, "mended", BOB)
    here.run("git", "branch", "--quiet", "-D", "main")
    assert lineage.find_lineage(Path(MODEL)).commit.name == mended


def test_model_with_flipped_bit_matches_no_commit(here):
    content = bytearray(Path(MODEL).read_bytes())
    draw = random.Random(7)
    for place in [0, len(content) - 1, *draw.sample(range(len(content)), 10)]:
        flipped = (
            content[:place]
            + bytes([content[place] ^ 1 << draw.randrange(8)])
            + content[place + 1 :]
        )
        Path("../flipped.onnx").write_bytes(flipped)
        try:
            found = lineage.find_lineage(Path("../flipped.onnx"))
        except LineageError:
            continue
        assert found.commit is None
        assert found.metrics == {}


def test_file_outside_repository_reports_only_its_metadata(here, tmp_path):
    """Outside of any repository, with nothing but the file."""
    (tmp_path / "served").mkdir()
    served = Workspace(tmp_path / "served")
    shutil.copy(tmp_path / "team" / "second.onnx", served.path / "m.onnx")
    source = {"PYTHONPATH": str(here.path / "src")}
    found = json.loads(served.run(*TARMAC, "lineage", "m.onnx", "--json", env=source).stdout)
    carried = {item.key: item.value for item in onnx.load(served.path / "m.onnx").metadata_props}
    as_text = {
        name: json.dumps(value, sort_keys=True) if isinstance(value, dict) else value
        for name, value in found["carried"].items()
    }
    assert as_text == {name: carried[name] for name in NAMES}
    assert found["commit"] is None
    assert found["notes"][0].startswith("the history cannot be read: ")
    told = served.run(*TARMAC, "lineage", "m.onnx", env=source).stdout
    assert "max_depth 3" in told
    assert "commit       not known" in told


def test_json_output_keeps_its_names_and_types(here):
    """Others parse it: a change here is a change of the interface."""
    found = json.loads(here.run(*TARMAC, "lineage", "--json", env=FROM_SOURCE).stdout)
    kinds = {name: type(value).__name__ for name, value in found.items()}
    texts, lists = (
        ("file", "hash", "output", "stage", "environment", "code"),
        ("also_in", "rebuild", "notes"),
    )
    trees = ("commit", "data", "data_files", "params", "metrics", "carried")
    wanted = {
        **dict.fromkeys(texts, "str"),
        **dict.fromkeys(lists, "list"),
        **dict.fromkeys(trees, "dict"),
    }
    assert kinds == {**wanted, "same_inputs": "NoneType"}
    assert list(found) == [field.name for field in fields(Lineage)]
    assert list(found["commit"]) == ["name", "author", "email", "date", "subject", "refs"]
    assert set(found["metrics"]) == {"validation", "test"}
    assert set(found["carried"]) == set(NAMES)


def test_text_output_states_facts_of_lineage(here):
    told, found = (
        here.run(*TARMAC, "lineage", env=FROM_SOURCE).stdout,
        lineage.find_lineage(Path(MODEL)),
    )
    commit = found.commit
    for fact in (
        found.hash,
        commit.name,
        commit.author,
        commit.date,
        found.code,
        found.environment,
        *found.data_files,
    ):
        assert fact in told
    assert told.splitlines()[-3:] == [f"  rebuild      {command}" for command in found.rebuild]


def test_unavailable_data_listing_is_noted_and_rest_is_reported(here):
    known = lineage.find_lineage(Path(MODEL))
    shutil.rmtree(".dvc/cache")
    assert lineage.find_lineage(Path(MODEL)) == known, "the remote has it"
    raw = commands.read_output_hashes()[RAW]
    Path(f"data/remote/files/md5/{raw[:2]}/{raw[2:]}").write_text("[]")
    garbled = lineage.find_lineage(Path(MODEL))
    assert garbled.notes == [
        f"the files of the data are not known: {raw}: content differs from its hash"
    ]
    shutil.rmtree("data/remote")
    found = lineage.find_lineage(Path(MODEL))
    assert found.notes[0].startswith("the files of the data are not known: ")
    assert (found.data_files, found.data, found.metrics) == ({}, known.data, known.metrics)


def test_reads_listings_from_cache_outside_repository(here, tmp_path):
    known = lineage.find_lineage(Path(MODEL))
    shutil.move(".dvc/cache", tmp_path / "shared")
    shutil.rmtree("data/remote")
    here.dvc("config", "--local", "cache.dir", str(tmp_path / "shared"))
    assert lineage.find_lineage(Path(MODEL)) == known


def test_omits_metrics_that_differ_from_lock(here):
    path = Path("metrics/evaluate/metrics.json")
    here.run("git", "checkout", "--quiet", "--orphan", "edited")
    path.write_text('{"roc_auc": 0.99}')
    commit(here, "better on paper", BOB)
    here.run("git", "branch", "--quiet", "-D", "main")
    found = lineage.find_lineage(Path(MODEL))
    assert "test" not in found.metrics
    assert found.notes == [
        f"{path} of the commit is not what its lock names: test metrics are not known"
    ]


def test_notes_shallow_history_when_no_commit_is_found(here, monkeypatch):
    here.run("git", "clone", "--quiet", "--depth=1", here.path.as_uri(), "../shallow")
    monkeypatch.chdir(here.path.parent / "shallow")
    found = lineage.find_lineage(Path("../second.onnx"))
    assert found.commit is None
    assert "the clone is shallow: run `git fetch --unshallow`" in found.notes
