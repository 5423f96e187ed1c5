"""The local workflow runner evaluates expressions and runs steps as GitHub does."""

from collections.abc import Callable
from typing import Any

import pytest
import yaml

from tests.workflows import runner
from tests.workflows.expressions import ExpressionError, condition, evaluate, render
from tests.workflows.runner import ActionError, Call, Job, Machine, UnknownActionError, run_job

pytestmark = pytest.mark.program

CONTEXTS = {
    "github": {
        "ref": "refs/heads/main",
        "actor": "Octocat",
        "number": 7,
        "event": {"label": {"name": "gpu"}},
    },
    "inputs": {"empty": "", "given": "x", "off": False, "list": '["a", "b"]'},
    "needs": {"one": {"result": "skipped"}},
}
VALUES = [
    ("github.ref", "refs/heads/main"),
    ("github.event.label.name == 'GPU'", True),
    ("github.event.nothing.at.all", None),
    ("inputs.missing == ''", True),
    ("inputs.empty || github.ref", "refs/heads/main"),
    ("inputs.given && 'yes' || 'no'", "yes"),
    ("inputs.empty && 'yes' || 'no'", "no"),
    ("!inputs.off", True),
    ("!(inputs.given != 'x')", True),
    ("needs.one.result != 'skipped'", False),
    ("'it''s'", "it's"),
    ("startsWith(github.ref, 'Refs/heads/') && 'branch' || 'tag'", "branch"),
    ("startsWith(github.ref, 'heads/')", False),
    ('fromJSON(\'[{"name": "x"}]\')', [{"name": "x"}]),
    ("fromJSON(inputs.list)", ["a", "b"]),
    ("github.number == '7'", True),
    ("github.ref == 0", False),
    ("github.event == 'x' || inputs.given == 'x' && inputs.empty", ""),
]


@pytest.mark.parametrize(("expression", "value"), VALUES)
def test_expression_value_equals_that_on_github(expression, value):
    assert evaluate(expression, CONTEXTS) == value


@pytest.mark.parametrize(
    "expression", ["", "a.b", "github.ref ==", "(github.ref", "github.ref)", "cancelled()", "a ? b"]
)
def test_rejects_expression_that_github_refuses(expression):
    with pytest.raises(ExpressionError):
        evaluate(expression, CONTEXTS)


@pytest.mark.parametrize(
    ("text", "runs"),
    [
        (None, {"success"}),
        ("inputs.given == 'x'", {"success"}),
        ("inputs.given == 'y'", set()),
        ("${{ always() }}", {"success", "failure", "cancelled", "skipped"}),
        ("${{ !cancelled() }}", {"success", "failure", "skipped"}),
        ("failure() && inputs.given", {"failure"}),
        ("always() && inputs.empty", set()),
    ],
)
def test_condition_holds_for_same_statuses_as_on_github(text, runs):
    statuses = ("success", "failure", "cancelled", "skipped")
    assert {status for status in statuses if condition(text, CONTEXTS, status)} == runs


def test_renders_values_as_github_does():
    assert (
        render("${{ github.number }} ${{ inputs.off }}${{ inputs.none }}!", CONTEXTS) == "7 false!"
    )
    assert render(False, CONTEXTS) == "false"
    with pytest.raises(ExpressionError):
        render("${{ github.event }}", CONTEXTS)


@pytest.fixture
def job(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., Job]:
    """Run the steps of a job of a workflow that is made up."""

    def run(*steps: dict[str, Any], **more: object) -> Job:
        folder = tmp_path_factory.mktemp("job")
        (folder / "made.yml").write_text(
            yaml.safe_dump({"jobs": {"one": {"steps": list(steps), **more}}})
        )
        monkeypatch.setattr(runner, "WORKFLOWS", folder)
        contexts = {
            "github": {"token": "t", "sha": "abc"},
            "secrets": {"KEY": "secret"},
            "needs": {},
        }

        def fail(call: Call) -> None:
            raise ActionError(f"{call.inputs['name']} failed")

        machine = Machine(folder / "machine", contexts)
        return run_job("made", "one", contexts, {"some/action": fail}, machine)

    return run


def test_step_sees_only_variables_given_to_it(job, monkeypatch):
    monkeypatch.setenv("FROM_OUTSIDE", "secret")
    done = job({"run": "env"}, {"run": "env", "env": {"KEY": "${{ secrets.KEY }}"}}, {"run": "env"})
    assert ["secret" in step.log for step in done.steps] == [False, True, False]
    assert "GITHUB_SHA=abc" in done.log
    assert "CI=true" in done.log


def test_failed_step_skips_later_steps_and_fails_job(job):
    steps = [
        {"run": "false; true"},
        {"run": "exit 3", "continue-on-error": True},
        {"run": "true"},
        {"run": "true", "if": "${{ !cancelled() }}"},
    ]
    assert [step.outcome for step in job(*steps).steps] == [
        "failure",
        "skipped",
        "skipped",
        "success",
    ]
    assert job(*steps).result == "failure"
    assert [step.outcome for step in job(*steps[1:]).steps] == ["failure", "success", "success"]
    assert job(*steps[1:]).result == "success"


def test_pipe_failure_counts_only_with_shell_bash(job):
    assert job({"run": "false | true"}).result == "success"
    assert job({"run": "false | true", "shell": "bash"}).result == "failure"


def test_keeps_outputs_and_summary_of_all_steps(job):
    steps = [
        {"id": "made", "run": 'echo a=b >> "$GITHUB_OUTPUT"; echo first >> "$GITHUB_STEP_SUMMARY"'},
        {
            "id": "more",
            "run": (
                'printf "c<<END\\nd\\ne\\nEND\\n" >> "$GITHUB_OUTPUT";'
                ' echo last >> "$GITHUB_STEP_SUMMARY"'
            ),
        },
    ]
    done = job(*steps, outputs={"x": "${{ steps.made.outputs.a }}${{ steps.more.outputs.c }}"})
    assert (done.outputs, done.summary) == ({"x": "bd\ne"}, "first\nlast\n")


def test_failed_action_fails_job_and_unknown_action_raises(job):
    assert job({"uses": "some/action@v1", "with": {"name": "it"}}).result == "failure"
    assert "it failed" in job({"uses": "some/action@v1", "with": {"name": "it"}}).log
    with pytest.raises(UnknownActionError):
        job({"uses": "other/action@v1"})
