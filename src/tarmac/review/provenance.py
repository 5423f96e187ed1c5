"""Describe where a result comes from: commits, hashes, and who has rebuilt it.

The hashes are those of data, code, environment, lock and model.
"""

import hashlib
from dataclasses import dataclass
from pathlib import Path

from tarmac.repository import git
from tarmac.repository.dvc import lockfile
from tarmac.repository.stage_inputs import OUTSIDE, group_paths_by_stage
from tarmac.review.result_folder import LOCK, MODEL, PARAMS, PIPELINE, RAW, ResultFolder
from tarmac.review.verdict import ReviewCheck

NAMED = 20  # objects that the report names one by one
RESULTS = (LOCK, "metrics/", "models/")  # what a rebuild writes, and Git keeps
SAID = {
    "identical": "yes: rebuilt from raw data in a clean clone, bit for bit",
    "differs": "no: a rebuild from raw data in a clean clone gave other bytes",
    "failed": "no: the rebuild from raw data in a clean clone failed",
    "not tried": "not tried: `make reproduce` does it",
}


@dataclass(frozen=True)
class Provenance:
    """What was done to have head's outputs here, and whether they are what its commit makes."""

    ran: list[str]  # stages that had to run
    # What the lock names and the remote lacks: outputs, or objects with their hash.
    not_in_remote: list[str]
    rebuild: str  # a key of `SAID`
    different: list[str]  # paths that the rebuild made otherwise


def evaluate_provenance(provenance: Provenance, require_reproduced: bool) -> list[ReviewCheck]:
    """Judges whether the committed result can be had by others and is what its commit makes."""
    checks = []
    if provenance.not_in_remote:
        named, others = provenance.not_in_remote[:NAMED], len(provenance.not_in_remote) - NAMED
        more = f" and {others} others" if others > 0 else ""
        reason = f"the remote lacks {', '.join(named)}{more}: run `make push`"
        checks.append(ReviewCheck("lineage", "outputs are pushed", "fail", reason))
    stale = find_stale_results()
    if stale:
        ran = ", ".join(provenance.ran) or "nothing"
        more = " and others" if stale[1:] else ""
        reason = (
            f"{stale[0]}{more} of this commit is not what it makes (ran {ran}): "
            "run `make run`, commit dvc.lock, metrics and models/card.md"
        )
        checks.append(ReviewCheck("lineage", "dvc.lock is up to date", "fail", reason))
    if provenance.rebuild in ("differs", "failed") and require_reproduced:
        where = f"in {', '.join(provenance.different)}" if provenance.different else ""
        reason = f"{SAID[provenance.rebuild]} {where}".strip()
        checks.append(ReviewCheck("lineage", "reproduced", "fail", reason))
    if provenance.rebuild == "identical":
        checks.append(
            ReviewCheck("lineage", "reproduced", "pass", "rebuilt from raw data, bit for bit")
        )
    return checks


def find_stale_results() -> list[str]:
    """Return the results that the run has made otherwise than they are committed.

    Return nothing if the run's inputs are not committed either.
    """
    if git.resolve_commit("HEAD") is None:
        return []
    changed = git.list_changed_paths("HEAD")
    results = [path for path in changed if path.startswith(RESULTS)]
    pipeline = ResultFolder(Path(), "", {}, frozenset()).read_yaml(PIPELINE)
    inputs = group_paths_by_stage(
        [path for path in changed if path not in results], pipeline
    ).keys() - {OUTSIDE}
    return [] if inputs or {PARAMS, PIPELINE} & set(changed) else results


def build_lineage(base: str | None, head: ResultFolder, provenance: Provenance) -> dict[str, str]:
    """Every hash by what it is of, and what was done to be sure of it."""
    changed = git.list_changed_paths("HEAD") if git.resolve_commit("HEAD") else []
    uncommitted = (
        " with uncommitted changes" if any(not path.startswith(RESULTS) for path in changed) else ""
    )
    return {
        **collect_hashes(base, head),
        "commit": f"{head.commit}{uncommitted}",
        "reproduced": SAID[provenance.rebuild],
        "run for this review": ", ".join(provenance.ran) or "nothing: every stage was up to date",
    }


def collect_hashes(base: str | None, head: ResultFolder) -> dict[str, str]:
    """Return every hash by what it is of."""
    stages = lockfile.parse_stages(head.read_text(LOCK)).values()
    return {
        "commit": head.commit,
        "base": base or "none",
        "raw data": head.hashes.get(RAW, "none"),
        "code": lockfile.compute_code_hash(stages),
        "environment": lockfile.find_environment_hash(stages) or "none",
        LOCK: hashlib.md5((head.read_text(LOCK) or "").encode(), usedforsecurity=False).hexdigest(),
        "model": head.hashes.get(MODEL, "none"),
    }
