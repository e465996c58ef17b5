/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files that run, and files whose name lies. FIL-84-2004 asks to block executables that come over IM; worms
 * of IM came as "photo.jpg.scr" and the like. MITRE ATT&CK T1036.002 (right-to-left override), T1036.007
 * (double extension), T1036.008 (type that the name does not fit), T1027.013 and T1566 for the rest.
 *
 * Reasoning. The name as announced, judged once when it is offered and, with what the scan found, when the
 * file came: disguise    a name that ends in an extension which runs, before it one of a document or picture
 *               ("invoice.pdf.exe"), or ten spaces or more, or a right-to-left override (U+202E, also the
 *               other bidirectional controls) anywhere in a name that runs. Nobody writes that by accident.
 *   lie         by content a program, by name a document, picture, sound or text.
 *   executable  the extension runs on a double click, or the content is a program.
 *   hidden      an archive that holds a program.
 *   locked      an archive that needs a password: no scanner can look inside.
 * An installer under its own name (setup.exe) is the ordinary case: low, so that the policy may block it, and
 * no more. Disguise and lie are high.
 *
 * "report.v1.2.exe" and "photo.jpg" in an archive of source are no disguise; "x.tar.gz" is a usual pair.
 * Names are judged by ASCII letters; of scripts only those that systems run by themselves when opened.
 *
 * Cannot know: what a document's macros do (the scanners', threat/malware.c); archives in archives (the scan
 * tells of the first level); an archive whose names are encrypted shows as locked only.
 */
#include "threat/aid.h"
#include <stdio.h>
#include <stdlib.h>

enum { DISGUISED, LYING, EXECUTABLE, HIDDEN, LOCKED };
enum { SPACES, THRESHOLDS };

static const struct threshold thresholds[] = {
    /* Wide enough to push the extension out of a file dialogue; people put in one or two. */
    [SPACES] = { "spaces", 10, 3, 250, "spaces", "so many in a row before the extension hide it" },
};

extern const struct detector detector_file_names;

struct file_names {
    uint64_t spaces;
};

static void *start(const struct detector_settings *settings, const struct threat_world *world,
                   struct imw_error_info *err)
{
    struct file_names *n = calloc(1, sizeof *n);

    (void)world;
    if (n == NULL)
        (void)error_set(err, IMW_ERROR_MEMORY, "no memory for the detector of file names");
    else
        n->spaces = settings->value[SPACES];
    return n;
}

/* ---- names ---- */

/* What Windows, macOS and desktops run on a double click; words of at most 11 letters. */
static const char running[][12] = {
    "exe",  "scr",  "pif",    "com",         "bat",     "cmd", "vbs", "vbe",     "js",  "jse",
    "wsf",  "wsh",  "hta",    "ps1",         "msi",     "msp", "cpl", "lnk",     "jar", "reg",
    "dll",  "msc",  "gadget", "inf",         "scf",     "url", "chm", "iso",     "img", "vhd",
    "vhdx", "app",  "pkg",    "dmg",         "command", "apk", "run", "desktop", "sh",  "elf",
    "xll",  "appx", "msix",   "application", "ps2",     "sct", "ws",  "vb",      "mst",
};
/* What people expect to be harmless: behind it, an extension that runs is a disguise. */
static const char harmless[][12] = {
    "pdf", "doc",  "docx", "xls", "xlsx", "ppt", "pptx", "rtf",  "txt", "odt", "ods",
    "jpg", "jpeg", "png",  "gif", "bmp",  "tif", "tiff", "webp", "mp3", "wav", "mp4",
    "avi", "mpg",  "mpeg", "mov", "wmv",  "mkv", "eml",  "ics",  "vcf",
};
/* The same, but programmers name scripts so: "index.html.js", "fetch.log.sh". */
static const char textual[][12] = { "htm", "html", "xml", "json", "csv", "log" };
static const char scripts[][12] = { "js",  "sh",  "run", "jar", "command", "ps1",
                                    "bat", "cmd", "vb",  "ws",  "dll" };
/* Whose encryption is the packer's, where the scan does not name the type. */
static const char archives[][12] = { "zip", "rar", "7z",  "gz",  "bz2", "xz", "zst",
                                     "tar", "tgz", "cab", "arj", "lzh", "ace" };

static bool is_one_of(struct view extension, const char (*list)[12], size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (view_equal_nocase(extension, view_string(list[i])))
            return true;
    return false;
}
#define IS_ONE_OF(extension, list) is_one_of((extension), (list), sizeof(list) / sizeof(list)[0])

/* The last component of a path: '/' or '\'. */
static struct view base_of(struct view name)
{
    for (size_t i = name.len; i-- > 0;)
        if (name.at[i] == '/' || name.at[i] == '\\')
            return view_from(name, i + 1);
    return name;
}

/* Cut off the last extension with its point; empty: there is none. Points and spaces at the end do not count,
 * as Windows drops them. */
static struct view take_extension(struct view *name)
{
    while (name->len > 0 && (name->at[name->len - 1] == '.' || name->at[name->len - 1] == ' '))
        name->len--;
    for (size_t i = name->len; i-- > 1;)
        if (name->at[i] == '.') {
            struct view extension = view_from(*name, i + 1);
            name->len = i;
            return extension;
        }
    return view_from(*name, name->len);
}

/* U+202A to U+202E and U+2066 to U+2069 turn the direction of writing. */
static bool turns(struct view name)
{
    for (size_t i = 0; i + 2 < name.len; i++)
        if (name.at[i] == 0xe2 &&
            ((name.at[i + 1] == 0x80 && name.at[i + 2] >= 0xaa && name.at[i + 2] <= 0xae) ||
             (name.at[i + 1] == 0x81 && name.at[i + 2] >= 0xa6 && name.at[i + 2] <= 0xa9)))
            return true;
    return false;
}

static bool has_spaces(struct view name, uint64_t n)
{
    uint64_t row = 0;

    for (size_t i = 0; i < name.len && row < n; i++)
        row = name.at[i] == ' ' ? row + 1 : 0;
    return row >= n;
}

/* Of a name that ends in `before` and `last`. */
static bool looks_harmless(struct view before, struct view last)
{
    return IS_ONE_OF(before, harmless) || (IS_ONE_OF(before, textual) && !IS_ONE_OF(last, scripts));
}

struct judged {
    struct view extension;
    bool runs;
    const char *disguise; /* what makes it one; NULL: none */
};

static struct judged judge(const struct file_names *n, struct view name)
{
    struct view rest = base_of(name);
    struct judged j = { .extension = take_extension(&rest) };

    j.runs = IS_ONE_OF(j.extension, running);
    if (!j.runs)
        return j;
    if (turns(name))
        j.disguise = "a character in it turns the direction of writing, so that the end is shown elsewhere";
    else if (has_spaces(rest, n->spaces))
        j.disguise = "spaces push its true extension out of sight";
    else if (looks_harmless(take_extension(&rest), j.extension))
        j.disguise = "before the true extension stands that of a document, picture or recording";
    return j;
}

/* ---- alerts ---- */

struct offered {
    struct view name, from, to;
    const uint8_t *sha256;
    const char *type;
};

static void tell(struct threats *t, const struct scene *s, const struct offered *f, unsigned kind,
                 enum severity severity, const char *title, const char *why, const char *advice,
                 const char *what)
{
    struct report r;
    char hash[2 * SHA256_BYTES + 1];
    struct text hash_text = TEXT(hash);

    if (f->sha256 != NULL)
        text_hex(&hash_text, view_of(f->sha256, SHA256_BYTES));
    report_begin(&r, &detector_file_names, kind, severity, title, why, advice);
    report_seen(&r, "the file \"%s\": %s", show_text(f->name).text, what);
    report_evidence(&r, "file", "%s", show_text(f->name).text);
    report_evidence(&r, "type", "%s", f->type);
    report_evidence(&r, "sha256", "%s", hash);
    report_evidence(&r, "from", "%s", show_text(f->from).text);
    report_evidence(&r, "to", "%s", show_text(f->to).text);
    report_ends(&r, s);
    report_subject(&r, "%s %s", service_of(s), show_text(f->name).text);
    report_raise(&r, t, s);
}

static void tell_disguise(struct threats *t, const struct scene *s, const struct offered *f, const char *what)
{
    tell(t, s, f, DISGUISED, SEVERITY_HIGH, "program disguised as a document",
         "the name is made to have it opened: so malware is sent",
         "do not open it; tell the receiver; look at the sender's machine", what);
}

static void tell_executable(struct threats *t, const struct scene *s, const struct offered *f,
                            const char *what)
{
    tell(t, s, f, EXECUTABLE, SEVERITY_LOW, "program sent over instant messaging",
         "programs that do not come by way of the institution are not checked by it",
         "get programs from the institution's own source; block executables in the policy", what);
}

/* The offer: all there is to see where the bytes go another way, or never come. */
static void on_activity(void *state, struct threats *t, const struct scene *s, enum activity a,
                        const struct im_detail *d)
{
    if (a != ACTIVITY_FILE || d == NULL || d->file.len == 0 || s->flow == NULL)
        return;
    struct judged j = judge(state, d->file);
    const struct offered f = { .name = d->file,
                               .from = d->outgoing ? d->account : d->peer,
                               .to = d->outgoing ? (d->peer.len > 0 ? d->peer : d->room) : d->account,
                               .type = "" };
    if (j.disguise != NULL)
        tell_disguise(t, s, &f, j.disguise);
    else if (j.runs)
        tell_executable(t, s, &f, "its extension is one that runs when opened");
}

static void on_file(void *state, struct threats *t, const struct scene *s, const struct carried_file *f)
{
    struct judged j = judge(state, f->name);
    const struct scan_result *scan = f->scan;
    const struct offered of = { .name = f->name,
                                .from = f->from,
                                .to = f->to.len > 0 ? f->to : f->room,
                                .sha256 = f->sha256,
                                .type = scan != NULL ? scan->media_type : "" };
    char what[400];

    if (s->flow == NULL)
        return;
    if (j.disguise != NULL) {
        tell_disguise(t, s, &of, j.disguise);
        return;
    }
    if (scan != NULL && scan->executable && looks_harmless(j.extension, VIEW(""))) {
        snprintf(what, sizeof what, "by content it is %s", scan->magic);
        tell(t, s, &of, LYING, SEVERITY_HIGH, "program under another type's name",
             "the extension does not fit the content: filters and people are to be deceived",
             "do not open it; tell the receiver; look at the sender's machine", what);
        return;
    }
    if (j.runs || (scan != NULL && scan->executable && !scan->archive)) {
        tell_executable(t, s, &of,
                        j.runs ? "its extension is one that runs when opened" : "by content it is a program");
        return;
    }
    for (unsigned i = 0; scan != NULL && i < scan->member_count && i < SCAN_MEMBERS; i++) {
        struct judged member = judge(state, view_string(scan->members[i].name));
        if (!scan->members[i].executable && !member.runs)
            continue;
        snprintf(what, sizeof what, "the archive holds the program \"%s\"", scan->members[i].name);
        if (member.disguise != NULL)
            tell_disguise(t, s, &of, what);
        else
            tell(t, s, &of, HIDDEN, SEVERITY_MEDIUM, "program inside an archive",
                 "packed, it passes filters that look at names only",
                 "ask the sender what it is; block archives with programs in the policy", what);
        return;
    }
    if (scan != NULL && scan->encrypted && (scan->archive || IS_ONE_OF(j.extension, archives)))
        tell(t, s, &of, LOCKED, SEVERITY_MEDIUM, "archive that needs a password",
             "no scanner can see what is in it; malware and leaks are sent so",
             "ask both sides what it holds; block what cannot be scanned in the policy",
             "its members are encrypted");
}

const struct detector detector_file_names = {
    .name = "file-names",
    .id = 5600,
    .help = "programs, disguised names, types that do not fit the name, locked archives",
    .thresholds = thresholds,
    .threshold_count = THRESHOLDS,
    .start = start,
    .stop = free,
    .on_activity = on_activity,
    .on_file = on_file,
};
