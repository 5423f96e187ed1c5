"""What a pull request sees: two results compared, a verdict by policy, and a report that says why."""
