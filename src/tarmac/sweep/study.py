"""Open the study in its storage: it is made once, and joined from then on.

All who join it work on the same commit, data and settings.
"""

import json
import re
import shlex
import time
import warnings
from pathlib import Path
from typing import Any

import optuna
from optuna.storages import RDBStorage
from optuna.study import Study
from sqlalchemy import Engine, event
from sqlalchemy.engine import make_url
from sqlalchemy.exc import (
    ArgumentError,
    IntegrityError,
    NoSuchModuleError,
    OperationalError,
    ProgrammingError,
)

from tarmac.interface.errors import UserError, suggest_name
from tarmac.policy import SweepParams
from tarmac.sweep.slots import requeue_trial
from tarmac.sweep.space import Sampler

EMBEDDED = Path(".dvc/tmp/tarmac/sweep.db")
NAME = re.compile(r"[a-z0-9][a-z0-9-]*")
# SQLAlchemy ends a password at the first `@`, and takes the rest of it as the host. So a URL with
# another one shows a part of the password. Elsewhere an `@` can be written as %40.
UNENCODED_PASSWORD = re.compile(r"[\w+]+://[^:/]*:[^@]*@.*@", re.DOTALL)
# Seconds: so often a worker says that it lives, and so long it is believed.
HEARTBEAT, GRACE = (5, 20)
FACTS = "facts"


class StudyError(UserError):
    """The study cannot be used here.

    The storage does not answer, or the study was opened for something else.
    """


def open_storage(url: str) -> RDBStorage:
    """Return the storage of a URL, by default a file of this folder.

    Raise `StudyError` if the storage does not answer.
    """
    if not url:
        EMBEDDED.parent.mkdir(parents=True, exist_ok=True)
        url = f"sqlite:///{EMBEDDED}"
    for attempt in range(5):
        try:
            return _create_storage(url)
        except (
            IntegrityError,
            ProgrammingError,
        ):  # another machine makes the tables at this moment
            time.sleep(0.5 * (attempt + 1))
        except (
            ArgumentError,
            ImportError,
            NoSuchModuleError,
            OperationalError,
            ValueError,
        ) as error:
            raise StudyError(
                f"the storage {redact_url(url)} cannot be opened: {str(error).splitlines()[0]}",
                "check the URL in --storage or TARMAC_SWEEP_STORAGE, and that the database runs",
            ) from None
    raise StudyError(
        f"the storage {redact_url(url)} does not allow creating tables",
        "grant its user the right to create tables, then run the same command again",
    )


def redact_url(url: str) -> str:
    """A storage's URL without its password."""
    if UNENCODED_PASSWORD.match(url):
        return "of that URL"
    try:
        return make_url(url).render_as_string(hide_password=True)
    except (ArgumentError, ValueError):  # no URL, or a port that is no number
        return "of that URL"


def _create_storage(url: str) -> RDBStorage:
    if UNENCODED_PASSWORD.match(url):  # a message of the driver would show a part of it as the host
        raise ArgumentError("an `@` in the password is not written as %40")
    try:
        address = make_url(url)
    except ValueError:  # its text may be a part of the password
        raise ArgumentError("the port is not a number") from None
    # The driver that is locked is not SQLAlchemy's default.
    if address.drivername in ("postgres", "postgresql"):
        url = address.set(drivername="postgresql+psycopg").render_as_string(hide_password=False)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        storage = RDBStorage(
            url,
            engine_kwargs={"connect_args": {"timeout": 60}}
            if url.startswith("sqlite")
            else {"pool_pre_ping": True},
            heartbeat_interval=HEARTBEAT,
            grace_period=GRACE,
            heartbeat_stale_trial_callback=requeue_trial,
        )
    if url.startswith("sqlite"):
        _serialize_transactions(storage.engine)
    return storage


def _serialize_transactions(engine: Engine) -> None:
    """Let a transaction of SQLite lock before it reads.

    Otherwise two workers can take one waiting trial.
    """

    @event.listens_for(engine, "connect")
    def _(connection: Any, _record: object) -> None:
        connection.isolation_level = None

    @event.listens_for(engine, "begin")
    def _(connection: Any) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE")

    engine.dispose()


def open_study(storage: RDBStorage, name: str, params: SweepParams, facts: dict[str, str]) -> Study:
    """Open a study, or make it with these facts.

    Raise `StudyError` if it was made with others.
    """
    if not NAME.fullmatch(name):
        raise StudyError(
            f"invalid study name {name!r}",
            "use lowercase letters, digits and hyphens: `make sweep STUDY=deep-trees`",
        )
    halving = params.halving
    study = optuna.create_study(
        study_name=name,
        storage=storage,
        direction=params.direction,
        sampler=Sampler(params),
        pruner=optuna.pruners.SuccessiveHalvingPruner(halving.min_rounds, halving.factor)
        if halving
        else optuna.pruners.NopPruner(),
        load_if_exists=True,
    )
    if FACTS not in study.user_attrs:
        study.set_user_attr(FACTS, json.dumps(facts))
    require_same_facts(name, json.loads(study.user_attrs[FACTS]), facts)
    return study


def require_same_facts(name: str, opened: dict[str, str], facts: dict[str, str]) -> None:
    """Raise `StudyError` naming each fact of the study that is another here."""
    different = [
        f"  {key}: {opened.get(key, 'none')} in the study, {facts.get(key, 'none')} here"
        for key in sorted({*opened, *facts})
        if opened.get(key) != facts.get(key)
    ]
    if different:
        started = f"the study {name!r} was started with another commit, data or settings"
        raise StudyError(
            "\n".join([started, *different]),
            "restore them, or start another study: `make sweep STUDY=NAME` (--study NAME)",
        )


def load_study(storage: RDBStorage, name: str) -> Study:
    """A study that is there. Raises `StudyError` where it is not."""
    try:
        return optuna.load_study(study_name=name, storage=storage)
    except KeyError:
        known = sorted(optuna.get_all_study_names(storage))
        start = f"start it with `make sweep STUDY={shlex.quote(name)}`"
        raise StudyError(
            f"there is no study {name!r} in this storage (known: {', '.join(known) or 'none'})",
            f"{suggest_name(name, known)} {start}".strip(),
        ) from None
