/* `harness predict`: scores, the best labels, and lines from standard input as they come. */
#define _GNU_SOURCE
#include "base/json.h"
#include "base/log.h"
#include "base/memory.h"
#include "cli/line_reader.h"
#include "platform/file.h"
#include "support/child.h"
#include "support/model_folder.h"
#include "support/must.h"
#include "support/program.h"
#include "train/evaluate/scorer.h"

#include <fcntl.h>
#include <math.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static const char *const labels[] = {"hate", "offensive", "none"};

static const char *make_model(void) {
    const char *folder = temporary_path("m");
    model_folder_make(folder, labels, 3, NULL);
    return folder;
}

typedef struct talk {
    pid_t pid;
    int in, out; /* ends of ours */
    char error[300];
} talk;

static void talk_start(talk *t, const char *const *arguments) {
    int in[2], out[2];
    const char *argv[32] = {HARNESS_PROGRAM};
    for (size_t i = 0; arguments[i]; i++) argv[i + 1] = arguments[i];
    snprintf(t->error, sizeof t->error, "%s/talk.err", temporary_folder());
    cr_assert_eq(pipe2(in, O_CLOEXEC) | pipe2(out, O_CLOEXEC), 0);
    t->pid = fork();
    if (t->pid == 0) {
        int error = open(t->error, O_CREAT | O_WRONLY | O_TRUNC, 0600);
        dup2(in[0], 0);
        dup2(out[1], 1);
        dup2(error, 2);
        program_forgive_loader(argv);
        execv(HARNESS_PROGRAM, (char *const *)(uintptr_t)argv);
        _exit(127);
    }
    close(in[0]);
    close(out[1]);
    t->in = in[1];
    t->out = out[0];
}

static void say(const talk *t, const void *bytes, size_t count) {
    cr_assert_eq(write(t->in, bytes, count), (ssize_t)count);
}

/* Reads until `lines` line ends came, or the end of the output; fails after a minute. */
static char *hear(const talk *t, size_t lines) {
    strbuf text = {0};
    size_t found = 0;
    MUST(strbuf_add(&text, ""));
    while (found < lines) {
        char part[4096];
        struct pollfd p = {.fd = t->out, .events = POLLIN};
        cr_assert_eq(poll(&p, 1, 60000), 1, "no answer within a minute; so far: %s", text.text);
        ssize_t n = read(t->out, part, sizeof part);
        cr_assert_geq(n, 0);
        if (n == 0) break;
        MUST(strbuf_add_bytes(&text, part, (size_t)n));
        for (ssize_t i = 0; i < n; i++) found += part[i] == '\n';
    }
    return text.text;
}

static int talk_end(talk *t, char **errors) {
    int status = 0;
    size_t count;
    if (t->in >= 0) close(t->in);
    close(t->out);
    cr_assert_eq(waitpid(t->pid, &status, 0), t->pid);
    MUST(file_read((void **)errors, &count, t->error, 0));
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* What the program answers to these bytes on standard input. */
static char *replies(const char *folder, const void *bytes, size_t count, int *code,
                     char **errors) {
    talk t;
    talk_start(&t, (const char *const[]){"predict", "--checkpoint", folder, "--device", "reference",
                                         "--json", "--quiet", NULL});
    say(&t, bytes, count);
    close(t.in);
    t.in = -1;
    char *out = hear(&t, SIZE_MAX);
    *code = talk_end(&t, errors);
    return out;
}

/* The objects of a JSONL text, as an array. */
static cJSON *objects(const char *text) {
    cJSON *list = cJSON_CreateArray();
    while (*text) {
        cJSON *one = NULL;
        size_t n = strcspn(text, "\n");
        char *line = NULL;
        MUST(mem_strndup(&line, text, n));
        MUST(json_parse(&one, line, n, "answer"));
        mem_free(line);
        MUST(json_append(list, one));
        text += n + (text[n] == '\n');
    }
    return list;
}

static const char *text_of(const cJSON *list, int i, const char *key) {
    const char *text =
        cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(cJSON_GetArrayItem(list, i), key));
    cr_assert_not_null(text, "object %d has no '%s'", i, key);
    return text;
}

static double number_of(const cJSON *object, const char *key) {
    double value = 0;
    MUST(json_number(&value, object, key, "answer"));
    return value;
}

/* (count, 3) logits of texts, in this process. */
static float *logits_of(const char *folder, const char *const *texts, size_t count) {
    scorer s;
    encoded rows;
    float *logits = NULL;
    MUST(scorer_open(&s, folder, &(base_model_options){0}, "reference", NULL));
    example examples[16] = {0};
    for (size_t i = 0; i < count; i++)
        examples[i] = (example){.texts = {{texts[i], strlen(texts[i])}}, .text_count = 1};
    MUST(encode_examples(&rows, &s.base_model.tokenizer, examples, count, 32));
    MUST(mem_new(&logits, count * s.base_model.config.classes));
    MUST(scorer_run(&s, logits, NULL, &rows, 64, NULL));
    encoded_free(&rows);
    scorer_close(&s);
    return logits;
}

static const char *const texts[] = {"영화 좋다", "a b.", "나다!", "화화화"};
enum { TEXTS = 4 };

CleanTest(predict, scores_are_softmax_and_the_best_come_first) {
    const char *folder = make_model();
    float *logits = logits_of(folder, texts, TEXTS);
    program_result r = RUN_WELL("predict", "-c", folder, "--device", "reference", "--json",
                                "--top-k", "2", texts[0], texts[1], texts[2], texts[3]);
    cJSON *list = objects(r.out);
    cr_assert_eq(cJSON_GetArraySize(list), TEXTS);
    for (int i = 0; i < TEXTS; i++) {
        const cJSON *one = cJSON_GetArrayItem(list, i);
        const cJSON *scores = cJSON_GetObjectItemCaseSensitive(one, "scores");
        const float *z = logits + 3 * i;
        double sum = 0, expected[3];
        for (int c = 0; c < 3; c++) sum += exp((double)z[c]);
        for (int c = 0; c < 3; c++) expected[c] = exp((double)z[c]) / sum;
        int best = 0, second = -1;
        for (int c = 1; c < 3; c++)
            if (z[c] > z[best]) best = c;
        for (int c = 0; c < 3; c++)
            if (c != best && (second < 0 || z[c] > z[second])) second = c;
        cr_assert_str_eq(text_of(list, i, "text"), texts[i]);
        cr_assert_str_eq(text_of(list, i, "label"), labels[best]);
        cr_assert_eq(number_of(one, "label_id"), best);
        cr_assert_lt(fabs(number_of(one, "score") - expected[best]), 1e-12);
        cr_assert_eq(cJSON_GetArraySize(scores), 2);
        cr_assert_str_eq(scores->child->string, labels[best]);
        cr_assert_str_eq(scores->child->next->string, labels[second]);
        cr_assert_lt(fabs(scores->child->next->valuedouble - expected[second]), 1e-12);
    }
    cJSON_Delete(list);
    mem_free(logits);
    // more than there are: all, as transformers has it
    r = RUN("predict", "-c", folder, "--device", "reference", "--json", "--top-k", "9", "a");
    list = objects(r.out);
    cr_assert_eq(cJSON_GetArraySize(cJSON_GetObjectItem(cJSON_GetArrayItem(list, 0), "scores")), 3);
    cJSON_Delete(list);
    r = RUN("predict", "-c", folder, "--top-k", "0", "a");
    cr_assert(r.exit_code == 2 &&
                  strstr(r.err, "--top-k expects a whole number from 1 to 4294967295, found '0'"),
              "%s", r.err);
}

Test(predict, several_labels_at_once_have_sigmoid_scores) {
    const char *folder = make_model();
    float *logits = logits_of(folder, texts, TEXTS);
    static const char *const kinds[] = {"multi_label_classification", "regression"};
    for (int k = 0; k < 2; k++) {
        model_folder_edit(folder, "config.json", k ? kinds[0] : "single_label_classification",
                          kinds[k]);
        program_result r = RUN("predict", "-c", folder, "--device", "reference", "--json", texts[0],
                               texts[1], texts[2], texts[3]);
        cr_assert_eq(r.exit_code, 0, "%s", r.err);
        cJSON *list = objects(r.out);
        int likely = 0, all = 0;
        for (int i = 0; i < TEXTS; i++) {
            const cJSON *item = cJSON_GetArrayItem(list, i), *one;
            const cJSON *scores = cJSON_GetObjectItem(item, "scores");
            for (int c = 0; c < 3; c++) {
                double z = (double)logits[3 * i + c], expected = k ? z : 1 / (1 + exp(-z));
                cr_assert_lt(fabs(number_of(scores, labels[c]) - expected), 1e-12, "%s", kinds[k]);
                likely += !k && z > 0;
            }
            // what it says: those that are likelier than not, the likeliest first
            double last = 1;
            cJSON_ArrayForEach(one, cJSON_GetObjectItem(item, "labels")) {
                cr_assert_leq(number_of(scores, one->valuestring), last, "%s", r.out);
                last = number_of(scores, one->valuestring);
                cr_assert_gt(last, 0.5, "%s", r.out);
                all++;
            }
        }
        cr_assert_eq(all, likely, "%s: %s", kinds[k], r.out);
        cr_assert(k || likely, "no label is likely: %s", r.out);
        cJSON_Delete(list);
        // the labels of a task are those of the model here, and change nothing else
        program_result again =
            RUN("predict", "-c", folder, "--device", "reference", "--json", "--task", "kor_hate",
                "--label-map", "hate=none,offensive=offensive,none=hate", texts[0]);
        cr_assert_eq(again.exit_code, 0, "%s", again.err);
        list = objects(again.out);
        const cJSON *scores = cJSON_GetObjectItem(cJSON_GetArrayItem(list, 0), "scores");
        double z = (double)logits[0], expected = k ? z : 1 / (1 + exp(-z));
        cr_assert_lt(fabs(number_of(scores, "none") - expected), 1e-12, "%s", again.out);
        cJSON_Delete(list);
    }
    mem_free(logits);
}

CleanTest(predict, every_line_has_one_answer) {
    static const char input[] = "영화\r\n\n좋다\n \r\n나다";
    static const char *const expected[] = {"영화", "", "좋다", " ", "나다"};
    const char *folder = make_model();
    int code;
    char *errors, *out = replies(folder, input, sizeof input - 1, &code, &errors);
    cr_assert_eq(code, 0, "%s", errors);
    cJSON *list = objects(out);
    cr_assert_eq(cJSON_GetArraySize(list), 5, "%s", out);
    for (int i = 0; i < 5; i++) cr_assert_str_eq(text_of(list, i, "text"), expected[i]);
    cJSON_Delete(list);
    mem_free(out);
    mem_free(errors);
    // a tab alone makes no pair of a line, which is said
    talk t;
    talk_start(&t, (const char *const[]){"predict", "-c", folder, "--device", "reference", NULL});
    say(&t, "가\t나\n다\n", 12);
    close(t.in);
    t.in = -1;
    out = hear(&t, SIZE_MAX);
    cr_assert_eq(talk_end(&t, &errors), 0, "%s", errors);
    cr_expect(strstr(errors, "a tab in 1 line was read as text: --pair makes pairs of such lines"),
              "%s", errors);
    mem_free(out);
    mem_free(errors);
    out = replies(folder, "", 0, &code, &errors);
    cr_assert(code == 0 && !*out && !*errors, "%s%s", out, errors);
    mem_free(out);
    mem_free(errors);
}

Test(predict, answers_while_the_input_is_open) {
    const char *folder = make_model();
    talk t;
    char *errors;
    talk_start(&t, (const char *const[]){"predict", "-c", folder, "--device", "reference", NULL});
    say(&t, "영화\n반쪽", strlen("영화\n반쪽"));
    char *first = hear(&t, 1);
    cr_assert_not_null(strstr(first, "영화\n"), "%s", first);
    cr_assert_null(strstr(first, "반쪽"), "%s", first);
    say(&t, " 문장\n", strlen(" 문장\n"));
    char *second = hear(&t, 1);
    cr_assert_not_null(strstr(second, "반쪽 문장\n"), "%s", second);
    cr_assert_eq(talk_end(&t, &errors), 0, "%s", errors);
    mem_free(first);
    mem_free(second);
    mem_free(errors);
}

Test(predict, lines_before_a_bad_one_are_answered) {
    static const struct {
        const char *input;
        size_t bytes;
        const char *message;
    } cases[] = {
        {"a\nb\n영\xec\x98\na\n", 10, "standard input:3: byte 4 of the line is not UTF-8"},
        {"a\nb\nx\0y\na\n", 10, "standard input:3: a 0 byte in the line"},
        {"a\nb\n\xff", 5, "standard input:3: byte 1 of the line is not UTF-8"},
    };
    const char *folder = make_model();
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int code;
        char *errors, *out = replies(folder, cases[i].input, cases[i].bytes, &code, &errors);
        cJSON *list = objects(out);
        cr_assert_eq(code, 1, "case %zu", i);
        cr_assert_eq(cJSON_GetArraySize(list), 2, "case %zu: %s", i, out);
        cr_assert_not_null(strstr(errors, cases[i].message), "case %zu: %s", i, errors);
        cJSON_Delete(list);
        mem_free(out);
        mem_free(errors);
    }
    static const char pairs[] = "a\tb\nb\ta\nno pair\na\tb\n";
    MUST(file_write(temporary_path("pairs.txt"), pairs, sizeof pairs - 1));
    child_setup setup = {.in = temporary_path("pairs.txt")};
    program_result p = child_run(&setup, 60,
                                 (const char *const[]){"predict", "--json", "--pair", "--device",
                                                       "reference", "-c", folder, NULL});
    cJSON *answered = objects(p.out);
    cr_assert_eq(cJSON_GetArraySize(answered), 2, "%s", p.out);
    cr_assert(p.exit_code == 1 && strstr(p.err, "standard input:3"), "%d: %s", p.exit_code, p.err);
    cJSON_Delete(answered);
    program_result r = RUN("predict", "-c", folder, "fine", "\xff");
    cr_assert(r.exit_code == 2 && strstr(r.err, "sentence 2: byte 1 is not UTF-8"), "%s", r.err);
}

/* Writes the input from a process of its own, so that answers can be read meanwhile. */
static pid_t talk_feed(talk *t, const strbuf *input) {
    pid_t writer = fork();
    if (writer == 0) {
        close(t->out); // else the program would still have a reader
        for (size_t at = 0; at < input->length;) {
            ssize_t n = write(t->in, input->text + at, input->length - at);
            if (n <= 0) _exit(1);
            at += (size_t)n;
        }
        _exit(0);
    }
    close(t->in);
    t->in = -1;
    return writer;
}

Test(predict, many_lines_keep_their_order) {
    enum { LINES = 9001 };
    const char *folder = make_model();
    strbuf input = {0};
    talk t;
    char *errors;
    for (int i = 0; i < LINES; i++)
        MUST(strbuf_printf(&input, "%d%s\n", i, i % 7 ? "" : " 영화 좋다 나다 a b a b"));
    talk_start(&t, (const char *const[]){"predict", "-c", folder, "--device", "reference", NULL});
    pid_t writer = talk_feed(&t, &input);
    char *out = hear(&t, SIZE_MAX);
    const char *at = out, *wanted = input.text;
    for (int i = 0; i < LINES; i++) {
        // "label score  text"
        const char *text = strstr(at, "  ");
        size_t n = strcspn(wanted, "\n");
        cr_assert_not_null(text, "line %d: %.60s", i, at);
        while (text && (*text < '0' || *text > '9')) text++;
        text = strstr(text, "  ");
        cr_assert(text && !strncmp(text + 2, wanted, n + 1), "line %d: %.60s", i, at);
        at = text + 2 + n + 1;
        wanted += n + 1;
    }
    cr_assert(!*at, "more than was asked: %.60s", at);
    cr_assert_eq(talk_end(&t, &errors), 0, "%s", errors);
    waitpid(writer, NULL, 0);
    mem_free(out);
    mem_free(errors);
    strbuf_free(&input);
}

/* `harness predict | head -c 1`: more answers than a pipe holds, and the reader leaves. Nothing is
 * said, and the exit code is what a shell shows of a program that SIGPIPE killed. */
Test(predict, a_reader_that_leaves_ends_it) {
    enum { LINES = 40000 };
    const char *folder = make_model();
    strbuf input = {0};
    char first, *errors;
    talk t;
    for (int i = 0; i < LINES; i++) MUST(strbuf_printf(&input, "%d\n", i));
    talk_start(&t, (const char *const[]){"predict", "-c", folder, "--device", "reference", NULL});
    pid_t writer = talk_feed(&t, &input);
    cr_assert_eq(read(t.out, &first, 1), 1);
    cr_assert_eq(talk_end(&t, &errors), 141, "%s", errors);
    cr_assert_str_eq(errors, "");
    waitpid(writer, NULL, 0);
    mem_free(errors);
    strbuf_free(&input);
}

static int file_of(const void *bytes, size_t count) {
    const char *path = temporary_path("lines");
    MUST(file_write(path, bytes, count));
    int fd = open(path, O_RDONLY);
    cr_assert_geq(fd, 0);
    return fd;
}

CleanTest(line_reader, windows_hold_what_was_asked_for) {
    line_reader r;
    int fd = file_of("1\n2\n3\r\n4\n5", 10);
    line_reader_init(&r, fd, "f");
    static const char *const expected[] = {"1", "2", "3", "4", "5"};
    size_t seen = 0;
    for (size_t most = 2; seen < 5; most = 2) {
        MUST(line_reader_window(&r, most));
        cr_assert_eq(r.count, seen == 4 ? 1 : 2);
        for (size_t i = 0; i < r.count; i++) cr_assert_str_eq(r.lines[i], expected[seen + i]);
        seen += r.count;
    }
    MUST(line_reader_window(&r, 2));
    cr_assert_eq(r.count, 0);
    line_reader_free(&r);
    close(fd);
}

/* One, before the first line, as files have it; also where it comes in two pieces. */
Test(line_reader, a_byte_order_mark_is_no_text) {
    static const char mark[] = "\xEF\xBB\xBF";
    static const struct {
        const char *text;
        size_t count;
        const char *lines[2];
    } cases[] = {
        {"\xEF\xBB\xBF가\n\xEF\xBB\xBF나", 2, {"가", "\xEF\xBB\xBF나"}},
        {"\xEF\xBB\xBF\xEF\xBB\xBF가\n", 1, {"\xEF\xBB\xBF가", NULL}},
        {"\xEF\xBB\xBF\n가", 2, {"", "가"}},
        {"\xEF\xBB\xBF", 0, {NULL, NULL}},
    };
    line_reader r;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int fd = file_of(cases[i].text, strlen(cases[i].text));
        line_reader_init(&r, fd, "f");
        MUST(line_reader_window(&r, 100));
        cr_assert_eq(r.count, cases[i].count, "%zu: %zu", i, r.count);
        for (size_t k = 0; k < r.count; k++) cr_assert_str_eq(r.lines[k], cases[i].lines[k]);
        line_reader_free(&r);
        close(fd);
    }
    int ends[2];
    cr_assert_eq(pipe(ends), 0);
    line_reader_init(&r, ends[0], "pipe");
    cr_assert_eq(write(ends[1], mark, 2), 2);
    pid_t writer = fork();
    if (!writer) {
        usleep(5 * LINE_MOMENT_MS * 1000);
        _exit(write(ends[1], "\xBF\na\n", 5) != 5);
    }
    close(ends[1]);
    MUST(line_reader_window(&r, 100));
    cr_assert_eq(r.count, 2, "%zu", r.count);
    cr_assert_str_eq(r.lines[0], "");
    cr_assert_str_eq(r.lines[1], "a");
    cr_assert_eq(waitpid(writer, NULL, 0), writer);
    line_reader_free(&r);
    close(ends[0]);
    // before a later line it is text, in a window of its own too
    int fd = file_of("a\n\xEF\xBB\xBFz\n", 7);
    line_reader_init(&r, fd, "f");
    MUST(line_reader_window(&r, 1));
    MUST(line_reader_window(&r, 1));
    cr_assert_str_eq(r.lines[0], "\xEF\xBB\xBFz");
    line_reader_free(&r);
    close(fd);
    // lines that end with a 0 byte are taken as they are
    fd = file_of("\xEF\xBB\xBF가", 7);
    line_reader_init_raw(&r, fd, "f", true);
    MUST(line_reader_window(&r, 100));
    cr_assert_eq(r.sizes[0], 6);
    line_reader_free(&r);
    close(fd);
}

CleanTest(line_reader, long_lines_bound_the_window) {
    enum { LONG = LINE_LIMIT_BYTES, LINES = 12 };
    char *bytes = NULL;
    line_reader r;
    MUST(mem_new(&bytes, (size_t)LINES * (LONG + 1) + LONG + 1));
    memset(bytes, 'x', (size_t)LINES * (LONG + 1) + LONG + 1);
    for (size_t i = 1; i <= LINES; i++) bytes[i * (LONG + 1) - 1] = '\n';
    int fd = file_of(bytes, (size_t)LINES * (LONG + 1) + LONG + 1);
    line_reader_init(&r, fd, "f");
    size_t seen = 0, windows = 0;
    while (seen < LINES) {
        MUST(line_reader_window(&r, 4096));
        cr_assert_gt(r.count, 0);
        for (size_t i = 0; i < r.count; i++) cr_assert_eq(strlen(r.lines[i]), LONG);
        cr_assert_leq(r.capacity, 16u << 20);
        seen += r.count;
        windows++;
    }
    cr_assert_geq(windows, 2);
    // the last line is one byte too long
    MUST_FAIL(line_reader_window(&r, 4096), ERR_FORMAT,
              "f:13: the line is longer than 1048576 bytes");
    line_reader_free(&r);
    close(fd);
    mem_free(bytes);
}

Test(line_reader, a_pause_ends_the_window) {
    line_reader r;
    int ends[2];
    cr_assert_eq(pipe(ends), 0);
    line_reader_init(&r, ends[0], "pipe");
    cr_assert_eq(write(ends[1], "a\nb\nhalf", 8), 8);
    double begin = clock_seconds();
    MUST(line_reader_window(&r, 100));
    cr_assert_lt(clock_seconds() - begin, 30);
    cr_assert_eq(r.count, 2);
    cr_assert_eq(write(ends[1], " a line\n", 8), 8);
    MUST(line_reader_window(&r, 100));
    cr_assert_eq(r.count, 1);
    cr_assert_str_eq(r.lines[0], "half a line");
    close(ends[1]);
    MUST(line_reader_window(&r, 100));
    cr_assert_eq(r.count, 0);
    line_reader_free(&r);
    close(ends[0]);
    int fd = open("/", O_RDONLY);
    line_reader_init(&r, fd, "folder");
    MUST_FAIL(line_reader_window(&r, 1), ERR_IO, "folder: cannot read: ");
    line_reader_free(&r);
    close(fd);
}
