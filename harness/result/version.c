#include "result/version.h"

#include "commit.h"

const char *version_string(void) {
    return HARNESS_VERSION;
}
const char *version_commit(void) {
    return HARNESS_COMMIT;
}
bool version_is_dirty(void) {
    return HARNESS_DIRTY != 0;
}
