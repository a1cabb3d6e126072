#include "support/long_table.h"

#include "base/memory.h"
#include "platform/file.h"
#include "support/must.h"
#include "support/program.h"

#include <criterion/criterion.h>

void long_table_put(const char *name, bool plain) {
    strbuf text = {0};
    MUST(strbuf_add(&text, "id,text\n"));
    for (int i = 0; i < LONG_TABLE_ROWS; i++) {
        MUST(strbuf_printf(&text, "%d,\"가 %d", i, i % 7));
        for (int k = 0; k < i % 11; k++)
            MUST(strbuf_add(&text, k % 3 || plain ? " 나 다" : "\n라,"));
        MUST(strbuf_add(&text, i % 501 || plain ? "\"\n" : ",\n"));
    }
    MUST(file_write(temporary_path(name), text.text, text.length));
    strbuf_free(&text);
}
