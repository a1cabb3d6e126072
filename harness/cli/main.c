#include "base/json.h"

int main(void) {
    json_setup();
    return 0;
}
