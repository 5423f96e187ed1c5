"""S3 as moto has it, with users whose permissions are enforced."""

import json
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.postgres import HOST, free_port
from tests.servers import INSTALLED, Place, program, serving

BUCKET, REGION = "team", "us-east-1"
MAY = {"writer": ["s3:*"], "reader": ["s3:GetObject", "s3:ListBucket"]}
UNGUARDED = 10**6  # requests, until the users are there


@dataclass(frozen=True)
class Server:
    """A running server with one bucket."""

    port: int
    keys: dict[str, tuple[str, str]]  # id and secret, by user

    @property
    def endpoint(self) -> str:
        return f"http://{HOST}:{self.port}"

    def place(
        self, path: str = f"{BUCKET}/model", user: str = "writer", secret: str | None = None
    ) -> Place:
        """A path in the bucket, with the keys of a user in the environment."""
        identity, own = self.keys[user]
        return Place(
            f"s3://{path}",
            (f"endpointurl={self.endpoint}",),
            env=credentials(identity, secret or own),
        )


def credentials(identity: str, secret: str) -> dict[str, str]:
    """What S3's libraries look for, and nothing that they would ask a network for."""
    keys = {
        "AWS_ACCESS_KEY_ID": identity,
        "AWS_SECRET_ACCESS_KEY": secret,
        "AWS_DEFAULT_REGION": REGION,
    }
    return {**keys, "AWS_EC2_METADATA_DISABLED": "true"}


@contextmanager
def s3(folder: Path) -> Iterator[Server]:
    """A server on a free port."""
    command, port = program(INSTALLED / "moto_server"), free_port()
    guard = {"INITIAL_NO_AUTH_ACTION_COUNT": str(UNGUARDED)}
    with serving([command, "-H", HOST, "-p", str(port)], port, folder / "s3.log", guard):
        client("s3", port).create_bucket(Bucket=BUCKET)
        keys = {name: user(port, name, actions) for name, actions in MAY.items()}
        guard_from_here(port)
        yield Server(port, keys)


def guard_from_here(port: int) -> None:
    """From now on the server asks who is there, and what they may do."""
    address, plain = f"http://{HOST}:{port}/moto-api/reset-auth", {"Content-Type": "text/plain"}
    urllib.request.urlopen(urllib.request.Request(address, data=b"0", headers=plain)).close()


def client(service: str, port: int, keys: tuple[str, str] = ("any", "any")):
    """botocore's own client, which DVC has no part in."""
    import botocore.session  # comes with the extra for S3

    access = {"aws_access_key_id": keys[0], "aws_secret_access_key": keys[1], "region_name": REGION}
    return botocore.session.get_session().create_client(
        service, endpoint_url=f"http://{HOST}:{port}", **access
    )


def user(port: int, name: str, actions: list[str]) -> tuple[str, str]:
    iam = client("iam", port)
    policy = {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": actions, "Resource": "*"}],
    }
    iam.create_user(UserName=name)
    iam.put_user_policy(UserName=name, PolicyName="own", PolicyDocument=json.dumps(policy))
    key = iam.create_access_key(UserName=name)["AccessKey"]
    return key["AccessKeyId"], key["SecretAccessKey"]
