"""What is private stays out of the committed file, and goes to no other place than the one it was given for."""

import stat

import pytest
from dvc.config import Config
from dvc.config_schema import REMOTE_SCHEMAS

from tarmac.repository.remote import settings
from tests.conftest import Workspace

S3, SSH = "s3://bucket/path", "ssh://host/store"
SECRETS = {"access_key_id", "account_key", "client_secret", "connection_string", "passphrase", "password"}
SECRETS |= {"sas_token", "secret_access_key", "session_token", "sse_customer_key", "token", "bearer_token_command"}


def texts(workspace: Workspace) -> tuple[str, str]:
    shared, own = (workspace.path / ".dvc" / name for name in ("config", "config.local"))
    return shared.read_text(), own.read_text() if own.exists() else ""


@pytest.fixture
def workspace(finished: Workspace) -> Workspace:
    return finished


def test_an_option_that_can_be_a_secret_is_committed():
    known = {str(option) for schema in REMOTE_SCHEMAS.values() for option in schema}
    assert known >= settings.SHARED
    assert not SECRETS & settings.SHARED
    risky = {name for name in settings.SHARED if any(word in name for word in ("pass", "secret", "token", "key"))}
    assert risky == {"sse_kms_key_id"}  # the name of a key


def test_a_private_option_is_committed_or_readable_by_others(workspace):
    settings.write(workspace.path, S3, settings.parsed(["region=eu", "secret_access_key=canary"]))
    shared, own = texts(workspace)
    assert "region = eu" in shared
    assert "canary" in own
    assert "canary" not in shared
    assert stat.S_IMODE((workspace.path / ".dvc" / "config.local").stat().st_mode) == 0o600
    assert workspace.run("git", "status", "--porcelain").stdout == " M .dvc/config\n"


def test_what_is_fetched_is_not_verified(workspace):
    settings.write(workspace.path, S3, {})
    remotes = Config(str(workspace.path / ".dvc"))["remote"]
    assert {remote["verify"] for remote in remotes.values()} == {True}
    with pytest.raises(settings.SettingsError, match="verify is not for OPTIONS"):
        settings.parsed(["verify=false"])


def test_a_credential_of_one_place_is_sent_to_another(workspace):
    settings.write(workspace.path, SSH, {"keyfile": "/home/alice/key", "port": "2222"})
    settings.write(workspace.path, "ssh://elsewhere/store", {})
    remotes = Config(str(workspace.path / ".dvc"))["remote"]
    assert remotes[settings.name_of("ssh://elsewhere/store")] == {"url": "ssh://elsewhere/store", "verify": True}


def test_telling_the_same_place_again_forgets_its_options(workspace):
    settings.write(workspace.path, SSH, {"keyfile": "/home/alice/key", "port": "2222"})
    before = texts(workspace)
    settings.write(workspace.path, SSH, {})
    assert texts(workspace) == before


def test_a_commit_from_before_the_move_cannot_be_used_with_private_options(workspace):
    settings.write(workspace.path, SSH, {"keyfile": "/home/alice/key"})
    workspace.run("git", "restore", ".dvc/config")
    assert workspace.dvc("config", "core.remote").stdout.strip() == "embedded"
    workspace.dvc("status")


def test_a_private_default_hides_the_new_one(workspace):
    workspace.dvc("remote", "default", "--local", "embedded")
    settings.write(workspace.path, S3, {})
    assert Config(str(workspace.path / ".dvc"))["core"]["remote"] == settings.name_of(S3)


def test_going_back_changes_more_than_the_default(workspace):
    settings.write(workspace.path, S3, {})
    away, _ = texts(workspace)
    settings.write(workspace.path, "embedded", {})
    assert texts(workspace)[0] == away.replace(f"remote = {settings.name_of(S3)}", "remote = embedded")


@pytest.mark.parametrize("option", ["", "=x", "region", "url=s3://other", "verify=false"])
def test_a_word_that_is_no_option_is_taken(option):
    with pytest.raises(settings.SettingsError):
        settings.parsed([option])


def test_a_secret_in_the_address_of_a_server_is_committed():
    with pytest.raises(ValueError, match="holds a credential"):
        settings.parsed(["endpointurl=https://key:canary@host"])


def test_an_option_of_another_kind_is_taken(workspace):
    with pytest.raises(settings.SettingsError, match="keyfile"):
        settings.write(workspace.path, S3, {"keyfile": "key"})
