"""Remote settings: private options stay out of the committed file and belong to one URL only."""

import stat

import pytest
from dvc.config import Config
from dvc.config_schema import REMOTE_SCHEMAS

from tarmac.interface.errors import UserError
from tarmac.repository.remote import settings
from tests.conftest import Workspace

S3, SSH = "s3://bucket/path", "ssh://host/store"
SECRETS = {
    "access_key_id",
    "account_key",
    "client_secret",
    "connection_string",
    "passphrase",
    "password",
}
SECRETS |= {
    "sas_token",
    "secret_access_key",
    "session_token",
    "sse_customer_key",
    "token",
    "bearer_token_command",
}


def texts(workspace: Workspace) -> tuple[str, str]:
    shared, own = (workspace.path / ".dvc" / name for name in ("config", "config.local"))
    return shared.read_text(), own.read_text() if own.exists() else ""


@pytest.fixture
def workspace(finished: Workspace) -> Workspace:
    return finished


def test_shared_options_include_no_secret():
    known = {str(option) for schema in REMOTE_SCHEMAS.values() for option in schema}
    assert known >= settings.SHARED
    assert not SECRETS & settings.SHARED
    risky = {
        name
        for name in settings.SHARED
        if any(word in name for word in ("pass", "secret", "token", "key"))
    }
    assert risky == {"sse_kms_key_id"}  # the name of a key


def test_private_option_is_uncommitted_and_owner_readable_only(workspace):
    settings.write_remote_settings(
        workspace.path, S3, settings.parse_options(["region=eu", "secret_access_key=canary"])
    )
    shared, own = texts(workspace)
    assert "region = eu" in shared
    assert "canary" in own
    assert "canary" not in shared
    assert stat.S_IMODE((workspace.path / ".dvc" / "config.local").stat().st_mode) == 0o600
    assert workspace.run("git", "status", "--porcelain").stdout == " M .dvc/config\n"


def test_every_remote_verifies_and_option_verify_is_rejected(workspace):
    settings.write_remote_settings(workspace.path, S3, {})
    remotes = Config(str(workspace.path / ".dvc"))["remote"]
    assert {remote["verify"] for remote in remotes.values()} == {True}
    with pytest.raises(settings.SettingsError, match="option verify cannot be set") as caught:
        settings.parse_options(["verify=false"])
    assert "always verified" in caught.value.hint


def test_private_options_are_not_reused_for_another_url(workspace):
    settings.write_remote_settings(
        workspace.path, SSH, {"keyfile": "/home/alice/key", "port": "2222"}
    )
    settings.write_remote_settings(workspace.path, "ssh://elsewhere/store", {})
    remotes = Config(str(workspace.path / ".dvc"))["remote"]
    assert remotes[settings.format_remote_name("ssh://elsewhere/store")] == {
        "url": "ssh://elsewhere/store",
        "verify": True,
    }


def test_setting_same_url_again_keeps_its_options(workspace):
    settings.write_remote_settings(
        workspace.path, SSH, {"keyfile": "/home/alice/key", "port": "2222"}
    )
    before = texts(workspace)
    settings.write_remote_settings(workspace.path, SSH, {})
    assert texts(workspace) == before


def test_commit_before_move_works_with_private_options(workspace):
    settings.write_remote_settings(workspace.path, SSH, {"keyfile": "/home/alice/key"})
    workspace.run("git", "restore", ".dvc/config")
    assert workspace.dvc("config", "core.remote").stdout.strip() == "embedded"
    workspace.dvc("status")


def test_new_remote_overrides_private_default(workspace):
    workspace.dvc("remote", "default", "--local", "embedded")
    settings.write_remote_settings(workspace.path, S3, {})
    assert Config(str(workspace.path / ".dvc"))["core"]["remote"] == settings.format_remote_name(S3)


def test_returning_to_embedded_changes_only_default(workspace):
    settings.write_remote_settings(workspace.path, S3, {})
    away, _ = texts(workspace)
    settings.write_remote_settings(workspace.path, "embedded", {})
    assert texts(workspace)[0] == away.replace(
        f"remote = {settings.format_remote_name(S3)}", "remote = embedded"
    )


@pytest.mark.parametrize("option", ["", "=x", "region", "url=s3://other", "verify=false"])
def test_rejects_malformed_or_reserved_option(option):
    with pytest.raises(settings.SettingsError):
        settings.parse_options([option])


def test_rejects_secret_in_server_address():
    with pytest.raises(UserError, match="the URL has a password, which would be committed to Git"):
        settings.parse_options(["endpointurl=https://key:canary@host"])


def test_rejects_option_of_another_remote_type(workspace):
    with pytest.raises(settings.SettingsError, match="keyfile"):
        settings.write_remote_settings(workspace.path, S3, {"keyfile": "key"})


def test_misspelled_option_suggests_nearest_one(workspace):
    with pytest.raises(settings.SettingsError, match="endpoint_url") as caught:
        settings.write_remote_settings(
            workspace.path, S3, {"endpoint_url": "https://host", "region": "eu"}
        )
    assert caught.value.hint.startswith("did you mean `endpointurl`? ")
