#include "base/err.h"

#include <stdio.h>
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
    vsnprintf(fresh, sizeof fresh, format, args);
    va_end(args);
    memcpy(message, fresh, sizeof message);
}

err err_wrap(err e, const char *format, ...) {
    if (e == ERR_OK) return e;
    char context[512];
    va_list args;
    va_start(args, format);
    vsnprintf(context, sizeof context, format, args);
    va_end(args);
    char whole[MESSAGE_BYTES];
    size_t used = (size_t)snprintf(whole, sizeof whole, "%s: ", context);
    if (used >= sizeof whole) used = sizeof whole - 1;
    snprintf(whole + used, sizeof whole - used, "%s", err_message(e));
    memcpy(message, whole, sizeof message);
    return e;
}

const char *err_message(err e) {
    return message[0] ? message : table[e].text;
}

void err_clear(void) {
    message[0] = '\0';
}

const char *err_name(err e) {
    return table[e].name;
}

int err_exit_code(err e) {
    return table[e].exit_code;
}
