"""The service with other constants than its own.

LIMITS has them as JSON, `{"guard.HEAD_SECONDS": 1}`.
"""

import json
import os
from importlib import import_module

from tarmac.serving.__main__ import main

for name, value in json.loads(os.environ["LIMITS"]).items():  # here, so that every worker does it
    module, constant = name.split(".")
    home = import_module(f"tarmac.serving.{module}")
    assert hasattr(home, constant), f"{name} is no constant of the service"
    setattr(home, constant, value)

if __name__ == "__main__":
    main()
