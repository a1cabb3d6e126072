"""Hard cases for the tokenizer, all written for this project; tokenizer_golden.py turns them into the golden file."""
import pathlib
import re
import unicodedata

TABLE = pathlib.Path(__file__).resolve().parents[2] / "harness" / "text" / "unicode_table.h"

SENTENCES = """
오늘 날씨가 참 좋네요.
이 영화, 두 번 봤는데도 또 보고 싶다!!
커피한잔마시고갈래요?
ㅋㅋㅋㅋ 진짜 웃기다ㅠㅠ
가격은 12,500원(부가세 별도)입니다…
그 사람 말은 “글쎄”라고만 하더라고요
3시30분에 만나~ 늦지마;;
이건 좀 아닌데...???
iPhone이랑 갤럭시 중에 뭐가 나아요
A/S 문의는 help@example.org 로
#해시태그 @사용자 100%
띄 어 쓰 기 가 너 무 많 다
漢字와 한글을 混用한 문장
カタカナ와 ひらがな도 섞어서
Ünïcödé 글자와 한글
밥먹었니?응!그래~
""".strip().split("\n")

PAIRS = [("오늘 날씨", "좋네요"), ("", "좋네요"), ("오늘", ""), ("", ""),
         ("가 나 다 라 마 바", "A B"), ("A B", "가 나 다 라 마 바"), ("가 나 다 라 마", "A B C D E"),
         ("가 나 다 라 마 바", "A B C D E"), ("가[SEP]나", "[CLS]A"), ("가 " * 12, "A " * 11)]


def spots():
    """Single code points of interest, put between letters."""
    yield from (p for p in range(128))
    yield from (0x80, 0x85, 0x9F, 0xA0, 0xA7, 0xAD, 0xB7, 0xBF, 0xD7, 0x1680, 0x180E, 0x2000, 0x2001, 0x2003,
                0x200A, 0x200B, 0x200C, 0x200D, 0x200E, 0x2028, 0x2029, 0x202E, 0x202F, 0x205F, 0x2060, 0x2066,
                0x206F, 0x3000, 0xFEFF, 0xFFF9, 0xFFFC, 0xFFFD, 0xFFFE, 0xFFFF, 0x10FFFF, 0xE000, 0xF8FF, 0xF0000,
                0xE0001, 0xE0020, 0x1D173)  # blanks and controls
    yield from (0x20AC, 0x20A9, 0xB1, 0xA9, 0x2026, 0x3001, 0x3002, 0x300C, 0xFF01, 0xFF0C, 0xFF04, 0x2190, 0x25CF,
                0x2605, 0x203F, 0x30FB, 0x055A, 0x05BE, 0x1400, 0x2E3A, 0x10100, 0x1F595)  # marks and symbols
    yield from (0x4E00, 0x9FFF, 0xA000, 0x33FF, 0x3400, 0x4DBF, 0x4DC0, 0x20000, 0x2A6DF, 0x2A6E0, 0x2A700, 0x2B81F,
                0x2B820, 0x2B91F, 0x2B920, 0x2CEAF, 0x2CEB0, 0xF8FF, 0xF900, 0xFAFF, 0xFB00, 0x2F800, 0x2FA1F,
                0x2FA20, 0x3042, 0x30A2, 0x31350, 0x3131, 0x3164, 0x1100, 0x1161, 0x11A8, 0x115F, 0x1160, 0xA960,
                0xD7B0, 0xD7CB, 0xFFA0, 0xFFA1, 0xFFC2, 0x302E)  # ideographs, kana, jamo
    yield from (0xC0, 0xDF, 0xE9, 0x130, 0x131, 0x149, 0x1C4, 0x1C5, 0x1F0, 0x212A, 0x212B, 0x2126, 0x3A3, 0x3C2,
                0x390, 0x1E9E, 0x1F82, 0x1FBC, 0x1FEF, 0x37E, 0x387, 0x340, 0x341, 0x343, 0x344, 0x345, 0x958, 0xFB1D,
                0xFB2C, 0xFB4B, 0x1D15E, 0x1D160, 0x10400, 0x118A0, 0x1E900, 0x13A0, 0xAB70, 0x10A0, 0x1C90, 0x24B6,
                0x2160, 0xFF21, 0xA640, 0x2C00, 0xA7AE, 0xA7C5)  # case and decomposition
    for row in re.findall(r"\{0x([0-9A-F]+), 0x([0-9A-F]+)", TABLE.read_text()):  # where versions differ
        yield from (int(row[0], 16), int(row[1], 16), int(row[1], 16) + 1)


def texts():
    yield from ("", " ", "\t\r\n", "\0", "\u200b", "\u0301", "[", "]", "##", "#", "##가")
    yield from SENTENCES
    yield from (unicodedata.normalize("NFD", s) for s in SENTENCES)
    seen = set()
    for p in spots():
        if p not in seen and not 0xD800 <= p < 0xE000:
            seen.add(p)
            yield "가" + chr(p) + "a " + chr(p)
    # special tokens in the text
    yield from ("[SEP]", "[CLS]가[SEP]", "가[MASK]나", "[mask]", "[ MASK ]", "[[SEP]]", "[SEP", "SEP]", "[UNK][PAD]",
                "[SEP][SEP]", "\u200b[SEP]\u200b", "[SE\u200bP]", "[ＳＥＰ]", "[SEP]\u0301", "é[SEP]\u0301")
    # marks in and out of order, alone, many
    yield from ("e\u0301\u0323", "e\u0323\u0301", "a\u0345\u0301\u0334", "\u0315\u0300\u05ae\u0062\u0062", "q\u0307\u0323",
                "\u1e0b\u0323", "\u0344\u0345", "가\u0301", "가\u3099", "か\u3099", "\u0e40\u0e33", "क\u093c\u094d",
                "a" + "\u0301" * 50, "\u1100\u1161\u0301\u11a8", "a\u07fd\u0334", "a\u0898\u0334b\u1abf\u0334",
                "x\u0f71\u0f72\u0f80", "\u0592\u05b7\u05bc\u05a5\u05b0\u05c0\u05c4\u05ad")
    # Hangul: composed, conjoining, half of each, old letters
    yield from ("한글", unicodedata.normalize("NFD", "한글"), "하\u11ab글", "\u1112\u1161\u11ab", "\u1112\u1161", "\u1112",
                "\u1161", "\u11ab", "\u1100\u1100\u1161", "\u3131\u314f", "ㄱㄴㄷ", "ㅏㅑ", "ㅋㅋ가ㅋㅋ", "\u119e\u11a2",
                "\u1112\u119e\u11ab", "\ua960\u1161", "\u1100\ud7b0", "ﾡﾢ", "\u115f\u1160", "힣힤", "가\u302e")
    # emoji: joined, coloured, flags, keycaps, tags
    yield from ("😀", "👍🏽", "👨‍👩‍👧", "🏳️‍🌈", "🇰🇷", "1️⃣", "❤️", "☺︎", "🏴\U000e0067\U000e0062\U000e007f", "가😀나", "😀😀 😀")
    # case
    yield from ("HELLO World", "ΣΑΣ ΟΔΟΣ", "İstanbul I ı", "STRASSE Straße ẞ", "ǄǅǆǇ", "ＡＢＣ", "ÀÉÎÕÜ àéîõü", "\u0130\u0307",
                "\U00010400\U00010428", "Ω Ω Å Å K K", "ﬁ ﬀ ŉ", "Ǆ\u0301")
    # long words: 100 is the limit, counted after cleaning
    for unit in ("a", "가", "é", "😀", "e\u0301"):
        yield from (unit * n for n in (49, 50, 51, 99, 100, 101))
    yield from ("a" * 99 + "\u200b" * 9, "a" * 100 + "!" + "a" * 101, "A" * 101, "가" * 100 + "漢" + "가" * 101, "각" * 34)
