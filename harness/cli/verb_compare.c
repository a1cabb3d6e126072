#include "base/file.h"
#include "cli/options.h"
#include "report/compare.h"

#include <stdio.h>
#include <string.h>

// a record's file, or a run's folder with a record.json in it
static err read_run(record *r, const char *name) {
    if (!folder_exists(name)) {
        if (!file_exists(name)) return err_set(ERR_IO, "%s: no such record or run folder", name);
        return record_read(r, name);
    }
    char *path;
    err e = path_join(&path, name, "record.json");
    if (e) return e;
    e = file_exists(path)
            ? record_read(r, path)
            : err_set(ERR_IO, "%s: holds no record.json: not the folder of a finished run", name);
    mem_free(path);
    return e;
}

err verb_compare(const options *o) {
    record a = {0}, b = {0};
    comparison c;
    strbuf out = {0};
    err e;
    if (o->arg_count != 2) {
        return err_set(ERR_USAGE, "compare takes two records or run folders, found %zu",
                       o->arg_count);
    }
    if (o->format && strcmp(o->format, "json") && strcmp(o->format, "md")) {
        return err_set(ERR_USAGE, "--format expects md or json, found '%s'", o->format);
    }
    bool json = o->json || (o->format && !strcmp(o->format, "json"));
    if ((e = read_run(&a, o->args[0])) || (e = read_run(&b, o->args[1])) ||
        (e = compare_records(&c, &a, &b, COMPARE_TOLERANCE))) {
        goto done;
    }
    if (json) {
        e = compare_json(&out, &c, o->args[0], o->args[1]);
    } else {
        e = compare_text(&out, &c, o->args[0], o->args[1]);
    }
    if (!e) fwrite(out.text, 1, out.length, stdout);
done:
    strbuf_free(&out);
    record_free(&a);
    record_free(&b);
    return e;
}
