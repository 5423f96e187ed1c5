"""What the command prints of a new project."""

from tarmac.scaffold.infer import ProblemRequest, infer_problem
from tarmac.scaffold.summary import list_summary_lines
from tests.tarmac.scaffold.tables import table


def test_columns_left_out_for_one_reason_share_a_short_line() -> None:
    same = {f"same{number}": ["x"] * 60 for number in range(300)}
    rows = table(y=range(60), size=[*range(20)] * 3, **same)
    lines = list_summary_lines(infer_problem(rows, ProblemRequest("y")), [], {"split": {}})
    first = "same0, same1, same2, same3, same4"
    assert [line for line in lines if "left out" in line] == [
        f"left out: {first} and 295 more: it has one value only"
    ]
