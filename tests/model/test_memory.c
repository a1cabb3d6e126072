/* What passes over sentences take of a device. */
#include "compute/device.h"
#include "model/model.h"
#include "support/must.h"

#include <criterion/criterion.h>

/* Evaluation keeps nothing for a backward pass: each layer's place is the next one's. */
Test(model_memory, an_evaluation_has_room_for_one_layer) {
    batch_capacity capacity = {.tokens = 32, .sentences = 4, .micros = 1, .max_length = 16};
    device d;
    MUST(device_open_named(&d, "reference", NULL));
    for (uint32_t layers = 1; layers < 5; layers++)
        for (int training = 0; training < 2; training++) {
            struct model m;
            model_memory memory;
            model_config config;
            MUST(model_config_preset(&config, "tiny", 29));
            config.layers = layers;
            config.classes = 2;
            MUST(model_init(&m, &d, &config, training ? 32 : 0));
            model_capacity(&capacity, &m);
            MUST(model_memory_init(&memory, &m, &capacity, training));
            cr_expect_eq(memory.encoder.layer_count, training ? layers : 1, "%u of %u",
                         memory.encoder.layer_count, layers);
            model_memory_free(&memory);
            model_free(&m);
        }
    device_close(&d);
}
