"""`harness predict` against transformers' pipeline("text-classification") on the same checkpoint.

    tests/peer/.venv/bin/python tests/peer/pipeline.py [--shape tiny] [--sentences 2000] [--rounds 5] [--device cpu]

1. A preset is trained on a few nsmc rows; labels and scores of test sentences equal the pipeline's, scores within 1e-5.
2. The same on kor_3i4k with --top-k 3 and top_k=3: the same labels in the same order.
3. Speed: predict, with its start, against pipeline(batch_size=32) without its imports, interleaved; ratios of medians.
"""
import argparse
import json
import os
import pathlib
import resource
import statistics
import time

import common
import torch
from transformers import pipeline

BOUND, ROWS = 1e-5, 2000


def read_3i4k():
    folder = pathlib.Path(os.environ.get("HARNESS_DATA") or pathlib.Path.home() / ".cache/harness/data")
    path = folder / "kor_3i4k" / "fci_test.txt"
    if not path.exists():
        common.stop(f"{path} is not there: set HARNESS_DATA, or `harness data fetch kor_3i4k`")
    text = path.read_bytes().decode("utf-8")
    return [line.split("\t", 1)[1] for line in text.split("\r\n") if line]


def one_line(texts, count):
    """`count` of the texts that a line can hold, spread over the file."""
    good = [t for t in texts if "\n" not in t and "\r" not in t and "\0" not in t]
    step = max(1, len(good) // count)
    return good[::step][:count]


def trained(task, shape, device):
    folder = common.WORK / "pipeline" / f"{task}-{shape}"
    common.harness("run", "--task", task, "--model", shape, "--device", device, "--limit", ROWS, "--epochs", 1,
                   "--batch-size", 32, "--overwrite", "--quiet", "--output-dir", folder)
    return folder / "model"


def ours(folder, texts, device, *more):
    out = common.harness("predict", "--checkpoint", folder, "--device", device, "--json", "--quiet", *more,
                         text="\n".join(texts) + "\n")
    answers = [json.loads(line) for line in out.splitlines()]
    assert [a["text"] for a in answers] == texts
    return answers


def compare_scores(answers, results):
    """Largest difference of scores; every label has to be the same."""
    largest = 0
    for answer, result in zip(answers, results, strict=True):
        assert answer["label"] == result[0]["label"], (answer, result)
        assert len(answer["scores"]) == len(result), (answer, result)
        largest = max([largest, abs(answer["score"] - result[0]["score"])]
                      + [abs(answer["scores"][r["label"]] - r["score"]) for r in result])
    return largest


def compare_ranks(answers, results):
    for answer, result in zip(answers, results, strict=True):
        order, expected = list(answer["scores"]), [r["label"] for r in result]
        assert order == expected, (answer, result)


def cpu_seconds():
    return sum(u.ru_utime + u.ru_stime for u in map(resource.getrusage, (resource.RUSAGE_SELF,
                                                                          resource.RUSAGE_CHILDREN)))


def timed(call):
    wall, cpu = time.perf_counter(), cpu_seconds()
    call()
    return time.perf_counter() - wall, cpu_seconds() - cpu


def measure(folder, texts, classify, device, rounds):
    figures = {"harness predict": [], "pipeline": []}
    for _ in range(rounds):
        figures["harness predict"].append(timed(lambda: ours(folder, texts, device)))
        figures["pipeline"].append(timed(lambda: classify(texts, batch_size=32, truncation=True)))
    median = {name: [statistics.median(x) for x in zip(*values)] for name, values in figures.items()}
    for name, (wall, cpu) in median.items():
        print(f"  {name:16s} {len(texts) / wall:8.0f} sentences/s, {len(texts) / cpu:8.0f} a CPU second")
    walls = [p[0] / h[0] for h, p in zip(figures["harness predict"], figures["pipeline"])]
    print(f"  ratio of medians: wall {median['pipeline'][0] / median['harness predict'][0]:.2f}, "
          f"CPU seconds {median['pipeline'][1] / median['harness predict'][1]:.2f}; wall ratio of each round "
          f"{min(walls):.2f} to {max(walls):.2f}; {common.load_average()}, {torch.get_num_threads()} threads of PyTorch")


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--shape", default="tiny", choices=sorted(common.SHAPES))
    arguments.add_argument("--sentences", type=int, default=2000)
    arguments.add_argument("--rounds", type=int, default=5, help="of the speed comparison; 0 leaves it out")
    arguments.add_argument("--device", default="cpu")
    a = arguments.parse_args()

    folder = trained("nsmc", a.shape, a.device)
    texts = one_line(common.read("nsmc", 1)[0], a.sentences)
    classify = pipeline("text-classification", model=str(folder), device="cpu")
    results = classify(texts, batch_size=32, truncation=True, top_k=None)
    answers = ours(folder, texts, a.device)
    largest = compare_scores(answers, results)
    counts = {name: sum(r["label"] == name for r in answers) for name in common.LABELS["nsmc"]}
    assert largest <= BOUND, largest
    print(f"nsmc: {len(texts)} labels equal ({counts}), every score within {largest:.1e} (bound {BOUND:.0e})")

    topical = trained("kor_3i4k", a.shape, a.device)
    others = one_line(read_3i4k(), a.sentences)
    results = pipeline("text-classification", model=str(topical), device="cpu")(others, batch_size=32, truncation=True,
                                                                                top_k=3)
    answers = ours(topical, others, a.device, "--top-k", 3)
    largest = compare_scores(answers, results)
    compare_ranks(answers, results)
    assert largest <= BOUND, largest
    print(f"kor_3i4k, --top-k 3: {len(others)} times the same 3 labels in the same order, scores within {largest:.1e}")

    if a.rounds:
        print(f"speed, {a.shape}, {len(texts)} nsmc sentences, {a.rounds} rounds:")
        measure(folder, texts, classify, a.device, a.rounds)
    print("passed")


if __name__ == "__main__":
    main()
