/* Whether the probabilities of the test rows mean what they say; of runs with one label a row, which
 * records of older programs do not have. */
#include "result/record_internal.h"

#include <math.h>

err record_calibration_json(cJSON *object, const char *key, const calibration *c,
                            double temperature) {
    cJSON *o = NULL, *bins = NULL;
    err e = json_add_object(&o, object, key);
    if (!e)
        e = json_put(o, "ece %f brier %f loss %f confidence %f", c->ece, c->brier, c->loss,
                     c->confidence);
    if (!e && temperature > 0) e = json_add_number(o, "temperature", temperature);
    if (!e) e = json_add_array(&bins, o, "bins");
    for (int m = 0; !e && m < CALIBRATION_BINS; m++) {
        const calibration_bin *bin = &c->bins[m];
        const double values[] = {(double)bin->rows, (double)bin->right, bin->confidence};
        e = json_append(bins, cJSON_CreateDoubleArray(values, 3));
    }
    return e;
}

err record__calibration_write(cJSON *object, const char *key, const record *r) {
    const calibration *c = &r->calibration;
    return c->rows ? record_calibration_json(object, key, c, r->temperature) : ERR_OK;
}

static err read_bin(calibration *c, int m, const cJSON *item, const char *key, const char *where) {
    calibration_bin *bin = &c->bins[m];
    int64_t rows = 0, right = 0;
    err e = record__tuple(item, 3, key, where);
    if (e || (e = record__element(&rows, item->child, INT32_MAX, key, where)) ||
        (e = record__element(&right, item->child->next, rows + 1, key, where)) ||
        (e = record__finite(&bin->confidence, item->child->next->next, key, where)))
        return e;
    bin->rows = (size_t)rows;
    bin->right = (size_t)right;
    c->rows += bin->rows;
    double low = (double)m / CALIBRATION_BINS, high = (double)(m + 1) / CALIBRATION_BINS;
    if (!rows ? bin->confidence == 0
              : (bin->confidence > low - 1e-9 && bin->confidence < high + 1e-9))
        return ERR_OK;
    return err_set(ERR_FORMAT,
                   "%s: key '%s': the confidence of bin %d is %g, expected %.4f to %.4f%s", where,
                   key, m + 1, bin->confidence, low, high, rows ? "" : ", or 0 of no rows");
}

/* What follows from the bins, and from the answers. */
static err check(const record *r, const char *key, const char *where) {
    const calibration *c = &r->calibration;
    enum { LOSS_MOST = 1000000, TEMPERATURE_MOST = 1000000 };
    size_t right = 0, said = 0;
    double ece = 0, confidence = 0;
    for (int m = 0; m < CALIBRATION_BINS; m++) {
        const calibration_bin *bin = &c->bins[m];
        said += bin->right;
        confidence += (double)bin->rows * bin->confidence;
        ece += fabs((double)bin->right - (double)bin->rows * bin->confidence);
    }
    for (int64_t i = 0; i < r->task.test_rows; i++) right += r->predicted[i] == r->gold[i];
    if ((int64_t)c->rows != r->task.test_rows || said != right)
        return err_set(ERR_FORMAT,
                       "%s: key '%s': its bins have %zu rows, %zu right; there are %lld, %zu right",
                       where, key, c->rows, said, (long long)r->task.test_rows, right);
    ece /= (double)c->rows;
    confidence /= (double)c->rows;
    if (fabs(ece - c->ece) > 1e-9 || fabs(confidence - c->confidence) > 1e-9)
        return err_set(ERR_FORMAT,
                       "%s: key '%s': ece is %.12g and confidence %.12g, its bins give %.12g and "
                       "%.12g",
                       where, key, c->ece, c->confidence, ece, confidence);
    if (c->brier >= 0 && c->brier <= 2 && c->loss >= 0 && c->loss <= LOSS_MOST &&
        r->temperature >= 0 && r->temperature <= TEMPERATURE_MOST)
        return ERR_OK;
    return err_set(ERR_FORMAT, "%s: key '%s': brier is %g, loss %g, temperature %g", where, key,
                   c->brier, c->loss, r->temperature);
}

err record__calibration_read(record *r, const cJSON *object, const char *key, const char *where) {
    const cJSON *o = NULL, *bins = NULL, *item = NULL;
    calibration *c = &r->calibration;
    int m = 0;
    if (!json_has(object, key)) return ERR_OK;
    if (!answer_is_label(r->task.kind))
        return err_set(ERR_FORMAT, "%s: key '%s' is of tasks with one label a row", where, key);
    err e = json_object(&o, object, key, where);
    if (e || (e = json_number(&c->ece, o, "ece", where)) ||
        (e = json_number(&c->brier, o, "brier", where)) ||
        (e = json_number(&c->loss, o, "loss", where)) ||
        (e = json_number(&c->confidence, o, "confidence", where)) ||
        (e = json_array(&bins, o, "bins", where)))
        return e;
    if (json_has(o, "temperature") && (e = json_number(&r->temperature, o, "temperature", where)))
        return e;
    if (cJSON_GetArraySize(bins) != CALIBRATION_BINS)
        return err_set(ERR_FORMAT, "%s: key '%s' has %d bins, expected %d", where, key,
                       cJSON_GetArraySize(bins), CALIBRATION_BINS);
    cJSON_ArrayForEach(item, bins) if ((e = read_bin(c, m++, item, key, where))) return e;
    return check(r, key, where);
}
