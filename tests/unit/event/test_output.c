/* SPDX-License-Identifier: Apache-2.0 */
/* The outputs: files that rotate, fill their disk and end in broken lines; clients of a Unix socket; CEF and
 * LEEF; specifications that are wrong. */
#include "event/output.h"
#include "sensor_events.h"
#include <glob.h>
#include <netinet/in.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/un.h>

static struct output *open_output(const char *spec, const struct event_writer_config *config)
{
    struct imw_error_info err = { 0 };
    struct output *o = NULL;

    if (!output_new(spec, config, &o, &err))
        fail_msg("%s: %s: %s", spec, err.file, err.text);
    return o;
}

static void close_output(struct output *o)
{
    o->methods->finish(o);
    o->methods->free(o);
}

/* One line of about `size` bytes. */
static void give(struct output *o, unsigned size)
{
    static char line[65536];
    int n = snprintf(line, sizeof line, "{\"timestamp\":\"%0*u\"}\n", (int)size - 17, 7);
    struct message m = { .type = "flow", .severity = 5, .form = { view_of(line, (size_t)n) } };

    o->methods->take(o, &m);
}

static struct view read_all(const char *path)
{
    static char text[4 << 20];
    FILE *f = fopen(path, "re");

    assert_non_null(f);
    size_t n = fread(text, 1, sizeof text - 1, f);
    fclose(f);
    text[n] = '\0';
    return view_of(text, n);
}

/* ---- files ---- */

static void test_lines_wait_in_the_buffer_for_200_ms_at_most(void **state)
{
    struct place p = place_new();
    struct event_writer_config config = { 0 };
    struct output *o = open_output(p.path, &config); /* a bare path */

    (void)state;
    o->methods->tick(o, 1000, false);
    give(o, 100);
    o->methods->tick(o, 1199, false);
    assert_int_equal(read_all(p.path).len, 0);
    o->methods->tick(o, 1200, false);
    assert_int_equal(read_all(p.path).len, 100);
    give(o, 100);
    o->methods->tick(o, 1201, true); /* nothing else to do */
    assert_int_equal(read_all(p.path).len, 200);
    for (unsigned i = 0; i < 2600; i++)
        give(o, 101);
    assert_true(read_all(p.path).len >= 256 * 1024);
    close_output(o);
    assert_int_equal(read_all(p.path).len, 200 + 2600 * 101);
    struct stat st;
    assert_int_equal(stat(p.path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0640);
    place_remove(&p);
}

static void test_rotation_by_size_loses_no_line_and_keeps_the_newest_files(void **state)
{
    struct place p = place_new();
    struct event_writer_config config = { .rotate_bytes = 65536 };
    struct output *o = open_output(p.spec, &config);
    char pattern[128];
    unsigned lines = 0, rest;
    glob_t found;

    (void)state;
    for (unsigned i = 0; i < 5000; i++)
        give(o, 200);
    close_output(o);
    snprintf(pattern, sizeof pattern, "%s*", p.path);
    assert_int_equal(glob(pattern, 0, NULL, &found), 0);
    assert_true(found.gl_pathc >= 5000 * 200 / 65536);
    for (size_t i = 0; i < found.gl_pathc; i++) {
        assert_true(read_all(found.gl_pathv[i]).len <= 65536);
        lines += lines_of(found.gl_pathv[i], &rest);
        assert_int_equal(rest, 0);
    }
    assert_int_equal(lines, 5000);
    globfree(&found);

    snprintf(pattern, sizeof pattern, "%s.20200101-000000-11", p.path); /* older than all of them */
    assert_int_equal(close(open(pattern, O_CREAT | O_WRONLY, 0600)), 0);
    snprintf(pattern, sizeof pattern, "%s.not-ours", p.path);
    assert_int_equal(close(open(pattern, O_CREAT | O_WRONLY, 0600)), 0);
    config.rotate_keep = 3;
    o = open_output(p.spec, &config);
    for (unsigned i = 0; i < 1000; i++)
        give(o, 200);
    close_output(o);
    snprintf(pattern, sizeof pattern, "%s.2*", p.path);
    assert_int_equal(glob(pattern, 0, NULL, &found), 0);
    assert_int_equal(found.gl_pathc, 3);
    globfree(&found);
    snprintf(pattern, sizeof pattern, "%s.not-ours", p.path);
    assert_int_equal(access(pattern, F_OK), 0);
    place_remove(&p);
}

static void test_rotation_by_time_and_reopening_begin_a_new_file(void **state)
{
    struct place p = place_new();
    struct event_writer_config config = { .rotate_s = 60 };
    struct output *o = open_output(p.spec, &config);
    char moved[128], pattern[128];
    unsigned rest;
    glob_t found;

    (void)state;
    snprintf(pattern, sizeof pattern, "%s.2*", p.path);
    give(o, 100);
    o->methods->tick(o, 1000000, true); /* the clock of a machine that runs for long */
    o->methods->tick(o, 1059999, true);
    assert_int_equal(glob(pattern, 0, NULL, &found), GLOB_NOMATCH);
    o->methods->tick(o, 1060000, true);
    give(o, 100);
    o->methods->tick(o, 1060001, true);
    assert_int_equal(glob(pattern, 0, NULL, &found), 0);
    assert_int_equal(found.gl_pathc, 1);
    assert_int_equal(lines_of(found.gl_pathv[0], &rest), 1);
    globfree(&found);

    snprintf(moved, sizeof moved, "%s.moved", p.path); /* as logrotate does */
    assert_int_equal(rename(p.path, moved), 0);
    give(o, 100);
    o->methods->reopen(o);
    give(o, 100);
    close_output(o);
    assert_int_equal(lines_of(moved, &rest), 2);
    assert_int_equal(lines_of(p.path, &rest), 1);
    place_remove(&p);
}

static void test_a_file_that_was_removed_is_begun_anew(void **state)
{
    struct place p = place_new();
    struct event_writer_config config = { 0 };
    struct output *o = open_output(p.spec, &config);
    unsigned rest;

    (void)state;
    give(o, 100);
    o->methods->tick(o, 5000, true);
    assert_int_equal(lines_of(p.path, &rest), 1);
    assert_int_equal(unlink(p.path), 0);
    give(o, 100);
    o->methods->tick(o, 6000, true);
    assert_int_equal(lines_of(p.path, &rest), 1);
    /* Its folder too: down, until the folder is there again. */
    assert_int_equal(unlink(p.path), 0);
    assert_int_equal(rmdir(p.folder), 0);
    o->methods->tick(o, 7000, true);
    assert_false(o->up);
    give(o, 100);
    o->methods->tick(o, 8000, true);
    assert_false(o->up);
    assert_non_null(strstr(o->error, "No such file"));
    assert_int_equal(mkdir(p.folder, 0700), 0);
    o->methods->tick(o, 9000, true);
    assert_true(o->up);
    assert_int_equal(lines_of(p.path, &rest), 1);
    assert_int_equal(o->lost, 0);
    close_output(o);
    place_remove(&p);
}

static void test_a_full_disk_leaves_whole_lines_loses_counts_and_recovers(void **state)
{
    struct place p = place_new();
    struct event_writer_config config = { 0 };
    char filler[96];
    unsigned rest;

    (void)state;
    if (mount("tmpfs", p.folder, "tmpfs", 0, "size=1m") != 0) {
        print_message("no right to mount a small file system: not tested\n");
        place_remove(&p);
        skip();
    }
    snprintf(filler, sizeof filler, "%s/filler", p.folder);
    int fd = open(filler, O_CREAT | O_WRONLY, 0600);
    static const char block[700 * 1024];
    assert_int_equal(write(fd, block, sizeof block), sizeof block);
    close(fd);
    struct output *o = open_output(p.spec, &config);
    unsigned given = 0;
    for (; given < 4000; given++)
        give(o, 1000);
    o->methods->tick(o, 500, true);
    assert_false(o->up);
    assert_non_null(strstr(o->error, "No space left"));
    assert_true(o->lost > 0);
    unsigned lines = lines_of(p.path, &rest);
    assert_int_equal(rest, 0); /* no half line, though the disk was full within one */
    assert_int_equal(lines, o->written);
    assert_true(lines > 200);

    assert_int_equal(unlink(filler), 0);
    o->methods->tick(o, 999, true);
    assert_false(o->up); /* tried again after a second, not before */
    o->methods->tick(o, 1001, true);
    assert_int_equal(truncate(p.path, 0), 0);
    o->methods->tick(o, 2002, true);
    o->methods->tick(o, 3003, true);
    assert_true(o->up);
    assert_string_equal(o->error, "");
    uint64_t written = o->written, lost = o->lost;
    assert_int_equal(written + lost, given);
    give(o, 1000);
    o->methods->finish(o);
    assert_int_equal(o->written, written + 1);
    lines_of(p.path, &rest);
    assert_int_equal(rest, 0);
    o->methods->free(o);
    assert_int_equal(umount(p.folder), 0);
    place_remove(&p);
}

static void test_what_ends_in_a_broken_line_is_mended_when_it_is_opened(void **state)
{
    static const struct {
        const char *before, *after;
    } cases[] = {
        { "{\"timestamp\":1}\n{\"time", "{\"timestamp\":1}\n" },
        { "{\"timestamp\":1}\n", "{\"timestamp\":1}\n" },
        { "{\"half", "" },
        { "something else", "something else\n" },
        { "", "" },
    };
    struct place p = place_new();
    struct event_writer_config config = { 0 };

    (void)state;
    for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        int fd = open(p.path, O_CREAT | O_TRUNC | O_WRONLY, 0600);
        assert_int_equal(write(fd, cases[i].before, strlen(cases[i].before)), strlen(cases[i].before));
        close(fd);
        close_output(open_output(p.spec, &config));
        assert_string_equal((const char *)read_all(p.path).at, cases[i].after);
    }
    place_remove(&p);
}

static void test_a_pipe_goes_on_within_the_line_where_it_was_full(void **state)
{
    struct place p = place_new();
    struct event_writer_config config = { 0 };
    static char got[1 << 20];
    size_t len = 0;

    (void)state;
    assert_int_equal(mkfifo(p.path, 0600), 0);
    int fd = open(p.path, O_RDONLY | O_NONBLOCK);
    struct output *o = open_output(p.spec, &config);
    for (unsigned i = 0; i < 300; i++)
        give(o, 1001);
    for (uint64_t now = 1; now < 100; now++) {
        o->methods->tick(o, now * 10, true);
        for (ssize_t n; (n = read(fd, got + len, 10000)) > 0;)
            len += (size_t)n;
    }
    assert_int_equal(o->written, 300);
    assert_int_equal(len, 300 * 1001);
    for (unsigned i = 0; i < 300; i++)
        assert_true(got[i * 1001] == '{' && got[i * 1001 + 1000] == '\n');
    close_output(o);
    close(fd);
    place_remove(&p);
}

/* ---- clients of a Unix socket ---- */

static int connect_to(const char *path)
{
    struct sockaddr_un at = { .sun_family = AF_UNIX };
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);

    memcpy(at.sun_path, path, strlen(path));
    assert_int_equal(connect(fd, (struct sockaddr *)&at, sizeof at), 0);
    return fd;
}

static void test_a_slow_client_loses_whole_lines_and_holds_up_no_other(void **state)
{
    struct place p = place_new();
    struct event_writer_config config = { 0 };
    char spec[160];
    static char got[16 << 20];
    size_t len = 0;
    unsigned lines = 0;

    (void)state;
    snprintf(spec, sizeof spec, "unix:%s", p.path);
    struct output *o = open_output(spec, &config);
    int slow = connect_to(p.path), quick = connect_to(p.path);
    o->methods->tick(o, 1, true);
    for (unsigned i = 0; i < 8000; i++) {
        give(o, 1000);
        o->methods->tick(o, 2 + i, false);
        ssize_t n = recv(quick, got + len, sizeof got - len, MSG_DONTWAIT);
        len += n > 0 ? (size_t)n : 0;
    }
    assert_int_equal(len, 8000 * 1000);
    assert_true(o->lost > 1000);
    uint64_t waiting = 16000 - o->written - o->lost; /* for the slow one */
    assert_in_range(waiting, 1, 1048);
    struct pollfd fds[4];
    assert_int_equal(o->methods->wants(o, fds, 4), 1);
    /* Now the slow one reads: whole lines only. */
    len = 0;
    for (unsigned i = 0; i < 2000; i++) {
        ssize_t n = recv(slow, got + len, sizeof got - len, MSG_DONTWAIT);
        len += n > 0 ? (size_t)n : 0;
        o->methods->tick(o, 10000 + i, true);
    }
    for (size_t at = 0; at < len; at += 1000, lines++)
        assert_true(got[at] == '{' && got[at + 999] == '\n');
    assert_int_equal(lines * 1000, len);
    assert_int_equal(lines + o->lost, 8000);
    assert_int_equal(o->written, 8000 + lines);
    close(slow);
    close(quick);
    o->methods->tick(o, 20000, true);
    give(o, 100);
    assert_int_equal(o->written + o->lost, 16000); /* nobody is there */
    close_output(o);
    assert_int_not_equal(access(p.path, F_OK), 0);
    place_remove(&p);
}

static void test_what_waits_for_a_client_that_leaves_is_lost_and_no_counter_falls(void **state)
{
    struct place p = place_new();
    struct event_writer_config config = { 0 };
    char spec[160];

    (void)state;
    snprintf(spec, sizeof spec, "unix:%s", p.path);
    struct output *o = open_output(spec, &config);
    int fd = connect_to(p.path);
    o->methods->tick(o, 1, true);
    for (unsigned i = 0; i < 1000; i++) { /* more than the kernel takes, less than the buffer */
        give(o, 1000);
        o->methods->tick(o, 2 + i, false);
    }
    uint64_t written = o->written;
    assert_in_range(written, 1, 999);
    assert_int_equal(o->lost, 0);
    close(fd);
    o->methods->tick(o, 2000, true);
    assert_true(o->written >= written);
    assert_int_equal(o->written + o->lost, 1000);
    close_output(o);
    place_remove(&p);
}

static void test_sixteen_clients_may_connect_and_one_more_is_refused(void **state)
{
    struct place p = place_new();
    struct event_writer_config config = { 0 };
    char spec[160], byte;
    int fds[17];

    (void)state;
    snprintf(spec, sizeof spec, "unix:%s", p.path);
    struct output *o = open_output(spec, &config);
    for (unsigned i = 0; i < 16; i++)
        fds[i] = connect_to(p.path);
    o->methods->tick(o, 1, true);
    fds[16] = connect_to(p.path);
    o->methods->tick(o, 2, true);
    give(o, 100);
    o->methods->tick(o, 3, true);
    for (unsigned i = 0; i < 16; i++)
        assert_int_equal(recv(fds[i], &byte, 1, MSG_DONTWAIT), 1);
    assert_int_equal(recv(fds[16], &byte, 1, MSG_DONTWAIT), 0);
    shutdown(fds[0], SHUT_WR); /* it only reads: it stays */
    close(fds[1]);
    o->methods->tick(o, 4, true);
    give(o, 100);
    o->methods->tick(o, 5, true);
    assert_int_equal(o->written, 16 + 15);
    for (unsigned i = 0; i < 17; i++)
        if (i != 1)
            close(fds[i]);
    close_output(o);
    place_remove(&p);
}

static void test_a_socket_left_behind_is_replaced_one_in_use_is_not(void **state)
{
    struct place p = place_new();
    struct event_writer_config config = { 0 };
    struct sockaddr_un at = { .sun_family = AF_UNIX };
    struct imw_error_info err = { 0 };
    struct output *second;
    char spec[160];

    (void)state;
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    memcpy(at.sun_path, p.path, strlen(p.path));
    assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof at), 0);
    close(fd);
    snprintf(spec, sizeof spec, "unix:%s", p.path);
    struct output *o = open_output(spec, &config);
    assert_false(output_new(spec, &config, &second, &err));
    assert_non_null(strstr(err.text, "in use"));
    close(connect_to(p.path));
    close_output(o);
    place_remove(&p);
}

/* ---- forms ---- */

static struct event sample(struct flow *flow, struct record *record, struct catalog *c)
{
    const uint8_t client[4] = { 10, 0, 0, 1 };
    uint8_t server[16] = { 0x20, 0x01, 0x0d, 0xb8, [15] = 1 };
    struct event e = { .type = PACKED_FLOW };

    *flow = (struct flow){ .first_us = 1700000000000000,
                           .service = 1,
                           .app = PROTOCOL_TLS,
                           .activities = 1 << ACTIVITY_LOGIN | 1 << ACTIVITY_CHAT,
                           .delivery = DELIVERY_SERVER_PROXY,
                           .confidence = 95,
                           .bytes = { 100, 200 } };
    flow->key.addr[0] = ip_from_v4(client);
    flow->key.addr[1] = ip_from_v6(server);
    flow->key.port[0] = 4000;
    flow->key.port[1] = 443;
    flow->key.l4 = L4_TCP;
    *record = (struct record){ .server_name = "chat.example", .account = "an=na|\\\t\n" };
    e.flow = (struct flow_event){ .flow = flow,
                                  .record = record,
                                  .catalog = c,
                                  .flow_id = 77,
                                  .last_us = 1700000001123456,
                                  .why = FLOW_END_CLOSED,
                                  .verdict = { .action = "block", .rule = "a=b | c\\d" } };
    return e;
}

static void test_cef_has_its_keys_and_escapes(void **state)
{
    struct catalog *c = rig_catalog();
    char line[SIEM_LINE_BYTES];
    struct record record;
    struct flow flow;
    struct event e = sample(&flow, &record, c);
    static const char *const has[] = {
        " src=10.0.0.1 ",
        " spt=4000 ",
        " dpt=443 ",
        " proto=TCP ",
        " app=tls ",
        " act=block ",
        " in=100 ",
        " out=200 ",
        "|rt=1700000001123 ",
        " start=1700000000000 ",
        " end=1700000001123 ",
        " c6a3Label=Destination IPv6 Address c6a3=2001:db8::1 ",
        " cs1Label=Service cs1=chat ",
        " cs5Label=Rule cs5=a\\=b | c\\\\d ",
        " cs6Label=Account cs6=an\\=na|\\\\?? ",
        " dhost=chat.example ",
        " flexString1Label=Activity flexString1=login chat ",
        " externalId=77 ",
    };

    (void)state;
    size_t n = siem_cef(&e, "sensor-1", line);
    assert_int_equal(n, strlen(line));
    assert_memory_equal(line, "CEF:0|imward|imward|" IMWARD_VERSION "|im-flow|Public messaging flow|7|", 40);
    for (unsigned i = 0; i < sizeof has / sizeof has[0]; i++)
        if (strstr(line, has[i]) == NULL)
            fail_msg("no '%s' in %s", has[i], line);
    assert_non_null(strstr(line, " dvchost=sensor-1"));
    assert_null(strstr(line, " dst="));
    catalog_close(c);
}

static void test_leef_has_its_keys_between_tabs(void **state)
{
    struct catalog *c = rig_catalog();
    char line[SIEM_LINE_BYTES];
    struct record record;
    struct flow flow;
    struct event e = sample(&flow, &record, c);
    static const char *const has[] = {
        "|devTime=2023-11-14T22:13:21.123+0000\t",
        "\tdevTimeFormat=yyyy-MM-dd'T'HH:mm:ss.SSSZ\t",
        "\tsev=7\t",
        "\tcat=im\t",
        "\tsrc=10.0.0.1\t",
        "\tdst=2001:db8::1\t",
        "\tsrcPort=4000\t",
        "\tdstPort=443\t",
        "\tsrcBytes=100\t",
        "\tpolicy=a=b | c\\d\t",
        "\taccount=an=na|\\??\t",
    };

    (void)state;
    size_t n = siem_leef(&e, "sensor-1", line);
    assert_int_equal(n, strlen(line));
    for (unsigned i = 0; i < sizeof has / sizeof has[0]; i++)
        if (strstr(line, has[i]) == NULL)
            fail_msg("no '%s' in %s", has[i], line);
    e.type = PACKED_STATS;
    assert_int_equal(siem_leef(&e, "s", line), 0);
    catalog_close(c);
}

/* ---- specifications ---- */

static void test_a_wrong_specification_says_what_is_wrong(void **state)
{
    static const struct {
        const char *spec, *says;
    } cases[] = {
        { "file:", "path" },
        { "unix:", "path" },
        { "/no/such/folder/eve.json", "No such file" },
        { "syslog:", "syslog:udp://" },
        { "syslog:http://host", "syslog:udp://" },
        { "syslog:udp://", "host" },
        { "syslog:udp://host:99999", "port" },
        { "syslog:udp://host:0", "port" },
        { "syslog:tcp://[::1:514", "]" },
        { "syslog:tcp://host:514?format=xml", "format" },
        { "syslog:tcp://host:514?facility=nine", "facility" },
        { "syslog:tcp://host:514?colour=red", "colour" },
        { "syslog:tcp://127.0.0.1:514?ca=/x", "tls" },
        { "syslog:tls://127.0.0.1?ca=/no/such/file", "/no/such/file" },
        { "syslog:tls://127.0.0.1?cert=/etc/hostname", "key" },
        { "syslog:unix:", "path" },
    };
    struct event_writer_config config = { 0 };

    (void)state;
    for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct imw_error_info err = { 0 };
        struct output *o = NULL;
        if (output_new(cases[i].spec, &config, &o, &err))
            fail_msg("%s was taken", cases[i].spec);
        if (strstr(err.text, cases[i].says) == NULL && strstr(err.file, cases[i].says) == NULL)
            fail_msg("%s: no '%s' in '%s: %s'", cases[i].spec, cases[i].says, err.file, err.text);
    }
}

static void test_hosts_may_be_names_and_addresses_of_both_families(void **state)
{
    static const char *const specs[] = {
        "syslog:udp://[::1]:5514",
        "syslog:tcp://[::1]",
        "syslog:tls://[2001:db8::5]:6514?format=leef&facility=local7",
        "syslog:udp://127.0.0.1",
        "syslog:tcp://localhost:601?format=cef",
        "syslog:unix:/dev/log?facility=authpriv",
    };
    struct event_writer_config config = { 0 };

    (void)state;
    for (unsigned i = 0; i < sizeof specs / sizeof specs[0]; i++) {
        struct output *o = open_output(specs[i], &config);
        assert_string_equal(o->name, specs[i]);
        assert_false(o->up); /* not before it is tried */
        close_output(o);
    }
}

static void test_datagrams_over_ipv6_arrive_as_messages_and_are_cut_at_8_kib(void **state)
{
    struct sockaddr_in6 at = { .sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT };
    struct event_writer_config config = { 0 };
    socklen_t len = sizeof at;
    static char got[65536];
    char spec[64], pid[16];

    (void)state;
    int fd = socket(AF_INET6, SOCK_DGRAM, 0);
    if (fd < 0 || bind(fd, (struct sockaddr *)&at, sizeof at) != 0) {
        print_message("no IPv6 here: not tested\n");
        skip();
    }
    assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &len), 0);
    snprintf(spec, sizeof spec, "syslog:udp://[::1]:%u", ntohs(at.sin6_port));
    snprintf(pid, sizeof pid, " %d flow - {", (int)getpid());
    struct output *o = open_output(spec, &config);
    give(o, 300);
    give(o, 9000);
    o->methods->tick(o, 1, true);
    ssize_t n = recv(fd, got, sizeof got - 1, 0);
    assert_true(n > 300 && n < 500);
    got[n] = '\0';
    assert_memory_equal(got, "<133>1 1970-01-01T00:00:00.000000Z ", 35); /* local0, notice */
    assert_non_null(strstr(got, " imward "));
    assert_non_null(strstr(got, pid));
    assert_int_equal(got[n - 1], '}');
    assert_int_equal(recv(fd, got, sizeof got, 0), 8192);
    assert_int_equal(o->written, 2);
    assert_true(o->up);
    close_output(o);
    close(fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lines_wait_in_the_buffer_for_200_ms_at_most),
        cmocka_unit_test(test_rotation_by_size_loses_no_line_and_keeps_the_newest_files),
        cmocka_unit_test(test_rotation_by_time_and_reopening_begin_a_new_file),
        cmocka_unit_test(test_a_file_that_was_removed_is_begun_anew),
        cmocka_unit_test(test_a_full_disk_leaves_whole_lines_loses_counts_and_recovers),
        cmocka_unit_test(test_what_ends_in_a_broken_line_is_mended_when_it_is_opened),
        cmocka_unit_test(test_a_pipe_goes_on_within_the_line_where_it_was_full),
        cmocka_unit_test(test_a_slow_client_loses_whole_lines_and_holds_up_no_other),
        cmocka_unit_test(test_what_waits_for_a_client_that_leaves_is_lost_and_no_counter_falls),
        cmocka_unit_test(test_sixteen_clients_may_connect_and_one_more_is_refused),
        cmocka_unit_test(test_a_socket_left_behind_is_replaced_one_in_use_is_not),
        cmocka_unit_test(test_cef_has_its_keys_and_escapes),
        cmocka_unit_test(test_leef_has_its_keys_between_tabs),
        cmocka_unit_test(test_a_wrong_specification_says_what_is_wrong),
        cmocka_unit_test(test_hosts_may_be_names_and_addresses_of_both_families),
        cmocka_unit_test(test_datagrams_over_ipv6_arrive_as_messages_and_are_cut_at_8_kib),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
