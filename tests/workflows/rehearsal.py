"""A repository with its pull requests on the fake of GitHub, and the workflows' jobs run on it."""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.conftest import Workspace
from tests.workflows.actions import install, install_nothing, stand_ins
from tests.workflows.github import GitHub
from tests.workflows.runner import Job, Machine, copy_folder, executable, run_job, workflow

OWNER, NAME = "team", "flights"
SLUG, TOKEN, OUTSIDER = f"{OWNER}/{NAME}", "ghs_of_this_very_job", "somebody"
# A runner's own: the standard library, and nothing installed.
BARE_PYTHON = '#!/bin/sh\nexec "{python}" -S "$@"\n'
CML = '#!/bin/sh\nexec "{python}" -S "{program}" "{records}" "$@"\n'


@dataclass(frozen=True)
class Review:
    """A run of the review that has ended, and the pull request as it was."""

    run_id: int
    number: int
    pull: Mapping[str, Any]
    conclusion: str
    artifact: Path  # the folder that it left
    job: Job | None = None

    @property
    def sha(self) -> str:
        """The head that was reviewed."""
        return self.pull["head"]["sha"]

    @property
    def report(self) -> str:
        """The report that it left."""
        return (self.artifact / "report.md").read_text(encoding="utf-8")

    @property
    def verdict(self) -> dict[str, Any]:
        """The verdict that it left."""
        return json.loads((self.artifact / "verdict.json").read_text())


class Rehearsal:
    """The repository `team/flights`, its forks, and a counter of runs."""

    def __init__(self, github: GitHub, folder: Path, base: Workspace) -> None:
        self.github, self.folder, self.base, self._runs = github, folder, base, 100
        self.cml = executable(folder / "cml" / "cml", self._program(CML))
        self.python = executable(
            folder / "python" / "python3", BARE_PYTHON.format(python=sys._base_executable)
        )
        base.run("git", "clone", "--quiet", "--bare", ".", str(self.repository()))

    def _program(self, text: str) -> str:
        program = Path(__file__).with_name("cml.py")
        return text.format(
            python=sys._base_executable, program=program, records=self.folder / "cml"
        )

    def repository(self, owner: str = OWNER) -> Path:
        """The bare repository of an owner."""
        return self.github.repositories / owner / NAME

    def git(self, *arguments: str, folder: Path | None = None) -> str:
        """What Git prints, without a word from this machine's configuration."""
        env = {
            **self.base.environment,
            "GIT_CONFIG_GLOBAL": "/dev/null",
            "GIT_CONFIG_NOSYSTEM": "1",
        }
        author = {
            f"GIT_{who}_{what}": "bot@example.org"
            for who in ("AUTHOR", "COMMITTER")
            for what in ("NAME", "EMAIL")
        }
        command = ["git", *arguments]
        done = subprocess.run(
            command, cwd=folder, env={**env, **author}, check=False, capture_output=True, text=True
        )
        assert done.returncode == 0, f"{command}: {done.stderr}"
        return done.stdout

    @property
    def calls(self) -> list[dict[str, Any]]:
        """What the stand-in for CML was asked."""
        path = self.folder / "cml" / "calls"
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []

    def forget(self) -> None:
        """Nothing has been posted, and everything works."""
        for entries in (
            self.github.comments,
            self.github.requests,
            self.github.broken,
            self.github.runs,
        ):
            entries.clear()
        for name in ("calls", "broken"):
            (self.folder / "cml" / name).unlink(missing_ok=True)

    def only_comment(self, number: int) -> str:
        """The body of the one comment that there is, on this pull request."""
        assert [comment["issue"] for comment in self.github.comments] == [number]
        return self.github.comments[0]["body"]

    def work(self, name: str) -> Workspace:
        """A person's own copy of the repository, with everything built."""
        copy_folder(self.base.path, self.folder / "people" / name)
        return Workspace(self.folder / "people" / name)

    def change(
        self, workspace: Workspace, *names: str, branch: str = "change", owner: str = OWNER
    ) -> int:
        """A pull request that adds a line to each of these files. Returns its number."""
        for path in map(workspace.path.joinpath, names):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(f"{path.read_text() if path.exists() else ''}# {branch}\n")
        workspace.run("git", "add", "--all")
        workspace.run("git", "commit", "--quiet", "--message", branch)
        return self.propose(workspace, branch, owner=owner)

    def propose(
        self, workspace: Workspace, branch: str, base: str = "main", owner: str = OWNER
    ) -> int:
        """Push a person's HEAD as a branch, and open or update the pull request.

        Return its number.
        """
        if not self.repository(owner).exists():
            self.git(
                "clone", "--quiet", "--bare", str(self.repository()), str(self.repository(owner))
            )
        workspace.run(
            "git",
            "push",
            "--quiet",
            "--force",
            str(self.repository(owner)),
            f"HEAD:refs/heads/{branch}",
        )
        label = f"{owner}:{branch}"
        pull = next((pull for pull in self.github.pulls if pull["head"]["label"] == label), None)
        if pull is None:
            pull = {
                "number": len(self.github.files) + 11,
                "state": "open",
                "base": {"ref": base},
                "head": {},
            }
            self.github.pulls.append(pull)
        sha = workspace.run("git", "rev-parse", "HEAD").stdout.strip()
        repository = {"full_name": f"{owner}/{NAME}", "owner": {"login": owner}}
        pull["head"] = {"label": label, "ref": branch, "sha": sha, "repo": repository}
        pull["merge_commit_sha"] = self._merge(workspace, pull)
        self.github.files[pull["number"]] = self._files(pull)
        return pull["number"]

    def _merge(self, workspace: Workspace, pull: Mapping[str, Any]) -> str:
        """Make the commit that GitHub runs the workflows of a pull request on.

        Keep it under its reference.
        """
        origin, number = str(self.repository()), pull["number"]
        workspace.run("git", "push", "--quiet", "--force", origin, f"HEAD:refs/pull/{number}/head")
        folder = self.folder / "merge"
        shutil.rmtree(folder, ignore_errors=True)
        self.git(
            "clone", "--quiet", "--shared", "--branch", pull["base"]["ref"], origin, str(folder)
        )
        self.git("fetch", "--quiet", "origin", f"refs/pull/{number}/head", folder=folder)
        self.git("merge", "--quiet", "--no-ff", "--message", "merge", "FETCH_HEAD", folder=folder)
        self.git(
            "push", "--quiet", "--force", "origin", f"HEAD:refs/pull/{number}/merge", folder=folder
        )
        return self.git("rev-parse", "HEAD", folder=folder).strip()

    def _files(self, pull: Mapping[str, Any]) -> list[dict[str, str]]:
        """The files as the API tells them: a renamed one has both names."""
        between = f"{pull['base']['ref']}...{pull['head']['sha']}"
        told = self.git(
            "diff", "--name-status", "-M", between, "--", folder=self.repository()
        ).splitlines()
        rows = [line.split("\t") for line in told]
        kinds = {"A": "added", "D": "removed", "R": "renamed"}
        return [
            {"filename": names[-1], "status": kinds.get(kind[0], "modified")}
            | ({"previous_filename": names[0]} if len(names) > 1 else {})
            for kind, *names in rows
        ]

    def context(self, event_name: str, event: Mapping[str, Any], **more: object) -> dict[str, Any]:
        """The context `github` of a new run."""
        self._runs += 1
        known = {
            "repository": SLUG,
            "server_url": self.github.url,
            "api_url": self.github.api,
            "token": TOKEN,
        }
        about = {"full_name": SLUG, "default_branch": "main"}
        run = {
            "run_id": str(self._runs),
            "run_attempt": "1",
            "actor": "octocat",
            "event_name": event_name,
        }
        return {
            **known,
            **run,
            "ref": "refs/heads/main",
            "event": {**event, "repository": about},
            **more,
        }

    def pull(self, number: int) -> dict[str, Any]:
        """A pull request as it is now."""
        (pull,) = (pull for pull in self.github.pulls if pull["number"] == number)
        return deepcopy(pull)

    def artifact(self, run_id: object) -> Path:
        """Where the artifact of a review is kept."""
        return self.folder / "artifacts" / str(run_id) / "review"

    def run(
        self,
        name: str,
        job: str,
        contexts: Mapping[str, Any],
        install: Callable[[Path], None] = install,
        path: Sequence[Path] = (),
    ) -> Job:
        """Run a job on a machine of its own, where `path` comes first on the path."""
        given = {"inputs": {}, "vars": {}, "secrets": {}, "needs": {}, **contexts}
        tree = workflow(name)
        self.github.may = tree["jobs"][job].get("permissions", tree["permissions"])
        machine = Machine(
            self.folder / "runs" / f"{given['github']['run_id']}-{job}", given, list(path)
        )
        return run_job(
            name, job, given, stand_ins(self.folder / "artifacts", self.cml, install), machine
        )

    def review(self, number: int) -> Review:
        """The review of a pull request, as its last push starts it."""
        pull = self.pull(number)
        event = {"action": "synchronize", "number": number, "pull_request": pull}
        refs = {
            "ref": f"refs/pull/{number}/merge",
            "head_ref": pull["head"]["ref"],
            "base_ref": pull["base"]["ref"],
        }
        context = self.context("pull_request", event, sha=pull["merge_commit_sha"], **refs)
        job = self.run("review", "review", {"github": context}, path=[self.python])
        return Review(
            int(context["run_id"]), number, pull, job.result, self.artifact(context["run_id"]), job
        )

    def reviewed(
        self, number: int, conclusion: str = "success", report: str | bytes | None = None
    ) -> Review:
        """Return a review that is not run.

        Its artifacts are made up, and there are none without a report.
        """
        self._runs += 1
        artifact = self.artifact(self._runs)
        if report is not None:
            artifact.mkdir(parents=True)
            (artifact / "report.md").write_bytes(
                report if isinstance(report, bytes) else report.encode()
            )
        return Review(self._runs, number, self.pull(number), conclusion, artifact)

    def comment(self, review: Review, **different: object) -> Job:
        """What follows the end of a review. The pull request may have changed meanwhile."""
        head = review.pull["head"]
        run = {
            "id": review.run_id,
            "event": "pull_request",
            "conclusion": review.conclusion,
            "head_sha": review.sha,
            "head_branch": head["ref"],
            "head_repository": head["repo"],
            "html_url": f"{self.github.url}/{SLUG}/actions/runs/{review.run_id}",
            "pull_requests": [],  # as for a fork
        }
        context = self.context("workflow_run", {"workflow_run": {**run, **different}})
        return self.run("comment", "comment", {"github": context}, install_nothing, [self.python])
