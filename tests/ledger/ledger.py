"""Reads the list of meant differences and holds it against those that were found."""

import pathlib

try:
    import tomllib
except ModuleNotFoundError:  # before Python 3.11
    import tomli as tomllib

KINDS = ("exchange", "row")
FIELDS = {"name", "reason", "contract"}


class Malformed(Exception):
    """The list itself does not hold."""


def read(path):
    """The reason for each listed name, by kind: {"exchange": {name: reason}, "row": {name: reason}}."""
    with pathlib.Path(path).open("rb") as file:
        try:
            table = tomllib.load(file)
        except tomllib.TOMLDecodeError as error:
            raise Malformed(f"{path}: {error}") from error
    unknown = set(table) - set(KINDS)
    if unknown:
        raise Malformed(f"{path}: unknown keys {sorted(unknown)}; there are [[exchange]] and [[row]]")
    listed = {kind: {} for kind in KINDS}
    for kind in KINDS:
        for entry in table.get(kind, []):
            name = entry.get("name")
            if set(entry) != FIELDS or not all(isinstance(v, str) and v for v in entry.values()):
                raise Malformed(f"{path}: [[{kind}]] {name!r} needs {sorted(FIELDS)}, each a text")
            if name in listed[kind]:
                raise Malformed(f"{path}: [[{kind}]] {name!r} is there twice")
            listed[kind][name] = f"{entry['reason']} ({entry['contract']})"
    return listed


def judge(listed, known, found):
    """What is wrong with the list, one line each.

    `known` are the names that were compared, in whatever order; `found` those that differ.
    """
    problems = [f"differs and is not listed: {name}" for name in sorted(found - set(listed))]
    problems += [f"is listed and does not differ: {name}" for name in sorted((set(listed) & known) - found)]
    return problems


def unknown(listed, known):
    """Listed names that no recording has."""
    return [f"is listed and not recorded: {name}" for name in sorted(set(listed) - known)]
