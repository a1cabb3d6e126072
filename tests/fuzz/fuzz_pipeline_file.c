/* The file of compiled pipelines. @@ at the end of an input stands for the hash and size that its
 * content has, so that whole files are met too. */
#include "compute/pipeline_file.h"
#include "fuzz.h"

#include <string.h>

FUZZ_TARGET(pipeline_file) {
    static uint8_t bytes[1 << 16];
    pipeline_head head, sealed;
    fuzz_begin();
    size_t n = size < sizeof bytes ? size : sizeof bytes;
    if (n) memcpy(bytes, data, n);
    bool seal = n >= sizeof head + 2 && !memcmp(bytes + n - 2, "@@", 2);
    if (seal) {
        memcpy(&sealed, bytes, sizeof sealed);
        pipeline_head_seal(&sealed, bytes + sizeof sealed, n - sizeof sealed);
        memcpy(bytes, &sealed, sizeof sealed);
    }
    const char *fault = pipeline_file_fault(&head, bytes, n);
    FUZZ_CHECK(!seal || !fault);
    // of another version nothing is known, and it serves nobody here
    if (!fault && head.version == PIPELINE_FILE_VERSION) {
        FUZZ_CHECK(head.bytes == n - sizeof head);
        FUZZ_CHECK(pipeline_head_same(&head, &head));
        // any byte that is changed behind the head is found, and one byte less
        if (n > sizeof head) {
            bytes[n - 1] ^= 1;
            FUZZ_CHECK(pipeline_file_fault(&head, bytes, n) != NULL);
            FUZZ_CHECK(pipeline_file_fault(&head, bytes, n - 1) != NULL);
        }
    }
    fuzz_end();
}
