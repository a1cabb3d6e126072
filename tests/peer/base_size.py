"""One forward and backward pass of a BERT-base with mBERT's vocabulary under PyTorch and under harness.

    HARNESS_VOCAB=... tests/peer/.venv/bin/python tests/peer/base_size.py [--device cpu]

Weights are random (transformers draws them), the rows the first 32 training sentences of nsmc, dropout off. Logits within
1e-4; every gradient tensor within 1e-3 relative norm. A key bias has no gradient in theory, so what either program
computes is rounding: its norm is held against that of the query's bias instead. Needs build/dev/bert_pass, and about
6 GB of memory.
"""
import argparse

import torch
from safetensors.numpy import load_file
from transformers import BertForSequenceClassification, BertTokenizerFast

import common

ROWS, LOGIT_BOUND, GRADIENT_BOUND, KEY_BOUND = 32, 1e-4, 1e-3, 1e-4


def compare_gradients(model, ours):
    """(largest relative norm of a difference, its tensor, count), (largest key bias over query bias)."""
    worst, name_of, count, keys = 0.0, "", 0, 0.0
    gradients = {n: p.grad for n, p in model.named_parameters()}
    assert {f"grad.{n}" for n in gradients} == {n for n in ours if n.startswith("grad.")}
    for name, gradient in gradients.items():
        mine = torch.from_numpy(ours[f"grad.{name}"])
        assert mine.shape == gradient.shape, name
        if name.endswith("self.key.bias"):
            scale = gradients[name.replace("key", "query")].double().norm()
            keys = max(keys, float(max(mine.double().norm(), gradient.double().norm()) / scale))
            continue
        relative = float((mine.double() - gradient.double()).norm() / gradient.double().norm())
        count += 1
        if not relative <= worst:
            worst, name_of = relative, name
    return worst, name_of, count, keys


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--device", default="cpu")
    arguments.add_argument("--json", metavar="FILE")
    a = arguments.parse_args()
    folder = common.make_model(common.WORK / "base-mbert", "base",
                               common.vocabulary("bert-base-multilingual-cased"), common.LABELS["nsmc"])
    texts, labels = (column[:ROWS] for column in common.cleaned(*common.read("nsmc", 0)))
    ids = BertTokenizerFast.from_pretrained(folder)(texts, truncation=True, max_length=128)["input_ids"]
    ours = load_file(common.bert_pass(folder, ids, labels, a.device, "base-mbert", gradients=True))

    model = BertForSequenceClassification.from_pretrained(folder, hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0,
                                                          classifier_dropout=0.0).train()
    batch, mask = common.padded(ids)
    out = model(input_ids=batch, attention_mask=mask, labels=torch.tensor(labels))
    out.loss.backward()
    logits = float((out.logits.detach().double() - torch.from_numpy(ours["logits"]).double()).abs().max())
    worst, name, count, keys = compare_gradients(model, ours)

    lines = common.Lines()
    what = f"BERT-base, mBERT vocabulary, {ROWS} nsmc sentences ({sum(map(len, ids))} tokens), {a.device}"
    lines.add(f"{what}: logits", f"{logits:.1e}", f"{LOGIT_BOUND:.0e}", logits <= LOGIT_BOUND)
    lines.add(f"{what}: {count} gradients, relative norm", f"{worst:.1e} at {name}", f"{GRADIENT_BOUND:.0e}",
              worst <= GRADIENT_BOUND)
    lines.add(f"{what}: key biases, norm over the query bias's", f"{keys:.1e}", f"{KEY_BOUND:.0e}", keys <= KEY_BOUND)
    lines.end(a.json)


if __name__ == "__main__":
    main()
