#include "train/step/courier.h"

#include "base/memory.h"
#include "platform/thread.h"

#include <stdbool.h>
#include <stdio.h>

enum { MESSAGE_BYTES = 1024 };

struct courier {
    courier_work *work;
    void *context;
    thread thread;
    mutex mutex;
    condition changed;
    size_t released, carried;
    bool is_at_work, ends;
    err e;
    char message[MESSAGE_BYTES]; /* of e: messages belong to the thread that set them */
};

/* pre: the mutex is held; it is given back while the piece is carried. */
static void carry(courier *c) {
    size_t i = c->carried;
    c->is_at_work = true;
    mutex_give(&c->mutex);
    err e = c->work(c->context, i);
    mutex_take(&c->mutex);
    c->is_at_work = false;
    c->carried = i + 1;
    c->e = e;
    if (e) snprintf(c->message, sizeof c->message, "%s", err_message(e));
    condition_wake_all(&c->changed);
}

static void *live(void *context) {
    courier *c = context;
    mutex_take(&c->mutex);
    while (!c->ends) {
        if (!c->e && c->carried < c->released)
            carry(c);
        else
            condition_wait(&c->changed, &c->mutex);
    }
    mutex_give(&c->mutex);
    return NULL;
}

err courier_open(courier **out, courier_work *work, void *context) {
    courier *c = NULL;
    *out = NULL;
    err e = mem_new(&c, 1);
    if (e) return e;
    c->work = work;
    c->context = context;
    mutex_init(&c->mutex);
    condition_init(&c->changed);
    if (thread_begin(&c->thread, live, c)) {
        *out = c;
        return ERR_OK;
    }
    condition_free(&c->changed);
    mutex_free(&c->mutex);
    mem_free(c);
    return err_set(ERR_MEMORY, "cannot start a further thread");
}

void courier_close(courier *c) {
    if (!c) return;
    mutex_take(&c->mutex);
    c->ends = true;
    condition_wake_all(&c->changed);
    mutex_give(&c->mutex);
    thread_join(c->thread);
    condition_free(&c->changed);
    mutex_free(&c->mutex);
    mem_free(c);
}

void courier_begin(courier *c) {
    mutex_take(&c->mutex);
    c->released = c->carried = 0;
    c->e = ERR_OK;
    mutex_give(&c->mutex);
}

void courier_release(courier *c, size_t count) {
    mutex_take(&c->mutex);
    c->released = count;
    condition_wake_all(&c->changed);
    mutex_give(&c->mutex);
}

/* pre: the mutex is held; it is given back. */
static err leave(courier *c) {
    err e = c->e;
    mutex_give(&c->mutex);
    return e ? err_set(e, "%s", c->message) : ERR_OK;
}

err courier_wait(courier *c) {
    mutex_take(&c->mutex);
    while (c->is_at_work || (!c->e && c->carried < c->released))
        condition_wait(&c->changed, &c->mutex);
    return leave(c);
}

err courier_wait_for(courier *c, size_t count) {
    mutex_take(&c->mutex);
    while (!c->e && c->carried < count) condition_wait(&c->changed, &c->mutex);
    return leave(c);
}

void courier_stop(courier *c) {
    mutex_take(&c->mutex);
    c->released = 0;
    while (c->is_at_work) condition_wait(&c->changed, &c->mutex);
    mutex_give(&c->mutex);
}
