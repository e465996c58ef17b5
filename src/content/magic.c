/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libmagic reads the first MiB, without looking into what is packed. It takes some milliseconds, so that
 * members of archives are only asked for the signatures of programs (magic_runs): PE, ELF, Mach-O, scripts,
 * shell links, Windows installers.
 *
 * What counts as executable is what runs when somebody opens it, documents with macros among it, which are
 * told by their name (.docm) or, in the old format, by their macro storage.
 */
#include "content/magic.h"
#include <magic.h>
#include <stdio.h>
#include <stdlib.h>

enum { LOOK_BYTES = 1 << 20 };

struct magic {
    magic_t media_type, words;
};

enum { RUNS = 1, ARCHIVE = 2, ENCRYPTED = 4, DOCUMENT = 8 };

/* Media types, as libmagic 5.44 has them, with the usual extension. Before those that begin alike. */
static const struct {
    const char *media_type, *extension;
    unsigned flags;
} types[] = {
    { "application/vnd.microsoft.portable-executable", "exe", RUNS },
    { "application/x-dosexec", "exe", RUNS },
    { "application/x-executable", "", RUNS },
    { "application/x-pie-executable", "", RUNS },
    { "application/x-sharedlib", "so", RUNS },
    { "application/x-object", "o", 0 },
    { "application/x-mach-binary", "", RUNS },
    { "application/x-ms-shortcut", "lnk", RUNS },
    { "application/x-msi", "msi", RUNS },
    { "application/vnd.ms-msi", "msi", RUNS },
    { "application/java-archive", "jar", RUNS | ARCHIVE },
    { "application/vnd.android.package-archive", "apk", RUNS | ARCHIVE },
    { "application/x-java-applet", "class", RUNS },
    { "application/vnd.debian.binary-package", "deb", RUNS },
    { "application/x-rpm", "rpm", RUNS },
    { "text/x-shellscript", "sh", RUNS },
    { "text/x-msdos-batch", "bat", RUNS },
    { "text/x-script.python", "py", RUNS },
    { "text/x-python", "py", RUNS },
    { "text/x-perl", "pl", RUNS },
    { "text/x-ruby", "rb", RUNS },
    { "text/x-php", "php", RUNS },
    { "text/x-awk", "awk", RUNS },
    { "text/x-tcl", "tcl", RUNS },
    { "text/x-lua", "lua", RUNS },
    { "application/javascript", "js", RUNS },
    { "application/zip", "zip", ARCHIVE },
    { "application/x-7z-compressed", "7z", ARCHIVE },
    { "application/x-rar", "rar", ARCHIVE },
    { "application/vnd.rar", "rar", ARCHIVE },
    { "application/x-tar", "tar", ARCHIVE },
    { "application/gzip", "gz", ARCHIVE },
    { "application/x-bzip2", "bz2", ARCHIVE },
    { "application/x-xz", "xz", ARCHIVE },
    { "application/zstd", "zst", ARCHIVE },
    { "application/x-iso9660-image", "iso", ARCHIVE },
    { "application/vnd.ms-cab-compressed", "cab", ARCHIVE },
    { "application/encrypted", "", ENCRYPTED },
    { "application/pdf", "pdf", DOCUMENT },
    { "application/vnd.openxmlformats-officedocument.wordprocessingml.document", "docx", DOCUMENT },
    { "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", "xlsx", DOCUMENT },
    { "application/vnd.openxmlformats-officedocument.presentationml.presentation", "pptx", DOCUMENT },
    { "application/vnd.oasis.opendocument.text", "odt", DOCUMENT },
    { "application/vnd.oasis.opendocument.spreadsheet", "ods", DOCUMENT },
    { "application/vnd.oasis.opendocument.presentation", "odp", DOCUMENT },
    { "application/msword", "doc", DOCUMENT },
    { "application/vnd.ms-excel", "xls", DOCUMENT },
    { "application/vnd.ms-powerpoint", "ppt", DOCUMENT },
    { "application/CDFV2", "", DOCUMENT },
    { "application/x-ole-storage", "", DOCUMENT },
    { "application/epub+zip", "epub", DOCUMENT },
    { "text/rtf", "rtf", DOCUMENT },
    { "text/html", "html", DOCUMENT },
    { "text/csv", "csv", DOCUMENT },
    { "text/xml", "xml", DOCUMENT },
    { "application/json", "json", DOCUMENT },
    { "text/plain", "txt", DOCUMENT },
    { "image/jpeg", "jpg", 0 },
    { "image/png", "png", 0 },
    { "image/gif", "gif", 0 },
    { "image/webp", "webp", 0 },
    { "image/tiff", "tif", 0 },
    { "image/bmp", "bmp", 0 },
    { "image/svg+xml", "svg", 0 },
    { "image/heic", "heic", 0 },
    { "audio/mpeg", "mp3", 0 },
    { "audio/ogg", "ogg", 0 },
    { "audio/flac", "flac", 0 },
    { "audio/x-wav", "wav", 0 },
    { "audio/x-m4a", "m4a", 0 },
    { "video/mp4", "mp4", 0 },
    { "video/quicktime", "mov", 0 },
    { "video/x-matroska", "mkv", 0 },
    { "video/webm", "webm", 0 },
    { "video/x-msvideo", "avi", 0 },
    { "video/mpeg", "mpg", 0 },
    { "video/3gpp", "3gp", 0 },
};

static bool open_one(int flags, magic_t *out, struct imw_error_info *err)
{
    size_t most = LOOK_BYTES;
    magic_t m = magic_open(flags | MAGIC_NO_CHECK_COMPRESS | MAGIC_RAW);

    *out = m;
    if (m == NULL)
        return error_set(err, IMW_ERROR_MEMORY, "libmagic: out of memory");
    if (magic_load(m, NULL) != 0)
        return error_set(err, IMW_ERROR_SYSTEM, "libmagic: %s", magic_error(m));
    magic_setparam(m, MAGIC_PARAM_BYTES_MAX, &most);
    return true;
}

bool magic_new(struct magic **out, struct imw_error_info *err)
{
    struct magic *m = calloc(1, sizeof *m);

    if (m == NULL)
        return error_memory(err);
    if (!open_one(MAGIC_MIME_TYPE, &m->media_type, err) || !open_one(MAGIC_NONE, &m->words, err)) {
        magic_free(m);
        return false;
    }
    *out = m;
    return true;
}

void magic_free(struct magic *m)
{
    if (m == NULL)
        return;
    if (m->media_type != NULL)
        magic_close(m->media_type);
    if (m->words != NULL)
        magic_close(m->words);
    free(m);
}

static void describe(magic_t m, struct view content, struct text *out)
{
    const char *words = magic_buffer(m, content.at, content.len < LOOK_BYTES ? content.len : LOOK_BYTES);

    text_printable(out, view_string(words));
}

/* The storage of macros in an old Office document. */
static bool has_macros(struct view content)
{
    static const char name[] = "_\0V\0B\0A\0_\0P\0R\0O\0J\0E\0C\0T";

    return view_find(content, view_of(name, sizeof name - 1)) < content.len;
}

void magic_look(struct magic *m, struct view content, struct magic_type *out)
{
    *out = (struct magic_type){ 0 };
    struct text media_type = TEXT(out->media_type), words = TEXT(out->words);
    struct view type;
    unsigned flags = 0;

    describe(m->media_type, content, &media_type);
    describe(m->words, content, &words);
    type = view_of(out->media_type, media_type.len);
    for (unsigned i = 0; i < sizeof types / sizeof types[0]; i++)
        if (view_equal(type, view_string(types[i].media_type))) {
            snprintf(out->extension, sizeof out->extension, "%s", types[i].extension);
            flags = types[i].flags;
            break;
        }
    /* Known by its first octet: so begins one of a hundred files of random bytes. The name tells. */
    if (view_starts(view_string(out->words), VIEW("DOS executable (COM)"))) {
        flags = 0;
        out->extension[0] = '\0';
    }
    bool ole = view_starts(content, VIEW("\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"));
    out->executable = (flags & RUNS) != 0 || magic_runs(content) || (ole && has_macros(content));
    out->archive = (flags & ARCHIVE) != 0;
    out->encrypted = (flags & ENCRYPTED) != 0;
    out->document = (flags & DOCUMENT) != 0;
    out->media = view_starts(type, VIEW("image/")) || view_starts(type, VIEW("audio/")) ||
                 view_starts(type, VIEW("video/"));
}

/* "MZ", and where it says so "PE". */
static bool is_pe(struct view v)
{
    if (!view_starts(v, VIEW("MZ")) || v.len < 64)
        return false;
    size_t at = (size_t)v.at[60] | (size_t)v.at[61] << 8 | (size_t)v.at[62] << 16 | (size_t)v.at[63] << 24;
    return view_starts(view_from(v, at), VIEW("PE\0\0"));
}

bool magic_runs(struct view v)
{
    const struct view signs[] = {
        VIEW("\x7f"
             "ELF"),
        VIEW("\xfe\xed\xfa\xce"),
        VIEW("\xfe\xed\xfa\xcf"),
        VIEW("\xce\xfa\xed\xfe"),
        VIEW("\xcf\xfa\xed\xfe"),
        VIEW("\xca\xfe\xba\xbe"),         /* Mach-O of several machines, and Java classes */
        VIEW("\x4c\0\0\0\x01\x14\x02\0"), /* shell link */
        VIEW("#!/"),
        VIEW("#! /"),
    };

    for (unsigned i = 0; i < sizeof signs / sizeof signs[0]; i++)
        if (view_starts(v, signs[i]))
            return true;
    return is_pe(v);
}

bool magic_name_runs(struct view name)
{
    static const char *const extensions[] = {
        "exe",  "dll", "scr", "com", "pif", "cpl", "bat",    "cmd",      "ps1",     "psm1", "vbs",  "vbe",
        "js",   "jse", "wsf", "wsh", "hta", "lnk", "msi",    "msix",     "appx",    "reg",  "jar",  "apk",
        "app",  "dmg", "pkg", "sh",  "run", "elf", "deb",    "rpm",      "docm",    "xlsm", "pptm", "dotm",
        "xlam", "xll", "url", "chm", "sct", "inf", "gadget", "appimage", "command", "scpt",
    };
    struct view extension;

    while (name.len > 0 && (name.at[name.len - 1] == ' ' || name.at[name.len - 1] == '.'))
        name.len--; /* Windows forgets them */
    extension = name;
    for (size_t dot; (dot = view_find_byte(extension, '.', 0)) < extension.len;)
        extension = view_from(extension, dot + 1);
    if (extension.len == name.len)
        return false;
    for (unsigned i = 0; i < sizeof extensions / sizeof extensions[0]; i++)
        if (view_equal_nocase(extension, view_string(extensions[i])))
            return true;
    return false;
}
