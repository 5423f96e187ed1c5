"""Select the jobs of continuous integration that a change needs, by the files that it changes.

Prints `scope` and `jobs` as lines of `name=value`, as GitHub reads outputs, and the reason on
stderr. A change of documents alone needs the tests that read documents. Every other
file needs the whole suite, also one that nothing here knows. A push needs nothing if the same
files have already passed.

Runs in the repository root with `src` on the path, and needs the standard library only. The commit
is HEAD, or the one that CANDIDATE names, for a job in which the base's own code selects.
"""

import json
import os
import re
import subprocess
import sys
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from tarmac.ci.github_api import GitHubError, call_api

DOCUMENT = re.compile(r"README\.md|docs/[\w./-]+\.(?:gif|jpg|md|png|svg)")
SUITE = {"name": "Suite, Python 3.13", "python": "3.13", "targets": "servers test-all"}
QUICK = {"name": "Quick tests, Python 3.11", "python": "3.11", "targets": "check test"}
DOCUMENTS = {"name": "Documents, Python 3.13", "python": "3.13", "targets": "test-changed"}
JOBS = {"suite": [SUITE, QUICK], "documents": [DOCUMENTS], "passed": []}


def main(environment: Mapping[str, str]) -> None:
    """Print the selection for the event that this environment describes."""
    candidate = environment.get("CANDIDATE", "HEAD")
    base = find_base(environment, candidate)
    scope, reason = classify_files(list_changed_files(base, candidate) if base else None)
    if environment.get("GITHUB_EVENT_NAME") == "push":
        passed = find_passed_run(scope, base, environment)
        if passed is not None:
            scope, reason = "passed", f"run {passed} has passed with the same files"
    print(f"select_jobs: {scope}, because {reason}", file=sys.stderr)
    print(f"scope={scope}")
    print(f"jobs={json.dumps(JOBS[scope])}")


def classify_files(paths: Collection[str] | None) -> tuple[str, str]:
    """Return `documents` if all these files are documents, else `suite`, and the reason."""
    if not paths:
        return "suite", "the changed files are unknown"
    others = sorted(path for path in paths if not DOCUMENT.fullmatch(path))
    if others:
        return "suite", f"{others[0]!a} is changed"
    return "documents", f"only documents are changed ({len(paths)})"


def find_base(environment: Mapping[str, str], candidate: str = "HEAD") -> str:
    """Return the commit that the change starts from; empty if the event has none."""
    event = environment.get("GITHUB_EVENT_NAME") or environment.get("CI_PIPELINE_SOURCE")
    if event == "pull_request" and read_git("rev-parse", "--verify", "--quiet", f"{candidate}^2"):
        return read_git("rev-parse", f"{candidate}^1")  # it merges the change into its base
    if event == "merge_request_event":
        return environment.get("CI_MERGE_REQUEST_DIFF_BASE_SHA", "")
    if event == "push" and "GITHUB_EVENT_PATH" in environment:
        payload = Path(environment["GITHUB_EVENT_PATH"]).read_text(encoding="utf-8")
        return str(json.loads(payload).get("before") or "")
    if event == "push":
        return environment.get("CI_COMMIT_BEFORE_SHA", "")
    return ""


def list_changed_files(base: str, candidate: str = "HEAD") -> list[str] | None:
    """Return the files that differ between two commits; None if Git lacks one.

    A renamed file is listed under both names, a deleted one under its old name.
    """
    options = ["--name-only", "--no-renames", "-z", "--end-of-options"]
    command = ["git", "diff", *options, base, candidate, "--"]
    done = subprocess.run(command, check=False, capture_output=True)
    if done.returncode != 0:
        return None
    return [os.fsdecode(path) for path in done.stdout.split(b"\0")[:-1]]


def find_passed_run(scope: str, before: str, environment: Mapping[str, str]) -> int | None:
    """Return the run of `checks` in which the jobs of a scope have passed with the files of HEAD.

    GitHub itself names the tree of a run's commit, so that no run can claim to be another's.
    Every run with this tree must have succeeded. If GitHub does not answer, no run is known.
    """
    tree, own = read_git("rev-parse", "HEAD^{tree}"), environment.get("GITHUB_RUN_ID")
    try:
        listed = call_api("GET", "actions/workflows/checks.yml/runs?per_page=100", environment)
        runs = [run for run in listed["workflow_runs"] if str(run["id"]) != own]
        same = [run for run in runs if (run["head_commit"] or {}).get("tree_id") == tree]
        if any(run["conclusion"] != "success" for run in same):
            return None
        for run in same:
            if has_run_jobs(run, scope, environment) and has_tested_head(run, before, environment):
                return int(run["id"])
    except GitHubError as error:
        print(f"select_jobs: earlier runs are unknown: {error}", file=sys.stderr)
    return None


def has_run_jobs(run: Mapping[str, Any], scope: str, environment: Mapping[str, str]) -> bool:
    """Check that a run has skipped no job of a scope."""
    jobs = call_api("GET", f"actions/runs/{run['id']}/jobs?per_page=100", environment)["jobs"]
    succeeded = {job["name"] for job in jobs if job["conclusion"] == "success"}
    return succeeded.issuperset(job["name"] for job in JOBS[scope])


def has_tested_head(run: Mapping[str, Any], before: str, environment: Mapping[str, str]) -> bool:
    """Check that a run has tested the files of its own commit.

    A pull request is tested as merged with its base. The result is the pull request's own commit
    if that contains the base, which it does if it contains the tip that the push has replaced.
    """
    if run["event"] != "pull_request":
        return True
    difference = call_api("GET", f"compare/{before}...{run['head_sha']}?per_page=1", environment)
    return bool(difference["behind_by"] == 0)


def read_git(*arguments: str) -> str:
    """Return what a Git command prints; empty if it fails."""
    done = subprocess.run(["git", *arguments], check=False, capture_output=True, text=True)
    return done.stdout.strip() if done.returncode == 0 else ""


if __name__ == "__main__":
    main(os.environ)
