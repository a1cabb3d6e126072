#include "train/step/loss_scaler.h"

#include <math.h>

loss_scaler loss_scaler_default(void) {
    return (loss_scaler){
        .scale = 65536, .growth = 2, .backoff = 0.5f, .floor = 1, .interval = 2000};
}

bool loss_scaler_update(loss_scaler *s, bool finite) {
    if (!finite) {
        s->scale *= s->backoff;
        s->good_steps = 0;
        return s->scale >= s->floor;
    }
    if (++s->good_steps < s->interval) return true;
    s->good_steps = 0;
    float larger = s->scale * s->growth;
    if (isfinite(larger)) s->scale = larger;
    return true;
}
