#include "train/step/courier.h"

#include "base/memory.h"

#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>

enum { MESSAGE_BYTES = 1024 };

struct courier {
    courier_work *work;
    void *context;
    pthread_t thread;
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    size_t released, carried;
    bool is_at_work, ends;
    err e;
    char message[MESSAGE_BYTES]; /* of e: messages belong to the thread that set them */
};

/* pre: the mutex is held; it is given back while the piece is carried. */
static void carry(courier *c) {
    size_t i = c->carried;
    c->is_at_work = true;
    pthread_mutex_unlock(&c->mutex);
    err e = c->work(c->context, i);
    pthread_mutex_lock(&c->mutex);
    c->is_at_work = false;
    c->carried = i + 1;
    c->e = e;
    if (e) snprintf(c->message, sizeof c->message, "%s", err_message(e));
    pthread_cond_broadcast(&c->changed);
}

static void *live(void *context) {
    courier *c = context;
    pthread_mutex_lock(&c->mutex);
    while (!c->ends) {
        if (!c->e && c->carried < c->released)
            carry(c);
        else
            pthread_cond_wait(&c->changed, &c->mutex);
    }
    pthread_mutex_unlock(&c->mutex);
    return NULL;
}

err courier_open(courier **out, courier_work *work, void *context) {
    courier *c = NULL;
    sigset_t all, before;
    *out = NULL;
    err e = mem_new(&c, 1);
    if (e) return e;
    c->work = work;
    c->context = context;
    pthread_mutex_init(&c->mutex, NULL);
    pthread_cond_init(&c->changed, NULL);
    // signals are for the thread that trains
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &before);
    bool runs = !pthread_create(&c->thread, NULL, live, c);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (runs) {
        *out = c;
        return ERR_OK;
    }
    pthread_cond_destroy(&c->changed);
    pthread_mutex_destroy(&c->mutex);
    mem_free(c);
    return err_set(ERR_MEMORY, "cannot start a further thread");
}

void courier_close(courier *c) {
    if (!c) return;
    pthread_mutex_lock(&c->mutex);
    c->ends = true;
    pthread_cond_broadcast(&c->changed);
    pthread_mutex_unlock(&c->mutex);
    pthread_join(c->thread, NULL);
    pthread_cond_destroy(&c->changed);
    pthread_mutex_destroy(&c->mutex);
    mem_free(c);
}

void courier_begin(courier *c) {
    pthread_mutex_lock(&c->mutex);
    c->released = c->carried = 0;
    c->e = ERR_OK;
    pthread_mutex_unlock(&c->mutex);
}

void courier_release(courier *c, size_t count) {
    pthread_mutex_lock(&c->mutex);
    c->released = count;
    pthread_cond_broadcast(&c->changed);
    pthread_mutex_unlock(&c->mutex);
}

/* pre: the mutex is held; it is given back. */
static err leave(courier *c) {
    err e = c->e;
    pthread_mutex_unlock(&c->mutex);
    return e ? err_set(e, "%s", c->message) : ERR_OK;
}

err courier_wait(courier *c) {
    pthread_mutex_lock(&c->mutex);
    while (c->is_at_work || (!c->e && c->carried < c->released))
        pthread_cond_wait(&c->changed, &c->mutex);
    return leave(c);
}

err courier_wait_for(courier *c, size_t count) {
    pthread_mutex_lock(&c->mutex);
    while (!c->e && c->carried < count) pthread_cond_wait(&c->changed, &c->mutex);
    return leave(c);
}

void courier_stop(courier *c) {
    pthread_mutex_lock(&c->mutex);
    c->released = 0;
    while (c->is_at_work) pthread_cond_wait(&c->changed, &c->mutex);
    pthread_mutex_unlock(&c->mutex);
}
