#include "data/pack.h"
#include "support/must.h"

#include <criterion/criterion.h>
#include <string.h>

static uint32_t *at(span s, uint32_t slot, uint32_t micro) {
    return span_host(span_at(s, slot, micro));
}

// Four sentences, capacity of 8 tokens: micro-batches {3, 5} and {4, 2}, worked out by hand.
CleanTest(pack, micro_batches_lists_and_tiles_by_hand) {
    device d;
    cr_assert_eq(device_open_named(&d, "reference", NULL), ERR_OK);
    batch b;
    batch_capacity c = {.tokens = 8,
                        .sentences = 3,
                        .micros = 3,
                        .max_length = 5,
                        .outputs = 2,
                        .tile_rows = 4,
                        .types = 2,
                        .target = {.type = ELEM_U32, .cols = 1}};
    cr_assert_eq(batch_init(&b, &d, &c), ERR_OK);
    pack p;
    cr_assert_eq(pack_init(&p, &b), ERR_OK);
    static const uint32_t s0[] = {2, 9, 3}, s1[] = {2, 7, 9, 9, 3}, s2[] = {2, 5, 6, 3},
                          s3[] = {2, 3};
    pack_sentence sentences[] = {
        {s0, 3, 3, {1}}, {s1, 5, 3, {0}}, {s2, 4, 4, {1}}, {s3, 2, 2, {0}}};
    cr_assert_eq(pack_fill(&p, &b, 1, sentences, 4, true), ERR_OK, "%s", err_message(ERR_ARG));
    cr_assert_eq(p.micro_count, 2);
    cr_assert_eq(p.token_count, 14);
    cr_assert_eq(p.first_sentence[1], 2);
    cr_assert_eq(p.first_sentence[2], 4);
    cr_assert_eq(p.micros[0].tokens, 8);
    cr_assert_eq(p.micros[0].sentences, 2);
    cr_assert_eq(p.micros[0].tiles, 3); // 3 tokens: one tile; 5 tokens: two
    cr_assert_eq(p.micros[0].lists[BATCH_TOKEN_LISTS], 4);
    cr_assert_eq(p.micros[0].lists[BATCH_POSITION_LISTS], 5);
    const query_tile *tiles = (const void *)at(b.tiles, 1, 0);
    cr_assert(tiles[2].start == 3 && tiles[2].length == 5 && tiles[2].first == 4 &&
              tiles[2].ordinal == 1);
    // ids 2 {0, 3}, 3 {2, 7}, 7 {4}, 9 {1, 5, 6}; the union of the step is 2 3 5 6 7 9
    static const uint32_t starts[] = {0, 2, 4, 5, 8}, items[] = {0, 3, 2, 7, 4, 1, 5, 6};
    static const uint32_t rows[] = {0, 1, 4, 5}, all[] = {2, 3, 5, 6, 7, 9};
    cr_assert_eq(p.step_rows, 6);
    cr_assert_arr_eq(at(b.by_token.starts, 1, 0), starts, sizeof starts);
    cr_assert_arr_eq(at(b.by_token.items, 1, 0), items, sizeof items);
    cr_assert_arr_eq(at(b.by_token.rows, 1, 0), rows, sizeof rows);
    cr_assert_arr_eq(at(b.step_rows, 1, 0), all, sizeof all);
    static const uint32_t types[] = {0, 0, 0, 0, 0, 0, 1, 1},
                          type_items[] = {0, 1, 2, 3, 4, 5, 6, 7};
    cr_assert_arr_eq(at(b.type_ids, 1, 0), types, sizeof types);
    cr_assert_arr_eq(at(b.by_type.items, 1, 0), type_items, sizeof type_items);
    cr_assert_eq(at(b.by_type.starts, 1, 0)[1], 6);
    // second micro-batch: ordinals go on counting over the step
    static const uint32_t ordinals[] = {2, 2, 2, 2, 3, 3}, positions[] = {0, 1, 2, 3, 0, 1};
    cr_assert_arr_eq(at(b.token_sentence, 1, 1), ordinals, sizeof ordinals);
    cr_assert_arr_eq(at(b.positions, 1, 1), positions, sizeof positions);
    step_info step = pack_step(&p, 1, 7, 42);
    cr_assert_float_eq(step.loss_scale, 0.25f, 0);
    cr_assert_eq(step.step_rows, 6);
    // every other sentence: ordinals and rows are those of the step
    static const uint32_t owners[] = {0, 1, 0, 1}, odd[] = {1, 1, 1, 1, 1, 3, 3};
    cr_assert_eq(pack_fill_share(&p, &b, 1, sentences, 4, &(pack_share){owners, 1}, 0, true),
                 ERR_OK);
    cr_assert(p.micro_count == 1 && p.micros[0].sentences == 2 && p.token_count == 14);
    cr_assert_arr_eq(at(b.token_sentence, 1, 0), odd, sizeof odd);
    cr_assert_arr_eq(at(b.ordinals, 1, 0), ((const uint32_t[]){1, 3}), 2 * sizeof *odd);
    cr_assert_eq(p.step_rows, 6);
    cr_assert_arr_eq(at(b.step_rows, 1, 0), all, sizeof all);
    // a share without sentences
    cr_assert_eq(pack_fill_share(&p, &b, 1, sentences, 4, &(pack_share){owners, 2}, 0, true),
                 ERR_OK);
    cr_assert(p.micro_count == 0 && p.step_rows == 6);
    // a sentence longer than the capacity is refused
    pack_sentence big = {s1, 9, 9, {0}};
    cr_assert_eq(pack_fill(&p, &b, 0, &big, 1, true), ERR_ARG);
    // and one longer than the longest that kernels go by, though the batch had room for it
    pack_sentence longer[] = {sentences[0], {s1, 6, 6, {0}}};
    cr_assert_eq(pack_fill(&p, &b, 0, longer, 2, true), ERR_ARG);
    cr_assert(strstr(err_message(ERR_ARG), "6 tokens, the batch is planned for up to 5"));
    pack_free(&p);
    batch_free(&b);
    device_close(&d);
}

// As RobertaEmbeddings has it, pad id 1: a literal [PAD] takes row 1 and is not counted; the second
// text's type does not overrun a table of one row.
Test(pack, position_ids_follow_the_pad_id) {
    device d;
    cr_assert_eq(device_open_named(&d, "reference", NULL), ERR_OK);
    batch b;
    batch_capacity c = {.tokens = 8,
                        .sentences = 2,
                        .micros = 1,
                        .max_length = 5,
                        .outputs = 2,
                        .tile_rows = 4,
                        .types = 1,
                        .positions_follow_pad = true,
                        .pad = 1,
                        .target = {.type = ELEM_U32, .cols = 1}};
    cr_assert_eq(batch_init(&b, &d, &c), ERR_OK);
    pack p;
    cr_assert_eq(pack_init(&p, &b), ERR_OK);
    static const uint32_t s0[] = {0, 9, 1, 7, 2}, s1[] = {0, 4, 2};
    const pack_sentence sentences[] = {{s0, 5, 3, {0}}, {s1, 3, 3, {1}}};
    memset(at(b.by_token.items, 0, 0), 0xff, 8 * sizeof *s0); // of a step before
    memset(at(b.by_position.items, 0, 0), 0xff, 8 * sizeof *s0);
    cr_assert_eq(pack_fill(&p, &b, 0, sentences, 2, true), ERR_OK);
    static const uint32_t ids[] = {2, 3, 1, 4, 5, 2, 3, 4}, places[] = {0, 1, 2, 3, 4, 0, 1, 2};
    static const uint32_t types[8] = {0}, rows[] = {1, 2, 3, 4, 5};
    cr_assert_arr_eq(at(b.position_ids, 0, 0), ids, sizeof ids);
    cr_assert_arr_eq(at(b.positions, 0, 0), places, sizeof places);
    cr_assert_arr_eq(at(b.type_ids, 0, 0), types, sizeof types);
    cr_assert_eq(p.micros[0].lists[BATCH_POSITION_LISTS], 5);
    cr_assert_arr_eq(at(b.by_position.rows, 0, 0), rows, sizeof rows);
    cr_assert_eq(at(b.by_type.starts, 0, 0)[1], 8);
    // padding's rows are read, but have no gradient: their lists are empty
    static const uint32_t starts[] = {0, 0, 2, 4, 6, 7};
    cr_assert_arr_eq(at(b.by_position.starts, 0, 0), starts, sizeof starts);
    static const uint32_t words[] = {0, 1, 2, 4, 7, 9}, word_starts[] = {0, 2, 2, 4, 5, 6, 7};
    cr_assert_eq(p.step_rows, 6);
    cr_assert_arr_eq(at(b.step_rows, 0, 0), words, sizeof words);
    cr_assert_arr_eq(at(b.by_token.starts, 0, 0), word_starts, sizeof word_starts);
    // kernels may read the place behind the last of 7 items
    cr_assert_eq(at(b.by_token.items, 0, 0)[7], 0);
    cr_assert_eq(at(b.by_position.items, 0, 0)[7], 0);
    pack_free(&p);
    batch_free(&b);
    device_close(&d);
}
