"""The task of the problem: what follows from the kind of its target."""

from tarmac.interface.problem import problem
from tarmac.interface.task import TASKS

TASK = TASKS[problem.contract.TASK]
