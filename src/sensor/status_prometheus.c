/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The status of a sensor in Prometheus' text format 0.0.4
 * (https://prometheus.io/docs/instrumenting/exposition_formats/). docs/metrics.md lists every name.
 *
 * Names carry their units, counters end in _total. Latencies are histograms: the sensor counts each decision
 * in one bucket, here they are added up ("le" is cumulative). The last bucket of the sensor has no upper
 * bound, so it only shows in +Inf.
 */
#include "sensor/control.h"
#include <stdio.h>
#include <stdlib.h>

/* Those without labels: type, name after "imward_", value, what it is */
#define PLAIN(X)                                                                                             \
    X("gauge", "start_time_seconds", s->started_us / 1000000, "when the sensor started, since 1970")         \
    X("gauge", "interface_up", strcmp(s->state, "up") == 0, "1: the interface is up")                        \
    X("counter", "received_packets_total", s->live.received, "packets received from the interface")          \
    X("counter", "ring_full_total", s->live.freezes, "times that a capture ring was full")                   \
    X("counter", "bypassed_packets_total", s->live.bypassed_packets, "packets that the kernel only counted") \
    X("counter", "bypassed_bytes_total", s->live.bypassed_bytes, "bytes in such packets")                    \
    X("counter", "bypassed_flows_total", s->live.bypassed_flows, "flows handed to the kernel to count")      \
    X("counter", "bypass_full_total", s->live.bypass_full, "flows that the bypass had no room for")          \
    X("gauge", "flows_live", s->flows_live, "flows in the table")                                            \
    X("gauge", "flows_peak", s->memory.flows_peak, "most flows at a time so far")                            \
    X("gauge", "inspections_live", s->memory.inspect_used, "objects of inspection in use")                   \
    X("gauge", "resident_memory_bytes", s->resident_bytes, "memory of the sensor's processes")               \
    X("gauge", "endpoints", s->endpoints.entries, "addresses that the kernel drops by itself")               \
    X("counter", "endpoints_added_total", s->endpoints.added, "such addresses so far")                       \
    X("counter", "endpoints_refused_total", s->endpoints.refused, "of them refused: no room")                \
    X("counter", "endpoints_dropped_packets_total", s->endpoints.dropped_packets, "dropped by --drop-at")    \
    X("gauge", "catalog_built_timestamp_seconds", s->catalog_built_s, "when the catalog was built")          \
    X("gauge", "catalog_age_seconds", catalog_age_s(s), "time since the catalog was built")                  \
    X("gauge", "sandbox_seccomp", s->sandbox.seccomp, "1: the list of system calls holds")                   \
    X("gauge", "sandbox_landlock_version", s->sandbox.landlock, "of Landlock; 0: none")                      \
    X("gauge", "policy_loaded", s->policy_path[0] != '\0', "1: a policy is in force")                        \
    X("gauge", "reload_timestamp_seconds", s->reloaded_us / 1000000, "last reload that worked")              \
    X("gauge", "reload_failing", s->reload_error[0] != '\0', "1: the last reload failed, the old stays")     \
    X("counter", "events_written_total", s->events.written, "events written")                                \
    X("counter", "events_lost_total", s->events.lost, "events lost because a ring was full")                 \
    X("counter", "events_bytes_total", s->events.bytes, "bytes of events written")                           \
    X("counter", "events_files_total", s->events.files, "of them files that were carried")                   \
    X("counter", "events_alerts_total", s->events.alerts, "of them alerts of threat detectors")              \
    X("counter", "events_stopped_total", s->events.stopped, "events of what was stopped on the wire")        \
    X("counter", "control_requests_total", s->control.requests, "requests on the control socket")            \
    X("counter", "control_malformed_total", s->control.malformed, "of them malformed")                       \
    X("counter", "control_refused_total", s->control.refused, "clients sent away: no right, or too many")    \
    X("counter", "control_slow_total", s->control.slow, "clients sent away by a time-out")                   \
    X("counter", "http_requests_total", s->control.scrapes, "HTTP requests, this one included")

static uint64_t catalog_age_s(const struct sensor_status *s)
{
    uint64_t now_s = s->now_us / 1000000;
    return now_s > s->catalog_built_s ? now_s - s->catalog_built_s : 0;
}

static void head(FILE *out, const char *name, const char *type, const char *help)
{
    fprintf(out, "# HELP imward_%s %s\n# TYPE imward_%s %s\n", name, help, name, type);
}

/* A label's value: backslash, quote and line end are escaped; text_printable() leaves no line end. */
static void label(FILE *out, const char *name, const char *value)
{
    char clean[256];
    struct text t = TEXT(clean);

    text_printable(&t, view_string(value));
    fprintf(out, "%s=\"", name);
    for (size_t i = 0; i < t.len; i++) {
        if (clean[i] == '"' || clean[i] == '\\')
            fputc('\\', out);
        fputc(clean[i], out);
    }
    fputc('"', out);
}

/* A sample with one label. */
static void sample(FILE *out, const char *metric, const char *name, const char *value, uint64_t n)
{
    fprintf(out, "imward_%s{", metric);
    label(out, name, value);
    fprintf(out, "} %llu\n", (unsigned long long)n);
}

static void write_info(FILE *out, const struct sensor_status *s)
{
    head(out, "build_info", "gauge", "the program's version");
    sample(out, "build_info", "version", s->version, 1);
    head(out, "sensor_info", "gauge", "what is watched, and how");
    fputs("imward_sensor_info{", out);
    label(out, "interface", s->interface);
    fputc(',', out);
    label(out, "method", s->method);
    fputc(',', out);
    label(out, "bypass", strcmp(s->bypass, "on") == 0 ? "on" : "off");
    fputc(',', out);
    label(out, "catalog", s->catalog_version);
    fputs("} 1\n", out);
}

static void write_plain(FILE *out, const struct sensor_status *s)
{
#define X(type, name, value, help)                                                                           \
    head(out, name, type, help);                                                                             \
    fprintf(out, "imward_%s %llu\n", name, (unsigned long long)(value));
    PLAIN(X)
#undef X
    head(out, "memory_peak_bytes", "gauge", "memory of the tables at their peak");
    sample(out, "memory_peak_bytes", "table", "flows", s->memory.flow_bytes);
    sample(out, "memory_peak_bytes", "table", "inspection", s->memory.inspect_bytes);
    head(out, "radius_requests_total", "counter", "packets of RADIUS accounting, by what became of them");
    sample(out, "radius_requests_total", "result", "answered", s->radius.requests - s->radius.repeated);
    sample(out, "radius_requests_total", "result", "repeated", s->radius.repeated);
    sample(out, "radius_requests_total", "result", "unknown", s->radius.unknown);
    sample(out, "radius_requests_total", "result", "forged", s->radius.forged);
    sample(out, "radius_requests_total", "result", "malformed", s->radius.malformed);
    head(out, "reloads_total", "counter", "reloads of catalog and policy");
    sample(out, "reloads_total", "result", "ok", s->reloads);
    sample(out, "reloads_total", "result", "failed", s->reloads_failed);
}

/* Every counter of the engine, whatever there will be. */
static void write_counters(FILE *out, const struct sensor_status *s)
{
    for (unsigned i = 0; i < COUNTER_COUNT; i++) {
        char name[64];
        snprintf(name, sizeof name, "%s_total", counter_name((enum counter)i));
        head(out, name, "counter", counter_help((enum counter)i));
        fprintf(out, "imward_%s %llu\n", name, (unsigned long long)s->counters.n[i]);
    }
}

static void write_drops(FILE *out, const struct sensor_status *s)
{
    struct status_drop drops[STATUS_DROPS];

    status_drops(s, drops);
    head(out, "drops_total", "counter", "what was lost or not looked at, by cause; unit tells of what");
    for (unsigned i = 0; i < STATUS_DROPS; i++)
        fprintf(out, "imward_drops_total{cause=\"%s\",unit=\"%s\"} %llu\n", drops[i].cause, drops[i].unit,
                (unsigned long long)drops[i].count);
}

/* What messages and files are carried, and how those are who look into them. */
static void write_content(FILE *out, const struct pipeline_status *c)
{
    const struct scanner_status *s = &c->scanners;

#define X(name, help)                                                                                        \
    head(out, "content_" #name "_total", "counter", help);                                                   \
    fprintf(out, "imward_content_" #name "_total %llu\n", (unsigned long long)c->name);
    PIPELINE_COUNTS(X)
#undef X
    if (s->clamd_version[0] != '\0' || s->error[0] != '\0') { /* it is configured, and was asked */
        head(out, "scanner_up", "gauge", "1: the scanner answers");
        sample(out, "scanner_up", "scanner", "clamd", s->clamd_up);
    }
    if (s->signatures_made_s > 0) {
        head(out, "scanner_signatures_timestamp_seconds", "gauge",
             "when the signatures were made, since 1970");
        sample(out, "scanner_signatures_timestamp_seconds", "scanner", "clamd",
               (uint64_t)s->signatures_made_s);
    }
    head(out, "scanner_entries", "gauge", "YARA rules and hashes of files that are loaded");
    sample(out, "scanner_entries", "kind", "yara", s->yara_rules);
    sample(out, "scanner_entries", "kind", "hash", s->hashes);
}

static void write_workers(FILE *out, const struct sensor_status *s)
{
    head(out, "worker_packets_total", "counter", "packets handled by a worker");
    for (unsigned i = 0; i < s->worker_count; i++)
        fprintf(out, "imward_worker_packets_total{worker=\"%u\"} %llu\n", i,
                (unsigned long long)s->workers[i].packets);
    head(out, "worker_flows_total", "counter", "flows begun at a worker");
    for (unsigned i = 0; i < s->worker_count; i++)
        fprintf(out, "imward_worker_flows_total{worker=\"%u\"} %llu\n", i,
                (unsigned long long)s->workers[i].flows);
    head(out, "worker_cpu", "gauge", "CPU that a worker is pinned to; -1: none");
    for (unsigned i = 0; i < s->worker_count; i++)
        fprintf(out, "imward_worker_cpu{worker=\"%u\"} %d\n", i, s->workers[i].cpu);
}

static void write_services(FILE *out, const struct event_writer_status *e)
{
    head(out, "service_flows_total", "counter", "flows written, by service");
    for (unsigned i = 0; i < e->service_count; i++)
        sample(out, "service_flows_total", "service", e->services[i].slug, e->services[i].flows);
    head(out, "service_bytes_total", "counter", "bytes of these flows");
    for (unsigned i = 0; i < e->service_count; i++)
        sample(out, "service_bytes_total", "service", e->services[i].slug, e->services[i].bytes);
    head(out, "verdicts_total", "counter", "verdicts of the policy on these flows; other: allow or scan");
    for (unsigned i = 0; i < e->service_count; i++) {
        uint64_t judged = e->services[i].alerted + e->services[i].blocked;
        const struct {
            const char *action;
            uint64_t n;
        } verdicts[] = { { "alert", e->services[i].alerted },
                         { "block", e->services[i].blocked },
                         { "other", e->services[i].flows > judged ? e->services[i].flows - judged : 0 } };
        for (unsigned v = 0; v < 3; v++) {
            fputs("imward_verdicts_total{", out);
            label(out, "service", e->services[i].slug);
            fprintf(out, ",action=\"%s\"} %llu\n", verdicts[v].action, (unsigned long long)verdicts[v].n);
        }
    }
}

static void write_outputs(FILE *out, const struct event_writer_status *e)
{
    head(out, "output_up", "gauge", "1: events reach the output");
    for (unsigned i = 0; i < e->output_count; i++)
        sample(out, "output_up", "output", e->outputs[i].name, e->outputs[i].up);
    head(out, "output_written_total", "counter", "events written to the output");
    for (unsigned i = 0; i < e->output_count; i++)
        sample(out, "output_written_total", "output", e->outputs[i].name, e->outputs[i].written);
    head(out, "output_lost_total", "counter", "events that the output lost");
    for (unsigned i = 0; i < e->output_count; i++)
        sample(out, "output_lost_total", "output", e->outputs[i].name, e->outputs[i].lost);
}

/* Bucket i holds those of at most 2^(i + shift). */
static void write_histogram(FILE *out, const char *name, const char *help, const uint64_t *buckets,
                            unsigned shift, uint64_t sum)
{
    uint64_t n = 0;

    head(out, name, "histogram", help);
    for (unsigned i = 0; i + 1 < DECISION_BUCKETS; i++) {
        n += buckets[i];
        fprintf(out, "imward_%s_bucket{le=\"%llu\"} %llu\n", name, (unsigned long long)1 << (i + shift),
                (unsigned long long)n);
    }
    n += buckets[DECISION_BUCKETS - 1];
    fprintf(out, "imward_%s_bucket{le=\"+Inf\"} %llu\nimward_%s_sum %llu\nimward_%s_count %llu\n", name,
            (unsigned long long)n, name, (unsigned long long)sum, name, (unsigned long long)n);
}

char *status_prometheus(const struct sensor_status *s)
{
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);

    if (out == NULL)
        return NULL;
    write_info(out, s);
    write_plain(out, s);
    write_drops(out, s);
    write_counters(out, s);
    write_content(out, &s->content);
    write_workers(out, s);
    write_services(out, &s->events);
    write_outputs(out, &s->events);
    write_histogram(out, "decision_packets", "packets of a flow seen when its service was decided",
                    s->decided.packets, 0, s->decided.packets_sum);
    write_histogram(out, "decision_payload_bytes", "bytes of payload seen when a service was decided",
                    s->decided.bytes, 4, s->decided.bytes_sum);
    bool failed = ferror(out) != 0;
    if (fclose(out) != 0 || failed) {
        free(text);
        return NULL;
    }
    return text;
}

/* ---- rules ---- */

enum rule_metric { RULE_HITS, RULE_STOPPED, RULE_LAST };

static void write_rules(FILE *out, const struct rules *r, const char *metric, const char *type,
                        const char *help, enum rule_metric which)
{
    unsigned count = rules_count(r);
    struct rule_hits h;

    head(out, metric, type, help);
    for (unsigned number = 0; number <= count && number < CONTROL_RULES; number++) {
        rules_hits(r, number, &h);
        sample(out, metric, "rule", r->policy != NULL ? policy_rule_name(r->policy, number) : "default",
               which == RULE_HITS      ? h.hits
               : which == RULE_STOPPED ? h.stopped
                                       : h.last_us / 1000000);
    }
}

char *rules_prometheus(const struct rules *r)
{
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);

    if (out == NULL)
        return NULL;
    head(out, "rules", "gauge", "rules of the policy in force; the metrics of rules are of the first 999");
    fprintf(out, "imward_rules %u\n", rules_count(r));
    write_rules(out, r, "rule_hits_total", "counter", "flows of a service that the rule judged", RULE_HITS);
    write_rules(out, r, "rule_stopped_total", "counter", "times that something was stopped by the rule",
                RULE_STOPPED);
    write_rules(out, r, "rule_last_hit_timestamp_seconds", "gauge", "last of either, since 1970; 0: never",
                RULE_LAST);
    bool failed = ferror(out) != 0;
    if (fclose(out) != 0 || failed) {
        free(text);
        return NULL;
    }
    return text;
}
