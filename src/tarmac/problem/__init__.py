"""The problem: which flights out of New York will arrive late.

A team replaces this folder; nothing else knows what a flight is. The rest of the package uses `names`, `params`,
`source` (ingest), `schema` (validation), `clean` (prepare), `features` (featurize) and `slices` (evaluate), each by the
public names it has here.
"""
