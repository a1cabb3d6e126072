/* Roofline chart of a bench: arithmetic intensity against rate, both logarithmic, under the
 * device's own measured copy and product rates. */
#ifndef HARNESS_CLI_BENCH_SVG_H
#define HARNESS_CLI_BENCH_SVG_H

#include "base/memory.h"
#include "bench/bench.h"

/* Stands near its beginning: file_check_own tells the chart by it. */
#define BENCH_SVG_MARK ".roof{fill:none;stroke:#222"

/* Appends a whole SVG document; title is plain text. Errors: ERR_MEMORY. */
err bench_svg(strbuf *out, const bench *b, const char *title) MUST_CHECK;

#endif
