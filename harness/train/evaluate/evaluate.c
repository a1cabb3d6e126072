#include "train/evaluate/evaluate.h"

#include "base/log.h"
#include "base/memory.h"
#include "base/shown.h"
#include "metric/tags.h"
#include "metric/tree.h"
#include "model/head/parser.h"
#include "train/group/group.h"
#include "train/step/capacity.h"

#include <math.h>
#include <string.h>

void evaluator_capacity(batch_capacity *c, const encoded *data, uint32_t batch_size,
                        const model_memory *memory) {
    uint32_t sentences = memory ? memory->sentences : 0, tokens = MICRO_TOKENS;
    if (memory && memory->tokens < tokens) tokens = memory->tokens;
    for (size_t first = 0; first < data->count; first += batch_size) {
        size_t n = data->count - first < batch_size ? data->count - first : batch_size;
        capacity_raise_within(c, data->sentences + first, NULL, n, sentences, tokens);
    }
}

err evaluator_init(evaluator *e, const struct model *m, const model_memory *memory,
                   const batch_capacity *capacity, uint32_t batch_size) {
    err failed = ERR_OK;
    *e = (evaluator){.model = m, .memory = memory, .capacity = *capacity, .batch_size = batch_size};
    batch_capacity *c = &e->capacity;
    model_capacity(c, m);
    if (!memory) {
        if ((failed = model_memory_init(&e->own, m, c, false))) goto done;
        e->memory = &e->own;
    }
    if ((failed = batch_init(&e->batch, m->params.device, c))) goto done;
    for (int slot = 0; slot < SLOT_COUNT; slot++)
        if ((failed = pack_init(&e->packs[slot], &e->batch))) goto done;
    failed = model_eval_plan(&e->plan, m, e->memory, &e->batch);
done:
    if (failed) evaluator_free(e);
    return failed;
}

void evaluator_free(evaluator *e) {
    plan_free(&e->plan);
    for (int slot = 0; slot < SLOT_COUNT; slot++) pack_free(&e->packs[slot]);
    batch_free(&e->batch);
    model_memory_free(&e->own);
    mem_free(e->window);
    *e = (evaluator){0};
}

/* The softmax of scores, at one of them. */
static float chance_of(const float *scores, size_t count, uint32_t place) {
    double largest = (double)scores[0], sum = 0;
    for (size_t h = 1; h < count; h++) largest = fmax(largest, (double)scores[h]);
    for (size_t h = 0; h < count; h++) sum += exp((double)scores[h] - largest);
    return (float)(exp((double)scores[place] - largest) / sum);
}

/* Trees of the sentences of a micro-batch, from the outputs of its nodes (count): of each node the
 * head among them, the relation, and how likely that head is; of a root nothing. */
static err collect_trees(evaluator *e, uint32_t slot, uint32_t micro, size_t count, float *out) {
    size_t width = head__parser_width(&e->capacity), units = e->batch.dim_units.max;
    span outputs = span_at(e->batch.outputs, slot, micro);
    const uint32_t *nodes = span_host(span_at(e->batch.nodes, slot, micro));
    uint32_t *heads = NULL;
    float *scores = NULL;
    err failed = mem_new(&heads, width);
    if (!failed) failed = mem_new(&scores, width * width);
    for (size_t first = 0, n; !failed && first < count; first += n) {
        n = nodes[2 * first + 1];
        for (size_t w = 1; w < n; w++)
            for (size_t h = 0; h < n; h++)
                scores[(w - 1) * n + h] = (float)span_real(outputs, (first + w) * width + h);
        failed = tree_decode(heads, scores, n, (uint32_t)n - 1, e->model->config.tree_rule);
        for (size_t w = 1; w < n && !failed; w++) {
            float *node = out + (first + w) * EVALUATED_OF_NODE;
            size_t relation = units * width + (first + w) * width + heads[w - 1];
            node[EVALUATED_HEAD] = (float)heads[w - 1];
            node[EVALUATED_RELATION] = (float)span_real(outputs, relation);
            node[EVALUATED_CHANCE] = chance_of(scores + (w - 1) * n, n, heads[w - 1]);
            if (!isfinite(node[EVALUATED_CHANCE]))
                failed = err_set(ERR_NUMERIC, "a score of word %zu is not finite", w);
        }
    }
    mem_free(heads);
    mem_free(scores);
    return failed;
}

/* Reads the results of the batch that a slot ran, which begin at `first`, into logits, where they
 * begin too. */
static err collect(evaluator *e, uint32_t slot, size_t first, float *logits, double *loss) {
    const pack *p = &e->packs[slot];
    uint32_t classes = evaluated_width(e->model);
    bool trees = e->capacity.target.kind == ANSWER_ARCS;
    err failed = plan_wait(&e->plan, slot);
    if (failed) return failed;
    for (uint32_t micro = 0; micro < p->micro_count; micro++) {
        span scores = span_at(e->batch.outputs, slot, micro);
        span losses = span_at(e->batch.losses, slot, micro);
        size_t count = pack_results(p, micro);
        if (trees && (failed = collect_trees(e, slot, micro, count, logits))) return failed;
        for (size_t b = 0; b < count; b++) {
            for (size_t c = 0; !trees && c < classes; c++) {
                double value = span_real(scores, b * classes + c);
                if (!isfinite(value))
                    return err_set(ERR_NUMERIC, "logit %zu of %s %zu is not finite", c,
                                   p->of_units ? "unit" : "sentence", first + b);
                logits[b * classes + c] = (float)value;
            }
            *loss += span_real(losses, b);
        }
        first += count;
        logits += count * classes;
    }
    return ERR_OK;
}

/* The same into all logits, or for who takes them. */
static err hand_on(evaluator *e, uint32_t slot, size_t first, float *logits, double *loss) {
    size_t width = evaluated_width(e->model), count = 0;
    if (!e->take) return collect(e, slot, first, logits + first * width, loss);
    for (uint32_t micro = 0; micro < e->packs[slot].micro_count; micro++)
        count += pack_results(&e->packs[slot], micro);
    err failed =
        mem_grow((void **)&e->window, &e->window_capacity, count * width, sizeof *e->window);
    if (failed) return failed;
    memset(e->window, 0, count * width * sizeof *e->window); // a tree's root has nothing
    failed = collect(e, slot, first, e->window, loss);
    return failed ? failed : e->take(e->take_context, e->window, first, count);
}

/* A GPU's first batch makes pipelines, and the next few show how long one takes. */
static void watch(const evaluator *e, size_t batches) {
    enum { LEARNS_FROM = SLOT_COUNT + 1, KNOWN_FROM = SLOT_COUNT + 3 };
    const device *d = e->model->params.device;
    size_t fresh = d->info.kind == DEVICE_CPU ? KNOWN_FROM : batches;
    group_watch(e->group,
                fresh < LEARNS_FROM  ? WATCH_BUILD
                : fresh < KNOWN_FROM ? WATCH_LEARN
                                     : WATCH_WORK,
                &d->work);
}

err evaluator_run(evaluator *e, float *logits, double *loss, const encoded *data,
                  const char *progress) {
    size_t begun[SLOT_COUNT] = {0}, batches = 0, results = 0, divisor = 0;
    double sum = 0;
    err failed = ERR_OK;
    for (size_t first = 0; first < data->count; first += e->batch_size, batches++) {
        uint32_t slot = batches % SLOT_COUNT;
        size_t n = data->count - first < e->batch_size ? data->count - first : e->batch_size;
        watch(e, batches);
        if (batches >= SLOT_COUNT && (failed = hand_on(e, slot, begun[slot], logits, &sum)))
            return failed;
        begun[slot] = results;
        if ((failed = pack_fill(&e->packs[slot], &e->batch, slot, data->sentences + first,
                                (uint32_t)n, false)))
            return failed;
        for (uint32_t micro = 0; micro < e->packs[slot].micro_count; micro++)
            results += pack_results(&e->packs[slot], micro);
        divisor += e->packs[slot].of_units ? e->packs[slot].unit_count : n;
        step_info step = pack_step(&e->packs[slot], slot, 1, 0);
        if ((failed = plan_submit(&e->plan, &step))) return failed;
        if (progress)
            log_progress("%s %s of %s", progress, SHOWN_COUNT(first), SHOWN_COUNT(data->count));
    }
    size_t tail = batches < SLOT_COUNT ? batches : SLOT_COUNT;
    for (size_t i = batches - tail; i < batches; i++)
        if ((failed = hand_on(e, i % SLOT_COUNT, begun[i % SLOT_COUNT], logits, &sum)))
            return failed;
    if (progress) log_progress_end();
    e->losses = sum;
    e->loss_count = divisor;
    if (loss) *loss = divisor ? sum / (double)divisor : 0;
    return ERR_OK;
}

/* The tags of a row's units: those of the tokens that answer, carried on over what stands inside. */
static void spread_tags(uint32_t *tags, const uint32_t *said, const encoded_units *units,
                        uint32_t classes) {
    uint32_t last = tag_outside(classes);
    for (uint32_t u = 0; u < units->count; u++) {
        if (units->first[u] >= 0)
            last = *said++;
        else
            last =
                units->first[u] == UNIT_INSIDE ? tag_inside(last, classes) : tag_outside(classes);
        tags[u] = last;
    }
}

/* Of a row's words their heads and relations, from those of its nodes (rows). A word that no token
 * answers for hangs from the next one, the last from the root's word. */
static void spread_arcs(uint32_t *arcs, const float *nodes, const encoded_units *units) {
    uint32_t root = 0, node = 0;
    for (uint32_t u = 0; u < units->count; u++) { // words of nodes
        uint32_t *arc = arcs + (size_t)u * ARC_WIDTH;
        bool is_there = units->first[u] >= 0;
        if (is_there) node++;
        const float *said = nodes + (size_t)node * EVALUATED_OF_NODE;
        arc[ARC_HEAD] = is_there ? (uint32_t)said[EVALUATED_HEAD] : u + 2;
        arc[ARC_RELATION] = is_there ? (uint32_t)said[EVALUATED_RELATION] : 0;
        arc[ARC_PUNCTUATION] = 0;
        if (is_there && !arc[ARC_HEAD]) root = u + 1;
    }
    for (uint32_t u = 0; u < units->count; u++) { // heads that are nodes become words
        uint32_t *of = arcs + (size_t)u * ARC_WIDTH + ARC_HEAD, word = 0;
        if (units->first[u] < 0) {
            if (*of > units->count) *of = root;
            continue;
        }
        for (uint32_t left = *of; left; left -= units->first[word - 1] >= 0) word++;
        *of = word;
    }
}

/* Trees need no decoding: the evaluator did that. */
static err predict_arcs(uint32_t **predicted, uint32_t **begin, const float *nodes,
                        const encoded *rows) {
    size_t all = 0;
    for (size_t i = 0; i < rows->count; i++) all += rows->units[i].count;
    err e = mem_new(predicted, all * ARC_WIDTH);
    if (!e) e = mem_new(begin, rows->count + 1);
    for (size_t i = 0; i < rows->count && !e; i++) {
        spread_arcs(*predicted + (*begin)[i] * (size_t)ARC_WIDTH, nodes, &rows->units[i]);
        (*begin)[i + 1] = (*begin)[i] + rows->units[i].count;
        nodes += (size_t)rows->sentences[i].target.chosen.count * EVALUATED_OF_NODE;
    }
    return e;
}

err predict_answers(uint32_t **predicted, uint32_t **begin, const head *h, const float *logits,
                    const encoded *rows, uint32_t classes) {
    size_t results = encoded_results(rows), all = 0, done = 0;
    uint32_t *said = NULL;
    *predicted = *begin = NULL;
    if (h->target.kind == ANSWER_ARCS) return predict_arcs(predicted, begin, logits, rows);
    if (!h->decode) return ERR_OK;
    err e = mem_new(&said, results);
    if (e) return e;
    h->decode(said, logits, results, classes);
    if (!rows->units) {
        *predicted = said;
        return ERR_OK;
    }
    for (size_t i = 0; i < rows->count; i++) all += rows->units[i].count;
    if ((e = mem_new(predicted, all)) || (e = mem_new(begin, rows->count + 1))) goto done;
    for (size_t i = 0; i < rows->count; i++) {
        spread_tags(*predicted + (*begin)[i], said + done, &rows->units[i], classes);
        (*begin)[i + 1] = (*begin)[i] + rows->units[i].count;
        done += rows->sentences[i].target.chosen.count;
    }
done:
    mem_free(said);
    return e;
}

void predict_probabilities(double *probabilities, const float *logits, uint32_t classes) {
    double largest = (double)logits[0], sum = 0;
    for (uint32_t c = 1; c < classes; c++)
        if ((double)logits[c] > largest) largest = (double)logits[c];
    for (uint32_t c = 0; c < classes; c++) {
        probabilities[c] = exp((double)logits[c] - largest);
        sum += probabilities[c];
    }
    for (uint32_t c = 0; c < classes; c++) probabilities[c] /= sum;
}

/* A sum of losses, and what it is divided by. */
typedef struct loss_sum {
    double sum, divisor;
} loss_sum;

/* z (classes) logits of one answer whose class is `label`. */
static void add_class_loss(loss_sum *l, const float *z, uint32_t label, uint32_t classes,
                           double smoothing, const double *weights) {
    double largest = (double)z[0], total = 0;
    for (uint32_t c = 1; c < classes; c++) largest = fmax(largest, (double)z[c]);
    for (uint32_t c = 0; c < classes; c++) total += exp((double)z[c] - largest);
    for (uint32_t c = 0; c < classes; c++) {
        double target = smoothing / classes + (c == label ? 1 - smoothing : 0);
        l->sum += (weights ? weights[c] : 1) * target * (largest + log(total) - (double)z[c]);
    }
    l->divisor += weights ? weights[label] : 1;
}

static double class_loss(answer_kind kind, const float *logits, const pack_sentence *sentences,
                         size_t count, uint32_t classes, double smoothing, const double *weights) {
    loss_sum l = {0};
    for (size_t i = 0; i < count; i++) {
        const example_target *target = &sentences[i].target;
        bool units = answer_in_units(kind);
        uint32_t n = units ? target->chosen.count : 1;
        for (uint32_t k = 0; k < n; k++, logits += classes)
            add_class_loss(&l, logits, units ? target->chosen.ids[k] : target->class, classes,
                           smoothing, weights);
    }
    return l.divisor > 0 ? l.sum / l.divisor : 0;
}

/* The head's losses of numbers (struct number_loss). */
static double number_loss(const float *logits, const pack_sentence *sentences, size_t count,
                          uint32_t classes, bool binary) {
    double sum = 0;
    for (size_t i = 0; i < count; i++) {
        for (uint32_t c = 0; c < classes; c++) {
            const example_target *target = &sentences[i].target;
            double z = (double)logits[i * classes + c];
            double t = binary ? target->set[c] : (double)target->number;
            sum +=
                (binary ? fmax(z, 0) - z * t + log1p(exp(-fabs(z))) : (z - t) * (z - t)) / classes;
        }
    }
    return count ? sum / (double)count : 0;
}

double predict_loss(answer_kind kind, const float *logits, const pack_sentence *sentences,
                    size_t count, uint32_t classes, double smoothing, const double *weights) {
    return answer_is_label(kind) || kind == ANSWER_TAGS
               ? class_loss(kind, logits, sentences, count, classes, smoothing, weights)
               : number_loss(logits, sentences, count, classes, kind == ANSWER_SET);
}
