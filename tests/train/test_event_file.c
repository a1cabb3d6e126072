/* Event files, decoded here by the documented framing and by protocol buffers' wire format. */
#include "base/json.h"
#include "base/memory.h"
#include "platform/file.h"
#include "support/must.h"
#include "support/program.h"
#include "support/said.h"
#include "train/log/event_file.h"
#include "train/log/train_log.h"

#include <math.h>
#include <stdio.h>

typedef struct decoded {
    uint64_t step;
    double wall_time;
    char version[32];
    char tags[8][32];
    float values[8];
    size_t count;
} decoded;

static uint64_t whole(const uint8_t *b, int bytes) {
    uint64_t v = 0;
    for (int i = bytes; i-- > 0;) v = v << 8 | b[i];
    return v;
}

static uint64_t varint(const uint8_t *b, size_t *at) {
    uint64_t v = 0;
    for (unsigned shift = 0;; shift += 7) {
        v |= (uint64_t)(b[*at] & 127) << shift;
        if (!(b[(*at)++] & 128)) return v;
    }
}

static void decode_value(decoded *d, const uint8_t *b, size_t size) {
    cr_assert_lt(d->count, 8);
    for (size_t at = 0; at < size;) {
        uint64_t key = varint(b, &at);
        if (key == (1 << 3 | 2)) { // tag
            size_t n = (size_t)varint(b, &at);
            cr_assert_lt(n, sizeof d->tags[0]);
            memcpy(d->tags[d->count], b + at, n);
            at += n;
        } else if (key == (8 << 3 | 2) || key == (9 << 3 | 2)) { // what a plugin reads
            size_t n = (size_t)varint(b, &at);
            at += n;
        } else {
            cr_assert_eq(key, 2 << 3 | 5, "field %d of a value", (int)key >> 3); // simple_value
            memcpy(&d->values[d->count], b + at, 4);
            at += 4;
        }
    }
    d->count++;
}

static void decode_event(decoded *d, const uint8_t *b, size_t size) {
    *d = (decoded){0};
    for (size_t at = 0; at < size;) {
        uint64_t key = varint(b, &at);
        if (key == (1 << 3 | 1)) {
            memcpy(&d->wall_time, b + at, 8);
            at += 8;
        } else if (key == (2 << 3 | 0)) {
            d->step = varint(b, &at);
        } else {
            size_t n = (size_t)varint(b, &at), end = at + n;
            if (key == (3 << 3 | 2)) {
                memcpy(d->version, b + at, n);
                at = end;
                continue;
            }
            cr_assert_eq(key, 5 << 3 | 2, "field %d of an event", (int)key >> 3);
            while (at < end) {
                cr_assert_eq(varint(b, &at), 1 << 3 | 2);
                size_t inner = (size_t)varint(b, &at);
                decode_value(d, b + at, inner);
                at += inner;
            }
        }
    }
}

/* Events of a file; every checksum is checked. */
static size_t decode_file(decoded *out, size_t most, const char *path) {
    void *bytes = NULL;
    size_t size = 0, count = 0;
    MUST(file_read(&bytes, &size, path, 0));
    const uint8_t *b = bytes;
    for (size_t at = 0; at < size; count++) {
        cr_assert_lt(count, most);
        uint64_t n = whole(b + at, 8);
        cr_assert_leq(at + 16 + n, size);
        cr_assert_eq(whole(b + at + 8, 4), crc32c_masked(b + at, 8));
        cr_assert_eq(whole(b + at + 12 + n, 4), crc32c_masked(b + at + 12, (size_t)n));
        decode_event(&out[count], b + at + 12, (size_t)n);
        at += 16 + (size_t)n;
    }
    mem_free(bytes);
    return count;
}

Test(event_file, checksums_are_crc_32c) {
    // the check value of CRC-32C; 32 bytes of 0 and of 255 and a rising row, as in RFC 3720 B.4
    uint8_t zeros[32] = {0}, ones[32], rising[32];
    for (int i = 0; i < 32; i++) {
        ones[i] = 255;
        rising[i] = (uint8_t)i;
    }
    cr_assert_eq(crc32c("123456789", 9), 0xe3069283u);
    cr_assert_eq(crc32c(zeros, 32), 0x8a9136aau);
    cr_assert_eq(crc32c(ones, 32), 0x62a8ab43u);
    cr_assert_eq(crc32c(rising, 32), 0x46dd794eu);
    // masked: rotated right by 15 bits, plus a constant
    uint32_t crc = 0xe3069283u;
    cr_assert_eq(crc32c_masked("123456789", 9), ((crc >> 15) | (crc << 17)) + 0xa282ead8u);
}

static void add(event_file *f, uint32_t step) {
    MUST(event_file_add(
        f, step, (event_scalar[]){{"train/loss", 1.0 / step}, {"eval/mcc", -0.25 * step}}, 2));
}

CleanTest(event_file, events_read_back) {
    event_file f;
    decoded d[8];
    const char *path = temporary_path("events");
    MUST(event_file_open(&f, path, 0));
    add(&f, 5);
    add(&f, 300); // a step of two bytes
    event_file_close(&f);
    cr_assert_eq(decode_file(d, 8, path), 3);
    cr_assert_str_eq(d[0].version, "brain.Event:2");
    cr_assert(d[0].step == 0 && d[0].count == 0 && d[0].wall_time > 1.6e9);
    cr_assert(d[1].step == 5 && d[2].step == 300);
    cr_assert_eq(d[2].count, 2);
    cr_assert_str_eq(d[2].tags[0], "train/loss");
    cr_assert_str_eq(d[2].tags[1], "eval/mcc");
    cr_assert_float_eq(d[2].values[0], 1.0 / 300, 1e-9);
    cr_assert(d[2].values[1] == -75.0f);
}

CleanTest(event_file, a_resumed_run_keeps_what_came_before) {
    event_file f;
    decoded d[8];
    const char *path = temporary_path("events");
    static const uint32_t steps[] = {2, 4, 6};
    // what a kill may leave behind the last whole event: nothing, or part of one
    for (int torn = 0; torn < 2; torn++) {
        MUST(event_file_open(&f, path, 0));
        for (size_t i = 0; i < 3; i++) add(&f, steps[i]);
        if (torn) fwrite("\x20\0\0\0\0\0\0\0garbage", 1, 15, (FILE *)f.file);
        event_file_close(&f);
        MUST(event_file_open(&f, path, torn ? 9 : 4));
        add(&f, 9);
        event_file_close(&f);
        size_t n = decode_file(d, 8, path);
        cr_assert_eq(n, torn ? 5 : 4, "%zu events", n);
        cr_assert(d[2].step == 4 && d[n - 1].step == 9);
    }
    // a file that is none begins anew
    MUST(file_write(path, "no event file at all, but longer than a head", 44));
    MUST(event_file_open(&f, path, 4));
    add(&f, 6);
    event_file_close(&f);
    cr_assert_eq(decode_file(d, 8, path), 2);
}

// what is written can be read while the run goes on
Test(event_file, each_event_is_there_at_once) {
    event_file f;
    decoded d[8];
    const char *path = temporary_path("events");
    MUST(event_file_open(&f, path, 0));
    for (uint32_t step = 1; step <= 3; step++) {
        add(&f, step);
        cr_expect_eq(decode_file(d, 8, path), step + 1);
    }
    event_file_close(&f);
}

// of a file with one wrong byte, what stands before the event that holds it is kept
Test(event_file, a_changed_byte_ends_what_is_kept) {
    event_file f;
    uint8_t *bytes;
    size_t count, last;
    decoded d[8];
    const char *path = temporary_path("events");
    MUST(event_file_open(&f, path, 0));
    add(&f, 1);
    fflush((FILE *)f.file);
    last = (size_t)ftell((FILE *)f.file);
    add(&f, 2);
    event_file_close(&f);
    MUST(file_read((void **)&bytes, &count, path, 0));
    for (size_t at = last; at < count; at++) {
        bytes[at] ^= 1;
        MUST(file_write_quick(path, bytes, count));
        bytes[at] ^= 1;
        MUST(event_file_open(&f, path, 9));
        event_file_close(&f);
        cr_expect_eq(decode_file(d, 8, path), 2, "byte %zu of the event", at - last);
    }
    mem_free(bytes);
}

CleanTest(event_file, a_log_writes_both_under_trainers_tags) {
    train_log l;
    decoded d[8];
    const char *folder = temporary_path("out");
    const char *path = temporary_path("out/tensorboard/events.out.tfevents.harness");
    MUST(folder_make(folder));
    MUST(train_log_open(&l, folder, true, 0));
    MUST(train_log_add(&l, 3, 0.5, (log_value[]){{"loss", 0.75}, {"grad_norm", 2}}, 2));
    MUST(train_log_add(&l, 3, 0.5, (log_value[]){{"eval_accuracy", 0.875}}, 1));
    MUST(train_log_add(&l, 4, 0.75, (log_value[]){{"train_loss", 1}}, 1));
    train_log_close(&l);
    cr_assert_eq(decode_file(d, 8, path), 4);
    cr_assert_str_eq(d[1].tags[0], "train/loss");
    cr_assert_str_eq(d[1].tags[1], "train/grad_norm");
    cr_assert_str_eq(d[1].tags[2], "train/epoch");
    cr_assert(d[1].values[0] == 0.75f && d[1].values[2] == 0.5f);
    cr_assert_str_eq(d[2].tags[0], "eval/accuracy");
    cr_assert(d[2].step == 3 && d[2].values[0] == 0.875f);
    cr_assert_str_eq(d[3].tags[0], "train/train_loss");
    // going on from step 3 drops the end; a fresh run without events leaves none
    MUST(train_log_open(&l, folder, true, 3));
    train_log_close(&l);
    cr_assert_eq(decode_file(d, 8, path), 3);
    void *text = NULL;
    size_t size = 0;
    MUST(file_read(&text, &size, temporary_path("out/log.jsonl"), 0));
    cr_assert_str_eq(text, "{\"loss\":0.75,\"grad_norm\":2,\"epoch\":0.5,\"step\":3}\n"
                           "{\"eval_accuracy\":0.875,\"epoch\":0.5,\"step\":3}\n");
    mem_free(text);
    MUST(train_log_open(&l, folder, false, 0));
    train_log_close(&l);
    cr_assert_not(file_exists(path));
    MUST_FAIL(train_log_open(&l, temporary_path("none"), false, 0), ERR_IO,
              "none/log.jsonl: cannot write");
    train_log_close(&l);
}

/* What a cut or damaged file of events has lost comes again from log.jsonl, and is told; so is a file of
 * another content in its place. */
CleanTest(event_file, a_cut_file_is_whole_again) {
    const char *folder = temporary_path("out");
    const char *path = temporary_path("out/tensorboard/events.out.tfevents.harness");
    cJSON *arguments = cJSON_Parse("{\"seed\": 1}");
    void *whole = NULL;
    size_t size = 0;
    train_log l;
    decoded d[12];
    MUST(folder_make(folder));
    MUST(train_log_open(&l, folder, true, 0));
    MUST(train_log_add(&l, 2, 0.5, (log_value[]){{"loss", 0.75}}, 1));
    MUST(train_log_add(&l, 2, 0.5, (log_value[]){{"eval_accuracy", 0.875}}, 1));
    MUST(train_log_add(&l, 4, 0.75, (log_value[]){{"loss", 0.5}}, 1));
    train_log_close(&l);
    MUST(file_read(&whole, &size, path, 0));
    cr_assert_eq(decode_file(d, 12, path), 4);
    // what is left of it, and what is said
    const struct {
        size_t left;
        const char *said;
    } cases[] = {{size, NULL},
                 {size - 1, "could be kept): 1 event is written again from log.jsonl"},
                 {size - 100, "could be kept): 2 events are written again from log.jsonl"},
                 {50, "(0 of its 50 bytes could be kept): 3 events are written again"},
                 {0, "(0 of its 0 bytes could be kept): 3 events are written again"},
                 {5, "no event file of a run (0 of its 5 bytes could be kept): 3 events"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        size_t left = cases[i].left, n;
        MUST(file_write(path, left == 5 ? "hello" : whole, left));
        said_begin();
        MUST(train_log_open(&l, folder, true, 4));
        MUST(train_log_begin(&l, arguments));
        MUST(train_log_add(&l, 6, 1, (log_value[]){{"loss", 0.25}}, 1));
        train_log_close(&l);
        char *said = said_end();
        cr_expect(cases[i].said ? strstr(said, cases[i].said) && strstr(said, path) : !*said,
                  "case %zu: %s", i, said);
        mem_free(said);
        n = decode_file(d, 12, path);
        cr_assert_geq(n, 5, "case %zu: %zu", i, n);
        const decoded *last = d + n - 4;
        cr_expect(last[0].step == 2 && last[1].step == 2 && last[2].step == 4 && last[3].step == 6,
                  "case %zu", i);
        cr_expect(last[0].values[0] == 0.75f && last[0].values[1] == 0.5f, "case %zu", i);
        cr_expect(!strcmp(last[1].tags[0], "eval/accuracy") && last[1].values[0] == 0.875f);
        cr_expect(last[2].values[0] == 0.5f && last[2].values[1] == 0.75f, "case %zu", i);
        cr_expect_eq(n, left > 50 ? 5 : 7, "case %zu: %zu", i, n); // with what the run was told
    }
    cJSON_Delete(arguments);
    mem_free(whole);
}

/* A folder of events is a run's own when nothing else is in it. */
Test(event_file, a_folder_of_events_holds_nothing_else) {
    static const struct {
        const char *files[2];
        bool ours;
    } folders[] = {{{NULL, NULL}, true},
                   {{"events.out.tfevents.harness", NULL}, true},
                   {{"events.out.tfevents.harness", "notes"}, false},
                   {{"events.out.tfevents.harness2", NULL}, false},
                   {{"notes", NULL}, false}};
    const char *folder = temporary_path("events");
    bool ours = true;
    MUST(train_log_owns_events(&ours, folder));
    cr_expect_not(ours, "no folder");
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++) {
        MUST(folder_make(folder));
        for (size_t k = 0; k < 2 && folders[i].files[k]; k++) {
            char path[200];
            snprintf(path, sizeof path, "events/%s", folders[i].files[k]);
            MUST(file_write(temporary_path(path), "", 0));
        }
        MUST(train_log_owns_events(&ours, folder));
        cr_expect_eq(ours, folders[i].ours, "case %zu", i);
        MUST(folder_remove(folder));
    }
}

static bool holds(const char *path, const void *wanted, size_t count) {
    void *bytes = NULL;
    size_t size = 0;
    bool found = false;
    MUST(file_read(&bytes, &size, path, 0));
    for (size_t i = 0; !found && i + count <= size; i++)
        found = !memcmp((char *)bytes + i, wanted, count);
    mem_free(bytes);
    return found;
}
#define HOLDS(path, bytes) holds(path, bytes, sizeof bytes - 1)

/* Bytes as google's own library writes these messages (tests/peer/tensorboard_events.py reads a
 * run's with TensorBoard). */
CleanTest(event_file, texts_and_hyperparameters_are_the_plugins_messages) {
    const char *path = temporary_path("plugins");
    event_file f;
    const event_setting settings[] = {{.name = "lr", .number = 0.5},
                                      {.name = "kind", .text = "x"},
                                      {.name = "on", .number = 1, .is_truth = true},
                                      {.name = "no", .number = 0, .is_truth = true}};
    MUST(event_file_open(&f, path, 0));
    cr_assert(f.is_new);
    MUST(event_file_add_text(&f, "hi"));
    MUST(event_file_begin_run(&f, settings, 4));
    MUST(event_file_end_run(&f, 6));
    event_file_close(&f);
    // value: tag, metadata { plugin { name "text" } }, tensor { string, shape { dim { 1 } }, "hi" }
    cr_assert(HOLDS(path,
                    "\x0a\x11"
                    "args/text_summary\x4a\x08\x0a\x06\x0a\x04text\x42\x0c\x08\x07\x12\x04\x12"
                    "\x02\x08\x01\x42\x02hi"));
    cr_assert(HOLDS(path, "\x0a\x1c_hparams_/session_start_info\x4a"));
    cr_assert(HOLDS(path, "\x0a\x07hparams\x12"));
    cr_assert(HOLDS(path, "\x0a\x0f\x0a\x02lr\x12\x09\x11\x00\x00\x00\x00\x00\x00\xe0\x3f"));
    cr_assert(HOLDS(path, "\x0a\x0b\x0a\x04kind\x12\x03\x1a\x01x"));
    cr_assert(HOLDS(path, "\x0a\x08\x0a\x02on\x12\x02\x20\x01"));
    cr_assert(HOLDS(path, "\x0a\x08\x0a\x02no\x12\x02\x20\x00"));
    // data: session_end_info { status SUCCESS, a time }
    cr_assert(HOLDS(path, "\x0a\x1a_hparams_/session_end_info\x4a"));
    cr_assert(HOLDS(path, "\x22\x0b\x08\x01\x11"));
    // of step 0 they stay in a run that goes on; its end does not
    MUST(event_file_open(&f, path, 3));
    cr_assert_not(f.is_new);
    event_file_close(&f);
    cr_assert(HOLDS(path, "session_start_info"));
    cr_assert_not(HOLDS(path, "session_end_info"));
}

/* Who goes on without events keeps those of before; who begins anew without has none. */
Test(event_file, events_of_before_stay_with_their_run) {
    const log_value values[] = {{"loss", 1}};
    const char *folder = temporary_path("on"),
               *path = temporary_path("on/tensorboard/events.out.tfevents.harness");
    train_log l;
    MUST(folder_make(folder));
    for (uint32_t kept = 0; kept < 3; kept++) {
        MUST(train_log_open(&l, folder, !kept, kept));
        MUST(train_log_add(&l, kept + 1, 1, values, 1));
        train_log_close(&l);
        cr_expect(file_exists(path), "kept %u", kept);
    }
    MUST(train_log_open(&l, folder, false, 0));
    train_log_close(&l);
    cr_expect_not(file_exists(path));
}

CleanTest(event_file, a_new_log_begins_with_the_arguments) {
    train_log l;
    cJSON *arguments = cJSON_CreateObject();
    const char *volatile nothing = NULL; // no constant, which the compiler sees
    const char *folder = temporary_path("begun");
    const char *path = temporary_path("begun/tensorboard/events.out.tfevents.harness");
    MUST(json_put(arguments, "seed %u model %s pair %d none %s", 7u, "tiny", true, nothing));
    MUST(folder_make(folder));
    MUST(train_log_open(&l, folder, true, 0));
    MUST(train_log_begin(&l, arguments));
    MUST(train_log_add(&l, 4, 1, (log_value[]){{"test_accuracy", 0.5}}, 1));
    MUST(train_log_end(&l, 4));
    train_log_close(&l);
    cr_assert(HOLDS(path, "```json\n{"));
    cr_assert(HOLDS(path, "\x0a\x04seed\x12\x09\x11"));
    cr_assert(HOLDS(path, "\x0a\x04pair\x12\x02\x20\x01"));
    cr_assert_not(HOLDS(path, "\x0a\x04none\x12"));
    cr_assert(HOLDS(path, "test/accuracy"));
    cr_assert(HOLDS(path, "session_end_info"));
    // one that goes on has them already
    uint64_t before, after;
    MUST(file_size(&before, path));
    MUST(train_log_open(&l, folder, true, 4));
    MUST(train_log_begin(&l, arguments));
    train_log_close(&l);
    MUST(file_size(&after, path));
    cr_assert_eq(before, after);
    cJSON_Delete(arguments);
}
