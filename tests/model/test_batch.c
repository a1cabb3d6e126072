#include "model/batch.h"
#include "support/must.h"

#include <criterion/criterion.h>
#include <string.h>

CleanTest(batch, regions_of_slots_and_micro_batches_do_not_overlap) {
    device d;
    cr_assert_eq(device_open_named(&d, "reference", NULL), ERR_OK);
    batch b;
    batch_capacity c = {.tokens = 37,
                        .sentences = 5,
                        .micros = 3,
                        .max_length = 16,
                        .outputs = 3,
                        .tile_rows = 8,
                        .types = 2,
                        .target = {.type = ELEM_U32, .cols = 1}};
    cr_assert_eq(batch_init(&b, &d, &c), ERR_OK);
    const span all[] = {b.ids,
                        b.type_ids,
                        b.position_ids,
                        b.positions,
                        b.token_sentence,
                        b.starts,
                        b.targets,
                        b.ordinals,
                        b.tiles,
                        b.by_token.starts,
                        b.by_token.items,
                        b.by_token.rows,
                        b.by_position.starts,
                        b.by_position.items,
                        b.by_position.rows,
                        b.by_type.starts,
                        b.by_type.items,
                        b.by_type.rows,
                        b.losses,
                        b.outputs};
    // every region is filled with its own number; all must still hold it at the end
    uint8_t number = 0;
    for (int pass = 0; pass < 2; pass++) {
        number = 0;
        for (uint32_t slot = 0; slot < SLOT_COUNT; slot++) {
            for (uint32_t micro = 0; micro < c.micros; micro++) {
                for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
                    span s = span_at(all[i], slot, micro);
                    cr_assert_leq(s.offset + span_bytes(s), s.buffer->bytes);
                    unsigned char *at = span_host(s);
                    number++;
                    if (!pass) memset(at, number, span_bytes(s));
                    for (size_t k = 0; k < span_bytes(s); k++)
                        cr_assert_eq(at[k], number, "span %zu", i);
                }
            }
            span u = span_at(b.step_rows, slot, 0);
            number++;
            if (!pass) memset(span_host(u), number, span_bytes(u));
            for (size_t k = 0; k < span_bytes(u); k++)
                cr_assert_eq(((unsigned char *)span_host(u))[k], number);
        }
    }
    batch_free(&b);
    device_close(&d);
}
