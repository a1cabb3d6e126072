"""Random models of the published shapes that Korean users benchmark: each loads, trains a step, is saved, and loads again.

    tests/peer/.venv/bin/python tests/peer/shapes.py [--only klue/roberta-base,...] [--layers N] [--device cpu]

transformers draws a model of each shape, with the published vocabulary where $HARNESS_VOCAB has it, else one made of the same
size, order of special tokens and kind. `harness run` trains one step on the sample of kor_hate and saves; the folder then loads
in transformers' AutoModelForSequenceClassification without a message, a missing or an unexpected key, its tokenizer gives the
ids of `harness tokenize`, and its log probabilities are those of `harness predict` within 1e-4. A step with learning rate 0
from there, saved again, leaves every tensor bit-identical.
Names that are not supported are refused by what is not: their model_type, or their tokenizer.
--layers N cuts deeper models to N layers, for machines without the memory; the table says where that was done.
"""
import argparse
import collections
import json
import shutil
import subprocess

import numpy as np
import torch
from safetensors.numpy import load_file

import common

SCORE_BOUND, SENTENCES, SPECIAL = 1e-4, 24, ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
KLUE = ["[CLS]", "[PAD]", "[SEP]", "[UNK]", "[MASK]"]  # of klue/roberta-*: the pad id is 1

# family; vocabulary: the name of a published one, or a size; special tokens of a made one, in order; keys of config.json
Shape = collections.namedtuple("Shape", "family vocabulary special config", defaults=[SPECIAL, {}])


def bert(layers=12, hidden=768, heads=12, **more):
    return {"num_hidden_layers": layers, "hidden_size": hidden, "num_attention_heads": heads, "intermediate_size": 4 * hidden} | more


def roberta(layers, hidden, heads):
    return bert(layers, hidden, heads, max_position_embeddings=514, type_vocab_size=1, layer_norm_eps=1e-5)


def electra(embedding, layers=12, hidden=768, heads=12):
    return bert(layers, hidden, heads, embedding_size=embedding)


SHAPES = {
    "bert-base-multilingual-cased": Shape("bert", "bert-base-multilingual-cased", config=bert()),
    "klue/bert-base": Shape("bert", 32000, config=bert()),
    "beomi/kcbert-base": Shape("bert", "kcbert-base", config=bert(max_position_embeddings=300)),
    "beomi/kcbert-large": Shape("bert", "kcbert-base", config=bert(24, 1024, 16, max_position_embeddings=300)),
    "kykim/bert-kor-base": Shape("bert", 42000, config=bert()),
    "snunlp/KR-BERT-char16424": Shape("bert", 16424, config=bert()),
    "snunlp/KR-FinBert": Shape("bert", 20000, config=bert()),
    "jhgan/ko-sbert-multitask": Shape("bert", 32000, config=bert()),
    "klue/roberta-small": Shape("roberta", 32000, KLUE, roberta(6, 768, 12)),
    "klue/roberta-base": Shape("roberta", 32000, KLUE, roberta(12, 768, 12)),
    "klue/roberta-large": Shape("roberta", 32000, KLUE, roberta(24, 1024, 16)),
    "jhgan/ko-sroberta-multitask": Shape("roberta", 32000, KLUE, roberta(12, 768, 12)),
    "BM-K/KoSimCSE-roberta": Shape("roberta", 32000, KLUE, roberta(12, 768, 12)),
    "monologg/koelectra-base-discriminator": Shape("electra", "koelectra", config=electra(768)),
    "monologg/koelectra-small-discriminator": Shape("electra", "koelectra", config=electra(128, 12, 256, 4)),
    "monologg/koelectra-base-v2-discriminator": Shape("electra", "koelectra", config=electra(768)),
    "monologg/koelectra-small-v2-discriminator": Shape("electra", "koelectra", config=electra(128, 12, 256, 4)),
    "monologg/koelectra-base-v3-discriminator": Shape("electra", 35000, config=electra(768)),
    "monologg/koelectra-small-v3-discriminator": Shape("electra", 35000, config=electra(128, 12, 256, 4)),
    "monologg/kocharelectra-base-discriminator": Shape("electra", "kocharelectra", config=electra(768)),
    "beomi/KcELECTRA-base@v2021": Shape("electra", 50135, config=electra(768)),
    "beomi/KcELECTRA-base@v2022": Shape("electra", 54343, config=electra(768)),
    "beomi/KcELECTRA-base@v2023": Shape("electra", 54343, config=electra(768)),
    "kykim/electra-kor-base": Shape("electra", 42000, config=electra(768)),
    "snunlp/KR-ELECTRA-discriminator": Shape("electra", 30000, config=electra(768)),
    "kykim/albert-kor-base": Shape("albert", 42000, config=bert(embedding_size=128, hidden_act="gelu_new")),
    "distilbert-base-multilingual-cased": Shape("distilbert", "bert-base-multilingual-cased", config={
        "n_layers": 6, "dim": 768, "n_heads": 12, "hidden_dim": 3072}),
}
# name; model_type, the tokenizer's file beside config.json, and what the refusal has to say
REFUSED = {
    "skt/kobert-base-v1": ("bert", "spiece.model", "SentencePiece"),
    "monologg/kobert": ("bert", "vocab.txt", "SentencePiece"),
    "monologg/distilkobert": ("distilbert", "vocab.txt", "SentencePiece"),
    "xlm-roberta-base": ("xlm-roberta", "sentencepiece.bpe.model", "model_type is 'xlm-roberta'"),
    "kakaobank/kf-deberta-base": ("deberta-v2", "vocab.txt", "model_type is 'deberta-v2'"),
    "team-lucid/deberta-v3-base-korean": ("deberta-v2", "spm.model", "model_type is 'deberta-v2'"),
    "monologg/kobigbird-bert-base": ("big_bird", "vocab.txt", "model_type is 'big_bird'"),
    "answerdotai/ModernBERT-base": ("modernbert", "tokenizer.json", "model_type is 'modernbert'"),
    "skt/kogpt2-base-v2": ("gpt2", "tokenizer.json", "model_type is 'gpt2'"),
}


def made_vocabulary(size, special):
    """Syllables and their continuations, then numbered pieces, up to the size."""
    tokens = list(special)
    for point in range(0x21, 0x7F):
        tokens += [chr(point), f"##{chr(point)}"]
    for point in range(0xAC00, 0xD7A4):
        if len(tokens) + 2 > size:
            break
        tokens += [chr(point), f"##{chr(point)}"]
    return tokens[:size] + [f"[unused{i}]" for i in range(size - len(tokens))]


@torch.no_grad()
def compare(folder, model, tokenizer, device):
    """(sentences whose ids are equal, largest difference of log probabilities)"""
    texts = [t for t in common.read("kor_hate", 1)[0] if t.strip() and "\n" not in t and "\r" not in t][:SENTENCES]
    ids = [json.loads(line)["ids"] for line in
           common.harness("tokenize", "--model", folder, "--json", text="\n".join(texts)).splitlines()]
    answers = common.harness("predict", "--checkpoint", folder, "--device", device, "--json", "--quiet",
                             text="\n".join(texts)).splitlines()
    equal, largest = 0, 0.0
    for text, own, answer in zip(texts, ids, answers, strict=True):
        batch = tokenizer(text, return_tensors="pt", truncation=True, max_length=256)
        equal += own[:256] == batch["input_ids"][0].tolist()
        theirs = torch.log_softmax(model(**batch).logits[0].double(), 0).numpy()
        scores = json.loads(answer)["scores"]
        ours = np.log([scores[model.config.id2label[c]] for c in range(len(theirs))])
        largest = max(largest, float(np.abs(ours - theirs).max()))
    return equal, largest


def one_step(model, output, rate, device):
    common.harness("run", "--task", "kor_hate", "--sample", "--model", model, "--device", device, "--check-device", "never", "--lr",
                   rate, "--max-steps", 1, "--batch-size", 8, "--overwrite", "--quiet", "--output-dir", output)
    return output / "model"


def same_bits(a, b):
    """-0 and 0 are one: a step with learning rate 0 subtracts 0 times something."""
    return a.keys() == b.keys() and all((a[n] + np.float32(0)).tobytes() == (b[n] + np.float32(0)).tobytes() for n in a)


def check(lines, name, shape, a):
    work = common.WORK / "shapes"
    shutil.rmtree(work, ignore_errors=True)
    depth = "n_layers" if shape.family == "distilbert" else "num_hidden_layers"
    config, note = dict(shape.config), ""
    if a.layers and config[depth] > a.layers:
        note = f" ({a.layers} of its {config[depth]} layers)"
        config[depth] = a.layers
    is_made = isinstance(shape.vocabulary, int)
    vocabulary = made_vocabulary(shape.vocabulary, shape.special) if is_made else common.vocabulary(shape.vocabulary)
    start = common.make_model(work / "start", None, vocabulary, common.LABELS["kor_hate"], family=shape.family, **config)
    saved = one_step(start, work / "one", 5e-5, a.device)
    shutil.rmtree(start)
    model, tokenizer, said = common.load_quietly(saved)
    equal, largest = compare(saved, model, tokenizer, a.device)
    parameters = sum(p.numel() for p in model.parameters())
    again = one_step(saved, work / "again", 0, a.device)
    identical = same_bits(load_file(saved / "model.safetensors"), load_file(again / "model.safetensors"))
    ok = not said and equal == SENTENCES and largest <= SCORE_BOUND and identical
    lines.add(f"{name}{note}, {shape.family}, {parameters / 1e6:.1f} M parameters, {'made' if is_made else 'own'} vocabulary of "
              f"{model.config.vocab_size:,}",
              f"{'; '.join(said) or 'loads in silence'}, {equal} of {SENTENCES} token lists equal, scores within {largest:.1e}, "
              f"{'bit-identical' if identical else 'other bits'} on the way back", f"{SCORE_BOUND:.0e}", ok)
    shutil.rmtree(work)


def check_refused(lines, name, kind, file, part):
    folder = common.WORK / "shapes-refused"
    shutil.rmtree(folder, ignore_errors=True)
    common.make_model(folder, "tiny", SPECIAL + ["\u2581a", "\u2581b", "c"], common.LABELS["kor_hate"],
                      family=kind if kind in common.FAMILIES else "bert")
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"model_type": kind}))
    if file != "vocab.txt":
        (folder / "vocab.txt").unlink()
        (folder / file).write_text("x")
    done = subprocess.run([str(common.program()), "run", "--task", "kor_hate", "--sample", "--device", "cpu", "--model", str(folder),
                           "--output-dir", str(folder / "out")], capture_output=True, text=True)
    said = done.stderr.strip().splitlines()[-1].split(": ", 2)[-1]
    lines.add(f"{name} is refused", said, f"by {part}", done.returncode and part in done.stderr and "support" in said)
    shutil.rmtree(folder)


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--only", default="")
    arguments.add_argument("--layers", type=int, default=0)
    arguments.add_argument("--device", default="cpu")
    arguments.add_argument("--json", metavar="FILE")
    a = arguments.parse_args()
    wanted = a.only.split(",") if a.only else [*SHAPES, *REFUSED]
    for name in wanted:
        if name not in SHAPES and name not in REFUSED:
            common.stop(f"unknown model '{name}' (known: {', '.join([*SHAPES, *REFUSED])})")
    lines = common.Lines()
    for name in wanted:
        if name in SHAPES:
            check(lines, name, SHAPES[name], a)
        else:
            check_refused(lines, name, *REFUSED[name])
    lines.end(a.json)


if __name__ == "__main__":
    main()
