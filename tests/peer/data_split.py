#!/usr/bin/env python3
"""Splits proven: the test split of tasks of one file and every task's dev hold-out, from the rules alone.

    tests/peer/data_split.py PROGRAM DATA [TASK...]

The rule: texts in order of the SHA-256 of prefix + text, within each label where a row has one; the first 1/N, rounded up, is
held out. A pair is both texts with a 0 byte between. Rows are shuffled first: their order must not matter. Plain Python, no packages.
"""
import hashlib, json, random, subprocess, sys

def held_out(rows, prefix, one_in, by_label):
    labels = {}
    for text, label in rows:
        labels.setdefault(label if by_label else None, []).append(text)
    out = set()
    for texts in labels.values():
        texts.sort(key=lambda text: hashlib.sha256((prefix + text).encode()).digest())
        out.update(texts[: -(-len(texts) // one_in)])
    return out

def cleaned(rows):  # non-empty, first of each text
    first = {}
    for text, label in rows:
        if text.strip("\0"):
            first.setdefault(text, label)
    rows = list(first.items())
    random.Random(1).shuffle(rows)
    return rows

def program_rows(program, data, task, split):
    command = [program, "data", "head", task, "--data", data, "--split", split, "-n", "1000000", "--json"]
    lines = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split("\n")[:-1]
    return ["\0".join([row["text"], *([row["text_pair"]] if "text_pair" in row else [])]) for row in map(json.loads, lines)]

def compare(name, ours, theirs):
    same = set(theirs) == ours and len(theirs) == len(ours)
    print(f"{name:28} python {len(ours):6}  program {len(theirs):6}  {'equal' if same else 'DIFFERENT'}")
    return same

def main(program, data, tasks):
    import data_rows
    good = True
    for task in tasks or data_rows.TASKS:
        manifest = data_rows.manifest(task)
        by_label = manifest.get("kind", "classification") in ("classification", "relation")
        splits = {name: data_rows.joined(rows) for name, rows in data_rows.read(task, data).items()}
        if "all" in splits:
            rows = cleaned(splits["all"])
            test = held_out(rows, "", manifest["split"]["one_in"], by_label)
            good &= compare(f"{task} test", test, program_rows(program, data, task, "test"))
            splits["train"] = [row for row in rows if row[0] not in test]
        if "dev" not in splits:
            dev = held_out(cleaned(splits["train"]), "dev:", 10, by_label)
            good &= compare(f"{task} dev", dev, program_rows(program, data, task, "dev"))
    return 0 if good else 1

if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2], sys.argv[3:]))
