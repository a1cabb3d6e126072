/* No test text of a task stays in a corpus, however it is disguised. */
#include "base/memory.h"
#include "base/utf8.h"
#include "data/corpus/corpus.h"
#include "data/corpus/exclusion.h"
#include "platform/file.h"
#include "support/must.h"
#include "support/program.h"
#include "text/unicode.h"

#include <stdio.h>
#include <time.h>

TestSuite(corpus_exclusion, .fini = nothing_left);

static text_span span(const char *text) {
    return (text_span){text, strlen(text)};
}

static exclusion_rule rule_of(const exclusion *x, const char *line) {
    exclusion_scratch s = {0};
    exclusion_rule rule;
    MUST(exclusion_check(&rule, x, &s, span(line)));
    exclusion_scratch_free(&s);
    return rule;
}

Test(corpus_exclusion, rules_by_hand) {
    const text_span texts[] = {span("짧은 말"),
                               span("Café  au\tlait!"),
                               span("스무 글자가 넘는 긴 문장은 다른 줄 안에서도 찾는다"),
                               span("스무 글자가 넘는 긴 문장은 다른 줄 안에서도 찾는다 그리고 더"),
                               span("열아홉글자인글은다른줄안에서안찾는다"),
                               span("ㅋㅋㅋㅋㅋㅋㅋㅋ"),
                               span("ㅠㅠㅠㅠㅠㅠㅠㅠ"),
                               span(""),
                               span("ㄱㅐ쩐다 ㅈㅐ밌네요 정말"),
                               span("ㅠㅠ 스무 글자가 넘는 긴 글은 다른 줄 안에서도 찾아진다")};
    static const struct {
        const char *line;
        exclusion_rule rule;
    } cases[] = {
        {"짧은 말", EXCLUSION_EQUAL},
        {"짧은\xE3\x80\x80 말", EXCLUSION_EQUAL}, // an ideographic blank
        {"짧은말", EXCLUSION_NONE},               // 3 letters: only equal counts
        {"짧은 말!", EXCLUSION_NONE},
        {"Cafe\xCC\x81 au lait!", EXCLUSION_EQUAL}, // NFD
        {"CAFÉ, au LAIT", EXCLUSION_FOLDED},
        {"ＣＡＦÉaulait", EXCLUSION_FOLDED},    // NFKC
        {"Café au lait chaud", EXCLUSION_NONE}, // 10 letters: not looked for inside
        {"앞에 스무 글자가 넘는 긴 문장은, 다른 줄 안에서도 찾는다 뒤에", EXCLUSION_CONTAINED},
        {"스무 글자가 넘는 긴 문장은 다른 줄 안에서도 찾는다 그리고", EXCLUSION_CONTAINED},
        {"스무 글자가 넘는 긴 문장은 다른 줄 안에서도 찾는", EXCLUSION_NONE}, // a part of it
        {"앞 열아홉글자인글은다른줄안에서안찾는다 뒤", EXCLUSION_NONE},
        {"ㅋㅋㅋㅋㅋㅋㅋㅋ!!", EXCLUSION_FOLDED},
        {"ㅠㅠㅠㅠ, ㅠㅠㅠㅠ", EXCLUSION_FOLDED},         // 8 lone vowels
        {"ㄱ.ㅐ쩐다 ㅈ!ㅐ밌네요 정말", EXCLUSION_FOLDED}, // a lone consonant and vowel
        {"ㅋㅋㅠㅠ 스무 글자가 넘는 긴 글은 다른 줄 안에서도 찾아진다 ㄳ", EXCLUSION_CONTAINED},
        {"ㅋㅋㅋㅋㅋㅋㅋㅋㅋ", EXCLUSION_NONE},
        {"...", EXCLUSION_NONE},
    };
    exclusion x;
    MUST(exclusion_from_texts(&x, texts, sizeof texts / sizeof *texts));
    cr_expect_eq(x.long_count, 2, "one long text begins the other");
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        cr_expect_eq(rule_of(&x, cases[i].line), cases[i].rule, "%s: %d", cases[i].line,
                     (int)rule_of(&x, cases[i].line));
    }
    exclusion_free(&x);
}

/* Letters a and b alone, so that windows of many places and texts are alike. */
static void random_letters(char *out, size_t count, uint32_t *state) {
    for (size_t i = 0; i < count; i++) {
        *state = *state * 1664525u + 1013904223u;
        out[i] = "aaab"[*state >> 30];
    }
    out[count] = '\0';
}

Test(corpus_exclusion, what_is_contained_is_what_strstr_finds) {
    enum { TEXTS = 300, LINES = 3000 };
    static char texts[TEXTS][48], line[400];
    text_span spans[TEXTS];
    uint32_t state = 7;
    size_t found = 0, missed = 0;
    exclusion x;
    for (size_t i = 0; i < TEXTS; i++) {
        random_letters(texts[i], 20 + i % 8, &state);
        spans[i] = span(texts[i]);
    }
    MUST(exclusion_from_texts(&x, spans, TEXTS));
    for (size_t i = 0; i < LINES; i++) {
        bool inside = false;
        random_letters(line, 20 + i % 370, &state);
        for (size_t k = 0; k < TEXTS; k++) inside = inside || strstr(line, texts[k]);
        exclusion_rule rule = rule_of(&x, line);
        cr_assert_eq(rule != EXCLUSION_NONE, inside, "line %zu: %s", i, line);
        found += inside;
        missed += !inside;
    }
    cr_expect(found > 100 && missed > 100, "%zu found, %zu not", found, missed);
    exclusion_free(&x);
}

// 200,000 letters where every window is one of the texts' beginnings
Test(corpus_exclusion, a_hostile_line_takes_no_more_time_than_another) {
    enum { TEXTS = 2000, LETTERS = 200000 };
    static char texts[TEXTS][64], line[LETTERS + 1];
    text_span spans[TEXTS];
    exclusion x;
    for (size_t i = 0; i < TEXTS; i++) {
        snprintf(texts[i], sizeof texts[i], "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaab%zu", i);
        spans[i] = span(texts[i]);
    }
    memset(line, 'a', LETTERS);
    MUST(exclusion_from_texts(&x, spans, TEXTS));
    clock_t begin = clock();
    cr_expect_eq(rule_of(&x, line), EXCLUSION_NONE);
    cr_expect_lt((double)(clock() - begin) / CLOCKS_PER_SEC, 2.0);
    exclusion_free(&x);
}

typedef enum disguise { BLANKS, NFD, CASE, PUNCTUATION, INSIDE, DISGUISES } disguise;

static err append_point(strbuf *out, uint32_t point) {
    char bytes[UTF8_MAX_BYTES];
    return strbuf_add_bytes(out, bytes, utf8_encode(bytes, point));
}

static void add_disguised(strbuf *out, text_span text, disguise d) {
    uint32_t point, parts[UNICODE_DECOMPOSE_MAX];
    if (d == INSIDE) MUST(strbuf_add(out, "먼저 한 말 "));
    for (size_t i = 0, n; i < text.bytes; i += n) {
        n = utf8_decode(&point, text.text + i, text.bytes - i);
        if (d == NFD) {
            size_t count = unicode_decompose(parts, point);
            for (size_t k = 0; k < count; k++) MUST(append_point(out, parts[k]));
        } else if (d == BLANKS && unicode_is_whitespace(point)) {
            MUST(strbuf_add(out, " \t\xC2\xA0"));
        } else if (d == CASE && point < 128) {
            bool letter = (point | 32) >= 'a' && (point | 32) <= 'z';
            MUST(append_point(out, letter ? point ^ 32 : point));
        } else {
            MUST(append_point(out, point));
            if (d == PUNCTUATION && i % 7 == 0) MUST(strbuf_add(out, "~!"));
        }
    }
    MUST(strbuf_add(out, d == INSIDE ? " 그리고 뒤에 한 말\n" : "\n"));
}

/* Letters and digits, about: of Hangul, Latin letters and digits alone, so never too many. */
static size_t letters_at_least(text_span text) {
    size_t letters = 0;
    uint32_t point;
    for (size_t i = 0, n; i < text.bytes; i += n) {
        n = utf8_decode(&point, text.text + i, text.bytes - i);
        letters += (point >= 0xAC00 && point <= 0xD7A3) || (point >= '0' && point <= '9') ||
                   ((point | 32) >= 'a' && (point | 32) <= 'z' && point < 128);
    }
    return letters;
}

static err no_line(void *context, text_span line) {
    size_t *left = context;
    *left += line.bytes > 0;
    return ERR_OK;
}

/* Every test text of the task in each disguise that a rule is for: an equal one of any length,
 * letters of 8 and more, inside of 20 and more. */
static void plant(const char *task_name, bool sample, size_t least) {
    const char *path = temporary_path("planted.txt");
    dataset d;
    task t;
    exclusion x;
    corpus c;
    corpus_counts counts = {0};
    strbuf out = {0};
    size_t planted = 0, left = 0;
    text_span *texts;
    MUST(task_find(&t, task_name, NULL));
    MUST(dataset_load(&d, &t, &(dataset_options){.sample = sample}));
    MUST(mem_new(&texts, d.test.row_count));
    for (size_t i = 0; i < d.test.row_count; i++) {
        text_span text = texts[i] = d.test.rows[i].example.texts[0];
        size_t letters = letters_at_least(text);
        for (disguise k = BLANKS; k < DISGUISES && text.bytes; k++) {
            if ((k > NFD && letters < 8) || (k == INSIDE && letters < 20)) continue;
            add_disguised(&out, text, k);
            planted++;
        }
    }
    MUST(file_write_quick(path, out.text, out.length));
    if (sample)
        MUST(exclusion_from_texts(&x, texts, d.test.row_count));
    else
        MUST(exclusion_make(&x, NULL, NULL));
    MUST(corpus_open(&c, &path, 1, NULL));
    MUST(corpus_each_kept(&c, &x, &counts, no_line, &left));
    cr_expect_eq(left, 0, "%zu of %zu planted lines are left", left, planted);
    cr_expect_geq(planted, least, "%zu", planted);
    cr_expect_geq(counts.lines, planted - 20, "%llu", (unsigned long long)counts.lines);
    corpus_close(&c);
    exclusion_free(&x);
    mem_free(texts);
    strbuf_free(&out);
    dataset_free(&d);
    task_free(&t);
}

Test(corpus_exclusion, the_sample_in_five_disguises) {
    plant("nsmc", true, 60);
}

Test(corpus_exclusion, nsmc_in_five_disguises, .timeout = 120) {
    need_environment("HARNESS_DATA");
    plant("nsmc", false, 200000);
}

/* Markers stand around entities in the rows of a task, and in no corpus. */
Test(corpus_exclusion, relations_are_found_without_their_markers) {
    static const char manifest[] =
        "{\"schema\": 1, \"name\": \"made\", \"version\": 1, \"title\": \"t\", \"source\": \"s\", "
        "\"licence\": \"l\", \"citation\": \"c\", \"kind\": \"relation\", \"files\": [{\"role\": "
        "\"train\", \"name\": \"a\"}, {\"role\": \"test\", \"name\": \"b\"}], \"format\": "
        "{\"kind\": "
        "\"jsonl\", \"text\": \"t\", \"subject\": \"s\", \"object\": \"o\", \"label\": \"l\"}, "
        "\"labels\": "
        "[{\"value\": \"x\", \"name\": \"x\", \"readable\": \"x\"}, {\"value\": \"y\", \"name\": "
        "\"y\", "
        "\"readable\": \"y\"}], \"invalid_label\": \"error\", \"split\": {\"rule\": \"files\"}, "
        "\"cleaning\": {\"drop_empty\": true, \"drop_duplicates\": true}, \"metrics\": "
        "[\"relation_f1\"], \"headline\": \"relation_f1\", \"max_length\": 64}";
    static const char row[] =
        "{\"t\": \"한도윤은 새벽별연구소에 다닌다\", \"s\": {\"start_idx\": 0, "
        "\"end_idx\": 2}, \"o\": {\"start_idx\": 5, \"end_idx\": 10}, \"l\": "
        "\"x\"}\n";
    exclusion x;
    MUST(folder_make(temporary_path("made")));
    MUST(file_write(temporary_path("made.json"), manifest, strlen(manifest)));
    MUST(file_write(temporary_path("made/a"), row, strlen(row)));
    MUST(file_write(temporary_path("made/b"), row, strlen(row)));
    MUST(
        exclusion_make(&x, temporary_folder(), &(dataset_options){.data_dir = temporary_folder()}));
    cr_expect_eq(rule_of(&x, "한도윤은 새벽별연구소에 다닌다"), EXCLUSION_EQUAL);
    cr_expect_neq(rule_of(&x, "한도윤은새벽별연구소에 다닌다!"), EXCLUSION_NONE);
    cr_expect_eq(rule_of(&x, "한도윤은 다른 연구소에 다닌다"), EXCLUSION_NONE);
    exclusion_free(&x);
}

Test(corpus_exclusion, tasks_without_data_are_named) {
    exclusion x;
    char digest[HASH_HEX_BYTES], other[HASH_HEX_BYTES];
    forget_data();
    // one file of two is not the task's data
    MUST(folder_make(temporary_path("none/kor_hate")));
    MUST(file_write(temporary_path("none/kor_hate/dev.tsv"), "", 0));
    MUST(exclusion_make(&x, NULL, &(dataset_options){.data_dir = temporary_path("none")}));
    cr_assert_geq(x.task_count, 9);
    for (size_t i = 0; i < x.task_count; i++)
        cr_expect(!x.tasks[i].at_hand && !x.tasks[i].texts, "%s", x.tasks[i].name);
    exclusion_digest(&x, digest);
    x.task_count--;
    exclusion_digest(&x, other);
    x.task_count++;
    cr_expect_str_neq(digest, other);
    exclusion_free(&x);
}

/* A folder of the user's own texts does not take from view the test texts that are at hand without it. */
Test(corpus_exclusion, a_named_folder_hides_no_test_texts) {
    exclusion x, named;
    need_environment("HARNESS_DATA");
    MUST(folder_make(temporary_path("mine")));
    MUST(exclusion_make(&x, NULL, NULL));
    MUST(exclusion_make(&named, NULL, &(dataset_options){.data_dir = temporary_path("mine")}));
    cr_assert_eq(named.task_count, x.task_count);
    for (size_t i = 0; i < x.task_count; i++)
        cr_expect(named.tasks[i].texts == x.tasks[i].texts, "%s: %llu texts, %llu without --data",
                  x.tasks[i].name, (unsigned long long)named.tasks[i].texts,
                  (unsigned long long)x.tasks[i].texts);
    exclusion_free(&named);
    exclusion_free(&x);
}
