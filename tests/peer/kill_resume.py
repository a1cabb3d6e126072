"""Kills training at random moments with SIGKILL, goes on with --resume, and compares the final weights bit for bit.

    python3 tests/peer/kill_resume.py                            50 kills on cpu, 120 steps, saving every 10
    python3 tests/peer/kill_resume.py --device llvmpipe --kills 15 --steps 40
    ... --seed 2 --json out.json

tiny on the first rows of the bundled sample. Moments are drawn evenly over the time that the run takes without a stop;
a run that ends before its moment comes is drawn again with an earlier one. One resumed run in three is killed once more.
After the last --resume the weights must have the SHA-256 of the run that nothing stopped, and no part of a checkpoint or
of an unfinished run may be left over. Needs no Python packages.
"""
import argparse
import collections
import hashlib
import random
import shutil
import signal
import subprocess
import time

import common


def command(output, a, *more):
    return [str(part) for part in
            [common.program(), "run", "--sample", "--task", "kor_hate", "--model", "tiny", "--limit", a.rows, "--device",
             a.device, "--max-steps", a.steps, "--save-steps", a.save_steps, "-o", output, "--json", *more]]


def finish(output, a, *more):
    """Runs to the end; the digest of the final weights."""
    done = subprocess.run(command(output, a, *more), capture_output=True, text=True)
    if done.returncode:
        common.stop(f"{output.name}: ended with {done.returncode}:\n{done.stderr}")
    return digest_of(output)


def digest_of(output):
    """SHA-256 of a finished run's weights, after checking that nothing else is left."""
    left = [p.name for p in output.iterdir() if p.name.startswith("partial") or p.name == "unfinished.json" or ".tmp" in p.name]
    assert not left, f"{output.name}: left over: {left}"
    return hashlib.sha256((output / "model" / "model.safetensors").read_bytes()).hexdigest()


def state_of(output):
    """What a killed run leaves: where it was."""
    names = [p.name for p in output.iterdir()] if output.exists() else []
    if any(name.startswith("partial") for name in names):
        return "while saving"
    if any(name.startswith("checkpoint-") for name in names):
        return "between checkpoints"
    return "before the first checkpoint"


def kill_after(seconds, output, a, *more):
    """Starts a run and kills it; None when it had ended before."""
    process = subprocess.Popen(command(output, a, *more), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        process.wait(timeout=seconds)
        assert process.returncode == 0, f"{output.name}: ended by itself with {process.returncode}"
        return None
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGKILL)
        process.wait()
        return state_of(output)


def kill_once(output, a, moments, longest):
    """Kills a fresh run at a random moment: (what it left, seconds)."""
    seconds = moments.uniform(0, longest)
    while True:
        shutil.rmtree(output, ignore_errors=True)
        if state := kill_after(seconds, output, a):
            return state, seconds
        seconds *= moments.uniform(0.5, 1)


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--device", default="cpu")
    arguments.add_argument("--kills", type=int, default=50)
    arguments.add_argument("--steps", type=int, default=120)
    arguments.add_argument("--save-steps", type=int, default=10)
    arguments.add_argument("--rows", type=int, default=8, help="training rows of the sample")
    arguments.add_argument("--seed", type=int, default=1, help="of the moments")
    arguments.add_argument("--json", metavar="FILE")
    a = arguments.parse_args()
    moments, states, equal, again = random.Random(a.seed), collections.Counter(), 0, 0
    work = common.WORK / f"kill-{a.device}"
    shutil.rmtree(work, ignore_errors=True)
    begin = time.monotonic()
    expected = finish(work / "whole", a)
    longest = time.monotonic() - begin
    for round in range(1, a.kills + 1):
        output = work / f"killed-{round}"
        state, seconds = kill_once(output, a, moments, longest)
        states[state] += 1
        if moments.random() < 1 / 3:
            again += kill_after(moments.uniform(0, longest), output, a, "--resume") is not None
        ended = (output / "record.json").exists() and not (output / "unfinished.json").exists()
        same = (digest_of(output) if ended else finish(output, a, "--resume")) == expected
        equal += same
        print(f"kill {round} of {a.kills} after {seconds:.2f} s, {state}: {'equal' if same else 'DIFFERENT'}", flush=True)
        if same:
            shutil.rmtree(output)
    lines = common.Lines()
    where = ", ".join(f"{n} {state}" for state, n in states.most_common())
    lines.add(f"SIGKILL at {a.kills} random moments, {a.device}, {a.steps} steps, saving every {a.save_steps}; resumed",
              f"{equal} of {a.kills} bit-identical ({where}; {again} killed twice)", "all", equal == a.kills)
    lines.details["seed"] = a.seed
    lines.end(a.json)


if __name__ == "__main__":
    main()
