"""What stages cost when they last ran here, found again by the outputs that they made."""

import hashlib
import json
from collections.abc import Collection
from pathlib import Path

from tarmac.pipeline.base.outputs import replace_output
from tarmac.repository.dvc import lockfile as locks

KEPT = Path(".dvc/tmp/tarmac/cost")
Cost = dict[str, float]  # wall_seconds, cpu_seconds, peak_bytes


def save_stage_costs(measured: Path, lock: str, ran: Collection[str]) -> None:
    """Keep what was measured in a folder for the stages that ran.

    It is kept under the outputs that the lock names.
    """
    KEPT.mkdir(parents=True, exist_ok=True)
    stages = locks.parse_yaml(lock)["stages"] if ran else {}
    for stage in ran:
        source = measured / f"{stage}.json"
        if source.is_file():
            with replace_output(_build_cost_path(stage, stages[stage])) as path:
                path.write_bytes(source.read_bytes())


def load_stage_costs(lock: str) -> dict[str, Cost]:
    """Costs by stage, of those stages of a lock that have run on this machine."""
    stages = (locks.parse_yaml(lock) or {}).get("stages", {})
    costs = {stage: _load_cost(_build_cost_path(stage, entry)) for stage, entry in stages.items()}
    return {stage: cost for stage, cost in costs.items() if cost}


def _load_cost(path: Path) -> Cost | None:
    try:
        return dict(json.loads(path.read_text(encoding="utf-8")))
    except (FileNotFoundError, ValueError):  # never measured here, or cut by a full disk
        return None


def _build_cost_path(stage: str, entry: locks.Entry) -> Path:
    outputs = " ".join(f"{out['path']}={out['md5']}" for out in entry.get("outs", []))
    return KEPT / f"{stage}-{hashlib.md5(outputs.encode(), usedforsecurity=False).hexdigest()}.json"
