"""Speed of a pretraining step under PyTorch and under harness, interleaved: tokens a second and their ratio.

    tests/peer/.venv/bin/python tests/peer/throughput_mlm.py [--shapes mini,base] [--rounds 5] [--json FILE]
    ... --torch-device cuda --device NVIDIA                                     on a machine with a GPU

The work: masked language model, nsmc sentences, 4,096 tokens a step, random weights, dropout as the model has it, AdamW, 15 % of
the tokens chosen. harness: `bench --pretrain`, by the same vocabulary size. PyTorch: BertForMaskedLM in a loop by hand, batches
of neighbours in length, SDPA, fused AdamW, the decoder for chosen tokens alone, bf16 autocast with --bf16. Ratios are
taken within a round. It wants a quiet machine.
"""
import argparse
import json
import platform
import random
import statistics
import time

import torch
from transformers import BertConfig, BertForMaskedLM, BertTokenizerFast

import common

TOKENS, WARM = 4096, 2
STEPS = {"tiny": 30, "mini": 15, "small": 8, "medium": 5, "base": 3}
VOCABULARY = common.ROOT / "models" / "ko-tiny" / "vocab.txt"


def batches(ids, count, seed):
    """Of neighbours in length, about TOKENS real tokens each, evenly over the lengths."""
    ordered, all_of, one, used = sorted(ids, key=len), [], [], 0
    for sentence in ordered:
        one.append(sentence)
        used += len(sentence)
        if used >= TOKENS:
            all_of.append(one)
            one, used = [], 0
    chosen = [all_of[int((k + 0.5) * len(all_of) / count)] for k in range(count)]
    random.Random(seed).shuffle(chosen)
    return chosen


def masked(sentences, tokenizer, generator):
    ids, mask = common.padded(sentences, tokenizer.pad_token_id)
    special = (ids == tokenizer.cls_token_id) | (ids == tokenizer.sep_token_id) | (mask == 0)
    chosen = (torch.rand(ids.shape, generator=generator) < 0.15) & ~special
    labels = ids[chosen]
    return ids.masked_fill(chosen, tokenizer.mask_token_id), mask, chosen, labels


def of_torch(shape, ids, tokenizer, a, seed):
    """Real tokens a second."""
    torch.manual_seed(seed)
    model = BertForMaskedLM(BertConfig(vocab_size=len(tokenizer), attn_implementation="sdpa",
                                       **common.sizes("bert", shape, tokenizer.pad_token_id))).train().to(a.torch_device)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, betas=(0.9, 0.98), eps=1e-6, fused=True)
    generator, tokens, begin = torch.Generator().manual_seed(seed), 0, 0.0
    work = batches(ids, STEPS[shape], seed)
    for step, sentences in enumerate(work[:1] * WARM + work):
        if step == WARM:
            if a.torch_device == "cuda":
                torch.cuda.synchronize()
            begin = time.perf_counter()
        words, mask, chosen, labels = (x.to(a.torch_device) for x in masked(sentences, tokenizer, generator))
        with torch.autocast(a.torch_device, torch.bfloat16, enabled=a.bf16):
            hidden = model.bert(input_ids=words, attention_mask=None if bool(mask.all()) else mask).last_hidden_state
            loss = torch.nn.functional.cross_entropy(model.cls(hidden[chosen]), labels)
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        tokens += sum(map(len, sentences)) if step >= WARM else 0
    if a.torch_device == "cuda":
        torch.cuda.synchronize()
    return tokens / (time.perf_counter() - begin)


def of_harness(shape, a):
    found = json.loads(common.harness("bench", "--pretrain", "--task", "nsmc", "--model", shape, "--max-steps", STEPS[shape],
                                      "--precision", a.precision, "--device", a.device, "--json", "--quiet"))
    return found["pretraining"]["tokens_per_s"], found["pretraining"]["gflop_per_s"], found["device"]["name"]


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--shapes", default="mini,base")
    arguments.add_argument("--rounds", type=int, default=5)
    arguments.add_argument("--device", default="cpu")
    arguments.add_argument("--precision", default="fp32")
    arguments.add_argument("--torch-device", default="cpu")
    arguments.add_argument("--bf16", action="store_true")
    arguments.add_argument("--json", metavar="FILE")
    a = arguments.parse_args()
    tokenizer = BertTokenizerFast(vocab_file=str(VOCABULARY), do_lower_case=False)
    texts = common.limited(*common.cleaned(*common.read("nsmc", 0)), 20000)[0]
    ids = tokenizer(texts, truncation=True, max_length=128)["input_ids"]
    shapes = {}
    for shape in a.shapes.split(","):
        rounds = []
        for k in range(a.rounds):
            ours, flops, device = of_harness(shape, a)
            rounds.append({"harness": ours, "gflop_per_s": flops, "torch": of_torch(shape, ids, tokenizer, a, 42 + k)})
        ratios = [r["harness"] / r["torch"] for r in rounds]
        shapes[shape] = {"rounds": rounds, "ratio": statistics.median(ratios), "device": device}
        print(f"{shape}: harness {statistics.median(r['harness'] for r in rounds):,.0f} tokens/s, PyTorch "
              f"{statistics.median(r['torch'] for r in rounds):,.0f}; ratio {statistics.median(ratios):.2f} ({min(ratios):.2f} to "
              f"{max(ratios):.2f}); {common.load_average()}, {torch.get_num_threads()} threads of PyTorch", flush=True)
    if a.json:
        with open(a.json, "w", encoding="utf-8") as file:
            json.dump(common.surroundings() | {"machine": platform.platform(), "precision": a.precision, "bf16": a.bf16,
                                               "shapes": shapes}, file, indent=1, ensure_ascii=False)


if __name__ == "__main__":
    main()
