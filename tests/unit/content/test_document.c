/* SPDX-License-Identifier: Apache-2.0 */
/* Documents of every kind, sound and hostile, through the real helper: this program is it, too. */
#include "../test.h"
#include "base/text.h"
#include "content/document.h"
#include "content/document_text.h"
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <zlib.h>

enum { TEXT_MOST = 1 << 20, TIMEOUT_MS = 20000 };

struct got {
    struct documents *documents;
    enum document_answer answer;
    struct imw_error_info err;
    size_t length;
    char text[TEXT_MOST + 1];
};

static int start(void **state)
{
    struct got *g = calloc(1, sizeof *g);

    *state = g;
    return g == NULL || !documents_new(&g->documents, &g->err);
}

static int stop(void **state)
{
    struct got *g = *state;

    documents_free(g->documents);
    while (waitpid(-1, NULL, 0) > 0)
        ; /* the helper has ended, which proves that it does */
    free(g);
    return 0;
}

static void keep(void *context, struct view text)
{
    struct got *g = context;
    size_t n = text.len < TEXT_MOST - g->length ? text.len : TEXT_MOST - g->length;

    memcpy(g->text + g->length, text.at, n);
    g->length += n;
    g->text[g->length] = '\0';
}

static enum document_answer read_as(struct got *g, struct view bytes, const char *media_type, uint64_t most,
                                    unsigned timeout_ms)
{
    int fd = memfd_create("document", MFD_CLOEXEC);

    assert_true(fd >= 0);
    for (size_t done = 0; done < bytes.len;) {
        ssize_t n = write(fd, bytes.at + done, bytes.len - done);
        assert_true(n > 0);
        done += (size_t)n;
    }
    g->length = 0;
    g->text[0] = '\0';
    g->answer = document_read(g->documents, fd, media_type, most, timeout_ms, keep, g, &g->err);
    close(fd);
    return g->answer;
}

static void expect(struct got *g, struct view bytes, const char *media_type, enum document_answer answer,
                   const char *text)
{
    (void)read_as(g, bytes, media_type, TEXT_MOST, TIMEOUT_MS);
    if (g->answer != answer || strcmp(g->text, text) != 0)
        fail_msg("answer %d (%s), text '%s'; expected %d '%s'", (int)g->answer, g->err.text, g->text,
                 (int)answer, text);
}

/* ---- a small maker of zip files ---- */

struct zip {
    size_t length, directory_length;
    unsigned entries;
    uint8_t bytes[64 << 20], directory[65536];
};

static void put_le(uint8_t *at, size_t *length, uint64_t n, unsigned bytes)
{
    for (unsigned i = 0; i < bytes; i++)
        at[(*length)++] = (uint8_t)(i < 8 ? n >> 8 * i : 0);
}

/* Method 8 is deflate; `data` is packed already. */
static void zip_entry(struct zip *z, const char *name, unsigned flags, unsigned method, struct view data,
                      uint32_t crc, uint32_t size)
{
    size_t at = z->length, name_length = strlen(name);

    for (unsigned central = 0; central < 2; central++) {
        uint8_t *to = central != 0 ? z->directory : z->bytes;
        size_t *length = central != 0 ? &z->directory_length : &z->length;
        put_le(to, length, central != 0 ? 0x02014b50 : 0x04034b50, 4);
        if (central != 0)
            put_le(to, length, 20, 2);
        put_le(to, length, 20, 2);
        put_le(to, length, flags, 2);
        put_le(to, length, method, 2);
        put_le(to, length, 0x5a210000, 4);
        put_le(to, length, crc, 4);
        put_le(to, length, data.len, 4);
        put_le(to, length, size, 4);
        put_le(to, length, name_length, 2);
        put_le(to, length, 0, 2);
        if (central != 0) {
            put_le(to, length, 0, 10);
            put_le(to, length, at, 4);
        }
        memcpy(to + *length, name, name_length);
        *length += name_length;
    }
    memcpy(z->bytes + z->length, data.at, data.len);
    z->length += data.len;
    z->entries++;
}

static void zip_stored(struct zip *z, const char *name, const char *content)
{
    struct view v = view_string(content);

    zip_entry(z, name, 0, 0, v, (uint32_t)crc32(0, v.at, (unsigned)v.len), (uint32_t)v.len);
}

static struct view zip_end(struct zip *z)
{
    size_t at = z->length;

    memcpy(z->bytes + z->length, z->directory, z->directory_length);
    z->length += z->directory_length;
    put_le(z->bytes, &z->length, 0x06054b50, 4);
    put_le(z->bytes, &z->length, 0, 4);
    put_le(z->bytes, &z->length, z->entries, 2);
    put_le(z->bytes, &z->length, z->entries, 2);
    put_le(z->bytes, &z->length, z->directory_length, 4);
    put_le(z->bytes, &z->length, at, 4);
    put_le(z->bytes, &z->length, 0, 2);
    return view_of(z->bytes, z->length);
}

static struct zip *zip_new(void)
{
    struct zip *z = calloc(1, sizeof *z);

    assert_non_null(z);
    return z;
}

/* ---- sound documents ---- */

static void test_office_documents(void **state)
{
    struct got *g = *state;
    struct zip *z = zip_new();

    zip_stored(z, "[Content_Types].xml", "<Types/>");
    zip_stored(
        z, "word/document.xml",
        "<w:document xmlns:w='w'><w:body><w:p><w:r><w:t>Card 4111</w:t></w:r><w:r><w:t> 1111 1111 "
        "1111</w:t></w:r></w:p><w:tbl><w:tr><w:tc><w:p><w:t>a &amp; b</w:t></w:p></w:tc></w:tr></w:tbl>"
        "<w:instrText>not this</w:instrText></w:body></w:document>");
    zip_stored(z, "word/styles.xml", "<w:styles xmlns:w='w'><w:t>not this</w:t></w:styles>");
    expect(g, zip_end(z), "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
           DOCUMENT_DONE, "Card 4111 1111 1111 1111\na & b\n");
    free(z);
    z = zip_new();
    zip_stored(z, "xl/sharedStrings.xml", "<sst><si><t>Account</t></si><si><t>Name</t></si></sst>");
    zip_stored(z, "xl/worksheets/sheet1.xml",
               "<worksheet><sheetData><row><c t=\"s\"><v>0</v></c><c><v>12345678</v></c><c "
               "t=\"inlineStr\"><is><t>x</t></is></c></row></sheetData></worksheet>");
    expect(g, zip_end(z), "application/zip", DOCUMENT_DONE, "Account\nName\n12345678\tx\t");
    free(z);
    z = zip_new();
    zip_stored(z, "ppt/slides/slide1.xml",
               "<p:sld xmlns:p='p' xmlns:a='a'><a:p><a:r><a:t>Blue Heron</a:t></a:r></a:p></p:sld>");
    expect(g, zip_end(z), "application/zip", DOCUMENT_DONE, "Blue Heron\n");
    free(z);
    z = zip_new();
    zip_stored(z, "mimetype", "application/vnd.oasis.opendocument.text");
    zip_stored(z, "content.xml",
               "<o:d xmlns:o='o' xmlns:text='t'><o:style>not this</o:style><text:p>one<text:s/>two "
               "<text:span>three</text:span></text:p><text:h>four</text:h></o:d>");
    expect(g, zip_end(z), "application/vnd.oasis.opendocument.text", DOCUMENT_DONE, "one two three\nfour\n");
    free(z);
}

static void test_text_html_and_rtf(void **state)
{
    struct got *g = *state;

    expect(g, VIEW("name,card\nx,4111111111111111\n"), "text/csv", DOCUMENT_DONE,
           "name,card\nx,4111111111111111\n");
    expect(g, VIEW("caf\xe9"), "text/plain", DOCUMENT_DONE, "caf\xc3\xa9");
    expect(g,
           view_of("\xff\xfe"
                   "a\0\xe9\0",
                   6),
           "text/plain", DOCUMENT_DONE, "a\xc3\xa9");
    expect(g, VIEW(""), "text/plain", DOCUMENT_DONE, "");
    expect(g,
           VIEW("<html><head><style>x</style><script>not this</script></head><body><p>4111 <b>1111</b> "
                "1111 1111</p><table><tr><td>a</td><td>b</td></tr></table></body></html>"),
           "text/html", DOCUMENT_DONE, "4111 1111 1111 1111\na\tb\t");
    expect(g,
           VIEW("{\\rtf1\\ansi{\\fonttbl{\\f0 Arial;}}{\\*\\generator x;}\\f0 caf\\'e9 \\u8364 ?5\\par "
                "4111\\cell 1111{\\pict 00ff}\\bin3 abc!}"),
           "text/rtf", DOCUMENT_DONE,
           "caf\xc3\xa9 \xe2\x82\xac"
           "5\n4111\t1111!\n");
}

/* One page with one line; `encrypt` names a password that nobody has. */
static size_t make_pdf(char *out, size_t size, bool encrypt)
{
    static const char stream[] = "BT /F1 12 Tf 72 720 Td (Card 4111 1111 1111 1111) Tj ET";
    size_t offset[7];
    struct text t = text_over(out, size);

    text_string(&t, "%PDF-1.4\n");
    offset[1] = t.len;
    text_string(&t, "1 0 obj\n<< /Type /Catalog /Pages 2 0 R >>\nendobj\n");
    offset[2] = t.len;
    text_string(&t, "2 0 obj\n<< /Type /Pages /Kids [3 0 R] /Count 1 >>\nendobj\n");
    offset[3] = t.len;
    text_string(&t,
                "3 0 obj\n<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents 4 0 R /Resources "
                "<< /Font << /F1 5 0 R >> >> >>\nendobj\n");
    offset[4] = t.len;
    text_format(&t, "4 0 obj\n<< /Length %u >>\nstream\n%s\nendstream\nendobj\n", (unsigned)sizeof stream - 1,
                stream);
    offset[5] = t.len;
    text_string(&t, "5 0 obj\n<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>\nendobj\n");
    offset[6] = t.len;
    text_string(&t, "6 0 obj\n<< /Filter /Standard /V 1 /R 2 /P -4\n"
                    "/O <000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f>\n"
                    "/U <ff0102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f> >>\nendobj\n");
    size_t table = t.len;
    text_string(&t, "xref\n0 7\n0000000000 65535 f \n");
    for (unsigned i = 1; i < 7; i++)
        text_format(&t, "%010u 00000 n \n", (unsigned)offset[i]);
    text_format(&t,
                "trailer\n<< /Size 7 /Root 1 0 R /ID [<00112233445566778899aabbccddeeff> "
                "<00112233445566778899aabbccddeeff>] %s >>\nstartxref\n%u\n%%%%EOF\n",
                encrypt ? "/Encrypt 6 0 R" : "", (unsigned)table);
    assert_false(t.cut);
    return t.len;
}

static void test_pdf(void **state)
{
    struct got *g = *state;
    char pdf[4096];
    size_t length = make_pdf(pdf, sizeof pdf, false);

    assert_int_equal(read_as(g, view_of(pdf, length), "application/pdf", TEXT_MOST, TIMEOUT_MS),
                     DOCUMENT_DONE);
    assert_non_null(strstr(g->text, "Card 4111 1111 1111 1111"));
    length = make_pdf(pdf, sizeof pdf, true);
    expect(g, view_of(pdf, length), "application/pdf", DOCUMENT_ENCRYPTED, "");
    expect(g, VIEW("%PDF-1.4\nnothing of the kind"), "application/pdf", DOCUMENT_FAILED, "");
    assert_non_null(strstr(g->err.text, "pdftotext: "));
}

/* ---- others ---- */

static void test_what_has_no_text_and_what_is_encrypted(void **state)
{
    struct got *g = *state;
    struct zip *z = zip_new();
    uint8_t ole[4096] = { 0xd0, 0xcf, 0x11, 0xe0, 0xa1, 0xb1, 0x1a, 0xe1 };
    static const char name[] = "EncryptedPackage";

    zip_stored(z, "photo.jpg", "x");
    expect(g, zip_end(z), "application/zip", DOCUMENT_NO_TEXT, "");
    free(z);
    expect(g, VIEW("\x89PNG\r\n\x1a\n\0\0\0\rIHDR"), "image/png", DOCUMENT_NO_TEXT, "");
    expect(g,
           VIEW("\x7f"
                "ELF\2\1\1\0\0\0"),
           "application/x-executable", DOCUMENT_NO_TEXT, "");
    expect(g, view_of(ole, sizeof ole), "application/msword", DOCUMENT_NO_TEXT, "");
    for (size_t i = 0; i < sizeof name - 1; i++)
        ole[1024 + 2 * i] = (uint8_t)name[i];
    expect(g, view_of(ole, sizeof ole), "application/encrypted", DOCUMENT_ENCRYPTED, "");
    z = zip_new();
    zip_stored(z, "META-INF/manifest.xml", "<manifest:encryption-data manifest:checksum='x'/>");
    zip_stored(z, "content.xml", "\x01\x02\x03");
    expect(g, zip_end(z), "application/vnd.oasis.opendocument.text", DOCUMENT_ENCRYPTED, "");
    free(z);
    z = zip_new();
    zip_entry(z, "word/document.xml", 1, 0, VIEW("0123456789ab0123456789"), 0, 10);
    expect(g, zip_end(z), "application/zip", DOCUMENT_ENCRYPTED, "");
    free(z);
}

static void test_entities_and_external_files_are_refused(void **state)
{
    struct got *g = *state;
    static const char *const hostile[] = {
        "<!DOCTYPE d [<!ENTITY a 'aaaaaaaaaa'><!ENTITY b '&a;&a;&a;&a;'>]><d><t>&b;</t></d>",
        "<!DOCTYPE d SYSTEM 'file:///etc/passwd'><d><t>x</t></d>",
        "<!DOCTYPE d [<!ENTITY a SYSTEM 'file:///etc/passwd'>]><d><t>&a;</t></d>",
    };

    for (unsigned i = 0; i < sizeof hostile / sizeof hostile[0]; i++) {
        struct zip *z = zip_new();
        zip_stored(z, "word/document.xml", hostile[i]);
        assert_int_equal(read_as(g, zip_end(z), "application/zip", TEXT_MOST, TIMEOUT_MS), DOCUMENT_FAILED);
        assert_null(strstr(g->text, "root"));
        assert_null(strstr(g->text, "aaaa"));
        assert_string_equal(g->err.text, "a member of the document is not sound XML");
        free(z);
    }
}

/* A packed megabyte that may be repeated, ten thousand times: ten gigabytes in a file of some ten megabytes.
 */
static void test_a_bomb_of_ten_gigabytes_is_stopped(void **state)
{
    enum { PIECE = 1 << 20, TIMES = 10000 };
    struct got *g = *state;
    struct zip *z = zip_new();
    uint8_t *plain = malloc(PIECE), *packed = malloc(PIECE), *all = malloc(32 << 20);
    z_stream stream = { 0 };
    size_t length = 0;

    memset(plain, ' ', PIECE);
    assert_int_equal(deflateInit2(&stream, 9, Z_DEFLATED, -15, 9, Z_DEFAULT_STRATEGY), Z_OK);
    stream.next_in = plain;
    stream.avail_in = PIECE;
    stream.next_out = packed;
    stream.avail_out = PIECE;
    assert_int_equal(deflate(&stream, Z_FULL_FLUSH), Z_OK);
    size_t one = PIECE - stream.avail_out;
    deflateEnd(&stream);
    for (unsigned i = 0; i < TIMES && length + one < 32u << 20; i++) {
        memcpy(all + length, packed, one);
        length += one;
    }
    assert_true(length / one >= TIMES);
    zip_entry(z, "word/document.xml", 0, 8, view_of(all, length), 0, 0xfffffff0);
    assert_int_equal(read_as(g, zip_end(z), "application/zip", TEXT_MOST, TIMEOUT_MS), DOCUMENT_FAILED);
    assert_int_equal(g->length, 0);
    /* Blanks before the root element are not XML for long: either limit may be the first. */
    assert_true(strstr(g->err.text, "unpacks") != NULL || strstr(g->err.text, "XML") != NULL);
    free(z);
    z = zip_new();
    static const char opening[] = "\x00\x12\x00\xed\xff<w><p><t>aaaaaaaaa"; /* a stored block of deflate */
    memmove(all + sizeof opening - 1, all, length);
    memcpy(all, opening, sizeof opening - 1);
    length += sizeof opening - 1;
    zip_entry(z, "word/document.xml", 0, 8, view_of(all, length), 0, 0xfffffff0);
    assert_int_equal(read_as(g, zip_end(z), "application/zip", UINT64_MAX, TIMEOUT_MS), DOCUMENT_FAILED);
    assert_non_null(strstr(g->err.text, "unpacks to far more"));
    free(z);
    free(plain);
    free(packed);
    free(all);
}

static void test_more_text_than_wanted_is_cut(void **state)
{
    struct got *g = *state;
    char *text = malloc(300000);

    memset(text, 'a', 300000);
    assert_int_equal(read_as(g, view_of(text, 300000), "text/plain", 100000, TIMEOUT_MS), DOCUMENT_CUT);
    assert_int_equal(g->length, 100000);
    assert_int_equal(read_as(g, view_of(text, 300000), "text/plain", 300000, TIMEOUT_MS), DOCUMENT_DONE);
    assert_int_equal(g->length, 300000);
    free(text);
}

static uint64_t now_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/* A document whose bytes do not come: reading it waits for ever. */
static void test_a_reader_that_hangs_is_ended(void **state)
{
    struct got *g = *state;
    int pair[2];

    assert_int_equal(pipe(pair), 0);
    uint64_t began = now_ms();
    /* Its beginning cannot be looked at without taking it, so it is no document of ours. */
    g->answer = document_read(g->documents, pair[0], "text/plain", TEXT_MOST, 300, keep, g, &g->err);
    assert_int_equal(g->answer, DOCUMENT_FAILED);
    assert_true(now_ms() - began < 5000);
    close(pair[0]);
    close(pair[1]);
    /* Sixty megabytes of entities to resolve take longer than a few milliseconds. */
    enum { BYTES = 60 << 20 };
    char *text = malloc(BYTES);
    memcpy(text, "<html><p>", 9);
    for (size_t i = 9; i < BYTES; i++)
        text[i] = "<p>&a;"[i % 6];
    began = now_ms();
    assert_int_equal(read_as(g, view_of(text, BYTES), "text/html", UINT64_MAX, 200), DOCUMENT_FAILED);
    assert_non_null(strstr(g->err.text, "longer than 200 ms"));
    assert_true(now_ms() - began < 5000);
    free(text);
}

/* The first child of a process, 0: none. */
static pid_t child_of(pid_t parent)
{
    char path[64];
    int child = 0;

    snprintf(path, sizeof path, "/proc/%d/task/%d/children", (int)parent, (int)parent);
    FILE *f = fopen(path, "r");
    if (f == NULL || fscanf(f, "%d", &child) != 1)
        child = 0;
    if (f != NULL)
        fclose(f);
    return child;
}

static bool status_says(pid_t process, const char *line)
{
    char path[64], all[8192] = "";

    snprintf(path, sizeof path, "/proc/%d/status", (int)process);
    FILE *f = fopen(path, "r");
    if (f != NULL) {
        all[fread(all, 1, sizeof all - 1, f)] = '\0';
        fclose(f);
    }
    return strstr(all, line) != NULL;
}

struct murder {
    bool confined, done;
};

/* Waits for a reader that has confined itself, looks at it, and ends it as a fault of its own would. */
static void *murder_reader(void *context)
{
    struct murder *m = context;

    for (unsigned i = 0; i < 2000 && !m->done; i++) {
        pid_t helper = child_of(getpid()), supervisor = helper != 0 ? child_of(helper) : 0;
        pid_t reader = supervisor != 0 ? child_of(supervisor) : 0;
        if (reader != 0 && status_says(reader, "Seccomp:\t2")) {
            m->confined = status_says(reader, "NoNewPrivs:\t1");
            m->done = kill(reader, SIGSEGV) == 0;
        }
        nanosleep(&(struct timespec){ 0, 2000000 }, NULL);
    }
    return NULL;
}

static void test_a_reader_is_confined_and_its_crash_is_told(void **state)
{
    struct got *g = *state;
    struct murder m = { false, false };
    pthread_t thread;
    enum { BYTES = 60 << 20 };
    char *text = malloc(BYTES);

    memcpy(text, "<html><p>", 9);
    for (size_t i = 9; i < BYTES; i++)
        text[i] = "<p>&a;"[i % 6];
    assert_int_equal(pthread_create(&thread, NULL, murder_reader, &m), 0);
    (void)read_as(g, view_of(text, BYTES), "text/html", UINT64_MAX, TIMEOUT_MS);
    pthread_join(thread, NULL);
    assert_true(m.done && m.confined);
    assert_int_equal(g->answer, DOCUMENT_FAILED);
    /* AddressSanitizer makes an exit of the signal. */
    assert_true(strstr(g->err.text, "died of signal 11") != NULL || strstr(g->err.text, "failed") != NULL ||
                strstr(g->err.text, "must not") != NULL);
    free(text);
}

/* The helper serves on after any of them, and several at a time. */
static void test_the_helper_survives_what_its_readers_do_not(void **state)
{
    struct got *g = *state;

    for (unsigned i = 0; i < 20; i++) {
        expect(g, VIEW("%PDF-1.4 broken"), "application/pdf", DOCUMENT_FAILED, "");
        expect(g, VIEW("sound"), "text/plain", DOCUMENT_DONE, "sound");
    }
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_office_documents),
        cmocka_unit_test(test_text_html_and_rtf),
        cmocka_unit_test(test_pdf),
        cmocka_unit_test(test_what_has_no_text_and_what_is_encrypted),
        cmocka_unit_test(test_entities_and_external_files_are_refused),
        cmocka_unit_test(test_a_bomb_of_ten_gigabytes_is_stopped),
        cmocka_unit_test(test_more_text_than_wanted_is_cut),
        cmocka_unit_test(test_a_reader_that_hangs_is_ended),
        cmocka_unit_test(test_a_reader_is_confined_and_its_crash_is_told),
        cmocka_unit_test(test_the_helper_survives_what_its_readers_do_not),
    };

    if (argc > 1 && strcmp(argv[1], DOCUMENT_COMMAND) == 0)
        return document_helper();
    return cmocka_run_group_tests(tests, start, stop);
}
