"""What a model of late flights must do whatever its metrics say."""

import numpy as np
import pandas as pd

from flights.contract.columns import FEATURES
from tarmac.interface.behaviour import Behaviour, add_amount, add_two_deviations, set_value

MISSING = np.float32(np.nan)
QUEUE = ("origin_wait_1h", "origin_wait_3h", "hub_wait_3h")
LATE_NOW = ("origin_late_3h", "carrier_late_3h", "hub_late_3h")

BEHAVIOURS = (
    Behaviour("the number of the flight says nothing", "same", set_value(1), ("flight",)),
    Behaviour(
        "the date of the flight says nothing",
        "same",
        set_value(pd.Timestamp("2030-01-01").date()),
        ("day",),
    ),
    Behaviour("a queue at the gate delays those behind it", "higher", add_two_deviations, QUEUE),
    Behaviour("many late departures are followed by more", "higher", add_two_deviations, LATE_NOW),
    Behaviour(
        "an aircraft that comes late leaves late",
        "higher",
        add_two_deviations,
        ("previous_wait", "previous_delay"),
    ),
    Behaviour(
        "a flight that used to be late goes on so",
        "higher",
        add_two_deviations,
        ("flight_delay_21d", "route_delay_21d"),
    ),
    Behaviour(
        "spare time on the ground absorbs delay",
        "lower",
        add_amount(60.0),
        ("spare", "expected_spare"),
    ),
    Behaviour("a carrier never seen", "usable", set_value("??"), ("carrier",)),
    Behaviour("a destination never seen", "usable", set_value("??"), ("dest",)),
    Behaviour("no weather report", "usable", set_value(MISSING), FEATURES["weather"]),
    Behaviour(
        "no news of the day's operations", "usable", set_value(MISSING), FEATURES["operations"]
    ),
)
