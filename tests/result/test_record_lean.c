#include "result/record_lean.h"
#include "support/fake_record.h"
#include "support/must.h"

#include <math.h>

static void make(record *r, answer_kind kind) {
    static const char *const headlines[ANSWER_KINDS] = {"macro_f1",  "pearson", "micro_f1",
                                                        "entity_f1", "las",     "relation_f1"};
    fake_record_make(r, &(fake_record){.kind = kind, .headline = headlines[kind], .right = 0.6});
    static const char corpus[] = "{\"name\":\"c\",\"left_out\":[]}";
    MUST(json_parse(&r->model.corpus, corpus, strlen(corpus), "corpus"));
    MUST(record_text(&r->model.label_map, "a=b"));
    MUST(record_text(&r->engine, "threads"));
    MUST(record_text(&r->rank_devices, "a CPU; a GPU"));
    MUST(record_text(&r->dev_metric, "loss"));
}

/* A record made of bytes answers as it did, whatever its ids are. */
CleanTest(record_lean, keeps_its_answers) {
    for (int kind = 0; kind < ANSWER_KINDS; kind++) {
        static const uint32_t largest[] = {1, 255, 256, 65535, 65536, UINT32_MAX};
        for (size_t i = 0; i < sizeof largest / sizeof *largest; i++) {
            record r;
            lean_pool pool = {0};
            uint32_t *ids = NULL, *was = NULL;
            make(&r, (answer_kind)kind);
            size_t count = record_values(&r, true), scores = record_values(&r, false);
            double score = record_metric(&r, r.headline);
            const float *numbers = r.predicted_numbers;
            if (r.predicted) r.predicted[count - 1] = largest[i];
            MUST(mem_new(&was, count));
            if (r.predicted) memcpy(was, r.predicted, count * sizeof *was);
            bool has_ids = r.predicted != NULL;
            MUST(record_pool(&r, &pool));
            cr_assert(r.packed && r.lean.are_kept && !r.predicted &&
                      r.predicted_numbers == numbers);
            cr_assert(isnan(score) || record_metric(&r, r.headline) == score);
            cr_assert_eq(r.narrow_ids != NULL, has_ids);
            if (has_ids) {
                cr_assert(!record_has_answers(&r) && record_answer_bytes(&r) >= count);
                MUST(record_wide_ids(&ids, &r));
                cr_assert(!memcmp(ids, was, count * sizeof *was), "%d: %u", kind, largest[i]);
            } else {
                cr_assert_eq(record_answer_bytes(&r), scores * sizeof *numbers);
            }
            record_drop_answers(&r);
            cr_assert(!record_has_answers(&r) && !r.narrow_ids && !r.unit_begin);
            mem_free(ids);
            mem_free(was);
            record_free(&r);
            lean_pool_free(&pool);
        }
    }
}

/* What a board reads is as before; of cuts at every byte each is refused, and none harms. */
CleanTest(record_lean, is_read_back_whole_or_not_at_all) {
    for (int kind = 0; kind < ANSWER_KINDS; kind++) {
        record r, again;
        record_digests full, lean;
        strbuf bytes = {0}, second = {0};
        lean_pool pool = {0};
        make(&r, (answer_kind)kind);
        record_digest(&full, &r);
        record_lighten(&r, true);
        cr_assert(record_has_answers(&r) && !r.gold && !r.gold_numbers && !r.loss && !r.worst);
        record_digest(&lean, &r);
        cr_assert(!strcmp(full.losses, lean.losses) && !strcmp(full.repeats, lean.repeats) &&
                  !strcmp(full.dedup, lean.dedup) && strlen(lean.losses) == 64);
        MUST(record_pack(&bytes, &r));
        uint8_t *at = (uint8_t *)bytes.text, *end = at + bytes.length;
        MUST(record_unpack(&again, &pool, &at, end));
        cr_assert_eq(at, end);
        cr_assert(!record_has_answers(&again) && again.lean.are_kept);
        cr_assert(again.packed == (uint8_t *)bytes.text && again.packed_bytes == bytes.length);
        again.packed = NULL; // from its fields
        MUST(record_pack(&second, &again));
        again.packed = (uint8_t *)bytes.text;
        cr_assert(bytes.length == second.length && !memcmp(bytes.text, second.text, bytes.length));
        cr_assert_str_eq(again.model.name, r.model.name);
        cr_assert_str_eq(again.model.label_map, "a=b");
        cr_assert_str_eq(again.engine, "threads");
        cr_assert_str_eq(again.rank_devices, "a CPU; a GPU");
        cr_assert_str_eq(again.dev_metric, "loss");
        cr_assert_eq(again.task.label_count, r.task.label_count);
        cr_assert(cJSON_Compare(again.recipe, r.recipe, true));
        for (size_t m = 0; m < metric_count(); m++) {
            double x = record_metric(&r, metric_at(m)->name);
            double y = record_metric(&again, metric_at(m)->name);
            cr_assert(x == y || (isnan(x) && isnan(y)), "%s", metric_at(m)->name);
        }
        const metric *headline = metric_find(r.headline);
        cr_assert_eq(headline->fn(&again.confusion), headline->fn(&r.confusion));
        record_free(&again);
        for (size_t cut = 0; cut < bytes.length; cut += cut < 3000 ? 7 : 1) {
            at = (uint8_t *)bytes.text;
            cr_assert_eq(record_unpack(&again, &pool, &at, at + cut), ERR_FORMAT, "%zu", cut);
        }
        lean_pool_free(&pool);
        strbuf_free(&bytes);
        strbuf_free(&second);
        record_free(&r);
    }
}
