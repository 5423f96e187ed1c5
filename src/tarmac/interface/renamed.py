"""Keys of `params.yaml` that had another name in an earlier release, with the name that they have.

Reading the file reports them; `tarmac upgrade` renames them.
"""

RENAMED_KEYS = {
    "act": "critical",
    "ceiling": "suspicious_beyond",
    "floor": "worst_allowed",
    "state": "online",
    "tolerance": "max_regression",
    "watch": "warning",
}
