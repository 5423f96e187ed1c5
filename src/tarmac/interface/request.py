"""What a client says of one row."""

from typing import TypeAlias

from pydantic import BaseModel, ConfigDict

Row: TypeAlias = BaseModel  # each problem has a model of its own
STRICT = ConfigDict(strict=True, extra="forbid", allow_inf_nan=False)
