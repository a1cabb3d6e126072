#!/usr/bin/env python3
"""Writes harness/text/unicode_table.h: where `tokenizers` and utf8proc part.

Every code point is put through the normalizers and the pre-tokenizer of `tokenizers` and compared with
the installed libutf8proc (ctypes). The categories are compared with the newest Unicode that the `regex`
package knows as well, so that the table also serves a newer utf8proc. A run of the table spans every
neighbour for which `tokenizers` gives the same answer, which keeps it short.

    python3 -m venv tests/peer/.venv && tests/peer/.venv/bin/pip install tokenizers transformers regex
    tests/peer/.venv/bin/python tests/peer/tokenizer_unicode_table.py
"""
import ctypes
import pathlib

import regex
import tokenizers
from tokenizers import normalizers, pre_tokenizers

HEADER = pathlib.Path(__file__).resolve().parents[2] / "harness" / "text" / "unicode_table.h"
POINTS = [p for p in range(0x110000) if not 0xD800 <= p < 0xE000]

lib = ctypes.CDLL("libutf8proc.so.2")
lib.utf8proc_unicode_version.restype = ctypes.c_char_p
lib.utf8proc_get_property.restype = ctypes.POINTER(ctypes.c_int16)
DECOMPOSE = 1 << 4  # UTF8PROC_DECOMPOSE
# canonical decompositions of Unicode 16, which the installed utf8proc may not have yet
YOUNGER = {0x105C9, 0x105E4, 0x11383, 0x11385, 0x1138E, 0x11391, 0x113C5, 0x113C7, 0x113C8,
           *range(0x16121, 0x16129), *range(0x16D68, 0x16D6B)}
CATEGORY = ("Cn Lu Ll Lt Lm Lo Mn Mc Me Nd Nl No Pc Pd Ps Pe Pi Pf Po Sm Sc Sk So Zs Zl Zp Cc Cf "
            "Cs Co").split()


def bert(**options):
    defaults = dict(clean_text=False, handle_chinese_chars=False, strip_accents=False, lowercase=False)
    return normalizers.BertNormalizer(**{**defaults, **options}).normalize_str


clean, strip, lower = bert(clean_text=True), bert(strip_accents=True), bert(lowercase=True)
chinese, nfd = bert(handle_chinese_chars=True), normalizers.NFD().normalize_str
split = pre_tokenizers.BertPreTokenizer().pre_tokenize_str


def utf8proc_decompose(point):
    out, last = (ctypes.c_int32 * 16)(), ctypes.c_int(0)
    n = lib.utf8proc_decompose_char(point, out, 16, DECOMPOSE, ctypes.byref(last))
    return [out[i] for i in range(n)]


def combining_class_is_set(point):
    """True when `tokenizers` moves marks across this one: U+0334 has class 1, U+0345 has 240."""
    c = chr(point)
    before, after = "a" + c + "\u0334", "a" + "\u0345" + c
    return nfd(before) != before or nfd(after) != after


def runs(wrong, value):
    """Runs [first, last, value] of equal value that hold at least one wrong point."""
    out, has = [], False
    for i, p in enumerate(POINTS):
        if i and (value[p] != value[POINTS[i - 1]] or p != POINTS[i - 1] + 1):
            has = False
        if wrong[p]:
            if has:
                out[-1][1] = p
            else:
                out.append([p, p, value[p]])
                has = True
    return out


def compare(name, kinds, theirs, skip_ascii=False):
    """The table of one class: where `theirs` differs from utf8proc or from the newest Unicode."""
    newest = regex.compile("[" + "".join(r"\p{%s}" % k for k in kinds) + "]")

    def wrong(p):
        if p < 128 and skip_ascii:
            return False
        known = CATEGORY[lib.utf8proc_category(p)] in kinds
        return known != theirs[p] or bool(newest.match(chr(p))) != theirs[p]

    rows = runs({p: wrong(p) for p in POINTS}, theirs)
    body = "".join(f"    {{0x{a:X}, 0x{b:X}, {int(v)}}},\n" for a, b, v in rows)
    return f"static const unicode_fix {name}[] = {{\n{body}}};\n"


def main():
    control = {p: clean("a" + chr(p) + "a") == "aa" for p in POINTS}
    for p in (0, 0xFFFD):  # removed by name, not as control characters
        control[p] = p == 0
    space = {p: len(split("a" + chr(p) + "a")) == 2 for p in POINTS}
    punctuation = {p: len(split("a" + chr(p) + "a")) == 3 for p in POINTS}
    mark = {p: strip(chr(p)) == "" and nfd(chr(p)) == chr(p) for p in POINTS}
    theirs_nfd = {p: [ord(c) for c in nfd(chr(p))] for p in POINTS}
    theirs_lower = {p: [ord(c) for c in lower(chr(p))] for p in POINTS}
    ideograph = {p: chinese(chr(p)) != chr(p) for p in POINTS}
    ordered = {p: combining_class_is_set(p) for p in POINTS}

    print("white space:", [hex(p) for p in POINTS if space[p]])
    print("ideographs:", [(hex(a), hex(b)) for a, b, v in
                          runs({p: ideograph[p] for p in POINTS}, ideograph) if v])
    print("control, by name:", [hex(p) for p in (9, 10, 13) if control[p]])

    parts = [compare("control_fixes", ("Cc", "Cf", "Co"),
                     {p: control[p] or p in (9, 10, 13) for p in POINTS}),
             compare("punctuation_fixes", ("Pc", "Pd", "Ps", "Pe", "Pi", "Pf", "Po"), punctuation,
                     skip_ascii=True)]

    # marks that decompose are judged by their parts; their own class never matters
    marks = {p: mark[p] if theirs_nfd[p] == [p] else CATEGORY[lib.utf8proc_category(p)] == "Mn"
             for p in POINTS}
    parts.append(compare("mark_fixes", ("Mn",), marks))

    whole = {p: theirs_nfd[p] == [p] for p in POINTS}
    wrong = {p: utf8proc_decompose(p) != theirs_nfd[p] or (p in YOUNGER and whole[p]) for p in POINTS}
    other = [p for p in POINTS if wrong[p] and not whole[p]]
    assert not other, f"decomposed to something else: {[hex(p) for p in other][:20]}"
    body = "".join(f"    {{0x{a:X}, 0x{b:X}, 0}},\n" for a, b, _ in runs(wrong, whole))
    parts.append("// decomposed by utf8proc, left whole by `tokenizers`\n"
                 f"static const unicode_fix decompose_fixes[] = {{\n{body}}};\n")

    # only what is left whole is ever put in order
    ordered = {p: ordered[p] and whole[p] for p in POINTS}
    classes = {p: lib.utf8proc_get_property(p)[1] != 0 and whole[p] for p in POINTS}
    newest = regex.compile(r"\P{ccc=0}")
    wrong = {p: whole[p] and ordered[p] != (classes[p] or bool(newest.match(chr(p)))) for p in POINTS}
    other = [p for p in POINTS if wrong[p] and ordered[p]]
    assert not other, f"a combining class that utf8proc lacks: {[hex(p) for p in other][:20]}"
    body = "".join(f"    {{0x{a:X}, 0x{b:X}, 0}},\n" for a, b, _ in runs(wrong, ordered))
    parts.append("// marks that `tokenizers` does not put in order\n"
                 f"static const unicode_fix order_fixes[] = {{\n{body}}};\n")

    rows = []
    for p in POINTS:
        if p == 0x130 or theirs_lower[p] == [lib.utf8proc_tolower(p)]:
            continue
        assert len(theirs_lower[p]) == 1, hex(p)
        to = theirs_lower[p][0]
        if rows and rows[-1][1] == p - 1 and rows[-1][2] == to - p:
            rows[-1][1] = p
        else:
            rows.append([p, p, to - p])
    assert theirs_lower[0x130] == [0x69, 0x307]
    body = "".join(f"    {{0x{a:X}, 0x{b:X}, {d}}},\n" for a, b, d in rows)
    parts.append("// lower case is this much away; U+0130 is in the code\n"
                 f"static const unicode_fix lower_fixes[] = {{\n{body}}};\n")

    text = (f"/* Where `tokenizers` {tokenizers.__version__} parts from Unicode as utf8proc knows it\n"
            f" * ({lib.utf8proc_unicode_version().decode()}) and from newer versions: `value` is what "
            "holds from first to last.\n"
            " * Written by tests/peer/tokenizer_unicode_table.py. */\n"
            "#ifndef HARNESS_TEXT_UNICODE_TABLE_H\n#define HARNESS_TEXT_UNICODE_TABLE_H\n\n"
            "#include <stdint.h>\n\n"
            "typedef struct unicode_fix {\n    uint32_t first, last;\n    int32_t value;\n} unicode_fix;\n\n"
            + "\n".join(parts) + "\n#endif\n")
    HEADER.write_text(text)
    print(f"wrote {HEADER}: {text.count('{0x')} ranges")


if __name__ == "__main__":
    main()
