/* SPDX-License-Identifier: Apache-2.0 */
/*
 * RADIUS accounting: packets made here after RFC 2866, and FreeRADIUS' radclient, which checks the
 * authenticator of the answer; both over a real socket.
 */
#include "../test.h"
#include "sensor/radius.h"
#include "sensor/radius_packet.h"
#include <arpa/inet.h>
#include <openssl/evp.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

static const uint64_t second = 1000000, start = UINT64_C(1700000000) * 1000000;
static _Atomic uint64_t now_us;

static uint64_t clock_us(void)
{
    return atomic_load(&now_us);
}

/* ---- packets ---- */

struct request {
    uint8_t bytes[512];
    size_t len;
};

static void begin(struct request *r, uint8_t identifier)
{
    memset(r, 0, sizeof *r);
    r->bytes[0] = 4;
    r->bytes[1] = identifier;
    r->len = 20;
}

static void attribute(struct request *r, uint8_t type, struct view value)
{
    r->bytes[r->len] = type;
    r->bytes[r->len + 1] = (uint8_t)(value.len + 2);
    memcpy(r->bytes + r->len + 2, value.at, value.len);
    r->len += value.len + 2;
}

static struct view sign(struct request *r, const char *secret)
{
    uint8_t all[600];
    unsigned len = 16;

    r->bytes[2] = (uint8_t)(r->len >> 8);
    r->bytes[3] = (uint8_t)r->len;
    memset(r->bytes + 4, 0, 16);
    memcpy(all, r->bytes, r->len);
    memcpy(all + r->len, secret, strlen(secret));
    assert_int_equal(EVP_Digest(all, r->len + strlen(secret), r->bytes + 4, &len, EVP_md5(), NULL), 1);
    return view_of(r->bytes, r->len);
}

/* A request of a session of alice's at 10.0.0.7. */
static struct view session(struct request *r, uint8_t identifier, char status, const char *user)
{
    char four[4] = { 0, 0, 0, status };

    begin(r, identifier);
    attribute(r, 40, view_of(four, 4));
    attribute(r, 1, view_string(user));
    attribute(r, 8, VIEW("\x0a\0\0\7"));
    attribute(r, 31, VIEW("02-00-00-00-00-17"));
    return sign(r, "secret");
}

static void test_a_request_is_read(void **state)
{
    struct radius_request q;
    struct request r;

    (void)state;
    begin(&r, 9);
    attribute(&r, 40, VIEW("\0\0\0\1"));
    attribute(&r, 41, VIEW("\0\0\0\x1e"));
    attribute(&r, 1, VIEW("alice"));
    attribute(&r, 8, VIEW("\x0a\0\0\7"));
    attribute(&r, 8, VIEW("\xff\xff\xff\xfe"));
    attribute(&r, 168, VIEW("\x20\1\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\7"));
    attribute(&r, 97, VIEW("\0\x80\x20\1\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x8"));
    attribute(&r, 97, VIEW("\0\x40\x20\1\x0d\xb8\0\0\0\0"));
    struct view packet = sign(&r, "secret");
    assert_true(radius_read(packet, &q));
    assert_true(radius_is_authentic(packet, VIEW("secret")));
    assert_false(radius_is_authentic(packet, VIEW("secre")));
    assert_int_equal(q.identifier, 9);
    assert_int_equal(q.status, RADIUS_START);
    assert_int_equal(q.delay_s, 30);
    assert_true(view_equal(q.user, VIEW("alice")));
    assert_int_equal(q.addresses, 3);
    assert_false(q.has_mac);
    for (size_t len = 0; len < packet.len; len++)
        assert_false(radius_read(view_slice(packet, 0, len), &q));
    memcpy(r.bytes + r.len, "padding", 7);
    assert_true(radius_read(view_of(r.bytes, r.len + 7), &q));
    assert_true(radius_is_authentic(view_of(r.bytes, r.len + 7), VIEW("secret")));
    r.bytes[0] = 1; /* Access-Request */
    assert_false(radius_read(view_of(r.bytes, r.len), &q));
    r.bytes[0] = 4;
    r.bytes[21] = 1; /* an attribute shorter than its head */
    assert_false(radius_read(view_of(r.bytes, r.len), &q));
}

static void test_hardware_addresses_in_all_their_spellings(void **state)
{
    static const char *const good[] = { "02-00-5E-00-53-aB", "02:00:5e:00:53:ab", "0200.5e00.53ab",
                                        "02005e0053ab" };
    static const char *const bad[] = { "",      "02-00-5e-00-53", "02-00-5e-00-53-ab-cd", "0-200-5e0-053ab",
                                       "alice", "+41441234567",   "02005e0053abc",        "-02005e0053ab" };
    uint8_t mac[6];

    (void)state;
    for (unsigned i = 0; i < sizeof good / sizeof good[0]; i++) {
        assert_true(radius_parse_mac(view_string(good[i]), mac));
        assert_memory_equal(mac, "\x02\x00\x5e\x00\x53\xab", 6);
    }
    for (unsigned i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_false(radius_parse_mac(view_string(bad[i]), mac));
}

/* ---- the listener ---- */

struct rig {
    struct knowledge *k;
    struct radius *r;
    int socket;
    char secrets[32];
};

static int set_up(void **state)
{
    static struct rig rig;
    static const char lines[] = "# clients\n127.0.0.0/8 secret\n";
    struct sockaddr_in to = { .sin_family = AF_INET };
    struct imw_error_info err = { 0 };

    strcpy(rig.secrets, "/tmp/imward-test-XXXXXX");
    int fd = mkstemp(rig.secrets);
    if (fd < 0 || write(fd, lines, sizeof lines - 1) < 0)
        return -1;
    close(fd);
    atomic_store(&now_us, start);
    rig.k = knowledge_new(0);
    if (!radius_new("127.0.0.1:0", rig.secrets, rig.k, clock_us, &rig.r, &err))
        return -1;
    to.sin_port = htons(radius_port(rig.r));
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    rig.socket = socket(AF_INET, SOCK_DGRAM, 0);
    *state = &rig;
    return connect(rig.socket, (struct sockaddr *)&to, sizeof to);
}

static int tear_down(void **state)
{
    struct rig *rig = *state;

    radius_free(rig->r);
    knowledge_free(rig->k);
    close(rig->socket);
    unlink(rig->secrets);
    return 0;
}

/* Send, and wait for the answer; false: none within `wait_ms`. */
static bool ask(struct rig *rig, struct view packet, uint8_t answer[20], int wait_ms)
{
    struct pollfd wait = { .fd = rig->socket, .events = POLLIN };

    assert_int_equal(send(rig->socket, packet.at, packet.len, 0), (ssize_t)packet.len);
    return poll(&wait, 1, wait_ms) == 1 && recv(rig->socket, answer, 20, 0) == 20;
}

static struct known_who at(const struct rig *rig, uint8_t last)
{
    struct ip_addr a = ip_from_v4((const uint8_t[]){ 10, 0, 0, last });
    struct known_who who;

    if (!knowledge_who(rig->k, &a, clock_us(), &who))
        memset(&who, 0, sizeof who);
    return who;
}

static void test_a_session_begins_goes_on_and_ends(void **state)
{
    struct rig *rig = *state;
    struct radius_counters c;
    struct request r;
    uint8_t answer[20], want[20 + 6];
    unsigned len = 16;

    assert_true(ask(rig, session(&r, 1, RADIUS_START, "alice"), answer, 5000));
    memcpy(want, "\5\1\0\x14", 4); /* the answer's authenticator, RFC 2866 section 3 */
    memcpy(want + 4, r.bytes + 4, 16);
    memcpy(want + 20, "secret", 6);
    assert_int_equal(EVP_Digest(want, sizeof want, want + 4, &len, EVP_md5(), NULL), 1);
    assert_memory_equal(answer, want, 20);
    struct known_who who = at(rig, 7);
    assert_string_equal(who.user, "alice");
    assert_int_equal(who.user_source, WHO_RADIUS);
    assert_int_equal(who.user_us, start);
    assert_memory_equal(who.mac, "\2\0\0\0\0\x17", 6);

    atomic_store(&now_us, start + 600 * second);
    assert_true(ask(rig, session(&r, 2, RADIUS_INTERIM, "alice"), answer, 5000));
    assert_int_equal(at(rig, 7).user_us, start + 600 * second);
    assert_true(ask(rig, session(&r, 3, RADIUS_STOP, "bob"), answer, 5000)); /* another's, late */
    assert_string_equal(at(rig, 7).user, "alice");
    assert_true(ask(rig, session(&r, 4, RADIUS_STOP, "alice"), answer, 5000));
    assert_string_equal(at(rig, 7).user, "");
    radius_counters(rig->r, &c);
    assert_int_equal(c.requests, 4);
    assert_int_equal(c.repeated, 0);
}

static void test_a_request_sent_again_is_answered_and_does_nothing(void **state)
{
    struct rig *rig = *state;
    struct radius_counters c;
    struct request first, stop;
    uint8_t answer[20], again[20];

    struct view packet = session(&first, 1, RADIUS_START, "alice");
    assert_true(ask(rig, packet, answer, 5000));
    atomic_store(&now_us, start + second);
    assert_true(ask(rig, session(&stop, 2, RADIUS_STOP, "alice"), again, 5000));
    atomic_store(&now_us, start + 2 * second);
    assert_true(ask(rig, packet, again, 5000));
    assert_memory_equal(answer, again, 20);
    assert_string_equal(at(rig, 7).user, "");
    radius_counters(rig->r, &c);
    assert_int_equal(c.requests, 3);
    assert_int_equal(c.repeated, 1);
}

static void test_who_does_not_know_the_secret_gets_no_answer(void **state)
{
    struct rig *rig = *state;
    struct radius_counters c;
    struct request r;
    uint8_t answer[20];

    session(&r, 1, RADIUS_START, "alice");
    assert_false(ask(rig, sign(&r, "wrong"), answer, 300));
    assert_false(ask(rig, VIEW("\4\1\0\x14 too short"), answer, 300));
    radius_counters(rig->r, &c);
    assert_int_equal(c.forged, 1);
    assert_int_equal(c.malformed, 1);
    assert_int_equal(c.requests, 0);
    assert_string_equal(at(rig, 7).user, "");
}

static void test_secrets_that_are_read_again_hold_from_then_on(void **state)
{
    static const char line[] = "127.0.0.1 another\n", broken[] = "127.0.0.1\n";
    struct imw_error_info err = { .code = IMW_OK };
    struct rig *rig = *state;
    struct request r;
    uint8_t answer[20];

    FILE *f = fopen(rig->secrets, "w");
    assert_non_null(f);
    assert_int_equal(fputs(line, f) >= 0 && fclose(f) == 0, 1);
    assert_true(ask(rig, session(&r, 1, RADIUS_START, "alice"), answer, 5000));
    assert_true(radius_reload(rig->r, rig->secrets, &err));
    session(&r, 2, RADIUS_START, "bob");
    assert_false(ask(rig, sign(&r, "secret"), answer, 300));
    assert_true(ask(rig, sign(&r, "another"), answer, 5000));
    assert_string_equal(at(rig, 7).user, "bob");

    f = fopen(rig->secrets, "w");
    assert_non_null(f);
    assert_int_equal(fputs(broken, f) >= 0 && fclose(f) == 0, 1);
    assert_false(radius_reload(rig->r, rig->secrets, &err));
    assert_int_equal(err.line, 1);
    session(&r, 3, RADIUS_START, "carol");
    assert_true(ask(rig, sign(&r, "another"), answer, 5000)); /* those in force stay */
}

static void test_machines_and_mac_authentication_are_no_users(void **state)
{
    struct rig *rig = *state;
    struct request r;
    uint8_t answer[20];

    assert_true(ask(rig, session(&r, 1, RADIUS_START, "02-00-00-00-00-17"), answer, 5000));
    assert_string_equal(at(rig, 7).user, "");
    assert_true(ask(rig, session(&r, 2, RADIUS_START, "BANK\\PC-17$"), answer, 5000));
    assert_string_equal(at(rig, 7).host, "PC-17");
    atomic_store(&now_us, start + second);
    assert_true(ask(rig, session(&r, 3, RADIUS_START, "host/pc-17.bank.example"), answer, 5000));
    assert_string_equal(at(rig, 7).host, "pc-17.bank.example");
    assert_string_equal(at(rig, 7).user, "");
}

static void test_clients_that_are_not_in_the_file_are_counted_only(void **state)
{
    struct rig *rig = *state;
    struct radius_counters c;
    struct imw_error_info err = { 0 };
    struct request r;
    uint8_t answer[20];
    FILE *f = fopen(rig->secrets, "w");

    fputs("10.0.0.0/8 secret\n", f);
    fclose(f);
    radius_free(rig->r);
    assert_true(radius_new("127.0.0.1:0", rig->secrets, rig->k, clock_us, &rig->r, &err));
    struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(radius_port(rig->r)) };
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    assert_int_equal(connect(rig->socket, (struct sockaddr *)&to, sizeof to), 0);
    assert_false(ask(rig, session(&r, 1, RADIUS_START, "alice"), answer, 300));
    radius_counters(rig->r, &c);
    assert_int_equal(c.unknown, 1);
}

static void test_it_says_why_it_cannot_listen(void **state)
{
    struct rig *rig = *state;
    struct imw_error_info err = { 0 };
    struct radius *r;
    char taken[32];

    assert_false(radius_new("1813", rig->secrets, rig->k, clock_us, &r, &err));
    assert_non_null(strstr(err.text, "ADDRESS:PORT"));
    snprintf(taken, sizeof taken, "127.0.0.1:%u", radius_port(rig->r));
    assert_false(radius_new(taken, rig->secrets, rig->k, clock_us, &r, &err));
    assert_int_equal(chmod(rig->secrets, 0644), 0);
    assert_false(radius_new("127.0.0.1:0", rig->secrets, rig->k, clock_us, &r, &err));
    assert_int_equal(err.code, IMW_ERROR_TRUST);
    assert_int_equal(chmod(rig->secrets, 0600), 0);
    assert_true(radius_new("[::1]:0", rig->secrets, rig->k, clock_us, &r, &err));
    radius_free(r);
}

/* Run FreeRADIUS' client; its exit status says whether it took the answer. */
static int radclient(const struct rig *rig, const char *secret, const char *pairs)
{
    char command[512];

    snprintf(command, sizeof command,
             "printf '%%s' '%s' | radclient -r 1 -t 1 127.0.0.1:%u acct %s >/dev/null 2>&1", pairs,
             radius_port(rig->r), secret);
    return system(command);
}

static void test_radclient_takes_the_answers(void **state)
{
    struct rig *rig = *state;

    if (system("command -v radclient >/dev/null") != 0) {
        print_message("no radclient here (Debian: freeradius-utils)\n");
        skip();
    }
    assert_int_equal(
        radclient(rig, "secret",
                  "Acct-Status-Type=Start,User-Name=alice,Framed-IP-Address=10.0.0.9,"
                  "Framed-IPv6-Address=2001:db8::9,Calling-Station-Id=0200.0000.0019,Acct-Session-Id=1"),
        0);
    assert_string_equal(at(rig, 9).user, "alice");
    assert_memory_equal(at(rig, 9).mac, "\2\0\0\0\0\x19", 6);
    struct ip_addr v6 = { 0 };
    struct known_who who = { 0 };
    assert_true(ip_parse(VIEW("2001:db8::9"), &v6));
    assert_true(knowledge_who(rig->k, &v6, clock_us(), &who));
    assert_string_equal(who.user, "alice");
    atomic_store(&now_us, start + second);
    assert_int_equal(
        radclient(rig, "secret",
                  "Acct-Status-Type=Stop,User-Name=alice,Framed-IP-Address=10.0.0.9,Acct-Session-Id=1"),
        0);
    assert_string_equal(at(rig, 9).user, "");
    assert_int_not_equal(
        radclient(rig, "wrong", "Acct-Status-Type=Start,User-Name=eve,Framed-IP-Address=10.0.0.9"), 0);
    assert_string_equal(at(rig, 9).user, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_request_is_read),
        cmocka_unit_test(test_hardware_addresses_in_all_their_spellings),
        cmocka_unit_test_setup_teardown(test_a_session_begins_goes_on_and_ends, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_request_sent_again_is_answered_and_does_nothing, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_who_does_not_know_the_secret_gets_no_answer, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_secrets_that_are_read_again_hold_from_then_on, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_machines_and_mac_authentication_are_no_users, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_clients_that_are_not_in_the_file_are_counted_only, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_it_says_why_it_cannot_listen, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_radclient_takes_the_answers, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
