"""Carries a checkpoint of ours through transformers and back.

    tests/peer/.venv/bin/python tests/peer/roundtrip.py [--checkpoint DIR] [--device cpu]

1. BertForSequenceClassification.from_pretrained(our folder) loads without a warning, a missing or an unexpected key;
   AutoTokenizer gives the ids that harness gives; id2label is the task's.
2. The logits are equal: differences of log probabilities, which is what `predict --json` tells, within 1e-4.
3. save_pretrained, in one file, in shards and in half precision, loaded and written again by harness (a step with
   learning rate 0): every weight bit-identical to what was saved.
4. The model card's model-index, read by huggingface_hub, has the record's scores.
5. Missing, unexpected and mismatched keys of other heads are those that transformers lists.
6. A pickle file is refused, and what the message says to do makes the folder good.
Without --checkpoint a few steps of `tiny` on kor_hate are trained first.
"""
import argparse
import json
import re
import shutil
import subprocess
import sys

import numpy as np
import torch
import transformers
from huggingface_hub import ModelCard
from safetensors.numpy import load_file
from transformers import AutoTokenizer, BertForPreTraining, BertForSequenceClassification
from transformers.utils.loading_report import update_key_name

import common

LOGIT_BOUND, SENTENCES = 1e-4, 200


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


def all_tensors(folder):
    """Of one file or of shards."""
    found = {}
    for path in sorted(folder.glob("*.safetensors")):
        found.update(load_file(path))
    return found


def run_from(model, output, a, *more, fails=False):
    """One step with learning rate 0 from a folder; standard error."""
    command = [common.program(), "run", "--task", a.task, "--model", model, "--device", a.device, "--lr", 0,
               "--max-steps", 1, "--limit", 32, "--overwrite", "--output-dir", output, *more]
    done = subprocess.run([str(c) for c in command], capture_output=True, text=True)
    assert (done.returncode != 0) == fails, done.stderr
    return done.stderr


def plain_zeros(found):
    """The step with learning rate 0 subtracts 0 * something, which turns some -0 into 0; everything else keeps its bits."""
    return {name: value.astype(np.float32) + np.float32(0) for name, value in found.items()}


def check_back(saved, what, work, a):
    """Loads and writes a saved folder by harness; the weights have to be those saved, widened."""
    run_from(saved, work / "back", a)
    expected = plain_zeros(all_tensors(saved))
    differing = same_bits(expected, plain_zeros(tensors(work / "back" / "model")))
    assert not differing, (what, differing)
    print(f"ours -> transformers -> ours, {what}: {len(expected)} tensors in {len(list(saved.glob('*.safetensors')))} "
          "files, bit-identical")


def check_saved(model, tokenizer, folder, work, a):
    for what, options in (("one file", {}), ("shards", {"max_shard_size": "300KB"}), ("f16", {}), ("bf16", {}),
                          ("shards of f16", {"max_shard_size": "300KB"})):
        saved = work / what.replace(" ", "-")
        shutil.rmtree(saved, ignore_errors=True)
        kind = torch.float16 if "f16" in what and what != "bf16" else torch.bfloat16 if what == "bf16" else torch.float32
        BertForSequenceClassification.from_pretrained(folder, dtype=kind).save_pretrained(saved, **options)
        tokenizer.save_pretrained(saved)
        if what == "one file":
            assert not same_bits(tensors(folder), tensors(saved))
        if what == "bf16":  # numpy has no such type
            widened = BertForSequenceClassification.from_pretrained(saved, dtype=torch.float32)
            run_from(saved, work / "back", a)
            mine = plain_zeros(tensors(work / "back" / "model"))
            assert not same_bits(plain_zeros({k: v.numpy() for k, v in widened.state_dict().items() if k in mine}), mine)
            print(f"ours -> transformers -> ours, bf16: {len(mine)} tensors, bit-identical")
        else:
            if "shards" in what:
                assert (saved / "model.safetensors.index.json").exists()
            check_back(saved, what, work, a)


def check_card(folder, record):
    card = ModelCard.load(folder / "README.md")
    data = card.data
    assert (data.language, data.library_name, data.pipeline_tag) == ("ko", "transformers", "text-classification"), data
    results = {(r.metric_type, (r.metric_args or {}).get("average")): r for r in data.eval_results}
    kinds = {"mcc": ("matthews_correlation", None)}
    checked = 0
    for name, value in record["metrics"].items():
        average, _, rest = name.partition("_")
        kind = kinds.get(name) or ((rest, average) if average in ("macro", "weighted") else (name, None))
        if kind not in results:
            continue
        result = results[kind]
        assert abs(result.metric_value - value) <= 5.1e-7, (name, result, value)
        assert result.task_type == "text-classification" and result.dataset_type == record["task"]["name"], result
        checked += 1
    assert checked == len(data.eval_results) > 0, (checked, data.eval_results)
    print(f"model card: {data.model_name}, {checked} scores as in the record, read by huggingface_hub")


def table_of(text):
    """The rows of a loading report: {status: keys}."""
    rows = {"MISSING": set(), "UNEXPECTED": set(), "MISMATCH": set()}
    for key, status in re.findall(r"^(\S.*?) +\| (MISSING|UNEXPECTED|MISMATCH) +\|", text, re.M):
        rows[status].add(key)
    return rows


def check_keys(model, tokenizer, work, a):
    labels = len(common.LABELS[a.task])
    two = BertForSequenceClassification(transformers.BertConfig(**{**model.config.to_dict(), "num_labels": labels + 2,
                                                                   "id2label": None, "label2id": None}))
    for name, made in (("encoder", model.bert), ("pretraining", BertForPreTraining(model.config)), ("labels", two)):
        folder = work / f"keys-{name}"
        made.save_pretrained(folder)
        tokenizer.save_pretrained(folder)
        _, info = BertForSequenceClassification.from_pretrained(folder, num_labels=labels, ignore_mismatched_sizes=True,
                                                                output_loading_info=True)
        if name == "labels":
            assert "MISMATCH" not in run_from(folder, work / "keys", a, fails=True)
        found = table_of(run_from(folder, work / "keys", a, "--ignore-mismatched-sizes"))
        expected = {"MISSING": set(update_key_name(info["missing_keys"])),
                    "UNEXPECTED": set(update_key_name(info["unexpected_keys"])),
                    "MISMATCH": {k[0] for k in info["mismatched_keys"]}}
        assert found == expected, (name, found, expected)
        initialised = common.record(work / "keys")["model"]["newly_initialised"]
        assert set(initialised) == set(info["missing_keys"]) | expected["MISMATCH"], initialised
        print(f"keys of {name}: " + ", ".join(f"{len(v)} {k}" for k, v in found.items()) + ", as transformers lists them")


def check_pickle(model, tokenizer, folder, work, a):
    pickled = work / "pickle"
    shutil.rmtree(pickled, ignore_errors=True)
    pickled.mkdir(parents=True)
    tokenizer.save_pretrained(pickled)
    shutil.copy(folder / "config.json", pickled)
    torch.save(model.state_dict(), pickled / "pytorch_model.bin")
    message = run_from(pickled, work / "back", a, fails=True)
    assert "pickle file" in message, message
    command = message[message.index("python3 -c "):].strip().replace("python3", sys.executable, 1)
    subprocess.run(command, shell=True, check=True, capture_output=True)
    run_from(pickled, work / "back", a)
    assert not same_bits(tensors(folder), tensors(work / "back" / "model"))
    print("a pickle is refused; after the command of the message its weights are bit-identical")


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

    model, _, said = common.load_quietly(folder)
    assert not said, said
    names = [model.config.id2label[c] for c in range(model.config.num_labels)]
    assert names == common.LABELS[a.task], names
    print(f"loaded by transformers {transformers.__version__} without a warning; labels {', '.join(names)}")
    tokenizer = check_tokens(folder, texts)
    print(f"token ids of {len(texts)} sentences equal")
    difference = check_logits(model, tokenizer, folder, texts, a.device)
    assert difference <= LOGIT_BOUND, difference
    print(f"log probabilities of {len(texts)} sentences within {difference:.1e} (bound {LOGIT_BOUND:.0e})")

    check_saved(model, tokenizer, folder, work, a)
    if (folder / "README.md").exists() and (folder.parent / "record.json").exists():
        check_card(folder, common.record(folder.parent))
    transformers.utils.logging.set_verbosity_error()  # the reports are expected from here on
    check_keys(model, tokenizer, work, a)
    check_pickle(model, tokenizer, folder, work, a)
    print("passed")


if __name__ == "__main__":
    main()
