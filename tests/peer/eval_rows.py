"""What `harness eval --record` says of every record in results/, against scikit-learn on the rows that it writes.

    tests/peer/.venv/bin/python tests/peer/eval_rows.py [--results DIR]

The rows of --predictions, CSV and JSON lines, are read as a user reads them. Classes, supports and the confusion matrix
are equal, every score within 1e-12. Records of numbers and of sets are left to metric_kinds.py.
"""
import argparse
import csv
import json
import pathlib

import numpy as np
from sklearn.metrics import confusion_matrix

import common
from metric_golden import scores

BOUND = 1e-12


def rows_of(path):
    """(gold, predicted) labels of a file of predictions."""
    with open(path, encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file)) if path.suffix == ".csv" else [json.loads(line) for line in file]
    assert [int(r["row"]) for r in rows] == list(range(1, len(rows) + 1)), path
    return [r["gold"] for r in rows], [r["predicted"] for r in rows]


def compare(record):
    """Largest difference of a record's scores; None where it is not one of classes."""
    folder = common.WORK / "eval"
    folder.mkdir(parents=True, exist_ok=True)
    found = []
    for form in ("csv", "jsonl"):
        path = folder / f"rows.{form}"
        said = json.loads(common.harness("eval", "--record", record, "--predictions", path, "--overwrite", "--json"))
        if "confusion" not in said:
            return None
        names = [c["label"] for c in said["per_label"]]
        gold, predicted = ([names.index(label) for label in side] for side in rows_of(path))
        assert said["rows"] == len(gold), record
        assert said["confusion"] == confusion_matrix(gold, predicted, labels=range(len(names))).tolist(), record
        values, per_class = scores(np.array(gold), np.array(predicted), len(names))
        found += [abs(said["metrics"][name] - value) for name, value in values.items()]
        for ours, (precision, recall, f1, support) in zip(said["per_label"], per_class):
            assert ours["rows"] == support, record
            found += [abs(ours["precision"] - precision), abs(ours["recall"] - recall), abs(ours["f1"] - f1)]
    return max(found)


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--results", type=pathlib.Path, default=common.ROOT / "results")
    arguments.add_argument("--json", metavar="FILE")
    a = arguments.parse_args()
    records = [p for p in sorted(a.results.glob("*/*.json")) if p.parent.name not in ("baselines", "performance")]
    found = [value for value in map(compare, records) if value is not None]
    lines = common.Lines()
    lines.add(f"eval --record against scikit-learn on its rows, {len(found)} records",
              f"{max(found, default=float('nan')):.1e}", f"{BOUND:.0e}", bool(found) and max(found) <= BOUND)
    lines.end(a.json)


if __name__ == "__main__":
    main()
