"""A binary problem without time: 569 numeric rows.

They are split so that every part has both classes in proportion.
"""

from tests.problems.made import cells
from tests.problems.story import Problem


class TestCells(Problem):
    """The table that scikit-learn ships."""

    made = cells()
