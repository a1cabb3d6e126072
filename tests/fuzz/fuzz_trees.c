/* Files of trees. The first byte chooses what gold trees keep to, and whether a bad sentence is
 * dropped. What is read is decoded again from scores that are its own arcs. */
#include "fuzz.h"
#include "metric/arcs.h"
#include "metric/tree.h"
#include "rows.h"

#include <string.h>

static const char manifest[] =
    "{\"schema\": 1, \"name\": \"made\", \"version\": 1, \"title\": \"t\", \"source\": \"s\","
    "\"licence\": \"l\", \"citation\": \"c\", \"kind\": \"dependency_parsing\", \"tree\": "
    "{\"gold\": \"%s\", \"decode\": \"any\", \"pieces\": \"last\"}, \"format\": {\"kind\": "
    "\"conll\", \"columns\": [\"I\", \"W\", \"H\", \"R\"], \"index\": \"I\", \"text\": \"W\", "
    "\"head\": \"H\", \"label\": \"R\"}, \"labels\": [{\"value\": \"x\", \"name\": \"x\", "
    "\"readable\": \"x\"}, {\"value\": \"y\", \"name\": \"y\", \"readable\": \"y\"}], "
    "\"invalid_label\": \"%s\", \"split\": {\"rule\": \"hash\", \"one_in\": 2}, \"files\": "
    "[{\"role\": \"all\", \"name\": \"all\"}], \"cleaning\": {\"drop_empty\": true, "
    "\"drop_duplicates\": true}, \"metrics\": [\"las\"], \"headline\": \"las\", \"max_length\": "
    "64}";

static const task *task_of(unsigned bits) {
    static task tasks[2 * TREE_RULES];
    if (tasks[bits].manifest) return &tasks[bits];
    rows_task_of(&tasks[bits], manifest, tree_rule_name(bits / 2), bits & 1 ? "drop" : "error");
    return &tasks[bits];
}

/* Heads are a tree, which is the best of scores that are 1 at its arcs. */
static void check_row(const dataset_row *row, const task *t) {
    enum { MOST = 24 };
    const example_units *u = &row->example.target.units;
    float scores[MOST * (MOST + 1)] = {0};
    uint32_t heads[MOST], said[MOST], rule = t->tree.gold;
    FUZZ_CHECK(row->example.in_tree && row->line >= 1 && u->count >= 1);
    for (uint32_t w = 0; w < u->count; w++) {
        const uint32_t *arc = u->values + (size_t)w * ARC_WIDTH;
        FUZZ_CHECK(arc[ARC_HEAD] <= u->count && arc[ARC_RELATION] < t->label_count);
        FUZZ_CHECK(u->list[w].begin < u->list[w].end &&
                   u->list[w].end <= row->example.texts[0].bytes);
        if (u->count > MOST) continue;
        heads[w] = arc[ARC_HEAD];
        scores[w * (MOST + 1) + heads[w]] = 1;
    }
    if (u->count > MOST) return;
    tree_fault fault;
    if (!fuzz_needs(tree_check(&fault, heads, u->count, rule))) return;
    FUZZ_CHECK(fault.kind == TREE_FINE);
    if (!fuzz_needs(tree_decode(said, scores, MOST + 1, u->count, rule))) return;
    FUZZ_CHECK(!memcmp(said, heads, u->count * sizeof *said));
}

FUZZ_TARGET(trees) {
    if (!size) return;
    fuzz_setup();
    const task *t = task_of(data[0] % (2 * TREE_RULES));
    fuzz_begin();
    rows_each(t, data + 1, size - 1, check_row);
    fuzz_end();
}
