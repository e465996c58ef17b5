/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The page. A template is copied from its front to its back; sections do not nest. Header fields: RFC 9110,
 * RFC 9111 section 5.2.2.5 (never kept: tomorrow the policy may be another), Content Security Policy of the
 * W3C.
 */
#include "enforce/page.h"
#include "base/text.h"

enum {
    HEADER_BYTES = 512,
    VALUE_BYTES = 300, /* of a value, before it is escaped */
};

static const char own_page[] =
    "<!doctype html>\n"
    "<html lang=\"en\"><head><meta charset=\"utf-8\">"
    "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">"
    "<meta name=\"color-scheme\" content=\"light dark\"><link rel=\"icon\" href=\"data:,\">\n"
    "<title>Blocked by policy{{#service}}: {{service}}{{/service}}</title>\n"
    "<style>\n"
    ":root{--back:#f4f5f7;--card:#fff;--text:#1b1f24;--soft:#4a535e;--line:#d5dae0;--mark:#a3260f;--link:#0b57a4}\n"
    "@media(prefers-color-scheme:dark){:root{--back:#14171a;--card:#1e2226;--text:#eceff2;--soft:#b3bcc6;"
    "--line:#3a424a;--mark:#ff9c85;--link:#8cc2ff}}\n"
    "*{box-sizing:border-box}\n"
    "body{margin:0;padding:6vh 1rem 2rem;background:var(--back);color:var(--text);"
    "font:1.05rem/1.55 system-ui,-apple-system,\"Segoe UI\",Roboto,\"DejaVu Sans\",sans-serif}\n"
    "main{max-width:38rem;margin:0 auto;padding:2rem;background:var(--card);border:1px solid var(--line);"
    "border-top:.4rem solid var(--mark);border-radius:.5rem}\n"
    "h1{margin:0 0 .75rem;font-size:1.6rem;line-height:1.25}\n"
    "h2{margin:1.75rem 0 .5rem;font-size:1.15rem}\n"
    "p,ul{margin:.5rem 0}ul{padding-left:1.25rem}li{margin:.35rem 0}\n"
    "dl{margin:1.25rem 0 0;display:grid;grid-template-columns:max-content 1fr;gap:.35rem 1.25rem}\n"
    "dt{color:var(--soft)}dd{margin:0;font-weight:600;overflow-wrap:anywhere}\n"
    "code{font-family:ui-monospace,Consolas,\"DejaVu Sans Mono\",monospace}\n"
    "a{color:var(--link);overflow-wrap:anywhere}a:focus-visible{outline:3px solid var(--link);outline-offset:2px}\n"
    "@media(max-width:30rem){main{padding:1.25rem}dl{grid-template-columns:1fr;gap:0}dd{margin-bottom:.6rem}}\n"
    "</style></head><body><main>\n"
    "<h1>{{#service}}{{service}} is blocked on this network{{/service}}"
    "{{^service}}This is blocked on this network{{/service}}</h1>\n"
    "<p>The policy on instant messaging does not allow this request, so it was stopped before it left. "
    "Nothing is wrong with your computer.</p>\n"
    "<dl>\n"
    "{{#rule}}<dt>Rule</dt><dd>{{rule}}</dd>\n{{/rule}}"
    "<dt>Reference</dt><dd><code>{{reference}}</code></dd>\n"
    "</dl>\n"
    "<h2>What you can do</h2>\n"
    "<ul>\n"
    "{{#sign}}<li>If you have not signed the policy yet: <a href=\"{{sign}}\" rel=\"noreferrer\">read and sign "
    "it</a>.</li>\n{{/sign}}"
    "{{#contact}}<li>If you need this for your work, or think that it is a mistake, ask <strong>{{contact}}"
    "</strong> and quote the reference.</li>\n{{/contact}}"
    "{{^contact}}<li>If you need this for your work, or think that it is a mistake, ask those who look after "
    "this network and quote the reference.</li>\n{{/contact}}"
    "</ul>\n"
    "</main></body></html>\n";

/* ---- values ---- */

#define NAMES(X) X(service) X(rule) X(contact) X(sign) X(reference)
enum name {
#define X(name) NAME_##name,
    NAMES(X)
#undef X
        NAME_COUNT
};

struct values {
    struct view at[NAME_COUNT];
};

static bool name_find(struct view word, enum name *out)
{
    static const char *const names[NAME_COUNT] = {
#define X(name) #name,
        NAMES(X)
#undef X
    };

    for (unsigned i = 0; i < NAME_COUNT; i++)
        if (view_equal(word, view_string(names[i]))) {
            *out = (enum name)i;
            return true;
        }
    return false;
}

/* A link that nothing but a page can be behind. */
static struct view safe_url(struct view url)
{
    if (!view_starts_nocase(url, VIEW("https://")) && !view_starts_nocase(url, VIEW("http://")))
        return VIEW("");
    for (size_t i = 0; i < url.len; i++)
        if (url.at[i] <= ' ' || url.at[i] == 0x7f || url.at[i] == '\\')
            return VIEW("");
    return url;
}

/* For text, and for attributes in quotes of either kind. */
static void add_escaped(struct text *t, struct view v)
{
    char buffer[VALUE_BYTES];
    struct text clean = TEXT(buffer);

    text_printable(&clean, v);
    for (size_t i = 0; i < clean.len; i++) {
        switch (clean.at[i]) {
        case '&': text_string(t, "&amp;"); break;
        case '<': text_string(t, "&lt;"); break;
        case '>': text_string(t, "&gt;"); break;
        case '"': text_string(t, "&quot;"); break;
        case '\'': text_string(t, "&#39;"); break;
        default: text_char(t, clean.at[i]);
        }
    }
}

/* ---- templates ---- */

/* What comes next: text, then the word between "{{" and "}}". */
struct piece {
    struct view text, word; /* word: empty at the end */
};

/* False: "{{" and no "}}". */
static bool next_piece(struct view template, size_t *at, struct piece *out)
{
    struct view rest = view_from(template, *at);
    size_t open = view_find(rest, VIEW("{{"));

    *out = (struct piece){ .text = view_slice(rest, 0, open), .word = VIEW("") };
    *at += open;
    if (open == rest.len)
        return true;
    rest = view_from(rest, open + 2);
    size_t close = view_find(rest, VIEW("}}"));
    if (close == rest.len)
        return false;
    out->word = view_slice(rest, 0, close);
    *at += 2 + close + 2;
    return true;
}

static void fill(struct text *t, struct view template, const struct values *values)
{
    struct piece piece;
    bool silent = false;
    enum name name;

    for (size_t at = 0; at < template.len;) {
        bool whole = next_piece(template, &at, &piece);
        if (!silent)
            text_add(t, piece.text);
        if (!whole)
            break;
        uint8_t kind = piece.word.len > 0 ? piece.word.at[0] : 0;
        bool section = kind == '#' || kind == '^' || kind == '/';
        if (!name_find(view_from(piece.word, section), &name))
            continue;
        if (section)
            silent = kind != '/' && (values->at[name].len > 0) != (kind == '#');
        else if (!silent)
            add_escaped(t, values->at[name]);
    }
}

size_t page_make(struct view template, const struct page_facts *f, char out[FORGE_ANSWER_BYTES])
{
    char reference[24], head[HEADER_BYTES];
    struct text number = TEXT(reference), header = TEXT(head);
    struct text body = text_over(out + HEADER_BYTES, FORGE_ANSWER_BYTES - HEADER_BYTES);

    text_decimal(&number, f->flow_id);
    struct values values = { { [NAME_service] = view_string(f->service),
                               [NAME_rule] = view_string(f->rule),
                               [NAME_contact] = view_string(f->contact),
                               [NAME_sign] = safe_url(view_string(f->sign)),
                               [NAME_reference] = view_of(number.at, number.len) } };
    if (template.len > 0)
        fill(&body, template, &values);
    if (template.len == 0 || body.cut) {
        body = text_over(out + HEADER_BYTES, FORGE_ANSWER_BYTES - HEADER_BYTES);
        fill(&body, view_string(own_page), &values);
    }
    text_format(&header,
                "HTTP/1.1 403 Forbidden\r\n"
                "Content-Type: text/html; charset=utf-8\r\n"
                "Content-Length: %zu\r\n"
                "Cache-Control: no-store\r\n"
                "Content-Security-Policy: default-src 'none'; style-src 'unsafe-inline'; img-src data:; "
                "form-action 'none'; frame-ancestors 'none'\r\n"
                "X-Content-Type-Options: nosniff\r\n"
                "Referrer-Policy: no-referrer\r\n"
                "Connection: close\r\n\r\n",
                body.len);
    memmove(out + header.len, body.at, body.len);
    memcpy(out, header.at, header.len);
    return header.len + body.len;
}
