"""One forward and backward pass of a base-sized model of each family with a published vocabulary under PyTorch and harness.

    HARNESS_VOCAB=... tests/peer/.venv/bin/python tests/peer/base_size.py [--device cpu] [--families bert,albert]

Weights are random (transformers draws them), the rows the first 32 training sentences of nsmc, dropout off. Logits within
1e-4; every gradient tensor within 1e-3 relative norm. A key bias has no gradient in theory, so what either program
computes is rounding: its norm is held against that of the query's bias instead. Needs build/dev/model_pass, and about
6 GB of memory.
"""
import argparse
import shutil

import torch
from safetensors.numpy import load_file
from transformers import AutoModelForSequenceClassification, AutoTokenizer

import common

ROWS, LOGIT_BOUND, GRADIENT_BOUND, KEY_BOUND = 32, 1e-4, 1e-3, 1e-4
# the vocabulary that published Korean models of the family have, or one of their size
VOCABULARIES = {"bert": "bert-base-multilingual-cased", "roberta": "koelectra", "electra": "koelectra",
                "distilbert": "bert-base-multilingual-cased", "albert": "kcbert-base"}


def compare_gradients(model, ours):
    """(largest relative norm of a difference, its tensor, count), (largest key bias over query bias)."""
    worst, name_of, count, keys = 0.0, "", 0, 0.0
    gradients = {n: p.grad for n, p in model.named_parameters()}
    assert {f"grad.{n}" for n in gradients} == {n for n in ours if n.startswith("grad.")}
    for name, gradient in gradients.items():
        mine = torch.from_numpy(ours[f"grad.{name}"])
        assert mine.shape == gradient.shape, name
        if name.endswith(common.KEY_BIASES):
            scale = gradients[name.replace("key.", "query.").replace("k_lin", "q_lin")].double().norm()
            keys = max(keys, float(max(mine.double().norm(), gradient.double().norm()) / scale))
            continue
        relative = float((mine.double() - gradient.double()).norm() / gradient.double().norm())
        count += 1
        if not relative <= worst:
            worst, name_of = relative, name
    return worst, name_of, count, keys


def compare(lines, family, device):
    vocabulary = VOCABULARIES[family]
    folder = common.make_model(common.WORK / f"base-{family}", "base", common.vocabulary(vocabulary), common.LABELS["nsmc"],
                               family=family)
    texts, labels = (column[:ROWS] for column in common.cleaned(*common.read("nsmc", 0)))
    ids = AutoTokenizer.from_pretrained(folder)(texts, truncation=True, max_length=128)["input_ids"]
    ours = load_file(common.model_pass(folder, ids, labels, device, f"base-{family}", gradients=True))

    model = AutoModelForSequenceClassification.from_pretrained(folder, **common.dropless(family)).train()
    batch, mask = common.padded(ids, model.config.pad_token_id)
    out = model(input_ids=batch, attention_mask=mask, labels=torch.tensor(labels))
    out.loss.backward()
    logits = float((out.logits.detach().double() - torch.from_numpy(ours["logits"]).double()).abs().max())
    worst, name, count, keys = compare_gradients(model, ours)

    what = f"{family}, base, {vocabulary}'s vocabulary, {ROWS} nsmc sentences ({sum(map(len, ids))} tokens), {device}"
    lines.add(f"{what}: logits", f"{logits:.1e}", f"{LOGIT_BOUND:.0e}", logits <= LOGIT_BOUND)
    lines.add(f"{what}: {count} gradients, relative norm", f"{worst:.1e} at {name}", f"{GRADIENT_BOUND:.0e}",
              worst <= GRADIENT_BOUND)
    lines.add(f"{what}: key biases, norm over the query bias's", f"{keys:.1e}", f"{KEY_BOUND:.0e}", keys <= KEY_BOUND)
    shutil.rmtree(folder)  # some hundred megabytes


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--device", default="cpu")
    arguments.add_argument("--families", default=",".join(common.FAMILIES))
    arguments.add_argument("--json", metavar="FILE")
    a = arguments.parse_args()
    lines = common.Lines()
    for family in a.families.split(","):
        compare(lines, family, a.device)
    lines.end(a.json)


if __name__ == "__main__":
    main()
