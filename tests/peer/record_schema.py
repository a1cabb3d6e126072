#!/usr/bin/env python3
"""Holds records against docs/record.schema.json with the library jsonschema: those of results/, and one of a run made now,
whose arrays numpy then reads by the types that it names.

    tests/peer/record_schema.py PROGRAM [FOLDER]
"""
import copy
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile

import jsonschema
import numpy as np

ROOT = pathlib.Path(__file__).resolve().parents[2]


def documented():
    """What the Python of docs/records.md makes, run as it stands where the board's results lie."""
    made = {}
    os.chdir(ROOT)
    for block in re.findall(r"```python\n(.*?)```", (ROOT / "docs/records.md").read_text(), re.S):
        exec(block, made)
    records, runs, rows = made["records"], made["runs"], made["rows"]
    assert len(runs) == len(records) > 0 and not runs.isna().any(axis=None), runs
    assert np.isclose((rows.gold == rows.predicted).mean(), records[0]["metrics"]["accuracy"])
    for record in records:
        loss = made["array"](record["loss"])
        assert loss.dtype == np.float32 and len(loss) == record["timing"]["steps"] and np.isfinite(loss).all()
    pretrained = json.loads((ROOT / "models/ko-tiny/record.json").read_text())
    assert len(made["array"](pretrained["loss"])) == pretrained["recipe"]["steps"]
    return made["array"]


def main():
    program = pathlib.Path(sys.argv[1]).resolve() if len(sys.argv) > 1 else ROOT / "build/release/harness"
    folder = pathlib.Path(sys.argv[2]).resolve() if len(sys.argv) > 2 else ROOT / "results"
    array = documented()
    schema = json.loads((ROOT / "docs/record.schema.json").read_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    validator = jsonschema.Draft202012Validator(schema)
    count = 0
    for path in sorted(folder.glob("*/*.json")):
        if path.parent.name in ("baselines", "performance"):
            continue
        validator.validate(json.loads(path.read_text()))
        count += 1
    with tempfile.TemporaryDirectory() as out:
        subprocess.run([program, "run", "--task", "kor_hate", "--sample", "--model", "tiny", "--device", "cpu", "--max-steps", "6",
                        "--protocol", "dev", "--eval-steps", "3", "-o", f"{out}/run", "-q"], check=True, stdout=subprocess.DEVNULL)
        record = json.loads(pathlib.Path(out, "run/record.json").read_text())
    validator.validate(record)
    names = list(record["model"]["config"]["id2label"].values())
    assert record["task"]["labels"] == names, (record["task"]["labels"], names)
    gold, said, loss = array(record["gold"]), array(record["predictions"]), array(record["loss"])
    assert len(gold) == len(said) == record["task"]["rows"]["test"] and len(loss) == record["timing"]["steps"] == 6
    assert np.isclose((gold == said).mean(), record["metrics"]["accuracy"])
    assert np.isclose(loss[:3].astype(float).mean(), record["loss_curve"][0][1]) or record["loss_curve"][0][0] != 3
    wrong = 0
    for key in record:  # each key left out that must be there, and each of a type that it cannot have
        for broken in (None, [], {"x": 1}, -1):
            changed = copy.deepcopy(record)
            changed[key] = broken
            wrong += not validator.is_valid(changed)
    changed = copy.deepcopy(record)
    changed["note"] = 1
    assert not validator.is_valid(changed)
    print(f"{count} records of {folder} and a new one hold; {wrong} of {4 * len(record)} broken ones are refused")


if __name__ == "__main__":
    main()
