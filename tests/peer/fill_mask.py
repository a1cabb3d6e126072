"""`harness fill-mask` against transformers' pipeline("fill-mask") on the same folders.

    tests/peer/.venv/bin/python tests/peer/fill_mask.py [--sentences 100] [--device cpu] [--model DIR]

Models: a short pretraining of this program (or --model), and a random one of each family that transformers draws. Sentences of
nsmc's test rows, a word each replaced by [MASK], in every fifth a second one. The five best tokens, their texts and
sequences are equal, each score within 1e-5; so they are among targets, some of which are no tokens.
Where two scores differ by less than 1e-7 either order counts.
"""
import argparse
import json
import random

import torch
from transformers import AutoConfig, AutoModelForMaskedLM, pipeline

import common

BOUND, TIE, VOCABULARY = 1e-5, 1e-7, common.ROOT / "models" / "ko-tiny" / "vocab.txt"
TARGETS = ["영화", "재미", "최고", "연기력", "평점", "없음이라니"]


def sentences(count):
    rng, chosen = random.Random(42), []
    for text in common.read("nsmc", 1)[0]:
        words = text.split()
        if not 3 <= len(words) <= 30 or "," in text:
            continue
        for place in rng.sample(range(len(words)), 2 if len(chosen) % 5 == 4 else 1):
            # with what is written around the word, as people write it
            words[place] = "[MASK]" + rng.choice(["", "", ".", "가", " '"])
        chosen.append(" ".join(words))
        if len(chosen) == count:
            return chosen
    raise SystemExit("too few sentences")


def pretrained(device):
    """A model that has learned a little from nsmc's training rows."""
    folder, texts = common.WORK / "fill-mask", common.WORK / "fill-mask.txt"
    texts.parent.mkdir(parents=True, exist_ok=True)
    texts.write_text("\n".join(" ".join(t.split()) for t in common.read("nsmc", 0)[0][:4000]) + "\n", encoding="utf-8")
    common.harness("pretrain", "--corpus", texts, "--model", "tiny", "--device", device, "--max-steps", 40, "--lr", 2e-3,
                   "--warmup-steps", 10, "--tokens-per-batch", 2048, "--overwrite", "--quiet", "-o", folder)
    return folder / "model"


def random_model(family):
    """Weights of a range that makes the answers differ."""
    folder, tokens = common.WORK / f"fill-mask-{family}", common.tokens_of(VOCABULARY)
    folder.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(3)
    pad = tokens.index("[PAD]")
    config = AutoConfig.for_model(family, vocab_size=len(tokens), pad_token_id=pad, initializer_range=0.1,
                                  **common.sizes(family, "tiny", pad))
    AutoModelForMaskedLM.from_config(config).save_pretrained(folder)
    common.write_tokenizer(folder, tokens)
    if family in ("roberta", "distilbert"):  # models without token types do not take them
        path = folder / "tokenizer_config.json"
        path.write_text(json.dumps(json.loads(path.read_text()) | {"model_input_names": ["input_ids", "attention_mask"]}))
    return folder


def equal(ours, theirs):
    """Whether two lists of choices are the same but for ties; the largest difference of scores."""
    worst, fine = 0.0, len(ours) == len(theirs)
    for mine, other in zip(ours, theirs):
        worst = max(worst, abs(mine["score"] - other["score"]))
        same = all(mine[k] == other[k] for k in ("token", "token_str", "sequence"))
        fine = fine and (same or abs(mine["score"] - other["score"]) < TIE)
    return fine, worst


def compare(lines, what, folder, texts, device, targets=None):
    flags = ["--targets", ",".join(targets)] if targets else []
    out = common.harness("fill-mask", "--model", folder, "--device", device, "--json", *flags, text="\n".join(texts) + "\n")
    ours = [json.loads(line) for line in out.splitlines()]
    fill = pipeline("fill-mask", model=str(folder), device="cpu")
    wrong, worst = [], 0.0
    for text, answer in zip(texts, ours, strict=True):
        expected = fill(text, **({"targets": targets} if targets else {}))
        masks = [(answer, expected)] if text.count("[MASK]") == 1 else list(zip(answer, expected, strict=True))
        for mine, other in masks:
            fine, difference = equal(mine, other)
            worst = max(worst, difference)
            if not fine:
                wrong.append((text, mine, other))
    for one in wrong[:2]:
        print(one)
    lines.add(f"fill-mask, {what}, {len(texts)} sentences", f"{len(wrong)} answers differ, scores within {worst:.1e}",
              f"none, {BOUND:.0e}", not wrong and worst <= BOUND)


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--sentences", type=int, default=100)
    arguments.add_argument("--device", default="cpu")
    arguments.add_argument("--model", metavar="DIR")
    arguments.add_argument("--json", metavar="FILE")
    a = arguments.parse_args()
    lines, texts = common.Lines(), sentences(a.sentences)
    folder = a.model or pretrained(a.device)
    compare(lines, a.model or "pretrained for 40 steps", folder, texts, a.device)
    compare(lines, "among targets", folder, texts[:20], a.device, TARGETS)
    for family in common.FAMILIES:
        compare(lines, f"random {family}", random_model(family), texts, a.device)
    lines.end(a.json)


if __name__ == "__main__":
    main()
