#!/usr/bin/env python3
"""Writes tests/golden/tokenizer_vocab.txt and tokenizer_cases.txt with Hugging Face's `BertTokenizerFast`.

    tests/peer/.venv/bin/python tests/peer/tokenizer_golden.py
"""
import itertools
import pathlib
import tempfile
import json

import tokenizers
import transformers
from tokenizers import normalizers
from transformers import BertTokenizerFast

from tokenizer_cases import PAIRS, SENTENCES, texts

GOLDEN = pathlib.Path(__file__).resolve().parents[1] / "golden"
SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
PIECES = ["오늘", "##늘", "날씨", "##가", "##네", "##네요", "영화", "##다", "커피", "##한잔", "ㅋㅋ", "##ㅋㅋ", "진짜", "가격",
          "##원", "입니다", "##입니다", "사람", "글쎄", "##하더라고", "##00", "hello", "help", "##llo", "he", "world", "HE",
          "##마시고", "i", "##Phone", "갤럭시", "AA", "##aa", "##aaaa", "가가", "##가가가", "ss", "##ss", "##한", "##글"]
# lower case, strip accents, tokenize Chinese characters: bit i of a case's mask is OPTIONS[i]
OPTIONS = list(itertools.product((False, True), (None, False, True), (False, True)))


def vocabulary(cases):
    """Every character that a case can come to, alone and continuing, so that ids show the cleaned text."""
    characters = set()
    for lower, strip in itertools.product((False, True), repeat=2):
        clean = normalizers.BertNormalizer(clean_text=True, handle_chinese_chars=False, strip_accents=strip,
                                           lowercase=lower).normalize_str
        for case in cases:
            characters |= set(clean(case))
    characters = sorted(c for c in characters if not c.isspace())
    return list(dict.fromkeys(SPECIAL + PIECES + characters + ["##" + c for c in characters]))


def load(tokens, lower, strip, chinese):
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder)
        (path / "vocab.txt").write_text("\n".join(tokens) + "\n", encoding="utf-8", newline="")
        (path / "tokenizer_config.json").write_text(json.dumps(
            {"do_lower_case": lower, "strip_accents": strip, "tokenize_chinese_chars": chinese}))
        return BertTokenizerFast.from_pretrained(folder)


def points(text):
    return " ".join(f"{ord(c):X}" for c in text)


def numbers(ids):
    return " ".join(map(str, ids))


def main():
    cases = list(dict.fromkeys(texts()))
    tokens = vocabulary(cases)
    lines = ["# Ids that BertTokenizerFast gives under tokenizer_vocab.txt; made by tests/peer/tokenizer_golden.py",
             f"# with transformers {transformers.__version__}, tokenizers {tokenizers.__version__}. A text:",
             "#   T, mask of options in hex, code points, ids; bit of an option set: lower * 6 + strip * 2 + chinese,",
             "#   strip 0 unset, 1 false, 2 true. A pair, with the options of bit 1:",
             "#   P, longest, code points, code points of the second text, ids, first token of type 1"]
    all_tokenizers = [load(tokens, *o) for o in OPTIONS]
    for case in cases:
        groups = {}
        for bit, tokenizer in enumerate(all_tokenizers):
            ids = tuple(tokenizer(case)["input_ids"])
            groups[ids] = groups.get(ids, 0) | 1 << bit
        for ids, mask in groups.items():
            lines.append(f"T\t{mask:X}\t{points(case)}\t{numbers(ids)}")
    cased = all_tokenizers[1]
    for (a, b), longest in itertools.product(PAIRS, (0, 3, 4, 5, 6, 7, 8, 9, 12, 20)):
        # as lists: a single call takes an empty second text for none
        e = cased([a], [b], truncation="longest_first" if longest else False, max_length=longest or None)
        ids, types = e["input_ids"][0], e["token_type_ids"][0]
        lines.append(f"P\t{longest}\t{points(a)}\t{points(b)}\t{numbers(ids)}\t{types.index(1)}")
    for sentence, longest in itertools.product(SENTENCES[:4], (2, 3, 7, 512)):
        e = cased(sentence, truncation=True, max_length=longest)
        lines.append(f"P\t{longest}\t{points(sentence)}\t-\t{numbers(e['input_ids'])}\t{len(e['input_ids'])}")
    (GOLDEN / "tokenizer_vocab.txt").write_text("\n".join(tokens) + "\n", encoding="utf-8", newline="")
    (GOLDEN / "tokenizer_cases.txt").write_text("\n".join(lines) + "\n", encoding="utf-8", newline="")
    print(f"{len(cases)} texts, {len(lines)} lines, {len(tokens)} tokens")


if __name__ == "__main__":
    main()
