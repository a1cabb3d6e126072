/* model.safetensors of a model folder, read into the parameters of a small BERT. */
#include "fuzz.h"
#include "model.h"
#include "model/weights/weights.h"
#include "platform/file.h"

FUZZ_TARGET(weights) {
    fuzz_setup();
    params *ps = &fuzz_model_get()->trainer.model.params;
    weights_report report = {0};
    fuzz_begin();
    if (fuzz_needs(folder_make(fuzz_path("weights")))) {
        fuzz_file("weights/model.safetensors", data, size);
        if (fuzz_accepts(weights_load(ps, &report, fuzz_path("weights"), 42, 0.02f))) {
            // a pooler (2 tensors) and a classifier (2) are all that may be missing
            FUZZ_CHECK(report.drawn_count <= 4);
            (void)fuzz_needs(weights_save(ps, fuzz_path("weights")));
        }
        weights_report_free(&report);
    }
    fuzz_end();
}
