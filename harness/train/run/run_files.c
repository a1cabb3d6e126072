#include "train/run/run_internal.h"

#include "base/log.h"
#include "base/memory.h"
#include "platform/file.h"
#include "train/run/model_card.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static const char marker[] = "unfinished.json";
enum { MARKER_LIMIT_BYTES = 1 << 20 };

err run__path(char **path, const run *r, const char *name) {
    return path_join(path, r->output, name);
}

/* Adds text in lower case, everything but letters, digits, '.' and '_' as one '-'. */
static err add_plain(strbuf *out, const char *text, size_t most) {
    err e = ERR_OK;
    bool gap = false;
    for (size_t used = 0; !e && *text && used < most; text++) {
        char c = *text >= 'A' && *text <= 'Z' ? (char)(*text + 32) : *text;
        bool keep = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '_';
        if (!keep) {
            gap = used > 0;
            continue;
        }
        if (gap && (e = strbuf_add(out, "-"))) break;
        gap = false;
        e = strbuf_add_bytes(out, &c, 1);
        used++;
    }
    return e;
}

/* runs/<task>/<model>-<device>-s<seed>; the sample has folders of its own. */
static err default_output(run *r) {
    const device_info *d = &r->device.info;
    const char *where = d->kind == DEVICE_CPU         ? "cpu"
                        : d->kind == DEVICE_REFERENCE ? "reference"
                                                      : d->name;
    strbuf path = {0};
    err e = strbuf_printf(&path, "runs/%s/", r->task.name);
    if (!e) e = add_plain(&path, r->request.model, 40);
    if (!e) e = strbuf_add(&path, "-");
    if (!e) e = add_plain(&path, where, 24);
    if (!e) e = strbuf_printf(&path, "-s%u%s", r->request.seed, r->request.sample ? "-sample" : "");
    if (!e) e = mem_strdup(&r->output, path.text);
    strbuf_free(&path);
    return e;
}

/* Two runs that write one folder would ruin each other's checkpoints. The lock ends with the
 * process, however that ends. */
static err lock(run *r) {
    char *path = NULL;
    struct flock whole = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    err e = run__path(&path, r, ".lock");
    if (e) return e;
    r->lock = fopen(path, "wb");
    if (!r->lock) {
        e = err_set(ERR_IO, "%s: cannot write: %s", path, strerror(errno));
    } else if (fcntl(fileno((FILE *)r->lock), F_SETLK, &whole) &&
               (errno == EACCES || errno == EAGAIN)) {
        // a file system without locks is used without
        e = err_set(ERR_IO,
                    "%s: another run is at work in this folder; wait for it, or name another one "
                    "with --output-dir",
                    r->output);
    }
    mem_free(path);
    return e;
}

err run__output_open(run *r) {
    err e = r->request.output ? mem_strdup(&r->output, r->request.output) : default_output(r);
    if (e || (e = folder_check_writable(r->output)) || (e = lock(r))) return e;
    return folder_clear_temporary(r->output);
}

void run__output_close(run *r) {
    if (r->lock) fclose((FILE *)r->lock); // gives the lock back; the file stays
    mem_free(r->output);
    r->lock = NULL;
    r->output = NULL;
}

/* --- who the run is ------------------------------------------------------------------------------
 */

err run__identify(run *r) {
    char recipe_hex[HASH_HEX_BYTES], version[24], seed[16], rows[64];
    err e = recipe_digest(&r->request.recipe, recipe_hex);
    if (e) return e;
    snprintf(version, sizeof version, "%" PRId64, r->task.version);
    snprintf(seed, sizeof seed, "%u", r->request.seed);
    snprintf(rows, sizeof rows, "%zu", r->train.count);
    const struct {
        const char *key, *value;
    } fields[] = {
        {"task", r->task.name},
        {"task version", version},
        {"data", r->data.data_sha256},
        {"training rows", rows},
        {"model", r->source.name},
        {"weights", r->weights.sha256[0] ? r->weights.sha256 : "from scratch"},
        {"vocabulary", r->source.vocab_sha256},
        {"recipe", recipe_hex},
        {"protocol", run_protocol_name(r->request.protocol)},
        {"precision", device_precision_name(r->device.options.precision)},
        {"seed", seed},
    };
    if (!(r->identity = cJSON_CreateObject()))
        return err_set(ERR_MEMORY, "out of memory while preparing the run");
    for (size_t i = 0; !e && i < sizeof fields / sizeof *fields; i++)
        e = json_add_string(r->identity, fields[i].key, fields[i].value);
    return e;
}

/* The id of the unfinished run in the folder, NULL when there is none; owned. */
static err read_marker(char **id, const run *r) {
    char *path = NULL;
    cJSON *root = NULL;
    const char *text = NULL;
    *id = NULL;
    err e = run__path(&path, r, marker);
    if (!e && file_exists(path)) {
        if (!(e = json_read(&root, path, MARKER_LIMIT_BYTES)) &&
            !(e = json_string(&text, root, "run", path)))
            e = mem_strdup(id, text);
    }
    cJSON_Delete(root);
    mem_free(path);
    return e;
}

static err write_marker(run *r) {
    char *path = NULL;
    struct timespec now;
    cJSON *root = NULL, *identity = NULL;
    clock_gettime(CLOCK_REALTIME, &now);
    // tells this run's checkpoints from those of another run in the same folder
    err e =
        mem_printf(&r->id, "%lld.%09ld-%ld", (long long)now.tv_sec, now.tv_nsec, (long)getpid());
    if (e || (e = run__path(&path, r, marker))) goto done;
    root = cJSON_CreateObject();
    identity = cJSON_Duplicate(r->identity, true);
    if (!root || !identity || !cJSON_AddItemToObject(root, "identity", identity)) {
        cJSON_Delete(identity);
        e = err_set(ERR_MEMORY, "out of memory while preparing the run");
        goto done;
    }
    if ((e = json_add_string(root, "run", r->id))) goto done;
    e = json_write(path, root);
done:
    cJSON_Delete(root);
    mem_free(path);
    return e;
}

static err resume(run *r, char *id) {
    char *path = NULL;
    checkpoint_run state = {.id = id, .identity = r->identity};
    err e = checkpoint_find(&path, r->output, id);
    if (e) return e;
    if (!path) {
        log_note("%s: no checkpoint of the unfinished run: starting over", r->output);
        return write_marker(r);
    }
    if (!(e = checkpoint_read(&r->trainer, &state, path))) {
        (void)run__judge(r, 0);
        r->resumed_at = r->saved_at = r->trainer.done;
        e = mem_strdup(&r->id, id);
        log_note("resuming %s after step %u of %u", path, r->trainer.done, r->trainer.total_steps);
    }
    mem_free(path);
    return e;
}

err run__begin(run *r) {
    char *id = NULL;
    err e = read_marker(&id, r);
    if (e && !r->request.overwrite) return e;
    err_clear();
    if (id && r->request.resume) {
        e = resume(r, id);
    } else if (id && !r->request.overwrite) {
        e = err_set(
            ERR_USAGE,
            "%s holds an unfinished run: go on with --resume, or start over with --overwrite",
            r->output);
    } else {
        if (r->request.resume && !r->request.resume_if_any)
            log_note("%s: nothing to resume: starting from the first step", r->output);
        e = id ? checkpoint_clear(r->output, NULL) : ERR_OK;
        if (!e) e = write_marker(r);
    }
    mem_free(id);
    return e;
}

/* --- disk ----------------------------------------------------------------------------------------
 */

err run__check_disk(const run *r) {
    const recipe *p = &r->request.recipe;
    uint64_t one = trainer_checkpoint_bytes(&r->trainer), free_bytes = 0, saves = 0;
    if (p->save_steps) saves = r->trainer.total_steps / p->save_steps;
    // one more is written before the oldest goes
    if (p->save_total_limit && saves > p->save_total_limit) saves = p->save_total_limit + 1;
    uint64_t models =
        r->request.protocol == PROTOCOL_DEV ? 3 : 2; // the final one twice while it is written
    uint64_t need = saves * one + models * (one / 3);
    err e = folder_free_bytes(&free_bytes, r->output);
    if (e || need <= free_bytes) return e;
    return err_set(ERR_IO,
                   "%s: %" PRIu64
                   " checkpoints and the final model need %.1f MB, the disk has %.1f MB "
                   "free; save less often (--save-steps, --save-total-limit)",
                   r->output, saves, (double)need / 1e6, (double)free_bytes / 1e6);
}

err run__save(void *context, trainer *t) {
    run *r = context;
    checkpoint_run state = {r->id, r->identity, r->best.score, r->best.step};
    err e = checkpoint_write(r->output, t, &r->source.words, &state,
                             r->request.recipe.save_total_limit);
    if (!e) r->saved_at = t->done;
    return e;
}

/* --- end -----------------------------------------------------------------------------------------
 */

/* Moves a complete folder to its place. */
static err replace_folder(const char *from, const char *to) {
    err e = folder_remove(to);
    return e ? e : folder_rename_durable(from, to);
}

err run__keep_model(run *r) {
    char *fresh = NULL, *final = NULL;
    err e = ERR_OK;
    if ((e = run__path(&fresh, r, "partial-model"))) goto done;
    if ((e = run__path(&final, r, "model"))) goto done;
    if ((e = folder_remove(fresh))) goto done;
    if ((e = model_folder_write(fresh, &r->trainer.model, &r->source.words))) goto done;
    if ((e = model_card_write(fresh, r))) goto done;
    e = replace_folder(fresh, final);
done:
    mem_free(fresh);
    mem_free(final);
    return e;
}

err run__end(run *r) {
    char *best = NULL, *mark = NULL;
    err e = ERR_OK;
    if ((e = run__path(&best, r, "best"))) goto done;
    if ((e = run__path(&mark, r, marker))) goto done;
    if ((e = folder_remove(best))) goto done;
    if ((e = checkpoint_clear(r->output, r->id))) goto done; // those of the run this one replaces
    if (unlink(mark) && errno != ENOENT) e = err_set(ERR_IO, "%s: %s", mark, strerror(errno));
done:
    mem_free(best);
    mem_free(mark);
    return e;
}
