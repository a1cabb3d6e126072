/* Errors: what every fallible function returns, and the one message that goes with it.
 *
 * A function that can fail returns `err`; ERR_OK (0) is success. The function that finds the fault
 * writes the message with err_set; callers may put context before it with err_wrap; main prints it
 * once. The message lives in one buffer per thread and is valid until the next err_set there. What
 * is put into it (%s) goes by SHOWN_TERMINAL: nothing in a message acts on the terminal. */
#ifndef HARNESS_BASE_ERR_H
#define HARNESS_BASE_ERR_H

#include <stdarg.h>
#include <stdbool.h>

/* name, exit code of the program, text used when no message was set */
#define ERR_LIST(X)                                                                                \
    X(OK, 0, "success")                                                                            \
    X(USAGE, 2, "wrong usage")                                                                     \
    X(ARG, 1, "internal error: bad argument")                                                      \
    X(MEMORY, 1, "out of memory")                                                                  \
    X(IO, 1, "input or output failed")                                                             \
    X(FORMAT, 1, "malformed input")                                                                \
    X(DATA, 1, "bad or missing data")                                                              \
    X(DEVICE, 1, "device failed")                                                                  \
    X(UNSUPPORTED, 1, "not supported")                                                             \
    X(NETWORK, 1, "network failed")                                                                \
    X(SERVER, 1, "a server's answer is of no use")                                                 \
    X(NUMERIC, 1, "numbers are not finite")                                                        \
    X(GATE, 1, "a gate failed")                                                                    \
    X(INTERRUPTED, 130, "interrupted")

typedef enum err {
#define X(name, code, text) ERR_##name,
    ERR_LIST(X)
#undef X
} err;

#define MUST_CHECK __attribute__((warn_unused_result))
#define PRINTF_LIKE(fmt, first) __attribute__((format(printf, fmt, first)))

/* Sets this thread's message and gives e, so that `return err_set(...)` reads as one step. A macro:
 * compilers and analysers see that what comes back is no success. */
#define err_set(e, ...) (err_set_message(__VA_ARGS__), (err)(e))
void err_set_message(const char *format, ...) PRINTF_LIKE(1, 2);

/* Puts "context: " before the message already set and returns e. Nothing happens for ERR_OK. */
err err_wrap(err e, const char *format, ...) PRINTF_LIKE(2, 3);

/* The message set last on this thread, or the text of e when there is none. Borrowed. */
const char *err_message(err e);

/* Forgets this thread's message. */
void err_clear(void);
/* e, but ERR_OK in place of this kind, or of every kind but ERR_MEMORY, whose message is forgotten. */
err err_forgive(err e, err kind);
err err_unless_memory(err e);

/* Advice belongs to the running verb: it names no flag that the verb lacks. err_advice gives words
 * (borrowed), which name the flag, when the verb takes it, and "" when not; before err_set_flags
 * every flag is taken. */
void err_set_flags(bool (*takes)(const char *flag));
const char *err_advice(const char *flag, const char *words);

/* Of a list of works, whether a failure of this kind is one work's own fault (its model, its data, its
 * recipe, its numbers), so that the others can be done. Of other kinds it is the place's (disk,
 * memory, device, network), the user's who stops it, or ours: the next would fail too. */
bool err_is_of_one(err e);

const char *err_name(err e); /* "FORMAT" */
int err_exit_code(err e);    /* what main returns */

#endif
