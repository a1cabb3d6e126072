#!/usr/bin/env python3
"""Splits proven: kor_sae's test split and every task's dev hold-out, from the rules alone.

    tests/peer/data_split.py PROGRAM DATA [TASK...]

The rule: texts in order of the SHA-256 of prefix + text, within each label; the first 1/N, rounded
up, is held out. Rows are shuffled first: their order must not matter. Plain Python, no packages.
"""
import hashlib, json, random, subprocess, sys

def held_out(rows, prefix, one_in):
    labels = {}
    for text, label in rows:
        labels.setdefault(label, []).append(text)
    out = set()
    for texts in labels.values():
        texts.sort(key=lambda text: hashlib.sha256((prefix + text).encode()).digest())
        out.update(texts[: -(-len(texts) // one_in)])
    return out

def cleaned(rows):  # non-empty, first of each text
    first = {}
    for text, label in rows:
        if text:
            first.setdefault(text, label)
    rows = list(first.items())
    random.Random(1).shuffle(rows)
    return rows

def program_rows(program, data, task, split):
    command = [program, "data", "head", task, "--data", data, "--split", split, "-n", "1000000", "--json"]
    lines = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split("\n")[:-1]
    return [(row["text"], row["label_id"]) for row in map(json.loads, lines)]

def compare(name, ours, theirs):
    same = set(theirs) == ours and len(theirs) == len(ours)
    print(f"{name:28} python {len(ours):6}  program {len(theirs):6}  {'equal' if same else 'DIFFERENT'}")
    return same

def main(program, data, tasks):
    import data_rows
    good = True
    for task in tasks or data_rows.TASKS:
        splits = data_rows.read(task, data)
        if "all" in splits:
            rows = cleaned(splits["all"])
            test = held_out(rows, "", 5)
            got = [text for text, _ in program_rows(program, data, task, "test")]
            good &= compare(f"{task} test", test, got)
            splits["train"] = [row for row in rows if row[0] not in test]
        dev = held_out(cleaned(splits["train"]), "dev:", 10)
        got = [text for text, _ in program_rows(program, data, task, "dev")]
        good &= compare(f"{task} dev", dev, got)
    return 0 if good else 1

if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2], sys.argv[3:]))
