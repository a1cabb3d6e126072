"""Pretraining against PyTorch's BertForMaskedLM: the same batches and masks, and our checkpoints in transformers.

    HARNESS_VOCAB=... tests/peer/.venv/bin/python tests/peer/masked_lm.py [--steps 200] [--device cpu] [--shape tiny]

1. So many steps from the same weights on the same masked batches (mask_pass prints them), dropout off: every loss within
   1e-3 relative.
2. What that leaves loads in AutoModelForMaskedLM with no key missing or unused, and fill-mask gives the same scores.
3. A random base-sized model with a published vocabulary: scores of every vocabulary entry at [MASK] within 1e-3 relative.
"""
import argparse
import glob
import json
import math
import os
import shutil

import numpy as np
import torch
from transformers import AutoConfig, AutoModelForMaskedLM, AutoTokenizer

import common

LOSS_BOUND, SCORE_BOUND, TOKENS = 1e-3, 1e-3, 512
VOCABULARY = common.ROOT / "models" / "ko-tiny" / "vocab.txt"
TEXTS = ["이 영화 정말 [MASK]", "[MASK] 연기가 훌륭했다", "시간이 [MASK] 줄 모르고 봤네요", "다시 보고 [MASK] [MASK]"]


def make_model(folder, shape, vocabulary):
    tokens = common.tokens_of(vocabulary)
    pad = tokens.index("[PAD]")
    folder.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(5)
    config = AutoConfig.for_model("bert", vocab_size=len(tokens), pad_token_id=pad, **common.sizes("bert", shape, pad),
                                  **common.dropless("bert"))
    AutoModelForMaskedLM.from_config(config).save_pretrained(folder)
    common.write_tokenizer(folder, tokens)
    return folder


def corpus():
    path = common.WORK / "masked-lm.txt"
    path.write_text("\n".join(" ".join(t.split()) for t in common.read("nsmc", 0)[0][:12000]) + "\n", encoding="utf-8")
    return path


def ours(folder, a):
    """Losses, record and the file of encoded sentences."""
    output = common.WORK / "masked-lm-run"
    os.environ["XDG_CACHE_HOME"] = str(common.WORK / "masked-lm-cache")
    shutil.rmtree(os.environ["XDG_CACHE_HOME"], ignore_errors=True)
    common.harness("pretrain", "--corpus", corpus(), "--model", folder, "--max-steps", a.steps, "--seed", a.seed, "--device",
                   a.device, "--tokens-per-batch", TOKENS, "--lr", 1e-3, "--warmup-steps", a.steps // 10, "--overwrite",
                   "--quiet", "-o", output)
    record = common.record(output)
    stores = glob.glob(os.environ["XDG_CACHE_HOME"] + "/harness/corpus/*/train.tokens")
    assert len(stores) == 1, stores
    return np.array(common.array(record["loss"])), record, stores[0], output / "model"


def factor(step, steps, warmup):
    done = step - 1
    return done / warmup if done < warmup else max(0, (steps - done) / max(1, steps - warmup))


def theirs(folder, batches, recipe):
    model = AutoModelForMaskedLM.from_pretrained(folder).train()
    optimizer = common.adamw(model, recipe)
    losses = []
    for step, sentences in enumerate(batches, 1):
        ids, mask = common.padded([s["ids"] for s in sentences], model.config.pad_token_id)
        labels = torch.full_like(ids, -100)
        for row, s in enumerate(sentences):
            labels[row, s["places"]] = torch.tensor(s["wanted"], dtype=torch.long)
        loss = model(input_ids=ids, attention_mask=mask, labels=labels).loss
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), recipe["max_grad_norm"])
        for group in optimizer.param_groups:
            group["lr"] = recipe["learning_rate"] * factor(step, len(batches), recipe["warmup_steps"])
        optimizer.step()
        losses.append(loss.item())
    return np.array(losses)


@torch.no_grad()
def largest_difference(folder, device):
    """Of the scores of every vocabulary entry at each [MASK], relative to the largest of its row; keys that do not fit."""
    model, report = AutoModelForMaskedLM.from_pretrained(folder, output_loading_info=True)
    tokenizer, worst = AutoTokenizer.from_pretrained(folder), 0.0
    out = common.harness("fill-mask", "--model", folder, "--device", device, "--json", "--top-k", model.config.vocab_size,
                         text="\n".join(TEXTS) + "\n")
    for text, line in zip(TEXTS, out.splitlines(), strict=True):
        ids = tokenizer(text, return_tensors="pt")
        rows = model.eval()(**ids).logits[0, ids["input_ids"][0] == tokenizer.mask_token_id].double().log_softmax(-1)
        answer = json.loads(line)
        for row, choices in zip(rows, [answer] if len(rows) == 1 else answer, strict=True):
            found = torch.empty(len(choices), dtype=torch.double)
            for choice in choices:
                found[choice["token"]] = math.log(choice["score"])
            worst = max(worst, float((found - row).abs().max() / row.abs().max()))
    return worst, [k for kind in ("missing_keys", "unexpected_keys", "mismatched_keys") for k in report[kind]]


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--steps", type=int, default=200)
    arguments.add_argument("--shape", default="tiny", choices=sorted(common.SHAPES))
    arguments.add_argument("--seed", type=int, default=42)
    arguments.add_argument("--device", default="cpu")
    arguments.add_argument("--json", metavar="FILE")
    a = arguments.parse_args()
    lines = common.Lines()
    common.WORK.mkdir(parents=True, exist_ok=True)
    folder = make_model(common.WORK / "masked-lm", a.shape, VOCABULARY)
    mine, record, store, made = ours(folder, a)
    printed = common.run_tool("mask_pass", folder, store, TOKENS, a.steps, a.seed)
    other = theirs(folder, [json.loads(line) for line in printed.splitlines()], record["recipe"])
    relative = np.abs(mine - other) / other
    lines.add(f"masked language model, {a.shape}: {a.steps} losses on {a.device}",
              f"{relative.max():.1e} at step {relative.argmax() + 1}; loss {other[0]:.3f} to {other[-1]:.3f}",
              f"{LOSS_BOUND:.0e} relative", relative.max() <= LOSS_BOUND)
    worst, keys = largest_difference(made, a.device)
    lines.add("its checkpoint in AutoModelForMaskedLM: keys missing or unused", keys or "none", "none", not keys)
    lines.add("its log probabilities at [MASK]", f"{worst:.1e}", "1e-4 relative", worst <= 1e-4)
    base = make_model(common.WORK / "masked-lm-base", "base", common.vocabulary("bert-base-multilingual-cased"))
    worst, keys = largest_difference(base, a.device)
    lines.add("random model, base shape, published vocabulary: log probabilities at [MASK]", f"{worst:.1e}",
              f"{SCORE_BOUND:.0e} relative", worst <= SCORE_BOUND and not keys)
    shutil.rmtree(base)
    lines.end(a.json)


if __name__ == "__main__":
    main()
