"""What the contenders of throughput.py have to compute, in double precision by transformers: logits of a few sentences, then
losses and gradient norms of some steps on them without dropout.

    python throughput_proof.py FOLDER DATA.json OUT.json
"""
import json
import sys

import torch
from transformers import BertForSequenceClassification

from throughput_work import CLIP, DECAY, EPS, RATE, is_decayed, padded, read

ROWS, STEPS = 16, 3


def groups(model):
    """Parameters for AdamW, as Trainer decays them."""
    named = list(model.named_parameters())
    return [{"params": [p for n, p in named if is_decayed(n)], "weight_decay": DECAY},
            {"params": [p for n, p in named if not is_decayed(n)], "weight_decay": 0.0}]


def main():
    folder, data, out = sys.argv[1:]
    data = read(data)
    by_length = sorted(range(len(data["test_ids"])), key=lambda r: len(data["test_ids"][r]))
    rows = [by_length[int((k + 0.5) * len(by_length) / ROWS)] for k in range(ROWS)]
    ids, mask = map(torch.from_numpy, padded(rows, data["test_ids"]))
    labels = torch.tensor([data["test_labels"][r] for r in rows])
    model = BertForSequenceClassification.from_pretrained(folder, attn_implementation="eager").double().eval()
    optimizer = torch.optim.AdamW(groups(model), lr=RATE, eps=EPS)
    with torch.no_grad():
        logits = model(ids, mask).logits.tolist()
    steps = []
    for _ in range(STEPS):
        loss = model(ids, mask, labels=labels).loss
        loss.backward()
        norm = torch.nn.utils.clip_grad_norm_(model.parameters(), CLIP)
        optimizer.step()
        optimizer.zero_grad()
        steps.append([loss.item(), norm.item()])
    with open(out, "w") as file:
        json.dump({"rows": rows, "ids": [data["test_ids"][r] for r in rows], "labels": labels.tolist(),
                   "texts": [data["test_texts"][r] for r in rows], "logits": logits, "steps": steps}, file)


if __name__ == "__main__":
    main()
