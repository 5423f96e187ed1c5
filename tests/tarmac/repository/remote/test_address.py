"""A remote's URL selects which requirements are installed.

A URL with a secret is rejected and not shown.
"""

import os
import shutil
import subprocess
from pathlib import Path
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tarmac.interface.errors import format_error
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
def test_accepts_valid_url_and_selects_its_requirements(url, extra):
    assert address.check_url(url) == url
    assert address.find_dvc_extra(url) == extra
    assert not extra or (ROOT / "requirements" / f"remote-{extra}.txt").is_file()


@pytest.mark.parametrize(
    "url",
    ["", "s3:///path", "hdfs://host/x", "../store", "store", "s3:bucket", "ssh://host:99999/x"],
)
def test_rejects_invalid_remote_url(url):
    with pytest.raises(address.AddressError):
        address.check_url(url)


@pytest.mark.parametrize(
    ("url", "nearest"), [("s3a://bucket", "s3"), ("shh://host/x", "ssh"), ("embeded", "embedded")]
)
def test_wrong_scheme_suggests_nearest_one(url, nearest):
    with pytest.raises(address.AddressError, match=url) as caught:
        address.check_url(url)
    assert caught.value.hint.startswith(f"did you mean `{nearest}`? ")


@given(st.sampled_from(sorted(scheme for scheme in address.EXTRAS if scheme)), WORDS, WORDS)
def test_rejects_url_with_secret_and_does_not_show_it(scheme, user, secret):
    for url in (f"{scheme}://{user}:s{secret}s@host/path", f"{scheme}://host/path?sig=s{secret}s"):
        with pytest.raises(address.AddressError) as caught:
            address.check_url(url)
        assert f"s{secret}s@" not in format_error(caught.value)
        assert f"sig=s{secret}s" not in format_error(caught.value)


@pytest.mark.parametrize("text", ["", "[core", "[core]\nremote = other\n", "\xff"])
def test_default_is_empty_without_usable_settings(tmp_path: Path, text: str):
    (tmp_path / ".dvc").mkdir()
    (tmp_path / ".dvc" / "config").write_text(text, encoding="latin-1")
    assert address.read_default_url(tmp_path) == ""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """What make needs to say what it would do."""
    for folder in ("src/tarmac/interface", "src/tarmac/repository/remote"):
        (tmp_path / folder).mkdir(parents=True)
    for name in (
        "src/tarmac/__init__.py",
        "src/tarmac/interface/__init__.py",
        "src/tarmac/interface/errors.py",
        "src/tarmac/repository/__init__.py",
        "src/tarmac/repository/remote/__init__.py",
        "src/tarmac/repository/remote/address.py",
        "Makefile",
        "pyproject.toml",
    ):
        shutil.copy(ROOT / name, tmp_path / name)
    shutil.copytree(
        ROOT / "requirements",
        tmp_path / "requirements",
        ignore=shutil.ignore_patterns("node_modules"),
    )
    return tmp_path


def would(project: Path, *arguments: str) -> str:
    env = {
        name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "URL"))
    }
    command = ["make", "--dry-run", "-C", project, *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True, env=env).stdout


@pytest.mark.skipif(shutil.which("make") is None, reason="no make on this machine")
@pytest.mark.parametrize(
    "goal", ["run", "pull", "reproduce", "review", "setup", "publish", "gpu", "sweep"]
)
def test_make_installs_requirements_of_configured_remote(project: Path, goal: str):
    (project / ".dvc").mkdir()
    (project / ".dvc" / "config").write_text(CONFIG.format(name="gs-bucket"))
    assert "requirements/remote-gs.txt" in would(project, goal)
    (project / ".dvc" / "config").write_text(CONFIG.format(name="embedded"))
    assert "requirements/remote-gs.txt" not in would(project, goal)
    (project / ".dvc" / "config.local").write_text("[core]\n    remote = gs-bucket\n")
    assert "requirements/remote-gs.txt" in would(project, goal)


@pytest.mark.skipif(shutil.which("make") is None, reason="no make on this machine")
def test_make_ignores_url_of_other_goals_and_never_executes_it(project: Path):
    assert "requirements/remote" not in would(project, "pull", "URL=s3://bucket")
    would(project, "remote", f"URL=s3://bucket'; touch {project / 'run'}; '")
    assert not (project / "run").exists()


@pytest.mark.skipif(shutil.which("make") is None, reason="no make on this machine")
def test_move_installs_new_remote_requirements_after_pipeline(project: Path):
    (project / ".dvc").mkdir()
    (project / ".dvc" / "config").write_text(CONFIG.format(name="gs-bucket"))
    planned = would(project, "remote", "URL=ssh://host/store")
    assert "requirements/remote-ssh.txt" in planned
    assert planned.index("requirements/pipeline.txt") < planned.index("requirements/remote-ssh.txt")
