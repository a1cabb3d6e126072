"""One contender of throughput.py, in a process of its own: trains and evaluates, prints one JSON line.

    python throughput_torch.py SPEC.json

The spec says: contender, folder (model), data (token ids), steps, warm, eval_rows, seed, device. Contenders, with
"+compile" and "+bf16" added as wanted:
    a  Trainer, every sentence padded to the longest of the set
    b  Trainer, dynamic padding and length grouping
    c  a hand-written loop: batches of neighbours in length, no mask where nothing is padded, fused AdamW, SDPA
Batches of b and c are drawn from a large part of the set, evenly over their lengths, so that few steps stand
for many.
"""
import random
import sys
import time

import torch
import transformers
from transformers import BertForSequenceClassification, Trainer, TrainerCallback, TrainingArguments
from transformers.trainer_pt_utils import LengthGroupedSampler

from throughput_proof import groups
from throughput_work import (CLIP, RATE, cut, evaluation_batches, padded, prove_logits, read, resident_peak, spread, tell,
                             training_batches)


def batch_of(rows, ids, labels, multiple=1):
    batch, mask = map(torch.from_numpy, padded(rows, ids, multiple))
    return {"input_ids": batch, "attention_mask": mask, "labels": torch.tensor([labels[r] for r in rows])}


class Set(torch.utils.data.Dataset):
    """Rows as Trainer wants them."""

    def __init__(self, ids, labels, rows):
        self.ids, self.labels, self.rows = ids, labels, rows

    def __len__(self):
        return len(self.rows)

    def __getitem__(self, i):
        return {"input_ids": self.ids[self.rows[i]], "label": self.labels[self.rows[i]]}


class Clock(TrainerCallback):
    """Seconds from the start of the first timed step to the end of the last."""

    def __init__(self, warm, device):
        self.warm, self.device = warm, device

    def on_step_begin(self, args, state, control, **_):
        if state.global_step == self.warm:
            self.begin = now(self.device)

    def on_step_end(self, args, state, control, **_):
        self.end = now(self.device)


class FixedOrder(Trainer):
    def _get_train_sampler(self, *_):
        return range(len(self.train_dataset))


def now(device):
    if device == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter()


def run_trainer(spec, model, data, dynamic, bf16):
    ids, labels, size = data["train_ids"], data["train_labels"], spec["batch_size"]
    if dynamic:
        sampler = LengthGroupedSampler(size, lengths=[len(s) for s in ids],
                                       generator=torch.Generator().manual_seed(spec["seed"]))
        batches = spread(cut(list(sampler), size), ids, spec["steps"], spec["seed"])
        width = 1
    else:
        batches = cut(random.Random(spec["seed"]).sample(range(len(ids)), size * spec["steps"]), size)
        width = data["longest"]
    order = [r for b in batches[:1] * spec["warm"] + batches for r in b]

    def collate(rows):
        return batch_of(range(len(rows)), [r["input_ids"] for r in rows], [r["label"] for r in rows], width)

    arguments = TrainingArguments(
        output_dir=spec["output"], per_device_train_batch_size=size, per_device_eval_batch_size=2 * size,
        max_steps=spec["warm"] + len(batches), warmup_steps=500, weight_decay=0.01, logging_steps=500, save_strategy="no",
        report_to="none", use_cpu=spec["device"] == "cpu", bf16=bf16, disable_tqdm=True, seed=spec["seed"],
        torch_compile="compile" in spec["contender"], remove_unused_columns=False, dataloader_pin_memory=spec["device"] != "cpu",
        train_sampling_strategy="group_by_length" if dynamic else "random")
    clock = Clock(spec["warm"], spec["device"])
    trainer = FixedOrder(model, arguments, train_dataset=Set(ids, labels, order), data_collator=collate, callbacks=[clock])
    trainer.train()
    train_s = clock.end - clock.begin
    # a constant width costs the same for any rows: fewer will do
    rows = list(range(spec["eval_rows"] if dynamic else max(2 * size, spec["eval_rows"] // 4)))
    test = Set(data["test_ids"], data["test_labels"], rows)
    trainer.evaluate(Set(data["test_ids"], data["test_labels"], rows[:2 * size]))
    begin = now(spec["device"])
    trainer.evaluate(test)
    return train_s, batches, now(spec["device"]) - begin, len(rows)


def caller(spec, model, bf16):
    """The loop's way through the model: no mask where nothing is padded."""
    device = spec["device"]
    forward = torch.compile(model, dynamic=True) if "compile" in spec["contender"] else model

    def call(batch):
        inputs = {k: v.to(device, non_blocking=True) for k, v in batch.items()}
        if bool(batch["attention_mask"].all()):
            inputs.pop("attention_mask")
        with torch.autocast(device, torch.bfloat16, enabled=bf16):
            return forward(**inputs)
    return call


def proven(spec, model, call):
    """How far the logits are from the proof's, as this contender computes them."""
    def logits_of(ids, mask):
        with torch.inference_mode():
            return call({"input_ids": torch.from_numpy(ids), "attention_mask": torch.from_numpy(mask)}).logits.float().cpu()
    model.eval()
    return prove_logits(spec, logits_of)


def run_loop(spec, model, data, call):
    device = spec["device"]
    ids, labels = data["train_ids"], data["train_labels"]
    batches = training_batches(spec, ids)
    optimizer = torch.optim.AdamW(groups(model), lr=RATE, fused=True)
    parameters = list(model.parameters())

    def step(rows):
        call(batch_of(rows, ids, labels)).loss.backward()
        torch.nn.utils.clip_grad_norm_(parameters, CLIP)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)

    model.train()
    # the shortest and the longest batch too: compiling is done before the clock starts
    for rows in ([batches[0]] + [min(batches, key=lambda b: len(ids[b[-1]])), max(batches, key=lambda b: len(ids[b[-1]]))]
                 )[:max(spec["warm"], 3 if "compile" in spec["contender"] else 1)]:
        step(rows)
    begin = now(device)
    for rows in batches:
        step(rows)
    train_s = now(device) - begin
    model.eval()
    test_ids, test_labels = data["test_ids"], data["test_labels"]
    some = evaluation_batches(spec, test_ids)
    with torch.inference_mode():
        for rows in (some[0], some[-1]):
            call(batch_of(rows, test_ids, test_labels))
        begin = now(device)
        found = [call(batch_of(rows, test_ids, test_labels)).logits.argmax(1).cpu() for rows in some]
        eval_s = now(device) - begin
    assert sum(map(len, found)) == spec["eval_rows"]
    return train_s, batches, eval_s, spec["eval_rows"]


def peak_bytes(device):
    return torch.cuda.max_memory_allocated() if device == "cuda" else resident_peak()


def main():
    spec = read(sys.argv[1])
    data = read(spec["data"])
    transformers.utils.logging.set_verbosity_error()
    torch.manual_seed(spec["seed"])
    imported = resident_peak()
    bf16 = "bf16" in spec["contender"]
    kind = spec["contender"][0]
    model = BertForSequenceClassification.from_pretrained(spec["folder"], attn_implementation="sdpa")
    model.to(spec["device"])
    call = caller(spec, model, bf16)
    wrong = proven(spec, model, call)
    if kind == "c":
        train_s, batches, eval_s, rows = run_loop(spec, model, data, call)
    else:
        train_s, batches, eval_s, rows = run_trainer(spec, model, data, kind == "b", bf16)
    widths = [data["longest"] if kind == "a" else max(len(data["train_ids"][r]) for r in b) for b in batches]
    tell(spec, data, train_s=train_s, eval_s=eval_s, batches=list(zip(batches, widths)), eval_rows=rows, import_bytes=imported,
         logits_error=wrong, peak_bytes=peak_bytes(spec["device"]))


if __name__ == "__main__":
    main()
