/* SPDX-License-Identifier: Apache-2.0 */
/* Files under way: pieces in any order, limits, hashes, names from the wire, full disks. */
#include "content/spool.h"
#include "content/spool_name.h"
#include "test.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <pthread.h>
#include <seccomp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

struct place {
    char path[64];
};

static int place_make(void **state)
{
    struct place *p = calloc(1, sizeof *p);

    snprintf(p->path, sizeof p->path, "/tmp/imward-test-spool-XXXXXX");
    *state = p;
    return mkdtemp(p->path) == NULL;
}

/* How many files lie in the folder; they are removed. */
static unsigned place_empty(const char *path)
{
    DIR *d = opendir(path);
    unsigned n = 0;

    assert_non_null(d);
    for (struct dirent *e; (e = readdir(d)) != NULL;)
        if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0) {
            unlinkat(dirfd(d), e->d_name, 0);
            n++;
        }
    closedir(d);
    return n;
}

static int place_remove(void **state)
{
    struct place *p = *state;

    place_empty(p->path);
    rmdir(p->path);
    free(p);
    return 0;
}

static struct spool *spool_in(void **state, uint64_t file_bytes, uint64_t all_bytes)
{
    struct spool *s = NULL;
    struct imw_error_info err = { 0 };

    if (!spool_new(((struct place *)*state)->path, file_bytes, all_bytes, &s, &err))
        fail_msg("%s", err.text);
    return s;
}

static void write_string(struct spool_file *f, uint64_t offset, const char *text)
{
    assert_true(spool_write(f, offset, view_string(text)));
}

static void assert_content(struct spool_file *f, const char *bytes, size_t len)
{
    char got[4096];
    uint8_t hash[SHA256_BYTES], right[SHA256_BYTES];

    assert_int_equal(pread(spool_fd(f), got, sizeof got, 0), len);
    assert_memory_equal(got, bytes, len);
    assert_int_equal(EVP_Digest(bytes, len, right, NULL, EVP_sha256(), NULL), 1);
    assert_true(spool_sha256(f, hash));
    assert_memory_equal(hash, right, sizeof hash);
    assert_true(spool_sha256(f, hash)); /* may be asked twice */
    assert_memory_equal(hash, right, sizeof hash);
}

/* ---- pieces ---- */

static void test_pieces_in_order_are_a_whole_file(void **state)
{
    struct spool *s = spool_in(state, 1000, 10000);
    struct spool_file *f = spool_open(s);
    struct spool_facts facts;

    write_string(f, 0, "hello ");
    write_string(f, 6, "world");
    spool_facts(f, 11, &facts);
    assert_int_equal(facts.bytes, 11);
    assert_int_equal(facts.extent, 11);
    assert_int_equal(facts.gap_count, 0);
    assert_false(facts.cut || facts.failed || facts.conflict || facts.more_gaps);
    assert_content(f, "hello world", 11);
    spool_close(f);
    spool_free(s);
}

static void test_pieces_in_any_order_are_the_same_file(void **state)
{
    static const unsigned orders[][4] = { { 0, 1, 2, 3 }, { 3, 2, 1, 0 }, { 2, 0, 3, 1 }, { 1, 3, 0, 2 } };
    struct spool *s = spool_in(state, 1000, 100000);

    for (unsigned o = 0; o < 4; o++) {
        struct spool_file *f = spool_open(s);
        struct spool_facts facts;
        for (unsigned i = 0; i < 4; i++) {
            unsigned n = orders[o][i];
            assert_true(spool_write(f, n * 3, view_slice(VIEW("abcdefghijkl"), n * 3, n * 3 + 3)));
        }
        spool_facts(f, 12, &facts);
        assert_int_equal(facts.gap_count, 0);
        assert_int_equal(facts.bytes, 12);
        assert_content(f, "abcdefghijkl", 12);
        spool_close(f);
    }
    spool_free(s);
}

static void test_gaps_are_told_and_are_zeros(void **state)
{
    struct spool *s = spool_in(state, 1000, 100000);
    struct spool_file *f = spool_open(s);
    struct spool_facts facts;

    write_string(f, 2, "abc");
    write_string(f, 7, "de");
    spool_facts(f, 12, &facts);
    assert_int_equal(facts.bytes, 5);
    assert_int_equal(facts.extent, 9);
    assert_int_equal(facts.gap_count, 3);
    assert_int_equal(facts.gap[0].from, 0);
    assert_int_equal(facts.gap[0].to, 2);
    assert_int_equal(facts.gap[1].from, 5);
    assert_int_equal(facts.gap[1].to, 7);
    assert_int_equal(facts.gap[2].from, 9);
    assert_int_equal(facts.gap[2].to, 12);
    assert_content(f, "\0\0abc\0\0de", 9);
    write_string(f, 0, "xxyyyyyzz");
    spool_facts(f, 0, &facts);
    assert_int_equal(facts.gap_count, 0);
    assert_content(f, "xxabcyyde", 9);
    spool_close(f);
    spool_free(s);
}

static void test_the_first_bytes_win_and_a_difference_is_noted(void **state)
{
    struct spool *s = spool_in(state, 1000, 100000);
    struct spool_file *f = spool_open(s);
    struct spool_facts facts;

    write_string(f, 0, "good content");
    write_string(f, 5, "content and more");
    spool_facts(f, 0, &facts);
    assert_false(facts.conflict);
    write_string(f, 5, "CONTENT");
    spool_facts(f, 0, &facts);
    assert_true(facts.conflict);
    assert_content(f, "good content and more", 21);
    spool_close(f);
    spool_free(s);
}

static void test_more_gaps_than_the_list_holds(void **state)
{
    struct spool *s = spool_in(state, 10000, 10000000);
    struct spool_file *f = spool_open(s);
    struct spool_facts facts;
    char right[200];

    for (unsigned i = 0; i < 200; i++)
        right[i] = (char)('a' + i % 26);
    for (unsigned i = 1; i < 200; i += 2)
        assert_true(spool_write(f, i, view_of(&right[i], 1)));
    spool_facts(f, 0, &facts);
    assert_true(facts.more_gaps);
    assert_int_equal(facts.gap_count, SPOOL_GAPS);
    assert_int_equal(facts.extent, 200);
    assert_int_equal(facts.bytes, SPOOL_GAPS + 1);
    /* All the rest comes: the content is right, and that more_gaps was set stays. */
    assert_true(spool_write(f, 0, view_of(right, 200)));
    spool_facts(f, 200, &facts);
    assert_true(facts.more_gaps);
    assert_false(facts.conflict);
    assert_content(f, right, 200);
    spool_close(f);
    spool_free(s);
}

static void test_random_pieces_against_a_model(void **state)
{
    struct spool *s = spool_in(state, 3000, 100000);
    unsigned seed = 1;

    for (unsigned round = 0; round < 200; round++) {
        struct spool_file *f = spool_open(s);
        char model[3000] = { 0 }, piece[300];
        bool there[3000] = { false }, conflict = false, cut = false;
        size_t extent = 0, bytes = 0;
        struct spool_facts facts;
        for (unsigned n = 0; n < 30; n++) {
            size_t from = (size_t)rand_r(&seed) % 3100, len = (size_t)rand_r(&seed) % sizeof piece;
            for (size_t i = 0; i < len; i++) {
                piece[i] = (char)((from + i) * 7 % 251 + (rand_r(&seed) % 2000 == 0));
                if (from + i >= 3000) {
                    cut = true;
                } else if (there[from + i]) {
                    conflict = conflict || model[from + i] != piece[i];
                } else {
                    there[from + i] = true;
                    model[from + i] = piece[i];
                    bytes++;
                    extent = from + i + 1 > extent ? from + i + 1 : extent;
                }
            }
            assert_true(spool_write(f, from, view_of(piece, len)));
        }
        spool_facts(f, 0, &facts);
        assert_int_equal(facts.bytes, bytes);
        assert_int_equal(facts.extent, extent);
        assert_int_equal(facts.cut, cut);
        assert_int_equal(facts.conflict, conflict);
        for (unsigned g = 0; g < facts.gap_count; g++)
            for (uint64_t i = facts.gap[g].from; i < facts.gap[g].to; i++) {
                assert_false(there[i]);
                bytes++;
            }
        assert_int_equal(bytes, extent);
        assert_content(f, model, extent);
        spool_close(f);
    }
    spool_free(s);
}

/* ---- limits ---- */

static void test_a_file_is_cut_at_its_limit(void **state)
{
    struct spool *s = spool_in(state, 10, 100000);
    struct spool_file *f = spool_open(s);
    struct spool_facts facts;

    write_string(f, 0, "0123456789");
    spool_facts(f, 10, &facts);
    assert_false(facts.cut);
    spool_facts(f, 11, &facts); /* the announcement alone tells it */
    assert_true(facts.cut);
    write_string(f, 8, "89ab");
    write_string(f, UINT64_MAX - 1, "far");
    spool_facts(f, 10, &facts);
    assert_true(facts.cut);
    assert_false(facts.conflict);
    assert_int_equal(facts.extent, 10);
    assert_content(f, "0123456789", 10);
    spool_close(f);
    spool_free(s);
}

static void test_all_files_share_a_limit_and_give_room_back(void **state)
{
    struct spool *s = spool_in(state, 1000, 1000);
    struct spool_file *a = spool_open(s), *b = spool_open(s);
    uint8_t block[600] = { 0 };
    struct spool_facts facts;

    assert_true(spool_write(a, 0, view_of(block, sizeof block)));
    assert_false(spool_write(b, 0, view_of(block, sizeof block)));
    spool_facts(b, 0, &facts);
    assert_true(facts.failed);
    assert_int_equal(facts.bytes, 0);
    spool_close(a);
    struct spool_file *c = spool_open(s);
    assert_true(spool_write(c, 0, view_of(block, sizeof block)));
    assert_true(spool_write(c, 600, view_of(block, 400)));
    assert_null(spool_open(s)); /* not a byte is left */
    spool_close(b);
    spool_close(c);
    spool_free(s);
}

static void test_bytes_strewn_thinly_are_charged_what_the_disk_gives_them(void **state)
{
    struct spool *s = spool_in(state, 1 << 20, 64 << 10);
    struct spool_file *f = spool_open(s);
    unsigned written = 0;

    while (written < 100 && spool_write(f, (written + 1) * 8192, VIEW("x")))
        written++;
    assert_in_range(written, 4, 8); /* 8 KiB a piece of 64 KiB */
    spool_close(f);
    spool_free(s);
}

static void *close_some(void *files)
{
    struct spool_file **f = files;

    for (unsigned i = 0; i < 50; i++)
        spool_close(f[i]);
    return NULL;
}

static void test_other_threads_close(void **state)
{
    struct spool *s = spool_in(state, 100, 1000);
    struct spool_file *f[100];
    pthread_t thread[2];

    for (unsigned i = 0; i < 100; i++) {
        f[i] = spool_open(s);
        assert_true(spool_write(f[i], 0, VIEW("12345")));
    }
    for (unsigned i = 0; i < 2; i++)
        assert_int_equal(pthread_create(&thread[i], NULL, close_some, &f[i * 50]), 0);
    for (unsigned i = 0; i < 2; i++)
        pthread_join(thread[i], NULL);
    struct spool_file *all = spool_open(s);
    uint8_t block[100] = { 0 };
    assert_true(spool_write(all, 0, view_of(block, 100)));
    spool_close(all);
    spool_free(s);
}

/* ---- the disk ---- */

static void test_no_name_is_ever_in_the_directory(void **state)
{
    struct spool *s = spool_in(state, 100, 1000);
    struct spool_file *f = spool_open(s);

    write_string(f, 0, "secret");
    assert_int_equal(place_empty(((struct place *)*state)->path), 0);
    spool_close(f);
    spool_free(s);
}

static void test_a_full_disk_marks_the_file(void **state)
{
    struct rlimit old, low = { 5000, 5000 };
    struct spool *s = spool_in(state, 1 << 20, 1 << 20);
    struct spool_file *f = spool_open(s);
    char block[4000];
    struct spool_facts facts;

    memset(block, 'x', sizeof block);
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
    low.rlim_max = old.rlim_max;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &low), 0);
    assert_true(spool_write(f, 0, view_of(block, sizeof block)));
    assert_false(spool_write(f, 4000, view_of(block, sizeof block)));
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
    assert_false(spool_write(f, 5000, VIEW("x"))); /* failed stays failed */
    spool_facts(f, 0, &facts);
    assert_true(facts.failed);
    assert_int_equal(facts.bytes, 5000); /* what the disk took */
    assert_int_equal(facts.extent, 5000);
    uint8_t hash[SHA256_BYTES];
    assert_true(spool_sha256(f, hash));
    spool_close(f);
    spool_free(s);
}

/* A kernel that knows no O_TMPFILE, as on file systems that do not. In a child, since the filter stays. */
static void test_without_o_tmpfile_a_name_is_made_and_removed(void **state)
{
    pid_t child = fork();

    assert_true(child >= 0);
    if (child == 0) {
        scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
        int flag = O_TMPFILE & ~O_DIRECTORY;
        if (seccomp_rule_add(filter, SCMP_ACT_ERRNO(EOPNOTSUPP), SCMP_SYS(openat), 1,
                             SCMP_A2(SCMP_CMP_MASKED_EQ, (scmp_datum_t)flag, (scmp_datum_t)flag)) != 0 ||
            seccomp_load(filter) != 0)
            _exit(2);
        struct spool *s = NULL;
        const char *path = ((struct place *)*state)->path;
        char name[512];
        if (!spool_new(path, 100, 1000, &s, NULL))
            _exit(3);
        struct spool_file *f = spool_open(s);
        if (f == NULL || !spool_write(f, 0, VIEW("content")) || place_empty(path) != 0)
            _exit(4);
        if (!spool_save(f, path, VIEW("a.txt"), name, sizeof name, NULL) || place_empty(path) != 1)
            _exit(5);
        _exit(0);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

static void test_a_directory_that_is_not_there(void **state)
{
    struct spool *s = NULL;
    struct imw_error_info err = { 0 };

    (void)state;
    assert_false(spool_new("/nonexistent/imward", 1, 1, &s, &err));
    assert_string_equal(err.file, "/nonexistent/imward");
    assert_null(s);
}

/* ---- names ---- */

static void assert_name(const char *wire, const char *right)
{
    char name[SPOOL_NAME_BYTES + 1];
    struct text t = TEXT(name);

    spool_name(view_string(wire), 1, &t);
    assert_string_equal(name, right);
}

static void test_names_lose_their_tricks(void **state)
{
    (void)state;
    assert_name("report.pdf", "report.pdf");
    assert_name("Ber\u00edcht \u65e5\u672c.pdf", "Ber\u00edcht \u65e5\u672c.pdf");
    assert_name("", "file");
    assert_name(".", "file");
    assert_name("..", "file");
    assert_name("/", "file");
    assert_name("../../etc/passwd", "passwd");
    assert_name("..\\..\\windows\\system.ini", "system.ini");
    assert_name("C:\\autoexec.bat", "autoexec.bat");
    assert_name("C:autoexec.bat", "C_autoexec.bat");
    assert_name("/etc/shadow", "shadow");
    assert_name("folder/", "file");
    assert_name("folder/..", "file");
    assert_name(".bashrc", "bashrc");
    assert_name("...hidden", "hidden");
    assert_name("-rf", "rf");
    assert_name("--help.txt", "help.txt");
    assert_name("~root", "root");
    assert_name(" lead and trail. . ", "lead and trail");
    assert_name("a\nb\tc\x7f.txt", "a_b_c_.txt");
    assert_name("a\x1b[31m.txt", "a_[31m.txt");
    assert_name("a*b?c\"d<e>f|g.txt", "a_b_c_d_e_f_g.txt");
    assert_name("photo\u202egpj.exe", "photo_gpj.exe");
    assert_name("photo\u2066gpj.exe", "photo_gpj.exe");
    assert_name("zero\u200bwidth\ufeff.txt", "zero_width_.txt");
    assert_name("c1\xc2\x85line\u2028.txt", "c1_line_.txt");
    assert_name("broken\xff\xfe\xc0\xaf.txt", "broken____.txt"); /* with an overlong / */
    assert_name("\u200b..", "_");
    assert_name("CON", "_CON");
    assert_name("nul.txt", "_nul.txt");
    assert_name("Com1.tar.gz", "_Com1.tar.gz");
    assert_name("com10", "com10");
    assert_name("console.txt", "console.txt");
    assert_name("a.b\u202ec", "a.b_c");
}

static void test_a_nul_in_a_name_ends_nothing(void **state)
{
    char name[SPOOL_NAME_BYTES + 1];
    struct text t = TEXT(name);

    (void)state;
    spool_name(VIEW("a.txt\0.exe"), 1, &t);
    assert_string_equal(name, "a.txt_.exe");
}

static void test_long_names_keep_their_extension(void **state)
{
    char wire[10000], name[SPOOL_NAME_BYTES + 1];

    (void)state;
    memset(wire, 'a', sizeof wire);
    memcpy(wire + sizeof wire - 4, ".pdf", 4);
    for (unsigned copy = 1; copy <= 1000; copy += 333) {
        struct text t = TEXT(name);
        spool_name(view_of(wire, sizeof wire), copy, &t);
        assert_int_equal(t.len, SPOOL_NAME_BYTES);
        assert_string_equal(name + t.len - 4, ".pdf");
    }
    struct text t = TEXT(name);
    for (size_t i = 0; i + 1 < sizeof wire; i += 2)
        memcpy(wire + i, "\u00e9", 2);
    wire[0] = 'x'; /* so that a character lies across the limit */
    spool_name(view_of(wire + 1, sizeof wire - 1), 1, &t);
    assert_in_range(t.len, SPOOL_NAME_BYTES - 3, SPOOL_NAME_BYTES);
    for (size_t i = 0; i < t.len;) {
        size_t n = utf8_length(view_from(view_of(name, t.len), i));
        assert_true(n > 0);
        i += n;
    }
    memset(wire, '.', sizeof wire);
    t = TEXT(name);
    spool_name(view_of(wire, sizeof wire), 1, &t);
    assert_string_equal(name, "file");
}

static void test_saving_overwrites_nothing(void **state)
{
    const char *path = ((struct place *)*state)->path;
    struct spool *s = spool_in(state, 100, 100000);
    static const char *const names[] = { "a.txt", "a (2).txt", "a (3).txt" };
    char where[512], right[512], got[16];
    struct stat st;

    for (unsigned i = 0; i < 3; i++) {
        struct spool_file *f = spool_open(s);
        char content[2] = { (char)('0' + i), 0 };
        write_string(f, 0, content);
        assert_true(spool_save(f, path, VIEW("../../a.txt"), where, sizeof where, NULL));
        snprintf(right, sizeof right, "%s/%s", path, names[i]);
        assert_string_equal(where, right);
        spool_close(f);
    }
    for (unsigned i = 0; i < 3; i++) {
        snprintf(right, sizeof right, "%s/%s", path, names[i]);
        int fd = open(right, O_RDONLY);
        assert_int_equal(read(fd, got, sizeof got), 1);
        assert_int_equal(got[0], '0' + i);
        assert_int_equal(fstat(fd, &st), 0);
        assert_int_equal(st.st_mode & 0777, 0600);
        close(fd);
    }
    assert_int_equal(place_empty(path), 3);
    spool_free(s);
}

static void test_many_files_of_one_name_get_numbers_in_order(void **state)
{
    enum { FILES = 300 };
    const char *path = ((struct place *)*state)->path;
    struct spool *s = spool_in(state, 100, 100000);
    char where[512], right[512];

    for (unsigned i = 1; i <= FILES; i++) {
        struct spool_file *f = spool_open(s);
        assert_true(spool_save(f, path, VIEW("same"), where, sizeof where, NULL));
        snprintf(right, sizeof right, i == 1 ? "%s/same" : "%s/same (%u)", path, i);
        assert_string_equal(where, right);
        spool_close(f);
    }
    assert_int_equal(place_empty(path), FILES);
    spool_free(s);
}

static void test_a_file_of_holes_is_thin(void **state)
{
    struct spool *s = spool_in(state, 64 << 20, 64 << 20);
    struct spool_file *f = spool_open(s);
    struct spool_facts facts;

    write_string(f, 0, "begin");
    write_string(f, 500000, "a hole that is no matter");
    spool_facts(f, 0, &facts);
    assert_false(spool_is_thin(&facts));
    write_string(f, 60 << 20, "end");
    spool_facts(f, 0, &facts);
    assert_true(spool_is_thin(&facts));
    assert_int_equal(facts.gap[0].from, 5);
    spool_close(f);
    f = spool_open(s);
    write_string(f, 0, "its end did not come");
    spool_facts(f, 60 << 20, &facts);
    assert_false(spool_is_thin(&facts)); /* nothing is between pieces */
    spool_close(f);
    spool_free(s);
}

static void test_saving_follows_no_link(void **state)
{
    const char *path = ((struct place *)*state)->path;
    struct spool *s = spool_in(state, 100, 100000);
    struct spool_file *f = spool_open(s);
    char link[512], target[512], where[512];
    struct stat st;

    snprintf(link, sizeof link, "%s/a.txt", path);
    snprintf(target, sizeof target, "%s/target", path);
    assert_int_equal(symlink(target, link), 0); /* dangling */
    write_string(f, 0, "x");
    assert_true(spool_save(f, path, VIEW("a.txt"), where, sizeof where, NULL));
    assert_non_null(strstr(where, "/a (2).txt"));
    assert_int_equal(stat(target, &st), -1);
    spool_close(f);
    spool_free(s);
    place_empty(path);
}

static void test_saving_on_another_file_system_copies(void **state)
{
    struct spool *s = spool_in(state, 1 << 20, 1 << 20);
    struct spool_file *f = spool_open(s);
    char folder[] = "/dev/shm/imward-test-XXXXXX", where[512];
    struct stat st;

    assert_non_null(mkdtemp(folder));
    write_string(f, 100000, "the end"); /* with a hole */
    assert_true(spool_save(f, folder, VIEW("b"), where, sizeof where, NULL));
    assert_int_equal(stat(where, &st), 0);
    assert_int_equal(st.st_size, 100007);
    assert_true(st.st_blocks * 512 < 50000); /* the hole is one there, too */
    assert_int_equal(st.st_nlink, 1);
    assert_int_equal(place_empty(folder), 1);
    rmdir(folder);
    spool_close(f);
    spool_free(s);
}

static void test_saving_to_a_full_disk_leaves_nothing(void **state)
{
    struct spool *s = spool_in(state, 1 << 20, 1 << 20);
    struct spool_file *f = spool_open(s);
    char folder[] = "/dev/shm/imward-test-XXXXXX", where[512] = "untouched";
    struct rlimit old, low;
    struct imw_error_info err = { 0 };

    assert_non_null(mkdtemp(folder));
    write_string(f, 100000, "the end");
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
    low = old;
    low.rlim_cur = 5000;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &low), 0);
    assert_false(spool_save(f, folder, VIEW("b"), where, sizeof where, &err));
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
    assert_string_equal(where, "untouched");
    assert_int_equal(err.code, IMW_ERROR_SYSTEM);
    assert_int_equal(place_empty(folder), 0);
    rmdir(folder);
    spool_close(f);
    spool_free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pieces_in_order_are_a_whole_file),
        cmocka_unit_test(test_pieces_in_any_order_are_the_same_file),
        cmocka_unit_test(test_gaps_are_told_and_are_zeros),
        cmocka_unit_test(test_the_first_bytes_win_and_a_difference_is_noted),
        cmocka_unit_test(test_more_gaps_than_the_list_holds),
        cmocka_unit_test(test_random_pieces_against_a_model),
        cmocka_unit_test(test_a_file_is_cut_at_its_limit),
        cmocka_unit_test(test_all_files_share_a_limit_and_give_room_back),
        cmocka_unit_test(test_bytes_strewn_thinly_are_charged_what_the_disk_gives_them),
        cmocka_unit_test(test_other_threads_close),
        cmocka_unit_test(test_no_name_is_ever_in_the_directory),
        cmocka_unit_test(test_a_full_disk_marks_the_file),
        cmocka_unit_test(test_without_o_tmpfile_a_name_is_made_and_removed),
        cmocka_unit_test(test_a_directory_that_is_not_there),
        cmocka_unit_test(test_names_lose_their_tricks),
        cmocka_unit_test(test_a_nul_in_a_name_ends_nothing),
        cmocka_unit_test(test_long_names_keep_their_extension),
        cmocka_unit_test(test_saving_overwrites_nothing),
        cmocka_unit_test(test_many_files_of_one_name_get_numbers_in_order),
        cmocka_unit_test(test_a_file_of_holes_is_thin),
        cmocka_unit_test(test_saving_follows_no_link),
        cmocka_unit_test(test_saving_on_another_file_system_copies),
        cmocka_unit_test(test_saving_to_a_full_disk_leaves_nothing),
    };
    return cmocka_run_group_tests_name("content_spool", tests, place_make, place_remove);
}
