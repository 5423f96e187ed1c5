"""Four classes over eight months: a file a month, texts and dates with gaps, a class that is rare."""

from tests.problems.made import tickets
from tests.problems.story import Story


class TestTickets(Story):
    """A made table with a time."""

    made = tickets()
