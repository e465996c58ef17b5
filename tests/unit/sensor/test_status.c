/* SPDX-License-Identifier: Apache-2.0 */
/* Forms of a status: JSON there and back, Prometheus' text, health. */
#include "base/json_value.h"
#include "sensor/pretend.h"
#include "test.h"
#include <stdlib.h>

static struct pretend pretend = { .started_us = UINT64_C(1795000000000000),
                                  .now_us = UINT64_C(1795000060000000),
                                  .workers = 3,
                                  .services = 5 };

static struct sensor_status known(void)
{
    struct sensor_status s;

    pretend_status(&pretend, &s);
    s.control.requests = 11;
    s.control.scrapes = 22;
    s.reloaded_us = 33;
    return s;
}

static void test_ways_to_packets_keep_their_names(void **state)
{
    static const char *const methods[] = { "af_packet", "af_xdp", "nfqueue" };

    (void)state;
    for (size_t i = 0; i < sizeof methods / sizeof methods[0]; i++) {
        struct sensor_status s = known(), again;
        s.method = methods[i];
        json_t *object = status_object(&s);
        status_read(object, &again);
        json_decref(object);
        assert_string_equal(again.method, methods[i]);
    }
}

static void test_json_there_and_back_is_the_same(void **state)
{
    struct sensor_status s = known(), again;

    (void)state;
    json_t *object = status_object(&s);
    assert_non_null(object);
    status_read(object, &again);
    json_decref(object);
    char *one = status_json(&s), *two = status_json(&again);
    assert_string_equal(one, two);
    assert_int_equal(again.live.dropped, s.live.dropped);
    assert_int_equal(again.flows_live, 812345);
    assert_int_equal(again.workers[2].cpu, -1);
    assert_int_equal(again.worker_count, 3);
    assert_string_equal(again.events.services[4].slug, s.events.services[4].slug);
    assert_int_equal(again.counters.n[COUNT_FLOWS_IM], s.counters.n[COUNT_FLOWS_IM]);
    assert_int_equal(again.decided.bytes[8], 5);
    assert_string_equal(again.method, "af_packet");
    assert_true(again.events.outputs[1].up);
    assert_true(s.events.alerts > 0 && again.events.alerts == s.events.alerts);
    assert_true(s.events.files > 0 && again.events.files == s.events.files);
    assert_int_equal(again.content.messages, 3000);
    assert_int_equal(again.content.alerts_suppressed, 7);
    assert_true(again.content.scanners.clamd_up);
    assert_string_equal(again.content.scanners.clamd_version, "ClamAV 1.4.6/27800");
    assert_int_equal(again.content.scanners.signatures_made_s, s.content.scanners.signatures_made_s);
    assert_int_equal(again.radius.forged, 1);
    assert_string_equal(again.sandbox.user, "imward");
    assert_true(again.sandbox.seccomp);
    assert_int_equal(again.sandbox.landlock, 7);
    free(one);
    free(two);
}

static void test_json_of_a_full_status_has_everything_that_may_be(void **state)
{
    struct pretend full = pretend;
    struct sensor_status s, again;

    (void)state;
    full.workers = ENGINE_WORKERS_MAX;
    full.services = TOP_SERVICES;
    pretend_status(&full, &s);
    json_t *object = status_object(&s);
    status_read(object, &again);
    assert_int_equal(again.worker_count, ENGINE_WORKERS_MAX);
    assert_int_equal(again.events.service_count, TOP_SERVICES);
    json_decref(object);
}

static void test_json_that_lies_is_read_within_bounds(void **state)
{
    struct sensor_status s;
    json_t *object =
        json_loads("{\"workers\":[1,null,{\"cpu\":\"x\"}],\"services\":{},\"outputs\":7,\"pid\":\"me\","
                   "\"version\":\"\\u001b[31mlong long long long\",\"live\":[],"
                   "\"interface\":{\"state\":\"sideways\"},\"flows\":{\"live\":-5}}",
                   0, NULL);

    (void)state;
    assert_non_null(object);
    for (unsigned i = 0; i < 3 * ENGINE_WORKERS_MAX; i++)
        json_array_append_new(json_object_get(object, "workers"), json_pack("{}"));
    status_read(object, &s);
    assert_int_equal(s.worker_count, ENGINE_WORKERS_MAX);
    assert_int_equal(s.events.service_count, 0);
    assert_int_equal(s.flows_live, 0);
    assert_string_equal(s.state, "unknown");
    assert_string_equal(s.version, "?[31mlong long ");
    json_decref(object);
}

static void test_json_of_bytes_that_are_not_utf8_is_json(void **state)
{
    struct sensor_status s = known();

    (void)state;
    snprintf(s.policy_path, sizeof s.policy_path, "/tmp/\xff\xfe\x01");
    char *text = status_json(&s);
    assert_non_null(text);
    assert_non_null(strstr(text, "\"/tmp/???\""));
    free(text);
}

static void has(const char *text, const char *line)
{
    if (strstr(text, line) == NULL)
        fail_msg("no line: %s", line);
}

static void test_prometheus_has_the_known_numbers(void **state)
{
    struct sensor_status s = known();
    char *text = status_prometheus(&s);

    (void)state;
    assert_non_null(text);
    has(text, "\nimward_drops_total{cause=\"kernel_ring\",unit=\"packets\"} 4200\n");
    has(text, "\nimward_flows_live 812345\n");
    has(text, "\nimward_catalog_age_seconds 259200\n");
    has(text, "\nimward_policy_loaded 1\n");
    has(text, "\nimward_frames_total 60000000\n");
    has(text, "\nimward_worker_cpu{worker=\"2\"} -1\n");
    has(text, "\nimward_output_up{output=\"unix:/run/imward/\\\"events\\\".sock\"} 1\n");
    has(text, "\nimward_verdicts_total{service=\"whatsapp\",action=\"alert\"} 4800\n");
    has(text, "\nimward_verdicts_total{service=\"whatsapp\",action=\"other\"} 18600\n");
    has(text, "\nimward_http_requests_total 22\n");
    has(text, "\nimward_radius_requests_total{result=\"answered\"} 7\n");
    has(text, "\nimward_radius_requests_total{result=\"forged\"} 1\n");
    has(text, "\nimward_sandbox_seccomp 1\n");
    has(text, "\nimward_content_messages_total 3000\n");
    has(text, "\nimward_content_infected_total 2\n");
    has(text, "\nimward_content_alerts_suppressed_total 7\n");
    has(text, "\nimward_scanner_up{scanner=\"clamd\"} 1\n");
    has(text, "\nimward_scanner_signatures_timestamp_seconds{scanner=\"clamd\"} 1795000000\n");
    has(text, "\nimward_scanner_entries{kind=\"yara\"} 9\n");
    free(text);
    s.content.scanners = (struct scanner_status){ 0 }; /* none is configured: nobody may miss it */
    s.content.files_refused = 8;
    s.counters.n[COUNT_CONTENT_LOST] = 12;
    text = status_prometheus(&s);
    assert_null(strstr(text, "imward_scanner_up"));
    assert_null(strstr(text, "imward_scanner_signatures"));
    has(text, "\nimward_drops_total{cause=\"files_refused\",unit=\"files\"} 8\n");
    has(text, "\nimward_drops_total{cause=\"content_ring\",unit=\"records\"} 12\n");
    has(text, "\nimward_content_lost_total 12\n");
    free(text);
}

static void test_prometheus_histograms_are_cumulative(void **state)
{
    struct sensor_status s = known();

    (void)state;
    s.decided.packets[DECISION_BUCKETS - 1] = 1; /* above all bounds */
    char *text = status_prometheus(&s);
    has(text, "\nimward_decision_packets_bucket{le=\"1\"} 10\n");
    has(text, "\nimward_decision_packets_bucket{le=\"2\"} 19\n");
    has(text, "\nimward_decision_packets_bucket{le=\"32\"} 45\n");
    has(text, "\nimward_decision_packets_bucket{le=\"16384\"} 45\n");
    has(text, "\nimward_decision_packets_bucket{le=\"+Inf\"} 46\nimward_decision_packets_sum 372\n"
              "imward_decision_packets_count 46\n");
    has(text, "\nimward_decision_payload_bytes_bucket{le=\"16\"} 5\n");
    assert_null(strstr(text, "packets_bucket{le=\"32768\"}"));
    free(text);
}

/* A name told twice makes the whole of it void; the engine's counters are named by another table. */
static void test_prometheus_tells_each_name_once(void **state)
{
    struct sensor_status s = known();
    char *text = status_prometheus(&s);
    unsigned names = 0;

    (void)state;
    for (char *at = strstr(text, "# TYPE "); at != NULL; at = strstr(at + 1, "# TYPE ")) {
        size_t length = 7 + strcspn(at + 7, " ") + 1; /* with the space behind it */
        char *name = strndup(at, length);
        assert_null(strstr(at + 1, name));
        free(name);
        names++;
    }
    assert_true(names > 60);
    free(text);
}

static void test_health_tells_the_first_that_is_wrong(void **state)
{
    struct sensor_status s = known();
    char why[256];

    (void)state;
    assert_true(status_is_healthy(&s, why));
    s.events.outputs[1].up = false;
    assert_false(status_is_healthy(&s, why));
    assert_non_null(strstr(why, "siem.bank.example"));
    s.state = "gone";
    assert_false(status_is_healthy(&s, why));
    assert_string_equal(why, "interface eth1 is gone");
    s = known();
    s.catalog_built_s -= 200 * 86400;
    assert_false(status_is_healthy(&s, why));
    assert_non_null(strstr(why, "203 days"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ways_to_packets_keep_their_names),
        cmocka_unit_test(test_json_there_and_back_is_the_same),
        cmocka_unit_test(test_json_of_a_full_status_has_everything_that_may_be),
        cmocka_unit_test(test_json_that_lies_is_read_within_bounds),
        cmocka_unit_test(test_json_of_bytes_that_are_not_utf8_is_json),
        cmocka_unit_test(test_prometheus_has_the_known_numbers),
        cmocka_unit_test(test_prometheus_histograms_are_cumulative),
        cmocka_unit_test(test_prometheus_tells_each_name_once),
        cmocka_unit_test(test_health_tells_the_first_that_is_wrong),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
