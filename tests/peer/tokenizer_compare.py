#!/usr/bin/env python3
"""Holds `harness tokenize` against Hugging Face's BertTokenizerFast; ends with 1 when any ids differ.

    HARNESS_DATA=... HARNESS_VOCAB=... tests/peer/.venv/bin/python tests/peer/tokenizer_compare.py

  sets     every sentence of the five sets, under the mBERT, KcBERT and KoELECTRA vocabularies
  random   100,000 seeded strings of all planes, under those vocabularies, and under one that holds every
           character of them, for all casing options: there the ids spell out the cleaned text
  every    every code point but U+0000 between letters, for all casing options (not by default: it takes minutes)
  files    tokenizer.json with added tokens of every kind, against `tokenizers` itself; what save_pretrained wrote
  speed    the 200,000 nsmc sentences under mBERT's vocabulary, one thread against one thread
  trained  with --trained DIR, a checkpoint of `harness run --task nsmc --model tiny`: transformers loads it, and
           its vocabulary is compared with one that BertWordPieceTokenizer trains on the same texts
"""
import argparse
import csv
import itertools
import json
import os
import pathlib
import random
import re
import shutil
import subprocess
import sys
import tempfile
import time
import unicodedata

os.environ["TOKENIZERS_PARALLELISM"] = "false"
os.environ["RAYON_NUM_THREADS"] = "1"

from tokenizers import AddedToken, BertWordPieceTokenizer, Tokenizer, normalizers  # noqa: E402
from transformers import BertTokenizerFast  # noqa: E402

ROOT = pathlib.Path(__file__).resolve().parents[2]
MODELS = ("bert-base-multilingual-cased", "kcbert-base", "koelectra")
CASED = {"do_lower_case": False}
failures = 0


# --- texts ------------------------------------------------------------------------------------------

def rows(path, **options):
    with open(path, encoding="utf-8", newline="") as file:
        yield from csv.reader(file, **options)


def lines(path):
    with open(path, encoding="utf-8", newline="") as file:
        for line in file:
            yield line.rstrip("\r\n").split("\t")


def nsmc(data, part):
    reader = rows(data / f"nsmc/ratings_{part}.txt", delimiter="\t")
    next(reader)
    return [row[1] for row in reader]


def sentences(data):
    out = nsmc(data, "train") + nsmc(data, "test")
    for part in ("train", "dev"):
        reader = rows(data / f"kor_hate/{part}.tsv", delimiter="\t", quoting=csv.QUOTE_NONE)
        next(reader)
        out += [row[0] for row in reader]
    for part in ("train", "test"):
        reader = rows(data / f"kor_sarcasm/{part}.csv")
        next(reader)
        out += [row[1] for row in reader]
    out += [fields[0] for fields in lines(data / "kor_sae/sae4k_v1.txt")]
    for part in ("train_val", "test"):
        out += [fields[1] for fields in lines(data / f"kor_3i4k/fci_{part}.txt")]
    return out


def random_texts(count, seed, extra=()):
    """Strings of six kinds: all planes, scripts, Hangul in all forms, marks, emoji, special tokens."""
    rng = random.Random(seed)
    points = [p for p in range(1, 0x110000) if not 0xD800 <= p < 0xE000]
    marks = [p for p in points if unicodedata.category(chr(p))[0] == "M"]
    special = ["[SEP]", "[CLS]", "[MASK]", "[UNK]", "[PAD]", "[", "]", "##", " ", "\t", "\n", "\r", "\u3000", "\u00a0",
               "\u200d", "\u200b", "\ufeff", "\u0130", "\u1e9e", "\u03a3", *extra]

    def hangul(r):
        first, last = ((0xAC00, 0xD7A3) if r < .6 else (0x1100, 0x11FF) if r < .7 else (0x3130, 0x318F) if r < .8
                       else (0xFFA0, 0xFFDC))
        return chr(rng.randint(first, last)) if r < .85 else rng.choice(special)

    kinds = (lambda r: chr(rng.choice(points)), lambda r: chr(rng.choice(points[:0x3400])), hangul,
             lambda r: chr(rng.choice(marks)) if r < .6 else chr(rng.randrange(0x20, 0x250)),
             lambda r: chr(rng.randrange(0x1F000, 0x1FB00)) if r < .5 else rng.choice("\u200d\ufe0f\U0001f3fd "),
             lambda r: rng.choice(special) if r < .5 else chr(rng.choice(points[:0x500])))
    return ["".join(kind(rng.random()) for _ in range(rng.randrange(1, 40)))
            for kind in (rng.choice(kinds) for _ in range(count))]


# --- the two programs ---------------------------------------------------------------------------------

def ours(program, folder, texts, *flags):
    """Ids of each text, and the seconds that encoding took."""
    blob = b"".join(t.encode() + b"\0" for t in texts)
    done = subprocess.run([program, "tokenize", "--model", str(folder), "--json", "--null", *flags], input=blob,
                          capture_output=True, check=False)
    if done.returncode:
        sys.exit(f"harness tokenize: {done.stderr.decode()}")
    ids = [json.loads(line)["ids"] for line in done.stdout.decode().split("\n")[:-1]]
    took = re.search(r"encoding took ([0-9.]+) s", done.stderr.decode())
    return ids, float(took.group(1)) if took else 0.0


def theirs(tokenizer, texts):
    return [e.ids for e in tokenizer.encode_batch(texts)]


def compare(name, texts, got, want, wanted=True):
    """Counts and shows differing rows. wanted False: a planted difference, which must be found."""
    global failures
    bad = [i for i in range(len(texts)) if got[i] != want[i]]
    right = (not bad) == wanted and len(got) == len(want)
    failures += not right
    print(f"{'ok  ' if right else 'FAIL'} {name}: {len(texts)} texts, {len(bad)} differ", flush=True)
    for i in bad[:3] if not right else ():
        print(f"     {texts[i]!r}\n     ours   {got[i]}\n     theirs {want[i]}")


class Folder:
    """A temporary folder with a vocabulary and a tokenizer_config.json."""

    def __init__(self, vocab):
        self.path = pathlib.Path(tempfile.mkdtemp())
        if isinstance(vocab, pathlib.Path):
            shutil.copy(vocab, self.path / "vocab.txt")
        else:
            (self.path / "vocab.txt").write_text("\n".join(vocab) + "\n", encoding="utf-8", newline="")

    def configure(self, config):
        (self.path / "tokenizer_config.json").write_text(json.dumps(config))
        return BertTokenizerFast.from_pretrained(self.path)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        shutil.rmtree(self.path)


# --- parts ----------------------------------------------------------------------------------------------

def check_models(program, vocab, name, texts):
    for model in MODELS:
        with Folder(vocab / model / "vocab.txt") as folder:
            want = theirs(folder.configure(CASED).backend_tokenizer, texts)
            compare(f"{name}, {model}", texts, ours(program, folder.path, texts)[0], want)


def all_characters(texts):
    text = "".join(texts)
    found = set(text)
    for lower, strip in itertools.product((False, True), repeat=2):
        found |= set(normalizers.BertNormalizer(clean_text=False, handle_chinese_chars=False, strip_accents=strip,
                                                lowercase=lower).normalize_str(text))
    return sorted(c for c in found if not c.isspace())


def every_code_point():
    points = [chr(p) for p in range(1, 0x110000) if not 0xD800 <= p < 0xE000]
    return ["a" + "a".join(points[i:i + 24]) for i in range(0, len(points), 24)]


def check_options(program, texts, kind):
    characters = all_characters(texts)
    tokens = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *characters, *("##" + c for c in characters)]
    with Folder(tokens) as folder:
        for lower, strip, chinese in itertools.product((False, True), (None, False, True), (True, False)):
            config = {"do_lower_case": lower, "strip_accents": strip, "tokenize_chinese_chars": chinese}
            tokenizer = folder.configure(config)
            name = f"{kind}, spelt out, lower {lower}, strip {strip}, chinese {chinese}"
            got = ours(program, folder.path, texts)[0]
            compare(name, texts, got, theirs(tokenizer.backend_tokenizer, texts))
        folder.configure({**config, "strip_accents": False})
        compare(f"{kind}, with strip_accents planted wrong", texts, ours(program, folder.path, texts)[0],
                theirs(tokenizer.backend_tokenizer, texts), wanted=False)


def check_truncation(program, vocab, texts):
    with Folder(vocab / MODELS[0] / "vocab.txt") as folder:
        tokenizer = folder.configure(CASED)
        for longest in (2, 3, 8, 32):
            want = tokenizer(texts, truncation=True, max_length=longest)["input_ids"]
            compare(f"cut to {longest}", texts, ours(program, folder.path, texts, "--max-length", str(longest))[0], want)


def check_json(program, vocab):
    added = [AddedToken("<e>", special=True), AddedToken("<e>>", special=True), AddedToken("가나", normalized=False),
             AddedToken("Ab", normalized=True), AddedToken("c d", normalized=True),
             AddedToken("xy", single_word=True, normalized=False), AddedToken("Zw", single_word=True, normalized=True),
             AddedToken("<l>", lstrip=True, normalized=False), AddedToken("<r>", rstrip=True, normalized=False),
             AddedToken("Lr", lstrip=True, rstrip=True, normalized=True)]
    extra = [t.content for t in added] * 3 + ["ab", "AB", "C D", "x", "y", "_", "1", "é", "lr", "zw"]
    texts = random_texts(30000, 7, extra)
    for lower in (False, True):
        with Folder(vocab / "kcbert-base" / "vocab.txt") as folder:
            backend = folder.configure({"do_lower_case": lower}).backend_tokenizer
            for path in folder.path.iterdir():
                path.unlink()
            backend.add_tokens(added)
            backend.save(str(folder.path / "tokenizer.json"))
            tokenizer = Tokenizer.from_file(str(folder.path / "tokenizer.json"))
            compare(f"tokenizer.json with added tokens, lower {lower}", texts, ours(program, folder.path, texts)[0],
                    theirs(tokenizer, texts))


def check_saved(program, vocab, texts):
    """What save_pretrained writes, read by us."""
    for lower, strip, chinese in ((False, None, True), (True, False, False), (True, None, True)):
        with Folder(vocab / "kcbert-base" / "vocab.txt") as folder, Folder(["unused"]) as saved:
            tokenizer = folder.configure({"do_lower_case": lower, "strip_accents": strip,
                                          "tokenize_chinese_chars": chinese, "model_max_length": 300})
            (saved.path / "vocab.txt").unlink()
            tokenizer.save_pretrained(saved.path)
            compare(f"save_pretrained, lower {lower}, strip {strip}, chinese {chinese}", texts,
                    ours(program, saved.path, texts)[0], theirs(tokenizer.backend_tokenizer, texts))


def check_speed(program, vocab, data):
    texts = nsmc(data, "train") + nsmc(data, "test")
    global failures
    with Folder(vocab / MODELS[0] / "vocab.txt") as folder:
        tokenizer = folder.configure(CASED).backend_tokenizer
        ratios = []
        for _ in range(2):
            start = time.monotonic()
            tokenizer.encode_batch_fast(texts)
            their_seconds = time.monotonic() - start
            our_seconds = ours(program, folder.path, texts)[1]
            ratios.append(their_seconds / our_seconds)
            print(f"     tokenizers {their_seconds:.2f} s, harness {our_seconds:.2f} s for {len(texts)} texts")
    right = min(ratios) >= 2 and our_seconds < 1
    failures += not right
    print(f"{'ok  ' if right else 'FAIL'} speed: {min(ratios):.1f} times as fast, one thread each")


def figures(tokenizer, texts):
    encodings = tokenizer.encode_batch(texts, add_special_tokens=False)
    words = sum(len(set(e.word_ids)) for e in encodings)
    tokens = sum(len(e.ids) for e in encodings)
    unknown = sum(e.tokens.count("[UNK]") for e in encodings)
    return {"words": words, "tokens": tokens, "unknown": unknown}


def check_trained(program, folder, data):
    global failures
    texts = [t for t in dict.fromkeys(nsmc(data, "train")) if t]  # the rows that cleaning keeps
    loaded = BertTokenizerFast.from_pretrained(folder)
    compare("trained vocabulary", texts, ours(program, folder, texts)[0], theirs(loaded.backend_tokenizer, texts))
    peer = BertWordPieceTokenizer(lowercase=False, strip_accents=False)
    peer.train_from_iterator(texts, vocab_size=loaded.vocab_size, show_progress=False)
    mine, other = figures(loaded.backend_tokenizer, texts), figures(peer._tokenizer, texts)
    right = all(abs(mine[k] / mine["words"] / (other[k] / other["words"]) - 1) < 0.02 for k in ("tokens", "unknown"))
    failures += not right
    print(f"{'ok  ' if right else 'FAIL'} trained vocabulary: ours {mine}, BertWordPieceTokenizer's {other}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", default=str(ROOT / "build" / "release" / "harness"))
    parser.add_argument("--only", default="sets,random,files,speed", help="parts, with commas")
    parser.add_argument("--count", type=int, default=100000, help="random strings")
    parser.add_argument("--trained", type=pathlib.Path)
    options = parser.parse_args()
    data, vocab = (pathlib.Path(os.environ[name]) for name in ("HARNESS_DATA", "HARNESS_VOCAB"))
    parts = options.only.split(",")
    if "sets" in parts:
        texts = sentences(data)
        check_models(options.program, vocab, "sets", texts)
        check_truncation(options.program, vocab, texts[::10])
    if "random" in parts:
        texts = random_texts(options.count, 1)
        check_models(options.program, vocab, "random", texts)
        check_options(options.program, texts, "random")
    if "every" in parts:
        check_options(options.program, every_code_point(), "every code point")
    if "files" in parts:
        check_json(options.program, vocab)
        check_saved(options.program, vocab, random_texts(20000, 3))
    if "speed" in parts:
        check_speed(options.program, vocab, data)
    if options.trained:
        check_trained(options.program, options.trained, data)
    print(f"{failures} parts failed" if failures else "all equal")
    return failures > 0


if __name__ == "__main__":
    sys.exit(main())
