"""Makes tests/golden/NAME_tiny: a tiny classifier of a family, with NAME FAMILY_mlm a masked language model or with FAMILY_tags a
classifier of tokens, and what PyTorch computes with it.

    tests/peer/.venv/bin/python tests/peer/golden_model.py --family NAME  writes one (the committed ones: bert, torch 1.13 and
                                                                       transformers 4.40; the others, 2.5 and 4.46)
    tests/peer/.venv/bin/python tests/peer/golden_model.py --check     writes nothing: computes the committed ones again
                                                                       and runs the tests that hold harness against them

Everything is computed in float64 from float32 weights:
    config.json, model.safetensors   the model, as transformers saves it
    steps.json                       batches, hyperparameters, losses, norms, learning rates
    expected.safetensors             logits.N, layer outputs, gradients of the first batch, and the
                                     weights after ten AdamW steps
"""
import argparse
import json
import pathlib
import re

import torch
import transformers
from safetensors.torch import load_file, save_file
from transformers import (AutoModelForMaskedLM, AutoModelForSequenceClassification, AutoModelForTokenClassification,
                          get_linear_schedule_with_warmup)

import common
from parser import NONE, Parser

GOLDEN = pathlib.Path(__file__).resolve().parent.parent / "golden"
LENGTHS = [[3, 17, 1, 9, 13], [7, 5, 23, 11, 2], [1, 21, 3, 15, 6]]
STEPS, WARMUP, RATE, DECAY, CLIP = 10, 3, 1e-3, 0.01, 0.5
BOUND, AGAIN_BOUND = 1e-4, 1e-6
USUAL = dict(vocab_size=53, hidden_size=36, num_hidden_layers=2, num_attention_heads=3, intermediate_size=26,
             max_position_embeddings=24, num_labels=3, hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0)
# class of the configuration, and its sizes: odd ones, but for BERT's and ELECTRA's, whose last layer f64 cuts short
FAMILIES = {
    "bert": ("BertConfig", {**USUAL, "hidden_size": 32, "num_attention_heads": 4, "intermediate_size": 48}),
    "roberta": ("RobertaConfig", {**USUAL, "max_position_embeddings": 26, "type_vocab_size": 1, "layer_norm_eps": 1e-5}),
    "electra": ("ElectraConfig", {**USUAL, "hidden_size": 32, "num_attention_heads": 4, "embedding_size": 22}),
    "distilbert": ("DistilBertConfig", dict(vocab_size=53, dim=36, n_layers=2, n_heads=3, hidden_dim=26, num_labels=3, dropout=0.0,
                                            max_position_embeddings=24, attention_dropout=0.0, seq_classif_dropout=0.0)),
    # four layers: their gradients add up
    "albert": ("AlbertConfig", {**USUAL, "hidden_size": 32, "num_attention_heads": 4, "embedding_size": 22, "num_hidden_layers": 4,
                                "classifier_dropout_prob": 0.0}),
    # heads by problem_type, upon BERT
    "regression": ("BertConfig", {**USUAL, "num_labels": 1, "problem_type": "regression"}),
    "multi_label": ("BertConfig", {**USUAL, "num_labels": 4, "problem_type": "multi_label_classification"}),
    # no head of transformers
    "parser": ("BertConfig", {**USUAL, "num_labels": 4, "arc_size": 10, "relation_size": 6, "tree_decode": "projective",
                              "word_piece": "last", "architectures": ["BertForDependencyParsing"]}),
}


MASKED = "_mlm"
# its head has GELU all the same
MASKED_SIZES = {"electra": {"hidden_act": "gelu_new"}}
TAGS = "_tags"
TAGGED = ("bert", "electra", "distilbert")
NAMES = [*FAMILIES, *(family + MASKED for family in common.FAMILIES), *(family + TAGS for family in TAGGED)]


def head_of(name):
    if name.endswith(TAGS):
        return AutoModelForTokenClassification
    return AutoModelForMaskedLM if name.endswith(MASKED) else AutoModelForSequenceClassification


def answers_tokens(model):
    return type(model).__name__.endswith(("ForMaskedLM", "ForTokenClassification"))


def is_parser(config):
    return hasattr(config, "arc_size")


def tree(row, config, random):
    """Adds nodes, and heads that need be no tree; some are not known."""
    row["places"] = [0] + [k for k in range(1, len(row["ids"])) if k % 3]
    nodes = len(row["places"])
    row["heads"] = [NONE] + [NONE if w % 5 == 4 else (w + 1 + int(torch.randint(0, nodes - 1, (1,), generator=random))) % nodes
                             for w in range(1, nodes)]
    row["relations"] = [NONE if h == NONE else int(torch.randint(0, config.num_labels, (1,), generator=random)) for h in row["heads"]]


def has_pad_in_text(config):
    return config.model_type != "bert"  # its fixture is older


def target(config, number):
    """A label, a number, or a 0 or 1 for each label."""
    if config.problem_type == "regression":
        return number * 0.75 - 0.5
    if config.problem_type == "multi_label_classification":
        return [float(number >> label & 1) for label in range(config.num_labels)]
    return number % config.num_labels


def batches(config, most):
    """most: of the classes that a token has; None where the whole text has one"""
    random = torch.Generator().manual_seed(7)
    for place, lengths in enumerate(LENGTHS):
        rows = []
        for i, n in enumerate(lengths):
            ids = torch.randint(1, config.vocab_size, (n,), generator=random).tolist()
            if has_pad_in_text(config) and n > 8:
                ids[n // 3] = config.pad_token_id
            # the last sentence of the second batch is a pair
            type_one = n // 2 if (place, i) == (1, 4) else n
            row = {"ids": ids, "type_one": type_one}
            if most:  # of some sentences nothing is chosen, of one everything
                row["chosen"] = [k for k in range(n) if n == 5 or (k + i) % 4 == 2]
                row["wanted"] = torch.randint(0, most, (len(row["chosen"]),), generator=random).tolist()
            elif is_parser(config):
                tree(row, config, random)
            else:
                row["label"] = target(config, i + place)
            rows.append(row)
        yield rows


def padded(rows, config):
    longest = max(len(r["ids"]) for r in rows)
    ids = torch.full((len(rows), longest), config.pad_token_id)
    mask, types = torch.zeros_like(ids), torch.zeros_like(ids)
    for i, r in enumerate(rows):
        n = len(r["ids"])
        ids[i, :n] = torch.tensor(r["ids"])
        mask[i, :n] = 1
        types[i, r["type_one"]:n] = 1
    columns = {"input_ids": ids, "attention_mask": mask}
    if getattr(config, "type_vocab_size", 0) > 1:
        columns["token_type_ids"] = types
    if is_parser(config):
        width = max(len(r["places"]) for r in rows)
        columns["nodes"] = torch.tensor([len(r["places"]) for r in rows])
        for name, fill in (("places", 0), ("heads", NONE), ("relations", NONE)):
            columns[name] = torch.tensor([r[name] + [fill] * (width - len(r[name])) for r in rows])
        return columns
    if "label" in rows[0]:
        labels = torch.tensor([r["label"] for r in rows])
        labels = labels.double() if labels.is_floating_point() else labels
    else:
        labels = torch.full_like(ids, -100)
        for i, r in enumerate(rows):
            labels[i, r["chosen"]] = torch.tensor(r["wanted"], dtype=torch.long)
    return {**columns, "labels": labels}


def packed(hidden, rows):
    return torch.cat([hidden[i, : len(r["ids"])] for i, r in enumerate(rows)])


def new_model(golden):
    torch.manual_seed(1)
    family = golden.removesuffix(MASKED).removesuffix(TAGS)
    name, sizes = FAMILIES[family]
    if golden.endswith(MASKED):
        sizes = {**sizes, **MASKED_SIZES.get(family, {})}
    config = getattr(transformers, name)(**sizes)
    model = Parser(config) if is_parser(config) else head_of(golden).from_config(config)
    with torch.no_grad():
        norms = common.norm_names(model)
        for name, p in model.named_parameters():
            if name in norms or name.endswith("bias"):
                p.add_(torch.randn_like(p) * 0.1)  # the initial 0 and 1 would hide mistakes
            elif not name.startswith("parser."):  # whose weights are larger from the start
                p.mul_(6)
    return model


def named_parameters(model):
    """Each once; a tied one by the embedding's name, whichever part its class declares first."""
    names = {}
    for name, p in model.named_parameters(remove_duplicate=False):
        if p not in names or name.endswith("word_embeddings.weight"):
            names[p] = name
    return [(name, p) for p, name in names.items()]


def compute(model, config):
    """(tensors by name, what steps.json holds)"""
    model = model.double().train()
    masked = type(model).__name__.endswith("ForMaskedLM")
    data = list(batches(config, config.vocab_size if masked else config.num_labels if answers_tokens(model) else None))
    expected = {}
    if is_parser(config):
        loss, states, arcs, relations = model(**padded(data[0], config))
        counts = [len(r["places"]) for r in data[0]]
        expected["logits"] = torch.cat([arcs[i, :n, :n].reshape(-1) for i, n in enumerate(counts)])
        expected["best"] = torch.cat([relations[i, :n, :n].argmax(-1).reshape(-1) for i, n in enumerate(counts)])
    else:
        out = model(**padded(data[0], config), output_hidden_states=True)
        loss, states, expected["logits"] = out.loss, out.hidden_states, out.logits
    # ELECTRA's and ALBERT's first is of the embedding's size
    for i, hidden in enumerate(states):
        if hidden.shape[-1] == config.hidden_size:
            expected[f"hidden.{i}"] = packed(hidden, data[0])
    if answers_tokens(model):
        expected["logits"] = torch.cat([out.logits[i, r["chosen"]] for i, r in enumerate(data[0])])
    loss.backward()
    for name, p in named_parameters(model):
        expected["grad." + name] = p.grad.clone()

    norms_of = common.norm_names(model)
    decayed = [p for n, p in model.named_parameters() if n not in norms_of and not n.endswith("bias")]
    plain = [p for n, p in model.named_parameters() if n in norms_of or n.endswith("bias")]
    optimizer = torch.optim.AdamW([{"params": decayed, "weight_decay": DECAY},
                                   {"params": plain, "weight_decay": 0.0}], lr=RATE)
    schedule = get_linear_schedule_with_warmup(optimizer, WARMUP, STEPS)
    losses, norms, rates = [], [], []
    for step in range(STEPS):
        optimizer.zero_grad()
        found = model(**padded(data[step % len(data)], config))
        loss = found[0] if is_parser(config) else found.loss
        loss.backward()
        norms.append(float(torch.nn.utils.clip_grad_norm_(model.parameters(), CLIP)))
        rates.append(schedule.get_last_lr()[0])
        optimizer.step()
        schedule.step()
        losses.append(float(loss.detach()))
    for name, p in named_parameters(model):
        expected["after." + name] = p
    tensors = {k: v.detach().float().contiguous() for k, v in expected.items()}
    return tensors, {"steps": STEPS, "warmup": WARMUP, "learning_rate": RATE, "weight_decay": DECAY, "max_grad_norm": CLIP,
                     "batches": data, "losses": losses, "norms": norms, "rates": rates}


def write(family):
    model, out = new_model(family), GOLDEN / f"{family}_tiny"
    out.mkdir(parents=True, exist_ok=True)
    if is_parser(model.config):
        model.config.save_pretrained(out)
        save_file({k: v.contiguous() for k, v in model.state_dict().items()}, str(out / "model.safetensors"))
    else:
        model.save_pretrained(out)
    (out / "generation_config.json").unlink(missing_ok=True)
    tensors, steps = compute(model, model.config)
    save_file(tensors, str(out / "expected.safetensors"))
    (out / "steps.json").write_text(json.dumps(steps, indent=1) + "\n")
    print("losses", steps["losses"], "norms", steps["norms"])


def largest(found, expected):
    """Largest error relative to max(|value|, rms of its tensor); key biases are noise, see the tests."""
    worst = 0.0
    assert found.keys() == expected.keys()
    for name in (n for n in expected if not n.endswith(common.KEY_BIASES)):
        e = expected[name].double()
        scale = torch.maximum(e.abs(), e.square().mean().sqrt()).clamp_min(1e-30)
        worst = max(worst, float(((found[name].double() - e).abs() / scale).max()))
    return worst


def check(family, lines):
    out = GOLDEN / f"{family}_tiny"
    if family == "parser":
        model = Parser(transformers.AutoConfig.from_pretrained(out))
        model.load_state_dict(load_file(str(out / "model.safetensors")))
    else:
        model = head_of(family).from_pretrained(out)
    tensors, steps = compute(model, model.config)
    committed = json.loads((out / "steps.json").read_text())
    worst = largest(tensors, load_file(str(out / "expected.safetensors")))
    for name in ("losses", "norms"):
        pairs = zip(steps[name], committed[name], strict=True)
        worst = max(worst, *(abs(found - e) / abs(e) for found, e in pairs))
    lines.add(f"golden tiny {family}, computed again by this PyTorch", f"{worst:.1e}", f"{AGAIN_BOUND:.0e}", worst <= AGAIN_BOUND)


def check_harness(lines):
    for device, test in (("cpu", "the_cpu"), ("llvmpipe", "vulkan"), ("swiftshader", "swiftshader")):
        said = common.run_tests(f"bert/equals_pytorch_on_{test}")
        for family in NAMES:
            found = re.search(family + " on " + device + r" against PyTorch: worst relative error (\S+) at (\S+)", said)
            lines.add(f"golden tiny {family}, {device}: layers, logits, losses, gradients, ten AdamW steps",
                      f"{found[1]} at {found[2]}" if found else "the test did not run or failed",
                      f"{BOUND:.0e}", found and float(found[1]) <= BOUND)


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--family", choices=NAMES, help="the one to write")
    arguments.add_argument("--check", action="store_true")
    arguments.add_argument("--json", metavar="FILE", help="with --check")
    a = arguments.parse_args()
    if a.family:
        return write(a.family)
    if not a.check:
        arguments.error("--family or --check")
    lines = common.Lines()
    for family in NAMES:
        check(family, lines)
    check_harness(lines)
    lines.end(a.json)


if __name__ == "__main__":
    main()
