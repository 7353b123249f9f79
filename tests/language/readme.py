#!/usr/bin/env python3
"""readme.py - the rules that rules/README.md shows for a task are those of the example file that it
names. (That they load is for unit.rules_good_test, that they do it for the tests in the examples.)"""
import json
import re
import sys
from pathlib import Path

RULES = Path(__file__).resolve().parents[2] / "rules"
TASK = re.compile(r"^\*\*\d+\. [^\n]*?\(\[(?P<name>[a-z-]+\.json)\]\(examples/(?P=name)\)\)[^\n]*\n\n"
                  r"```(?:json)?\n(?P<piece>.*?)```", re.MULTILINE | re.DOTALL)


def read(piece):
    """A file, or one rule a line."""
    try:
        file = json.loads(piece)
        if "rules" in file:
            return file
    except ValueError:
        pass
    return {"rules": [json.loads(line) for line in piece.splitlines()]}


def without_note(rule):
    return {key: value for key, value in rule.items() if key != "note"}


def faults(name, piece):
    example = json.loads((RULES / "examples" / name).read_text(encoding="utf-8"))
    rules = {rule["id"]: without_note(rule) for rule in example["rules"]}
    shown = read(piece)
    for rule in shown["rules"]:
        if rules.get(rule["id"]) != rule:
            yield f'rule "{rule["id"]}" is not that of {name}'
    for key, value in shown.items():
        if key != "rules" and example.get(key) != value:
            yield f'"{key}" is not that of {name}'


def main():
    text = (RULES / "README.md").read_text(encoding="utf-8")
    tasks = list(TASK.finditer(text))
    failed = 0
    for task in tasks:
        for fault in faults(task["name"], task["piece"]):
            failed += 1
            print(f"rules/README.md:{text.count(chr(10), 0, task.start()) + 1}: {fault}")
    if len(tasks) < 20:
        failed += 1
        print(f"only {len(tasks)} tasks, there should be twenty")
    print(f"{len(tasks)} tasks, {failed} faults")
    return 1 if failed else 0


sys.exit(main())
