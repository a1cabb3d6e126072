"""What the comparisons share: the program, the data as transformers users read it, models of a shape."""
import base64
import csv
import datetime
import hashlib
import json
import logging
import os
import pathlib
import re
import struct
import subprocess
import sys
import warnings

ROOT = pathlib.Path(__file__).resolve().parents[2]
WORK = ROOT / "build" / "peer"  # models, checkpoints, records; git ignores it
SHAPES = {"tiny": (2, 128, 2), "mini": (4, 256, 4), "small": (4, 512, 8), "medium": (8, 512, 8), "base": (12, 768, 12)}
FAMILIES = re.findall(r'X\(\w+, "([\w-]+)"\)', (ROOT / "harness/model/encoder/family.h").read_text())  # ENCODER_FAMILIES
FILES = {"nsmc": ("ratings_train.txt", "ratings_test.txt"), "kor_hate": ("train.tsv", "dev.tsv"),
         "kor_sarcasm": ("train.csv", "test.csv")}
ARRAYS = {"float32": "f", "uint8": "B", "uint16": "H"}
PAIRS = {"kor_nli": ("xnli.dev.ko.tsv", "xnli.test.ko.tsv")}  # texts are (text, text)
LABELS = {"nsmc": ["negative", "positive"], "kor_hate": ["hate", "offensive", "none"],
          "kor_sarcasm": ["no_sarcasm", "sarcasm"], "kor_nli": ["entailment", "neutral", "contradiction"]}

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "true")

try:
    import transformers  # noqa: E402: after its settings
    transformers.utils.logging.disable_progress_bar()
except ImportError:  # what needs it says so itself
    pass


def stop(message):
    sys.exit(f"{pathlib.Path(sys.argv[0]).name}: {message}")


def program():
    path = pathlib.Path(os.environ.get("HARNESS_PROGRAM", ROOT / "build" / "release" / "harness"))
    if not path.exists():
        stop(f"{path} is not there: build it (cmake --preset release && cmake --build --preset release) or set "
             "HARNESS_PROGRAM")
    return path


def harness(*arguments, text=None):
    """Runs the program and returns its standard output; its messages are shown when it fails."""
    done = subprocess.run([program(), *map(str, arguments)], input=text, capture_output=True, text=True)
    if done.returncode:
        stop(f"harness {' '.join(map(str, arguments))} ended with {done.returncode}:\n{done.stderr}")
    return done.stdout


def read(task, which, data=None):
    """(texts, label ids) of a file, by the rules of the Hugging Face datasets of the same names."""
    folder = pathlib.Path(data or os.environ.get("HARNESS_DATA") or pathlib.Path.home() / ".cache/harness/data")
    path = folder / task / (FILES | PAIRS)[task][which]
    if not path.exists():
        stop(f"{path} is not there: set HARNESS_DATA, or `harness data fetch {task}`")
    with open(path, encoding="utf-8", newline="") as file:
        if task in PAIRS:
            rows = [((r["sentence1"], r["sentence2"]), LABELS[task].index(r["gold_label"]))
                    for r in csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)]
        elif task == "kor_hate":
            rows = [(r["comments"], LABELS[task].index(r["hate"]))
                    for r in csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)]
        else:
            records = csv.reader(file, delimiter="\t" if task == "nsmc" else ",")
            next(records)
            rows = [(r[1], int(r[2])) for r in records]
    return [r[0] for r in rows], [r[1] for r in rows]


def cleaned(texts, labels):
    """Training rows: empty texts dropped, the first row of each text kept."""
    seen, kept = set(), []
    for text, label in zip(texts, labels):
        if (text.strip() if isinstance(text, str) else any(t.strip() for t in text)) and text not in seen:
            seen.add(text)
            kept.append((text, label))
    return [k[0] for k in kept], [k[1] for k in kept]


def limited(texts, labels, limit):
    """What --limit keeps: the rows with the lowest SHA-256 of "limit:" + text, in the file's order."""
    keys = [(hashlib.sha256(b"limit:" + text.encode()).digest(), i) for i, text in enumerate(texts)]
    chosen = sorted(i for _, i in sorted(keys)[:limit])
    return [texts[i] for i in chosen], [labels[i] for i in chosen]


def dropless(family):
    """The keys of a family's config.json that turn every dropout off."""
    if family == "distilbert":
        return {"dropout": 0.0, "attention_dropout": 0.0, "seq_classif_dropout": 0.0}
    head = "classifier_dropout_prob" if family == "albert" else "classifier_dropout"
    return {"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0, head: 0.0}


def sizes(family, shape, pad):
    """What of config.json a shape decides, by the rules of harness's presets: see `harness run --arch`."""
    layers, hidden, heads = SHAPES[shape]
    if family == "distilbert":
        return {"n_layers": layers, "dim": hidden, "n_heads": heads, "hidden_dim": 4 * hidden}
    known = {"num_hidden_layers": layers, "hidden_size": hidden, "num_attention_heads": heads, "intermediate_size": 4 * hidden}
    if family == "roberta":
        known |= {"type_vocab_size": 1, "layer_norm_eps": 1e-5, "max_position_embeddings": 512 + pad + 1}
    if family == "electra":
        known |= {"embedding_size": hidden // 2 if hidden < 768 else hidden}
    if family == "albert":
        known |= {"embedding_size": 128}
    return known


def write_tokenizer(folder, tokens):
    """A WordPiece tokenizer that keeps case; tokens are those of a vocab.txt, special ones wherever they are."""
    (folder / "vocab.txt").write_text("\n".join(tokens) + "\n", encoding="utf-8")
    (folder / "tokenizer_config.json").write_text(json.dumps(
        {"do_lower_case": False, "tokenizer_class": "BertTokenizer", "model_max_length": 512}), encoding="utf-8")


def tokens_of(vocabulary):
    lines = pathlib.Path(vocabulary).read_text(encoding="utf-8").split("\n")
    return lines[:-1] if lines[-1] == "" else lines


def make_model(folder, shape, vocabulary, labels, seed=1, family="bert", **more):
    """A Hugging Face folder with weights that transformers draws from a seed; vocabulary is a vocab.txt, or its tokens; more are
    keys of config.json."""
    import torch
    from transformers import AutoConfig, AutoModelForSequenceClassification
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    tokens = vocabulary if isinstance(vocabulary, list) else tokens_of(vocabulary)
    pad = tokens.index("[PAD]")
    torch.manual_seed(seed)
    known = {"vocab_size": len(tokens), "pad_token_id": pad, "id2label": dict(enumerate(labels)),
             "label2id": {name: i for i, name in enumerate(labels)}}
    config = AutoConfig.for_model(family, **(known | (sizes(family, shape, pad) if shape else {}) | more))
    AutoModelForSequenceClassification.from_config(config).save_pretrained(folder)
    write_tokenizer(folder, tokens)
    return folder


def trained_vocabulary(task, folder):
    """The vocabulary that the program trains for a task's presets, by way of a run of one step."""
    path = pathlib.Path(folder) / "model" / "vocab.txt"
    if not path.exists():
        harness("run", "--task", task, "--model", "tiny", "--device", "cpu", "--max-steps", 1, "--overwrite",
                "--quiet", "--output-dir", folder)
    return path


def vocabulary(name):
    """vocab.txt of a published model."""
    path = pathlib.Path(os.environ.get("HARNESS_VOCAB", "")) / name / "vocab.txt"
    if not path.exists():
        stop(f"{path} is not there: set HARNESS_VOCAB to a folder of <model>/vocab.txt")
    return path


# whose gradient is 0 in theory, hence noise
KEY_BIASES = ("self.key.bias", "k_lin.bias", "attention.key.bias")


def norm_names(model):
    """Names of the parameters of LayerNorms, which have no weight decay."""
    import torch
    return {f"{name}.{own}" for name, module in model.named_modules() if isinstance(module, torch.nn.LayerNorm)
            for own, _ in module.named_parameters()}


class Messages(logging.Handler):
    """Keeps what transformers says at warning level or above."""

    def __init__(self):
        super().__init__(logging.WARNING)
        self.texts = []

    def emit(self, message):
        self.texts.append(message.getMessage())


def load_quietly(folder):
    """The classifier, its tokenizer, and what loading them said: messages, warnings, keys."""
    messages, logger = Messages(), transformers.utils.logging.get_logger("transformers")
    logger.addHandler(messages)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        model, info = transformers.AutoModelForSequenceClassification.from_pretrained(folder, output_loading_info=True)
        tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    logger.removeHandler(messages)
    said = messages.texts + [str(w.message) for w in caught] + [f"{k}: {v}" for k, v in info.items() if v]
    return model.eval(), tokenizer, said


def adamw(model, recipe):
    """The optimizer of a record's recipe."""
    import torch
    norms = norm_names(model)
    plain = [p for n, p in model.named_parameters() if n in norms or n.endswith("bias")]
    decayed = [p for n, p in model.named_parameters() if n not in norms and not n.endswith("bias")]
    return torch.optim.AdamW([{"params": decayed, "weight_decay": recipe["weight_decay"]},
                              {"params": plain, "weight_decay": 0.0}], lr=recipe["learning_rate"],
                             betas=(recipe["adam_beta1"], recipe["adam_beta2"]), eps=recipe["adam_epsilon"])


def train(model, recipe, rows, loss_of):
    """Trains by a record's recipe (linear schedule, AdamW) on rows in torch's own order; loss_of gives the mean loss of some rows."""
    import math
    import torch
    assert recipe["lr_scheduler_type"] == "linear" and recipe["gradient_accumulation_steps"] == 1, recipe
    size = recipe["per_device_train_batch_size"]
    total = recipe["max_steps"] or math.ceil(recipe["num_train_epochs"] * math.ceil(len(rows) / size))
    warmup = recipe["warmup_steps"] or math.ceil(recipe["warmup_ratio"] * total)
    optimizer = adamw(model, recipe)
    rate = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda s: s / warmup if s < warmup else (total - s) / max(1, total - warmup))
    model.train()
    order = []
    for _ in range(total):
        if not order:
            order = torch.randperm(len(rows)).tolist()
        some, order = [rows[i] for i in order[:size]], order[size:]
        loss_of(some).backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), recipe["max_grad_norm"])
        optimizer.step()
        rate.step()
        optimizer.zero_grad()
    return model


def row_noise(right):
    """Variance that a share of right answers has at least, from run to run, by right (runs, rows): were rows right or wrong apart
    from each other, it would be the mean of their own variances over the rows; rows of one run go together, which only adds. Some runs
    that happen to end alike have less among themselves, and a bound made of that alone calls chance a difference."""
    import numpy
    return float(numpy.var(numpy.asarray(right, float), axis=0, ddof=1).mean() / len(right[0]))


def seed_noise(ours, theirs, floors=(0.0, 0.0), rows=0):
    """Half the 95 % interval of the difference of the means of two lists of scores, one a seed: Student's t with Welch's degrees of
    freedom (with three seeds each twice the standard error, which was the bound once, holds 82 to 88 % of equal programs, not 95).
    A side whose variance is less than its floor (row_noise, known from so many rows) has the floor's."""
    import numpy
    from scipy import stats
    parts = []
    for scores, floor in zip((ours, theirs), floors):
        variance = float(numpy.var(scores, ddof=1))
        parts.append((max(variance, floor) / len(scores), (len(scores) if variance >= floor else rows) - 1))
    square = sum(v for v, _ in parts)
    if square == 0:
        return 0.0
    freedom = square ** 2 / sum(v ** 2 / df for v, df in parts if v)
    return float(stats.t.ppf(0.975, freedom) * numpy.sqrt(square))


def padded(ids, pad=0):
    """Rows of ids as one tensor, and its attention mask."""
    import torch
    width = max(map(len, ids))
    batch, mask = torch.full((len(ids), width), pad), torch.zeros(len(ids), width, dtype=torch.long)
    for row, sentence in enumerate(ids):
        batch[row, :len(sentence)] = torch.tensor(sentence)
        mask[row, :len(sentence)] = 1
    return batch, mask


def tool(name):
    """A program of the dev preset."""
    path = pathlib.Path(os.environ.get("HARNESS_PEER_TOOLS", ROOT / "build" / "dev")) / name
    if not path.exists():
        stop(f"{path} is not there: build it (cmake --preset dev && cmake --build --preset dev --target {name})")
    return path


def run_tool(name, *arguments, text=None):
    """Runs a tool of this folder; its standard output."""
    done = subprocess.run([tool(name), *map(str, arguments)], input=text, capture_output=True, text=True)
    if done.returncode:
        stop(f"{name} ended with {done.returncode}: {done.stderr}")
    return done.stdout


def run_tests(pattern):
    """Runs tests of the suite; all that they say, or "" when one failed."""
    done = subprocess.run([tool("harness_tests"), "--filter", pattern], capture_output=True, text=True)
    return done.stdout + done.stderr if done.returncode == 0 else ""


def model_pass(folder, ids, labels, device, name, gradients=False):
    """What model_pass computes for rows of ids: a safetensors file."""
    rows, out = WORK / f"{name}-rows.json", WORK / f"{name}-pass.safetensors"
    rows.write_text(json.dumps([{"ids": i, "label": label} for i, label in zip(ids, labels)]))
    run_tool("model_pass", folder, rows, device, out, *["--gradients"] * gradients)
    return out


def array(part):
    """The numbers of a record's part, whose type is numpy's name."""
    code, raw = ARRAYS[part["type"]], base64.b64decode(part["data"])
    return struct.unpack(f"<{len(raw) // struct.calcsize(code)}{code}", raw)


def record(folder):
    return json.loads((pathlib.Path(folder) / "record.json").read_text())


def surroundings():
    """What a figure belongs to: day, program, versions of the Python packages, processor."""
    from importlib import metadata
    packages = {}
    for name in ("torch", "transformers", "tokenizers", "scikit-learn"):
        try:
            packages[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            pass
    devices = json.loads(harness("devices", "--json"))["devices"]
    return {"date": datetime.date.today().isoformat(), "program": harness("--version").strip(),
            "program_sha256": hashlib.sha256(program().read_bytes()).hexdigest(), "packages": packages,
            "devices": {d["driver"]: f"{d['name']}, {d['version']}, {d['libraries'] or d['driver']}" for d in devices}}


class Lines:
    """What a comparison found: lines of figure, bound and whether it holds; printed, and kept as JSON for `all`."""

    def __init__(self):
        self.lines, self.details, self.surroundings = [], {}, surroundings()

    def add(self, line, figure, bound, ok):
        self.lines.append({"line": line, "figure": figure, "bound": bound, "ok": bool(ok)})
        print(f"{'ok  ' if ok else 'FAIL'} {line}: {figure} (bound: {bound})", flush=True)

    def end(self, path=None):
        if path:
            found = self.surroundings | {"lines": self.lines, "details": self.details}
            pathlib.Path(path).write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        sys.exit(0 if self.lines and all(line["ok"] for line in self.lines) else 1)


def load_average():
    return f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores"
