#!/usr/bin/env python3
"""Token ids and types of every pair of kor_nli and kor_sts, as transformers' BertTokenizerFast and as harness gives them.

    tests/peer/.venv/bin/python tests/peer/pair_ids.py PROGRAM DATA VOCABULARY [--max-length 48]

VOCABULARY is a folder with vocab.txt of a cased model. At 48 tokens longest_first cuts many pairs.
"""
import argparse
import csv
import json
import pathlib
import subprocess
import sys

from transformers import BertTokenizerFast

FILES = [("kor_nli/xnli.dev.ko.tsv", "sentence1", "sentence2"), ("kor_nli/xnli.test.ko.tsv", "sentence1", "sentence2"),
         ("kor_sts/sts-train.tsv", "sentence1", "sentence2"), ("kor_sts/sts-dev.tsv", "sentence1", "sentence2"),
         ("kor_sts/sts-test.tsv", "sentence1", "sentence2")]


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("program")
    arguments.add_argument("data")
    arguments.add_argument("vocabulary")
    arguments.add_argument("--max-length", type=int, default=48)
    a = arguments.parse_args()
    tokenizer = BertTokenizerFast(str(pathlib.Path(a.vocabulary) / "vocab.txt"), do_lower_case=False)
    good = True
    for name, first, second in FILES:
        with open(f"{a.data}/{name}", encoding="utf-8", newline="") as file:
            rows = [(r[first], r[second]) for r in csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)]
        text = "".join(f"{one}\t{two}\n" for one, two in rows)
        command = [a.program, "tokenize", "-m", a.vocabulary, "--cased", "--pair", "--json", "--quiet",
                   "--max-length", str(a.max_length)]
        lines = subprocess.run(command, input=text, capture_output=True, text=True, check=True).stdout.splitlines()
        theirs = tokenizer([one for one, _ in rows], [two for _, two in rows], truncation="longest_first",
                           max_length=a.max_length)
        ours = [json.loads(line) for line in lines]
        cut = sum(o["cut"] > 0 for o in ours)
        same = len(ours) == len(rows) and all(
            o["ids"] == i and o["token_type_ids"] == t
            for o, i, t in zip(ours, theirs["input_ids"], theirs["token_type_ids"]))
        good &= same
        print(f"{name:26} {len(rows):6} pairs, {cut:5} cut at {a.max_length}  {'equal' if same else 'DIFFERENT'}")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
