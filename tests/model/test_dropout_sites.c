/* Where dropout stands in a training step of every family and head, by which rate, and that no two
 * places share a mask, which would tie what they drop. */
#include "model/head/head.h"
#include "support/must.h"
#include "support/tiny_model.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

enum { PLACES_MOST = 64 };
static const float HIDDEN = 0.125f, ATTENTION = 0.25f, CLASSIFIER = 0.5f;

/* A site, how often the forward and the backward draw for it, and the rate. */
typedef struct place {
    uint32_t site;
    float p;
    unsigned forward, backward;
} place;

typedef struct places {
    place list[PLACES_MOST];
    size_t count;
} places;

static void add(places *x, dropout_spec drop, bool backward, const char *what) {
    size_t i = 0;
    if (drop.p <= 0) return;
    while (i < x->count && x->list[i].site != drop.site) i++;
    if (i == x->count) {
        cr_assert_lt(x->count, PLACES_MOST);
        x->list[x->count++] = (place){.site = drop.site, .p = drop.p};
    }
    place *at = &x->list[i];
    cr_expect_float_eq(at->p, drop.p, 0, "%s: site %x has %g and %g", what, drop.site,
                       (double)at->p, (double)drop.p);
    at->forward += !backward;
    at->backward += backward;
}

static place *find(places *x, uint32_t site) {
    for (size_t i = 0; i < x->count; i++)
        if (x->list[i].site == site) return &x->list[i];
    return NULL;
}

/* dropout is its own backward: a site's first is the forward's. */
static void collect(places *x, const plan *p, const char *what) {
    for (int part = 0; part < PART_COUNT; part++)
        for (size_t i = 0; i < p->parts[part].count; i++) {
            const op *o = &p->parts[part].ops[i];
            switch (o->kind) {
            case OP_layernorm_fwd:
                add(x, o->as.layernorm_fwd.before, false, what);
                add(x, o->as.layernorm_fwd.after, false, what);
                break;
            case OP_layernorm_bwd:
                add(x, o->as.layernorm_bwd.before, true, what);
                add(x, o->as.layernorm_bwd.after, true, what);
                break;
            case OP_attention_fwd: add(x, o->as.attention_fwd.spec.drop, false, what); break;
            case OP_attention_bwd: add(x, o->as.attention_bwd.spec.drop, true, what); break;
            case OP_first_attention_fwd:
                add(x, o->as.first_attention_fwd.spec.drop, false, what);
                break;
            case OP_first_attention_bwd:
                add(x, o->as.first_attention_bwd.spec.drop, true, what);
                break;
            case OP_dropout:
                add(x, o->as.dropout.drop, find(x, o->as.dropout.drop.site) != NULL, what);
                break;
            default: break;
            }
        }
}

/* Takes a place off the list: it must be there, once each way. */
static void expect(places *x, uint32_t site, float p, const char *what) {
    place *at = find(x, site);
    cr_expect_not_null(at, "%s: nothing is dropped at %x", what, site);
    if (!at) return;
    cr_expect(at->forward == 1 && at->backward == 1, "%s: site %x is drawn %u and %u times", what,
              site, at->forward, at->backward);
    cr_expect_float_eq(at->p, p, 0, "%s: site %x has %g, expected %g", what, site, (double)at->p,
                       (double)p);
    *at = x->list[--x->count];
}

/* What a head drops, by transformers' modules; c: the classifier's rate, h: that of hidden layers. */
static const struct {
    const char *folder, *input, *head, *parser;
} rows[] = {
    {"bert_tiny", "", "c", ""},         {"roberta_tiny", "c", "c", ""},
    {"electra_tiny", "c", "c", ""},     {"distilbert_tiny", "", "c", ""},
    {"albert_tiny", "", "c", ""},       {"bert_tags_tiny", "", "c", ""},
    {"electra_tags_tiny", "", "c", ""}, {"distilbert_tags_tiny", "", "h", ""},
    {"bert_mlm_tiny", "", "", ""},      {"distilbert_mlm_tiny", "", "", ""},
    {"parser_tiny", "", "", "cccc"},
};

static void expect_layers(places *x, const model_config *c, const char *what) {
    expect(x, MODEL_SITE_EMBEDDINGS, HIDDEN, what);
    for (uint32_t l = 0; l < c->layers; l++) {
        uint32_t first = MODEL_SITE_LAYERS + l * MODEL_SITES_PER_LAYER;
        bool is_albert = !strcmp(c->family->model_type, "albert");
        bool is_distilbert = !strcmp(c->family->model_type, "distilbert");
        expect(x, first + MODEL_SITE_PROBABILITIES, ATTENTION, what);
        if (!is_distilbert) expect(x, first + MODEL_SITE_ATTENTION_OUTPUT, HIDDEN, what);
        if (!is_albert) expect(x, first + MODEL_SITE_OUTPUT, HIDDEN, what);
    }
}

static float rate_of(char letter) {
    return letter == 'h' ? HIDDEN : CLASSIFIER;
}

CleanTest(dropout_sites, are_each_drawn_once_by_their_rates) {
    const batch_capacity capacity = {
        .tokens = 48, .sentences = 4, .micros = 1, .max_length = 16, .chosen = 16};
    const model_training training = {.hidden_dropout = HIDDEN,
                                     .attention_dropout = ATTENTION,
                                     .classifier_dropout = CLASSIFIER,
                                     .max_grad_norm = 1,
                                     .beta1 = 0.9,
                                     .beta2 = 0.999,
                                     .eps = 1e-8f};
    const schedule rates = {SCHEDULE_linear, 1e-3, 0, 1};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const char *what = rows[i].folder;
        char path[600];
        tiny_model t = {0};
        model_config config;
        places found = {0};
        snprintf(path, sizeof path, "%s/tests/golden/%s/config.json", HARNESS_SOURCE_DIR, what);
        MUST(model_config_read(&config, path));
        if (strstr(what, "_mlm_")) config.head = &head_masked_lm;
        tiny_model_open(&t, "reference", &config, &capacity, &training, &rates, 0);
        collect(&found, &t.train, what);
        expect_layers(&found, &t.config, what);
        if (*rows[i].input) expect(&found, MODEL_SITE_HEAD_INPUT, rate_of(*rows[i].input), what);
        if (*rows[i].head) expect(&found, MODEL_SITE_HEAD, rate_of(*rows[i].head), what);
        for (uint32_t k = 0; rows[i].parser[k]; k++)
            expect(&found, MODEL_SITE_PARSER - k, rate_of(rows[i].parser[k]), what);
        cr_expect_eq(found.count, 0, "%s: %zu more, the first at %x", what, found.count,
                     found.list[0].site);
        // and nothing where nothing is trained
        found = (places){0};
        collect(&found, &t.eval, what);
        cr_expect_eq(found.count, 0, "%s: an evaluation drops", what);
        tiny_model_close(&t);
    }
}
