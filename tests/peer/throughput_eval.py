"""One contender of throughput.py that evaluates alone, in a process of its own; prints one JSON line.

    python throughput_eval.py SPEC.json

Contenders: ort (ONNX Runtime in fp32), ort+int8 (its dynamic quantisation), openvino (fp32) and openvino+bf16. The model is
exported with sizes left open; batches are neighbours in length, padded to their longest, as in the loop of throughput_torch.py.
"""
import pathlib
import sys
import time

from throughput_work import evaluation_batches, need, padded, prove_logits, read, resident_peak, tell


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


def batch_of(ids, mask):
    return {"input_ids": ids, "attention_mask": mask}


def main():
    spec = read(sys.argv[1])
    data = read(spec["data"])
    ids = data["test_ids"]
    imported = resident_peak()
    call = (onnx_runtime if spec["contender"].startswith("ort") else openvino)(spec)
    wrong = prove_logits(spec, lambda ids, mask: call(batch_of(ids, mask)))
    groups = evaluation_batches(spec, ids)
    for rows in (groups[0], groups[-1]):
        call(batch_of(*padded(rows, ids)))
    begin = time.perf_counter()
    batches = [batch_of(*padded(rows, ids)) for rows in groups]
    found = [call(batch).argmax(1) for batch in batches]
    eval_s = time.perf_counter() - begin
    assert sum(map(len, found)) == spec["eval_rows"]
    tell(spec, data, eval_s=eval_s, tokens=sum(len(ids[r]) for r in range(spec["eval_rows"])),
         padded_tokens=sum(b["input_ids"].size for b in batches), import_bytes=imported, logits_error=wrong)


if __name__ == "__main__":
    main()
