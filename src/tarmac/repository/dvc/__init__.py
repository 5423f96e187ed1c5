"""DVC as the rest of Tarmac uses it: its commands, its object stores, its lockfile."""
