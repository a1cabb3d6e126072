/* Checkpoints as they are found: names, types, heads, sizes, shards, and what is refused. */
#include "base/hash.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/rng.h"
#include "model/head/head.h"
#include "model/weights/safetensors.h"
#include "model/weights/tensors.h"
#include "model/weights/weights.h"
#include "platform/file.h"
#include "support/checkpoint_file.h"
#include "support/must.h"
#include "support/program.h"
#include "support/said.h"

#include <stdio.h>
#include <stdlib.h>

enum { SEED = 9 };
static const float range = 0.02f;

typedef struct fixture {
    device device;
    model_config config;
    params params;
    checkpoint_file file; /* of the parameters */
    char digest[HASH_HEX_BYTES];
    size_t live;
} fixture;

/* Every element another multiple of 1/64 below 4: exact in all three types. */
static void fill(params *ps) {
    for (size_t i = 0; i < ps->count; i++) {
        const param *p = &ps->list[i];
        float *v = NULL;
        MUST(mem_new(&v, p->count));
        for (size_t k = 0; k < p->count; k++)
            v[k] = (float)((int)((i * 37 + k * 11) % 255) - 127) / 64.0f;
        MUST(device_write_f32(p->p, v, p->count));
        mem_free(v);
    }
}

/* embedding 0: as the hidden size. */
static void open_family(fixture *f, const encoder_family *family, uint32_t embedding) {
    *f = (fixture){.live = mem_live_count()};
    MUST(device_open_named(&f->device, "reference", NULL));
    MUST(model_config_preset(&f->config, "tiny", 29));
    f->config.family = family;
    f->config.types = family->types_least;
    f->config.embedding = embedding;
    f->config.hidden = 12;
    f->config.heads = 3;
    f->config.intermediate = 20;
    f->config.positions = 16;
    f->config.classes = 3;
    MUST(params_init(&f->params, &f->device, &f->config, 0));
    fill(&f->params);
    MUST(params_digest(&f->params, f->digest));
    checkpoint_file_take(&f->file, &f->params);
}

static void open_fixture(fixture *f) {
    open_family(f, &encoder_bert, 0);
}

static void close_fixture(fixture *f) {
    checkpoint_file_free(&f->file);
    params_free(&f->params);
    device_close(&f->device);
    temporary_remove();
    cr_assert_eq(mem_live_count(), f->live);
}

static const char *single(const fixture *f, const char *type) {
    checkpoint_file_write(&f->file, temporary_path("model.safetensors"), 0, f->file.count, type);
    return temporary_folder();
}

/* Overwrites the parameters, so that what is there afterwards was loaded. */
static void spoil(fixture *f) {
    char digest[HASH_HEX_BYTES];
    MUST(params_draw(&f->params, 1, range, NULL));
    MUST(params_digest(&f->params, digest));
    cr_assert_str_neq(digest, f->digest);
}

static void loads_equal(fixture *f, const char *folder, const char *what) {
    weights_report r;
    char digest[HASH_HEX_BYTES];
    spoil(f);
    MUST(weights_load(&f->params, &r, folder, SEED, range));
    MUST(params_digest(&f->params, digest));
    cr_assert_str_eq(digest, f->digest, "%s", what);
    cr_assert_eq(r.missing.count + r.unexpected.count + r.drawn_count, 0, "%s", what);
    weights_report_free(&r);
}

static void expect_keys(const weights_keys *keys, const char *expected) {
    strbuf text = {0};
    MUST(weights_keys_text(&text, keys, 100));
    cr_assert_str_eq(text.text ? text.text : "", expected);
    strbuf_free(&text);
}

Test(weights, load_under_every_name_and_type) {
    static const char *const types[] = {"F32", "F16", "BF16"};
    fixture f;
    open_fixture(&f);
    for (int t = 0; t < 3; t++) loads_equal(&f, single(&f, types[t]), types[t]);
    checkpoint_file_rename(&f.file, "LayerNorm.weight", "LayerNorm.gamma");
    checkpoint_file_rename(&f.file, "LayerNorm.bias", "LayerNorm.beta");
    loads_equal(&f, single(&f, "F32"), "gamma and beta");
    checkpoint_file_rename(&f.file, "bert.", "");
    loads_equal(&f, single(&f, "F32"), "without prefix");
    checkpoint_file_add(&f.file, "embeddings.position_ids", 1, 16);
    checkpoint_file_add(&f.file, "position_ids", 16, 0);
    loads_equal(&f, single(&f, "F32"), "position_ids");
    MUST(weights_save(&f.params, temporary_folder()));
    loads_equal(&f, temporary_folder(), "as written");
    close_fixture(&f);
}

Test(weights, heads_of_pretraining_are_listed_as_unexpected) {
    fixture f;
    weights_report r;
    open_fixture(&f);
    checkpoint_file_drop(&f.file, "classifier.");
    checkpoint_file_drop(&f.file, "pooler.");
    checkpoint_file_add(&f.file, "cls.predictions.transform.LayerNorm.gamma", 12, 0);
    checkpoint_file_add(&f.file, "cls.predictions.bias", 29, 0);
    checkpoint_file_add(&f.file, "bert.embeddings.token_type_ids", 1, 16);
    checkpoint_file_add(&f.file, "bert.encoder.layer.7.output.dense.bias", 12, 0);
    checkpoint_file_add(&f.file, "bert.encoder.layer.9.output.dense.bias", 12, 0);
    // the classifier has no prefix
    checkpoint_file_add(&f.file, "bert.classifier.bias", 3, 0);
    MUST(weights_load(&f.params, &r, single(&f, "F32"), SEED, range));
    expect_keys(&r.missing, "bert.pooler.dense.weight bert.pooler.dense.bias classifier.weight "
                            "classifier.bias");
    expect_keys(&r.unexpected, "bert.classifier.bias bert.embeddings.token_type_ids "
                               "bert.encoder.layer.{7, 9}.output.dense.bias cls.predictions.bias "
                               "cls.predictions.transform.LayerNorm.weight");
    cr_assert_eq(r.drawn_count, 4);
    cr_assert_str_eq(r.drawn[2], "classifier.weight");
    weights_report_free(&r);
    close_fixture(&f);
}

/* The folder of a golden masked language model: its keys are those of transformers. */
static void golden_folder(char path[512], const encoder_family *family) {
    snprintf(path, 512, "%s/tests/golden/%s_mlm_tiny", HARNESS_SOURCE_DIR, family->model_type);
}

static void open_masked(params *ps, device *d, model_config *c, const char *folder) {
    char path[600];
    snprintf(path, sizeof path, "%s/config.json", folder);
    MUST(model_config_read(c, path));
    c->head = &head_masked_lm;
    MUST(params_init(ps, d, c, 0));
}

Test(weights, masked_language_models_keep_their_keys) {
    for (size_t i = 0; family_at(i); i++) {
        char folder[512], theirs[600];
        device d;
        params ps;
        model_config c;
        weights_report report;
        safetensors a, b;
        golden_folder(folder, family_at(i));
        MUST(device_open_named(&d, "reference", NULL));
        open_masked(&ps, &d, &c, folder);
        MUST(weights_load(&ps, &report, folder, SEED, range));
        cr_assert_eq(report.missing.count + report.unexpected.count, 0, "%s", folder);
        MUST(weights_save(&ps, temporary_folder()));
        snprintf(theirs, sizeof theirs, "%s/model.safetensors", folder);
        MUST(safetensors_open(&a, theirs));
        MUST(safetensors_open(&b, temporary_path("model.safetensors")));
        cr_assert_eq(a.count, b.count, "%s", folder);
        for (size_t k = 0; k < a.count; k++)
            cr_assert_not_null(safetensors_find(&b, a.entries[k].name), "%s", a.entries[k].name);
        safetensors_close(&a);
        safetensors_close(&b);
        weights_report_free(&report);
        params_free(&ps);
        model_config_free(&c);
        device_close(&d);
        temporary_remove();
    }
}

/* Old checkpoints hold the tied product too, some its bias under that name alone. Where it differs it is
 * not tied. */
Test(weights, a_tied_product_that_is_there_twice_is_passed_over) {
    char folder[512];
    device d;
    params ps;
    model_config c;
    weights_report report;
    checkpoint_file file;
    golden_folder(folder, &encoder_bert);
    MUST(device_open_named(&d, "reference", NULL));
    open_masked(&ps, &d, &c, folder);
    checkpoint_file_take(&file, &ps);
    checkpoint_file_rename(&file, "predictions.bias", "predictions.decoder.bias");
    checkpoint_file_add(&file, "cls.predictions.decoder.weight", c.vocabulary, c.hidden);
    float *again = file.list[file.count - 1].values;
    MUST(
        device_read_f32(again, params_at(&ps, PARAM_token, 0)->p, (size_t)c.vocabulary * c.hidden));
    checkpoint_file_write(&file, temporary_path("model.safetensors"), 0, file.count, "F32");
    MUST(weights_load(&ps, &report, temporary_folder(), SEED, range));
    cr_assert_eq(report.missing.count + report.unexpected.count, 0);
    weights_report_free(&report);
    again[c.vocabulary * c.hidden - 1] += 1e-6F;
    checkpoint_file_write(&file, temporary_path("model.safetensors"), 0, file.count, "F32");
    cr_assert_eq(weights_load(&ps, &report, temporary_folder(), SEED, range), ERR_UNSUPPORTED);
    cr_expect(strstr(err_message(ERR_UNSUPPORTED),
                     "tensor 'cls.predictions.decoder.weight' differs from "
                     "'bert.embeddings.word_embeddings.weight'"),
              "%s", err_message(ERR_UNSUPPORTED));
    weights_report_free(&report);
    checkpoint_file_free(&file);
    params_free(&ps);
    model_config_free(&c);
    device_close(&d);
}

Test(weights, draw_a_missing_classifier_and_say_so) {
    fixture f;
    weights_report r;
    strbuf table = {0};
    open_fixture(&f);
    checkpoint_file_drop(&f.file, "classifier.");
    MUST(weights_load(&f.params, &r, single(&f, "F32"), SEED, range));
    const param *p = params_at(&f.params, PARAM_head_output_weight, 0);
    float value = 0;
    MUST(device_read_f32(&value, span_part(p->p, 0, 1), 1));
    uint32_t place = (uint32_t)(p - f.params.list);
    cr_assert(value == (float)(rng_normal(SEED, RNG_SITE_INIT + place, 0) * (double)range));
    MUST(weights_report_table(&table, &r, SIZE_MAX));
    cr_assert_str_eq(table.text, "Key               | Status     |\n"
                                 "------------------+------------+\n"
                                 "classifier.weight | MISSING    | newly initialised\n"
                                 "classifier.bias   | MISSING    | newly initialised");
    // as wide as it is, and a column less
    table.length = 0;
    MUST(weights_report_table(&table, &r, 50));
    cr_assert_eq(strncmp(table.text, "Key ", 4), 0, "%s", table.text);
    table.length = 0;
    MUST(weights_report_table(&table, &r, 49));
    cr_assert_str_eq(table.text, "classifier.weight: MISSING, newly initialised\n"
                                 "classifier.bias: MISSING, newly initialised");
    strbuf_free(&table);
    weights_report_free(&r);
    close_fixture(&f);
}

Test(weights, a_classifier_of_another_size_is_refused_unless_asked) {
    fixture f;
    weights_report r;
    strbuf table = {0};
    open_fixture(&f);
    const char *folder = single(&f, "F32");
    params_free(&f.params);
    f.config.classes = 4;
    MUST(params_init(&f.params, &f.device, &f.config, 0));
    MUST_FAIL(weights_load(&f.params, &r, folder, SEED, range), ERR_FORMAT,
              "tensor 'classifier.weight' is F32 [3, 12], expected [4, 12]: a classifier of other "
              "labels (--ignore-mismatched-sizes draws a new one)");
    weights_report_free(&r);
    MUST(weights_load_resized(&f.params, &r, folder, SEED, range));
    cr_assert_eq(r.drawn_count, 2);
    cr_assert_str_eq(r.drawn[0], "classifier.weight");
    cr_assert_eq(r.missing.count, 0);
    MUST(weights_report_table(&table, &r, SIZE_MAX));
    cr_assert_not_null(strstr(table.text, "classifier.weight | MISMATCH   | [3, 12] in the "
                                          "checkpoint, [4, 12] here\n"),
                       "%s", table.text);
    weights_report_free(&r);
    // what is no classifier is loaded all the same
    const param *p = params_at(&f.params, PARAM_head_dense_bias, 0);
    float bias[12];
    MUST(device_read_f32(bias, p->p, 12));
    const checkpoint_tensor *t = f.file.list;
    while (strcmp(t->name, "bert.pooler.dense.bias") != 0) t++;
    cr_assert_eq(memcmp(bias, t->values, sizeof bias), 0);
    // the flag is about the classifier alone
    params_free(&f.params);
    f.config.positions = 15;
    MUST(params_init(&f.params, &f.device, &f.config, 0));
    MUST_FAIL(
        weights_load_resized(&f.params, &r, folder, SEED, range), ERR_FORMAT,
        "tensor 'bert.embeddings.position_embeddings.weight' is F32 [16, 12], expected [15, 12]");
    weights_report_free(&r);
    strbuf_free(&table);
    close_fixture(&f);
}

/* Each tensor with one row more: found and expected are those of the file and of the model. */
Test(weights, a_tensor_of_another_shape_is_named_with_both) {
    fixture f;
    weights_report r;
    char expected[300];
    open_fixture(&f);
    for (size_t i = 0; i < f.file.count; i++) {
        checkpoint_file other = {0};
        const checkpoint_tensor *t = &f.file.list[i];
        checkpoint_file_take(&other, &f.params);
        checkpoint_file_drop(&other, t->name);
        checkpoint_file_add(&other, t->name, t->shape[0] + 1, t->rank > 1 ? t->shape[1] : 0);
        checkpoint_file_write(&other, temporary_path("model.safetensors"), 0, other.count, "F32");
        unsigned long long rows = t->shape[0], cols = t->shape[1];
        if (t->rank > 1)
            snprintf(expected, sizeof expected,
                     "tensor '%s' is F32 [%llu, %llu], expected [%llu, %llu]", t->name, rows + 1,
                     cols, rows, cols);
        else
            snprintf(expected, sizeof expected, "tensor '%s' is F32 [%llu], expected [%llu]",
                     t->name, rows + 1, rows);
        MUST_FAIL(weights_load(&f.params, &r, temporary_folder(), SEED, range), ERR_FORMAT,
                  expected);
        weights_report_free(&r);
        checkpoint_file_free(&other);
    }
    close_fixture(&f);
}

Test(weights, missing_tensors_of_the_encoder_are_listed) {
    fixture f;
    weights_report r;
    open_fixture(&f);
    checkpoint_file_drop(&f.file, "attention.self.query.bias");
    checkpoint_file_drop(&f.file, "word_embeddings");
    checkpoint_file_add(&f.file, "foo.12345678901.x", 2, 0);
    MUST_FAIL(weights_load(&f.params, &r, single(&f, "F32"), SEED, range), ERR_DATA,
              "model.safetensors: 3 tensors of BERT are missing: "
              "bert.embeddings.word_embeddings.weight "
              "bert.encoder.layer.{0, 1}.attention.self.query.bias; 1 is not BERT's: "
              "foo.12345678901.x");
    weights_report_free(&r);
    checkpoint_file_add(&f.file, "embeddings.position_embeddings.weight", 16, 12);
    MUST_FAIL(weights_load(&f.params, &r, single(&f, "F32"), SEED, range), ERR_FORMAT,
              "'bert.embeddings.position_embeddings.weight' and "
              "'embeddings.position_embeddings.weight' are the same tensor");
    weights_report_free(&r);
    close_fixture(&f);
}

CleanTest(weights, keys_of_many_layers_are_one) {
    weights_keys keys = {0};
    char *names[12];
    for (int i = 0; i < 12; i++) MUST(mem_printf(&names[i], "encoder.layer.%d.bias", 11 - i));
    keys = (weights_keys){names, 12, 12};
    expect_keys(&keys, "encoder.layer.{0...11}.bias");
    keys.count = 10;
    expect_keys(&keys, "encoder.layer.{2, 3, 4, 5, 6, 7, 8, 9, 10, 11}.bias");
    keys.count = 1;
    expect_keys(&keys, "encoder.layer.11.bias");
    char *others[] = {"a.1x.0", "a.1x.1", "b", "c", "d.3"};
    keys = (weights_keys){others, 5, 5};
    expect_keys(&keys, "a.1x.{0, 1} b c d.3");
    strbuf text = {0};
    MUST(weights_keys_text(&text, &keys, 2));
    cr_assert_str_eq(text.text, "a.1x.{0, 1} b ...");
    strbuf_free(&text);
    // of two numbers each is told once
    char *pairs[] = {"a.0.b.3", "a.1.b.3", "a.0.b.2", "a.1.b.2"};
    keys = (weights_keys){pairs, 4, 4};
    expect_keys(&keys, "a.{0, 1}.b.{2, 3}");
    char *nameless[] = {"", "b", ""};
    keys = (weights_keys){nameless, 3, 3};
    MUST(weights_keys_text(&text, &keys, 2));
    strbuf_free(&text);
    for (int i = 0; i < 12; i++) mem_free(names[i]);
}

/* Names were looked for one after the other, and numbers put in order one by one: 4,000 layers took
 * two minutes. */
Test(weights, many_tensors_are_no_burden) {
    enum { MANY = 30000 };
    fixture f;
    weights_report r;
    open_fixture(&f);
    for (int i = 0; i < MANY; i++) {
        char name[40];
        snprintf(name, sizeof name, "a.%d.b", i * 7919 % MANY);
        checkpoint_file_add(&f.file, name, 1, 0);
    }
    double begin = clock_seconds();
    MUST(weights_load(&f.params, &r, single(&f, "F32"), SEED, range));
    cr_assert_eq(r.unexpected.count, MANY);
    expect_keys(&r.unexpected, "a.{0...29999}.b");
    cr_assert_lt(clock_seconds() - begin, 20); // a quarter of a second when nothing else runs
    weights_report_free(&r);
    close_fixture(&f);
}

Test(weights, other_models_are_refused_by_name) {
    static const struct {
        const char *key, *name;
    } cases[] = {
        {"roberta.encoder.layer.0.output.dense.bias",
         "is of RoBERTa, but model_type in config.json is 'bert' (supported: bert, roberta"},
        {"lm_head.dense.weight", "is of RoBERTa,"},
        {"classifier.out_proj.weight", "is of RoBERTa or ELECTRA"},
        {"electra.embeddings.LayerNorm.bias", "is of ELECTRA"},
        {"discriminator_predictions.dense.bias", "is of ELECTRA"},
        {"distilbert.embeddings.LayerNorm.bias", "is of DistilBERT"},
        {"albert.pooler.bias", "is of ALBERT"},
        {"deberta.embeddings.LayerNorm.bias", "is of DeBERTa"},
        {"bert.encoder.layer.0.attention.self.distance_embedding.weight",
         "is of a model with relative positions"},
        {"bert.encoder.layer.0.crossattention.self.key.bias", "is of a decoder with cross"},
    };
    fixture f;
    weights_report r;
    open_fixture(&f);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        checkpoint_file_add(&f.file, cases[i].key, 1, 0);
        MUST_FAIL(weights_load(&f.params, &r, single(&f, "F32"), SEED, range), ERR_UNSUPPORTED,
                  cases[i].name);
        cr_assert_not_null(strstr(err_message(ERR_OK), cases[i].key));
        weights_report_free(&r);
        checkpoint_file_drop(&f.file, cases[i].key);
    }
    loads_equal(&f, single(&f, "F32"), "BERT's own");
    // a prefix says more than a sign that comes before it
    checkpoint_file_add(&f.file, "classifier.out_proj.weight", 1, 0);
    checkpoint_file_add(&f.file, "roberta.encoder.layer.0.output.dense.bias", 1, 0);
    MUST_FAIL(weights_load(&f.params, &r, single(&f, "F32"), SEED, range), ERR_UNSUPPORTED,
              "is of RoBERTa, but");
    weights_report_free(&r);
    close_fixture(&f);
}

Test(weights, keys_of_another_family_than_the_model_type_are_refused) {
    static const struct {
        const encoder_family *family;
        const char *key, *said;
    } cases[] = {
        {&encoder_roberta, "bert.pooler.dense.bias",
         "is of BERT, but model_type in config.json is "
         "'roberta'"},
        {&encoder_roberta, "electra.embeddings.LayerNorm.bias", "is of ELECTRA, but"},
        {&encoder_roberta, "discriminator_predictions.dense.bias", "is of ELECTRA, but"},
        {&encoder_electra, "roberta.embeddings.LayerNorm.bias", "is of RoBERTa, but"},
        {&encoder_electra, "lm_head.bias",
         "is of RoBERTa, but model_type in config.json is "
         "'electra'"},
        {&encoder_electra, "bert.embeddings.LayerNorm.bias", "is of BERT, but"},
        {&encoder_distilbert, "bert.embeddings.LayerNorm.bias", "is of BERT, but"},
        {&encoder_albert, "distilbert.embeddings.LayerNorm.bias", "is of DistilBERT, but"},
    };
    fixture f;
    weights_report r;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        open_family(&f, cases[i].family, 0);
        loads_equal(&f, single(&f, "F32"), cases[i].family->title);
        checkpoint_file_rename(&f.file, cases[i].family->prefix, "");
        loads_equal(&f, single(&f, "F32"), "without prefix");
        checkpoint_file_add(&f.file, cases[i].key, 1, 0);
        MUST_FAIL(weights_load(&f.params, &r, single(&f, "F32"), SEED, range), ERR_UNSUPPORTED,
                  cases[i].said);
        weights_report_free(&r);
        close_fixture(&f);
    }
}

/* A folder is refused before anything is drawn or loaded: nothing of it is of a layer by its own
 * model_type. */
Test(weights, a_folder_of_another_family_is_named) {
    fixture f;
    uint64_t rows = 0;
    for (size_t i = 0; family_at(i); i++) {
        const encoder_family *other = family_at(family_at(i + 1) ? i + 1 : 0);
        char part[80];
        open_family(&f, other, 0);
        f.config.family = family_at(i);
        snprintf(part, sizeof part,
                 ", but model_type in config.json is '%s' (supported: ", family_at(i)->model_type);
        MUST_FAIL(weights_promise(&rows, &f.config, single(&f, "F32")), ERR_UNSUPPORTED, part);
        close_fixture(&f);
    }
}

/* A family that transformers keeps under another's keys, as CamemBERT under RoBERTa's. */
Test(weights, a_sibling_with_the_same_keys_loads) {
    encoder_family sibling = encoder_roberta;
    fixture f;
    sibling.title = sibling.model_type = "sibling";
    open_family(&f, &sibling, 0);
    loads_equal(&f, single(&f, "F32"), "a sibling");
    close_fixture(&f);
}

Test(weights, half_an_embedding_projection_is_refused) {
    fixture f;
    weights_report r;
    uint64_t rows = 0;
    open_family(&f, &encoder_electra, 8);
    // what a discriminator brings besides
    checkpoint_file_add(&f.file, "discriminator_predictions.dense.bias", 12, 0);
    MUST(weights_load(&f.params, &r, single(&f, "F32"), SEED, range));
    expect_keys(&r.unexpected, "discriminator_predictions.dense.bias");
    cr_assert_eq(r.drawn_count, 0);
    weights_report_free(&r);
    MUST(model_config_write(&f.config, temporary_path("config.json")));
    MUST(weights_promise(&rows, &f.config, temporary_folder()));
    cr_assert_eq(rows, 3);
    f.config.embedding = 0;
    MUST_FAIL(weights_promise(&rows, &f.config, temporary_folder()), ERR_FORMAT,
              "embedding_size is 12, but tensor 'electra.embeddings.word_embeddings.weight'");
    close_fixture(&f);
    static const struct {
        const encoder_family *family;
        const char *drop, *said;
    } halves[] = {
        {&encoder_electra, "electra.embeddings_project.bias",
         "1 tensor of ELECTRA is missing: electra.embeddings_project.bias"},
        {&encoder_electra, "electra.embeddings_project.weight",
         "1 tensor of ELECTRA is missing: electra.embeddings_project.weight"},
        {&encoder_albert, "albert.encoder.embedding_hidden_mapping_in.bias",
         "1 tensor of ALBERT is missing: albert.encoder.embedding_hidden_mapping_in.bias"},
        {&encoder_albert, "albert.encoder.embedding_hidden_mapping_in.weight",
         "1 tensor of ALBERT is missing: albert.encoder.embedding_hidden_mapping_in.weight"},
    };
    for (size_t i = 0; i < sizeof halves / sizeof *halves; i++) {
        open_family(&f, halves[i].family, 8);
        checkpoint_file_drop(&f.file, halves[i].drop);
        MUST_FAIL(weights_load(&f.params, &r, single(&f, "F32"), SEED, range), ERR_DATA,
                  halves[i].said);
        weights_report_free(&r);
        close_fixture(&f);
    }
}

Test(weights, other_formats_are_never_read) {
    static const char *const names[] = {"pytorch_model.bin", "pytorch_model.bin.index.json",
                                        "tf_model.h5", "flax_model.msgpack"};
    fixture f;
    weights_report r;
    open_fixture(&f);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char part[128];
        MUST(file_write(temporary_path(names[i]), "x", 1));
        snprintf(part, sizeof part, "has %s (", names[i]);
        MUST_FAIL(weights_load(&f.params, &r, temporary_folder(), SEED, range), ERR_UNSUPPORTED,
                  part);
        cr_assert_not_null(strstr(err_message(ERR_OK), "save_pretrained(f)' /"), "%s",
                           err_message(ERR_OK));
        weights_report_free(&r);
        remove(temporary_path(names[i]));
    }
    MUST_FAIL(weights_load(&f.params, &r, temporary_folder(), SEED, range), ERR_IO,
              "no model.safetensors there");
    weights_report_free(&r);
    close_fixture(&f);
}

#define FIRST "model-00001-of-00002.safetensors"
#define SECOND "model-00002-of-00002.safetensors"
enum { CUT = 11 };

static void write_shards(const fixture *f, const char *folder, const char *type) {
    char path[600];
    MUST(folder_make(folder));
    snprintf(path, sizeof path, "%s/" FIRST, folder);
    checkpoint_file_write(&f->file, path, 0, CUT, type);
    snprintf(path, sizeof path, "%s/" SECOND, folder);
    checkpoint_file_write(&f->file, path, CUT, f->file.count, type);
}

/* The index of write_shards with `extra` put before the other lines and the tensor `leave` (may
 * be -1) left out; total is the bytes of all tensors, or what the caller says (not negative). */
static void write_index(const fixture *f, const char *folder, const char *extra, int leave,
                        double total) {
    strbuf text = {0};
    char path[600];
    size_t bytes = 0;
    for (size_t i = 0; i < f->file.count; i++) bytes += 4 * f->file.list[i].count;
    MUST(strbuf_printf(&text, "{\"metadata\": {\"total_size\": %.0f}, \"weight_map\": {%s",
                       total < 0 ? (double)bytes : total, extra));
    const char *comma = "";
    for (size_t i = 0; i < f->file.count; i++) {
        if ((int)i == leave) continue;
        MUST(strbuf_printf(&text, "%s\"%s\": \"%s\"", comma, f->file.list[i].name,
                           i < CUT ? FIRST : SECOND));
        comma = ", ";
    }
    MUST(strbuf_add(&text, "}}"));
    snprintf(path, sizeof path, "%s/model.safetensors.index.json", folder);
    MUST(file_write(path, text.text, text.length));
    strbuf_free(&text);
}

Test(weights, shards_are_one_checkpoint) {
    fixture f;
    weights_report r;
    char hex[2][HASH_HEX_BYTES], expected[HASH_HEX_BYTES], lines[300];
    open_fixture(&f);
    const char *folder = temporary_path("shards");
    write_shards(&f, folder, "F32");
    write_index(&f, folder, "", -1, -1);
    loads_equal(&f, folder, "two shards");
    MUST(weights_load(&f.params, &r, folder, SEED, range));
    // what sha256sum would print for the shards, hashed
    MUST(hash_file_hex(temporary_path("shards/" FIRST), hex[0]));
    MUST(hash_file_hex(temporary_path("shards/" SECOND), hex[1]));
    int n = snprintf(lines, sizeof lines, "%s  " FIRST "\n%s  " SECOND "\n", hex[0], hex[1]);
    hash_bytes_hex(lines, (size_t)n, expected);
    cr_assert_str_eq(r.sha256, expected);
    weights_report_free(&r);
    write_shards(&f, folder, "F16");
    loads_equal(&f, folder, "an index with the total of before");
    // a whole file wins, as in transformers
    checkpoint_file_write(&f.file, temporary_path("shards/model.safetensors"), 0, f.file.count,
                          "BF16");
    loads_equal(&f, folder, "one file beside an index");
    close_fixture(&f);
}

// Folders are opened several times before their weights are loaded.
Test(weights, only_who_loads_warns_of_an_index) {
    fixture f;
    tensors t;
    char *said = NULL;
    open_fixture(&f);
    const char *folder = temporary_path("shards");
    write_shards(&f, folder, "F32");
    write_index(&f, folder, "", -1, 7);
    said_begin();
    MUST(tensors_open(&t, folder));
    said = said_end();
    tensors_close(&t);
    cr_assert_str_eq(said, "");
    mem_free(said);
    said_begin();
    MUST(tensors_open_to_load(&t, folder));
    said = said_end();
    tensors_close(&t);
    cr_assert_not_null(strstr(said, "metadata.total_size is 7, "), "%s", said);
    mem_free(said);
    close_fixture(&f);
}

Test(weights, an_index_without_metadata_is_fine) {
    fixture f;
    open_fixture(&f);
    const char *folder = temporary_folder(),
               *index = temporary_path("model.safetensors.index.json");
    strbuf text = {0};
    checkpoint_file_write(&f.file, temporary_path("all.safetensors"), 0, f.file.count, "F32");
    MUST(strbuf_add(&text, "{\"weight_map\": {"));
    for (size_t i = 0; i < f.file.count; i++)
        MUST(strbuf_printf(&text, "%s\"%s\": \"all.safetensors\"", i ? ", " : "",
                           f.file.list[i].name));
    MUST(strbuf_add(&text, "}}"));
    MUST(file_write(index, text.text, text.length));
    loads_equal(&f, folder, "one shard");
    strbuf_free(&text);
    close_fixture(&f);
}

/* Only the names of the shards are taken from an index. */
Test(weights, an_index_that_errs_about_tensors_is_taken) {
    static const struct {
        const char *extra;
        int leave;
        double total;
    } cases[] = {
        {"\"x\": \"" FIRST "\", ", -1, -1},                                      // nowhere
        {"\"classifier.bias\": \"" SECOND "\", ", -1, -1},                       // twice
        {"", 3, -1},                                                             // not listed
        {"\"bert.embeddings.word_embeddings.weight\": \"" SECOND "\", ", 0, -1}, // elsewhere
        {"", -1, 12},
    };
    fixture f;
    open_fixture(&f);
    write_shards(&f, temporary_folder(), "F32");
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        write_index(&f, temporary_folder(), cases[i].extra, cases[i].leave, cases[i].total);
        loads_equal(&f, temporary_folder(), cases[i].extra);
    }
    close_fixture(&f);
}

Test(weights, prefixes_of_wrappers_are_named) {
    static const char *const prefixes[] = {"module.", "_orig_mod."};
    fixture f;
    weights_report r;
    uint64_t rows = 0;
    open_fixture(&f);
    for (size_t i = 0; i < 2; i++) {
        char start[40], part[60];
        snprintf(start, sizeof start, "%sbert.", prefixes[i]);
        checkpoint_file_rename(&f.file, "bert.", start);
        snprintf(part, sizeof part, "has the prefix '%s' of", prefixes[i]);
        MUST_FAIL(weights_load(&f.params, &r, single(&f, "F32"), SEED, range), ERR_UNSUPPORTED,
                  part);
        MUST_FAIL(weights_promise(&rows, &f.config, temporary_folder()), ERR_UNSUPPORTED, part);
        weights_report_free(&r);
        checkpoint_file_rename(&f.file, start, "bert.");
    }
    checkpoint_file_rename(&f.file, "bert.", "other.");
    MUST_FAIL(weights_promise(&rows, &f.config, single(&f, "F32")), ERR_FORMAT,
              "no tensor of model.safetensors is of a layer");
    close_fixture(&f);
}

Test(weights, what_a_config_promises_and_weights_lack_is_refused) {
    fixture f;
    uint64_t rows = 0;
    open_fixture(&f);
    const char *folder = single(&f, "F32");
    MUST(weights_promise(&rows, &f.config, folder));
    cr_assert_eq(rows, 3);
    const struct {
        uint32_t *size, value;
        const char *part;
    } cases[] = {
        {&f.config.positions, 16777216,
         "config.json: max_position_embeddings is 16777216, but tensor "
         "'bert.embeddings.position_embeddings.weight' of model.safetensors is F32 [16, 12]"},
        {&f.config.layers, 1000000, "num_hidden_layers is 1000000, but the weights"},
        {&f.config.layers, 3, "the last of layer 1"},
        {&f.config.vocabulary, 30, "vocab_size is 30, but tensor"},
        {&f.config.hidden, 16777200, "hidden_size is 16777200, but tensor"},
        {&f.config.types, 3, "type_vocab_size is 3, but tensor"},
        {&f.config.intermediate, 16777216, "intermediate_size is 16777216, but tensor"},
        {&f.config.classes, 4096, NULL}, // the task decides
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        uint32_t right = *cases[i].size;
        *cases[i].size = cases[i].value;
        if (cases[i].part)
            MUST_FAIL(weights_promise(&rows, &f.config, folder), ERR_FORMAT, cases[i].part);
        else
            MUST(weights_promise(&rows, &f.config, folder));
        *cases[i].size = right;
    }
    // names of layers that hold nothing make no model
    for (int i = 2; i < 4000; i++) {
        char name[60];
        snprintf(name, sizeof name, "bert.encoder.layer.%d.x", i);
        checkpoint_file_add(&f.file, name, 1, 0);
    }
    f.config.layers = 250;
    f.config.intermediate = 20;
    f.config.hidden = 12;
    MUST(weights_promise(&rows, &f.config, single(&f, "F32"))); // 250 layers of 12: no harm
    f.config.layers = 4000;
    MUST_FAIL(weights_promise(&rows, &f.config, temporary_folder()), ERR_FORMAT,
              "num_hidden_layers is 4000");
    close_fixture(&f);
}

Test(weights, rows_of_the_classifier_change_places) {
    static const uint32_t from[] = {2, 0, 1};
    fixture f;
    float before[36], after[36], bias[2][3];
    open_fixture(&f);
    const param *weight = params_at(&f.params, PARAM_head_output_weight, 0);
    const param *b = params_at(&f.params, PARAM_head_output_bias, 0);
    MUST(device_read_f32(before, weight->p, 36));
    MUST(device_read_f32(bias[0], b->p, 3));
    MUST(weights_move_rows(&f.params, from));
    MUST(device_read_f32(after, weight->p, 36));
    MUST(device_read_f32(bias[1], b->p, 3));
    for (int row = 0; row < 3; row++) {
        cr_assert_eq(memcmp(after + 12 * row, before + 12 * from[row], 48), 0, "row %d", row);
        cr_assert(bias[1][row] == bias[0][from[row]]);
    }
    close_fixture(&f);
}

Test(weights, hostile_indices_are_refused) {
    static const struct {
        const char *extra;
        int leave;
        double total;
        const char *part;
    } cases[] = {
        {"\"x\": \"../secret.safetensors\", ", -1, -1,
         "tensor 'x': shard '../secret.safetensors' is not the plain name of a .safetensors file"},
        {"\"x\": \"/etc/passwd\", ", -1, -1, "shard '/etc/passwd' is not the plain name"},
        {"\"x\": \"sub/a.safetensors\", ", -1, -1, "shard 'sub/a.safetensors' is not"},
        {"\"x\": \"a\\\\b.safetensors\", ", -1, -1, "shard 'a\\b.safetensors' is not"},
        {"\"x\": \"a..safetensors\", ", -1, -1, "shard 'a..safetensors' is not"},
        {"\"x\": \".safetensors\", ", -1, -1, "shard '.safetensors' is not"},
        {"\"x\": \"\", ", -1, -1, "shard '' is not"},
        {"\"x\": \"config.json\", ", -1, -1, "shard 'config.json' is not"},
        {"\"x\": \"pytorch_model.bin\", ", -1, -1, "shard 'pytorch_model.bin' is not"},
        {"\"x\": 7, ", -1, -1, "tensor 'x': the shard has to be a string"},
        {"\"x\": \"absent.safetensors\", ", -1, -1,
         "shard 'absent.safetensors' is listed but not there"},
    };
    fixture f;
    weights_report r;
    open_fixture(&f);
    write_shards(&f, temporary_folder(), "F32");
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        write_index(&f, temporary_folder(), cases[i].extra, cases[i].leave, cases[i].total);
        MUST_FAIL(weights_load(&f.params, &r, temporary_folder(), SEED, range), ERR_FORMAT,
                  cases[i].part);
        cr_assert_not_null(strstr(err_message(ERR_OK), "model.safetensors.index.json: "), "%s",
                           err_message(ERR_OK));
        weights_report_free(&r);
    }
    static const char *const texts[][2] = {
        {"[]", "expected an object"},
        {"{\"weight_map\": [\"a\"]}", "'weight_map'"},
        {"{\"metadata\": {}}", "'weight_map' is missing"},
        {"{\"weight_map\": {}}", "weight_map lists no tensor"},
        {"{\"weight_map\": {\"a\": ", "not valid JSON"},
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        MUST(file_write(temporary_path("model.safetensors.index.json"), texts[i][0],
                        strlen(texts[i][0])));
        MUST_FAIL(weights_load(&f.params, &r, temporary_folder(), SEED, range), ERR_FORMAT,
                  texts[i][1]);
        weights_report_free(&r);
    }
    // the same tensor in both shards, and a shard that is damaged
    write_index(&f, temporary_folder(), "", -1, -1);
    checkpoint_file_write(&f.file, temporary_path(SECOND), CUT - 1, f.file.count, "F32");
    MUST_FAIL(weights_load(&f.params, &r, temporary_folder(), SEED, range), ERR_FORMAT,
              "lies in '" FIRST "' and in '" SECOND "'");
    weights_report_free(&r);
    MUST(file_write(temporary_path(SECOND), "\x80\x02}q", 4));
    MUST_FAIL(weights_load(&f.params, &r, temporary_folder(), SEED, range), ERR_FORMAT,
              SECOND ": has 4 bytes, a safetensors file has at least 8");
    weights_report_free(&r);
    close_fixture(&f);
}

Test(weights, too_many_shards_are_refused) {
    fixture f;
    weights_report r;
    strbuf text = {0};
    open_fixture(&f);
    MUST(strbuf_add(&text, "{\"weight_map\": {\"t\": \"t.safetensors\""));
    for (int i = 0; i < 512; i++) MUST(strbuf_printf(&text, ", \"t%d\": \"%d.safetensors\"", i, i));
    MUST(strbuf_add(&text, "}}"));
    MUST(file_write(temporary_path("model.safetensors.index.json"), text.text, text.length));
    MUST_FAIL(weights_load(&f.params, &r, temporary_folder(), SEED, range), ERR_FORMAT,
              "lists 513 shards, at most 512 are supported");
    weights_report_free(&r);
    strbuf_free(&text);
    close_fixture(&f);
}

/* Rows of tokens that were added behind a checkpoint's are drawn, as params_draw has them; what was
 * saved with them is read whole, and without added tokens a size is a size. */
Test(weights, rows_of_added_tokens_are_drawn) {
    enum { ADDED = 4 };
    fixture f;
    weights_report r;
    params grown, drawn;
    float *found = NULL, *expected = NULL, *kept = NULL;
    char digest[HASH_HEX_BYTES], again[HASH_HEX_BYTES];
    open_fixture(&f);
    const char *folder = single(&f, "F32");
    model_config c = f.config;
    c.vocabulary += ADDED;
    MUST(params_init(&grown, &f.device, &c, 0));
    cr_expect_eq(weights_load(&grown, &r, folder, SEED, range), ERR_FORMAT);
    cr_expect(strstr(err_message(ERR_FORMAT), "is F32 [29, 12], expected [33, 12]"), "%s",
              err_message(ERR_FORMAT));
    weights_report_free(&r);
    params_free(&grown);
    c.added = ADDED;
    MUST(params_init(&grown, &f.device, &c, 0));
    MUST(params_init(&drawn, &f.device, &c, 0));
    MUST(params_draw(&drawn, SEED, range, NULL));
    MUST(weights_load(&grown, &r, folder, SEED, range));
    cr_assert_eq(r.drawn_count, 1);
    cr_expect_str_eq(r.drawn[0], "bert.embeddings.word_embeddings.weight[29:33]");
    cr_expect_eq(r.missing.count + r.unexpected.count + r.mismatched.count, 0);
    weights_report_free(&r);
    const param *token = params_at(&grown, PARAM_token, 0), *before;
    size_t old = params_at(&f.params, PARAM_token, 0)->count, all = token->count;
    cr_assert_eq(all, old + ADDED * 12);
    MUST(mem_new(&found, all));
    MUST(mem_new(&expected, all));
    MUST(mem_new(&kept, old));
    MUST(device_read_f32(found, token->p, all));
    MUST(device_read_f32(expected, params_at(&drawn, PARAM_token, 0)->p, all));
    before = params_at(&f.params, PARAM_token, 0);
    MUST(device_read_f32(kept, before->p, old));
    cr_expect_not(memcmp(found, kept, old * sizeof *kept));
    cr_expect_not(memcmp(found + old, expected + old, (all - old) * sizeof *found));
    MUST(params_digest(&grown, digest));
    MUST(weights_save(&grown, temporary_folder()));
    MUST(params_draw(&grown, 1, range, NULL));
    MUST(weights_load(&grown, &r, temporary_folder(), SEED, range));
    MUST(params_digest(&grown, again));
    cr_expect_str_eq(again, digest);
    cr_expect_eq(r.drawn_count, 0);
    weights_report_free(&r);
    mem_free(found);
    mem_free(expected);
    mem_free(kept);
    params_free(&grown);
    params_free(&drawn);
    close_fixture(&f);
}
