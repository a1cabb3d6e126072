"""Speed of the same work under harness, PyTorch and others, interleaved: ratios with their spread.

    tests/peer/.venv/bin/python tests/peer/throughput.py                        tiny, mini, base on the CPU
    ... --quick                                                                 tiny and mini, few steps: 8 minutes
    ... --full --json speed.json                                                every contender
    ... --shapes base --rounds 5 --json speed.json
    ... --torch-device cuda --device NVIDIA                                     on a machine with a GPU
    ... --shapes tiny --device llvmpipe --contenders tinygrad+webgpu            on a Vulkan driver

The work: nsmc sentences, mBERT's vocabulary (--vocab FILE, or $HARNESS_VOCAB/bert-base-multilingual-cased/vocab.txt),
random weights, batch 32, dropout on, training steps and evaluation in batches of 64. Each round runs every
contender once, each in a fresh process, in an order that changes; ratios are taken within a round. Rates are
sentences a second at the set's mean length: real tokens a second divided by the mean tokens of a sentence, so
that a draw of long sentences favours nobody. The others are warmed up and have compiled before their clock starts;
harness is not. Each proves before its clock starts that it computes the same (throughput_work.py): logits within 1e-3 of double
precision in fp32, and what is written out by hand also losses and gradient norms of steps.
Contenders: throughput_torch.py (a, b, c); those that evaluate alone, throughput_eval.py (ort, openvino); throughput_jax.py (jax);
throughput_tinygrad.py (tinygrad, tinygrad+webgpu); and harness+bf16. A contender whose library is not installed is named as not measured.
"""
import argparse
import json
import math
import os
import pathlib
import platform
import re
import shlex
import statistics
import subprocess
import sys
import time
from importlib import metadata

import torch
from transformers import BertTokenizerFast

import common
from throughput_work import BOUNDS, logits_error, precision, read

HERE = pathlib.Path(__file__).resolve().parent
BATCH, POPULATION = 32, 6400
STEPS = {"tiny": 60, "mini": 30, "small": 12, "medium": 8, "base": 4}
QUICK = {"shapes": "tiny,mini", "rounds": 3, "minutes": 3, "steps": 8, "timeout": 60}
FULL = "harness+bf16,a,b,c,c+bf16,c+compile,ort,ort+int8,openvino,openvino+bf16,jax,jax+bf16,tinygrad"
QUICK_CONTENDERS = "harness+bf16,c,c+bf16,ort,ort+int8,openvino,openvino+bf16,jax"
TITLES = {"a": "Trainer, padded to the longest of the set", "b": "Trainer, dynamic padding, length grouping",
          "c": "own loop: length buckets, fused AdamW, SDPA", "+compile": ", torch.compile", "+bf16": ", bf16 autocast",
          "harness": "harness", "ort": "ONNX Runtime, length buckets", "openvino": "OpenVINO, length buckets", "+int8": ", int8 weights and factors",
          "jax": "JAX, length buckets, one jitted step", "tinygrad": "tinygrad, length buckets, a TinyJit a width", "+webgpu": ", WebGPU (Dawn)"}
SCRIPTS = {"ort": "throughput_eval.py", "openvino": "throughput_eval.py", "jax": "throughput_jax.py", "tinygrad": "throughput_tinygrad.py"}


def title(contender):
    kind, *more = contender.split("+")
    if kind in ("a", "b", "c", "ort") or "webgpu" in more:
        return TITLES[kind] + "".join(TITLES["+" + m] for m in more)
    return TITLES[kind] + "".join(", " + m for m in more)


def prepare_data(vocabulary, steps, eval_rows):
    """Token ids of part of the set, and the longest sentence of the whole; both kept in a file."""
    path = common.WORK / f"throughput-{eval_rows}.json"
    tokenizer = BertTokenizerFast(vocab=str(vocabulary), do_lower_case=False)
    if not path.exists():
        def encode(texts):
            return tokenizer(texts, truncation=True, max_length=256)["input_ids"]
        texts, labels = common.cleaned(*common.read("nsmc", 0))
        lengths = [len(s) for s in encode(texts)]
        train, train_labels = common.limited(texts, labels, POPULATION)
        test, test_labels = common.limited(*common.read("nsmc", 1), eval_rows)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps({
            "train_ids": encode(train), "train_labels": train_labels, "test_ids": encode(test), "test_labels": test_labels,
            "test_texts": test, "longest": max(lengths), "mean_tokens": statistics.fmean(lengths)}))
    return path


def prepare_model(shape, vocabulary, data):
    """(folder, proof): weights whose logits differ from sentence to sentence, as those of the usual deviation, 0.02, do not in small
    shapes, and what has to be computed with them."""
    folder = common.WORK / f"throughput-{shape}"
    proof = folder / "proof.json"
    if not (folder / "model.safetensors").exists():
        common.make_model(folder, shape, vocabulary, common.LABELS["nsmc"], initializer_range=common.SHAPES[shape][1] ** -0.5)
    if not proof.exists():
        subprocess.run([sys.executable, HERE / "throughput_proof.py", folder, data, proof], check=True, stderr=subprocess.DEVNULL)
    return folder, proof


def prove_harness(contender, folder, proof, options):
    """How far the program's log odds are from the proof's, by `predict` on the texts: its tokens count too."""
    proof = read(proof)
    rows = common.WORK / "proof.jsonl"
    rows.write_text("".join(json.dumps({"text": text}, ensure_ascii=False) + "\n" for text in proof["texts"]), encoding="utf-8")
    kind = precision(contender)
    told = common.harness("predict", "--checkpoint", folder, "--input", rows, "--scores", "--device", options.device,
                          "--precision", kind, "--quiet")
    scores = [json.loads(line)["scores"] for line in told.splitlines()]
    negative, positive = common.LABELS["nsmc"]
    return logits_error([math.log(s[positive] / s[negative]) for s in scores], [b - a for a, b in proof["logits"]], kind)


def run_other(contender, folder, proof, data, options, steps, eval_rows, seed):
    spec = common.WORK / "spec.json"
    count = max(1, steps // 4) if contender[0] == "a" or "tinygrad" in contender else steps
    spec.write_text(json.dumps({
        "contender": contender, "folder": str(folder), "data": str(data), "steps": count, "warm": 1 if count < 10 else 3,
        "eval_rows": eval_rows, "seed": seed, "device": options.torch_device, "batch_size": BATCH,
        "output": str(common.WORK / "trainer"), "proof": str(proof), "cache": str(common.WORK)}))
    script = SCRIPTS.get(contender.split("+")[0], "throughput_torch.py")
    done = subprocess.run([sys.executable, HERE / script, spec], capture_output=True, text=True,
                          timeout=options.timeout)
    if done.returncode:
        raise RuntimeError(done.stderr.strip().splitlines()[-1] if done.stderr.strip() else f"ended with {done.returncode}")
    return json.loads(done.stdout.strip().splitlines()[-1])


def run_harness(contender, folder, proof, data, options, steps, eval_rows, seed):
    wrong = prove_harness(contender, folder, proof, options)
    output = common.WORK / "throughput-run"
    common.harness("run", "--task", "nsmc", "--model", folder, "--recipe", "course", "--limit", max(eval_rows, steps * BATCH),
                   "--max-steps", steps, "--save-steps", 0, "--seed", seed, "--device", options.device,
                   "--precision", precision(contender),
                   "--output-dir", output, "--overwrite", "--quiet")
    record = common.record(output)
    timing, memory = record["timing"], record["memory"]
    rows = sum(map(sum, record["confusion"]))
    return {"train_s": timing["train_s"], "steps": timing["steps"], "sentences": timing["steps"] * BATCH,
            "tokens": timing["train_tokens"], "padded_tokens": timing["train_tokens"], "eval_s": timing["eval_s"],
            "eval_sentences": rows, "eval_tokens": sum(map(len, json.loads(data.read_text())["test_ids"][:rows])),
            "step_ms_p50": timing["step_ms_p50"], "import_bytes": 0, "logits_error": wrong,
            "peak_bytes": memory["device_bytes"] if options.torch_device == "cuda" else memory["host_peak_bytes"]}


def short(problem):
    if isinstance(problem, subprocess.TimeoutExpired):
        return f"one block took more than {problem.timeout:.0f} s"
    return str(problem)[-300:]


def measure(shape, options, contenders, vocabulary):
    """Rounds of one shape: {contender: [result of each round]}; one that fails is left out from then on."""
    steps = options.steps or STEPS[shape]
    eval_rows = max(4 * BATCH * steps if steps < 16 else 2 * BATCH * steps, 512)
    data = prepare_data(vocabulary, steps, eval_rows)
    folder, proof = prepare_model(shape, vocabulary, data)
    results, failed, begin = {c: [] for c in ["harness", *contenders]}, {}, time.time()
    for number in range(options.rounds):
        if number and time.time() - begin > 60 * options.minutes * number / (number + 1):
            break  # another round would not fit
        names = [c for c in results if c not in failed]
        shift = number % len(names)
        for name in names[shift:] + names[:shift]:
            if time.time() - begin > 60 * options.minutes and results["harness"]:
                failed |= {} if results[name] else {name: "no time was left"}
                continue
            print(f"{shape}, round {number + 1} of {options.rounds}: {name} ({common.load_average()})", file=sys.stderr)
            try:
                run, load = run_harness if name.split("+")[0] == "harness" else run_other, os.getloadavg()[0]
                results[name].append(run(name, folder, proof, data, options, steps, eval_rows, 42 + number) | {"load": load})
            except (RuntimeError, subprocess.TimeoutExpired) as problem:
                failed[name] = short(problem)
                print(f"{name}: {failed[name]}", file=sys.stderr)
    mean_tokens = json.loads(data.read_text())["mean_tokens"]
    return {"shape": shape, "mean_tokens": mean_tokens, "results": results, "failed": failed,
            "rows": [summary(name, results, mean_tokens) for name in results if results[name] and name not in failed]}


def middle(values):
    return {"median": statistics.median(values), "low": min(values), "high": max(values)}


def summary(name, results, mean_tokens):
    """One line of the table; ratios are harness's rate over this contender's, round by round."""
    mine, ours = results[name], results["harness"]

    def rates(runs, part, seconds):
        return [r[part] / r[seconds] / mean_tokens for r in runs]
    row = {
        "name": name, "title": title(name), "rounds": len(mine),
        "padding": sum(r["padded_tokens"] for r in mine) / sum(r["tokens"] for r in mine),
        "load": middle([r["load"] for r in mine]), "logits_error": max(r["logits_error"] for r in mine),
        "peak_mib": max(r["peak_bytes"] for r in mine) / 2**20, "import_mib": max(r["import_bytes"] for r in mine) / 2**20}
    for part, tokens, seconds in (("train", "tokens", "train_s"), ("evaluate", "eval_tokens", "eval_s")):
        if seconds not in mine[0]:
            continue  # it evaluates alone
        found = rates(mine, tokens, seconds)
        row[part] = middle(found)
        row[part + "_ratio"] = middle([o / m for o, m in zip(rates(ours, tokens, seconds), found)])
    return row


def cell(m, digits):
    if m is None:
        return ""
    return f"{m['median']:.{digits}f} ({m['low']:.{digits}f} to {m['high']:.{digits}f})"


def print_table(measured):
    print(f"\n## {measured['shape']}, mBERT vocabulary, nsmc, batch {BATCH}\n")
    print("| | rounds | training, sentences/s | harness is faster by | evaluation, sentences/s | harness is faster by | "
          "tokens computed to real | peak MiB (of it libraries) | logits differ by | load |")
    print("| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |")
    for r in measured["rows"]:
        mine = r["name"] == "harness"
        print(f"| {title(r['name'])} | {r['rounds']} | {cell(r.get('train'), 1)} | "
              f"{'' if mine else cell(r.get('train_ratio'), 2)} | {cell(r['evaluate'], 1)} | "
              f"{'' if mine else cell(r['evaluate_ratio'], 2)} | {r['padding']:.2f} | {r['peak_mib']:.0f}"
              f"{'' if mine else ' (%.0f)' % r['import_mib']} | {r['logits_error']:.0e} | {cell(r['load'], 1)} |")
    for name, why in measured["failed"].items():
        print(f"\n{title(name)}: not measured: {why}")
    sys.stdout.flush()


NOTE = ("Rates: real tokens a second over the mean tokens of a sentence of the set. Ratios: within a round; each round "
        "runs every contender once, in processes of their own. The others are warmed up first, harness is not. Each has shown "
        "before that its logits are within {} of double precision. Peak: of the process, on CUDA of the device. All are fp32{}. "
        "{} at the start, {} at the end, {:.1f} to {:.1f} as the contenders began.")


def machine():
    name = platform.processor() or platform.machine()
    with open("/proc/cpuinfo") as file:
        name = next((line.split(":")[1].strip() for line in file if line.startswith("model name")), name)
    return f"{name}, {os.cpu_count()} cores" + (f", {torch.cuda.get_device_name()}" if torch.cuda.is_available() else "")


def versions(measured):
    """Of the libraries that took part."""
    known = {"a": ("torch", "transformers", "accelerate"), "b": ("torch", "transformers", "accelerate"), "c": ("torch", "transformers"),
             "ort": ("onnxruntime",), "openvino": ("openvino",), "jax": ("jax", "jaxlib"), "tinygrad": ("tinygrad",)}
    packages = sorted({p for m in measured for row in m["rows"] for p in known.get(row["name"].split("+")[0], ())})
    return {p: metadata.version(p) for p in packages} | {"Python": platform.python_version()}


def record_of(measured, options, start):
    """What `harness bench --performance` reads."""
    program = common.record(common.WORK / "throughput-run")["harness"]
    lower = " but those marked bf16 or int8"
    loads = [r["load"] for m in measured for runs in m["results"].values() for r in runs]
    arguments = list(sys.argv[1:])
    for flag in ("--json", "--vocab"):
        while flag in arguments:
            del arguments[arguments.index(flag):arguments.index(flag) + 2]
    arguments = [a for a in arguments if not re.match("--(json|vocab)=", a)]
    return {
        "schema": "harness-throughput-1", "created": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "harness": {k: program[k] for k in ("version", "commit", "dirty")},
        "command": shlex.join(["tests/peer/throughput.py", *arguments]), "device": options.device,
        "torch_device": options.torch_device, "machine": machine(),
        "versions": versions(measured),
        "note": NOTE.format(", ".join(f"{bound:g} ({kind})" for kind, bound in BOUNDS.items()), lower, start, common.load_average(),
                            min(loads), max(loads)), "measured": measured}


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--quick", action="store_true", help="tiny and mini, few steps, three rounds: within 8 minutes; what is named "
                           "beside it holds")
    arguments.add_argument("--full", action="store_true", help="every contender for the CPU: " + FULL)
    arguments.add_argument("--shapes", help="default: tiny,mini,base")
    arguments.add_argument("--contenders", help="default: a,b,c,c+compile; on CUDA a+bf16,b+bf16,c,c+bf16,c+compile+bf16")
    arguments.add_argument("--rounds", type=int, help="default: 5")
    arguments.add_argument("--minutes", type=float, help="bound for each shape; at least one round is made (default: 15)")
    arguments.add_argument("--steps", type=int, help="training steps of a block (default by shape)")
    arguments.add_argument("--timeout", type=float, help="seconds for one block of another contender (default: 600)")
    arguments.add_argument("--device", default="cpu", help="of harness")
    arguments.add_argument("--torch-device", default="cpu", choices=["cpu", "cuda"])
    arguments.add_argument("--vocab", help="vocab.txt")
    arguments.add_argument("--json", metavar="FILE")
    options = arguments.parse_args()
    for name, value in (QUICK if options.quick else {"shapes": "tiny,mini,base", "rounds": 5, "minutes": 15, "timeout": 600}).items():
        if getattr(options, name) is None:
            setattr(options, name, value)
    vocabulary = pathlib.Path(options.vocab or pathlib.Path(os.environ.get("HARNESS_VOCAB", "")) /
                              "bert-base-multilingual-cased" / "vocab.txt")
    if not vocabulary.exists():
        common.stop(f"{vocabulary} is not there: --vocab FILE, or set HARNESS_VOCAB")
    default = "a,b,c,c+compile" if options.torch_device == "cpu" else "a+bf16,b+bf16,c,c+bf16,c+compile+bf16"
    default = FULL if options.full else QUICK_CONTENDERS if options.quick else default
    contenders = (options.contenders or default).split(",")
    start = common.load_average()
    print(f"harness on {options.device}, PyTorch on {options.torch_device}; {start} at the start")
    measured = []
    for shape in options.shapes.split(","):
        measured.append(measure(shape, options, contenders, vocabulary))
        print_table(measured[-1])
    print(f"\n{common.load_average()} at the end")
    if options.json:
        pathlib.Path(options.json).write_text(json.dumps(record_of(measured, options, start), indent=1) + "\n")


if __name__ == "__main__":
    main()
