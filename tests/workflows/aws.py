"""A stand-in for the `aws` client that knows some machines. A program of its own, without imports.

Started as `aws.py FOLDER ARGUMENTS...`. FOLDER/machines.json is a list of pages of machines. Each
call is a JSON line in FOLDER/calls. Each ended machine is a line in FOLDER/ended.
"""

import json
import re
import sys
from pathlib import Path

QUERY = re.compile(r"Reservations\[\]\.Instances\[\?LaunchTime<='([^']*)'\]\[\]\.InstanceId")


def options(arguments):
    """Values by option."""
    found, name = {}, None
    for argument in arguments:
        if argument.startswith("--"):
            name = argument.removeprefix("--")
            found[name] = []
        else:
            found[name].append(argument)
    return found


def fits(machine, wanted):
    """Whether a machine passes one filter."""
    name, values = re.fullmatch("Name=([^,]+),Values=(.*)", wanted).groups()
    known = {
        "instance-state-name": machine["state"],
        **{f"tag:{tag}": value for tag, value in machine["tags"].items()},
    }
    return known.get(name) in values.split(",")


def describe(pages, given):
    """Print the machines that pass all filters and the query.

    Each page that has some is one line.
    """
    before = QUERY.fullmatch(given["query"][0])[1]
    for page in pages:
        found = [
            m["id"]
            for m in page
            if all(fits(m, wanted) for wanted in given["filters"]) and m["launched"] <= before
        ]
        if found:
            print("\t".join(found))


def main(folder, arguments):
    """Record the call, then do it."""
    with (folder / "calls").open("a") as calls:
        calls.write(json.dumps(arguments) + "\n")
    given = options(arguments[2:])
    if given["output"] != ["text"]:
        sys.exit("aws: only --output text is known here")
    if arguments[:2] == ["ec2", "describe-instances"]:
        describe(json.loads((folder / "machines.json").read_text()), given)
    elif arguments[:2] == ["ec2", "terminate-instances"]:
        with (folder / "ended").open("a") as ended:
            ended.write("".join(f"{machine}\n" for machine in given["instance-ids"]))
        print("TERMINATINGINSTANCES")
    else:
        sys.exit(f"aws: {arguments[:2]} is not known here")


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
