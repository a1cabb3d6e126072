"""Dependency trees: trains from random starts of the same kind under PyTorch (parser.py) and under harness.

    tests/peer/.venv/bin/python tests/peer/trees.py                                   klue_dp_dev, mini, seeds 42 to 44
    tests/peer/.venv/bin/python tests/peer/trees.py --task ud_ko_gsd --model tiny --seeds 42
    tests/peer/.venv/bin/python tests/peer/trees.py --model tiny --seeds 42 --sample  the bundled sentences: to try the script

Per seed: the preset's recipe. The twin has harness' vocabulary, rows, length, pieces of words, batch size, schedule and AdamW; its
order, dropout and start (normal with the configuration's range) are PyTorch's own. Both decode by the task's rule, here by trying
every way to divide a sentence. Holds when the means of UAS are no further apart than the 95 % interval of their difference allows, and
above that of hanging every word from the next one wherever PyTorch's is. Of each checkpoint of harness PyTorch computes the very UAS
and LAS of its record.
"""
import argparse
import json
import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import torch
from safetensors.torch import load_file
from transformers import BertConfig, BertTokenizerFast

import common
from parser import NONE, Parser

WORK = common.WORK / "trees"


def rows(task, split, extra):
    """[(words, heads, labels)]"""
    lines = common.harness("data", "head", task, "--split", split, "--rows", 1 << 20, "--json", *extra).splitlines()
    return [(r["text"].split(" "), r["heads"], r["labels"]) for r in map(json.loads, lines)]


def best_tree(scores, rule):
    """Heads of the best tree: scores[w - 1][h] of word w hanging from h."""
    n = len(scores)
    if "head_final" in rule:
        scores = [[s if h > w + 1 or (h == 0 and w == n - 1) else -1e9 for h, s in enumerate(row)] for w, row in enumerate(scores)]
    if "projective" not in rule:
        return [max((h for h in range(n + 1) if h != w + 1), key=lambda h: row[h]) for w, row in enumerate(scores)]
    # Eisner: best[a, b, left, complete] = (score, arcs), the head at the left end or the right
    best = {(i, i, left, True): (0.0, ()) for i in range(n) for left in (0, 1)}
    for length in range(1, n):
        for a in range(n - length):
            b = a + length
            score, arcs = max((best[a, k, 1, True][0] + best[k + 1, b, 0, True][0],
                               best[a, k, 1, True][1] + best[k + 1, b, 0, True][1]) for k in range(a, b))
            best[a, b, 1, False] = (score + scores[b][a + 1], arcs + ((b, a + 1),))
            best[a, b, 0, False] = (score + scores[a][b + 1], arcs + ((a, b + 1),))
            best[a, b, 1, True] = max((best[a, k, 1, False][0] + best[k, b, 1, True][0],
                                       best[a, k, 1, False][1] + best[k, b, 1, True][1]) for k in range(a + 1, b + 1))
            best[a, b, 0, True] = max((best[a, k, 0, True][0] + best[k, b, 0, False][0],
                                       best[a, k, 0, True][1] + best[k, b, 0, False][1]) for k in range(a, b))
    root = max(range(n), key=lambda r: best[0, r, 0, True][0] + best[r, n - 1, 1, True][0] + scores[r][0])
    heads = [0] * n
    for word, head in best[0, root, 0, True][1] + best[root, n - 1, 1, True][1]:
        heads[word] = head
    return heads


class Twin:
    """Rows as token ids with the places of their nodes, the root first, heads as nodes, and relations."""

    def __init__(self, folder, length):
        self.words, self.length, self.config = BertTokenizerFast.from_pretrained(folder), length, BertConfig.from_pretrained(folder)

    def row(self, words, heads, labels):
        e = self.words(words, is_split_into_words=True, truncation=True, max_length=self.length)
        places = {}
        for place, word in enumerate(e.word_ids()):
            if word is not None and (self.config.word_piece == "last" or word not in places):
                places[word] = place
        node = {0: 0, **{word + 1: i + 1 for i, word in enumerate(sorted(places))}}
        known = [(node.get(heads[w], NONE), self.config.label2id[labels[w]]) for w in sorted(places)]
        return (e["input_ids"], [0] + [places[w] for w in sorted(places)], [NONE] + [h for h, _ in known],
                [NONE] + [r if h != NONE else NONE for h, r in known], sorted(places))

    def batch(self, some):
        ids, mask = common.padded([r[0] for r in some])
        columns = [common.padded([r[k] for r in some], fill)[0] for k, fill in ((1, 0), (2, NONE), (3, NONE))]
        return dict(input_ids=ids, attention_mask=mask, places=columns[0], heads=columns[1], relations=columns[2],
                    nodes=torch.tensor([len(r[1]) for r in some]))

    def score(self, model, data):
        """(UAS, LAS): words that were cut off are wrong, but for what hangs from the next one."""
        model.eval()
        words = uas = las = 0
        names = self.config.id2label
        with torch.no_grad():
            for i in range(0, len(data), 32):
                some = data[i:i + 32]
                encoded = [self.row(*r) for r in some]
                _, _, arcs, relations = model(**self.batch(encoded))
                for (row_words, heads, labels), e, s, rel in zip(some, encoded, arcs, relations):
                    n = len(e[1])
                    said = best_tree(s[1:n, :n].tolist(), self.config.tree_decode)
                    word_of = [0, *(w + 1 for w in e[4])]
                    found = {w: (word_of[h], names[int(rel[k + 1, h].argmax())]) for k, (w, h) in enumerate(zip(e[4], said))}
                    for w in range(len(row_words)):
                        head, label = found.get(w, (w + 2, None))
                        words += 1
                        uas += head == heads[w]
                        las += head == heads[w] and label == labels[w]
        return uas / words, las / words


def train(twin, recipe, data, seed):
    torch.manual_seed(seed)
    config = twin.config
    dropout = config.classifier_dropout if config.classifier_dropout is not None else config.hidden_dropout_prob
    model = Parser(config, dropout)
    with torch.no_grad():
        for name, p in model.named_parameters():
            if name.startswith("parser."):
                p.zero_() if name.endswith("bias") else p.normal_(0, config.initializer_range)
    seen, unique = set(), []
    for row in data:
        if (text := " ".join(row[0])) not in seen:
            seen.add(text)
            unique.append(twin.row(*row))
    return common.train(model, recipe, unique, lambda some: model(**twin.batch(some))[0])


def loaded(folder):
    model = Parser(BertConfig.from_pretrained(folder))
    model.load_state_dict(load_file(str(folder / "model.safetensors")), strict=True)
    return model


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--task", default="klue_dp_dev")
    arguments.add_argument("--model", default="mini")
    arguments.add_argument("--seeds", default="42,43,44")
    arguments.add_argument("--sample", action="store_true")
    arguments.add_argument("--json", metavar="FILE")
    a = arguments.parse_args()
    torch.set_num_threads(1)
    extra, lines = ["--sample"] if a.sample else [], common.Lines()
    data, test = rows(a.task, "train", extra), rows(a.task, "test", extra)
    near = np.mean([h == (w + 2 if w + 1 < len(heads) else 0) for _, heads, _ in test for w, h in enumerate(heads)])
    scores, off = {"harness": [], "PyTorch": []}, 0.0
    for seed in map(int, a.seeds.split(",")):
        folder = WORK / f"{a.task}-{a.model}-{seed}"
        common.harness("run", "--task", a.task, "--model", a.model, "--seed", seed, "--device", "cpu", "--output-dir", folder,
                       "--results", WORK / "results", "--overwrite", "--quiet", *extra)
        record = common.record(folder)
        twin = Twin(folder / "model", record["recipe"]["max_length"])
        scores["harness"].append((record["metrics"]["uas"], record["metrics"]["las"]))
        off = max(off, *np.abs(np.subtract(twin.score(loaded(folder / "model"), test), scores["harness"][-1])))
        scores["PyTorch"].append(twin.score(train(twin, record["recipe"], data, seed), test))
        print(f"seed {seed}: UAS, LAS of harness {scores['harness'][-1]}, PyTorch {scores['PyTorch'][-1]}, next word {near:.4f}", flush=True)
    lines.add(f"{a.task}, {a.model}: UAS and LAS of checkpoints, computed by PyTorch", f"{off:.1e}", "1e-12", off <= 1e-12)
    ours, theirs = (np.array(scores[who])[:, 0] for who in ("harness", "PyTorch"))
    if len(ours) > 1:
        spread = common.seed_noise(ours, theirs)
        above = (ours > near).all() or not (theirs > near).all()
        lines.add(f"{a.task}, {a.model}, {len(ours)} seeds each: UAS", f"harness {100 * ours.mean():.2f}, PyTorch {100 * theirs.mean():.2f}",
                  f"{100 * spread:.2f} apart, above {100 * near:.2f} where PyTorch is", abs(ours.mean() - theirs.mean()) <= spread and above)
    lines.end(a.json)


if __name__ == "__main__":
    main()
