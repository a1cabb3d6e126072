"""Golden cases of the scores, computed by scikit-learn: tests/golden/metric_scores.json.

    tests/peer/.venv/bin/python tests/peer/metric_golden.py

Random confusion matrices of 1 to 9 classes, many with absent classes, plus the corner cases.
"""
import json
import os
import warnings

import numpy as np
from sklearn import metrics

warnings.filterwarnings("ignore")


def scores(gold, predicted, classes):
    """All scores of one classification by name, and [precision, recall, f1, support] of each class."""
    labels = list(range(classes))
    out = {"accuracy": metrics.accuracy_score(gold, predicted)}
    for average in ("macro", "weighted"):
        p, r, f, _ = metrics.precision_recall_fscore_support(
            gold, predicted, labels=labels, average=average, zero_division=0)
        out |= {f"{average}_precision": p, f"{average}_recall": r, f"{average}_f1": f}
    out["balanced_accuracy"] = metrics.balanced_accuracy_score(gold, predicted)
    out["mcc"] = metrics.matthews_corrcoef(gold, predicted)
    p, r, f, n = metrics.precision_recall_fscore_support(
        gold, predicted, labels=labels, average=None, zero_division=0)
    if classes == 2:
        out |= {"precision": p[1], "recall": r[1], "f1": f[1]}
    per_class = [[float(p[k]), float(r[k]), float(f[k]), int(n[k])] for k in labels]
    return {name: float(value) for name, value in out.items()}, per_class


def rows_of(matrix):
    """(gold, predicted) of a confusion matrix."""
    gold, predicted = [], []
    for g, row in enumerate(matrix):
        for p, count in enumerate(row):
            gold += [g] * count
            predicted += [p] * count
    return gold, predicted


def matrices(rng):
    yield [[5]]
    yield [[0, 3], [0, 4]]
    yield [[0, 7], [0, 0]]
    yield [[0, 0], [0, 9]]
    yield [[0, 5], [6, 0]]
    yield [[4, 0, 0], [0, 0, 0], [0, 0, 3]]
    for _ in range(300):
        classes = int(rng.integers(2, 10)) if rng.random() < 0.6 else 2
        scale = int(rng.choice([2, 10, 400]))
        matrix = rng.integers(0, scale + 1, (classes, classes))
        matrix[np.arange(classes), np.arange(classes)] += rng.integers(0, 3 * scale, classes)
        if rng.random() < 0.4:
            matrix[int(rng.integers(classes)), :] = 0
        if rng.random() < 0.4:
            matrix[:, int(rng.integers(classes))] = 0
        if matrix.sum():
            yield matrix.tolist()


def main():
    here = os.path.dirname(os.path.abspath(__file__))
    path = os.path.join(here, "..", "golden", "metric_scores.json")
    with open(path, "w") as out:
        out.write("[\n")
        lines = []
        for matrix in matrices(np.random.default_rng(20240501)):
            values, per_class = scores(*rows_of(matrix), len(matrix))
            lines.append(json.dumps({"confusion": matrix, "metrics": values, "classes": per_class}))
        out.write(",\n".join(lines) + "\n]\n")


if __name__ == "__main__":
    main()
