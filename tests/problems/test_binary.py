"""Two classes without a time: 569 rows of numbers, split so that every part has its share of both."""

from tests.problems.made import cells
from tests.problems.story import Problem


class TestCells(Problem):
    """The table that scikit-learn ships."""

    made = cells()
