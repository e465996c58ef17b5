/* SPDX-License-Identifier: Apache-2.0 */
/* The client of clamd against a real one, and against servers that lie. */
#include "clamd_server.h"
#include "content/clamd.h"
#include <pthread.h>
#include <sys/mman.h>
#include <time.h>

static int server_make(void **state)
{
    struct clamd_server *s = calloc(1, sizeof *s);

    signal(SIGPIPE, SIG_DFL); /* a broken connection must not end us */
    clamd_server_make(s);
    *state = s;
    return 0;
}

static int server_remove(void **state)
{
    clamd_server_remove(*state);
    free(*state);
    return 0;
}

static struct clamd *client(unsigned count, const char *const *addresses)
{
    struct clamd *c = NULL;
    struct imw_error_info err = { 0 };
    const struct string_list list = { addresses, count };

    if (!clamd_new(&list, &c, &err))
        fail_msg("%s", err.text);
    return c;
}

static struct clamd *client_of(const char *address)
{
    return client(1, &address);
}

/* A file with this content before `size` zeros. */
static int file_of(const void *content, size_t len, size_t size)
{
    int fd = memfd_create("file", 0);

    assert_int_equal(write(fd, content, len), len);
    if (size > len)
        assert_int_equal(ftruncate(fd, (off_t)size), 0);
    return fd;
}

static int eicar_file(void)
{
    char bytes[80];

    return file_of(bytes, eicar(bytes), 0);
}

static enum clamd_answer scan(struct clamd *c, int fd, unsigned timeout_ms, char out[CLAMD_TEXT_BYTES])
{
    struct text t = text_over(out, CLAMD_TEXT_BYTES);

    return clamd_scan(c, fd, timeout_ms, &t);
}

static int64_t clock_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* ---- the real one ---- */

static void test_eicar_is_found_and_clean_is_clean(void **state)
{
    const struct clamd_server *s = *state;
    const char *const addresses[] = { s->unix_address, s->tcp_address };
    char text[CLAMD_TEXT_BYTES];
    int bad = eicar_file(), good = file_of("nothing to see", 14, 200000), empty = file_of("", 0, 0);

    for (unsigned i = 0; i < 2; i++) {
        struct clamd *c = client_of(addresses[i]);
        assert_int_equal(scan(c, bad, 20000, text), CLAMD_FOUND);
        assert_non_null(strstr(text, "Eicar-Test"));
        assert_int_equal(scan(c, good, 20000, text), CLAMD_CLEAN);
        assert_int_equal(scan(c, empty, 20000, text), CLAMD_CLEAN);
        clamd_free(c);
    }
    close(bad);
    close(good);
    close(empty);
}

/* All of the file is scanned, wherever the descriptor stands. */
static void test_the_descriptors_position_does_not_matter(void **state)
{
    const struct clamd_server *s = *state;
    const char *const addresses[] = { s->unix_address, s->tcp_address };
    char text[CLAMD_TEXT_BYTES];
    int bad = eicar_file();

    for (unsigned i = 0; i < 2; i++) {
        struct clamd *c = client_of(addresses[i]);
        assert_int_equal(lseek(bad, 0, SEEK_END), 68);
        assert_int_equal(scan(c, bad, 20000, text), CLAMD_FOUND);
        clamd_free(c);
    }
    close(bad);
}

static void test_too_large_is_said_not_called_clean(void **state)
{
    const struct clamd_server *s = *state;
    struct clamd *tcp = client_of(s->tcp_address), *local = client_of(s->unix_address);
    char text[CLAMD_TEXT_BYTES];
    int large = file_of("x", 1, 8 << 20);

    assert_int_equal(scan(tcp, large, 20000, text), CLAMD_TOO_LARGE);   /* StreamMaxLength */
    assert_int_equal(scan(local, large, 20000, text), CLAMD_TOO_LARGE); /* MaxFileSize, AlertExceedsMax */
    close(large);
    clamd_free(tcp);
    clamd_free(local);
}

static void test_version_tells_of_itself(void **state)
{
    const struct clamd_server *s = *state;
    struct clamd *c = client_of(s->unix_address);
    char version[CLAMD_TEXT_BYTES];
    struct text t = TEXT(version);

    assert_int_equal(clamd_version(c, 5000, &t), CLAMD_CLEAN);
    assert_int_equal(strncmp(version, "ClamAV ", 7), 0);
    clamd_free(c);
}

struct job {
    struct clamd *c;
    int bad, good;
    unsigned wrong;
};

static void *scan_many(void *context)
{
    struct job *j = context;
    char text[CLAMD_TEXT_BYTES];

    for (unsigned i = 0; i < 10; i++) {
        j->wrong += scan(j->c, j->bad, 30000, text) != CLAMD_FOUND;
        j->wrong += scan(j->c, j->good, 30000, text) != CLAMD_CLEAN;
    }
    return NULL;
}

static void test_eight_at_a_time(void **state)
{
    const struct clamd_server *s = *state;
    const char *const addresses[] = { s->unix_address, s->tcp_address };
    struct clamd *c[2] = { client_of(addresses[0]), client_of(addresses[1]) };
    struct job job[8];
    pthread_t thread[8];
    int bad = eicar_file(), good = file_of("fine", 4, 100000);

    for (unsigned i = 0; i < 8; i++) {
        job[i] = (struct job){ c[i % 2], bad, good, 0 };
        assert_int_equal(pthread_create(&thread[i], NULL, scan_many, &job[i]), 0);
    }
    for (unsigned i = 0; i < 8; i++) {
        pthread_join(thread[i], NULL);
        assert_int_equal(job[i].wrong, 0);
    }
    close(bad);
    close(good);
    clamd_free(c[0]);
    clamd_free(c[1]);
}

static void test_a_stopped_clamd_takes_no_longer_than_the_time_out(void **state)
{
    struct clamd_server *s = *state;
    const char *const addresses[] = { s->unix_address, s->tcp_address };
    char text[CLAMD_TEXT_BYTES];
    int bad = eicar_file();

    for (unsigned i = 0; i < 2; i++) {
        struct clamd *c = client_of(addresses[i]);
        kill(s->pid, SIGSTOP);
        int64_t begin = clock_ms();
        assert_int_equal(scan(c, bad, 500, text), CLAMD_TIMED_OUT);
        int64_t took = clock_ms() - begin;
        kill(s->pid, SIGCONT);
        assert_in_range(took, 450, 3000);
        assert_int_equal(scan(c, bad, 20000, text), CLAMD_FOUND);
        clamd_free(c);
    }
    close(bad);
}

static void *kill_soon(void *context)
{
    usleep(300000);
    clamd_server_stop(context);
    return NULL;
}

static void test_clamd_dies_behind_the_file_and_is_found_again(void **state)
{
    struct clamd_server *s = *state;
    const char *const addresses[] = { s->unix_address, s->tcp_address };
    char text[CLAMD_TEXT_BYTES];
    int bad = eicar_file();

    for (unsigned i = 0; i < 2; i++) {
        struct clamd *c = client_of(addresses[i]);
        pthread_t killer;
        kill(s->pid, SIGSTOP); /* it takes the connection and the bytes, and says nothing */
        assert_int_equal(pthread_create(&killer, NULL, kill_soon, s), 0);
        assert_int_equal(scan(c, bad, 20000, text), CLAMD_AWAY);
        pthread_join(killer, NULL);
        assert_int_equal(scan(c, bad, 20000, text), CLAMD_AWAY); /* nobody is there */
        clamd_server_start(s);
        enum clamd_answer answer = CLAMD_AWAY;
        for (unsigned n = 0; n < 200 && answer == CLAMD_AWAY; n++) {
            answer = scan(c, bad, 20000, text);
            usleep(50000);
        }
        assert_int_equal(answer, CLAMD_FOUND);
        clamd_free(c);
    }
    close(bad);
}

static void test_the_next_address_is_asked_when_one_is_away(void **state)
{
    const struct clamd_server *s = *state;
    char gone[64];
    const char *const addresses[] = { "unix:/nonexistent/clamd", gone, s->unix_address };
    char text[CLAMD_TEXT_BYTES];
    int bad = eicar_file();

    snprintf(gone, sizeof gone, "tcp:127.0.0.1:%u", clamd_server_port());
    struct clamd *c = client(3, addresses);
    for (unsigned i = 0; i < 3; i++)
        assert_int_equal(scan(c, bad, 20000, text), CLAMD_FOUND);
    close(bad);
    clamd_free(c);
}

/* ---- servers that lie ---- */

struct liar {
    int listening;
    struct view says;
    unsigned repeat;
    bool read_first, hold;
    char address[64];
    pthread_t thread;
};

static void *lie(void *context)
{
    struct liar *l = context;
    char drain[4096];

    for (;;) {
        int fd = accept(l->listening, NULL, NULL);
        if (fd < 0)
            return NULL;
        if (l->read_first)
            (void)!recv(fd, drain, sizeof drain, 0);
        for (unsigned i = 0; i < l->repeat; i++)
            if (send(fd, l->says.at, l->says.len, MSG_NOSIGNAL) < 0)
                break;
        if (l->hold)
            while (recv(fd, drain, sizeof drain, 0) > 0)
                ;
        close(fd);
    }
}

static void liar_start(struct liar *l)
{
    struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t len = sizeof a;

    l->listening = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(l->listening, (struct sockaddr *)&a, sizeof a), 0);
    assert_int_equal(listen(l->listening, 4), 0);
    assert_int_equal(getsockname(l->listening, (struct sockaddr *)&a, &len), 0);
    snprintf(l->address, sizeof l->address, "tcp:127.0.0.1:%u", ntohs(a.sin_port));
    assert_int_equal(pthread_create(&l->thread, NULL, lie, l), 0);
}

static void liar_stop(struct liar *l)
{
    shutdown(l->listening, SHUT_RDWR);
    pthread_join(l->thread, NULL);
    close(l->listening);
}

static void test_answers_that_are_none(void **state)
{
    static const struct {
        struct view says;
        unsigned repeat;
        bool hold;
        enum clamd_answer right;
    } lies[] = {
        { { (const uint8_t *)"", 0 }, 0, false, CLAMD_AWAY },
        { { (const uint8_t *)"OK\0", 3 }, 1, true, CLAMD_FAILED },
        { { (const uint8_t *)"stream: ", 8 }, 1, false, CLAMD_AWAY },    /* no NUL: cut off */
        { { (const uint8_t *)"stream: OK", 10 }, 1, false, CLAMD_AWAY }, /* the same */
        { { (const uint8_t *)"stream: OK", 10 }, 1, true, CLAMD_TIMED_OUT },
        { { (const uint8_t *)"stream: NOT OK\0", 15 }, 1, true, CLAMD_FAILED },
        { { (const uint8_t *)"stream:  FOUND\0", 15 }, 1, true, CLAMD_FAILED },
        { { (const uint8_t *)"nonsense: x FOUND\0", 18 }, 1, true, CLAMD_FAILED },
        { { (const uint8_t *)"aaaaaaaaaaaaaaaa", 16 }, 100000, false, CLAMD_FAILED },
        { { (const uint8_t *)"\0\0\0\0", 4 }, 1, true, CLAMD_FAILED },
    };
    int fd = file_of("content", 7, 7);

    (void)state;
    for (unsigned i = 0; i < sizeof lies / sizeof lies[0]; i++) {
        struct liar l = {
            .says = lies[i].says, .repeat = lies[i].repeat, .read_first = true, .hold = lies[i].hold
        };
        char text[CLAMD_TEXT_BYTES];
        liar_start(&l);
        struct clamd *c = client_of(l.address);
        enum clamd_answer answer = scan(c, fd, 1000, text);
        /* A server that hangs up with our bytes unread may be heard to hang up before its words are. */
        if (answer != lies[i].right && !(answer == CLAMD_AWAY && !lies[i].hold))
            fail_msg("lie %u: answer %d, not %d (%s)", i, answer, lies[i].right, text);
        liar_stop(&l);
        clamd_free(c);
    }
    close(fd);
}

static void test_clean_before_the_file_was_sent_is_not_clean(void **state)
{
    struct liar l = { .says = VIEW("stream: OK\0"), .repeat = 1, .hold = false };
    char text[CLAMD_TEXT_BYTES];
    int fd = file_of("x", 1, 64 << 20);

    (void)state;
    liar_start(&l);
    struct clamd *c = client_of(l.address);
    enum clamd_answer answer = scan(c, fd, 5000, text);
    assert_true(answer == CLAMD_FAILED || answer == CLAMD_AWAY);
    liar_stop(&l);
    clamd_free(c);
    close(fd);
}

static void test_a_server_that_reads_nothing_takes_no_longer_than_the_time_out(void **state)
{
    struct liar l = { .says = VIEW("") };
    char text[CLAMD_TEXT_BYTES];
    int fd = file_of("x", 1, 64 << 20);
    struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t len = sizeof a;

    (void)state;
    l.listening = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(l.listening, (struct sockaddr *)&a, sizeof a), 0);
    assert_int_equal(listen(l.listening, 4), 0);
    assert_int_equal(getsockname(l.listening, (struct sockaddr *)&a, &len), 0);
    snprintf(l.address, sizeof l.address, "tcp:127.0.0.1:%u", ntohs(a.sin_port));
    struct clamd *c = client_of(l.address);
    int64_t begin = clock_ms();
    assert_int_equal(scan(c, fd, 700, text), CLAMD_TIMED_OUT);
    assert_in_range(clock_ms() - begin, 600, 3000);
    clamd_free(c);
    close(l.listening);
    close(fd);
}

static void assert_reply(const char *reply, enum clamd_answer right, const char *says)
{
    char text[CLAMD_TEXT_BYTES];
    struct text t = TEXT(text);

    assert_int_equal(clamd_reply(view_string(reply), &t), right);
    assert_string_equal(text, says);
}

static void test_replies(void **state)
{
    (void)state;
    assert_reply("stream: OK", CLAMD_CLEAN, "");
    assert_reply("fd[10]: OK", CLAMD_CLEAN, "");
    assert_reply("fd[10]: Win.Test-1 FOUND", CLAMD_FOUND, "Win.Test-1");
    assert_reply("stream: A name(0123:68) FOUND", CLAMD_FOUND, "A name(0123:68)");
    assert_reply("stream: a\x1b[2J\nb FOUND", CLAMD_FOUND, "a?[2J?b");
    assert_reply("stream: Heuristics.Encrypted.Zip FOUND", CLAMD_ENCRYPTED, "Heuristics.Encrypted.Zip");
    assert_reply("stream: Heuristics.Limits.Exceeded.MaxFileSize FOUND", CLAMD_TOO_LARGE,
                 "Heuristics.Limits.Exceeded.MaxFileSize");
    assert_reply("INSTREAM size limit exceeded. ERROR", CLAMD_TOO_LARGE,
                 "clamd says: INSTREAM size limit exceeded. ERROR");
    assert_reply("fd[10]: Can't open file ERROR", CLAMD_FAILED, "clamd says: fd[10]: Can't open file ERROR");
    assert_reply("stream: OK OK", CLAMD_FAILED, "clamd says: stream: OK OK");
    assert_reply("", CLAMD_FAILED, "clamd says: ");
}

static void test_signature_times(void **state)
{
    struct tm right = {
        .tm_year = 126, .tm_mon = 10, .tm_mday = 22, .tm_hour = 8, .tm_min = 33, .tm_isdst = -1
    };

    (void)state;
    assert_int_equal(clamd_signature_time(VIEW("ClamAV 1.4.6/27800/Sun Nov 22 08:33:00 2026")),
                     mktime(&right));
    assert_int_equal(clamd_signature_time(VIEW("ClamAV 1.4.6/27800/Sun Nov  2 08:33:00 2026")) % 60, 0);
    assert_int_equal(clamd_signature_time(VIEW("ClamAV 1.4.6")), 0);
    assert_int_equal(clamd_signature_time(VIEW("ClamAV 1.4.6/27800/")), 0);
    assert_int_equal(clamd_signature_time(VIEW("ClamAV 1.4.6/27800/yesterday")), 0);
    assert_int_equal(clamd_signature_time(VIEW("ClamAV 1.4.6/27800/Sun Nov 22 08:33:00 2026 and more")), 0);
    assert_int_equal(clamd_signature_time(VIEW("//////")), 0);
}

static void test_addresses_that_are_none(void **state)
{
    static const char *const wrong[] = { "",           "clamd",          "unix:",     "unix:relative",
                                         "tcp:",       "tcp:3310",       "tcp::3310", "tcp:host:",
                                         "tcp:host:0", "tcp:host:99999", "tcp:host:x" };

    (void)state;
    for (unsigned i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        struct clamd *c = NULL;
        struct imw_error_info err = { 0 };
        const struct string_list list = { &wrong[i], 1 };
        assert_false(clamd_new(&list, &c, &err));
        assert_int_equal(err.code, IMW_ERROR_VALUE);
        assert_null(c);
    }
    struct clamd *c = client_of("tcp:[::1]:3310");
    clamd_free(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_eicar_is_found_and_clean_is_clean),
        cmocka_unit_test(test_the_descriptors_position_does_not_matter),
        cmocka_unit_test(test_too_large_is_said_not_called_clean),
        cmocka_unit_test(test_version_tells_of_itself),
        cmocka_unit_test(test_eight_at_a_time),
        cmocka_unit_test(test_a_stopped_clamd_takes_no_longer_than_the_time_out),
        cmocka_unit_test(test_clamd_dies_behind_the_file_and_is_found_again),
        cmocka_unit_test(test_the_next_address_is_asked_when_one_is_away),
        cmocka_unit_test(test_answers_that_are_none),
        cmocka_unit_test(test_clean_before_the_file_was_sent_is_not_clean),
        cmocka_unit_test(test_a_server_that_reads_nothing_takes_no_longer_than_the_time_out),
        cmocka_unit_test(test_replies),
        cmocka_unit_test(test_signature_times),
        cmocka_unit_test(test_addresses_that_are_none),
    };
    return cmocka_run_group_tests_name("content_clamd", tests, server_make, server_remove);
}
