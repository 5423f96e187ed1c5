"""`make propose`: offers a retraining as the one pull request, and keeps the one alert."""

import os
from collections.abc import Mapping
from pathlib import Path

from tarmac.ci import alert, branch, pull_request
from tarmac.ci.github_api import Environment
from tarmac.ci.outcome import RunOutcome, read_run_outcome
from tarmac.interface.errors import UserError, exit_on_user_error


class ProposalError(UserError):
    """What could not be done, a line each."""


def main(environment: Mapping[str, str]) -> None:
    """Propose the retraining, if the run made one, and update the alert.

    Raise `ProposalError` if Git or GitHub refuses. The same call again goes on from there.
    """
    run = read_run_outcome(environment.get("OUTCOME", "success"))
    print(f"monitoring: {run.verdict}, {run.decision}: {run.summary}")
    refused: list[UserError] = []
    for step in ([propose_retraining] if run.made else []) + [alert.update_alert]:
        try:
            step(run, environment)
        except UserError as error:  # one of the two is no reason to leave the other
            refused.append(error)
    if refused:
        hints = dict.fromkeys(error.hint for error in refused if error.hint)
        raise ProposalError("\n".join(map(str, refused)), "\n".join(hints))


def propose_retraining(run: RunOutcome, environment: Mapping[str, str]) -> None:
    """Push the branch, open or update the pull request, and start its review.

    Merge the pull request if the policy says so and the review of the run has passed.
    """
    pushed = branch.push_result(pull_request.format_title(run))
    if pushed is None:
        print("the default branch has this result already: nothing to propose")
        return
    print(f"{'pushed' if pushed.new else 'the server has'} {pushed.commit[:9]} as {branch.BRANCH}")
    offered = pull_request.submit_pull_request(pushed, run, environment)
    if offered is None:
        print("a pull request with this very content was closed: it is not opened again")
        return
    pull_request.start_workflows(pushed.commit, environment)
    if run.automatic and run.review == "pass":
        _write_output(
            "merged",
            pull_request.merge_pull_request(int(offered["number"]), pushed, environment),
            environment,
        )


def _write_output(name: str, value: str, environment: Mapping[str, str]) -> None:
    """Tell the workflow's next job."""
    print(f"{name}: {value}")
    if path := environment.get("GITHUB_OUTPUT"):
        with Path(path).open("a", encoding="utf-8") as file:
            file.write(f"{name}={value}\n")


if __name__ == "__main__":
    with exit_on_user_error():
        main(Environment(os.environ))
