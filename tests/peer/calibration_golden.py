"""Golden cases of calibration: tests/golden/calibration.json.

    tests/peer/.venv/bin/python tests/peer/calibration_golden.py

Random logits of 2 to 7 classes in float32, some sharp, some flat, rows from 1 to 60. Loss by scikit-learn, Brier score by its
definition (and by scikit-learn's of two classes, which is half of it), ECE by its definition over numpy's digitized bins, the
temperature by scipy's bounded search.
"""
import json
import os

import numpy as np
from scipy import optimize, special
from sklearn import metrics

BINS = 15


def ece(p, gold):
    confidence, right = p.max(axis=1), p.argmax(axis=1) == gold
    bins = np.clip(np.digitize(confidence, np.arange(1, BINS) / BINS, right=True), 0, BINS - 1)
    return sum(abs(right[bins == m].mean() - confidence[bins == m].mean()) * (bins == m).mean()
               for m in range(BINS) if (bins == m).any())


def brier(p, gold):
    score = ((p - np.eye(p.shape[1])[gold]) ** 2).sum(axis=1).mean()
    if p.shape[1] == 2:
        assert abs(score - 2 * metrics.brier_score_loss(gold, p[:, 1], labels=[0, 1])) < 1e-12
    return score


def case(rng):
    rows, classes = int(rng.integers(1, 61)), int(rng.integers(2, 8))
    logits = (rng.normal(size=(rows, classes)) * rng.choice([0.1, 1, 6])).astype(np.float32)
    gold = np.where(rng.random(rows) < 0.6, logits.argmax(axis=1), rng.integers(0, classes, rows))
    z = logits.astype(np.float64)
    p = special.softmax(z, axis=1)

    def loss(log_t):
        return -special.log_softmax(z / 10 ** log_t, axis=1)[np.arange(rows), gold].mean()

    best = optimize.minimize_scalar(loss, bounds=(-3, 3), method="bounded", options={"xatol": 1e-12})
    return {"rows": rows, "classes": classes, "logits": [float(v) for v in logits.ravel()],
            "gold": [int(g) for g in gold], "ece": float(ece(p, gold)), "brier": float(brier(p, gold)),
            "loss": float(metrics.log_loss(gold, p, labels=list(range(classes)))),
            "least_loss": float(min(best.fun, loss(-3), loss(3)))}


def main():
    rng = np.random.default_rng(19)
    path = os.path.join(os.path.dirname(__file__), "..", "golden", "calibration.json")
    with open(path, "w", encoding="utf-8") as f:
        json.dump([case(rng) for _ in range(40)], f)
        f.write("\n")


if __name__ == "__main__":
    main()
