#include "support/row_field.h"

#include "support/fake_record.h"

#include <criterion/criterion.h>
#include <string.h>

static void set_hash(char **field, char digit) {
    char hex[65];
    memset(hex, digit, 64);
    hex[64] = '\0';
    cr_assert_not(record_text(field, hex));
}

static void other_model(record *r) {
    cr_assert_not(record_text(&r->model.name, "mini"));
}
static void other_weights(record *r) {
    set_hash(&r->model.weights_sha256, 'a');
}
static void other_vocab(record *r) {
    set_hash(&r->model.vocab_sha256, 'b');
}
static void other_config(record *r) {
    cJSON_SetNumberValue(cJSON_GetObjectItem(r->model.config, "hidden_size"), 64);
}
static void other_drawn(record *r) {
    cr_assert_not(json_append(r->model.newly_initialised, cJSON_CreateString("classifier.bias")));
}
static void other_label_map(record *r) {
    cr_assert_not(record_text(&r->model.label_map, "no=yes"));
}
static void other_recipe(record *r) {
    fake_recipe_number(r, "learning_rate", 3.1e-4);
}
static void one_epoch(record *r) {
    fake_recipe_number(r, "num_train_epochs", 1);
}
static void half_an_epoch(record *r) {
    fake_recipe_number(r, "num_train_epochs", 0.5);
}
static void another_key(record *r) {
    fake_recipe_number(r, "weight_decay", 0.5);
}
static void switched_off(record *r) {
    fake_recipe_bool(r, "group_by_length", true);
}
static void own_dropout(record *r) {
    fake_recipe_number(r, "dropout", 0.25); // the other row has it
}
static void other_precision(record *r) {
    cr_assert_not(record_text(&r->device.precision, "bf16"));
}
static void other_kind(record *r) {
    cr_assert_not(record_text(&r->device.kind, "software"));
    cr_assert_not(record_text(&r->device.uuid, "00000000-0000-0000-0000-000000000000"));
}
static void other_device(record *r) {
    cr_assert_not(record_text(&r->device.name, "gpu 1"));
}
static void two_ranks(record *r) {
    r->ranks = 2;
    cr_assert_not(record_text(&r->engine, "threads"));
}
static void two_devices(record *r) {
    two_ranks(r);
    cr_assert_not(record_text(&r->rank_devices, "cpu (cpu); gpu 1 (gpu)"));
}
static void other_numerics(record *r) {
    r->numerics_version++;
}

static const row_field fields[] = {
    {"model", other_model, "| mini |"},
    {"weights", other_weights, "3 epochs, lr 5e-05, weights aaaaaaaa |"},
    {"vocabulary", other_vocab, "3 epochs, lr 5e-05, vocabulary bbbbbbbb |"},
    {"configuration", other_config, "3 epochs, lr 5e-05, hidden size 64 |"},
    {"what is drawn", other_drawn, "3 epochs, lr 5e-05, 1 parameter drawn from the seed |"},
    {"label map", other_label_map, "3 epochs, lr 5e-05, label map no=yes |"},
    {"recipe", other_recipe, "3 epochs, lr 0.00031 |"},
    {"one epoch", one_epoch, "| 1 epoch, lr 5e-05 |"},
    {"half an epoch", half_an_epoch, "| 0.5 epochs, lr 5e-05 |"},
    {"a recipe's further key", another_key, "3 epochs, lr 5e-05, weight decay 0.5 |"},
    {"a recipe's switch", switched_off, "3 epochs, lr 5e-05, group by length yes |"},
    {"a number that stands for words", own_dropout, "lr 5e-05, dropout the model's own |"},
    {"precision", other_precision, "on cpu, bf16 |"},
    {"device kind", other_kind, "3 epochs, lr 5e-05, device kind software |"},
    {"device", other_device, "on gpu 1, fp32 |"},
    {"number of ranks", two_ranks, "on 2 × cpu, fp32 |"},
    {"their devices", two_devices, "on cpu (cpu); gpu 1 (gpu), fp32 |"},
    {"numerics", other_numerics, "3 epochs, lr 5e-05, numerics version "},
};

const row_field *row_field_at(size_t i) {
    return i < sizeof fields / sizeof *fields ? &fields[i] : NULL;
}
