"""Extend the fake of GitHub to what a team uses.

This covers pull requests, merges, issues and starts of workflows, refused as GitHub would.
"""

import os
import subprocess
from dataclasses import dataclass, field
from typing import Any

import yaml

from tests.workflows.github import BOT, ROUTES, Answer, GitHub, Request, Routes, page

MAIN, TITLE = "main", 256  # characters of a title, at most
REASONS = (None, "completed", "not_planned", "duplicate", "reopened")
Tree = dict[str, Any]


def refused(words: str, **more: object) -> Answer:
    """422, as GitHub says it."""
    return 422, {"message": "Validation Failed", "errors": [{"message": words, **more}]}


@dataclass
class Team(GitHub):
    """The whole of a repository's traffic with a machine that retrains."""

    issues: list[Tree] = field(default_factory=list)
    may_open: bool = True  # the setting that lets workflows open pull requests
    protected: bool = False  # whether main requires a check that has not ended

    def git(self, *arguments: str) -> str:
        """What Git prints in the repository; nothing where it fails."""
        who = {
            f"GIT_{who}_{what}": "web@example.org"
            for who in ("AUTHOR", "COMMITTER")
            for what in ("NAME", "EMAIL")
        }
        folder = self.repositories / self.slug
        done = subprocess.run(
            ["git", *arguments],
            cwd=folder,
            env={"PATH": os.environ["PATH"], **who},
            check=False,
            capture_output=True,
            text=True,
        )
        return done.stdout.strip() if done.returncode == 0 else ""

    def sha(self, branch: str) -> str:
        """The tip of a branch, empty where there is none."""
        return self.git("rev-parse", "--verify", "--quiet", f"refs/heads/{branch}")

    def only(self, entries: list[Tree], state: str = "open") -> Tree:
        """The one entry that is open."""
        (found,) = [entry for entry in entries if entry["state"] == state]
        return found

    def routes(self) -> Routes:
        """What it answers beyond comments."""
        return (*ROUTES, *MORE)

    def _answer(self, request: Request) -> Answer:
        for (
            pull
        ) in self.pulls:  # an open one has what its branch has; a closed one keeps what it had
            if pull["state"] == "open" and (now := self.sha(pull["head"]["ref"])):
                pull["head"]["sha"] = now
        return super()._answer(request)

    def open_pull(self, request: Request) -> Answer:
        """A new pull request of two branches."""
        asked = request.data
        if not self.may_open:
            return 403, {
                "message": "GitHub Actions is not permitted to create or approve pull requests."
            }
        if wrong := self._wrong(
            asked, {"title", "body", "head", "base"}, {"title", "head", "base"}
        ):
            return wrong
        owner = self.slug.split("/")[0]
        label = asked["head"] if ":" in asked["head"] else f"{owner}:{asked['head']}"
        head = label.split(":")[1]
        if not (self.sha(head) and self.sha(asked["base"])):
            return refused("", field="head", code="invalid")
        if any(pull["state"] == "open" and pull["head"]["label"] == label for pull in self.pulls):
            return refused(f"A pull request already exists for {label}.")
        if not self.git("rev-list", f"{asked['base']}..{head}"):
            return refused(f"No commits between {asked['base']} and {head}")
        repo = {"full_name": self.slug, "owner": {"login": owner}}
        made = self._numbered(asked, "pull") | {"base": {"ref": asked["base"]}, "merged_at": None}
        made["head"] = {"label": label, "ref": head, "sha": self.sha(head), "repo": repo}
        self.pulls.append(made)
        return 201, made

    def edit_pull(self, request: Request, number: int) -> Answer:
        """Another title, body or state."""
        return self._edit(request, self.pulls, number, {"title", "body", "state", "base"})

    def merge_pull(self, request: Request, number: int) -> Answer:
        """A merge commit on the base, if the head is still the one that is meant."""
        pull = next((pull for pull in self.pulls if pull["number"] == number), None)
        if pull is None:
            return 404, None
        if pull["state"] != "open":
            return 405, {"message": "Pull Request is not mergeable"}
        if self.protected:
            return 405, {
                "message": "Repository rule violations found: Required status check is expected."
            }
        head, base = pull["head"]["sha"], pull["base"]["ref"]
        if request.data.get("sha", head) != head:
            return 409, {"message": "Head branch was modified. Review and try the merge again."}
        tree = self.git("merge-tree", "--write-tree", base, head)
        if not tree:
            return 405, {"message": "Pull Request has merge conflicts"}
        merged = self.git(
            "commit-tree", tree, "-p", self.sha(base), "-p", head, "-m", f"Merge {number}"
        )
        self.git("update-ref", f"refs/heads/{base}", merged)
        pull.update(state="closed", merged_at="2014-01-03T05:23:00Z")
        return 200, {"sha": merged, "merged": True}

    def list_issues(self, request: Request) -> Answer:
        """Return issues, and pull requests among them, by state and labels.

        The newest come first unless requested otherwise.
        """
        state, labels = (
            request.query.get("state", "open"),
            set(filter(None, request.query.get("labels", "").split(","))),
        )
        pulls = [{"labels": [], "body": None, **pull, "pull_request": {}} for pull in self.pulls]
        found = [one for one in (*pulls, *self.issues) if state in ("all", one["state"])]
        found = [one for one in found if labels <= {label["name"] for label in one["labels"]}]
        found.sort(
            key=lambda one: one["number"], reverse=request.query.get("direction", "desc") == "desc"
        )
        return 200, page(found, request)

    def open_issue(self, request: Request) -> Answer:
        """A new issue; a label that is not there is made."""
        if wrong := self._wrong(request.data, {"title", "body", "labels"}, {"title"}):
            return wrong
        labels = [{"name": name} for name in request.data.get("labels", [])]
        self.issues.append(self._numbered(request.data, "issues") | {"labels": labels})
        return 201, self.issues[-1]

    def edit_issue(self, request: Request, number: int) -> Answer:
        """Another title, body or state."""
        return self._edit(
            request, self.issues, number, {"title", "body", "state", "state_reason", "labels"}
        )

    def dispatch(self, request: Request, name: str) -> Answer:
        """Start a workflow at a branch or tag.

        Its file there must allow such a start and know the inputs.
        """
        ref = request.data.get("ref", "")
        commit = self.sha(ref) or self.git(
            "rev-parse", "--verify", "--quiet", f"refs/tags/{ref}^{{commit}}"
        )
        if not self.git("show", f"{MAIN}:.github/workflows/{name}"):
            return 404, None
        if not commit:
            return 422, {"message": f"No ref found for: {ref}"}
        starts = yaml.safe_load(self.git("show", f"{commit}:.github/workflows/{name}"))[True]
        if "workflow_dispatch" not in starts:
            return 422, {"message": "Workflow does not have 'workflow_dispatch' trigger"}
        known = (
            (starts["workflow_dispatch"] or {}).get("inputs", {})
            if isinstance(starts, dict)
            else {}
        )
        given = request.data.get("inputs", {})
        if unknown := [key for key in given if key not in known]:
            return 422, {"message": f"Unexpected inputs provided: {unknown}"}
        wrong = [
            key
            for key, value in given.items()
            if "options" in known[key] and value not in known[key]["options"]
        ]
        if wrong:
            return 422, {
                "message": f"Provided value for {wrong} is not in the list of allowed values"
            }
        head = {"head_branch": ref, "head_sha": commit}
        self.runs.append({"name": name, "event": "workflow_dispatch", "inputs": given, **head})
        return 204, None

    def _numbered(self, asked: Tree, kind: str) -> Tree:
        number = 500 + len(self.pulls) + len(self.issues)
        known = {
            "number": number,
            "state": "open",
            "title": asked["title"],
            "body": asked.get("body"),
        }
        return known | {
            "user": {"login": BOT},
            "html_url": f"{self.url}/{self.slug}/{kind}/{number}",
            "edits": 0,
        }

    def _edit(self, request: Request, entries: list[Tree], number: int, known: set[str]) -> Answer:
        entry = next((entry for entry in entries if entry["number"] == number), None)
        if entry is None:
            return 404, None
        if wrong := self._wrong(request.data, known, set()):
            return wrong
        entry.update(request.data, edits=entry["edits"] + 1)
        return 200, entry

    def _wrong(self, asked: Tree, known: set[str], needed: set[str]) -> Answer | None:
        if unknown := asked.keys() - known:
            return refused(f"{unknown} is no part of the request")
        if missing := [name for name in needed if not asked.get(name)]:
            return refused(f"{missing} is missing", code="missing_field")
        if not 0 < len(asked.get("title", "x")) <= TITLE:
            return refused("title is too long (maximum is 256 characters)")
        good = (
            asked.get("state", "open") in ("open", "closed")
            and asked.get("state_reason") in REASONS
        )
        return None if good else refused("state is not one of the allowed values")


MORE: Routes = (
    ("POST REPO/pulls", Team.open_pull, "pull-requests"),
    (r"PATCH REPO/pulls/(\d+)", Team.edit_pull, "pull-requests"),
    (r"PUT REPO/pulls/(\d+)/merge", Team.merge_pull, "contents"),
    ("GET REPO/issues", Team.list_issues),
    ("POST REPO/issues", Team.open_issue, "issues"),
    (r"PATCH REPO/issues/(\d+)", Team.edit_issue, "issues"),
    (r"POST REPO/actions/workflows/([\w.-]+)/dispatches", Team.dispatch, "actions"),
)
