"""Mutation testing: how many small faults in a module do the module's own tests detect?

`python -m benchmarks.mutation --seed 7 --modules tarmac/review/verdict` draws mutants of each
module. It runs the module's own tests once per mutant, and lists the mutants that no test detects.

Limits: a child process of a test loads the mutant only if it was started by `sys.executable`, and
if its file of the module is the original. Folders that `tests.conftest.once` makes are made once
per module, from the original source. So a survivor may be detected by a test from nothing.
"""
