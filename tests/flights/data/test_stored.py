"""Missing data skip a test on a local machine and fail it in CI."""

from pathlib import Path

import pytest

from tests.flights.data import stored


@pytest.mark.parametrize(
    ("ci", "outcome"), [("", pytest.skip.Exception), ("true", pytest.fail.Exception)]
)
def test_missing_data_skips_locally_and_fails_in_ci(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ci: str, outcome: type[BaseException]
) -> None:
    monkeypatch.setattr(stored, "DATA", tmp_path)
    monkeypatch.setenv("CI", ci)
    (tmp_path / "features").mkdir()  # an empty folder is as good as none
    with pytest.raises(outcome, match=r"data/features is not here: `make run` makes it"):
        stored.folder("features")
