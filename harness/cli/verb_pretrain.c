/* `harness pretrain`: trains a masked language model on a corpus. */
#include "base/log.h"
#include "base/memory.h"
#include "base/shown.h"
#include "cli/dry_run.h"
#include "cli/kept_checkpoints.h"
#include "cli/model_flag.h"
#include "cli/options.h"
#include "cli/pretrain_record.h"
#include "cli/pretrain_view.h"
#include "cli/unknown_share.h"
#include "cli/warmup.h"
#include "data/masking.h"
#include "platform/file.h"
#include "result/sweep.h"
#include "train/group/launch.h"
#include "train/group/rank_device.h"
#include "train/pretrain/pretrain.h"

enum { TOKENS_PER_BATCH = 4096, SEED = 42, MAX_LENGTH = 128, LOGGING_STEPS = 100 };

/* The recipe that the prototype learned by; flags win. */
static err choose_recipe(recipe *r, const options *o) {
    static const struct {
        const char *key;
        double usual;
    } list[] = {{"learning_rate", 1e-3},
                {"num_train_epochs", 1},
                {"per_device_train_batch_size", 32},
                {"warmup_steps", 500},
                {"weight_decay", 0.01},
                {"adam_beta2", 0.98},
                {"adam_epsilon", 1e-6},
                {"dropout", 0},
                {"max_length", MAX_LENGTH},
                {"logging_steps", LOGGING_STEPS},
                {"save_total_limit", 2}};
    const hyperparameter *h;
    flag_value v;
    err e = ERR_OK;
    recipe_defaults(r);
    for (size_t i = 0; !e && i < sizeof list / sizeof *list; i++)
        e = recipe_set_number(r, list[i].key, list[i].usual);
    for (size_t i = 0; !e && (h = recipe_row(i)); i++)
        if (options_given(&v, o, h->key))
            e = v.text ? recipe_set_text(r, h->key, v.text)
                       : recipe_set_number(r, h->key, v.number);
    if (!e) e = warmup_check(r, o);
    if (!e && !schedule_has_warmup(r->lr_scheduler_type)) r->warmup_steps = 0;
    return e;
}

static err make_request(pretrain_request *q, const options *o, char *const *words, size_t count,
                        struct group *g) {
    if (!o->model)
        return err_set(ERR_USAGE, "pretrain needs --model M: a preset, folder or hub name");
    if (o->has_tokens_per_batch && o->has_per_device_train_batch_size)
        return err_set(ERR_USAGE, "--tokens-per-batch and --batch-size exclude each other");
    if (o->has_mlm_probability && !(o->mlm_probability >= MASKING_LEAST && o->mlm_probability <= 1))
        return options_range_error("mlm-probability", SHOWN_NUMBER(o->mlm_probability),
                                   "2^-32 to 1");
    if (o->has_max_minutes && !(o->max_minutes > 0))
        return options_range_error("max-minutes", SHOWN_NUMBER(o->max_minutes), "above 0");
    *q = (pretrain_request){.run = {.model = o->model,
                                    .data_dir = o->data_dir,
                                    .task_dir = o->task_dir,
                                    .from_scratch = o->from_scratch,
                                    .cased = o->cased,
                                    .seed = o->has_seed ? o->seed : SEED,
                                    .precision = o->precision,
                                    .threads = o->threads,
                                    .validation = o->validation,
                                    .offline = o->offline,
                                    .output = o->output_dir,
                                    .root = "runs/pretrain",
                                    .resume = o->resume,
                                    .overwrite = o->overwrite,
                                    .tensorboard = o->tensorboard,
                                    .is_dry = o->dry_run,
                                    .shards = o->shards,
                                    .group = g},
                            .corpus = (const char *const *)words,
                            .corpus_count = count,
                            .vocab = o->vocab,
                            .tokens_per_batch = o->has_per_device_train_batch_size ? 0
                                                : o->has_tokens_per_batch ? o->tokens_per_batch
                                                                          : TOKENS_PER_BATCH,
                            .mlm_probability = o->has_mlm_probability ? o->mlm_probability : 0.15,
                            .max_minutes = o->max_minutes,
                            .whole_word = o->whole_word,
                            .split_long = o->split_long,
                            .is_usual_rate = !o->has_learning_rate,
                            .is_usual_warmup = !o->has_warmup_steps};
    err e = model_flag_arch(&q->run.arch, o);
    if (!e) e = device_check_parse(&q->run.check_device, o->check_device);
    return e ? e : choose_recipe(&q->run.recipe, o);
}

static err finish(pretrain *p) {
    char path[PATH_MAX];
    err e = pretrain_keep_model(p);
    if (!e) e = path_in(path, p->run.output, "record.json");
    if (!e) e = pretrain_record_write(path, p);
    return e ? e : run_finish(&p->run);
}

static err show_end(const pretrain *p, bool as_json, bool is_dry) {
    const tokenizer *words = &p->run.base_model.tokenizer;
    bool known = !p->run.is_finished && words->mask_id != TOKENIZER_NO_ID;
    err e =
        pretrain_view(p->run.output, known ? tokenizer_text(words, words->mask_id) : NULL, as_json);
    if (!e && is_dry && !as_json)
        shown_line("finished already, in %s: nothing would be trained", p->run.output);
    return e;
}

static void note(const char *label, const char *text) {
    log_note("%s%s", label, text);
}

static err train(pretrain *p, const options *o) {
    warmup_warn(&p->run.trainer);
    pretrain_warn_absent(p);
    err e = unknown_share_warn_store(&p->run.base_model.tokenizer, &p->train);
    if (e || o->dry_run) return e ? e : dry_run_pretrain(p, o->json);
    if (group_writes(p->run.request.group)) {
        pretrain_plan(p, note);
        log_note("output  %s", p->run.output);
    }
    e = pretrain_train(p);
    if (e == ERR_INTERRUPTED && p->run.saved_at)
        log_note("saved; go on with the same command and --resume");
    return e || !group_writes(p->run.request.group) ? e : finish(p);
}

static err pretrain_command(const void *context, struct group *g) {
    const options *o = context;
    pretrain p = {.run = {.lock = -1}};
    pretrain_request q;
    char **words = NULL, *own_device = NULL;
    size_t count = 0;
    if (!o->corpus) return err_set(ERR_USAGE, "pretrain needs --corpus NAME or --corpus FILE[,FILE...]");
    err e = words_split(&words, &count, o->corpus, "corpus");
    if (!e) e = make_request(&q, o, words, count, g);
    if (!e) e = rank_device(&own_device, &q.run.threads, g, o->device);
    q.run.device = own_device;
    if (!e) e = pretrain_open(&p, &q);
    if (!e && p.run.is_finished && group_writes(g)) e = pretrain_finished_note(&p.run);
    if (!e && !p.run.is_finished) e = train(&p, o);
    if (!e && group_writes(g) && (p.run.is_finished || !o->dry_run)) {
        e = show_end(&p, o->json, o->dry_run);
        kept_checkpoints_say(&p.run);
    }
    pretrain_close(&p);
    words_free(words, count);
    mem_free(own_device);
    return e;
}

err verb_pretrain(const options *o) {
    return launch_run("pretrain", pretrain_command, o, o->device, o->ranks);
}
