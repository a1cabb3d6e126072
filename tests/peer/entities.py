"""Named entities: trains from random starts of the same kind under PyTorch and under harness, and holds each checkpoint's answers
against transformers.

    tests/peer/.venv/bin/python tests/peer/entities.py                     klue_ner_dev, mini, seeds 42 to 44
    tests/peer/.venv/bin/python tests/peer/entities.py --model tiny --seeds 42 --sample

Per seed: the preset's recipe. The twin has harness' vocabulary, rows, lengths, batch size, schedule and AdamW; its start is
BertForTokenClassification(config), its order and dropout are PyTorch's own, its scores seqeval's. Holds when the means are no
further apart than the 95 % interval of their difference allows, and both are above no entity at all. Of each checkpoint of harness the
entities that transformers' argmax and offsets give are those that `harness predict` prints, text for text.
"""
import argparse
import json
import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import torch
from seqeval.metrics import f1_score
from seqeval.scheme import IOB2
from transformers import AutoModelForTokenClassification, BertConfig, BertForTokenClassification, BertTokenizerFast

import common

WORK = common.WORK / "entities"


def rows(task, split, extra):
    """[(text, entities)]"""
    lines = common.harness("data", "head", task, "--split", split, "--rows", 1 << 20, "--json", *extra).splitlines()
    return [(r["text"], r["entities"]) for r in map(json.loads, lines)]


def character_tags(text, entities):
    tags = ["O"] * len(text)
    for one in entities:
        for i in range(one["start"], one["end"]):
            tags[i] = ("B-" if i == one["start"] else "I-") + one["entity_group"]
    return tags


def entities_of(text, tags):
    """(type, start, end) of strict IOB2 over the characters that are no blanks."""
    found, before = [], "O"
    for i, tag in enumerate(tags):
        if text[i].isspace():
            continue
        if tag[0] == "B":
            found.append([tag[2:], i, i + 1])
        elif tag[0] == "I" and found and before[2:] == tag[2:]:
            found[-1][2] = i + 1
        else:
            tag = "O"  # an I- that goes on with nothing begins nothing
        before = tag
    return [tuple(one) for one in found]


class Twin:
    """Rows as token ids with the labels of the characters that tokens begin at."""

    def __init__(self, folder, length):
        self.words, self.length = BertTokenizerFast.from_pretrained(folder), length

    def encode(self, text):
        e = self.words(text, truncation=True, max_length=self.length, return_offsets_mapping=True)
        return e["input_ids"], [a if b > a else None for a, b in e["offset_mapping"]]

    def row(self, text, entities, ids_of):
        ids, begins = self.encode(text)
        tags = character_tags(text, entities)
        return ids, [-100 if b is None else ids_of[tags[b]] for b in begins]

    def spread(self, text, begins, said):
        """Tags of all characters by those of tokens."""
        at, tags, last = dict((b, s) for b, s in zip(begins, said) if b is not None), [], "O"
        for i in range(len(text)):
            last = at.get(i, last if last == "O" else "I" + last[1:])
            tags.append(last)
        return tags

    def predict(self, model, texts):
        model.eval()
        names, found = model.config.id2label, []
        with torch.no_grad():
            for i in range(0, len(texts), 64):
                encoded = [self.encode(t) for t in texts[i:i + 64]]
                ids, mask = common.padded([e[0] for e in encoded])
                best = model(input_ids=ids, attention_mask=mask).logits.argmax(-1)
                found += [self.spread(t, e[1], [names[int(k)] for k in best[j][:len(e[0])]])
                          for j, (t, e) in enumerate(zip(texts[i:i + 64], encoded))]
        return found


def train(twin, folder, recipe, data, seed):
    torch.manual_seed(seed)
    config = BertConfig.from_pretrained(folder)
    model = BertForTokenClassification(config)
    seen, unique = set(), []
    for text, entities in data:
        if text.strip() and text not in seen:
            seen.add(text)
            unique.append(twin.row(text, entities, config.label2id))

    def loss_of(batch):
        ids, mask = common.padded([r[0] for r in batch])
        labels, _ = common.padded([r[1] for r in batch], -100)
        return model(input_ids=ids, attention_mask=mask, labels=labels).loss

    return common.train(model, recipe, unique, loss_of)


def score(test, predicted):
    def units(text, tags):
        return [t for c, t in zip(text, tags) if not c.isspace()]
    gold, said = [], []
    for (text, entities), tags in zip(test, predicted):
        own = character_tags(text, entities)
        for one in entities:  # one that begins with a blank begins with what follows it
            start = one["start"] + (len(one["word"]) - len(one["word"].lstrip()))
            own[start] = "B-" + one["entity_group"]
        gold.append(units(text, own))
        said.append(units(text, tags))
    return f1_score(gold, said, mode="strict", scheme=IOB2, zero_division=0)


def same_answers(twin, folder, texts):
    """How many texts transformers finds other entities in than `harness predict`."""
    model, info = AutoModelForTokenClassification.from_pretrained(folder, output_loading_info=True)
    assert not any(info.values()), info
    lines = common.harness("predict", "--checkpoint", folder, "--device", "cpu", "--json", text="\n".join(texts) + "\n").splitlines()
    wrong = 0
    for text, tags, line in zip(texts, twin.predict(model, texts), lines, strict=True):
        ours = [(e["entity_group"], e["start"], e["end"]) for e in json.loads(line)["entities"]]
        wrong += ours != entities_of(text, tags)
    return wrong


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--task", default="klue_ner_dev")
    arguments.add_argument("--model", default="mini")
    arguments.add_argument("--seeds", default="42,43,44")
    arguments.add_argument("--sample", action="store_true", help="the bundled sentences: to try the script")
    arguments.add_argument("--json", metavar="FILE")
    a = arguments.parse_args()
    torch.set_num_threads(1)
    extra, lines = ["--sample"] if a.sample else [], common.Lines()
    data, test = rows(a.task, "train", extra), rows(a.task, "test", extra)
    texts, scores, wrong = [t for t, _ in test], {"harness": [], "PyTorch": []}, 0
    for seed in map(int, a.seeds.split(",")):
        folder = WORK / f"{a.task}-{a.model}-{seed}"
        common.harness("run", "--task", a.task, "--model", a.model, "--seed", seed, "--device", "cpu", "--output-dir", folder,
                       "--results", WORK / "results", "--overwrite", "--quiet", *extra)
        record = common.record(folder)
        twin = Twin(folder / "model", record["recipe"]["max_length"])
        model = train(twin, folder / "model", record["recipe"], data, seed)
        wrong += same_answers(twin, folder / "model", texts)
        scores["harness"].append(record["metrics"]["entity_f1"])
        scores["PyTorch"].append(score(test, twin.predict(model, texts)))
        print(f"seed {seed}: harness {scores['harness'][-1]:.4f}, PyTorch {scores['PyTorch'][-1]:.4f}", flush=True)
    lines.add(f"{a.task}, {a.model}: texts in which transformers finds other entities than harness predict", str(wrong), "0", not wrong)
    ours, theirs = (np.array(scores[who]) for who in ("harness", "PyTorch"))
    if len(ours) > 1:
        spread = common.seed_noise(ours, theirs)
        lines.add(f"{a.task}, {a.model}, {len(ours)} seeds each: entity F1",
                  f"harness {100 * ours.mean():.2f}, PyTorch {100 * theirs.mean():.2f}", f"{100 * spread:.2f} apart, above 0",
                  abs(ours.mean() - theirs.mean()) <= spread and min(ours.min(), theirs.min()) > 0)
    lines.end(a.json)


if __name__ == "__main__":
    main()
