/* SPDX-License-Identifier: Apache-2.0 */
/* The control socket, over a real one: what it answers, whom, and what no client can do to it. */
#include "base/json_value.h"
#include "sensor/pretend.h"
#include "test.h"
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>

struct fixture {
    struct pretend pretend;
    struct control_calls calls;
    struct control *control;
    char folder[32], path[64];
    struct imw_error_info err; /* of a second one */
};

static int begin(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    struct imw_error_info err = { .code = IMW_OK };

    f->pretend = (struct pretend){ .started_us = 1000000, .now_us = 61000000, .workers = 2, .services = 3 };
    f->pretend.rules = pretend_rules_new(NULL);
    f->calls = pretend_calls(&f->pretend);
    memcpy(f->folder, "/tmp/imward-control-XXXXXX", sizeof "/tmp/imward-control-XXXXXX");
    assert_non_null(mkdtemp(f->folder));
    snprintf(f->path, sizeof f->path, "%s/s", f->folder);
    if (!control_new(f->path, &f->calls, &f->control, &err))
        fail_msg("%s", err.text);
    *state = f;
    return 0;
}

static int end(void **state)
{
    struct fixture *f = *state;

    control_free(f->control);
    assert_int_not_equal(access(f->path, F_OK), 0); /* it cleans up after itself */
    rmdir(f->folder);
    rules_free(f->pretend.rules);
    free(f);
    return 0;
}

/* ---- a client that does as it likes ---- */

static int connected(const struct fixture *f)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);

    memcpy(address.sun_path, f->path, sizeof f->path);
    if (connect(fd, (struct sockaddr *)&address, sizeof address) != 0) {
        close(fd);
        return -1;
    }
    return fd;
}

static void say(int fd, const void *bytes, size_t length)
{
    const char *at = bytes;

    while (length > 0) {
        ssize_t n = send(fd, at, length, MSG_NOSIGNAL);
        if (n < 0)
            return; /* it hung up: the test looks at what it said */
        at += n;
        length -= (size_t)n;
    }
}

/* What comes until the line's end or the connection's; the caller frees. */
static char *heard(int fd)
{
    char *line = calloc(1, 1 << 20);
    size_t n = 0;
    struct pollfd p = { .fd = fd, .events = POLLIN };

    while (n < (1 << 20) - 1 && poll(&p, 1, 20000) == 1 && recv(fd, line + n, 1, 0) == 1)
        if (line[n++] == '\n')
            break;
    return line;
}

static void expect(int fd, const void *bytes, size_t length, const char *part)
{
    say(fd, bytes, length);
    char *answer = heard(fd);
    if (strstr(answer, part) == NULL)
        fail_msg("'%.60s' is answered by '%.200s', without '%s'", (const char *)bytes, answer, part);
    free(answer);
}

#define SAY(fd, literal) say(fd, literal, sizeof(literal) - 1)
#define EXPECT(fd, line, part) expect(fd, line "\n", sizeof(line), part)

static void still_serves(const struct fixture *f)
{
    struct imw_error_info err = { .code = IMW_OK };
    char *answer = NULL;

    if (!control_ask(f->path, "{\"command\":\"status\"}", &answer, &err))
        fail_msg("%s", err.text);
    assert_non_null(strstr(answer, "{\"ok\":true,\"status\":{"));
    free(answer);
}

/* ---- what it answers ---- */

static void test_status_tells_the_known_numbers(void **state)
{
    struct fixture *f = *state;
    struct imw_error_info err = { .code = IMW_OK };
    struct sensor_status s;
    char *answer = NULL;

    assert_true(control_ask(f->path, "{\"command\":\"status\"}", &answer, &err));
    json_t *object = control_answer(answer, &err);
    assert_non_null(object);
    status_read(json_object_get(object, "status"), &s);
    assert_int_equal(s.flows_live, 812345);
    assert_int_equal(s.live.dropped, 4200);
    assert_int_equal(s.control.requests, 1);
    assert_string_equal(s.interface, "eth1");
    json_decref(object);
    free(answer);
}

static void test_each_command_reaches_the_sensor(void **state)
{
    struct fixture *f = *state;
    int fd = connected(f);

    EXPECT(fd, "{\"command\":\"reload\"}", "\"ok\":true,\"catalog\":\"2026.11.20\"");
    EXPECT(fd, "{\"command\":\"reopen\"}", "{\"ok\":true}");
    EXPECT(
        fd,
        "{\"command\":\"learn\",\"address\":\"10.1.2.3\",\"user\":\"alice\",\"host\":\"pc-17\",\"for_s\":3600}",
        "{\"ok\":true}");
    assert_string_equal(f->pretend.last_learnt, "10.1.2.3 user=alice host=pc-17 for=3600");
    EXPECT(fd, "{\"command\":\"learn\",\"address\":\"2001:db8::1\",\"host\":\"pc\"}", "{\"ok\":true}");
    assert_string_equal(f->pretend.last_learnt, "2001:db8::1 user= host=pc for=0");
    EXPECT(fd, "{\"command\":\"stop\"}", "{\"ok\":true}");
    assert_int_equal(f->pretend.reloads, 1);
    assert_int_equal(f->pretend.reopened, 1);
    assert_true(f->pretend.stopped);
    close(fd);
}

/* A policy of `count` rules, and what is said of them. */
static void use_policy(struct fixture *f, unsigned count)
{
    char path[80];

    snprintf(path, sizeof path, "%s/policy", f->folder);
    FILE *out = fopen(path, "we");
    assert_non_null(out);
    fputs("version: 1\ndefault: alert\nrules:\n", out);
    for (unsigned i = 1; i <= count; i++)
        fprintf(out, "  - {name: rule %u, match: {service: [whatsapp]}, action: block}\n", i);
    fclose(out);
    rules_free(f->pretend.rules);
    f->pretend.rules = pretend_rules_new(path);
    unlink(path);
}

static json_t *rules_asked(const struct fixture *f, const char *request)
{
    struct imw_error_info err = { .code = IMW_OK };
    char *answer = NULL;

    if (!control_ask(f->path, request, &answer, &err))
        fail_msg("%s", err.text);
    json_t *object = control_answer(answer, &err);
    if (object == NULL)
        fail_msg("%s", err.text);
    free(answer);
    return object;
}

static void test_each_rule_tells_what_it_was_good_for(void **state)
{
    struct fixture *f = *state;
    json_int_t hits, stopped, last_us, line;
    const char *name, *action, *file;

    use_policy(f, 2);
    rules_note_flow(f->pretend.rules, 2, 77000000);
    rules_note_flow(f->pretend.rules, 2, 78000000);
    rules_note_stopped(f->pretend.rules, 2, 79000000);
    json_t *object = rules_asked(f, "{\"command\":\"rules\"}"), *rules = json_object_get(object, "rules");
    assert_int_equal(json_array_size(rules), 3);
    assert_null(json_object_get(object, "next"));
    assert_int_equal(json_unpack(json_array_get(rules, 2), "{s:s, s:s, s:s, s:I, s:I, s:I, s:I}", "name",
                                 &name, "action", &action, "file", &file, "line", &line, "hits", &hits,
                                 "stopped", &stopped, "last_us", &last_us),
                     0);
    assert_string_equal(name, "rule 2");
    assert_string_equal(action, "block");
    assert_non_null(strstr(file, "/policy"));
    assert_int_equal(line, 5);
    assert_int_equal(hits, 2);
    assert_int_equal(stopped, 1);
    assert_int_equal(last_us, 79000000);
    assert_null(json_object_get(json_array_get(rules, 0), "file")); /* "default" */
    json_decref(object);

    object = rules_asked(f, "{\"command\":\"rules\",\"dead\":true}");
    rules = json_object_get(object, "rules");
    assert_int_equal(json_array_size(rules), 1);
    assert_string_equal(json_string_value(json_object_get(json_array_get(rules, 0), "name")), "rule 1");
    json_decref(object);
}

static void test_many_rules_come_in_pages(void **state)
{
    struct fixture *f = *state;
    json_int_t from = 0, seen = 0;

    use_policy(f, 2500);
    for (unsigned page = 0; page < 3; page++) {
        char request[64];
        snprintf(request, sizeof request, "{\"command\":\"rules\",\"from\":%lld}", (long long)from);
        json_t *object = rules_asked(f, request), *rules = json_object_get(object, "rules"), *rule;
        size_t i;
        json_array_foreach(rules, i, rule)
            assert_int_equal(json_integer_value(json_object_get(rule, "number")), seen++);
        from = json_integer_value(json_object_get(object, "next"));
        assert_int_equal(from, page < 2 ? seen : 0);
        json_decref(object);
    }
    assert_int_equal(seen, 2501);
    int fd = connected(f);
    EXPECT(fd, "{\"command\":\"rules\",\"from\":9999999}", "\"rules\":[]");
    EXPECT(fd, "{\"command\":\"rules\",\"from\":-1}", "rules takes");
    EXPECT(fd, "{\"command\":\"rules\",\"dead\":1}", "rules takes");
    close(fd);
}

static void test_a_reload_that_fails_says_where(void **state)
{
    struct fixture *f = *state;
    int fd = connected(f);

    f->pretend.broken = true;
    EXPECT(fd, "{\"command\":\"reload\"}",
           "{\"ok\":false,\"error\":\"catalog/irc.yaml:7: a key is missing: name\"}");
    assert_int_equal(f->calls.counts->malformed, 0);
    close(fd);
}

static void test_wrong_requests_are_told_what_is_wrong(void **state)
{
    struct fixture *f = *state;
    int fd = connected(f);

    EXPECT(fd, "", "not JSON");
    EXPECT(fd, "hello", "not JSON");
    EXPECT(fd, "[]", "a request is an object");
    EXPECT(fd, "{}", "a request is an object");
    EXPECT(fd, "{\"command\":7}", "a request is an object");
    EXPECT(fd, "{\"command\":\"restart\"}", "no command 'restart'; there are: status, rules, reload");
    EXPECT(fd, "{\"command\":\"status\",\"verbose\":true}", "status does not take 'verbose'");
    EXPECT(fd, "{\"command\":\"status\",\"command\":\"stop\"}", "duplicate");
    EXPECT(fd, "{\"command\":\"learn\",\"adress\":\"10.0.0.1\",\"user\":\"a\"}",
           "learn does not take 'adress'");
    EXPECT(fd, "{\"command\":\"learn\",\"user\":\"a\"}", "learn takes");
    EXPECT(fd, "{\"command\":\"learn\",\"address\":\"10.0.0\",\"user\":\"a\"}", "'10.0.0' is not an address");
    EXPECT(fd, "{\"command\":\"learn\",\"address\":\"10.0.0.1\"}", "a user, a host or both");
    EXPECT(fd, "{\"command\":\"learn\",\"address\":\"10.0.0.1\",\"user\":\"\\u001b[2J\"}",
           "control characters");
    EXPECT(fd,
           "{\"command\":\"learn\",\"address\":\"10.0.0.1\",\"user\":"
           "\"1234567890123456789012345678901234567890123456789012345678901234\"}",
           "at most 63 bytes");
    EXPECT(fd, "{\"command\":\"learn\",\"address\":\"10.0.0.1\",\"user\":\"a\",\"for_s\":-1}",
           "for_s is 1 to");
    EXPECT(fd, "{\"command\":\"learn\",\"address\":\"10.0.0.1\",\"user\":\"a\",\"for_s\":31622401}",
           "for_s is 1 to");
    EXPECT(fd, "{\"command\":\"sta\0tus\"}", "not JSON");
    EXPECT(fd, "{\"command\":\"sta\\u0000tus\"}", "not JSON");
    EXPECT(fd, "{\"command\":\"\xff\xfe\"}", "not JSON");
    assert_int_equal(f->pretend.learnt, 0);
    assert_int_equal(f->calls.counts->malformed, 19);
    EXPECT(fd, "{\"command\":\"learn\",\"address\":\"0.0.0.0\",\"user\":\"a\"}", "nobody is at");
    assert_int_equal(f->calls.counts->malformed, 19); /* of good form */
    still_serves(f);
    close(fd);
}

/* ---- lines and connections ---- */

static void test_many_requests_in_one_write_and_one_request_in_many(void **state)
{
    struct fixture *f = *state;
    static const char line[] = "{\"command\":\"reopen\"}\n";
    int fd = connected(f);

    for (unsigned i = 0; i < 100; i++)
        say(fd, line, sizeof line - 1);
    for (unsigned i = 0; i < 100; i++)
        expect(fd, "", 0, "{\"ok\":true}\n");
    for (unsigned i = 0; i + 1 < sizeof line; i++) {
        say(fd, line + i, 1);
        usleep(1000);
    }
    expect(fd, "", 0, "{\"ok\":true}\n");
    assert_int_equal(f->pretend.reopened, 101);
    close(fd);
}

static void test_a_half_closed_client_is_answered_also_for_a_line_without_end(void **state)
{
    struct fixture *f = *state;
    int fd = connected(f);

    SAY(fd, "{\"command\":\"reopen\"}\n{\"command\":\"reopen\"}");
    shutdown(fd, SHUT_WR);
    expect(fd, "", 0, "{\"ok\":true}\n");
    expect(fd, "", 0, "{\"ok\":true}\n");
    char *rest = heard(fd);
    assert_string_equal(rest, "");
    free(rest);
    close(fd);
    assert_int_equal(f->pretend.reopened, 2);
}

static void test_the_longest_line_is_taken_and_one_byte_more_is_not(void **state)
{
    struct fixture *f = *state;
    char *line = malloc(CONTROL_LINE_BYTES + 2);
    static const char request[] = "{\"command\":\"reopen\"}";

    for (unsigned extra = 0; extra < 2; extra++) {
        int fd = connected(f);
        memset(line, ' ', CONTROL_LINE_BYTES + 2);
        memcpy(line, request, sizeof request - 1);
        line[CONTROL_LINE_BYTES + extra] = '\n';
        expect(fd, line, CONTROL_LINE_BYTES + extra + 1,
               extra == 0 ? "{\"ok\":true}" : "at most 65536 bytes");
        close(fd);
    }
    assert_int_equal(f->pretend.reopened, 1);
    free(line);
    still_serves(f);
}

static void test_a_flood_without_line_end_is_cut_off(void **state)
{
    struct fixture *f = *state;
    char zeros[4096] = { 0 };
    int fd = connected(f);

    for (unsigned i = 0; i < 256; i++)
        say(fd, zeros, sizeof zeros);
    close(fd);
    still_serves(f);
    assert_int_equal(f->calls.counts->malformed, 1);
}

static void test_deep_json_is_refused(void **state)
{
    struct fixture *f = *state;
    char *line = malloc(60001);
    int fd = connected(f);

    memset(line, '[', 60000);
    line[60000] = '\n';
    expect(fd, line, 60001, "not JSON");
    free(line);
    close(fd);
    still_serves(f);
}

static void test_thousands_of_connections_leave_it_serving(void **state)
{
    struct fixture *f = *state;

    for (unsigned i = 0; i < 3000; i++) {
        int fd = connected(f);
        if (fd < 0)
            continue;
        if (i % 3 == 0)
            SAY(fd, "{\"command\":\"status\"}\n"); /* and never reads */
        else if (i % 3 == 1)
            SAY(fd, "{\"comm");
        close(fd);
    }
    still_serves(f);
}

static void test_one_client_too_many_is_told_so_and_there_is_room_again(void **state)
{
    struct fixture *f = *state;
    int fds[CONTROL_CLIENTS];

    for (unsigned i = 0; i < CONTROL_CLIENTS; i++) {
        fds[i] = connected(f);
        EXPECT(fds[i], "{\"command\":\"reopen\"}", "{\"ok\":true}");
    }
    int more = connected(f);
    expect(more, "", 0, "too many clients");
    close(more);
    assert_int_equal(f->calls.counts->refused, 1);
    close(fds[3]);
    usleep(100000);
    still_serves(f);
    for (unsigned i = 0; i < CONTROL_CLIENTS; i++)
        if (i != 3)
            close(fds[i]);
}

static void test_a_slow_line_and_an_answer_not_taken_end_the_client(void **state)
{
    struct fixture *f = *state;
    int slow = connected(f), deaf = connected(f);
    static const char line[] = "{\"command\":\"status\"}\n";
    char byte;

    SAY(slow, "{");
    fcntl(deaf, F_SETFL, O_NONBLOCK);
    for (unsigned i = 0; i < 20000; i++) /* answers pile up until none fits */
        (void)!send(deaf, line, sizeof line - 1, MSG_NOSIGNAL);
    for (unsigned i = 0; i < 80 && f->calls.counts->slow < 2; i++) {
        (void)!send(slow, " ", 1, MSG_NOSIGNAL); /* a byte now and then does not help */
        usleep(100000);
        still_serves(f);
    }
    assert_int_equal(f->calls.counts->slow, 2);
    struct pollfd p = { .fd = slow, .events = POLLIN };
    assert_int_equal(poll(&p, 1, 2000), 1);
    assert_true(recv(slow, &byte, 1, 0) <= 0);
    close(slow);
    close(deaf);
}

/* ---- the file ---- */

static void test_the_socket_is_for_owner_and_group_only(void **state)
{
    struct fixture *f = *state;
    struct stat st;

    assert_int_equal(stat(f->path, &st), 0);
    assert_true(S_ISSOCK(st.st_mode));
    assert_int_equal(st.st_mode & 07777, 0660);
}

static void test_a_stranger_is_refused_even_where_the_file_lets_him(void **state)
{
    struct fixture *f = *state;
    int status = 0;

    if (geteuid() != 0)
        skip(); /* nobody else to be */
    chmod(f->folder, 0755);
    chmod(f->path, 0666);
    pid_t child = fork();
    if (child == 0) {
        char answer[256] = { 0 };
        if (setgid(65534) != 0 || setuid(65534) != 0)
            _exit(2);
        int fd = connected(f);
        if (fd < 0)
            _exit(3);
        (void)!recv(fd, answer, sizeof answer - 1, MSG_WAITALL);
        _exit(strstr(answer, "only root, the sensor's user and its group") != NULL ? 0 : 4);
    }
    waitpid(child, &status, 0);
    assert_int_equal(status, 0);
    assert_int_equal(f->calls.counts->refused, 1);
}

static void test_a_member_of_the_sockets_group_may_ask(void **state)
{
    struct fixture *f = *state;
    struct imw_error_info err = { .code = IMW_OK };
    int status = 0;

    if (geteuid() != 0)
        skip();
    control_free(f->control);
    chmod(f->folder, 02755); /* the file gets the folder's group */
    assert_int_equal(chown(f->folder, (uid_t)-1, 4242), 0);
    chmod(f->folder, 02755);
    assert_true(control_new(f->path, &f->calls, &f->control, &err));
    pid_t child = fork();
    if (child == 0) {
        gid_t group = 4242; /* one of its groups, not the first */
        if (setgroups(1, &group) != 0 || setgid(65534) != 0 || setuid(65534) != 0)
            _exit(2);
        char *answer = NULL;
        _exit(control_ask(f->path, "{\"command\":\"reopen\"}", &answer, NULL) &&
                      strcmp(answer, "{\"ok\":true}") == 0
                  ? 0
                  : 3);
    }
    waitpid(child, &status, 0);
    assert_int_equal(status, 0);
}

static void *begin_second(void *context)
{
    struct fixture *f = context;
    struct control *second = NULL;
    char path[80];

    snprintf(path, sizeof path, "%s/both", f->folder);
    if (control_new(path, &f->calls, &second, &f->err))
        control_free(second);
    return NULL;
}

/* One that is bound and does not listen yet looks dead. */
static void test_who_begins_at_the_same_instant_waits_and_is_refused(void **state)
{
    struct fixture *f = *state;
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    int first = socket(AF_UNIX, SOCK_STREAM, 0), folder = open(f->folder, O_RDONLY | O_DIRECTORY);
    pthread_t second;

    snprintf(address.sun_path, sizeof address.sun_path, "%s/both", f->folder);
    assert_int_equal(flock(folder, LOCK_EX), 0); /* as control_new() does */
    assert_int_equal(bind(first, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(pthread_create(&second, NULL, begin_second, f), 0);
    (void)poll(NULL, 0, 100);
    listen(first, 1);
    close(folder);
    pthread_join(second, NULL);
    assert_non_null(strstr(f->err.text, "another sensor (pid "));
    close(first);
    unlink(address.sun_path);
}

static void test_a_live_socket_is_refused_and_a_dead_one_replaced(void **state)
{
    struct fixture *f = *state;
    struct imw_error_info err = { .code = IMW_OK };
    struct control *second = NULL;
    struct sockaddr_un address = { .sun_family = AF_UNIX };

    assert_false(control_new(f->path, &f->calls, &second, &err));
    assert_non_null(strstr(err.text, "another sensor (pid "));
    still_serves(f);
    control_free(f->control);
    f->control = NULL;

    int dead = socket(AF_UNIX, SOCK_STREAM, 0);
    memcpy(address.sun_path, f->path, sizeof f->path);
    assert_int_equal(bind(dead, (struct sockaddr *)&address, sizeof address), 0);
    listen(dead, 1);
    close(dead); /* as kill -9 leaves it */
    assert_int_equal(access(f->path, F_OK), 0);
    char *answer = NULL;
    assert_false(control_ask(f->path, "{}", &answer, &err));
    assert_non_null(strstr(err.text, "has ended; start it again (systemctl start imward-watch,"));
    assert_true(control_new(f->path, &f->calls, &f->control, &err));
    still_serves(f);
}

static void test_what_is_no_socket_is_never_overwritten(void **state)
{
    struct fixture *f = *state;
    struct imw_error_info err = { .code = IMW_OK };
    struct control *second = NULL;
    char path[96];

    snprintf(path, sizeof path, "%s/file", f->folder);
    close(open(path, O_CREAT | O_WRONLY, 0600));
    assert_false(control_new(path, &f->calls, &second, &err));
    assert_non_null(strstr(err.text, "is not a socket"));
    assert_int_equal(unlink(path), 0);
    assert_false(control_new("/nonexistent/s", &f->calls, &second, &err));
    assert_string_equal(err.file, "/nonexistent/s");
    memset(path, 'a', sizeof path);
    char longer[200];
    memset(longer, 'a', sizeof longer - 1);
    longer[sizeof longer - 1] = '\0';
    assert_false(control_new(longer, &f->calls, &second, &err));
    assert_non_null(strstr(err.text, "too long"));
    assert_true(control_new(NULL, &f->calls, &second, &err));
    control_free(second);
}

/* Ask whoever listens at `listener`, who answers `size` bytes of `text` again and again and closes. */
static enum control_progress asked_of_a_liar(const char *path, int listener, const char *text, size_t size,
                                             char **out_answer, struct imw_error_info *err)
{
    struct control_question q;
    enum control_progress progress = CONTROL_WAIT;

    assert_true(control_question_begin(&q, path, "{}", err));
    int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK);
    assert_true(fd >= 0);
    for (size_t sent = 0; progress == CONTROL_WAIT; sent++) {
        size_t length = strlen(text);
        if (sent * length < size)
            (void)!send(fd, text, length, MSG_NOSIGNAL);
        else
            shutdown(fd, SHUT_RDWR);
        progress = control_question_more(&q, out_answer, err);
    }
    assert_int_equal(q.fd, -1);
    assert_null(q.answer);
    close(fd);
    return progress;
}

static void test_a_client_takes_no_nonsense_from_what_is_no_sensor(void **state)
{
    static const char path[] = "/tmp/imward-liar-test.sock";
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    struct imw_error_info err = { .code = IMW_OK };
    int listener = socket(AF_UNIX, SOCK_STREAM, 0);
    char *answer = NULL, block[4097];

    (void)state;
    unlink(path);
    memcpy(address.sun_path, path, sizeof path);
    assert_int_equal(bind(listener, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(listener, 4), 0);

    assert_int_equal(asked_of_a_liar(path, listener, "", 0, &answer, &err), CONTROL_FAILED);
    assert_non_null(strstr(err.text, "without an answer"));
    assert_int_equal(asked_of_a_liar(path, listener, "{\"ok\":true", 10, &answer, &err), CONTROL_FAILED);
    memset(block, 'a', sizeof block - 1);
    block[sizeof block - 1] = '\0';
    assert_int_equal(asked_of_a_liar(path, listener, block, 4 << 20, &answer, &err), CONTROL_FAILED);
    assert_non_null(strstr(err.text, "longer than 1048576 bytes"));
    assert_int_equal(asked_of_a_liar(path, listener, "220 mail.example ESMTP\r\n", 1, &answer, &err),
                     CONTROL_ANSWER);
    assert_null(control_answer(answer, &err));
    assert_string_equal(err.text, "the answer is not that of a sensor");
    free(answer);
    close(listener);
    unlink(path);
}

static void test_no_sensor_says_what_to_do(void **state)
{
    struct imw_error_info err = { .code = IMW_OK };
    char *answer = NULL;

    (void)state;
    assert_false(control_ask("/tmp/imward-no-such-socket", "{}", &answer, &err));
    assert_non_null(strstr(err.text, "no sensor runs there; start one"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_status_tells_the_known_numbers),
        TEST(test_each_command_reaches_the_sensor),
        TEST(test_a_reload_that_fails_says_where),
        TEST(test_wrong_requests_are_told_what_is_wrong),
        TEST(test_many_requests_in_one_write_and_one_request_in_many),
        TEST(test_a_half_closed_client_is_answered_also_for_a_line_without_end),
        TEST(test_the_longest_line_is_taken_and_one_byte_more_is_not),
        TEST(test_a_flood_without_line_end_is_cut_off),
        TEST(test_deep_json_is_refused),
        TEST(test_thousands_of_connections_leave_it_serving),
        TEST(test_one_client_too_many_is_told_so_and_there_is_room_again),
        TEST(test_a_slow_line_and_an_answer_not_taken_end_the_client),
        TEST(test_the_socket_is_for_owner_and_group_only),
        TEST(test_a_stranger_is_refused_even_where_the_file_lets_him),
        TEST(test_a_member_of_the_sockets_group_may_ask),
        TEST(test_who_begins_at_the_same_instant_waits_and_is_refused),
        TEST(test_a_live_socket_is_refused_and_a_dead_one_replaced),
        TEST(test_what_is_no_socket_is_never_overwritten),
        cmocka_unit_test(test_a_client_takes_no_nonsense_from_what_is_no_sensor),
        TEST(test_each_rule_tells_what_it_was_good_for),
        TEST(test_many_rules_come_in_pages),
        cmocka_unit_test(test_no_sensor_says_what_to_do),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
