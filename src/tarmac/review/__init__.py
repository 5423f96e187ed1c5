"""Review a pull request: compare two results, decide by policy, and report the reasons."""
