"""Trains the same model on the same batches under PyTorch and under harness, and compares every step's loss.

    tests/peer/.venv/bin/python tests/peer/losses.py                  200 steps of kor_hate, shape small
    tests/peer/.venv/bin/python tests/peer/losses.py --quick          60 steps, shape tiny
    ... losses.py --families roberta,electra --shape mini             other encoder families
    ... losses.py --task kor_nli --shape mini                         pairs of sentences
    tests/peer/.venv/bin/python tests/peer/losses.py --model DIR      another start, Trainer's default hyperparameters
    ... --device llvmpipe --json out.json --double

Weights come from one Hugging Face folder, by default one that transformers draws from a seed with harness's vocabulary,
the order from order.py, and the hyperparameters from harness's record. Dropout is off. --double also trains in
double precision, to show how far each of the two is from the same sums without rounding.
Fails when a loss differs by more than 1e-3 relative, or fewer than 99.5 % of the test predictions are equal.
"""
import argparse
import math
import pathlib
import sys

import numpy as np
import torch
from transformers import AutoConfig, AutoModelForSequenceClassification, AutoTokenizer

import common
from order import order

LOSS_BOUND, EQUAL_BOUND = 1e-3, 0.995


def encode(tokenizer, texts, length):
    """(ids, token types) of each text or pair"""
    e = tokenizer(texts, truncation=True, max_length=length, return_token_type_ids=True)
    return list(zip(e["input_ids"], e["token_type_ids"]))


def inputs(model, rows):
    """A model's arguments for rows of encode; families without token types have none."""
    ids, mask = common.padded([ids for ids, _ in rows], model.config.pad_token_id)
    typed = getattr(model.config, "type_vocab_size", 0) > 1
    return dict(input_ids=ids, attention_mask=mask) | (dict(token_type_ids=common.padded([t for _, t in rows])[0]) if typed else {})


def rate(recipe, step, steps):
    """Factor of the learning rate in optimizer step 1, 2, ...: transformers' linear schedule."""
    assert recipe["lr_scheduler_type"] == "linear"
    done, warmup = step - 1, recipe["warmup_steps"] or math.ceil(recipe["warmup_ratio"] * steps)
    return done / warmup if done < warmup else max(0, (steps - done) / max(1, steps - warmup))


def train(folder, train_rows, labels, recipe, seed, steps, dtype):
    family = AutoConfig.from_pretrained(folder).model_type
    model = AutoModelForSequenceClassification.from_pretrained(folder, **common.dropless(family)).to(dtype).train()
    optimizer = common.adamw(model, recipe)
    size, losses = recipe["per_device_train_batch_size"], []
    per_epoch = math.ceil(len(train_rows) / size)
    for step in range(1, steps + 1):
        epoch, place = divmod(step - 1, per_epoch)
        rows = order(len(train_rows), seed, epoch)[place * size:(place + 1) * size]
        loss = model(**inputs(model, [train_rows[r] for r in rows]), labels=torch.tensor([labels[r] for r in rows])).loss
        optimizer.zero_grad()
        loss.backward()
        if recipe["max_grad_norm"] > 0:
            torch.nn.utils.clip_grad_norm_(model.parameters(), recipe["max_grad_norm"])
        for group in optimizer.param_groups:
            group["lr"] = recipe["learning_rate"] * rate(recipe, step, steps)
        optimizer.step()
        losses.append(loss.item())
        if step % 20 == 0:
            print(f"torch, {dtype}: step {step} of {steps}, loss {losses[-1]:.4f}", file=sys.stderr)
    return model.eval(), np.array(losses)


@torch.no_grad()
def predict(model, test_rows):
    """Labels of the test rows; 64 at a time, by length, so that little is padding."""
    labels = np.zeros(len(test_rows), dtype=np.int64)
    by_length = sorted(range(len(test_rows)), key=lambda i: len(test_rows[i][0]))
    for first in range(0, len(by_length), 64):
        rows = by_length[first:first + 64]
        labels[rows] = model(**inputs(model, [test_rows[r] for r in rows])).logits.argmax(1).numpy()
    return labels


def worst(a, b):
    """Largest relative difference and the step that has it."""
    difference = np.abs(a - b) / np.abs(b)
    return {"largest": float(difference.max()), "step": int(difference.argmax()) + 1, "last": float(difference[-1])}


def side_by_side(lines, what, folder, a, flags):
    """Trains a.steps steps of a.task from the weights in folder under both, and adds the two lines.

    flags are those that say the hyperparameters; a has task, steps, seed, device and double."""
    output = common.WORK / f"losses-{pathlib.Path(folder).name}"
    common.harness("run", "--task", a.task, "--model", folder, *flags, "--dropout", 0, "--max-steps", a.steps,
                   "--seed", a.seed, "--device", a.device, "--output-dir", output, "--overwrite", "--quiet")
    record = common.record(output)
    recipe = record["recipe"]
    ours = np.array(common.array(record["loss"]))
    our_labels = np.array(common.array(record["predictions"]))
    assert len(ours) == a.steps, len(ours)

    tokenizer = AutoTokenizer.from_pretrained(folder)
    texts, labels = common.cleaned(*common.read(a.task, 0))
    train_rows = encode(tokenizer, texts, recipe["max_length"])
    test_rows = encode(tokenizer, common.read(a.task, 1)[0], recipe["max_length"])
    model, theirs = train(folder, train_rows, labels, recipe, a.seed, a.steps, torch.float32)
    equal = float((our_labels == predict(model, test_rows)).mean())

    found = worst(ours, theirs)
    lines.add(f"{what}: {a.steps} losses", f"{found['largest']:.1e} at step {found['step']}; loss {theirs[0]:.3f} to "
              f"{theirs[-1]:.3f}", f"{LOSS_BOUND:.0e} relative", found["largest"] <= LOSS_BOUND)
    lines.add(f"{what}: {len(test_rows)} test predictions", f"{100 * equal:.2f} % equal", f"{100 * EQUAL_BOUND:.1f} %",
              equal >= EQUAL_BOUND)
    lines.details[what] = {"device": record["device"]["name"], "harness_losses": ours.tolist(), "torch_losses": theirs.tolist()}
    if a.double:
        exact = train(folder, train_rows, labels, recipe, a.seed, a.steps, torch.float64)[1]
        for who, losses in (("harness", ours), ("torch", theirs)):
            lines.details[what][f"{who}_to_double"] = worst(losses, exact)
            print(f"{who} to double precision: {worst(losses, exact)}")


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--task", default="kor_hate", choices=sorted(common.FILES | common.PAIRS))
    arguments.add_argument("--shape", default="small", choices=sorted(common.SHAPES))
    arguments.add_argument("--families", default="bert")
    arguments.add_argument("--model", metavar="DIR", help="start from this folder instead of a shape")
    arguments.add_argument("--steps", type=int, default=200)
    arguments.add_argument("--seed", type=int, default=42)
    arguments.add_argument("--device", default="cpu")
    arguments.add_argument("--quick", action="store_true", help="tiny, 60 steps")
    arguments.add_argument("--double", action="store_true")
    arguments.add_argument("--json", metavar="FILE")
    a = arguments.parse_args()
    if a.quick:
        a.shape, a.steps = "tiny", 60
    lines = common.Lines()
    if a.model:
        side_by_side(lines, f"{a.task}, {a.model}, dropout off, {a.device}", a.model, a, ["--recipe", "trainer"])
        lines.end(a.json)
    vocabulary = common.trained_vocabulary(a.task, common.WORK / f"vocab-{a.task}")
    for family in a.families.split(","):
        folder = common.make_model(common.WORK / f"start-{a.task}-{family}-{a.shape}", a.shape, vocabulary,
                                   common.LABELS[a.task], family=family)
        side_by_side(lines, f"{a.task}, {family}, {a.shape}, dropout off, {a.device}", folder, a, ["--recipe", a.shape])
    lines.end(a.json)


if __name__ == "__main__":
    main()
