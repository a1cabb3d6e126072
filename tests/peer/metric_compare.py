"""Every score of random classifications, computed by scikit-learn and by harness.

    tests/peer/.venv/bin/python tests/peer/metric_compare.py [--count 10000] [--seed 1]

1 to 9 classes, 1 to 400 rows, often with classes that are absent from gold, predictions or both. Confusion matrices and
supports are equal, everything else within 1e-12. Needs build/dev/metric_pass.
"""
import argparse
import json

import numpy as np
from sklearn.metrics import confusion_matrix

import common
from metric_golden import scores

BOUND = 1e-12


def cases(count, seed):
    """(classes, gold, predicted)"""
    rng = np.random.default_rng(seed)
    for _ in range(count):
        classes = 2 if rng.random() < 0.4 else int(rng.integers(1, 10))
        rows = int(rng.choice([rng.integers(1, 8), rng.integers(1, 60), rng.integers(60, 401)]))
        gold = rng.integers(0, classes, rows)
        predicted = np.where(rng.random(rows) < rng.random(), gold, rng.integers(0, classes, rows))
        if rng.random() < 0.3:  # a class that no row has, and one that is never predicted
            gold[gold == rng.integers(classes)] = rng.integers(classes)
        if rng.random() < 0.3:
            predicted[predicted == rng.integers(classes)] = rng.integers(classes)
        yield classes, gold, predicted


def differences(ours, classes, gold, predicted):
    """Largest difference of each score, by name."""
    labels = list(range(classes))
    assert ours["confusion"] == confusion_matrix(gold, predicted, labels=labels).ravel().tolist()
    values, per_class = scores(gold, predicted, classes)
    assert ours["metrics"].keys() == values.keys(), ours["metrics"].keys() ^ values.keys()
    found = {name: abs(ours["metrics"][name] - value) for name, value in values.items()}
    mine, theirs = np.array(ours["classes"]), np.array(per_class)
    assert (mine[:, 3] == theirs[:, 3]).all()
    found["of one class"] = float(np.abs(mine[:, :3] - theirs[:, :3]).max())
    return found


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--count", type=int, default=10000)
    arguments.add_argument("--seed", type=int, default=1)
    arguments.add_argument("--json", metavar="FILE")
    a = arguments.parse_args()
    drawn = list(cases(a.count, a.seed))
    text = "\n".join(" ".join(map(str, ["class", c, len(g), *g.tolist(), *p.tolist()])) for c, g, p in drawn)
    answers = common.run_tool("metric_pass", text=text + "\n").splitlines()
    assert len(answers) == len(drawn), (len(answers), len(drawn))
    largest, absent = {}, 0
    for answer, (classes, gold, predicted) in zip(answers, drawn):
        for name, value in differences(json.loads(answer), classes, gold, predicted).items():
            if not value <= largest.get(name, 0):
                largest[name] = value
        absent += len(set(gold.tolist())) < classes or len(set(predicted.tolist())) < classes
    name, worst = max(largest.items(), key=lambda item: item[1])
    lines = common.Lines()
    lines.add(f"metrics against scikit-learn, {a.count:,} random cases, {absent:,} with absent classes",
              f"{worst:.1e} at {name}", f"{BOUND:.0e}", len(drawn) == a.count and worst <= BOUND)
    lines.details["largest"] = largest
    lines.end(a.json)


if __name__ == "__main__":
    main()
