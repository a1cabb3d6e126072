#!/usr/bin/env python3
"""Every figure of `harness data stats`, computed again with pandas.

    tests/peer/.venv/bin/python tests/peer/data_stats.py PROGRAM DATA [TASK...]

Rows come from data_rows.py; the hash splits from data_split.py.
"""
import json, subprocess, sys
import pandas
import data_rows, data_split

# of a row's target the ids that count, by the manifest's kind
IDS = {"classification": lambda target: [target], "relation": lambda target: [target], "regression": lambda target: [],
       "multi_label": lambda target: target.split(",") if target else [],
       "token_classification": str.split, "dependency_parsing": lambda target: target.split()[1::3]}
UNITS = {"token_classification": 1, "dependency_parsing": 3}  # numbers of a unit

def figures(frame, kind):
    duplicate = frame.duplicated("text")
    labels = frame.groupby("text")["label"].nunique()
    length = frame["text"].str.replace("\0", "").str.len()
    ids = pandas.Series([int(i) for target in frame["label"] for i in IDS[kind](target)], dtype=int)
    out = {
        "rows": len(frame),
        "labels": ids.value_counts().to_dict(),
        "unique": int((~duplicate).sum()),
        "unique_not_empty": int((~duplicate & ~is_empty(frame)).sum()),
        "empty": int(is_empty(frame).sum()),
        "duplicates": int(duplicate.sum()),
        "conflicting": int((labels > 1).sum()),
        "mean": float(length.mean()),
        "max": int(length.max()),
    }
    if kind in UNITS:
        out["units"] = sum(len(target.split()) for target in frame["label"]) // UNITS[kind]
    if kind == "regression":
        scores = frame["label"].astype(float)
        out |= {"scores mean": float(scores.mean()), "least": float(scores.min()), "largest": float(scores.max())}
    return out

def is_empty(frame):
    return frame["text"].str.strip("\0") == ""

def clean(frame):
    return frame[~is_empty(frame) & ~frame.duplicated("text")]

def split_figures(splits, manifest):
    kind = manifest.get("kind", "classification")
    if "all" in splits:
        whole = clean(splits["all"])
        rows = list(whole.itertuples(index=False, name=None))
        test = data_split.held_out(rows, "", manifest["split"]["one_in"], kind in ("classification", "relation"))
        is_test = whole["text"].isin(test)
        splits = {"file": splits["all"], "train": whole[~is_test], "test": whole[is_test]}
    out = {name: figures(frame, kind) for name, frame in splits.items()}
    train, test = splits["train"], splits["test"]
    kept = clean(train)
    leaked = test[test["text"].isin(kept["text"]) & ~is_empty(test)]
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
    if "scores" in split:
        out |= {"scores mean" if key == "mean" else key: value for key, value in split["scores"].items()}
    return out

def differ(want, got):
    if isinstance(want, float) and got is not None:
        return abs(want - got) > 1e-9
    return want != got

def main(program, folder, tasks):
    good = True
    for task in tasks or data_rows.TASKS:
        splits = {name: pandas.DataFrame(data_rows.joined(rows), columns=["text", "label"])
                  for name, rows in data_rows.read(task, folder).items()}
        command = [program, "data", "stats", task, "--data", folder, "--json"]
        stats = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
        for name, want in split_figures(splits, data_rows.manifest(task)).items():
            got = program_figures(stats["splits"][name])
            wrong = [key for key in want.keys() | got.keys() if differ(want.get(key), got.get(key))]
            for key in wrong:
                print(f"{task} {name} {key}: pandas {want.get(key)}, program {got.get(key)}")
            print(f"{task:16} {name:6} {len(want)} figures  {'DIFFERENT' if wrong else 'equal'}")
            good &= not wrong
    return 0 if good else 1

if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2], sys.argv[3:]))
