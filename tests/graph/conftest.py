"""Fixtures of the graph's tests.

The copies last a session, because each of them costs runs of stages.
"""

import shutil

import pytest

from tarmac.testing.pipeline_file import stages
from tests.conftest import Workspace
from tests.graph.plant import edit
from tests.graph.trace import Trace, remove, trace

# One statement for each thing that a stage must not do without declaring it. Of the keys,
# `online.days` is not read: what is read of the copy is the value that the copy was given.
MISBEHAVIOUR = """
    import importlib
    from tarmac.pipeline.base import params as known

    params = known.load_params(known.PipelineParams)
    params.train.seed
    params.evaluate.model_dump()
    vars(params.intervals)
    params.baseline.model_copy()
    copy = params.online.model_copy(update={"days": 9})
    assert copy.days == 9
    assert copy.seed >= 0
    Path("data/stray.txt").write_text("stray")
    Path("metrics/train/metrics.json").unlink()
    Path("models/model.onnx").open("rb").close()
    from tarmac.interface.problem import problem
    importlib.import_module(f"{problem.name}.evaluation.slices")
"""


def copy_of(template: Workspace, factory: pytest.TempPathFactory, name: str) -> Workspace:
    """A copy of a workspace that lasts as long as the session."""
    target = factory.mktemp(name) / "repository"
    shutil.copytree(template.path, target, symlinks=True)
    return Workspace(target)


@pytest.fixture(scope="session")
def rerun(finished_template: Workspace, tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """The workspace in which `traces` ran every stage again."""
    return copy_of(finished_template, tmp_path_factory, "rerun")


@pytest.fixture(scope="session")
def traces(rerun: Workspace) -> dict[str, Trace]:
    """What each stage did when it ran in a finished workspace without its own outputs."""
    done = {}
    for name, stage in stages(rerun.path).items():
        remove(rerun.path, stage.writes)
        done[name] = trace(rerun, name, forked=False)
    return done


@pytest.fixture(scope="session")
def misbehaviour(
    finished_template: Workspace, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Workspace, Trace]:
    """A workspace whose `prepare` does what it must not do, and what was seen of it."""
    workspace = copy_of(finished_template, tmp_path_factory, "misbehaviour")
    edit(
        workspace.path,
        "src/tarmac/pipeline/prepare/stage.py",
        "    params = load_params(PrepareStageParams)\n",
        f"    params = load_params(PrepareStageParams)\n{MISBEHAVIOUR}",
    )
    return workspace, trace(workspace, "prepare")
