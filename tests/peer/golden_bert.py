"""Makes tests/golden/bert_tiny: a tiny BERT classifier and what PyTorch computes with it.

    tests/peer/.venv/bin/python tests/peer/golden_bert.py             writes them (the committed ones: torch 1.13, 4.40)
    tests/peer/.venv/bin/python tests/peer/golden_bert.py --check     writes nothing: computes the committed ones again
                                                                      and runs the tests that hold harness against them

Everything is computed in float64 from float32 weights:
    config.json, model.safetensors   the model, as transformers saves it
    steps.json                       batches, hyperparameters, losses, norms, learning rates
    expected.safetensors             logits.N, layer outputs, gradients of the first batch, and the
                                     weights after ten AdamW steps
"""
import argparse
import json
import pathlib
import re

import torch
from safetensors.torch import load_file, save_file
from transformers import BertConfig, BertForSequenceClassification, get_linear_schedule_with_warmup

import common

OUT = pathlib.Path(__file__).resolve().parent.parent / "golden" / "bert_tiny"
LENGTHS = [[3, 17, 1, 9, 13], [7, 5, 23, 11, 2], [1, 21, 3, 15, 6]]
STEPS, WARMUP, RATE, DECAY, CLIP = 10, 3, 1e-3, 0.01, 0.5
BOUND, AGAIN_BOUND = 1e-4, 1e-6
NO_DECAY = ("bias", "LayerNorm.weight")


def batches(config):
    random = torch.Generator().manual_seed(7)
    for place, lengths in enumerate(LENGTHS):
        rows = []
        for i, n in enumerate(lengths):
            ids = torch.randint(1, config.vocab_size, (n,), generator=random).tolist()
            # the last sentence of the second batch is a pair
            type_one = n // 2 if (place, i) == (1, 4) else n
            rows.append({"ids": ids, "type_one": type_one, "label": (i + place) % config.num_labels})
        yield rows


def padded(rows):
    longest = max(len(r["ids"]) for r in rows)
    ids = torch.zeros(len(rows), longest, dtype=torch.long)
    mask, types = torch.zeros_like(ids), torch.zeros_like(ids)
    for i, r in enumerate(rows):
        n = len(r["ids"])
        ids[i, :n] = torch.tensor(r["ids"])
        mask[i, :n] = 1
        types[i, r["type_one"]:n] = 1
    labels = torch.tensor([r["label"] for r in rows])
    return {"input_ids": ids, "attention_mask": mask, "token_type_ids": types, "labels": labels}


def packed(hidden, rows):
    return torch.cat([hidden[i, : len(r["ids"])] for i, r in enumerate(rows)])


def new_model():
    torch.manual_seed(1)
    config = BertConfig(vocab_size=53, hidden_size=32, num_hidden_layers=2, num_attention_heads=4,
                        intermediate_size=48, max_position_embeddings=24, num_labels=3,
                        hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0)
    model = BertForSequenceClassification(config)
    with torch.no_grad():
        for name, p in model.named_parameters():
            if "LayerNorm" in name or name.endswith("bias"):
                p.add_(torch.randn_like(p) * 0.1)  # the initial 0 and 1 would hide mistakes
            else:
                p.mul_(6)
    return model


def compute(model, config):
    """(tensors by name, what steps.json holds)"""
    model = model.double().train()
    data = list(batches(config))
    expected, out = {}, model(**padded(data[0]), output_hidden_states=True)
    for i, hidden in enumerate(out.hidden_states):
        expected[f"hidden.{i}"] = packed(hidden, data[0])
    expected["logits"] = out.logits
    out.loss.backward()
    for name, p in model.named_parameters():
        expected["grad." + name] = p.grad.clone()

    decayed = [p for n, p in model.named_parameters() if not n.endswith(NO_DECAY)]
    plain = [p for n, p in model.named_parameters() if n.endswith(NO_DECAY)]
    optimizer = torch.optim.AdamW([{"params": decayed, "weight_decay": DECAY},
                                   {"params": plain, "weight_decay": 0.0}], lr=RATE)
    schedule = get_linear_schedule_with_warmup(optimizer, WARMUP, STEPS)
    losses, norms, rates = [], [], []
    for step in range(STEPS):
        optimizer.zero_grad()
        loss = model(**padded(data[step % len(data)])).loss
        loss.backward()
        norms.append(float(torch.nn.utils.clip_grad_norm_(model.parameters(), CLIP)))
        rates.append(schedule.get_last_lr()[0])
        optimizer.step()
        schedule.step()
        losses.append(float(loss.detach()))
    for name, p in model.named_parameters():
        expected["after." + name] = p
    tensors = {k: v.detach().float().contiguous() for k, v in expected.items()}
    return tensors, {"steps": STEPS, "warmup": WARMUP, "learning_rate": RATE, "weight_decay": DECAY, "max_grad_norm": CLIP,
                     "batches": data, "losses": losses, "norms": norms, "rates": rates}


def write():
    model = new_model()
    OUT.mkdir(parents=True, exist_ok=True)
    model.save_pretrained(OUT)
    tensors, steps = compute(model, model.config)
    save_file(tensors, str(OUT / "expected.safetensors"))
    (OUT / "steps.json").write_text(json.dumps(steps, indent=1) + "\n")
    print("losses", steps["losses"], "norms", steps["norms"])


def largest(found, expected):
    """Largest error relative to max(|value|, rms of its tensor); key biases are noise, see the tests."""
    worst = 0.0
    assert found.keys() == expected.keys()
    for name in (n for n in expected if not n.endswith("self.key.bias")):
        e = expected[name].double()
        scale = torch.maximum(e.abs(), e.square().mean().sqrt())
        worst = max(worst, float(((found[name].double() - e).abs() / scale).max()))
    return worst


def check(lines):
    model = BertForSequenceClassification.from_pretrained(OUT, hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0)
    tensors, steps = compute(model, model.config)
    committed = json.loads((OUT / "steps.json").read_text())
    worst = largest(tensors, load_file(str(OUT / "expected.safetensors")))
    for name in ("losses", "norms"):
        pairs = zip(steps[name], committed[name], strict=True)
        worst = max(worst, *(abs(found - e) / abs(e) for found, e in pairs))
    lines.add("golden tiny BERT, computed again by this PyTorch", f"{worst:.1e}", f"{AGAIN_BOUND:.0e}", worst <= AGAIN_BOUND)
    for device, test in (("cpu", "the_cpu"), ("llvmpipe", "vulkan")):
        said = common.run_tests(f"bert/equals_pytorch_on_{test}")
        found = re.search(device + r" against PyTorch: worst relative error (\S+) at (\S+)", said)
        lines.add(f"golden tiny BERT, {device}: layers, logits, losses, gradients, ten AdamW steps",
                  f"{found[1]} at {found[2]}" if found else "the test did not run or failed",
                  f"{BOUND:.0e}", found and float(found[1]) <= BOUND)


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--check", action="store_true")
    arguments.add_argument("--json", metavar="FILE", help="with --check")
    a = arguments.parse_args()
    if not a.check:
        return write()
    lines = common.Lines()
    check(lines)
    lines.end(a.json)


if __name__ == "__main__":
    main()
