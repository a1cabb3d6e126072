#!/usr/bin/env python3
"""Relations: marked texts, token ids and the grown embedding, as KLUE's format and transformers have them.

    tests/peer/.venv/bin/python tests/peer/relations.py PROGRAM [DATA] [--rows 2000] [--vocabulary FOLDER]

Sentences of kor_nli in DATA (else of the bundled sample) get two entities at random places, in KLUE-RE's format. Then
  texts    `data head` has each as slicing by Python has it
  ids      `tokenize` of what a run saved equals BertTokenizerFast with the four markers as additional special tokens; of
           what it saved under --join-particles, the same with ## before Hangul right behind a closing marker; both also
           with the vocab.txt of a cased model in FOLDER
  growth   the saved folder loads in transformers; all rows but the markers' are as transformers' resize_token_embeddings
           has them before a step of training (learning rate 0), sizes and scores equal
"""
import argparse
import csv
import json
import pathlib
import random
import subprocess
import sys
import tempfile

import torch
from transformers import AutoModelForSequenceClassification, AutoTokenizer, BertTokenizerFast

ROOT = pathlib.Path(__file__).resolve().parents[2]
MARKERS = ["<subj>", "</subj>", "<obj>", "</obj>"]


def sentences(data, rows):
    if data:
        with open(f"{data}/kor_nli/xnli.dev.ko.tsv", encoding="utf-8", newline="") as file:
            texts = [r["sentence1"] for r in csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)]
    else:
        texts = [r["sentence"] for r in json.loads((ROOT / "tasks/sample/klue/klue-re-v1.1_train.json").read_text())]
    return [t for t in dict.fromkeys(texts) if len(t) >= 8][:rows]


def made(texts, labels, rng):
    for text in texts:
        a, b, c, d = sorted(rng.sample(range(len(text)), 4))
        places = [(a, b), (c, d)]
        rng.shuffle(places)
        entities = [{"word": text[f:l + 1], "start_idx": f, "end_idx": l, "type": "PER"} for f, l in places]
        yield {"sentence": text, "subject_entity": entities[0], "object_entity": entities[1], "label": rng.choice(labels)}


def marked(row):
    text, spans = row["sentence"], [(row["subject_entity"], MARKERS[:2]), (row["object_entity"], MARKERS[2:])]
    for entity, (begin, end) in sorted(spans, key=lambda s: -s[0]["start_idx"]):
        first, last = entity["start_idx"], entity["end_idx"] + 1
        text = text[:first] + begin + text[first:last] + end + text[last:]
    return text


def joined(tokenizer, text):
    """The first piece of Hangul behind each closing marker continues a word."""
    tokens = tokenizer.tokenize(text)
    for end in (MARKERS[1], MARKERS[3]):
        behind, place = text[text.index(end) + len(end):][:1], tokens.index(end) + 1
        if behind and not behind.isspace() and place < len(tokens) and "가" <= tokens[place][0] <= "힣":
            tokens[place] = "##" + tokens[place]
    return [tokenizer.cls_token_id, *tokenizer.convert_tokens_to_ids(tokens), tokenizer.sep_token_id]


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("program", type=pathlib.Path)
    arguments.add_argument("data", nargs="?")
    arguments.add_argument("--rows", type=int, default=2000)
    arguments.add_argument("--vocabulary")
    a = arguments.parse_args()
    program = str(a.program.resolve())
    manifest = json.loads((ROOT / "tasks/klue_re.json").read_text())
    rows = list(made(sentences(a.data, a.rows), [label["value"] for label in manifest["labels"]], random.Random(1)))
    texts, good = [marked(r) for r in rows], []

    def say(what, same):
        good.append(same)
        print(f"{what:70} {'equal' if same else 'DIFFERENT'}")

    with tempfile.TemporaryDirectory() as folder:
        def harness(*command, text=None):
            done = subprocess.run([program, *command], cwd=folder, input=text, capture_output=True, text=True)
            assert not done.returncode, done.stderr
            return done.stdout

        place = pathlib.Path(folder, "made")
        place.mkdir()
        manifest |= {"name": "made", "data_folder": "made", "files": [{"role": "train", "name": "a.json"}, {"role": "test", "name": "b.json"}]}
        del manifest["group"]
        pathlib.Path(folder, "made.json").write_text(json.dumps(manifest, ensure_ascii=False))
        for name, part in (("a.json", rows), ("b.json", rows[:50])):
            (place / name).write_text(json.dumps(part, ensure_ascii=False))
        task = ["--task-dir", ".", "--data", "."]
        shown = [json.loads(line) for line in harness("data", "head", "made", *task, "--rows", str(len(rows)), "--json").splitlines()]
        say(f"{len(rows):,} marked texts", [r["text"] for r in shown] == texts)
        harness("run", "--sample", "--task", "nsmc", "-m", "tiny", "--device", "cpu", "--max-steps", "1", "-o", "start")
        run = ["run", "--task", "made", *task, "-m", "start", "--ignore-mismatched-sizes", "--device", "cpu", "--max-steps", "1", "--lr", "0"]
        harness(*run, "-o", "plain")
        harness(*run, "-o", "joins", "--join-particles")
        start = pathlib.Path(folder, "start/model")
        tokenizer = BertTokenizerFast(str(start / "vocab.txt"), do_lower_case=False, additional_special_tokens=MARKERS)
        lines = "".join(t + "\n" for t in texts)

        def compare(what, model, theirs):
            ours = [json.loads(line)["ids"] for line in harness("tokenize", "-m", model, "--json", "--quiet", text=lines).splitlines()]
            say(f"{what}: ids of {len(texts):,} texts, {sum(len(i) for i in theirs):,} tokens", ours == theirs)

        compare("plain", "plain", tokenizer(texts)["input_ids"])
        compare("joins", "joins", [joined(tokenizer, t) for t in texts])
        if a.vocabulary:
            published = BertTokenizerFast(f"{a.vocabulary}/vocab.txt", do_lower_case=False, additional_special_tokens=MARKERS)
            other = pathlib.Path(folder, "other")
            published.save_pretrained(other)
            compare("published vocabulary, plain", str(other), published(texts)["input_ids"])
            config = json.loads((other / "tokenizer_config.json").read_text())
            (other / "tokenizer_config.json").write_text(json.dumps(config | {"joins_after_markers": True}))
            compare("published vocabulary, joins", str(other), [joined(published, t) for t in texts])
        saved = pathlib.Path(folder, "plain/model")
        loaded = AutoTokenizer.from_pretrained(saved)
        say("AutoTokenizer of the saved folder", loaded(texts)["input_ids"] == tokenizer(texts)["input_ids"]
            and loaded.extra_special_tokens == MARKERS and len(loaded) == len(tokenizer))
        before, after = (AutoModelForSequenceClassification.from_pretrained(f).eval() for f in (start, saved))
        before.resize_token_embeddings(len(tokenizer))
        old, new = (m.get_input_embeddings().weight for m in (before, after))
        say(f"embedding of {tuple(new.shape)}, all rows but the markers'",
            old.shape == new.shape and before.config.vocab_size == after.config.vocab_size and torch.equal(old[:-4], new[:-4]))
        answers = [json.loads(line)["scores"] for line in harness("predict", "-c", "plain", "--device", "cpu", "--json", "--quiet",
                                                                  text=lines).splitlines()]
        names, largest = [after.config.id2label[i] for i in range(len(manifest["labels"]))], 0
        with torch.no_grad():
            for text, scores in list(zip(texts, answers))[:200]:
                theirs = after(**loaded(text, return_tensors="pt")).logits[0].softmax(-1)
                largest = max(largest, max(abs(scores[n] - float(p)) for n, p in zip(names, theirs)))
        say(f"scores of 200 texts, largest difference {largest:.1e}", largest < 1e-5)
    return 0 if all(good) else 1


if __name__ == "__main__":
    sys.exit(main())
