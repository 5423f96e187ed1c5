"""After a release, only the workflows that the repository has are started."""

from pathlib import Path

import pytest

from tarmac.ci import ship
from tarmac.ci.branch import RemoteBranches


@pytest.mark.parametrize("present", [(), ("deploy",), ("pages",), ("deploy", "pages")])
def test_starts_only_workflows_that_exist(
    present: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    ship.WORKFLOWS.mkdir(parents=True)
    for name in present:
        (ship.WORKFLOWS / f"{name}.yml").touch()
    made, called = [], []
    monkeypatch.setattr(ship, "_run_make", lambda *arguments: made.append(arguments[0]))
    monkeypatch.setattr(ship, "look", lambda: RemoteBranches("trunk", ""))
    monkeypatch.setattr(
        ship, "call_api", lambda method, path, environment, body: called.append((path, body))
    )
    ship.ship_model({})
    assert made == ["release", "promote"]
    inputs = {"deploy": {"environment": "prod"}, "pages": {}}
    assert called == [
        (f"actions/workflows/{name}.yml/dispatches", {"ref": "trunk", "inputs": inputs[name]})
        for name in present
    ]
