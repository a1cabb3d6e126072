#!/usr/bin/env python3
"""Row for row: reads each set by the rules of Hugging Face's loading scripts and compares the hash of
all (label, text) pairs of each split with the program's.

    tests/peer/data_rows.py PROGRAM DATA [TASK...]

The rules are those of datasets/<task>/<task>.py, version 1.1.0, written down again here. Plain Python.
"""
import csv, hashlib, json, subprocess, sys

csv.field_size_limit(1 << 30)
HATE = ["hate", "offensive", "none"]

def rows_of(path, **options):
    with open(path, encoding="utf-8") as file:
        yield from csv.reader(file, **options)

def nsmc(folder, name):
    rows = rows_of(f"{folder}/nsmc/ratings_{name}.txt", delimiter="\t")
    next(rows)
    return [(document, int(label)) for _, document, label in rows]

def kor_hate(column, names):
    def read(folder, name):
        with open(f"{folder}/kor_hate/{'train' if name == 'train' else 'dev'}.tsv", encoding="utf-8") as file:
            reader = csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)
            return [(row["comments"], names.index(row[column])) for row in reader]
    return read

def kor_sarcasm(folder, name):
    rows = rows_of(f"{folder}/kor_sarcasm/{name}.csv")
    next(rows)
    return [(tokens, int(label)) for _, tokens, label in rows]

def kor_sae(folder, name):
    rows = rows_of(f"{folder}/kor_sae/sae4k_v1.txt", delimiter="\t", quoting=csv.QUOTE_NONE)
    return [(sentence, int(label)) for sentence, _, label in rows]

def kor_3i4k(folder, name):
    file = "fci_train_val" if name == "train" else "fci_test"
    rows = rows_of(f"{folder}/kor_3i4k/{file}.txt", delimiter="\t", quoting=csv.QUOTE_NONE)
    return [(text, int(label)) for label, text in rows]

def klue_tc_dacon(folder, name):
    rows = rows_of(f"{folder}/klue_tc_dacon/train_data.csv")
    next(rows)
    return [(title, int(label)) for _, title, label in rows]

TASKS = {
    "nsmc": (nsmc, ["train", "test"]),
    "kor_hate": (kor_hate("hate", HATE), ["train", "test"]),
    "kor_hate_bias": (kor_hate("bias", ["none", "gender", "others"]), ["train", "test"]),
    "kor_hate_gender": (kor_hate("contain_gender_bias", ["False", "True"]), ["train", "test"]),
    "kor_sarcasm": (kor_sarcasm, ["train", "test"]),
    "kor_sae": (kor_sae, ["all"]),
    "kor_3i4k": (kor_3i4k, ["train", "test"]),
    "klue_tc_dacon": (klue_tc_dacon, ["all"]),
}

def read(task, folder):
    function, splits = TASKS[task]
    return {split: function(folder, split) for split in splits}

def digest(rows):
    h = hashlib.sha256()
    for text, label in rows:
        h.update(b"%d\0%s\0" % (label, text.encode()))
    return h.hexdigest()

def main(program, folder, tasks):
    good = True
    for task in tasks or TASKS:
        command = [program, "data", "stats", task, "--data", folder, "--json"]
        stats = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
        for split, rows in read(task, folder).items():
            ours = stats["splits"]["file" if split == "all" else split]
            same = ours["sha256"] == digest(rows) and ours["rows"] == len(rows)
            good &= same
            print(f"{task:16} {split:6} {len(rows):7} rows  {digest(rows)[:16]}  {'equal' if same else 'DIFFERENT'}")
    return 0 if good else 1

if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2], sys.argv[3:]))
