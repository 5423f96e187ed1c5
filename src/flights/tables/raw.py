"""Columns and types of the raw tables, as `data/raw` stores them."""

import pyarrow as pa

STRING, SMALL, TINY, REAL = pa.string(), pa.int16(), pa.int8(), pa.float64()
UTC_HOUR = pa.timestamp("ms")  # UTC without a zone, so that no session setting can shift it

RAW_TYPES: dict[str, pa.Schema] = {
    "flights": pa.schema(
        {
            "year": SMALL, "month": TINY, "day": TINY,
            "dep_time": SMALL, "sched_dep_time": SMALL, "dep_delay": SMALL,
            "arr_time": SMALL, "sched_arr_time": SMALL, "arr_delay": SMALL,
            "carrier": STRING, "flight": SMALL, "tailnum": STRING, "origin": STRING, "dest": STRING,
            "air_time": SMALL, "distance": SMALL,
            "hour": TINY, "minute": TINY, "time_hour": UTC_HOUR,
        }
    ),
    "weather": pa.schema(
        {
            "origin": STRING, "year": SMALL, "month": TINY, "day": TINY, "hour": TINY,
            "temp": REAL, "dewp": REAL, "humid": REAL, "wind_dir": SMALL, "wind_speed": REAL,
            "wind_gust": REAL, "precip": REAL, "pressure": REAL, "visib": REAL,
            "time_hour": UTC_HOUR,
        }
    ),
    "planes": pa.schema(
        {
            "tailnum": STRING, "year": SMALL, "type": STRING,
            "manufacturer": STRING, "model": STRING,
            "engines": TINY, "seats": SMALL, "speed": SMALL, "engine": STRING,
        }
    ),
    "airports": pa.schema(
        {
            "faa": STRING, "name": STRING, "lat": REAL, "lon": REAL, "alt": SMALL,
            "tz": TINY, "dst": STRING, "tzone": STRING,
        }
    ),
}  # fmt: skip
