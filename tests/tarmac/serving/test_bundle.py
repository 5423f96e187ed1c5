"""A bundle that is damaged is rejected with the reason.

So is one whose inputs this code computes differently.
"""

import json
from itertools import product
from pathlib import Path

import pytest

from tarmac.interface.errors import UserError
from tarmac.serving.bundle import Bundle
from tests.tarmac.serving.bundles import copied

TABLES = ("online/hub_due.parquet", "online/background.parquet")
FILES = ("release.json", "model.onnx", "online/facts.json", "online/probes.json", *TABLES)
DAMAGED = [
    *product(("gone", "empty", "cut", "garbage"), FILES),
    ("gone", "card.md"),
    ("garbage", "card.md"),
]


@pytest.fixture
def bundle(bundle_folder: Path, tmp_path: Path) -> Path:
    return copied(bundle_folder, tmp_path / "bundle")


def change(path: Path, edit) -> None:
    content = json.loads(path.read_text())
    edit(content)
    path.write_text(json.dumps(content))


@pytest.mark.parametrize(("damage", "name"), DAMAGED)
def test_rejects_damaged_file_by_name(bundle, name, damage):
    path = bundle / name
    whole = path.read_bytes()
    path.unlink()
    if damage != "gone":
        path.write_bytes(
            {"empty": b"", "cut": whole[: len(whole) // 2], "garbage": b"\x00\xff" * 500}[damage]
        )
    with pytest.raises(UserError, match=r"\S") as caught:
        Bundle(bundle)
    assert Path(name).name in str(caught.value)
    assert "`make bundle`" in caught.value.hint


def test_rejects_probes_of_other_code_version(bundle):
    def other(content: dict) -> None:
        content["probes"][0]["row"]["invented"] = 1

    change(bundle / "online" / "probes.json", other)
    shown = r"probes\.json has other fields of a row than this code: invented: .+$"
    with pytest.raises(UserError, match=shown) as caught:
        Bundle(bundle)
    assert "`make run bundle`" in caught.value.hint


def test_rejects_bundle_whose_inputs_differ_in_this_code(bundle):
    def other(content: dict) -> None:
        for probe in content["probes"][:3]:
            probe["inputs"].update(turn=1.5, dest="XXX")

    change(bundle / "online" / "probes.json", other)
    with pytest.raises(
        UserError, match="this code computes dest, turn differently from the pipeline of v"
    ):
        Bundle(bundle)


def test_rejects_online_features_without_required_table(bundle):
    change(bundle / "online" / "facts.json", lambda content: content["lookups"].pop("hub_due"))
    with pytest.raises(UserError, match=r"has no .hub_"):
        Bundle(bundle)
