"""Kill every command that changes a clone at random moments, and count the repairs needed."""

import argparse
import os
import platform
import sys
import tempfile
from collections import Counter
from importlib.metadata import version
from pathlib import Path

from benchmarks import measure, workspace
from tests.conftest import Workspace, copy_repository, start
from tests.e2e.kills import COMMANDS, Kill, Killer

HEADER = (
    "command",
    "kills",
    "right at the first start",
    "at the second",
    "not",
    "what the kills left",
)


def main(kills: int, seed: int) -> None:
    """Kill each command equally often, in turns, and write the report."""
    setup = describe_conditions(kills, seed)
    outcomes: list[Kill] = []
    with tempfile.TemporaryDirectory(
        prefix="tarmac-faults-", ignore_cleanup_errors=True
    ) as temporary:
        template = prepare_workspace(Path(temporary) / "template" / "repository")
        killers = [Killer(command, template, Path(temporary), seed) for command in COMMANDS]
        while len(outcomes) < kills:
            for killer in killers:
                outcomes.append(killer.kill())
                print(len(outcomes), outcomes[-1], file=sys.stderr, flush=True)
    tables = f"{render_table(outcomes)}\n\n{render_failures(outcomes)}"
    measure.write_report(
        workspace.ROOT,
        "faults",
        f"# What a kill costs\n\n{setup}\n\n{tables}",
    )


def prepare_workspace(target: Path) -> Workspace:
    """Return the small workspace that tests use, run, pushed and committed.

    It has four months of a tenth of the flights.
    """
    template = copy_repository(target)
    start(template)
    for command in ("repro", "push"):
        template.dvc(command, "--quiet")
    template.run("git", "add", "--all")
    template.run("git", "commit", "--quiet", "--message", "result")
    return template


def render_table(outcomes: list[Kill]) -> str:
    """A row for each command."""
    lines = [list(HEADER), ["---", *["---:"] * 4, "---"]]
    for name in (command.name for command in COMMANDS):
        kills = [kill for kill in outcomes if kill.command == name]
        attempts = Counter(kill.attempts for kill in kills)
        left = Counter[str]()
        for kill in kills:
            left.update(kill.left)
        traces = ", ".join(f"{trace} ({count})" for trace, count in left.most_common()) or "nothing"
        lines.append(
            [f"`{name}`", str(len(kills)), *(str(attempts[number]) for number in (1, 2, 0)), traces]
        )
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def render_failures(outcomes: list[Kill]) -> str:
    """What was wrong after the last start, where anything was."""
    lines = [
        f"- `{kill.command}` at {kill.moment:.2f}: {', '.join(kill.wrong)}"
        for kill in outcomes
        if not kill.attempts
    ]
    return "\n".join(lines) or "The state was right again after every kill."


def describe_conditions(kills: int, seed: int) -> str:
    """What a reader needs to judge the counts, and to take them again."""
    repairs = []
    for command in COMMANDS:
        again = " && ".join(map(format_command, command.again))
        repairs.append(f"`{command.name}` by `{again}`")
    return (
        f"`python -m benchmarks.faults --kills {kills} --seed {seed}`, on {os.cpu_count()} cores,"
        f" {platform.system()} {platform.machine()}, Python {platform.python_version()}, dvc"
        f" {version('dvc')}. The process group gets SIGKILL at a random moment between its first"
        " change of a file and its end (every other pull and push: between its first object and"
        " its end), in a clone with edits of a person: one staged, one not, one untracked. What"
        f" is started again: {', '.join(repairs)}. Right means: it succeeds; `dvc.lock`, outputs"
        " and the experiment are those of an undisturbed run, byte for byte; every object of the"
        " commit is in the remote with its hash; HEAD is on its branch and commit; the edits are"
        " in the files; `dvc status` is clean."
    )


def format_command(arguments: tuple[str, ...]) -> str:
    """A command as a person types it."""
    program, rest = (
        ("tarmac", arguments[3:]) if "tarmac" in arguments[2] else ("dvc", arguments[3:])
    )
    return " ".join([program, *rest])


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=60, help="in all")
    parser.add_argument("--seed", type=int, default=1, help="of the moments")
    chosen = parser.parse_args()
    main(chosen.kills, chosen.seed)
