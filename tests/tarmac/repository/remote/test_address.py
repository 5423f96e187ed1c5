"""The URL decides what is installed, and no secret in it reaches a commit or the screen."""

import os
import shutil
import subprocess
from pathlib import Path
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tarmac.repository.remote import address
from tests.conftest import ROOT

pytestmark = pytest.mark.program

WORDS = st.text(min_size=1, max_size=12).map(lambda text: quote(text, safe=""))
GOOD = {
    "s3://bucket/path": "s3",
    "gs://bucket": "gs",
    "azure://container/path": "azure",
    "ssh://alice@host:2222/srv/store": "ssh",
    "webdav://host/store": "webdav",
    "webdavs://alice@host/store": "webdav",
    "https://host/store": "",
    "/mnt/team": "",
    "embedded": "",
}
CONFIG = """[core]
    remote = {name}
['remote "embedded"']
    url = ../data/remote
['remote "gs-bucket"']
    url = gs://bucket
"""


@pytest.mark.parametrize(("url", "extra"), GOOD.items())
def test_a_good_url_is_refused_or_gets_something_else_installed(url, extra):
    assert address.checked(url) == url
    assert address.extra(url) == extra
    assert not extra or (ROOT / "requirements" / f"remote-{extra}.txt").is_file()


@pytest.mark.parametrize(
    "url", ["", "s3:///path", "hdfs://host/x", "../store", "store", "s3:bucket", "ssh://host:99999/x"]
)
def test_a_url_of_no_remote_is_taken(url):
    with pytest.raises(address.AddressError):
        address.checked(url)


@given(st.sampled_from(sorted(scheme for scheme in address.EXTRAS if scheme)), WORDS, WORDS)
def test_a_secret_in_a_url_is_taken_or_shown(scheme, user, secret):
    for url in (f"{scheme}://{user}:s{secret}s@host/path", f"{scheme}://host/path?sig=s{secret}s"):
        with pytest.raises(address.AddressError) as caught:
            address.checked(url)
        assert f"s{secret}s@" not in str(caught.value)
        assert f"sig=s{secret}s" not in str(caught.value)


@pytest.mark.parametrize("text", ["", "[core", "[core]\nremote = other\n", "\xff"])
def test_settings_that_cannot_be_read_stop_make(tmp_path: Path, text: str):
    (tmp_path / ".dvc").mkdir()
    (tmp_path / ".dvc" / "config").write_text(text, encoding="latin-1")
    assert address.default(tmp_path) == ""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """What make needs to say what it would do."""
    (tmp_path / "src/tarmac/repository/remote").mkdir(parents=True)
    for name in (
        "src/tarmac/__init__.py",
        "src/tarmac/repository/__init__.py",
        "src/tarmac/repository/remote/__init__.py",
        "src/tarmac/repository/remote/address.py",
        "Makefile",
        "pyproject.toml",
    ):
        shutil.copy(ROOT / name, tmp_path / name)
    shutil.copytree(ROOT / "requirements", tmp_path / "requirements", ignore=shutil.ignore_patterns("node_modules"))
    return tmp_path


def would(project: Path, *arguments: str) -> str:
    env = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "URL"))}
    command = ["make", "--dry-run", "-C", project, *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True, env=env).stdout


@pytest.mark.skipif(shutil.which("make") is None, reason="no make on this machine")
@pytest.mark.parametrize("goal", ["run", "pull", "reproduce", "review", "setup", "publish", "gpu", "sweep"])
def test_a_colleague_lacks_what_the_committed_remote_needs(project: Path, goal: str):
    (project / ".dvc").mkdir()
    (project / ".dvc" / "config").write_text(CONFIG.format(name="gs-bucket"))
    assert "requirements/remote-gs.txt" in would(project, goal)
    (project / ".dvc" / "config").write_text(CONFIG.format(name="embedded"))
    assert "requirements/remote-gs.txt" not in would(project, goal)
    (project / ".dvc" / "config.local").write_text("[core]\n    remote = gs-bucket\n")
    assert "requirements/remote-gs.txt" in would(project, goal)


@pytest.mark.skipif(shutil.which("make") is None, reason="no make on this machine")
def test_a_url_of_somebody_elses_environment_counts_or_is_run(project: Path):
    assert "requirements/remote" not in would(project, "pull", "URL=s3://bucket")
    would(project, "remote", f"URL=s3://bucket'; touch {project / 'run'}; '")
    assert not (project / "run").exists()


@pytest.mark.skipif(shutil.which("make") is None, reason="no make on this machine")
def test_moving_installs_what_the_old_remote_needed(project: Path):
    (project / ".dvc").mkdir()
    (project / ".dvc" / "config").write_text(CONFIG.format(name="gs-bucket"))
    planned = would(project, "remote", "URL=ssh://host/store")
    assert "requirements/remote-ssh.txt" in planned
    assert planned.index("requirements/pipeline.txt") < planned.index("requirements/remote-ssh.txt")
