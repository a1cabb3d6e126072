/* Entities of a text, marked. */
#include "data/data_internal.h"

#include "base/utf8.h"
#include "text/markers.h"

#include <string.h>

/* Byte at which the character stands. pre: text is UTF-8 of more characters. */
static size_t byte_of(text_span text, size_t character) {
    size_t at = 0;
    uint32_t point;
    while (character--) at += utf8_decode(&point, text.text + at, text.bytes - at);
    return at;
}

err data__mark_entities(strbuf *out, const char *where, text_span text, data__range subject,
                        data__range object) {
    size_t characters = utf8_count(text.text, text.bytes), at = 0;
    bool turned = object.first < subject.first;
    const data__range ranges[] = {turned ? object : subject, turned ? subject : object};
    text_span parts[MARKER_COUNT + 1];
    err e = strbuf_add(out, "");
    if (e) return e;
    out->length = 0;
    if (markers_cut(parts, text) > 1) { // which is which could not be told any more
        const char *marker = parts[0].text + parts[0].bytes;
        return err_set(ERR_FORMAT, "%s: the text has a '%.*s' of its own, which marks an entity",
                       where, (int)strcspn(marker, ">") + 1, marker);
    }
    for (size_t i = 0; i < 2; i++)
        if (ranges[i].last >= characters || ranges[i].last < ranges[i].first)
            return err_set(ERR_FORMAT, "%s: an entity from character %zu to %zu, the text has %zu",
                           where, ranges[i].first, ranges[i].last, characters);
    if (ranges[1].first <= ranges[0].last)
        return err_set(ERR_FORMAT,
                       "%s: the entities overlap: subject %zu to %zu, object %zu to %zu", where,
                       subject.first, subject.last, object.first, object.last);
    for (size_t i = 0; i < 2; i++) {
        bool is_object = (i == 0) == turned;
        size_t first = byte_of(text, ranges[i].first), last = byte_of(text, ranges[i].last + 1);
        if (!e) e = strbuf_add_bytes(out, text.text + at, first - at);
        if (!e) e = strbuf_add(out, text_markers[is_object ? MARKER_OBJECT : MARKER_SUBJECT]);
        if (!e) e = strbuf_add_bytes(out, text.text + first, last - first);
        if (!e)
            e = strbuf_add(out, text_markers[is_object ? MARKER_OBJECT_END : MARKER_SUBJECT_END]);
        at = last;
    }
    return e ? e : strbuf_add_bytes(out, text.text + at, text.bytes - at);
}
