"""Reading the files of a result."""

import pytest

from tarmac.interface.errors import UserError
from tarmac.review.result_folder import ResultFolder


@pytest.mark.parametrize(
    "content",
    [b"stages: [", b"a: 1\na: 2\n", b"- stages\n", b"day: 2013-13-45\n", b"stages: \xff\n"],
    ids=["open bracket", "repeated key", "no mapping", "impossible date", "no UTF-8"],
)
def test_broken_yaml_error_names_file_and_its_repair(tmp_path, content):
    (tmp_path / "dvc.yaml").write_bytes(content)
    with pytest.raises(UserError) as caught:
        ResultFolder(tmp_path, "", {}, frozenset()).read_yaml("dvc.yaml")
    assert str(caught.value).startswith(f"{tmp_path / 'dvc.yaml'}: not valid YAML: ")
    assert "\n" not in str(caught.value)
    assert caught.value.hint == "correct it, or restore it: `git restore dvc.yaml`"


def test_missing_yaml_file_is_empty(tmp_path):
    assert ResultFolder(tmp_path, "", {}, frozenset()).read_yaml("dvc.yaml") == {}
