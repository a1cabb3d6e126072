"""What the contenders of throughput.py share, each of which is a process of its own; it needs numpy alone.

Before its clock starts a contender proves itself on a few sentences: its logits, and of one that is written out by hand its
losses and gradient norms over some steps without dropout, against double precision (throughput_proof.py). One that computes
something else ends there.
"""
import importlib.util
import json
import pathlib
import random
import sys

import numpy as np

PAD = 0
# of logits, whose standard deviation over the sentences is about 0.15 in the models of throughput.py
BOUNDS = {"fp32": 1e-3, "bf16": 5e-2, "int8": 1.5e-1}
STEPS_BOUND = 1e-3  # of losses and norms, relative
DECAY, RATE, CLIP, EPS = 0.01, 5e-5, 1.0, 1e-8


def need(*names):
    for name in names:
        if importlib.util.find_spec(name) is None:
            sys.exit(f"{name} is not installed")


def resident_peak():
    """Not getrusage, whose figure starts with that of the parent."""
    with open("/proc/self/status") as file:
        return next(int(line.split()[1]) * 1024 for line in file if line.startswith("VmHWM"))


def read(path):
    with open(path) as file:
        return json.load(file)


def cut(order, size):
    return [order[i:i + size] for i in range(0, len(order) - size + 1, size)]


def spread(batches, ids, count, seed):
    """`count` of the batches, evenly over their longest sentences, in random order."""
    ranked = sorted(batches, key=lambda b: max(len(ids[r]) for r in b))
    chosen = [ranked[int((k + 0.5) * len(ranked) / count)] for k in range(min(count, len(ranked)))]
    random.Random(seed).shuffle(chosen)
    return chosen


def training_batches(spec, ids):
    """Rows of each step: neighbours in length, drawn from all lengths."""
    by_length = sorted(range(len(ids)), key=lambda r: len(ids[r]))
    return spread(cut(by_length, spec["batch_size"]), ids, spec["steps"], spec["seed"])


def evaluation_batches(spec, ids):
    order = sorted(range(spec["eval_rows"]), key=lambda r: len(ids[r]))
    size = 2 * spec["batch_size"]
    return [order[i:i + size] for i in range(0, len(order), size)]


def padded(rows, ids, multiple=1):
    """(ids, mask) of rows as wide as the longest, rounded up."""
    width = -(-max(len(ids[r]) for r in rows) // multiple) * multiple
    batch = np.full((len(rows), width), PAD, dtype=np.int64)
    mask = np.zeros((len(rows), width), dtype=np.int64)
    for place, r in enumerate(rows):
        batch[place, :len(ids[r])] = ids[r]
        mask[place, :len(ids[r])] = 1
    return batch, mask


def precision(contender):
    return next((kind for kind in ("bf16", "int8") if kind in contender.split("+")), "fp32")


def logits_error(found, expected, kind):
    """How far logits are from the proof's; ends the process where that is too far."""
    found, expected = np.asarray(found, np.float64), np.asarray(expected)
    worst = float(np.abs(found - expected).max()) if found.shape == expected.shape else float("inf")
    if not worst <= BOUNDS[kind]:
        sys.exit(f"computes something else: logits differ by {worst:.1e}, at most {BOUNDS[kind]} is allowed in {kind}")
    return worst


def prove_logits(spec, logits_of):
    """logits_of(ids, mask) of one batch."""
    proof = read(spec["proof"])
    return logits_error(logits_of(*padded(range(len(proof["ids"])), proof["ids"])), proof["logits"],
                        precision(spec["contender"]))


def prove_steps(spec, step):
    """step(ids, mask, labels) -> (loss, gradient norm before it is clipped), without dropout."""
    proof = read(spec["proof"])
    ids, mask = padded(range(len(proof["ids"])), proof["ids"])
    found = [[float(x) for x in step(ids, mask, np.array(proof["labels"]))] for _ in proof["steps"]]
    worst = float(np.abs(np.array(found) / np.array(proof["steps"]) - 1).max())
    bound = STEPS_BOUND if precision(spec["contender"]) == "fp32" else BOUNDS["bf16"]
    if not worst <= bound:
        sys.exit(f"computes something else: losses or gradient norms differ by {worst:.1e} relative, at most {bound} is allowed")
    return worst


def weights(folder):
    """(configuration, {key: array}) of a model's folder."""
    from safetensors.numpy import load_file
    folder = pathlib.Path(folder)
    return read(folder / "config.json"), load_file(folder / "model.safetensors")


def is_decayed(name):
    return not name.endswith("bias") and "LayerNorm" not in name


def tell(spec, data, **figures):
    """The last line of a contender's output; batches are (rows, width) of the steps that were timed, where it trains."""
    test, train = data["test_ids"], data["train_ids"]
    rows = spec["eval_rows"] if "eval_rows" not in figures else figures.pop("eval_rows")
    line = {"eval_sentences": rows, "eval_tokens": sum(len(s) for s in test[:rows]), "peak_bytes": resident_peak()}
    if "batches" in figures:
        batches = figures.pop("batches")
        line |= {"steps": len(batches), "sentences": sum(len(b) for b, _ in batches),
                 "tokens": sum(len(train[r]) for b, _ in batches for r in b),
                 "padded_tokens": sum(len(b) * width for b, width in batches)}
    print(json.dumps(line | figures))
