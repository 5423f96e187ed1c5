"""Runs every check, whatever else is broken."""

from collections.abc import Iterator
from importlib import import_module

from tarmac.interface.errors import UserError
from tarmac.repository.doctor.finding import Diagnosis

CHECKS = {
    "machine": ("python", "packages", "commands", "clock", "gpu"),
    "repository": ("commits", "branch", "merging", "parameters", "locks", "result"),
    "storage": ("disk", "cache", "site_cache", "outputs", "remote"),
}


def iter_diagnoses() -> Iterator[tuple[str, Diagnosis]]:
    """The name of each check, and what it found."""
    for module, names in CHECKS.items():
        for name in names:
            yield name, run_check(module, name)


def run_check(module: str, name: str) -> Diagnosis:
    """A check's finding; what stops it is one, too, of the check and of nothing else."""
    try:
        finding: Diagnosis = getattr(import_module(f"tarmac.repository.doctor.{module}"), name)()
    except ImportError as error:
        return Diagnosis("fail", f"{error}", "make setup")
    except UserError as error:
        what = "; ".join(line.strip() for line in str(error).splitlines())
        return Diagnosis("fail", what, "; ".join(error.hint.splitlines()))
    except Exception as error:  # noqa: BLE001 - what is broken must not hide the rest
        return Diagnosis("fail", "; ".join(str(error).splitlines()) or type(error).__name__)
    return finding


def run_doctor() -> bool:
    """Print a line a check; return whether none fails."""
    outcomes = []
    for name, finding in iter_diagnoses():
        print(finding.format_line(name), flush=True)
        outcomes.append(finding.outcome)
    print(
        f"{len(outcomes)} checks, {outcomes.count('warn')} to look at, "
        f"{outcomes.count('fail')} to fix"
    )
    return "fail" not in outcomes
