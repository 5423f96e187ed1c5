"""The Spark session: errors say what to install or start.

Its workers can reach its address.
"""

import subprocess
import sys
from pathlib import Path

import pytest

from tarmac.spark import session
from tests.conftest import ROOT
from tests.postgres import HOST, closed_port

pytestmark = pytest.mark.java

IMPORTED = (
    "from tarmac.pipeline.prepare import stage; from tarmac.spark import session; import os; "
    "print(session.ADDRESS, {0})"
)


def test_missing_pyspark_error_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyspark.sql", None)
    with pytest.raises(session.ClusterError, match="PySpark is not installed") as caught:
        session.open_session.__wrapped__()
    assert caught.value.hint == "install it with `make spark`"


@pytest.mark.parametrize("home", [None, "elsewhere"])
def test_missing_java_error_names_required_version(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, home: str | None
) -> None:
    pytest.importorskip("pyspark")
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("JAVA_HOME", raising=False)
    if home:
        monkeypatch.setenv("JAVA_HOME", str(tmp_path / home))
    with pytest.raises(session.ClusterError, match="Java 17"):
        session.open_session.__wrapped__()


@pytest.mark.parametrize(
    "master", ["spark://{0}", "spark://{0},{0}", "spark://nowhere.invalid:7077", "spark://nothing"]
)
def test_error_names_unreachable_master(master: str) -> None:
    with closed_port() as port:
        named = master.format(f"{HOST}:{port}")
        with pytest.raises(session.ClusterError, match=named):
            session._check_master(named)


@pytest.mark.parametrize("master", ["local[*]", "yarn", "k8s://https://example.org:6443"])
def test_other_masters_than_standalone_are_not_probed(master: str) -> None:
    session._check_master(master)


def test_session_address_ignores_value_set_by_pandera() -> None:
    """A driver that listens on loopback alone is one that no other machine can answer."""
    code = IMPORTED.format("os.environ['SPARK_LOCAL_IP']")
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={"PYTHONPATH": str(ROOT / "src")},
        check=True,
        capture_output=True,
        text=True,
    )
    assert done.stdout.split() == ["None", "127.0.0.1"]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("one line", "one line"),
        (
            "An error occurred while calling o1.save.\n: java.Oops: why\n\tat org.x",
            "java.Oops: why",
        ),
        (
            "An error occurred.\n: a.B: first\n\tat x\n"
            "Caused by: c.D: at the bottom\n\tat y\n\t... 3 more",
            "c.D: at the bottom",
        ),
        ("", "no reason given"),
    ],
)
def test_extracts_root_cause_from_java_trace(text: str, reason: str) -> None:
    assert session._find_reason(text) == reason
