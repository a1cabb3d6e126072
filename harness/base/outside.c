#include "base/outside.h"

#include <stddef.h>

static _Thread_local atomic_bool *shown;
static _Thread_local unsigned depth;

void outside_show(atomic_bool *waits) {
    shown = waits;
}

void outside_begin(void) {
    if (!depth++ && shown) *shown = true;
}

void outside_end(void) {
    if (!--depth && shown) *shown = false;
}
