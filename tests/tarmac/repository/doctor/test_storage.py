"""Storage checks of the doctor: disk space, cache, site cache, outputs and remote."""

import shutil
from pathlib import Path

import pytest
import yaml

from tarmac.pipeline.base.site_cache import FOLDER, VARIABLE, use_private_site_cache
from tarmac.repository.doctor import storage
from tarmac.repository.doctor.run import run_check
from tarmac.repository.dvc import commands
from tarmac.repository.dvc.object_store import RemoteError


def test_every_check_is_ok_in_finished_workspace(here):
    for check in (storage.disk, storage.cache, storage.site_cache, storage.outputs, storage.remote):
        assert check().outcome == "ok", check()


@pytest.mark.parametrize(("is_here", "outcome"), [(True, "warn"), (False, "fail")])
def test_small_disk_warns_or_fails_if_outputs_are_missing(here, is_here, outcome):
    tree = yaml.safe_load(commands.LOCK.read_text())
    tree["stages"]["featurize"]["outs"][0]["size"] = 10**18
    commands.LOCK.write_text(yaml.safe_dump(tree))
    if not is_here:
        shutil.rmtree("data/features")
    seen = storage.disk()
    assert seen.outcome == outcome
    assert "2,000,0" in seen.what


def test_disk_check_counts_raw_data(here):
    pointer = Path("data/raw.dvc")
    pointer.write_text(pointer.read_text().replace("size: ", "size: 999999999999"))
    shutil.rmtree("data/raw")
    assert storage.disk().outcome == "fail"


def test_unwritable_cache_fails_and_absent_cache_is_ok(here):
    shutil.rmtree(".dvc/cache")
    assert storage.cache().outcome == "ok", "DVC makes it"
    Path(".dvc/cache").write_text("a file")
    seen = storage.cache()
    assert seen.outcome == "fail"
    assert str(here.path / ".dvc/cache") in seen.what


def test_invalid_dvc_config_fails_without_stderr_output(here, capfd):
    Path(".dvc/config").write_text("[core\n")
    assert storage.cache().outcome == "fail"
    assert capfd.readouterr().err == ""


def test_warns_of_missing_output(here):
    Path("models/model.onnx").unlink()
    seen = storage.outputs()
    assert (seen.outcome, seen.what, seen.do) == (
        "warn",
        "not here: models/model.onnx",
        "make pull",
    )


@pytest.mark.parametrize("child", [True, False])
def test_names_object_missing_from_remote(here, child):
    path = "data/raw" if child else "models/model.onnx"
    oid = commands.read_output_hashes()[path]
    if child:
        first = yaml.safe_load(Path(f"data/remote/files/md5/{oid[:2]}/{oid[2:]}").read_text())[0]
        path, oid = f"{path}/{first['relpath']}", first["md5"]
    Path(f"data/remote/files/md5/{oid[:2]}/{oid[2:]}").unlink()
    seen = storage.remote()
    assert seen.outcome == "fail"
    assert f"{path} (missing)" in seen.what


def test_missing_remote_fails_and_unset_remote_raises(here):
    shutil.rmtree("data/remote")
    assert storage.remote().outcome == "fail"
    here.dvc("remote", "default", "--unset")
    with pytest.raises(RemoteError):
        storage.remote()


def test_unreachable_server_fails(here):
    here.dvc("remote", "add", "--local", "--default", "team", "http://127.0.0.1:9/store")
    assert run_check("storage", "remote").outcome == "fail"


def test_remote_check_warns_without_commit(here):
    shutil.rmtree(".git")
    here.run("git", "init", "--quiet")
    assert storage.remote().outcome == "warn"


def test_warns_unless_site_cache_is_private_to_user(here, monkeypatch, tmp_path):
    folder = tmp_path / "named"
    monkeypatch.setenv(VARIABLE, str(folder))
    for mode in (None, 0o755, 0o770, 0o777):
        if mode is not None:
            folder.mkdir(exist_ok=True)
            folder.chmod(mode)
        seen = storage.site_cache()
        assert (seen.outcome, seen.do) == ("warn", f"chmod 700 {folder}")
        assert str(folder) in seen.what
    folder.chmod(0o700)
    assert storage.site_cache().outcome == "ok"


@pytest.mark.parametrize("named", [False, True], ids=["unset", "by make"])
def test_own_site_cache_must_be_set_in_dvc_config(here, monkeypatch, named):
    own = here.path / FOLDER
    monkeypatch.delenv(VARIABLE)
    if named:
        monkeypatch.setenv(VARIABLE, str(own))
    seen = storage.site_cache()
    assert (seen.outcome, seen.do) == ("warn", "make setup")
    here.dvc("config", "--local", "core.site_cache_dir", str(own))
    use_private_site_cache(here.path)
    assert storage.site_cache().what == f"{own} is yours alone"
