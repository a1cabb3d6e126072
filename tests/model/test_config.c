#include "base/memory.h"
#include "model/config.h"
#include "model/params.h"
#include "platform/file.h"
#include "support/must.h"
#include "support/program.h"
#include "support/said.h"

#include <stdio.h>

static const char *write_config(const char *text) {
    const char *path = temporary_path("config.json");
    MUST(file_write(path, text, strlen(text)));
    return path;
}

Test(config, presets_have_their_shapes) {
    static const struct {
        const char *name;
        uint32_t layers, hidden, heads;
    } shapes[] = {{"tiny", 2, 128, 2},
                  {"mini", 4, 256, 4},
                  {"small", 4, 512, 8},
                  {"medium", 8, 512, 8},
                  {"base", 12, 768, 12}};
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        model_config c;
        MUST(model_config_preset(&c, shapes[i].name, 8000));
        cr_assert_eq(c.layers, shapes[i].layers, "%s", shapes[i].name);
        cr_assert_eq(c.hidden, shapes[i].hidden, "%s", shapes[i].name);
        cr_assert_eq(c.heads, shapes[i].heads, "%s", shapes[i].name);
        cr_assert_eq(c.intermediate, 4 * shapes[i].hidden, "%s", shapes[i].name);
        cr_assert_eq(c.positions, 512);
        cr_assert(strstr(model_preset_names(), shapes[i].name) != NULL);
    }
    model_config c;
    MUST_FAIL(model_config_preset(&c, "huge", 8000), ERR_USAGE,
              "unknown preset 'huge' (known: tiny, mini");
}

/* Each family's shape rules hold for a preset of it, and its file is read back as the same. */
CleanTest(config, presets_of_every_family_have_its_shape) {
    static const struct {
        const char *name;
        const encoder_family *family;
        uint32_t embedding, positions, types;
        bool projects;
        float eps;
        const char *title;
    } cases[] = {
        {"tiny", &encoder_bert, 128, 512, 2, false, 1e-12f, "tiny"},
        {"mini", &encoder_roberta, 256, 513, 1, false, 1e-5f, "mini-roberta"},
        {"tiny", &encoder_electra, 64, 512, 2, true, 1e-12f, "tiny-electra"},
        {"mini", &encoder_electra, 128, 512, 2, true, 1e-12f, "mini-electra"}, // ELECTRA-small's
        {"base", &encoder_electra, 768, 512, 2, false, 1e-12f, "base-electra"},
        {"small", &encoder_distilbert, 512, 512, 0, false, 1e-12f, "small-distilbert"},
        {"tiny", &encoder_albert, 128, 512, 2, true, 1e-12f, "tiny-albert"},
        {"base", &encoder_albert, 128, 512, 2, true, 1e-12f, "base-albert"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        model_config c, back;
        char *title = NULL;
        const char *path = temporary_path("config.json");
        MUST(model_config_preset_as(&c, cases[i].name, cases[i].family, 7123));
        MUST(model_preset_title(&title, cases[i].name, cases[i].family));
        cr_assert_str_eq(title, cases[i].title);
        MUST(model_config_write(&c, path));
        MUST(model_config_read(&back, path));
        const model_config *both[] = {&c, &back};
        for (int k = 0; k < 2; k++) {
            cr_assert_eq(both[k]->family, cases[i].family, "%s", title);
            cr_assert_eq(both[k]->vocabulary, 7123, "%s", title);
            cr_assert_eq(model_config_embedding(both[k]), cases[i].embedding, "%s", title);
            cr_assert_eq(both[k]->positions, cases[i].positions, "%s", title);
            cr_assert_eq(both[k]->types, cases[i].types, "%s", title);
            cr_assert_eq(both[k]->pad, 0, "%s", title);
            cr_assert_eq(model_config_projects(both[k]), cases[i].projects, "%s", title);
            cr_assert_eq(model_config_longest(both[k]), 512, "%s", title);
            cr_assert(both[k]->layer_norm_eps == cases[i].eps, "%s", title);
        }
        cr_assert_eq(params_total(&c), params_total(&back), "%s", title);
        mem_free(title);
        model_config_free(&back);
    }
    // one layer's weights serve twelve: a base of ALBERT is smaller than one layer each would be
    model_config albert, bert;
    MUST(model_config_preset_as(&albert, "base", &encoder_albert, 8000));
    MUST(model_config_preset(&bert, "base", 8000));
    cr_assert_lt(params_total(&albert) * 8, params_total(&bert));
}

Test(config, counts_the_parameters_of_published_models) {
    // BertForSequenceClassification with 2 labels: bert-base-uncased, and mBERT cased
    model_config c;
    MUST(model_config_preset(&c, "base", 30522));
    c.classes = 2;
    cr_assert_eq(params_total(&c), 109483778);
    c.vocabulary = 119547;
    cr_assert_eq(params_total(&c), 177854978);
}

CleanTest(config, is_read_back_as_it_was_written) {
    model_config c, back;
    const char *const labels[] = {"\xec\x95\x85\xed\x94\x8c", "none"}; // Hangul
    const char *path = temporary_path("config.json");
    MUST(model_config_preset(&c, "mini", 7123));
    MUST(model_config_set_labels(&c, labels, 2));
    c.layer_norm_eps = 1e-5f;
    c.attention_dropout = 0.25f;
    MUST(model_config_write(&c, path));
    MUST(model_config_read(&back, path));
    cr_assert_eq(back.vocabulary, 7123);
    cr_assert_eq(back.hidden, 256);
    cr_assert_eq(back.layers, 4);
    cr_assert_eq(back.heads, 4);
    cr_assert_eq(back.intermediate, 1024);
    cr_assert_eq(back.positions, 512);
    cr_assert_eq(back.types, 2);
    cr_assert_eq(back.classes, 2);
    cr_assert(back.layer_norm_eps == 1e-5f && back.attention_dropout == 0.25f);
    cr_assert_str_eq(back.labels[0], labels[0]);
    cr_assert_str_eq(back.labels[1], "none");
    model_config_free(&c);
    model_config_free(&back);
}

/* Each family's defaults, and what is written is read back under the family's own names. */
CleanTest(config, families_keep_their_defaults_and_names) {
    static const struct {
        const char *type, *class_name, *own; /* a key as the family calls it */
        uint32_t layers, hidden, embedding, types, longest;
        activation activation;
        float classifier_dropout;
    } cases[] = {
        {"bert", "Bert", "hidden_size", 12, 768, 768, 2, 512, ACT_GELU, 0.1f},
        {"roberta", "Roberta", "hidden_size", 12, 768, 768, 2, 510, ACT_GELU, 0.1f},
        {"electra", "Electra", "embedding_size", 12, 256, 128, 2, 512, ACT_GELU, 0.1f},
        {"distilbert", "DistilBert", "seq_classif_dropout", 6, 768, 768, 0, 512, ACT_GELU, 0.2f},
        {"albert", "Albert", "classifier_dropout_prob", 12, 4096, 128, 2, 512, ACT_GELU_TANH, 0.1f},
    };
    cr_assert_null(family_at(sizeof cases / sizeof *cases), "a family has no case");
    size_t bytes = 0;
    char names[200] = "";
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        model_config c, back;
        cJSON *root = NULL;
        char text[64], class_name[64];
        bytes += (size_t)snprintf(names + bytes, sizeof names - bytes, "%s%s", i ? ", " : "",
                                  family_at(i)->model_type);
        snprintf(text, sizeof text, "{\"model_type\": \"%s\"}", cases[i].type);
        snprintf(class_name, sizeof class_name, "%sForSequenceClassification", cases[i].class_name);
        MUST(model_config_read(&c, write_config(text)));
        const char *path = temporary_path("again.json");
        MUST(model_config_write(&c, path));
        MUST(json_read(&root, path, 0));
        cr_assert(json_has(root, cases[i].own), "%s", cases[i].type);
        cr_assert_str_eq(
            cJSON_GetArrayItem(cJSON_GetObjectItem(root, "architectures"), 0)->valuestring,
            class_name);
        cJSON_Delete(root);
        MUST(model_config_read(&back, path));
        const model_config *both[] = {&c, &back};
        for (int k = 0; k < 2; k++) {
            cr_assert_str_eq(both[k]->family->model_type, cases[i].type);
            cr_assert_eq(both[k]->layers, cases[i].layers, "%s", cases[i].type);
            cr_assert_eq(both[k]->hidden, cases[i].hidden, "%s", cases[i].type);
            cr_assert_eq(model_config_embedding(both[k]), cases[i].embedding, "%s", cases[i].type);
            cr_assert_eq(both[k]->types, cases[i].types, "%s", cases[i].type);
            cr_assert_eq(model_config_longest(both[k]), cases[i].longest, "%s", cases[i].type);
            cr_assert_eq(both[k]->activation, cases[i].activation, "%s", cases[i].type);
            cr_assert(both[k]->classifier_dropout == cases[i].classifier_dropout, "%s",
                      cases[i].type);
        }
        model_config_free(&c);
        model_config_free(&back);
    }
    cr_assert_str_eq(family_names(), names); // the row's words are the families' own
}

/* Tokens that a table of positions has rows for: behind the pad id's, wherever that is. */
Test(config, positions_begin_behind_the_pad_id) {
    static const struct {
        const char *text;
        uint32_t longest;
    } cases[] = {
        {"{\"model_type\": \"roberta\", \"max_position_embeddings\": 514}", 512},
        {"{\"model_type\": \"roberta\", \"max_position_embeddings\": 514, \"pad_token_id\": 0}",
         513},
        {"{\"model_type\": \"roberta\", \"max_position_embeddings\": 40, \"pad_token_id\": 5}", 34},
        {"{\"model_type\": \"roberta\", \"max_position_embeddings\": 4}", 2},
        {"{\"model_type\": \"bert\", \"max_position_embeddings\": 300, \"pad_token_id\": 1}", 300},
        {"{\"model_type\": \"electra\", \"max_position_embeddings\": 40, \"pad_token_id\": 5}", 40},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        model_config c;
        MUST(model_config_read(&c, write_config(cases[i].text)));
        cr_expect_eq(model_config_longest(&c), cases[i].longest, "%s: %u", cases[i].text,
                     model_config_longest(&c));
        model_config_free(&c);
    }
}

Test(config, takes_transformers_defaults) {
    model_config c;
    MUST(model_config_read(&c, write_config("{\"model_type\": \"bert\", \"num_labels\": 5}")));
    cr_assert_eq(c.vocabulary, 30522);
    cr_assert_eq(c.hidden, 768);
    cr_assert_eq(c.classes, 5);
    cr_assert(c.layer_norm_eps == 1e-12f && c.classifier_dropout == 0.1f);
    model_config_free(&c);
    MUST(model_config_read(
        &c, write_config("{\"architectures\": [\"BertForMaskedLM\"], "
                         "\"hidden_dropout_prob\": 0.3, \"classifier_dropout\": null}")));
    cr_assert(c.classifier_dropout == 0.3f);
    model_config_free(&c);
}

// those of transformers' configurations
Test(config, takes_the_defaults_of_its_family) {
    static const struct {
        const char *text;
        uint32_t vocabulary, pad, embedding, hidden, layers, heads, intermediate;
    } cases[] = {
        {"{\"model_type\": \"roberta\"}", 50265, 1, 768, 768, 12, 12, 3072},
        {"{\"model_type\": \"albert\"}", 30000, 0, 128, 4096, 12, 64, 16384},
        {"{\"model_type\": \"electra\"}", 30522, 0, 128, 256, 12, 4, 1024},
        {"{\"model_type\": \"distilbert\"}", 30522, 0, 768, 768, 6, 12, 3072},
        // transformers' attribute_map, which knows three of the usual names
        {"{\"model_type\": \"distilbert\", \"hidden_size\": 64, \"num_hidden_layers\": 3, "
         "\"num_attention_heads\": 4, \"dim\": 64, \"intermediate_size\": 7}",
         30522, 0, 64, 64, 3, 4, 3072},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        model_config c;
        MUST(model_config_read(&c, write_config(cases[i].text)));
        cr_expect_eq(c.vocabulary, cases[i].vocabulary, "%s: %u", cases[i].text, c.vocabulary);
        cr_expect_eq(c.pad, cases[i].pad, "%s: %u", cases[i].text, c.pad);
        cr_expect((c.embedding ? c.embedding : c.hidden) == cases[i].embedding &&
                      c.hidden == cases[i].hidden && c.layers == cases[i].layers &&
                      c.heads == cases[i].heads && c.intermediate == cases[i].intermediate,
                  "%s", cases[i].text);
        model_config_free(&c);
    }
}

CleanTest(config, knows_how_logits_become_scores) {
    static const struct {
        const char *text;
        model_scores scores;
    } cases[] = {
        {"{\"num_labels\": 3}", MODEL_SCORES_SOFTMAX},
        {"{\"num_labels\": 3, \"problem_type\": null}", MODEL_SCORES_SOFTMAX},
        {"{\"num_labels\": 1}", MODEL_SCORES_SIGMOID},
        {"{\"num_labels\": 1, \"problem_type\": \"regression\"}", MODEL_SCORES_RAW},
        {"{\"num_labels\": 3, \"problem_type\": \"multi_label_classification\"}",
         MODEL_SCORES_SIGMOID},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        model_config c;
        const char *const labels[] = {"no", "yes"};
        MUST(model_config_read(&c, write_config(cases[i].text)));
        cr_assert_eq(c.scores, cases[i].scores, "%s", cases[i].text);
        // a task has one label a sentence
        MUST(model_config_set_labels(&c, labels, 2));
        cr_assert_eq(c.scores, MODEL_SCORES_SOFTMAX);
        model_config_free(&c);
    }
}

Test(config, takes_what_is_found_in_the_wild) {
    static const char *const texts[] = {
        "{\"model_type\": \"bert\", \"pad_token_id\": null, \"position_embedding_type\": null}",
        "{\"model_type\": \"bert\", \"architectures\": [\"KoBertModel\"], \"pruned_heads\": {}}",
        "{\"model_type\": \"bert\", \"architectures\": null, \"is_decoder\": false}",
        "{\"architectures\": [], \"torch_dtype\": \"float16\", \"gradient_checkpointing\": false}",
    };
    model_config c;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        MUST(model_config_read(&c, write_config(texts[i])));
        cr_assert_eq(c.pad, 0);
        model_config_free(&c);
    }
    // KoBERT pads with token 1
    MUST(model_config_read(&c, write_config("{\"model_type\": \"bert\", \"pad_token_id\": 1}")));
    cr_assert_eq(c.pad, 1);
    const char *path = temporary_path("again.json");
    MUST(model_config_write(&c, path));
    model_config_free(&c);
    MUST(model_config_read(&c, path));
    cr_assert_eq(c.pad, 1);
    model_config_free(&c);
}

CleanTest(config, labels_as_transformers_reads_them) {
    static const struct {
        const char *text;
        uint32_t classes;
        const char *first; /* NULL: no names */
    } cases[] = {
        {"{\"id2label\": {\"0\": 0, \"1\": 1}}", 2, "0"},
        {"{\"id2label\": {\"0\": 2.5}}", 1, "2.5"},
        {"{\"id2label\": {\"0\": \"a\", \"1\": \"b\"}, \"num_labels\": 2}", 2, "a"},
        {"{\"id2label\": {\"0\": \"a\", \"1\": \"b\"}, \"num_labels\": 3}", 3, NULL},
        {"{\"id2label\": {\"0\": \"a\", \"0\": \"b\"}}", 1, "b"}, // of equal keys the last
        {"{\"hidden_act\": \"gelu_python\", \"num_labels\": 4}", 4, NULL},
        {"{\"num_labels\": 3, \"num_labels\": 4}", 4, NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        model_config c;
        const char *path = write_config(cases[i].text);
        said_begin();
        MUST(model_config_read(&c, path));
        char *said = said_end();
        bool is_other = strstr(cases[i].text, "id2label") && !cases[i].first;
        cr_expect_eq(strstr(said, ": num_labels is 3, id2label has 2 names: as in transformers the "
                                  "labels are LABEL_0 to LABEL_2\n") != NULL,
                     is_other, "%s: %s", cases[i].text, said);
        mem_free(said);
        cr_assert_eq(c.classes, cases[i].classes, "%s", cases[i].text);
        cr_assert_eq(c.labels != NULL, cases[i].first != NULL, "%s", cases[i].text);
        if (c.labels) cr_assert_str_eq(c.labels[0], cases[i].first);
        model_config_free(&c);
    }
}

/* Kinds that people benchmark and that are not supported: named, with what is. */
Test(config, other_kinds_are_refused_by_name) {
    static const char *const types[] = {
        "deberta",       "deberta-v2", "xlm-roberta", "xlm-roberta-xl",
        "camembert",     "big_bird",   "longformer",  "reformer",
        "modernbert",    "roformer",   "nomic_bert",  "eurobert",
        "gpt2",          "llama",      "t5",          "xlnet",
        "bart",          "funnel",     "convbert",    "mobilebert",
        "megatron-bert", "mpnet",      "BERT",        "",
    };
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        model_config c;
        char text[96], said[160];
        if (family_find(types[i])) continue; // one that came since
        snprintf(text, sizeof text, "{\"model_type\": \"%s\"}", types[i]);
        snprintf(said, sizeof said, "config.json: model_type is '%s'; supported are %s", types[i],
                 family_names());
        MUST_FAIL(model_config_read(&c, write_config(text)), ERR_UNSUPPORTED, said);
    }
}

CleanTest(config, refuses_what_is_not_this_bert) {
    static const struct {
        const char *text;
        err code;
        const char *part;
    } cases[] = {
        {"{\"model_type\": \"deberta-v2\"}", ERR_UNSUPPORTED,
         "model_type is 'deberta-v2'; supported are bert, "},
        {"{\"architectures\": [\"ElectraModel\"]}", ERR_UNSUPPORTED, "names 'ElectraModel'"},
        {"{\"model_type\": \"bert\", \"hidden_act\": \"silu\"}", ERR_UNSUPPORTED,
         "hidden_act is 'silu'; supported are gelu, gelu_new and relu"},
        {"{\"model_type\": \"distilbert\", \"activation\": \"mish\"}", ERR_UNSUPPORTED,
         "activation is 'mish'; supported are"},
        {"{\"model_type\": \"distilbert\", \"sinusoidal_pos_embds\": true}", ERR_UNSUPPORTED,
         "sinusoidal_pos_embds is true; only learned positions"},
        {"{\"model_type\": \"distilbert\", \"sinusoidal_pos_embds\": 1}", ERR_FORMAT,
         "'sinusoidal_pos_embds' is a number"},
        {"{\"model_type\": \"albert\", \"num_hidden_layers\": 4097}", ERR_FORMAT,
         "'num_hidden_layers' is 4097, expected a whole number from 1 to 4096"},
        {"{\"model_type\": \"distilbert\", \"n_layers\": 2, \"num_hidden_layers\": 1}", ERR_FORMAT,
         "n_layers is 2, but num_hidden_layers is 1"},
        {"{\"model_type\": \"distilbert\", \"num_attention_heads\": 0}", ERR_FORMAT,
         "'num_attention_heads' is 0, expected a whole number from 1"},
        {"{\"model_type\": \"distilbert\", \"seq_classif_dropout\": null}", ERR_FORMAT,
         "'seq_classif_dropout' is null"},
        {"{\"model_type\": \"distilbert\", \"dim\": 100, \"n_heads\": 12}", ERR_FORMAT,
         "dim 100 is no multiple of n_heads 12"},
        {"{\"model_type\": \"albert\", \"num_hidden_groups\": 2}", ERR_UNSUPPORTED,
         "num_hidden_groups is 2; only 1 is supported"},
        {"{\"model_type\": \"albert\", \"inner_group_num\": 3}", ERR_UNSUPPORTED,
         "inner_group_num is 3; only 1 is supported"},
        {"{\"model_type\": \"bert\", \"position_embedding_type\": \"rotary\"}", ERR_UNSUPPORTED,
         "position_embedding_type is 'rotary'; only 'absolute' is supported"},
        {"{\"model_type\": \"bert\", \"architectures\": [\"DebertaV2ForMaskedLM\"]}",
         ERR_UNSUPPORTED, "architectures names 'DebertaV2ForMaskedLM', but model_type is 'bert'"},
        {"{\"model_type\": \"bert\", \"position_embedding_type\": \"relative_key\"}",
         ERR_UNSUPPORTED, "position_embedding_type is 'relative_key'"},
        {"{\"model_type\": \"bert\", \"is_decoder\": true}", ERR_UNSUPPORTED, "is_decoder is true"},
        {"{\"model_type\": \"bert\", \"hidden_size\": 100, \"num_attention_heads\": 12}",
         ERR_FORMAT, "hidden_size 100 is no multiple of num_attention_heads 12"},
        {"{\"model_type\": \"bert\", \"hidden_size\": -1}", ERR_FORMAT, "'hidden_size' is -1"},
        {"{\"model_type\": \"bert\", \"hidden_size\": \"big\"}", ERR_FORMAT,
         "'hidden_size' is a string"},
        {"{\"model_type\": \"bert\", \"hidden_dropout_prob\": 1.5}", ERR_FORMAT,
         "hidden_dropout_prob is 1.5"},
        {"{\"model_type\": \"bert\", \"id2label\": {\"0\": \"a\", \"2\": \"b\"}}", ERR_FORMAT,
         "id2label has no name for \"1\""},
        {"{\"model_type\": \"bert\", \"id2label\": {\"0\": \"a\", \"1\": true}}", ERR_FORMAT,
         "id2label has no name for \"1\""},
        {"{\"model_type\": \"bert\", \"id2label\": {\"0\": \"a\", \"1\": \"x\", \"2\": \"x\"}}",
         ERR_FORMAT, "id2label: label 2 has the same name as label 1: 'x'"},
        {"{\"model_type\": \"bert\", \"id2label\": {\"0\": 1, \"1\": \"1\"}}", ERR_FORMAT,
         "id2label: label 1 has the same name as label 0: '1'"},
        {"{\"model_type\": \"bert\", \"id2label\": {\"0\": \"\", \"1\": \"x\"}}", ERR_FORMAT,
         "id2label: label 0 has no name"},
        {"{\"model_type\": \"bert\", \"id2label\": {\"0\": \"x\", \"1\": \" \\t\"}}", ERR_FORMAT,
         "id2label: label 1 has no name"},
        {"{\"model_type\": \"bert\", \"num_labels\": 16777216}", ERR_FORMAT,
         "'num_labels' is 16777216, expected a whole number from 1 to 4096"},
        {"{\"model_type\": \"bert\", \"id2label\": [1]}", ERR_FORMAT,
         "id2label has to be an object"},
        {"{\"model_type\": \"bert\", \"type_vocab_size\": 1}", ERR_UNSUPPORTED,
         "type_vocab_size is 1, as RoBERTa has it"},
        {"{\"model_type\": \"bert\", \"type_vocab_size\": 0}", ERR_FORMAT,
         "'type_vocab_size' is 0"},
        {"{\"model_type\": \"bert\", \"architectures\": [\"RobertaForMaskedLM\"]}", ERR_UNSUPPORTED,
         "architectures names 'RobertaForMaskedLM', but model_type is 'bert'"},
        {"{\"model_type\": \"electra\", \"architectures\": [\"BertModel\"]}", ERR_UNSUPPORTED,
         "architectures names 'BertModel', but model_type is 'electra'"},
        {"{\"model_type\": \"roberta\", \"architectures\": [\"XLMRobertaModel\"]}", ERR_UNSUPPORTED,
         "architectures names 'XLMRobertaModel', but model_type is 'roberta'"},
        {"{\"model_type\": \"electra\", \"type_vocab_size\": 1}", ERR_UNSUPPORTED,
         "of ELECTRA only models with 2 token types"},
        {"{\"model_type\": \"roberta\", \"max_position_embeddings\": 3}", ERR_FORMAT,
         "max_position_embeddings is 3, but positions begin at 2, behind pad_token_id 1: expected "
         "4 or more"},
        {"{\"model_type\": \"roberta\", \"pad_token_id\": 510}", ERR_FORMAT,
         "max_position_embeddings is 512, but positions begin at 511"},
        {"{\"model_type\": \"bert\", \"position_embedding_type\": \"relative_key_query\"}",
         ERR_UNSUPPORTED, "'relative_key_query'; only 'absolute'"},
        {"{\"model_type\": \"bert\", \"add_cross_attention\": true}", ERR_UNSUPPORTED,
         "add_cross_attention is true; only encoders"},
        {"{\"model_type\": \"bert\", \"is_decoder\": \"yes\"}", ERR_FORMAT, "'is_decoder'"},
        {"{\"model_type\": \"bert\", \"is_encoder_decoder\": true}", ERR_UNSUPPORTED,
         "is_encoder_decoder is true; only encoders"},
        {"{\"model_type\": \"bert\", \"quantization_config\": {\"quant_method\": \"gptq\"}}",
         ERR_UNSUPPORTED, "quantization_config is not empty; only models that are not quantised"},
        {"{\"model_type\": \"bert\", \"pruned_heads\": {\"0\": [1]}}", ERR_UNSUPPORTED,
         "pruned_heads is not empty"},
        {"{\"model_type\": \"bert\", \"problem_type\": \"ranking\"}", ERR_FORMAT,
         "problem_type is 'ranking', expected regression"},
        {"{\"model_type\": \"bert\", \"pad_token_id\": -1}", ERR_FORMAT, "'pad_token_id' is -1"},
        {"[1]", ERR_FORMAT, "expected an object"},
        {"{\"model_type\": ", ERR_FORMAT, "not valid JSON"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        model_config c;
        const char *path = write_config(cases[i].text);
        MUST_FAIL(model_config_read(&c, path), cases[i].code, cases[i].part);
        cr_assert_not_null(strstr(err_message(cases[i].code), "config.json"), "%s",
                           err_message(cases[i].code));
    }
}
