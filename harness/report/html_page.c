#include "base/hash.h"
#include "base/shown.h"
#include "report/html_internal.h"

#include <stdarg.h>
#include <string.h>

void html__take(page *p, err e) {
    if (!p->e) p->e = e;
}

void html__add(page *p, const char *html) {
    if (!p->e) p->e = strbuf_add(p->out, html);
}

void html__text(page *p, const char *text) {
    if (!p->e) p->e = shown_add(p->out, SHOWN_HTML, text);
}

void html__link(page *p, const char *path) {
    if (!p->e) p->e = shown_add(p->out, SHOWN_URL, path);
}

void html__format(page *p, const char *format, ...) {
    if (p->e) return;
    va_list args;
    va_start(args, format);
    p->e = shown_vprintf(p->out, SHOWN_HTML, format, args);
    va_end(args);
}

const char *html__term(const page *p, const char *english) {
    return language_term(p->language, english);
}

const char *const *html__labels(const page *p, const record_task *t) {
    bool korean = false;
    for (size_t i = 0; p->language == PAGE_KO && t->names && i < t->label_count; i++)
        for (const char *c = t->names[i]; *c; c++) korean = korean || *c & 0x80;
    return (const char *const *)(korean ? t->names : t->labels);
}

const char *html__row_words(const page *p, const board_row *row) {
    return p->language == PAGE_KO ? row->words_ko : row->words;
}

void html__trained(page *p, double seconds, size_t beside, size_t runs) {
    html__take(p, report__trained(p->out, seconds, beside, runs, p->language));
}

/* A page by itself: its own policy lets through what is inside, by its hash. */
static void add_style(page *p) {
    strbuf style = {0};
    uint8_t digest[32];
    char *hash = NULL;
    html__take(p, html_style(&style));
    if (!p->e) hash_bytes(style.text, style.length, digest);
    if (!p->e) html__take(p, base64_encode(&hash, digest, sizeof digest));
    if (!p->e) {
        html__format(p,
                     "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; "
                     "style-src 'sha256-%s'\">\n<style>",
                     hash);
        html__add(p, style.text);
        html__add(p, "</style>\n");
    }
    mem_free(hash);
    strbuf_free(&style);
}

void html__begin(page *p, const char *title, const char *root) {
    html__format(p, "<!doctype html>\n<html lang=\"%s\">\n", page_language_name(p->language));
    html__add(p,
              "<head>\n<meta charset=\"utf-8\">\n" HTML_PAGE_MARK "\n"
              "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n<title>");
    html__text(p, title);
    html__add(p, "</title>\n");
    if (root)
        html__format(p,
                     "<link rel=\"stylesheet\" href=\"%s" HTML_STYLE_FILE "\">\n"
                     "<script defer src=\"%s" HTML_SCRIPT_FILE "\"></script>\n",
                     root, root);
    else
        add_style(p);
    html__add(p, "</head>\n<body>\n<a class=\"skip\" href=\"#main\">");
    html__add(p, SAY(p, skip));
    html__add(p, "</a>\n");
}

void html__main(page *p) {
    html__add(p, "<main id=\"main\">\n");
}

void html__end(page *p, const char *foot) {
    html__add(p, "</main>\n<footer><p>");
    html__add(p, foot);
    html__add(p, "</p></footer>\n</body>\n</html>\n");
}

void html__table_begin(page *p, const char *label, const char *css_class) {
    html__format(p, "<div class=\"scroll\" role=\"region\" tabindex=\"0\" aria-label=\"%s\">",
                 label);
    html__format(p, *css_class ? "<table class=\"%s\">\n" : "<table%s>\n", css_class);
}

void html__table_end(page *p) {
    html__add(p, "</table></div>\n");
}
