"""Record calls as a stand-in for the `cml` client, as its version 0.20.6 behaves.

It is a program of its own, without imports. It is started as `cml.py FOLDER ARGUMENTS...`. Each
call is a JSON line in FOLDER/calls. If FOLDER/broken exists, it fails.
"""

import json
import os
import re
import sys
import urllib.error
import urllib.request
from pathlib import Path

COMMENT = {"repo", "target", "publish", "watermark-title"}
RUNNER = {
    "repo",
    "single",
    "idle-timeout",
    "name",
    "labels",
    "cloud",
    "cloud-region",
    "cloud-type",
    "cloud-hdd-size",
}
RUNNER |= {
    "cloud-image",
    "cloud-aws-security-group",
    "cloud-aws-subnet",
    "cloud-permission-set",
    "cloud-metadata",
}
RUNNER |= {"tpi-version"}
FIRST_PAGE = 30  # the client looks no further


def parse(arguments, known):
    """Return options by name, each a list, and the remaining arguments.

    Exit as the client does on an option that it does not know.
    """
    options, rest = {}, []
    for argument in arguments:
        found = re.fullmatch("--([a-z-]+)(?:=(.*))?", argument, re.DOTALL)
        if found is None:
            rest.append(argument)
        elif found[1] in known:
            options.setdefault(found[1], []).append(found[2])
        else:
            sys.exit(f"Unknown argument: {found[1]}")
    return options, rest


def ask(method, url, data=None):
    """GitHub's answer."""
    headers = {
        "Authorization": f"token {os.environ['REPO_TOKEN']}",
        "User-Agent": "octokit-rest.js",
    }
    body = None if data is None else json.dumps(data).encode()
    with urllib.request.urlopen(
        urllib.request.Request(url, body, headers, method=method)
    ) as answer:
        return json.load(answer)


def comment(options, rest):
    """Edits the last of the first comments that bears the watermark of the title, or adds one."""
    (repo,), (target,), (title,) = options["repo"], options["target"], options["watermark-title"]
    if options.get("publish") != ["false"]:
        sys.exit("this stand-in uploads nothing: --publish=false is missing")
    server, slug = re.fullmatch(r"(https?://[^/]+)/(.+)", repo).groups()
    api, number = f"{server}/api/v3/repos/{slug}", re.fullmatch(r"pr/(\d+)", target)[1]
    (path,) = rest
    watermark = (
        f'![](https://cml.dev/watermark.png#{os.environ["GITHUB_SHA"]} "CML watermark {title}")'
    )
    body = {"body": f"{Path(path).read_text(encoding='utf-8')}\n\n{watermark}"}
    there = ask("GET", f"{api}/issues/{number}/comments")[:FIRST_PAGE]
    mine = [entry for entry in there if f'CML watermark {title}"' in entry["body"]]
    if mine:
        answer = ask("PATCH", f"{api}/issues/comments/{mine[-1]['id']}", body)
    else:
        answer = ask("POST", f"{api}/issues/{number}/comments", body)
    print(answer["html_url"])


def main(folder, arguments):
    """Record the call, then do it."""
    command = arguments[:2]
    file = Path(arguments[-1]) if command[:1] == ["comment"] else None
    text = file.read_text(encoding="utf-8") if file and file.is_file() else None
    with (folder / "calls").open("a") as calls:
        calls.write(json.dumps({"argv": arguments, "env": dict(os.environ), "body": text}) + "\n")
    if (folder / "broken").exists():
        sys.exit("cml: it does not work today")
    if command == ["comment", "update"]:
        comment(*parse(arguments[2:], COMMENT))
    elif command == ["runner", "launch"]:
        parse(arguments[2:], RUNNER)
    else:
        sys.exit("Unknown command")


if __name__ == "__main__":
    try:
        main(Path(sys.argv[1]), sys.argv[2:])
    except urllib.error.HTTPError as error:
        sys.exit(f"cml: {error}")
