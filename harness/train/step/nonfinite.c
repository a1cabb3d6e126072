#include "train/step/nonfinite.h"

#include "base/memory.h"

#include <math.h>
#include <stdio.h>

static err is_finite(bool *finite, span s, size_t count) {
    float *values = NULL;
    *finite = true;
    err e = mem_new(&values, count);
    if (!e) e = device_read_f32(values, s, count);
    for (size_t i = 0; !e && i < count && *finite; i++) *finite = isfinite(values[i]);
    mem_free(values);
    return e;
}

err nonfinite_find(char text[NONFINITE_BYTES], const params *ps) {
    char name[PARAM_NAME_BYTES];
    bool finite = true;
    err e = ERR_OK;
    text[0] = '\0';
    for (size_t i = 0; i < ps->count; i++) {
        const param *p = &ps->list[i];
        if ((e = is_finite(&finite, p->p, p->count))) return e;
        if (finite) continue;
        param_label(p, name);
        snprintf(text, NONFINITE_BYTES, "weight of %s", name);
        return ERR_OK;
    }
    for (size_t i = ps->count; ps->training && i-- > 0;) {
        const param *p = &ps->list[i];
        if (!p->g.count) continue; // frozen
        if ((e = is_finite(&finite, p->g, p->g.count))) return e;
        if (finite) continue;
        param_label(p, name);
        snprintf(text, NONFINITE_BYTES, "gradient of %s", name);
        return ERR_OK;
    }
    return ERR_OK;
}
