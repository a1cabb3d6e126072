"""Every score of random numbers, sets of labels and relations, computed by scipy or scikit-learn and by harness.

    tests/peer/.venv/bin/python tests/peer/metric_kinds.py [--count 10000] [--seed 1] [--only set,relation]

Numbers: 2 to 300 rows, most with many equal values, some with a constant side (not defined on both sides). Sets: 2 to 12
labels, with empty and full rows, absent labels and equal scores. Relations: 2 to 12 labels, absent ones too, logits with many
equal rows; the curves as KLUE's baseline makes them, of the softmax. All within 1e-12. Needs build/dev/metric_pass.
"""
import argparse
import json
import math
import warnings

import numpy as np
from scipy.stats import pearsonr, spearmanr
from sklearn.metrics import (accuracy_score, auc, balanced_accuracy_score, f1_score, label_ranking_average_precision_score, matthews_corrcoef,
                             precision_recall_curve, precision_score, recall_score)

import common

BOUND = 1e-12


def number_case(rng):
    rows = int(rng.choice([rng.integers(2, 9), rng.integers(9, 301)]))
    gold = rng.uniform(0, 5, rows).astype(np.float32)
    predicted = (gold * rng.uniform(-1, 1) + rng.normal(rng.uniform(-3, 5), rng.uniform(0.01, 2), rows)).astype(np.float32)
    for side in (gold, predicted):
        if rng.random() < 0.5:
            side[:] = np.round(side * rng.integers(1, 4)) / 2
        if rng.random() < 0.05:
            side[:] = side[0]
    return gold, predicted


def number_scores(gold, predicted):
    g, p = gold.astype(np.float64), predicted.astype(np.float64)
    constant = (g == g[0]).all() or (p == p[0]).all()
    return {"pearson": None if constant else pearsonr(g, p)[0], "spearman": None if constant else spearmanr(g, p)[0],
            "klue_f1": f1_score(g >= 3, p >= 3, zero_division=0)}


def set_case(rng):
    rows, labels = int(rng.integers(1, 120)), int(rng.integers(2, 13))
    gold = (rng.random((rows, labels)) < rng.uniform(0, 0.7)).astype(np.float32)
    scores = (rng.normal(0, 1, (rows, labels)) + (gold - 0.5) * rng.uniform(0, 3)).astype(np.float32)
    if rng.random() < 0.5:
        scores = np.round(scores * 2) / 2
    if rng.random() < 0.3:
        gold[:, rng.integers(labels)] = 0
    return gold, scores


def set_scores(gold, scores):
    g, p = gold.astype(int), (scores > 0).astype(int)
    found = {"micro_f1": f1_score(g, p, average="micro", zero_division=0), "subset_accuracy": accuracy_score(g, p),
             "lrap": label_ranking_average_precision_score(g, scores.astype(np.float64))}
    for average in ("macro", "weighted"):
        for name, score in (("precision", precision_score), ("recall", recall_score), ("f1", f1_score)):
            found[f"{average}_{name}"] = score(g, p, average=average, zero_division=0)
    return found


def relation_case(rng):
    rows, labels = int(rng.integers(1, 150)), int(rng.integers(2, 13))
    gold = rng.integers(0, labels, rows)
    logits = (rng.normal(0, 1, (rows, labels)) * rng.uniform(0.1, 3)).astype(np.float32)
    logits[np.arange(rows), gold] += np.float32(rng.uniform(-1, 4))
    if rng.random() < 0.5:
        logits = np.round(logits)
    if rng.random() < 0.3:
        gold[gold == rng.integers(labels)] = 0
    return gold, logits


def relation_scores(gold, logits):
    labels = logits.shape[1]
    z = logits.astype(np.float64)
    # libm's exp and sums from left to right, so that scores are equal on both sides alike
    e = np.array([[math.exp(x) for x in row] for row in (z - z.max(1, keepdims=True)).tolist()])
    softmax = e / np.array([[sum(row)] for row in e.tolist()])
    said, every = logits.argmax(1), list(range(labels))
    areas = []
    for k in every:
        precision, recall, _ = precision_recall_curve(gold == k, softmax[:, k])
        areas.append(auc(recall, precision))
    found = {"relation_f1": f1_score(gold, said, average="micro", labels=every[1:], zero_division=0), "klue_auprc": np.mean(areas),
             "accuracy": accuracy_score(gold, said), "balanced_accuracy": balanced_accuracy_score(gold, said), "mcc": matthews_corrcoef(gold, said)}
    for average in ("macro", "weighted"):
        for name, score in (("precision", precision_score), ("recall", recall_score), ("f1", f1_score)):
            found[f"{average}_{name}"] = score(gold, said, average=average, labels=every, zero_division=0)
    return found


def line(kind, width, gold, predicted):
    return " ".join([kind, str(width), str(len(gold)), *(f"{v:.9g}" for v in gold.ravel()), *(f"{v:.9g}" for v in predicted.ravel())])


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--count", type=int, default=10000)
    arguments.add_argument("--seed", type=int, default=1)
    arguments.add_argument("--only", default="number,set,relation", metavar="KINDS")
    arguments.add_argument("--json", metavar="FILE")
    a = arguments.parse_args()
    warnings.simplefilter("ignore")
    rng, lines = np.random.default_rng(a.seed), common.Lines()
    for kind, draw, scores in (("number", number_case, number_scores), ("set", set_case, set_scores),
                               ("relation", relation_case, relation_scores)):
        if kind not in a.only.split(","):
            continue
        drawn = [draw(rng) for _ in range(a.count)]
        text = "\n".join(line(kind, p.shape[-1] if kind != "number" else 0, g, p) for g, p in drawn)
        answers = common.run_tool("metric_pass", text=text + "\n").splitlines()
        assert len(answers) == len(drawn), (len(answers), len(drawn))
        largest, undefined = {}, 0
        for answer, case in zip(answers, drawn):
            ours, theirs = json.loads(answer)["metrics"], scores(*case)
            assert ours.keys() == theirs.keys(), ours.keys() ^ theirs.keys()
            for name, value in theirs.items():
                assert (ours[name] is None) == (value is None), (name, ours[name], value, case)
                undefined += value is None
                if value is not None:
                    largest[name] = max(largest.get(name, 0), abs(ours[name] - value))
        name, worst = max(largest.items(), key=lambda item: item[1])
        lines.add(f"metrics of {kind}s against scipy and scikit-learn, {a.count:,} random cases, {undefined:,} not defined",
                  f"{worst:.1e} at {name}", f"{BOUND:.0e}", worst <= BOUND)
    lines.end(a.json)


if __name__ == "__main__":
    main()
