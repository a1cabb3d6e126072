"""Carries a checkpoint of ours through transformers and back.

    tests/peer/.venv/bin/python tests/peer/roundtrip.py [--checkpoint DIR] [--device cpu]

1. BertForSequenceClassification.from_pretrained(our folder) loads without a warning, a missing or an unexpected key;
   AutoTokenizer gives the ids that harness gives; id2label is the task's.
2. The logits are equal: differences of log probabilities, which is what `predict --json` tells, within 1e-4.
3. save_pretrained, loaded and written again by harness (a step with learning rate 0): every weight bit-identical.
Without --checkpoint a few steps of `tiny` on kor_hate are trained first.
"""
import argparse
import json
import logging
import warnings

import numpy as np
import torch
import transformers
from safetensors.numpy import load_file
from transformers import AutoTokenizer, BertForSequenceClassification

import common

LOGIT_BOUND, SENTENCES = 1e-4, 200


class Messages(logging.Handler):
    """Keeps what transformers says at warning level or above."""

    def __init__(self):
        super().__init__(logging.WARNING)
        self.texts = []

    def emit(self, message):
        self.texts.append(message.getMessage())


def load_quietly(folder):
    """The model, after checking that loading it said nothing."""
    messages = Messages()
    transformers.utils.logging.get_logger("transformers").addHandler(messages)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model, info = BertForSequenceClassification.from_pretrained(folder, output_loading_info=True)
    assert not messages.texts, messages.texts
    assert not any(info.values()), info
    return model.eval()


def tensors(folder):
    return load_file(folder / "model.safetensors")


def same_bits(a, b):
    """Names of tensors that differ; both have to have the same names."""
    assert a.keys() == b.keys(), a.keys() ^ b.keys()
    return [n for n in a if a[n].dtype != b[n].dtype or a[n].shape != b[n].shape or a[n].tobytes() != b[n].tobytes()]


def check_tokens(folder, texts):
    tokenizer = AutoTokenizer.from_pretrained(folder)
    lines = common.harness("tokenize", "--model", folder, "--json", text="\n".join(texts)).splitlines()
    ours = [json.loads(line)["ids"] for line in lines]
    theirs = tokenizer(texts)["input_ids"]
    assert ours == theirs, next((t, o, h) for t, o, h in zip(texts, ours, theirs) if o != h)
    return tokenizer


@torch.no_grad()
def check_logits(model, tokenizer, folder, texts, device):
    """Largest difference of log probabilities over sentences and labels."""
    lines = common.harness("predict", "--checkpoint", folder, "--device", device, "--json", "--quiet",
                           text="\n".join(texts)).splitlines()
    assert len(lines) == len(texts), (len(lines), len(texts))
    largest = 0
    for text, line in zip(texts, lines):
        answer = json.loads(line)
        logits = model(**tokenizer(text, return_tensors="pt", truncation=True, max_length=512)).logits[0].double()
        theirs = torch.log_softmax(logits, 0).numpy()
        ours = np.log([answer["scores"][model.config.id2label[c]] for c in range(len(theirs))])
        largest = max(largest, float(np.abs(ours - theirs).max()))
    return largest


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--checkpoint")
    arguments.add_argument("--task", default="kor_hate", choices=sorted(common.FILES))
    arguments.add_argument("--device", default="cpu")
    a = arguments.parse_args()
    work = common.WORK / "roundtrip"
    if a.checkpoint:
        folder = common.pathlib.Path(a.checkpoint)
    else:
        common.harness("run", "--task", a.task, "--model", "tiny", "--device", a.device, "--max-steps", 20, "--limit", 640,
                       "--overwrite", "--quiet", "--output-dir", work / "trained")
        folder = work / "trained" / "model"
    texts = [t for t in common.read(a.task, 1)[0] if t.strip() and "\n" not in t and "\r" not in t][:SENTENCES]

    model = load_quietly(folder)
    names = [model.config.id2label[c] for c in range(model.config.num_labels)]
    assert names == common.LABELS[a.task], names
    print(f"loaded by transformers {transformers.__version__} without a warning; labels {', '.join(names)}")
    tokenizer = check_tokens(folder, texts)
    print(f"token ids of {len(texts)} sentences equal")
    difference = check_logits(model, tokenizer, folder, texts, a.device)
    assert difference <= LOGIT_BOUND, difference
    print(f"log probabilities of {len(texts)} sentences within {difference:.1e} (bound {LOGIT_BOUND:.0e})")

    saved = work / "saved"
    model.save_pretrained(saved)
    tokenizer.save_pretrained(saved)
    differing = same_bits(tensors(folder), tensors(saved))
    assert not differing, differing
    common.harness("run", "--task", a.task, "--model", saved, "--device", a.device, "--lr", 0, "--max-steps", 1, "--limit", 32,
                   "--overwrite", "--quiet", "--output-dir", work / "back")
    differing = same_bits(tensors(saved), tensors(work / "back" / "model"))
    assert not differing, differing
    print(f"ours -> transformers -> ours: {len(tensors(saved))} tensors bit-identical")
    print("passed")


if __name__ == "__main__":
    main()
