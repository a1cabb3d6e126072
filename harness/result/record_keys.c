#include "result/record_internal.h"

#include <stddef.h>

#define AT(field) offsetof(record, field)
#define KEY(section, key, kind, field, low, high, list)                                            \
    { section, key, RECORD_##kind, AT(field), low, high, list, 0, 0, 0 }
#define TEXT(section, key, field) KEY(section, key, TEXT, field, 0, 0, 0)
#define MAYBE(section, key, field) KEY(section, key, TEXT_OR_NULL, field, 0, 0, 0)
#define HASH(section, key, field) KEY(section, key, HASH, field, 0, 0, 0)
#define MAYBE_HASH(section, key, field) KEY(section, key, HASH_OR_NULL, field, 0, 0, 0)
#define TEXT_IF_ANY(section, key, field) KEY(section, key, TEXT_IF_ANY, field, 0, 0, 0)
#define HASH_IF_ANY(section, key, field) KEY(section, key, HASH_IF_ANY, field, 0, 0, 0)
#define MOMENT(section, key, field) KEY(section, key, MOMENT, field, 0, 0, 0)
#define BOOL(section, key, field) KEY(section, key, BOOL, field, 0, 0, 0)
#define REAL(section, key, field, most) KEY(section, key, REAL, field, 0, most, 0)
#define OBJECT(section, key, field) KEY(section, key, OBJECT, field, 0, 0, 0)
#define ARRAY(section, key, field) KEY(section, key, ARRAY, field, 0, 0, 0)
#define CHOICE(section, key, field, list) KEY(section, key, TEXT, field, 0, 0, list)
#define WHOLE(section, key, field, low, high) KEY(section, key, WHOLE, field, low, high, 0)
#define COUNT(section, key, field) WHOLE(section, key, field, 0, INT64_C(1) << 53)
#define PART(section, key, name)                                                                   \
    { section, key, RECORD_PART, 0, 0, 0, 0, record__##name##_write, record__##name##_read, 0 }
#define DERIVED(section, key, name)                                                                \
    { section, key, RECORD_PART, 0, 0, 0, 0, record__##name##_write, 0, record__##name##_check }

const record_key record__keys[] = {
    PART("", "schema", schema),
    TEXT("harness", "version", harness_version),
    TEXT("harness", "commit", commit),
    BOOL("harness", "dirty", dirty),
    WHOLE("harness", "numerics_version", numerics_version, 1, INT32_MAX),
    WHOLE("harness", "metric_version", metric_version, 1, METRIC_VERSION),
    MOMENT("", "created", created),
    BOOL("", "partial", partial),
    TEXT("task", "name", task.name),
    WHOLE("task", "version", task.version, 1, INT32_MAX),
    HASH("task", "manifest_sha256", task.manifest_sha256),
    HASH("task", "data_sha256", task.data_sha256),
    CHOICE("task", "split", task.split, "official|hash"),
    PART("task", "rows", rows),
    BOOL("task", "sample", task.sample),
    WHOLE("task", "leaked_rows", task.leaked_rows, 0, INT32_MAX),
    WHOLE("task", "duplicate_rows", task.duplicate_rows, 0, INT32_MAX),
    WHOLE("task", "invalid_rows", task.invalid_rows, 0, INT32_MAX),
    PART("task", "kind", kind),
    PART("task", "labels", labels),
    PART("task", "readable_labels", readable),
    WHOLE("task", "majority_class", task.majority_class, 0, RECORD_LABEL_LIMIT - 1),
    TEXT("model", "name", model.name),
    OBJECT("model", "config", model.config),
    MAYBE_HASH("model", "weights_sha256", model.weights_sha256),
    HASH("model", "vocab_sha256", model.vocab_sha256),
    COUNT("model", "parameters", model.parameters),
    ARRAY("model", "newly_initialised", model.newly_initialised),
    TEXT_IF_ANY("model", "label_map", model.label_map),
    PART("model", "corpus", corpus),
    PART("", "recipe", recipe),
    DERIVED("", "recipe_sha256", recipe_sha256),
    CHOICE("", "protocol", protocol, "last|dev"),
    WHOLE("", "seed", seed, 0, UINT32_MAX),
    HASH_IF_ANY("", "run_sha256", run_sha256),
    CHOICE("device", "kind", device.kind, "cpu|gpu|software"),
    TEXT("device", "name", device.name),
    MAYBE("device", "driver", device.driver),
    MAYBE("device", "version", device.version),
    MAYBE("device", "uuid", device.uuid),
    CHOICE("device", "precision", device.precision, "fp32|fp16|bf16"),
    WHOLE("device", "threads", device.threads, 1, INT32_MAX),
    MAYBE("device", "isa", device.isa),
    MAYBE("device", "libraries", device.libraries),
    MAYBE("device", "kernels", device.kernels),
    PART("", "group", group),
    MAYBE("", "command", command),
    TEXT("", "headline", headline),
    DERIVED("", "metrics", metrics),
    DERIVED("", "metrics_dedup", metrics_dedup),
    DERIVED("", "confusion", confusion),
    DERIVED("", "per_class", per_class),
    REAL("timing", "tokenize_s", timing.tokenize_s, RECORD_LONGEST_S),
    REAL("timing", "train_s", timing.train_s, RECORD_LONGEST_S),
    REAL("timing", "eval_s", timing.eval_s, RECORD_LONGEST_S),
    WHOLE("timing", "steps", timing.steps, 0, INT32_MAX),
    COUNT("timing", "train_tokens", timing.train_tokens),
    REAL("timing", "tokens_per_s", timing.tokens_per_s, RECORD_MOST),
    REAL("timing", "sentences_per_s", timing.sentences_per_s, RECORD_MOST),
    REAL("timing", "step_ms_p50", timing.step_ms_p50, 1000 * RECORD_LONGEST_S),
    PART("timing", "step_ms_p10_p90", step_spread),
    COUNT("memory", "device_bytes", device_bytes),
    COUNT("memory", "host_peak_bytes", host_peak_bytes),
    PART("", "cost", cost),
    PART("", "units", units),
    PART("", "predictions", predictions),
    PART("", "gold", gold),
    DERIVED("", "gold_sha256", gold_sha256),
    PART("", "repeats", repeats),
    PART("", "left_out_of_dedup", left_out),
    PART("", "loss", loss),
    PART("", "loss_curve", loss_curve),
    PART("", "loss_scaling", loss_scaling),
    HASH_IF_ANY("", "final_weights_sha256", final_weights_sha256),
    PART("", "model_gone", model_gone),
    PART("", "dev", dev),
    PART("", "calibration", calibration),
    PART("", "lengths", lengths),
    PART("", "most_wrong", worst),
    PART("", "errors", errors),
    PART("", "kernel_times", kernel_times),
    PART("", "checksums", checksums), // last: of all before it
};

const size_t record__key_count = sizeof record__keys / sizeof *record__keys;
