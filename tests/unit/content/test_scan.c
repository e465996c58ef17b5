/* SPDX-License-Identifier: Apache-2.0 */
/* The judgement of files: hash lists, types, archives, YARA and a real clamd, and what they come to together.
 */
#include "clamd_server.h"
#include "content/scan.h"
#include <archive.h>
#include <archive_entry.h>
#include <openssl/evp.h>
#include <pthread.h>
#include <sys/stat.h>

struct bench {
    struct clamd_server clamd;
    struct spool *spool;
    struct content_settings settings;
    struct scanner *scanner;
    struct scan_worker *worker;
    struct scan_result r;
};

static int bench_make(void **state)
{
    struct bench *b = calloc(1, sizeof *b);

    clamd_server_make(&b->clamd);
    *state = b;
    return !spool_new(NULL, 8 << 20, 64 << 20, &b->spool, NULL);
}

static int bench_remove(void **state)
{
    struct bench *b = *state;

    spool_free(b->spool);
    clamd_server_remove(&b->clamd);
    free(b);
    return 0;
}

/* A scanner with these; NULL: not configured. Files by their name in the folder. */
static void scanner_with(struct bench *b, const char *clamd, const char *yara, const char *hashes,
                         const char *media)
{
    static char paths[3][160];
    static const char *list[4];
    struct scan_settings *set = &b->settings.scan;
    const char *const names[] = { yara, hashes, media };
    struct string_list *const lists[] = { &set->yara, &set->hashes, &set->media_hashes };
    struct imw_error_info err = { 0 };

    settings_default(&b->settings);
    list[3] = clamd;
    set->clamd = (struct string_list){ &list[3], clamd != NULL };
    for (unsigned i = 0; i < 3; i++) {
        snprintf(paths[i], sizeof paths[i], "%s/%s", b->clamd.folder, names[i] != NULL ? names[i] : "");
        list[i] = paths[i];
        *lists[i] = (struct string_list){ &list[i], names[i] != NULL };
    }
    if (!scanner_new(set, &b->scanner, &err) || !scan_worker_new(b->scanner, &b->worker, &err))
        fail_msg("%s:%u: %s", err.file, err.line, err.text);
}

static void scanner_gone(struct bench *b)
{
    scan_worker_free(b->worker);
    scanner_free(b->scanner);
}

static enum scan_state judge_at(struct bench *b, uint64_t offset, const void *content, size_t len,
                                const char *name, uint64_t announced)
{
    struct spool_file *f = spool_open(b->spool);
    struct spool_facts facts;
    uint8_t sha256[SHA256_BYTES];

    assert_non_null(f);
    assert_true(spool_write(f, offset, view_of(content, len)));
    spool_facts(f, announced, &facts);
    assert_true(spool_sha256(f, sha256));
    scan_file(b->worker, f, &facts, view_string(name), sha256, &b->r);
    spool_close(f);
    return b->r.state;
}

static enum scan_state judge(struct bench *b, const void *content, size_t len, const char *name)
{
    return judge_at(b, 0, content, len, name, 0);
}

/* ---- archives of our own ---- */

struct packed {
    uint8_t bytes[4 << 20];
    size_t len;
};

static struct packed packed; /* the last */

static struct archive *pack_begin(int format, const char *options)
{
    struct archive *a = archive_write_new();

    assert_int_equal(archive_write_set_format(a, format), ARCHIVE_OK);
    if (options != NULL) {
        assert_int_equal(archive_write_set_options(a, options), ARCHIVE_OK);
        assert_int_equal(archive_write_set_passphrase(a, "secret"), ARCHIVE_OK);
    }
    assert_int_equal(archive_write_set_bytes_per_block(a, 0), ARCHIVE_OK);
    assert_int_equal(archive_write_open_memory(a, packed.bytes, sizeof packed.bytes, &packed.len),
                     ARCHIVE_OK);
    return a;
}

static void pack_add(struct archive *a, const char *name, const void *content, size_t len)
{
    struct archive_entry *e = archive_entry_new();

    archive_entry_set_pathname(e, name);
    archive_entry_set_filetype(e, AE_IFREG);
    archive_entry_set_perm(e, 0644);
    archive_entry_set_size(e, (la_int64_t)len);
    assert_int_equal(archive_write_header(a, e), ARCHIVE_OK);
    assert_int_equal(archive_write_data(a, content, len), len);
    archive_entry_free(e);
}

static void pack_end(struct archive *a)
{
    assert_int_equal(archive_write_close(a), ARCHIVE_OK);
    archive_write_free(a);
}

static void pack_one(int format, const char *name, const void *content, size_t len)
{
    struct archive *a = pack_begin(format, NULL);

    pack_add(a, name, content, len);
    pack_end(a);
}

/* ---- hash lists ---- */

static void write_hash_list(struct bench *b, const char *name, const EVP_MD *kind, const char *content,
                            const char *word)
{
    uint8_t digest[EVP_MAX_MD_SIZE];
    char line[256] = "# a list\n\n";
    unsigned len;
    size_t at = strlen(line);

    assert_int_equal(EVP_Digest(content, strlen(content), digest, &len, kind, NULL), 1);
    for (unsigned i = 0; i < len; i++)
        at += (size_t)snprintf(line + at, sizeof line - at, "%02X", digest[i]);
    snprintf(line + at, sizeof line - at, "%s\n", word);
    clamd_server_write(&b->clamd, name, line);
}

static void test_a_file_in_a_hash_list_is_infected(void **state)
{
    struct bench *b = *state;
    const EVP_MD *const kinds[] = { EVP_sha256(), EVP_sha1(), EVP_md5() };

    for (unsigned i = 0; i < 3; i++) {
        write_hash_list(b, "hashes", kinds[i], "bad content", "  Bad.Thing, known");
        scanner_with(b, NULL, NULL, "hashes", NULL);
        assert_int_equal(judge(b, "bad content", 11, "a.bin"), SCAN_INFECTED);
        assert_string_equal(b->r.by, "hash-list");
        assert_string_equal(b->r.signature, "Bad.Thing, known");
        assert_string_equal(b->r.member, "");
        assert_int_equal(judge(b, "bad contend", 11, "a.bin"), SCAN_NOT_SCANNED);
        assert_int_equal(b->r.reason, SCAN_REASON_NO_SCANNER);
        pack_one(ARCHIVE_FORMAT_ZIP, "dir/inner.txt", "bad content", 11);
        assert_int_equal(judge(b, packed.bytes, packed.len, "a.zip"), SCAN_INFECTED);
        assert_string_equal(b->r.member, "dir/inner.txt");
        scanner_gone(b);
    }
}

static void test_copyrighted_works_are_told_apart(void **state)
{
    struct bench *b = *state;

    write_hash_list(b, "media", EVP_sha256(), "la la la", "  A song");
    scanner_with(b, NULL, NULL, NULL, "media");
    assert_int_equal(judge(b, "la la la", 8, "a.mp3"), SCAN_NOT_SCANNED);
    assert_string_equal(b->r.media_work, "A song");
    assert_int_equal(judge(b, "la la li", 8, "a.mp3"), SCAN_NOT_SCANNED);
    assert_string_equal(b->r.media_work, "");
    scanner_gone(b);
}

static void assert_bad_setting(struct bench *b, bool yara, const char *content, unsigned line)
{
    char path[160];
    const char *at = path;
    struct content_settings settings;
    struct scanner *s = NULL;
    struct imw_error_info err = { 0 };

    snprintf(path, sizeof path, "%s/bad-list", b->clamd.folder);
    if (content != NULL)
        clamd_server_write(&b->clamd, "bad-list", content);
    else
        unlink(path);
    settings_default(&settings);
    *(yara ? &settings.scan.yara : &settings.scan.hashes) = (struct string_list){ &at, 1 };
    assert_false(scanner_new(&settings.scan, &s, &err));
    assert_null(s);
    assert_string_equal(err.file, path);
    assert_int_equal(err.line, line);
}

static void test_bad_lines_are_named(void **state)
{
    struct bench *b = *state;

    assert_bad_setting(
        b, false, "d41d8cd98f00b204e9800998ecf8427e  ok\n# x\nd41d8cd98f00b204e9800998ecf8427  short\n", 3);
    assert_bad_setting(b, false, "d41d8cd98f00b204e9800998ecf8427ef  long\n", 1);
    assert_bad_setting(b, false, "d41d8cd98f00b204e9800998ecf8427g  not hex\n", 1);
    assert_bad_setting(b, false, "hello\n", 1);
    assert_bad_setting(b, false, NULL, 0);
    assert_bad_setting(b, true, "rule ok { condition: true }\nrule wrong {\n condition: nonsense\n}\n", 3);
    assert_bad_setting(b, true, NULL, 0);
}

static void test_a_million_hashes(void **state)
{
    struct bench *b = *state;
    char path[160];
    struct scanner_status status;

    snprintf(path, sizeof path, "%s/many", b->clamd.folder);
    FILE *f = fopen(path, "w");
    for (unsigned i = 0; i < 1000000; i++)
        fprintf(f, "%032x  n%u\n", i * 2654435761u, i);
    fprintf(f, "1bc29b36f623ba82aaf6724fd3b16718\n"); /* MD5 of "md5" */
    assert_int_equal(fclose(f), 0);
    scanner_with(b, NULL, NULL, "many", NULL);
    scanner_status(b->scanner, &status);
    assert_int_equal(status.hashes, 1000001);
    assert_int_equal(judge(b, "md5", 3, "a"), SCAN_INFECTED);
    assert_string_equal(b->r.signature, "1bc29b36f623ba82aaf6724fd3b16718");
    scanner_gone(b);
    unlink(path);
}

/* ---- types ---- */

#define BYTES(literal)                                                                                       \
    {                                                                                                        \
        (const uint8_t *)(literal), sizeof(literal) - 1                                                      \
    }

static void test_types_by_content(void **state)
{
    static const struct {
        struct view content;
        const char *name, *media_type, *extension;
        bool executable, media, document;
    } types[] = {
        { BYTES("%PDF-1.4\n%\xe2\xe3\n1 0 obj\n"), "a.jpg", "application/pdf", "pdf", false, false, true },
        { BYTES("GIF89a\1\0\1\0\0\0\0;"), "a.txt", "image/gif", "gif", false, true, false },
        { BYTES("#!/bin/sh\necho hi\n"), "notes.txt", "text/x-shellscript", "sh", true, false, false },
        { BYTES("just some words\n"), "a.txt", "text/plain", "txt", false, false, true },
        { BYTES("just some words\n"), "a.PS1", "text/plain", "txt", true, false, true },
        { BYTES("just some words\n"), "a.jpg.exe . ", "text/plain", "txt", true, false, true },
        /* Random bytes that libmagic takes for a COM program. */
        { BYTES("\x8c\xd7\xd2\xa0\xd6\x47\xe2\x58\x53\xfa\x28\xa0\x10\xff\x57\x06"), "key.bin",
          "application/x-dosexec", "", false, false, false },
    };
    struct bench *b = *state;

    scanner_with(b, NULL, NULL, NULL, NULL);
    for (unsigned i = 0; i < sizeof types / sizeof types[0]; i++) {
        judge(b, types[i].content.at, types[i].content.len, types[i].name);
        assert_string_equal(b->r.media_type, types[i].media_type);
        assert_string_equal(b->r.extension, types[i].extension);
        assert_int_equal(b->r.executable, types[i].executable);
        assert_int_equal(b->r.media, types[i].media);
        assert_int_equal(b->r.document, types[i].document);
        assert_true(b->r.magic[0] != '\0');
    }
    FILE *self = fopen("/proc/self/exe", "r");
    size_t n = fread(packed.bytes, 1, 100000, self);
    fclose(self);
    judge(b, packed.bytes, n, "picture.jpg");
    assert_true(b->r.executable);
    scanner_gone(b);
}

/* ---- archives ---- */

static void test_members_of_every_kind_of_archive(void **state)
{
    static const int formats[] = { ARCHIVE_FORMAT_ZIP, ARCHIVE_FORMAT_7ZIP, ARCHIVE_FORMAT_TAR_USTAR,
                                   ARCHIVE_FORMAT_TAR_PAX_INTERCHANGE, ARCHIVE_FORMAT_ISO9660 };
    struct bench *b = *state;

    scanner_with(b, NULL, NULL, NULL, NULL);
    for (unsigned i = 0; i < sizeof formats / sizeof formats[0]; i++) {
        struct archive *a = pack_begin(formats[i], NULL);
        pack_add(a, "one.txt", "first", 5);
        pack_add(a, "two.bin",
                 "\x7f"
                 "ELF second",
                 11);
        pack_end(a);
        judge(b, packed.bytes, packed.len, "a");
        unsigned seen = 0;
        for (unsigned m = 0; m < b->r.member_count; m++)
            if (strcasecmp(b->r.members[m].name, "one.txt") == 0) {
                assert_int_equal(b->r.members[m].size, 5);
                assert_false(b->r.members[m].executable);
                seen |= 1;
            } else if (strcasecmp(b->r.members[m].name, "two.bin") == 0) {
                assert_int_equal(b->r.members[m].size, 11);
                assert_true(b->r.members[m].executable);
                seen |= 2;
            }
        if (seen != 3 || !b->r.archive || b->r.unpacked_bytes < 16)
            fail_msg("format %x: %u members, %s", (unsigned)formats[i], b->r.member_count,
                     b->r.members[0].name);
        assert_int_equal(b->r.reason, SCAN_REASON_NO_SCANNER);
        for (size_t cut = 0; cut < packed.len; cut += 1 + packed.len / 50) /* every prefix must do no harm */
            judge(b, packed.bytes, cut, "a");
    }
    scanner_gone(b);
}

static void test_encrypted_members_are_said_to_be(void **state)
{
    struct bench *b = *state;

    clamd_server_write(&b->clamd, "rules", "rule never { condition: false }\n");
    scanner_with(b, NULL, "rules", NULL, NULL);
    struct archive *a = pack_begin(ARCHIVE_FORMAT_ZIP, "zip:encryption=aes256");
    pack_add(a, "salary.xlsx", "secret", 6);
    pack_end(a);
    assert_int_equal(judge(b, packed.bytes, packed.len, "a.zip"), SCAN_NOT_SCANNED);
    assert_int_equal(b->r.reason, SCAN_REASON_ENCRYPTED);
    assert_true(b->r.encrypted && b->r.members[0].encrypted);
    assert_string_equal(b->r.members[0].name, "salary.xlsx");
    scanner_gone(b);
}

static void test_something_found_beside_what_is_encrypted_counts(void **state)
{
    struct bench *b = *state;

    write_hash_list(b, "hashes", EVP_sha256(), "bad content", "");
    scanner_with(b, NULL, NULL, "hashes", NULL);
    struct archive *a = pack_begin(ARCHIVE_FORMAT_ZIP, "zip:encryption=traditional");
    pack_add(a, "locked", "secret", 6);
    pack_end(a);
    static uint8_t locked[4096];
    size_t len = packed.len;
    memcpy(locked, packed.bytes, len);
    a = pack_begin(ARCHIVE_FORMAT_TAR_USTAR, NULL);
    pack_add(a, "locked.zip", locked, len);
    pack_add(a, "open.txt", "bad content", 11);
    pack_end(a);
    assert_int_equal(judge(b, packed.bytes, packed.len, "a.tar"), SCAN_INFECTED);
    assert_true(b->r.encrypted);
    assert_string_equal(b->r.member, "open.txt");
    scanner_gone(b);
}

static void test_archives_in_archives_down_to_the_limit(void **state)
{
    struct bench *b = *state;
    static uint8_t inner[1 << 16];
    size_t len = 11;

    write_hash_list(b, "hashes", EVP_sha256(), "bad content", "");
    scanner_with(b, NULL, NULL, "hashes", NULL);
    memcpy(inner, "bad content", len);
    for (unsigned depth = 1; depth <= 6; depth++) {
        pack_one(depth % 2 == 0 ? ARCHIVE_FORMAT_ZIP : ARCHIVE_FORMAT_TAR_USTAR, "x", inner, len);
        len = packed.len;
        memcpy(inner, packed.bytes, len);
        assert_int_equal(judge(b, inner, len, "a"), depth <= 4 ? SCAN_INFECTED : SCAN_NOT_SCANNED);
        if (depth <= 4)
            assert_int_equal(strlen(b->r.member), 2 * depth - 1); /* x/x/x */
    }
    scanner_gone(b);
}

static void test_a_zip_behind_a_picture_is_seen(void **state)
{
    struct bench *b = *state;
    static uint8_t both[8192] = "GIF89a\1\0\1\0\0\0\0;";

    write_hash_list(b, "hashes", EVP_sha256(), "bad content", "");
    scanner_with(b, NULL, NULL, "hashes", NULL);
    pack_one(ARCHIVE_FORMAT_ZIP, "x", "bad content", 11);
    memcpy(both + 14, packed.bytes, packed.len);
    assert_int_equal(judge(b, both, 14 + packed.len, "a.gif"), SCAN_INFECTED);
    scanner_gone(b);
}

static void test_bombs_are_suspicious(void **state)
{
    struct bench *b = *state;
    static uint8_t zeros[3 << 20];

    clamd_server_write(&b->clamd, "rules", "rule never { condition: false }\n");
    scanner_with(b, NULL, "rules", NULL, NULL);
    struct archive *a = pack_begin(ARCHIVE_FORMAT_ZIP, NULL);
    for (unsigned i = 0; i < 20; i++)
        pack_add(a, "zeros", zeros, sizeof zeros);
    pack_end(a);
    assert_in_range(packed.len, 1000, 100000);
    assert_int_equal(judge(b, packed.bytes, packed.len, "a.zip"), SCAN_SUSPICIOUS);
    assert_string_equal(b->r.signature, "archive-bomb");
    assert_string_equal(b->r.by, "archive");
    assert_in_range(b->r.unpacked_bytes, 16 << 20, 20 << 20);
    /* A few zeros, however small they are packed, are none. */
    pack_one(ARCHIVE_FORMAT_ZIP, "zeros", zeros, sizeof zeros);
    assert_int_equal(judge(b, packed.bytes, packed.len, "a.zip"), SCAN_CLEAN);
    scanner_gone(b);
}

static void test_more_members_than_allowed_are_not_called_clean(void **state)
{
    struct bench *b = *state;

    clamd_server_write(&b->clamd, "rules", "rule never { condition: false }\n");
    scanner_with(b, NULL, "rules", NULL, NULL);
    b->settings.scan.archive_members = 10;
    for (unsigned members = 10; members <= 11; members++) {
        struct archive *a = pack_begin(ARCHIVE_FORMAT_ZIP, NULL);
        for (unsigned i = 0; i < members; i++)
            pack_add(a, "x", "y", 1);
        pack_end(a);
        assert_int_equal(judge(b, packed.bytes, packed.len, "a.zip"),
                         members == 10 ? SCAN_CLEAN : SCAN_NOT_SCANNED);
        assert_int_equal(b->r.member_count, 10);
    }
    assert_int_equal(b->r.reason, SCAN_REASON_TOO_LARGE);
    scanner_gone(b);
}

static void test_broken_archives_are_not_called_clean(void **state)
{
    struct bench *b = *state;

    clamd_server_write(&b->clamd, "rules", "rule never { condition: false }\n");
    scanner_with(b, NULL, "rules", NULL, NULL);
    static uint8_t noise[20000];
    for (size_t i = 0, n = 1; i < sizeof noise; i++)
        noise[i] = (uint8_t)((n = n * 6364136223846793005u + 1) >> 56);
    pack_one(ARCHIVE_FORMAT_ZIP, "x", noise, sizeof noise);
    assert_int_equal(judge(b, packed.bytes, packed.len, "a.zip"), SCAN_CLEAN);
    assert_int_equal(judge(b, packed.bytes, packed.len / 2, "a.zip"), SCAN_NOT_SCANNED);
    assert_int_equal(b->r.reason, SCAN_REASON_UNREADABLE);
    packed.bytes[packed.len / 2] ^= 1; /* the sum is wrong */
    assert_int_equal(judge(b, packed.bytes, packed.len, "a.zip"), SCAN_NOT_SCANNED);
    assert_int_equal(b->r.reason, SCAN_REASON_UNREADABLE);
    scanner_gone(b);
}

/* ---- YARA ---- */

static void test_yara_names_the_rule_and_the_member(void **state)
{
    struct bench *b = *state;

    clamd_server_write(&b->clamd, "rules",
                       "rule Ransom_note { strings: $a = \"pay in coins\" condition: $a }\n");
    scanner_with(b, NULL, "rules", NULL, NULL);
    assert_int_equal(judge(b, "you will pay in coins", 21, "a.txt"), SCAN_INFECTED);
    assert_string_equal(b->r.by, "yara");
    assert_string_equal(b->r.signature, "Ransom_note");
    assert_int_equal(judge(b, "you will pay in cash", 20, "a.txt"), SCAN_CLEAN);
    assert_int_equal(b->r.reason, SCAN_REASON_NONE);
    pack_one(ARCHIVE_FORMAT_7ZIP, "note.txt", "you will pay in coins", 21);
    assert_int_equal(judge(b, packed.bytes, packed.len, "a.7z"), SCAN_INFECTED);
    assert_string_equal(b->r.member, "note.txt");
    assert_int_equal(judge(b, "", 0, "empty"), SCAN_CLEAN);
    scanner_gone(b);
}

static void test_a_slow_rule_is_ended(void **state)
{
    struct bench *b = *state;
    static uint8_t content[2 << 20];

    clamd_server_write(
        &b->clamd, "rules",
        "rule slow { condition: for all i in (0..100000000000) : ( uint8(i % filesize) != 7 ) }\n");
    scanner_with(b, NULL, "rules", NULL, NULL);
    b->settings.scan.timeout_ms = 900;
    assert_int_equal(judge(b, content, sizeof content, "a"), SCAN_NOT_SCANNED);
    assert_int_equal(b->r.reason, SCAN_REASON_TIMED_OUT);
    assert_in_range(b->r.took_ms, 900, 10000);
    scanner_gone(b);
}

/* ---- clamd and all together ---- */

static void test_clamd_finds_eicar_and_its_absence_is_said(void **state)
{
    struct bench *b = *state;
    char bytes[80];
    size_t n = eicar(bytes);
    struct scanner_status status;

    scanner_with(b, b->clamd.unix_address, NULL, NULL, NULL);
    assert_int_equal(judge(b, bytes, n, "e.com"), SCAN_INFECTED);
    assert_string_equal(b->r.by, "clamav");
    assert_non_null(strstr(b->r.signature, "Eicar-Test"));
    assert_int_equal(strncmp(b->r.engine, "ClamAV 1.", 9), 0);
    assert_int_equal(judge(b, "harmless", 8, "a.txt"), SCAN_CLEAN);
    scanner_status(b->scanner, &status);
    assert_true(status.clamd_up);
    assert_string_equal(status.error, "");
    clamd_server_stop(&b->clamd);
    assert_int_equal(judge(b, "harmless", 8, "a.txt"), SCAN_NOT_SCANNED);
    assert_int_equal(b->r.reason, SCAN_REASON_SCANNER_AWAY);
    scanner_status(b->scanner, &status);
    assert_false(status.clamd_up);
    assert_true(status.error[0] != '\0');
    clamd_server_start(&b->clamd);
    assert_int_equal(judge(b, bytes, n, "e.com"), SCAN_INFECTED);
    scanner_gone(b);
}

static void test_what_did_not_come_whole_is_scanned_but_never_clean(void **state)
{
    struct bench *b = *state;
    char bytes[80];
    size_t n = eicar(bytes);
    static uint8_t large[9 << 20];

    scanner_with(b, b->clamd.unix_address, NULL, NULL, NULL);
    assert_int_equal(judge_at(b, 100, "x", 1, "a.txt", 0), SCAN_NOT_SCANNED);
    assert_int_equal(b->r.reason, SCAN_REASON_INCOMPLETE);
    assert_int_equal(judge_at(b, 0, "x", 1, "a.txt", 2), SCAN_NOT_SCANNED);
    assert_int_equal(b->r.reason, SCAN_REASON_INCOMPLETE);
    assert_int_equal(judge_at(b, 0, bytes, n, "e.com", 1000), SCAN_INFECTED);
    assert_int_equal(b->r.reason, SCAN_REASON_NONE);
    assert_int_equal(judge(b, large, sizeof large, "large"), SCAN_NOT_SCANNED);
    assert_int_equal(b->r.reason, SCAN_REASON_TOO_LARGE);
    scanner_gone(b);
}

static void test_of_a_file_of_holes_the_beginning_is_scanned_and_no_room_is_taken(void **state)
{
    struct bench *b = *state;
    struct spool_file *f = spool_open(b->spool);
    uint8_t sha256[SHA256_BYTES] = { 0 };
    struct spool_facts facts;
    struct stat st;
    char bytes[80];
    size_t n = eicar(bytes);

    scanner_with(b, b->clamd.unix_address, NULL, NULL, NULL);
    assert_true(spool_write(f, 6 << 20, VIEW("x")));
    spool_facts(f, 0, &facts);
    scan_file(b->worker, f, &facts, VIEW("e.com"), sha256, &b->r);
    assert_int_equal(b->r.state, SCAN_NOT_SCANNED);
    assert_int_equal(b->r.reason, SCAN_REASON_INCOMPLETE);
    assert_true(spool_write(f, 0, view_of(bytes, n)));
    spool_facts(f, 0, &facts);
    scan_file(b->worker, f, &facts, VIEW("e.com"), sha256, &b->r);
    assert_int_equal(b->r.state, SCAN_INFECTED);
    assert_int_equal(fstat(spool_fd(f), &st), 0);
    assert_true(st.st_blocks * 512 < 1 << 20);
    spool_close(f);
    scanner_gone(b);
}

static void test_a_scanner_that_is_away_is_not_made_up_for(void **state)
{
    struct bench *b = *state;

    clamd_server_write(&b->clamd, "rules", "rule never { condition: false }\n");
    scanner_with(b, "unix:/nonexistent/clamd", "rules", NULL, NULL);
    assert_int_equal(judge(b, "harmless", 8, "a.txt"), SCAN_NOT_SCANNED);
    assert_int_equal(b->r.reason, SCAN_REASON_SCANNER_AWAY);
    scanner_gone(b);
}

struct many {
    struct bench *b;
    unsigned wrong;
};

static void *scan_many(void *context)
{
    struct many *m = context;
    struct bench own = *m->b;
    char bytes[80];
    size_t n = eicar(bytes);

    m->wrong += !scan_worker_new(own.scanner, &own.worker, NULL);
    for (unsigned i = 0; i < 5 && m->wrong == 0; i++) {
        m->wrong += judge(&own, bytes, n, "e.com") != SCAN_INFECTED;
        m->wrong += judge(&own, "harmless", 8, "a.txt") != SCAN_CLEAN;
        m->wrong += judge(&own, "pay in coins", 12, "a.txt") != SCAN_INFECTED;
    }
    scan_worker_free(own.worker);
    return NULL;
}

static void test_several_threads(void **state)
{
    struct bench *b = *state;
    struct many many[4];
    pthread_t thread[4];

    clamd_server_write(&b->clamd, "rules",
                       "rule Ransom_note { strings: $a = \"pay in coins\" condition: $a }\n");
    scanner_with(b, b->clamd.unix_address, "rules", NULL, NULL);
    for (unsigned i = 0; i < 4; i++) {
        many[i] = (struct many){ b, 0 };
        assert_int_equal(pthread_create(&thread[i], NULL, scan_many, &many[i]), 0);
    }
    for (unsigned i = 0; i < 4; i++) {
        pthread_join(thread[i], NULL);
        assert_int_equal(many[i].wrong, 0);
    }
    scanner_gone(b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_file_in_a_hash_list_is_infected),
        cmocka_unit_test(test_copyrighted_works_are_told_apart),
        cmocka_unit_test(test_bad_lines_are_named),
        cmocka_unit_test(test_a_million_hashes),
        cmocka_unit_test(test_types_by_content),
        cmocka_unit_test(test_members_of_every_kind_of_archive),
        cmocka_unit_test(test_encrypted_members_are_said_to_be),
        cmocka_unit_test(test_something_found_beside_what_is_encrypted_counts),
        cmocka_unit_test(test_archives_in_archives_down_to_the_limit),
        cmocka_unit_test(test_a_zip_behind_a_picture_is_seen),
        cmocka_unit_test(test_bombs_are_suspicious),
        cmocka_unit_test(test_more_members_than_allowed_are_not_called_clean),
        cmocka_unit_test(test_broken_archives_are_not_called_clean),
        cmocka_unit_test(test_yara_names_the_rule_and_the_member),
        cmocka_unit_test(test_a_slow_rule_is_ended),
        cmocka_unit_test(test_clamd_finds_eicar_and_its_absence_is_said),
        cmocka_unit_test(test_what_did_not_come_whole_is_scanned_but_never_clean),
        cmocka_unit_test(test_of_a_file_of_holes_the_beginning_is_scanned_and_no_room_is_taken),
        cmocka_unit_test(test_a_scanner_that_is_away_is_not_made_up_for),
        cmocka_unit_test(test_several_threads),
    };
    return cmocka_run_group_tests_name("content_scan", tests, bench_make, bench_remove);
}
