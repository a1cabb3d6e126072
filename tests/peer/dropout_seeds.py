"""Trains with dropout under Trainer and under harness from random starts of the same kind, over many seeds.

    tests/peer/.venv/bin/python tests/peer/dropout_seeds.py                  tiny on kor_sarcasm and kor_hate, 10 seeds each
    tests/peer/.venv/bin/python tests/peer/dropout_seeds.py --seeds 2 --tasks kor_hate

Per task and seed: one epoch of the preset's recipe. Both use the vocabulary that harness trains, the same cleaned training
rows, lengths, batches of the same size with the smaller last one kept, and every test row. harness draws its own start;
Trainer's is BertForSequenceClassification(config), which draws from the same distributions. Order and masks are each
program's own. Holds when the 95 % interval (Welch) of the difference of mean scores includes 0 and the mean loss of the
last 50 steps, over all seeds, is within 2 %. Each run is kept in build/peer/dropout and not repeated while program,
versions and recipe are the same. Trainer has one thread; a seed takes it about a minute.
"""
import argparse
import hashlib
import json
import math
import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import scipy.stats
import torch
import transformers
from sklearn.metrics import accuracy_score, f1_score
from transformers import (BertConfig, BertForSequenceClassification, BertTokenizerFast, DataCollatorWithPadding, Trainer,
                          TrainingArguments)

import common

LAST, LOSS_BOUND, CONFIDENCE = 50, 0.02, 0.95
HEADLINE = {"kor_sarcasm": "accuracy", "kor_hate": "macro_f1"}
WORK = common.WORK / "dropout"


def kept(name, key, make):
    """The result of an earlier run with the same key, or a new one."""
    path = WORK / f"{name}.json"
    if path.exists() and (old := json.loads(path.read_text()))["key"] == key:
        return old
    result = {"key": key} | make()
    path.write_text(json.dumps(result))
    print(f"{name}: score {result['score']:.4f}, last losses {np.mean(result['losses'][-LAST:]):.4f}", flush=True)
    return result


def ours(task, seed, device):
    folder = WORK / f"{task}-harness-{seed}"
    common.harness("run", "--task", task, "--model", "tiny", "--epochs", 1, "--seed", seed, "--device", device, "--threads", 1,
                   "--output-dir", folder, "--results", WORK / "results", "--overwrite", "--quiet")
    record = common.record(folder)
    losses = np.array(common.array(record["loss"]))
    return {"score": record["metrics"][HEADLINE[task]], "losses": losses.tolist(), "recipe": record["recipe"],
            "vocab": record["model"]["vocab_sha256"], "config": record["model"]["config"], "folder": str(folder / "model")}


def score(task, gold, predicted):
    if HEADLINE[task] == "accuracy":
        return accuracy_score(gold, predicted)
    return f1_score(gold, predicted, average="macro", labels=range(len(common.LABELS[task])), zero_division=0)


def start(folder, seed):
    """A model as transformers draws it, of the configuration that harness trained."""
    config = BertConfig.from_pretrained(folder)
    wanted = {"hidden_dropout_prob": 0.1, "attention_probs_dropout_prob": 0.1, "classifier_dropout": 0.1,
              "initializer_range": 0.02, "layer_norm_eps": 1e-12, "hidden_act": "gelu", "pad_token_id": 0}
    assert all(getattr(config, name) == value for name, value in wanted.items()), config
    torch.manual_seed(seed)
    return BertForSequenceClassification(config)


def arguments_of(recipe, seed, steps):
    """The recipe in Trainer's words, after checking that nothing in it is left out."""
    assert recipe["lr_scheduler_type"] == "linear" and recipe["gradient_accumulation_steps"] == 1
    assert recipe["max_steps"] == 0 and recipe["dropout"] == -1 and recipe["label_smoothing_factor"] == 0, recipe
    return TrainingArguments(
        output_dir=WORK / "trainer", use_cpu=True, seed=seed, num_train_epochs=recipe["num_train_epochs"],
        learning_rate=recipe["learning_rate"], per_device_train_batch_size=recipe["per_device_train_batch_size"],
        per_device_eval_batch_size=64, warmup_steps=recipe["warmup_steps"] or math.ceil(recipe["warmup_ratio"] * steps),
        weight_decay=recipe["weight_decay"], adam_beta1=recipe["adam_beta1"], adam_beta2=recipe["adam_beta2"],
        adam_epsilon=recipe["adam_epsilon"], max_grad_norm=recipe["max_grad_norm"], lr_scheduler_type="linear",
        optim="adamw_torch", logging_steps=1, logging_nan_inf_filter=False, save_strategy="no", report_to=[],
        disable_tqdm=True)


def theirs(task, seed, recipe, folder):
    tokenizer = BertTokenizerFast.from_pretrained(folder)
    texts, labels = common.cleaned(*common.read(task, 0))
    test_texts, gold = common.read(task, 1)

    def rows(texts, labels):
        ids = tokenizer(texts, truncation=True, max_length=recipe["max_length"])["input_ids"]
        return [{"input_ids": i, "labels": label} for i, label in zip(ids, labels)]

    model = start(folder, seed)
    steps = math.ceil(len(texts) / recipe["per_device_train_batch_size"])
    trainer = Trainer(model, arguments_of(recipe, seed, steps), train_dataset=rows(texts, labels),
                      data_collator=DataCollatorWithPadding(tokenizer))
    decayed = {n for n, _ in model.named_parameters() if not n.endswith("bias") and "LayerNorm" not in n}
    assert set(trainer.get_decay_parameter_names(model)) == decayed
    trainer.remove_callback(transformers.trainer_callback.PrinterCallback)
    trainer.train()
    losses = [entry["loss"] for entry in trainer.state.log_history if "loss" in entry]
    assert len(losses) == steps, (len(losses), steps)
    predicted = trainer.predict(rows(test_texts, gold)).predictions.argmax(1)
    return {"score": float(score(task, gold, predicted)), "losses": losses}


def compare(lines, task, runs):
    """Adds the two lines of a task; runs[who] is a list of results, one per seed."""
    scores = {who: np.array([r["score"] for r in results]) for who, results in runs.items()}
    last = {who: np.array([np.mean(r["losses"][-LAST:]) for r in results]) for who, results in runs.items()}
    test = scipy.stats.ttest_ind(scores["harness"], scores["Trainer"], equal_var=False)
    low, high = test.confidence_interval(CONFIDENCE)
    means = {who: f"{who} {100 * s.mean():.2f} ± {100 * s.std(ddof=1):.2f}" for who, s in scores.items()}
    count, name = len(runs["harness"]), HEADLINE[task].replace("_", " ")
    lines.add(f"{task}, tiny, dropout on, {count} seeds each: {name}",
              f"{means['harness']}, {means['Trainer']}; difference {100 * low:+.2f} to {100 * high:+.2f} points",
              "95 % interval includes 0", low <= 0 <= high)
    ratio = last["harness"].mean() / last["Trainer"].mean() - 1
    lines.add(f"{task}, tiny, dropout on, {count} seeds each: mean loss of the last {LAST} steps",
              f"harness {last['harness'].mean():.4f}, Trainer {last['Trainer'].mean():.4f}, {100 * ratio:+.2f} %",
              f"{100 * LOSS_BOUND:.0f} %", abs(ratio) <= LOSS_BOUND)
    lines.details[task] = {"scores": {w: s.tolist() for w, s in scores.items()}, "interval": [low, high],
                           "last_losses": {w: s.tolist() for w, s in last.items()}}


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--tasks", default="kor_sarcasm,kor_hate")
    arguments.add_argument("--seeds", type=int, default=10, help="seeds 1 to N")
    arguments.add_argument("--device", default="cpu")
    arguments.add_argument("--json", metavar="FILE")
    a = arguments.parse_args()
    torch.set_num_threads(1)
    WORK.mkdir(parents=True, exist_ok=True)
    program = hashlib.sha256(common.program().read_bytes()).hexdigest()
    lines = common.Lines()
    for task in a.tasks.split(","):
        runs = {"harness": [], "Trainer": []}
        for seed in range(1, a.seeds + 1):
            mine = kept(f"{task}-{a.device}-{seed}", [program], lambda: ours(task, seed, a.device))
            assert mine["vocab"] == (runs["harness"] or [mine])[0]["vocab"]
            runs["harness"].append(mine)
            key = [torch.__version__, transformers.__version__, mine["recipe"], mine["vocab"]]
            runs["Trainer"].append(kept(f"{task}-Trainer-{seed}", key,
                                        lambda: theirs(task, seed, mine["recipe"], mine["folder"])))
        compare(lines, task, runs)
    lines.end(a.json)


if __name__ == "__main__":
    main()
