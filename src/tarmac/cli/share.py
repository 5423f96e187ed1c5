"""Commands that exchange results with a remote, and check and repair the repository."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from tarmac.cli.application import app


@app.command()
def pull() -> None:
    """Fetch the published result and check every byte of it."""
    from tarmac.repository.dvc import commands

    commands.pull_outputs()
    print(f"{len(commands.read_output_hashes())} outputs fetched, every byte as dvc.lock names it")


Remote = Annotated[str, typer.Option(help="Name of a DVC remote; the default one without it.")]


@app.command()
def push(remote: Remote = "") -> None:
    """Send what dvc.lock names, and check that the remote has every object of it.

    Exit 1 if an object is missing, and name it.
    """
    from tarmac.repository.remote import push as module

    print(module.push_outputs(name=remote or None))


@app.command()
def fsck(
    revision: Annotated[str, typer.Argument(help="Commit whose objects are read.")] = "HEAD",
    every: Annotated[
        bool, typer.Option("--all", help="Of every commit of all branches and tags.")
    ] = False,
    repair: Annotated[bool, typer.Option("--repair", help="Put back what the cache has.")] = False,
    remote: Remote = "",
) -> None:
    """Re-hash what the remote has for a commit.

    Exit 1 if an object is wrong, with a line for each.
    """
    from tarmac.repository.remote import fsck as module

    print(module.run_fsck(revision, every, repair, remote or None))


@app.command()
def hook(
    install: Annotated[bool, typer.Option("--install", help="Write it for Git to call.")] = False,
) -> None:
    """Check, as Git's pre-push hook, that the remote has what the pushed commits need.

    Exit 1 if an object is missing, and name it.
    """
    from tarmac.repository.remote import hook as module

    if install:
        try:
            print(module.install_hook())
        except module.HookError as error:
            print(f"{error}; {error.hint}")  # a person's own hook is no failure of the setup
        return
    module.check_pushed_commits(sys.stdin)


@app.command()
def remote(
    url: Annotated[
        str,
        typer.Argument(help="s3://bucket/path, ssh://, gs://, …, a folder's path, or embedded."),
    ],
    options: Annotated[
        list[str] | None, typer.Argument(help="Options of DVC for it, as name=value.")
    ] = None,
) -> None:
    """Copy what HEAD names to a URL, and make the URL the default remote.

    Before that, prove that a new clone gets everything from there.
    """
    from tarmac.repository.remote import move

    move.move_remote(url, options or [])


@app.command()
def restore(
    revision: Annotated[str, typer.Argument(help="Commit, branch or tag.")] = "HEAD",
    to: Annotated[Path, typer.Option(help="Folder to write to; this one without it.")] = Path(),
    source: Annotated[Path | None, typer.Option("--from", help="Folder of objects.")] = None,
) -> None:
    """Write the outputs of a commit from its lock and the objects, without DVC."""
    from tarmac.repository.remote import restore as module

    print(module.format_report(module.restore_outputs(revision, to, source)))


@app.command("merge-lock")
def merge_lock() -> None:
    """Make the lock, metrics and card that the merged code and parameters give.

    Run it after a merge or during a rebase.
    """
    from tarmac.repository import merge_lock

    merge_lock.merge_lock()


@app.command()
def doctor() -> None:
    """Check machine, repository and remote, and say what to do, a line for each check.

    Exit 1 if something needs repair.
    """
    from tarmac.repository.doctor import run

    if not run.run_doctor():
        sys.exit(1)


@app.command()
def repair() -> None:
    """Recover from a killed command: locks, a detached HEAD, edits that DVC had stashed."""
    from tarmac.repository.dvc import commands, recovery

    lines = [
        *recovery.recover_experiment(),
        *(f"{path} was left half written" for path in commands.clear_stale_locks()),
    ]
    print("\n".join(lines or ["nothing was left"]))
