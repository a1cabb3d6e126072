#!/usr/bin/env python3
"""What every head promises, over short trains on the bundled samples; needs no Python package.

    tests/peer/heads.py                               all of the tasks below
    tests/peer/heads.py --tasks klue_ner,klue_dp --device SwiftShader --steps 20

Per task, `tiny` at a short length with dropout on: every loss on a Vulkan device within 1e-5 relative of the CPU's; the same final
weights with one thread and with two; and the same after SIGKILL behind the first checkpoint and --resume.
"""
import argparse
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import time

import common

WORK = common.WORK / "heads"
BOUND = 1e-5


def arguments(task, a, folder, *more):
    return [str(common.program()), "run", "--sample", "--task", task, "-m", "tiny", "--batch-size", "8", "--max-length", str(a.max_length),
            "--max-steps", str(a.steps), "--check-device", "never", "--output-dir", str(folder), "--quiet", *map(str, more)]


def trained(task, a, name, *more):
    folder = WORK / f"{task}-{name}"
    shutil.rmtree(folder, ignore_errors=True)
    done = subprocess.run(arguments(task, a, folder, *more), capture_output=True, text=True)
    if done.returncode:
        common.stop(f"{name} of {task} ended with {done.returncode}: {done.stderr}")
    return common.record(folder)


def killed(task, a, every):
    """The final weights of a run that was killed once its first checkpoint was there, and gone on with."""
    folder = WORK / f"{task}-killed"
    shutil.rmtree(folder, ignore_errors=True)
    flags = ["--device", "cpu", "--threads", 1, "--save-steps", every]
    child = subprocess.Popen(arguments(task, a, folder, *flags), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while child.poll() is None and not (folder / f"checkpoint-{every}").exists():
        time.sleep(0.01)
    if child.poll() is None:
        os.kill(child.pid, signal.SIGKILL)
    rc = child.wait()
    subprocess.run(arguments(task, a, folder, *flags, "--resume"), check=True, capture_output=True)
    return rc, common.record(folder)["final_weights_sha256"]


def main():
    flags = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    flags.add_argument("--tasks", default="kor_nli,kor_sts,korean_unsmile,klue_ner,klue_dp,klue_re")
    flags.add_argument("--device", default="llvmpipe", help="what the CPU is compared with")
    flags.add_argument("--steps", type=int, default=50)
    flags.add_argument("--max-length", type=int, default=24)
    flags.add_argument("--json", metavar="FILE")
    a = flags.parse_args()
    lines, every = common.Lines(), max(1, a.steps // 4)
    for task in a.tasks.split(","):
        one = trained(task, a, "cpu", "--device", "cpu", "--threads", 1)
        other = trained(task, a, "device", "--device", a.device)
        x, y = common.array(one["loss"]), common.array(other["loss"])
        worst = max(range(len(x)), key=lambda i: abs(x[i] - y[i]) / abs(x[i]))
        apart = abs(x[worst] - y[worst]) / abs(x[worst])
        lines.add(f"{task}, {len(x)} losses on cpu and {a.device}", f"{apart:.1e} at step {worst + 1}; loss {x[0]:.3f} to {x[-1]:.3f}",
                  f"{BOUND:.0e} relative", len(x) == len(y) == a.steps and apart <= BOUND)
        two = trained(task, a, "threads", "--device", "cpu", "--threads", 2)
        same = one["final_weights_sha256"] == two["final_weights_sha256"]
        lines.add(f"{task}, final weights of one thread and two", "equal" if same else "differ", "equal", same)
        rc, weights = killed(task, a, every)
        same = weights == one["final_weights_sha256"]
        lines.add(f"{task}, final weights after SIGKILL and --resume", "equal" if same else "differ", "equal",
                  same and rc == -signal.SIGKILL)
        lines.details[task] = {"cpu": x, "device": y, "ended": rc}
    lines.end(a.json)


if __name__ == "__main__":
    main()
