/* SPDX-License-Identifier: Apache-2.0 */
/* HTTP/1: who is asked for what, how bodies end, tunnels, upgrades and carried packets. */
#include "conversation.h"
#include "test.h"
#include <stdio.h>
#include <stdlib.h>

extern const struct parser parser_http;

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static struct outcome outcome;

static const char *told(const struct step *steps, size_t count)
{
    check_laws(&parser_http, steps, count, &outcome);
    assert_int_equal(outcome.answer, IM_YES);
    return outcome.record.text;
}

static void test_a_request_tells_host_path_and_agent(void **state)
{
    static const struct step steps[] = {
        CLIENT("GET /a?b=c HTTP/1.1\r\nAccept: */*\r\nHOST:  example.org:8080 \r\nUser-Agent: probe/1.0 "
               "(x)\r\n\r\n"),
        SERVER("HTTP/1.1 204 No Content\r\n\r\n"),
    };

    (void)state;
    assert_string_equal(told(steps, COUNT(steps)),
                        "name http-host example.org\nhttp GET /a?b=c agent=probe/1.0 (x)\n");
    assert_string_equal(outcome.finding.value, "HTTP/1 request GET");
    assert_false(outcome.finding.reversed);
    assert_null(outcome.finding.service);
}

static void test_kept_alive_connection_with_chunks_lengths_and_no_bodies(void **state)
{
    static const struct step steps[] = {
        CLIENT("POST /1 HTTP/1.1\r\nHost: a.example\r\nContent-Type: application/json\r\n"
               "Transfer-Encoding: gzip, chunked\r\nExpect: 100-continue\r\n\r\n"),
        SERVER("HTTP/1.1 100 Continue\r\n\r\n"),
        CLIENT("5;name=\"v\"\r\nhello\r\nA\r\nGET / HTTP/\r\n0\r\nTrailer: x\r\n\r\n"),
        SERVER("HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"),
        CLIENT("HEAD /2 HTTP/1.1\r\nHost: a.example\r\n\r\n"),
        SERVER("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n"),
        CLIENT("\r\nGET /3 HTTP/1.1\nHost: b.example\n\n"),
        SERVER("HTTP/1.1 304 Not Modified\r\nContent-Length: 77\r\n\r\n"),
        CLIENT("GET /4 HTTP/1.1\r\nHost: [2001:db8::1]:80\r\n\r\nGET /5 HTTP/1.1\r\nHost: c.example\r\n\r\n"),
        SERVER("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nHTTPHTTP/1.1 200 OK\r\n\r\nto the end\r\n"),
    };

    (void)state;
    assert_string_equal(told(steps, COUNT(steps)),
                        "name http-host a.example\nhttp POST /1\nname http-host a.example\nhttp HEAD /2\n"
                        "name http-host b.example\nhttp GET /3\nname http-host 2001:db8::1\nhttp GET /4\n"
                        "name http-host c.example\nhttp GET /5\nsettle\n");
}

static void test_an_absolute_target_counts_more_than_the_host(void **state)
{
    static const struct step steps[] = {
        CLIENT("GET http://u@web.example:80/x HTTP/1.1\r\nHost: other.example\r\n\r\n"
               "GET http://bare.example?q HTTP/1.1\r\nHost: other.example\r\n\r\n"
               "GET /?u=http://not.example/ HTTP/1.1\r\nHost: this.example\r\n\r\n"),
    };

    (void)state;
    assert_string_equal(told(steps, COUNT(steps)),
                        "name http-host web.example\nhttp GET /x\nname http-host bare.example\nhttp GET ?q\n"
                        "name http-host this.example\nhttp GET /?u=http://not.example/\n");
}

static void test_connect_changes_over_behind_the_answer(void **state)
{
    static const struct step steps[] = {
        CLIENT("CONNECT chat.example:443 HTTP/1.1\r\nHost: chat.example:443\r\nUser-Agent: x/1\r\n\r\n"),
        SERVER("HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 2\r\n\r\nno"),
        CLIENT("CONNECT chat.example:443 HTTP/1.1\r\nProxy-Authorization: Basic eA==\r\n\r\n"),
        SERVER("HTTP/1.1 200 Connection established\r\nVia: p\r\n\r\n"),
        CLIENT("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"),
        SERVER("\x16\x03\x03\x00\x7a\x02"),
    };

    (void)state;
    assert_string_equal(
        told(steps, COUNT(steps)),
        "name tunnel-target chat.example\nhint proxy chat.example:443\nhttp CONNECT agent=x/1\n"
        "name tunnel-target chat.example\nhint proxy chat.example:443\nhttp CONNECT\n"
        "upgrade unknown\n");
}

/* What feed uses up decides where the other protocol begins. */
static void test_connect_leaves_the_tunnel_to_the_other_protocol(void **state)
{
    static const char request[] = "CONNECT h.example:443 HTTP/1.1\r\n\r\n";
    static const char answer[] = "HTTP/1.0 200 OK\r\n\r\n";
    struct recorder *r = &outcome.record;
    void *http = calloc(1, parser_http.state_size);
    struct view client = VIEW("CONNECT h.example:443 HTTP/1.1\r\n\r\n\x16\x03\x01");
    struct view server = VIEW("HTTP/1.0 200 OK\r\n\r\n\x16\x03\x03");

    (void)state;
    assert_non_null(http);
    recorder_init(r);
    (void)parser_http.feed(http, recorder_session(r), FROM_SERVER,
                           VIEW("\r\n")); /* the server's side is there */
    assert_int_equal(parser_http.feed(http, recorder_session(r), FROM_CLIENT, client), sizeof request - 1);
    assert_false(r->upgraded);
    assert_int_equal(parser_http.feed(http, recorder_session(r), FROM_CLIENT, VIEW("\x16\x03\x01")), 0);
    assert_false(r->upgraded);
    assert_int_equal(parser_http.feed(http, recorder_session(r), FROM_SERVER, server), sizeof answer - 1);
    assert_true(r->upgraded);
    free(http);
}

static void test_connect_without_the_servers_side_ends_where_http_does(void **state)
{
    static const struct step tunnel[] = {
        CLIENT("CONNECT h.example:5222 HTTP/1.1\r\n\r\n<stream:stream>"),
    };
    static const struct step refused[] = {
        CLIENT("CONNECT h.example:5222 HTTP/1.1\r\n\r\n"),
        CLIENT("GET / HTTP/1.1\r\nHost: i.example\r\n\r\n"),
    };

    (void)state;
    assert_string_equal(
        told(tunnel, COUNT(tunnel)),
        "name tunnel-target h.example\nhint proxy h.example:5222\nhttp CONNECT\nupgrade unknown\n");
    assert_string_equal(told(refused, COUNT(refused)),
                        "name tunnel-target h.example\nhint proxy h.example:5222\nhttp CONNECT\n"
                        "name http-host i.example\nhttp GET /\n");
}

static void test_upgrades(void **state)
{
    static const struct step websocket[] = {
        CLIENT("GET /ws HTTP/1.1\r\nHost: a.example\r\nConnection: Upgrade\r\nUpgrade: WebSocket\r\n\r\n"),
        SERVER("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n"),
        SERVER("\x81\x02hi"),
    };
    static const struct step h2c[] = {
        CLIENT("GET / HTTP/1.1\r\nHost: a.example\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n\r\n"),
        SERVER("HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\n\r\n"),
    };
    static const struct step other[] = {
        CLIENT("GET / HTTP/1.1\r\nHost: a.example\r\nUpgrade: something/2\r\n\r\n"),
        SERVER("HTTP/1.1 101 Switching Protocols\r\nUpgrade: something/2\r\n\r\n"),
    };
    static const struct step refused[] = {
        CLIENT("GET /1 HTTP/1.1\r\nHost: a.example\r\nUpgrade: h2c\r\n\r\n"),
        SERVER("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"),
        CLIENT("GET /2 HTTP/1.1\r\nHost: a.example\r\n\r\n"),
    };

    (void)state;
    assert_string_equal(told(websocket, COUNT(websocket)),
                        "name http-host a.example\nhttp GET /ws\nupgrade websocket\n");
    assert_string_equal(told(h2c, COUNT(h2c)), "name http-host a.example\nhttp GET /\nupgrade http2\n");
    assert_string_equal(told(other, COUNT(other)), "name http-host a.example\nhttp GET /\nupgrade unknown\n");
    assert_string_equal(told(refused, COUNT(refused)),
                        "name http-host a.example\nhttp GET /1\nname http-host a.example\nhttp GET /2\n");
}

static void test_msn_gateway_packets_are_one_inner_stream(void **state)
{
    static const struct step steps[] = {
        CLIENT("POST /gateway/gateway.dll?Action=open&Server=NS HTTP/1.1\r\nHost: gateway.example\r\n"
               "Content-Type: application/x-msn-messenger\r\nContent-Length: 14\r\n\r\nVER 1 MSNP15\r\n"),
        SERVER("HTTP/1.1 200 OK\r\nContent-Type: application/x-msn-messenger\r\nContent-Length: 14\r\n\r\n"
               "VER 1 MSNP15\r\n"),
        CLIENT(
            "POST /gateway/gateway.dll?Action=poll HTTP/1.1\r\nHost: gateway.example\r\nContent-Length: 0\r\n"
            "Content-Type: application/x-msn-messenger\r\n\r\n"),
        SERVER("HTTP/1.1 200 OK\r\nContent-Type: application/x-msn-messenger\r\nTransfer-Encoding: "
               "chunked\r\n\r\n"
               "3\r\nCHL\r\n4\r\n 0 1\r\n0\r\n\r\n"),
    };

    (void)state;
    assert_string_equal(
        told(steps, COUNT(steps)),
        "name http-host gateway.example\nhttp POST /gateway/gateway.dll?Action=open&Server=NS\n"
        "inner client VER 1 MSNP15??\ninner server VER 1 MSNP15??\n"
        "name http-host gateway.example\nhttp POST /gateway/gateway.dll?Action=poll\n"
        "inner server CHL 0 1\n");
}

static void test_each_exchange_of_octets_is_an_inner_stream_of_its_own(void **state)
{
    static const struct step steps[] = {
        CLIENT(
            "POST /mmtls/00000001 HTTP/1.1\r\nHost: s.example\r\nContent-Type: application/octet-stream\r\n"
            "Content-Length: 5\r\n\r\n\x16\xf1\x04\x00\x00"),
        SERVER("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc"),
        CLIENT("POST /notify HTTP/1.0\r\nHost: y.example\r\nContent-Length: 4\r\n\r\nYMSG"),
        SERVER("HTTP/1.0 200 OK\r\n\r\nYMSG"),
    };

    (void)state;
    assert_string_equal(told(steps, COUNT(steps)),
                        "name http-host s.example\nhttp POST /mmtls/00000001\ninner client ????"
                        "?\ninner server abc\n"
                        "name http-host y.example\nhttp POST /notify\ninner end\ninner client YMSG\n"
                        "inner server YMSG\n");
}

static void test_text_is_looked_into_only_where_it_begins_as_ymsg_does(void **state)
{
    static const struct step notes[] = {
        CLIENT("POST /n HTTP/1.1\r\nHost: a.example\r\nContent-Type: text/plain\r\nContent-Length: 19\r\n\r\n"
               "VER 1 MSNP12 CVR0\r\n"),
    };
    static const struct step packet[] = {
        CLIENT(
            "POST /n HTTP/1.1\r\nHost: a.example\r\nContent-Type: text/plain\r\nContent-Length: 4\r\n\r\nYMSG"),
    };

    (void)state;
    assert_string_equal(told(notes, COUNT(notes)), "name http-host a.example\nhttp POST /n\n");
    assert_string_equal(told(packet, COUNT(packet)),
                        "name http-host a.example\nhttp POST /n\ninner client YMSG\n");
}

static void test_other_bodies_are_not_looked_into(void **state)
{
    static const struct step steps[] = {
        CLIENT(
            "PUT /f HTTP/1.1\r\nHost: a.example\r\nContent-Type: application/octet-stream\r\nContent-Length: "
            "3\r\n"
            "\r\nabcPOST /g HTTP/1.1\r\nHost: a.example\r\nContent-Type: application/json; charset=utf-8\r\n"
            "Content-Length: 2\r\n\r\n{}POST /h HTTP/1.1\r\nHost: a.example\r\nContent-Type: text/xml\r\n"
            "Content-Encoding: gzip\r\nContent-Length: 2\r\n\r\nxx"),
        SERVER("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\nok"),
    };

    (void)state;
    (void)told(steps, COUNT(steps));
    assert_int_equal(recorder_count(&outcome.record, "http "), 3);
    assert_int_equal(recorder_count(&outcome.record, "inner"), 0);
}

static void append(char *buffer, size_t *len, const char *words, size_t n)
{
    memcpy(buffer + *len, words, n);
    *len += n;
}

/* Of a body of 70,000 octets 65,536 are passed; all are used up. */
static void test_a_carried_body_is_bounded(void **state)
{
    static char body[70000];
    struct recorder *r = &outcome.record;
    void *http = calloc(1, parser_http.state_size);
    struct view head = VIEW("POST / HTTP/1.1\r\nContent-Length: 70000\r\n\r\n"),
                next = VIEW("GET /2 HTTP/1.1\r\n\r\n");

    (void)state;
    assert_non_null(http);
    memset(body, 'x', sizeof body);
    recorder_init(r);
    assert_int_equal(parser_http.feed(http, recorder_session(r), FROM_CLIENT, head), head.len);
    assert_int_equal(parser_http.feed(http, recorder_session(r), FROM_CLIENT, view_of(body, 65530)), 65530);
    recorder_init(r); /* the lines so far fill it */
    assert_int_equal(parser_http.feed(http, recorder_session(r), FROM_CLIENT, view_of(body, 4470)), 4470);
    assert_int_equal(parser_http.feed(http, recorder_session(r), FROM_CLIENT, next), next.len);
    assert_string_equal(r->text, "inner client xxxxxx\nhttp GET /2\n");
    free(http);
}

static void test_lines_too_long_are_skipped(void **state)
{
    static char request[12000];
    static const char head[] = "GET / HTTP/1.1\r\nCookie: ", rest[] = "\r\nHost: a.example\r\n\r\n";
    size_t len = 0;

    (void)state;
    append(request, &len, head, sizeof head - 1);
    memset(request + len, 'c', 9000);
    len += 9000;
    append(request, &len, rest, sizeof rest - 1);
    struct step step = { FROM_CLIENT, view_of(request, len) };
    assert_string_equal(told(&step, 1), "name http-host a.example\nhttp GET /\n");
    len = 0;
    append(request, &len, "GET /", 5);
    memset(request + len, 'p', 9000);
    len += 9000;
    append(request, &len, " HTTP/1.1\r\n", 11);
    assert_int_equal(probe_bytes(&parser_http, view_of(request, len)), IM_NO);
}

static void test_a_header_of_too_many_lines_is_not_believed(void **state)
{
    static char request[4000];
    size_t len = 0;

    (void)state;
    append(request, &len, "GET /1 HTTP/1.1\r\nHost: a.example\r\n", 34);
    for (int i = 0; i < 120; i++)
        append(request, &len, "X: y\r\n", 6);
    append(request, &len, "Content-Length: 3\r\n\r\nxyzGET /2 HTTP/1.1\r\n\r\n", 43);
    struct step step = { FROM_CLIENT, view_of(request, len) };
    assert_string_equal(told(&step, 1), "name http-host a.example\nhttp GET /1\nhttp GET /2\n");
}

static void test_an_answer_alone_is_http(void **state)
{
    static const struct step steps[] = {
        SERVER(
            "HTTP/1.1 200 OK\r\nContent-Type: application/x-msn-messenger\r\nContent-Length: 3\r\n\r\nabc"),
        SERVER("HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n"),
    };

    (void)state;
    assert_string_equal(told(steps, COUNT(steps)), "inner server abc\n");
    assert_string_equal(outcome.finding.value, "HTTP/1 answer");
}

static void test_midstream_sides_may_be_swapped(void **state)
{
    struct view request = VIEW("GET / HTTP/1.1\r\n"), answer = VIEW("HTTP/1.1 200 OK\r\n"),
                noise = VIEW("\x00\x01\x02\x03");
    struct view none = view_of(NULL, 0);
    const struct {
        struct view bytes[2];
        enum im_answer answer;
        bool reversed;
    } cases[] = {
        { { request, none }, IM_YES, false }, { { none, request }, IM_YES, true },
        { { answer, none }, IM_YES, true },   { { none, answer }, IM_YES, false },
        { { noise, answer }, IM_YES, false }, { { noise, none }, IM_NO, false },
        { { none, none }, IM_MORE, false },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct sample s = { .l4 = L4_TCP,
                            .midstream = true,
                            .bytes = { cases[i].bytes[0], cases[i].bytes[1] } };
        struct finding found = { 0 };
        assert_int_equal(parser_http.probe(&s, &found), cases[i].answer);
        assert_int_equal(found.reversed, cases[i].reversed);
    }
}

static void test_after_a_gap_the_next_start_line_is_found(void **state)
{
    struct recorder *r = &outcome.record;
    void *http = calloc(1, parser_http.state_size);
    struct view first = VIEW(
        "POST / HTTP/1.1\r\nHost: a.example\r\nContent-Type: image/png\r\nContent-Length: 5000\r\n\r\nabc");
    struct view later =
        VIEW("tail\r\nof HTTP/1.1\nthe GET body HTTP/1.1\r\nlastPUT /2 HTTP/1.1\r\nHost: b.example\r\n\r\n");

    (void)state;
    assert_non_null(http);
    recorder_init(r);
    assert_int_equal(parser_http.feed(http, recorder_session(r), FROM_CLIENT, first), first.len);
    assert_true(parser_http.gap(http, NULL, FROM_CLIENT, 100));
    assert_int_equal(parser_http.feed(http, recorder_session(r), FROM_CLIENT, later), later.len);
    assert_string_equal(r->text,
                        "name http-host a.example\nhttp POST /\nname http-host b.example\nhttp PUT /2\n");
    free(http);
}

static void test_connect_whose_answer_is_lost_ends_where_http_does(void **state)
{
    struct recorder *r = &outcome.record;
    void *http = calloc(1, parser_http.state_size);
    struct view request = VIEW("CONNECT a.example:443 HTTP/1.1\r\n\r\n");

    (void)state;
    assert_non_null(http);
    recorder_init(r);
    (void)parser_http.feed(http, recorder_session(r), FROM_CLIENT, request);
    (void)parser_http.feed(http, recorder_session(r), FROM_SERVER, VIEW("HTTP/1.1 2"));
    assert_int_equal(parser_http.feed(http, recorder_session(r), FROM_CLIENT, VIEW("\x16\x03\x01")), 0);
    assert_false(r->upgraded);
    assert_true(parser_http.gap(http, NULL, FROM_SERVER, 100));
    assert_int_equal(parser_http.feed(http, recorder_session(r), FROM_CLIENT, VIEW("\x16\x03\x01")), 0);
    assert_true(r->upgraded);
    free(http);
}

/* The server's side never asks, whatever its bodies hold. */
static void test_a_request_inside_an_answer_is_not_a_request(void **state)
{
    struct recorder *r = &outcome.record;
    void *http = calloc(1, parser_http.state_size);
    struct view request = VIEW("GET / HTTP/1.1\r\nHost: a.example\r\n\r\n");
    struct view answer = VIEW("HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\nx\r\n");
    struct view decoy = VIEW("GET / HTTP/1.1\r\nHost: im.example\r\n\r\n");

    (void)state;
    assert_non_null(http);
    recorder_init(r);
    (void)parser_http.feed(http, recorder_session(r), FROM_CLIENT, request);
    (void)parser_http.feed(http, recorder_session(r), FROM_SERVER, answer);
    assert_true(parser_http.gap(http, NULL, FROM_SERVER, 100));
    (void)parser_http.feed(http, recorder_session(r), FROM_SERVER, decoy);
    assert_string_equal(r->text, "name http-host a.example\nhttp GET /\n");
    free(http);
}

static void test_inspection_ends_after_sixteen_requests_that_prove_nothing(void **state)
{
    static char requests[64 * 20];
    size_t len = 0;

    (void)state;
    for (int i = 0; i < 20; i++)
        append(requests, &len, "GET / HTTP/1.1\r\n\r\n", 18);
    struct step step = { FROM_CLIENT, view_of(requests, len) };
    (void)told(&step, 1);
    assert_int_equal(recorder_count(&outcome.record, "http "), 16);
    assert_true(outcome.record.settled);
}

static void test_a_hit_tells_the_client_and_goes_on(void **state)
{
    struct recorder *r = &outcome.record;
    void *http = calloc(1, parser_http.state_size);
    struct view request = VIEW("GET / HTTP/1.1\r\nUser-Agent: Chat/2.1 Linux\r\n\r\n");
    struct view browser = VIEW("GET / HTTP/1.1\r\nUser-Agent: Mozilla/5.0 (X11)\r\n\r\n");

    (void)state;
    assert_non_null(http);
    recorder_init(r);
    r->known_names = true;
    r->no_files = true;
    (void)parser_http.feed(http, recorder_session(r), FROM_CLIENT, request);
    assert_true(recorder_has(r, "client Chat/2.1"));
    for (int i = 1; i < 63; i++)
        (void)parser_http.feed(http, recorder_session(r), FROM_CLIENT, browser);
    assert_int_equal(recorder_count(r, "client "), 1);
    assert_false(r->settled);
    (void)parser_http.feed(http, recorder_session(r), FROM_CLIENT, browser);
    assert_true(r->settled);
    free(http);
}

static void test_what_only_looks_like_http_is_refused(void **state)
{
    static const char *const decoys[] = {
        "OPTIONS sip:bob@example.org SIP/2.0\r\n",
        "OPTIONS rtsp://h/ RTSP/1.0\r\n",
        "GET /index.html\r\n",
        "REGISTER sip:example.org SIP/2.0\r\n",
        "PRI * HTTP/2.0\r\n",
        "get / HTTP/1.1\r\n",
        "GET  HTTP/1.1\r\n",
        "GETX / HTTP/1.1\r\n",
        "GET / HTTP/2.0\r\n",
        "GET / HTTP/1.1 \r\n",
        "GET /\x01 HTTP/1.1\r\n",
        "GET /\x01",
        "SOURCE /live ICE/1.0\r\n",
        "USR 1 TWN I bob@example.org\r\n",
        "HTTP/1.1 200 OK\r\n",
        "POST",
        "\x16\x03\x01",
    };
    static const struct step server[] = { SERVER("ICY 200 OK\r\n") };
    static const struct step near[] = { SERVER("HTTP/1.1 999 OK\r\n") };
    static const struct step mail[] = { SERVER("220 mx ESMTP\r\n"), CLIENT("GET / HTTP/1.1\r\n") };

    (void)state;
    for (size_t i = 0; i < COUNT(decoys); i++) {
        enum im_answer answer = probe_bytes(&parser_http, view_string(decoys[i]));
        assert_int_equal(answer, strcmp(decoys[i], "POST") == 0 ? IM_MORE : IM_NO);
    }
    converse(&parser_http, server, 1, &outcome);
    assert_int_equal(outcome.answer, IM_NO);
    converse(&parser_http, near, 1, &outcome);
    assert_int_equal(outcome.answer, IM_NO);
    converse(&parser_http, mail, 2, &outcome);
    assert_int_equal(outcome.answer, IM_NO);
    assert_false(parser_http.starts('<', FROM_CLIENT));
    assert_true(parser_http.starts('G', FROM_CLIENT));
    assert_true(parser_http.starts('H', FROM_SERVER));
    assert_false(parser_http.starts('G', FROM_SERVER));
}

static void test_lengths_that_contradict_each_other_are_not_believed(void **state)
{
    static const struct step steps[] = {
        CLIENT("POST /1 HTTP/1.1\r\nContent-Type: a/b\r\nContent-Length: 4\r\nContent-Length: 5\r\n\r\nabcd"
               "GET /2 HTTP/1.1\r\n\r\n"),
        CLIENT("PUT /3 HTTP/1.1\r\nContent-Length: -4\r\n\r\nGET /4 HTTP/1.1\r\n\r\n"),
        CLIENT("PUT /5 HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nabGET /6 HTTP/1.1\r\n\r\n"),
        CLIENT("PUT /7 HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nabcGET /8 HTTP/1.1\r\n\r\n"),
    };

    (void)state;
    assert_string_equal(told(steps, COUNT(steps)),
                        "http POST /1\nhttp GET /2\nhttp PUT /3\nhttp GET /4\nhttp PUT /5\n"
                        "http GET /6\nhttp PUT /7\nhttp GET /8\n");
}

/* The announcement is made by the first call: the recorder begins empty. */
static size_t announced_feed(void *state, struct session *s, enum flow_dir from, struct view in)
{
    struct recorder *r = (struct recorder *)s;

    if (r->announced_token == 0) {
        struct im_file f = { .name = VIEW("a.txt"), .account = VIEW("alice"), .size = 11, .outgoing = true };
        session_announce(s, VIEW("http files.example/u/a.txt?x=1"), &f);
    }
    return parser_http.feed(state, s, from, in);
}

static const char *announced(const struct step *steps, size_t count)
{
    struct parser given = parser_http;

    given.feed = announced_feed;
    check_laws(&given, steps, count, &outcome);
    assert_int_equal(outcome.answer, IM_YES);
    return outcome.record.text;
}

#define ANNOUNCE "announce http files.example/u/a.txt?x=1 name=a.txt account=alice size=11 out\n"

static void test_what_is_put_under_an_announced_url_is_a_file(void **state)
{
    static const struct step steps[] = {
        CLIENT(
            "PUT /u/a.txt?x=1 HTTP/1.1\r\nHost: Files.example:5280\r\nContent-Length: 11\r\n\r\nhello world"),
        SERVER("HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n"),
        CLIENT("PUT /u/a.txt HTTP/1.1\r\nHost: files.example\r\nContent-Length: 5\r\n\r\nother"),
        CLIENT(
            "PUT http://files.example/u/a.txt?x=1 HTTP/1.1\r\nHost: proxy\r\nTransfer-Encoding: chunked\r\n\r\n"
            "6\r\nhello \r\n5\r\nworld\r\n0\r\n\r\n"),
        CLIENT("PUT /u/a.txt?x=1 HTTP/1.1\r\nHost: files.example\r\nContent-Encoding: gzip\r\n"
               "Content-Length: 5\r\n\r\nother"),
    };

    (void)state;
    assert_string_equal(
        announced(steps, COUNT(steps)),
        ANNOUNCE "name http-host Files.example\nhttp PUT /u/a.txt?x=1\n"
                 "activity file\nfile 1 name=a.txt size=11 out\nbytes 1 at 0 hello world\nfile 1 whole\n"
                 "name http-host files.example\nhttp PUT /u/a.txt\n"
                 "name http-host files.example\nhttp PUT /u/a.txt?x=1\n"
                 "activity file\nfile 2 name=a.txt size=11 out\nbytes 2 at 0 hello world\nfile 2 whole\n"
                 "name http-host files.example\nhttp PUT /u/a.txt?x=1\n"
                 "activity file\nfile 3 name=a.txt size=5 out\nbytes 3 at 0 other\nfile 3 whole\n");
}

static void test_what_is_fetched_from_an_announced_url_is_a_file(void **state)
{
    static const struct step steps[] = {
        CLIENT("GET /u/a.txt?x=1 HTTP/1.1\r\nHost: files.example\r\n\r\n"),
        SERVER("HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\nno"),
        CLIENT("GET /u/a.txt?x=1 HTTP/1.1\r\nHost: files.example\r\n\r\n"),
        SERVER("HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\nhello world"),
        CLIENT("GET /u/a.txt?x=1 HTTP/1.1\r\nHost: files.example\r\n\r\n"),
        SERVER("HTTP/1.1 200 OK\r\n\r\nto the end"),
    };

    (void)state;
    (void)announced(steps, COUNT(steps));
    assert_int_equal(recorder_count(&outcome.record, "file "), 3);
    assert_true(recorder_has(&outcome.record, "bytes 1 at 0 hello world"));
    assert_true(recorder_has(&outcome.record, "file 1 whole"));
    assert_true(recorder_has(&outcome.record, "bytes 2 at 0 to the end"));
}

static void test_a_file_goes_on_behind_lost_bytes(void **state)
{
    static struct recorder r;
    static uint64_t memory[PARSER_STATE_BYTES / 8];
    struct session *s = recorder_session(&r);
    struct view request =
        VIEW("PUT /u/a.txt?x=1 HTTP/1.1\r\nHost: files.example\r\nContent-Length: 11\r\n\r\nhello");

    (void)state;
    recorder_init(&r);
    for (size_t n = 1; n > 0 && request.len > 0; request = view_from(request, n))
        n = announced_feed(memory, s, FROM_CLIENT, request);
    assert_true(parser_http.gap(memory, s, FROM_CLIENT, 3));
    assert_int_equal(parser_http.feed(memory, s, FROM_CLIENT, VIEW("rld")), 3);
    assert_true(recorder_has(&r, "bytes 1 at 8 rld"));
    assert_true(recorder_has(&r, "file 1 whole"));
}

/* ---- files ---- */

enum setting { PLAIN, ON_HOST = 1, ON_MEDIA = 2, NO_FILES = 4 };

/* Follow a conversation in segments of `cut` octets (0: as it is), on a host that is known or not. */
static const char *follow(const struct step *steps, size_t count, unsigned setting, size_t cut,
                          struct recorder *r)
{
    void *http = calloc(1, parser_http.state_size);
    static uint8_t kept[2][1 << 16];
    size_t len[2] = { 0, 0 };

    assert_non_null(http);
    r->known_names = (setting & (ON_HOST | ON_MEDIA)) != 0;
    r->media = (setting & ON_MEDIA) != 0;
    r->no_files = (setting & NO_FILES) != 0;
    for (size_t i = 0; i < count; i++) {
        unsigned from = steps[i].from;
        for (size_t at = 0; at < steps[i].bytes.len && !r->settled;) {
            struct view piece = view_slice(steps[i].bytes, at, cut > 0 ? at + cut : steps[i].bytes.len);
            memcpy(kept[from] + len[from], piece.at, piece.len);
            len[from] += piece.len;
            at += piece.len;
            size_t used = parser_http.feed(http, recorder_session(r), (enum flow_dir)from,
                                           view_of(kept[from], len[from]));
            memmove(kept[from], kept[from] + used, len[from] - used);
            len[from] -= used;
        }
    }
    free(http);
    return r->text;
}

/* The lines about files; they must be the same however the bytes were cut. */
static const char *files_told(const struct step *steps, size_t count, unsigned setting,
                              const struct announced_file *announced, const char *token)
{
    static char first[RECORD_BYTES];
    const size_t cuts[] = { 0, 1, 2, 3, 5, 7, 17, 64 };

    for (size_t i = 0; i < COUNT(cuts); i++) {
        recorder_init(&outcome.record);
        if (announced != NULL) {
            struct im_file f = announced_view(announced);
            session_announce(recorder_session(&outcome.record), view_string(token), &f);
        }
        (void)follow(steps, count, setting, cuts[i], &outcome.record);
        if (i == 0)
            memcpy(first, outcome.record.text, sizeof first);
        assert_string_equal(first, outcome.record.text);
    }
    const char *at = strstr(first, "\nfile 1");
    return at != NULL ? at + 1 : "";
}

#define FORM                                                                                                 \
    "POST /send HTTP/1.1\r\nHost: im.example\r\nContent-Type: multipart/form-data; boundary=\"-x\"\r\n"
#define PARTS                                                                                                   \
    "---x\r\nContent-Disposition: form-data; name=\"to\"\r\n\r\nbob\r\n---x\r\n"                                \
    "Content-Disposition: form-data; name=\"f\"; filename=\"a;b.txt\"\r\nContent-Type: text/plain; x=y\r\n\r\n" \
    "one\r\n---\r\n--\r\r\n---y\r\n---x\r\n"                                                                    \
    "content-disposition: form-data; name=\"g\"; filename*=UTF-8''%c3%a9.bin\r\n\r\n\r\n---x--\r\n---x\r\nover"

static void test_parts_of_a_form_with_a_file_name_are_files(void **state)
{
    static const struct step steps[] = {
        CLIENT(FORM "Content-Length: 277\r\n\r\n" PARTS),
        CLIENT("GET /next HTTP/1.1\r\n\r\n"),
    };
    static const struct step chunked[] = {
        CLIENT(FORM "Transfer-Encoding: chunked\r\n\r\n115\r\n" PARTS "\r\n0\r\n\r\n"),
        CLIENT("GET /next HTTP/1.1\r\n\r\n"),
    };
    const char *expected = "file 1 name=a;b.txt type=text/plain out\n"
                           "bytes 1 at 0 one?\?---?\?--?\?\?---y\n"
                           "file 1 whole\n"
                           "file 2 name=\xc3\xa9.bin out\n"
                           "file 2 whole\n"
                           "http GET /next\n";

    (void)state;
    assert_int_equal(sizeof PARTS - 1, 277);
    assert_string_equal(files_told(steps, COUNT(steps), ON_HOST, NULL, NULL), expected);
    assert_string_equal(files_told(chunked, COUNT(chunked), ON_HOST, NULL, NULL), expected);
    assert_string_equal(files_told(steps, COUNT(steps), PLAIN, NULL, NULL), "");
    assert_string_equal(files_told(steps, COUNT(steps), ON_HOST | NO_FILES, NULL, NULL), "");
}

static void test_form_that_is_cut_and_one_without_a_boundary(void **state)
{
    static const struct step cut[] = {
        CLIENT(FORM "Content-Length: 77\r\n\r\n"
                    "---x\r\nContent-Disposition: form-data; name=f; filename=cut.bin\r\n\r\nbytes......"),
        CLIENT("GET /next HTTP/1.1\r\n\r\n"),
    };
    static const struct step none[] = {
        CLIENT("POST / HTTP/1.1\r\nContent-Type: multipart/form-data\r\nContent-Length: 60\r\n\r\n"
               "--\r\nContent-Disposition: form-data; filename=x\r\n\r\nbytes...."),
    };

    (void)state;
    assert_string_equal(files_told(cut, COUNT(cut), ON_HOST, NULL, NULL), "file 1 name=cut.bin out\n"
                                                                          "bytes 1 at 0 bytes......\n"
                                                                          "file 1 cut\n"
                                                                          "http GET /next\n");
    assert_string_equal(files_told(none, COUNT(none), ON_HOST, NULL, NULL), "");
}

static void test_bodies_of_files_that_a_client_sends(void **state)
{
    static const struct step steps[] = {
        CLIENT(
            "PUT /up/my%20cat.png?k=/v HTTP/1.1\r\nContent-Type: image/png\r\nContent-Length: 4\r\n\r\nabcd"),
        CLIENT("POST /up/part HTTP/1.1\r\nContent-Type: application/pdf\r\nContent-Range: bytes 8-11/100\r\n"
               "Content-Length: 4\r\n\r\nefgh"),
        CLIENT("POST /api HTTP/1.1\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"),
        CLIENT("POST /p HTTP/1.1\r\nContent-Type: application/octet-stream\r\nContent-Length: 2\r\n\r\nhi"),
    };
    const char *both = "file 1 name=my cat.png type=image/png size=4 out\n"
                       "bytes 1 at 0 abcd\n"
                       "file 1 whole\n"
                       "http POST /up/part\n"
                       "file 2 name=part type=application/pdf size=100 offset=8 out\n"
                       "bytes 2 at 8 efgh\n"
                       "file 2 whole\n"
                       "http POST /api\nhttp POST /p\n";
    char media[800];

    (void)state;
    snprintf(media, sizeof media, "%sinner client hi", both);
    assert_string_equal(files_told(steps, COUNT(steps), ON_HOST, NULL, NULL), media);
    snprintf(media, sizeof media,
             "%sfile 3 name=p type=application/octet-stream size=2 out\nbytes 3 at 0 hi\nfile 3 whole\n",
             both);
    assert_string_equal(files_told(steps, COUNT(steps), ON_MEDIA, NULL, NULL), media);
    assert_string_equal(files_told(steps, COUNT(steps), PLAIN, NULL, NULL), "");
}

static void test_answers_that_are_files(void **state)
{
    static const struct step steps[] = {
        CLIENT("GET /d/1 HTTP/1.1\r\nUser-Agent: x/1\r\n\r\n"),
        SERVER(
            "HTTP/1.1 200 OK\r\nContent-Disposition: attachment; filename=\"plan.doc\"\r\nContent-Type: text/html\r\n"
            "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"),
        CLIENT("GET /img/a.jpg HTTP/1.1\r\n\r\n"),
        SERVER("HTTP/1.1 206 Partial\r\nContent-Type: image/jpeg\r\nContent-Range: bytes 2-4/9\r\n"
               "Content-Length: 3\r\nUser-Agent: not one\r\n\r\njpg"),
        CLIENT("GET /missing HTTP/1.1\r\n\r\n"),
        SERVER("HTTP/1.1 404 No\r\nContent-Type: image/jpeg\r\nContent-Length: 3\r\n\r\n404"),
    };
    const char *first = "file 1 name=plan.doc type=text/html in\n"
                        "bytes 1 at 0 abcde\n"
                        "file 1 whole\n"
                        "http GET /img/a.jpg\n";
    char all[400];

    (void)state;
    snprintf(all, sizeof all, "%shttp GET /missing\n", first);
    assert_string_equal(files_told(steps, COUNT(steps), ON_HOST, NULL, NULL), all);
    snprintf(
        all, sizeof all,
        "%sfile 2 name=a.jpg type=image/jpeg size=9 offset=2 in\nbytes 2 at 2 jpg\nfile 2 whole\nhttp GET /missing\n",
        first);
    assert_string_equal(files_told(steps, COUNT(steps), ON_MEDIA, NULL, NULL), all);
}

static void test_packets_that_answer_packets_are_no_file(void **state)
{
    static const struct step steps[] = {
        CLIENT("POST /notifyft HTTP/1.1\r\nContent-Length: 2\r\n\r\nhi"),
        SERVER("HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\nContent-Length: 2\r\n\r\nyo"),
    };

    (void)state;
    assert_string_equal(files_told(steps, COUNT(steps), ON_MEDIA, NULL, NULL), "");
    assert_true(strstr(outcome.record.text, "inner server yo") != NULL);
}

static void test_what_was_announced_is_told_on_any_host(void **state)
{
    static const struct step fetched[] = {
        CLIENT("GET /bob/.tmp/1?x HTTP/1.0\r\nHost: FS.example:80\r\n\r\n"),
        SERVER("HTTP/1.0 200 OK\r\n\r\nabcde"),
    };
    static const struct step relayed[] = {
        CLIENT("POST /relay?token=a%24b%24&sender=alice&recver=bob HTTP/1.1\r\nHost: 198.51.100.30\r\n"
               "Content-Length: 5\r\n\r\nabcde"),
    };
    struct announced_file a = { .size = 5, .outgoing = true, .name = "plan.doc" };

    (void)state;
    assert_string_equal(files_told(fetched, COUNT(fetched), PLAIN, &a, "http fs.example/bob/.tmp/1?x"),
                        "file 1 name=plan.doc size=5 out\nbytes 1 at 0 abcde\nfile 1 whole\n");
    assert_string_equal(files_told(fetched, COUNT(fetched), PLAIN, &a, "http fs.example/bob/.tmp/2"), "");
    assert_string_equal(files_told(relayed, COUNT(relayed), PLAIN, &a, "yahoo a$b$"),
                        "file 1 name=plan.doc size=5 out\nbytes 1 at 0 abcde\nfile 1 whole\n");
}

static void lose_inside(const char *head, const char *begin, const char *rest, uint64_t lost,
                        const char *expected)
{
    struct recorder *r = &outcome.record;
    void *http = calloc(1, parser_http.state_size);

    assert_non_null(http);
    recorder_init(r);
    r->known_names = true;
    (void)parser_http.feed(http, recorder_session(r), FROM_CLIENT, view_string(head));
    (void)parser_http.feed(http, recorder_session(r), FROM_CLIENT, view_string(begin));
    assert_true(parser_http.gap(http, recorder_session(r), FROM_CLIENT, lost));
    (void)parser_http.feed(http, recorder_session(r), FROM_CLIENT, view_string(rest));
    const char *at = strstr(r->text, "bytes 1");
    assert_non_null(at);
    assert_string_equal(at, expected);
    free(http);
}

static void test_place_in_a_file_survives_a_loss(void **state)
{
    (void)state;
    lose_inside("PUT /a HTTP/1.1\r\nContent-Type: image/png\r\nContent-Length: 10\r\n\r\n", "abc",
                "hijGET /next HTTP/1.1\r\n\r\n", 4,
                "bytes 1 at 0 abc\nbytes 1 at 7 hij\nfile 1 whole\nhttp GET /next\n");
    lose_inside("PUT /a HTTP/1.1\r\nContent-Type: image/png\r\nContent-Length: 10\r\n\r\n", "abc",
                "GET /next HTTP/1.1\r\n\r\n", 40, "bytes 1 at 0 abc\nfile 1 cut\nhttp GET /next\n");
    lose_inside("PUT /a HTTP/1.1\r\nContent-Type: image/png\r\nTransfer-Encoding: chunked\r\n\r\n",
                "a\r\nabc", "hij\r\n0\r\n\r\nGET /next HTTP/1.1\r\n\r\n", 4,
                "bytes 1 at 0 abc\nbytes 1 at 7 hij\nfile 1 whole\nhttp GET /next\n");
    lose_inside(FORM "Content-Length: 86\r\n\r\n---x\r\nContent-Disposition: form-data; filename=a\r\n\r\n",
                "abc", "hij\r\n---x--\r\n..............GET /next HTTP/1.1\r\n\r\n", 4,
                "bytes 1 at 0 abc\nbytes 1 at 7 hij\nfile 1 cut\nhttp GET /next\n");
}

static void test_parts_without_end_are_told_so_far(void **state)
{
    static char body[32768];
    struct text t = TEXT(body);
    struct step steps[] = { CLIENT(FORM "Content-Length: 30000\r\n\r\n"), { FROM_CLIENT, VIEW("") } };

    (void)state;
    for (int i = 0; i < 300; i++)
        text_string(&t, "---x\r\nContent-Disposition: form-data; filename=f\r\n\r\nabc\r\n");
    steps[1].bytes = view_of(body, t.len);
    (void)files_told(steps, COUNT(steps), ON_HOST, NULL, NULL);
    assert_int_equal(recorder_count(&outcome.record, "bytes "), 256);
    assert_int_equal(recorder_count(&outcome.record, "anomaly overlong parts of a form"), 1);
}

static void test_head_of_a_part_without_end_is_not_kept(void **state)
{
    static char body[32768];
    struct text t = TEXT(body);
    struct step steps[] = { CLIENT(FORM "Content-Length: 30000\r\n\r\n"), { FROM_CLIENT, VIEW("") } };

    (void)state;
    text_string(&t, "---x\r\nContent-Disposition: form-data; filename=f\r\nX: ");
    for (int i = 0; i < 5000; i++)
        text_char(&t, 'x');
    text_string(&t, "\r\n");
    for (int i = 0; i < 40; i++)
        text_string(&t, "Y: z\r\n");
    text_string(&t, "\r\nabc\r\n---x--\r\n");
    steps[1].bytes = view_of(body, t.len);
    (void)files_told(steps, COUNT(steps), ON_HOST, NULL, NULL);
    assert_int_equal(recorder_count(&outcome.record, "file 1 name=f out"), 1);
    assert_int_equal(recorder_count(&outcome.record, "file 1 whole"), 1);
}

/* Both would lie where the program's name is kept. */
static void test_odd_header_fields_do_not_disturb_what_is_kept(void **state)
{
    static const struct step steps[] = {
        CLIENT("POST /x HTTP/1.1\r\nUser-Agent: Chat/1\r\nContent-Disposition: attachment; filename=z\r\n"
               "Content-Type: multipart/form-data; boundary=x\r\nContent-Length: 71\r\n\r\n"
               "--x\r\nContent-Disposition: form-data; filename=a"),
        SERVER(
            "HTTP/1.1 100 Continue\r\nUser-Agent: \xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\r\n"
            "Content-Disposition: attachment; filename=other\r\n\r\n"),
        CLIENT(".b\r\n\r\nbytes\r\n--x--"),
    };

    (void)state;
    assert_string_equal(files_told(steps, COUNT(steps), ON_HOST, NULL, NULL),
                        "file 1 name=a.b out\nbytes 1 at 0 bytes\nfile 1 whole\n");
    assert_true(recorder_has(&outcome.record, "http POST /x agent=Chat/1"));
}

static void test_nothing_is_settled_inside_a_file(void **state)
{
    struct recorder *r = &outcome.record;
    void *http = calloc(1, parser_http.state_size);
    struct view upload = VIEW("PUT /a HTTP/1.1\r\nContent-Type: image/png\r\nContent-Length: 2\r\n\r\nab");

    (void)state;
    assert_non_null(http);
    for (int wanted = 0; wanted < 2; wanted++) {
        memset(http, 0, parser_http.state_size);
        recorder_init(r);
        r->known_names = true;
        r->no_files = !wanted;
        for (int i = 0; i < 70 && !r->settled; i++)
            (void)parser_http.feed(http, recorder_session(r), FROM_CLIENT, upload);
        assert_int_equal(r->settled, !wanted);
        assert_int_equal(recorder_count(r, "file "), wanted ? 140 : 0);
    }
    free(http);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_request_tells_host_path_and_agent),
        cmocka_unit_test(test_kept_alive_connection_with_chunks_lengths_and_no_bodies),
        cmocka_unit_test(test_an_absolute_target_counts_more_than_the_host),
        cmocka_unit_test(test_connect_changes_over_behind_the_answer),
        cmocka_unit_test(test_connect_leaves_the_tunnel_to_the_other_protocol),
        cmocka_unit_test(test_connect_without_the_servers_side_ends_where_http_does),
        cmocka_unit_test(test_upgrades),
        cmocka_unit_test(test_msn_gateway_packets_are_one_inner_stream),
        cmocka_unit_test(test_each_exchange_of_octets_is_an_inner_stream_of_its_own),
        cmocka_unit_test(test_text_is_looked_into_only_where_it_begins_as_ymsg_does),
        cmocka_unit_test(test_other_bodies_are_not_looked_into),
        cmocka_unit_test(test_a_carried_body_is_bounded),
        cmocka_unit_test(test_lines_too_long_are_skipped),
        cmocka_unit_test(test_a_header_of_too_many_lines_is_not_believed),
        cmocka_unit_test(test_an_answer_alone_is_http),
        cmocka_unit_test(test_midstream_sides_may_be_swapped),
        cmocka_unit_test(test_after_a_gap_the_next_start_line_is_found),
        cmocka_unit_test(test_connect_whose_answer_is_lost_ends_where_http_does),
        cmocka_unit_test(test_a_request_inside_an_answer_is_not_a_request),
        cmocka_unit_test(test_inspection_ends_after_sixteen_requests_that_prove_nothing),
        cmocka_unit_test(test_a_hit_tells_the_client_and_goes_on),
        cmocka_unit_test(test_what_only_looks_like_http_is_refused),
        cmocka_unit_test(test_lengths_that_contradict_each_other_are_not_believed),
        cmocka_unit_test(test_what_is_put_under_an_announced_url_is_a_file),
        cmocka_unit_test(test_what_is_fetched_from_an_announced_url_is_a_file),
        cmocka_unit_test(test_a_file_goes_on_behind_lost_bytes),
        cmocka_unit_test(test_parts_of_a_form_with_a_file_name_are_files),
        cmocka_unit_test(test_form_that_is_cut_and_one_without_a_boundary),
        cmocka_unit_test(test_bodies_of_files_that_a_client_sends),
        cmocka_unit_test(test_answers_that_are_files),
        cmocka_unit_test(test_packets_that_answer_packets_are_no_file),
        cmocka_unit_test(test_what_was_announced_is_told_on_any_host),
        cmocka_unit_test(test_place_in_a_file_survives_a_loss),
        cmocka_unit_test(test_parts_without_end_are_told_so_far),
        cmocka_unit_test(test_head_of_a_part_without_end_is_not_kept),
        cmocka_unit_test(test_odd_header_fields_do_not_disturb_what_is_kept),
        cmocka_unit_test(test_nothing_is_settled_inside_a_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
