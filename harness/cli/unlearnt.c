#include "cli/unlearnt.h"

#include "base/log.h"

void unlearnt_warn(const dataset *d, const task *t) {
    const size_t *all = d->file_rows.label_counts, *left = d->train.label_counts;
    for (size_t k = 0; d->file_rows.row_count && answer_is_label(t->kind) && k < t->label_count;
         k++)
        if (all[k] > 1 && !left[k])
            log_warn(
                "label '%s': none of its %zu rows is trained on, since their texts are one, or "
                "stand under another label too: it is not learnt",
                t->labels[k].readable, all[k]);
}
