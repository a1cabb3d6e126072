"""All that `harness errors` and calibration say of random probabilities, by harness and by their definitions.

    tests/peer/.venv/bin/python tests/peer/errors_compare.py [--count 1000] [--seed 19]

1 to 5 runs, 2 to 7 classes, 1 to 120 rows, some sharp and some flat, also labels that no row has, texts that repeat and rows of no
token. Scores of slices are scikit-learn's; suspect labels those of confident learning (Northcutt, Jiang, Chuang 2021), written
out here; votes by scipy's entropy; calibration that of calibration_golden.py. Rows, their order and counts are equal, numbers
within 1e-12 (the loss at the temperature: no more than scipy's search finds, within 1e-9). 1,000 cases take about 100 s of
processor time, most of it in scikit-learn's f1_score of slices. Needs build/dev/metric_pass.
"""
import argparse
import json
import math

import numpy as np
from scipy import optimize, special, stats
from sklearn import metrics

import common
from calibration_golden import BINS, brier, ece

BOUND = 1e-12


def case(rng):
    rows, classes, runs = int(rng.integers(1, 121)), int(rng.integers(2, 8)), int(rng.integers(1, 6))
    base = rng.normal(size=(rows, classes))
    logits = np.stack([(base + 0.5 * rng.normal(size=base.shape)) * rng.choice([0.1, 1, 6]) for _ in range(runs)])
    gold = np.where(rng.random(rows) < 0.6, base.argmax(axis=1), rng.integers(0, classes, rows))
    if rng.random() < 0.3:
        gold[gold == rng.integers(classes)] = rng.integers(classes)
    tokens = rng.integers(0, 40, rows)
    first = np.array([int(rng.integers(0, i + 1)) if rng.random() < 0.1 else i for i in range(rows)])
    for i in range(rows):
        first[i] = first[first[i]]
    return {"classes": classes, "gold": gold, "tokens": tokens, "unknown": rng.binomial(tokens, 0.05), "first": first,
            "leaked": rng.random(rows) < 0.1, "logits": logits.astype(np.float32)}


def line(x):
    numbers = [x["logits"].shape[0], *x["gold"], *x["tokens"], *x["unknown"], *x["first"], *x["leaked"].astype(int)]
    return " ".join(["errors", str(x["classes"]), str(len(x["gold"])), *map(str, numbers),
                     *("%.9g" % v for v in x["logits"].ravel())])


def rows_of(x, p, said):
    """(wrong, parted by entropy, then by the mean distance in variation from the mean), each [row, answer, its mean probability, that of gold, entropy of the votes, suspect]"""
    mean, gold = p.mean(axis=0), x["gold"]
    threshold = [mean[gold == k, k].mean() if (gold == k).any() else math.inf for k in range(x["classes"])]
    wrong, parted = [], []
    for i, g in enumerate(gold):
        answer = int(mean[i].argmax())
        entropy = stats.entropy(np.bincount(said[:, i]))
        suspect = answer != g and mean[i, answer] >= threshold[answer] - 1e-15
        row = [i, answer, mean[i, answer], mean[i, g], entropy, bool(suspect)]
        if (said[:, i] != g).all():
            wrong.append(row)
        if len(set(said[:, i])) > 1:
            parted.append((row, round(np.abs(p[:, i] - mean[i]).sum() / (2 * len(p)), 9)))
    return (sorted(wrong, key=lambda r: (not r[5], round(r[3], 12), r[0])),
            [row for row, apart in sorted(parted, key=lambda r: (-round(r[0][4], 12), -r[1], r[0][0]))])


def slices_of(x, said):
    """[by, name, rows, accuracy, macro F1]"""
    tokens, repeated, low, masks = x["tokens"], np.zeros(len(x["gold"]), bool), 0, []
    for i, f in enumerate(x["first"]):
        if f != i:
            repeated[i] = repeated[f] = True
    ordered = np.sort(tokens)
    for part in range(1, 5):
        high = int(ordered[math.ceil(len(tokens) * part / 4) - 1])
        if high >= low:
            name = f"{low} tokens" if low == high else f"{low} to {high} tokens"
            masks.append(("length", name, (tokens >= low) & (tokens <= high)))
            low = high + 1
    share = np.divide(x["unknown"], tokens, out=np.zeros(len(tokens)), where=tokens > 0)
    masks += [("[UNK]", "none", share == 0), ("[UNK]", "up to a tenth", (share > 0) & (share <= 0.1)),
              ("[UNK]", "more", share > 0.1), ("text", "also in train", x["leaked"]),
              ("text", "more than once", repeated), ("text", "neither", ~x["leaked"] & ~repeated)]
    for by, name, mask in masks:
        gold = x["gold"][mask]
        if not len(gold):
            yield [by, name, 0, None, None]
            continue
        yield [by, name, len(gold), np.mean([metrics.accuracy_score(gold, s[mask]) for s in said]),
               np.mean([metrics.f1_score(gold, s[mask], average="macro", zero_division=0) for s in said])]


def pairs_of(x, said):
    labels = list(range(x["classes"]))
    sums = sum(metrics.confusion_matrix(x["gold"], s, labels=labels) for s in said)
    found = [(g, k, sums[g, k] / len(said), sums[g, k] / len(said) / (x["gold"] == g).sum())
             for g in labels for k in labels if g != k and sums[g, k]]
    return sorted(found, key=lambda r: (-r[2], r[0], r[1]))


def calibration_of(x, p):
    gold, z = x["gold"], x["logits"][0].astype(np.float64)
    confidence, right = p.max(axis=1), p.argmax(axis=1) == gold
    at = np.clip(np.digitize(confidence, np.arange(1, BINS) / BINS, right=True), 0, BINS - 1)

    def loss(log_t):
        return -special.log_softmax(z / 10 ** log_t, axis=1)[np.arange(len(gold)), gold].mean()

    if p.min() > 1e-15:  # log_loss cuts smaller ones
        assert abs(metrics.log_loss(gold, p, labels=list(range(x["classes"]))) - loss(0)) < BOUND
    best = optimize.minimize_scalar(loss, bounds=(-3, 3), method="bounded", options={"xatol": 1e-12}).fun
    return {"ece": ece(p, gold), "brier": brier(p, gold), "confidence": confidence.mean(),
            "loss": loss(0),
            "bins": [[(at == m).sum(), right[at == m].sum(), confidence[at == m].mean() if (at == m).any() else 0]
                     for m in range(BINS)], "least_loss": min(best, loss(-3), loss(3))}


def largest(ours, theirs, where):
    """The largest difference of the numbers of two values of one shape; all else is equal."""
    if isinstance(theirs, (list, tuple)):
        assert len(ours) == len(theirs), (where, ours, theirs)
        return max((largest(a, b, f"{where}[{i}]") for i, (a, b) in enumerate(zip(ours, theirs))), default=0)
    if isinstance(theirs, float):
        return abs(ours - theirs)
    assert ours == theirs, (where, ours, theirs)
    return 0


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--count", type=int, default=1000)
    arguments.add_argument("--seed", type=int, default=19)
    arguments.add_argument("--json", metavar="FILE")
    a = arguments.parse_args()
    rng = np.random.default_rng(a.seed)
    drawn = [case(rng) for _ in range(a.count)]
    answers = common.run_tool("metric_pass", text="\n".join(map(line, drawn)) + "\n").splitlines()
    assert len(answers) == len(drawn), (len(answers), len(drawn))
    worst, above, suspects, parted = {}, -math.inf, 0, 0
    for answer, x in zip(map(json.loads, answers), drawn):
        p, said = special.softmax(x["logits"].astype(np.float64), axis=2), x["logits"].argmax(axis=2)
        wanted = calibration_of(x, p[0])
        above = max(above, answer["calibration"].pop("least_loss") - wanted.pop("least_loss"))
        theirs = dict(zip(("wrong", "parted"), rows_of(x, p, said)), slices=list(slices_of(x, said)), pairs=pairs_of(x, said))
        for name, value in list(theirs.items()) + list(wanted.items()):
            ours = answer.get(name, answer["calibration"].get(name))
            worst[name] = max(worst.get(name, 0), largest(ours, value, name))
        suspects += sum(r[5] for r in theirs["wrong"])
        parted += len(theirs["parted"])
    name, most = max(worst.items(), key=lambda item: item[1])
    lines = common.Lines()
    lines.add(f"errors and calibration against their definitions, {a.count:,} random cases, {suspects:,} suspect labels, "
              f"{parted:,} parted rows", f"{most:.1e} at {name}", f"{BOUND:.0e}", most <= BOUND)
    lines.add("loss at the temperature above scipy's least", f"{above:.1e}", "1e-9", above <= 1e-9)
    lines.details["largest"] = worst
    lines.end(a.json)


if __name__ == "__main__":
    main()
