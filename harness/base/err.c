#include "base/err.h"

#include "base/shown.h"

#include <string.h>

enum { MESSAGE_BYTES = 4096 };

static _Thread_local char message[MESSAGE_BYTES];

static const struct {
    const char *name;
    int exit_code;
    const char *text;
} table[] = {
#define X(name, code, text) {#name, code, text},
    ERR_LIST(X)
#undef X
};

void err_set_message(const char *format, ...) {
    // formatted apart first: an argument may be the old message itself
    char fresh[MESSAGE_BYTES];
    va_list args;
    va_start(args, format);
    shown_vsnprintf(fresh, sizeof fresh, SHOWN_TERMINAL, format, args);
    va_end(args);
    memcpy(message, fresh, strlen(fresh) + 1);
}

err err_wrap(err e, const char *format, ...) {
    if (e == ERR_OK) return e;
    char context[512];
    va_list args;
    va_start(args, format);
    shown_vsnprintf(context, sizeof context, SHOWN_TERMINAL, format, args);
    va_end(args);
    err_set_message("%s: %s", context, err_message(e));
    return e;
}

const char *err_message(err e) {
    return message[0] ? message : table[e].text;
}

void err_clear(void) {
    message[0] = '\0';
}

err err_forgive(err e, err kind) {
    if (e != kind) return e;
    err_clear();
    return ERR_OK;
}

err err_unless_memory(err e) {
    return e == ERR_MEMORY ? e : err_forgive(e, e);
}

static bool (*verb_takes)(const char *flag);

void err_set_flags(bool (*takes)(const char *flag)) {
    verb_takes = takes;
}

const char *err_advice(const char *flag, const char *words) {
    return !verb_takes || verb_takes(flag) ? words : "";
}

bool err_is_of_one(err e) {
    return e == ERR_USAGE || e == ERR_FORMAT || e == ERR_DATA || e == ERR_UNSUPPORTED ||
           e == ERR_SERVER || e == ERR_NUMERIC;
}

const char *err_name(err e) {
    return table[e].name;
}

int err_exit_code(err e) {
    return table[e].exit_code;
}
