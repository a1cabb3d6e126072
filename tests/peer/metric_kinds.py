"""Every score of random numbers, sets of labels, tags, trees and relations, computed by scipy, scikit-learn or seqeval and by harness.

    tests/peer/.venv/bin/python tests/peer/metric_kinds.py [--count 10000] [--seed 1] [--only set,relation]

Numbers: 2 to 300 rows, most with many equal values, some with a constant side (not defined on both sides). Sets: 2 to 12
labels, with empty and full rows, absent labels and equal scores. Tags: 1 to 12 sentences of 0 to 20 units under 1 to 4 types,
predictions of every kind of nonsense, gold whose entities may begin with I-. Arcs: sentences of heads and relations, by KLUE's formulas
over scikit-learn (KLUE-baseline at 443c38b). Relations: 2 to 12 labels, absent ones too, logits with many equal rows; the curves as
KLUE's baseline makes them, of the softmax. All within 1e-12. Needs build/dev/metric_pass.
"""
import argparse
import json
import math
import warnings

import numpy as np
import sklearn
from scipy.stats import pearsonr, spearmanr
from seqeval.metrics import f1_score as entity_f1, precision_score as entity_precision, recall_score as entity_recall
from seqeval.scheme import IOB2
from sklearn.metrics import (accuracy_score, auc, f1_score, label_ranking_average_precision_score, precision_recall_curve,
                             precision_recall_fscore_support)

import common
import metric_golden

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


def averages(gold, said, **more):
    found = {}
    for average in ("macro", "weighted"):
        three = precision_recall_fscore_support(gold, said, average=average, zero_division=0, **more)
        found |= {f"{average}_{name}": score for name, score in zip(("precision", "recall", "f1"), three)}
    return found


def set_scores(gold, scores):
    g, p = gold.astype(int), (scores > 0).astype(int)
    found = {"micro_f1": f1_score(g, p, average="micro", zero_division=0), "subset_accuracy": accuracy_score(g, p),
             "lrap": label_ranking_average_precision_score(g, scores.astype(np.float64))}
    return found | averages(g, p)


def tag_names(types):
    return [f"{part}-T{k}" for k in range(types) for part in "BI"] + ["O"]


def tag_case(rng):
    """(types, gold, predicted): lists of sentences of tag ids"""
    types, gold, predicted = int(rng.integers(1, 5)), [], []
    outside, loose = 2 * types, rng.random() < 0.3
    for _ in range(rng.integers(1, 13)):
        sentence = []
        while len(sentence) < (most := rng.integers(0, 21)):
            kind = int(rng.integers(0, types))
            entity = [2 * kind + (loose and rng.random() < 0.2), *[2 * kind + 1] * int(rng.integers(0, 4))]
            # one that begins with I- must not go on with what stands before
            if sentence and entity[0] % 2 and sentence[-1] // 2 == kind:
                entity[0] -= 1
            sentence += entity if rng.random() < 0.4 else [outside]
        sentence = sentence[:most]
        noise = rng.random(len(sentence)) < rng.choice([0, 0.1, 0.5])
        gold.append(sentence)
        predicted.append([int(rng.integers(0, outside + 1)) if n else t for t, n in zip(sentence, noise)])
    return types, gold, predicted


def begun(sentence):
    """Gold whose entities begin with B-, whatever they began with."""
    found = []
    for i, tag in enumerate(sentence):
        goes_on = i > 0 and sentence[i - 1] != "O" and sentence[i - 1][2:] == tag[2:]
        found.append("B" + tag[1:] if tag[0] == "I" and not goes_on else tag)
    return found


def tag_scores(types, gold, predicted):
    names = tag_names(types)
    g, p = ([[names[t] for t in s] for s in side] for side in (gold, predicted))
    strict = dict(mode="strict", scheme=IOB2, zero_division=0)
    found, own = {}, [begun(s) for s in g]
    for name, score in (("precision", entity_precision), ("recall", entity_recall), ("f1", entity_f1)):
        found[f"entity_{name}"] = score(own, p, average="micro", **strict)
    # KLUE: all sentences in one, with an O for [CLS] and one for [SEP] around each
    flat = [[tag for s in side for tag in ["O", *s, "O"]] for side in (g, p)]
    found["klue_entity_f1"] = entity_f1([flat[0]], [flat[1]], average="macro", **strict)
    found["klue_char_f1"] = f1_score(*flat, labels=names, average="macro", zero_division=1)
    units = [[tag for s in side for tag in s] for side in (g, p)]
    found["char_f1"] = f1_score(*units, labels=names[:-1], average="macro", zero_division=0) if units[0] else 0.0
    return {name: 0.0 if np.isnan(value) else float(value) for name, value in found.items()}


def tag_line(types, gold, predicted):
    flat = [t for side in (gold, predicted) for s in side for t in s]
    return " ".join(map(str, ["tags", 2 * types + 1, len(gold), *map(len, gold), *flat]))


def arc_case(rng):
    """(relations, gold, predicted): sentences of (head, relation, is punctuation); heads need be no tree"""
    relations, gold, predicted = int(rng.integers(1, 40)), [], []
    for _ in range(rng.integers(1, 13)):
        n = int(rng.integers(0, 30))
        right = np.stack([rng.integers(0, n + 1, n), rng.integers(0, relations, n), rng.random(n) < 0.2], 1).astype(int)
        said = np.where(rng.random((n, 3)) < rng.choice([0, 0.2, 0.7]), right[rng.permutation(n)], right)
        gold.append(right)
        predicted.append(said)
    return relations, gold, predicted


def arc_scores(relations, gold, predicted):
    g, p = (np.concatenate(side).reshape(-1, 3) for side in (gold, predicted))
    head, plain = g[:, 0] == p[:, 0], g[:, 2] == 0
    both = head & (g[:, 1] == p[:, 1])
    found = {"uas": head, "las": both, "uas_words": head[plain], "las_words": both[plain]}
    found = {name: float(right.mean()) if len(right) else 0.0 for name, right in found.items()}
    others, wrong = 15, 16
    types = np.where(head, np.minimum(p[:, 1], others), wrong)
    found["klue_uas"] = f1_score(g[:, 0], p[:, 0], average="macro", zero_division=0) if len(g) else 0.0
    found["klue_las"] = f1_score(np.minimum(g[:, 1], others), types, average="macro", zero_division=0) if len(g) else 0.0
    return found


def arc_line(relations, gold, predicted):
    flat = [v for side in (gold, predicted) for s in side for v in s.ravel()]
    return " ".join(map(str, ["arcs", relations, len(gold), *map(len, gold), *flat]))


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
    found = {name: value for name, value in metric_golden.scores(gold, said, labels)[0].items() if name not in ("precision", "recall", "f1")}
    return found | {"relation_f1": f1_score(gold, said, average="micro", labels=every[1:], zero_division=0), "klue_auprc": np.mean(areas)}


def line(kind, width, gold, predicted):
    return " ".join([kind, str(width), str(len(gold)), *(f"{v:.9g}" for v in gold.ravel()), *(f"{v:.9g}" for v in predicted.ravel())])


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--count", type=int, default=10000)
    arguments.add_argument("--seed", type=int, default=1)
    arguments.add_argument("--only", default="number,set,tag,arc,relation", metavar="KINDS")
    arguments.add_argument("--json", metavar="FILE")
    a = arguments.parse_args()
    warnings.simplefilter("ignore")
    sklearn.set_config(assume_finite=True, skip_parameter_validation=True)  # looking at arguments took most of the time
    rng, lines = np.random.default_rng(a.seed), common.Lines()
    for kind, draw, scores in (("number", number_case, number_scores), ("set", set_case, set_scores), ("tag", tag_case, tag_scores),
                               ("arc", arc_case, arc_scores), ("relation", relation_case, relation_scores)):
        if kind not in a.only.split(","):
            continue
        drawn = [draw(rng) for _ in range(a.count)]
        if kind in ("tag", "arc"):
            text = "\n".join((tag_line if kind == "tag" else arc_line)(*case) for case in drawn)
        else:
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
        lines.add(f"metrics of {kind}s against {'seqeval' if kind == 'tag' else 'scipy'} and scikit-learn, {a.count:,} random cases, {undefined:,} not defined",
                  f"{worst:.1e} at {name}", f"{BOUND:.0e}", worst <= BOUND)
    lines.end(a.json)


if __name__ == "__main__":
    main()
