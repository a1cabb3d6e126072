#include "base/json.h"
#include "base/log.h"
#include "base/memory.h"
#include "cli/predict_job.h"
#include "platform/file.h"
#include "platform/stream.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* Seconds after which the rows are put on the disk again, which takes a slow one some of a second. */
enum { KEEP_SECONDS = 10 };
#define KEPT_BYTES_MOST (INT64_C(1) << 53) /* whole numbers up to it are numbers of JSON */

static void hash_labels(char hex[HASH_HEX_BYTES], const predictor *p) {
    sha256 h;
    sha256_begin(&h);
    for (uint32_t k = 0; k < p->classes; k++) {
        char fallback[24];
        const char *name = predictor_label(p, k, fallback);
        sha256_add(&h, name, strlen(name) + 1);
    }
    sha256_end_hex(&h, hex);
}

/* All that config.json says, for it decides what the weights mean. */
static err hash_config(char hex[HASH_HEX_BYTES], const predictor *p) {
    cJSON *config = NULL;
    char *text = NULL;
    err e = model_config_json(&config, &p->scorer.base_model.config);
    if (!e) e = json_print(&text, config, false);
    if (!e) hash_bytes_hex(text, strlen(text), hex);
    mem_free(text);
    cJSON_Delete(config);
    return e;
}

err predict__maker_describe(predict_job *j) {
    const predictor *p = j->p;
    const device_info *d = &p->scorer.device.info;
    char digest[HASH_HEX_BYTES], labels[HASH_HEX_BYTES], config[HASH_HEX_BYTES];
    j->maker = cJSON_CreateObject();
    err e = params_digest(&p->scorer.model.params, digest);
    if (!e) e = hash_config(config, p);
    if (!e) hash_labels(labels, p);
    if (!e)
        e = json_put(j->maker,
                     "unfinished_predictions %d weights %s cased %d vocabulary %s label_names %s "
                     "configuration %s device %s "
                     "precision %s max_length %u batch_size %u text %s text_pair %s columns %s "
                     "scores %d",
                     1, digest, !p->scorer.base_model.tokenizer.lowercase,
                     p->scorer.base_model.vocab_sha256, labels, config, d->name,
                     device_precision_name(p->scorer.device.options.precision), p->max_length,
                     p->batch_size, j->text, j->pair, j->form.names[0], j->options->scores);
    if (!e && p->in_units) // what --task says of the texts
        e = json_put(j->maker, "unit %s", p->unit == UNIT_WORD ? "word" : "character");
    return e;
}

/* How a key of the state is called; of one whose value is a digest, what differs. */
static const struct {
    const char *key, *words;
    bool is_digest;
} makers[] = {{"unfinished_predictions", "state of version", false},
              {"weights", "other weights", true},
              {"cased", "cased", false},
              {"vocabulary", "another vocabulary", true},
              {"label_names", "other names of labels", true},
              {"configuration", "another config.json", true},
              {"device", "device", false},
              {"precision", "precision", false},
              {"max_length", "a maximum length of", false},
              {"batch_size", "a batch size of", false},
              {"text", "texts of column", false},
              {"text_pair", "second texts of column", false},
              {"columns", "answers that begin with column", false},
              {"scores", "scores", false},
              {"unit", "unit", false}};

static err refuse_maker(const predict_job *j, const char *key, const cJSON *was, const cJSON *is) {
    size_t i = 0;
    char *found = NULL, *wanted = NULL;
    while (strcmp(makers[i].key, key) != 0) i++;
    const bool is_short = !makers[i].is_digest;
    err e = is_short && was ? json_print(&found, was, false) : ERR_OK;
    if (!e && is_short) e = json_print(&wanted, is, false);
    if (!e)
        e = err_set(ERR_DATA,
                    "%s: cannot go on: the rows there were labelled with %s%s%.80s%s%.80s "
                    "(--overwrite begins anew)",
                    j->options->output, makers[i].words, is_short ? " " : "",
                    found      ? found
                    : is_short ? "that nothing says"
                               : "",
                    is_short ? ", and now it is " : "", is_short ? wanted : "");
    mem_free(found);
    mem_free(wanted);
    return e;
}

static err check_maker(const predict_job *j, const cJSON *then) {
    err e = ERR_OK;
    for (const cJSON *item = j->maker->child; item && !e; item = item->next) {
        const cJSON *was = cJSON_GetObjectItemCaseSensitive(then, item->string);
        if (!was || !cJSON_Compare(was, item, true)) e = refuse_maker(j, item->string, was, item);
    }
    return e;
}

/* How the rows begin that are on the disk. */
static err read_kept(predict_job *j, const cJSON *then) {
    static const char bytes_key[] = "kept_bytes", digest_key[] = "kept_sha256";
    const char *digest = NULL;
    int64_t bytes = 0;
    if (!json_has(then, bytes_key) && !json_has(then, digest_key)) {
        log_note("%s is of an older program: whether rows were changed is not seen", j->state);
        return ERR_OK;
    }
    err e = json_whole(&bytes, then, bytes_key, 0, KEPT_BYTES_MOST, j->state);
    if (!e) e = json_string(&digest, then, digest_key, j->state);
    if (e) return e;
    if (!hash_is_hex(digest, HASH_HEX_BYTES - 1))
        return err_set(ERR_FORMAT, "%s: key '%s' is '%.80s', expected 64 hex digits", j->state,
                       digest_key, digest);
    j->kept_bytes = (uint64_t)bytes;
    memcpy(j->kept_sha256, digest, HASH_HEX_BYTES);
    return ERR_OK;
}

err predict__maker_compare(predict_job *j) {
    static const char begins_anew[] = "cannot go on (--overwrite begins anew)";
    cJSON *then = NULL;
    err e =
        err_wrap(json_read(&then, j->state, 1 << 20), "%s: %s", j->options->output, begins_anew);
    if (!e) e = check_maker(j, then);
    if (!e) e = err_wrap(read_kept(j, then), "%s: %s", j->options->output, begins_anew);
    cJSON_Delete(then);
    return e;
}

/* Adds the output's next bytes, up to byte `end`; more than there are are none. */
static void add_written(predict_job *j, FILE *output, uint64_t end) {
    char some[1 << 16];
    size_t n = 1;
    while (n && j->written_bytes < end) {
        uint64_t left = end - j->written_bytes;
        n = fread(some, 1, left < sizeof some ? (size_t)left : sizeof some, output);
        sha256_add(&j->written, some, n);
        j->written_bytes += n;
    }
}

/* Of all that was written so far. */
static void hash_written(char hex[HASH_HEX_BYTES], const predict_job *j) {
    sha256 so_far = j->written;
    sha256_end_hex(&so_far, hex);
}

err predict__maker_check_rows(predict_job *j, FILE *output, uint64_t end, uint64_t seen) {
    char digest[HASH_HEX_BYTES];
    bool is_kept = j->kept_bytes <= seen;
    rewind(output);
    if (is_kept && j->kept_bytes) {
        add_written(j, output, j->kept_bytes);
        hash_written(digest, j);
        is_kept = !strcmp(digest, j->kept_sha256);
    }
    if (!is_kept)
        return err_set(ERR_DATA,
                       "%s: cannot go on: rows that were written there were changed, or are gone "
                       "(--overwrite begins anew)",
                       j->options->output);
    if (j->written_bytes > end) { // rows of a window that was not whole
        sha256_begin(&j->written);
        j->written_bytes = 0;
        rewind(output);
    }
    add_written(j, output, end);
    return j->written_bytes == end
               ? ERR_OK
               : err_set(ERR_IO, "%s: cannot read: %s", j->options->output, strerror(errno));
}

/* What it says as text, with how the rows begin. */
static err describe_all(strbuf *text, const predict_job *j) {
    char digest[HASH_HEX_BYTES];
    cJSON *all = cJSON_Duplicate(j->maker, true);
    hash_written(digest, j);
    err e = json_put(all, "kept_bytes %f kept_sha256 %s", (double)j->written_bytes, digest);
    if (!e) e = json_text(text, all);
    cJSON_Delete(all);
    return e;
}

/* Old rows go before their maker's name does: at no moment do they stand under another's. Nor do
 * they go before the new name is on the disk, which may be full. */
err predict__maker_write(predict_job *j) {
    file_writer w = {0};
    strbuf text = {0};
    err e = describe_all(&text, j);
    if (!e) e = file_writer_begin(&w, j->state);
    if (!e) e = file_writer_add(&w, text.text, text.length);
    if (!e) e = file_writer_sync(&w);
    if (!e && (!stream_cut(j->fd, (int64_t)j->written_bytes) || file_sync(j->fd)))
        e = err_set(ERR_IO, "%s: cannot write: %s", j->options->output, strerror(errno));
    if (!e) e = file_writer_commit(&w);
    file_writer_abort(&w);
    strbuf_free(&text);
    j->kept_at = clock_seconds();
    return e;
}

/* Whether there is something to say of an output that is ours still. */
static bool has_kept(const predict_job *j) {
    return j->state && j->has_begun && predict__in_place(j);
}

err predict__maker_keep_some(predict_job *j) {
    return has_kept(j) && clock_seconds() - j->kept_at > KEEP_SECONDS ? predict__maker_write(j)
                                                                      : ERR_OK;
}

err predict__maker_keep(predict_job *j, err e) {
    char *message = NULL;
    if (!has_kept(j)) return e;
    err kept = mem_strdup(&message, err_message(e));
    if (!kept) kept = predict__maker_write(j); // else it says less
    if (kept) err_clear();
    e = err_set(e, "%s", message ? message : err_message(e));
    mem_free(message);
    return e;
}
