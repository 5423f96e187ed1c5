"""A project about another problem: created by `tarmac new`, run, pushed and committed."""

import json
import sys
from pathlib import Path

import pandas as pd

from tests.conftest import Workspace
from tests.e2e.running import FROM_SOURCE, STAGES, TARMAC
from tests.problems.made import Made

REBUILD = (
    "import importlib\n"
    "for name in {}: importlib.import_module(f'tarmac.pipeline.{{name}}.stage').main()"
)
ASKED = """
import json, pandas as pd
from pathlib import Path
from tarmac.interface.problem import problem
contract = problem.contract
told = pd.read_parquet("data/predictions.parquet")
rows = pd.concat(map(pd.read_parquet, \
sorted(Path("data/prepared", contract.TABLES[0]).glob("*.parquet"))))
rows = told[list(contract.KEY)].merge(rows, on=list(contract.KEY), how="left", \
validate="one_to_one")
rows = rows.astype(object).where(rows.notna(), None).to_dict("records")
rows = [problem.request.asked(row) for row in rows]
print(json.dumps({"rows": rows, "answers": told[list(contract.ANSWERS)].to_numpy().tolist()}))
"""


def found(folder: Path, made: Made) -> None:
    """Create the project in a folder; the table stays next to it."""
    folder.mkdir()
    made.rows.to_csv(folder / "table.csv", index=False)
    source = ("--from", "table.csv", "--to", "repository", "--with", "all")
    tarmac(Workspace(folder), "new", made.name, *made.options, *source)
    workspace = Workspace(folder / "repository")
    workspace.run("git", "config", "user.name", "Test")
    workspace.run("git", "config", "user.email", "test@example.org")
    workspace.dvc("repro", "--quiet")
    workspace.dvc("push", "--quiet")
    commit(workspace, "the first result")


def commit(workspace: Workspace, message: str) -> None:
    """Commit everything."""
    workspace.run("git", "add", "--all")
    workspace.run("git", "commit", "--quiet", "--message", message)


def tarmac(workspace: Workspace, *arguments: str, check: bool = True) -> str:
    """What a command of the workspace's own code prints."""
    done = workspace.run(*TARMAC, *arguments, check=check, env=FROM_SOURCE)
    assert "Traceback" not in done.stderr, done.stderr
    return done.stdout + done.stderr


def rebuild(workspace: Workspace) -> None:
    """Run all stages in one process, without DVC."""
    workspace.run(sys.executable, "-c", REBUILD.format(STAGES), env=FROM_SOURCE)


def questions(workspace: Workspace) -> tuple[list[dict], pd.DataFrame]:
    """What a client would ask about every test row, and what the pipeline answered."""
    told = json.loads(workspace.run(sys.executable, "-c", ASKED, env=FROM_SOURCE).stdout)
    return told["rows"], pd.DataFrame(told["answers"])
