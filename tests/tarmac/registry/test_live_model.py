"""A model goes live only with the split that it was made from."""

from pathlib import Path

import pytest

from tarmac.registry.history import RegistryError
from tarmac.registry.live_model import load_live_model
from tests.commits import commit, run, work_in


@pytest.mark.parametrize(
    "params",
    [
        "split: {test: {first: 2013-02-30}}\n",
        "split: {by: row, seed: !!int x}\n",
        "split: !foo 1\n",
        "split: [\n",
        "train: {}\n",
    ],
)
def test_rejects_params_without_valid_split(tmp_path: Path, monkeypatch, params):
    work_in(tmp_path / "clone", monkeypatch)
    run("init", "--quiet", "--initial-branch=main")
    commit(params_yaml=params)
    Path("models").mkdir()
    Path("models/model.onnx").write_bytes(b"")
    with pytest.raises(RegistryError, match="of workspace has no valid section `split`") as caught:
        load_live_model()
    assert caught.value.hint.startswith("release a model that was made with such a section")
