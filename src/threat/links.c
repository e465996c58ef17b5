/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Links in messages that lead to malware or phishing, found in whatever form they are written (threat/url.h).
 *
 * Proof is a list that the institution gives ("lists": domains or URLs of a threat feed, of its own, or a
 * hosts file); a domain counts with its subdomains, a URL with what lies beneath it. Without a list three
 * shapes are told of, each of them hardly ever innocent: a program that is fetched from a bare address on the
 * internet, a program whose name pretends to be a document ("photo.jpg.exe"), and a host that looks like one
 * of the institution's ("protected"), by the letters of another alphabet or by 1 for l (UTS #39).
 *
 * What it cannot know: where a short link or a redirect leads; whether the list is right; links in encrypted
 * messages; the target of a mark-up link whose words are another. A list is as good as it is fresh: it is
 * read at start and when the policy is read again.
 */
#include "base/address.h"
#include "base/hash.h"
#include "threat/confusable.h"
#include "threat/list_file.h"
#include "threat/party.h"
#include "threat/url.h"
#include <idn2.h>
#include <stdlib.h>

enum { LISTED, PROGRAM_AT_ADDRESS, FALSE_EXTENSION, LOOKALIKE };
enum { LISTS, PROTECTED, LIST_COUNT };
enum {
    LINKS_MAX, /* of one message */
    THRESHOLDS
};
enum { LABELS = 32 /* of a host, and parts of a path, that are tried */, PROTECTED_MAX = 4096 };

static const struct threshold thresholds[] = {
    [LINKS_MAX] = { "links", 20, 1, 1000, "links", "links of one message that are looked at" },
};
static const struct detector_list lists[] = {
    [LISTS] = { "lists", "malicious domains and URLs, one a line, or a hosts file" },
    [PROTECTED] = { "protected", "domains of ours and of our bank's, which others may imitate" },
};

extern const struct detector detector_links;

struct entry {
    uint64_t hash;
    unsigned line;
};

struct guarded {
    char host[URL_HOST_BYTES], skeleton[URL_HOST_BYTES];
};

struct links {
    uint64_t most;
    const struct threat_world *world;
    struct confusable *confusable;
    struct entry *entry; /* rising by hash */
    size_t entries, room;
    struct guarded *guarded;
    unsigned guarded_count;
};

/* ---- lists ---- */

static uint64_t key_of(const char *host, struct view rest)
{
    return hash_words(hash_bytes(view_string(host), 1), rest.len > 0 ? hash_bytes(rest, 2) : 0, 3);
}

/* Query and fragment too, from the path on. */
static struct view path_and_query(const struct url *u)
{
    struct view text = view_string(u->text);
    struct view rest = view_from(text, (size_t)(u->path.at - text.at));
    return view_slice(rest, 0, view_find_byte(rest, '#', 0));
}

static bool add(struct links *l, uint64_t hash, unsigned line)
{
    if (l->entries == l->room) {
        size_t room = l->room > 0 ? l->room * 2 : 1024;
        struct entry *bigger = realloc(l->entry, room * sizeof *bigger);
        if (bigger == NULL)
            return false;
        l->entry = bigger;
        l->room = room;
    }
    l->entry[l->entries++] = (struct entry){ hash, line };
    return true;
}

static bool is_local_name(struct view name)
{
    static const char *const names[] = { "localhost",     "localhost.localdomain", "local",  "broadcasthost",
                                         "ip6-localhost", "ip6-loopback",          "0.0.0.0" };
    for (unsigned i = 0; i < sizeof names / sizeof names[0]; i++)
        if (view_equal_nocase(name, view_string(names[i])))
            return true;
    return view_starts_nocase(name, VIEW("ip6-"));
}

static bool add_word(struct links *l, struct view word, unsigned line, const char **out_why)
{
    struct url url;
    size_t at = 0;

    if (view_starts(word, VIEW("*.")))
        word = view_from(word, 2);
    if (!url_next(word, &at, &url) || url.from.len != word.len) {
        *out_why = "not a domain, an address or a URL";
        return false;
    }
    struct view rest = path_and_query(&url);
    if (rest.len == 1)
        rest.len = 0; /* the slash alone: all of the host */
    *out_why = "no memory for so many entries";
    return add(l, key_of(url.host, rest), line);
}

/* A line of a list: a domain, a URL, or an address and names as in a hosts file (hosts(5)). */
static bool add_listed(void *context, struct view line, unsigned number, const char **out_why)
{
    struct ip_addr addr;
    struct view rest = line;

    for (size_t i = 0; i < line.len; i++)
        if (line.at[i] == '\t') {
            rest = view_slice(line, 0, i);
            break;
        }
    struct view first = view_slice(rest, 0, view_find_byte(rest, ' ', 0));
    struct view names = view_trim(view_from(line, first.len));
    if (names.len == 0)
        return add_word(context, first, number, out_why);
    if (!ip_parse(first, &addr)) {
        *out_why = "more than one word, and the first is no address as in a hosts file";
        return false;
    }
    while (names.len > 0) {
        size_t end = 0;
        while (end < names.len && names.at[end] != ' ' && names.at[end] != '\t')
            end++;
        struct view name = view_slice(names, 0, end);
        names = view_trim(view_from(names, end));
        if (!is_local_name(name) && !add_word(context, name, number, out_why))
            return false;
    }
    return true;
}

/* As people see it, with its own letters; and as it looks. */
static void look_of(const struct links *l, const char *host, char out[URL_HOST_BYTES])
{
    struct text skeleton = text_over(out, URL_HOST_BYTES);
    char *letters = NULL;

    if (idn2_to_unicode_8z8z(host, &letters, 0) != IDN2_OK)
        return;
    confusable_skeleton(l->confusable, view_string(letters), CONFUSABLE_LOOKS, &skeleton);
    idn2_free(letters);
}

static bool add_guarded(void *context, struct view line, unsigned number, const char **out_why)
{
    struct links *l = context;
    struct url url;
    size_t at = 0;

    (void)number;
    if (!url_next(line, &at, &url) || url.address || url.path.len > 1) {
        *out_why = "not a domain";
        return false;
    }
    if (l->guarded_count == PROTECTED_MAX) {
        *out_why = "more than 4,096 domains";
        return false;
    }
    struct guarded *g = &l->guarded[l->guarded_count++];
    memcpy(g->host, url.host, sizeof g->host);
    look_of(l, g->host, g->skeleton);
    return true;
}

static int order(const void *a, const void *b)
{
    const struct entry *x = a, *y = b;
    return x->hash < y->hash ? -1 : x->hash > y->hash;
}

static void stop(void *state)
{
    struct links *l = state;

    confusable_free(l->confusable);
    free(l->entry);
    free(l->guarded);
    free(l);
}

static void *start(const struct detector_settings *settings, const struct threat_world *world,
                   struct imw_error_info *err)
{
    struct links *l = calloc(1, sizeof *l);

    if (l == NULL || (l->guarded = calloc(PROTECTED_MAX, sizeof *l->guarded)) == NULL) {
        (void)error_set(err, IMW_ERROR_MEMORY, "no memory for the detector of links");
        free(l);
        return NULL;
    }
    l->most = settings->value[LINKS_MAX];
    l->world = world;
    if (!confusable_new(&l->confusable, err) ||
        (settings->path[LISTS] != NULL && !list_file_read(settings->path[LISTS], add_listed, l, err)) ||
        (settings->path[PROTECTED] != NULL &&
         !list_file_read(settings->path[PROTECTED], add_guarded, l, err))) {
        stop(l);
        return NULL;
    }
    if (l->entries > 0)
        qsort(l->entry, l->entries, sizeof l->entry[0], order);
    return l;
}

/* ---- judging a link ---- */

static unsigned line_of(const struct links *l, uint64_t hash)
{
    const struct entry want = { hash, 0 };
    const struct entry *e = l->entries > 0 ? bsearch(&want, l->entry, l->entries, sizeof want, order) : NULL;
    return e != NULL ? e->line : 0;
}

/* The line of the list that names it, 0: none. Hosts from the whole to its parents, for each the path whole,
 * without query, and its folders. */
static unsigned find_listed(const struct links *l, const struct url *u, struct text *out_entry)
{
    const char *host = u->host;
    struct view all = path_and_query(u);

    for (unsigned label = 0; label < LABELS && host != NULL; label++) {
        unsigned line = line_of(l, key_of(host, view_of(NULL, 0)));
        struct view path = view_of(NULL, 0);
        if (line == 0 && all.len > 1 && (line = line_of(l, key_of(host, all))) != 0)
            path = all;
        size_t len = u->path.len;
        for (unsigned part = 0; part < LABELS && line == 0 && len > 1; part++) {
            path = view_slice(u->path, 0, len);
            line = line_of(l, key_of(host, path));
            if (u->path.at[len - 1] == '/')
                len--;
            while (len > 0 && u->path.at[len - 1] != '/')
                len--;
        }
        if (line != 0) {
            text_string(out_entry, host);
            text_printable(out_entry, path);
            return line;
        }
        const char *dot = u->address ? NULL : strchr(host, '.');
        host = dot != NULL && strchr(dot + 1, '.') != NULL ? dot + 1 : NULL;
    }
    return 0;
}

static bool is_one_of(struct view word, const char *const *words)
{
    for (; *words != NULL; words++)
        if (view_equal_nocase(word, view_string(*words)))
            return true;
    return false;
}

/* The last two extensions of a path's last part: "a.jpg.exe" has "jpg" and "exe". */
static void extensions(struct view path, struct view *out_last, struct view *out_before)
{
    struct view name = path, last = view_of(NULL, 0), before = view_of(NULL, 0);

    for (size_t i = path.len; i-- > 0;) {
        if (path.at[i] == '/') {
            name = view_from(path, i + 1);
            break;
        }
    }
    struct view rest = name;
    bool first = true;
    while (rest.len > 0) {
        struct view part = view_token(&rest, '.');
        if (!first) {
            before = last;
            last = part;
        }
        first = false;
    }
    *out_last = last;
    *out_before = before;
}

/* Programs as Windows, Android and macOS start them. */
static bool is_program(struct view extension)
{
    static const char *const programs[] = { "exe", "scr", "pif", "com", "bat", "cmd", "vbs", "vbe",
                                            "wsf", "hta", "jar", "msi", "ps1", "lnk", "cpl", "dll",
                                            "reg", "apk", "dmg", "js",  "jse", "iso", "img", NULL };
    return is_one_of(extension, programs);
}

static bool is_document(struct view extension)
{
    static const char *const documents[] = { "jpg", "jpeg", "png",  "gif",  "bmp", "pdf", "doc", "docx",
                                             "xls", "xlsx", "ppt",  "pptx", "txt", "rtf", "mp3", "mp4",
                                             "avi", "mpg",  "mpeg", "mov",  "wav", "csv", NULL };
    /* Spaces that push the true one out of sight. */
    while (extension.len >= 3 && view_equal(view_from(extension, extension.len - 3), VIEW("%20")))
        extension.len -= 3;
    return is_one_of(extension, documents);
}

static bool is_ours(const struct links *l, const struct ip_addr *addr)
{
    return ip_is_private(addr) ||
           (l->world->is_inside != NULL && l->world->is_inside(l->world->context, addr));
}

/* The protected domain that a host, or a parent of it, looks like without being it or beneath it. */
static const struct guarded *find_lookalike(const struct links *l, const struct url *u)
{
    char skeleton[URL_HOST_BYTES] = "";

    if (l->guarded_count == 0 || u->address)
        return NULL;
    look_of(l, u->host, skeleton);
    size_t host_len = strlen(u->host), len = strlen(skeleton);
    const struct guarded *hit = NULL;
    for (unsigned i = 0; i < l->guarded_count; i++) {
        const struct guarded *g = &l->guarded[i];
        size_t guarded_len = strlen(g->host), look_len = strlen(g->skeleton);
        if (guarded_len <= host_len && strcmp(u->host + host_len - guarded_len, g->host) == 0 &&
            (guarded_len == host_len || u->host[host_len - guarded_len - 1] == '.'))
            return NULL; /* it is one of ours */
        if (look_len > 0 && look_len <= len && strcmp(skeleton + len - look_len, g->skeleton) == 0 &&
            (look_len == len || skeleton[len - look_len - 1] == '.'))
            hit = g;
    }
    return hit;
}

struct suspicion {
    unsigned kind, line;
    const char *seen, *entry;
};

static void tell(struct threats *t, const struct scene *s, const struct carried_message *m,
                 const struct url *u, const struct suspicion *f)
{
    static const struct {
        enum severity severity;
        const char *title, *why, *advice;
    } kinds[] = {
        [LISTED] = { SEVERITY_HIGH, "link to a malicious site",
                     "the institution's list names it as malware or phishing",
                     "block it at the proxy, find out who opened it, warn the receivers" },
        [PROGRAM_AT_ADDRESS] = { SEVERITY_MEDIUM, "link to a program at a bare address",
                                 "programs are published under names; worms fetch theirs from addresses",
                                 "do not open it; have the program looked at" },
        [FALSE_EXTENSION] = { SEVERITY_MEDIUM, "link to a program that pretends to be a document",
                              "its name ends twice, so that people take it for a picture or a letter",
                              "do not open it; have the program looked at" },
        [LOOKALIKE] = { SEVERITY_HIGH, "link to a host that imitates a protected one",
                        "its letters look like those of another name: phishing",
                        "block it at the proxy, ask who entered a password there" },
    };
    char link[300], from[PARTY_NAME_BYTES], to[PARTY_NAME_BYTES], line[16] = "", subject[400];
    struct text link_text = TEXT(link), from_text = TEXT(from), to_text = TEXT(to), line_text = TEXT(line);
    struct text subject_text = TEXT(subject);

    text_string(&link_text, u->host);
    text_printable(&link_text, u->path);
    text_printable(&from_text, m->from);
    text_printable(&to_text, m->to.len > 0 ? m->to : m->room);
    if (f->line != 0)
        text_decimal(&line_text, f->line);
    text_format(&subject_text, "%s %s", u->host, from);
    threats_raise(t, s,
                  &(struct alert){ .detector = &detector_links,
                                   .kind = f->kind,
                                   .severity = kinds[f->kind].severity,
                                   .title = kinds[f->kind].title,
                                   .seen = f->seen,
                                   .why = kinds[f->kind].why,
                                   .advice = kinds[f->kind].advice,
                                   .evidence = { { "link", link },
                                                 { "from", from },
                                                 { "to", to },
                                                 { "direction", m->outgoing ? "outgoing" : "incoming" },
                                                 { "written", u->hidden ? "disguised" : "plain" },
                                                 { f->kind == LOOKALIKE ? "imitates" : "entry", f->entry },
                                                 { "line", line } },
                                   .evidence_count = f->kind == LISTED      ? 7
                                                     : f->kind == LOOKALIKE ? 6
                                                                            : 5,
                                   .subject = subject });
}

static void judge(const struct links *l, struct threats *t, const struct scene *s,
                  const struct carried_message *m, const struct url *u)
{
    char entry[300], seen[400];
    struct text entry_text = TEXT(entry), seen_text = TEXT(seen);
    struct suspicion f = { .seen = seen, .entry = entry };
    struct view last, before;
    const struct guarded *guarded;
    struct ip_addr addr;

    if ((f.line = find_listed(l, u, &entry_text)) != 0) {
        f.kind = LISTED;
        text_format(&seen_text, "a link to %s, which the list names in line %u", u->host, f.line);
        tell(t, s, m, u, &f);
        return;
    }
    if ((guarded = find_lookalike(l, u)) != NULL) {
        f.kind = LOOKALIKE;
        f.entry = guarded->host;
        text_format(&seen_text, "a link to %s, which looks like %s", u->host, guarded->host);
        tell(t, s, m, u, &f);
        return;
    }
    extensions(u->path, &last, &before);
    if (u->bare || !is_program(last))
        return;
    if (is_document(before)) {
        f.kind = FALSE_EXTENSION;
        text_string(&seen_text, "a link to a program whose name ends as a document's: ");
        text_printable(&seen_text, u->path);
        tell(t, s, m, u, &f);
    } else if (u->address && ip_parse(view_string(u->host), &addr) && !is_ours(l, &addr)) {
        f.kind = PROGRAM_AT_ADDRESS;
        text_format(&seen_text, "a link to a program at the address %s", u->host);
        tell(t, s, m, u, &f);
    }
}

static void on_message(void *state, struct threats *t, const struct scene *s, const struct carried_message *m)
{
    const struct links *l = state;
    struct url url;
    size_t at = 0;

    if (m->again)
        return;
    for (uint64_t i = 0; i < l->most && url_next(m->text, &at, &url); i++)
        judge(l, t, s, m, &url);
}

const struct detector detector_links = {
    .name = "links",
    .id = 4500,
    .help = "links to listed sites, to programs in disguise, to hosts that imitate protected ones",
    .thresholds = thresholds,
    .threshold_count = THRESHOLDS,
    .lists = lists,
    .list_count = LIST_COUNT,
    .start = start,
    .stop = stop,
    .on_message = on_message,
};
