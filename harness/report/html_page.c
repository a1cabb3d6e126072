#include "report/html_internal.h"

#include "base/shown.h"
#include "report/html.h"

#include <stdarg.h>

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

static const char *const style = HTML_PAGE_MARK
    "#f7f8fa;--sheet:#fff;--ink:#1b2230;--soft:#5a6475;"
    "--rule:#dfe3ea;--accent:#2556c4;--shade:37,86,196;--mark:#8a93a3}"
    "@media(prefers-color-scheme:dark){:root{--page:#12151a;--sheet:#1a1e25;--ink:#e6e9ef;"
    "--soft:#9ea8b8;--rule:#2e3541;--accent:#83aaff;--shade:131,170,255;--mark:#77818f}}"
    "*{box-sizing:border-box}"
    "body{margin:0 auto;max-width:84rem;padding:1.5rem 1.25rem 4rem;background:var(--page);"
    "color:var(--ink);font:15px/1.5 system-ui,-apple-system,'Segoe UI','Noto Sans KR',"
    "'Apple SD Gothic Neo','Malgun Gothic',sans-serif}"
    "h1{font-size:1.7rem;margin:0 0 .5rem}h2{font-size:1.25rem;margin:2.2rem 0 .3rem}"
    "h3{font-size:1rem;margin:1.6rem 0 .4rem}p{max-width:62rem;margin:.3rem 0}"
    ".soft{color:var(--soft)}a{color:var(--accent)}code{font:.9em ui-monospace,monospace}"
    "pre{background:var(--sheet);border:1px solid var(--rule);border-radius:6px;padding:.6rem "
    ".8rem;"
    "overflow-x:auto}"
    ".filters{display:flex;flex-wrap:wrap;gap:.8rem;margin:1.2rem 0 0}"
    ".filters label{display:flex;flex-direction:column;font-size:.85rem;color:var(--soft)}"
    ".filters select,.filters input{font:inherit;min-width:11rem;padding:.35rem "
    ".5rem;color:var(--ink);"
    "background:var(--sheet);border:1px solid var(--mark);border-radius:6px}"
    ".scroll{overflow-x:auto;background:var(--sheet);border:1px solid "
    "var(--rule);border-radius:8px;"
    "margin:.6rem 0}"
    "table{border-collapse:collapse;width:100%;font-size:.93rem;font-variant-numeric:tabular-nums}"
    "th,td{padding:.4rem .5rem;text-align:left;border-bottom:1px solid "
    "var(--rule);white-space:nowrap}"
    "tbody tr:last-child td{border-bottom:0}th{font-weight:600;font-size:.85rem;color:var(--soft)}"
    "td.n,th.n{text-align:right}td.wrap{white-space:normal;min-width:12rem;overflow-wrap:anywhere}"
    "td.device{white-space:normal;min-width:8rem}td.model{white-space:normal;min-width:5rem}td."
    "recipe{white-space:normal;min-width:"
    "12rem}td.runs{white-space:normal;min-width:4."
    "5rem}"
    "section[data-task]{content-visibility:auto;contain-intrinsic-size:auto 16rem}"
    "th button{all:unset;cursor:pointer}th button:focus-visible{outline:2px solid var(--accent)}"
    "th[aria-sort=ascending] button::after{content:' \\25B2'}"
    "th[aria-sort=descending] button::after{content:' \\25BC'}"
    ".tag{font-size:.78rem;color:var(--soft);border:1px solid var(--rule);border-radius:4px;"
    "padding:0 .3rem}"
    "summary{cursor:pointer;color:var(--accent)}svg{display:block;max-width:100%;height:auto}td "
    "svg{max-width:none}svg text{fill:var(--soft);font-size:12px}"
    ".arc{fill:none;stroke:var(--rule)}.relation{font-size:9px!important}.wrong{stroke:var(--"
    "accent)}"
    "text.wrong{stroke:none;fill:var(--accent)!important}.axis{stroke:var(--rule)}.line{fill:none;"
    "stroke:var(--accent);stroke-width:1.5}"
    ".bar,.dot{fill:var(--accent)}.span{stroke:var(--accent);stroke-width:3;stroke-linecap:round;"
    "opacity:.55}.base{stroke:var(--mark);stroke-width:1.5;stroke-dasharray:3 2}"
    ".columns{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,26rem),1fr));"
    "gap:0 1.5rem}.columns>*{min-width:0}"
    "@media(max-width:40rem){body{padding:1rem .75rem 3rem}.filters label{flex:1 1 "
    "100%}.columns svg text{font-size:17px}}"
    "@media "
    "print{body{max-width:none;padding:0;background:#fff;font-size:11px}.filters{display:none}"
    ".scroll{overflow:visible;border:0}section[data-task]{content-visibility:visible}h2,h3,thead,"
    "tr{break-"
    "inside:avoid;break-after:avoid}tbody "
    "tr{break-after:auto}th,td,td.runs,td.device{white-space:normal;min-width:0;padding:.2rem "
    ".25rem}table{font-size:9px}td "
    "svg{width:70px}.tag,th{font-size:9px}.tag{border:0}.columns{display:block}.columns "
    "svg{max-width:420px}td.wrap{min-width:0}}";

void html__begin(page *p, const char *title) {
    html__add(p, "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
                 "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n"
                 "<link rel=\"icon\" href=\"data:,\">\n<title>");
    html__text(p, title);
    html__add(p, "</title>\n<style>");
    html__add(p, style);
    html__add(p, "</style>\n</head>\n<body>\n");
}

void html__end(page *p, const char *script) {
    if (script) {
        html__add(p, "<script>\n");
        html__add(p, script);
        html__add(p, "</script>\n");
    }
    html__add(p, "</body>\n</html>\n");
}
