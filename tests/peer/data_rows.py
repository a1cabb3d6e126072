#!/usr/bin/env python3
"""Row for row: reads each set by the rules of Hugging Face's loading scripts and compares the hash of
all rows' targets and texts of each split with the program's.

    tests/peer/data_rows.py PROGRAM DATA [TASK...]

The rules are those of datasets/<task>/<task>.py, version 1.1.0, written down again here. Plain Python.
"""
import csv, hashlib, json, os, pathlib, string, struct, subprocess, sys, unicodedata

csv.field_size_limit(1 << 30)
HATE = ["hate", "offensive", "none"]

def manifest(task):
    return json.loads((pathlib.Path(__file__).resolve().parents[2] / "tasks" / f"{task}.json").read_text())

def rows_of(path, **options):
    with open(path, encoding="utf-8") as file:
        yield from csv.reader(file, **options)

def nsmc(folder, name):
    rows = rows_of(f"{folder}/nsmc/ratings_{name}.txt", delimiter="\t")
    next(rows)
    return [(document, int(label)) for _, document, label in rows]

def kor_hate(column, names):
    def read(folder, name):
        with open(f"{folder}/kor_hate/{'train' if name == 'train' else 'dev'}.tsv", encoding="utf-8") as file:
            reader = csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)
            return [(row["comments"], names.index(row[column])) for row in reader]
    return read

def kor_sarcasm(folder, name):
    rows = rows_of(f"{folder}/kor_sarcasm/{name}.csv")
    next(rows)
    return [(tokens, int(label)) for _, tokens, label in rows]

def kor_sae(folder, name):
    rows = rows_of(f"{folder}/kor_sae/sae4k_v1.txt", delimiter="\t", quoting=csv.QUOTE_NONE)
    return [(sentence, int(label)) for sentence, _, label in rows]

def kor_3i4k(folder, name):
    file = "fci_train_val" if name == "train" else "fci_test"
    rows = rows_of(f"{folder}/kor_3i4k/{file}.txt", delimiter="\t", quoting=csv.QUOTE_NONE)
    return [(text, int(label)) for label, text in rows]

def klue_tc_dacon(folder, name):
    rows = rows_of(f"{folder}/klue_tc_dacon/train_data.csv")
    next(rows)
    return [(title, int(label)) for _, title, label in rows]

def of_columns(file, texts, label, names=None, one=None):
    """Rows of a file with a header and no quoting: texts, and a label's id or one(row)."""
    with open(file, encoding="utf-8", newline="") as opened:
        for row in csv.DictReader(opened, delimiter="\t", quoting=csv.QUOTE_NONE):
            yield (*(row[t] for t in texts), one(row) if one else names.index(row[label]))

def number(value):
    """As the program writes the nearest f32."""
    return "%.9g" % struct.unpack("f", struct.pack("f", float(value)))[0]

NLI, PAIR = ["entailment", "neutral", "contradiction"], ["sentence1", "sentence2"]

def kor_nli(folder, name):
    file = f"{folder}/kor_nli/xnli.{'dev' if name == 'train' else 'test'}.ko.tsv"
    return list(of_columns(file, PAIR, "gold_label", NLI))

def kor_sts(folder, name):
    return list(of_columns(f"{folder}/kor_sts/sts-{name}.tsv", PAIR, None, one=lambda row: number(row["score"])))

def klue_nli_dev(folder, name):
    with open(f"{folder}/klue/klue-nli-v1.1_dev.json", encoding="utf-8") as file:
        return [(r["premise"], r["hypothesis"], NLI.index(r["gold_label"])) for r in json.load(file)]

def klue_sts_dev(folder, name):
    with open(f"{folder}/klue/klue-sts-v1.1_dev.json", encoding="utf-8") as file:
        return [(r["sentence1"], r["sentence2"], number(r["labels"]["real-label"])) for r in json.load(file)]

NER = [f"{part}-{kind}" for kind in ("PS", "LC", "OG", "DT", "TI", "QT") for part in "BI"] + ["O"]

def klue_ner_dev(folder, name):
    """As KLUE's own reader: characters other than blanks have a tag each; tags of a sentence with blanks between."""
    rows, pairs = [], []
    with open(f"{folder}/klue/klue-ner-v1.1_dev.tsv", encoding="utf-8") as file:
        for line in [*file.read().split("\n"), ""]:
            if line.startswith("##"):
                continue
            if line:
                pairs.append(line.split("\t"))
            elif pairs:
                tags = " ".join(str(NER.index(tag)) for character, tag in pairs if character != " ")
                rows.append(("".join(character for character, _ in pairs), tags))
                pairs = []
    return rows

def is_punctuation(word):
    """As BERT has it: Unicode's, and every ASCII symbol."""
    return all(unicodedata.category(c)[0] == "P" or c in string.punctuation for c in word)

def trees(task, path, columns):
    """Words with blanks between; of each its head, the relation's place in the manifest, and whether it is punctuation."""
    relations = [label["value"] for label in manifest(task)["labels"]]
    def read(folder, name):
        rows = []
        with open(f"{folder}/{path(name)}", encoding="utf-8") as file:
            for block in file.read().split("\n\n"):
                words = [line.split("\t") for line in block.split("\n") if line and not line.startswith("#")]
                words = [(w[1], w[columns[0]], w[columns[1]]) for w in words if w[0].isdigit()]
                target = " ".join(f"{head} {relations.index(relation)} {int(is_punctuation(word))}" for word, head, relation in words)
                if words:
                    rows.append((" ".join(word for word, _, _ in words), target))
        return rows
    return read

def lang_id(folder, name):
    names, rows = sorted(n.split(".")[0] for n in os.listdir(f"{folder}/lang_id") if n.endswith(".sentences.txt")), []
    for language in names:
        for part in ("sentences", "word-pairs"):
            with open(f"{folder}/lang_id/{language}.{part}.txt", encoding="utf-8", newline="") as file:
                rows += [(line.rstrip("\n"), names.index(language)) for line in file]
    return rows

def korean_unsmile(folder, name):
    def labels(row):
        return ",".join(str(k) for k, column in enumerate(list(row)[1:11]) if row[column] == "1")
    file = f"{folder}/unsmile/unsmile_{'train' if name == 'train' else 'valid'}_v1.0.tsv"
    return list(of_columns(file, ["문장"], None, one=labels))

def kmhas_small(folder, name):
    rows = rows_of(f"{folder}/kmhas/kmhas_{'valid' if name == 'train' else 'test'}.txt", delimiter="\t")
    next(rows)
    return [(text, ",".join(map(str, sorted(map(int, labels.split(",")))))) for text, labels in rows]

TASKS = {
    "kor_nli": (kor_nli, ["train", "test"]),
    "kor_sts": (kor_sts, ["train", "dev", "test"]),
    "klue_nli_dev": (klue_nli_dev, ["all"]),
    "klue_sts_dev": (klue_sts_dev, ["all"]),
    "klue_ner_dev": (klue_ner_dev, ["all"]),
    "klue_dp_dev": (trees("klue_dp_dev", lambda name: "klue/klue-dp-v1.1_dev.tsv", (4, 5)), ["all"]),
    "ud_ko_gsd": (trees("ud_ko_gsd", lambda name: f"ud_ko_gsd/ko_gsd-ud-{'dev' if name == 'train' else name}.conllu", (6, 7)),
                  ["train", "test"]),
    "ud_ko_kaist": (trees("ud_ko_kaist", lambda name: f"ud_ko_kaist/ko_kaist-ud-{'dev' if name == 'train' else name}.conllu", (6, 7)),
                    ["train", "test"]),
    "lang_id": (lang_id, ["all"]),
    "korean_unsmile": (korean_unsmile, ["train", "test"]),
    "kmhas_small": (kmhas_small, ["train", "test"]),
    "nsmc": (nsmc, ["train", "test"]),
    "kor_hate": (kor_hate("hate", HATE), ["train", "test"]),
    "kor_hate_bias": (kor_hate("bias", ["none", "gender", "others"]), ["train", "test"]),
    "kor_hate_gender": (kor_hate("contain_gender_bias", ["False", "True"]), ["train", "test"]),
    "kor_sarcasm": (kor_sarcasm, ["train", "test"]),
    "kor_sae": (kor_sae, ["all"]),
    "kor_3i4k": (kor_3i4k, ["train", "test"]),
    "klue_tc_dacon": (klue_tc_dacon, ["all"]),
}

def read(task, folder):
    function, splits = TASKS[task]
    return {split: function(folder, split) for split in splits}

def joined(rows):
    """Rows of one text: a pair's two have a 0 byte between."""
    return [("\0".join(texts), target) for *texts, target in rows]

def digest(rows):
    h = hashlib.sha256()
    for *texts, target in rows:
        h.update(str(target).encode() + b"\0" + b"".join(text.encode() + b"\0" for text in texts))
    return h.hexdigest()

def main(program, folder, tasks):
    good = True
    for task in tasks or TASKS:
        command = [program, "data", "stats", task, "--data", folder, "--json"]
        stats = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
        for split, rows in read(task, folder).items():
            ours = stats["splits"]["file" if split == "all" else split]
            same = ours["sha256"] == digest(rows) and ours["rows"] == len(rows)
            good &= same
            print(f"{task:16} {split:6} {len(rows):7} rows  {digest(rows)[:16]}  {'equal' if same else 'DIFFERENT'}")
    return 0 if good else 1

if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2], sys.argv[3:]))
