"""What a model of late flights must do whatever its metrics say."""

import numpy as np
import pandas as pd

from flights.contract.columns import FEATURES
from tarmac.interface.behaviour import Behaviour, becomes, grows, worsens

MISSING = np.float32(np.nan)
QUEUE = ("origin_wait_1h", "origin_wait_3h", "hub_wait_3h")
LATE_NOW = ("origin_late_3h", "carrier_late_3h", "hub_late_3h")

BEHAVIOURS = (
    Behaviour("the number of the flight says nothing", "same", becomes(1), ("flight",)),
    Behaviour("the date of the flight says nothing", "same", becomes(pd.Timestamp("2030-01-01").date()), ("day",)),
    Behaviour("a queue at the gate delays those behind it", "higher", worsens, QUEUE),
    Behaviour("many late departures are followed by more", "higher", worsens, LATE_NOW),
    Behaviour("an aircraft that comes late leaves late", "higher", worsens, ("previous_wait", "previous_delay")),
    Behaviour("a flight that used to be late goes on so", "higher", worsens, ("flight_delay_21d", "route_delay_21d")),
    Behaviour("spare time on the ground absorbs delay", "lower", grows(60.0), ("spare", "expected_spare")),
    Behaviour("a carrier never seen", "usable", becomes("??"), ("carrier",)),
    Behaviour("a destination never seen", "usable", becomes("??"), ("dest",)),
    Behaviour("no weather report", "usable", becomes(MISSING), FEATURES["weather"]),
    Behaviour("no news of the day's operations", "usable", becomes(MISSING), FEATURES["operations"]),
)
