"""`params.yaml`: valid files load unchanged.

Mistakes are reported by line and key before any work.
"""

import hashlib
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from tarmac.pipeline.base.params import ParamsError
from tarmac.policy import AllParams, load_all_params
from tests.conftest import ROOT, Workspace

TEXT = (ROOT / "params.yaml").read_text(encoding="utf-8")
TARMAC = Path(sys.executable).parent / "tarmac"


def places(text: str) -> dict[str, int]:
    """Return the line of every key and list item, found by indentation alone.

    This oracle shares nothing with the loader.
    """
    found: dict[str, int] = {}
    open_keys: list[tuple[int, str]] = []
    items: dict[str, int] = {}
    for number, line in enumerate(text.splitlines(), 1):
        words = line.strip()
        if not words or words.startswith("#"):
            continue
        indent = len(line) - len(line.lstrip())
        open_keys = [(depth, key) for depth, key in open_keys if depth < indent]
        parent = ".".join(key for _, key in open_keys)
        name = words.split(":")[0]
        if words.startswith("- "):
            items[parent] = items.get(parent, -1) + 1
            name = str(items[parent])
        found[f"{parent}.{name}".lstrip(".")] = number
        open_keys.append((indent, name))
    return found


def leaves(tree: object, path: str = "") -> dict[str, object]:
    """Every scalar of a tree by its dotted path."""
    if isinstance(tree, dict):
        return {
            key: leaf
            for name, part in tree.items()
            for key, leaf in leaves(part, f"{path}.{name}").items()
        }
    if isinstance(tree, list):
        return {
            key: leaf
            for place, part in enumerate(tree)
            for key, leaf in leaves(part, f"{path}.{place}").items()
        }
    return {path.lstrip("."): tree}


def with_value(text: str, key: str, value: str) -> str:
    """The text with another value on the line of a key or a list item."""
    lines = text.splitlines()
    number = places(text)[key] - 1
    lines[number] = re.sub(
        r"^(\s*(?:- |[^:]+:)).*", lambda match: f"{match[1].rstrip()} {value}", lines[number]
    )
    return "\n".join(lines) + "\n"


def without(text: str, key: str) -> str:
    """The text without the line of a key."""
    lines = text.splitlines(keepends=True)
    del lines[places(text)[key] - 1]
    return "".join(lines)


def below(text: str, key: str, line: str) -> str:
    """The text with one more line below that of a key."""
    lines = text.splitlines(keepends=True)
    lines.insert(places(text)[key], f"{line}\n")
    return "".join(lines)


def mistakes(path: Path, content: str | bytes) -> list[str]:
    """The lines of the error that the content is refused with."""
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(ParamsError) as caught:
        load_all_params(path)
    return str(caught.value).splitlines()


@pytest.fixture
def path(tmp_path):
    return tmp_path / "params.yaml"


def test_committed_file_loads_unchanged():
    assert load_all_params(ROOT / "params.yaml").model_dump(exclude_unset=True) == yaml.safe_load(
        TEXT
    )


def test_line_oracle_finds_every_leaf():
    assert set(leaves(yaml.safe_load(TEXT))) <= set(places(TEXT))


def six_mistakes() -> tuple[str, dict[str, tuple[int, str]]]:
    """A file with one mistake of each kind, and the line and the expectation of each by key."""
    text = with_value(TEXT, "train.seed", "seven")
    text = with_value(text, "train.xgboost.subsample", "1.5")
    text = with_value(text, "train.model", "random_forest")
    text = without(text, "train.xgboost.max_bin")
    text = below(text, "prepare", "  max_quarantine_shares: 0.1") + "serving:\n  port: 8080\n"
    at = places(text)
    return text, {
        "train.seed": (at["train.seed"], r"integer.*'seven'"),
        "train.xgboost.subsample": (
            at["train.xgboost.subsample"],
            r"less than or equal to 1.*1\.5",
        ),
        "train.model": (at["train.model"], r"'xgboost'.*'logistic_regression'.*'random_forest'"),
        "train.xgboost.max_bin": (
            at["train.xgboost"],
            "missing",
        ),  # a missing key is told where it belongs
        "prepare.max_quarantine_shares": (at["prepare.max_quarantine_shares"], "unknown key"),
        "serving": (at["serving"], "unknown key"),
    }


def test_reports_each_mistake_with_line_key_and_expectation(path):
    text, expected = six_mistakes()
    told = {}
    for line in mistakes(path, text):
        match = re.fullmatch(rf"{re.escape(str(path))}:(\d+): ([\w.]+): (.+)", line)
        assert match, line
        assert match[2] not in told, f"{match[2]} is told twice"
        told[match[2]] = (int(match[1]), match[3])
    assert told.keys() == expected.keys()
    for key, (number, pattern) in expected.items():
        assert told[key][0] == number, key
        assert re.search(pattern, told[key][1]), told[key][1]


FREE = "sweep.space."  # keys with dots in them
LEAVES = sorted(key for key in leaves(yaml.safe_load(TEXT)) if not key.startswith(FREE))
ANY_TYPE = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(st.characters(codec="ascii", exclude_categories=["C"])),
    st.lists(st.integers(), max_size=3),
    st.dictionaries(
        st.text(st.characters(codec="ascii", exclude_categories=["C"])), st.integers(), max_size=2
    ),
)
FITTING = {
    "integer": (int,),
    "number": (int, float),
    "string": (str,),
    "boolean": (bool,),
    "null": (type(None),),
}


def accepted(key: str) -> tuple[type, ...]:
    """Return the types that a leaf takes.

    A whole number in the file does not say whether a fraction is allowed.
    """
    schema = schema_of(AllParams.model_json_schema(), key)
    # A reference is to a section, which may stand where null does.
    options = schema.get("anyOf", [schema])
    return tuple(
        fit
        for option in options
        for fit in ((dict,) if "$ref" in option else FITTING[option["type"]])
    )


def schema_of(schema: dict, key: str) -> dict:
    """The part of a JSON schema that describes a dotted key."""
    node = schema
    for part in key.split("."):
        node = (
            node["items"]
            if part.isdigit()
            else node.get("properties", {}).get(part, node["additionalProperties"])
        )
        if "$ref" in node:
            node = schema["$defs"][node["$ref"].split("/")[-1]]
    return node


@pytest.mark.slow
@settings(deadline=None)  # a busy machine is no mistake
@given(key=st.sampled_from(LEAVES), value=ANY_TYPE)
def test_reports_wrong_type_of_any_leaf_by_key_and_line(tmp_path_factory, key, value):
    if type(value) in accepted(key):
        return
    path = tmp_path_factory.getbasetemp() / "params.yaml"
    told = mistakes(path, with_value(TEXT, key, json.dumps(value)))
    assert len(told) == 1
    assert re.match(
        rf"{re.escape(str(path))}:{places(TEXT)[key]}: {re.escape(key)}: .*(should|expected)",
        told[0],
    )


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("", r":1: \(the whole file\): .*section with keys"),
        ("# only a comment\n", r":1: \(the whole file\): .*section with keys"),
        ("- problem\n- train\n", r":1: \(the whole file\): .*section with keys"),
        ("problem\n", r":1: \(the whole file\): .*section with keys"),
        ("problem: [1\n", "not valid YAML"),
        ("problem:\n\tlead_hours: 2\n", "not valid YAML.*line 2"),
        (f"{TEXT}---\n{TEXT}", "not valid YAML.*another document"),
        ("problem: caf\xe9\n".encode("latin-1"), "not valid YAML.*utf-8"),
        ("? [1]\n: 2\n", r":1: \(the whole file\): .*section with keys"),
        ("a: 1\nb:\n  last: 2013-02-30\n", "not valid YAML.*day.*'2013-02-30'.*line 3"),
        ("last: 2013-13-01\n", "not valid YAML.*month.*'2013-13-01'.*line 1"),
        ("a:\n- !!int x\n", "not valid YAML.*'x'.*line 2"),
        ("seed: !foo 1\n", "not valid YAML.*!foo.*line 1"),
    ],
    ids=[
        "empty",
        "comment",
        "list",
        "scalar",
        "bracket",
        "tab",
        "two documents",
        "latin-1",
        "key that is a list",
        "day that is no date",
        "month that is no date",
        "integer that is no number",
        "unknown tag",
    ],
)
def test_rejects_non_mapping_and_invalid_yaml_in_one_line(path, content, expected):
    told = mistakes(path, content)
    assert len(told) == 1
    assert re.match(rf"{re.escape(str(path))}.*{expected}", told[0]), told[0]


def rename_key(key: str, new: str) -> str:
    """Return the file with another name for the last part of a key."""
    lines = TEXT.splitlines(keepends=True)
    number = places(TEXT)[key] - 1
    lines[number] = lines[number].replace(f"{key.rsplit('.', maxsplit=1)[-1]}:", f"{new}:")
    return "".join(lines)


@pytest.mark.parametrize(
    ("key", "wrong"),
    [
        ("train.max_rounds", "max_round"),
        ("train.xgboost.max_bin", "max_bins"),
        ("review.metrics.roc_auc.max_regression", "max_regresion"),
        ("monitor.days.warning", "warnin"),
        ("sweep.space.train.xgboost.max_depth.high", "hihg"),
        ("sweep", "swep"),
    ],
)
def test_suggests_known_key_of_section_for_unknown_one(path, key, wrong):
    right = key.split(".")[-1]
    path.write_text(rename_key(key, wrong))
    with pytest.raises(ParamsError, match=f"{wrong}: unknown key") as caught:
        load_all_params(path)
    assert caught.value.hint == f"did you mean `{right}`? print the known keys with `tarmac params`"


@pytest.mark.parametrize(
    ("key", "old"),
    [
        ("online", "state"),
        ("monitor.drift.warning", "watch"),
        ("monitor.drift.critical", "act"),
        ("review.metrics.roc_auc.max_regression", "tolerance"),
        ("review.metrics.roc_auc.worst_allowed", "floor"),
        ("review.slices.worst_allowed", "floor"),
        ("review.metrics.roc_auc.suspicious_beyond", "ceiling"),
    ],
)
def test_names_new_key_for_one_of_an_earlier_release(path, key, old):
    new = key.split(".")[-1]
    path.write_text(rename_key(key, old))
    with pytest.raises(ParamsError, match=f"{old}: unknown key") as caught:
        load_all_params(path)
    hint = f"`{old}` was renamed `{new}`. print the known keys with `tarmac params`"
    assert caught.value.hint == hint


def test_suggests_each_unknown_key_once_and_none_without_resemblance(path):
    path.write_text(TEXT + "serving: 1\nmonitr: 2\n'[x]': 3\n")
    with pytest.raises(ParamsError) as caught:
        load_all_params(path)
    assert caught.value.hint == "did you mean `monitor`? print the known keys with `tarmac params`"


def test_suggests_parameter_for_unknown_one_of_search_space(path):
    path.write_text(TEXT.replace("train.xgboost.subsample:", "train.xgboost.subsampel:"))
    with pytest.raises(ParamsError) as caught:
        load_all_params(path)
    assert caught.value.hint == "did you mean `subsample`?"


def test_missing_file_error_says_where_to_run(tmp_path):
    with pytest.raises(ParamsError, match=r"nowhere\.yaml: no such file") as caught:
        load_all_params(tmp_path / "nowhere.yaml")
    assert caught.value.hint == "run from the repository's root"


@pytest.mark.parametrize(
    ("change", "key", "expected"),
    [
        (
            {"split.validation.first": "2013-10", "split.validation.last": "2013-09"},
            "split.validation",
            "is after",
        ),
        ({"split.train.last": "2013-10"}, "split", "without overlap"),
        ({"split.test.first": "2013-10"}, "split", "without overlap"),
        (
            {"split.test.first": "2012-01", "split.test.last": "2012-02"},
            "split",
            "follow one another",
        ),
        (
            {"train.device": "cuda", "train.model": "logistic_regression"},
            "train",
            "device is cuda, but logistic_regression trains only on the CPU: set `device`",
        ),
        (
            {"train.device": "cuda", "train.model": "hist_gradient_boosting"},
            "train",
            "device is cuda, but hist_gradient_boosting trains only on the CPU: set `device`",
        ),
    ],
)
def test_reports_contradicting_values_on_line_of_their_section(path, change, key, expected):
    text = TEXT
    for changed, value in change.items():
        text = with_value(text, changed, value)
    told = mistakes(path, text)
    assert len(told) == 1
    assert told[0].startswith(f"{path}:{places(text)[key]}: {key}: ")
    assert expected in told[0]


def test_reports_search_space_values_that_training_rejects(path):
    text = with_value(TEXT, "sweep.space.train.xgboost.max_depth.high", "99")
    text = text.replace("train.xgboost.subsample:", "train.xgboost.subsampel:")
    depth, sample = (f"sweep.space.train.xgboost.{name}" for name in ("max_depth", "subsampel"))
    assert mistakes(path, text) == [
        f"{path}:{places(text)[depth]}: {depth}: Input should be less than or equal to 16 (got 99)",
        f"{path}:{places(text)[sample]}: {sample}: "
        "not a parameter with a single value in the section train",
    ]


def test_reports_invalid_list_entries_on_their_lines(path):
    text = TEXT.replace("    - weather\n", "    - weather\n    - [a]\n    - b\n", 1)
    number = text.splitlines().index("    - [a]") + 1
    told = mistakes(path, text)
    place = places(text)["train.features.1"]
    assert number == place + 1
    assert [line.split(": ")[0] for line in told] == [f"{path}:{number}", f"{path}:{number + 1}"]
    assert [line.split(": ")[1] for line in told] == ["train.features.2", "train.features.3"]


@pytest.mark.parametrize(
    "month", ["2013-13", "2013-00", "2013-1", "201301", "2013-01-01", '"2013-01\\n"']
)
def test_rejects_months_not_written_as_yyyy_mm(path, month):
    told = mistakes(path, with_value(TEXT, "split.train.first", month))
    assert [line.split(": ")[1] for line in told] == ["split.train.first"]


@pytest.mark.parametrize("value", [".nan", ".inf", "-.inf", "-1", "1.01"])
def test_rejects_shares_outside_zero_to_one(path, value):
    (told,) = mistakes(path, with_value(TEXT, "prepare.max_quarantine_share", value))
    assert (
        f":{places(TEXT)['prepare.max_quarantine_share']}: prepare.max_quarantine_share: " in told
    )


def test_reports_unknown_feature_group_by_list_position(path):
    text = with_value(TEXT, "train.features.1", "wheather")
    (told,) = mistakes(path, text)
    assert told.startswith(f"{path}:{places(text)['train.features.1']}: train.features.1: ")
    assert "'rotation'" in told


def test_rejects_model_without_features(path):
    text = re.sub(r"(baseline:\n  features:).*?(\n\n)", r"\1 []\2", TEXT, flags=re.DOTALL)
    (told,) = mistakes(path, text)
    assert told.startswith(f"{path}:{places(text)['baseline.features']}: baseline.features: ")


@pytest.mark.parametrize(
    "key", ["train.seed", "train.xgboost.max_bin", "prepare", "train.features"]
)
def test_rejects_duplicate_keys(path, key):
    line = TEXT.splitlines()[places(TEXT)[key] - 1]
    text = below(TEXT, key, line)
    (told,) = mistakes(path, text)
    assert told.startswith(f"{path}:{places(TEXT)[key] + 1}: {key.split('.')[-1]}: ")


@pytest.mark.parametrize("value", ["1e-05", "1.0e2", "010"])
def test_numbers_load_as_dvc_records_them(path, value):
    from dvc.utils.serialize import loads_yaml

    text = with_value(TEXT, "train.logistic_regression.C", value)
    recorded = loads_yaml(text)["train"]["logistic_regression"]["C"]
    path.write_text(text)
    assert recorded == load_all_params(path).train.logistic_regression.C


def hashes(folder: Path) -> dict[str, str]:
    """Hash of every file under the folders that stages write to."""
    files = [
        file
        for name in ("data", "models", "metrics")
        for file in (folder / name).rglob("*")
        if file.is_file()
    ]
    return {str(file): hashlib.sha256(file.read_bytes()).hexdigest() for file in files}


def test_invalid_value_stops_stages_before_they_start(finished: Workspace):
    file = finished.path / "params.yaml"
    file.write_text(with_value(file.read_text(), "evaluate.min_slice_rows", "many"))
    line, before = places(file.read_text())["evaluate.min_slice_rows"], hashes(finished.path)
    for stage in ("evaluate", "card"):
        done = finished.stage(stage, check=False)
        (told,) = done.stderr.splitlines()
        assert told.startswith(f"error: params.yaml:{line}: evaluate.min_slice_rows: ")
        assert (done.returncode, done.stdout) == (1, ""), stage
    assert hashes(finished.path) == before


def tarmac_params(folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [TARMAC, "params", *options], cwd=folder, check=False, capture_output=True, text=True
    )


@pytest.mark.program
def test_printed_schema_describes_every_key(path):
    path.write_text(TEXT)
    done = tarmac_params(path.parent)
    assert done.returncode == 0
    schema = json.loads(done.stdout)
    for key in LEAVES:
        assert {"type", "enum", "anyOf"} & schema_of(schema, key).keys(), key
    for section in [schema, *schema["$defs"].values()]:
        assert section["additionalProperties"] is False
        assert section["required"] == [
            name for name, part in section["properties"].items() if "default" not in part
        ]


@pytest.mark.program
def test_params_command_reports_mistakes_and_exits_nonzero(path):
    path.write_text(TEXT)
    done = tarmac_params(path.parent, "--check")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    path.write_text(six_mistakes()[0])
    for options in (("--check",), ()):
        done = tarmac_params(path.parent, *options)
        assert (done.returncode, done.stdout) == (1, "")
        assert (
            len(
                [
                    line
                    for line in done.stderr.splitlines()
                    if line.startswith("error: params.yaml:")
                ]
            )
            == 6
        )
