#!/usr/bin/env python3
"""Every figure of `harness data stats`, computed again with pandas.

    tests/peer/.venv/bin/python tests/peer/data_stats.py PROGRAM DATA [TASK...]

Rows come from data_rows.py; the hash split of kor_sae and klue_tc_dacon from data_split.py.
"""
import json, subprocess, sys
import pandas
import data_rows, data_split

def figures(frame):
    duplicate = frame.duplicated("text")
    labels = frame.groupby("text")["label"].nunique()
    length = frame["text"].str.len()
    return {
        "rows": len(frame),
        "labels": frame["label"].value_counts().to_dict(),
        "unique": int((~duplicate).sum()),
        "empty": int((frame["text"] == "").sum()),
        "duplicates": int(duplicate.sum()),
        "conflicting": int((labels > 1).sum()),
        "mean": float(length.mean()),
        "max": int(length.max()),
    }

def clean(frame):
    return frame[(frame["text"] != "") & ~frame.duplicated("text")]

def split_figures(splits):
    if "all" in splits:
        whole = clean(splits["all"])
        test = data_split.held_out(list(whole.itertuples(index=False, name=None)), "", 5)
        is_test = whole["text"].isin(test)
        splits = {"file": splits["all"], "train": whole[~is_test], "test": whole[is_test]}
    out = {name: figures(frame) for name, frame in splits.items()}
    train, test = splits["train"], splits["test"]
    kept = clean(train)
    leaked = test[test["text"].isin(kept["text"]) & (test["text"] != "")]
    agreeing = leaked.merge(train.drop_duplicates(), on=["text", "label"])
    out["train"]["kept"] = len(kept)
    out["test"]["leaked"] = len(leaked)
    out["test"]["leaked_agreeing"] = len(agreeing)
    out["test"]["dedup"] = len(clean(test)[~clean(test)["text"].isin(kept["text"])])
    return out

def program_figures(split):
    out = {key: split[key] for key in split if isinstance(split[key], int)}
    out["labels"] = {i: count for i, count in enumerate(split["labels"].values()) if count}
    out["mean"], out["max"] = split["characters"]["mean"], split["characters"]["max"]
    return out

def main(program, folder, tasks):
    good = True
    for task in tasks or data_rows.TASKS:
        splits = {name: pandas.DataFrame(rows, columns=["text", "label"])
                  for name, rows in data_rows.read(task, folder).items()}
        command = [program, "data", "stats", task, "--data", folder, "--json"]
        stats = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
        for name, want in split_figures(splits).items():
            got = program_figures(stats["splits"][name])
            wrong = [key for key in want.keys() | got.keys()
                     if key == "mean" and abs(want[key] - got[key]) > 1e-9 or key != "mean" and want.get(key) != got.get(key)]
            for key in wrong:
                print(f"{task} {name} {key}: pandas {want.get(key)}, program {got.get(key)}")
            print(f"{task:16} {name:6} {len(want)} figures  {'DIFFERENT' if wrong else 'equal'}")
            good &= not wrong
    return 0 if good else 1

if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2], sys.argv[3:]))
