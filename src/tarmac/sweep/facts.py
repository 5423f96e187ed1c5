"""What a study is a study of: commit, data, environment and every setting that is not searched."""

from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from tarmac.interface.errors import UserError
from tarmac.pipeline.base import paths
from tarmac.pipeline.base.hashing import compute_dvc_hash
from tarmac.policy import AllParams
from tarmac.reporting.trees import flatten_tree
from tarmac.repository import git, reproduce
from tarmac.repository.dvc import commands
from tarmac.repository.stage_inputs import OUTSIDE, group_paths_by_stage

FEATURES = str(paths.FEATURES)
RESULTS = ("metrics/", "models/")  # of an earlier run, which the next stage reads
NEEDED = (str(paths.RAW), str(paths.PREPARED), FEATURES)


class UncommittedError(UserError):
    """Files that decide a result are not committed."""


class PipelineFileError(UserError):
    """The pipeline's file is not valid."""


def require_committed_files() -> None:
    """Raise `UncommittedError` if files that stages read are in no commit as they are here.

    The error names the files. Raise `PipelineFileError` if `dvc.yaml` is not valid YAML. An
    experiment leaves out what Git does not track, and a study is bound to a commit. `params.yaml`
    may differ: its settings are facts of the study themselves.
    """
    if git.resolve_commit("HEAD") is None:
        raise UncommittedError(
            "this repository has no commit, and a study belongs to one",
            "run `git add --all`, then `git commit`",
        )
    changed = git.list_changed_paths("HEAD")
    changed_by_stage = group_paths_by_stage(changed, _read_pipeline(paths.PIPELINE))
    changed_by_stage.pop(OUTSIDE, None)
    files = sorted(set().union(*changed_by_stage.values()))
    files += [path for path in changed if path == str(paths.PIPELINE)]
    files = [path for path in files if not path.startswith(RESULTS)]
    if files:
        raise UncommittedError(
            "\n  ".join(["stages read files that are not committed", *files]),
            "commit them, or put them away with `git stash --include-untracked`",
        )


def _read_pipeline(path: Path) -> dict[str, Any]:
    try:
        pipeline = YAML(typ="safe", pure=True).load(path.read_text(encoding="utf-8"))
    except (YAMLError, ValueError, OSError) as error:
        reason = f"not valid YAML: {' '.join(str(error).split())}"
    else:
        if isinstance(pipeline, dict):
            return pipeline
        reason = "`key: value` lines are expected"
    raise PipelineFileError(f"{path}: {reason}", f"correct it, or restore it: `git restore {path}`")


def build_features() -> None:
    """Fetches what the features are made of, then makes them where they are not up to date."""
    commands.clear_stale_locks()
    commands.pull_available_outputs(path for path in NEEDED if not Path(path).exists())
    reproduce.run_dvc_repro(Path(), "featurize")


def collect_facts(params: AllParams) -> dict[str, str]:
    """Every fact by its name, as text."""
    sections = {"train": params.train, "sweep": params.sweep, "split": params.split}
    settings = flatten_tree({name: section.model_dump() for name, section in sections.items()})
    return {
        "commit": git.resolve_commit("HEAD") or "none",
        "data": compute_dvc_hash(Path(FEATURES)) or "none",
        "environment": compute_dvc_hash(paths.LOCKED) or "none",
        **{key: str(value) for key, value in settings.items() if key not in params.sweep.space},
    }
