"""The month's round: a new model where new data call for one."""
