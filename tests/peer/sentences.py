"""Sentences, pairs, scores and sets of labels: trains from random starts of the same kind under PyTorch and under harness.

    tests/peer/.venv/bin/python tests/peer/sentences.py                        kor_sts, kor_nli, korean_unsmile and lang_id, mini
    tests/peer/.venv/bin/python tests/peer/sentences.py --tasks kor_nli --seeds 42,43,44,45,46
    tests/peer/.venv/bin/python tests/peer/sentences.py --tasks lang_id --limit 4000   of the rows of train and of test, on both sides
    tests/peer/.venv/bin/python tests/peer/sentences.py --model tiny --seeds 42 --sample    the bundled rows: to try the script

Per task and seed (42 to 44): the preset's recipe. The twin is BertForSequenceClassification(config), which knows one label a row,
several labels and scores by its problem_type; it has harness' vocabulary, rows, lengths, batch size, schedule and AdamW, its start,
order and dropout are PyTorch's own, its scores those of scikit-learn and scipy. Holds when the 95 % interval of the difference of the
mean headlines includes 0 (common.seed_noise; of accuracies no narrower than what single rows do from seed to seed makes it), and
harness is above the baseline wherever PyTorch is.
"""
import argparse
import concurrent.futures
import hashlib
import json
import multiprocessing
import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import scipy.stats
import torch
from sklearn.metrics import accuracy_score, f1_score
from transformers import BertConfig, BertForSequenceClassification, BertTokenizerFast

import common

WORK = common.WORK / "sentences"


def rows(task, split, extra):
    """[((text,) or (text, text), answer)]"""
    lines = common.harness("data", "head", task, "--split", split, "--rows", 1 << 20, "--json", *extra).splitlines()
    return [(tuple(r[k] for k in ("text", "text_pair") if k in r), next(r[k] for k in ("score", "labels", "label") if k in r))
            for r in map(json.loads, lines)]


class Twin:
    def __init__(self, folder, length, answer):
        self.words, self.length, self.config = BertTokenizerFast.from_pretrained(folder), length, BertConfig.from_pretrained(folder)
        kind = {float: "regression", int: "regression", list: "multi_label_classification", str: "single_label_classification"}
        self.kind = self.config.problem_type = kind[type(answer)]

    def target(self, answer):
        if self.kind == "regression":
            return float(answer)
        if self.kind == "single_label_classification":
            return self.config.label2id[answer]
        return [float(self.config.id2label[i] in answer) for i in range(self.config.num_labels)]

    def inputs(self, texts):
        return self.words(*map(list, zip(*texts)), truncation=True, max_length=self.length, padding=True, return_tensors="pt")

    def train(self, recipe, data, seed):
        torch.manual_seed(seed)
        model, seen, unique = BertForSequenceClassification(self.config), set(), []
        for texts, answer in data:
            if all(t.strip() for t in texts) and texts not in seen:
                seen.add(texts)
                unique.append((texts, self.target(answer)))
        return common.train(model, recipe, unique, lambda some: model(
            **self.inputs([r[0] for r in some]), labels=torch.tensor([r[1] for r in some])).loss)

    def logits(self, model, texts):
        model.eval()
        with torch.no_grad():
            return np.concatenate([model(**self.inputs(texts[i:i + 64])).logits.numpy() for i in range(0, len(texts), 64)])


def score(metric, gold, logits):
    if metric == "spearman":
        return float(scipy.stats.spearmanr(gold, logits[:, 0]).statistic)
    if metric == "micro_f1":
        return f1_score(np.array(gold, int), logits > 0, average="micro", zero_division=0)
    if metric == "accuracy":
        return accuracy_score(gold, logits.argmax(1))
    assert metric == "macro_f1", metric
    return f1_score(gold, logits.argmax(1), average="macro", labels=range(logits.shape[1]), zero_division=0)


def baseline(metric, gold):
    """What one answer for all rows has: their mean, their most frequent label, or the best label of a set."""
    if metric == "spearman":
        return 0.0
    if metric == "micro_f1":
        return max(f1_score(np.array(gold, int), np.eye(len(gold[0]), dtype=int)[[k] * len(gold)], average="micro", zero_division=0)
                   for k in range(len(gold[0])))
    most = max(set(gold), key=gold.count)
    return score(metric, gold, np.eye(max(gold) + 1)[[most] * len(gold)])


def said(record):
    return np.array(common.array(record["predictions"]))


def limited(data, most, kept):
    """What --limit leaves of a split's rows of one text (of train of those that are kept): the lowest SHA-256 of "limit:" and text."""
    if not most:
        return data
    assert all(len(t) == 1 for t, _ in data), "--limit is for tasks of one text"
    if kept:
        first = {}
        for t, answer in data:
            if t[0].strip():
                first.setdefault(t, answer)
        data = list(first.items())
    key = [(hashlib.sha256(b"limit:" + t[0].encode()).digest(), i) for i, (t, _) in enumerate(data)]
    return [data[i] for i in sorted(i for _, i in sorted(key)[:most])]


def trained(task, seed, a, metric, data, test):
    """{who: (headline, which test rows it has right or None)} of one seed under both."""
    torch.set_num_threads(a.threads)
    folder = WORK / f"{task}-{a.model}-{seed}"
    common.harness("run", "--task", task, "--model", a.model, "--seed", seed, "--device", "cpu", "--threads", a.threads,
                   "--output-dir", folder, "--results", WORK / "results", "--overwrite", "--quiet", *(["--sample"] if a.sample else []),
                   *(["--limit", a.limit] if a.limit else []))
    record = common.record(folder)
    assert record["task"]["rows"]["test"] == len(test), (record["task"]["rows"]["test"], len(test))
    twin = Twin(folder / "model", record["recipe"]["max_length"], test[0][1])
    gold, texts = [twin.target(answer) for _, answer in test], [t for t, _ in test]
    logits = twin.logits(twin.train(record["recipe"], data, seed), texts)
    scores = {"harness": record["metrics"][metric], "PyTorch": score(metric, gold, logits)}
    also = f"; accuracy {record['metrics']['accuracy']:.4f}, {score('accuracy', gold, logits):.4f}" if metric == "macro_f1" else ""
    print(f"{task}, seed {seed}: {metric} of harness {scores['harness']:.4f}, PyTorch {scores['PyTorch']:.4f}{also}", flush=True)
    answers = {"harness": said(record), "PyTorch": logits.argmax(1)} if metric == "accuracy" else {}
    return baseline(metric, gold), {who: (scores[who], answers[who] == np.array(gold) if answers else None) for who in scores}


def compare(lines, task, a):
    extra = ["--sample"] if a.sample else []
    data, test = limited(rows(task, "train", extra), a.limit, True), limited(rows(task, "test", extra), a.limit, False)
    metric = json.loads((common.ROOT / "tasks" / f"{task}.json").read_text())["headline"]
    with concurrent.futures.ProcessPoolExecutor(a.jobs, multiprocessing.get_context("spawn")) as pool:
        of_seeds = list(pool.map(trained, *zip(*[(task, seed, a, metric, data, test) for seed in map(int, a.seeds.split(","))])))
    least, scores = of_seeds[0][0], {who: np.array([s[who][0] for _, s in of_seeds]) for who in ("harness", "PyTorch")}
    lines.details[task] = {who: list(map(float, s)) for who, s in scores.items()} | {"metric": metric, "baseline": float(least)}
    if len(of_seeds) > 1:
        ours, theirs = scores["harness"], scores["PyTorch"]
        floors = [common.row_noise([s[who][1] for _, s in of_seeds]) if metric == "accuracy" else 0.0 for who in scores]
        lines.details[task]["floors"] = floors
        apart, above = common.seed_noise(ours, theirs, floors, len(test)), (ours > least).all() or not (theirs > least).all()
        lines.add(f"{task}{f', {a.limit:,} rows' if a.limit else ''}, {a.model}, {len(ours)} seeds each: {metric}",
                  f"harness {100 * ours.mean():.2f}, PyTorch {100 * theirs.mean():.2f}",
                  f"{100 * apart:.2f} apart (95 %), above {100 * least:.2f} where PyTorch is", abs(ours.mean() - theirs.mean()) <= apart and above)


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--tasks", default="kor_sts,kor_nli,korean_unsmile,lang_id")
    arguments.add_argument("--model", default="mini")
    arguments.add_argument("--seeds", default="42,43,44")
    arguments.add_argument("--threads", type=int, default=os.cpu_count(), help="of both")
    arguments.add_argument("--jobs", type=int, default=1, metavar="N", help="seeds at once, each with --threads")
    arguments.add_argument("--limit", type=int, default=0, metavar="ROWS", help="no more of train, and of test")
    arguments.add_argument("--sample", action="store_true")
    arguments.add_argument("--json", metavar="FILE")
    a = arguments.parse_args()
    lines = common.Lines()
    for task in a.tasks.split(","):
        compare(lines, task, a)
    lines.end(a.json)


if __name__ == "__main__":
    main()
