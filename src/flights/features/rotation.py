"""Rotation: what the aircraft did before, and whether it can be back in time."""

import ibis
from ibis import Table
from ibis import _ as row
from ibis.expr.types import IntegerColumn

from flights.contract.columns import FEATURES
from flights.features.inputs import FeatureInputs
from flights.timeline.row import HOUR
from tarmac.interface.lookup import Lookup

REACH = 72 * HOUR  # an earlier departure from New York says nothing of today
ORDER = ("sched_dep", "carrier", "flight", "origin")
BEFORE = ("sched_dep", "sched_arr", "dep", "arr", "block")
# A planned departure: another aircraft or time is another one.
LEG = ("tailnum", "carrier", "flight", "origin", "cut")
COLUMNS = FEATURES["rotation"]


def lookups(known: FeatureInputs) -> list[Lookup]:
    """Return the lookup of the aircraft's previous departure from New York within three days.

    In minutes, except for `legs_before`:

    - `turn`: from its scheduled arrival there to this departure.
    - `spare`: `turn` less the flight back.
    - `previous_wait`: how far behind schedule it left, as far as known at the cut-off.
    - `previous_delay`: how late it arrived, if that was known at the cut-off.
    - `expected_spare`: `spare` less the best known of the two.
    - `legs_before`: its departures earlier that local day.

    Values are missing if the aircraft is unknown or new.
    """
    past = known.flights.filter(row.sched_dep >= known.start - REACH, row.tailnum.notnull())
    past = past.mutate(block=row.sched_arr - row.sched_dep)
    aircraft = ibis.window(group_by="tailnum", order_by=ORDER)
    earlier = ibis.range_window(
        group_by=["tailnum", "day"], order_by="sched_dep", preceding=(None, 1)
    )
    legs = past.mutate(
        legs_before=row.sched_dep.count().over(earlier),
        **{f"last_{name}": row[name].lag().over(aircraft) for name in BEFORE},
    )
    table = _compute_turns(legs).select(*LEG, *COLUMNS)
    return [Lookup("rotation", table, LEG, table.cut, 1)]


def _compute_turns(legs: Table) -> Table:
    recent = row.sched_dep - row.last_sched_dep <= REACH
    turned = legs.mutate(
        turn=_select_if(recent, row.sched_dep - row.last_sched_arr),
        spare=_select_if(recent, row.sched_dep - row.last_sched_arr - row.last_block),
        previous_wait=_select_if(recent & (row.last_sched_dep < row.cut), _compute_wait()),
        previous_delay=_select_if(
            recent & (row.last_arr < row.cut), row.last_arr - row.last_sched_arr
        ),
    )
    best_known = ibis.coalesce(row.previous_delay, row.previous_wait, 0)
    return turned.mutate(expected_spare=row.spare - best_known)


def _select_if(condition: ibis.Value, value: IntegerColumn) -> IntegerColumn:
    return ibis.ifelse(condition, value, ibis.null("int64"))


def _compute_wait() -> IntegerColumn:
    gone = (row.last_dep < row.cut).fill_null(False)
    return ibis.ifelse(gone, row.last_dep, row.cut) - row.last_sched_dep
