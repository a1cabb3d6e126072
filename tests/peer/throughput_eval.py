"""One contender of throughput.py that evaluates alone, in a process of its own; prints one JSON line.

    python throughput_eval.py SPEC.json

Contenders: ort (ONNX Runtime in fp32), ort+int8 (its dynamic quantisation), openvino (fp32) and openvino+bf16. The model is
exported with sizes left open; batches are neighbours in length, padded to their longest, as in the loop of throughput_torch.py.
"""
import importlib.util
import json
import pathlib
import sys
import time

import numpy as np

from throughput_torch import PAD, resident_peak


def need(*names):
    for name in names:
        if importlib.util.find_spec(name) is None:
            sys.exit(f"{name} is not installed")


def example(torch):
    ids = torch.ones(2, 7, dtype=torch.long)
    return {"input_ids": ids, "attention_mask": ids}


def exported(spec):
    """Path of the model as ONNX, made once a folder."""
    import torch
    from transformers import BertForSequenceClassification

    path = pathlib.Path(spec["folder"]) / "throughput.onnx"
    if path.exists():
        return path
    model = BertForSequenceClassification.from_pretrained(spec["folder"], attn_implementation="eager").eval()
    inputs, sizes = example(torch), {0: "rows", 1: "width"}
    torch.onnx.export(model, (inputs["input_ids"], inputs["attention_mask"]), str(path), input_names=list(inputs),
                      output_names=["logits"], dynamic_axes={name: sizes for name in inputs}, dynamo=False)
    return path


def onnx_runtime(spec):
    need("onnx", "onnxruntime")
    import onnxruntime

    path = exported(spec)
    if "int8" in spec["contender"]:
        from onnxruntime.quantization import QuantType, quantize_dynamic
        small = path.with_name("throughput-int8.onnx")
        if not small.exists():
            quantize_dynamic(path, small, weight_type=QuantType.QInt8)
        path = small
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    return lambda batch: session.run(["logits"], batch)[0]


def openvino(spec):
    need("openvino")
    import openvino as library
    import torch
    from transformers import BertForSequenceClassification

    model = BertForSequenceClassification.from_pretrained(spec["folder"], attn_implementation="sdpa").eval()
    model.config.return_dict = False
    core = library.Core()
    kind = "bf16" if "bf16" in spec["contender"] else "f32"
    compiled = core.compile_model(library.convert_model(model, example_input=example(torch)), "CPU",
                                  {"INFERENCE_PRECISION_HINT": kind, "PERFORMANCE_HINT": "LATENCY"})
    return lambda batch: compiled(batch)[0]


def batches_of(ids, rows, size):
    order = sorted(rows, key=lambda r: len(ids[r]))
    for first in range(0, len(order), size):
        group = order[first:first + size]
        width = max(len(ids[r]) for r in group)
        batch = np.full((len(group), width), PAD, dtype=np.int64)
        mask = np.zeros((len(group), width), dtype=np.int64)
        for place, r in enumerate(group):
            batch[place, :len(ids[r])] = ids[r]
            mask[place, :len(ids[r])] = 1
        yield {"input_ids": batch, "attention_mask": mask}


def main():
    with open(sys.argv[1]) as file:
        spec = json.load(file)
    with open(spec["data"]) as file:
        ids = json.load(file)["test_ids"]
    imported = resident_peak()
    call = (onnx_runtime if spec["contender"].startswith("ort") else openvino)(spec)
    rows = range(spec["eval_rows"])
    batches = list(batches_of(ids, rows, 2 * spec["batch_size"]))
    for batch in (batches[0], batches[-1]):
        call(batch)
    begin = time.perf_counter()
    found = [call(batch).argmax(1) for batch in batches]
    eval_s = time.perf_counter() - begin
    assert sum(map(len, found)) == len(rows)
    tokens = sum(len(ids[r]) for r in rows)
    print(json.dumps({
        "eval_s": eval_s, "eval_sentences": len(rows), "eval_tokens": tokens, "tokens": tokens,
        "padded_tokens": sum(b["input_ids"].size for b in batches), "import_bytes": imported, "peak_bytes": resident_peak()}))


if __name__ == "__main__":
    main()
